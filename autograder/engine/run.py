"""Runs the plan of one submission and has its exercises judged, outside.

    with Engine() as engine:
        result = engine.run(plan, judge_exercise)

`Engine.run` is a function of one submission: nothing of one run is left for the next.
"""

from __future__ import annotations

import math
import re
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Literal

import numpy as np

from autograder.engine.inside import frames
from autograder.engine.inside.notebook import Outline, OutlineError
from autograder.engine.reading import read_walled, unpack_walled
from autograder.engine.sandbox import Child, ChildLostError, Level, Limits, SandboxError, WarmParent
from sumskip.checking.core import Ask, Case, Observation, Report

JudgeExercise = Callable[[str, Ask], Report]

_TEXT = 20_000  # characters kept of any text that comes out of the sandbox
_PRINTED = 200_000  # of all that a submission's cells print together
_FIELD = 1_000  # of one text in an observation
_ITEMS = 1_000  # of one list or object in an observation
_MESSAGE, _DETAILS = 1_000, 20  # characters of a sentence in a report, and lines beside it
_RESTARTS = 4
# The names that a probe gives its arrays; `json.dumps` and f-strings would carry others anywhere.
_ARRAY_NAME = re.compile(r"[A-Za-z0-9_:#. -]{1,120}")
_NO_WALLS = (
    "NOTHING IS WALLED IN: learners' code runs with your rights, next to your files and with your network. "
    "Only grade submissions that you would run yourself."
)


