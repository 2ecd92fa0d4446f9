"""Every automatic exercise in one place: its points, its parts, its cases and its hints.

To add one: an entry here, its reference in `autograder.reference`, its wrong models in
`autograder.misconceptions`, and two cells in a lesson. `python -m autograder.keys` makes its key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sumskip.core import Case, Kind, Part
from sumskip.key import Question

LESSONS = (
    "01_sequential_flow",
    "02_explicit_addition",
    "03_weighted_addition",
    "04_residual_networks",
)


@dataclass(frozen=True)
class Exercise:
    """One exercise that is graded automatically. `symbol` is the name its solution cell binds."""

    name: str
    assignment: str
    symbol: str
    kind: Kind
    parts: tuple[Part, ...]
    hints: tuple[str, ...]
    variants: tuple[dict[str, Any], ...] = ()
    questions: tuple[Question, ...] = ()
    optional: bool = False

    @property
    def points(self) -> float:
        return round(sum(part.points for part in self.parts), 6)  # six shares of 4 are 3.9999999999999996

    def cases(self, seed: str) -> Iterator[Case]:
        """The questions put to an answer; a model is asked each with and without biases."""
        for number, variant in enumerate(self.variants, 1):
            made = {"kind": self.kind, "seed": f"{seed}/{number}", **variant}
            if self.kind == "resnet" and number == 1:  # training is slow: once is enough
                made["settings"] = {**made["settings"], **_digits()}
            yield Case(id=f"{number}", **made)
            if self.kind == "module":
                yield Case(id=f"{number}-no-bias", **{**made, "biases": False})


def _model(shape: float, values: float, gradients: float, parameters: float) -> tuple[Part, ...]:
    return (
        Part("shape", shape, "runs, and gives the right shape"),
        Part("values", values, "gives the right values", ("shape",)),
        Part("gradients", gradients, "passes the right gradients back", ("shape", "values")),
        Part("parameters", parameters, "registers what must learn", ("shape",)),
    )


def _function(shape: float, values: float, untouched: float) -> tuple[Part, ...]:
    return (
        Part("shape", shape, "returns a list of the right form"),
        Part("values", values, "returns the right values", ("shape",)),
        Part("untouched", untouched, "leaves everything else as it was", ("shape", "values")),
    )


# Sizes that no two dimensions share, so that a swapped or broadcast one shows: smaller and larger than
# the lessons' 32×32, N never 1 alone, never equal to the channels.
_SIZES = ((2, 5, 7), (5, 4, 3), (1, 34, 33), (3, 9, 6))


def _images(channels: int) -> tuple[dict[str, Any], ...]:
    modes = ("train", "eval", "eval", "train")
    return tuple(
        {"inputs": ((n, channels, h, w),), "mode": mode}
        for (n, h, w), mode in zip(_SIZES, modes, strict=True)
    )


def _blocks(*configurations: tuple[int, ...]) -> tuple[dict[str, Any], ...]:
    """Each configuration in both modes; height and width are even and odd in turn."""
    made = []
    for i, init in enumerate(configurations):
        for mode in ("train", "eval"):
            shape = (3, init[0], 8, 6) if (i + (mode == "eval")) % 2 else (4, init[0], 7, 9)
            made.append({"init": init, "mode": mode, "inputs": (shape,)})
    return tuple(made)


@lru_cache(maxsize=1)
def _digits() -> dict[str, Any]:
    """32 of scikit-learn's digits as text, one base-36 character a pixel (0 to 16)."""
    from sumskip.data import digits

    images, labels = digits()
    pixels = (images[:32] * 16).round().int().flatten().tolist()
    return {"pixels": "".join("0123456789abcdefg"[p] for p in pixels), "labels": labels[:32].tolist()}


_SHAPES = "abcdef"
_KEPT = ("parameter", "buffer", "neither")
_LEAVES = ("zeros", "x", "F(x)", "other")


