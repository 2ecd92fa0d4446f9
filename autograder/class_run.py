"""A whole class: find what was handed in, have it judged, write gradebook, notebooks and feedback pages.

Nothing that is finished is done again, and one submission's trouble is its own: a run that was killed is
simply started again.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import stat
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from autograder import verdict_files
from autograder.engine.inside.notebook import Outline
from autograder.engine.intake import IntakeError, Submission, list_folder, notebooks_in, read_submission
from autograder.engine.run import Engine, plain_text
from autograder.files import write_whole
from autograder.gradebook import ClassGradebook, FeedbackPages, read_timestamp, recorded_key
from autograder.grading import (
    Course,
    CourseError,
    grade_submission,
    handed_in,
    holds,
    open_engine,
    unreadable,
)
from autograder.verdict_files import Verdict, verdict_path

MOST_ID = 128  # characters, of nbgrader's Student.id
FEW_PAGES = 8  # so few pages are written before another process has started


@dataclass(frozen=True)
class Handed:
    """One learner's folder for one assignment."""

    learner: str
    assignment: str
    folder: Path

    @property
    def name(self) -> str:
        return f"{self.learner}/{self.assignment}"


@dataclass(frozen=True)
class Reading:
    """What lies in a folder: the notebooks that may count, the likeliest first, and a digest of it all."""

    handed: Handed
    files: tuple[Path, ...]
    fingerprint: str
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chosen:
    """The submission that counts, or the reason why there is none."""

    submission: Submission | None
    reason: str = ""
    warnings: tuple[str, ...] = ()


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

    def json_lines(self) -> str:
        """One object a notebook, in the order of learners and assignments."""
        lines = [
            json.dumps({"student": learner, **verdict.summary()}, ensure_ascii=False)
            for (learner, _), verdict in sorted(self.rows.items())
        ]
        return "".join(f"{line}\n" for line in lines)


def find_handed(
    course: Course, assignments: Sequence[str], learners: Sequence[str]
) -> tuple[list[Handed], list[str]]:
    """The folders `submitted/LEARNER/ASSIGNMENT` that were asked for, and what was passed over.

    Raises:
        CourseError: for an assignment or a learner that does not exist, or where nothing was handed in.
    """
    for name in assignments:
        if name not in course.masters:
            raise CourseError(f"no assignment {name!r}; there are {', '.join(course.masters)}")
    submitted = course.root / "submitted"
    if not submitted.is_dir():
        raise CourseError(f"{submitted}: no such folder; put notebooks into submitted/LEARNER/ASSIGNMENT/")
    found: list[Handed] = []
    passed_over: list[str] = []
    known = set()
    for folder in sorted(submitted.iterdir()):
        if folder.name.startswith("."):
            continue
        if problem := _learner_problem(folder):
            passed_over.append(f"submitted/{printable(folder.name)}: {problem}")
            continue
        known.add(folder.name)
        if learners and folder.name not in learners:
            continue
        try:
            places = [(place, status) for place, status in list_folder(folder) if place.name[0] != "."]
        except IntakeError as error:
            passed_over.append(f"submitted/{error}")
            continue
        for place, status in places:
            if place.name not in course.masters:
                passed_over.append(f"submitted/{folder.name}/{printable(place.name)}: no such assignment")
            elif not stat.S_ISDIR(status.st_mode):
                passed_over.append(f"submitted/{folder.name}/{place.name}: not a folder of its own")
            elif not assignments or place.name in assignments:
                found.append(Handed(folder.name, place.name, place))
    if missing := sorted(set(learners) - known):
        raise CourseError(f"nothing was handed in by {', '.join(map(printable, missing))}")
    if not found:
        wanted = ", ".join(assignments or course.masters)
        raise CourseError(f"{submitted}: nothing was handed in for {wanted}")
    return found, passed_over


def _learner_problem(folder: Path) -> str | None:
    """Why a folder's name cannot be a learner's id, or None. Such a name would go into pages and paths."""
    name = folder.name
    if folder.is_symlink() or not folder.is_dir():
        return "not a folder of its own"
    if not name.isprintable() or any(sign in name for sign in '<>"\\') or name != name.strip():
        return (
            "this cannot be a learner's id: rename it, without < > \" \\, control characters and outer spaces"
        )
    if len(name) > MOST_ID:
        return f"this cannot be a learner's id: rename it, nbgrader takes at most {MOST_ID} characters"
    return None


