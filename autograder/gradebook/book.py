"""Writes what a class was given into nbgrader's database.

What nbgrader's steps say of a notebook, `conversion` has found out before; here it becomes rows. One session
serves a whole class, and one transaction a notebook, so that a run that is killed leaves each grade whole or
untouched.
"""

from __future__ import annotations

import math
import tempfile
import time
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import nbformat
from nbformat import NotebookNode
from nbgrader.api import BaseCell, Comment, Grade, Student, SubmittedNotebook
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.converters.base import NbGraderException
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, OperationalError, SAWarning
from sqlalchemy.orm import Session
from traitlets.config import Config

from autograder.files import one_form, share_with_group, spelt, write_whole
from autograder.gradebook.conversion import Conversion, Converted, MasterRows
from autograder.gradebook.exchange import carry, existing_timestamp
from autograder.gradebook.late import LatePolicy
from autograder.gradebook.marks import ClassMarks, Recorded, read_marks
from autograder.gradebook.masters import changed_cells, drop_strays
from autograder.gradebook.preprocessors import record_score
from autograder.gradebook.roster import name_students, names_of
from autograder.gradebook.session import (
    GradebookError,
    SharedGradebook,
    course_folders,
    load_course,
    shown_address,
    wait_for_locks,
)
from autograder.settings import read_settings
from autograder.words import nbgraders_words

T = TypeVar("T")

SAY_AFTER = 3.0  # seconds for which a locked database is not worth a word to the instructor


