"""Which notebook counts, whose it is, when it came, and what is said about all that is not taken."""

from __future__ import annotations

import io
import json
import re
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unicodedata import normalize

import nbformat
import pytest

from autograder.__main__ import main
from autograder.class_run.folders import find_handed
from autograder.engine.inside.notebook import OutlineError
from autograder.engine.inside.unpack import MOST_MEMBERS, MOST_UNPACKED
from autograder.engine.run import Engine
from autograder.gradebook.exchange import read_timestamp, time_in
from autograder.submission.course import Course, CourseError
from autograder.submission.handed import Chosen, Handed, ReadsHere, choose, choose_file, read_folder
from grading_course import LESSONS, answered, hand_in, make_course, release_notebooks

pytestmark = pytest.mark.slow

NAME, OTHER = LESSONS[0], LESSONS[1]
RIGHT = {"predict_flow": "# right"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, str, str]:
    """A course, and the text of its first lesson as released and as worked on."""
    root = make_course(tmp_path_factory.mktemp("handed") / "course")
    released = release_notebooks(root, (NAME,))[NAME]
    return Course.open(root), nbformat.writes(released), nbformat.writes(answered(released, RIGHT))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a learner hands in."""
    path = tmp_path / "ana" / NAME
    path.mkdir(parents=True)
    return path


def chosen(course: Course, folder: Path) -> Chosen:
    return choose(course, read_folder(course, Handed("ana", NAME, folder)), ReadsHere())


def worked_on(found: Chosen) -> bool:
    assert found.submission is not None, found.reason
    return "# right" in [task.source for task in found.submission.plan.tasks]


def zipped(files: dict[str, bytes | str]) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return raw.getvalue()


ALONE = {
    "capitals": f"{NAME}.IPYNB",
    "mixed": f"{NAME}.Ipynb",
    "json behind it": f"{NAME}.ipynb.json",
    "text behind it": f"{NAME}.ipynb.txt",
    "json": f"{NAME}.json",
    "text": f"{NAME}.txt",
    "another name": "homework.TXT",
    "no suffix": NAME,
    "a browser's number": f"{NAME} (1).ipynb",
    "in a folder": f"{NAME}/{NAME}.ipynb",
    "in a folder, as text": f"my work/{NAME}.ipynb.txt",
}
ZIPS = {
    "a zip": f"{NAME}.ipynb",
    "a folder in a zip": f"{NAME}/{NAME}.ipynb",
    "climbing": f"../../../{NAME}.ipynb",
    "from the root": f"/etc/{NAME}.ipynb",
    "as Windows writes it": f"work\\{NAME}.IPYNB",
    "as text": "homework.txt",
}


@pytest.mark.parametrize("name", ALONE.values(), ids=ALONE)
def test_a_notebook_under_another_name_counts(name: str, made: Any, folder: Path) -> None:
    """A suffix that a browser, a mailer or a system has changed, or one folder around it."""
    course, _, right = made
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(right, encoding="utf-8")
    found = chosen(course, folder)
    assert worked_on(found)
    assert found.file == folder / name
    submission, _ = choose_file(course, folder / name, ReadsHere())
    assert submission.plan == found.submission.plan  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ZIPS.values(), ids=ZIPS)
def test_a_notebook_in_a_zip_counts(name: str, made: Any, folder: Path) -> None:
    """With what lies beside it; nothing is written outside of a folder of ours, whatever the names say."""
    course, _, right = made
    before = sorted(folder.parents[1].rglob("*"))
    beside = name.rpartition("/")[0]
    files = {
        name: right,
        f"{beside}/helper.py" if beside else "helper.py": "x = 1",
        "__MACOSX/._x.ipynb": "?",
    }
    for suffix in ("zip", "ZIP"):
        path = folder / f"ana.{suffix}"
        path.write_bytes(zipped(files))
        found = chosen(course, folder)
        assert worked_on(found)
        assert found.submission is not None
        assert found.submission.plan.files == {"helper.py": b"x = 1"}
        assert choose_file(course, path, ReadsHere())[0].plan == found.submission.plan
        path.unlink()
    assert sorted(folder.parents[1].rglob("*")) == before


def test_data_files_are_no_notebooks(made: Any, folder: Path) -> None:
    """A .json and a .txt that hold none go along with the notebook, as they did."""
    course, _, right = made
    (folder / f"{NAME}.ipynb").write_text(right, encoding="utf-8")
    (folder / "data.json").write_text('{"metadata": {}, "rows": [1, 2]}')
    (folder / "notes.txt").write_text('{"cells": 3}')
    (folder / "submission_secret.txt").write_text("ab" * 64)
    found = chosen(course, folder)
    assert found.submission is not None
    assert sorted(found.submission.plan.files) == ["data.json", "notes.txt"]
    assert found.warnings == ()


def test_a_notebook_too_deep_in_folders_is_named(made: Any, folder: Path) -> None:
    """It is not taken, and nobody is told that the folder is empty."""
    course, _, right = made
    deep = folder / "home" / "work" / f"{NAME}.ipynb"
    deep.parent.mkdir(parents=True)
    deep.write_text(right, encoding="utf-8")
    assert (
        chosen(course, folder).reason
        == "did not look into the folder home/work: put the notebook one level up"
    )


def test_a_notebook_in_utf_16_is_known_by_its_content(made: Any, folder: Path) -> None:
    course, _, right = made
    (folder / "homework.txt").write_bytes(right.encode("utf-16"))
    assert worked_on(chosen(course, folder))


def test_two_notebooks_of_one_name_in_a_zip_are_both_looked_at(made: Any, folder: Path) -> None:
    """In two folders, as in two of the disk: the one that is worked on counts."""
    course, released, right = made
    for first, second in ((released, right), (right, released)):
        files: dict[str, bytes | str] = {f"a/{NAME}.ipynb": first, f"b/{NAME}.ipynb": second}
        (folder / "ana.zip").write_bytes(zipped(files))
        assert worked_on(chosen(course, folder))


@pytest.mark.parametrize(
    "copy", [f"{NAME}-Copy1.ipynb", f"{NAME} (1).ipynb", f"copies/{NAME}.ipynb", f"{NAME}.json", "ana.zip"]
)
def test_the_copy_that_is_worked_on_counts(copy: str, made: Any, folder: Path) -> None:
    """Beside an untouched notebook; where both are worked on and differ, somebody is asked to look."""
    course, released, right = made
    plain, other = folder / f"{NAME}.ipynb", folder / copy
    other.parent.mkdir(exist_ok=True)

    def put(text: str) -> None:
        other.write_bytes(zipped({"x.ipynb": text}) if other.suffix == ".zip" else text.encode())

    plain.write_text(released, encoding="utf-8")
    put(right)
    found = chosen(course, folder)
    assert worked_on(found)
    name = "x.ipynb" if other.suffix == ".zip" else other.name
    said = f"graded {name}, which is worked on; {plain.name} is as it was released"
    assert said in found.warnings
    if name != plain.name:
        _, notes = choose_file(course, plain, ReadsHere())
        assert f"in this folder another notebook counts: {name}" in notes

    plain.write_text(right, encoding="utf-8")
    put(released)
    found = chosen(course, folder)
    assert found.file == plain
    assert f"{name} is another notebook, not graded" in found.warnings

    put(right.replace("# right", "# half"))
    found = chosen(course, folder)
    assert found.file == plain
    [look] = [line for line in found.warnings if line.startswith("look at which one counts")]
    assert f"{name} is worked on as well, and differs from {plain.name}" in look
    assert found.look == ("predict_flow_check",)

    put(right)
    found = chosen(course, folder)
    assert not any(line.startswith("look") for line in found.warnings)
    assert found.look == ()


def test_a_copy_with_cells_of_its_own_counts(made: Any, folder: Path) -> None:
    """An answer in a new cell is work as well; a demonstration that was run or changed is none."""
    course, released, _ = made
    notebook = nbformat.reads(released, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("# right"))
    (folder / f"{NAME}.ipynb").write_text(released, encoding="utf-8")
    (folder / f"{NAME}-Copy1.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
    assert worked_on(chosen(course, folder))


def test_whatever_is_not_taken_is_named(made: Any, folder: Path) -> None:
    """Beside the notebook, beside a zip, and where there is no notebook at all."""
    course, _, right = made
    (folder / "answers.docx").write_bytes(b"PK")
    (folder / "work.7z").write_bytes(b"7z")
    found = chosen(course, folder)
    assert found.submission is None
    assert found.reason == (
        f"There is no notebook {NAME}.ipynb, only answers.docx, work.7z: "
        "hand in the notebook itself, or one zip of it."
    )
    inner = zipped({"again.ipynb": right})
    (folder / "a.zip").write_bytes(zipped({"a.ipynb": right, "b/a.ipynb": right, "c.zip": inner}))
    found = chosen(course, folder)
    assert "a.ipynb is another notebook, not graded" in found.warnings  # the other one is b-a.ipynb
    assert "left in a.zip: c.zip is a zip in a zip" in found.warnings
    assert "dropped what lies outside of the notebook's folder: answers.docx, work.7z" in found.warnings
    (folder / f"{NAME}.ipynb").write_text(right, encoding="utf-8")
    (folder / "pictures").mkdir()
    found = chosen(course, folder)
    assert found.submission is not None
    said = "\n".join((*found.warnings, *found.submission.warnings))
    for name in ("answers.docx", "work.7z", "pictures", "a.zip", "a.ipynb"):
        assert name in said, name


def _link() -> bytes:
    link = zipfile.ZipInfo(f"{NAME}.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    return raw.getvalue()


def _lies_about_its_size() -> bytes:
    """A bomb whose entry says that it has ten bytes."""
    raw = zipped({f"{NAME}.ipynb": b"\0" * (MOST_UNPACKED + 1)})
    for size in ((MOST_UNPACKED + 1).to_bytes(4, "little"),):
        raw = raw.replace(size, (10).to_bytes(4, "little"))
    return raw


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "no zip": (lambda: b"PK\3\4 and so on", "cannot be opened"),
    "half a zip": (lambda: zipped({f"{NAME}.ipynb": "x" * 999})[:-30], "cannot be opened"),
    "a link": (_link, "is a link"),
    "a bomb": (lambda: zipped({f"{NAME}.ipynb": b"\0" * (MOST_UNPACKED + 1)}), "too large"),
    "a bomb that lies": (_lies_about_its_size, "cannot be unpacked|too large"),
    "many": (lambda: zipped({f"{n}.txt": "" for n in range(MOST_MEMBERS + 1)}), "at most 200 files"),
    "odd names": (lambda: zipped({"a/\x1b[31m.ipynb": "{}", "b/..": "x", "c/.ipynb": "{}"}), "name"),
}


@pytest.mark.sandbox
def test_hostile_zips_are_refused_behind_the_walls(made: Any, folder: Path) -> None:
    """Each ends in one sentence, in a process of its own; an honest one comes out whole."""
    course, _, right = made
    with Engine() as engine:
        for name, (make, reason) in HOSTILE.items():
            (folder / "ana.zip").write_bytes(make())
            found = choose(course, read_folder(course, Handed("ana", NAME, folder)), engine)
            assert found.submission is None, name
            said = " ".join((found.reason, *found.warnings))
            assert any(part in said for part in reason.split("|")), (name, said)
            assert said.isprintable(), name
        with pytest.raises(OutlineError):
            engine.unpack(b"")
        picture = bytes(range(256)) * 50_000  # more than one frame holds
        honest = zipped({f"work/{NAME}.ipynb": right, "work/picture.png": picture, "work/empty.txt": ""})
        assert engine.unpack(honest)[0] == {
            f"{NAME}.ipynb": right.encode(),
            "picture.png": picture,
            "empty.txt": b"",
        }


# --- whose it is ----------------------------------------------------------------------------------------


@pytest.fixture
def course(made: Any, tmp_path: Path) -> Course:
    """The course with nothing handed in."""
    (tmp_path / "course").mkdir()
    return Course(tmp_path / "course", made[0].masters, b"x" * 32)


def test_a_name_in_another_unicode_form_is_the_same_learner(course: Course, made: Any) -> None:
    """With the id of before, on the command line as well; of two folders none is picked."""
    composed, apart = (normalize(form, "Zoë Müller") for form in ("NFC", "NFD"))
    assert composed != apart
    hand_in(course.root, apart, NAME, made[2])
    for asked in ([], [composed], [apart]):
        [zoe], _ = find_handed(course, [], asked)
        assert (zoe.learner, zoe.folder.parent.name) == (composed, apart)
    (course.root / "autograded" / apart / NAME).mkdir(parents=True)
    [zoe], notes = find_handed(course, [], [])
    assert (zoe.learner, notes) == (apart, [])
    hand_in(course.root, composed, NAME, made[2])
    hand_in(course.root, "ana", NAME, made[2])
    [ana], notes = find_handed(course, [], [])
    assert ana.learner == "ana"
    assert "2 folders have this name, spelt in different Unicode forms, and none was graded" in notes[0]
    with pytest.raises(CourseError, match="different Unicode forms"):
        find_handed(course, [], [composed])


def test_what_lies_in_the_wrong_place_gets_the_sentence_that_helps(course: Course, made: Any) -> None:
    submitted = course.root / "submitted"
    hand_in(course.root, "ana", NAME, made[2])
    (submitted / f"ben_{NAME}.ipynb").write_text(made[2])
    (submitted / "cleo").mkdir()
    (submitted / "cleo" / f"{NAME} (1).ipynb").write_text(made[2])
    for name in ("01_sequential-flow", "Sequential Flow", "01"):
        (submitted / "dora" / name).mkdir(parents=True)
    (submitted / "dora" / "thesis").mkdir()
    (submitted / OTHER / "emil").mkdir(parents=True)
    found, notes = find_handed(course, [], [])
    assert [one.learner for one in found] == ["ana"]
    said = "\n".join(notes)
    assert f"ben_{NAME}.ipynb: not graded where it lies; put it into submitted/LEARNER/{NAME}/" in said
    assert (
        f"submitted/cleo/{NAME} (1).ipynb: not graded where it lies; put it into submitted/cleo/{NAME}/"
        in said
    )
    assert said.count(f"no such assignment; did you mean {NAME}?") == 3
    assert "submitted/dora/thesis: no such assignment" in notes
    assert f"submitted/{OTHER}: an assignment where a learner was expected" in said
    with pytest.raises(CourseError, match=f"nothing was handed in for.*put it into submitted/cleo/{NAME}/"):
        find_handed(course, [], ["cleo"])


def test_near_names_are_offered(course: Course, made: Any) -> None:
    """For an assignment and a learner that do not exist; where nothing is near, nothing is offered."""
    for learner in ("zoë", "ana", "ben.meyer"):
        hand_in(course.root, learner, NAME, made[2])
    refusals = {
        ("01_sequential_flwo", ""): f"no assignment '01_sequential_flwo'; did you mean {NAME}? There are",
        ("sequential-flow", ""): f"did you mean {NAME}?",
        ("05_transformers", ""): "no assignment '05_transformers'; there are 01",
        ("", "zoe"): "nothing was handed in by zoe (did you mean zoë?)",
        ("", "Ben Meyer"): "did you mean ben.meyer?",
        ("", "quentin"): "nothing was handed in by quentin$",
    }
    for (assignment, learner), reason in refusals.items():
        with pytest.raises(CourseError, match=re.sub(r"([?()])", r"\\\1", reason)):
            find_handed(course, [assignment] if assignment else [], [learner] if learner else [])


def test_whoever_handed_in_nothing_is_said_to_and_not_counted(course: Course, made: Any) -> None:
    """An empty folder, one with nbgrader's own files alone, and one that has gone since it was graded."""
    hand_in(course.root, "ana", NAME, made[2])
    for learner in ("ben", "cleo"):
        (course.root / "submitted" / learner / NAME).mkdir(parents=True)
    (course.root / "submitted" / "cleo" / NAME / "timestamp.txt").write_text("2026-02-03 10:00:00 UTC")
    (course.root / "submitted" / "dora").mkdir()
    for learner in ("cleo", "emil"):
        (course.root / "autograded" / learner / NAME).mkdir(parents=True)
    found, notes = find_handed(course, [], [])
    assert [one.learner for one in found] == ["ana"]
    assert notes == [
        f"ben/{NAME}: nothing was handed in, the folder is empty",
        f"cleo/{NAME}: nothing was handed in, the folder is empty; the gradebook keeps the earlier grade",
        "submitted/dora: nothing was handed in, the folder is empty",
        f"emil/{NAME}: nothing is handed in any more, its folder in submitted/ is gone; the gradebook keeps "
        "the earlier grade",
    ]
    assert find_handed(course, [], ["ana"])[1] == []


