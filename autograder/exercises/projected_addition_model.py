"""`projected_addition_model`: out2 + project(out1), 16 channels made 32 by a 1×1."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from autograder.exercises.building import conv, slips
from autograder.exercises.vocabulary import Exercise, Misconception, images, model_parts
from sumskip.checking.core import Hint


class ProjectedAdditionModel(nn.Module):
    """Add two outputs whose channels differ: a 1×1 convolution brings out1 to 32 channels first.

    Shapes: (N, 3, H, W) → (N, 32, H, W).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.project = nn.Conv2d(16, 32, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out2 + self.project(out1)


Layers = tuple[nn.Module, nn.Module, nn.Module]


def three(
    forward: Callable[[Layers, Tensor], object],
    first: Callable[[], nn.Module] = lambda: conv(3, 16),
    second: Callable[[], nn.Module] = lambda: conv(16, 32),
    project: Callable[[], nn.Module] = lambda: conv(16, 32, 1, 0),
) -> type[nn.Module]:
    """A model of two convolutions and a projection, wired by `forward((first, second, project), x)`."""

    class Three(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = first()
            self.conv2 = second()
            self.project = project()

        def forward(self, x: Tensor) -> object:
            return forward((self.conv1, self.conv2, self.project), x)

    return Three


def joined(combine: Callable[[Tensor, Tensor], object]) -> type[nn.Module]:
    """The right three layers, whose outputs meet in `combine(out2, projected)`."""

    def forward(layers: Layers, x: Tensor) -> object:
        out1 = layers[0](x)
        return combine(layers[1](out1), layers[2](out1))

    return three(forward)


def unprojected(join: Callable[[Tensor, Tensor], Tensor]) -> type[nn.Module]:
    """The two convolutions alone, whose outputs meet in `join(out1, out2)`."""

    class Unprojected(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = conv(3, 16)
            self.conv2 = conv(16, 32)

        def forward(self, x: Tensor) -> Tensor:
            out1 = self.conv1(x)
            return join(out1, self.conv2(out1))

    return Unprojected


def _right(layers: Layers, x: Tensor) -> Tensor:
    out1 = layers[0](x)
    return layers[1](out1) + layers[2](out1)


def _onto_out1(layers: Layers, x: Tensor) -> Tensor:
    out1 = layers[0](x)
    return out1 + layers[2](layers[1](out1))


def _onto_itself(layers: Layers, x: Tensor) -> Tensor:
    out2 = layers[1](layers[0](x))
    return out2 + layers[2](out2)


def _detached(layers: Layers, x: Tensor) -> Tensor:
    out1 = layers[0](x)
    return layers[1](out1) + layers[2](out1.detach())


def _second_detached(layers: Layers, x: Tensor) -> Tensor:
    out1 = layers[0](x)
    return layers[1](out1).detach() + layers[2](out1)


def _detached_before_second(layers: Layers, x: Tensor) -> Tensor:
    out1 = layers[0](x)
    return layers[1](out1.detach()) + layers[2](out1)


def _relu_between(layers: Layers, x: Tensor) -> Tensor:
    out1 = layers[0](x).relu()
    return layers[1](out1) + layers[2](out1)


def _second_reads_x(layers: Layers, x: Tensor) -> Tensor:
    return layers[1](x) + layers[2](layers[0](x))


_NO_PROJECTION = (
    "16 channels of `out1` met 32 of `out2`, so the sum fails. What can turn 16 channels into 32?"
)
_ONTO_OUT2 = (
    "The projection reads `out2`; `out1` is the one that has 16 channels and needs 32. What should it read?"
)
_ONE_CHANNEL = (
    "The projection makes 1 channel, which was silently stretched over all 32. How many should it make?"
)
_PARALLEL = (
    "The second convolution reads x; here it must read the first one's output. What is that tensor called?"
)
_OTHER_KERNEL = (
    "The projection looks at neighbours; it should mix the channels of one pixel. Which kernel size is that?"
)
_RELU = "Your values have a ReLU in them; the exercise adds the convolutions' own outputs. What happens without it?"
_PADDING = "Height and width differ between what is added, or from x. What must surround a map before a 3×3 convolution?"
_SUBTRACTED = (
    "Your output is a difference; the sum of `out2` and the projection was expected. Which sign joins them?"
)
_CHANNELS_REPEATED = (
    "The 16 channels of `out1` were repeated to make 32. Here a layer should learn them: which one?"
)
_SECOND_DOUBLED = "Your output is `out2` twice; the projection never joins it. Which two tensors should meet?"

EXERCISE = Exercise(
    "module",
    ProjectedAdditionModel,
    model_parts(1, 2, 1, 2),
    hints=(
        Hint(
            "`out1` has 16 channels and `out2` 32: one of them must change before they can meet.",
            "no-projection stretched padded-with-zeros channels-repeated channels-dropped concatenated",
        ),
        Hint(
            "A 1×1 convolution changes the number of channels and leaves height and width alone.",
            "projection-3x3 projection-padded one-channel",
        ),
        Hint(
            "The projection reads `out1` (16 channels) and gives as many channels as `out2` has.",
            "projects-x projects-out2 projects-to-16 only-projection stacking-only",
        ),
    ),
    variants=images(3),
    wrong=(
        Misconception("no-projection", unprojected(lambda out1, out2: out2 + out1), _NO_PROJECTION),
        Misconception("no-projection", unprojected(lambda out1, out2: out1 + out2), _NO_PROJECTION),
        Misconception(
            "stacking-only",
            unprojected(lambda out1, out2: out2),
            "Your output is exactly `out2`; `out1` never joins it. Where should they meet, and with how many channels?",
        ),
        Misconception(
            "only-projection",
            three(lambda layers, x: layers[2](layers[0](x))),
            "Your output is the projection of `out1` alone; `out2` never joins it. Where should they meet?",
        ),
        Misconception(
            "projects-x",
            three(
                lambda layers, x: layers[1](layers[0](x)) + layers[2](x), project=lambda: conv(3, 32, 1, 0)
            ),
            "The projection reads x, 3 channels. This skip starts after the first convolution: which tensor is that?",
        ),
        Misconception(
            "projects-x",
            three(lambda layers, x: layers[1](layers[0](x)) + layers[2](x)),
            "The projection was given x, 3 channels, but is made for 16. After which convolution does this skip start?",
        ),
        Misconception("projects-out2", three(_onto_itself, project=lambda: conv(32, 32, 1, 0)), _ONTO_OUT2),
        Misconception("projects-out2", three(_onto_itself), _ONTO_OUT2),
        Misconception(
            "projects-out2",
            three(_onto_out1, project=lambda: conv(32, 16, 1, 0)),
            "`out2` was brought down to 16 channels; 32 were expected. Which of the two should be projected?",
        ),
        Misconception("projects-out2", three(_right, project=lambda: conv(32, 16, 1, 0)), _ONTO_OUT2),
        Misconception("projects-out2", three(_right, project=lambda: conv(32, 32, 1, 0)), _ONTO_OUT2),
        Misconception("one-channel", three(_right, project=lambda: conv(16, 1, 1, 0)), _ONE_CHANNEL),
        Misconception(
            "projects-to-16",
            three(_right, project=lambda: conv(16, 16, 1, 0)),
            "The projection makes 16 channels, so it still cannot meet the 32 of `out2`. How many should it make?",
        ),
        Misconception(
            "stretched",
            unprojected(lambda out1, out2: out2 + out1.mean(1, keepdim=True)),
            "One channel made from `out1` was stretched over all 32. Which layer learns to make 32 channels of 16?",
        ),
        Misconception(
            "padded-with-zeros",
            unprojected(lambda out1, out2: out2 + F.pad(out1, (0, 0, 0, 0, 0, 16))),
            "`out1` was filled up with 16 channels of zeros. Here a layer should learn the 32: which one?",
        ),
        Misconception(
            "channels-repeated",
            unprojected(lambda out1, out2: out2 + torch.cat([out1, out1], 1)),
            _CHANNELS_REPEATED,
        ),
        Misconception(
            "channels-repeated",
            unprojected(lambda out1, out2: out2 + out1.repeat_interleave(2, 1)),
            _CHANNELS_REPEATED,
        ),
        Misconception(
            "channels-dropped",
            unprojected(lambda out1, out2: out2[:, :16] + out1),
            "Half of the channels of `out2` were dropped: 16 came out, 32 were expected. Which tensor should change instead?",
        ),
        Misconception(
            "concatenated",
            joined(lambda out2, projected: torch.cat([out2, projected], 1)),
            "64 channels came out, 32 were expected. Placing side by side is not adding: which operator adds?",
        ),
        Misconception(
            "concatenated",
            unprojected(lambda out1, out2: torch.cat([out1, out2], 1)),
            "48 channels came out, 32 were expected. Placing side by side is not adding: what must `out1` become first?",
        ),
        Misconception(
            "averaged",
            joined(lambda out2, projected: (out2 + projected) / 2),
            "Every value is half the expected one. Does a sum need the division?",
        ),
        Misconception(
            "multiplied",
            joined(lambda out2, projected: out2 * projected),
            "Every value is a product; the sum of `out2` and the projection was expected. Which operator adds?",
        ),
        Misconception("subtracted", joined(lambda out2, projected: out2 - projected), _SUBTRACTED),
        Misconception("subtracted", joined(lambda out2, projected: projected - out2), _SUBTRACTED),
        Misconception("second-doubled", joined(lambda out2, projected: out2 + out2), _SECOND_DOUBLED),
        Misconception(
            "second-doubled", three(lambda layers, x: 2 * layers[1](layers[0](x))), _SECOND_DOUBLED
        ),
        Misconception(
            "summed-to-scalar",
            joined(lambda out2, projected: (out2 + projected).sum()),
            "One number came out, where (N, 32, H, W) was expected. `.sum()` adds inside a tensor: what adds two tensors?",
        ),
        Misconception("parallel-branches", three(_second_reads_x, second=lambda: conv(3, 32)), _PARALLEL),
        Misconception("parallel-branches", three(_second_reads_x), _PARALLEL),
        Misconception(
            "detached",
            three(_detached),
            "The values are right, but no gradient passes the skip into the first convolution. What on that line stops it?",
        ),
        Misconception(
            "projection-detached",
            joined(lambda out2, projected: out2 + projected.detach()),
            "The values are right, but no gradient reaches the projection, so it never learns. What stops it?",
        ),
        Misconception(
            "second-detached",
            three(_second_detached),
            "The values are right, but no gradient passes `out2`, so the second convolution never learns. What stops it?",
        ),
        Misconception(
            "detached-before-second",
            three(_detached_before_second),
            "The values are right, but no gradient goes back from the second convolution into `out1`. What stops it there?",
        ),
        Misconception("projection-3x3", three(_right, project=lambda: conv(16, 32)), _OTHER_KERNEL),
        Misconception("projection-3x3", three(_right, project=lambda: conv(16, 32, 3, 0)), _OTHER_KERNEL),
        Misconception(
            "projection-padded",
            three(_right, project=lambda: conv(16, 32, 1, 1)),
            "A 1×1 kernel with padding 1 makes the map larger by 2, and the sum fails. How much padding does it need?",
        ),
        Misconception(
            "no-padding",
            three(_right, first=lambda: conv(3, 16, 3, 0), second=lambda: conv(16, 32, 3, 0)),
            _PADDING,
        ),
        Misconception("no-padding", three(_right, second=lambda: conv(16, 32, 3, 0)), _PADDING),
        Misconception("no-padding", three(_right, first=lambda: conv(3, 16, 3, 0)), _PADDING),
        Misconception("relu-implied", three(_relu_between), _RELU),
        Misconception("relu-implied", joined(lambda out2, projected: (out2 + projected).relu()), _RELU),
        Misconception("relu-implied", joined(lambda out2, projected: out2 + projected.relu()), _RELU),
        Misconception(
            "returns-both",
            joined(lambda out2, projected: (out2, projected)),
            "A tuple of two tensors came out, where one was expected. Which operator makes one of them?",
        ),
        *slips(ProjectedAdditionModel),
    ),
)
