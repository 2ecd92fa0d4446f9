"""Notices where a submission replaced a function of PyTorch, NumPy or ours.

What counts is judged outside, by numbers that only the right computation gives. But a few facts a
process can only tell about itself (that its loss fell, say), and a replaced function could tell them
wrongly. This is a tripwire, not a wall: it stands in the learner's own process.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any

_MODULES = (
    "torch",
    "torch.nn.functional",
    "torch.nn.init",
    "torch.autograd",
    "torch.optim",
    "numpy",
    "json",
    "struct",
    "math",
)
_BY_HONEST_PEOPLE = {"print", "input", "display", "open", "breakpoint", "exit", "quit", "help"}
# An optimiser wraps its own `step` when the first of its kind is made; the default dtype is a class.
_BY_TORCH = {"step", "Storage"}


class Untouched:
    """The functions as they were when this was made; `changed()` names those that are others now."""

    def __init__(self) -> None:
        self._seen = [(holder, _functions(holder)) for holder in _holders()]

    def changed(self) -> list[str]:
        """The qualified names of what was replaced, emptied or removed since."""
        found = []
        for holder, functions in self._seen:
            now = vars(holder)
            for name, (value, code) in functions.items():
                current = now.get(name)
                if current is not value or (code is not None and current.__code__ is not code):
                    found.append(f"{holder.__name__}.{name}")
        return found


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
