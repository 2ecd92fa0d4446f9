"""What stands at the top of a feedback page: exercises by name, their points, and what to look at first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from autograder.gradebook.marks import Mark
from autograder.submission.sections import sections

LATE = "late penalty"
Points = Mapping[str, float | None]  # by cell; None is not marked yet


class Lesson(NamedTuple):
    """A lesson's title, and its exercises' names, as its headings have them."""

    title: str
    names: Mapping[str, str]


def lesson_of(root: Path, assignment: str) -> Lesson:
    """The lesson of an assignment; one whose master is gone has its own name, and no other."""
    master = root / "notebooks" / assignment / f"{assignment}.ipynb"
    return _lesson(master, master.stat().st_mtime_ns) if master.is_file() else Lesson(assignment, {})


@lru_cache(maxsize=16)
def _lesson(master: Path, _changed: int) -> Lesson:
    found = sections(json.loads(master.read_bytes())["cells"])
    names = {name: one.heading for one in found for name in one.exercises}
    return Lesson(found[0].heading if found else master.stem, names)


@dataclass(frozen=True)
class Row:
    """One graded cell, by the lesson's name; `status`, `title` and `message` are the report's, if any."""

    cell: str
    name: str
    mark: Mark
    status: str = ""
    title: str = ""
    message: str = ""
    comment: bool = False

    @property
    def answer(self) -> str:
        """The cell in which it was answered, and which has the comment."""
        return self.cell.removesuffix("_check")

    @property
    def state(self) -> str:
        """What became of it, in a few words."""
        if self.mark.points is None:
            silent = self.status == "not_graded"
            return "? Not graded: a person will look at it" if silent else "… Waits to be marked by a person"
        by_hand = "Marked by a person" if self.mark.by_hand is not None else ""
        said = by_hand or self.title or "✗ Nothing is here yet"
        return f"{said}; a person will look at it" if self.mark.waits else said

    @property
    def points(self) -> str:
        """`4 of 6`; "optional" where none are given."""
        earned = self.mark.points
        if not self.mark.most:
            return "optional"
        return f"{'–' if earned is None else _number(earned)} of {_number(self.mark.most)}"

    @property
    def gain(self) -> float:
        """The points that are still to be had, as far as it is marked."""
        return 0.0 if self.mark.points is None else max(0.0, self.mark.most - self.mark.points)

    @property
    def why(self) -> str:
        if self.status == "failed":
            return self.message
        return "The comment below your answer says why." if self.comment else ""


@dataclass(frozen=True)
class Overview:
    """All that is said above a notebook. `before` are the points on the page that this one replaces."""

    title: str
    rows: tuple[Row, ...]
    penalty: float
    handed_in: datetime | None  # UTC
    seconds_late: float
    ask: str
    before: Points

    @property
    def names(self) -> dict[str, str]:
        return {row.cell: row.name for row in self.rows}

    @property
    def total(self) -> str:
        marks = [row.mark for row in self.rows]
        earned = sum(mark.points or 0.0 for mark in marks) - self.penalty
        said = f"{_number(earned)} of {_number(sum(mark.most for mark in marks))} points"
        waits = sum(mark.most for mark in marks if mark.points is None)
        return f"{said}, {_number(waits)} of them not marked yet" if waits else said

    @property
    def first(self) -> Row | None:
        """The first exercise, in the order of the lesson, in which something can be gained."""
        return next((row for row in self.rows if row.gain > 1e-9), None)

    @property
    def time(self) -> str:
        """When it was handed in, and what being late cost."""
        cost = f"takes off {_plural(self.penalty, 'point')}" if self.penalty else "costs nothing"
        late = f"Being late {cost}." if self.penalty else ""
        if not self.handed_in:
            return late
        said = f"Handed in on {self.handed_in:%Y-%m-%d at %H:%M} UTC"
        if self.seconds_late:
            return f"{said}, {_span(self.seconds_late)} late, which {cost}."
        return f"{said}. {late}".strip()

    @property
    def changes(self) -> list[str]:
        """Which points are others than on the page before."""
        now: dict[str, float | None] = {row.cell: row.mark.points for row in self.rows}
        found = [
            f"{name}: from {_marked(self.before[cell])} to {_marked(now[cell])}"
            for cell, name in self.names.items()
            if cell in self.before and not _same(self.before[cell], now[cell])
        ]
        late = self.before.get(LATE, self.penalty)
        if not _same(late, self.penalty):
            found.append(f"taken off for being late: from {_marked(late)} to {_marked(self.penalty)}")
        return found


def _same(one: float | None, other: float | None) -> bool:
    return one is other if one is None or other is None else abs(one - other) < 1e-9


def _marked(points: float | None) -> str:
    return "not marked yet" if points is None else _plural(points, "point")


def _number(value: float) -> str:
    return f"{round(value, 2):g}"


def _plural(value: float, what: str) -> str:
    return f"{_number(value)} {what}{'' if _number(value) == '1' else 's'}"


def _span(seconds: float) -> str:
    """The two largest units of a time: "1 day 8 hours"."""
    whole = timedelta(seconds=seconds)
    parts = {"day": whole.days, "hour": whole.seconds // 3600, "minute": whole.seconds // 60 % 60}
    said = [_plural(value, unit) for unit, value in parts.items() if value]
    return " ".join(said[:2]) or "less than a minute"
