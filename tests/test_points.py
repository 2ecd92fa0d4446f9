"""What an exercise is worth in a course: the points of `course.toml`, everywhere points are given or said."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook

from autograder.__main__ import main
from autograder.exercises import LESSONS
from autograder.marking.questions import find_questions
from autograder.settings import Settings
from autograder.submission.course import Course
from autograder.taught import as_taught
from grading_course import (
    answered,
    hand_in,
    make_course,
    master,
    nbgrader,
    rehearse_copy,
    rehearse_course,
    release_notebooks,
)
from sumskip.checking.core import Report
from sumskip.checking.key import Key, public_key
from sumskip.checking.report import report_html, report_text
from test_marking import serving

FIRST, LAST = LESSONS[0], LESSONS[3]
ESSAY = "explain_skip"
POINTS = "[points]\ntiny_resnet = 0\nexplain_skip = 6\nresidual_block = 2.5\n"
WORTH = {"identity_block": 8, "plain_vs_residual": 6, "residual_block": 2.5, "tiny_resnet": 0, ESSAY: 6}
ANSWERS = {
    "ana": {"residual_block": "# right", "tiny_resnet": "# right", ESSAY: "It hands x on."},
    "ben": {"residual_block": "# half", "tiny_resnet": "# half"},
    "cleo": {"tiny_resnet": "# silent", ESSAY: "It skips."},
}


def texts(notebook: Any) -> dict[str, str]:
    return {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}


# --- the lesson -----------------------------------------------------------------------------------------


def test_a_lesson_says_the_points_of_the_course() -> None:
    """In what nbgrader knows, below the heading, and in all; every other text stays as it is."""
    written = json.loads(master(LAST))
    taught = as_taught(Settings(points={"tiny_resnet": 0, ESSAY: 1, "residual_block": 2.5}), written)
    rules = {cell["id"]: cell["metadata"].get("nbgrader", {}) for cell in taught["cells"]}
    given = {r["grade_id"]: r["points"] for r in rules.values() if r.get("grade")}
    assert list(given.values()) == [8, 6, 2.5, 0, 1]
    kept, now = texts(as_taught(Settings(), written)), texts(taught)
    changed = {name: now[name] for name in now if now[name] != kept[name]}
    said = [
        line
        for text in changed.values()
        for line in text.splitlines()
        if re.search(r"(\d|no) points?\b|Points:", line)
    ]
    assert said == [
        "**Minutes:** about 20 up to exercise 1. The rest is a second sitting of about 60 minutes. "
        "**Points:** 17.5.",
        "*2.5 points, hard, 14 minutes*",
        "*Optional, no points, medium, 10 minutes*",
        "*1 point, 8 minutes. Your instructor reads and marks this answer.*",
    ]
    assert not any(rules[name].get("locked") for name in changed), "a learner's copy would seem changed"
    assert master(LAST) == json.dumps(written, indent=1, ensure_ascii=False) + "\n", "it was copied"


def test_no_other_sentence_of_a_lesson_counts_points() -> None:
    """So that all of them are true whatever a course gives."""
    for lesson in LESSONS:
        for name, text in texts(json.loads(master(lesson))).items():
            text = re.sub(r"(?m)^\*\d+ points, |\*\*Points:\*\* \d+\.", "", text)
            solved = text.partition("### BEGIN SOLUTION")[0] if name != "explain-skip" else ""
            assert not re.search(r"(?i)\b(\d+|one|two) points?\b|\bpoints?: \d", solved), (lesson, name)


# --- a report -------------------------------------------------------------------------------------------


def failed(points: float) -> tuple[Key, Report]:
    """A report in which two of three parts count."""
    key = replace(public_key("intermediate_outputs"), points=points)
    parts = [(part, number != 0) for number, part in enumerate(key.parts)]
    return key, key.report(parts, "A sentence.")


@pytest.mark.parametrize(("points", "score"), [(8, 6), (4, 3), (10, 7.5), (1, 0.75), (0.01, 0.01), (0, 0)])
def test_parts_share_the_points(points: float, score: float) -> None:
    key, report = failed(points)
    assert (report.score, report.max_score) == (score, points)
    assert sum(part.max_score for part in report.parts) == pytest.approx(points)
    assert key.report([(part, True) for part in key.parts], "").score == points


def test_what_is_optional_is_called_so() -> None:
    """No "0 of 0": the heading and the sentence are left; predictions stay what they were."""
    _, report = failed(0)
    for shown in (report_text(report), report_html(report)):
        assert "Not yet: intermediate_outputs, optional" in shown
        assert "A sentence." in shown
        assert "0 of 0" not in shown
        assert "0/0" not in shown
    silent = replace(report, status="not_graded", parts=())
    assert report_text(silent).startswith("? Not graded here: intermediate_outputs, optional")
    committed = replace(report, status="passed", parts=())
    assert report_text(committed).startswith("✓ Committed: intermediate_outputs\n")


# --- a class --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three learners, graded by the points above; of another lesson, one is."""
    root = make_course(tmp_path_factory.mktemp("template") / "course")
    (root / "course.toml").write_text(POINTS)
    released = release_notebooks(root, (FIRST, LAST))
    for learner, answers in ANSWERS.items():
        hand_in(root, learner, LAST, answered(released[LAST], answers))
    hand_in(root, "ana", FIRST, answered(released[FIRST], {"sequential_model": "# right"}))
    with pytest.MonkeyPatch.context() as patches:
        rehearse_course(patches, root)
        assert main(["grade"]) == 0
    return root


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: Path) -> Path:
    return rehearse_copy(monkeypatch, template, tmp_path / "course")


