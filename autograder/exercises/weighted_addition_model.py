"""`weighted_addition_model`: alpha · out1 + (1 − alpha) · out2, alpha learnable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from autograder.exercises.building import conv, slips
from autograder.exercises.vocabulary import Exercise, Misconception, images, model_parts
from sumskip.checking.core import Hint


class WeightedAdditionModel(nn.Module):
    """Blend two outputs with one learnable number: alpha · out1 + (1 − alpha) · out2.

    Shapes: (N, 3, H, W) → (N, 16, H, W); `alpha` is a parameter of shape () that starts at 0.5.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, kernel_size=3, padding=1)
        self.alpha = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.alpha * out1 + (1 - self.alpha) * out2


def _half() -> nn.Parameter:
    return nn.Parameter(torch.tensor(0.5))


def blending(
    combine: Callable[..., object],
    alpha: Callable[[], object] = _half,
    second: Callable[[], nn.Module] = lambda: conv(16, 16),
) -> type[nn.Module]:
    """The right convolutions, `self.alpha = alpha()`, and `combine(alpha, out1, out2)`."""

    class Blending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = conv(3, 16)
            self.conv2 = second()
            self.alpha = alpha()

        def forward(self, x: Tensor) -> object:
            out1 = self.conv1(x)
            return combine(self.alpha, out1, self.conv2(out1))

    return Blending


def starting(alpha: Callable[[], object]) -> type[nn.Module]:
    """The right blend of an alpha that is made in another way."""
    return blending(blend, alpha)


