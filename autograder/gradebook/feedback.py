"""Feedback pages, through nbgrader's own converter: one written anew where it would show something else."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from pathlib import Path
from typing import Any

from nbgrader.api import Assignment, Comment, Grade, SubmittedAssignment, SubmittedNotebook
from nbgrader.converters import GenerateFeedback
from sqlalchemy.exc import SAWarning

from autograder.files import write_whole
from autograder.gradebook.exchange import carry
from autograder.gradebook.pages import PageExporter, pages_digest
from autograder.gradebook.session import SharedGradebook, course_folders, load_course, one_session

_PAGE_MARK = "<!-- sumskip page {} -->"


class FeedbackPages:
    """Writes feedback pages through nbgrader's GenerateFeedback; it only reads the database.

    One serves a whole run: templates, cleaned cells and the session are kept from page to page.
    """

    def __init__(self, root: Path) -> None:
        warnings.simplefilter("ignore", SAWarning)
        self.root = root
        app = load_course(root)
        self.folders = course_folders(app, root)
        self.converter = GenerateFeedback(coursedir=self.folders, parent=app)
        self.converter.exporter = PageExporter(parent=self.converter, config=self.converter.config)
        for preprocessor in self.converter.preprocessors:
            self.converter.exporter.register_preprocessor(preprocessor)
        self.gradebook = SharedGradebook(self.folders.db_url, self.folders.course_id)

    def write(self, learner: str, assignment: str) -> bool:
        """Write the page of one submission; False where the present page shows all of it already."""
        source, page = self._places(learner, assignment)
        mark = _PAGE_MARK.format(self._shown(source, learner, assignment))
        carry(source.parent, page.parent, recorded_key(source))
        if _ends_with(page, mark):
            return False
        with one_session(self.gradebook):
            resources = self.converter.init_single_notebook_resources(str(source))
            html, _ = self.converter.exporter.from_filename(str(source), resources=resources)
        self.gradebook.rollback()
        write_whole(page, f"{html.rstrip()}\n{mark}\n")
        return True

    def is_fresh(self, learner: str, assignment: str) -> bool:
        """Whether there is a page of this submission that shows what the gradebook has now."""
        source, page = self._places(learner, assignment)
        try:
            return _ends_with(page, _PAGE_MARK.format(self._shown(source, learner, assignment)))
        except FileNotFoundError:  # its graded notebook
            return False

    def _places(self, learner: str, assignment: str) -> tuple[Path, Path]:
        """The graded notebook and its page."""
        source = self.root / self.folders.autograded_directory / learner / assignment / f"{assignment}.ipynb"
        page = self.root / self.folders.feedback_directory / learner / assignment / f"{assignment}.html"
        return source, page

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
