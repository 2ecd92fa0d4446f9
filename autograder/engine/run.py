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
_MOST_ALONE = 10  # submissions of a batch that are tried again with nothing beside them
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

    Entering it begins to warm it up, which is another process's work of some seconds. Whatever is asked of
    the engine first waits for that, and proves the walls.

    Raises:
        SandboxError: when first asked, where the level cannot be had or the walls do not hold.
    """

    def __init__(
        self,
        level: Level = "walled",
        jobs: int = 1,
        trust_submissions: bool = False,
        limits: Limits | None = None,
        hidden: tuple[Path, ...] = (),
    ) -> None:
        self.jobs = max(1, jobs)
        self.trust_submissions = trust_submissions
        self.limits = limits or Limits()
        self._level: Level = level
        self._warnings: list[str] = []
        self._hidden = (Path(__file__).resolve().parent.parent, Path.home() / ".ssh", *hidden)
        # Beside others, a submission has a core of its own: whatever it starts takes no time from theirs.
        cores = sorted(os.sched_getaffinity(0)) if jobs > 1 and hasattr(os, "sched_getaffinity") else [None]
        self._slots: SimpleQueue[Slot] = SimpleQueue()
        for number, core in zip(range(self.jobs), cycle(cores), strict=False):
            self._slots.put(Slot(number, core))
        self._locks = [threading.Lock() for _ in range(self.jobs)]
        self._alone, self._alone_tries = threading.Lock(), count()
        self._begun: WarmParent | None = None  # the first, until it is asked for
        self._warm: dict[int, WarmParent] = {}  # where the sandbox is swept one a slot, otherwise one for all
        self._open = False

    def __enter__(self) -> Engine:
        if self._level == "none" and not self.trust_submissions:
            raise SandboxError(
                "grading without walls was asked for, but not that submissions are trusted: "
                "install bubblewrap, or add --trust-submissions"
            )
        self._begun = self._begin(0)
        self._open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        for warm in filter(None, (self._begun, *self._warm.values())):
            warm.close()
        self._begun = None
        self._warm.clear()

    @property
    def level(self) -> Level:
        """What walls there are."""
        self._settle()
        return self._level

    @property
    def warnings(self) -> list[str]:
        """What the instructor has to know of the walls."""
        self._settle()
        return self._warnings

    @property
    def versions(self) -> dict[str, str]:
        """Python, torch and sumskip inside the sandbox."""
        self._settle()
        return dict(self._warm[0].versions) if self._warm else {}

    @property
    def process_id(self) -> int | None:
        """The process that holds all submissions, or the first of them, for whoever measures it."""
        self._settle()
        return self._warm[0].process_id if self._warm else None

    def _settle(self) -> None:
        """Wait for the first warm parent, by which the level is known."""
        with self._locks[0]:
            if not self._open or self._warm:
                return
            try:
                self._warm[0] = self._start(0)
            except SandboxError as error:
                if self._level == "none" or not self.trust_submissions:
                    raise
                self._warnings.append(str(error))
                self._level = "none"
                self._warm[0] = self._start(0)
            if self._level == "none":
                self._warnings.append(_NO_WALLS)

    def _begin(self, number: int) -> WarmParent:
        return WarmParent(self._level, self.limits, self._outside(), number)

    def _start(self, number: int) -> WarmParent:
        """A warm parent at our level, or at *swept* where *walled* turns out to be none of this machine's."""
        for tries in count(1):
            warm, self._begun = self._begun or self._begin(number), None
            try:
                warm.settle()
                return warm
            except NoNestingError:
                if self._warm:  # a batch has one level
                    raise
                self._level = "swept"
            except SandboxError as error:
                if self._level != "swept" or "ENOSPC" not in str(error) or tries > _TRIES:
                    raise
                # Where namespaces are counted, the kernel gives one back a moment after its last process.
                time.sleep(0.2)
        raise AssertionError("unreachable")

    def _outside(self) -> list[Path]:
        return [path for path in self._hidden if path.exists()]

    def run(self, plan: Plan, judge_exercise: JudgeExercise, to_draw: ToDraw = lambda report: None) -> Result:
        """Run the learner's cells and judge every exercise of the plan.

        `judge_exercise(name, ask)` runs here, outside, and is given the only way to the answer. It may
        raise: that exercise is then not graded. A process that dies is started again without the cell
        that killed it, at most four times. What ran out of time beside others, and had less than half of a
        core, is tried once more with nothing else under way. `to_draw(report)` is the case with which the
        answer is traced when all is judged, if it is a model.
        """
        modules = {
            module for word, module in _ONCE.items() if any(word in task.source for task in plan.tasks)
        }

        def go(slot: Slot) -> Result:
            spawn = partial(self.spawn, sorted(modules), slot)
            return OneRun(spawn, self.limits, self.level, plan, judge_exercise, to_draw).go()

        with self._slot() as slot:
            result = go(slot)
        # A submission that sleeps cannot be told from one that is starved: they hold up a class only so long.
        if result.starved and self.jobs > 1 and next(self._alone_tries) < _MOST_ALONE:
            with self._all_slots() as slot:
                result = go(slot)
            result.warnings.append("ran out of time beside others, and was tried once more alone")
        return result

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

    @contextmanager
    def _all_slots(self) -> Iterator[Slot]:
        """One of them, when nobody has any."""
        with self._alone:
            slots = [self._slots.get() for _ in range(self.jobs)]
            try:
                yield slots[0]
            finally:
                for slot in slots:
                    self._slots.put(slot)

    def spawn(self, modules: Sequence[str] = (), slot: Slot | None = None) -> Child:
        """A process for one submission with these modules in it, from a warm parent that is replaced if it
        has died.
        """
        self._settle()
        number = slot.number if slot and self._level == "swept" else 0
        core = slot.core if slot else None
        with self._locks[number]:
            if not self._open:
                raise RuntimeError("use the engine in a with statement")
            if warm := self._warm.get(number):
                try:
                    return warm.spawn(modules, core)
                except SandboxError:
                    warm.close()
            self._warm[number] = self._start(number)
            return self._warm[number].spawn(modules, core)
