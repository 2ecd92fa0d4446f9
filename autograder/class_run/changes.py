"""What a run changes in marks that were there before: whose, where, from how much to how much, and why."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.gradebook.marks import Mark, Recorded
from autograder.submission.verdicts import Verdict

LATE = "late penalty"


@dataclass(frozen=True)
class Change:
    """One mark; None is one that is not there yet. `by_hand` stays, whatever the automatic one does."""

    learner: str
    assignment: str
    exercise: str
    old: float | None
    new: float | None
    reason: str
    by_hand: float | None = None

    def __str__(self) -> str:
        old = "not graded" if self.old is None else f"{self.old:g}"
        new = "not graded" if self.new is None else f"{self.new:g} points"
        kept = "" if self.by_hand is None else f"{self.by_hand:g} points by hand stay, automatically "
        return f"{self.learner}/{self.assignment}: {self.exercise}: {kept}{old} -> {new} ({self.reason})"


def changes(
    learner: str, verdict: Verdict, before: Recorded, after: Recorded, reason: str
) -> Iterator[Change]:
    """What is another in `after` than in `before`, by the exercises of the verdict; then the late penalty."""
    none = Mark(None, None, 0.0, 0.0, True)
    for report in verdict.reports:
        cell = f"{report.exercise}_check"
        old, new = before.marks.get(cell, none), after.marks.get(cell, none)
        if not _same(old.automatic, new.automatic):
            one, other = (
                (old.automatic, new.automatic) if new.by_hand is not None else (old.points, new.points)
            )
            yield Change(learner, verdict.assignment, report.exercise, one, other, reason, new.by_hand)
    if not _same(before.penalty, after.penalty):
        one, other = 0.0 - before.penalty, 0.0 - after.penalty
        yield Change(learner, verdict.assignment, LATE, one, other, reason)


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, abs_tol=1e-9)
