"""What the gradebook holds on a class's assignments. Nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from nbgrader.api import Assignment, BaseCell, Comment, Grade, SubmittedAssignment, SubmittedNotebook
from sqlalchemy.orm import Session

from autograder.files import one_form
from autograder.settings import Settings
from sumskip.checking.core import Report


@dataclass(frozen=True)
class Mark:
    """A graded cell of one learner, as nbgrader keeps it. `waits`: a person is to look at it."""

    automatic: float | None
    by_hand: float | None
    extra: float
    most: float
    waits: bool

    @classmethod
    def of(cls, grade: Grade) -> Mark:
        extra = grade.extra_credit or 0.0
        return cls(grade.auto_score, grade.manual_score, extra, grade.max_score, grade.needs_manual_grade)

    @classmethod
    def blank(cls, most: float) -> Mark:
        """Of what nobody has marked, as nbgrader makes it."""
        return cls(None, None, 0.0, most, True)

    def row(self, **more: Any) -> Any:
        """The same by the names of nbgrader's row, to be written in."""
        return SimpleNamespace(
            auto_score=self.automatic,
            manual_score=self.by_hand,
            extra_credit=self.extra,
            score=self.points or 0.0,
            max_score=self.most,
            needs_manual_grade=self.waits,
            **more,
        )

    @property
    def points(self) -> float | None:
        """What counts; None where it has not been marked yet, which nbgrader adds up as 0."""
        given = self.automatic if self.by_hand is None else self.by_hand
        if given is None:
            return None if self.waits else 0.0
        return given + self.extra

    @property
    def is_open(self) -> bool:
        """Whether it counts and is not settled: unmarked, or marked when it was worth more than it is now."""
        if self.points is None:
            return self.most > 0
        return self.waits and self.points - self.extra > self.most


@dataclass(frozen=True)
class Recorded:
    """One learner's assignment in the gradebook: its marks by cell, and what its late penalty goes by.

    `comments` has, by cell too, the automatic one and that which a person wrote.
    """

    marks: Mapping[str, Mark] = field(default_factory=dict)
    penalty: float = 0.0
    timestamp: datetime | None = None
    due: datetime | None = None
    comments: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)

    @property
    def graded(self) -> bool:
        """Whether there is a number yet: an extension is often given before anything is handed in."""
        return any(mark.automatic is not None or mark.by_hand is not None for mark in self.marks.values())

    @property
    def waits(self) -> bool:
        """Whether something that counts is not marked yet."""
        return any(mark.is_open for mark in self.marks.values())

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
            mark = marks.get(name) or Mark.blank(report.max_score)
            score = None if silent else report.score
            marks[name] = replace(
                mark, automatic=score, waits=mark.waits if mark.by_hand is not None else silent
            )
        return replace(self, marks=marks)


class ClassMarks(dict[str, Recorded]):
    """What is recorded of an assignment, by learner; of others, nothing but when it is due for them."""

    def __init__(self, assignment: str, settings: Settings, due: datetime | None = None) -> None:
        super().__init__()
        self._due = settings.due.get(assignment, due)
        self._extensions = settings.extensions.get(assignment, {})

    def due_for(self, learner: str, extension: timedelta | None = None) -> datetime | None:
        """When it is due for a learner; the course's settings go before the gradebook's `extension`."""
        extension = self._extensions.get(one_form(learner), extension)
        return self._due + extension if self._due and extension else self._due

    def __missing__(self, learner: str) -> Recorded:
        return Recorded(due=self.due_for(learner))


def read_marks(db: Session, assignment: str, settings: Settings, only: str = "") -> ClassMarks:
    """What is recorded of an assignment, of everybody or of one learner.

    Dates in the course's settings go before those of the gradebook.
    """
    due = db.query(Assignment.duedate).filter(Assignment.name == assignment).scalar()
    query = (
        db.query(
            SubmittedAssignment.student_id,
            SubmittedAssignment.timestamp,
            SubmittedAssignment.extension,
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
    written = (
        db.query(SubmittedAssignment.student_id, BaseCell.name, Comment.auto_comment, Comment.manual_comment)
        .select_from(Comment)
        .join(Comment.cell)
        .join(Comment.notebook)
        .join(SubmittedNotebook.assignment)
        .join(SubmittedAssignment.assignment)
        .filter(Assignment.name == assignment)
    )
    if only:
        query = query.filter(SubmittedAssignment.student_id == only)
        written = written.filter(SubmittedAssignment.student_id == only)
    comments: dict[str, dict[str, tuple[str | None, str | None]]] = {}
    for learner, cell, automatic, by_hand in written:
        comments.setdefault(learner, {})[cell] = automatic, by_hand
    found = ClassMarks(assignment, settings, due)
    marks: dict[str, dict[str, Mark]] = {}
    for learner, timestamp, extension, penalty, cell, automatic, by_hand, extra, most, waits in query:
        if learner not in found:
            marks[learner] = {}
            due = found.due_for(learner, extension)
            found[learner] = Recorded(
                marks[learner], penalty or 0.0, timestamp, due, comments.get(learner, {})
            )
        if cell is not None:
            marks[learner][cell] = Mark(automatic, by_hand, extra or 0.0, most, waits)
    return found
