"""What Moodle, Canvas, Blackboard and Gradescope hand out, made from one table of learners."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from autograder.__main__ import main
from autograder.exercises import LESSONS


@dataclass(frozen=True)
class Hands:
    """One learner's hand-in. `number` is whatever the LMS counts or calls them by."""

    name: str  # "Ana Öz"
    number: str
    file: str
    content: str = "{}"
    late: bool = False
    time: str = "2026-02-03 10:00:00"
    upload: int = 9000

    @property
    def sortable(self) -> str:
        """As Canvas writes it into a file's name: "özana"."""
        first, _, last = self.name.rpartition(" ")
        return "".join(sign for sign in f"{last}, {first}".lower() if sign.isalnum() or sign == "_")


FILE_1 = f"{LESSONS[0]}.ipynb"
# Three learners: one with an umlaut, one with signs that shells stumble over, one in another script.
CLASS = [
    Hands("Ana Öz", "101", FILE_1, '{"by": "ana"}'),
    Hands("Ben O'Neil-Smith", "102", f"{LESSONS[0]}-1.ipynb", '{"by": "ben"}', late=True),
    Hands("小龙 李", "103", f"{LESSONS[0]} (1).ipynb", '{"by": "li"}'),
]
ROSTER = (
    "learner;Vorname;Nachname;Matrikelnummer;Canvas ID;E-Mail-Adresse\n"
    "a1;Ana;Öz;101;101;ana@uni.example\n"
    "b2;Ben;O'Neil-Smith;102;102;ben@uni.example\n"
    "c3;小龙;李;103;103;li@uni.example\n"
)


def moodle(
    table: Iterable[Hands], *, tail: str = "", flat: bool = False, login: bool = False
) -> dict[str, str]:
    """`Full name_ID_assignsubmission_file/…`, with `_` at the end in some versions; flat without folders."""
    joint = "_" if flat else f"{tail}/"
    names = ((one, f"{one.name.split()[0].lower()}01 {one.name}" if login else one.name) for one in table)
    return {f"{name}_{one.number}_assignsubmission_file{joint}{one.file}": one.content for one, name in names}


def canvas(table: Iterable[Hands], *, anonymous: bool = False) -> dict[str, str]:
    """`{sortable name}_[LATE_]{user}_{upload}_{file}`, or `[LATE_]anon_{id}_…` where names are hidden."""
    found = {}
    for one in table:
        late = "LATE_" if one.late else ""
        whose = f"{late}anon_{one.number}" if anonymous else f"{one.sortable}_{late}{one.number}"
        found[f"{whose}_{one.upload}_{one.file}"] = one.content
    return found


def blackboard(table: Iterable[Hands], title: str = "Lesson 1") -> dict[str, str]:
    """`{assignment}_{user}_attempt_{date}_{file}`, and a text about each attempt."""
    found = {}
    for one in table:
        attempt = f"{title}_{one.number}_attempt_{one.time.replace(' ', '-').replace(':', '-')}"
        found[f"{attempt}.txt"] = (
            f"Name: {one.name} ({one.number})\nAssignment: {title}\nDate Submitted: {one.time}\n"
        )
        found[f"{attempt}_{one.file}"] = one.content
    return found


def gradescope(table: Iterable[Hands]) -> dict[str, str]:
    """A folder for each submission, and a list of whose each is."""
    base, listed, found = "assignment_77_export", ["---"], {}
    for number, one in enumerate(table, 1):
        listed += [
            f"submission_{number}:",
            "  :submitters:",
            f"  - :name: {one.name}",
            f"    :sid: '{one.number}'",
            f"    :email: {one.name.split()[0].lower()}@uni.example",
            f"  :created_at: {one.time}.000000000 Z",
            "  :results: !ruby/object:Results {tests: []}",
        ]
        found[f"{base}/submission_{number}/{one.file}"] = one.content
    found[f"{base}/submission_metadata.yml"] = "\n".join(listed) + "\n"
    return found


def write_zip(path: Path, files: Mapping[str, str | bytes], date: str = "2026-02-03 10:00:00") -> Path:
    """A zip of these files, all of one date."""
    moment = datetime.fromisoformat(date)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, moment.timetuple()[:6])
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What a command that cannot do it says on stderr: one line, and status 2."""
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1, err
    return err
