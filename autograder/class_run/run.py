"""A whole class: find what was handed in, have it judged, write gradebook, notebooks and feedback pages.

Nothing that is finished is done again, and one submission's trouble is its own: a run that was killed is
simply started again.
"""

from __future__ import annotations

import json
import math
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from autograder.class_run.changes import changes
from autograder.class_run.outcome import Outcome, TimeLeft
from autograder.engine.bounded import plain_text
from autograder.engine.run import Engine
from autograder.engine.written import unread
from autograder.gradebook.book import (
    ClassGradebook,
    FeedbackPages,
    GradebookError,
    ReadGradebook,
    recorded_key,
)
from autograder.gradebook.marks import Recorded
from autograder.submission import verdicts
from autograder.submission.course import Course, CourseError, open_engine
from autograder.submission.grading import counts, grade_submission, unreadable
from autograder.submission.handed import Found, Handed, choose, read_folder
from autograder.submission.stands import Stands, changed, digest, of_answers
from autograder.submission.verdicts import Verdict, verdict_path


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


@dataclass(frozen=True)
class _Work:
    """A submission, what its grade stands on, and why there is something to do."""

    found: Found
    stands: Stands
    earlier: Verdict | None  # without what was printed, with which a large class would fill the memory
    known: Mapping[str, str]  # what its marks by hand stand on
    reason: str
    holds: bool = False  # the earlier verdict: nobody's code has to run
    finished: bool = False

    @property
    def learner(self) -> str:
        return self.found.handed.learner

    @property
    def assignment(self) -> str:
        return self.found.handed.assignment


