"""The course root, and the engine that grades in it, which is begun before anything else is imported."""

from __future__ import annotations

from pathlib import Path

from autograder.engine.run import Engine
from autograder.exercises import LESSONS

_HIDDEN = (".course", "notebooks", "submitted", "verdicts", "gradebook.db")


def find_course(here: Path) -> Path:
    """The course root: `here` where it looks like one, otherwise the folder that holds this package."""
    is_course = any((here / "notebooks" / name).is_dir() for name in LESSONS)
    return here if is_course else Path(__file__).parents[2]


def open_engine(root: Path, *, trust_submissions: bool, jobs: int = 1) -> Engine:
    """The engine for the course in `root`: its self-test tries to read what no submission may see."""
    hidden = tuple(root / name for name in _HIDDEN)
    return Engine(jobs=jobs, trust_submissions=trust_submissions, hidden=hidden)
