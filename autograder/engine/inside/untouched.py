"""Notices where a submission replaced a function of PyTorch, NumPy or ours.

What counts is judged outside, by numbers that only the right computation gives. But a few facts a
process can only tell about itself (that its loss fell, say), and a replaced function could tell them
wrongly. This is a tripwire, not a wall: it stands in the learner's own process.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator, Mapping
from types import FunctionType
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
    "hashlib",
    "json",
    "struct",
    "math",
)
# The tables of ours that decide what is asked and sent; `check` keeps one that honest cells change.
_TABLES = ("sumskip.core", "sumskip.wire", "sumskip.models", "sumskip.probe", "sumskip.probing", "inside")
_BY_HONEST_PEOPLE = {"print", "input", "display", "open", "breakpoint", "exit", "quit", "help"}
# An optimiser wraps its own `step` when the first of its kind is made; the default dtype is a class.
_BY_TORCH = {"step", "Storage"}


class Untouched:
    """Functions and tables as they were when this was made; `changed()` names those that are others now."""

    def __init__(self) -> None:
        self._seen = [(holder, _functions(holder)) for holder in _holders()]
        self._tables = [(module, name, table, _content(table)) for module, name, table in _tables()]

    def changed(self) -> list[str]:
        """The qualified names of what was replaced, emptied or removed since."""
        found = [
            f"{module.__name__}.{name}"
            for module, name, table, content in self._tables
            if vars(module).get(name) is not table or _content(table) != content
        ]
        for holder, functions in self._seen:
            now = vars(holder)
            for name, (value, code) in functions.items():
                current = now.get(name)
                if current is not value or (code is not None and current.__code__ is not code):
                    found.append(f"{holder.__name__}.{name}")
        return found


def _tables() -> Iterator[tuple[Any, str, Any]]:
    """The collections that our modules keep under a name of their own."""
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith(_TABLES):
            for name, value in vars(module).items():
                if isinstance(value, (Mapping, tuple, list, set, frozenset)) and not name.startswith("__"):
                    yield module, name, value


def _content(table: Any) -> list[int]:
    """Which things a collection holds: their ids, since values may say of themselves that they are equal."""
    items = [*table.keys(), *table.values()] if isinstance(table, Mapping) else list(table)
    return [id(item) for item in items]


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


def _functions(holder: Any) -> dict[str, tuple[Any, Any]]:
    found = {}
    for name, value in vars(holder).items():
        if not (callable(value) or isinstance(value, (property, staticmethod, classmethod))):
            continue
        if name in (_BY_HONEST_PEOPLE if holder is builtins else _BY_TORCH):
            continue
        found[name] = (value, value.__code__ if isinstance(value, FunctionType) else None)
    return found
