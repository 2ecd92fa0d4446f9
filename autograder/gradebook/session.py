"""How nbgrader's database and settings are opened: once for a whole class.

Stock nbgrader opens a dozen database sessions for every notebook.
"""

from __future__ import annotations

import logging
import sqlite3
import warnings
from pathlib import Path
from traceback import extract_tb
from typing import Any

from nbgrader import api
from nbgrader.api import Gradebook
from nbgrader.apps.baseapp import NbGrader
from nbgrader.coursedir import CourseDirectory
from nbgrader.dbutil import ALEMBIC_DIR
from sqlalchemy import event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from autograder.files import share_with_group

CONFIG = "nbgrader_config.py"


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


def _schema_version() -> str:
    """The version that nbgrader writes into a new gradebook."""
    from alembic.script import ScriptDirectory

    return str(ScriptDirectory(ALEMBIC_DIR).get_current_head())


# nbgrader starts the program `alembic` to ask for it, which takes seconds, and needs it on the PATH.
api.get_alembic_version = _schema_version


class _OneTransaction(Session):
    """A session whose commits wait for the end of the notebook.

    nbgrader commits after every row that it makes; each commit waits for the disk.
    """

    def commit(self) -> None:
        self.flush()

    def commit_all(self) -> None:
        super().commit()


class SharedGradebook(Gradebook):
    """nbgrader's gradebook with one session for a whole class."""

    def __init__(self, db_url: str, course_id: str) -> None:
        super().__init__(db_url, course_id)
        super().close()
        maker = sessionmaker(class_=_OneTransaction, autoflush=True, bind=self.engine, future=True)
        self.db = scoped_session(maker)

    def commit_all(self) -> None:
        self.db().commit_all()
        self.db.expunge_all()

    def rollback(self) -> None:
        self.db.rollback()
        self.db.expunge_all()


def in_settings(error: BaseException) -> str:
    """An error in what an instructor has set, as one line, with its place in their file."""
    lines = [
        f" (line {frame.lineno})"
        for frame in extract_tb(error.__traceback__)
        if Path(frame.filename).name == CONFIG
    ]
    return " ".join(f"{type(error).__name__}: {error}{lines[-1] if lines else ''}".split())


def load_course(root: Path) -> NbGrader:
    """nbgrader's application with the configuration of the course in `root`, as its commands load it.

    Raises:
        GradebookError: a setting cannot be used.
    """
    app = NbGrader()
    app.load_cwd_config = False
    app.log_level = logging.CRITICAL
    app.raise_config_file_errors = True  # otherwise nbgrader's own settings would stand in
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            app.initialize([], root=str(root))
    except (Exception, SystemExit) as error:
        raise GradebookError(f"{root / CONFIG}: {in_settings(error)}; mend it, and run this again") from error
    app.log.setLevel(logging.CRITICAL)
    _refuse_unfit(root, app.coursedir)
    if app.coursedir.groupshared:
        share_with_group(root)
    return app


def _refuse_unfit(root: Path, folders: CourseDirectory) -> None:
    """A database of another kind than SQLite wants what that does without.

    Raises:
        GradebookError: there is no such address, no driver for it, or no course to which assignments belong.
    """
    try:
        url = make_url(folders.db_url)
        if url.get_backend_name() == "sqlite":
            return
        url.get_dialect().import_dbapi()
    except ArgumentError as error:
        raise GradebookError(f"{root / CONFIG}: c.CourseDirectory.db_url is no address ({error})") from error
    except (ImportError, NoSuchModuleError) as error:
        raise GradebookError(
            f"{root / CONFIG}: no driver for the gradebook's database ({error}). For PostgreSQL, begin its "
            "address with postgresql+psycopg:// and run: pip install 'psycopg[binary]'"
        ) from error
    if not folders.course_id:
        raise GradebookError(
            f"{root / CONFIG}: in {url.get_backend_name()} assignments belong to a course, and yours has "
            "no name; add c.CourseDirectory.course_id = 'NAME'"
        )


def shown_address(db_url: str) -> str:
    """The address of a database as it may be shown: without its password."""
    return make_url(db_url).render_as_string(hide_password=True)


def course_folders(app: NbGrader, root: Path) -> CourseDirectory:
    folders = CourseDirectory(parent=app, root=str(root))
    folders.ignore = ["*"]  # no file but the notebook goes along
    folders.db_url = app.coursedir.db_url
    return folders
