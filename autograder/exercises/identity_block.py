"""`identity_block`: relu(F(x) + x), F = conv-BN-ReLU-conv-BN.

The convolutions keep their bias, which the BatchNorm behind them makes superfluous, so that answers
with and without one can be compared with this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from autograder.exercises.building import conv, slips
from autograder.exercises.vocabulary import Exercise, Misconception, blocks, model_parts
from sumskip.checking.core import Hint


class IdentityBlock(nn.Module):
    """relu(F(x) + x), where F is conv-BN-ReLU-conv-BN and keeps the shape.

    Shapes: (N, channels, H, W) → (N, channels, H, W).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        out = torch.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return torch.relu(out + x)


Path = Callable[["Block", Tensor], Tensor]


class Block(IdentityBlock):
    """The right layers of F; what is made of them is what the wrong models differ in."""

    def hidden(self, x: Tensor) -> Tensor:
        return self.bn1(self.conv1(x)).relu()

    def path(self, x: Tensor) -> Tensor:
        return self.bn2(self.conv2(self.hidden(x)))


def wired(forward: Callable[[Block, Tensor], Any]) -> type[nn.Module]:
    """The right layers, wired by `forward(block, x)`."""

    class Wired(Block):
        def forward(self, x: Tensor) -> Any:
            return forward(self, x)

    return Wired


def around(path: Path) -> type[nn.Module]:
    """A right shortcut around another F: relu(path(x) + x)."""
    return wired(lambda block, x: torch.relu(path(block, x) + x))


def built(make: Callable[[int], tuple[nn.Module, ...]]) -> type[nn.Module]:
    """A right shortcut around other layers, one after the other."""

    class Built(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.path = nn.Sequential(*make(channels))

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(self.path(x) + x)

    return Built


class ProjectsX(Block):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.project = conv(channels, channels, 1, 0)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.path(x) + self.project(x))


class ProjectsXNormed(Block):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.project = nn.Sequential(conv(channels, channels, 1, 0), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.path(x) + self.project(x))


class SharedNorm(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv(channels, channels)
        self.conv2 = conv(channels, channels)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv2(self.bn(self.conv1(x)).relu())) + x)


class SharedConv(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = conv(channels, channels)
        self.bn1 = nn.BatchNorm2d(channels)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn2(self.conv(self.bn1(self.conv(x)).relu())) + x)


class NormAfterAdd(Block):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn2(self.conv2(self.hidden(x)) + x))


class FixedChannels(IdentityBlock):
    def __init__(self, channels: int) -> None:
        super().__init__(16)


class NoArgument(IdentityBlock):
    def __init__(self) -> None:
        super().__init__(16)


def _in_place(block: Block, x: Tensor) -> Tensor:
    x += block.path(x)
    return torch.relu(x)


def _shared_norm(block: Block, x: Tensor) -> Tensor:
    return block.bn1(block.conv2(block.bn1(block.conv1(x)).relu()))


def _shared_conv(block: Block, x: Tensor) -> Tensor:
    return block.bn2(block.conv1(block.hidden(x)))


def _no_first_relu(block: Block, x: Tensor) -> Tensor:
    return block.bn2(block.conv2(block.bn1(block.conv1(x))))


def _relu_before_norm(block: Block, x: Tensor) -> Tensor:
    return block.bn2(block.conv2(block.bn1(block.conv1(x).relu())))


def _from_hidden(block: Block, x: Tensor) -> Tensor:
    hidden = block.hidden(x)
    return torch.relu(block.bn2(block.conv2(hidden)) + hidden)


def _one_conv(block: Block, x: Tensor) -> Tensor:
    return block.bn1(block.conv1(x))


def _overwrites_relu(block: Block, x: Tensor) -> Tensor:
    return torch.relu(block.path(x.relu_()) + x)


