"""Where in the learner's own code something happened: the line, the exact sub-expression, the name.

A place is a code object and the instruction in it. Everything is looked up only when it is asked for,
in the instructions themselves, so that no source has to be parsed while a model runs.
"""

from __future__ import annotations

import dis
import linecache
import sys
import sysconfig
from functools import cached_property
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import NamedTuple

import torch

from sumskip.seeing.tracing.expressions import Expression, is_conditional, read

_TORCH = str(Path(torch.__file__).parent)
_PACKAGE = Path(__file__).parents[1]
_ENTRANCE = str(_PACKAGE / "trace.py")
_MACHINERY = frozenset(
    str(_PACKAGE / "tracing" / f"{name}.py")
    for name in (
        "recorder",
        "ledger",
        "steps",
        "names",
        "restore",
        "containers",
        "unseen",
        "operators",
        "source",
        "expressions",
    )
)
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
_SKIPPED = frozenset({"CACHE", "COPY", "NOP", "EXTENDED_ARG", "PRECALL"})


class CodeFacts:
    """What is known of one code object. It keeps the code, so that its `id` stays its own."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.entrance = code.co_filename == _ENTRANCE
        own = self.entrance or code.co_filename in _MACHINERY
        self.library = own or code.co_filename.startswith(_TORCH)
        self.installed = self.library or code.co_filename.startswith(_INSTALLED)
        self._names: dict[int, str | None] = {}
        self.expressions: dict[int, Expression] = {}

    @cached_property
    def positions(self) -> list[tuple[int | None, int | None, int | None, int | None]]:
        return list(self.code.co_positions())

    @cached_property
    def instructions(self) -> list[dis.Instruction]:
        return list(dis.get_instructions(self.code))

    def assigned(self, lasti: int) -> str | None:
        """The name that the result of the instruction at `lasti` is assigned to, if any."""
        if lasti not in self._names:
            self._names[lasti] = self._assigned(lasti)
        return self._names[lasti]

    def _assigned(self, lasti: int) -> str | None:
        after = (step for step in self.instructions if step.offset > lasti and step.opname not in _SKIPPED)
        step = next(after, None)
        if step is None:
            return None
        if step.opname == "UNPACK_SEQUENCE":
            names = [_stored(next(after, None)) for _ in range(step.arg or 0)]
            return ", ".join(name or "_" for name in names) if any(names) else None
        if step.opname.startswith(("LOAD_FAST", "LOAD_NAME")):  # self.h = …
            owner, step = str(step.argval), next(after, None)
            return f"{owner}.{step.argval}" if step is not None and step.opname == "STORE_ATTR" else None
        return _stored(step)


def _stored(step: dis.Instruction | None) -> str | None:
    if step is None or not step.opname.startswith("STORE_") or step.opname in ("STORE_ATTR", "STORE_SUBSCR"):
        return None
    return str(step.argval[0] if isinstance(step.argval, tuple) else step.argval)


_facts: dict[int, CodeFacts] = {}


def facts(code: CodeType) -> CodeFacts:
    known = _facts.get(id(code))
    if known is None:
        if len(_facts) > 4096:  # a long notebook makes new code with every cell
            _facts.clear()
        known = _facts[id(code)] = CodeFacts(code)
    return known


class Location(NamedTuple):
    """One instruction of the learner's code."""

    code: CodeType
    lasti: int

    @property
    def line(self) -> int | None:
        return self._position()[0]

    @property
    def variable(self) -> str | None:
        return facts(self.code).assigned(self.lasti)

    @property
    def expression(self) -> str:
        """The source of exactly this expression, on one line; "" where there is no source."""
        first, last, start, end = self._position()
        if first is None or last is None or start is None or end is None:
            return ""
        lines = [self._text(number).encode() for number in range(first, last + 1)]
        lines[-1] = lines[-1][:end]
        lines[0] = lines[0][start:]
        return " ".join(line.decode(errors="replace").strip() for line in lines)

    @property
    def source_line(self) -> str:
        return self._text(self.line or 0).strip()

    @property
    def parsed(self) -> Expression:
        """The expression taken apart."""
        known = facts(self.code).expressions
        if self.lasti not in known:
            known[self.lasti] = read(self.expression)
        return known[self.lasti]

    def _position(self) -> tuple[int | None, int | None, int | None, int | None]:
        positions = facts(self.code).positions
        index = self.lasti // 2
        return (
            positions[index] if 0 <= index < len(positions) else (self.code.co_firstlineno, None, None, None)
        )

    def _text(self, number: int) -> str:
        return linecache.getline(self.code.co_filename, number)


def caller(skip: int = 1) -> FrameType | None:
    """The nearest frame above that is the learner's own: neither PyTorch's nor the tracer's.

    A function of an installed package is passed over for whoever called it. Where a whole model comes
    from a package, its own nearest frame is given. None where there is none between here and `trace`.
    """
    frame: FrameType | None = sys._getframe(skip)
    packaged: FrameType | None = None
    while frame is not None and not (known := facts(frame.f_code)).entrance:
        if not known.installed:
            return frame
        if not known.library and packaged is None:
            packaged = frame
        frame = frame.f_back
    return packaged


def is_direct(frame: FrameType, skip: int = 1) -> bool:
    """Whether nothing but PyTorch and the tracer runs between here and `frame`."""
    inner: FrameType | None = sys._getframe(skip)
    while inner is not None and inner is not frame:
        if not facts(inner.f_code).library:
            return False
        inner = inner.f_back
    return True


def always_runs(frame: FrameType | None) -> bool:
    """Whether the line that runs in `frame`, and all that led to it, run without any condition."""
    while frame is not None and not facts(frame.f_code).entrance:
        if not facts(frame.f_code).library and is_conditional(frame.f_code, frame.f_lineno):
            return False
        frame = frame.f_back
    return True


def is_learners(kind: type) -> bool:
    """Whether a class was written by the learner, and not by Python or an installed package."""
    module = sys.modules.get(kind.__module__)
    file = getattr(module, "__file__", None)
    builtin = module is None or kind.__module__ in sys.builtin_module_names
    return not builtin and not str(file or "").startswith(_INSTALLED)


def is_own(traceback: TracebackType | None) -> bool:
    """Whether an error was raised by the tracer's own code."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and traceback.tb_frame.f_code.co_filename in _MACHINERY


def raised_at(traceback: TracebackType | None) -> tuple[Location | None, FrameType | None]:
    """The innermost place of a traceback in the learner's own code, or else in an installed library."""
    own: TracebackType | None = None
    other: TracebackType | None = None
    while traceback is not None:
        known = facts(traceback.tb_frame.f_code)
        if not known.installed:
            own = traceback
        elif not known.library:
            other = traceback
        traceback = traceback.tb_next
    found = own or other
    if found is None:
        return None, None
    return Location(found.tb_frame.f_code, found.tb_lasti), found.tb_frame