@dataclass(frozen=True)
class Task:
    """One thing to do with a submission: run a cell, or put an exercise's questions.

    `exercise` of a cell is the one it solves, if any. `max_score` and `symbol` (the name that the
    answer is bound to) belong to checks and come from the master.
    """

    do: Literal["run", "check"]
    cell_id: str
    source: str = ""
    exercise: str | None = None
    symbol: str = ""
    max_score: float = 0.0
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What to run, in order, and the other files that lie in the working folder."""

    tasks: tuple[Task, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class CellOutput:
    """What a cell printed, as plain text, and the error that ended it."""

    stdout: str = ""
    stderr: str = ""
    error_name: str = ""
    error_message: str = ""
    line: int | None = None
    stopped: bool = False  # by us: time over, or its process died

    @classmethod
    def from_reply(cls, reply: Mapping[str, Any], room: int = _PRINTED) -> CellOutput:
        """Read a reply of the sandbox, of which nothing can be relied on; `room` characters are kept."""
        error = reply.get("error")
        error = error if isinstance(error, dict) else {}
        line = error.get("line")
        return cls(
            stdout=_kept(plain_text(reply.get("stdout")), room),
            stderr=_kept(plain_text(reply.get("stderr")), room),
            error_name=plain_text(error.get("name"))[:80],
            error_message=_kept(plain_text(error.get("message"))[:_FIELD], room),
            line=line if type(line) is int and 0 < line < 100_000 else None,
            stopped=reply.get("stopped") is True,
        )

    @property
    def ending(self) -> str:
        """A sentence on the error that ended the cell with an answer; empty where none did."""
        return self.ended("The cell with the answer")

    def ended(self, cell: str) -> str:
        """A sentence on the error that ended this `cell`; empty where none did."""
        if not self.error_name:
            return ""
        # Python's own words name a file that nobody has: the cell.
        message = re.sub(r" \(<ipython-input.{0,80}, line \d+\)$", "", " ".join(self.error_message.split()))
        line = f" in line {self.line}" if self.line else ""
        said = f"{cell} ended{line} with {self.error_name}: {message[:200]}".rstrip(": ")
        return said if said.endswith((".", "?")) else f"{said}."

    @property
    def size(self) -> int:
        return len(self.stdout) + len(self.stderr) + len(self.error_message)


def _kept(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: max(0, room)]}\n… the cells before printed too much …"


@dataclass
class Result:
    """What came of one submission. `reports` has every check of the plan, whatever happened."""

    reports: dict[str, Report] = field(default_factory=dict)
    outputs: dict[str, CellOutput] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    level: Level = "walled"


# Control and direction characters, halves, private ones, and the line ends that only some programs see.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def plain_text(value: Any) -> str:
    """Text from the sandbox without anything that a terminal or a page would act on."""
    if not isinstance(value, str):
        return ""
    return "".join(
        character
        for character in value[:_TEXT]
        if character in "\n\t" or unicodedata.category(character) not in _UNSAFE
    )


def _bounded_facts(value: Any) -> Any:
    """Facts from the sandbox with every text plain and every length bounded; the frame has bounded the depth.

    Raises:
        FrameError: there are more of them than any honest answer has.
    """
    if isinstance(value, str):
        return plain_text(value)[:_FIELD]
    if isinstance(value, (list, dict)) and len(value) > _ITEMS:
        raise frames.FrameError(f"it has a list of {len(value)} items; at most {_ITEMS} are judged")
    if isinstance(value, list):
        return [_bounded_facts(item) for item in value]
    if isinstance(value, dict):
        return {plain_text(key)[:_FIELD]: _bounded_facts(item) for key, item in value.items()}
    return value


def _bounded_report(report: Report) -> Report:
    """A report that quotes an answer, at a length that a person reads."""
    return replace(
        report,
        message=report.message[:_MESSAGE],
        details=tuple(line[:_MESSAGE] for line in report.details[:_DETAILS]),
    )


class AskFailedError(Exception):
    """A question got no answer that can be judged; the exercise is not graded."""


class Engine:
    """The sandbox, warmed up: made once for a batch of submissions.

    `level` is what the caller wants; `engine.level` is what there is, and is stored with each grade.
    Without walls nothing runs unless `trust_submissions` is given, and `engine.warnings` then says so.
    `hidden` are paths that no submission may see: the self-test tries to read them. `run` may be
    called from `jobs` threads at once; more wait for their turn.

    Raises:
        SandboxError: on entering, where the level cannot be had or the walls do not hold.
    """

    def __init__(
        self,
        level: Level = "walled",
        jobs: int = 1,
        trust_submissions: bool = False,
        limits: Limits | None = None,
        hidden: tuple[Path, ...] = (),
    ) -> None:
        self.level: Level = level
        self.trust_submissions = trust_submissions
        self.limits = limits or Limits()
        self.warnings: list[str] = []
        self._hidden = (Path(__file__).resolve().parent.parent, Path.home() / ".ssh", *hidden)
        self._slots = threading.Semaphore(max(1, jobs))
        self._lock = threading.Lock()
        self._warm: WarmParent | None = None

    def __enter__(self) -> Engine:
        if self.level == "none" and not self.trust_submissions:
            raise SandboxError(
                "grading without walls was asked for, but not that submissions are trusted: "
                "install bubblewrap, or add --trust-submissions"
            )
        try:
            self._warm = WarmParent(self.level, self.limits, self._outside())
        except SandboxError as error:
            if self.level == "none" or not self.trust_submissions:
                raise
            self.warnings.append(str(error))
            self.level = "none"
            self._warm = WarmParent("none", self.limits)
        if self.level == "none":
            self.warnings.append(_NO_WALLS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._warm is not None:
            self._warm.close()
            self._warm = None

    def _outside(self) -> list[Path]:
        return [path for path in self._hidden if path.exists()]

    @property
    def process_id(self) -> int | None:
        """The process that holds all submissions, for whoever measures it."""
        return self._warm.process_id if self._warm else None

    @property
    def versions(self) -> dict[str, str]:
        """Python, torch and sumskip inside the sandbox."""
        return dict(self._warm.versions) if self._warm else {}

    def run(self, plan: Plan, judge_exercise: JudgeExercise) -> Result:
        """Run the learner's cells and judge every exercise of the plan.

        `judge_exercise(name, ask)` runs here, outside, and is given the only way to the answer. It may
        raise: that exercise is then not graded. A process that dies is started again without the cell
        that killed it, at most four times.
        """
        with self._slots:
            return _Run(self, plan, judge_exercise).go()

    def read(self, raw: bytes, beside: Mapping[str, bytes] = MappingProxyType({})) -> Outline:
        """Parse a notebook file behind the walls, in a process that no learner's code has been in.

        `beside` are the files that were handed in with it, to which its texts may refer for pictures.

        Raises:
            OutlineError: these bytes are no notebook that can be read.
        """
        with self._slots, self.spawn() as child:
            try:
                return read_walled(child, raw, beside, self.limits.cell_seconds)
            except OutlineError as error:
                shown = [plain_text(text) for text in error.shown]
                raise OutlineError(plain_text(str(error))[:400], shown) from None

    def unpack(self, raw: bytes) -> tuple[dict[str, bytes], list[str]]:
        """The files in a zip by plain names, and what was left in it, as `read` reads.

        Raises:
            OutlineError: these bytes are no zip that can be opened.
        """
        with self._slots, self.spawn() as child:
            try:
                members, left = unpack_walled(child, raw, self.limits.cell_seconds)
            except OutlineError as error:
                raise OutlineError(plain_text(str(error))[:400]) from None
            found = {plain_text(name): data for name, data in members.items()}
            return found, [plain_text(line)[:300] for line in left]

    def spawn(self) -> Child:
        """A process for one submission, from a warm parent that is replaced if it has died."""
        with self._lock:
            if self._warm is None:
                raise RuntimeError("use the engine in a with statement")
            try:
                return self._warm.spawn()
            except SandboxError:
                self._warm.close()
                self._warm = WarmParent(self.level, self.limits, self._outside())
                return self._warm.spawn()


class _Run:
    """The state of one submission's run."""

    def __init__(self, engine: Engine, plan: Plan, judge_exercise: JudgeExercise) -> None:
        self.engine, self.plan, self.judge_exercise = engine, plan, judge_exercise
        self.limits = engine.limits
        self.result = Result(level=engine.level)
        self.stopped: dict[int, str] = {}  # tasks that are not run again, and why
        self.room = _PRINTED  # characters that cells may still print
        self.used = 0.0  # seconds that the learner's code took; making a key is not theirs

    def left(self) -> float:
        return self.limits.submission_seconds - self.used

    @contextmanager
    def timed(self) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.used += time.monotonic() - started

    def go(self) -> Result:
        started = time.monotonic()
        why = ""
        for _ in range(1 + _RESTARTS):
            why = self._attempt()
            if not why:
                break
        for task in self.plan.tasks:
            if task.do == "check" and _name(task) not in self.result.reports:
                self._not_graded(task, f"The notebook could not be run to this place: {why}.")
        self.result.seconds = time.monotonic() - started
        return self.result

    def _attempt(self) -> str:
        """Go through the plan in one process. The empty text if it survives, otherwise why it did not."""
        with self.engine.spawn() as child:
            for name, data in self.plan.files.items():
                try:
                    file = {name: np.frombuffer(data, np.uint8)}
                    child.request({"do": "files"}, self.limits.cell_seconds, file)
                except ChildLostError as lost:
                    return str(lost)
            for index, task in enumerate(self.plan.tasks):
                if self.left() <= 0:
                    self.result.warnings.append(f"stopped after {self.limits.submission_seconds:g} s in all")
                    return f"the notebook took more than {self.limits.submission_seconds:g} s"
                if index in self.stopped and task.do == "run":
                    continue
                try:
                    if task.do == "run":
                        self._run_cell(child, index, task)
                    elif _name(task) not in self.result.reports:
                        self._check(child, index, task)
                except ChildLostError as lost:
                    self._lost(index, task, str(lost))
                    return str(lost)
        return ""

    def _run_cell(self, child: Child, index: int, task: Task) -> None:
        seconds = max(0.1, min(self.limits.cell_seconds, self.left()))
        with self.timed():
            reply, _ = child.request({"do": "run", "source": task.source}, seconds)
        output = CellOutput.from_reply(reply, self.room)
        if task.cell_id not in self.result.outputs:
            self.result.outputs[task.cell_id] = output
            self.room -= output.size
        if output.stopped:
            self.stopped[index] = f"it ran longer than {seconds:g} s"
            self.result.warnings.append(f"cell {task.cell_id}: {self.stopped[index]}")

    def _lost(self, index: int, task: Task, why: str) -> None:
        if task.do == "run":
            self.stopped[index] = why
            self.result.warnings.append(f"cell {task.cell_id}: {why}")
            message = f"This cell was ended: {why}."
            output = CellOutput(error_name="Stopped", error_message=message, stopped=True)
            self.result.outputs[task.cell_id] = output

    def _check(self, child: Child, index: int, task: Task) -> None:
        name = _name(task)
        asking = _Asking(child, task, self)
        try:
            report = self.judge_exercise(name, asking)
        except AskFailedError:
            report = None
        except (Exception, SystemExit) as error:  # ours, not the learner's, and said so
            report = None
            asking.failed = asking.failed or f"the grader itself stopped ({type(error).__name__}: {error})"
        if asking.failed:
            self._not_graded(task, f"There was no answer that can be judged: {asking.failed}.")
        elif report is None or not _sound(report, task):
            self._not_graded(task, "The grader made no sound verdict here.")
        elif report.status == "failed" and (why := self._stopped_before(index)):
            self._not_graded(task, f"A cell of this exercise was ended: {why}.")
        else:
            if report.status == "failed" and (ending := self._error_of(name, index)):
                # Where nothing is bound, the error is the whole reason.
                said = ending if report.diagnosis == "missing" else f"{report.message} {ending}"
                report = replace(report, message=said)
            self.result.reports[name] = _bounded_report(report)
        if asking.lost:
            raise ChildLostError(asking.failed)

    def _error_of(self, exercise: str, index: int) -> str:
        """The error in which the last cell that answers an exercise ended, if it did.

        Where a name was missing there, also that of an earlier cell which has it and ended.
        """
        earlier = [task for task in self.plan.tasks[:index] if task.do == "run"]
        outputs = {task.cell_id: self.result.outputs.get(task.cell_id, CellOutput()) for task in earlier}
        answer = next((task for task in reversed(earlier) if task.exercise == exercise), None)
        if answer is None:
            return ""
        said = outputs[answer.cell_id].ending
        if missing := re.search(r"NameError: name '(\w+)'", said):
            for task in earlier[: earlier.index(answer)]:
                if re.search(rf"\b{missing[1]}\b", task.source) and outputs[task.cell_id].error_name:
                    return f"{said} {outputs[task.cell_id].ended('Before it, a cell')}"
        return said

    def _stopped_before(self, index: int) -> str | None:
        """Why a cell between the exercise before and this check was ended, if one was."""
        for earlier in range(index - 1, -1, -1):
            if self.plan.tasks[earlier].do == "check":
                return None
            if earlier in self.stopped:
                return self.stopped[earlier]
        return None

    def _not_graded(self, task: Task, why: str) -> None:
        name = _name(task)
        message = f"{plain_text(why)[:400]} Not graded: your instructor will look at it."
        self.result.reports[name] = Report(name, 0.0, task.max_score, "not_graded", message)
        self.result.warnings.append(f"{name}: not graded. {plain_text(why)[:400]}")


