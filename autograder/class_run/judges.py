"""Who judges the submissions of a class: this machine's engine, or the workers of a cluster (`cluster`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Protocol

from autograder.engine.run import Engine
from autograder.engine.sandbox import Level
from autograder.gradebook.conversion import Conversion, Converted, Wanted
from autograder.gradebook.page_maker import Page
from autograder.submission.course import Course
from autograder.submission.grading import grade_submission, unreadable
from autograder.submission.handed import Found, choose
from autograder.submission.stands import Stands
from autograder.submission.verdicts import Verdict


@dataclass(frozen=True)
class Question:
    """One submission to be judged; or, where its `earlier` verdict holds, to be read alone.

    A page is made where it is `wanted`.
    """

    found: Found
    stands: Stands
    earlier: Verdict | None = None
    wanted: Wanted | None = None


@dataclass(frozen=True)
class Judged:
    """The verdict, and the notebook that counts, converted where that was asked for, with its page if wanted;
    or why none counts, and what can be read all the same.
    """

    verdict: Verdict
    converted: Converted | None
    page: Page | None
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
    def judging(self, course: Course, conversion: Conversion | None) -> AbstractContextManager[Ask]: ...


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
    def judging(self, course: Course, conversion: Conversion | None) -> Iterator[Ask]:
        """What takes a question, and judges it in a thread."""
        with ThreadPoolExecutor(self.jobs) as threads:
            try:
                yield lambda question: threads.submit(judge, course, question, self._engine, conversion)
            finally:
                threads.shutdown(wait=True, cancel_futures=True)


def judge(course: Course, question: Question, engine: Engine, conversion: Conversion | None) -> Judged:
    """Judge one submission, and convert it, wherever that is."""
    started = time.monotonic()
    chosen = choose(course, question.found, engine)
    handed, submission = question.found.handed, chosen.submission
    if question.earlier is not None:
        verdict = replace(question.earlier, stands=question.stands)
    elif submission is None:
        verdict = unreadable(handed.assignment, chosen.reason, course, question.stands, engine.level)
    else:
        verdict = grade_submission(course, submission, question.stands, engine)
    if question.earlier is None:
        warnings = (*chosen.warnings, *verdict.warnings)
        verdict = replace(verdict, warnings=warnings, look=chosen.look)
    converted = page = None
    if submission and conversion:
        converted = conversion.convert(handed.learner, submission.notebook, verdict)
        if question.wanted:
            with suppress(Exception, SystemExit):  # who writes the page tries again, and says what is wrong
                page = conversion.page(handed.learner, converted, verdict, question.wanted)
    seconds = time.monotonic() - started
    return Judged(verdict, converted, page, chosen.reason, tuple(chosen.shown), seconds)
