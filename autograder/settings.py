"""The settings of a course, in `course.toml` of its root. Each may be left out, and so may the file."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from autograder.files import one_form
from autograder.names import did_you_mean

FILE = "course.toml"
PointsFor = Literal["committing", "being right"]
MOST_DAYS = 365
MOST_POINTS = 1000
ASK = (
    "Something is unclear, or marked wrongly? Reply to your instructor, and name the lesson, the exercise "
    "and when you handed in."
)
T = TypeVar("T")


class SettingError(Exception):
    """A setting cannot be used. One line: what was expected, what came."""


@dataclass(frozen=True)
class Settings:
    """What `course.toml` says, and what holds where it is silent.

    `points` has what an exercise is worth in this course, where that is another number than in its master;
    0: it does not count. `weights` has, by assignment, what it weighs in a total instead of its points.
    `due` has a date in UTC, without a zone as nbgrader keeps it, for assignments that have one, or None where
    one is taken back; `extensions` what some learners have on top, by assignment and id. A late submission
    loses `percent_a_day` of its marks for every day begun after `grace_minutes`, at most `at_most_percent`.
    `ask` is what a feedback page says about how to ask.
    """

    points_for: PointsFor = "committing"
    points: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    due: Mapping[str, datetime | None] = field(default_factory=dict)
    extensions: Mapping[str, Mapping[str, timedelta]] = field(default_factory=dict)
    grace_minutes: float = 0.0
    percent_a_day: float = 0.0
    at_most_percent: float = 100.0
    ask: str = ASK

    @property
    def late(self) -> Mapping[str, float]:
        """What being late costs, by setting."""
        names = ("grace_minutes", "percent_a_day", "at_most_percent")
        return {name: getattr(self, name) for name in names}


def read_settings(root: Path) -> Settings:
    """The settings of the course in `root`.

    Raises:
        SettingError: the file is no TOML, or one of them is unknown or cannot be used.
    """
    path = root / FILE
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8-sig")) if path.is_file() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"{path}: {error}; mend it") from error
    given: dict[str, Any] = {}
    try:
        for name, table in found.items():
            read = _known(_TABLES, name)
            _expect(isinstance(table, dict), name, "a table", table)
            given |= read(table)
    except SettingError as error:
        raise SettingError(f"{path}: {error}") from None
    return Settings(**given)


def _known(known: Mapping[str, T], name: str) -> T:
    if name not in known:
        meant = did_you_mean(name, known) or f"there are {', '.join(known)}"
        raise SettingError(f"no setting {name!r}; {meant}")
    return known[name]


def _expect(holds: bool, what: str, expected: str, came: object) -> None:
    if not holds:
        raise SettingError(f"{what} expects {expected}; {came!r} came")


def _within(value: object, most: float) -> bool:
    """Whether this is a number from 0 to `most`."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= most


def _predictions(table: Mapping[str, Any]) -> dict[str, Any]:
    choices = get_args(PointsFor)
    for name, value in table.items():
        _known({"points-for": choices}, name)
        _expect(value in choices, name, " or ".join(f'"{choice}"' for choice in choices), value)
    return {"points_for": table.get("points-for", "committing")}


def _points(table: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in table.items():
        holds = _within(value, MOST_POINTS) and math.isclose(value, round(value, 2))
        _expect(holds, name, f"points from 0 to {MOST_POINTS}, in hundredths at the finest", value)
    return {"points": {name: float(value) for name, value in table.items()}}


def _weights(table: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in table.items():
        _expect(_within(value, MOST_POINTS), f"weight of {name}", f"a number from 0 to {MOST_POINTS}", value)
    return {"weights": {name: float(value) for name, value in table.items()}}


def _due(table: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, datetime | None] = {}
    for name, moment in table.items():
        if moment == "none":
            found[name] = None
        elif isinstance(moment, datetime) and moment.tzinfo is not None and 2000 <= moment.year < 3000:
            found[name] = moment.astimezone(UTC).replace(tzinfo=None)
        else:
            example = 'a time with its offset, such as 2026-10-08T23:59:00+02:00, or "none"'
            raise SettingError(f"due of {name} expects {example}; {moment!s} came")
    return {"due": found}


def _extensions(table: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, dict[str, timedelta]] = {}
    for name, learners in table.items():
        by_learner = "days by learner, such as { ana = 3 }"
        _expect(isinstance(learners, dict), f"extension of {name}", by_learner, learners)
        for learner, days in learners.items():
            _expect(_within(days, MOST_DAYS), learner, f"a number of days, at most {MOST_DAYS}", days)
        found[name] = {one_form(learner): timedelta(days=days) for learner, days in learners.items()}
    return {"extensions": found}


def _late(table: Mapping[str, Any]) -> dict[str, Any]:
    most = {"grace-minutes": 60 * 24 * MOST_DAYS, "percent-a-day": 100, "at-most-percent": 100}
    for name, value in table.items():
        limit = _known(most, name)
        _expect(_within(value, limit), name, f"a number from 0 to {limit}", value)
    return {name.replace("-", "_"): float(value) for name, value in table.items()}


def _feedback(table: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in table.items():
        _known({"ask": str}, name)
        _expect(
            isinstance(value, str) and 0 < len(value) <= 500,
            name,
            "a sentence, at most 500 characters",
            value,
        )
    return dict(table)


_TABLES: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "predictions": _predictions,
    "points": _points,
    "weight": _weights,
    "due": _due,
    "extension": _extensions,
    "late": _late,
    "feedback": _feedback,
}
