"""A class to report on: a real gradebook and verdicts, of answers whose marks and beliefs are known."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from autograder.__main__ import main
from autograder.engine.plan import Task
from autograder.exercises import EXERCISES
from autograder.keys.making import make_key
from grading_course import (
    FakeEngine,
    answered,
    hand_in,
    make_course,
    put_engine,
    rehearse_course,
    release_notebooks,
)
from sumskip.checking.core import Report
from sumskip.checking.key import Key
from sumskip.checking.predictions import judge_predictions


@cache
def _key(name: str) -> Key:
    return make_key(name, "seed", secret=True)


class KnowingEngine(FakeEngine):
    """An engine that runs nothing: `# shows ID` in an answer is its diagnosis; predictions are judged."""

    def _report(self, step: Task, source: str) -> Report:
        assert step.exercise is not None
        exercise = EXERCISES[step.exercise]
        if exercise.kind == "literals":
            dictionary = source.partition("=")[2].strip()
            given = ast.literal_eval(dictionary) if dictionary else None
            as_json = given and {k: list(v) if isinstance(v, tuple) else v for k, v in given.items()}
            return judge_predictions(_key(exercise.name), as_json, True)
        if "# shows " in source:
            shows = source.split("# shows ")[1].split()[0]
            sentence = next((wrong.sentence for wrong in exercise.wrong if wrong.id == shows), "")
            return Report(exercise.name, 0.0, step.max_score, "failed", sentence, diagnosis=shows)
        return super()._report(step, source)


def graded_class(
    root: Path,
    handed_in: Mapping[str, Mapping[str, Mapping[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A course in which this was handed in, by learner, assignment and exercise, and then graded."""
    make_course(root)
    rehearse_course(monkeypatch, root)
    put_engine(monkeypatch, KnowingEngine())
    lessons = tuple(sorted({lesson for lessons in handed_in.values() for lesson in lessons}))
    released = release_notebooks(root, lessons)
    for learner, assignments in handed_in.items():
        for assignment, answers in assignments.items():
            hand_in(root, learner, assignment, answered(released[assignment], answers))
    assert main(["grade", "--no-feedback", "--jobs", "1"]) == 0
    return root