def mark(root: Path, learner: str, points: float) -> None:
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        grade = book.find_grade(ESSAY, LAST, LAST, learner)
        grade.manual_score, grade.needs_manual_grade = points, False
        book.db.commit()


def worth(root: Path) -> dict[str, float]:
    """What the gradebook gives for each exercise."""
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        cells = book.find_notebook(LAST, LAST).grade_cells
        return {cell.name.removesuffix("_check"): cell.max_score for cell in cells}


def exported(root: Path, *more: str) -> dict[str, list[str]]:
    """The last columns of the sheet for anybody, by learner."""
    assert main(["export", "--csv", "marks.csv", "--overwrite", *more]) == 0
    rows = list(csv.reader((root / "marks.csv").read_text().splitlines()))
    return {row[0]: row[4:] for row in rows}


@pytest.mark.slow
def test_gradebook_and_verdicts_have_the_points_of_the_course(root: Path) -> None:
    assert worth(root) == WORTH
    verdict = json.loads((root / "verdicts" / "ana" / f"{LAST}.json").read_bytes())
    assert {one["exercise"]: one["max_score"] for one in verdict["reports"]} == {
        name: points for name, points in WORTH.items() if name != ESSAY
    }
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        assert book.find_submission(LAST, "ana").max_score == sum(WORTH.values())


@pytest.mark.slow
def test_a_report_tells_what_is_optional(root: Path) -> None:
    """Solved is what is right; a page has the word, and so has what waits for a person."""
    assert main(["report", "--html", "report.html", "--json", "report.json"]) == 0
    lessons = json.loads((root / "report.json").read_text())["lessons"]
    [lesson] = [one for one in lessons if one["name"] == LAST]
    assert lesson["most"] == sum(WORTH.values())
    [resnet] = [one for one in lesson["exercises"] if one["name"] == "tiny_resnet"]
    assert resnet["states"] == {"solved": 1, "tried": 1, "blank": 0, "not graded": 1, "waits": 0}
    assert "optional" in (root / "report.html").read_text()


@pytest.mark.slow
def test_a_page_tells_what_is_optional(root: Path) -> None:
    page = (root / "feedback" / "ana" / LAST / f"{LAST}.html").read_text()
    assert "optional" in re.sub(r"<[^>]*>", "", page)


