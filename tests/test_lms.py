"""`collect`: what each LMS hands out, in golden zips, goes to its learners; and what does not is named."""

from __future__ import annotations

import csv
import io
import json
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest

from autograder.__main__ import main
from autograder.class_run.alone import alone
from autograder.class_run.folders import find_handed
from autograder.lms import archives
from autograder.lms.collect import STAGING
from autograder.lms.remembered import FILE
from autograder.roster.people import People, Person, read_roster, slug, unfit
from autograder.submission.course import Course
from grading_course import LESSONS, hand_in, make_course, rehearse_course
from lms_zips import (
    CLASS,
    FILE_1,
    ROSTER,
    Hands,
    blackboard,
    canvas,
    gradescope,
    moodle,
    refused,
    write_zip,
)

FIRST, SECOND = LESSONS[0], LESSONS[1]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_course(tmp_path_factory.mktemp("bare") / "course")


@pytest.fixture
def root(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course root of its own in which nothing was ever graded, as the working directory."""
    return rehearse_course(monkeypatch, shutil.copytree(bare, tmp_path / "course", symlinks=True))


@pytest.fixture
def collect(root: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """`collect` of a zip of these files, which must succeed; returns what it says."""

    def run(files: dict[str, str], *options: str, date: str = "2026-02-03 10:00:00") -> str:
        zip_ = write_zip(root.parent / "submissions.zip", files, date)
        assert main(["collect", str(zip_), *options]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return run


def _submitted(root: Path) -> dict[str, str]:
    """What lies in `submitted/`, by path."""
    folder = root / "submitted"
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


def _remembered(root: Path) -> Any:
    return json.loads((root / FILE).read_text())


# --- collect: what each LMS hands out -------------------------------------------------------------------

BY_NAME = ["ana_oz", "ben_o_neil_smith", "小龙_李"]
FORMS: dict[str, tuple[dict[str, str], list[str], bool]] = {
    "moodle": (moodle(CLASS), BY_NAME, False),
    "moodle before 4.1": (moodle(CLASS, tail="_"), BY_NAME, False),
    "moodle without folders": (moodle(CLASS, flat=True), BY_NAME, False),
    "moodle that hides names": (
        moodle([Hands("Participant", one.number, one.file, one.content) for one in CLASS]),
        ["participant_101", "participant_102", "participant_103"],
        False,
    ),
    "canvas": (canvas(CLASS), ["ozana_101", "oneilsmithben_102", "李小龙_103"], False),
    "canvas that hides names": (canvas(CLASS, anonymous=True), ["anon_101", "anon_102", "anon_103"], False),
    "blackboard": (blackboard(CLASS), ["101", "102", "103"], True),
    **{
        f"blackboard, {title}": (blackboard(CLASS, title), ["101", "102", "103"], True)
        for title in ("HW_1_2", "HW_1", "1_2_3", "Lab_LATE_3_4", "anon_7", "Ana_5_6_01_sequential_flow")
    },
    "gradescope": (gradescope(CLASS), ["101", "102", "103"], True),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("around", ["", "submissions/"])
def test_what_an_lms_hands_out_goes_to_its_learners(
    form: str, around: str, root: Path, collect: Callable[..., str]
) -> None:
    """The golden zips, in a folder of their own or not: ids, files and times; `grade` takes it as it is."""
    files, ids, timed = FORMS[form]
    said = collect({f"{around}{name}": text for name, text in files.items()})
    expected = {f"{who}/{FIRST}/{FILE_1}": one.content for who, one in zip(ids, CLASS, strict=True)}
    if timed:
        expected |= {f"{who}/{FIRST}/timestamp.txt": "2026-02-03 10:00:00" for who in ids}
    assert _submitted(root) == expected
    assert "3 new" in said
    assert "Not taken" not in said
    assert f"Next: python -m autograder grade {FIRST}" in said
    found, notes = find_handed(Course.open(root), [], [])
    assert (sorted(one.learner for one in found), notes) == (sorted(ids), [])


@pytest.mark.parametrize("form", ["moodle", "moodle without folders", "canvas", "blackboard", "gradescope"])
def test_a_roster_gives_the_ids(form: str, root: Path, collect: Callable[..., str]) -> None:
    """Names or numbers, whichever the LMS tells; the course's own roster is used without being named."""
    (root / "roster.csv").write_text(ROSTER + "d4;Dora;Klein;104;104;dora@uni.example\n")
    said = collect(FORMS[form][0])
    assert {path.split("/")[0] for path in _submitted(root)} == {"a1", "b2", "c3"}
    assert f"Nothing of {FIRST} from 1 of 4 learners: d4" in said
    assert "3 as before" in collect(FORMS[form][0], "--roster", "roster.csv")


def test_an_id_of_an_earlier_collect_is_named(root: Path, collect: Callable[..., str]) -> None:
    """Collected without a roster first, a learner is there twice: that is said, with what to do."""
    collect(moodle(CLASS[:1]))
    (root / "roster.csv").write_text(ROSTER)
    said = collect(moodle(CLASS[:1]), "--roster", "roster.csv")
    assert "also there under ids of an earlier collect: ana_oz; python -m autograder forget" in said
    assert main(["forget", "ana_oz", "--yes"]) == 0
    assert "earlier collect" not in collect(moodle(CLASS[:1]))
    assert {path.split("/")[0] for path in _submitted(root)} == {"a1"}


def test_a_username_or_a_group_before_the_name(root: Path, collect: Callable[..., str]) -> None:
    """Some Moodles put one before the name: it is believed where both parts fit one learner of the roster."""
    (root / "roster.csv").write_text(
        "Username,First name,Last name\nana01,Ana,Öz\n小龙01,小龙,李\nben01,Benno,O\n"
    )
    said = collect(moodle(CLASS, login=True), "--roster", "roster.csv")
    assert {path.split("/")[0] for path in _submitted(root)} == {"ana01", "小龙01"}
    assert "ben01 Ben O'Neil-Smith (102): nobody of that name or number is known" in said


def test_late_by_canvas_is_said(root: Path, collect: Callable[..., str]) -> None:
    """Canvas says that it is late and not by how much; a time written by hand stays at the next collect."""
    assert "late, says Canvas, which tells no time: oneilsmithben_102;" in collect(canvas(CLASS))
    time = root / "submitted" / "oneilsmithben_102" / FIRST / "timestamp.txt"
    time.write_text("2026-02-04 10:00:00 UTC")
    collect(canvas(CLASS))
    assert time.read_text() == "2026-02-04 10:00:00 UTC"


@pytest.mark.parametrize(
    "file",
    [
        f"{FIRST}-2.ipynb",
        f"{FIRST} (3).ipynb",
        f"{FIRST}-Copy1.ipynb",
        f"ana_{FIRST}.ipynb.json",
        "01-Sequential flow.ipynb",
    ],
)
def test_a_renamed_notebook_gets_its_name_back(file: str, root: Path, collect: Callable[..., str]) -> None:
    """What LMS, browsers, Jupyter and people add to the one notebook is taken off."""
    collect(canvas([Hands("Ana Öz", "101", file)]))
    assert list(_submitted(root)) == [f"ozana_101/{FIRST}/{FILE_1}"]


def test_two_notebooks_keep_their_names(root: Path, collect: Callable[..., str]) -> None:
    """Which one counts is the grader's to say; what lies in folders is laid side by side."""
    both = [Hands("Ana Öz", "101", f"{folder}/{FILE_1}", folder) for folder in ("old", "new")]
    collect(moodle([*both, Hands("Ana Öz", "101", "drawing.png", "picture")]))
    folder = f"ana_oz/{FIRST}"
    assert _submitted(root) == {
        f"{folder}/{FILE_1}": "old",
        f"{folder}/new-{FILE_1}": "new",
        f"{folder}/drawing.png": "picture",
    }


class _AsWritten(zipfile.ZipInfo):
    """A name in bytes of our choice, without the flag that says UTF-8."""

    encoding = "utf-8"

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802  (zipfile's)
        return self.filename.encode(self.encoding), self.flag_bits & ~0x800


@pytest.mark.parametrize("encoding", ["utf-8", "cp437"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_umlauts_in_each_spelling(encoding: str, form: str, root: Path, collect: Callable[..., str]) -> None:
    """One learner, whichever way a system writes an umlaut; the LMS gets back the name that it gave."""
    name = normalize("NFC" if encoding == "cp437" else form, f"Ana Öz_101_assignsubmission_file/{FILE_1}")
    info = _AsWritten(name)
    info.encoding = encoding
    with zipfile.ZipFile(root / "u.zip", "w") as file:
        file.writestr(info, "{}")
    assert main(["collect", "u.zip"]) == 0
    assert list(_submitted(root)) == [f"ana_oz/{FIRST}/{FILE_1}"]
    assert _remembered(root)["came"][FIRST]["ana_oz"]["came_as"] == f"{name.split('/')[0]}/"
    (root / "r.csv").write_text(normalize("NFD", "username,name\nana,Ana Öz\n"))
    collect(moodle(CLASS[:1]), "--roster", "r.csv")
    assert (root / "submitted" / "ana" / FIRST / FILE_1).is_file()


def test_a_zip_in_a_zip_and_a_folder(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A zip of zips is opened once; the folder that a browser makes of a zip is as good as the zip."""
    inner = write_zip(root / "inner.zip", moodle(CLASS[:1])).read_bytes()
    bad = {"week 2/bad.zip": b"no zip", "read me.txt": "hello"}
    outer = write_zip(root / "outer.zip", {"week 1/inner.zip": inner, **bad})
    with zipfile.ZipFile(write_zip(root / "folder.zip", canvas(CLASS[1:]))) as file:
        file.extractall(root / "unpacked")
    assert main(["collect", str(outer), str(root / "unpacked")]) == 0
    out = capsys.readouterr().out
    assert "outer.zip/week 1/inner.zip (Moodle)" in out
    assert "week 2/bad.zip: expected the zip that the LMS hands out" in out
    write_zip(outer, bad)
    assert "nothing was taken of outer.zip: week 2/bad.zip: expected" in refused(
        ["collect", "outer.zip"], capsys
    )
    assert {path.split("/")[0] for path in _submitted(root)} == {"ana_oz", "oneilsmithben_102", "李小龙_103"}


# --- collect: who is who --------------------------------------------------------------------------------

TWINS = [Hands("Ana Öz", "101", FILE_1, "one"), Hands("Ana Öz", "105", FILE_1, "two"), CLASS[2]]


def test_of_two_with_one_name_neither_is_taken(root: Path, collect: Callable[..., str]) -> None:
    """Without a roster, with one in which two have the name, and with one in which one has; numbers tell."""
    said = collect(moodle(TWINS))
    assert "Ana Öz (101) and Ana Öz (105): each would be ana_oz" in said
    (root / "two.csv").write_text("id,name\na1,Ana Öz\na2,Öz Ana\nc3,小龙 李\n")
    said = collect(moodle(TWINS), "--roster", "two.csv")
    assert said.count("2 learners fit: a1 and a2") == 2
    (root / "one.csv").write_text("id,name\na1,Ana Öz\nc3,小龙 李\n")
    assert "each would be a1" in collect(moodle(TWINS), "--roster", "one.csv")
    assert {path.split("/")[0] for path in _submitted(root)} == {"小龙_李", "c3"}
    sheet = "Identifier,Full name,Username\nParticipant 101,Ana Öz,a1\nParticipant 105,Ana Öz,a2\n"
    (root / "worksheet.csv").write_text(sheet)
    collect(moodle(TWINS[:2]), "--roster", "worksheet.csv")
    assert {who: _submitted(root)[f"{who}/{FIRST}/{FILE_1}"] for who in ("a1", "a2")} == {
        "a1": "one",
        "a2": "two",
    }


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("a1,Ana Öz,999\nb2,Ben Kurz,101", "the number is that of b2, the name that of a1"),
        ("b2,Ben Kurz,7", "nobody of that name or number is known"),
        ("a1,Oz Ana,7\na2,Ana Öz,8", "2 learners fit: a1 and a2"),  # without accents they are one
    ],
)
def test_who_cannot_be_told_is_listed(lines: str, why: str, root: Path, collect: Callable[..., str]) -> None:
    """A name and a number that disagree, that nobody has, or that two have."""
    (root / "roster.csv").write_text(f"learner,name,canvas id\n{lines}\n")
    said = collect(canvas(CLASS[:1]), "--roster", "roster.csv")
    assert f"özana (101): {why}" in said
    assert _submitted(root) == {}


def test_moodles_number_of_another_assignment_tells_nothing(root: Path, collect: Callable[..., str]) -> None:
    """Moodle counts participants anew in each assignment: beside another name, a number is not believed."""
    (root / "other.csv").write_text("Identifier,Full name,Username\nParticipant 101,Zoe Q,zoe\n")
    said = collect(moodle(CLASS[:1]), "--roster", "other.csv")
    assert "Ana Öz (101): the number is that of zoe, the name is not" in said
    hidden = [Hands("Participant", "101", FILE_1)]
    (root / "hidden.csv").write_text("Identifier,ID number\nParticipant 101,4711\n")
    collect(moodle(hidden), "--roster", "hidden.csv")
    assert list(_submitted(root)) == [f"4711/{FIRST}/{FILE_1}"]


def test_two_names_that_make_one_id_are_two_learners(root: Path, collect: Callable[..., str]) -> None:
    """Week after week: who is called Jürgen gets nothing of Jurgen's."""
    collect(moodle([Hands("Jürgen Groß", "1", FILE_1, "ü")]))
    said = collect(moodle([Hands("Jurgen Gross", "2", FILE_1, "u")]), date="2026-03-03 10:00:00")
    assert "Jurgen Gross (2): the id jurgen_gross is that of Jürgen Groß" in said
    assert list(_submitted(root).values()) == ["ü"]


ROSTERS = {
    "canvas's gradebook": "Student,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,\n"
    '"Öz, Ana",101,7,{id},A\n',
    "moodle's participants": "\ufeffFirst name,Last name,ID number,Email address,Username\n"
    "Ana,Öz,7,a@b.example,{id}\n",
    "moodle in German": "Vorname;Nachname;Anmeldename;ID-Nummer;E-Mail-Adresse\nAna;Öz;{id};7;a@b.example\n",
    "blackboard": "Last Name\tFirst Name\tUsername\tStudent ID\nÖz\tAna\t{id}\t7\n",
    "nbgrader's": "id,first_name,last_name,email\n{id},Ana,Öz,a@b.example\n",
    "a person's": "Name,Vorname,Matrikelnr.\nÖz,Ana,{id}\n",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize("kind", ROSTERS)
def test_rosters_are_read_by_their_headers(kind: str, encoding: str, tmp_path: Path) -> None:
    """Whoever wrote it, in the encodings that spreadsheets write."""
    text = ROSTERS[kind].format(id="ana07").removeprefix("\ufeff" if encoding == "cp1252" else "")
    (tmp_path / "roster.csv").write_bytes(text.encode(encoding))
    people, _, left = read_roster(tmp_path / "roster.csv")
    assert ([person.learner for person in people.persons], left) == (["ana07"], [])
    assert {"anaoz", "ozana"} == people.persons[0].names


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "an empty file"),
        (b"PK\x03\x04 xlsx", "save it as CSV"),
        (b"Colour,Taste\nred,sweet\n", "a column that tells learners apart"),
        (None, "found none"),
        (b'id,name\na,"' + b"x" * 200_000 + b'"\n', "what is none"),
    ],
)
def test_what_is_no_roster(
    content: bytes | None, why: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says what was expected, and nothing is collected."""
    if content is not None:
        (root / "roster.csv").write_bytes(content)
    zip_ = write_zip(root / "z.zip", moodle(CLASS))
    assert why in refused(["collect", str(zip_), "--roster", "roster.csv"], capsys)
    assert not (root / "submitted").exists()


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "a\\b", "<b>", "a\x1b", "x" * 129])
def test_ids_that_no_folder_can_have(name: str, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They would go into paths and pages: such a line of a roster is named, and has no id."""
    assert unfit(name)
    assert unfit(" a")
    sheet = io.StringIO()
    csv.writer(sheet).writerows(
        [("learner", "name"), ("b", "Ben O'Neil-Smith"), ("c", "小龙 李"), (name, "Ana Öz")]
    )
    (root / "roster.csv").write_text(sheet.getvalue())
    zip_ = write_zip(root / "z.zip", moodle(CLASS))
    assert main(["collect", str(zip_), "--roster", "roster.csv"]) == 0
    assert "roster.csv: Ana Öz:" in capsys.readouterr().err
    assert {path.split("/")[0] for path in _submitted(root)} == {"b", "c"}


def test_ids_are_made_of_any_name() -> None:
    """Accents go, other scripts stay, and what is left is a folder's name."""
    names = {
        "Ana-Maria d'Öz": "ana_maria_d_oz",
        "Jürgen Groß": "jurgen_gross",
        "小龙 李": "小龙_李",
        "=1+1": "1_1",
        "…": "",
    }
    assert {name: slug(name) for name in names} == names


def moodle_flat(table: list[Hands]) -> dict[str, str]:
    return moodle(table, flat=True)


def _without_list(files: dict[str, str]) -> dict[str, str]:
    """Gradescope's list of the class stays."""
    return {
        name: text for name, text in files.items() if name != "assignment_77_export/submission_metadata.yml"
    }


# --- collect: what is there already ---------------------------------------------------------------------


def _later(hands: Hands, **changes: Any) -> list[Hands]:
    return [Hands(**{**vars(hands), "content": "later", **changes})]


@pytest.mark.parametrize(
    ("form", "changes", "date"),
    [
        (canvas, {"upload": 9500}, "2026-02-03 10:00:00"),
        (moodle, {}, "2026-02-05 10:00:00"),
        (blackboard, {"time": "2026-02-05 10:00:00"}, "2026-02-03 10:00:00"),
        (gradescope, {"time": "2026-02-05 10:00:00"}, "2026-02-03 10:00:00"),
    ],
)
def test_a_newer_one_replaces_an_older_one_and_never_the_other_way(
    form: Any, changes: dict[str, Any], date: str, root: Path, collect: Callable[..., str]
) -> None:
    """By the time that is told, Canvas's count of uploads, or the dates in the zip; again changes nothing."""
    first, later = form(CLASS[:1]), form(_later(CLASS[0], **changes))
    collect(first)
    before = {path: path.stat().st_mtime_ns for path in root.glob("submitted/**/*")}
    assert "1 as before" in collect(first)
    assert {path: path.stat().st_mtime_ns for path in root.glob("submitted/**/*")} == before
    assert "1 newer" in collect(later, date=date)
    assert "later" in _submitted(root).values()
    assert "older than what is in submitted/" in collect(first)
    assert "later" in _submitted(root).values()
    assert "1 as before" in collect(later, date=date)
    assert not (root / STAGING).exists()


def test_where_nobody_can_tell_which_is_newer_a_person_says_it(
    root: Path, collect: Callable[..., str]
) -> None:
    """Two zips of one date: the second is listed, and taken with --replace."""
    collect(moodle(CLASS[:1]))
    assert "nobody can tell whether this or submitted/ana_oz" in collect(moodle(_later(CLASS[0])))
    assert list(_submitted(root).values()) == [CLASS[0].content]
    assert "1 newer" in collect(moodle(_later(CLASS[0])), "--replace")
    assert list(_submitted(root).values()) == ["later"]


def test_the_same_with_its_time_adds_the_time(root: Path, collect: Callable[..., str]) -> None:
    """An LMS that tells when it was handed in adds that to what came from one that does not."""
    (root / "roster.csv").write_text(ROSTER)
    collect(moodle(CLASS[:1]), "--roster", "roster.csv")
    assert "1 newer" in collect(blackboard(CLASS[:1]))
    assert _submitted(root)[f"a1/{FIRST}/timestamp.txt"] == "2026-02-03 10:00:00"
    assert "1 as before" in collect(moodle(CLASS[:1]))
    assert f"a1/{FIRST}/timestamp.txt" in _submitted(root)


@pytest.mark.parametrize("first", [True, False])
def test_what_a_person_put_there_is_not_overwritten(
    first: bool, root: Path, collect: Callable[..., str]
) -> None:
    """Neither a notebook that came another way nor one that was changed by hand."""
    if first:
        collect(moodle(CLASS[:1]))
    hand_in(root, "ana_oz", FIRST, "by hand")
    said = collect(moodle(_later(CLASS[0])), "--replace", date="2026-03-03 10:00:00")
    assert f"submitted/ana_oz/{FIRST} holds what no collect put there" in said
    assert list(_submitted(root).values()) == ["by hand"]


def test_the_last_of_several_attempts_counts(root: Path, collect: Callable[..., str]) -> None:
    """Blackboard hands out all of them; nothing of an earlier one is mixed in."""
    early = Hands("Ana Öz", "101", "notes.txt", "early", time="2026-02-01 08:00:00")
    said = collect({**blackboard([early]), **blackboard(CLASS[:1])})
    assert "Ana Öz (101): an earlier attempt, of 2026-02-01 08:00:00 UTC" in said
    assert set(_submitted(root)) == {f"101/{FIRST}/{FILE_1}", f"101/{FIRST}/timestamp.txt"}


def test_a_group_hands_in_for_each_of_its_learners(root: Path, collect: Callable[..., str]) -> None:
    """Gradescope names all submitters of one submission."""
    files = gradescope(CLASS[:1])
    name = "assignment_77_export/submission_metadata.yml"
    files[name] = files[name].replace("  :created_at", "  - :name: Ben\n    :sid: '102'\n  :created_at")
    collect(files)
    assert {path.split("/")[0] for path in _submitted(root)} == {"101", "102"}


def test_a_learner_cannot_hand_in_a_time(root: Path, collect: Callable[..., str]) -> None:
    """A file that `grade` would take for the hour of hand-in is left; so is what no folder can hold."""
    names = ["timestamp.txt", "submission_secret.txt", ".hidden", "x" * 201]
    said = collect(moodle([*CLASS[:1], *(Hands("Ana Öz", "101", f"a/{name}", "x") for name in names)]))
    assert list(_submitted(root)) == [f"ana_oz/{FIRST}/{FILE_1}"]
    assert said.count("a learner's file cannot have this name") == 3  # what is hidden, systems put there


def test_text_typed_into_the_lms_is_named(root: Path, collect: Callable[..., str]) -> None:
    """It is no file; nor is what no LMS names so."""
    said = collect(
        {**moodle(CLASS[:1]), "Ben_102_assignsubmission_onlinetext/onlinetext.html": "", "odd.txt": ""}
    )
    assert "onlinetext.html: text or a link was typed" in said
    assert "odd.txt: Moodle gives no file such a name" in said
    said = collect({**canvas(CLASS[:1]), "oneilben_102_text.html": ""})
    assert "oneilben_102_text.html: text or a link was typed" in said


def test_where_nobody_can_tell_whose_files_these_are_nothing_is_taken(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the texts that Blackboard has beside files, this title is as good as a number of Canvas's."""
    files = {name: text for name, text in blackboard(CLASS, "HW_1").items() if not name.endswith(".txt")}
    path = write_zip(root / "submissions.zip", files)
    assert "of one learner in Canvas or of several in Blackboard" in refused(["collect", str(path)], capsys)
    assert _submitted(root) == {}


@pytest.mark.parametrize(
    ("form", "file"),
    [
        (canvas, f"Ben_102_assignsubmission_file_{FILE_1}"),
        (canvas, f"x_102_attempt_2026-02-09-10-00-00_{FILE_1}"),
        (canvas, f"oneilsmithben_102_9999_{FILE_1}"),
        (moodle, f"oneilsmithben_102_9999_{FILE_1}"),
        (moodle, f"Ben O'Neil-Smith_102_assignsubmission_file/{FILE_1}"),
        (moodle, "submission_metadata.yml"),
        (moodle_flat, f"Ben O'Neil-Smith_102_assignsubmission_file_{FILE_1}"),
        (blackboard, f"x_102_attempt_2026-02-09-10-00-00_{FILE_1}"),
        (blackboard, f"Ben O'Neil-Smith_102_assignsubmission_file_{FILE_1}"),
        (gradescope, f"x/Ben O'Neil-Smith_102_assignsubmission_file/{FILE_1}"),
        (gradescope, "submission_metadata.yml"),
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_nobody_hands_in_for_somebody_else(
    form: Any, file: str, alone: bool, root: Path, collect: Callable[..., str]
) -> None:
    """Whatever a file is called, it is of who uploaded it; nor does its name keep the others out."""
    (root / "roster.csv").write_text(ROSTER)
    who = "submission_1:\n  :submitters:\n  - :sid: '102'\n"
    evil = Hands("Ana Öz", "101", file, who if file.endswith(".yml") else "evil")
    files = form([evil]) if alone else {**form(CLASS), **_without_list(form([evil]))}
    collect(files, "--roster", "roster.csv", "--assignment", "1")
    submitted = _submitted(root)
    if not alone:
        assert {path.split("/")[0] for path in submitted} == {"a1", "b2", "c3"}
    assert {
        text for path, text in submitted.items() if not path.startswith("a1/") and "timestamp" not in path
    } <= {one.content for one in CLASS[1:]}


def test_a_run_that_was_killed_between_two_renames_is_mended(root: Path, collect: Callable[..., str]) -> None:
    """What had been taken out of its place is put back before anything else happens."""
    collect(moodle(CLASS[:1]))
    earlier = root / STAGING / "earlier" / "ana_oz" / FIRST
    earlier.parent.mkdir(parents=True)
    (root / "submitted" / "ana_oz" / FIRST).rename(earlier)
    assert "1 as before" in collect(moodle(CLASS[:1]))
    assert list(_submitted(root).values()) == [CLASS[0].content]


# --- collect: what is no such zip -----------------------------------------------------------------------


def _link(path: Path) -> None:
    info = zipfile.ZipInfo(f"Ana_1_assignsubmission_file/{FILE_1}")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(info, "/etc/passwd")


def _locked(path: Path) -> None:
    raw = bytearray(write_zip(path, moodle(CLASS[:1])).read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.index(signature) + offset
        raw[at : at + 2] = struct.pack("<H", struct.unpack("<H", raw[at : at + 2])[0] | 1)
    path.write_bytes(raw)


def _odd(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as file:
        file.writestr("özana_1_2_a.ipynb", "{}")


def _cut(path: Path) -> None:
    path.write_bytes(write_zip(path, moodle(CLASS)).read_bytes()[:-30])


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing there": (lambda path: None, "no such file"),
    "a web page": (lambda path: path.write_text("<html>log in</html>"), "cannot be opened"),
    "cut off": (_cut, "cannot be opened"),
    "empty": (lambda path: write_zip(path, {}), "the zip is empty"),
    "of another kind": (lambda path: write_zip(path, {"holiday/beach.png": ""}), "holiday/beach.png"),
    "a way out": (lambda path: write_zip(path, {"../../evil.ipynb": ""}), "leads out of the zip"),
    "an absolute path": (lambda path: write_zip(path, {"/etc/x_1_2_a.ipynb": ""}), "leads out of the zip"),
    "a drive": (lambda path: write_zip(path, {"C:\\x_1_2_a.ipynb": ""}), "leads out of the zip"),
    "a link": (_link, "is a link"),
    "a password": (_locked, "has a password"),
    "an odd compression": (_odd, "compressed as no LMS does it"),
    "a bomb": (
        lambda path: write_zip(path, moodle([Hands("A B", "1", FILE_1, "0" * 3_000_000)])),
        "unpack to",
    ),
    "no list": (
        lambda path: write_zip(path, {"e/submission_metadata.yml": "a: [", "e/submission_1/a.ipynb": ""}),
        "cannot be read",
    ),
    "two lessons": (
        lambda path: write_zip(path, moodle([CLASS[0], Hands("Ben O", "2", f"{SECOND}.ipynb")])),
        f"named after {FIRST} (1), {SECOND} (1); say it with --assignment",
    ),
    "no lesson": (
        lambda path: write_zip(path, canvas([Hands("A B", "1", "homework.ipynb")])),
        "--assignment",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_zip_is_refused_in_one_line_and_the_next_one_is_taken(
    kind: str, root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is taken, nothing is written outside, and a good zip beside it loses nothing."""
    monkeypatch.setattr(archives, "FREE", 1_000_000)
    make, why = BAD[kind]
    make(root / "bad.zip")
    good = write_zip(root / "good.zip", moodle(CLASS[:1]))
    assert main(["collect", "bad.zip", str(good)]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("autograder collect: nothing was taken of bad.zip: ")
    assert why in err
    assert err.count("\n") == 1
    assert "1 new" in out
    assert list(_submitted(root)) == [f"ana_oz/{FIRST}/{FILE_1}"]
    assert not list(root.parent.glob("*evil*"))


def test_a_file_that_is_too_large_or_damaged_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without its notebook nothing of the submission is taken; without another file, the rest is."""
    large = "0" * 21_000_000
    table = [*CLASS[:1], Hands("Ana Öz", "101", "film.txt", large), Hands("Ben O", "2", FILE_1, large)]
    path = write_zip(root / "z.zip", moodle(table))
    raw = path.read_bytes()
    path.write_bytes(raw)
    assert main(["collect", str(path)]) == 0
    out = capsys.readouterr().out
    assert "Ana Öz (101), film.txt: expected at most 20 MB, got 21.0 MB" in out
    assert f"Ben O (2), {FILE_1}: expected at most 20 MB" in out
    assert list(_submitted(root)) == [f"ana_oz/{FIRST}/{FILE_1}"]


def test_the_assignment_can_be_said(root: Path, collect: Callable[..., str]) -> None:
    """By its number; where names of notebooks say another one, that is asked about."""
    collect(canvas([Hands("Ana Öz", "101", "homework.ipynb")]), "--assignment", "2")
    assert list(_submitted(root)) == [f"ozana_101/{SECOND}/homework.ipynb"]
    said = collect(canvas(CLASS[2:]), "--assignment", "2")
    assert f"its notebooks are named after {FIRST} (1): is --assignment {SECOND} right?" in said


def test_collect_and_grade_do_not_meet(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While another command is at work, or elsewhere than in a course root, nothing is touched."""
    zip_ = write_zip(root / "z.zip", moodle(CLASS))
    with alone(root):
        assert "another command is at work" in refused(["collect", str(zip_)], capsys)
    (root / FILE).write_text("{}")
    assert f"{FILE} cannot be read" in refused(["collect", str(zip_)], capsys)
    (root / "nbgrader_config.py").unlink()
    assert "no course root" in refused(["collect", str(zip_)], capsys)
    assert not (root / "submitted").exists()


@pytest.mark.parametrize("command", [["export", "--csv", "a.csv"], ["return", "--folder"]])
def test_a_course_that_was_never_graded(
    command: list[str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both say what to do first, and make no gradebook."""
    assert "python -m autograder grade first" in refused(command, capsys)
    assert not (root / "gradebook.db").exists()


def test_people_are_found_by_one_rule() -> None:
    """A number beats silence, agreement beats both, and disagreement finds nobody."""
    people = People(
        [Person("a", {"name": "Ana Öz", "canvas": "1"}), Person("b", {"name": "Ben K", "canvas": "2"})]
    )
    asked = {
        "number": ({("canvas", "1")}, set[str]()),
        "name": (set[tuple[str, str]](), {"ozana"}),
        "both": ({("canvas", "1")}, {"anaoz"}),
        "unknown name": ({("canvas", "1")}, {"nobody"}),
        "another's name": ({("canvas", "1")}, {"benk"}),
        "unknown": ({("canvas", "3")}, {"nobody"}),
    }
    found = {what: people.find(*words)[0] for what, words in asked.items()}
    assert {what: person.learner if person else None for what, person in found.items()} == {
        **dict.fromkeys(("number", "name", "both", "unknown name"), "a"),
        **dict.fromkeys(("another's name", "unknown")),
    }
