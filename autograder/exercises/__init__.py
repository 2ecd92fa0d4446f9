"""The exercises that are graded automatically, in the order of the lessons; `docs/adding-an-exercise.md`.

A module of this package, NAME.py, holds all that is decided about the exercise NAME; its place below gives
it its name and its lesson. What they are made of is in `vocabulary`; what wrong models share, in `building`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module

from autograder.exercises.vocabulary import Exercise

_ORDER = {
    "01_sequential_flow": (
        "predict_flow",
        "sequential_model",
        "intermediate_outputs",
    ),
    "02_explicit_addition": (
        "predict_addition",
        "repair_addition",
        "addition_model",
        "projected_addition_model",
    ),
    "03_weighted_addition": (
        "what_trains",
        "weighted_addition_model",
        "fit_alpha",
    ),
    "04_residual_networks": (
        "identity_block",
        "plain_vs_residual",
        "residual_block",
        "tiny_resnet",
    ),
}

LESSONS = tuple(_ORDER)
LESSON_OF = {name: lesson for lesson, names in _ORDER.items() for name in names}


class _Exercises(Mapping[str, Exercise]):
    """The exercises by name, in order. Each is imported when it is asked for: its models bring PyTorch along,
    of which grading, with the keys at hand, has no need.
    """

    def __getitem__(self, name: str) -> Exercise:
        lesson = LESSON_OF[name]
        exercise: Exercise = import_module(f"{__name__}.{name}").EXERCISE
        return replace(exercise, name=name, assignment=lesson)

    def __contains__(self, name: object) -> bool:
        return name in LESSON_OF

    def __iter__(self) -> Iterator[str]:
        return iter(LESSON_OF)

    def __len__(self) -> int:
        return len(LESSON_OF)


EXERCISES = _Exercises()
