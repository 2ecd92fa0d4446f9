"""Feedback pages: one written anew where it would show something else."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from autograder.files import write_whole
from autograder.gradebook.exchange import carry
from autograder.gradebook.marks import Recorded, read_marks
from autograder.gradebook.page_maker import Page, PageMaker, PageMark, Told, mark_of
from autograder.gradebook.page_overview import lesson_of
from autograder.gradebook.session import course_folders, load_course
from autograder.settings import read_settings


class FeedbackPages:
    """Writes feedback pages; it only reads the database, and one serves a whole run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        app = load_course(root)
        self.folders = course_folders(app, root)
        self._maker = PageMaker(app.config)
        self._database = create_engine(self.folders.db_url)

    def write(self, learner: str, assignment: str, made: Page | None = None) -> bool:
        """Write the page of one submission; False where the present page shows all of it already.

        `made` is one that was made before the gradebook had its rows, and is right unless they have become
        others.
        """
        source, page = self._places(learner, assignment)
        graded, told = source.read_text(encoding="utf-8"), self.told(learner, assignment)
        recorded = self._recorded(learner, assignment)
        mark = mark_of(assignment, graded, recorded, told)
        carry(source.parent, page.parent, recorded_key(source))
        if told.there and told.there.shown == mark.shown:
            return False
        if made is None or made.mark != mark:
            made = self._maker.make(learner, assignment, graded, recorded, told)
        write_whole(page, made.html)
        return True

    def is_fresh(self, learner: str, assignment: str) -> bool:
        """Whether there is a page of this submission that shows what the gradebook has now."""
        source, _ = self._places(learner, assignment)
        try:
            graded, told = source.read_text(encoding="utf-8"), self.told(learner, assignment)
        except FileNotFoundError:
            return False
        now = mark_of(assignment, graded, self._recorded(learner, assignment), told)
        return told.there is not None and told.there.shown == now.shown

    def told(self, learner: str, assignment: str) -> Told:
        """What the page of this submission says besides."""
        there = PageMark.at_end_of(self._places(learner, assignment)[1])
        return Told(lesson_of(self.root, assignment), read_settings(self.root).ask, there)

    def _places(self, learner: str, assignment: str) -> tuple[Path, Path]:
        """The graded notebook and its page."""
        source = self.root / self.folders.autograded_directory / learner / assignment / f"{assignment}.ipynb"
        page = self.root / self.folders.feedback_directory / learner / assignment / f"{assignment}.html"
        return source, page

    def _recorded(self, learner: str, assignment: str) -> Recorded:
        with Session(self._database) as db:
            return read_marks(db, assignment, read_settings(self.root), learner)[learner]

    def close(self) -> None:
        self._database.dispose()


def recorded_key(graded: Path) -> str | None:
    """The key in a graded notebook, a digest of what it stands on; None where there is nothing of ours."""
    try:
        key = json.loads(graded.read_bytes())["metadata"]["sumskip"]["key"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return key if isinstance(key, str) else None
