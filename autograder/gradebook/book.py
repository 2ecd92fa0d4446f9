"""The only module that writes nbgrader's database, and it does so through nbgrader's converters.

Stock nbgrader opens a dozen database sessions and converts twice for every notebook. Here one session
and one exporter serve a whole class: the same converter and the same preprocessors in the same order,
and one transaction a notebook, so that a run that is killed leaves each grade whole or untouched.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import logging
import math
import os
import sqlite3
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import nbformat
from nbformat import NotebookNode
from nbgrader.api import (
    Assignment,
    Comment,
    Grade,
    Gradebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.apps.baseapp import NbGrader
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties, CheckCellMetadata
from sqlalchemy import create_engine, event, inspect
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import OperationalError, SAWarning
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from autograder.files import share_with_group, spelt, write_whole
from autograder.gradebook.exchange import carry, existing_timestamp
from autograder.gradebook.marks import LatePolicy, Recorded, read_marks
from autograder.gradebook.masters import changed_cells, drop_strays
from autograder.gradebook.pages import PageExporter, pages_digest
from autograder.submission.verdicts import Verdict
from autograder.words import nbgraders_words

T = TypeVar("T")

SAY_AFTER = 3.0  # seconds for which a locked database is not worth a word to the instructor
_PAGE_MARK = "<!-- sumskip page {} -->"
# Where nbgrader's code looks the class up whenever it wants a session.
_SESSION_USERS = (
    "nbgrader.converters.autograde",
    "nbgrader.preprocessors.getgrades",
    "nbgrader.preprocessors.latesubmissions",
    "nbgrader.preprocessors.overwritecells",
    "nbgrader.preprocessors.overwritekernelspec",
    "nbgrader.preprocessors.saveautogrades",
)


class GradebookError(Exception):
    """The gradebook cannot take what it was given; the message says what to do."""


def wait_for_locks(seconds: float = 60) -> None:
    """Let every nbgrader command in this process wait for a locked database instead of giving up."""
    global _locked_seconds
    _locked_seconds = seconds
    if not event.contains(Engine, "connect", _set_timeout):
        event.listen(Engine, "connect", _set_timeout)


_locked_seconds = 0.0


def _set_timeout(connection: Any, _record: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute(f"PRAGMA busy_timeout = {round(1000 * _locked_seconds)}")


class SubmittedFiles(CourseDirectory):
    """The course's folders, where what a learner handed in is never followed, run or copied."""

    def get_existing_timestamp(self, dest_path: str) -> datetime | None:
        return existing_timestamp(self, dest_path)


class _OneTransaction(Session):
    """A session whose commits wait for the end of the notebook.

    nbgrader commits after every cell; each commit waits for the disk.
    """

    def commit(self) -> None:
        self.flush()
        self.expire_all()  # what a commit would do: sums are read from the database again

    def commit_all(self) -> None:
        super().commit()


class _SharedGradebook(Gradebook):
    """One session that nbgrader's converters and preprocessors use in turn."""

    def __init__(self, db_url: str, course_id: str) -> None:
        super().__init__(db_url, course_id)
        super().close()
        maker = sessionmaker(class_=_OneTransaction, autoflush=True, bind=self.engine, future=True)
        self.db = scoped_session(maker)

    def close(self) -> None:
        """Called by each of nbgrader's `with Gradebook(…)` blocks; the session outlives them."""

    def commit_all(self) -> None:
        self.db().commit_all()
        self.db.expunge_all()

    def rollback(self) -> None:
        self.db.rollback()
        self.db.expunge_all()

    def end(self) -> None:
        super().close()


def load_course(root: Path) -> NbGrader:
    """nbgrader's application with the configuration of the course in `root`, as its commands load it."""
    # A new gradebook calls `alembic`, which lies beside the interpreter.
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
    app = NbGrader()
    app.load_cwd_config = False
    app.log_level = logging.CRITICAL
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        app.initialize([], root=str(root))
    app.log.setLevel(logging.CRITICAL)
    if app.coursedir.groupshared:
        share_with_group(root)
    return app


def _course_folders(app: NbGrader, root: Path) -> SubmittedFiles:
    folders = SubmittedFiles(parent=app, root=str(root))
    folders.ignore = ["*"]  # no file but the notebook goes from a submission into autograded/ or feedback/
    folders.db_url = app.coursedir.db_url
    return folders


@dataclass(frozen=True)
class Released:
    """An assignment as the gradebook knows it: the notebook learners get, and the marks given by hand."""

    assignment: str
    notebook: NotebookNode


