"""`repair_addition`: what is wrong with an addition is wrong here too.

The class to mend adds `x + out2`, and detaches. Each repair that leaves one of the two in place, or
makes the crash go away by adding something else, is among the wrong answers to `addition_model`.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor, nn

from autograder.exercises.addition_model import EXERCISE as ADDITION
from autograder.exercises.vocabulary import Exercise, images, model_parts
from sumskip.checking.core import Hint


class RepairedModel(nn.Module):
    """The mended class of lesson 02: the skip starts after the first convolution, and gradients pass it.

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


# Where the given class makes another sentence more fitting.
_SENTENCES = {
    "stacking-only": "The crash is gone because the skip is: your output is exactly `out2`. Which tensor should it meet?",
    "skip-from-x": "The first fault is still there: 3 channels of x meet 16 of `out2`. Where does this skip start?",
    "detached": "It runs, but the second fault remains: no gradient passes the skip. What on that line stops it?",
    "second-detached": "It runs, but the second fault remains: no gradient passes `out2`. What on that line stops it?",
    "first-detached": "It runs, but no gradient reaches the first convolution. What on its line stops it?",
    "detached-before-second": "It runs, but no gradient goes back from the second convolution into `out1`. What stops it there?",
}


EXERCISE = Exercise(
    "module",
    RepairedModel,
    model_parts(1, 1, 3, 1),
    hints=(
        Hint(
            "Two things are wrong: one stops the forward pass, one stops the gradient.",
            "stacking-only first-only",
        ),
        Hint(
            "x has 3 channels. Which of the tensors in `forward` has as many as `out2`?",
            "skip-from-x projected-x stretched-x padded-x parallel-branches second-reads-3 channels-mismatch",
        ),
        Hint(
            "`detach()` cuts a tensor off from the backward pass. What is left to learn from `out1`?",
            "detached second-detached first-detached detached-before-second",
        ),
    ),
    variants=images(3),
    wrong=tuple(
        replace(known, sentence=_SENTENCES.get(known.id, known.sentence)) for known in ADDITION.wrong
    ),
)
