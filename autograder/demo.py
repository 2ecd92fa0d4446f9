"""A class that nobody taught: its learners are drawn by chance, and what they believe is known.

An instructor can try every command on it, and see how many of the beliefs are found.
"""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.answers import Answer, answers
from autograder.engine.ours import rules_of
from autograder.exercises import EXERCISES, LESSONS
from autograder.gradebook.book import ClassGradebook
from autograder.keys.secret import KEY_STORE, SECRET_FILE, course_secret
from autograder.settings import FILE, read_settings
from autograder.submission import verdicts
from autograder.submission.course import Course

MARKER = ".demo"  # what says that a folder may be made anew
_LINKED = ("autograder", "src", "binder", ".venv")
# Tools go by where they lie; so they lie there.
_COPIED = (
    *("notebooks", "tools", "nbgrader_config.py", "pyproject.toml", "constraints.txt", "environment.yml"),
    *("LICENSE", "README.md", "Makefile"),
)
_FIRST_DUE = datetime(2026, 10, 8, 22, tzinfo=UTC)
# fmt: off
_NAMES = (
    "ada", "ben", "chidi", "dana", "emre", "fatou", "goran", "hana", "inga", "jonas", "kofi", "lena", "mateo",
    "nora", "omar", "priya", "quentin", "rosa", "sami", "tuva", "uma", "viktor", "wanja", "ximena", "yusuf",
)
# fmt: on
# What is drawn by chance, as shares.
_LATE, _BLANK, _NOTHING, _UNUSUAL = 0.12, 0.05, 0.04, 0.4
ESSAYS = (
    "A stack runs one layer after the other: 5 through double and add three is 10, then 13, and nothing is "
    "added. A skip connection adds the input of a block to its output by a written +, F(x) + x. The shapes "
    "must be the same; if not, a 1×1 convolution with the same stride projects x. A block that is not needed "
    "only has to make F(x) zero, instead of learning to copy.",
    "The skip connection adds x to what the layers of the block make of it, so the gradient has a way of its "
    "own back at the plus. The shapes have to be equal, or else a 1×1 convolution makes them so.",
    "A skip connection adds x to the output of the layers. The shapes must match.",
    "It skips layers, which makes the network faster and avoids overfitting.",
    "I think stacking layers adds them already, so you only need it for very deep networks.",
)


@dataclass(frozen=True)
class Drawn:
    """What one learner hands in of one assignment, and when (UTC); an exercise without an answer is blank."""

    learner: str
    assignment: str
    answers: Mapping[str, Answer]
    essay: str
    moment: datetime


@dataclass
class Found:
    """How the grader fared with answers of which all is known."""

    right: int = 0
    passed: int = 0
    wrong: int = 0
    failed: int = 0
    predicted: int = 0  # wrong predictions, which may count for having been made
    nameable: int = 0
    named: int = 0
    misnamed: list[str] = field(default_factory=list)


def new_course(root: Path, folder: Path) -> Course:
    """A course of its own in `folder`, which shares secret and keys with the one in `root`.

    A demonstration that was there is removed first.

    Raises:
        FileExistsError: the folder holds something else.
    """
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).is_file():
            raise FileExistsError(f"{folder} holds something else; name a new folder with --folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text(
        "Made by `python -m autograder demo`, which replaces it.\n", encoding="utf-8"
    )
    passing = shutil.ignore_patterns(".*")
    for name in _COPIED:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=passing)
        elif source.exists():
            shutil.copy2(source, folder / name)
    for name in _LINKED:
        if (root / name).exists():
            (folder / name).symlink_to((root / name).resolve(), target_is_directory=True)
    lessons = [name for name in LESSONS if (folder / "notebooks" / name).is_dir()]
    dates = [f"{name} = {_FIRST_DUE + timedelta(weeks=week):%FT%TZ}" for week, name in enumerate(lessons)]
    counts = read_settings(root)
    points = [f"{name} = {worth}" for name, worth in counts.points.items()]
    lines = ["[predictions]", f'points-for = "{counts.points_for}"', "[points]", *points, "[due]", *dates]
    (folder / FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    course_secret(root)
    (root / KEY_STORE).mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / SECRET_FILE).parent.mkdir(mode=0o700)
    for name in (SECRET_FILE, KEY_STORE):
        (folder / name).symlink_to((root / name).resolve())
    return Course.open(folder)


