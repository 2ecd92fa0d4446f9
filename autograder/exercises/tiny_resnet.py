"""`tiny_resnet`: stem, two blocks, average pooling, linear layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from autograder.exercises.building import conv
from autograder.exercises.residual_block import ResidualBlock
from autograder.exercises.vocabulary import Exercise, Misconception
from sumskip.checking.core import Hint, Part


class TinyResNet(nn.Module):
    """A stem, two blocks, average pooling and a linear layer.

    `block(in_channels, out_channels, stride)` makes each block; the second halves height and width.

    Shapes: (N, 1, 8, 8) → (N, num_classes), the logits.
    """

    def __init__(self, block: Callable[..., nn.Module], num_classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, kernel_size=3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.block1 = block(16, 16)
        self.block2 = block(16, 32, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(32, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block2(self.block1(self.stem(x)))
        return self.head(self.pool(x).flatten(1))


Make = Callable[..., nn.Module]


def net(
    stem: Callable[[], nn.Module] = lambda: nn.Sequential(conv(1, 16), nn.BatchNorm2d(16), nn.ReLU()),
    blocks: Callable[[Make], nn.Module] = lambda block: nn.Sequential(block(16, 16), block(16, 32, stride=2)),
    pool: Callable[[], nn.Module] = lambda: nn.AdaptiveAvgPool2d(1),
    head: Callable[[int], nn.Module] = lambda classes: nn.Linear(32, classes),
    finish: Callable[[Tensor], Any] = lambda logits: logits,
    flatten: Callable[[Tensor], Tensor] = lambda x: x.flatten(1),
) -> type[nn.Module]:
    """The right network with one part changed."""

    class Net(nn.Module):
        def __init__(self, block: Make, num_classes: int = 10) -> None:
            super().__init__()
            self.stem = stem()
            self.blocks = blocks(block)
            self.pool = pool()
            self.head = head(num_classes)

        def forward(self, x: Tensor) -> Any:
            return finish(self.head(flatten(self.pool(self.blocks(self.stem(x))))))

    return Net


class BlocksUnused(nn.Module):
    def __init__(self, block: Make, num_classes: int = 10) -> None:
        super().__init__()
        self.stem = conv(1, 16)
        self.block1 = block(16, 16)
        self.block2 = block(16, 32, stride=2)
        self.head = nn.Linear(16, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stem(x).mean((2, 3)))


class BlocksHidden(nn.Module):
    def __init__(self, block: Make, num_classes: int = 10) -> None:
        super().__init__()
        self.stem = conv(1, 16)
        self.blocks = [block(16, 16), block(16, 32, stride=2)]
        self.head = nn.Linear(32, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for each in self.blocks:
            x = each(x)
        return self.head(x.mean((2, 3)))


class BlocksInForward(nn.Module):
    def __init__(self, block: Make, num_classes: int = 10) -> None:
        super().__init__()
        self.block = block
        self.stem = conv(1, 16)
        self.head = nn.Linear(32, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block(16, 32, stride=2)(self.block(16, 16)(self.stem(x)))
        return self.head(x.mean((2, 3)))


class Detached(TinyResNet):
    def forward(self, x: Tensor) -> Tensor:
        x = self.block2(self.block1(self.stem(x)).detach())
        return self.head(self.pool(x).flatten(1))


class NoReturn(TinyResNet):
    def forward(self, x: Tensor) -> None:  # type: ignore[override]
        super().forward(x)


class NoSuperInit(nn.Module):
    def __init__(self, block: Make, num_classes: int = 10) -> None:
        self.stem = conv(1, 16)


class BatchMixed(TinyResNet):
    def forward(self, x: Tensor) -> Tensor:
        x = self.block2(self.block1(self.stem(x)))
        features = self.pool(x).flatten(1)
        return self.head(features - features.mean(0))


class OneImage(TinyResNet):
    def forward(self, x: Tensor) -> Tensor:
        x = self.block2(self.block1(self.stem(x)))
        return self.head(x.mean((0, 2, 3)))


class CallsBlock(nn.Module):
    def __init__(self, block: Make, num_classes: int = 10) -> None:
        super().__init__()
        self.stem = conv(1, 16)
        self.block1 = block
        self.block2 = block
        self.head = nn.Linear(32, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block2(self.block1(self.stem(x)))  # type: ignore[assignment]
        return self.head(x.mean((2, 3)))


def _own(block: Make) -> nn.Module:
    return nn.Sequential(ResidualBlock(16, 16), ResidualBlock(16, 32, stride=2))


def _same_twice(block: Make) -> nn.Module:
    one = block(16, 16)
    return nn.Sequential(one, one)


_STRIDE = "The second block was made without stride 2, so its map stays 8×8. Which argument halves it?"
_SOFTMAX = "Probabilities came out, where logits were expected. The loss applies the softmax itself: is yours needed?"


_ONE_BLOCK = "One block was made, two were asked: (16, 16), then (16, 32, stride 2). Which one is missing?"

EXERCISE = Exercise(
    "resnet",
    TinyResNet,
    (
        Part("shape", 1, "runs, and gives (N, num_classes)"),
        Part("structure", 2, "has the blocks in the right order", ("shape",)),
        Part("training", 1, "learns", ("shape",)),
    ),
    hints=(
        Hint(
            "The parts in order: a stem convolution, two blocks, an average over each feature map, a linear layer.",
            "one-block no-pool not-pooled max-pool three-channels",
        ),
        Hint(
            "The blocks are made by the class you are given: `block(16, 16)` and `block(16, 32, stride=2)`.",
            "own-block blocks-unused same-block-twice block-not-made blocks-reversed no-stride stride-in-first stride-in-both",
        ),
        Hint(
            "`nn.AdaptiveAvgPool2d(1)` and `flatten(1)` leave 32 numbers an image for the linear layer.",
            "no-flatten flattened-with-batch classes-ignored softmax softmax-over-batch argmax relu-on-logits",
        ),
    ),
    variants=(
        {"inputs": ((4, 1, 8, 8),), "settings": {"classes": 10}},
        {"inputs": ((5, 1, 8, 8),), "settings": {"classes": 7}},
        {"inputs": ((3, 1, 8, 8),), "settings": {"classes": 10, "default": True}},
    ),
    wrong=(
        Misconception(
            "own-block",
            net(blocks=_own),
            "The block that was handed in was never used. Which argument of `__init__` makes the blocks?",
        ),
        Misconception(
            "blocks-unused",
            BlocksUnused,
            "The blocks were made but no tensor passed through them. Where in `forward` do they belong?",
        ),
        Misconception("one-block", net(blocks=lambda block: block(16, 32, stride=2)), _ONE_BLOCK),
        Misconception(
            "one-block",
            net(blocks=lambda block: block(16, 16), head=lambda classes: nn.Linear(16, classes)),
            _ONE_BLOCK,
        ),
        Misconception(
            "same-block-twice",
            net(blocks=_same_twice, head=lambda classes: nn.Linear(16, classes)),
            "One block runs twice, with the same weights. How often should `block(…)` be called?",
        ),
        Misconception(
            "block-not-made",
            CallsBlock,
            "`block` makes blocks; here it was called with a tensor. What should it be called with, and where?",
        ),
        Misconception(
            "blocks-reversed",
            net(blocks=lambda block: nn.Sequential(block(16, 32, stride=2), block(32, 32))),
            "The first block makes 32 channels; (16, 16) was asked first. Which block should change the shape?",
        ),
        Misconception(
            "no-stride", net(blocks=lambda block: nn.Sequential(block(16, 16), block(16, 32))), _STRIDE
        ),
        Misconception(
            "stride-in-first",
            net(blocks=lambda block: nn.Sequential(block(16, 16, stride=2), block(16, 32))),
            "The first block took stride 2; the second was asked to. Where does the map shrink?",
        ),
        Misconception(
            "stride-in-both",
            net(blocks=lambda block: nn.Sequential(block(16, 16, stride=2), block(16, 32, stride=2))),
            "Both blocks took stride 2; only the second was asked to. Where does the map shrink?",
        ),
        Misconception(
            "three-channels",
            net(stem=lambda: conv(3, 16)),
            "The stem expects 3 channels, but the digits have 1. Which number in its brackets says so?",
        ),
        Misconception(
            "no-pool",
            net(pool=nn.Identity),
            "Without pooling, 32 maps of 4×4 make 512 numbers, but the linear layer takes 32. What averages each map?",
        ),
        Misconception(
            "not-pooled",
            net(pool=nn.Identity, head=lambda classes: nn.Linear(512, classes)),
            "The linear layer reads all 512 pixels; average pooling was asked before it. What averages each map?",
        ),
        Misconception(
            "max-pool",
            net(pool=lambda: nn.AdaptiveMaxPool2d(1)),
            "The largest value of each map was taken; the average was asked. Which pooling averages?",
        ),
        Misconception(
            "no-flatten",
            net(flatten=lambda x: x),
            "The linear layer received (N, 32, 1, 1), but reads the last dimension. What makes (N, 32) of it?",
        ),
        Misconception(
            "flattened-with-batch",
            net(flatten=lambda x: x.flatten()),
            "Flattening merged the images of a batch into one row. From which dimension on should it flatten?",
        ),
        Misconception(
            "classes-ignored",
            net(head=lambda classes: nn.Linear(32, 10)),
            "10 numbers came out, whatever `num_classes` says. Which layer should depend on it?",
        ),
        Misconception("softmax", net(finish=lambda logits: logits.softmax(1)), _SOFTMAX),
        Misconception("softmax", net(finish=lambda logits: logits.log_softmax(1)), _SOFTMAX),
        Misconception(
            "softmax-over-batch",
            net(finish=lambda logits: logits.softmax(0)),
            "The softmax ran across the images of the batch, so each depends on the others. Is one needed at all?",
        ),
        Misconception(
            "argmax",
            net(finish=lambda logits: logits.argmax(1)),
            "One class per image came out, where logits (N, num_classes) were expected. What can a loss learn from?",
        ),
        Misconception(
            "relu-on-logits",
            net(finish=torch.relu),
            "The logits went through a ReLU, so none can be negative. What follows the linear layer?",
        ),
        Misconception(
            "blocks-hidden",
            BlocksHidden,
            "`parameters()` does not list the blocks' weights. A plain Python list hides them: which container does not?",
        ),
        Misconception(
            "blocks-in-forward",
            BlocksInForward,
            "New blocks are made at every call, so nothing they learn can last. Where can they be made once?",
        ),
        Misconception(
            "detached",
            Detached,
            "No gradient reaches the stem and the first block. What on the way stops it?",
        ),
        Misconception(
            "batch-mixed",
            BatchMixed,
            "An image's logits change with the other images of its batch. Which step looks across the batch?",
        ),
        Misconception(
            "batch-mixed",
            OneImage,
            "One row came out for the whole batch. Which dimensions should the average run over?",
        ),
        Misconception(
            "no-return",
            NoReturn,
            "`forward` returned None, where a tensor was expected. Which tensor should leave it, and with which keyword?",
        ),
        Misconception(
            "no-super-init",
            NoSuperInit,
            "A layer was assigned before the module was set up. Make `super().__init__()` the first line of `__init__`.",
        ),
    ),
)
