"""`docs/teaching.md`, followed word by word: a term of three learners, from the roster on."""

from __future__ import annotations

import csv
import re
import shlex
import signal
import webbrowser
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import nbformat
import pytest

from autograder.__main__ import commands, main
from autograder.marking import server
from course_root import ROOT
from grading_course import LESSONS, answered, hand_in, rehearse_course, release_notebooks
from lms_zips import CLASS, Hands, moodle, write_zip

PAGE = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
LINES = [shlex.split(line) for line in re.findall(r"^    python -m autograder (.+)$", PAGE, re.MULTILINE)]
ROSTER = """First name,Last name,ID number,Email address,Username
Ana,Öz,101,ana@uni.example,ana
Ben,O'Neil-Smith,102,ben@uni.example,ben
小龙,李,103,li@uni.example,li
"""
# As Moodle writes it, with the one learner that it knows besides.
WORKSHEET = """Identifier,Full name,Email address,Status,Grade,Maximum Grade,Last modified (grade),Feedback
Participant 101,Ana Öz,ana@uni.example,Submitted,,20,-,
Participant 102,Ben O'Neil-Smith,ben@uni.example,Submitted,,20,-,
Participant 103,小龙 李,li@uni.example,Submitted,,20,-,
Participant 104,Dora Klein,dora@uni.example,No submission,,20,-,
"""
WRITTEN = {"101": "# right", "102": "# half", "103": "# wrong"}


@pytest.fixture
def term(course: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What an instructor has before the first command: the course, and what the LMS gave."""
    root = rehearse_course(monkeypatch, course)
    released = release_notebooks(root, (LESSONS[0], LESSONS[3]))
    (root / "roster.csv").write_text(ROSTER, encoding="utf-8")
    (root / "grading-worksheet.csv").write_text(WORKSHEET, encoding="utf-8")
    names = ("predict_flow", "sequential_model", "intermediate_outputs")
    handed = []
    for one in CLASS:
        notebook = answered(released[LESSONS[0]], dict.fromkeys(names, WRITTEN[one.number]))
        handed.append(Hands(one.name, one.number, one.file, nbformat.writes(notebook)))
    write_zip(root / "submissions.zip", moodle(handed))
    hand_in(root, "ana", LESSONS[3], answered(released[LESSONS[3]], {"explain_skip": "It adds x again."}))
    return root


@pytest.mark.slow
def test_a_term_as_the_page_has_it(
    term: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command succeeds, in the order of the page, and leaves what the page says."""

    def stopped(answers: Any, start: Any = server.start) -> Any:
        started = start(answers)
        signal.raise_signal(signal.SIGINT)  # the marker's Ctrl-C
        return started

    monkeypatch.setattr(server, "start", stopped)
    monkeypatch.setattr(webbrowser, "open", lambda _address: True)
    said = {}
    for line in LINES:
        assert main(line) == 0, (line, capsys.readouterr())
        said[" ".join(line)] = capsys.readouterr().out
        if line[0] == "collect":
            found = {path.parts[-2:] for path in (term / "submitted").glob("*/01_*")}
            assert found == {(name, LESSONS[0]) for name in ("ana", "ben", "li")}
        if line[0] == "return" and "--moodle" in line:
            [packed] = (term / "returned").glob("*.zip")
            with ZipFile(packed) as archive:
                folders = {name.split("/")[0] for name in archive.namelist()}
            assert folders == {f"{one.name}_{one.number}_assignsubmission_file" for one in CLASS}

    assert (term / "release" / LESSONS[0] / f"{LESSONS[0]}.ipynb").is_file()
    assert "sequential_model" in (term / "report.html").read_text(encoding="utf-8")
    with (term / "marks.csv").open(encoding="utf-8", newline="") as file:
        grades = {row["Full name"]: row["Grade"] for row in csv.DictReader(file)}
    assert grades == {"Ana Öz": "20", "Ben O'Neil-Smith": "10", "小龙 李": "0", "Dora Klein": ""}
    with (term / "term.csv").open(encoding="utf-8-sig", newline="") as file:
        totals = {row["learner"]: row["total in percent"] for row in csv.DictReader(file)}
    assert totals == {"ana": "", "ben": "18.52", "li": "0"}  # ana's essay is not marked
    assert "1 of 1 answers are open" in said["mark 4"]
    assert "No mark that is there would change." in said["grade --dry-run"]
    assert not any("ana" in path.parts for path in term.rglob("*"))


def test_the_page_shows_every_command_of_a_term() -> None:
    """All that there are, but for those that other pages speak of; and `make` has what it names."""
    elsewhere = {"check", "keys", "demo"}
    assert {line[0] for line in LINES} == set(commands.commands) - elsewhere
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)`", PAGE)) <= targets