class ClassRun:
    """One `grade` run. `say` gets lines for the instructor, `progress` the state now and then.

    With `again`, what is finished is graded once more.
    """

    def __init__(
        self,
        course: Course,
        *,
        jobs: int,
        feedback: bool,
        trust_submissions: bool,
        say: Callable[[str], None],
        progress: Callable[[str], None],
        again: bool = False,
    ) -> None:
        self.course = course
        self.jobs = jobs
        self.feedback = feedback
        self.trust_submissions = trust_submissions
        self.say = say
        self.progress = progress
        self.again = again
        self.outcome = Outcome()
        self.released: dict[str, NotebookNode] = {}
        self.before: dict[str, dict[str, Recorded]] = {}

    def run(self, handed: Sequence[Handed]) -> Outcome:
        """Grade everything in `handed` that is not finished.

        Raises:
            CourseError: the points of an assignment have changed, and `handed` is a part of the class.
        """
        assignments = sorted({one.assignment for one in handed})
        with _alone(self.course.root), ClassGradebook(self.course.root, waiting=self.say) as book:
            self.before = {name: book.recorded(name) for name in assignments}
            self._one_point_value(handed)
            self._register(assignments, book)
            work = [self._work(one, book) for one in handed if one.assignment in self.released]
            with closing(FeedbackPages(self.course.root)) if self.feedback else nullcontext() as pages:
                time_left = TimeLeft(sum(one.finished for one in work))
                for one in work:
                    if one.finished and one.earlier is not None:
                        self._note(one, one.earlier, partial(book.settle, one.learner, one.assignment))
                        self._write_page(pages, one)
                        self.progress(time_left.another().format("finished before"))
                self._grade([one for one in work if not one.finished], book, pages)
            self.outcome.recorded = {name: book.recorded(name) for name in self.released}
        return self.outcome

    def _register(self, assignments: Sequence[str], book: ClassGradebook) -> None:
        """Have the gradebook know these lessons; one that it refuses is left as it is, and the others go on.

        Raises:
            GradebookError: it refuses all of them.
        """
        for name in assignments:
            try:
                self.released[name] = book.register(name).notebook
            except GradebookError as error:
                self.outcome.refused.append(str(error))
        if not self.released:
            raise GradebookError(" ".join(self.outcome.refused))

    def rehearse(self, handed: Sequence[Handed]) -> Outcome:
        """What `run` would change. Nothing is written; submissions run where new points are asked for."""
        book = ReadGradebook(self.course.root)
        self.before = {name: book.recorded(name) for name in {one.assignment for one in handed}}
        self._one_point_value(handed)
        work = [self._work(one, book) for one in handed]
        for one in work:
            if one.finished and one.earlier is not None:
                self._note(one, one.earlier, partial(book.penalty, one.learner, one.assignment))
        with self.course.rehearsed() as self.course:
            todo = [one for one in work if not one.finished]
            time_left = TimeLeft(len(todo))
            for one, result in self._judged(todo):
                self.progress(time_left.another().format("looked at"))
                try:
                    verdict, *_ = result.result()
                    self._note(one, verdict, partial(book.penalty, one.learner, one.assignment))
                except (Exception, SystemExit) as error:
                    self._failed(one.found.handed.name, error)
        return self.outcome

    def _one_point_value(self, handed: Sequence[Handed]) -> None:
        """No class is graded by two sets of points, where an assignment has been given others."""
        asked_for = {(one.learner, one.assignment) for one in handed}
        for assignment, class_ in self.before.items():
            points = self.course.points(assignment)
            for learner, recorded in class_.items():
                there = (self.course.root / "submitted" / learner / assignment).is_dir()
                if (learner, assignment) in asked_for or not there:
                    continue
                for cell, mark in recorded.marks.items():
                    if not math.isclose(mark.most, points.get(cell, mark.most)):
                        raise CourseError(
                            f"{assignment}: the master gives {points[cell]:g} points for {cell}, the "
                            f"gradebook {mark.most:g}; grade everybody, without --students: one value counts"
                        )

    def _work(self, handed: Handed, book: ReadGradebook) -> _Work:
        found = read_folder(self.course, handed)
        stands = self.course.stands(handed.assignment, found.fingerprint)
        earlier = verdicts.load(verdict_path(self.course.root, handed.learner, handed.assignment))
        graded = book.autograded(handed.learner, handed.assignment)
        recorded = handed.learner in self.before[handed.assignment]
        if earlier is None:
            reason = "versions" if recorded else "submission"  # an earlier version's verdict is not read
            return _Work(found, stands, None, _answers_in(graded), reason)
        # A verdict on which we stopped stands on nothing.
        reason = changed(earlier.stands, stands) if earlier.stands else "again"
        holds = not self.again and counts(earlier, stands, self.trust_submissions)
        finished = holds and recorded and not reason and recorded_key(graded) == digest(stands)
        earlier = replace(earlier, printed={})
        return _Work(found, stands, earlier, earlier.answers, reason or "again", holds, finished)

    def _note(self, one: _Work, verdict: Verdict, penalty: Callable[[Recorded], float]) -> None:
        """Keep what the summary says of a verdict, and what it changes."""
        name = one.found.handed.name
        self.outcome.rows[one.learner, one.assignment] = replace(verdict, printed={})
        self.outcome.warnings += [f"{name}: {warning}" for warning in dict.fromkeys(verdict.warnings)]
        before = self.before[one.assignment].get(one.learner)
        after = before or Recorded()
        if not one.finished:
            self.outcome.new += 1
            after = after.regraded(verdict.reports)
        try:
            after = replace(after, penalty=penalty(after))
        except (Exception, SystemExit) as error:
            self._failed(f"late penalty of {name}", error)
        reason = "deadline" if one.finished else one.reason
        found = changes(one.learner, verdict, before or Recorded(), after, reason)
        (self.outcome.first if before is None else self.outcome.changes).extend(found)

    def _write_page(self, pages: FeedbackPages | None, one: _Work) -> None:
        """Right here: in a process of its own it took as long on two cores, for a class of any size."""
        try:
            self.outcome.pages += pages is not None and pages.write(one.learner, one.assignment)
        except (Exception, SystemExit) as error:
            self._failed(f"feedback page of {one.found.handed.name}", error)

    def _grade(self, todo: Sequence[_Work], book: ClassGradebook, pages: FeedbackPages | None) -> None:
        time_left = TimeLeft(len(todo))
        for one, work in self._judged(todo):
            path = verdict_path(self.course.root, one.learner, one.assignment)
            try:
                verdict, notebook, seconds = work.result()
                verdict = replace(verdict, answers=of_answers(notebook.cells))
                book.record(one.learner, notebook, verdict, one.known)
                verdicts.save(path, verdict)
            except (Exception, SystemExit) as error:
                verdict, seconds = self._stopped_on(one, error), 0.0
                try:
                    reason = verdict.reports[0].message if verdict.reports else ""
                    notebook = unread(self.released[one.assignment], reason)
                    # Nobody's answer has changed by our stopping: marks by hand are left alone.
                    book.record(one.learner, notebook, verdict, of_answers(notebook.cells))
                except (Exception, SystemExit) as error:
                    self._failed(one.found.handed.name, error)
                    self.outcome.unrecorded.append(one.found.handed.name)
            self.outcome.seconds[one.found.handed.name] = seconds
            self._note(one, verdict, partial(book.penalty, one.learner, one.assignment))
            self._write_page(pages, one)
            self.progress(time_left.another().format("graded"))

    def _stopped_on(self, one: _Work, error: BaseException) -> Verdict:
        """The verdict where we failed: not graded, and in no file, so that the next run tries again."""
        self._failed(one.found.handed.name, error)
        path = verdict_path(self.course.root, one.learner, one.assignment)
        if earlier := verdicts.load(path):
            verdicts.save(path, replace(earlier, stands={}))
        what = plain_text(f"{type(error).__name__}: {error}")[:200]
        reason = f"The grader itself stopped on this notebook ({what}). Your instructor will look at it."
        return unreadable(one.assignment, reason, self.course, {}, self.level)

    def _failed(self, name: str, error: BaseException) -> None:
        self.outcome.failures.append(f"{name}\n{''.join(traceback.format_exception(error))}")

    def _judged(self, todo: Sequence[_Work]) -> Iterator[tuple[_Work, Future[Any]]]:
        """Each with its verdict, as they come; only a few are held in memory at a time."""
        if not todo:
            return
        waiting = deque(todo)
        self.course.prepare(sorted({one.assignment for one in todo if not one.holds}))
        with (
            open_engine(self.course, trust_submissions=self.trust_submissions, jobs=self.jobs) as engine,
            ThreadPoolExecutor(self.jobs) as threads,
        ):
            self.level = engine.level
            for warning in engine.warnings:
                self.say(warning)
            running: dict[Future[Any], _Work] = {}
            try:
                while waiting or running:
                    while waiting and len(running) < 3 * self.jobs:
                        one = waiting.popleft()
                        running[threads.submit(self._judge, one, engine)] = one
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield running.pop(future), future
            finally:
                threads.shutdown(wait=True, cancel_futures=True)

    def _judge(self, one: _Work, engine: Engine) -> tuple[Verdict, NotebookNode | None, float]:
        started, stands = time.monotonic(), one.stands
        chosen = choose(self.course, one.found, engine)
        notebook = self.released.get(one.assignment)
        if chosen.submission:
            notebook = chosen.submission.notebook
        elif notebook and (one.found.contents.notebooks or one.found.contents.zips):
            notebook = unread(notebook, chosen.reason, chosen.shown)
        path = verdict_path(self.course.root, one.learner, one.assignment)
        if one.holds and (verdict := verdicts.load(path)):
            return replace(verdict, stands=stands), notebook, time.monotonic() - started
        if chosen.submission is None:
            verdict = unreadable(one.assignment, chosen.reason, self.course, stands, engine.level)
        else:
            self.outcome.levels.add(engine.level)
            verdict = grade_submission(self.course, chosen.submission, stands, engine)
        warnings = (*chosen.warnings, *verdict.warnings)
        return replace(verdict, warnings=warnings, look=chosen.look), notebook, time.monotonic() - started


def _answers_in(notebook: Path) -> dict[str, str]:
    """What the marks of a graded notebook stand on, where its verdict is lost."""
    try:
        return of_answers(json.loads(notebook.read_bytes())["cells"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
