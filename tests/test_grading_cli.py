"""`python -m autograder check` and `grade`: what they say, what they refuse, what they survive."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.__main__ import commands, main
from autograder.class_run.alone import alone
from autograder.class_run.folders import find_handed
from autograder.gradebook.book import ClassGradebook
from autograder.gradebook.page_maker import Page, PageMaker
from autograder.submission.course import Course, CourseError
from autograder.submission.handed import ReadsHere, choose, read_folder
from autograder.submission.root import open_engine
from grading_course import (
    LESSONS,
    WRONG,
    FakeEngine,
    answered,
    autograder,
    environment,
    hand_in,
    json_lines,
    killed_half_way,
    make_course,
    master,
    put_engine,
    rehearse_course,
    release_notebooks,
)

pytestmark = pytest.mark.slow

FIRST, SECOND = LESSONS[0], LESSONS[1]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A course root whose gradebook knows the first lesson, and what learners get of it."""
    root = make_course(tmp_path_factory.mktemp("template") / "course")
    return root, release_notebooks(root, (FIRST,))[FIRST]


@pytest.fixture
def root(template: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course root of its own, as the working directory, with an engine that runs nothing."""
    course = make_course(tmp_path / "course")
    (course / "gradebook.db").write_bytes((template[0] / "gradebook.db").read_bytes())
    return rehearse_course(monkeypatch, course)


@pytest.fixture
def released(template: tuple[Path, Any]) -> Any:
    return template[1]


def _scores(root: Path) -> dict[tuple[str, str], tuple[Any, bool]]:
    query = """
        select s.student_id, c.name, g.auto_score, g.needs_manual_grade from grade g
        join submitted_notebook n on g.notebook_id = n.id join base_cell c on g.cell_id = c.id
        join submitted_assignment s on n.assignment_id = s.id
    """
    with sqlite3.connect(root / "gradebook.db") as book:
        return {(who, cell): (score, bool(review)) for who, cell, score, review in book.execute(query)}


def _refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What `autograder` says on stderr when it refuses: exit status 2 and one line."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("\n")
    assert err.count("\n") == 1, err
    return err


# --- check -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "found none"),
        ("no JSON at all", "notebook"),
        ("[1, 2, 3]", "notebook"),
        (nbformat.writes(nbformat.v4.new_notebook()), "of this course"),
        ("[" * 100_000, "notebook"),
    ],
)
def test_check_refuses_what_is_no_notebook_of_this_course(
    content: str | None, reason: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing file, no notebook, or another course: exit status 2 and one line that says which."""
    file = root / "handed\nin.ipynb"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    assert reason in _refused(["check", str(file), "--json"], capsys)


# --- grade: what the instructor got wrong -------------------------------------------------------------


def test_grade_outside_a_course_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Elsewhere than in a course root, `grade` says so and writes nothing."""
    monkeypatch.chdir(tmp_path)
    assert "course root" in _refused(["grade"], capsys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["grade", "05_transformers"], "no assignment '05_transformers'; there are 01_sequential_flow"),
        (["grade", "--students", "zoe"], "zoe"),
        (["grade", "--students", ""], "--students expects"),
        (["grade", SECOND], "nothing was handed in for 02_explicit_addition"),
        (["grade", "--json", "nowhere/out.jsonl"], "no such folder"),
    ],
)
def test_grade_refuses_what_does_not_exist(
    arguments: list[str], reason: str, root: Path, released: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown assignment or learner, or a folder that is missing, is named in one line."""
    hand_in(root, "ana", FIRST, released)
    assert reason in _refused(arguments, capsys)
    assert not (root / "autograded").exists()


def test_grade_without_submissions(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing was handed in, the line says where notebooks belong."""
    assert "submitted/LEARNER/ASSIGNMENT" in _refused(["grade"], capsys)


@pytest.mark.parametrize("name", ["1", "01", "01_seq", FIRST])
def test_an_assignment_is_called_by_name_or_number(
    name: str, root: Path, released: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    hand_in(root, "ana", FIRST, released)
    assert main(["grade", name, "--dry-run"]) == 0
    assert f"ana/{FIRST}" in capsys.readouterr().out


@pytest.mark.parametrize("command", [[], *([name] for name in commands.commands)], ids=" ".join)
def test_every_command_explains_itself(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """In lines that fit a terminal; the list of commands cuts no sentence short."""
    assert main([*command, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Usage: {' '.join(['python -m autograder', *command])} ")
    assert max(map(len, said.splitlines())) <= 90
    assert "..." not in said.partition("Commands:")[2]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("gra", ["grade"]),
        ("grade 02", [SECOND]),
        ("grade --st", ["--students"]),
        ("report 1", []),
    ],
)
def test_a_shell_completes_what_is_typed(
    typed: str,
    offered: list[str],
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = ["autograder", *typed.split()]
    monkeypatch.setenv("_AUTOGRADER_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    with pytest.raises(SystemExit, match="0"):
        main([])
    assert capfd.readouterr().out.split() == [f"plain,{word}" for word in offered]


@pytest.mark.parametrize("jobs", ["0", "-1", "two", "1.5"])
def test_jobs_is_a_positive_number(jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The command line's own exit status is 2 as well."""
    assert main(["grade", "--jobs", jobs]) == 2
    assert jobs in capsys.readouterr().err


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, MemoryError, RecursionError, PermissionError])
def test_a_mistake_of_ours_stops_nobody_and_is_marked_as_ours(
    error: type[BaseException],
    root: Path,
    released: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One notebook on which the grader itself fails is *not graded*; the next run tries it again."""
    monkeypatch.setattr(FakeEngine, "boom", error)
    hand_in(root, "ana", FIRST, answered(released, {"predict_flow": "# right"}))
    hand_in(root, "ben", FIRST, answered(released, {"predict_flow": "# boom"}))
    hand_in(root, "cleo", FIRST, answered(released, {"predict_flow": "# half"}))
    assert main(["grade", "--no-feedback", "--json", "out.jsonl"]) == 0
    err = capsys.readouterr().err
    assert "a mistake of the grader" in err
    assert f"{error.__name__}: boom[31m" in err
    assert "ben/01_sequential_flow" in err
    scores = _scores(root)
    assert scores["ana", "predict_flow_check"] == (6.0, False)
    assert scores["cleo", "predict_flow_check"] == (3.0, False)
    assert scores["ben", "predict_flow_check"] == (None, True)
    row = json_lines(root / "out.jsonl")["ben", FIRST]["exercises"][0]
    assert row["status"] == "not_graded"
    assert f"The grader itself stopped on this notebook ({error.__name__}: boom[31m)" in row["message"]
    assert main(["grade", "--no-feedback"]) == 0
    assert "1 notebook graded" in capsys.readouterr().out


def test_a_page_is_made_where_its_submission_ran(
    root: Path, released: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer makes none again, the second time too, when a person has marked; but for what is late."""
    made: list[str] = []
    real = PageMaker.make

    def make(maker: PageMaker, *asked: Any) -> Page:
        made.append(threading.current_thread().name)
        return real(maker, *asked)

    monkeypatch.setattr(PageMaker, "make", make)
    (root / "course.toml").write_text(
        f"[due]\n{FIRST} = 2026-03-01T12:00:00Z\n[late]\npercent-a-day = 10\n", encoding="utf-8"
    )
    for learner in ("ana", "ben", "cleo"):
        hand_in(root, learner, FIRST, answered(released, {"predict_flow": "# right"}))
        time = "2026-03-05" if learner == "cleo" else "2026-02-03"
        (root / "submitted" / learner / FIRST / "timestamp.txt").write_text(f"{time} 10:00:00 UTC")
    assert main(["grade"]) == 0
    writer = threading.current_thread().name
    assert sorted(name == writer for name in made) == [False, False, True]
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        grade = book.find_grade("sequential_model_check", FIRST, FIRST, "ana")
        grade.manual_score = 2.5
        book.find_comment("sequential_model", FIRST, FIRST, "ben").manual_comment = "Nearly there."
        book.db.commit()
    made.clear()
    pages = {who: root / "feedback" / who / FIRST / f"{FIRST}.html" for who in ("ana", "ben", "cleo")}
    before = {who: page.read_text(encoding="utf-8") for who, page in pages.items()}
    assert main(["grade", "--again"]) == 0
    assert [name == writer for name in made] == [False, False]
    assert "Nearly there." in pages["ben"].read_text(encoding="utf-8")
    assert "Other than on the page before" in pages["ana"].read_text(encoding="utf-8")
    assert before["cleo"] == pages["cleo"].read_text(encoding="utf-8")


@pytest.mark.parametrize("error", ["ValueError", "SystemExit", "MemoryError", "RecursionError"])
def test_a_page_that_cannot_be_written_is_missing_alone(
    error: str, root: Path, released: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """All other pages and all grades are there, and the run ends well."""
    config = root / "nbgrader_config.py"
    config.write_text(
        config.read_text()
        + f"""
from nbconvert.preprocessors import Preprocessor
class Stops(Preprocessor):
    def preprocess(self, nb, resources):
        if any("# stops" in cell.source for cell in nb.cells):
            raise {error}("no page")
        return nb, resources
c.HTMLExporter.preprocessors.append(Stops)
"""
    )
    learners = ["ana", "ben", "cleo"]
    for learner in learners:
        answer = "# stops" if learner == "ben" else "# right"
        hand_in(root, learner, FIRST, answered(released, {"predict_flow": answer}))
    assert main(["grade"]) == 0
    captured = capsys.readouterr()
    assert "feedback page of ben/01_sequential_flow" in captured.err
    assert error in captured.err
    assert "2 feedback pages written" in captured.out
    assert len(_scores(root)) == 3 * len(learners)


def test_what_the_gradebook_does_not_take_is_said(
    root: Path, released: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit status 1 and a row all the same; the others are in the gradebook."""
    real = ClassGradebook.record

    def record(book: ClassGradebook, learner: str, *rest: Any) -> None:
        if learner == "ben":
            raise SystemExit("no room")
        real(book, learner, *rest)

    monkeypatch.setattr(ClassGradebook, "record", record)
    for learner in ("ana", "ben", "cleo"):
        hand_in(root, learner, FIRST, answered(released, {"predict_flow": "# right"}))
    assert main(["grade", "--no-feedback", "--json", "out.jsonl"]) == 1
    assert "SystemExit: no room" in capsys.readouterr().err
    assert {learner for learner, _ in json_lines(root / "out.jsonl")} == {"ana", "ben", "cleo"}
    assert {learner for learner, _ in _scores(root)} == {"ana", "cleo"}


# --- grade: what learners hand in -----------------------------------------------------------------------


def test_scores_reach_the_gradebook_as_they_are(root: Path, released: Any) -> None:
    """Full, partial and no credit as numbers; *not graded* leaves the score empty and asks for review."""
    answers = {"predict_flow": "# right", "sequential_model": "# half", "intermediate_outputs": "# silent"}
    hand_in(root, "ana", FIRST, answered(released, answers))
    assert main(["grade", "--no-feedback", "--json", "out.jsonl"]) == 0
    assert _scores(root) == {
        ("ana", "predict_flow_check"): (6.0, False),
        ("ana", "sequential_model_check"): (3.0, False),
        ("ana", "intermediate_outputs_check"): (None, True),
    }
    row = json_lines(root / "out.jsonl")["ana", FIRST]
    assert (row["score"], row["max_score"]) == (9.0, 20.0)
    assert [(e["exercise"], e["status"]) for e in row["exercises"]] == [
        ("predict_flow", "passed"),
        ("sequential_model", "failed"),
        ("intermediate_outputs", "not_graded"),
    ]


def test_a_submission_that_cannot_be_read_is_not_graded_and_says_why(
    root: Path, released: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Broken, foreign, linked and missing notebooks: no score, review asked for, the others unharmed."""
    hand_in(root, "ana", FIRST, answered(released, {"predict_flow": "# right"}))
    hand_in(root, "broken", FIRST, "{")
    hand_in(root, "foreign", FIRST, master(SECOND))
    hand_in(root, "words", FIRST, "My answers.", name="answers.docx")
    (root / "submitted" / "linked" / FIRST).mkdir(parents=True)
    (root / "submitted" / "linked" / FIRST / f"{FIRST}.ipynb").symlink_to(
        root / "notebooks" / FIRST / f"{FIRST}.ipynb"
    )
    (root / "submitted" / "pipe" / FIRST).mkdir(parents=True)
    os.mkfifo(root / "submitted" / "pipe" / FIRST / f"{FIRST}.ipynb")
    assert main(["grade", "--json", "out.jsonl"]) == 0
    rows, scores = json_lines(root / "out.jsonl"), _scores(root)
    reasons = {
        "broken": "notebook",
        "foreign": "is the notebook of 02_explicit_addition",
        "words": "no notebook 01_sequential_flow.ipynb, only answers.docx: hand in the notebook itself",
        "linked": "link",
        "pipe": "ordinary file",
    }
    for learner, reason in reasons.items():
        assert {exercise["status"] for exercise in rows[learner, FIRST]["exercises"]} == {"not_graded"}
        assert reason in rows[learner, FIRST]["exercises"][0]["message"]
        assert scores[learner, "predict_flow_check"] == (None, True)
        assert (root / "feedback" / learner / FIRST / f"{FIRST}.html").exists()
    assert scores["ana", "predict_flow_check"] == (6.0, False)
    assert "Not graded" in capsys.readouterr().out


def test_the_notebook_that_counts(root: Path, released: Any) -> None:
    """The expected name first, else the newest that belongs here; the others are reported."""
    course = Course.open(root)
    right = answered(released, {"predict_flow": "# right"})
    hand_in(root, "ana", FIRST, right, name=f"{FIRST} (1).ipynb")
    hand_in(root, "ana", FIRST, master(SECOND), name="a.ipynb")
    hand_in(root, "ben", FIRST, right)
    hand_in(root, "ben", FIRST, released, name="newer.ipynb")
    [ana, ben], passed_over = find_handed(course, [], [])
    assert passed_over == []
    chosen = choose(course, read_folder(course, ana), ReadsHere())
    assert chosen.submission is not None
    assert "# right" in [step.source for step in chosen.submission.plan.tasks]
    assert f"graded {FIRST} (1).ipynb, because there is no {FIRST}.ipynb" in chosen.warnings
    chosen = choose(course, read_folder(course, ben), ReadsHere())
    assert chosen.submission is not None
    assert "# right" in [step.source for step in chosen.submission.plan.tasks]
    assert "newer.ipynb is another notebook, not graded" in chosen.warnings


def test_odd_learner_ids_are_graded(root: Path, released: Any) -> None:
    """Signs of globs, patterns, formats, SQL and shells, quotes and spaces in an id mean nothing."""
    names = ["O'Brien, Zoë", "a[b]*{0.__class__}", "%s +49", "-rf", "'; drop table grade; --"]
    names += ["(.*)+$", "$(touch pwned)", "x" * 128]
    for name in names:
        hand_in(root, name, FIRST, answered(released, {"predict_flow": "# right"}))
    assert main(["grade", "--json", "out.jsonl"]) == 0
    for name in names:
        assert _scores(root)[name, "predict_flow_check"] == (6.0, False)
        assert (root / "feedback" / name / FIRST / f"{FIRST}.html").exists()
    assert not (root / "pwned").exists()


@pytest.mark.parametrize("name", ["<b>ana", 'ana"', "ana\x1b[31m", " ana", "ana\n", "a\\b", "x" * 129])
def test_names_that_cannot_be_ids_are_passed_over(
    name: str, root: Path, released: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Markup, control characters and outer spaces never become an id; the summary says what to do."""
    hand_in(root, name, FIRST, released)
    hand_in(root, "ana", FIRST, released)
    assert main(["grade", "--no-feedback"]) == 0
    out = capsys.readouterr().out
    assert "cannot be a learner's id: rename it" in out
    assert "\x1b" not in out
    assert {learner for learner, _ in _scores(root)} == {"ana"}


def test_links_in_submitted_are_passed_over(root: Path, released: Any) -> None:
    """A learner's or an assignment's folder that is a link is not followed."""
    hand_in(root, "ana", FIRST, released)
    (root / "submitted" / "twin").symlink_to(root / "submitted" / "ana")
    (root / "submitted" / "ana" / SECOND).symlink_to(root / "notebooks" / SECOND)
    found, passed_over = find_handed(Course.open(root), [], [])
    assert [one.name for one in found] == [f"ana/{FIRST}"]
    assert len(passed_over) == 2


def test_only_what_was_asked_for(root: Path, released: Any) -> None:
    """ASSIGNMENT and --students narrow the run."""
    for learner in ("ana", "ben", "cleo"):
        hand_in(root, learner, FIRST, released)
    assert main(["grade", FIRST, "--students", "ana,cleo", "--no-feedback"]) == 0
    assert {learner for learner, _ in _scores(root)} == {"ana", "cleo"}
    assert not (root / "feedback").exists()


def test_when_it_was_handed_in_is_recorded(root: Path, released: Any) -> None:
    """timestamp.txt counts where it is a time; a new one alone is recorded without judging again."""
    stamp = hand_in(root, "ana", FIRST, released).with_name("timestamp.txt")
    hand_in(root, "ben", FIRST, released).with_name("timestamp.txt").write_text("yesterday\n")
    hand_in(root, "cleo", FIRST, released).with_name("timestamp.txt").symlink_to("/etc/hostname")

    def times() -> dict[str, str | None]:
        with sqlite3.connect(root / "gradebook.db") as book:
            return dict(book.execute("select student_id, timestamp from submitted_assignment"))

    for text in ("2026-02-03 10:00:00 UTC", "2026-02-04 11:30:00 UTC"):
        stamp.write_text(text + "\n")
        assert main(["grade", "--no-feedback"]) == 0
        assert times() == {"ana": f"{text[:19]}.000000", "ben": None, "cleo": None}


def test_a_changed_notebook_is_graded_again(
    root: Path, released: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Handing in again replaces the grade; marks given by hand stay, and ask for another look."""
    hand_in(root, "ana", FIRST, answered(released, {"predict_flow": "# half"}))
    assert main(["grade"]) == 0
    page = root / "feedback" / "ana" / FIRST / f"{FIRST}.html"
    before = page.read_text(encoding="utf-8")
    with sqlite3.connect(root / "gradebook.db") as book:
        book.execute("update grade set manual_score = 4.5 where auto_score = 3.0")
    assert main(["grade"]) == 0
    assert "0 notebooks graded" in capsys.readouterr().out
    marked = page.read_text(encoding="utf-8")
    assert "4.5 / 6.0" in marked.replace("\n", " ")
    assert marked != before
    hand_in(root, "ana", FIRST, answered(released, {"predict_flow": "# right"}))
    assert main(["grade"]) == 0
    assert _scores(root)["ana", "predict_flow_check"] == (6.0, True)


# --- what is said, wherever it goes -----------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_an_encoding_costs_a_sign_and_never_the_run(
    encoding: str, root: Path, released: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name, a path and a report that the terminal cannot show; grades and files are there all the same."""
    course = root.rename(root.with_name("Kurs Ω"))
    monkeypatch.chdir(course)
    put_engine(monkeypatch, FakeEngine())
    file = hand_in(course, "Zoë Ω", FIRST, answered(released, {"predict_flow": "# half # prints Ω – ’ ✓"}))
    hand_in(course, "ana", FIRST, released, name="übung Ω.ipynb")
    (course / "submitted" / "Ω.txt").write_text("Ω")

    def said(*command: str, status: int = 0) -> str:
        """What comes out, decoded; stderr never fails, for Python itself replaces signs there."""
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, write_through=True))
        assert main(list(command)) == status
        return raw.getvalue().decode(encoding)

    assert "2 graded" in said("grade", "--json", "out.jsonl")
    said("grade", "--students", "Zoé Ω", status=2)
    signs = "✗" if encoding == "utf-8" else "-"
    assert f"  {signs} predict_flow" in said("check", str(file))
    row = json.loads(said("check", str(file), "--json"))
    assert "Ω – ’ ✓" in row["exercises"][0]["message"]
    said("--help")
    said("release", status=2)
    assert {learner for learner, _ in _scores(course)} == {"ana", "Zoë Ω"}


def test_python_itself_is_told_of_the_encoding(root: Path) -> None:
    """The same in a process of its own, whose output goes into a pipe."""
    variables = {**environment(), "PYTHONIOENCODING": "ascii"}
    words = [sys.executable, "-m", "autograder", "grade", "Ω"]
    done = subprocess.run(words, cwd=root, env=variables, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("autograder grade: no assignment")


# --- the gradebook in use, and a run that is killed -----------------------------------------------------


@contextmanager
def _locked(path: Path, seconds: float) -> Iterator[None]:
    """Another program that holds the database for some seconds."""
    other = sqlite3.connect(path, check_same_thread=False)
    other.execute("begin exclusive")
    timer = threading.Timer(seconds, other.rollback)
    timer.start()
    try:
        yield
    finally:
        timer.join()
        other.close()


def test_a_locked_gradebook_is_waited_for(
    root: Path, released: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While another program writes, the run waits and says so; then every grade is there."""
    monkeypatch.setattr("autograder.gradebook.book.SAY_AFTER", 0.05)
    for learner in ("ana", "ben"):
        hand_in(root, learner, FIRST, answered(released, {"predict_flow": "# right"}))
    with _locked(root / "gradebook.db", 1.5):
        assert main(["grade", "--no-feedback"]) == 0
    assert "another program is writing to the gradebook" in capsys.readouterr().err
    scores = _scores(root)
    assert [scores[who, "predict_flow_check"] for who in ("ana", "ben")] == [(6.0, False)] * 2


def test_two_runs_at_once_are_refused(root: Path, released: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """There is one writer: a second run says so in one line and changes nothing."""
    hand_in(root, "ana", FIRST, released)
    with alone(root):
        assert "another command is at work" in _refused(["grade"], capsys)
    assert not (root / "autograded").exists()
    assert main(["grade", "--no-feedback"]) == 0


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"cells": []}', "3"])
def test_a_broken_master_is_an_instructors_mistake(content: str, root: Path) -> None:
    """A course whose masters are broken is refused with the file's name."""
    (root / "notebooks" / FIRST / f"{FIRST}.ipynb").write_text(content, encoding="utf-8")
    with pytest.raises(CourseError, match=FIRST):
        Course.open(root)


@pytest.mark.slow
@pytest.mark.sandbox
def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Killed half-way and started again, a run ends exactly as an undisturbed one does."""
    start = make_course(tmp_path / "start")
    released = release_notebooks(start, (FIRST,))[FIRST]
    Course.open(start).prepare([FIRST])
    for number in range(6):
        answers = {name: WRONG[name] for name in ("predict_flow", "sequential_model")[: number % 3]}
        hand_in(start, f"learner{number}", FIRST, answered(released, answers))
    ends = []
    for disturbed in (False, True):
        root = tmp_path / f"course-{disturbed}"
        shutil.copytree(start, root)
        if disturbed:
            killed_half_way(root, 6, tmp_path / "killed.log")
            left = sorted(str(path.relative_to(root)) for path in root.glob("verdicts/*/*.json"))
        done = autograder(root, "grade", "--jobs", "2")
        assert done.returncode == 0, done.stderr
        if disturbed:
            assert "finished before" in done.stdout, (
                f"left were {left}\n{(tmp_path / 'killed.log').read_text()}"
            )
        folders = ("autograded", "feedback", "verdicts")
        files = [path for folder in folders for path in (root / folder).rglob("*") if path.is_file()]
        ends.append(
            (_scores(root), {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in files})
        )
    (scores, files), (scores_after, files_after) = ends
    assert scores == scores_after
    assert files.keys() == files_after.keys()
    for name, text in files.items():
        assert text == files_after[name], name


@pytest.mark.slow
def test_without_a_sandbox_nothing_runs_unless_submissions_are_trusted(
    root: Path, released: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No silent fall-back: refused with what to install, or done with a loud warning."""
    monkeypatch.setattr("autograder.submission.root.open_engine", open_engine)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))  # without bwrap
    file = str(hand_in(root, "ana", FIRST, released))
    assert "bubblewrap" in _refused(["check", file, "--json"], capsys)
    assert main(["check", file, "--json", "--trust-submissions"]) == 0
    out, err = capsys.readouterr()
    assert "NOTHING IS WALLED IN" in err
    assert json.loads(out)["score"] == 0
