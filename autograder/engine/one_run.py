"""One submission: its plan run in a process, and its exercises judged out here.

A process that dies is started again without the cell that killed it; doubt earns nothing.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from autograder.engine.bounded import bounded_observation, bounded_report, bounded_trace, plain_text
from autograder.engine.inside import frames
from autograder.engine.plan import PRINTED, CellOutput, Plan, Result, Task
from autograder.engine.sandbox import Child, ChildLostError, Level, Limits
from sumskip.checking.core import Ask, Case, Observation, Report

JudgeExercise = Callable[[str, Ask], Report]
ToDraw = Callable[[Report], Case | None]

_RESTARTS = 4


class AskFailedError(Exception):
    """A question got no answer that can be judged; the exercise is not graded."""


class OneRun:
    """One submission's run: its cells in order, and each exercise judged where its check stands."""

    def __init__(
        self,
        spawn: Callable[[], Child],
        limits: Limits,
        level: Level,
        plan: Plan,
        judge_exercise: JudgeExercise,
        to_draw: ToDraw,
    ) -> None:
        self.spawn, self.limits = spawn, limits
        self.plan, self.judge_exercise, self.to_draw = plan, judge_exercise, to_draw
        self.result = Result(level=level)
        self.stopped: dict[int, str] = {}  # tasks that are not run again, and why
        self.room = PRINTED  # characters that cells may still print
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
            if task.do == "check" and task.name not in self.result.reports:
                self._not_graded(task, f"The notebook could not be run to this place: {why}.")
        self.result.seconds = time.monotonic() - started
        return self.result

    def _attempt(self) -> str:
        """Go through the plan in one process. The empty text if it survives, otherwise why it did not."""
        with self.spawn() as child:
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
                    elif task.name not in self.result.reports:
                        self._check(child, index, task)
                except ChildLostError as lost:
                    self._lost(index, task, str(lost))
                    return str(lost)
            self._trace_models(child)
        return ""

    def _trace_models(self, child: Child) -> None:
        """Ask what models did, once all is judged: so no grade can depend on what comes of it."""
        for task in self.plan.tasks:
            case = self.to_draw(self.result.reports[task.name]) if task.do == "check" else None
            if case is None:
                continue
            question = {"do": "trace", "symbol": task.symbol, "case": case.to_json()}
            try:
                reply, _ = child.request(question, self.limits.trace_seconds)
            except ChildLostError:
                return
            if trace := bounded_trace(reply.get("trace")):
                self.result.traces[task.name] = trace

    def _run_cell(self, child: Child, index: int, task: Task) -> None:
        seconds = max(0.1, min(self.limits.cell_seconds, self.left()))
        with self.timed():
            reply, _ = child.request({"do": "run", "source": task.source}, seconds)
        self.result.starved |= reply.get("starved") is True
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
        name = task.name
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
            self.result.reports[name] = bounded_report(report)
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
        name = task.name
        message = f"{plain_text(why)[:400]} Not graded: your instructor will look at it."
        self.result.reports[name] = Report(name, 0.0, task.max_score, "not_graded", message)
        self.result.warnings.append(f"{name}: not graded. {plain_text(why)[:400]}")


class _Asking:
    """The `ask` of one exercise: a case goes through the wall, an observation comes back."""

    def __init__(self, child: Child, task: Task, run: OneRun) -> None:
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
        self.run.result.starved |= header.get("starved") is True
        if "refused" in header:
            self._fail(plain_text(header["refused"])[:300] or "it refused the question")
        try:
            return bounded_observation(frames.unpack_observation(frame, header["nonce"]))
        except frames.FrameError as error:
            self._fail(f"it sent what is no answer ({error})")
        raise AssertionError("unreachable")

    def _fail(self, why: str) -> None:
        self.failed = why
        raise AskFailedError(why)


def _sound(report: Report, task: Task) -> bool:
    """A report that nbgrader can store: the right exercise, and a finite score within its points."""
    return (
        report.exercise == task.exercise
        and math.isclose(report.max_score, task.max_score)
        and math.isfinite(report.score)
        and 0 <= report.score <= report.max_score
    )
