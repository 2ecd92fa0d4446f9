"""A whole class: find what was handed in, have it judged, write gradebook, notebooks and feedback pages.

Nothing that is finished is done again, and one submission's trouble is its own: a run that was killed is
simply started again.
"""

from __future__ import annotations

import hashlib
import json
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from autograder.engine.run import Engine, plain_text
from autograder.engine.written import unread
from autograder.files import write_whole
from autograder.gradebook.book import (
    ClassGradebook,
    FeedbackPages,
    GradebookError,
    read_timestamp,
    recorded_key,
)
from autograder.submission import verdicts
from autograder.submission.course import Course, CourseError, open_engine
from autograder.submission.grading import grade_submission, holds, unreadable
from autograder.submission.handed import Found, Handed, choose, read_folder
from autograder.submission.verdicts import Verdict, verdict_path


@dataclass
class Outcome:
    """What a run did; `rows` holds one entry for every notebook, also for those finished before."""

    rows: dict[tuple[str, str], Verdict] = field(default_factory=dict)
    new: int = 0
    pages: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)  # of ours, each with its traceback
    unrecorded: list[str] = field(default_factory=list)  # what the gradebook did not take
    refused: list[str] = field(default_factory=list)  # lessons that it does not take, and the ways out

    def json_lines(self) -> str:
        """One object a notebook, in the order of learners and assignments."""
        lines = [
            json.dumps({"student": learner, **verdict.summary()}, ensure_ascii=False)
            for (learner, _), verdict in sorted(self.rows.items())
        ]
        return "".join(f"{line}\n" for line in lines)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One run at a time writes; the lock ends with its process, however that ends."""
    try:
        import fcntl
    except ImportError:  # Windows: there is no sandbox either, and so no class run worth two of them
        yield
        return
    path = root / ".course" / "grading"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CourseError("another grade run is at work in this course; wait for it") from error
        yield


class ClassRun:
    """One `grade` run. `say` gets lines for the instructor, `progress` the state now and then."""

    def __init__(
        self,
        course: Course,
        *,
        jobs: int,
        feedback: bool,
        trust_submissions: bool,
        say: Callable[[str], None],
        progress: Callable[[str], None],
    ) -> None:
        self.course = course
        self.jobs = jobs
        self.feedback = feedback
        self.trust_submissions = trust_submissions
        self.say = say
        self.progress = progress
        self.outcome = Outcome()

    def run(self, handed: Sequence[Handed]) -> Outcome:
        """Grade everything in `handed` that is not finished."""
        with _alone(self.course.root), ClassGradebook(self.course.root, waiting=self.say) as book:
            self._register(sorted({one.assignment for one in handed}), book)
            in_book = {name: book.recorded(name) for name in self.released}
            todo: list[Found] = []
            for one in handed:
                if one.assignment not in self.released:
                    continue
                found = read_folder(self.course, one)
                verdict = self._stored(found)
                if verdict is not None and self._written(found, verdict, in_book):
                    self._finished(found, verdict)
                else:
                    todo.append(found)
            with closing(FeedbackPages(self.course.root)) if self.feedback else nullcontext() as pages:
                time_left = _TimeLeft(len(self.outcome.rows))
                for learner, assignment in self.outcome.rows if self.feedback else ():
                    self._write_page(pages, learner, assignment)
                    self.progress(time_left.another().format("finished before"))
                self._grade(todo, book, pages)
        return self.outcome

    def _register(self, assignments: Sequence[str], book: ClassGradebook) -> None:
        """Have the gradebook know these lessons; one that it refuses is left as it is, and the others go on.

        Raises:
            GradebookError: it refuses all of them.
        """
        self.released: dict[str, NotebookNode] = {}
        for name in assignments:
            try:
                self.released[name] = book.register(name).notebook
            except GradebookError as error:
                self.outcome.refused.append(str(error))
        if not self.released:
            raise GradebookError(" ".join(self.outcome.refused))

    def _write_page(self, pages: FeedbackPages | None, learner: str, assignment: str) -> None:
        """Right here: in a process of its own it took as long on two cores, for a class of any size."""
        try:
            self.outcome.pages += pages is not None and pages.write(learner, assignment)
        except (Exception, SystemExit) as error:
            self._failed(f"feedback page of {learner}/{assignment}", error)

    def _written(self, found: Found, verdict: Verdict, in_book: dict[str, set[str]]) -> bool:
        handed = found.handed
        if handed.learner not in in_book[handed.assignment]:
            return False
        return recorded_key(self.course.root, handed.learner, handed.assignment) == _key(found, verdict)

    def _stored(self, found: Found) -> Verdict | None:
        handed = found.handed
        verdict = verdicts.load(verdict_path(self.course.root, handed.learner, handed.assignment))
        if verdict is None or not holds(verdict, found.fingerprint, self.trust_submissions):
            return None
        return verdict

    def _grade(self, todo: Sequence[Found], book: ClassGradebook, pages: FeedbackPages | None) -> None:
        time_left = _TimeLeft(len(todo))
        for found, work in self._judged(todo):
            handed = found.handed
            try:
                verdict, notebook, seconds = work.result()
                book.record(handed.learner, notebook, verdict, _key(found, verdict))
            except (Exception, SystemExit) as error:
                verdict, seconds = self._stopped_on(found, error), 0.0
                try:
                    reason = verdict.reports[0].message if verdict.reports else ""
                    released = unread(self.released[handed.assignment], reason)
                    book.record(handed.learner, released, verdict, _key(found, verdict))
                except (Exception, SystemExit) as error:
                    self._failed(handed.name, error)
                    self.outcome.unrecorded.append(handed.name)
            self.outcome.new += 1
            self.outcome.seconds[found.handed.name] = seconds
            self._finished(found, verdict)
            self._write_page(pages, found.handed.learner, found.handed.assignment)
            self.progress(time_left.another().format("graded"))

    def _stopped_on(self, found: Found, error: BaseException) -> Verdict:
        """The verdict where we failed: not graded, in no file, so that the next run tries again."""
        handed = found.handed
        self._failed(handed.name, error)
        verdict_path(self.course.root, handed.learner, handed.assignment).unlink(missing_ok=True)
        what = plain_text(f"{type(error).__name__}: {error}")[:200]
        reason = f"The grader itself stopped on this notebook ({what}). Your instructor will look at it."
        return unreadable(handed.assignment, reason, self.course, "", self.level)

    def _failed(self, name: str, error: BaseException) -> None:
        self.outcome.failures.append(f"{name}\n{''.join(traceback.format_exception(error))}")

    def _judged(self, todo: Sequence[Found]) -> Iterator[tuple[Found, Future[Any]]]:
        """Each found with its verdict, as they come; only a few are held in memory at a time."""
        if not todo:
            return
        waiting = deque(todo)
        self.course.prepare(sorted({found.handed.assignment for found in todo}))
        with (
            open_engine(self.course, trust_submissions=self.trust_submissions, jobs=self.jobs) as engine,
            ThreadPoolExecutor(self.jobs) as threads,
        ):
            self.level = engine.level
            for warning in engine.warnings:
                self.say(warning)
            running: dict[Future[Any], Found] = {}
            try:
                while waiting or running:
                    while waiting and len(running) < 3 * self.jobs:
                        found = waiting.popleft()
                        running[threads.submit(self._judge, found, engine)] = found
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield running.pop(future), future
            finally:
                threads.shutdown(wait=True, cancel_futures=True)

    def _judge(self, found: Found, engine: Engine) -> tuple[Verdict, NotebookNode, float]:
        handed, started = found.handed, time.monotonic()
        verdict = self._stored(found)
        chosen = choose(self.course, found, engine)
        if verdict is None:
            if chosen.submission is None:
                verdict = unreadable(
                    handed.assignment, chosen.reason, self.course, found.fingerprint, engine.level
                )
            else:
                verdict = grade_submission(self.course, chosen.submission, found.fingerprint, engine)
            verdict = replace(verdict, warnings=(*chosen.warnings, *verdict.warnings))
            verdicts.save(verdict_path(self.course.root, handed.learner, handed.assignment), verdict)
        notebook = self.released[handed.assignment]
        if chosen.submission:
            notebook = chosen.submission.notebook
        elif found.contents.notebooks or found.contents.zips:
            notebook = unread(notebook, chosen.reason, chosen.shown)
        return verdict, notebook, time.monotonic() - started

    def _finished(self, found: Found, verdict: Verdict) -> None:
        handed = found.handed
        # Without what was printed, which is in verdicts/: a large class would fill the memory with it.
        self.outcome.rows[handed.learner, handed.assignment] = replace(verdict, printed={})
        for warning in dict.fromkeys(verdict.warnings):
            self.outcome.warnings.append(f"{handed.name}: {warning}")


def _key(found: Found, verdict: Verdict) -> str:
    """What a recorded grade stands on: the verdict, and the time at which it was handed in."""
    timestamp = read_timestamp(found.handed.folder) or ""
    return hashlib.sha256(f"{verdict.fingerprint} {verdict.level} {timestamp}".encode()).hexdigest()[:32]


class _TimeLeft:
    """How long the rest will take, by the pace since the first one was done: starting up is over then."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.first = total, 0, 0.0

    def another(self) -> str:
        """One more is done: `3 of 40 …, 20 s left`, with `{}` for what they are."""
        self.done += 1
        now = time.monotonic()
        if self.done == 1:
            self.first = now
            return f"1 of {self.total} {{}}"
        seconds = round((now - self.first) / (self.done - 1) * (self.total - self.done))
        left = f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"
        return f"{self.done} of {self.total} {{}}, {left} left"


def save_json(path: Path, outcome: Outcome) -> None:
    write_whole(path, outcome.json_lines())
