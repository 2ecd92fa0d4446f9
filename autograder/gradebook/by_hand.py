"""What people give for an answer: read and written in nbgrader's rows, as formgrader does it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Assignment, BaseCell, Comment, Grade, Student, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import create_engine, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Query, Session

from autograder.gradebook.book import ReadGradebook
from autograder.gradebook.marks import Mark
from autograder.gradebook.session import GradebookError, wait_for_locks

SECONDS = 3.0  # for which a save waits for another program


@dataclass(frozen=True)
class Given:
    """What the gradebook has of one answer: its mark, what a person wrote, and whose it is."""

    learner: str
    name: str
    mark: Mark
    comment: str

    @classmethod
    def of(cls, student: Student, grade: Grade, comment: Comment | None) -> Given:
        name = " ".join(filter(None, (student.first_name, student.last_name)))
        return cls(
            student.id,
            f"{name} ({student.id})" if name else student.id,
            Mark.of(grade),
            (comment and comment.manual_comment) or "",
        )


class ByHand(ReadGradebook):
    """The answers to one question; `cell` is its grade_id. Nothing is held between two calls."""

    def __init__(self, root: Path, assignment: str, cell: str) -> None:
        super().__init__(root)
        self.assignment, self.cell = assignment, cell
        wait_for_locks(SECONDS)

    def given(self, learner: str = "") -> list[Given]:
        """What is recorded of every learner, or of one.

        Raises:
            GradebookError: the gradebook cannot be used.
        """
        return self._read(lambda db: [Given.of(*row) for row in self._rows(db, learner)], [])

    @contextmanager
    def held(self, learner: str) -> Iterator[tuple[Given, Grade, Comment | None] | None]:
        """One answer's rows, which nobody else can change meanwhile; what is set in them is then written.

        None where the learner is no longer in the gradebook. Where the block raises, nothing is written.

        Raises:
            GradebookError: the gradebook cannot be used, or another program holds it.
        """
        engine = create_engine(self.folders.db_url)
        try:
            with Session(engine) as db:
                if engine.dialect.name == "sqlite":  # which would lock at the first write alone
                    db.connection().exec_driver_sql("BEGIN IMMEDIATE")
                # Elsewhere the rows are; SQLite, which knows no such thing, leaves it out.
                row = self._rows(db, learner).with_for_update(of=Grade).one_or_none()
                yield (Given.of(*row), row[1], row[2]) if row else None
                db.commit()
        except DatabaseError as error:
            raise self._unusable(error) from error
        finally:
            engine.dispose()

    def _unusable(self, error: DatabaseError) -> GradebookError:
        if "locked" in f"{error.orig}":
            return GradebookError("another program is writing to the gradebook; nothing is lost, try again")
        return super()._unusable(error)

    def _rows(self, db: Session, learner: str) -> Query[tuple[Student, Grade, Comment | None]]:
        # A cell that is answered and graded is two cells to nbgrader: one has the grade, one the comment.
        comments = select(BaseCell.id).where(BaseCell.name == self.cell)
        here = (Comment.notebook_id == Grade.notebook_id) & Comment.cell_id.in_(comments)
        query = (
            db.query(Student, Grade, Comment)
            .select_from(Grade)
            .join(BaseCell, Grade.cell_id == BaseCell.id)
            .join(SubmittedNotebook, Grade.notebook_id == SubmittedNotebook.id)
            .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
            .join(Student, SubmittedAssignment.student_id == Student.id)
            .outerjoin(Comment, here)
            .filter(Assignment.name == self.assignment, BaseCell.name == self.cell)
        )
        return query.filter(Student.id == learner) if learner else query


def give(grade: Grade, score: float | None) -> None:
    """Set a mark, or take it back: then it waits again, unless there is an automatic one."""
    grade.manual_score = score
    grade.needs_manual_grade = score is None and grade.auto_score is None
