"""What a returned or a given value holds, however it is wrapped: tuples, dicts, dataclasses, any object."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import Any

from torch import Tensor

# What a value is assigned to: a name, "*rest" among others, or several in brackets; "" for something that has
# no name, such as `kept["h"]`, and None where nobody knows.
Target = str | tuple["Target", ...] | None

_ATOMS = frozenset({int, float, complex, bool, str, bytes, type(None)})


def tensors(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    """Every tensor in `value`, in order, with how it is reached: `name[0]`, `name['a']`, `name.logits`."""
    return _tensors(name, value, ())


def names_in(target: Target, value: Any) -> Iterator[str]:
    """The name that each tensor in `value` gets where it is assigned to `target`; "" where it gets none."""
    if isinstance(target, tuple) and isinstance(value, tuple | list):
        parts = list(value)
        for place, one in enumerate(target):
            if isinstance(one, str) and one.startswith("*"):
                end = place + 1 + len(parts) - len(target)
                parts[place:end] = [parts[place:end]]
        for one, part in zip(target, parts, strict=False):
            yield from names_in(one, part)
    else:
        name = target.removeprefix("*") if isinstance(target, str) else ""
        name = "" if name == "_" else name
        yield from (label if name else "" for label, _ in tensors(name, value))


def _tensors(name: str, value: Any, around: tuple[int, ...]) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif id(value) not in around:  # an object that holds itself
        for suffix, part in _named(value):
            yield from _tensors(name + suffix, part, (*around, id(value)))


def _named(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return [(f".{name}", part) for name, part in zip(value._fields, value, strict=True)]
    if isinstance(value, Mapping):
        return [(f"[{key!r}]", part) for key, part in value.items()]
    if items := _items(value):
        return [(f"[{position}]", part) for position, part in items]
    return [(f".{name}", part) for name, part in attributes(value).items() if not name.startswith("_")]


def _items(value: Any) -> list[tuple[Any, Any]]:
    """What stands in a list, a tuple or a dict, or a kind of one, by position or key."""
    if isinstance(value, dict):
        return list(dict.items(value))
    return list(enumerate(value)) if isinstance(value, list | tuple | deque) else []


def attributes(value: Any) -> dict[str, Any]:
    """The attributes of a plain object; none of anything that can be called, such as modules and classes."""
    if type(value) in _ATOMS or isinstance(value, Tensor | ModuleType) or callable(value):
        return {}
    found = dict(getattr(value, "__dict__", {}))
    if is_dataclass(value):  # which may have slots instead
        found |= {one.name: getattr(value, one.name) for one in fields(value) if hasattr(value, one.name)}
    return found


def replaced(
    value: Any, change: Callable[[Tensor], Tensor], fresh: Callable[[Any], bool] = lambda _: False
) -> Any:
    """The same structure with `change` applied to its tensors, each once.

    What holds no changed tensor stays the same object, unless `fresh` asks for another one.
    """
    return _Replacing(change, fresh).of(value)


class _Replacing:
    def __init__(self, change: Callable[[Tensor], Tensor], fresh: Callable[[Any], bool]) -> None:
        self._change = change
        self._fresh = fresh
        self._known: dict[int, tuple[Any, Any]] = {}  # with what was replaced, so that its `id` stays its own

    def of(self, value: Any) -> Any:
        if id(value) not in self._known:
            self._known[id(value)] = value, value  # what holds itself keeps its old self
            new = self._change(value) if isinstance(value, Tensor) else self._container(value)
            self._known[id(value)] = value, new
        return self._known[id(value)][1]

    def _container(self, value: Any) -> Any:
        items, named = _items(value), attributes(value)
        parts = {key: self.of(part) for key, part in items}
        values = {name: self.of(part) for name, part in named.items()}
        other = {name: new for name, new in values.items() if new is not named[name]}
        if not (other or any(parts[key] is not part for key, part in items) or self._fresh(value)):
            return value
        if isinstance(value, tuple):
            made = _tuple(type(value), parts.values())
            other = values
        else:
            made = copy.copy(value)
        for key, new in () if isinstance(value, tuple) else parts.items():
            # The plain kind's own way: a subclass may refuse, or change more than the one item.
            (dict if isinstance(value, dict) else list if isinstance(value, list) else deque).__setitem__(
                made, key, new
            )
        for name, new in other.items():
            object.__setattr__(made, name, new)  # a frozen dataclass as well
        return made


def _tuple(kind: type, parts: Any) -> Any:
    # `torch.return_types.max` and the like have their own way, and only that; all others have tuple's.
    return kind(parts) if hasattr(kind, "n_sequence_fields") else tuple.__new__(kind, parts)
