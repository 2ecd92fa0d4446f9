"""Feedback pages, through nbgrader's own converter: one written anew where it would show something else."""

from __future__ import annotations

import hashlib
import json
import os
import re
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from nbgrader.api import Assignment, Comment, Grade, SubmittedAssignment, SubmittedNotebook
from nbgrader.converters import GenerateFeedback
from sqlalchemy.exc import SAWarning

from autograder.files import write_whole
from autograder.gradebook.exchange import carry
from autograder.gradebook.marks import Mark
from autograder.gradebook.page_overview import LATE, Points, lesson_of
from autograder.gradebook.pages import PageExporter, pages_digest
from autograder.gradebook.session import SharedGradebook, course_folders, load_course, one_session
from autograder.settings import read_settings


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
        shown, points = self._shown(source, learner, assignment)
        there = _Mark.at_end_of(page)
        carry(source.parent, page.parent, recorded_key(source))
        if there and there.shown == shown:
            return False
        # What has changed stays said until it changes again: nobody may have read the page that said it.
        before = {} if there is None else there.points if there.points != points else there.before
        with one_session(self.gradebook):
            resources = self.converter.init_single_notebook_resources(str(source))
            resources["before"] = before
            html, _ = self.converter.exporter.from_filename(str(source), resources=resources)
        self.gradebook.rollback()
        write_whole(page, f"{html.rstrip()}\n{_Mark(shown, points, before)}\n")
        return True

    def is_fresh(self, learner: str, assignment: str) -> bool:
        """Whether there is a page of this submission that shows what the gradebook has now."""
        source, page = self._places(learner, assignment)
        there = _Mark.at_end_of(page)
        try:
            return there is not None and there.shown == self._shown(source, learner, assignment)[0]
        except FileNotFoundError:  # its graded notebook
            return False

    def _places(self, learner: str, assignment: str) -> tuple[Path, Path]:
        """The graded notebook and its page."""
        source = self.root / self.folders.autograded_directory / learner / assignment / f"{assignment}.ipynb"
        page = self.root / self.folders.feedback_directory / learner / assignment / f"{assignment}.html"
        return source, page

    def _shown(self, source: Path, learner: str, assignment: str) -> tuple[str, Points]:
        """A digest of all that goes into a page, with what makes pages; and the points on it."""
        rows: list[Any] = [read_settings(self.root).ask, lesson_of(self.root, assignment)]
        points: dict[str, float | None] = {}
        for table in (Grade, Comment):
            query = self.gradebook.db.query(table).join(SubmittedNotebook).join(SubmittedAssignment)
            query = query.join(Assignment).filter(
                SubmittedAssignment.student_id == learner, Assignment.name == assignment
            )
            for row in sorted(query, key=lambda row: str(row.name)):
                if isinstance(row, Grade):
                    mark, handed_in = Mark.of(row), row.notebook.assignment
                    points[row.name] = mark.points
                    points[LATE] = row.notebook.late_submission_penalty or 0.0
                    rows.append(
                        [row.name, asdict(mark), str(handed_in.timestamp), handed_in.total_seconds_late]
                    )
                rows.append(
                    [row.name, getattr(row, "auto_comment", None), getattr(row, "manual_comment", None)]
                )
        self.gradebook.rollback()
        shown = pages_digest().encode() + json.dumps([rows, points]).encode() + source.read_bytes()
        return hashlib.sha256(shown).hexdigest()[:24], points

    def close(self) -> None:
        self.gradebook.end()


class _Mark(NamedTuple):
    """The last line of a page: a digest of what it shows, its points, and those of the page before."""

    shown: str
    points: Points
    before: Points

    def __str__(self) -> str:
        return f"<!-- sumskip page {json.dumps(self)} -->"

    @classmethod
    def at_end_of(cls, page: Path) -> _Mark | None:
        """None where there is no page, or one without."""
        try:
            with page.open("rb") as file:
                file.seek(-min(20_000, page.stat().st_size), os.SEEK_END)
                found = re.search(rb"<!-- sumskip page (\[.*\]) -->\s*\Z", file.read())
            return cls(*json.loads(found[1])) if found else None
        except (FileNotFoundError, ValueError, TypeError):
            return None


def recorded_key(graded: Path) -> str | None:
    """The key in a graded notebook, a digest of what it stands on; None where there is nothing of ours."""
    try:
        key = json.loads(graded.read_bytes())["metadata"]["sumskip"]["key"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return key if isinstance(key, str) else None
