"""What stands at the top of a feedback page."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from autograder.gradebook.marks import Mark
from autograder.gradebook.page_overview import LATE, Overview, Row

RIGHT = Row("a_check", "Exercise 1", Mark(6.0, None, 0.0, 6.0, False), "passed", "✓ All right", "Right.")
WRONG = Row("b_check", "Exercise 2", Mark(3.0, None, 0.0, 8.0, False), "failed", "✗ Not yet", "Why?")
SILENT = Row("c_check", "Exercise 3", Mark(None, None, 0.0, 4.0, True), "not_graded", "? Not graded", "Dead.")
ESSAY = Row("d", "Exercise 4", Mark(None, None, 0.0, 4.0, True))
OVERVIEW = Overview("1. A lesson", (RIGHT, WRONG, SILENT, ESSAY), 0.0, None, 0.0, "Ask.", {})


def marked(row: Row, points: float, *, waits: bool = False) -> Row:
    return replace(row, mark=replace(row.mark, by_hand=points, waits=waits))


@pytest.mark.parametrize(
    ("row", "state", "points", "gain"),
    [
        (RIGHT, "✓ All right", "6 of 6", 0),
        (WRONG, "✗ Not yet", "3 of 8", 5),
        (SILENT, "? Not graded: a person will look at it", "– of 4", 0),
        (ESSAY, "… Waits to be marked by a person", "– of 4", 0),
        (replace(WRONG, mark=Mark(0.0, None, 0.0, 0.0, False)), "✗ Not yet", "optional", 0),
        (marked(ESSAY, 2.5), "Marked by a person", "2.5 of 4", 1.5),
        (marked(ESSAY, 4, waits=True), "Marked by a person; a person will look at it", "4 of 4", 0),
        (replace(ESSAY, mark=Mark(0.0, None, 0.0, 4.0, False)), "✗ Nothing is here yet", "0 of 4", 4),
        (replace(RIGHT, mark=replace(RIGHT.mark, extra=1.0)), "✓ All right", "7 of 6", 0),
    ],
)
def test_what_became_of_an_exercise(row: Row, state: str, points: str, gain: float) -> None:
    """Unmarked is not zero, and nothing can be gained in it; what a person gave goes first."""
    assert (row.state, row.points, row.gain) == (state, points, gain)


def test_what_to_look_at_first() -> None:
    """The first in which points are to be had, and why: the report's sentence, or the comment."""
    assert (OVERVIEW.first, WRONG.why) == (WRONG, "Why?")
    assert marked(WRONG, 5).why == "Why?"
    commented = replace(marked(ESSAY, 1), comment=True)
    assert replace(OVERVIEW, rows=(RIGHT, SILENT, commented, WRONG)).first == commented
    assert commented.why == "The comment below your answer says why."
    assert replace(OVERVIEW, rows=(RIGHT, SILENT, ESSAY)).first is None


def test_the_total_says_what_is_open() -> None:
    assert OVERVIEW.total == "9 of 22 points, 8 of them not marked yet"
    assert replace(OVERVIEW, rows=(RIGHT, WRONG), penalty=1.3).total == "7.7 of 14 points"


@pytest.mark.parametrize(
    ("when", "seconds", "penalty", "said"),
    [
        (None, 0, 0, ""),
        (None, 0, 1, "Being late takes off 1 point."),
        (True, 0, 0, "Handed in on 2026-02-03 at 10:00 UTC."),
        (True, 0, 2, "Handed in on 2026-02-03 at 10:00 UTC. Being late takes off 2 points."),
        (True, 59, 0, "Handed in on 2026-02-03 at 10:00 UTC, less than a minute late, which costs nothing."),
        (
            True,
            90_061,
            2.5,
            "Handed in on 2026-02-03 at 10:00 UTC, 1 day 1 hour late, which takes off 2.5 points.",
        ),
    ],
)
def test_when_it_was_handed_in(when: bool | None, seconds: float, penalty: float, said: str) -> None:
    """And what being late cost."""
    moment = datetime(2026, 2, 3, 10) if when else None
    assert replace(OVERVIEW, handed_in=moment, seconds_late=seconds, penalty=penalty).time == said


def test_what_is_other_than_before() -> None:
    """By exercise, and what was taken off; where there was no page, or the cell was not on it, nothing."""
    same = {"a_check": 6.0, "b_check": 3.0, "c_check": None, "d": None, LATE: 0.0}
    assert OVERVIEW.changes == replace(OVERVIEW, before=same).changes == []
    before = {"a_check": 6.0, "b_check": None, "c_check": 1.0, "gone": 4.0, LATE: 2.0}
    assert replace(OVERVIEW, before=before).changes == [
        "Exercise 2: from not marked yet to 3 points",
        "Exercise 3: from 1 point to not marked yet",
        "taken off for being late: from 2 points to 0 points",
    ]
