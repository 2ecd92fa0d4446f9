"""A whole class: find what was handed in, have it judged, write gradebook, notebooks and feedback pages.

Nothing that is finished is done again, and one submission's trouble is its own: a run that was killed is
simply started again.
"""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, nullcontext
from dataclasses import replace
from typing import Any

from nbformat import NotebookNode

from autograder.class_run.alone import alone
from autograder.class_run.changes import changes
from autograder.class_run.outcome import Outcome, TimeLeft, save_seconds
from autograder.class_run.work import Work, one_point_value, work_on
from autograder.engine.bounded import plain_text
from autograder.engine.run import Engine
from autograder.engine.written import unread
from autograder.gradebook.book import ClassGradebook, ReadGradebook
from autograder.gradebook.feedback import FeedbackPages
from autograder.gradebook.marks import Recorded
from autograder.gradebook.session import GradebookError
from autograder.submission import verdicts
from autograder.submission.course import Course, open_engine
from autograder.submission.grading import grade_submission, unreadable
from autograder.submission.handed import Handed, choose
from autograder.submission.stands import of_answers
from autograder.submission.verdicts import Verdict, verdict_path

MOST_NAMED = 3  # learners, in one line


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
        self._late: dict[str, list[str]] = {}  # why no penalty could be worked out, and whose

    def run(self, handed: Sequence[Handed]) -> Outcome:
        """Grade everything in `handed` that is not finished.

        Raises:
            CourseError: the points of an assignment have changed, and `handed` is a part of the class.
            GradebookError: it takes nothing of this.
        """

        def register(assignment: str) -> None:
            self.released[assignment] = book.register(assignment)

        with alone(self.course.root), ClassGradebook(self.course.root, waiting=self.say) as book:
            work = self._work(handed, book, register)
            with closing(FeedbackPages(self.course.root)) if self.feedback else nullcontext() as pages:
                time_left = TimeLeft(sum(one.finished for one in work))
                for one in work:
                    if one.finished and one.earlier is not None:
                        after = self._after(one, one.earlier, book)
                        book.settle(one.learner, one.assignment, one.before, after.penalty)
                        self._note(one, one.earlier, after)
                        self._write_page(pages, one)
                        self.progress(time_left.another().format("finished before"))
                self._grade([one for one in work if not one.finished], book, pages)
            try:
                book.name_learners()
            except GradebookError as error:  # nobody's grade waits for it
                self.outcome.warnings.append(f"nobody was given a name: {error}")
            self.outcome.recorded = {name: book.recorded(name) for name in self.released}
            save_seconds(self.course.root, self.outcome)
        return self._ended()

    def rehearse(self, handed: Sequence[Handed]) -> Outcome:
        """What `run` would change. Nothing is written; submissions run where new points are asked for."""
        book = ReadGradebook(self.course.root)
        work = self._work(handed, book, book.check_cells)
        for one in work:
            if one.finished and one.earlier is not None:
                self._note(one, one.earlier, self._after(one, one.earlier, book))
        with self.course.rehearsed() as self.course:
            todo = [one for one in work if not one.finished]
            time_left = TimeLeft(len(todo))
            for one, result in self._judged(todo):
                self.progress(time_left.another().format("looked at"))
                try:
                    verdict, *_ = result.result()
                    self._note(one, verdict, self._after(one, verdict, book))
                except (Exception, SystemExit) as error:
                    self._failed(one.name, error)
        return self._ended()

    def _work(self, handed: Sequence[Handed], book: ReadGradebook, take: Callable[[str], None]) -> list[Work]:
        """What there is to do; of an assignment that `take` refuses, nothing, and the others go on.

        Raises:
            GradebookError: it refuses all of them.
        """
        before = {name: book.recorded(name) for name in sorted({one.assignment for one in handed})}
        one_point_value(self.course, before, handed)
        taken = set()
        for name in before:
            try:
                take(name)
                taken.add(name)
            except GradebookError as error:
                self.outcome.refused.append(str(error))
        if not taken:
            raise GradebookError(" ".join(self.outcome.refused))
        return [
            work_on(
                self.course,
                one,
                before[one.assignment][one.learner],
                book.autograded(one.learner, one.assignment),
                again=self.again,
                trust_submissions=self.trust_submissions,
            )
            for one in handed
            if one.assignment in taken
        ]

    def _after(self, one: Work, verdict: Verdict, book: ReadGradebook) -> Recorded:
        """The marks with this verdict, and the penalty that they have then; the earlier one if need be."""
        after = one.before if one.finished else one.before.regraded(verdict.reports)
        try:
            return replace(after, penalty=book.penalty(one.learner, one.assignment, after))
        except GradebookError as error:
            self._late.setdefault(str(error), []).append(one.name)
            return after

    def _note(self, one: Work, verdict: Verdict, after: Recorded) -> None:
        """Keep what the summary says of a verdict, and what it changes."""
        self.outcome.rows[one.learner, one.assignment] = verdict.without_texts()
        self.outcome.warnings += [f"{one.name}: {warning}" for warning in dict.fromkeys(verdict.warnings)]
        self.outcome.new += not one.finished
        reason = "deadline" if one.finished else one.reason
        found = changes(one.learner, verdict, one.before, after, reason)
        (self.outcome.first if one.first else self.outcome.changes).extend(found)

    def _ended(self) -> Outcome:
        for why, names in sorted(self._late.items()):
            whose = ", ".join(names[:MOST_NAMED]) + (
                f" and {more} more" if (more := len(names) - MOST_NAMED) > 0 else ""
            )
            self.outcome.refused.append(
                f"late penalties were left as they were for {whose}: {why}; mend it, and grade again"
            )
        return self.outcome

    def _write_page(self, pages: FeedbackPages | None, one: Work) -> None:
        """Right here: in a process of its own it took as long on two cores, for a class of any size."""
        try:
            self.outcome.pages += pages is not None and pages.write(one.learner, one.assignment)
        except (Exception, SystemExit) as error:
            self._failed(f"feedback page of {one.name}", error)

    def _grade(self, todo: Sequence[Work], book: ClassGradebook, pages: FeedbackPages | None) -> None:
        time_left = TimeLeft(len(todo))
        for one, work in self._judged(todo):
            try:
                verdict, notebook, seconds = work.result()
                verdict = replace(verdict, answers=of_answers(notebook.cells))
                after = self._after(one, verdict, book)
                book.record(one.learner, notebook, verdict, one.known, after.penalty)
                verdicts.save(verdict_path(self.course.root, one.learner, one.assignment), verdict)
            except (Exception, SystemExit) as error:
                verdict, seconds = self._stopped_on(one, error), 0.0
                reason = verdict.reports[0].message if verdict.reports else ""
                notebook = unread(self.released[one.assignment], reason)
                after = self._after(one, verdict, book)
                try:
                    # Nobody's answer has changed by our stopping: marks by hand are left alone.
                    known = of_answers(notebook.cells)
                    book.record(one.learner, notebook, verdict, known, after.penalty)
                except (Exception, SystemExit) as error:
                    self._failed(one.name, error)
                    self.outcome.unrecorded.append(one.name)
            self.outcome.seconds[one.name] = seconds
            self._note(one, verdict, after)
            if one.name not in self.outcome.unrecorded:
                self._write_page(pages, one)
            self.progress(time_left.another().format("graded"))

    def _stopped_on(self, one: Work, error: BaseException) -> Verdict:
        """The verdict where we failed: not graded, and in no file, so that the next run tries again."""
        self._failed(one.name, error)
        path = verdict_path(self.course.root, one.learner, one.assignment)
        if earlier := verdicts.load(path):
            verdicts.save(path, replace(earlier, stands={}))
        what = plain_text(f"{type(error).__name__}: {error}")[:200]
        reason = f"The grader itself stopped on this notebook ({what}). Your instructor will look at it."
        return unreadable(one.assignment, reason, self.course, {}, self.level)

    def _failed(self, name: str, error: BaseException) -> None:
        self.outcome.failures.append(f"{name}\n{''.join(traceback.format_exception(error))}")

    def _judged(self, todo: Sequence[Work]) -> Iterator[tuple[Work, Future[Any]]]:
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
            running: dict[Future[Any], Work] = {}
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

    def _judge(self, one: Work, engine: Engine) -> tuple[Verdict, NotebookNode | None, float]:
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
