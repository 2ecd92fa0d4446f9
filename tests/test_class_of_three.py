"""A class of three through nbgrader's real converters and gradebook: right, wrong, untouched."""

from __future__ import annotations

import csv
import itertools
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from nbgrader.api import Gradebook

from autograder.exercises import EXERCISES
from autograder.keys.secret import KEY_STORE, secret_key, secret_seed
from axe import blank_page, findings
from conftest import files_in
from grading_course import (
    LESSONS,
    WRONG,
    answered,
    autograder,
    environment,
    hand_in,
    json_lines,
    make_course,
    master,
    nbgrader,
    release_notebooks,
)
from leaks import find_leaks

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
RIGHT, MISTAKEN, IDLE = "ana", "ben", "cleo"
CHECK_AND_GRADE = """
import sys
from autograder.__main__ import main

file, learner, assignment = sys.argv[1:]
status = main(["check", "--json", file]) or main(["grade", "--again", "--students", learner, assignment])
sys.exit("PyTorch was imported" if "torch" in sys.modules else status)
"""


@dataclass(frozen=True)
class Class:
    """A graded class: the course root, and the rows that `grade --json` wrote."""

    root: Path
    rows: dict[tuple[str, str], dict[str, Any]]
    output: str

    def gradebook(self) -> Gradebook:
        return Gradebook(f"sqlite:///{self.root / 'gradebook.db'}")


