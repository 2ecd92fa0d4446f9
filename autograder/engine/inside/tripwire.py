"""Notices where a submission replaced a function of PyTorch, NumPy or ours.

What counts is judged outside, by numbers that only the right computation gives. But a few facts a
process can only tell about itself (that its loss fell, say), and a replaced function could tell them
wrongly. This is a tripwire, not a wall: it stands in the learner's own process.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator, Mapping
from functools import _lru_cache_wrapper as _Cached
from types import CellType, FunctionType, ModuleType
from typing import Any

_MODULES = (
    "torch",
    "torch.nn.functional",
    "torch.nn.init",
    "torch.autograd",
    "torch.optim",
    "numpy",
    "torch.random",
    "torch.overrides",
    "torch._C",
    "torch._tensor",
    "hashlib",
    "json",
    "struct",
    "math",
)
# The tables of ours that decide what is asked and sent; `check` keeps one that honest cells change.
_TABLES = (
    "sumskip.checking.core",
    "sumskip.models",
    "sumskip.checking.probe",
    "sumskip.checking.probing",
    "inside",
)
_BY_HONEST_PEOPLE = {"print", "input", "display", "open", "breakpoint", "exit", "quit", "help"}
# An optimiser wraps its own `step` when the first of its kind is made, and `torch.compile` another method
# of theirs; the default dtype is a class.
_BY_TORCH = {"step", "_init_group", "Storage"}
# What the first `torch.compile` of a process replaces.
BY_COMPILING = {"torch.manual_seed", "Module.__init__", "Module.__setstate__"}
_EMPTY = CellType()  # of a closure, whose name has no value yet


class Tripwire:
    """Functions and tables as they were when this was made; `changed()` names those that are others now."""

    def __init__(self) -> None:
        holders = {id(holder): holder for holder in _holders()}.values()
        self._seen = [(holder, set(vars(holder)), _functions(holder)) for holder in holders]
        self._values = [(module, name, value, _content(value)) for module, name, value in _values()]

    def changed(self) -> list[str]:
        """The qualified names of what was replaced, emptied, removed, or hidden by something new."""
        found = [
            f"{module.__name__}.{name}"
            for module, name, value, content in self._values
            if vars(module).get(name, self) is not value or _ids(_content(value)) != _ids(content)
        ]
        for holder, names, functions in self._seen:
            now = vars(holder)
            others = [name for name, (value, _) in functions.items() if now.get(name) is not value]
            others += [
                name
                for name, (value, inside) in functions.items()
                if inside and _ids(_inside(value)) != _ids(inside)
            ]
            others += [name for name in now.keys() - names if _hides(holder, name)]
            found += [f"{holder.__name__}.{name}" for name in others]
        return found


def _values() -> Iterator[tuple[Any, str, Any]]:
    """The tables, numbers and patterns that our modules keep under a name of their own."""
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith(_TABLES):
            for name, value in vars(module).items():
                if not (name.startswith("__") or _is_function(value) or isinstance(value, ModuleType)):
                    yield module, name, value


def _content(value: Any) -> list[Any]:
    """The things that a collection holds, and what can be exchanged in those that are functions."""
    if isinstance(value, Mapping):
        items = [item for pair in value.items() for item in pair]
    else:
        items = list(value) if isinstance(value, (tuple, list, set, frozenset)) else []
    return items + [part for item in items if isinstance(item, FunctionType) for part in _inside(item)]


def _ids(things: list[Any]) -> list[int]:
    """Which things these are: values may say of themselves that they are equal.

    Those from before are held, since the id of one that is gone would be given again.
    """
    return [id(thing) for thing in things]


def _hides(holder: Any, name: str) -> bool:
    """Whether a new name is a function before an inherited one, or before a builtin in a module."""
    if holder is builtins or name in _BY_TORCH or not _is_function(vars(holder)[name]):
        return False
    above = holder.__mro__[1:] if isinstance(holder, type) else [builtins]
    return any(name in vars(one) for one in above)


def _holders() -> Iterator[Any]:
    """The modules, and the classes that they hold."""
    import torch

    ours = [module for name, module in sys.modules.items() if name.startswith(("sumskip", "inside"))]
    theirs = [sys.modules[name] for name in _MODULES if name in sys.modules]
    yield from (builtins, torch.Tensor, *ours, *theirs)
    for module in (*ours, torch.nn, torch.optim):
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__.startswith(("torch", "sumskip", "inside")):
                yield value


def _functions(holder: Any) -> dict[str, tuple[Any, list[Any]]]:
    passed_over = _BY_HONEST_PEOPLE if holder is builtins else _BY_TORCH
    return {
        name: (value, _inside(value))
        for name, value in vars(holder).items()
        if _is_function(value) and name not in passed_over
    }


def _inside(function: Any) -> list[Any]:
    """What can be exchanged in a function, and in those that it wraps, while it stays the same object."""
    found: list[Any] = []
    waiting, seen = [function], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        inner: list[Any] = []
        if isinstance(one, FunctionType):
            found += [one.__code__, one.__defaults__, *(one.__kwdefaults__ or {}).values()]
            inner = [cell.cell_contents for cell in one.__closure__ or () if cell != _EMPTY]
        elif isinstance(one, property):
            inner = [one.fget, one.fset, one.fdel]
        elif isinstance(one, (staticmethod, classmethod, _Cached)):
            inner = [one.__wrapped__]
        wrapped = [thing for thing in inner if _is_function(thing)]
        found += wrapped
        waiting += wrapped
    return found


def _is_function(value: Any) -> bool:
    return callable(value) or isinstance(value, (property, staticmethod, classmethod))
