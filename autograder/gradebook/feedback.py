"""Feedback pages, through nbgrader's own converter: one written anew where it would show something else."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import nbformat
from nbgrader.api import Assignment, BaseCell, Comment, SubmittedAssignment, SubmittedNotebook
from nbgrader.converters import GenerateFeedback
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from autograder.files import write_whole
from autograder.gradebook.conversion import Rows
from autograder.gradebook.exchange import carry
from autograder.gradebook.marks import Recorded, read_marks
from autograder.gradebook.page_overview import LATE, Points, lesson_of
from autograder.gradebook.pages import PageExporter, pages_digest
from autograder.gradebook.session import course_folders, load_course
from autograder.settings import read_settings


@dataclass(frozen=True)
class _Facts:
    """What the gradebook has of a submission, and the automatic and the written comment on each answer."""

    recorded: Recorded
    comments: Mapping[str, tuple[str | None, str | None]]


class _Graded(Rows):
    """A submission's rows, as nbgrader's step reads them."""

    def __init__(self, facts: _Facts) -> None:
        super().__init__()
        self._facts = facts
        recorded = facts.recorded
        late = recorded.late(recorded.timestamp)
        self._handed_in = SimpleNamespace(timestamp=recorded.timestamp, total_seconds_late=late)

    def find_grade(self, name: str, *_: str) -> Any:
        mark = self._facts.recorded.marks[name]
        return SimpleNamespace(
            auto_score=mark.automatic,
            manual_score=mark.by_hand,
            extra_credit=mark.extra,
            score=mark.points or 0.0,
            max_score=mark.most,
            needs_manual_grade=mark.waits,
            notebook=SimpleNamespace(assignment=self._handed_in),
        )

    def find_comment(self, name: str, *_: str) -> Any:
        automatic, written = self._facts.comments.get(name, (None, None))
        return SimpleNamespace(comment=automatic if written is None else written)

    def find_submission_notebook(self, *_: str) -> Any:
        recorded = self._facts.recorded
        most = sum(mark.most for mark in recorded.marks.values())
        return SimpleNamespace(late_submission_penalty=recorded.penalty, score=recorded.score, max_score=most)


class FeedbackPages:
    """Writes feedback pages through nbgrader's GenerateFeedback; it only reads the database.

    One serves a whole run: templates, cleaned cells and the connection are kept from page to page.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        app = load_course(root)
        self.folders = course_folders(app, root)
        self.converter = GenerateFeedback(coursedir=self.folders, parent=app)
        self.converter.exporter = PageExporter(parent=self.converter, config=self.converter.config)
        for preprocessor in self.converter.preprocessors:
            self.converter.exporter.register_preprocessor(preprocessor)
        self._database = create_engine(self.folders.db_url)

    def write(self, learner: str, assignment: str) -> bool:
        """Write the page of one submission; False where the present page shows all of it already."""
        source, page = self._places(learner, assignment)
        graded, facts = source.read_bytes(), self._facts(learner, assignment)
        shown, points = self._shown(assignment, graded, facts)
        there = _Mark.at_end_of(page)
        carry(source.parent, page.parent, recorded_key(source))
        if there and there.shown == shown:
            return False
        # What has changed stays said until it changes again: nobody may have read the page that said it.
        before = {} if there is None else there.points if there.points != points else there.before
        names = {"student": learner, "assignment": assignment, "notebook": assignment}
        resources = {
            "metadata": {"name": assignment},
            "nbgrader": {**names, "db_url": _Graded(facts)},
            "before": before,
        }
        notebook = nbformat.reads(graded.decode(), as_version=4)
        html, _ = self.converter.exporter.from_notebook_node(notebook, resources=resources)
        write_whole(page, f"{html.rstrip()}\n{_Mark(shown, points, before)}\n")
        return True

    def is_fresh(self, learner: str, assignment: str) -> bool:
        """Whether there is a page of this submission that shows what the gradebook has now."""
        source, page = self._places(learner, assignment)
        there = _Mark.at_end_of(page)
        try:
            graded = source.read_bytes()
        except FileNotFoundError:
            return False
        now = self._shown(assignment, graded, self._facts(learner, assignment))
        return there is not None and there.shown == now[0]

    def _places(self, learner: str, assignment: str) -> tuple[Path, Path]:
        """The graded notebook and its page."""
        source = self.root / self.folders.autograded_directory / learner / assignment / f"{assignment}.ipynb"
        page = self.root / self.folders.feedback_directory / learner / assignment / f"{assignment}.html"
        return source, page

    def _facts(self, learner: str, assignment: str) -> _Facts:
        with Session(self._database) as db:
            recorded = read_marks(db, assignment, read_settings(self.root), learner)[learner]
            query = (
                db.query(BaseCell.name, Comment.auto_comment, Comment.manual_comment)
                .join(Comment.cell)
                .join(Comment.notebook)
                .join(SubmittedNotebook.assignment)
                .join(SubmittedAssignment.assignment)
                .filter(SubmittedAssignment.student_id == learner, Assignment.name == assignment)
            )
            return _Facts(recorded, {name: (automatic, written) for name, automatic, written in query})

    def _shown(self, assignment: str, graded: bytes, facts: _Facts) -> tuple[str, Points]:
        """A digest of all that goes into a page, with what makes pages; and the points on it."""
        marks = facts.recorded.marks
        points = {LATE: facts.recorded.penalty, **{name: mark.points for name, mark in marks.items()}}
        lesson, ask = lesson_of(self.root, assignment), read_settings(self.root).ask
        told = json.dumps([ask, lesson, asdict(facts), points], sort_keys=True, default=str)
        return hashlib.sha256(pages_digest().encode() + told.encode() + graded).hexdigest()[:24], points

    def close(self) -> None:
        self._database.dispose()


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