@pytest.fixture(scope="session")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Class:
    """All four lessons by three learners, graded by `python -m autograder grade`."""
    root = make_course(tmp_path_factory.mktemp("three") / "course")
    for assignment, released in release_notebooks(root).items():
        hand_in(root, RIGHT, assignment, master(assignment))
        hand_in(root, MISTAKEN, assignment, answered(released, WRONG))
        hand_in(root, IDLE, assignment, released)
    done = autograder(root, "grade", "--json", "out.jsonl", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    return Class(root, json_lines(root / "out.jsonl"), done.stdout + done.stderr)


def _automatic(gradebook: Gradebook, learner: str, assignment: str) -> dict[str, Any]:
    """What the gradebook has of a submission, but for what people gave."""
    notebook = gradebook.find_submission_notebook(assignment, assignment, learner)
    comments = {f"on {comment.name}": comment.auto_comment for comment in notebook.comments}
    grades = {grade.name: (grade.auto_score, grade.needs_manual_grade) for grade in notebook.grades}
    return {**comments, **grades, "late": notebook.late_submission_penalty}


def _notebook(root: Path, learner: str, assignment: str) -> str:
    """A graded notebook, without the digest of what it stands on: what else lies in the folder is in that."""
    path = root / "autograded" / learner / assignment / f"{assignment}.ipynb"
    return re.sub('"key": "[0-9a-f]{16}"', '"key": ""', path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("assignment", LESSONS)
def test_a_master_earns_full_marks_and_an_untouched_release_none(graded: Class, assignment: str) -> None:
    """Every exercise counts fully in the solved master, in the release none, and each says what to do."""
    for exercise in graded.rows[RIGHT, assignment]["exercises"]:
        assert (exercise["status"], exercise["score"]) == ("passed", exercise["max_score"]), exercise
    for exercise in graded.rows[IDLE, assignment]["exercises"]:
        assert (exercise["status"], exercise["score"]) == ("failed", 0), exercise
        assert re.search("Nothing is .+ yet: replace|expected (a|one of) ", exercise["message"]), exercise
    untouched, solved = graded.rows[IDLE, assignment], graded.rows[RIGHT, assignment]
    assert untouched["score"] == 0 < solved["score"] == solved["max_score"]


@pytest.mark.parametrize("assignment", LESSONS)
def test_a_wrong_answer_loses_points_in_its_exercise(graded: Class, assignment: str) -> None:
    """Each wrong answer is seen as wrong, with a sentence; committed predictions keep their points."""
    for exercise in graded.rows[MISTAKEN, assignment]["exercises"]:
        committed = exercise["exercise"] == "predict_addition"  # the one whose questions all have an answer
        assert exercise["status"] == ("passed" if committed else "failed"), exercise
        assert (exercise["score"] < exercise["max_score"]) != committed
        assert exercise["message"]
        assert exercise["diagnosis"] or not committed


@pytest.mark.parametrize("learner", [RIGHT, MISTAKEN, IDLE])
@pytest.mark.parametrize("assignment", LESSONS)
def test_the_gradebook_says_what_the_json_says(graded: Class, learner: str, assignment: str) -> None:
    """nbgrader's automatic scores equal the reports, cell by cell, and none waits for review."""
    with graded.gradebook() as gradebook:
        automatic = _automatic(gradebook, learner, assignment)
    for exercise in graded.rows[learner, assignment]["exercises"]:
        assert automatic[f"{exercise['exercise']}_check"] == (exercise["score"], False)


@pytest.mark.browser
def test_everybody_can_read_a_feedback_page(graded: Class, needs_browser: str) -> None:
    """axe has nothing serious to say of it, all of it stands in a landmark, and nothing is loaded.

    On a phone nothing is wider than the screen; a key opens the next hint; on paper it is never dark.
    """
    pages = [(RIGHT, LESSONS[2]), *((MISTAKEN, name) for name in LESSONS)]
    with blank_page(needs_browser) as page:
        files = [graded.root / "feedback" / learner / name / f"{name}.html" for learner, name in pages]
        assert [line for file in files for line in findings(page, file, code=file is files[2])] == []
        assert page.locator("html").get_attribute("lang") == "en"
        assert page.locator("h1").count() == 1
        assert page.get_by_role("banner").count() == page.get_by_role("main").count() == 1
        page.set_viewport_size({"width": 390, "height": 900})
        for file in files:
            page.goto(file.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), file
        page.goto(files[2].as_uri())  # lesson 2, with mistakes
        for media in ("screen", "print"):
            page.emulate_media(media=media, color_scheme="dark")
            background = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (background == "rgb(32, 32, 32)") == (media == "screen")
        page.emulate_media(media="screen")
        hints = page.locator("details", has_text="Hint")
        assert [hint.get_attribute("open") is not None for hint in hints.all()[:3]] == [True, False, False]
        hints.nth(1).locator("summary").press("Enter")
        assert hints.nth(1).get_attribute("open") is not None


def test_a_feedback_page_begins_with_what_to_look_at_first(graded: Class) -> None:
    """Exercises by the lesson's names, each a link to its cell; the first mistake; how to ask."""
    pages = {who: _page(graded, who, LESSONS[1]) for who in (RIGHT, MISTAKEN, IDLE)}
    names = [
        "Exercise 1: predict the sums",
        "Exercise 2: mend the model",
        "Exercise 3: write an addition",
        "Exercise 4: addition with a projection",
    ]
    for page in pages.values():
        links = page.select("header tbody th a")
        assert [link.text for link in links] == names
        for link, name in zip(links, names, strict=True):
            [there] = page.select(f'a[name="{str(link["href"])[1:]}"]')
            assert there.find_parent().select_one(".nbgrader-label").text == name
        assert "Reply to your instructor" in page.header.text
    assert "24 of 24 points" in pages[RIGHT].header.text
    assert "There is nothing left to gain in what is marked." in pages[RIGHT].header.text
    said = graded.rows[MISTAKEN, LESSONS[1]]["exercises"][1]["message"].replace("`", "")
    first = pages[MISTAKEN].header.select_one("p:has(strong)").text
    assert first == f"Look first at {names[1]}, the first in which there is something to gain. {said}"


def test_a_feedback_page_shows_the_learners_own_model(graded: Class) -> None:
    """For each model that ran and is wrong, with its words for who cannot see it; for no other answer."""
    shown = {
        (who, lesson): [
            str(picture["alt"]) for picture in _page(graded, who, lesson).select(".output_svg img")
        ]
        for who in (RIGHT, MISTAKEN, IDLE)
        for lesson in LESSONS
    }
    models = {
        key: [alt.split(":")[0].removeprefix("Forward pass of ") for alt in shown[key]] for key in shown
    }
    assert {key: names for key, names in models.items() if names} == {
        (MISTAKEN, LESSONS[0]): ["SequentialModel"],
        (MISTAKEN, LESSONS[1]): ["RepairedModel", "AdditionModel"],
        (MISTAKEN, LESSONS[2]): ["WeightedAdditionModel"],
    }
    assert shown[MISTAKEN, LESSONS[1]][1] == (
        "Forward pass of AdditionModel: x (2, 3, 5, 7) goes through conv1, conv2 to the output (2, 16, 5, 7)."
    )


def _page(graded: Class, learner: str, lesson: str) -> BeautifulSoup:
    file = graded.root / "feedback" / learner / lesson / f"{lesson}.html"
    return BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")


def test_check_says_what_grade_said(graded: Class, tmp_path: Path) -> None:
    """`check --json` on a submitted notebook prints the object that `grade --json` wrote, but the learner.

    Neither has need of PyTorch, whose import takes seconds: it is the sandbox's alone.
    """
    root = shutil.copytree(graded.root, tmp_path / "course", symlinks=True)
    file = root / "submitted" / MISTAKEN / LESSONS[0] / f"{LESSONS[0]}.ipynb"
    words = [sys.executable, "-c", CHECK_AND_GRADE, str(file), MISTAKEN, LESSONS[0]]
    done = subprocess.run(words, cwd=root, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[0])
    assert {"student": MISTAKEN, **said} == graded.rows[MISTAKEN, LESSONS[0]]
    assert "1 notebook graded" in done.stdout


def test_a_written_answer_waits_for_the_instructor(graded: Class) -> None:
    """explain_skip: nothing written is 0; anything written has no automatic score and needs review."""
    with graded.gradebook() as gradebook:
        assert _automatic(gradebook, IDLE, LESSONS[3])["explain_skip"] == (0, False)
        assert _automatic(gradebook, MISTAKEN, LESSONS[3])["explain_skip"] == (None, True)


def test_the_exported_csv_is_the_automatic_scores_and_the_written_marks(graded: Class) -> None:
    """After marking by hand, `nbgrader export` gives score by score the sum, and another run keeps it."""
    with graded.gradebook() as gradebook:
        grade = gradebook.find_grade("explain_skip", LESSONS[3], LESSONS[3], MISTAKEN)
        grade.manual_score, grade.needs_manual_grade = 3.0, False
        gradebook.db.commit()
    again = autograder(graded.root, "grade", "--no-feedback")
    assert again.returncode == 0, again.stderr
    assert "0 notebooks graded" in again.stdout
    nbgrader(graded.root, "export", "--to=grades.csv")
    with (graded.root / "grades.csv").open(newline="") as file:
        exported = {(row["student_id"], row["assignment"]): row for row in csv.DictReader(file)}
    assert set(exported) == set(graded.rows)
    for key, row in graded.rows.items():
        by_hand = 3.0 if key == (MISTAKEN, LESSONS[3]) else 0.0
        written = 4.0 if key[1] == LESSONS[3] else 0.0
        assert float(exported[key]["score"]) == pytest.approx(row["score"] + by_hand)
        assert float(exported[key]["max_score"]) == pytest.approx(row["max_score"] + written)


def test_plain_nbgrader_gives_the_same_scores(graded: Class, tmp_path: Path) -> None:
    """`nbgrader generate_assignment`, `autograde` and `generate_feedback`, with no verdict made before."""
    assignment = LESSONS[0]
    root = make_course(tmp_path / "plain")
    nbgrader(root, "generate_assignment", assignment)
    for learner in (MISTAKEN, IDLE):
        submitted = graded.root / "submitted" / learner / assignment / f"{assignment}.ipynb"
        hand_in(root, learner, assignment, submitted.read_text(encoding="utf-8"))
    beside = root / "submitted" / MISTAKEN / assignment / "notes.txt"
    beside.symlink_to(root / ".course" / "secret")
    # In an interpreter that has imported nothing before.
    words = [sys.executable, "-m", "nbgrader", "autograde", assignment]
    done = subprocess.run(words, cwd=root, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not list((root / "autograded").rglob("notes.txt"))
    nbgrader(root, "generate_feedback", assignment)
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as plain, graded.gradebook() as ours:
        for learner in (MISTAKEN, IDLE):
            assert _automatic(plain, learner, assignment) == _automatic(ours, learner, assignment)
            assert _notebook(root, learner, assignment) == _notebook(graded.root, learner, assignment)
    page = root / "feedback" / MISTAKEN / assignment / f"{assignment}.html"
    message = graded.rows[MISTAKEN, assignment]["exercises"][2]["message"]
    assert message.split("`")[0].split("(")[0].split("<")[0].strip() in page.read_text(encoding="utf-8")
    stored = json.loads((root / "verdicts" / MISTAKEN / f"{assignment}.json").read_text())
    assert (stored["level"], stored["submitted_version"] is None) == ("walled", False)


def test_a_verdict_can_be_shown_and_made_again(graded: Class) -> None:
    """A verdict records level, seed and versions; the seed is a name for the secret, not the secret."""
    secret = (graded.root / ".course" / "secret").read_bytes()
    for path in files_in(graded.root / "verdicts", "*.json"):
        text = path.read_text(encoding="utf-8")
        verdict = json.loads(text)
        assert verdict["level"] == "walled"
        assert {"sumskip", "torch", "numpy", "code"} <= set(verdict["versions"])
        assert len(verdict["seed"]) == 12
        assert secret.hex() not in text


def test_a_run_without_changes_writes_nothing(graded: Class) -> None:
    """A second run leaves every file as it is, and ends with the same rows."""
    first = autograder(graded.root, "grade", "--json", "again.jsonl")
    before = _times(graded.root)
    second = autograder(graded.root, "grade", "--json", "again.jsonl")
    assert (first.returncode, second.returncode) == (0, 0)
    assert _times(graded.root) == before
    assert json_lines(graded.root / "again.jsonl") == graded.rows


def _times(root: Path) -> dict[str, int]:
    folders = ("autograded", "feedback", "verdicts", "submitted")
    files = [path for folder in folders for path in (root / folder).rglob("*") if path.is_file()]
    return {str(path): path.stat().st_mtime_ns for path in files}


def test_submitted_files_are_not_touched_and_nothing_else_is_taken_along(graded: Class) -> None:
    """autograded/ and feedback/ hold one file a notebook, whatever lay beside it; feedback also what the
    exchange wants beside a page."""
    exchange = ["timestamp.txt", "submission_secret.txt"]
    for folder, suffix, beside in (("autograded", ".ipynb", []), ("feedback", ".html", exchange)):
        found = {path.relative_to(graded.root / folder) for path in (graded.root / folder).rglob("*.*")}
        places = [(Path(who, name), name) for who in (RIGHT, MISTAKEN, IDLE) for name in LESSONS]
        assert found == {place / file for place, name in places for file in (name + suffix, *beside)}


def test_no_solution_secret_or_hidden_number_is_in_what_learners_get(graded: Class) -> None:
    """The canary: no page, graded notebook, verdict or line of the log holds what only instructors have.

    Numbers are looked for as feedback writes them, in neighbouring pairs; solutions as syntax trees.
    """
    secret = (graded.root / ".course" / "secret").read_bytes()
    forbidden = {secret.hex(), "autograder/exercises", "BEGIN SOLUTION", str(graded.root)}
    for name in EXERCISES:
        forbidden.add(secret_seed(secret, name))
        key = secret_key(name, secret, graded.root / KEY_STORE)
        for recorded in itertools.chain.from_iterable(right.values() for right in key.rights):
            for kept in recorded.arrays.values():
                pairs = itertools.pairwise(f"{value:.4g}" for value in kept.values.ravel()[:8])
                forbidden.update(f"{one}, {other}" for one, other in pairs if len(one + other) > 8)
    assert len(forbidden) > 200, "the search would find nothing whatever there is"
    texts = {"log": graded.output}
    for folder in ("autograded", "feedback", "verdicts"):
        for learner in (MISTAKEN, IDLE):
            for path in files_in(graded.root / folder / learner, "*.*"):
                texts[str(path)] = path.read_text(encoding="utf-8")
    found = [(where, word) for where, text in texts.items() for word in forbidden if word in text]
    assert found == []
    for learner in (MISTAKEN, IDLE):
        assert find_leaks(graded.root / "notebooks", graded.root / "autograded" / learner) == []
