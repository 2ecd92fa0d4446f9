"""`residual_block`: the identity block whose shortcut can change shape.

The convolutions keep their bias, which the BatchNorm behind them makes superfluous, so that answers
with and without one can be compared with this.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from autograder.exercises.building import conv, slips
from autograder.exercises.vocabulary import Exercise, Misconception, blocks, default, model_parts
from sumskip.checking.core import Hint, Part


class ResidualBlock(nn.Module):
    """relu(F(x) + shortcut(x)); the shortcut is a 1×1 conv and BN where the shape changes, else x itself.

    The first convolution of F and the shortcut's take the stride.

    Shapes: (N, in_channels, H, W) → (N, out_channels, ⌈H / stride⌉, ⌈W / stride⌉).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        out = torch.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return torch.relu(out + self.shortcut(x))


Make = Callable[[int, int, int], nn.Module]


def projection(inside: int, outside: int, stride: int, kernel: int = 1, padding: int = 0) -> nn.Module:
    return nn.Sequential(conv(inside, outside, kernel, padding, stride), nn.BatchNorm2d(outside))


def fitting(inside: int, outside: int, stride: int) -> nn.Module:
    """The right shortcut."""
    return projection(inside, outside, stride) if stride != 1 or inside != outside else nn.Identity()


def main_path(inside: int, outside: int, stride: int) -> nn.Module:
    """The right F."""
    return nn.Sequential(
        conv(inside, outside, stride=stride),
        nn.BatchNorm2d(outside),
        nn.ReLU(),
        conv(outside, outside),
        nn.BatchNorm2d(outside),
    )


def _join(path: nn.Module, shortcut: nn.Module, x: Tensor) -> Tensor:
    return torch.relu(path(x) + shortcut(x))


def block(
    shortcut: Make = fitting,
    path: Make = main_path,
    forward: Callable[[nn.Module, nn.Module, Tensor], object] = _join,
) -> type[nn.Module]:
    """A block with another shortcut, another F, or another way to join them."""

    class Block(nn.Module):
        def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
            super().__init__()
            self.path = path(in_channels, out_channels, stride)
            self.shortcut = shortcut(in_channels, out_channels, stride)

        def forward(self, x: Tensor) -> object:
            return forward(self.path, self.shortcut, x)

    return Block


def steps(make: Callable[[int, int, int], tuple[nn.Module, ...]]) -> Make:
    """An F of these layers."""
    return lambda inside, outside, stride: nn.Sequential(*make(inside, outside, stride))


class StrideRequired(ResidualBlock):
    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__(in_channels, out_channels, stride)


class NoStride(ResidualBlock):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels)