# --- when it came ---------------------------------------------------------------------------------------

TIME = "2026-02-03 10:00:00.000000 UTC"
TIMES = {
    "nbgrader's": b"2026-02-03 10:00:00.000000 UTC\n",
    "a zone's name": b"2026-02-03 11:00:00 Europe/Berlin",
    "its letters": b"2026-02-03 11:00:00 CET",
    "an offset": b"2026-02-03T11:00:00+01:00",
    "ISO": b"2026-02-03T10:00:00Z",
    "a byte-order mark": b"\xef\xbb\xbf2026-02-03 10:00:00 UTC\r\n",
    "UTF-16": "2026-02-03 10:00:00 UTC\r\n".encode("utf-16"),
    "UTF-16, the other way": b"\xfe\xff" + "2026-02-03 10:00:00 UTC".encode("utf-16-be"),
    "UTF-16 without a mark": "2026-02-03 10:00:00 UTC".encode("utf-16-le"),
    "quotes": b'"2026-02-03 10:00:00 UTC"\n',
    "apostrophes": b"'2026-02-03 10:00:00 UTC'",
    "typeset quotes": "“2026-02-03 10:00:00 UTC”".encode(),
    "seconds": b"1770112800",
    "seconds and a fraction": b"1770112800.0\n",
    "milliseconds": b"1770112800000",
    "two lines": b"2026-02-03 10:00:00 UTC\nhanded in by ana\n",
    "two lines, the other way": b"ana\n\n2026-02-03 10:00:00 UTC\n",
    "the same twice": b"2026-02-03 10:00:00 UTC\n2026-02-03T10:00:00Z\n",
    "date and time": b"2026-02-03\n10:00:00 UTC\n",
    "a mail's": b"Tue, 3 Feb 2026 10:00:00 +0000",
    "git's": b"2026-02-03 11:00:00 +0100",
    "the command date's": b"Tue Feb  3 11:00:00 CET 2026",
    "out of a table": b'"2026-02-03 10:00:00 UTC",\n',
}
NO_TIMES = [b"", b"yesterday", b"3", b"10:00", b"\xff\xfe\xff", b"x" * 500, b"\x80\x81", b"99999999999999999"]
NO_TIMES += [b"2026-02-03 10:00:00 UTC\n2026-02-04 10:00:00 UTC"]
# Each of these was once read as some other time: another zone, month and century.
NO_TIMES += [b"2026-02-03 10:00:00 CEST", b"2026-02-03 10:00:00 UTC+1", b"Tue Feb  3 10:00:00 PDT 2026"]
NO_TIMES += [b"03.02.2026 10:00", b"02/03/2026 10:00 AM", b"2126-02-03 10:00:00 UTC", b"9999999999"]


