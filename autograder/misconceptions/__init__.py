"""What learners get wrong: a misconception is a wrong model and the sentence that repairs it.

The models live in one module per exercise, each a list `MISCONCEPTIONS`. For the exercises that are
dicts of literals there is nothing to run; there each wrong choice has its sentence, in `CHOICES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

LITERALS = ("predict_flow", "predict_addition", "what_trains", "plain_vs_residual")


@dataclass(frozen=True)
class Misconception:
    """A wrong answer to recognise, and what to say to it.

    `build` is the answer itself, as a learner would hand it in: a class or a function. Several may
    share an `id`: the same idea in another guise. The `sentence` says what was observed against what
    was expected, then one action or question, in at most 30 words.
    """

    id: str
    build: Any
    sentence: str


class Choice(NamedTuple):
    """What to say to one wrong choice among literals."""

    id: str
    sentence: str


def misconceptions(exercise: str) -> tuple[Misconception, ...]:
    """The wrong models known for `exercise`; none for the exercises made of literals."""
    if exercise in LITERALS:
        return ()
    return tuple(import_module(f"{__name__}.{exercise}").MISCONCEPTIONS)


def wrong_choices(exercise: str) -> Mapping[str, Mapping[Any, Choice]]:
    """For each question of an exercise made of literals, the wrong values known; else empty."""
    if exercise not in LITERALS:
        return {}
    choices: Mapping[str, Mapping[Any, Choice]] = import_module(f"{__name__}.{exercise}").CHOICES
    return choices
