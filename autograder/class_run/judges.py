"""Who judges the submissions of a class: this machine's engine, or the workers of a cluster (`cluster`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from nbformat import NotebookNode

from autograder.engine.run import Engine
from autograder.engine.sandbox import Level
from autograder.submission.course import Course
from autograder.submission.grading import grade_submission, unreadable
from autograder.submission.handed import Found, choose
from autograder.submission.stands import Stands
from autograder.submission.verdicts import Verdict


@dataclass(frozen=True)
class Question:
    """One submission to be judged; or, where its earlier verdict holds, to be read alone."""

    found: Found
    stands: Stands
    holds: bool = False


@dataclass(frozen=True)
class Judged:
    """The verdict, unless the earlier one holds, and the notebook that counts; or why none does, and what can
    be read all the same.
    """

    verdict: Verdict | None
    notebook: NotebookNode | None
    reason: str
    shown: tuple[str, ...]
    seconds: float


class ClusterError(Exception):
    """The cluster cannot be used. One line: what was expected, what came, what to do."""


class JudgeLostError(Exception):
    """The one who judged a submission is gone, and perhaps by its doing. The text says where."""


class JudgesLostError(Exception):
    """All who judge are gone, and with them what they were at; it is no submission's doing."""


Ask = Callable[[Question], Future[Judged]]


class Judges(Protocol):
    """`jobs` submissions are judged at a time; once some are, `warnings` has what to say of the walls."""

    trust_submissions: bool

    @property
    def jobs(self) -> int: ...
    @property
    def level(self) -> Level: ...
    @property
    def warnings(self) -> Collection[str]: ...
    def judging(self, course: Course) -> AbstractContextManager[Ask]: ...


class Here:
    """An engine on this machine; it may still be warming up."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.trust_submissions = engine.trust_submissions
        self.jobs = engine.jobs

    @property
    def level(self) -> Level:
        return self._engine.level

    @property
    def warnings(self) -> Collection[str]:
        return self._engine.warnings

    @contextmanager
    def judging(self, course: Course) -> Iterator[Ask]:
        """What takes a question, and judges it in a thread."""
        with ThreadPoolExecutor(self.jobs) as threads:
            try:
                yield lambda question: threads.submit(judge, course, question, self._engine)
            finally:
                threads.shutdown(wait=True, cancel_futures=True)


def judge(course: Course, question: Question, engine: Engine) -> Judged:
    """Judge one submission, wherever that is."""
    started = time.monotonic()
    chosen = choose(course, question.found, engine)
    submission, assignment = chosen.submission, question.found.handed.assignment
    verdict = None
    if not question.holds:
        if submission is None:
            verdict = unreadable(assignment, chosen.reason, course, question.stands, engine.level)
        else:
            verdict = grade_submission(course, submission, question.stands, engine)
        warnings = (*chosen.warnings, *verdict.warnings)
        verdict = replace(verdict, warnings=warnings, look=chosen.look)
    notebook = submission.notebook if submission else None
    return Judged(verdict, notebook, chosen.reason, tuple(chosen.shown), time.monotonic() - started)
