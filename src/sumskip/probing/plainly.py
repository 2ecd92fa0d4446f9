"""Reads a module's own tables and a tensor's own numbers, and asks neither of them.

A class may replace `parameters()`, `__getattribute__` or the operators of its tensors, and then says
what it likes. Nothing here calls what a class can replace: attributes are read by PyTorch's own
descriptors, with tensor subclasses switched off ("Extending PyTorch", `DisableTorchFunctionSubclass`).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sumskip.core import Array

_Switch = torch._C.DisableTorchFunctionSubclass
_DICT = nn.Module.__dict__["__dict__"]
_READ = {
    name: inspect.getattr_static(Tensor, name).__get__
    for name in ("grad", "grad_fn", "is_leaf", "requires_grad", "shape", "dtype")
}
_SET_GRADIENT = inspect.getattr_static(Tensor, "grad").__set__
_DISPATCH = inspect.getattr_static(Tensor, "__torch_dispatch__")
_LEAF: Any = vars(torch._C._functions)["AccumulateGrad"]  # a function of the answer's own is of another type
_MOST_NODES = 10_000  # of a graph that is followed to its leaves


def is_tensor(value: Any) -> bool:
    """Whether `value` is a tensor that can be read: `__class__` may say anything, its type may not.

    A type that intercepts PyTorch's dispatcher has no numbers but those it tells.
    """
    kind = type(value)
    if kind is Tensor or kind is nn.Parameter:
        return True
    return issubclass(kind, Tensor) and inspect.getattr_static(kind, "__torch_dispatch__") is _DISPATCH


def read(tensor: Tensor, name: str) -> Any:
    """The attribute `name` (one of `_READ`) of a tensor."""
    with _Switch():
        return _READ[name](tensor)


def numbers_of(tensor: Tensor) -> Array:
    """A tensor's numbers, on their way out: a copy without gradient."""
    with _Switch():
        plain = Tensor.as_subclass(Tensor.detach(tensor), Tensor).cpu().resolve_conj().resolve_neg()
        return np.array((plain.float() if plain.dtype == torch.bfloat16 else plain).numpy(), copy=True)


@torch.no_grad()
def fill(tensor: Tensor, values: Array) -> None:
    """Put numbers into a tensor of as many elements, in place."""
    with _Switch():
        plain = Tensor.as_subclass(Tensor.detach(tensor), Tensor)
        plain.copy_(torch.from_numpy(np.array(values)).reshape(plain.shape))


@torch.no_grad()
def step(tensor: Tensor, rate: float) -> None:
    """One step of plain gradient descent."""
    with _Switch():
        plain = Tensor.as_subclass(Tensor.detach(tensor), Tensor)
        plain.sub_(read(tensor, "grad"), alpha=rate)


def keep_gradient(tensor: Tensor) -> None:
    """Have the next backward pass leave its gradient at `tensor`, and no other one there."""
    with _Switch():
        _SET_GRADIENT(tensor, None)
        if read(tensor, "requires_grad") and not read(tensor, "is_leaf"):
            Tensor.retain_grad(tensor)


def backward(output: Tensor, direction: Array) -> None:
    """The backward pass from `output`, in a direction of the same shape."""
    with _Switch():
        plain = Tensor.as_subclass(output, Tensor)
        (plain * torch.from_numpy(direction).to(plain.dtype)).sum().backward()


def moves(tensor: Tensor) -> bool:
    """Whether a step of SGD on this leaf would change it."""
    gradient = read(tensor, "grad")
    ready = read(tensor, "is_leaf") and read(tensor, "requires_grad") and gradient is not None
    return bool(ready and (numbers_of(gradient) != 0).any())


def size(tensor: Tensor) -> int:
    """The number of elements."""
    return int(np.prod(read(tensor, "shape"), dtype=np.int64))


def modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The model and all modules in it, each once, with their dotted names."""
    seen = set()
    waiting = [("", model)]
    while waiting:
        name, module = waiting.pop(0)
        if id(module) not in seen:
            seen.add(id(module))
            yield name, module
            inner = table(module, "_modules").items()
            waiting[:0] = [(f"{name}{key}.", child) for key, child in inner if _is_module(child)]


def _is_module(value: Any) -> bool:
    return issubclass(type(value), nn.Module)


def table(module: nn.Module, name: str) -> dict[str, Any]:
    """A copy of one of the tables in which a module keeps what is registered, or of `__dict__` itself."""
    own = dict.copy(_DICT.__get__(module))
    if name == "__dict__":
        return own
    found: Any = own.get(name)
    return dict.copy(found) if issubclass(type(found), dict) else {}


def parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """The registered parameters by their dotted names, each once."""
    return _registered(model, "_parameters")


def buffers(model: nn.Module) -> dict[str, Tensor]:
    """The registered buffers by their dotted names, each once."""
    return _registered(model, "_buffers")


def _registered(model: nn.Module, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    seen = set()
    for prefix, module in modules(model):
        for name, tensor in table(module, kind).items():
            if is_tensor(tensor) and id(tensor) not in seen:
                seen.add(id(tensor))
                found[f"{prefix}{name}"] = tensor
    return found


def leaves(tensor: Tensor) -> list[Tensor]:
    """The tensors from which `tensor` was computed and that a gradient would reach, itself if it is one."""
    if read(tensor, "grad_fn") is None:
        return [tensor] if read(tensor, "requires_grad") else []
    found: dict[int, Tensor] = {}
    seen: set[Any] = set()
    waiting = [read(tensor, "grad_fn")]
    while waiting and len(seen) < _MOST_NODES:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if type(node) is _LEAF:
            found[id(node.variable)] = node.variable
        waiting += [inner for inner, _ in node.next_functions]
    return list(found.values())
