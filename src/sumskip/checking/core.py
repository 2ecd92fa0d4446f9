"""The vocabulary that checking and grading share.

A `Case` is one question: how to build the learner's answer, which numbers go into it, what to
observe. An `Observation` is what came back: arrays and bounded JSON, nothing that can run. A `Key`
holds the observations a right answer makes, and those of the wrong models we know. `judge` compares
them and writes a `Report`. Nothing here needs torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sumskip.seeded import numbers

Array = NDArray[Any]
Kind = Literal["module", "outputs", "fit", "literals"]
Status = Literal["passed", "failed", "not_graded"]

# How a weight is kept that no optimiser's step can change: computed in each pass, or there too late.
LOOSE = "computed from unregistered tensors"
CUT = "computed without a gradient"
LATE = "parameter that a forward pass registers"
BLOCK = "block"  # stands in `Case.init` for a class of ours that makes blocks
MAX_PERMUTATIONS = 24  # orders that are tried where weights cannot be told apart


@dataclass(frozen=True)
class Case:
    """One question put to an answer. Plain JSON; every number in it comes from `seed`.

    Weights are not listed: `numbers(seed, role, shape)` makes them for whatever shape a role has in
    the learner's model, so that a wrong model gets its weights too, and is recognised by them.

    `init` are the arguments of `__init__`, where `BLOCK` stands for a class. `inputs` are shapes,
    `(N, C, H, W)` each, and `scales` how loud each is (1 where none is said): a loud one shows what is cut
    off far out, a quiet one what is added near zero. `settings` holds what only one `kind` needs. A case that
    has a `part` asks for that alone: it costs no other, and values in it do not count.
    """

    id: str
    kind: Kind
    seed: str
    init: tuple[int | str, ...] = ()
    inputs: tuple[tuple[int, ...], ...] = ()
    mode: Literal["train", "eval"] = "train"
    biases: bool = True
    alpha: float | None = None
    permutation: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    scales: tuple[float, ...] = ()
    part: str = ""

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__, "settings": dict(self.settings)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Case:
        inputs = tuple(tuple(shape) for shape in data["inputs"])
        tuples = {"init": tuple(data["init"]), "inputs": inputs, "scales": tuple(data["scales"])}
        return cls(**{**data, **tuples})

    @property
    def loudest(self) -> float:
        """The largest scale of its inputs, at least 1."""
        return max((1.0, *self.scales))


@dataclass(frozen=True)
class Observation:
    """What an answer did with one case: numeric arrays by name, and JSON-able facts."""

    arrays: Mapping[str, Array] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


class Interrupted(BaseException):
    """Ends a question from outside, as a time limit does: never the answer's own doing."""


Ask = Callable[[Case], Observation]


@dataclass(frozen=True)
class Part:
    """A share of an exercise's points, which may be others; it counts only where all its `needs` are met."""

    id: str
    points: float
    title: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hint:
    """One rung of a ladder, from the idea to nearly the code; `helps` names the diagnoses it is best for."""

    text: str
    helps: str = ""


@dataclass(frozen=True)
class PartResult:
    """How one part went: its title, and the points it earned of those it has."""

    title: str
    score: float
    max_score: float


@dataclass(frozen=True)
class Report:
    """The verdict on one exercise. `score` is finite and 0 <= score <= max_score, which is 0 where nothing
    is graded yet: of predictions in a notebook.

    `message` is the sentence for the learner; `details` are lines of expected beside actual. `beliefs` says
    of each prediction, by question, what it shows: "right", the id of a wrong value that we know, or "other".
    `case` is the id of the case that shows what is wrong; `order`, where the answer is a wrong model that we
    know, the order of interchangeable weights in which it is.
    """

    exercise: str
    score: float
    max_score: float
    status: Status
    message: str
    diagnosis: str | None = None
    details: tuple[str, ...] = ()
    parts: tuple[PartResult, ...] = ()
    hints: tuple[str, ...] = ()
    beliefs: Mapping[str, str] = field(default_factory=dict)
    case: str = ""
    order: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The object that `python -m autograder check --json` prints for one exercise."""
        return {
            "exercise": self.exercise,
            "score": self.score,
            "max_score": self.max_score,
            "status": self.status,
            "diagnosis": self.diagnosis,
            "message": self.message,
        }


def input_numbers(case: Case, index: int) -> NDArray[np.float64]:
    """The input with this index (from 1) of a case, uniform with its scale as deviation, `(N, C, H, W)`."""
    scale = case.scales[index - 1] if case.scales else 1.0
    return numbers(case.seed, f"input#{index}", case.inputs[index - 1]) * 3**0.5 * scale


def weight_numbers(case: Case, role: str, shape: tuple[int, ...]) -> Array:
    """The values that `role` gets: spread so that feature maps keep a variance near 1.

    Biases are zero where the case says so. BatchNorm's gain and running statistics are random too:
    fresh ones (1, 0, 0, 1) would hide a BatchNorm that is missing.
    """
    given = case.settings.get("weights", {}).get(role)
    if given is not None:
        return np.asarray(given, dtype=np.float64).reshape(shape)
    unit = numbers(case.seed, role, shape)
    op, slot = role.split("#")[0], role.rsplit(".", 1)[-1]
    if slot == "bias" and op in ("conv2d", "linear"):
        return unit * (0.5 if case.biases else 0.0)
    if slot in ("bias", "running_mean"):
        return unit * 0.5
    if op.endswith("_norm"):
        return 1.0 + 0.5 * unit
    fan_in = max(1, int(np.prod(shape[1:])))
    return unit * (3.0 / fan_in) ** 0.5


def supplied_weight_numbers(case: Case, name: str, shape: tuple[int, ...]) -> Array:
    """The values of a weight called `name` in a model of ours, whose names are ours too."""
    return weight_numbers(case, f"conv2d#{name}.{name.rsplit('.', 1)[-1]}", shape)


def positions(case: Case) -> int:
    """How many positions the case's largest input has, N·H·W: a weight's gradient is a sum over them."""
    return max((math.prod(shape) // max(1, shape[1]) for shape in case.inputs if len(shape) > 1), default=1)


def step_size(case: Case) -> float:
    """The rate of the one step of gradient descent after which an answer is looked at again.

    A weight's gradient sums over all positions, in random directions: it grows with the root of their
    number, and with the input. So weights change by some hundredths and outputs by a tenth, a thousand times
    the tolerance.
    """
    return 0.01 / math.sqrt(positions(case)) / case.loudest


def is_optional_bias(role: str) -> bool:
    """Whether `role` is the bias of a convolution or linear layer, which a right answer may lack."""
    return role.endswith(".bias") and not role.startswith("batch_norm")
