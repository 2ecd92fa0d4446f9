"""What an exercise is made of: the right answer and the wrong ones, points, cases and hints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sumskip.checking.core import Case, Hint, Kind, Part
from sumskip.checking.key import Question


@dataclass(frozen=True)
class Misconception:
    """A wrong answer to recognise, and what to say to it.

    `build` is the answer itself, as a learner would hand it in: a class or a function. Several may
    share an `id`: the same idea in another guise. The `sentence` says what was observed against what
    was expected, then one action or question, in at most 30 words.

    The first of those that an answer equals is named, so the more specific stand first.
    """

    id: str
    build: Any
    sentence: str


@dataclass(frozen=True)
class Exercise:
    """All that is decided about one exercise that is graded automatically.

    `answer` is the right one, as a learner would hand it in: a class, a function or a dict of literals. Where the
    text leaves a choice that values show, `also_right` are those that chose otherwise; `answer` has all roles.
    Each of the `variants` is what its case asks beyond the kind and the seed. `binds` is the name that the
    solution cell binds, where the answer has none of its own. The `hints` go from the idea to nearly the code. `name` and `assignment` come from the
    exercise's place in the order (see `autograder.exercises`).
    """

    kind: Kind
    answer: Any
    parts: tuple[Part, ...]
    hints: tuple[Hint, ...] = ()
    variants: tuple[dict[str, Any], ...] = ()
    wrong: tuple[Misconception, ...] = ()
    questions: tuple[Question, ...] = ()
    also_right: tuple[Any, ...] = ()
    binds: str = ""
    name: str = ""
    assignment: str = ""

    @property
    def symbol(self) -> str:
        return self.binds or str(self.answer.__name__)

    @property
    def rights(self) -> tuple[Any, ...]:
        return (self.answer, *self.also_right)

    @property
    def points(self) -> float:
        return round(sum(part.points for part in self.parts), 6)  # six shares of 4 are 3.9999999999999996

    def cases(self, seed: str) -> Iterator[Case]:
        """The questions put to an answer; a model is asked each with and without biases, or only without."""
        for number, variant in enumerate(self.variants, 1):
            made: dict[str, Any] = {"kind": self.kind, "seed": f"{seed}/{number}", **variant}
            yield Case(id=f"{number}", **made)
            if self.kind == "module" and made.get("biases", True):
                yield Case(id=f"{number}-no-bias", **{**made, "biases": False})


# --- predictions --------------------------------------------------------------------------------------


def predictions(binds: str, points: float, *questions: Question) -> Exercise:
    """An exercise whose answer is a dict of literals; its questions are worth the same."""
    return Exercise(
        kind="literals",
        answer={question.name: question.answer for question in questions},
        parts=tuple(Part(question.name, points / len(questions), question.name) for question in questions),
        questions=questions,
        binds=binds,
    )


def asked(
    name: str,
    form: str,
    answer: Any,
    wrong: Mapping[Any, tuple[str, str]],
    choices: tuple[str, ...] = (),
) -> Question:
    """One question; `wrong` gives the wrong values known, each with an id and the sentence to say to it."""
    return Question(name, form, choices, answer, tuple((value, *said) for value, said in wrong.items()))


# --- models and functions -----------------------------------------------------------------------------


def model_parts(
    shape: float, values: float, gradients: float, parameters: float, *more: Part
) -> tuple[Part, ...]:
    return (
        Part("shape", shape, "runs, and gives the right shape"),
        Part("values", values, "gives the right values", ("shape",)),
        Part("gradients", gradients, "passes the right gradients back", ("shape", "values")),
        Part("parameters", parameters, "registers what must learn", ("shape",)),
        *more,
    )


# Sizes that no two dimensions share, so that a swapped or broadcast one shows: smaller and larger than
# the lessons' 32×32, N never 1 alone, never equal to the channels.
_SIZES = ((2, 5, 7), (5, 4, 3), (1, 34, 33), (3, 9, 6))


# What an answer cuts off it cuts off far below this, pixels at 255 and activations at 6.
_LOUD = 1000.0
# Beside the variance of such inputs, another eps than 1e-5 shows.
_QUIET = 0.1


def images(channels: int) -> tuple[dict[str, Any], ...]:
    """Inputs (N, channels, H, W) for a model whose `__init__` takes no argument; the second is loud."""
    modes, scales = ("train", "eval", "eval", "train"), (1.0, _LOUD, 1.0, 1.0)
    return tuple(
        {"inputs": ((n, channels, h, w),), "mode": mode, "scales": (scale,)}
        for (n, h, w), mode, scale in zip(_SIZES, modes, scales, strict=True)
    )


def blocks(*configurations: tuple[int, ...]) -> tuple[dict[str, Any], ...]:
    """Each configuration, the arguments of `__init__`, in both modes; H and W are even and odd in turn.

    Every second configuration is quiet in train mode, where BatchNorm makes up for it, and loud in eval mode.
    """
    made = []
    for i, init in enumerate(configurations):
        for mode, scale in (("train", _QUIET), ("eval", _LOUD)):
            shape = (3, init[0], 8, 6) if (i + (mode == "eval")) % 2 else (4, init[0], 7, 9)
            made.append(
                {"init": init, "mode": mode, "inputs": (shape,), "scales": (scale if i % 2 else 1.0,)}
            )
    return tuple(made)


def default(part: str, *init: int) -> dict[str, Any]:
    """A case for the `part` alone that the model can be made so, with arguments left out."""
    return {"init": init, "inputs": ((4, init[0], 7, 9),), "part": part}
