"""A master that does not fit its exercises is the instructor's mistake, and never costs a learner points."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook

from autograder.__main__ import main
from autograder.exercises import EXERCISES, LESSONS
from autograder.submission.course import Course
from autograder.submission.masters import MasterError, read_master
from grading_course import (
    ROOT,
    FakeEngine,
    hand_in,
    make_course,
    master,
    nbgrader,
    put_engine,
    release_notebooks,
)

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


# --- beside the masters, and a master that changes ------------------------------------------------------


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course root as the working directory, with an engine that runs nothing."""
    root = make_course(tmp_path / "course")
    monkeypatch.chdir(root)
    put_engine(monkeypatch, FakeEngine())
    monkeypatch.setattr(Course, "prepare", lambda *_args: None)
    return root


def points(root: Path) -> dict[str, list[tuple[str, float]]]:
    """What the gradebook knows: the notebooks of each assignment, and their points."""
    with Gradebook(f"sqlite:///{root}/gradebook.db") as book:
        return {
            one.name: sorted((notebook.name, notebook.max_score) for notebook in one.notebooks)
            for one in book.assignments
        }


def litter(folder: Path, name: str) -> None:
    """What editors and instructors leave beside a master."""
    for copied in (f"{name}-Copy1.ipynb", f"{name} (1).ipynb", "a.ipynb"):
        shutil.copy(folder / f"{name}.ipynb", folder / copied)
    (folder / "Untitled.ipynb").write_text("")
    (folder / "pictures").mkdir()
    (folder / "pictures" / "chain.png").write_bytes(b"png")


@pytest.mark.slow
@pytest.mark.parametrize("plainly", [False, True], ids=["grade", "nbgrader"])
def test_what_lies_beside_a_master_changes_no_points(plainly: bool, course: Path) -> None:
    """A copy, an empty notebook and pictures: each assignment has one notebook and its own points."""
    clean = make_course(course.parent / "clean")
    released = release_notebooks(clean, LESSONS[:2])
    litter(course / "notebooks" / LESSON, LESSON)
    for learner in ("ana", "ben"):
        for name in LESSONS[:2]:
            hand_in(course, learner, name, released[name])
    if plainly:
        said = nbgrader(course, "generate_assignment", LESSON).stderr
        assert f"{LESSON}.ipynb is the assignment; beside it and not taken: " in said
        assert f"{LESSON}-Copy1.ipynb" in said
        assert [path.name for path in (course / "release" / LESSON).glob("*.ipynb")] == [f"{LESSON}.ipynb"]
    assert main(["grade", "--no-feedback"]) == 0
    assert points(course) == points(clean)


@pytest.mark.slow
def test_points_that_had_doubled_are_mended(course: Path) -> None:
    """A gradebook that took a copy for a second notebook forgets it, also when submissions are recorded."""
    released = release_notebooks(course, (LESSON,))[LESSON]
    config = course / "nbgrader_config.py"
    text = config.read_text()
    config.write_text(text.replace("c.GenerateAssignment.pre_convert_hook", "unused"))
    litter(course / "notebooks" / LESSON, LESSON)
    (course / "notebooks" / LESSON / "Untitled.ipynb").unlink()
    nbgrader(course, "generate_assignment", LESSON, "--force")
    assert len(points(course)[LESSON]) == 4
    hand_in(course, "ana", LESSON, released)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        book.update_or_create_student("ana")
        book.update_or_create_submission(LESSON, "ana")
    config.write_text(text)
    assert main(["grade", "--no-feedback"]) == 0
    assert [name for name, _ in points(course)[LESSON]] == [LESSON]


def essay(cells: list[Any]) -> None:
    """One more question for a person to mark."""
    another(cells, "essay", solution=True, points=3)


CHANGES: dict[str, tuple[Harm, str]] = {
    "a cell added": (essay, "(added: essay)"),
    "a cell taken away": (lambda c: c.remove(locked(c)), "(taken away: {locked})"),
    "a cell renamed": (
        lambda c: locked(c)["metadata"]["nbgrader"].update(grade_id="renamed"),
        "(added: renamed; taken away: {locked})",
    ),
}