class _Asking:
    """The `ask` of one exercise: a case goes through the wall, an observation comes back."""

    def __init__(self, child: Child, task: Task, run: _Run) -> None:
        self.child, self.task, self.run = child, task, run
        self.until = run.used + min(run.limits.exercise_seconds, run.left())
        self.failed = ""
        self.lost = False

    def __call__(self, case: Case) -> Observation:
        if self.failed:
            raise AskFailedError(self.failed)
        seconds = min(self.run.limits.ask_seconds, self.until - self.run.used)
        if seconds <= 0:
            self._fail("its questions took too long")
        question = {"do": "ask", "symbol": self.task.symbol, "case": case.to_json()}
        try:
            with self.run.timed():
                header, frame = self.child.request(question, seconds)
        except ChildLostError as lost:
            self.lost = True
            self._fail(str(lost))
        if "refused" in header:
            self._fail(plain_text(header["refused"])[:300] or "it refused the question")
        try:
            seen = frames.unpack_observation(frame, header["nonce"])
            if odd := next((name for name in seen.arrays if not _ARRAY_NAME.fullmatch(name)), None):
                raise frames.FrameError(f"an array is called {odd[:40]!r}")
            return Observation(seen.arrays, _bounded_facts(seen.facts))
        except frames.FrameError as error:
            self._fail(f"it sent what is no answer ({error})")
        raise AssertionError("unreachable")

    def _fail(self, why: str) -> None:
        self.failed = why
        raise AskFailedError(why)


def _name(task: Task) -> str:
    if task.exercise is None:
        raise ValueError("a check task needs its exercise")
    return task.exercise


def _sound(report: Report, task: Task) -> bool:
    """A report that nbgrader can store: the right exercise, and a finite score within its points."""
    return (
        report.exercise == task.exercise
        and math.isclose(report.max_score, task.max_score)
        and math.isfinite(report.score)
        and 0 <= report.score <= report.max_score
    )
