"""What the gradebook holds on a class's assignments, and what being late costs there. Nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import SimpleNamespace

from nbgrader.api import Assignment, BaseCell, Grade, SubmittedAssignment, SubmittedNotebook
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy.orm import Session

from sumskip.checking.core import Report


@dataclass(frozen=True)
class Mark:
    """A graded cell of one learner, as nbgrader keeps it. `waits`: a person is to look at it."""

    automatic: float | None
    by_hand: float | None
    extra: float
    most: float
    waits: bool

    @property
    def points(self) -> float | None:
        """What counts; None where it has not been marked yet, which nbgrader adds up as 0."""
        given = self.automatic if self.by_hand is None else self.by_hand
        if given is None:
            return None if self.waits else 0.0
        return given + self.extra


@dataclass(frozen=True)
class Recorded:
    """One learner's assignment in the gradebook: its marks by cell, and what its late penalty goes by."""

    marks: Mapping[str, Mark] = field(default_factory=dict)
    penalty: float = 0.0
    timestamp: datetime | None = None
    due: datetime | None = None

    @property
    def score(self) -> float:
        return sum(mark.points or 0.0 for mark in self.marks.values())

    def late(self, timestamp: datetime | None) -> float:
        """By how many seconds a submission of this time is too late."""
        return max(0.0, (timestamp - self.due).total_seconds()) if timestamp and self.due else 0.0

    def regraded(self, reports: tuple[Report, ...]) -> Recorded:
        """The same with these automatic scores; what people have marked stays."""
        marks = dict(self.marks)
        for report in reports:
            name, silent = f"{report.exercise}_check", report.status == "not_graded"
            mark = marks.get(name) or Mark(None, None, 0.0, report.max_score, True)
            score = None if silent else report.score
            marks[name] = replace(
                mark, automatic=score, waits=mark.waits if mark.by_hand is not None else silent
            )
        return replace(self, marks=marks)


def read_marks(db: Session, assignment: str) -> dict[str, Recorded]:
    """What is recorded of an assignment, by learner."""
    query = (
        db.query(
            SubmittedAssignment.student_id,
            SubmittedAssignment.timestamp,
            SubmittedAssignment.extension,
            Assignment.duedate,
            SubmittedNotebook.late_submission_penalty,
            BaseCell.name,
            Grade.auto_score,
            Grade.manual_score,
            Grade.extra_credit,
            Grade.max_score,
            Grade.needs_manual_grade,
        )
        .select_from(SubmittedNotebook)
        .join(SubmittedNotebook.assignment)
        .join(SubmittedAssignment.assignment)
        .outerjoin(SubmittedNotebook.grades)
        .outerjoin(Grade.cell)
        .filter(Assignment.name == assignment)
    )
    found: dict[str, Recorded] = {}
    marks: dict[str, dict[str, Mark]] = {}
    for learner, timestamp, extension, due, penalty, cell, automatic, by_hand, extra, most, waits in query:
        if learner not in found:
            due = due + extension if due and extension else due
            marks[learner] = {}
            found[learner] = Recorded(marks[learner], penalty or 0.0, timestamp, due)
        if cell is not None:
            marks[learner][cell] = Mark(automatic, by_hand, extra or 0.0, most, waits)
    return found


@dataclass(frozen=True)
class LatePolicy:
    """What the course's `nbgrader_config.py` takes off for being late; without a step for it, nothing new."""

    step: AssignLatePenalties | None

    def penalty(self, learner: str, recorded: Recorded, timestamp: datetime | None) -> float:
        """What is taken off these marks, handed in at this time, by the gradebook's present dates."""
        if self.step is None:
            return recorded.penalty
        seconds = recorded.late(timestamp)
        if not seconds:
            return 0.0
        self.step.init_plugin()
        penalty = self.step.plugin_inst.late_submission_penalty(learner, recorded.score, seconds)
        if penalty is None:
            return 0.0
        # nbgrader's own bounds: not below 0, not more than there is.
        return float(self.step._check_late_penalty(SimpleNamespace(score=recorded.score), penalty))
