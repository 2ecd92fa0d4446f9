"""`addition_model`: out1 + out2, where the second convolution reads out1."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from autograder.exercises.building import both, conv, pair, slips
from autograder.exercises.vocabulary import Exercise, Misconception, images, model_parts
from sumskip.checking.core import Hint


class AdditionModel(nn.Module):
    """Add the outputs of two chained convolutions.

    Shapes: (N, 3, H, W) → (N, 16, H, W).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + out2


def joined(combine: Callable[[Tensor, Tensor], object]) -> type[nn.Module]:
    """The right two convolutions, whose outputs meet in `combine(out1, out2)`."""
    return pair(
        lambda: conv(3, 16), lambda: conv(16, 16), lambda first, second, x: combine(*both(first, second, x))
    )


def wired(forward: Callable[[nn.Module, nn.Module, Tensor], object]) -> type[nn.Module]:
    """The right two convolutions, wired by `forward(first, second, x)`."""
    return pair(lambda: conv(3, 16), lambda: conv(16, 16), forward)


def summed(first: Callable[[], nn.Module], second: Callable[[], nn.Module]) -> type[nn.Module]:
    """Two other layers, wired as they should be."""
    return pair(first, second, lambda first, second, x: torch.add(*both(first, second, x)))


class LayersAdded(AdditionModel):
    def __init__(self) -> None:
        super().__init__()
        self.both = self.conv1 + self.conv2  # type: ignore[operator]


class ProjectedX(AdditionModel):
    def __init__(self) -> None:
        super().__init__()
        self.project = conv(3, 16, 1, 0)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x)) + self.project(x)