def wired(
    forward: Callable[..., object], second: Callable[[], nn.Module] = lambda: conv(16, 16)
) -> type[nn.Module]:
    """The right parts, wired by `forward(alpha, conv1, conv2, x)`."""

    class Wired(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = conv(3, 16)
            self.conv2 = second()
            self.alpha = _half()

        def forward(self, x: Tensor) -> object:
            return forward(self.alpha, self.conv1, self.conv2, x)

    return Wired


def blend(alpha: Any, out1: Tensor, out2: Tensor) -> Tensor:
    return alpha * out1 + (1 - alpha) * out2


class Buffer(nn.Module):
    learns = False

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = conv(3, 16)
        self.conv2 = conv(16, 16)
        self.register_buffer("alpha", torch.tensor(0.5, requires_grad=self.learns))

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        return blend(self.alpha, out1, self.conv2(out1))


class LearningBuffer(Buffer):
    learns = True


class CreatedInForward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = conv(3, 16)
        self.conv2 = conv(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        self.alpha = _half()
        out1 = self.conv1(x)
        return blend(self.alpha, out1, self.conv2(out1))


class LocalInInit(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = conv(3, 16)
        self.conv2 = conv(16, 16)
        alpha = _half()  # noqa: F841

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        return blend(self.alpha, out1, self.conv2(out1))


class TwoParameters(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = conv(3, 16)
        self.conv2 = conv(16, 16)
        self.alpha = _half()
        self.beta = _half()

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        return self.alpha * out1 + self.beta * self.conv2(out1)


def _parallel(alpha: Tensor, conv1: nn.Module, conv2: nn.Module, x: Tensor) -> Tensor:
    return blend(alpha, conv1(x), conv2(x))


def _from_x(alpha: Tensor, conv1: nn.Module, conv2: nn.Module, x: Tensor) -> Tensor:
    return blend(alpha, x, conv2(conv1(x)))


def _detached_before_second(alpha: Tensor, conv1: nn.Module, conv2: nn.Module, x: Tensor) -> Tensor:
    out1 = conv1(x)
    return blend(alpha, out1, conv2(out1.detach()))


def _relu_between(alpha: Tensor, conv1: nn.Module, conv2: nn.Module, x: Tensor) -> Tensor:
    out1 = conv1(x).relu()
    return blend(alpha, out1, conv2(out1))


def _weights_before_second(alpha: Tensor, conv1: nn.Module, conv2: nn.Module, x: Tensor) -> Tensor:
    out1 = alpha * conv1(x)
    return out1 + (1 - alpha) * conv2(out1)


def _overwrite(alpha: Tensor, out1: Tensor, out2: Tensor) -> Tensor:
    out1 *= alpha
    return out1 + (1 - alpha) * out2


_NOT_A_TENSOR = "`nn.Parameter` wraps a tensor, and an ordinary number came. Write `torch.tensor(0.5)` inside its brackets."
_PLAIN_FLOAT = "`alpha` is the ordinary number 0.5, so `parameters()` does not list it. How does a module declare a learnable number?"
_NOT_REGISTERED = "`alpha` is a tensor, but `parameters()` does not list it, so no optimiser moves it. Which wrapper registers it?"
_CREATED = "`alpha` is made anew in each call, so nothing it learns can last. Where can it be made once?"
_ITEM = "The values are right, but `alpha.grad` is None: `.item()`, `.data` or `detach()` cut alpha off. Use the parameter itself."
_REVERSED = "At 0.5 you match; at 0.3, `out1` gets 0.7. Which weight belongs to `out1`?"
_BRACKETS = (
    "At alpha 0.3, `out2` gets −0.3, and 1 is added everywhere. Where do brackets belong around `1 - alpha`?"
)
_HARD_CODED = (
    "Both weights stay 0.5 whatever alpha is, and `alpha.grad` is None. Where should alpha itself stand?"
)
_PER_CHANNEL = (
    "`alpha` holds 16 numbers, where one was asked for the whole blend. Which shape has a single number?"
)
_STACKING = "Your output is exactly `out2`, whatever alpha is. Where should the weighted outputs meet?"
_SQUASHED = "A function changes alpha before it is used, so 0.5 no longer means one half. What if it is used as it is?"
_RELU = "Your values have a ReLU in them; the exercise blends the convolutions' own outputs. What happens without it?"
_PADDING = "Height and width differ between the two outputs, or from x. What must surround a map before a 3×3 convolution?"
_PARALLEL = "Both convolutions read `x`. Here the second must read the first one's output: what is that tensor called?"


EXERCISE = Exercise(
    "module",
    WeightedAdditionModel,
    model_parts(2, 4, 3, 3),
    hints=(
        Hint(
            "Begin with the model of the lesson before, and give each of the two tensors a weight.",
            "stacking-only second-only first-only parallel-branches skip-from-x same-output-twice",
        ),
        Hint(
            "A tensor that a module should learn is declared in `__init__` as `nn.Parameter(...)` around a tensor.",
            "parameter-of-float plain-float tensor-not-registered buffer created-in-forward local-in-init item frozen integer-parameter",
        ),
        Hint(
            "The two weights add up to 1: if `out1` has alpha, what is left for `out2`?",
            "reversed no-complement no-first-weight only-second-weighted same-weight same-complement brackets minus-one plus-alpha hard-coded alpha-unused",
        ),
    ),
    variants=tuple(
        {**image, "alpha": alpha} for image, alpha in zip(images(3), (0.5, 0.3, 1.7, -4.0), strict=True)
    ),
    wrong=(
        Misconception("parameter-of-float", starting(lambda: nn.Parameter(0.5)), _NOT_A_TENSOR),  # type: ignore[arg-type]
        Misconception("plain-float", starting(lambda: 0.5), _PLAIN_FLOAT),
        Misconception(
            "tensor-not-registered", starting(lambda: torch.tensor(0.5, requires_grad=True)), _NOT_REGISTERED
        ),
        Misconception("tensor-not-registered", starting(lambda: torch.tensor(0.5)), _NOT_REGISTERED),
        Misconception(
            "buffer",
            Buffer,
            "`alpha` is a buffer: it is saved with the model, but `parameters()` does not list it. Which kind learns?",
        ),
        Misconception(
            "buffer",
            LearningBuffer,
            "`alpha` is a buffer: it has a gradient, but `parameters()` does not list it. Which kind does an optimiser move?",
        ),
        Misconception(
            "frozen",
            starting(lambda: nn.Parameter(torch.tensor(0.5), requires_grad=False)),
            "`alpha` is a parameter with `requires_grad=False`, so it gets no gradient and stays 0.5. Remove that argument.",
        ),
        Misconception(
            "integer-parameter",
            starting(lambda: nn.Parameter(torch.tensor(1))),
            "A parameter of whole numbers was asked for, and only decimals have gradients. Alpha starts at 0.5: write that.",
        ),
        Misconception("created-in-forward", CreatedInForward, _CREATED),
        Misconception(
            "local-in-init",
            LocalInInit,
            "`alpha` is a local name in `__init__`, so `forward` cannot find it on the model. What keeps a value on the model?",
        ),
        Misconception("item", blending(lambda alpha, out1, out2: blend(alpha.item(), out1, out2)), _ITEM),
        Misconception(
            "first-weight-cut",
            blending(lambda alpha, out1, out2: alpha.item() * out1 + (1 - alpha) * out2),
            "The values are right, but alpha's gradient lacks what comes through `out1`. Use the parameter itself in both weights.",
        ),
        Misconception(
            "second-weight-cut",
            blending(lambda alpha, out1, out2: alpha * out1 + (1 - alpha.item()) * out2),
            "The values are right, but alpha's gradient lacks what comes through `out2`. Use the parameter itself in both weights.",
        ),
        Misconception(
            "reversed", blending(lambda alpha, out1, out2: (1 - alpha) * out1 + alpha * out2), _REVERSED
        ),
        Misconception(
            "no-complement",
            blending(lambda alpha, out1, out2: alpha * out1 + out2),
            "At alpha 0.3, `out1` gets 0.3 and `out2` gets 1. The two weights should add up to 1: what belongs to `out2`?",
        ),
        Misconception(
            "no-first-weight",
            blending(lambda alpha, out1, out2: out1 + (1 - alpha) * out2),
            "At alpha 0.3, `out1` gets 1 and `out2` gets 0.7. The two weights should add up to 1: what belongs to `out1`?",
        ),
        Misconception(
            "only-second-weighted",
            blending(lambda alpha, out1, out2: out1 + alpha * out2),
            "At alpha 0.3, `out1` gets 1 and `out2` gets 0.3. Which weights should they have, so that both add up to 1?",
        ),
        Misconception(
            "same-weight",
            blending(lambda alpha, out1, out2: alpha * (out1 + out2)),
            "At alpha 0.3, both outputs get 0.3. The two weights should add up to 1: what belongs to `out2`?",
        ),
        Misconception(
            "same-complement",
            blending(lambda alpha, out1, out2: (1 - alpha) * (out1 + out2)),
            "At alpha 0.3, both outputs get 0.7. The two weights should add up to 1: what belongs to `out1`?",
        ),
        Misconception(
            "brackets", blending(lambda alpha, out1, out2: alpha * out1 + 1 - alpha * out2), _BRACKETS
        ),
        Misconception(
            "brackets",
            blending(lambda alpha, out1, out2: alpha * (out1 + (1 - alpha) * out2)),
            "At alpha 0.3, `out2` gets 0.3 · 0.7: alpha multiplies the whole sum. Where should the bracket behind it end?",
        ),
        Misconception(
            "minus-one",
            blending(lambda alpha, out1, out2: alpha * out1 + (alpha - 1) * out2),
            "At alpha 0.3, `out2` gets −0.7, where 0.7 was expected. Which sign does the weight 1 − alpha have?",
        ),
        Misconception(
            "plus-alpha",
            blending(lambda alpha, out1, out2: alpha * out1 + (1 + alpha) * out2),
            "At alpha 0.3, `out2` gets 1.3, where 0.7 was expected. Which sign belongs between 1 and alpha?",
        ),
        Misconception(
            "added-not-multiplied",
            blending(lambda alpha, out1, out2: (alpha + out1) + (1 - alpha + out2)),
            "Your output is `out1 + out2 + 1`: the weights were added. Which operator makes a weight scale a tensor?",
        ),
        Misconception(
            "multiplied",
            blending(lambda alpha, out1, out2: (alpha * out1) * ((1 - alpha) * out2)),
            "The two weighted outputs were multiplied; their sum was expected. Which operator joins them?",
        ),
        Misconception("hard-coded", blending(lambda alpha, out1, out2: 0.5 * out1 + 0.5 * out2), _HARD_CODED),
        Misconception(
            "alpha-unused",
            blending(lambda alpha, out1, out2: out1 + out2),
            "Your output is the plain sum, whatever alpha is, and `alpha.grad` is None. Where should alpha weigh?",
        ),
        Misconception("stacking-only", blending(lambda alpha, out1, out2: out2), _STACKING),
        Misconception(
            "second-only",
            blending(lambda alpha, out1, out2: alpha * out2),
            "Your output is `alpha · out2`; `out1` never joins it. Which part is weighed by alpha, and which by the rest?",
        ),
        Misconception(
            "second-only",
            blending(lambda alpha, out1, out2: (1 - alpha) * out2),
            "Your output is `(1 - alpha) · out2`; `out1` never joins it. Which weight is left for `out1`?",
        ),
        Misconception(
            "first-only",
            blending(lambda alpha, out1, out2: alpha * out1),
            "Your output is `alpha · out1`; `out2` never joins it. Which weight is left for `out2`?",
        ),
        Misconception(
            "same-output-twice",
            blending(lambda alpha, out1, out2: blend(alpha, out1, out1)),
            "Your output is exactly `out1`: both weights went to it. Which tensor should the second weight scale?",
        ),
        Misconception(
            "same-output-twice",
            blending(lambda alpha, out1, out2: blend(alpha, out2, out2)),
            "Your output is exactly `out2`: both weights went to it. Which tensor should the first weight scale?",
        ),
        Misconception(
            "averaged",
            blending(lambda alpha, out1, out2: blend(alpha, out1, out2) / 2),
            "Every value is half the expected one. The weights add up to 1 already: is the division needed?",
        ),
        Misconception(
            "concatenated",
            blending(lambda alpha, out1, out2: torch.cat([alpha * out1, (1 - alpha) * out2], 1)),
            "32 channels came out, 16 were expected. Placing side by side is not adding: which operator adds?",
        ),
        Misconception(
            "summed-to-scalar",
            blending(lambda alpha, out1, out2: blend(alpha, out1, out2).sum()),
            "One number came out, where (N, 16, H, W) was expected. `.sum()` adds inside a tensor: is it needed?",
        ),
        Misconception("per-channel", starting(lambda: nn.Parameter(torch.full((16,), 0.5))), _PER_CHANNEL),
        Misconception(
            "per-channel", starting(lambda: nn.Parameter(torch.full((16, 1, 1), 0.5))), _PER_CHANNEL
        ),
        Misconception(
            "per-channel", starting(lambda: nn.Parameter(torch.full((1, 16, 1, 1), 0.5))), _PER_CHANNEL
        ),
        Misconception(
            "squashed", blending(lambda alpha, out1, out2: blend(torch.sigmoid(alpha), out1, out2)), _SQUASHED
        ),
        Misconception(
            "squashed", blending(lambda alpha, out1, out2: blend(torch.tanh(alpha), out1, out2)), _SQUASHED
        ),
        Misconception(
            "clamped",
            blending(lambda alpha, out1, out2: blend(alpha.clamp(0, 1), out1, out2)),
            "Up to 1 you match; at alpha 1.7 your values are those of alpha 1. What if alpha is used as it is?",
        ),
        Misconception(
            "two-parameters",
            TwoParameters,
            "Two separate numbers weigh the outputs, so they need not add up to 1. Can alpha alone make both weights?",
        ),
        Misconception("parallel-branches", wired(_parallel, lambda: conv(3, 16)), _PARALLEL),
        Misconception("parallel-branches", wired(_parallel), _PARALLEL),
        Misconception(
            "skip-from-x",
            wired(_from_x),
            "You blended 3 channels with 16. This skip starts after the first convolution: which tensor is that?",
        ),
        Misconception(
            "weighted-too-early",
            wired(_weights_before_second),
            "The second convolution reads `alpha · out1`; it should read `out1` itself. Where should alpha come in?",
        ),
        Misconception(
            "in-place",
            blending(_overwrite),
            "The values are right, but `out1` was overwritten, which the backward pass still needs. Make a new tensor.",
        ),
        Misconception(
            "detached",
            blending(lambda alpha, out1, out2: blend(alpha, out1.detach(), out2)),
            "The values are right, but no gradient passes the skip. What on that line stops it?",
        ),
        Misconception(
            "second-detached",
            blending(lambda alpha, out1, out2: blend(alpha, out1, out2.detach())),
            "The values are right, but no gradient passes `out2`, so the second convolution never learns. What stops it?",
        ),
        Misconception(
            "detached-before-second",
            wired(_detached_before_second),
            "The values are right, but no gradient goes back from the second convolution into `out1`. What stops it there?",
        ),
        Misconception("no-padding", blending(blend, second=lambda: conv(16, 16, 3, 0)), _PADDING),
        Misconception(
            "channels-mismatch",
            blending(blend, second=lambda: conv(16, 32)),
            "The two outputs have different numbers of channels, so they cannot be added. How many should the second convolution make?",
        ),
        Misconception(
            "one-channel",
            blending(blend, second=lambda: conv(16, 1)),
            "The second convolution makes 1 channel, which was silently stretched over 16. How many should it make?",
        ),
        Misconception("relu-implied", wired(_relu_between), _RELU),
        Misconception(
            "relu-implied", blending(lambda alpha, out1, out2: blend(alpha, out1, out2).relu()), _RELU
        ),
        Misconception(
            "returns-both",
            blending(lambda alpha, out1, out2: (alpha * out1, (1 - alpha) * out2)),
            "A tuple of two tensors came out, where one was expected. Which operator makes one of them?",
        ),
        *slips(WeightedAdditionModel),
    ),
)
