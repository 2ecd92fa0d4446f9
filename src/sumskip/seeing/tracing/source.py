"""Where in the learner's own code something happened: the line, the exact sub-expression, the name.

A place is a code object and the instruction in it. Everything is looked up only when it is asked for,
in the instructions themselves, so that no source has to be parsed while a model runs.
"""

from __future__ import annotations

import dis
import linecache
import re
import site
import sys
import sysconfig
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any, NamedTuple

import torch

from sumskip.seeing.tracing.containers import Target
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
_PYTHON = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")})
_PACKAGES = frozenset({"site-packages", "dist-packages"})
_NOTHING: tuple[str, Any] = ("", None)
_STORES_IN = frozenset({"STORE_ATTR", "STORE_SUBSCR", "STORE_SLICE"})  # something else
_SKIPPED = frozenset({"CACHE", "COPY", "NOP", "EXTENDED_ARG", "PRECALL"})


class CodeFacts:
    """What is known of one code object. It keeps the code, so that its `id` stays its own."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.entrance = code.co_filename == _ENTRANCE
        own = self.entrance or code.co_filename in _MACHINERY
        self.torch = code.co_filename.startswith(_TORCH)
        self.library = own or self.torch
        self.installed = self.library or is_installed(code.co_filename)
        self._targets: dict[int, Target] = {}
        self.expressions: dict[int, Expression] = {}

    @cached_property
    def positions(self) -> list[tuple[int | None, int | None, int | None, int | None]]:
        return list(self.code.co_positions())

    @cached_property
    def instructions(self) -> list[dis.Instruction]:
        return list(dis.get_instructions(self.code))

    def target(self, lasti: int) -> Target:
        """What the result of the instruction at `lasti` is assigned to."""
        if lasti not in self._targets:
            self._targets[lasti] = _target(_simple(self.instructions, lasti))
        return self._targets[lasti]


def _simple(instructions: list[dis.Instruction], lasti: int) -> Iterator[tuple[str, Any]]:
    """What follows an instruction: operations and what they work on. Unpacking follows itself."""
    for step in instructions:
        if step.offset < lasti or (step.offset == lasti and not step.opname.startswith("UNPACK")):
            continue
        if isinstance(step.argval, tuple):  # newer Pythons do two things at once
            yield from zip(re.findall("(?:LOAD|STORE)_FAST", step.opname), step.argval, strict=False)
        elif step.opname not in _SKIPPED:
            yield step.opname, step.arg if step.opname.startswith("UNPACK") else step.argval


def _target(steps: Iterator[tuple[str, Any]]) -> Target:
    name, value = next(steps, _NOTHING)
    if name == "UNPACK_SEQUENCE":
        return _several(steps, value)
    if name == "UNPACK_EX":  # `first, *rest = …`
        before, after = value & 0xFF, value >> 8
        parts = _several(steps, before + 1 + after)
        return tuple(f"*{one}" if n == before and one else one for n, one in enumerate(parts))
    if name.startswith("LOAD_"):
        return _part_of(str(value), steps)
    return str(value) if name.startswith("STORE_") and name not in _STORES_IN else None


def _part_of(owner: str, steps: Iterator[tuple[str, Any]]) -> Target:
    """`self.h`, `self.parts.h`; of `kept["h"]` only that it is something."""
    plain = True
    for name, value in steps:
        if name == "STORE_ATTR":
            return f"{owner}.{value}" if plain else ""
        if name in _STORES_IN:
            return ""
        if name == "LOAD_ATTR":
            owner = f"{owner}.{value}"
        elif name.startswith(("LOAD_", "BINARY_", "BUILD_")):
            plain = False
        else:
            return None
    return None


def _several(steps: Iterator[tuple[str, Any]], count: int) -> tuple[Target, ...]:
    """The next `count` targets; behind one that is not understood nobody knows which is which."""
    found: list[Target] = []
    for _ in range(count):
        found.append(None if found and found[-1] is None else _target(steps))
    return tuple(found)


def written(target: Target) -> str | None:
    """A target as it stands in the source: `out, (h, _)`."""
    if not isinstance(target, tuple):
        return None if target in ("", "_") else target
    if not any(map(written, target)):
        return None
    parts = (f"({written(part) or '_'})" if isinstance(part, tuple) else part or "_" for part in target)
    return ", ".join(parts)


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
    def target(self) -> Target:
        return facts(self.code).target(self.lasti)

    @property
    def variable(self) -> str | None:
        return written(self.target)

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


class Caller(NamedTuple):
    """The learner's function that is running, and how it came here.

    `direct` is whether nothing but PyTorch and the tracer runs between; `helper` what it has called of
    PyTorch's own Python, if anything.
    """

    frame: FrameType | None = None
    direct: bool = False
    helper: FrameType | None = None


def called_by(skip: int = 1) -> Caller:
    """The nearest frame above that is the learner's own: neither PyTorch's nor the tracer's.

    A function of an installed package is passed over for whoever called it. Where a whole model comes
    from a package, its own nearest frame is given. None where there is none between here and `trace`.
    """
    frame: FrameType | None = sys._getframe(skip)
    inner, inside, packaged = frame, False, Caller()
    while frame is not None and not (known := facts(frame.f_code)).entrance:
        if not known.library:
            helper = inner if inside else None
            if not known.installed:
                direct = packaged.frame is None
                return Caller(frame, direct, helper if direct else None)
            if packaged.frame is None:
                packaged = Caller(frame, True, helper)
        inner, inside, frame = frame, known.torch, frame.f_back
    return packaged


def caller(skip: int = 1) -> FrameType | None:
    """The frame that `called_by` finds."""
    return called_by(skip + 1).frame


def holders(value: object, frame: FrameType | None) -> dict[CodeType, set[str]]:
    """The variables that hold an object in the functions that are running, from `frame` outwards, but for
    those that are about to be assigned to."""
    found: dict[CodeType, set[str]] = {}
    while frame is not None and not (known := facts(frame.f_code)).entrance:
        if not known.library:
            names = {name for name, held in list(frame.f_locals.items()) if held is value}
            if names := names - {Location(frame.f_code, frame.f_lasti).variable}:
                found.setdefault(frame.f_code, set()).update(names)
        frame = frame.f_back
    return found


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
    return not builtin and not is_installed(str(file or ""))


def is_installed(file: str) -> bool:
    """Whether a file of code belongs to Python or an installed package, and is not the learner's own.

    Installed is what lies in Python's own library, in a `site-packages` or `dist-packages`, in an archive, or
    in a folder of the search path that pip has filled (`--target`) or put there (`--editable`). But below the
    working directory only the first two are; and code without a file, such as a notebook's cell, never is.
    """
    path = Path(file)
    if not path.is_absolute():
        return False
    if not _PACKAGES.isdisjoint(path.parts) or file.startswith(_PYTHON):
        return True
    if _is_below_here(path):
        return False
    roots = [Path(entry) for entry in sys.path if entry and path.is_relative_to(entry)]
    root = max(roots, key=lambda one: len(one.parts), default=None)
    return root is not None and _is_installation(root)


def _is_below_here(path: Path) -> bool:
    try:
        return path.is_relative_to(Path.cwd())
    except FileNotFoundError:  # the working directory has been deleted meanwhile
        return False


@lru_cache(maxsize=256)
def _is_installation(root: Path) -> bool:
    """Whether an entry of the search path is an archive, or a folder that pip has put there or filled."""
    if root.is_file() or any(root.glob("*.dist-info")):
        return True
    folders = map(Path, [*site.getsitepackages(), site.getusersitepackages()])
    added = (file.read_text(errors="replace") for folder in folders for file in folder.glob("*.pth"))
    return any(str(root) in text.splitlines() for text in added)


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