class ZeroPadded(nn.Module):
    """The parameter-free shortcut: every other pixel, and channels of zeros."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.path = main_path(in_channels, out_channels, stride)
        self.stride = stride
        self.missing = max(out_channels - in_channels, 0)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.missing))
        return torch.relu(self.path(x) + shortcut)


def _projects_path(path: nn.Module, shortcut: nn.Module, x: Tensor) -> Tensor:
    return torch.relu(shortcut(path(x)) + x)


def _in_place(path: nn.Module, shortcut: nn.Module, x: Tensor) -> Tensor:
    if isinstance(shortcut, nn.Identity):
        x += path(x)
        return torch.relu(x)
    return _join(path, shortcut, x)


def _only_when(needed: Callable[[int, int, int], bool]) -> Make:
    return lambda inside, outside, stride: (
        projection(inside, outside, stride) if needed(inside, outside, stride) else nn.Identity()
    )


def _ignoring_stride(inside: int, outside: int, stride: int) -> nn.Module:
    return projection(inside, outside, 1) if stride != 1 or inside != outside else nn.Identity()


def _pooled(inside: int, outside: int, stride: int) -> nn.Module:
    if stride == 1 and inside == outside:
        return nn.Identity()
    return nn.Sequential(nn.AvgPool2d(stride, ceil_mode=True), projection(inside, outside, 1))


def _without_norm(inside: int, outside: int, stride: int) -> nn.Module:
    return conv(inside, outside, 1, 0, stride) if stride != 1 or inside != outside else nn.Identity()


def _wide(inside: int, outside: int, stride: int) -> nn.Module:
    return projection(inside, outside, stride, 3, 1) if stride != 1 or inside != outside else nn.Identity()


def _with_relu(inside: int, outside: int, stride: int) -> nn.Module:
    if stride == 1 and inside == outside:
        return nn.Identity()
    return nn.Sequential(projection(inside, outside, stride), nn.ReLU())


_NO_NORM = "Your values lack the normalisation between the steps of F. What stands behind each convolution in conv-BN-ReLU-conv-BN?"
_NO_SHORTCUT = "Your output is relu(F(x)); x never joins it. Where should the shortcut meet F(x)?"
_PROJECTS_F = (
    "F(x) went through the projection and x did not. Which of the two has the old shape and must change?"
)
_STRIDE_IGNORED = (
    "With stride 2 height and width should be halved, but stayed. Which layers should receive `stride`?"
)

EXERCISE = Exercise(
    "module",
    ResidualBlock,
    model_parts(2, 4, 3, 2, Part("default", 1, "can be made without saying `stride`")),
    hints=(
        Hint(
            "Ask first: do x and F(x) have the same channels, height and width? Only then can x itself be added.",
            "no-shortcut identity-always projection-always projection-only-for-stride projection-only-for-channels projection-only-for-both",
        ),
        Hint(
            "Where they differ, a 1×1 convolution and a BatchNorm bring x into the shape of F(x).",
            "shortcut-without-norm shortcut-with-relu shortcut-3x3 shortcut-pooled shortcut-padded projects-f shortcut-reads-path",
        ),
        Hint(
            "The shortcut's 1×1 convolution takes the same stride as the first 3×3 convolution, and out_channels.",
            "projection-ignores-stride both-strided stride-in-second stride-ignored path-ignores-stride channels-late",
        ),
    ),
    variants=(
        *blocks((6, 6, 1), (6, 6, 2), (6, 9, 1), (6, 9, 2)),
        *blocks((9, 6, 1), (9, 6, 2))[::3],  # one in train mode, one in eval mode and loud
        default("default", 6, 6),
    ),
    wrong=(
        Misconception(
            "no-shortcut", block(forward=lambda path, shortcut, x: torch.relu(path(x))), _NO_SHORTCUT
        ),
        Misconception(
            "no-shortcut",
            block(lambda *_: nn.Identity(), forward=lambda path, shortcut, x: torch.relu(path(x))),
            _NO_SHORTCUT,
        ),
        Misconception(
            "identity-always",
            block(lambda *_: nn.Identity()),
            "x joins unchanged, so the sum fails where channels or stride change. What gives x the shape of F(x)?",
        ),
        Misconception(
            "projection-always",
            block(projection),
            "Where nothing changes shape, x should join untouched, but it was projected. When is the projection needed?",
        ),
        Misconception(
            "projection-ignores-stride",
            block(_ignoring_stride),
            "With stride 2, F(x) is smaller than your shortcut. What should shrink the shortcut?",
        ),
        Misconception(
            "projection-only-for-stride",
            block(_only_when(lambda inside, outside, stride: stride != 1)),
            "With stride 1 and other channels, x joins unprojected and the sum fails. When else is a projection needed?",
        ),
        Misconception(
            "projection-only-for-channels",
            block(_only_when(lambda inside, outside, stride: inside != outside)),
            "With equal channels and stride 2, x joins unprojected and the sum fails. When else is a projection needed?",
        ),
        Misconception(
            "projection-only-for-both",
            block(_only_when(lambda inside, outside, stride: stride != 1 and inside != outside)),
            "Where only the channels or only the stride changes, x joins unprojected. Does `and` say what you need?",
        ),
        Misconception(
            "shortcut-without-norm",
            block(_without_norm),
            "Your shortcut is a 1×1 convolution alone. Which step follows each convolution of this block?",
        ),
        Misconception(
            "shortcut-with-relu",
            block(_with_relu),
            "The projected x went through a ReLU of its own before the sum. Which tensor should the last ReLU see?",
        ),
        Misconception(
            "shortcut-3x3",
            block(_wide),
            "Your shortcut looks at neighbours with a 3×3 kernel. Which kernel only mixes the channels of one pixel?",
        ),
        Misconception(
            "shortcut-pooled",
            block(_pooled),
            "Your shortcut averages neighbours before its convolution. Which argument of the 1×1 convolution skips pixels instead?",
        ),
        Misconception(
            "shortcut-padded",
            ZeroPadded,
            "Your shortcut fills missing channels with zeros; here a layer should learn them. Which one makes new channels?",
        ),
        Misconception(
            "both-strided",
            block(
                path=steps(
                    lambda i, o, s: (
                        conv(i, o, stride=s),
                        nn.BatchNorm2d(o),
                        nn.ReLU(),
                        conv(o, o, stride=s),
                        nn.BatchNorm2d(o),
                    )
                )
            ),
            "Both convolutions of F took the stride, so it shrank twice. Which one alone should take it?",
        ),
        Misconception(
            "stride-in-second",
            block(
                path=steps(
                    lambda i, o, s: (
                        conv(i, o),
                        nn.BatchNorm2d(o),
                        nn.ReLU(),
                        conv(o, o, stride=s),
                        nn.BatchNorm2d(o),
                    )
                )
            ),
            "The second convolution of F took the stride; the first was asked to. Which values does that change?",
        ),
        Misconception(
            "stride-ignored",
            block(lambda i, o, s: fitting(i, o, 1), lambda i, o, s: main_path(i, o, 1)),
            _STRIDE_IGNORED,
        ),
        Misconception(
            "stride-ignored", block(_ignoring_stride, lambda i, o, s: main_path(i, o, 1)), _STRIDE_IGNORED
        ),
        Misconception(
            "path-ignores-stride",
            block(path=lambda i, o, s: main_path(i, o, 1)),
            "With stride 2 your shortcut shrinks and F(x) does not, so the sum fails. Which convolution of F takes the stride?",
        ),
        Misconception(
            "channels-late",
            block(
                path=steps(
                    lambda i, o, s: (
                        conv(i, i, stride=s),
                        nn.BatchNorm2d(i),
                        nn.ReLU(),
                        conv(i, o),
                        nn.BatchNorm2d(o),
                    )
                )
            ),
            "The second convolution changes the number of channels; the first was asked to. Where does out_channels belong?",
        ),
        Misconception(
            "relu-before-add",
            block(forward=lambda path, shortcut, x: torch.relu(path(x)) + shortcut(x)),
            "The ReLU was applied to F(x) before the sum. Which of the two happens last?",
        ),
        Misconception(
            "no-final-relu",
            block(forward=lambda path, shortcut, x: path(x) + shortcut(x)),
            "Your output has negative values: the last ReLU is missing. What should happen to the sum?",
        ),
        Misconception(
            "no-inner-relu",
            block(
                path=steps(
                    lambda i, o, s: (conv(i, o, stride=s), nn.BatchNorm2d(o), conv(o, o), nn.BatchNorm2d(o))
                )
            ),
            "Between its two convolutions F has no ReLU. Which step stands behind the first BN in conv-BN-ReLU-conv-BN?",
        ),
        Misconception(
            "relu-before-norm",
            block(
                path=steps(
                    lambda i, o, s: (
                        conv(i, o, stride=s),
                        nn.ReLU(),
                        nn.BatchNorm2d(o),
                        conv(o, o),
                        nn.BatchNorm2d(o),
                    )
                )
            ),
            "The first ReLU came before its BN. Which step stands directly behind a convolution in conv-BN-ReLU-conv-BN?",
        ),
        Misconception(
            "no-batch-norm",
            block(_without_norm, steps(lambda i, o, s: (conv(i, o, stride=s), nn.ReLU(), conv(o, o)))),
            _NO_NORM,
        ),
        Misconception(
            "no-batch-norm",
            block(path=steps(lambda i, o, s: (conv(i, o, stride=s), nn.ReLU(), conv(o, o)))),
            _NO_NORM,
        ),
        Misconception(
            "no-second-norm",
            block(
                path=steps(lambda i, o, s: (conv(i, o, stride=s), nn.BatchNorm2d(o), nn.ReLU(), conv(o, o)))
            ),
            "The second convolution's output was not normalised. What is the last step of conv-BN-ReLU-conv-BN?",
        ),
        Misconception(
            "no-first-norm",
            block(
                path=steps(lambda i, o, s: (conv(i, o, stride=s), nn.ReLU(), conv(o, o), nn.BatchNorm2d(o)))
            ),
            "The first convolution's output was not normalised. What is the second step of conv-BN-ReLU-conv-BN?",
        ),
        Misconception(
            "detached",
            block(forward=lambda path, shortcut, x: torch.relu(path(x) + shortcut(x.detach()))),
            "The values are right, but no gradient passes the shortcut to x. What on that line stops it?",
        ),
        Misconception(
            "detached",
            block(forward=lambda path, shortcut, x: torch.relu(path(x) + shortcut(x).detach())),
            "The values are right, but no gradient passes the shortcut. What on that line stops it?",
        ),
        Misconception(
            "path-detached",
            block(forward=lambda path, shortcut, x: torch.relu(path(x).detach() + shortcut(x))),
            "The values are right, but no gradient passes F, so its layers never learn. What stops it?",
        ),
        Misconception(
            "in-place",
            block(forward=_in_place),
            "The block overwrote its own input x. Make a new tensor for the sum.",
        ),
        Misconception(
            "projects-f", block(lambda i, o, s: fitting(o, o, s), forward=_projects_path), _PROJECTS_F
        ),
        Misconception(
            "projects-f",
            block(lambda i, o, s: projection(o, i, 1) if i != o else nn.Identity(), forward=_projects_path),
            _PROJECTS_F,
        ),
        Misconception(
            "projects-f",
            block(
                lambda i, o, s: projection(o, o, s) if s != 1 or i != o else nn.Identity(),
                forward=_projects_path,
            ),
            _PROJECTS_F,
        ),
        Misconception(
            "shortcut-reads-path",
            block(
                lambda i, o, s: projection(o, o, 1) if s != 1 or i != o else nn.Identity(),
                forward=lambda path, shortcut, x: torch.relu(path(x) + shortcut(path(x))),
            ),
            "The shortcut was given F(x); x never joins. Which tensor should take the short way?",
        ),
        Misconception(
            "concatenated",
            block(forward=lambda path, shortcut, x: torch.relu(torch.cat([path(x), shortcut(x)], 1))),
            "Twice the channels came out. Placing side by side is not adding: which operator adds?",
        ),
        *(
            Misconception(
                "path-doubled",
                block(shortcut, forward=lambda path, shortcut, x: torch.relu(2 * path(x))),
                "Your output is relu(2·F(x)): x never joins F(x). Which tensor should it meet?",
            )
            for shortcut in (fitting, lambda *_: nn.Identity())
        ),
        Misconception(
            "averaged",
            block(forward=lambda path, shortcut, x: torch.relu((path(x) + shortcut(x)) / 2)),
            "Every value is half the expected one. Does a sum need the division?",
        ),
        Misconception(
            "multiplied",
            block(forward=lambda path, shortcut, x: torch.relu(path(x) * shortcut(x))),
            "F(x) and the shortcut were multiplied; their sum was expected. Which operator adds?",
        ),
        Misconception(
            "subtracted",
            block(forward=lambda path, shortcut, x: torch.relu(path(x) - shortcut(x))),
            "The shortcut was subtracted from F(x); their sum was expected. Which sign joins them?",
        ),
        Misconception(
            "stride-required",
            StrideRequired,
            "`ResidualBlock(16, 16)` fails, because `stride` has no default value. Which one should it be?",
        ),
        Misconception(
            "no-stride-argument",
            NoStride,
            "The block is made by `ResidualBlock(in_channels, out_channels, stride)`, but its `__init__` takes no stride. Add it.",
        ),
        *slips(ResidualBlock),
    ),
)
