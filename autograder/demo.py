"""A class that nobody taught: its learners are drawn by chance, and what they believe is known.

An instructor can try every command on it, and see how many of the beliefs are found.
"""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.answers import Answer, answers
from autograder.engine.ours import rules_of
from autograder.exercises import EXERCISES
from autograder.gradebook.book import ClassGradebook
from autograder.keys.secret import KEY_STORE, SECRET_FILE, course_secret
from autograder.submission import verdicts
from autograder.submission.course import Course

MARKER = ".demo"  # what says that a folder may be made anew
_LINKED = ("autograder", "src", "binder", "tools")
_COPIED = (
    *("notebooks", "nbgrader_config.py", "course.toml", "pyproject.toml", "constraints.txt"),
    *("environment.yml", "LICENSE", "README.md", "Makefile"),
)
_FIRST_DUE = datetime(2026, 10, 8, 22)
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
class Class:
    """What a class handed in: by learner and exercise, the answer that was drawn; None where it is blank."""

    drawn: Mapping[tuple[str, str], Answer | None]
    late: Sequence[tuple[str, str]] = ()
    nothing: Sequence[tuple[str, str]] = ()


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
        (folder / name).symlink_to((root / name).resolve(), target_is_directory=True)
    course_secret(root)
    (root / KEY_STORE).mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / SECRET_FILE).parent.mkdir(mode=0o700)
    for name in (SECRET_FILE, KEY_STORE):
        (folder / name).symlink_to((root / name).resolve())
    return Course.open(folder)


def hand_in(course: Course, students: int, seed: int) -> Class:
    """Draw learners and their answers, and put notebooks into `submitted/`; a lesson is due each week."""
    chance = random.Random(seed)
    learners = _ids(students)
    skill = {learner: chance.uniform(0.35, 0.95) for learner in learners}
    drawn: dict[tuple[str, str], Answer | None] = {}
    late, nothing = [], []
    with ClassGradebook(course.root) as book:
        for week, assignment in enumerate(course.masters):
            released = book.register(assignment)
            due = _FIRST_DUE + timedelta(weeks=week)
            book.gradebook.find_assignment(assignment).duedate = due
            for learner in learners:
                if chance.random() < _NOTHING:
                    nothing.append((learner, assignment))
                    continue
                chosen = {name: _draw(chance, name, skill[learner]) for name in course.exercises(assignment)}
                drawn |= {(learner, name): answer for name, answer in chosen.items()}
                texts = {name: _cell(answer.source) for name, answer in chosen.items() if answer}
                essay = min(int(chance.expovariate(2.5 * skill[learner]) * 2), len(ESSAYS))
                if essay < len(ESSAYS):
                    texts |= {
                        name: ESSAYS[essay] for name in course.points(assignment) if name == "explain_skip"
                    }
                is_late = chance.random() < _LATE
                late += [(learner, assignment)] if is_late else []
                moment = due + (1 if is_late else -1) * timedelta(minutes=chance.randrange(5, 4000))
                _put(course.root / "submitted" / learner / assignment, released, texts, moment)
        book.gradebook.commit_all()
    return Class(drawn, late, nothing)


def _ids(count: int) -> list[str]:
    names = [f"{name}{round_ or ''}" for round_ in range(count // len(_NAMES) + 1) for name in _NAMES]
    return names[:count]


def _draw(chance: random.Random, exercise: str, skill: float) -> Answer | None:
    """An answer: blank, right, right in an unusual way, or wrong, the first in its file most often."""
    if chance.random() < _BLANK:
        return None
    known = [answer for answer in answers() if answer.exercise == exercise]
    right = [answer for answer in known if answer.right]
    if chance.random() < skill:
        return chance.choice(right[1:] or right) if chance.random() < _UNUSUAL else right[0]
    wrong = [answer for answer in known if not answer.right]
    return chance.choices(wrong, [1 / place for place in range(1, len(wrong) + 1)])[0]


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


def compare(course: Course, drawn: Class) -> Found:
    """What the grader said of each answer, beside what is known of it."""
    found = Found()
    for (learner, exercise), answer in drawn.drawn.items():
        assignment = next(name for name in course.masters if exercise in course.exercises(name))
        verdict = verdicts.load(verdicts.verdict_path(course.root, learner, assignment))
        if answer is None or verdict is None:
            continue
        [report] = [one for one in verdict.reports if one.exercise == exercise]
        if answer.right:
            found.right += 1
            found.passed += report.status == "passed"
            continue
        found.wrong += 1
        predicted = EXERCISES[exercise].kind == "literals"
        found.predicted += predicted
        found.failed += report.status == "failed" and not predicted
        found.nameable += answer.diagnoses != {None}
        found.named += report.diagnosis is not None and report.diagnosis in answer.diagnoses
        if report.diagnosis not in {None, *answer.diagnoses}:
            found.misnamed.append(f"{learner}/{exercise}: {report.diagnosis}")
    return found
