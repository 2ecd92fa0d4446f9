"""`tiny_resnet`: stem, two blocks, average pooling, linear layer.

What follows the stem's convolution is the learner's choice. So there are four right answers, and each wrong
one is made four times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from autograder.exercises.building import conv, slips
from autograder.exercises.residual_block import ResidualBlock
from autograder.exercises.vocabulary import Exercise, Misconception, model_parts
from sumskip.checking.core import BLOCK, Hint, Part

Make = Callable[..., nn.Module]


class TinyResNet(nn.Module):
    """A stem, two blocks, average pooling and a linear layer.

    `block(in_channels, out_channels, stride)` makes each block; the second halves height and width.

    Shapes: (N, 1, 8, 8) → (N, num_classes), the logits.
    """

    def __init__(self, block: Make, num_classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, kernel_size=3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.block1 = block(16, 16)
        self.block2 = block(16, 32, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block2(self.block1(self.stem(x)))
        return self.fc(self.pool(x).flatten(1))


After = Callable[[], tuple[nn.Module, ...]]

# What may follow the stem's convolution; `TinyResNet` has the first.
AFTER: tuple[After, ...] = (
    lambda: (nn.BatchNorm2d(16), nn.ReLU()),
    lambda: (),
    lambda: (nn.ReLU(),),
    lambda: (nn.BatchNorm2d(16),),
)


def _in_turn(net: Any, x: Tensor) -> Tensor:
    for block in net.blocks:
        x = block(x)
    return x


def _mean(x: Tensor) -> Tensor:
    return x.mean((2, 3))


def net(
    after: After,
    stem: Callable[[], nn.Module] = lambda: conv(1, 16),
    blocks: Callable[[Make], list[nn.Module]] = lambda block: [block(16, 16), block(16, 32, stride=2)],
    container: Callable[[list[nn.Module]], object] = nn.ModuleList,
    through: Callable[[Any, Tensor], Tensor] = _in_turn,
    pool: Callable[[Tensor], Tensor] = _mean,
    head: Callable[[int], nn.Module] = lambda classes: nn.Linear(32, classes),
    finish: Callable[[Tensor], Any] = lambda logits: logits,
) -> type[nn.Module]:
    """The network with this stem; its parts as they should be, or one of them changed."""

    class Net(nn.Module):
        def __init__(self, block: Make, num_classes: int = 10) -> None:
            super().__init__()
            self.block = block
            self.stem = nn.Sequential(stem(), *after())
            self.blocks = container(blocks(block))
            self.head = head(num_classes)

        def forward(self, x: Tensor) -> Any:
            return finish(self.head(pool(through(self, self.stem(x)))))

    return Net


def _no_default(after: After) -> type[nn.Module]:
    class NoDefault(net(after)):  # type: ignore[misc]
        def __init__(self, block: Make, num_classes: int) -> None:
            super().__init__(block, num_classes)

    return NoDefault


def _no_classes(after: After) -> type[nn.Module]:
    class NoClasses(net(after)):  # type: ignore[misc]
        def __init__(self, block: Make) -> None:
            super().__init__(block)

    return NoClasses


def _made(*configurations: tuple[int, int, int]) -> Callable[[Make], list[nn.Module]]:
    return lambda block: [block(*each) for each in configurations]


def _reads(count: int) -> Callable[[int], nn.Module]:
    return lambda classes: nn.Linear(count, classes)


def _same_twice(block: Make) -> list[nn.Module]:
    return 2 * [block(16, 16)]


def _behind(*places: int, do: Callable[[Tensor], Tensor]) -> Callable[[Any, Tensor], Tensor]:
    """`do` with what comes out of the stem (0), the first block (1), the second one (2)."""

    def through(net: Any, x: Tensor) -> Tensor:
        for place, step in enumerate((nn.Identity(), *net.blocks)):
            x = do(step(x)) if place in places else step(x)
        return x

    return through


# Where the linear layer then fails, what made the tensor that it got is compared too.
_POOLS: tuple[Callable[[Tensor], Tensor], ...] = (
    nn.AdaptiveAvgPool2d(1),
    nn.AvgPool2d(4),
    lambda x: x.mean((2, 3), keepdim=True),
)

# So much that ReLU6 cuts it off; a sine of much larger numbers would be inexact.
_LOUD = 5.0

# What can be other than in a right answer: an id, its sentence, and what `net` is given for it.
_CHANGES: tuple[tuple[str, str, tuple[dict[str, Any], ...]], ...] = (
    (
        "own-block",
        "The block that was handed in was never used. Which argument of `__init__` makes the blocks?",
        ({"blocks": lambda _: [ResidualBlock(16, 16), ResidualBlock(16, 32, stride=2)]},),
    ),
    (
        "blocks-unused",
        "No tensor passes through a block, so the stem's own maps are averaged. Where in `forward` do two blocks belong?",
        ({"blocks": _made(), "head": _reads(16)},),
    ),
    (
        "one-block",
        "One block has a part in your output, two were asked: (16, 16), then (16, 32, stride 2). Which one is missing?",
        ({"blocks": _made((16, 32, 2))}, {"blocks": _made((16, 16, 1)), "head": _reads(16)}),
    ),
    (
        "same-block-twice",
        "One block runs twice, with the same weights. Which two blocks should run, each of them once?",
        (
            {"blocks": _same_twice, "head": _reads(16)},
            {"through": lambda net, x: net.blocks[1](net.blocks[0](net.blocks[0](x)))},
        ),
    ),
    (
        "block-not-made",
        "While the model ran, `block` was called with one argument. It makes a block of two numbers of channels: where should that happen?",
        ({"blocks": _made(), "through": lambda net, x: net.block(net.block(x))},),
    ),
    (
        "class-as-layer",
        "A class was given as a layer, where a module is needed. Which brackets make a module of it?",
        ({"blocks": lambda block: [block, block]},),
    ),
    (
        "other-order",
        "`block(16, 32, stride=2)` ran first, so `block(16, 16)` received 32 channels. Which one should follow the stem?",
        ({"through": lambda net, x: net.blocks[0](net.blocks[1](x))},),
    ),
    (
        "blocks-reversed",
        "The first block makes 32 channels; (16, 16) was asked first. Which block should change the shape?",
        ({"blocks": _made((16, 32, 2), (32, 32, 1))},),
    ),
    (
        "no-stride",
        "The second block was made without stride 2, so its map stays 8×8. Which argument halves it?",
        ({"blocks": _made((16, 16, 1), (16, 32, 1))},),
    ),
    (
        "stride-in-first",
        "The first block took stride 2; the second was asked to. Where does the map shrink?",
        ({"blocks": _made((16, 16, 2), (16, 32, 1))},),
    ),
    (
        "stride-in-both",
        "Both blocks took stride 2; only the second was asked to. Where does the map shrink?",
        ({"blocks": _made((16, 16, 2), (16, 32, 2))},),
    ),
    (
        "skip-around-block",
        "What enters the first block is added to what leaves it. A block has its own skip connection inside: is yours needed?",
        ({"through": lambda net, x: net.blocks[1](x + net.blocks[0](x))},),
    ),
    (
        "relu-behind-block",
        "A ReLU of your own runs behind a block; what leaves a block should go on as it is. Where is that ReLU?",
        tuple({"through": _behind(*places, do=torch.relu)} for places in ((1,), (2,), (1, 2))),
    ),
    (
        "three-channels",
        "The stem expects 3 channels, but the digits have 1. Which number in its brackets says so?",
        ({"stem": lambda: conv(3, 16)},),
    ),
    (
        "stem-1x1",
        "The stem looks at one pixel at a time, with a 1×1 kernel. Which `kernel_size` was asked?",
        ({"stem": lambda: conv(1, 16, 1, 0)},),
    ),
    (
        "stem-5x5",
        "The stem's kernel is 5×5. Which `kernel_size` was asked?",
        ({"stem": lambda: conv(1, 16, 5, 2)},),
    ),
    (
        "stem-unpadded",
        "The stem has no padding, so its maps are 6×6. Which argument keeps them 8×8?",
        ({"stem": lambda: conv(1, 16, 3, 0)},),
    ),
    (
        "no-pool",
        "Without pooling, 32 maps of 4×4 make 512 numbers, but the linear layer takes 32. What averages each map?",
        ({"pool": lambda x: x.flatten(1)},),
    ),
    (
        "not-pooled",
        "The linear layer reads all 512 pixels; average pooling was asked before it. What averages each map?",
        ({"pool": lambda x: x.flatten(1), "head": _reads(512)},),
    ),
    (
        "max-pool",
        "The largest value of each map was taken; the average was asked. Which pooling averages?",
        ({"pool": lambda x: x.amax((2, 3))},),
    ),
    (
        "summed",
        "The 16 pixels of each map were summed; their mean was asked. Which function divides by their number?",
        ({"pool": lambda x: x.sum((2, 3))},),
    ),
    (
        "mean-over-channels",
        "The mean ran over the channels of each pixel. Which two dimensions hold the pixels of a channel?",
        tuple({"pool": lambda x: x.mean(1).flatten(1), "head": _reads(count)} for count in (16, 32)),
    ),
    (
        "no-flatten",
        "The linear layer received (N, 32, 1, 1), but reads the last dimension. What makes (N, 32) of it?",
        tuple({"pool": pool} for pool in _POOLS),
    ),
    (
        "flattened-with-batch",
        "Flattening merged the images of a batch into one row. From which dimension on should it flatten?",
        tuple({"pool": lambda x, pool=pool: pool(x).flatten()} for pool in _POOLS),
    ),
    (
        "batch-mixed",
        "One row came out for the whole batch. Which dimensions should the average run over?",
        ({"pool": lambda x: x.mean((0, 2, 3))},),
    ),
    (
        "batch-mixed",
        "An image's logits change with the other images of its batch. Which step looks across the batch?",
        ({"pool": lambda x: _mean(x) - _mean(x).mean(0)},),
    ),
    (
        "norm-behind-pool",
        "The averages pass a BatchNorm before the linear layer. Which layer should read them as they are?",
        ({"head": lambda classes: nn.Sequential(nn.BatchNorm1d(32), nn.Linear(32, classes))},),
    ),
    (
        "relu-before-linear",
        "The averages pass a ReLU before the linear layer, which should read them as they are. Where is it?",
        ({"pool": lambda x: _mean(x).relu()},),
    ),
    (
        "classes-ignored",
        "10 numbers came out, whatever `num_classes` says. Which layer should depend on it?",
        ({"head": lambda _: nn.Linear(32, 10)},),
    ),
    (
        "softmax",
        "Probabilities came out, where logits were expected. The loss applies the softmax itself: is yours needed?",
        ({"finish": nn.Softmax(1)},),
    ),
    (
        "log-softmax",
        "The logarithms of probabilities came out, where logits were expected. The loss takes them itself: is yours needed?",
        ({"finish": nn.LogSoftmax(1)},),
    ),
    (
        "softmax-over-batch",
        "The softmax ran across the images of the batch, so each depends on the others. Is one needed at all?",
        ({"finish": nn.Softmax(0)},),
    ),
    (
        "argmax",
        "One class per image came out, where logits (N, num_classes) were expected. What can a loss learn from?",
        ({"finish": lambda logits: logits.argmax(1)},),
    ),
    (
        "relu-on-logits",
        "The logits went through a ReLU, so none can be negative. What follows the linear layer?",
        ({"finish": torch.relu},),
    ),
    (
        "sigmoid",
        "The logits went through a sigmoid, so all lie between 0 and 1. What follows the linear layer?",
        ({"finish": torch.sigmoid},),
    ),
    (
        "blocks-hidden",
        "`parameters()` does not list the blocks' weights. A plain Python list hides them: which container does not?",
        ({"container": list},),
    ),
    (
        "blocks-in-forward",
        "New blocks are made at every call, so nothing they learn can last. Where can they be made once?",
        ({"blocks": _made(), "through": lambda net, x: net.block(16, 32, stride=2)(net.block(16, 16)(x))},),
    ),
    (
        "detached",
        "The values are right, but no gradient reaches the stem. What between it and the first block stops it?",
        ({"through": _behind(0, do=Tensor.detach)},),
    ),
    (
        "detached",
        "The values are right, but no gradient reaches the stem and the first block. What behind them stops it?",
        ({"through": _behind(1, do=Tensor.detach)},),
    ),
    (
        "detached",
        "The values are right, but no gradient reaches the stem and the blocks. What behind them stops it?",
        ({"through": _behind(2, do=Tensor.detach)},),
    ),
)

EXERCISE = Exercise(
    "module",
    TinyResNet,
    model_parts(0.5, 1, 1, 1, Part("default", 0.5, "can be made without saying `num_classes`")),
    hints=(
        Hint(
            "The parts in order: a stem convolution, two blocks, an average over each feature map, a linear layer.",
            "one-block no-pool not-pooled max-pool summed three-channels stem-1x1 stem-5x5 stem-unpadded",
        ),
        Hint(
            "The blocks are made by the class you are given: `block(16, 16)` and `block(16, 32, stride=2)`.",
            "own-block blocks-unused same-block-twice block-not-made other-order blocks-reversed no-stride "
            "stride-in-first stride-in-both skip-around-block",
        ),
        Hint(
            "`nn.AdaptiveAvgPool2d(1)` and `flatten(1)` leave 32 numbers an image for the linear layer.",
            "no-flatten flattened-with-batch mean-over-channels classes-ignored softmax log-softmax softmax-over-batch "
            "argmax relu-on-logits sigmoid",
        ),
    ),
    # With biases each of so many wrong answers would be observed twice: these are allowed, not asked for.
    variants=(
        {"init": (BLOCK, 7), "inputs": ((1, 1, 8, 8),), "mode": "eval", "biases": False},
        {"init": (BLOCK, 3), "inputs": ((5, 1, 8, 8),), "scales": (_LOUD,), "mode": "eval", "biases": False},
        {"init": (BLOCK, 10), "inputs": ((3, 1, 8, 8),), "mode": "train", "biases": False},
        {"init": (BLOCK,), "inputs": ((2, 1, 8, 8),), "biases": False, "part": "default"},
    ),
    wrong=(
        *(
            Misconception(name, net(after, **change), sentence)
            for name, sentence, changes in _CHANGES
            for change in changes
            for after in AFTER
        ),
        Misconception(
            "norm-last",
            net(lambda: (nn.ReLU(), nn.BatchNorm2d(16))),
            "The ReLU of the stem came before its BatchNorm. In which order may the two follow the convolution?",
        ),
        *(
            Misconception(
                "no-default",
                _no_default(after),
                "`TinyResNet(block)` fails, because `num_classes` has no default value. Which one should it be?",
            )
            for after in AFTER
        ),
        *(
            Misconception(
                "no-classes-argument",
                _no_classes(after),
                "`TinyResNet(block, 7)` fails, because `__init__` takes no number of classes. Which argument is missing?",
            )
            for after in AFTER
        ),
        *(slip for after in AFTER for slip in slips(net(after))),
    ),
    also_right=tuple(net(after) for after in AFTER[1:]),
)