def printable(name: str) -> str:
    """A name from outside, fit for a terminal."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in name)


def read_folder(course: Course, handed: Handed) -> Reading:
    """Look at what was handed in, without parsing any of it."""
    try:
        files, passed_over = notebooks_in(handed.folder, handed.assignment)
        digest = handed_in(handed.folder, files)
    except IntakeError as error:
        files, passed_over, digest = [], [str(error)], str(error).encode()
    fingerprint = course.fingerprint(handed.assignment, digest)
    return Reading(handed, tuple(files), fingerprint, tuple(passed_over))


def choose(course: Course, reading: Reading, outline: Callable[[bytes], Outline]) -> Chosen:
    """The first notebook that belongs to the assignment, which its cells tell. `outline` parses one."""
    handed, expected = reading.handed, f"{reading.handed.assignment}.ipynb"
    warnings = list(reading.passed_over)
    for number, file in enumerate(reading.files):
        try:
            submission = read_submission(file, course.masters, handed.folder, outline)
        except IntakeError as error:
            warnings.append(str(error))
            continue
        if submission.assignment != handed.assignment:
            warnings.append(f"{printable(file.name)} is the notebook of {submission.assignment}")
            continue
        if file.name != expected:
            warnings.append(f"graded {printable(file.name)}, because there is no {expected}")
        others = reading.files[number + 1 :]
        warnings += [f"{printable(other.name)} is another notebook, not graded" for other in others]
        return Chosen(submission, warnings=tuple(warnings))
    reason, *rest = warnings or [f"There is no notebook {expected}."]
    return Chosen(None, reason, tuple(rest))


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
            assignments = sorted({one.assignment for one in handed})
            self.released = {name: book.register(name).notebook for name in assignments}
            in_book = {name: book.recorded(name) for name in assignments}
            todo: list[Reading] = []
            for one in handed:
                reading = read_folder(self.course, one)
                verdict = self._stored(reading)
                if verdict is not None and self._written(reading, verdict, in_book):
                    self._finished(reading, verdict)
                else:
                    todo.append(reading)
            with PageWriters(self.course.root, self.jobs if self.feedback else 0) as pages:
                for (learner, assignment), _ in self.outcome.rows.items():
                    pages.write(learner, assignment)
                self._grade(todo, book, pages)
                self._collect(pages, len(handed))
        return self.outcome

    def _written(self, reading: Reading, verdict: Verdict, in_book: dict[str, set[str]]) -> bool:
        handed = reading.handed
        if handed.learner not in in_book[handed.assignment]:
            return False
        return recorded_key(self.course.root, handed.learner, handed.assignment) == _key(reading, verdict)

    def _stored(self, reading: Reading) -> Verdict | None:
        handed = reading.handed
        verdict = verdict_files.load(verdict_path(self.course.root, handed.learner, handed.assignment))
        if verdict is None or not holds(verdict, reading.fingerprint, self.trust_submissions):
            return None
        return verdict

    def _grade(self, todo: Sequence[Reading], book: ClassGradebook, pages: PageWriters) -> None:
        time_left = _TimeLeft(len(todo))
        for reading, work in self._judged(todo):
            handed = reading.handed
            try:
                verdict, notebook, seconds = work.result()
                book.record(handed.learner, notebook, verdict, _key(reading, verdict))
            except (Exception, SystemExit) as error:
                verdict, seconds = self._stopped_on(reading, error), 0.0
                try:
                    released = self.released[handed.assignment]
                    book.record(handed.learner, released, verdict, _key(reading, verdict))
                except (Exception, SystemExit) as error:
                    self._failed(handed.name, error)
                    self.outcome.unrecorded.append(handed.name)
            self.outcome.new += 1
            self.outcome.seconds[reading.handed.name] = seconds
            self._finished(reading, verdict)
            pages.write(reading.handed.learner, reading.handed.assignment)
            self.progress(time_left.another().format("graded"))

    def _stopped_on(self, reading: Reading, error: BaseException) -> Verdict:
        """The verdict where we failed: not graded, in no file, so that the next run tries again."""
        handed = reading.handed
        self._failed(handed.name, error)
        verdict_path(self.course.root, handed.learner, handed.assignment).unlink(missing_ok=True)
        what = plain_text(f"{type(error).__name__}: {error}")[:200]
        reason = f"The grader itself stopped on this notebook ({what}). Your instructor will look at it."
        return unreadable(handed.assignment, reason, self.course, "", self.level)

    def _failed(self, name: str, error: BaseException) -> None:
        self.outcome.failures.append(f"{name}\n{''.join(traceback.format_exception(error))}")

    def _judged(self, todo: Sequence[Reading]) -> Iterator[tuple[Reading, Future[Any]]]:
        """Each reading with its verdict, as they come; only a few are held in memory at a time."""
        if not todo:
            return
        waiting = deque(todo)
        self.course.prepare(sorted({reading.handed.assignment for reading in todo}))
        with (
            open_engine(self.course, trust_submissions=self.trust_submissions, jobs=self.jobs) as engine,
            ThreadPoolExecutor(self.jobs) as threads,
        ):
            self.level = engine.level
            for warning in engine.warnings:
                self.say(warning)
            running: dict[Future[Any], Reading] = {}
            try:
                while waiting or running:
                    while waiting and len(running) < 3 * self.jobs:
                        reading = waiting.popleft()
                        running[threads.submit(self._judge, reading, engine)] = reading
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield running.pop(future), future
            finally:
                threads.shutdown(wait=True, cancel_futures=True)

    def _judge(self, reading: Reading, engine: Engine) -> tuple[Verdict, NotebookNode, float]:
        handed, started = reading.handed, time.monotonic()
        verdict = self._stored(reading)
        chosen = choose(self.course, reading, engine.read)
        if verdict is None:
            if chosen.submission is None:
                verdict = unreadable(
                    handed.assignment, chosen.reason, self.course, reading.fingerprint, engine.level
                )
            else:
                verdict = grade_submission(self.course, chosen.submission, reading.fingerprint, engine)
            verdict = replace(verdict, warnings=(*chosen.warnings, *verdict.warnings))
            verdict_files.save(verdict_path(self.course.root, handed.learner, handed.assignment), verdict)
        notebook = chosen.submission.notebook if chosen.submission else self.released[handed.assignment]
        return verdict, notebook, time.monotonic() - started

    def _finished(self, reading: Reading, verdict: Verdict) -> None:
        handed = reading.handed
        # Without what was printed, which is in verdicts/: a large class would fill the memory with it.
        self.outcome.rows[handed.learner, handed.assignment] = replace(verdict, printed={})
        for warning in dict.fromkeys(verdict.warnings):
            self.outcome.warnings.append(f"{handed.name}: {warning}")

    def _collect(self, pages: PageWriters, total: int) -> None:
        time_left = _TimeLeft(total)
        for name, error in pages.finish():
            if error:
                self.outcome.failures.append(f"feedback page of {name}\n{error}")
            self.progress(time_left.another().format("feedback pages"))
        self.outcome.pages = pages.written


def _key(reading: Reading, verdict: Verdict) -> str:
    """What a recorded grade stands on: the verdict, and the time at which it was handed in."""
    timestamp = read_timestamp(reading.handed.folder) or ""
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


class PageWriters:
    """Writes feedback pages in up to `jobs` other processes; none where `jobs` is 0.

    A few pages are written right here: starting a process takes as long as twenty of them. Where a
    writer dies, what was not finished is written again page by page, so that one page alone is lost.
    """

    def __init__(self, root: Path, jobs: int) -> None:
        self.root = root
        self.jobs = jobs
        self.written = 0
        self._held: list[tuple[str, str]] = []
        self._pool: ProcessPoolExecutor | None = None
        self._running: list[tuple[tuple[str, str], Future[bool]]] = []

    def __enter__(self) -> PageWriters:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def write(self, learner: str, assignment: str) -> None:
        """Have the page of one recorded submission written, now or soon."""
        if not self.jobs:
            return
        self._held.append((learner, assignment))
        if self._pool is None and len(self._held) > FEW_PAGES:
            self._pool = self._start(self.jobs)
        if self._pool is not None:
            self._running += [(one, _submit(self._pool, one)) for one in self._held]
            self._held.clear()

    def _start(self, processes: int) -> ProcessPoolExecutor:
        # Not forked: this process has threads, and the engine's pipes.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(processes, context, _start_writer, (self.root,))

    def finish(self) -> Iterator[tuple[str, str]]:
        """Wait for all pages; yields the name of each, and what went wrong or an empty string."""
        if self._held:
            _start_writer(self.root)
        for one in self._held:
            yield "/".join(one), self._outcome(partial(_write_page, *one))
        for one, future in self._running:
            if _writer_died(future):
                assert self._pool is not None
                if _writer_died(future := _submit(self._pool, one)):
                    self._pool = self._start(1)
                    future = _submit(self._pool, one)
            yield "/".join(one), self._outcome(future.result)

    def _outcome(self, write: Callable[[], bool]) -> str:
        try:
            self.written += write()
        except (Exception, SystemExit):
            return traceback.format_exc()
        return ""


def _submit(pool: ProcessPoolExecutor, page: tuple[str, str]) -> Future[bool]:
    try:
        return pool.submit(_write_page, *page)
    except BrokenExecutor as error:
        failed: Future[bool] = Future()
        failed.set_exception(error)
        return failed


def _writer_died(future: Future[bool]) -> bool:
    return isinstance(future.exception(), BrokenExecutor)


_writer: FeedbackPages | None = None


def _start_writer(root: Path) -> None:
    global _writer
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    _writer = FeedbackPages(root)


def _write_page(learner: str, assignment: str) -> bool:
    assert _writer is not None
    return _writer.write(learner, assignment)


def save_json(path: Path, outcome: Outcome) -> None:
    write_whole(path, outcome.json_lines())