class ExtraLayer(AdditionModel):
    def __init__(self) -> None:
        super().__init__()
        self.conv3 = conv(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        return out1 + self.conv3(self.conv2(out1))


def _overwrite(out1: Tensor, out2: Tensor) -> Tensor:
    out1 += out2
    return out1


def _relu_between(first: nn.Module, second: nn.Module, x: Tensor) -> Tensor:
    out1 = first(x).relu()
    return out1 + second(out1)


def _detached_first(first: nn.Module, second: nn.Module, x: Tensor) -> Tensor:
    out1 = first(x).detach()
    return out1 + second(out1)


def _detached_before_second(first: nn.Module, second: nn.Module, x: Tensor) -> Tensor:
    out1 = first(x)
    return out1 + second(out1.detach())


_SKIP_FROM_X = (
    "You added 3 channels to 16. This skip starts after the first convolution: which tensor is that?"
)
_PARALLEL = "Both convolutions read `x`. Here the second must read the first one's output: what is that tensor called?"
_CONCATENATED = (
    "32 channels came out, 16 were expected. Placing side by side is not adding: which operator adds?"
)
_AVERAGED = "Every value is half the expected one. Does a sum need the division?"
_SCALAR = "One number came out, where (N, 16, H, W) was expected. `.sum()` adds inside a tensor: what adds two tensors?"
_MATMUL = "`@` combines rows with columns; here each value of `out1` meets the one at its place in `out2`. Which operator does that?"
_SUBTRACTED = (
    "Your output is the difference of `out1` and `out2`; their sum was expected. Which sign joins them?"
)
_DETACHED = "The values are right, but no gradient passes the skip. What on that line stops it?"
_IN_PLACE = "The values are right, but `out1` was overwritten, which the backward pass still needs. Make a new tensor."
_RELU = "Your values have a ReLU in them; the exercise adds the convolutions' own outputs. What happens without it?"
_PADDING = "Height and width differ between the two outputs, or from x. What must surround a map before a 3×3 convolution?"
_CHANNELS = "The two outputs have different numbers of channels, so they cannot be added. How many should the second convolution make?"
_STRIDED = (
    "A stride made an output smaller than x; all maps here keep their height and width. What if it were 1?"
)
_STACKED = (
    "Five dimensions came out, four were expected. Stacking keeps the two apart: which operator adds them?"
)
_LAYERS_ADDED = "Two layers were added, and layers have no `+`. Their outputs are tensors: what makes an output of a layer?"
_EVEN_KERNEL = (
    "With an even kernel and padding 1, height and width change, and the sum fails. Which kernel keeps them?"
)
_OTHER_KERNEL = "The shape is right, but a kernel is not 3×3, as was asked. Which argument sets that?"

EXERCISE = Exercise(
    "module",
    AdditionModel,
    model_parts(1, 3, 2, 2),
    hints=(
        Hint(
            "The second convolution reads what the first one gave, and then both outputs meet.",
            "stacking-only parallel-branches second-reads-3 reversed-order second-reads-sum",
        ),
        Hint(
            "Keep `out1` in a variable: it is used twice, once by the second convolution and once by the sum.",
            "first-only skip-from-x in-place first-doubled second-doubled skip-added-twice",
        ),
        Hint(
            "The sum has as many channels as each of its operands: both must have 16.",
            "concatenated channels-mismatch one-channel stacked summed-over-channels",
        ),
    ),
    variants=images(3),
    wrong=(
        Misconception(
            "stacking-only",
            joined(lambda out1, out2: out2),
            "Your output is exactly `out2`; `out1` never joins it. Where should they meet?",
        ),
        Misconception(
            "first-only",
            joined(lambda out1, out2: out1),
            "Your output is exactly `out1`; `out2` never joins it. Where should they meet?",
        ),
        Misconception("skip-from-x", wired(lambda first, second, x: x + second(first(x))), _SKIP_FROM_X),
        Misconception("skip-from-x", wired(lambda first, second, x: second(first(x)) + x), _SKIP_FROM_X),
        Misconception(
            "projected-x",
            ProjectedX,
            "A convolution of x was added to `out2`. No third layer is needed: which tensor already has 16 channels?",
        ),
        Misconception(
            "stretched-x",
            wired(lambda first, second, x: x.mean(1, keepdim=True) + second(first(x))),
            "One channel made from x was stretched over all 16 of `out2`. Which tensor has 16 channels of its own?",
        ),
        Misconception(
            "stretched-x",
            wired(lambda first, second, x: x[:, :1] + second(first(x))),
            "One channel of x was stretched over all 16 of `out2`. Which tensor has 16 channels of its own?",
        ),
        Misconception(
            "padded-x",
            wired(lambda first, second, x: F.pad(x, (0, 0, 0, 0, 0, 13)) + second(first(x))),
            "x was filled up with zeros to 16 channels and added. Which tensor has 16 channels of its own?",
        ),
        Misconception(
            "parallel-branches",
            pair(lambda: conv(3, 16), lambda: conv(3, 16), lambda first, second, x: first(x) + second(x)),
            _PARALLEL,
        ),
        Misconception("parallel-branches", wired(lambda first, second, x: first(x) + second(x)), _PARALLEL),
        Misconception(
            "parallel-branches",
            pair(lambda: conv(3, 16), lambda: conv(3, 16), lambda first, second, x: second(x)),
            _PARALLEL,
        ),
        Misconception(
            "second-reads-3",
            summed(lambda: conv(3, 16), lambda: conv(3, 16)),
            "The second convolution is made for 3 channels, but `out1` brings 16. Which number in its brackets says so?",
        ),
        Misconception(
            "reversed-order",
            wired(lambda first, second, x: first(second(x)) + second(x)),
            "The layer that needs 16 channels runs first and gets x, which has 3. Which one must come first?",
        ),
        Misconception("concatenated", joined(lambda out1, out2: torch.cat([out1, out2], 1)), _CONCATENATED),
        Misconception("concatenated", joined(lambda out1, out2: torch.cat([out2, out1], 1)), _CONCATENATED),
        Misconception(
            "concatenated",
            joined(lambda out1, out2: torch.cat([out1, out2])),
            "Twice as many images came out as went in. Placing one behind the other is not adding: which operator adds?",
        ),
        Misconception("stacked", joined(lambda out1, out2: torch.stack([out1, out2])), _STACKED),
        Misconception("stacked", joined(lambda out1, out2: torch.stack([out1, out2], 1)), _STACKED),
        Misconception("averaged", joined(lambda out1, out2: (out1 + out2) / 2), _AVERAGED),
        Misconception(
            "multiplied",
            joined(lambda out1, out2: out1 * out2),
            "Every value is the product of `out1` and `out2`; their sum was expected. Which operator adds?",
        ),
        Misconception("matmul", joined(lambda out1, out2: out1 @ out2), _MATMUL),
        Misconception("subtracted", joined(lambda out1, out2: out1 - out2), _SUBTRACTED),
        Misconception("subtracted", joined(lambda out1, out2: out2 - out1), _SUBTRACTED),
        Misconception(
            "maximum",
            joined(torch.maximum),
            "Each value is the larger one of `out1` and `out2`; their sum was expected. Which operator adds?",
        ),
        Misconception("summed-to-scalar", joined(lambda out1, out2: (out1 + out2).sum()), _SCALAR),
        Misconception("summed-to-scalar", joined(lambda out1, out2: out1.sum() + out2.sum()), _SCALAR),
        Misconception(
            "mean-to-scalar",
            joined(lambda out1, out2: (out1 + out2).mean()),
            "One number came out, where (N, 16, H, W) was expected. `.mean()` averages inside a tensor: is it needed?",
        ),
        Misconception(
            "summed-over-channels",
            joined(lambda out1, out2: (out1 + out2).sum(1)),
            "The 16 channels were added up to one map; they should stay apart. What adds value by value only?",
        ),
        Misconception(
            "first-doubled",
            joined(lambda out1, out2: out1 + out1),
            "Your output is `out1` twice; `out2` never joins it. Which two tensors should meet?",
        ),
        Misconception(
            "second-doubled",
            joined(lambda out1, out2: out2 + out2),
            "Your output is `out2` twice; `out1` never joins it. Which two tensors should meet?",
        ),
        Misconception(
            "skip-added-twice",
            joined(lambda out1, out2: out1 + out2 + out1),
            "`out1` is in your sum twice: 2·out1 + out2. How often should it join?",
        ),
        Misconception(
            "second-run-twice",
            wired(lambda first, second, x: first(x) + second(second(first(x)))),
            "The second convolution ran on its own output again. Which tensor should it read, and how often?",
        ),
        Misconception(
            "second-reads-sum",
            wired(lambda first, second, x: second(first(x) + second(first(x)))),
            "Your output is what the second convolution makes of the sum `out1 + out2`. Which of the two should leave the model?",
        ),
        Misconception(
            "extra-layer",
            ExtraLayer,
            "Three convolutions have a part in your output, where two were asked. Which tensors do those two make?",
        ),
        Misconception("in-place", joined(_overwrite), _IN_PLACE),
        Misconception("in-place", joined(lambda out1, out2: out1.add_(out2)), _IN_PLACE),
        Misconception("detached", joined(lambda out1, out2: out1.detach() + out2), _DETACHED),
        Misconception(
            "second-detached",
            joined(lambda out1, out2: out1 + out2.detach()),
            "The values are right, but no gradient passes `out2`, so the second convolution never learns. What stops it?",
        ),
        Misconception(
            "first-detached",
            wired(_detached_first),
            "The values are right, but no gradient reaches the first convolution. What stops it on the way back?",
        ),
        Misconception(
            "detached-before-second",
            wired(_detached_before_second),
            "The values are right, but no gradient goes back from the second convolution into `out1`. What stops it there?",
        ),
        Misconception("layers-added", LayersAdded, _LAYERS_ADDED),
        Misconception(
            "layers-added",
            wired(lambda first, second, x: (first + second)(x)),  # type: ignore[operator]
            _LAYERS_ADDED,
        ),
        Misconception("even-kernel", summed(lambda: conv(3, 16), lambda: conv(16, 16, 2, 1)), _EVEN_KERNEL),
        Misconception("even-kernel", summed(lambda: conv(3, 16), lambda: conv(16, 16, 4, 1)), _EVEN_KERNEL),
        Misconception(
            "even-kernel", summed(lambda: conv(3, 16, 4, 1), lambda: conv(16, 16, 4, 1)), _EVEN_KERNEL
        ),
        Misconception("other-kernel", summed(lambda: conv(3, 16), lambda: conv(16, 16, 1, 0)), _OTHER_KERNEL),
        Misconception(
            "other-kernel", summed(lambda: conv(3, 16, 5, 2), lambda: conv(16, 16, 5, 2)), _OTHER_KERNEL
        ),
        Misconception("no-padding", summed(lambda: conv(3, 16, 3, 0), lambda: conv(16, 16, 3, 0)), _PADDING),
        Misconception("no-padding", summed(lambda: conv(3, 16), lambda: conv(16, 16, 3, 0)), _PADDING),
        Misconception("no-padding", summed(lambda: conv(3, 16, 3, 0), lambda: conv(16, 16)), _PADDING),
        Misconception("strided", summed(lambda: conv(3, 16), lambda: conv(16, 16, stride=2)), _STRIDED),
        Misconception("strided", summed(lambda: conv(3, 16, stride=2), lambda: conv(16, 16)), _STRIDED),
        Misconception("channels-mismatch", summed(lambda: conv(3, 16), lambda: conv(16, 24)), _CHANNELS),
        Misconception("channels-mismatch", summed(lambda: conv(3, 16), lambda: conv(16, 32)), _CHANNELS),
        Misconception(
            "one-channel",
            summed(lambda: conv(3, 16), lambda: conv(16, 1)),
            "The second convolution makes 1 channel, which was silently stretched over 16. How many should it make?",
        ),
        Misconception("relu-implied", wired(_relu_between), _RELU),
        Misconception("relu-implied", joined(lambda out1, out2: (out1 + out2).relu()), _RELU),
        Misconception("relu-implied", joined(lambda out1, out2: out1.relu() + out2.relu()), _RELU),
        Misconception(
            "relu-implied", wired(lambda first, second, x: first(x) + second(first(x).relu())), _RELU
        ),
        Misconception(
            "returns-both",
            joined(lambda out1, out2: (out1, out2)),
            "A tuple of two tensors came out, where one was expected. Which operator makes one of them?",
        ),
        *slips(AdditionModel),
    ),
)
