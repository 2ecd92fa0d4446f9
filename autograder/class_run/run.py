"""A whole class: find what was handed in, have it judged, write gradebook, notebooks and feedback pages.

Nothing that is finished is done again, and one submission's trouble is its own: a run that was killed is
simply started again.
"""

from __future__ import annotations

import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing, nullcontext, suppress
from dataclasses import replace

from nbformat import NotebookNode

from autograder.class_run.alone import alone
from autograder.class_run.changes import changes
from autograder.class_run.judges import Judged, JudgeLostError, Judges, JudgesLostError, Question
from autograder.class_run.outcome import Outcome, TimeLeft, save_seconds
from autograder.class_run.work import Work, one_point_value, work_on
from autograder.engine.bounded import plain_text
from autograder.engine.written import unread
from autograder.gradebook.book import ClassGradebook, ReadGradebook
from autograder.gradebook.conversion import Conversion, Converted, Wanted
from autograder.gradebook.feedback import FeedbackPages
from autograder.gradebook.marks import Recorded
from autograder.gradebook.page_maker import Page
from autograder.gradebook.session import GradebookError
from autograder.submission import verdicts
from autograder.submission.course import Course
from autograder.submission.grading import unreadable
from autograder.submission.handed import Handed
from autograder.submission.verdicts import Verdict, verdict_path

MOST_NAMED = 3  # learners, in one line
MOST_LOST = 3  # times that those who judge a submission may end meanwhile
LOOK_SECONDS = 5.0  # between two looks at who judges


class ClassRun:
    """One `grade` run. `judges` may still be warming up.

    `say` gets lines for the instructor, `progress` the state now and then. With `again`, what is finished is
    graded once more.
    """

    def __init__(
        self,
        course: Course,
        judges: Judges,
        *,
        feedback: bool,
        say: Callable[[str], None],
        progress: Callable[[str], None],
        again: bool = False,
    ) -> None:
        self.course = course
        self.judges = judges
        self.feedback = feedback
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
                    verdict = self._verdict(one, result.result(), None)
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
                trust_submissions=self.judges.trust_submissions,
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

    def _write_page(self, pages: FeedbackPages | None, one: Work, made: Page | None = None) -> None:
        try:
            self.outcome.pages += pages is not None and pages.write(one.learner, one.assignment, made)
        except (Exception, SystemExit) as error:
            self._failed(f"feedback page of {one.name}", error)

    def _grade(self, todo: Sequence[Work], book: ClassGradebook, pages: FeedbackPages | None) -> None:
        time_left = TimeLeft(len(todo))
        conversion = book.conversion(self.released)

        def page_wanted(one: Work) -> Wanted | None:
            if pages is None:
                return None
            time = book.handed_in_at(one.learner, one.assignment)
            recorded = replace(one.before, timestamp=time, penalty=0.0)
            if recorded.late(time):  # what that costs, the marks have a say in
                return None
            with suppress(OSError):  # which is met again, and said, where the page is written
                return Wanted(recorded, one.known, pages.told(one.learner, one.assignment))
            return None

        for one, work in self._judged(todo, conversion, page_wanted):
            page = None
            try:
                judged = work.result()
                converted = judged.converted or conversion.convert(
                    one.learner, self._unread(one, judged), judged.verdict
                )
                verdict, page, seconds = self._verdict(one, judged, converted), judged.page, judged.seconds
                after = self._after(one, verdict, book)
                book.record(one.learner, one.assignment, converted, one.known, verdict.look, after.penalty)
                verdicts.save(verdict_path(self.course.root, one.learner, one.assignment), verdict)
            except (Exception, SystemExit) as error:
                verdict, seconds = self._stopped_on(one, error), 0.0
                reason = verdict.reports[0].message if verdict.reports else ""
                after = self._after(one, verdict, book)
                try:
                    converted = conversion.convert(
                        one.learner, unread(self.released[one.assignment], reason), verdict
                    )
                    # Nobody's answer has changed by our stopping: marks by hand are left alone.
                    book.record(one.learner, one.assignment, converted, converted.answers, (), after.penalty)
                except (Exception, SystemExit) as error:
                    self._failed(one.name, error)
                    self.outcome.unrecorded.append(one.name)
            self.outcome.seconds[one.name] = seconds
            self._note(one, verdict, after)
            if one.name not in self.outcome.unrecorded:
                self._write_page(pages, one, page)
            self.progress(time_left.another().format("graded"))

    def _stopped_on(self, one: Work, error: BaseException) -> Verdict:
        """The verdict where we failed: not graded, and in no file, so that the next run tries again."""
        if isinstance(error, JudgeLostError):
            self.outcome.warnings.append(f"{one.name}: not graded: each of {MOST_LOST} times {error}")
        else:
            self._failed(one.name, error)
        path = verdict_path(self.course.root, one.learner, one.assignment)
        if earlier := verdicts.load(path):
            verdicts.save(path, replace(earlier, stands={}))
        what = plain_text(f"{type(error).__name__}: {error}")[:200]
        reason = f"The grader itself stopped on this notebook ({what}). Your instructor will look at it."
        return unreadable(one.assignment, reason, self.course, {}, self.judges.level)

    def _failed(self, name: str, error: BaseException) -> None:
        self.outcome.failures.append(f"{name}\n{''.join(traceback.format_exception(error))}")

    def _judged(
        self,
        todo: Sequence[Work],
        conversion: Conversion | None = None,
        wanted: Callable[[Work], Wanted | None] = lambda _one: None,
    ) -> Iterator[tuple[Work, Future[Judged]]]:
        """Each with its verdict, as they come; only a few are held in memory at a time.

        Where the one who judged it is gone, a submission is judged again, and the third time with nothing
        beside it, so that nobody else goes down with it.
        """
        if not todo:
            return
        waiting, alone, lost = deque(todo), deque[Work](), Counter[str]()
        self.course.prepare(sorted({one.assignment for one in todo if not one.holds}))
        with self.judges.judging(self.course, conversion) as ask:
            for warning in self.judges.warnings:
                self.say(warning)
            running: dict[Future[Judged], Work] = {}
            while waiting or running or alone:
                room = 3 * self.judges.jobs
                if not waiting and not running:
                    waiting.append(alone.popleft())
                while waiting and len(running) < room:
                    one = waiting.popleft()
                    path = verdict_path(self.course.root, one.learner, one.assignment)
                    earlier = verdicts.load(path) if one.holds else None
                    running[ask(Question(one.found, one.stands, earlier, wanted(one)))] = one
                done, _ = wait(running, LOOK_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    one, error = running.pop(future), future.exception()
                    lost[one.name] += isinstance(error, JudgeLostError)
                    if isinstance(error, JudgesLostError):
                        waiting.appendleft(one)
                    elif isinstance(error, JudgeLostError) and lost[one.name] < MOST_LOST:
                        (alone if lost[one.name] == MOST_LOST - 1 else waiting).append(one)
                    else:
                        yield one, future

    def _verdict(self, one: Work, judged: Judged, converted: Converted | None) -> Verdict:
        """The verdict, with what marks by hand stand on."""
        if not (one.holds or judged.reason):
            self.outcome.levels.add(judged.verdict.level)
        return replace(judged.verdict, answers=converted.answers) if converted else judged.verdict

    def _unread(self, one: Work, judged: Judged) -> NotebookNode:
        """The release, with what can be seen of a notebook that cannot be read."""
        released = self.released[one.assignment]
        if one.found.contents.notebooks or one.found.contents.zips:
            return unread(released, judged.reason, judged.shown)
        return released