_NO_NORM = "Your values lack the normalisation between the steps of F. What stands behind each convolution in conv-BN-ReLU-conv-BN?"
_NO_SHORTCUT = "Your output is relu(F(x)); x itself never joins it. Where should the shortcut meet F(x)?"
_DOUBLED = "Your output is relu(2·F(x)): x never joins F(x). Which tensor should it meet?"
_EARLY_RELU = "Your output is relu(F(x)) + x; the ReLU came before the sum. Which of the two happens last?"
_PROJECTS = "x went through a convolution on its shortcut. Here the shapes are equal: what does an identity shortcut do to x?"
_ORDER = (
    "The steps of F run in another order than conv-BN-ReLU-conv-BN. Which comes first behind a convolution?"
)
_SHARED_NORM = "One BatchNorm served both convolutions. Each needs statistics of its own: how many should the block have?"
_SHARED_CONV = "One convolution ran twice, with the same weights. How many convolutions should F have?"
_ONE_CONVOLUTION = (
    "One convolution and one BN of x reach the sum. Which three steps of conv-BN-ReLU-conv-BN are missing?"
)

EXERCISE = Exercise(
    "module",
    IdentityBlock,
    model_parts(2, 3, 2, 1),
    hints=(
        Hint(
            "F(x) is convolution, BatchNorm, ReLU, convolution, BatchNorm. Then x joins, and a ReLU ends the block.",
            "no-inner-relu relu-before-norm pre-activation no-batch-norm no-second-norm no-first-norm one-convolution relu-in-path",
        ),
        Hint(
            "Keep x: it is needed again after F, unchanged.",
            "no-shortcut in-place input-relu-in-place shortcut-from-hidden projects-x detached",
        ),
        Hint(
            "The last line computes relu(F(x) + x): first the sum, then the ReLU.",
            "relu-before-add no-final-relu relu-on-shortcut relu-on-both norm-after-add concatenated averaged multiplied subtracted",
        ),
    ),
    variants=blocks((4,), (7,)),
    wrong=(
        Misconception("no-shortcut", wired(lambda block, x: torch.relu(block.path(x))), _NO_SHORTCUT),
        Misconception(
            "no-shortcut",
            wired(lambda block, x: block.path(x)),
            "Your output is F(x) alone: x never joins it, and the last ReLU is missing. What should F(x) meet?",
        ),
        Misconception("relu-before-add", wired(lambda block, x: torch.relu(block.path(x)) + x), _EARLY_RELU),
        Misconception(
            "no-final-relu",
            wired(lambda block, x: block.path(x) + x),
            "Your output has negative values: it is F(x) + x without the last ReLU. What should happen to the sum?",
        ),
        Misconception(
            "relu-on-shortcut",
            wired(lambda block, x: torch.relu(block.path(x) + torch.relu(x))),
            "The negative values of x were lost on the shortcut. Which tensor should the ReLU be applied to, and when?",
        ),
        Misconception(
            "relu-on-both",
            wired(lambda block, x: torch.relu(block.path(x)) + torch.relu(x)),
            "The ReLU was applied to F(x) and to x, and then they were added. Which of the two happens last?",
        ),
        Misconception(
            "no-inner-relu",
            around(_no_first_relu),
            "Between its two convolutions F has no ReLU. Which step stands behind the first BN in conv-BN-ReLU-conv-BN?",
        ),
        Misconception(
            "relu-in-path",
            around(lambda block, x: block.path(x).relu()),
            "F(x) went through a ReLU before the sum, so it can only add. What is the last step of conv-BN-ReLU-conv-BN?",
        ),
        Misconception("relu-before-norm", around(_relu_before_norm), _ORDER),
        Misconception(
            "pre-activation",
            built(
                lambda c: (nn.BatchNorm2d(c), nn.ReLU(), conv(c, c), nn.BatchNorm2d(c), nn.ReLU(), conv(c, c))
            ),
            _ORDER,
        ),
        Misconception("no-batch-norm", built(lambda c: (conv(c, c), nn.ReLU(), conv(c, c))), _NO_NORM),
        Misconception(
            "no-second-norm",
            built(lambda c: (conv(c, c), nn.BatchNorm2d(c), nn.ReLU(), conv(c, c))),
            "The second convolution's output was not normalised. What is the last step of conv-BN-ReLU-conv-BN?",
        ),
        Misconception(
            "no-first-norm",
            built(lambda c: (conv(c, c), nn.ReLU(), conv(c, c), nn.BatchNorm2d(c))),
            "The first convolution's output was not normalised. What is the second step of conv-BN-ReLU-conv-BN?",
        ),
        Misconception(
            "norm-after-add",
            NormAfterAdd,
            "The second BN normalised the sum, and so changed x on its shortcut. Where does F end, before or after the sum?",
        ),
        Misconception("shared-norm", around(_shared_norm), _SHARED_NORM),
        Misconception("shared-conv", around(_shared_conv), _SHARED_CONV),
        Misconception("one-convolution", around(_one_conv), _ONE_CONVOLUTION),
        Misconception("one-convolution", built(lambda c: (conv(c, c), nn.BatchNorm2d(c))), _ONE_CONVOLUTION),
        Misconception("shared-norm", SharedNorm, _SHARED_NORM),
        Misconception("shared-conv", SharedConv, _SHARED_CONV),
        Misconception(
            "shortcut-from-hidden",
            wired(_from_hidden),
            "The shortcut starts behind the first ReLU; it should start at the block's input. Which tensor is that?",
        ),
        Misconception("projects-x", ProjectsX, _PROJECTS),
        Misconception("projects-x", ProjectsXNormed, _PROJECTS),
        Misconception(
            "detached",
            wired(lambda block, x: torch.relu(block.path(x) + x.detach())),
            "The values are right, but no gradient passes the shortcut to x. What on that line stops it?",
        ),
        Misconception(
            "path-detached",
            wired(lambda block, x: torch.relu(block.path(x).detach() + x)),
            "The values are right, but no gradient passes F, so its layers never learn. What stops it?",
        ),
        Misconception(
            "in-place",
            wired(_in_place),
            "The block overwrote its own input x. Make a new tensor for the sum.",
        ),
        Misconception(
            "input-relu-in-place",
            wired(_overwrites_relu),
            "A ReLU in place changed the block's input x. Make a new tensor, and leave x as it came.",
        ),
        Misconception(
            "concatenated",
            wired(lambda block, x: torch.relu(torch.cat([block.path(x), x], 1))),
            "Twice the channels came out. Placing side by side is not adding: which operator adds?",
        ),
        Misconception(
            "averaged",
            wired(lambda block, x: torch.relu((block.path(x) + x) / 2)),
            "Every value is half the expected one. Does a sum need the division?",
        ),
        Misconception(
            "multiplied",
            wired(lambda block, x: torch.relu(block.path(x) * x)),
            "F(x) and x were multiplied; their sum was expected. Which operator adds?",
        ),
        Misconception(
            "subtracted",
            wired(lambda block, x: torch.relu(block.path(x) - x)),
            "x was subtracted from F(x); their sum was expected. Which sign joins them?",
        ),
        Misconception(
            "added-twice",
            wired(lambda block, x: torch.relu(block.path(x) + x) + x),
            "x joins twice: before the last ReLU and after it. How often should it?",
        ),
        Misconception("path-doubled", wired(lambda block, x: torch.relu(2 * block.path(x))), _DOUBLED),
        Misconception(
            "path-doubled", wired(lambda block, x: torch.relu(block.path(x) + block.path(x))), _DOUBLED
        ),
        Misconception(
            "no-padding",
            built(
                lambda c: (
                    conv(c, c, 3, 0),
                    nn.BatchNorm2d(c),
                    nn.ReLU(),
                    conv(c, c, 3, 0),
                    nn.BatchNorm2d(c),
                )
            ),
            "F(x) came out smaller than x, so they cannot be added. What must surround a map before a 3×3 convolution?",
        ),
        Misconception(
            "fixed-channels",
            FixedChannels,
            "The layers have 16 channels, whatever `channels` says. Which numbers should depend on it?",
        ),
        Misconception(
            "no-channels-argument",
            NoArgument,
            "The block is made by `IdentityBlock(channels)`, but its `__init__` takes no such argument. Add it behind `self`.",
        ),
        *slips(IdentityBlock),
    ),
)