class ReadGradebook:
    """nbgrader's gradebook of the course in `root`, to be read; one that is not there yet is empty.

    Raises:
        GradebookError: here and in each method, where the settings or the database cannot be used.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.app = load_course(root)
        self.folders = course_folders(self.app, root)
        self._policy = LatePolicy.of(Autograde(coursedir=self.folders, parent=self.app))
        self._settings = read_settings(root)

    def _read(self, ask: Callable[[Session], T], nothing: T) -> T:
        url = make_url(self.folders.db_url)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
            return nothing
        engine = create_engine(url)
        try:
            with Session(engine) as session:
                return ask(session) if inspect(engine).has_table("grade") else nothing
        except DatabaseError as error:
            raise self._unusable(error) from error
        finally:
            engine.dispose()

    def _unusable(self, error: DatabaseError) -> GradebookError:
        place = shown_address(self.folders.db_url)
        if "database is locked" in f"{error.orig}":
            return GradebookError(
                f"another program holds the gradebook {place}; let it end, and run this again"
            )
        mend = (
            "put back a copy of it"
            if place.startswith("sqlite")
            else "see that its server runs and lets you in"
        )
        return GradebookError(
            f"the gradebook {place} cannot be used ({error.orig}); {mend}, "
            "or set c.CourseDirectory.db_url to where it is"
        )

    def recorded(self, assignment: str) -> ClassMarks:
        """What the gradebook holds of `assignment`, by learner."""
        nothing = ClassMarks(assignment, self._settings)
        return self._read(lambda db: read_marks(db, assignment, self._settings), nothing)

    def check_cells(self, assignment: str) -> None:
        """Refuse a master whose cells have changed since submissions were recorded, as nbgrader does.

        Raises:
            GradebookError: which cells, and the two ways out.
        """
        changes = self._read(lambda db: changed_cells(db, assignment, self._master(assignment)), "")
        if changes:
            raise GradebookError(
                f"{assignment} was not graded: its master has changed since submissions were recorded "
                f"({changes}), and nbgrader keeps the cells of an assignment that has submissions. "
                "Either put the master back as it was: that costs nothing, all marks stay. Or run "
                f"'nbgrader db assignment remove {assignment} --force' and grade again: that costs what "
                "people gave for this assignment (marks by hand, comments, extra credit, due date, "
                "extensions); automatic points are made anew. Other assignments lose nothing either way."
            )

    def _master(self, assignment: str) -> Path:
        return self.root / self.folders.source_directory / assignment / f"{assignment}.ipynb"

    def handed_in_at(self, learner: str, assignment: str) -> datetime | None:
        """The time in `timestamp.txt`."""
        return existing_timestamp(self.folders, str(self._submitted(learner, assignment)))

    def penalty(self, learner: str, assignment: str, recorded: Recorded) -> float:
        """What being late costs these marks by the present dates, extensions and policy."""
        return self._policy.penalty(learner, recorded, self.handed_in_at(learner, assignment))

    def settled(self, learner: str, recorded: Recorded) -> float:
        """The points of these marks with what being late costs at present, as `late.SettledExport` has it."""
        penalty = self._policy.penalty(learner, recorded, recorded.timestamp)
        return max(0.0, recorded.score - penalty)

    def students(self) -> dict[str, dict[str, str]]:
        """By id what the gradebook holds on each learner: `first`, `last` and `email`, where it has them."""
        columns = (Student.id, Student.first_name, Student.last_name, Student.email)
        rows: list[Any] = self._read(lambda db: db.query(*columns).all(), [])
        told = ((learner, zip(("first", "last", "email"), values, strict=True)) for learner, *values in rows)
        return {learner: {role: text for role, text in pairs if text} for learner, pairs in told}

    def _submitted(self, learner: str, assignment: str) -> Path:
        return spelt(self.root / self.folders.submitted_directory, learner) / assignment

    def autograded(self, learner: str, assignment: str) -> Path:
        """Where the graded notebook lies."""
        folder = self.root / self.folders.autograded_directory / learner / assignment
        return folder / f"{assignment}.ipynb"


class ClassGradebook(ReadGradebook):
    """nbgrader's gradebook of the course in `root`, open for one writer: this process.

    Use it as a context manager. `waiting` is called once with a sentence when another program holds the
    database for longer than a few seconds.
    """

    def __init__(self, root: Path, waiting: Callable[[str], None] = lambda _sentence: None) -> None:
        super().__init__(root)
        self._waiting = waiting
        self._undo = ExitStack()

    def __enter__(self) -> ClassGradebook:
        self._undo.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", SAWarning)
        wait_for_locks(SAY_AFTER)
        url, course = self.folders.db_url, self.folders.course_id
        try:
            self.gradebook = self._patiently(lambda: SharedGradebook(url, course))
        except DatabaseError as error:
            raise self._unusable(error) from error
        self._undo.callback(self.gradebook.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()
        if self.folders.groupshared:
            share_with_group(self.root)  # keys that were made meanwhile, too

    def _read(self, ask: Callable[[Session], T], nothing: T) -> T:
        found = self._patiently(lambda: ask(self.gradebook.db()))
        self.gradebook.rollback()
        return found

    def register(self, assignment: str) -> NotebookNode:
        """Tell the gradebook about the master of `assignment`, through `nbgrader generate_assignment`.

        The released notebook, which is returned, goes to a temporary folder: `release/` is another command's.
        """
        self._patiently(lambda: self._drop_strays(assignment))
        self.check_cells(assignment)
        with tempfile.TemporaryDirectory() as folder:
            folders = course_folders(self.app, self.root)
            folders.assignment_id, folders.release_directory = assignment, folder
            converter = GenerateAssignment(coursedir=folders, parent=self.app)
            with nbgraders_words(converter) as words:
                try:
                    self._patiently(converter.start)
                except NbGraderException as error:
                    said = words.sentence(self._master(assignment).relative_to(self.root))
                    raise GradebookError(f"{assignment} was not graded. {said}") from error
            released = nbformat.read(Path(folder, assignment, f"{assignment}.ipynb"), as_version=4)
        self.gradebook.db.expire_all()
        if assignment in self._settings.due:
            self._patiently(lambda: self._set_due(assignment, self._settings.due[assignment]))
        return released

    def _set_due(self, assignment: str, due: datetime | None) -> None:
        self.gradebook.find_assignment(assignment).duedate = due
        self.gradebook.commit_all()

    def name_learners(self) -> None:
        """Give learners the names of the course's roster, if it has one.

        Raises:
            GradebookError: the roster cannot be read; nothing was named.
        """
        roster = names_of(self.root)
        self._patiently(lambda: self._named(roster))

    def _named(self, roster: Mapping[str, Mapping[str, str]]) -> None:
        name_students(self.gradebook.db(), roster)
        self.gradebook.commit_all()

    def _drop_strays(self, assignment: str) -> None:
        drop_strays(self.gradebook, assignment)
        self.gradebook.commit_all()

    def conversion(self, assignments: Iterable[str]) -> Conversion:
        """What converts submissions of these registered assignments, wherever they are judged.

        It may go to other machines, and so has nothing of where the gradebook is, and of its password.
        """
        steps = {name: section for name, section in self.app.config.items() if name != "CourseDirectory"}
        masters = self._patiently(
            lambda: {name: MasterRows.of(self.gradebook.find_notebook(name, name)) for name in assignments}
        )
        self.gradebook.rollback()
        return Conversion(Config(steps), masters)

    def record(
        self,
        learner: str,
        assignment: str,
        converted: Converted,
        known: Mapping[str, str],
        look: Collection[str],
        penalty: float,
    ) -> None:
        """Write one graded notebook into the database and `autograded/`, as `nbgrader autograde` would.

        `known` is what the marks given by hand stand on (`Verdict.answers`); where that has changed, they
        are asked to be looked at again, and so is whatever is in `look`. The database comes first: what lies
        in `autograded/` is in it.
        """
        self._patiently(lambda: self._recorded(learner, assignment, converted, known, look, penalty))
        self._carry(learner, assignment)
        write_whole(self.autograded(learner, assignment), converted.text, mode=0o444)

    def settle(self, learner: str, assignment: str, recorded: Recorded, penalty: float) -> None:
        """Have the time of a graded submission and its late penalty follow the present dates and policy."""
        time = self.handed_in_at(learner, assignment)
        given = self._extension(learner, assignment) is not None  # which the database may not have yet
        if given or time != recorded.timestamp or not math.isclose(penalty, recorded.penalty, abs_tol=1e-9):
            self._patiently(lambda: self._settled(learner, assignment, penalty))
            self._carry(learner, assignment)

    def remove(self, learner: str) -> None:
        """Take all of a learner's rows out; SQLite keeps what is deleted until its file is written anew."""
        self._patiently(lambda: self._removed(learner))
        if self.gradebook.engine.dialect.name == "sqlite":
            self._patiently(self._vacuum)

    def _removed(self, learner: str) -> None:
        self.gradebook.remove_student(learner)
        self.gradebook.commit_all()

    def _vacuum(self) -> None:
        with self.gradebook.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM")

    def _settled(self, learner: str, assignment: str, penalty: float) -> None:
        # nbgrader keeps the time of an earlier submission where the present one has none.
        submission = self.gradebook.find_submission(assignment, learner)
        submission.timestamp = self.handed_in_at(learner, assignment)
        if (given := self._extension(learner, assignment)) is not None:
            submission.extension = given or None
        for notebook in submission.notebooks:
            notebook.late_submission_penalty = penalty or None
        self.gradebook.commit_all()

    def _extension(self, learner: str, assignment: str) -> timedelta | None:
        return self._settings.extensions.get(assignment, {}).get(one_form(learner))

    def _carry(self, learner: str, assignment: str) -> None:
        """When it was handed in, and its secret, go along into `autograded/`."""
        carry(self._submitted(learner, assignment), self.autograded(learner, assignment).parent)

    def _recorded(
        self,
        learner: str,
        assignment: str,
        converted: Converted,
        known: Mapping[str, str],
        look: Collection[str],
        penalty: float,
    ) -> None:
        self.gradebook.update_or_create_student(learner)
        submission = self.gradebook.update_or_create_submission(assignment, learner)
        for table in (Grade, Comment):
            rows = self.gradebook.db.query(table, BaseCell.name).join(table.cell).join(table.notebook)
            rows = rows.filter(SubmittedNotebook.assignment_id == submission.id)
            # Elsewhere than in SQLite, somebody may mark meanwhile.
            for row, name in rows.with_for_update(of=table):
                if isinstance(row, Comment):
                    row.auto_comment = converted.comments.get(name)
                    continue
                same = converted.answers.get(name, "") == known.get(name)
                record_score(row, converted.scores.get(name), same=same, look=name in look)
        self._settled(learner, assignment, penalty)

    def _patiently(self, write: Callable[[], T]) -> T:
        """`write()`, again and again while another program holds the database."""
        said = False
        while True:
            try:
                return write()
            except BaseException as error:
                if hasattr(self, "gradebook"):
                    self.gradebook.rollback()
                if not isinstance(error, (OperationalError, NbGraderException)):
                    raise
                if "database is locked" not in f"{error} {error.__context__}":
                    raise
                if not said:
                    self._waiting("another program is writing to the gradebook; waiting for it")
                said = True
                time.sleep(0.2)
