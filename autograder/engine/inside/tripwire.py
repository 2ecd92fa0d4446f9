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
from operator import attrgetter, is_
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
# of theirs; the default dtype is a class; torch._dynamo wraps `manual_seed`, which no probe calls.
_BY_TORCH = {"step", "_init_group", "Storage", "manual_seed"}
# What the first `torch.compile` of a process replaces.
BY_COMPILING = {"Module.__init__", "Module.__setstate__"}
_EMPTY = CellType()  # of a closure, whose name has no value yet
_all, _any, _map = all, any, map  # which may be what is replaced


_code, _defaults = attrgetter("__code__"), attrgetter("__defaults__")
_more_defaults, _held = attrgetter("__kwdefaults__"), attrgetter("cell_contents")


class Tripwire:
    """Functions and tables as they were when this was made; `changed()` names those that are others now.

    It is asked with every question, so it first looks quickly whether all is as it was: what it compares
    lies in flat lists, and no line of Python is run for each of the thousands of things.
    """

    def __init__(self) -> None:
        holders = {id(holder): holder for holder in _holders()}.values()
        self._seen = [(holder, set(vars(holder)), _functions(holder)) for holder in holders]
        self._values = [(module, name, value, _content(value)) for module, name, value in _values()]
        reached = {
            id(one): (f"{holder.__name__}.{name}", one)
            for holder, _, functions in self._seen
            for name, function in functions.items()
            for one in _reached(function)
        }.values()
        self._reached = [(where, one, _inside(one)) for where, one in reached]
        plain = [one for _, one in reached if _is_plain(one)]
        self._plain = (plain, list(map(_code, plain)), list(map(_defaults, plain)))
        cells = [cell for one in plain for cell in one.__closure__ or ()]
        wrapping = [cell for cell in cells if _is_function(cell.cell_contents)]
        self._wrapped = (wrapping, list(map(_held, wrapping)))
        self._others = [cell for cell in cells if not _is_function(cell.cell_contents)]
        self._odd = [(one, inside) for _, one, inside in self._reached if not _is_plain(one)]

    def changed(self) -> list[str]:
        """The qualified names of what was replaced, emptied, removed, or hidden by something new."""
        found = [
            f"{module.__name__}.{name}"
            for module, name, value, content in self._values
            if vars(module).get(name, self) is not value or _ids(_content(value)) != _ids(content)
        ]
        for holder, names, functions in self._seen:
            now = vars(holder)
            if _all(_map(is_, _map(now.get, functions), functions.values())) and names.issuperset(now):
                continue
            others = [name for name, value in functions.items() if now.get(name) is not value]
            others += [name for name in now.keys() - names if _hides(holder, name)]
            found += [f"{holder.__name__}.{name}" for name in others]
        if not self._are_whole():
            found += [where for where, one, inside in self._reached if _ids(_inside(one)) != _ids(inside)]
        return found

    def _are_whole(self) -> bool:
        """Whether nothing in a function was exchanged, of what can be while it stays the same object."""
        functions, codes, defaults = self._plain
        wrapping, wrapped = self._wrapped
        try:
            return (
                _all(_map(is_, _map(_code, functions), codes))
                and _all(_map(is_, _map(_defaults, functions), defaults))
                and not _any(_map(_more_defaults, functions))
                and _all(_map(is_, _map(_held, wrapping), wrapped))
                and not _any(_map(callable, _map(_held, self._others)))
                and _all(_ids(_inside(one)) == _ids(inside) for one, inside in self._odd)
            )
        except ValueError:  # what a closure held is gone
            return False


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
    held = [one for item in items if isinstance(item, FunctionType) for one in _reached(item)]
    return items + [part for one in held for part in _inside(one)]


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


def _functions(holder: Any) -> dict[str, Any]:
    passed_over = _BY_HONEST_PEOPLE if holder is builtins else _BY_TORCH
    return {
        name: value for name, value in vars(holder).items() if _is_function(value) and name not in passed_over
    }


def _inside(one: Any) -> list[Any]:
    """What can be exchanged in a function while it stays the same object."""
    if isinstance(one, FunctionType):
        held = [cell.cell_contents for cell in one.__closure__ or () if cell != _EMPTY]
        wrapped = [thing for thing in held if _is_function(thing)]
        return [one.__code__, one.__defaults__, *(one.__kwdefaults__ or {}).values(), *wrapped]
    if isinstance(one, property):
        return [one.fget, one.fset, one.fdel]
    return [one.__wrapped__] if isinstance(one, (staticmethod, classmethod, _Cached)) else []


def _reached(function: Any) -> list[Any]:
    """This function and those that it wraps, of which something can be exchanged."""
    found: dict[int, Any] = {}
    waiting = [function]
    while waiting:
        one = waiting.pop()
        if id(one) not in found and (inside := _inside(one)):
            found[id(one)] = one
            waiting += [thing for thing in inside if _is_function(thing)]
    return list(found.values())


def _is_plain(one: Any) -> bool:
    """Whether it is a function as most are, of which a quick look sees all that can be exchanged."""
    whole = isinstance(one, FunctionType) and not one.__kwdefaults__
    return whole and all(cell != _EMPTY for cell in one.__closure__ or ())


def _is_function(value: Any) -> bool:
    return callable(value) or isinstance(value, (property, staticmethod, classmethod))
