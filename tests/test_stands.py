"""What a grade stands on: whatever a number depends on makes it be computed again, and nothing else does."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook

from autograder.__main__ import main
from autograder.exercises import EXERCISES
from autograder.keys import sources
from autograder.submission import verdicts
from autograder.submission.stands import of_answers
from grading_course import (
    LESSONS,
    FakeEngine,
    RestingEngine,
    answered,
    edit_master,
    environment,
    hand_in,
    make_course,
    nbgrader,
    put_engine,
    rehearse_copy,
    rehearse_course,
    release_notebooks,
    set_points,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stands")]

LESSON = LESSONS[3]
ANSWERS = {"identity_block": "# half", "residual_block": "# right", "explain_skip": "It hands x on."}
LATE_ZERO = '\nc.LateSubmissionPlugin.penalty_method = "zero"\n'
LATE_HALF = """
from nbgrader.plugins import BasePlugin
class HalfAnHour(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return 0.5 * total_seconds_late / 3600
c.AssignLatePenalties.plugin_class = HalfAnHour
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A course in which ana is graded, and the lesson with the essay as learners get it."""
    course = make_course(tmp_path_factory.mktemp("template") / "course")
    released = release_notebooks(course, (LESSON,))[LESSON]
    stamp = hand_in(course, "ana", LESSON, answered(released, ANSWERS)).with_name("timestamp.txt")
    stamp.write_text("2026-02-03 10:00:00 UTC\n")
    with pytest.MonkeyPatch.context() as patches:
        rehearse_course(patches, course)
        assert main(["grade"]) == 0
    return course, released


@pytest.fixture
def released(template: tuple[Path, Any]) -> Any:
    return template[1]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: tuple[Path, Any]) -> Path:
    """A course in which ana is graded: 4 of 8, 12 of 12, and an essay that nobody has marked."""
    return rehearse_copy(monkeypatch, template[0], tmp_path / "course")


Mark = tuple[float | None, float | None, bool]


def marks(root: Path, learner: str = "ana") -> dict[str, Mark]:
    """Automatic score, mark by hand and whether a person is asked to look, by exercise."""
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        grades = book.find_submission_notebook(LESSON, LESSON, learner).grades
        return {
            grade.name.removesuffix("_check"): (
                grade.auto_score,
                grade.manual_score,
                grade.needs_manual_grade,
            )
            for grade in grades
        }


def mark(root: Path, exercise: str, points: float, learner: str = "ana") -> None:
    """Give a mark by hand, as formgrader does."""
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        cell = exercise if exercise == "explain_skip" else f"{exercise}_check"
        grade = book.find_grade(cell, LESSON, LESSON, learner)
        grade.manual_score, grade.needs_manual_grade = points, False
        book.db.commit()


def comment(root: Path, words: str, learner: str = "ana") -> None:
    """Say something about an essay, as formgrader does."""
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        book.find_comment(ESSAY, LESSON, LESSON, learner).manual_comment = words
        book.db.commit()


def set_dates(root: Path, due: datetime, days: int | None = None, learner: str = "ana") -> None:
    """A due date for all, and perhaps an extension for one."""
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        book.find_assignment(LESSON).duedate = due
        if days is not None:
            book.find_submission(LESSON, learner).extension = timedelta(days=days)
        book.db.commit()


def penalty(root: Path, learner: str = "ana") -> float:
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        return float(book.find_submission(LESSON, learner).late_submission_penalty)


def configure(root: Path, lines: str) -> None:
    with (root / "nbgrader_config.py").open("a") as config:
        config.write(lines)


def everything(root: Path) -> dict[Path, tuple[int, bytes]]:
    """Every file of the course, with its time and content."""
    files = [path for path in root.rglob("*") if path.is_file()]
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def nothing_runs(*_args: object, **_options: object) -> Any:
    raise AssertionError("nobody's code should run")


def said(capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    """Run `grade`, and return the lines about changed marks."""
    assert main(["grade", *options]) == 0
    return [line.strip() for line in capsys.readouterr().out.splitlines() if " -> " in line]


# --- one change, one reason, one list ---------------------------------------------------------------------


def change(course: Path, what: str, monkeypatch: pytest.MonkeyPatch, released: Any) -> list[str]:
    """Change one thing that a grade stands on; the lines in which `grade` says what follows."""
    half = [f"ana/{LESSON}: identity_block: 4 -> 2 points"]
    monkeypatch.setattr(FakeEngine, "half", 0.25)  # seen where it is graded again
    if what == "submission":
        hand_in(course, "ana", LESSON, answered(released, {**ANSWERS, "residual_block": "# wrong"}))
        return [*half, f"ana/{LESSON}: residual_block: 12 -> 0 points"]
    if what == "master":
        edit_master(course, LESSON, lambda cells: cells["imports"]["source"].append("\nimport math"))
    elif what == "points":
        set_points(monkeypatch, course, "residual_block", 10)
        return [*half, f"ana/{LESSON}: residual_block: 12 -> 10 points"]
    elif what == "exercise":
        monkeypatch.setattr(sources, "of_exercises", lambda names: "another")
    elif what == "points (course.toml)":
        (course / "course.toml").write_text("[points]\nresidual_block = 9.5\ntiny_resnet = 4\n")
        return [*half, f"ana/{LESSON}: residual_block: 12 -> 9.5 points"]
    elif what == "points (what predictions count for)":
        (course / "course.toml").write_text('[predictions]\npoints-for = "being right"\n')
    elif what == "secret":
        (course / ".course" / "secret").write_bytes(b"another secret, long enough")
    elif what == "versions":
        monkeypatch.setattr(verdicts, "versions", lambda: {"torch": "99.0"})
    elif what == "deadline":
        configure(course, LATE_ZERO)
        set_dates(course, datetime(2026, 2, 3, 9))
        return [f"ana/{LESSON}: late penalty: 0 -> -16 points"]
    else:
        assert what == "deadline (time)"
        configure(course, LATE_HALF)
        set_dates(course, datetime(2026, 2, 3, 10))
        stamp = course / "submitted" / "ana" / LESSON / "timestamp.txt"
        stamp.write_text("2026-02-03 13:00:00 UTC\n")
        return [f"ana/{LESSON}: late penalty: 0 -> -1.5 points"]
    return half


@pytest.mark.parametrize(
    "what",
    [
        "submission",
        "master",
        "exercise",
        "points",
        "points (course.toml)",
        "points (what predictions count for)",
        "secret",
        "versions",
        "deadline",
        "deadline (time)",
    ],
)
def test_a_rehearsal_says_what_the_run_then_does_and_why(
    what: str,
    root: Path,
    released: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Learner, exercise, old and new points, one reason; the rehearsal leaves every byte where it was."""
    expected = [f"{line} ({what.split()[0]})" for line in change(root, what, monkeypatch, released)]
    capsys.readouterr()
    before = everything(root)
    assert said(capsys, "--dry-run") == expected
    assert everything(root) == before
    old = marks(root)
    assert said(capsys) == expected
    new = {name: mark for name, mark in marks(root).items() if mark != old[name]}
    listed = {line.split(": ")[1]: float(re.findall(r"-> (\S+)", line)[0]) for line in expected}
    assert {name: score for name, (score, _, _) in new.items()} | (
        {"late penalty": -penalty(root)} if penalty(root) else {}
    ) == listed
    put_engine(monkeypatch, RestingEngine())
    assert said(capsys) == said(capsys, "--dry-run") == []


def test_again_grades_what_is_finished(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(FakeEngine, "half", 0.25)
    assert said(capsys) == []
    line = f"ana/{LESSON}: identity_block: 4 -> 2 points (again)"
    assert said(capsys, "--again", "--dry-run") == [line]
    assert marks(root)["identity_block"] == (4, None, False)
    assert said(capsys, "--again") == [line]
    assert marks(root)["identity_block"] == (2, None, False)


def test_a_rehearsal_of_a_course_that_was_never_graded_leaves_nothing_behind(
    tmp_path: Path, released: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No gradebook, no secret, no keys; the first marks are listed as such."""
    root = rehearse_course(monkeypatch, make_course(tmp_path / "course"))
    for path in (root / ".course").iterdir():
        path.unlink()
    (root / ".course").rmdir()
    hand_in(root, "ana", LESSON, answered(released, ANSWERS))
    before = everything(root)
    assert said(capsys, "--dry-run")[0] == (
        f"ana/{LESSON}: identity_block: not graded -> 4 points (submission)"
    )
    assert everything(root) == before
    assert not (root / ".course").exists()
    assert main(["grade", "--dry-run", "--json", "out.jsonl"]) == 2
    assert "leave one of them out" in capsys.readouterr().err


def test_an_exercise_stands_on_exercises_of_its_own_lesson() -> None:
    """So that a lesson's digest of exercises leaves nothing out that its exercises import."""
    folder = Path(sources.__file__).parents[1] / "exercises"
    for name, exercise in EXERCISES.items():
        text = (folder / f"{name}.py").read_text(encoding="utf-8")
        used = set(re.findall(r"^from autograder\.exercises\.(\w+) import", text, re.MULTILINE))
        assert {EXERCISES[other].assignment for other in used & set(EXERCISES)} <= {exercise.assignment}


# --- marks by hand ----------------------------------------------------------------------------------------


def _essay(root: Path, released: Any, _: pytest.MonkeyPatch) -> None:
    hand_in(root, "ana", LESSON, answered(released, {**ANSWERS, "explain_skip": "Something else."}))


def _other_answer(root: Path, released: Any, _: pytest.MonkeyPatch) -> None:
    hand_in(root, "ana", LESSON, answered(released, {**ANSWERS, "tiny_resnet": "# right"}))


def _code(root: Path, released: Any, _: pytest.MonkeyPatch) -> None:
    hand_in(root, "ana", LESSON, answered(released, {**ANSWERS, "identity_block": "# right"}))


def _unreadable(root: Path, released: Any, _: pytest.MonkeyPatch) -> None:
    hand_in(root, "ana", LESSON, "{")


def _question(root: Path, released: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeEngine, "run", nothing_runs)
    edit_master(root, LESSON, lambda cells: cells["explain-skip-question"]["source"].append(" In French."))


def _essay_points(root: Path, released: Any, _: pytest.MonkeyPatch) -> None:
    edit_master(root, LESSON, lambda cells: cells["explain-skip"]["metadata"]["nbgrader"].update(points=5))


def _code_points(root: Path, released: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    set_points(monkeypatch, root, "identity_block", 10)


def _typo(root: Path, released: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put_engine(monkeypatch, RestingEngine())
    edit_master(root, LESSON, lambda cells: cells["summary"]["source"].append(" A word."))


def _model_answer(root: Path, released: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put_engine(monkeypatch, RestingEngine())
    edit_master(root, LESSON, lambda cells: cells["explain-skip"]["source"].append(" A word."))


def _saved_elsewhere(root: Path, released: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A master as another editor writes it: sources in one piece, other metadata."""
    put_engine(monkeypatch, RestingEngine())

    def change(cells: dict[str, Any]) -> None:
        for cell in cells.values():
            cell["source"] = "".join(cell["source"])
            cell["metadata"]["collapsed"] = False

    edit_master(root, LESSON, change)


def _exercise(root: Path, released: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "of_exercises", lambda names: "another")
    monkeypatch.setattr(FakeEngine, "half", 0.25)


def _secret(root: Path, released: Any, _: pytest.MonkeyPatch) -> None:
    (root / ".course" / "secret").write_bytes(b"another secret, long enough")


def _no_verdicts(root: Path, released: Any, _: pytest.MonkeyPatch) -> None:
    (root / "verdicts" / "ana" / f"{LESSON}.json").unlink()


def _no_notebooks(root: Path, released: Any, _: pytest.MonkeyPatch) -> None:
    (root / "autograded" / "ana" / LESSON / f"{LESSON}.ipynb").unlink()


def _stopped(root: Path, released: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The grader fails on it, and then does not."""
    _secret(root, released, monkeypatch)
    with monkeypatch.context() as failing:
        failing.setattr(FakeEngine, "run", nothing_runs)
        assert main(["grade"]) == 0


ESSAY, CODE = "explain_skip", "identity_block"
LOOKED_AT: dict[str, tuple[Callable[..., None], set[str]]] = {
    "the essay is another": (_essay, {ESSAY}),
    "its code is another": (_code, {CODE}),
    "the notebook cannot be read any more": (_unreadable, {ESSAY, CODE}),
    "the question is another": (_question, {ESSAY}),
    "the essay counts for more": (_essay_points, {ESSAY}),
    "the exercise counts for more": (_code_points, {CODE}),
    "another exercise is solved": (_other_answer, set()),
    "a word is mended in a text cell": (_typo, set()),
    "a word is mended in the model answer": (_model_answer, set()),
    "the master was saved by another editor": (_saved_elsewhere, set()),
    "the exercise is mended": (_exercise, set()),
    "another secret": (_secret, set()),
    "verdicts are lost": (_no_verdicts, set()),
    "graded notebooks are lost": (_no_notebooks, set()),
    "the grader stopped in between": (_stopped, set()),
    "nothing has changed": (lambda *_: None, set()),
}


@pytest.mark.parametrize(("happens", "asked"), LOOKED_AT.values(), ids=LOOKED_AT)
def test_a_mark_by_hand_is_asked_about_where_answer_question_or_points_changed(
    happens: Callable[..., None],
    asked: set[str],
    root: Path,
    released: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An essay and an appeal: marks and comments stay, whatever happens; the summary says who waits."""
    given = {ESSAY: 3.0, CODE: 5.0}
    for exercise, points in given.items():
        mark(root, exercise, points)
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        book.find_comment(ESSAY, LESSON, LESSON, "ana").manual_comment = "Well put."
        book.db.commit()
    happens(root, released, monkeypatch)
    capsys.readouterr()
    for options in ([], ["--again"] if happens in (_exercise, _secret) else []):
        assert main(["grade", *options]) == 0
        found = marks(root)
        assert {name: by_hand for name, (_, by_hand, _) in found.items() if by_hand is not None} == given
        assert {name for name in given if found[name][2]} == asked
        out = capsys.readouterr().out
        assert out.count("1 mark to be looked at again") == len(asked)
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        assert book.find_comment(ESSAY, LESSON, LESSON, "ana").comment == "Well put."


def test_a_mark_of_a_task_stands_on_the_cells_below_it(released: Any) -> None:
    """Up to nbgrader's next cell: what is written there is the answer, the task's own text the question."""
    cells = [dict(cell) for cell in released.cells]
    place = next(n for n, cell in enumerate(cells) if cell["id"] == "explain-skip-question")
    rules = {"grade_id": "draw", "grade": False, "solution": False, "locked": True, "task": True, "points": 3}
    task = {"cell_type": "markdown", "id": "draw", "metadata": {"nbgrader": rules}, "source": "Draw it."}

    def stands_on(task: dict[str, Any], drawn: str, later: str = "") -> str:
        mine = {"cell_type": "markdown", "id": "mine", "metadata": {}, "source": drawn}
        more = {"cell_type": "markdown", "id": "more", "metadata": {}, "source": later}
        return of_answers([*cells[:place], task, mine, cells[place], more, *cells[place + 1 :]])["draw"]

    before = stands_on(task, "x -> +")
    assert before == stands_on(task, "x -> +", "below another cell of nbgrader's")
    assert before != stands_on(task, "x -> F -> +")
    assert before != stands_on({**task, "metadata": {"nbgrader": {**rules, "points": 4}}}, "x -> +")


def test_what_a_hand_mark_hides_is_said(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The automatic score below a mark by hand changes nothing, and is listed as such."""
    mark(root, CODE, 5)
    _exercise(root, None, monkeypatch)
    line = f"ana/{LESSON}: identity_block: 5 points by hand stay, automatically 4 -> 2 points (exercise)"
    assert said(capsys, "--dry-run") == said(capsys) == [line]
    assert marks(root)[CODE] == (2, 5, False)


def test_plain_nbgrader_asks_about_the_same_marks(root: Path, released: Any) -> None:
    """`nbgrader autograde --force` deletes the graded notebook first, and still knows what was marked."""
    mark(root, ESSAY, 3)
    nbgrader(root, "autograde", "--force", LESSON)
    assert marks(root)[ESSAY] == (None, 3, False)
    assert marks(root)[CODE] == (4, None, False)


def test_where_the_grader_stopped_an_essay_waits(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no essay that was not written; and the next run has what is there."""
    page = root / "feedback" / "ana" / LESSON / f"{LESSON}.html"
    with monkeypatch.context() as failing:
        failing.setattr(FakeEngine, "run", nothing_runs)
        assert main(["grade", "--again"]) == 0
    assert marks(root)[ESSAY] == marks(root)[CODE] == (None, None, True)
    assert "No response." not in page.read_text(encoding="utf-8")
    assert main(["grade"]) == 0
    assert (marks(root)[ESSAY], marks(root)[CODE]) == ((None, None, True), (4, None, False))
    assert "It hands x on." in page.read_text(encoding="utf-8")


# --- deadlines ------------------------------------------------------------------------------------------


def test_late_penalties_follow_the_present_dates_and_policy(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A due date, a policy, a mark by hand, an extension, no time: each counts, and no code runs."""
    put_engine(monkeypatch, RestingEngine())
    page = root / "feedback" / "ana" / LESSON / f"{LESSON}.html"

    def follows(expected: float) -> None:
        assert main(["grade"]) == 0
        assert penalty(root) == expected
        said = page.read_text(encoding="utf-8")
        assert (f"late, which takes off {expected:g} point" in said) == (expected > 0)

    set_dates(root, datetime(2026, 2, 3, 9))
    follows(0)
    configure(root, LATE_ZERO)
    follows(16)
    mark(root, ESSAY, 3)
    follows(19)
    assert f"ana/{LESSON}: late penalty: -16 -> -19 points (deadline)" in capsys.readouterr().out
    configure(root, LATE_HALF)
    follows(0.5)
    set_dates(root, datetime(2026, 2, 3, 9), days=1)
    follows(0)
    set_dates(root, datetime(2026, 1, 3, 9), days=0)
    follows(19)  # no more than there is
    (root / "submitted" / "ana" / LESSON / "timestamp.txt").unlink()
    follows(0)
    assert not (root / "autograded" / "ana" / LESSON / "timestamp.txt").exists()
    assert marks(root)[ESSAY] == (None, 3, False)


# --- unmarked is not zero -------------------------------------------------------------------------------


def test_what_nobody_has_marked_says_so(
    root: Path, released: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the page, in the summary and in totals; a mark of 0, or an essay that was not begun, is 0."""
    hand_in(root, "ben", LESSON, answered(released, {**ANSWERS, "tiny_resnet": "# silent"}))
    hand_in(root, "cleo", LESSON, released)
    assert main(["grade"]) == 0
    out = capsys.readouterr().out
    assert f"{LESSON}: 3 graded, 10.7 of 34 points on average" in out
    assert f"{LESSON}: explain_skip: 2 answers not marked yet, 4 points each" in out
    assert f"ben/{LESSON}: tiny_resnet: A sentence about tiny_resnet." in out
    assert "To be marked by hand (python -m autograder mark)" in out

    def page(learner: str) -> str:
        html = (root / "feedback" / learner / LESSON / f"{LESSON}.html").read_text(encoding="utf-8")
        return re.sub(r"(<[^>]*>|\s)+", " ", html)

    name = "Exercise 5: explain the skip connection"
    assert "16 of 34 points, 4 of them not marked yet" in page("ana")
    assert f"{name} – of 4 … Waits to be marked by a person" in page("ana")
    assert "Score: not marked yet / 4 points open" in page("ana")
    assert "16 of 34 points, 8 of them not marked yet" in page("ben")
    assert "Exercise 4: a tiny ResNet – of 4 ? Not graded: a person will look at it" in page("ben")
    assert "not marked yet" not in page("cleo")
    assert f"{name} 0 of 4 ✗ Nothing is here yet" in page("cleo")
    assert "Look first at Exercise 1: the identity block , the first in which" in page("ana")
    assert "Other than on the page before" not in page("ana")
    mark(root, ESSAY, 3)
    (root / "course.toml").write_text('[feedback]\nask = "Come to **room 12** & ask."\n')
    assert main(["grade"]) == 0
    for _ in range(2):  # it stays said on a page that is written anew for another reason
        said = f"Other than on the page before: {name}: from not marked yet to 3 points."
        assert said in page("ana")
        assert "Come to room 12 &amp; ask." in page("ana")
        assert "Other than on the page before" not in page("ben")
        comment(root, "Well put.")
        assert main(["grade"]) == 0
    assert f"{name} 3 of 4 Marked by a person; comment" in page("ana")
    mark(root, ESSAY, 0)
    nbgrader(root, "generate_feedback", "--force", LESSON)
    assert "not marked yet" not in page("ana")
    assert "16 of 34 points" in page("ana")
    assert f"{name} 0 of 4 Marked by a person" in page("ana")
    assert "16 of 34 points, 8 of them not marked yet" in page("ben")


def test_a_notebook_that_waits_has_one_line(
    root: Path, released: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the number of its exercises; once a person has given a mark, it waits for that no more."""
    hand_in(root, "ben", LESSON, "{")
    assert main(["grade"]) == 0
    assert capsys.readouterr().out.count(f"  ben/{LESSON}: identity_block, plain_vs_residual, ") == 1
    for exercise in ("identity_block", "plain_vs_residual", "residual_block", "tiny_resnet"):
        mark(root, exercise, 1, "ben")
    assert main(["grade"]) == 0
    assert "Not graded" not in capsys.readouterr().out


def test_nothing_is_said_of_walls_where_nothing_ran(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And without bubblewrap, finished work is no trouble."""
    capsys.readouterr()
    assert main(["grade"]) == 0
    out = capsys.readouterr().out
    assert "walled" not in out.lower()
    assert "0 notebooks graded" in out
    assert "1 was finished before" in out
    assert main(["grade", "--again"]) == 0
    out = capsys.readouterr().out
    assert "Learners' code ran walled in." in out
    assert "1 notebook graded" in out
    assert "1 feedback page written" not in out, "the page shows the same as before"


# --- one point value --------------------------------------------------------------------------------------


def test_a_class_is_graded_by_one_point_value(
    root: Path, released: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A gradebook made with other points takes the new ones; for a part of the class alone it does not."""
    hand_in(root, "ben", LESSON, answered(released, ANSWERS))
    set_points(monkeypatch, root, "residual_block", 10)
    capsys.readouterr()
    assert main(["grade", "--students", "ben"]) == 2
    err = capsys.readouterr().err
    assert "the course gives 10 points for residual_block_check, the gradebook 12; grade everybody" in err
    assert err.count("\n") == 1
    assert marks(root)["residual_block"] == (12, None, False)
    assert main(["grade"]) == 0
    assert {marks(root, who)["residual_block"] for who in ("ana", "ben")} == {(10, None, False)}
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        assert book.find_submission(LESSON, "ana").max_score == 32


def test_plain_nbgrader_with_a_gradebook_of_other_points_says_what_to_do(root: Path) -> None:
    """One line, and no mark is another than before."""
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        book.find_grade_cell("residual_block_check", LESSON, LESSON).max_score = 11
        book.db.commit()
    before = marks(root)
    command = [sys.executable, "-m", "nbgrader", "autograde", "--force", LESSON]
    done = subprocess.run(command, cwd=root, env=environment(), capture_output=True, text=True)
    assert done.returncode != 0
    assert "the course gives 12 points for residual_block_check, the gradebook 11" in done.stderr
    assert "nbgrader generate_assignment --force" in done.stderr
    assert marks(root) == before


# --- the instructor's slips -------------------------------------------------------------------------------


def slips(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines in which the command says what it could not do; none of them is about a mistake of ours."""
    err = capsys.readouterr().err
    assert "mistake of the grader" not in err
    return [line for line in err.splitlines() if line.startswith("autograder grade: ")]


def policy(body: str) -> str:
    return f"""
from nbgrader.plugins import BasePlugin
class Mine(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        {body}
c.AssignLatePenalties.plugin_class = Mine
"""


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (
            policy("return 1 / 0"),
            "the late policy Mine fails: ZeroDivisionError: division by zero (line ",
        ),
        (policy("return 'half'"), "the late policy Mine fails: TypeError"),
        (policy("return float('nan')"), "the late policy Mine fails: ValueError: expected a number"),
        ('\nc.LateSubmissionPlugin.penalty_method = "half"\n', "LateSubmissionPlugin fails: TraitError"),
    ],
)
def test_a_late_policy_that_fails_costs_no_marks(
    settings: str, why: str, root: Path, released: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is the instructor's slip, said in one line; what was earned is recorded, and mended it counts."""
    hand_in(root, "ben", LESSON, answered(released, ANSWERS)).with_name("timestamp.txt").write_text(
        "2026-02-03 11:00:00 UTC"
    )
    set_dates(root, datetime(2026, 2, 3, 9))
    config = (root / "nbgrader_config.py").read_text()
    configure(root, settings)
    for options in (["--dry-run"], []):
        assert main(["grade", *options]) == 2
        [line] = slips(capsys)
        start = f"autograder grade: late penalties were left as they were for ana/{LESSON}, ben/{LESSON}: "
        assert line.startswith(start + "the late policy ")
        assert why in line
    assert marks(root, "ben") == marks(root)
    (root / "nbgrader_config.py").write_text(config + LATE_ZERO)
    assert main(["grade"]) == 0
    assert (penalty(root), penalty(root, "ben")) == (16, 16)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ("\nc.X = (\n", "SyntaxError: '(' was never closed"),
        ("\nc.X = unknown\n", "NameError: name 'unknown' is not defined (line "),
        ('\nc.AssignLatePenalties.plugin_class = "nowhere.Policy"\n', "'nowhere.Policy' could not be import"),
        ('\nc.CourseDirectory.db_url = "sqlite:////nowhere/gradebook.db"\n', "unable to open database file"),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    settings: str, why: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nbgrader's own settings, which would run learners' code without walls, never stand in."""
    capsys.readouterr()
    configure(root, settings)
    assert main(["grade"]) == 2
    [line] = slips(capsys)
    assert why in line


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_a_gradebook_that_is_none_is_named(
    options: list[str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    (root / "gradebook.db").write_text("this is no database, and long enough to be seen as none " * 9)
    assert main(["grade", *options]) == 2
    [line] = slips(capsys)
    assert "gradebook.db cannot be used (file is not a database)" in line


def test_a_rehearsal_says_what_the_gradebook_will_refuse(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cell added to a master that has submissions: in the words of the run itself."""

    def lock(cells: dict[str, Any]) -> None:
        rules = {"grade": False, "solution": False, "task": False, "locked": True, "schema_version": 3}
        cells["summary"]["metadata"]["nbgrader"] = {**rules, "grade_id": "the_summary"}

    edit_master(root, LESSON, lock)
    capsys.readouterr()
    assert main(["grade", "--dry-run"]) == main(["grade"]) == 2
    rehearsed, graded = slips(capsys)
    assert rehearsed == graded
    assert "(added: the_summary)" in graded


def test_first_marks_of_a_late_submission_are_rehearsed_with_their_penalty(
    root: Path, released: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where an extension was given before anything was handed in: those marks are the first, too."""
    configure(root, LATE_HALF)
    set_dates(root, datetime(2026, 2, 3, 10))
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        book.add_student("cleo")
        book.add_submission(LESSON, "cleo")
        book.grant_extension(LESSON, "cleo", hours=1)
    for learner in ("ben", "cleo"):
        stamp = hand_in(root, learner, LESSON, answered(released, ANSWERS)).with_name("timestamp.txt")
        stamp.write_text("2026-02-03 13:00:00 UTC\n")
    lines = said(capsys, "--dry-run")
    for learner, taken in (("ben", "1.5"), ("cleo", "1")):
        assert f"{learner}/{LESSON}: identity_block: not graded -> 4 points (submission)" in lines
        assert f"{learner}/{LESSON}: late penalty: 0 -> -{taken} points (submission)" in lines
    assert said(capsys) == [], "no mark that was there has changed"
    assert (penalty(root, "ben"), penalty(root, "cleo")) == (1.5, 1)


def test_an_extension_of_no_due_date_stops_nothing(root: Path) -> None:
    """nbgrader adds the one to the other, and fails."""
    configure(root, LATE_ZERO)
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        book.find_submission(LESSON, "ana").extension = timedelta(days=1)
        book.db.commit()
    assert main(["grade"]) == main(["grade", "--again"]) == 0
    assert marks(root)[CODE] == (4, None, False)


def test_an_export_takes_off_what_the_policy_says_of_the_present_marks(root: Path) -> None:
    """A mark given a moment ago; and it changes nothing in the gradebook."""
    configure(root, LATE_ZERO)
    set_dates(root, datetime(2026, 2, 3, 9))
    mark(root, ESSAY, 3)
    nbgrader(root, "export", "--to", "grades.csv")
    assert "19.0,19.0,0.0,34.0" in (root / "grades.csv").read_text()
    assert penalty(root) == 0


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--json", "."], "--json . is a folder; name a file"),
        (["--students", " , "], "--students expects ids"),
        (["--students", "ana, bem"], "nothing was handed in by bem"),
        (["ressidual"], f"no assignment 'ressidual'; did you mean {LESSON}?"),
    ],
)
def test_a_slip_in_the_command_is_named_before_anything_runs(
    options: list[str], line: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["grade", *options]) == 2
    assert line in capsys.readouterr().err
