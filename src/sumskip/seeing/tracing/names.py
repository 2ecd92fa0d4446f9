"""What everything that exists before a forward pass is called: modules, parameters, other tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sumskip.seeing.graph import NodeKind, Parameter
from sumskip.seeing.tracing.restore import Snapshot, memory
from sumskip.seeing.tracing.source import caller
from sumskip.seeing.tracing.steps import is_torch
from sumskip.seeing.tracing.unseen import inside
from sumskip.seeing.tracing.weights import parameters_of

_OWN = frozenset(nn.Module().__dict__)


class Names:
    """Looks names up by identity. What it knows it holds, so that an `id` stays its owner's.

    Modules that no attribute leads to are taken in when they are first called: those that a plain
    Python list holds, those of a function's closure, those made in the forward pass itself.
    """

    def __init__(self, root: Callable[..., Any], snapshot: Snapshot) -> None:
        self._modules: dict[int, tuple[nn.Module, str]] = {}
        self._tensors: dict[int, tuple[Tensor, NodeKind, str]] = {}
        self._arrays: list[tuple[Tensor, str]] = []
        self._snapshot = snapshot
        owner = getattr(root, "__self__", root)
        self._root = owner if isinstance(owner, nn.Module) else None
        if self._root is not None:
            self._adopt(self._root, "")
        else:
            function = root.func if isinstance(root, partial) else root
            for name, value in _surroundings(function):
                self._take(name, value, ())

    def is_root(self, module: nn.Module) -> bool:
        return module is self._root

    def module(self, module: nn.Module) -> str:
        """The qualified name of a module, or the best there is."""
        known = self._modules.get(id(module))
        if known is None:
            registered = self._root.named_modules() if self._root is not None else ()
            name = next((name for name, one in registered if one is module), None)
            name = name or _name_in(caller(3), module) or type(module).__name__
            self._adopt(module, name)
            known = self._modules[id(module)]
        return known[1] or type(module).__name__

    def parameters(self) -> tuple[Parameter, ...]:
        """Those of all modules that are known by now."""
        return parameters_of(self._modules.values(), self._root)

    def add(self, tensor: Tensor, kind: NodeKind, label: str) -> None:
        self._tensors.setdefault(id(tensor), (tensor, kind, label))

    def add_array(self, array: np.ndarray[Any, Any], name: str) -> None:
        """A NumPy array that goes in: what `torch.from_numpy` makes of it is the same memory."""
        if not array.flags.writeable:
            return
        try:
            shared = torch.from_numpy(array)
        except (
            TypeError,
            ValueError,
        ):  # texts, objects, numbers of 128 bits, backwards: no tensor can be that
            return
        self._arrays.append((shared, name))
        self.add(shared, "input", name)

    def tensor(self, tensor: Tensor) -> tuple[NodeKind, str] | None:
        """Kind and name of a tensor that was there before the forward pass; None for any other."""
        known = self._tensors.get(id(tensor))
        if known is not None:
            return known[1], known[2]
        for shared, name in self._arrays:
            if memory(shared) == memory(tensor) != 0:
                return "input", name
        frame = caller(3)
        if frame is not None:
            for name, value in _surroundings(frame):
                if value is tensor:
                    return "constant", name
        return None

    def local(self, tensor: Tensor) -> str | None:
        """The variable of the running function that holds this tensor."""
        frame = caller(3)
        scope = {} if frame is None else frame.f_locals
        return next((name for name, value in list(scope.items()) if value is tensor), None)

    def tensors(self) -> list[Tensor]:
        """All tensors that come from outside the forward pass."""
        return [tensor for tensor, _, _ in self._tensors.values()]

    def _adopt(self, root: nn.Module, prefix: str) -> None:
        met: list[tuple[str, nn.Module]] = []
        for name, module in root.named_modules(prefix=prefix):
            if id(module) not in self._modules:
                self._modules[id(module)] = (module, name)
                self._snapshot.add(module)
                met.append((f"{name}." if name else "", module))
                if (wrapped := inside(module)) is not module:
                    self._adopt(wrapped, name)
        for dot, module in met:
            for attribute, parameter in module._parameters.items():
                if parameter is not None:
                    self.add(parameter, "parameter", dot + attribute)
            for attribute, buffer in module._buffers.items():
                if buffer is not None:
                    self.add(buffer, "buffer", dot + attribute)
        for dot, module in met:  # what is registered has its name by now, whatever list holds it as well
            if not is_torch(type(module)):  # torch's own keep no tensors but those above
                for attribute, value in module.__dict__.items():
                    if attribute not in _OWN:
                        self._take(dot + attribute, value, ())

    def _take(self, name: str, value: Any, around: tuple[int, ...]) -> None:
        if isinstance(value, Tensor):
            self.add(value, "constant", name)
        elif isinstance(value, nn.Module):
            self._adopt(value, name)
        elif id(value) in around:  # a list that holds itself
            return
        elif type(value) in (list, tuple) and len(value) <= 1000:
            for position, part in enumerate(value):
                self._take(f"{name}[{position}]", part, (*around, id(value)))
        elif type(value) is dict and len(value) <= 1000:
            for key, part in value.items():
                self._take(f"{name}[{key!r}]", part, (*around, id(value)))


def _surroundings(thing: Any) -> Iterator[tuple[str, Any]]:
    """What a function, or a running frame, can see from outside: its closure and the globals it names."""
    scope: dict[str, Any] = getattr(thing, "f_globals", None) or getattr(thing, "__globals__", {})
    code: CodeType | None = getattr(thing, "f_code", None) or getattr(thing, "__code__", None)
    if code is None:
        return
    if isinstance(thing, FrameType):
        local = thing.f_locals
        yield from ((name, local[name]) for name in code.co_freevars if name in local)
    else:
        for name, cell in zip(code.co_freevars, thing.__closure__ or (), strict=False):
            try:
                yield name, cell.cell_contents
            except ValueError:  # not bound yet
                continue
    yield from ((name, scope[name]) for name in code.co_names if name in scope)


def _name_in(frame: FrameType | None, module: nn.Module) -> str | None:
    if frame is None:
        return None
    for scope in (frame.f_locals, frame.f_globals):
        for name, value in list(scope.items()):
            if value is module:
                return name
    return None
