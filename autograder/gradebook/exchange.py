"""What nbgrader's exchange puts beside a submission, and wants back beside its feedback.

`timestamp.txt` says when it was handed in; `submission_secret.txt` names the page that its learner alone
may fetch. Both come from outside: they are read as bounded bytes, and written anew for the next step.
"""

from __future__ import annotations

import hashlib
import os
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dateutil import parser
from nbgrader.coursedir import CourseDirectory

from autograder.files import UnfitFileError, regular_bytes, spelt, write_whole

TIMESTAMP, SECRET = "timestamp.txt", "submission_secret.txt"
MOST_TIME = 400  # bytes: a time, twice, in UTF-16

# What people and programs put around a time.
_AROUND = "\"'`\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb,;\ufeff"
_EPOCH = re.compile(r"(\d{9,10})(?:\.\d+)?|\d{13}")
_DAY = re.compile(r"\b(\d{1,2})[./-](\d{1,2})[./-]\d{2,4}\b")
_PLACE = re.compile(r"\s([A-Za-z]+(?:/[A-Za-z_]+)+)$")  # Europe/Berlin
_SIGNED = re.compile(r"\b[A-Z]{3,5}[+-]\d")
_OFFSET = re.compile(r"(:\d\d) (?=[+-]\d\d:?\d\d$)")
# Two days that share nothing: what a text leaves open comes out differently.
_SOME, _OTHER = datetime(2001, 1, 1, 1, 1, 1), datetime(2002, 2, 2, 2, 2, 2)


def read_timestamp(folder: Path) -> str | None:
    """When it was handed in, as nbgrader writes it; None where no time is known."""
    moment, _ = time_in(folder)
    return f"{moment:%Y-%m-%d %H:%M:%S.%f} UTC" if moment else None


def time_in(folder: Path) -> tuple[datetime | None, str]:
    """When it was handed in, in UTC without a zone; and what is wrong with `timestamp.txt`, if anything."""
    path = folder / TIMESTAMP
    if not os.path.lexists(path):  # nor where its folder cannot be looked into, which is said elsewhere
        return None, ""
    try:
        text = _decoded(regular_bytes(path, MOST_TIME))
    except UnfitFileError as error:
        return None, f"no time is known: {error}"
    if moment := _moment(text):
        return moment, ""
    shown = " ".join(text.split())[:60]
    return None, f"no time is known: expected such as '2026-02-03 10:00:00 UTC', got {shown!r}; write it so"


def _decoded(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace")
    if raw[1:2] == b"\0":
        return raw.decode("utf-16-le", errors="replace")
    return raw.decode("utf-8-sig", errors="replace")


def _moment(text: str) -> datetime | None:
    """The one time in a text, which is in UTC unless it says otherwise; None where none is certain."""
    lines = [plain for line in text.splitlines() if (plain := line.strip().strip(_AROUND).strip())]
    if len(lines) > 1:
        whole = {moment for line in lines if (moment := _time(line, to_the_hour=True))}
        if whole:
            return whole.pop() if len(whole) == 1 else None
    return _time(" ".join(lines))


def _time(text: str, *, to_the_hour: bool = False) -> datetime | None:
    try:
        if epoch := _EPOCH.fullmatch(text):
            seconds = float(text) if epoch[1] else int(text) / 1000
            return _likely(datetime.fromtimestamp(seconds, UTC))
        if _SIGNED.search(text):
            return None  # UTC+1: to some an hour ahead, to POSIX an hour behind
        if (day := _DAY.search(text)) and day[1] != day[2] and max(int(day[1]), int(day[2])) <= 12:
            return None  # 3/2: to some the second of March, to others the third of February
        zone: tzinfo = UTC
        if named := _PLACE.search(text):
            text, zone = text[: named.start()], ZoneInfo(named[1])
        text = _OFFSET.sub(r"\1", text)
        moment = parser.parse(text, tzinfos=_zone)
        some, other = (parser.parse(text, default=day, ignoretz=True) for day in (_SOME, _OTHER))
    except (ValueError, OverflowError, TypeError, AttributeError, OSError, KeyError):
        return None
    same = some == other if to_the_hour else some.date() == other.date()
    return _likely(moment if moment.tzinfo else moment.replace(tzinfo=zone)) if same else None


def _zone(name: str | None, offset: int | None) -> tzinfo | None:
    """The zone that a time names: one that is not known is none of which to guess that it were UTC."""
    if offset is not None:
        return timezone(timedelta(seconds=offset))
    return ZoneInfo(name) if name else None


def _likely(moment: datetime) -> datetime | None:
    """A time in UTC without a zone, if a course can have been held then."""
    moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment if 2000 <= moment.year < 2100 else None


def read_secret(folder: Path) -> str | None:
    """The secret that came with a submission; None where there is none, or nothing that nbgrader makes."""
    try:
        text = regular_bytes(folder / SECRET, 1_000).decode("ascii").strip()
    except (UnfitFileError, ValueError):
        return None
    return text if re.fullmatch(r"[\w+/=-]{8,}", text) else None


def carry(source: Path, target: Path, key: str | None = None) -> None:
    """Write time and secret of `source` into `target`, and take away what is not in `source`.

    For feedback: `nbgrader release_feedback` stops at the first page without the two files. Where a
    submission came another way, `key`, which only the grader knows, makes a secret that nobody guesses.
    """
    secret, time = read_secret(source), read_timestamp(source)
    if key and not secret:
        secret = hashlib.sha512(f"feedback {key}".encode()).hexdigest()
    for name, text in ((TIMESTAMP, time), (SECRET, secret)):
        if text is None and not key:
            (target / name).unlink(missing_ok=True)
        elif (whole := text or "") != _present(target / name):
            write_whole(target / name, whole)


def _present(path: Path) -> str | None:
    try:
        return regular_bytes(path, 1_000).decode()
    except (UnfitFileError, ValueError):
        return None


def existing_timestamp(course: CourseDirectory, dest_path: str) -> datetime | None:
    """In the place of nbgrader's own, which stops at what is no time, and follows links."""
    folder = Path(dest_path)
    folder = spelt(folder.parent.parent, folder.parent.name) / folder.name
    moment, problem = time_in(folder)
    if problem:
        course.log.warning("%s: %s", folder / TIMESTAMP, problem)
    return moment


def read_times_in_nbgrader() -> None:
    """Let every nbgrader command in this process read times as `grade` does."""
    reader: Any = existing_timestamp
    CourseDirectory.get_existing_timestamp = reader
