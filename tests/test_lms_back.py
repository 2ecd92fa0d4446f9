"""`export`, `return` and `forget`: golden sheets and zips that an LMS takes, from a class that was graded."""

from __future__ import annotations

import csv
import io
import shutil
import sqlite3
import stat
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.__main__ import main
from autograder.commands import lms as commands
from autograder.roster.sheets import read_sheet
from grading_course import (
    LESSONS,
    answered,
    hand_in,
    make_course,
    rehearse_copy,
    rehearse_course,
    release_notebooks,
)
from lms_zips import CLASS, FILE_1, ROSTER, Hands, canvas, moodle, refused, write_zip

pytestmark = pytest.mark.slow

FIRST, SECOND = LESSONS[0], LESSONS[1]
EXERCISES = ("predict_flow", "sequential_model", "intermediate_outputs")
# Full marks, half of them, and one that nobody has marked yet.
ANSWERS = {"101": "# right", "102": "# half", "103": "# silent"}
PENALTY = '\nc.LateSubmissionPlugin.penalty_method = "zero"\n'


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class that was collected from Canvas and graded."""
    root = make_course(tmp_path_factory.mktemp("graded") / "course")
    released = release_notebooks(root, (FIRST,))[FIRST]
    handed = []
    for one in CLASS:
        text = nbformat.writes(answered(released, dict.fromkeys(EXERCISES, ANSWERS[one.number])))
        handed.append(Hands(**{**vars(one), "content": text}))
    write_zip(root / "canvas.zip", canvas(handed))
    write_zip(root / "moodle.zip", moodle(handed))
    (root / "roster.csv").write_text(ROSTER + "d4;Dora;Klein;104;104;dora@uni.example\n")
    with pytest.MonkeyPatch.context() as patch:
        rehearse_course(patch, root)
        assert main(["collect", "canvas.zip", "--roster", "roster.csv"]) == 0
        assert main(["grade"]) == 0
    return root


@pytest.fixture
def graded(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Path:
    capsys.readouterr()
    return rehearse_copy(monkeypatch, template, tmp_path / "course")


@pytest.fixture
def book(graded: Path) -> Iterator[Gradebook]:
    with Gradebook(f"sqlite:///{graded / 'gradebook.db'}", "") as gradebook:
        yield gradebook


def _rows(path: Path, delimiter: str = ",") -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


def test_marks_for_canvas(graded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The columns of Canvas's import, numbers where it knows them; who is not marked has no number, not 0."""
    assert main(["export", "--canvas", "marks.csv"]) == 0
    assert _rows(graded / "marks.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", FIRST],
        ["    Points Possible", "", "", "", "", "20"],
        ["Ana Öz", "101", "101", "a1", "", "20"],
        ["Ben O'Neil-Smith", "102", "102", "b2", "", "10"],
        ["小龙 李", "103", "103", "c3", "", ""],
        ["Dora Klein", "104", "104", "d4", "", ""],
    ]
    said = capsys.readouterr().out
    assert f"marks.csv: 2 marks of {FIRST}" in said
    assert f"{FIRST}: not marked yet, so no number (1):\n  c3" in said
    assert f"{FIRST}: nothing handed in, so no number (1):\n  d4" in said
    assert stat.S_IMODE((graded / "marks.csv").stat().st_mode) == 0o600


def test_marks_for_moodle_and_for_anybody(graded: Path) -> None:
    """Columns that Moodle maps by hand: it takes users by number, address or username."""
    assert main(["export", "1", "--moodle", "moodle.csv"]) == 0
    assert _rows(graded / "moodle.csv")[:2] == [
        ["Username", "ID number", "Email address", "First name", "Last name", FIRST],
        ["a1", "101", "ana@uni.example", "Ana", "Öz", "20"],
    ]
    assert main(["export", "--csv", "any.csv"]) == 0
    assert _rows(graded / "any.csv")[:2] == [
        ["learner", "last name", "first name", "email", FIRST],
        ["a1", "Öz", "Ana", "ana@uni.example", "20"],
    ]


CANVAS_SHEET = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Quiz (11),Lesson 1: Sequential flow (12),"
    "Sequential flow Final Score\r\n"
    "    Points Possible,,,,,10,100,(read only)\r\n"
    '"Öz, Ana",101,s1,ana@uni.example,"Group A, B",7,,55\r\n'
    '"O\'Neil-Smith, Ben",102,s2,ben@uni.example,A,8,3.5,66\r\n'
    '"李, 小龙",103,s3,li@uni.example,A,9,4,77\r\n'
    '"Extra, Eve",199,s9,eve@uni.example,A,1,,1\r\n'
)


