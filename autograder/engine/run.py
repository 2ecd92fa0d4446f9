"""The engine: a sandbox that is warmed up once, in which submissions are read and run.

    with Engine() as engine:
        result = engine.run(plan, judge_exercise)

`Engine.run` is a function of one submission: nothing of one run is left for the next.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count, cycle
from pathlib import Path
from queue import SimpleQueue
from types import MappingProxyType, TracebackType

from autograder.engine.bounded import plain_text
from autograder.engine.inside.notebook import Outline, OutlineError
from autograder.engine.one_run import JudgeExercise, OneRun, ToDraw
from autograder.engine.plan import Plan, Result
from autograder.engine.reading import read_walled, unpack_walled
from autograder.engine.sandbox import Child, Level, Limits, NoNestingError, SandboxError, WarmParent

_NO_WALLS = (
    "NOTHING IS WALLED IN: learners' code runs with your rights, next to your files and with your network. "
    "Only grade submissions that you would run yourself."
)
_TRIES = 10
# What takes a second to import is imported once, before the first submission with this word in it: making an
# optimiser imports the 800 modules of torch._dynamo.
_ONCE = {
    "optim": "torch._dynamo",
    "digits": "sklearn.datasets",
    **dict.fromkeys(("matplotlib", "pylab", "photograph", "png"), "matplotlib.pyplot"),
}


@dataclass(frozen=True)
class Slot:
    """What one of several submissions at a time has to itself: a number, and its core, or any."""

    number: int = 0
    core: int | None = None


class Engine:
    """The sandbox, warmed up: made once for a batch of submissions.

    `level` is what the caller wants; `engine.level` is what there is, and is stored with each grade. Where
    *walled* cannot be had, *swept* is tried. Without walls nothing runs unless `trust_submissions` is
    given, and `engine.warnings` then says so. `hidden` are paths that no submission may see: the self-test
    tries to read them. `run` may be called from `jobs` threads at once; more wait for their turn.

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
        # Beside others, a submission has a core of its own: whatever it starts takes no time from theirs.
        cores = sorted(os.sched_getaffinity(0)) if jobs > 1 and hasattr(os, "sched_getaffinity") else [None]
        self._slots: SimpleQueue[Slot] = SimpleQueue()
        for number, core in zip(range(max(1, jobs)), cycle(cores), strict=False):
            self._slots.put(Slot(number, core))
        self._locks = [threading.Lock() for _ in range(max(1, jobs))]
        self._warm: dict[int, WarmParent] = {}  # where the sandbox is swept one a slot, otherwise one for all

    def __enter__(self) -> Engine:
        if self.level == "none" and not self.trust_submissions:
            raise SandboxError(
                "grading without walls was asked for, but not that submissions are trusted: "
                "install bubblewrap, or add --trust-submissions"
            )
        try:
            self._warm[0] = self._start(0)
        except SandboxError as error:
            if self.level == "none" or not self.trust_submissions:
                raise
            self.warnings.append(str(error))
            self.level = "none"
            self._warm[0] = self._start(0)
        if self.level == "none":
            self.warnings.append(_NO_WALLS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for warm in self._warm.values():
            warm.close()
        self._warm.clear()

    def _start(self, number: int) -> WarmParent:
        """A warm parent at our level, or at *swept* where *walled* turns out to be none of this machine's."""
        for tries in count(1):
            try:
                return WarmParent(self.level, self.limits, self._outside(), number)
            except NoNestingError:
                if self._warm:  # a batch has one level
                    raise
                self.level = "swept"
            except SandboxError as error:
                if self.level != "swept" or "ENOSPC" not in str(error) or tries > _TRIES:
                    raise
                # Where namespaces are counted, the kernel gives one back a moment after its last process.
                time.sleep(0.2)
        raise AssertionError("unreachable")

    def _outside(self) -> list[Path]:
        return [path for path in self._hidden if path.exists()]

    @property
    def process_id(self) -> int | None:
        """The process that holds all submissions, or the first of them, for whoever measures it."""
        return self._warm[0].process_id if self._warm else None

    @property
    def versions(self) -> dict[str, str]:
        """Python, torch and sumskip inside the sandbox."""
        return dict(self._warm[0].versions) if self._warm else {}

    def run(self, plan: Plan, judge_exercise: JudgeExercise, to_draw: ToDraw = lambda report: None) -> Result:
        """Run the learner's cells and judge every exercise of the plan.

        `judge_exercise(name, ask)` runs here, outside, and is given the only way to the answer. It may
        raise: that exercise is then not graded. A process that dies is started again without the cell
        that killed it, at most four times. `to_draw(report)` is the case with which the answer is traced
        when all is judged, if it is a model.
        """
        modules = {
            module for word, module in _ONCE.items() if any(word in task.source for task in plan.tasks)
        }
        with self._slot() as slot:
            spawn = partial(self.spawn, sorted(modules), slot)
            return OneRun(spawn, self.limits, self.level, plan, judge_exercise, to_draw).go()

    def read(self, raw: bytes, beside: Mapping[str, bytes] = MappingProxyType({})) -> Outline:
        """Parse a notebook file behind the walls, in a process that no learner's code has been in.

        `beside` are the files that were handed in with it, to which its texts may refer for pictures.

        Raises:
            OutlineError: these bytes are no notebook that can be read.
        """
        with self._slot() as slot, self.spawn((), slot) as child:
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
        with self._slot() as slot, self.spawn((), slot) as child:
            try:
                members, left = unpack_walled(child, raw, self.limits.cell_seconds)
            except OutlineError as error:
                raise OutlineError(plain_text(str(error))[:400]) from None
            found = {plain_text(name): data for name, data in members.items()}
            return found, [plain_text(line)[:300] for line in left]

    @contextmanager
    def _slot(self) -> Iterator[Slot]:
        slot = self._slots.get()
        try:
            yield slot
        finally:
            self._slots.put(slot)

    def spawn(self, modules: Sequence[str] = (), slot: Slot | None = None) -> Child:
        """A process for one submission with these modules in it, from a warm parent that is replaced if it
        has died.
        """
        number = slot.number if slot and self.level == "swept" else 0
        core = slot.core if slot else None
        with self._locks[number]:
            if not self._warm:
                raise RuntimeError("use the engine in a with statement")
            if warm := self._warm.get(number):
                try:
                    return warm.spawn(modules, core)
                except SandboxError:
                    warm.close()
            self._warm[number] = self._start(number)
            return self._warm[number].spawn(modules, core)