def locked(cells: list[Any]) -> dict[str, Any]:
    """A cell of nbgrader's that is no part of an exercise."""
    of_exercises = {f"{name}{end}" for name in EXERCISES for end in ("", "_check")}
    named = [c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id", "a") not in of_exercises]
    found: dict[str, Any] = next(c for c in named if "nbgrader" in c["metadata"])
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("change", "named"), CHANGES.values(), ids=CHANGES)
def test_a_changed_assignment_stops_no_other_and_the_ways_out_work(
    change: Harm, named: str, course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other lessons are graded, the message names cells and ways out, and both ways do what it says."""
    released = release_notebooks(course, LESSONS[:2])
    path = course / "notebooks" / LESSON / f"{LESSON}.ipynb"
    before = path.read_text(encoding="utf-8")
    for name in LESSONS[:2]:
        hand_in(course, "ana", name, released[name])
    assert main(["grade", "--no-feedback"]) == 0
    for name in LESSONS[:2]:
        hand_in(course, "ben", name, released[name])
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        book.find_grade(TEST, LESSON, LESSON, "ana").manual_score = 5
        book.db.commit()
    capsys.readouterr()
    written(path, change)
    assert main(["grade", "--no-feedback"]) == 2
    out, err = capsys.readouterr()
    expected = named.format(locked=locked(json.loads(before)["cells"])["metadata"]["nbgrader"]["grade_id"])
    [line] = [line for line in err.splitlines() if line.startswith("autograder grade:")]
    assert f"{LESSON} was not graded: its master has changed" in line
    assert expected in line
    assert "all marks stay" in line
    assert f"nbgrader db assignment remove {LESSON} --force" in line
    assert f"{LESSONS[0]}: 2 graded" in out
    assert handed_in(course) == {(LESSONS[0], "ana"), (LESSONS[0], "ben"), (LESSON, "ana")}
    # The one way: the master is put back, and the mark that a person gave is still there.
    path.write_text(before, encoding="utf-8")
    assert main(["grade", "--no-feedback"]) == 0
    assert manual(course, "ana") == 5
    # The other: the assignment is made anew, with its cells and without that mark.
    written(path, change)
    nbgrader(course, "db", "assignment", "remove", LESSON, "--force")
    assert main(["grade", "--no-feedback"]) == 0
    assert handed_in(course) == {(name, who) for name in LESSONS[:2] for who in ("ana", "ben")}
    assert manual(course, "ana") is None


def handed_in(root: Path) -> set[tuple[str, str]]:
    with Gradebook(f"sqlite:///{root}/gradebook.db") as book:
        return {(one.assignment.name, one.student.id) for a in book.assignments for one in a.submissions}


def manual(root: Path, learner: str) -> float | None:
    with Gradebook(f"sqlite:///{root}/gradebook.db") as book:
        score: float | None = book.find_grade(TEST, LESSON, LESSON, learner).manual_score
        return score


@pytest.mark.slow
def test_nbgraders_own_words_come_with_file_and_cell(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nbgrader refuses a master, one line says which cell of which file, in `grade` and `release`."""
    released = release_notebooks(course, (LESSON,))[LESSON]
    hand_in(course, "ana", LESSON, released)

    def unclosed(cells: list[Any]) -> None:
        another(cells, "essay", solution=True, points=3)
        cells[-1]["source"] = "### BEGIN SOLUTION\nx = 1"

    written(course / "notebooks" / LESSON / f"{LESSON}.ipynb", unclosed)
    shutil.copy(ROOT / "pyproject.toml", course)
    for command in ("grade", "release"):
        assert main([command]) == 2
        err = capsys.readouterr().err.splitlines()[-1]
        assert f"notebooks/{LESSON}/{LESSON}.ipynb, cell essay: nbgrader says " in err, err
        assert "no end solution statement found" in err