class ReadGradebook:
    """nbgrader's gradebook of the course in `root`, to be read; one that is not there yet is empty."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.app = load_course(root)
        self.folders = _course_folders(self.app, root)
        self._autograde = _autograde(self.app, self.folders)
        steps = self._autograde.exporter._preprocessors
        self._policy = LatePolicy(next((s for s in steps if isinstance(s, AssignLatePenalties)), None))

    def recorded(self, assignment: str) -> dict[str, Recorded]:
        """What the gradebook holds of `assignment`, by learner."""
        url = make_url(self.folders.db_url)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
            return {}
        engine = create_engine(url)
        try:
            with Session(engine) as session:
                return read_marks(session, assignment) if inspect(engine).has_table("grade") else {}
        finally:
            engine.dispose()

    def handed_in_at(self, learner: str, assignment: str) -> datetime | None:
        """The time in `timestamp.txt`."""
        return self.folders.get_existing_timestamp(str(self._submitted(learner, assignment)))

    def penalty(self, learner: str, assignment: str, recorded: Recorded) -> float:
        """What being late costs these marks by the present dates, extensions and policy."""
        return self._policy.penalty(learner, recorded, self.handed_in_at(learner, assignment))

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
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> ClassGradebook:
        self._undo.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", SAWarning)
        wait_for_locks(SAY_AFTER)
        url, course = self.folders.db_url, self.folders.course_id
        self.gradebook = self._patiently(lambda: _SharedGradebook(url, course))
        self._undo.callback(self.gradebook.end)
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()
        if self.folders.groupshared:
            share_with_group(self.root)  # keys that were made meanwhile, too

    def register(self, assignment: str) -> Released:
        """Tell the gradebook about the master of `assignment`, through `nbgrader generate_assignment`.

        The released notebook goes to a temporary folder: `release/` is another command's.
        """
        with tempfile.TemporaryDirectory() as folder:
            folders = _course_folders(self.app, self.root)
            folders.assignment_id, folders.release_directory = assignment, folder
            converter = GenerateAssignment(coursedir=folders, parent=self.app)
            self._patiently(lambda: self._drop_strays(assignment))
            with nbgraders_words(converter) as words:
                try:
                    self._patiently(converter.start)
                except NbGraderException as error:
                    said = words.sentence(self._master(assignment).relative_to(self.root))
                    raise GradebookError(self._refused(assignment, said)) from error
            notebook = nbformat.read(Path(folder, assignment, f"{assignment}.ipynb"), as_version=4)
        self.gradebook.db.expire_all()
        return Released(assignment, notebook)

    def _drop_strays(self, assignment: str) -> None:
        drop_strays(self.gradebook, assignment)
        self.gradebook.commit_all()

    def _refused(self, assignment: str, words: str) -> str:
        """Why nbgrader refuses a master; where its cells have changed, which, and the two ways out."""
        if "submissions associated" not in words:
            return f"{assignment} was not graded. {words}"
        changes = changed_cells(self.gradebook, assignment, self._master(assignment))
        self.gradebook.rollback()
        return (
            f"{assignment} was not graded: its master has changed since submissions were recorded "
            f"({changes}), and nbgrader keeps the cells of an assignment that has submissions. "
            "Either put the master back as it was: that costs nothing, all marks stay. Or run "
            f"'nbgrader db assignment remove {assignment} --force' and grade again: that costs what people "
            "gave for this assignment (marks by hand, comments, extra credit, due date, extensions); "
            "automatic points are made anew. Other assignments lose nothing either way."
        )

    def _master(self, assignment: str) -> Path:
        return self.root / self.folders.source_directory / assignment / f"{assignment}.ipynb"

    def recorded(self, assignment: str) -> dict[str, Recorded]:
        """What the gradebook holds of `assignment`, by learner."""
        found = self._patiently(lambda: read_marks(self.gradebook.db(), assignment))
        self.gradebook.rollback()
        return found

    def record(
        self, learner: str, notebook: NotebookNode, verdict: Verdict, known: Mapping[str, str]
    ) -> None:
        """Write one verdict into the database and `autograded/`, as `nbgrader autograde` would.

        `known` is what the marks given by hand stand on (`Verdict.answers`); where that has changed, they
        are asked to be looked at again. The database comes first: what lies in `autograded/` is in it.
        """
        text = self._patiently(lambda: self._graded(learner, notebook, verdict, known))
        self._carry(learner, verdict.assignment)
        write_whole(self.autograded(learner, verdict.assignment), text, mode=0o444)

    def settle(self, learner: str, assignment: str, recorded: Recorded) -> float:
        """Have the time of a graded submission and its late penalty follow the present dates and policy.

        Returns:
            The penalty.
        """
        time, penalty = self.handed_in_at(learner, assignment), self.penalty(learner, assignment, recorded)
        if time != recorded.timestamp or not math.isclose(penalty, recorded.penalty, abs_tol=1e-9):
            self._patiently(lambda: self._settled(learner, assignment, time, penalty))
            self._carry(learner, assignment)
        return penalty

    def _settled(self, learner: str, assignment: str, time: datetime | None, penalty: float) -> None:
        self.gradebook.find_submission(assignment, learner).timestamp = time
        notebook = self.gradebook.find_submission_notebook(assignment, assignment, learner)
        notebook.late_submission_penalty = penalty or None
        self.gradebook.commit_all()

    def _carry(self, learner: str, assignment: str) -> None:
        """When it was handed in, and its secret, go along into `autograded/`."""
        carry(self._submitted(learner, assignment), self.autograded(learner, assignment).parent)

    def _graded(
        self, learner: str, notebook: NotebookNode, verdict: Verdict, known: Mapping[str, str]
    ) -> str:
        converter, assignment = self._autograde, verdict.assignment
        file = converter._format_source(assignment, learner) + f"/{assignment}.ipynb"
        converter.notebooks = [file]
        with _one_session(self.gradebook):
            converter.init_assignment(assignment, learner)
            # nbgrader keeps the time of an earlier submission where the present one has none.
            time = self.handed_in_at(learner, assignment)
            self.gradebook.find_submission(assignment, learner).timestamp = time
            resources = converter.init_single_notebook_resources(file)
            resources["nbgrader"].update(submission=notebook, verdict=verdict, known=known)
            text, _ = converter.exporter.from_notebook_node(notebook, resources)
        self.gradebook.commit_all()
        return str(text)

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


@contextlib.contextmanager
def _one_session(gradebook: Gradebook) -> Iterator[None]:
    """Let nbgrader's modules use `gradebook` wherever they would open a session of their own."""
    modules = [importlib.import_module(name) for name in _SESSION_USERS]
    try:
        for module in modules:
            module.Gradebook = lambda *_args, **_kwargs: gradebook  # type: ignore[attr-defined]
        yield
    finally:
        for module in modules:
            module.Gradebook = Gradebook  # type: ignore[attr-defined]


