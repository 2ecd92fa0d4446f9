"""Makes feedback pages, by nbgrader's own converter, of a graded notebook and what the gradebook has of it.

No database is asked and no file written, so that a page can be made wherever a submission ran.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any, NamedTuple

import nbformat
from nbgrader.converters import GenerateFeedback
from traitlets.config import Config

from autograder.gradebook.marks import Recorded
from autograder.gradebook.page_overview import LATE, Lesson, Points
from autograder.gradebook.pages import PageExporter, pages_digest
from autograder.gradebook.rows import Rows


class PageMark(NamedTuple):
    """The last line of a page: a digest of what it shows, its points, and those of the page before."""

    shown: str
    points: Points
    before: Points

    def __str__(self) -> str:
        return f"<!-- sumskip page {json.dumps(self)} -->"

    @classmethod
    def at_end_of(cls, page: Path) -> PageMark | None:
        """None where there is no page, or one without."""
        try:
            with page.open("rb") as file:
                file.seek(-min(20_000, page.stat().st_size), os.SEEK_END)
                found = re.search(rb"<!-- sumskip page (\[.*\]) -->\s*\Z", file.read())
            return cls(*json.loads(found[1])) if found else None
        except (FileNotFoundError, ValueError, TypeError):
            return None


class Told(NamedTuple):
    """What a page says besides: of its lesson, how to ask, and what has changed since the page there is."""

    lesson: Lesson
    ask: str
    there: PageMark | None


@dataclass(frozen=True)
class Page:
    """A page, whose last line is its mark."""

    mark: PageMark
    html: str


class _Graded(Rows):
    """A submission's rows, as nbgrader's step reads them."""

    def __init__(self, recorded: Recorded) -> None:
        super().__init__()
        self._recorded = recorded
        late = recorded.late(recorded.timestamp)
        self._handed_in = SimpleNamespace(timestamp=recorded.timestamp, total_seconds_late=late)

    def find_grade(self, name: str, *_: str) -> Any:
        notebook = SimpleNamespace(assignment=self._handed_in)
        return self._recorded.marks[name].row(notebook=notebook)

    def find_comment(self, name: str, *_: str) -> Any:
        automatic, written = self._recorded.comments.get(name, (None, None))
        return SimpleNamespace(comment=automatic if written is None else written)

    def find_submission_notebook(self, *_: str) -> Any:
        most = sum(mark.most for mark in self._recorded.marks.values())
        penalty, score = self._recorded.penalty or None, self._recorded.score
        return SimpleNamespace(late_submission_penalty=penalty, score=score, max_score=most)


def mark_of(assignment: str, graded: str, recorded: Recorded, told: Told) -> PageMark:
    """The mark of a page that shows all this, without making it."""
    # Sorted: rows come in no order, and a page is the same in every run.
    points: dict[str, float | None] = {name: mark.points for name, mark in sorted(recorded.marks.items())}
    points[LATE] = recorded.penalty
    said = json.dumps([assignment, told.lesson, told.ask, asdict(recorded)], sort_keys=True, default=str)
    shown = hashlib.sha256(f"{pages_digest()}{said}{graded}".encode()).hexdigest()[:24]
    there = told.there
    # What has changed stays said until it changes again: nobody may have read the page that said it.
    before = {} if there is None else there.points if there.points != points else there.before
    return PageMark(shown, points, before)


class PageMaker:
    """nbgrader's `generate_feedback`, by a course's configuration; templates are kept from page to page."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._one_at_a_time = Lock()  # steps keep what they are at in themselves

    @cached_property
    def _exporter(self) -> PageExporter:
        converter = GenerateFeedback(config=self._config)
        exporter = PageExporter(parent=converter, config=converter.config)
        for step in converter.preprocessors:
            exporter.register_preprocessor(step)
        return exporter

    def make(self, learner: str, assignment: str, graded: str, recorded: Recorded, told: Told) -> Page:
        """The page of one submission, whose notebook as it was `graded` is given as its text."""
        mark = mark_of(assignment, graded, recorded, told)
        names = {"student": learner, "assignment": assignment, "notebook": assignment}
        resources = {
            "metadata": {"name": assignment},
            "nbgrader": {**names, "db_url": _Graded(recorded)},
            "told": told,
            "before": mark.before,
        }
        with self._one_at_a_time:
            notebook = nbformat.reads(graded, as_version=4)
            html, _ = self._exporter.from_notebook_node(notebook, resources=resources)
        return Page(mark, f"{html.rstrip()}\n{mark}\n")
