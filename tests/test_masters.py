"""A master that does not fit its exercises is the instructor's mistake, and never costs a learner points."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.__main__ import main
from autograder.exercises import LESSONS
from autograder.submission.course import Course
from autograder.submission.masters import MasterError, read_master
from grading_course import make_course, master

LESSON = LESSONS[1]
Harm = Callable[[list[Any]], object]


def cell(cells: list[Any], grade_id: str) -> Any:
    return next(c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def says(cells: list[Any], grade_id: str, source: str) -> None:
    cell(cells, grade_id)["source"] = source.splitlines(keepends=True)


def rules(cells: list[Any], grade_id: str, /, **changes: Any) -> None:
    cell(cells, grade_id)["metadata"]["nbgrader"].update(changes)


def another(cells: list[Any], grade_id: str, **changes: Any) -> None:
    """A copy of a test cell, with other rules."""
    copy = json.loads(json.dumps(cell(cells, "addition_model_check")))
    copy["metadata"]["nbgrader"].update(changes, grade_id=grade_id)
    cells.append({**copy, "id": "another"})


TEST, SOLUTION = "addition_model_check", "addition_model"
UNFIT: dict[str, tuple[Harm, str]] = {
    "other points": (lambda c: rules(c, TEST, points=7), "gives 7 points, but the parts.* add up to 8"),
    "no points": (lambda c: rules(c, TEST, points=None), "gives 0 points, but the parts.* add up to 8"),
    "points of predictions": (
        lambda c: rules(c, "predict_addition_check", points=4.5),
        "predict_addition_check gives 4.5 points, but the parts.* add up to 4",
    ),
    "no test cell": (lambda c: c.remove(cell(c, TEST)), f"expects a test cell .*{TEST}, but there is none"),
    "a misspelt test cell": (
        lambda c: rules(c, TEST, grade_id="addition_model_chek"),
        f"expects a test cell .*{TEST}, but there is only addition_model_chek",
    ),
    "a test cell of no exercise": (
        lambda c: another(c, "no_exercise_check"),
        "no test cells but .*there is no_exercise_check; add its exercise",
    ),
    "a test cell of another lesson": (
        lambda c: another(c, "residual_block_check"),
        "no test cells but .*there is residual_block_check",
    ),
    "a test of nbgrader's kind": (lambda c: another(c, "test_sum"), "no test cells but .*there is test_sum"),
    "no solution cell": (
        lambda c: c.remove(cell(c, SOLUTION)),
        "addition_model expects a solution cell with that grade_id, but there is none",
    ),
    "a misspelt solution cell": (
        lambda c: rules(c, SOLUTION, grade_id="adition_model"),
        "addition_model expects a solution cell",
    ),
    "a solution cell that is none": (
        lambda c: rules(c, SOLUTION, solution=False),
        "addition_model expects a solution cell",
    ),
    "no solution region": (
        lambda c: says(c, SOLUTION, "class AdditionModel:\n    pass\n"),
        "expects its answer between ### BEGIN SOLUTION and ### END SOLUTION",
    ),
    "a region without end": (
        lambda c: says(c, SOLUTION, "### END SOLUTION\n### BEGIN SOLUTION\nAdditionModel = 1\n"),
        "expects its answer between",
    ),
    "another symbol": (
        lambda c: says(c, TEST, 'check("addition_model", AdditionModle)'),
        r'expects check\("addition_model", AdditionModel\) as its last line',
    ),
    "another exercise is checked": (
        lambda c: says(c, TEST, 'check("repair_addition", RepairedModel)'),
        r'expects check\("addition_model", AdditionModel\)',
    ),
    "nothing is checked": (lambda c: says(c, TEST, ""), r'expects check\("addition_model", AdditionModel\)'),
    "a test that is no Python": (lambda c: says(c, TEST, 'check("addition_model"'), "expects check"),
    "an exercise left out": (
        lambda c: [c.remove(cell(c, name)) for name in (SOLUTION, TEST)],
        "addition_model expects a solution cell .*out of autograder/exercises/__init__.py",
    ),
}
FIT: dict[str, Harm] = {
    "as it is": lambda c: None,
    "other quotes": lambda c: says(
        c, TEST, "# The sum.\ncheck('addition_model', AdditionModel)  # 8 points\n"
    ),
    "a source in one piece": lambda c: cell(c, TEST).update(source='check("addition_model", AdditionModel)'),
    "an answer marked by hand": lambda c: another(c, "essay", solution=True),
    "points as a float": lambda c: rules(c, TEST, points=8.0),
}


def written(path: Path, harm: Harm) -> Path:
    """The lesson's master, harmed, at `path`."""
    notebook = json.loads(master(LESSON))
    harm(notebook["cells"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


@pytest.mark.parametrize(("harm", "reason"), UNFIT.values(), ids=UNFIT)
def test_a_master_that_does_not_fit_is_refused(harm: Harm, reason: str, tmp_path: Path) -> None:
    """One line names the file, what was expected and what came."""
    path = written(tmp_path / f"{LESSON}.ipynb", harm)
    with pytest.raises(MasterError, match=reason) as refused:
        read_master(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("harm", FIT.values(), ids=FIT)
def test_a_master_that_fits_is_read(harm: Harm, tmp_path: Path) -> None:
    """How a test cell is written is free, and what people mark is nobody's business here."""
    assert read_master(written(tmp_path / f"{LESSON}.ipynb", harm))["cells"]


def test_a_lesson_without_exercises_may_be_there(tmp_path: Path) -> None:
    """An instructor's own lesson, of which nothing is graded automatically."""
    lesson: dict[str, Any] = {"cells": [{"cell_type": "markdown", "metadata": {}, "source": "# More"}]}
    path = tmp_path / "05_more.ipynb"
    path.write_text(json.dumps(lesson))
    assert read_master(path) == lesson


@pytest.mark.parametrize("command", ["release", "check", "grade"])
def test_each_command_refuses_it_before_it_starts(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2 and one line on stderr; nothing is written, and nobody gets marks."""
    root = make_course(tmp_path / "course")
    path = written(root / "notebooks" / LESSON / f"{LESSON}.ipynb", lambda c: rules(c, TEST, points=7))
    handed_in = written(root / "submitted" / "ana" / LESSON / f"{LESSON}.ipynb", lambda c: None)
    before = sorted(root.rglob("*"))
    monkeypatch.chdir(root)
    assert main([command, *([str(handed_in)] if command == "check" else [])]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(rf"autograder {command}: {re.escape(str(path))}: .* 7 points, .* 8; change .*\n", err)
    assert sorted(root.rglob("*")) == before


def test_the_masters_of_the_course_fit(tmp_path: Path) -> None:
    assert list(Course.open(make_course(tmp_path / "course")).masters) == list(LESSONS)