def _autograde(app: NbGrader, folders: CourseDirectory) -> Autograde:
    """nbgrader's converter with both of its passes in one: nothing between them needs a file.

    nbgrader's cells come from the master here, whose metadata `register` had checked; the notebook's
    format is validated once, at the end, and not after every step.
    """
    converter = Autograde(coursedir=folders, parent=app)
    converter.exporter = converter.exporter_class(parent=converter, config=converter.config)
    converter.exporter.optimistic_validation = True
    converter.exporter._preprocessors = []
    for preprocessor in [*converter.sanitize_preprocessors, *converter.autograde_preprocessors]:
        if preprocessor is not CheckCellMetadata:
            converter.exporter.register_preprocessor(preprocessor)
    return converter


class FeedbackPages:
    """Writes feedback pages through nbgrader's GenerateFeedback; it only reads the database.

    One serves a whole run: templates, cleaned cells and the session are kept from page to page.
    """

    def __init__(self, root: Path) -> None:
        warnings.simplefilter("ignore", SAWarning)
        self.root = root
        app = load_course(root)
        self.folders = _course_folders(app, root)
        self.converter = GenerateFeedback(coursedir=self.folders, parent=app)
        self.converter.exporter = PageExporter(parent=self.converter, config=self.converter.config)
        for preprocessor in self.converter.preprocessors:
            self.converter.exporter.register_preprocessor(preprocessor)
        self.gradebook = _SharedGradebook(self.folders.db_url, self.folders.course_id)

    def write(self, learner: str, assignment: str) -> bool:
        """Write the page of one submission; False where the present page shows all of it already."""
        source = self.root / self.folders.autograded_directory / learner / assignment / f"{assignment}.ipynb"
        page = self.root / self.folders.feedback_directory / learner / assignment / f"{assignment}.html"
        mark = _PAGE_MARK.format(self._shown(source, learner, assignment))
        carry(source.parent, page.parent, recorded_key(source))
        if _ends_with(page, mark):
            return False
        with _one_session(self.gradebook):
            resources = self.converter.init_single_notebook_resources(str(source))
            html, _ = self.converter.exporter.from_filename(str(source), resources=resources)
        self.gradebook.rollback()
        write_whole(page, f"{html.rstrip()}\n{mark}\n")
        return True

    def _shown(self, source: Path, learner: str, assignment: str) -> str:
        """A digest of all that goes into a page: the notebook, marks, comments, and what makes pages."""
        rows: list[Any] = []
        scores = ("auto_score", "manual_score", "extra_credit", "needs_manual_grade")
        marks = (*scores, "auto_comment", "manual_comment")
        for table in (Grade, Comment):
            query = self.gradebook.db.query(table).join(SubmittedNotebook).join(SubmittedAssignment)
            query = query.join(Assignment).filter(
                SubmittedAssignment.student_id == learner, Assignment.name == assignment
            )
            for row in query:
                late = row.notebook.late_submission_penalty
                rows.append([table.__name__, row.name, late, *(getattr(row, mark, None) for mark in marks)])
        self.gradebook.rollback()
        shown = pages_digest().encode() + json.dumps(sorted(rows)).encode() + source.read_bytes()
        return hashlib.sha256(shown).hexdigest()[:24]

    def close(self) -> None:
        self.gradebook.end()


def _ends_with(path: Path, mark: str) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(-min(200, path.stat().st_size), os.SEEK_END)
            return file.read().decode(errors="replace").rstrip().endswith(mark)
    except FileNotFoundError:
        return False


def recorded_key(graded: Path) -> str | None:
    """The key in a graded notebook, a digest of what it stands on; None where there is nothing of ours."""
    try:
        key = json.loads(graded.read_bytes())["metadata"]["sumskip"]["key"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return key if isinstance(key, str) else None