def test_canvass_own_sheet_is_filled_in(graded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One column changes, all else stays as it is; what stood there before and whom nobody knows is said."""
    (graded / "theirs.csv").write_bytes(CANVAS_SHEET.encode())
    assert main(["export", "--canvas", "marks.csv", "--from", "theirs.csv"]) == 0
    expected = CANVAS_SHEET.replace('B",7,,55', 'B",7,20,55').replace(",8,3.5,", ",8,10,")
    assert (graded / "marks.csv").read_bytes() == expected.encode()
    said = capsys.readouterr().out
    assert "another mark stood there (1):\n  Ben O'Neil-Smith 3.5 → 10" in said
    assert f"{FIRST} is out of 20 here and of 100 there" in said
    assert "in theirs.csv, but without marks here (1):\n  Eve Extra" in said
    assert (graded / "theirs.csv").read_bytes() == CANVAS_SHEET.encode()


def test_an_assignment_without_a_column_is_left_out_unless_it_was_named(
    graded: Path, book: Gradebook, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sheet of the first lesson is filled in though the second is graded too."""
    released = release_notebooks(graded, (SECOND,))[SECOND]
    hand_in(graded, "a1", SECOND, answered(released, {"addition_model": "# right"}))
    assert main(["grade", "2"]) == 0
    (graded / "theirs.csv").write_bytes(CANVAS_SHEET.encode())
    assert main(["export", "--canvas", "marks.csv", "--from", "theirs.csv"]) == 0
    said = capsys.readouterr().out
    assert f"{SECOND} is left out: no column of theirs.csv" in said
    assert f"marks.csv: 2 marks of {FIRST}\n" in said
    assert [row[6] for row in _rows(graded / "marks.csv")[2:4]] == ["20", "10"]
    assert main(["export", "--csv", "both.csv"]) == 0
    assert f"{SECOND}: nothing handed in, so no number (3):\n  b2, c3, d4" in capsys.readouterr().out
    arguments = ["export", "2", "--canvas", "other.csv", "--from", "theirs.csv"]
    assert main(arguments) == 2
    assert main([*arguments, "--column", "Quiz (11)"]) == 0
    assert _rows(graded / "other.csv")[2][5] == "8"


def test_who_is_excused_stays_so_and_who_is_unknown_is_listed(
    graded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`EX` is Canvas's word for it; a learner whom no line fits, or two, is named."""
    sheet = CANVAS_SHEET.replace(",8,3.5,", ",8,EX,").replace(
        '"Öz, Ana",101,s1,ana@uni.example', '"Öz, Ann",1,,'
    )
    (graded / "theirs.csv").write_bytes(sheet.encode())
    assert main(["export", "--canvas", "marks.csv", "--from", "theirs.csv"]) == 0
    assert (graded / "marks.csv").read_bytes() == sheet.encode()
    said = capsys.readouterr().out
    assert "excused there, and left so (1):\n  Ben O'Neil-Smith" in said
    assert "marked here, but in no line of theirs.csv (1):\n  a1" in said


WORKSHEET = (
    "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Last modified (grade),Feedback comments\n"
    "Participant 101,Ana Öz,ana@uni.example,Submitted,,20.00,-,\n"
    "Participant 102,Ben O'Neil-Smith,ben@uni.example,Submitted,,20.00,-,\n"
    'Participant 103,"小龙 李",li@uni.example,Submitted,-,20.00,-,\n'
)


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16")])
def test_moodles_worksheet_is_filled_in(delimiter: str, encoding: str, graded: Path) -> None:
    """Its `Grade` alone, with the delimiter and the encoding in which it came."""
    raw = WORKSHEET.replace(",", delimiter).encode(encoding)
    (graded / "worksheet.csv").write_bytes(raw)
    assert main(["export", "--moodle", "marks.csv", "--from", "worksheet.csv"]) == 0
    made = (graded / "marks.csv").read_bytes()
    assert made[:3] == raw[:3]
    rows = list(csv.reader(io.StringIO(made.decode(encoding)), delimiter=delimiter))
    before = list(csv.reader(io.StringIO(raw.decode(encoding)), delimiter=delimiter))
    for row, text in zip(before[1:], ("20", "10", "-"), strict=True):
        row[4] = text
    assert rows == before


def test_names_of_learners_are_no_formulas(graded: Path) -> None:
    """A spreadsheet would run what begins so; what we write is read again as it was."""
    names = ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)"]
    lines = [f'x{n};"{name}";{n}' for n, name in enumerate(names)]
    (graded / "odd.csv").write_text("learner;name;canvas id\n" + "\n".join(lines) + "\n")
    assert main(["export", "--canvas", "marks.csv", "--roster", "odd.csv"]) == 0
    column = [row[0] for row in _rows(graded / "marks.csv")]
    assert [name for name in column if name[0] in "=+-@"] == []
    assert {f"'{name}" for name in names} < {*column}
    sheet = read_sheet(graded / "marks.csv")
    assert {*names} < {sheet.cells(row).get("name") for row in sheet.rows}


def test_being_late_costs_what_it_costs_in_the_gradebook(graded: Path, book: Gradebook) -> None:
    """By the policy and dates of this moment, as in nbgrader's own export."""
    with (graded / "nbgrader_config.py").open("a") as config:
        config.write(PENALTY)
    book.find_assignment(FIRST).duedate = datetime(2026, 2, 1)
    book.find_submission(FIRST, "b2").timestamp = datetime(2026, 2, 3)
    book.db.commit()
    assert main(["export", "--csv", "marks.csv"]) == 0
    assert {row[0]: row[4] for row in _rows(graded / "marks.csv")[1:]} == {
        "a1": "20",
        "b2": "0",
        "c3": "",
        "d4": "",
    }


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "expected one of --canvas, --moodle, --csv; got none"),
        (["--canvas", "a.csv", "--csv", "b.csv"], "got --canvas and --csv"),
        (["--csv", "nowhere/a.csv"], "a folder that exists"),
        (["--canvas", "roster.csv"], "if it is their sheet: --canvas ANOTHER.csv --from roster.csv"),
        (["--canvas", "roster.csv", "--from", "roster.csv"], "keep theirs"),
        (["--canvas", "a.csv", "--from", "none.csv"], "found none"),
        (["--canvas", "a.csv", "--from", "roster.csv"], f"no column is named after {FIRST}"),
        (["--canvas", "a.csv", "--from", "roster.csv", "--column", "Points"], "no column is called 'Points'"),
        (["--canvas", "a.csv", "--column", "Points"], "--from is missing"),
        ([SECOND, "--csv", "a.csv"], f"nothing of {SECOND} is graded yet"),
        (["9", "--csv", "a.csv"], "no assignment '9'"),
    ],
)
def test_an_export_that_cannot_be(
    arguments: list[str], why: str, graded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says why, and no file is made or lost."""
    roster = (graded / "roster.csv").read_text()
    assert main(["export", *arguments]) == 2
    assert why in capsys.readouterr().err
    assert not (graded / "a.csv").exists()
    assert (graded / "roster.csv").read_text() == roster


def test_a_gradebook_that_is_held_by_another_program(
    graded: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, and nothing is half-written."""
    monkeypatch.setattr(commands, "LOCKED_SECONDS", 0.1)
    with closing(sqlite3.connect(graded / "gradebook.db")) as other:
        other.execute("begin exclusive")
        assert "another program holds the gradebook" in refused(["export", "--csv", "a.csv"], capsys)
    assert not (graded / "a.csv").exists()


# --- return ---------------------------------------------------------------------------------------------


def _packed(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def _page(root: Path, learner: str) -> bytes:
    return (root / "feedback" / learner / FIRST / f"{FIRST}.html").read_bytes()


def _as_canvas_reads(name: str) -> list[str]:
    """The user and the upload that Canvas finds in the name of a file that comes back."""
    return [part for part in name.split("_") if part.isdigit()][:2]


def _as_moodle_reads(path: str) -> tuple[str, str]:
    """The participant and the file that Moodle finds in a path that comes back."""
    parts = path.split("/")
    while parts:
        words = parts.pop(0).split("_", 4)
        if len(words) >= 4 and words[1].isdigit() and words[2:4] == ["assignsubmission", "file"]:
            return words[1], "/".join([*words[4:], *parts]).lstrip("/")
    raise AssertionError(path)


def test_pages_go_back_under_the_names_that_canvas_gave(
    graded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Canvas goes by the two numbers in a name: they are those of the submissions, each with its page."""
    assert main(["return", "--canvas", "1"]) == 0
    came = _packed(graded / "canvas.zip")
    packed = _packed(graded / "returned" / f"{FIRST}-canvas.zip")
    assert {name.removesuffix(".html") for name in packed} == {name.removesuffix(".ipynb") for name in came}
    assert sorted(map(_as_canvas_reads, packed)) == [["101", "9000"], ["102", "9000"], ["103", "9000"]]
    [name] = [name for name in packed if "_102_" in name]
    assert packed[name] == _page(graded, "b2")
    assert "save it with the ending .html" in capsys.readouterr().out
    assert "was not collected from Moodle" in refused(["return", "--moodle"], capsys)


@pytest.mark.parametrize("form", [{}, {"tail": "_"}, {"flat": True}])
def test_pages_go_back_into_the_folders_that_moodle_gave(form: dict[str, Any], graded: Path) -> None:
    """Moodle goes by `Full name_ID_assignsubmission_file`, in each of its spellings."""
    shutil.rmtree(graded / "submitted")
    write_zip(graded / "m.zip", moodle([Hands(o.name, o.number, FILE_1, "{}") for o in CLASS], **form))
    assert main(["collect", "m.zip"]) == 0
    assert main(["return", "--moodle"]) == 0
    packed = _packed(graded / "returned" / f"{FIRST}-moodle.zip")
    assert {name.replace(".html", ".ipynb") for name in packed} == {*_packed(graded / "m.zip")}
    page = f"{FIRST}.html"
    assert {*map(_as_moodle_reads, packed)} == {("101", page), ("102", page), ("103", page)}


def test_pages_in_a_folder(graded: Path) -> None:
    """One for each learner; what lay there from an earlier time is gone."""
    (graded / "returned" / FIRST).mkdir(parents=True)
    (graded / "returned" / FIRST / "gone.html").write_text("")
    assert main(["return", "--folder"]) == 0
    assert {p.name: p.read_bytes() for p in (graded / "returned" / FIRST).iterdir()} == {
        f"{learner}.html": _page(graded, learner) for learner in ("a1", "b2", "c3")
    }
    assert [path.name for path in (graded / "returned").iterdir()] == [FIRST]


def test_a_page_that_is_out_of_date_stays_here(
    graded: Path, book: Gradebook, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a mark by hand, `grade` writes the page anew; until then it would say what is no longer so."""
    book.find_grade("predict_flow_check", FIRST, FIRST, "c3").manual_score = 3
    book.db.commit()
    assert main(["return", "--canvas"]) == 0
    assert (
        "does not show what the gradebook has now; run python -m autograder grade (1):\n  c3"
        in capsys.readouterr().out
    )
    assert len(_packed(graded / "returned" / f"{FIRST}-canvas.zip")) == 2
    assert main(["grade"]) == 0
    assert main(["return", "--canvas"]) == 0
    assert len(_packed(graded / "returned" / f"{FIRST}-canvas.zip")) == 3


# --- forget ---------------------------------------------------------------------------------------------


def test_a_learner_is_forgotten_everywhere(
    graded: Path, book: Gradebook, capsys: pytest.CaptureFixture[str]
) -> None:
    """No file, no name and no row is left, not even in what SQLite has deleted; the others lose nothing."""
    comment = "a comment about Ben that nobody else has"
    book.find_comment("predict_flow", FIRST, FIRST, "b2").manual_comment = comment
    book.update_or_create_student("b2", first_name="Benedictus", email="ben@uni.example")
    book.close()
    for command in (["grade"], ["return", "--canvas"], ["return", "--folder"]):
        assert main(command) == 0
    assert comment.encode() in (graded / "gradebook.db").read_bytes()
    others = {path: path.read_bytes() for path in graded.glob("*/a1/**/*") if path.is_file()}
    capsys.readouterr()
    assert main(["forget", "b2", "--yes"]) == 0
    said = capsys.readouterr().out
    for place in ("submitted", "autograded", "feedback", "verdicts"):
        assert f"  {place}/b2" in said
        assert not (graded / place / "b2").exists()
    assert "the gradebook's rows of b2" in said
    left = [path for path in graded.rglob("*") if path.is_file() and path.suffix not in (".csv", ".zip")]
    for path in left:
        content = path.read_bytes()
        assert comment.encode() not in content, path
        assert b"Benedictus" not in content, path
        assert b"oneilsmith" not in content, path
        assert "b2" not in path.name
    assert not list((graded / "returned").glob("*canvas.zip"))
    assert {path: path.read_bytes() for path in others} == others
    with closing(sqlite3.connect(graded / "gradebook.db")) as rows:
        assert [row[0] for row in rows.execute("select id from student order by id")] == ["a1", "c3"]
    assert "nothing is held of 'b2'" in refused(["forget", "b2", "--yes"], capsys)


def test_forget_asks_and_guesses_nobody(
    graded: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a yes nothing happens; an id that is not there is no pattern and no path."""
    before = {path: path.read_bytes() for path in graded.rglob("*") if path.is_file()}
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert main(["forget", "a1"]) == 2
    assert "nothing was removed" in capsys.readouterr().err
    for name in ("a", "A1", "*", "..", "", "a1/"):
        assert "nothing is held of" in refused(["forget", name, "--yes"], capsys)
    assert main(["forget", "a11", "--yes"]) == 2
    assert "did you mean a1?" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in before} == before


def test_forget_waits_for_a_locked_gradebook(
    graded: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be read is said; nothing is removed before the gradebook's rows are."""
    monkeypatch.setattr("autograder.gradebook.session._locked_seconds", 0.1)
    monkeypatch.setattr("autograder.gradebook.session.wait_for_locks", lambda *_: None)
    with closing(sqlite3.connect(graded / "gradebook.db")) as other:
        other.execute("begin exclusive")
        assert "another program holds the gradebook" in refused(["forget", "a1", "--yes"], capsys)
    assert (graded / "submitted" / "a1").is_dir()