@pytest.mark.slow
def test_ticks_share_the_points(root: Path) -> None:
    """Of the list with an item for each point in the master, whatever the course gives for them."""
    [question] = find_questions(Course.open(root), LAST, ESSAY)
    assert len(question.rubric) == 4
    assert [question.worth(ticks) for ticks in range(5)] == [0, 1.5, 3, 4.5, 6]
    assert [replace(question, points=0.0).worth(ticks) for ticks in (0, 4)] == [0, 0]
    assert [replace(question, points=1.0).worth(ticks) for ticks in (1, 4)] == [0.25, 1]
    assert replace(question, points=2.0, written=3.0).rubric == []
    with serving(root, question) as desk:
        assert "<legend>1.5 points for each</legend>" in desk.ask("/")[1]
        assert desk.save("ana", [1, 4])[1]["score"] == 3
    (root / "course.toml").write_text(POINTS.replace("skip = 6", "skip = 0"))
    assert main(["grade", "4"]) == 0
    with serving(root, find_questions(Course.open(root), LAST, ESSAY)[0]) as desk:
        assert "<legend>Optional, no points</legend>" in desk.ask("/")[1]
        shown = desk.show("ana")
        assert (shown["score"], shown["ticks"], shown["again"]) == (3, [1, 4], True)
        assert [note.partition(":")[0] for note in shown["notes"]] == ["To be looked at again"]
        assert desk.save("ana", [1, 4])[1]["score"] == 0


@pytest.mark.slow
def test_what_does_not_count_waits_for_nobody(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unmarked and optional, an essay keeps no mark back; one that is worth less now than was given, does."""
    assert exported(root)["ana"] == ["6", "", ""]
    assert main(["grade"]) == 0
    (root / "course.toml").write_text(POINTS.replace("skip = 6", "skip = 0"))
    mark(root, "cleo", 5)
    capsys.readouterr()
    assert main(["grade"]) == 0
    out = capsys.readouterr().out
    assert "explain_skip: 1 answer not marked yet, optional; 1 mark to be looked at again" in out
    assert worth(root) == {**WORTH, ESSAY: 0}
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        assert book.find_grade(ESSAY, LAST, LAST, "cleo").manual_score == 5, "what a person gave is not lost"
    assert {who: row[1] for who, row in exported(root).items()} == {
        "learner": LAST,
        **{"ana": "2.5", "ben": "1.25", "cleo": ""},
    }


@pytest.mark.slow
def test_a_part_of_the_class_is_not_graded_by_other_points(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "course.toml").write_text("")
    capsys.readouterr()
    assert main(["grade", "4", "--students", "ben"]) == 2
    assert re.search(r"the course gives \d+ points for \w+, the gradebook [\d.]+;", capsys.readouterr().err)


@pytest.mark.slow
def test_plain_nbgrader_has_the_points_of_the_course(root: Path) -> None:
    """`generate_assignment` tells the gradebook, and writes them into what it releases."""
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        book.find_grade_cell("tiny_resnet_check", LAST, LAST).max_score = 4
        book.db.commit()
    nbgrader(root, "generate_assignment", "--force", LAST)
    assert worth(root) == WORTH
    cells = json.loads((root / "release" / LAST / f"{LAST}.ipynb").read_text())["cells"]
    rules = [cell["metadata"].get("nbgrader", {}) for cell in cells]
    assert [r["points"] for r in rules if r.get("grade")] == [*WORTH.values()]
    nbgrader(root, "autograde", "--force", LAST, "--student", "ben")
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        submission = book.find_submission(LAST, "ben")
        assert (submission.score, submission.max_score) == (1.25, sum(WORTH.values()))


# --- the total ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_total_goes_by_points_or_by_weights(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In percent; what was not handed in counts 0, and it says whose. Of one lesson there is none."""
    for learner, points in (("ana", 3), ("cleo", 6)):
        mark(root, learner, points)
    # 6 of 20 and 5.5 of 22.5; nothing and 1.25; nothing and 6.
    assert exported(root) == {
        "learner": [FIRST, LAST, "total in percent"],
        "ana": ["6", "5.5", "27.06"],
        "ben": ["", "1.25", "2.94"],
        "cleo": ["", "6", "14.12"],
    }
    assert "in the total, what was not handed in counts 0 (2):\n  ben, cleo" in capsys.readouterr().out
    weights = f"[weight]\n{FIRST} = 30\n{LAST} = 10\n"
    (root / "course.toml").write_text(POINTS + weights)
    assert {who: row[-1] for who, row in exported(root).items()} == {
        "learner": "total in percent",
        "ana": "28.61",
        "ben": "1.39",
        "cleo": "6.67",
    }
    (root / "course.toml").write_text(POINTS + weights.replace("30", "0").replace("10", "0"))
    assert {row[-1] for row in exported(root).values()} == {"total in percent", ""}
    assert exported(root, "4")["learner"] == [LAST]