@pytest.mark.parametrize("raw", TIMES.values(), ids=TIMES)
def test_a_time_is_read_however_it_is_written(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "timestamp.txt").write_bytes(raw)
    assert read_timestamp(tmp_path) == TIME
    assert time_in(tmp_path)[1] == ""


def test_what_is_no_time_is_named(course: Course, made: Any, tmp_path: Path) -> None:
    """Never silently no time; where there is no file, there is nothing to say."""
    assert time_in(tmp_path) == (None, "")
    stamp = hand_in(course.root, "ana", NAME, made[2]).with_name("timestamp.txt")
    for raw in NO_TIMES:
        stamp.write_bytes(raw)
        assert read_timestamp(stamp.parent) is None
        _, [note] = find_handed(course, [], [])
        assert note.startswith(f"ana/{NAME}/timestamp.txt: no time is known: expected"), raw
        assert note.isprintable()
    stamp.unlink()
    stamp.symlink_to("/etc/hostname")
    assert "no time is known" in find_handed(course, [], [])[1][0]


def test_check_takes_a_folder_and_a_zip(
    made: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`check` says the same of a zip, of the folder it lies in, and of the notebook in it."""
    course, _, right = made
    monkeypatch.chdir(course.root)
    (folder / "ana.zip").write_bytes(zipped({f"ana/{NAME}.IPYNB": right}))
    (folder / "a.txt").write_text(right)
    rows = []
    for path in (folder / "ana.zip", folder, folder / "a.txt"):
        assert main(["check", str(path), "--json"]) == 0
        rows.append(json.loads(capsys.readouterr().out))
    assert rows[0] == rows[1] == rows[2]
    assert rows[0]["assignment"] == NAME