def draw(course: Course, students: int, seed: int) -> list[Drawn]:
    """Draw learners and their answers; few hand in nothing, some too late."""
    chance = random.Random(seed)
    found = []
    for learner in _ids(students):
        skill = chance.uniform(0.35, 0.95)
        for assignment, due in course.settings.due.items():
            assert due is not None  # they are the demonstration's own
            names = course.exercises(assignment)
            chosen = {name: one for name in names if (one := _draw(chance, name, skill))}
            essay = min(int(chance.expovariate(2.5 * skill) * 2), len(ESSAYS))
            early = 1 if chance.random() < _LATE else -1
            moment = due + early * timedelta(minutes=chance.randrange(5, 4000))
            if chance.random() >= _NOTHING:
                found.append(Drawn(learner, assignment, chosen, [*ESSAYS, ""][essay], moment))
    return found


def hand_in(course: Course, drawn: Sequence[Drawn]) -> None:
    """Put notebooks into `submitted/`, and names into a roster, which formgrader shows."""
    names = [f"{learner},{learner.capitalize()},Example" for learner in {one.learner: None for one in drawn}]
    roster = "\n".join(["learner,first name,last name", *names])
    (course.root / "roster.csv").write_text(roster + "\n", encoding="utf-8")
    with ClassGradebook(course.root) as book:
        released = {assignment: book.register(assignment) for assignment in course.masters}
    for one in drawn:
        texts = {name: _cell(answer.source) for name, answer in one.answers.items()}
        texts |= {"explain_skip": one.essay} if one.essay else {}
        _put(
            course.root / "submitted" / one.learner / one.assignment,
            released[one.assignment],
            texts,
            one.moment,
        )


def _ids(count: int) -> list[str]:
    names = [f"{name}{round_ or ''}" for round_ in range(count // len(_NAMES) + 1) for name in _NAMES]
    return names[:count]


def _draw(chance: random.Random, exercise: str, skill: float) -> Answer | None:
    """An answer: blank, right, right in an unusual way, or wrong, the first in its file most often."""
    if chance.random() < _BLANK:
        return None
    right, wrong = _known(exercise)
    if chance.random() < skill:
        return chance.choice(right[1:] or right) if chance.random() < _UNUSUAL else right[0]
    return chance.choices(wrong, [1 / place for place in range(1, len(wrong) + 1)])[0]


@cache
def _known(exercise: str) -> tuple[list[Answer], list[Answer]]:
    """The right answers to an exercise, and the wrong ones."""
    known = [answer for answer in answers() if answer.exercise == exercise]
    return [one for one in known if one.right], [one for one in known if not one.right]


def _cell(source: str) -> str:
    """An answer as it is handed in: what the lesson does not import, its cell does."""
    return f"import torch.nn.functional as F\n\n{source}" if re.search(r"\bF\.", source) else source


def _put(folder: Path, released: NotebookNode, texts: Mapping[str, str], moment: datetime) -> None:
    notebook: Any = nbformat.from_dict(released)
    cells = [cell.copy() for cell in notebook.cells]
    for cell in cells:
        cell["source"] = texts.get(rules_of(cell).get("grade_id", ""), cell["source"])
    folder.mkdir(parents=True)
    nbformat.write(nbformat.from_dict({**notebook, "cells": cells}), folder / f"{folder.name}.ipynb")
    (folder / "timestamp.txt").write_text(f"{moment:%Y-%m-%d %H:%M:%S} UTC\n", encoding="utf-8")


def compare(course: Course, drawn: Iterable[Drawn]) -> Found:
    """What the grader said of each answer, beside what is known of it."""
    found = Found()
    for one in drawn:
        verdict = verdicts.load(verdicts.verdict_path(course.root, one.learner, one.assignment))
        for report in verdict.reports if verdict else ():
            answer = one.answers.get(report.exercise)
            if answer is None:
                continue
            if answer.right:
                found.right += 1
                found.passed += report.status == "passed"
                continue
            predicted = EXERCISES[report.exercise].kind == "literals"
            found.wrong += 1
            found.predicted += predicted
            found.failed += report.status == "failed" and not predicted
            found.nameable += answer.diagnoses != {None}
            found.named += report.diagnosis is not None and report.diagnosis in answer.diagnoses
            if report.diagnosis not in {None, *answer.diagnoses}:
                found.misnamed.append(f"{one.learner}/{report.exercise}: {report.diagnosis}")
    return found