def _each(questions: tuple[Question, ...], points: float) -> tuple[Part, ...]:
    share = points / len(questions)
    return tuple(Part(q.name, share, q.name) for q in questions)


def _literals(name: str, assignment: str, symbol: str, points: float, *questions: Question) -> Exercise:
    return Exercise(name, assignment, symbol, "literals", _each(questions, points), (), questions=questions)


_ALL = (
    _literals(
        "predict_flow",
        LESSONS[0],
        "predictions_flow",
        6,
        Question("double_then_add", "number"),
        Question("add_then_double", "number"),
        Question("shape_3_16_32", "shape"),
        Question("which_leaves", "choice", ("x", "first", "second", "sum")),
    ),
    Exercise(
        "sequential_model",
        LESSONS[0],
        "SequentialModel",
        "module",
        _model(1, 2, 1, 2),
        (
            "The output of the first convolution is the input of the second. How many channels is that?",
            "`nn.Conv2d(channels in, channels out, kernel_size=3, padding=1)`: the first goes from 3 to 16.",
            "`nn.Sequential(first, second)` runs its modules one after the other; `forward` returns what it gives.",
        ),
        _images(3),
    ),
    Exercise(
        "intermediate_outputs",
        LESSONS[0],
        "intermediate_outputs",
        "outputs",
        _function(2, 4, 2),
        (
            "An `nn.Sequential` can be looped over: each turn gives the next module.",
            "Each module receives what the one before it gave; only the first receives x.",
            "Keep one variable for the tensor on its way, and append it to a list after each module.",
        ),
        (
            {"inputs": ((2, 3, 5, 7),), "settings": {"layers": [["conv", 3, 8], ["relu"], ["conv", 8, 4]]}},
            {
                "inputs": ((3, 2, 6, 4),),
                "settings": {"layers": [["conv", 2, 2], ["conv", 2, 2], ["conv", 2, 2]]},
            },
            {
                "inputs": ((2, 3, 6, 4),),
                "mode": "eval",
                "settings": {
                    "layers": [
                        ["sequential", ["conv", 3, 5], ["tanh"]],
                        ["pool"],
                        ["flatten"],
                        ["linear", 30, 4],
                    ]
                },
            },
            {"inputs": ((4, 3, 3, 5),), "settings": {"layers": [["conv", 3, 6]]}},
        ),
    ),
    _literals(
        "predict_addition",
        LESSONS[1],
        "predictions_addition",
        4,
        *(Question(name, "shape or error") for name in _SHAPES),
    ),
    Exercise(
        "repair_addition",
        LESSONS[1],
        "RepairedModel",
        "module",
        _model(1, 1, 3, 1),
        (
            "Two things are wrong: one stops the forward pass, one stops the gradient.",
            "x has 3 channels. Which of the tensors in `forward` has as many as `out2`?",
            "`detach()` cuts a tensor off from the backward pass. What is left to learn from `out1`?",
        ),
        _images(3),
    ),
    Exercise(
        "addition_model",
        LESSONS[1],
        "AdditionModel",
        "module",
        _model(1, 3, 2, 2),
        (
            "The second convolution reads what the first one gave, and then both outputs meet.",
            "Keep `out1` in a variable: it is used twice, once by the second convolution and once by the sum.",
            "The sum has as many channels as each of its operands: both must have 16.",
        ),
        _images(3),
    ),
    Exercise(
        "projected_addition_model",
        LESSONS[1],
        "ProjectedAdditionModel",
        "module",
        _model(1, 2, 1, 2),
        (
            "`out1` has 16 channels and `out2` 32: one of them must change before they can meet.",
            "A 1×1 convolution changes the number of channels and leaves height and width alone.",
            "The projection reads `out1` (16 channels) and gives as many channels as `out2` has.",
        ),
        _images(3),
    ),
    _literals(
        "what_trains",
        LESSONS[2],
        "trains",
        4,
        *(
            Question(name, "choice", _KEPT)
            for name in ("weight", "bias_buffer", "gain", "offset", "frozen", "scale")
        ),
    ),
    Exercise(
        "weighted_addition_model",
        LESSONS[2],
        "WeightedAdditionModel",
        "module",
        _model(2, 4, 3, 3),
        (
            "Begin with the model of the lesson before, and give each of the two tensors a weight.",
            "A tensor that a module should learn is declared in `__init__` as `nn.Parameter(...)` around a tensor.",
            "The two weights add up to 1: if `out1` has alpha, what is left for `out2`?",
        ),
        tuple(
            {**image, "alpha": alpha} for image, alpha in zip(_images(3), (0.5, 0.3, 1.7, -0.4), strict=True)
        ),
    ),
    Exercise(
        "fit_alpha",
        LESSONS[2],
        "fit_alpha",
        "fit",
        _function(2, 6, 2),
        (
            "One step: forward pass, mean squared error, backward pass, then move alpha. Repeat.",
            "`torch.optim.SGD([model.alpha], lr=lr)` moves alpha alone; gradients must be set to zero before each step.",
            "After each step, append `model.alpha.item()`: a number, not the parameter itself.",
        ),
        tuple(
            {"inputs": ((n, 1, h, w), (n, 1, h, w)), "alpha": alpha, "settings": {"steps": steps, "lr": lr}}
            for (n, h, w), alpha, steps, lr in zip(
                ((2, 5, 7), (3, 4, 6), (1, 9, 8)), (0.5, -0.8, 1.5), (6, 1, 12), (0.1, 0.3, 0.05), strict=True
            )
        ),
    ),
    Exercise(
        "identity_block",
        LESSONS[3],
        "IdentityBlock",
        "module",
        _model(2, 3, 2, 1),
        (
            "F(x) is convolution, BatchNorm, ReLU, convolution, BatchNorm. Then x joins, and a ReLU ends the block.",
            "Keep x: it is needed again after F, unchanged.",
            "The last line computes relu(F(x) + x): first the sum, then the ReLU.",
        ),
        _blocks((4,), (7,)),
    ),
    _literals(
        "plain_vs_residual",
        LESSONS[3],
        "predictions_residual",
        6,
        Question("plain_output", "choice", _LEAVES),
        Question("residual_output", "choice", _LEAVES),
        Question("deeper_plain", "choice", ("lower", "same", "higher")),
        Question("identity_parameters", "integer"),
    ),
    Exercise(
        "residual_block",
        LESSONS[3],
        "ResidualBlock",
        "module",
        _model(3, 4, 3, 2),
        (
            "Ask first: do x and F(x) have the same channels, height and width? Only then can x itself be added.",
            "Where they differ, a 1×1 convolution and a BatchNorm bring x into the shape of F(x).",
            "The shortcut's 1×1 convolution takes the same stride as the first 3×3 convolution, and out_channels.",
        ),
        _blocks((6, 6), (6, 6, 2), (6, 9, 1), (6, 9, 2)),
    ),
    Exercise(
        "tiny_resnet",
        LESSONS[3],
        "TinyResNet",
        "resnet",
        (
            Part("shape", 1, "runs, and gives (N, num_classes)"),
            Part("structure", 2, "has the blocks in the right order", ("shape",)),
            Part("training", 1, "learns", ("shape",)),
        ),
        (
            "The parts in order: a stem convolution, two blocks, an average over each feature map, a linear layer.",
            "The blocks are made by the class you are given: `block(16, 16)` and `block(16, 32, stride=2)`.",
            "`nn.AdaptiveAvgPool2d(1)` and `flatten(1)` leave 32 numbers an image for the linear layer.",
        ),
        (
            {"inputs": ((4, 1, 8, 8),), "settings": {"classes": 10}},
            {"inputs": ((5, 1, 8, 8),), "settings": {"classes": 7}},
            {"inputs": ((3, 1, 8, 8),), "settings": {"classes": 10, "default": True}},
        ),
        optional=True,
    ),
)

EXERCISES = {exercise.name: exercise for exercise in _ALL}
