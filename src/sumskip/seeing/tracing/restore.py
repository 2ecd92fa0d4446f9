"""What a forward pass may change besides its output, and how to put it back."""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from operator import is_not
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sumskip.seeing.tracing.source import is_learners

CLEARED: tuple[Any, ...] = (OrderedDict, dict, list, set, deque)
MUTABLE: tuple[Any, ...] = (*CLEARED, np.ndarray)
MANY = 1000  # a longer list is data, whose items nobody changes one by one


class Snapshot:
    """The state around a forward pass: taken before, put back after, whatever happened between.

    Random number generators, attributes and buffers are taken at once. Tensors from outside that an
    operator is about to overwrite, and gradients that a backward pass inside the forward pass is about
    to change, are taken by `keep` and `keep_gradients` just before, because copying every parameter
    would cost more than many a forward pass.
    """

    def __init__(self) -> None:
        self._torch_rng = torch.get_rng_state()
        self._cuda_rng = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
        self._python_rng = random.getstate()
        self._numpy_rng = np.random.get_state()
        self._grad_mode = torch.is_grad_enabled()
        self._dtype = torch.get_default_dtype()
        self._modules: dict[int, nn.Module] = {}
        self._contents: dict[int, Contents] = {}
        self._empty: dict[int, Any] = {}
        self._asked: list[tuple[Tensor, bool]] = []
        self._buffers: list[Kept] = []
        self._kept: dict[int, Kept] = {}
        self._gradients: dict[int, tuple[Tensor, Tensor | None, Tensor | None]] = {}

    def add(self, module: nn.Module) -> None:
        """Takes all of one module's attributes, what these hold, and its buffers' values."""
        if id(module) in self._modules:
            return
        self._modules[id(module)] = module
        self._take(vars(module))
        self._buffers += (Kept(buffer) for buffer in module._buffers.values() if buffer is not None)
        asked = (
            (tensor, tensor.requires_grad) for tensor in module._parameters.values() if tensor is not None
        )
        self._asked += asked

    def _take(self, value: Any) -> None:
        kind = _kind(value)
        if kind is object:
            value, kind = vars(value), dict
        if kind is not tuple:
            if id(value) in self._contents or id(value) in self._empty:
                return
            self._contents[id(value)] = Contents(value, kind)
        if kind is not np.ndarray and len(value) <= MANY:
            for part in value.values() if issubclass(kind, dict) else value:
                cls = type(part)
                kind = _kinds[cls] if cls in _kinds else _kind(part)
                if kind is None:
                    continue
                if kind in CLEARED and not part:  # most of what a module holds, and quickly taken
                    self._empty[id(part)] = part
                else:
                    self._take(part)

    def keep(self, tensor: Tensor) -> None:
        """Copies a tensor that comes from outside and is about to be overwritten."""
        if id(tensor) not in self._kept:
            self._kept[id(tensor)] = Kept(tensor)

    def keep_gradients(self, tensors: Iterable[Tensor]) -> None:
        """Copies `.grad` of these leaves, which a backward pass is about to change."""
        for tensor in tensors:
            if id(tensor) not in self._gradients and tensor.is_leaf:
                grad = tensor.grad
                copy = None if grad is None else grad.detach().clone()
                self._gradients[id(tensor)] = (tensor, grad, copy)

    def overwritten(self, tensor: Tensor) -> bool:
        """Whether putting back will change this tensor, because it shares memory with a changed one."""
        return any(shares_memory(tensor, kept.tensor) for kept in self._kept.values()) or any(
            shares_memory(tensor, buffer.tensor) and not buffer.unchanged() for buffer in self._buffers
        )

    def emptied(self, value: Any) -> bool:
        """Whether putting back will change this list, dict, set or object, which a module holds."""
        if id(value) in self._empty:
            return len(value) > 0
        held = (self._contents.get(id(one)) for one in (value, getattr(value, "__dict__", None)))
        return any(contents is not None and contents.changed() for contents in held)

    def restore(self) -> None:
        """Puts everything back. Where one thing cannot be, all the rest is, and then its error is raised."""
        errors: list[Exception] = []
        for put_back in self._all():
            try:
                put_back()
            except Exception as error:
                errors.append(error)
        if errors:
            errors[0].add_note("trace could not put this back after the forward pass; all the rest it did.")
            raise errors[0]

    def _all(self) -> Iterator[Callable[[], object]]:
        yield lambda: torch.set_rng_state(self._torch_rng)
        if self._cuda_rng:
            yield lambda: torch.cuda.set_rng_state_all(self._cuda_rng)
        yield lambda: random.setstate(self._python_rng)
        yield lambda: np.random.set_state(self._numpy_rng)
        yield lambda: torch.set_grad_enabled(self._grad_mode)
        if torch.get_default_dtype() != self._dtype:
            yield lambda: torch.set_default_dtype(self._dtype)
        for owner in self._empty.values():
            if owner:
                yield partial(_kind(owner).clear, owner)
        for contents in self._contents.values():
            if contents.changed():
                yield contents.put_back
        for tensor, asked in self._asked:
            if tensor.requires_grad is not asked:
                yield partial(tensor.requires_grad_, asked)
        for buffer in self._buffers:
            yield partial(buffer.put_back, quietly=True)
        for kept in self._kept.values():
            yield kept.put_back
        for tensor, grad, copy in self._gradients.values():
            yield partial(_put_back_gradient, tensor, grad, copy)


_kinds: dict[type, Any] = {}


def _kind(value: Any) -> Any:
    """What of a value a forward pass may change: a kind of container; `object` for its attributes."""
    cls = type(value)
    if cls not in _kinds:
        _kinds[cls] = next((kind for kind in (*MUTABLE, tuple) if issubclass(cls, kind)), _plain(cls))
    return _kinds[cls]


def _plain(cls: type) -> Any:
    if issubclass(cls, (Tensor, Callable)) or "__dict__" not in dir(cls):  # type: ignore[arg-type]
        return None  # whatever can be called, such as a module, which has a snapshot of its own
    return object if cls is SimpleNamespace or is_learners(cls) else None


class Contents:
    """What stood in a dict, a list, a set or an array, or among the attributes of an object."""

    __slots__ = ("_before", "_keys", "_kind", "_owner")

    def __init__(self, owner: Any, kind: Any) -> None:
        self._owner, self._kind = owner, kind
        self._keys, self._before = self._now()

    def changed(self) -> bool:
        if self._kind is np.ndarray:
            return bool(self._owner.tobytes() != self._before.tobytes())
        keys, now = self._now()
        return len(now) != len(self._before) or any(map(is_not, now, self._before)) or keys != self._keys

    def put_back(self) -> None:
        owner, kind = self._owner, self._kind
        if kind is np.ndarray:
            owner[...] = self._before
            return
        kind.clear(owner)  # the plain kind's own way: a subclass may refuse
        if issubclass(kind, dict):
            for name, value in zip(self._keys, self._before, strict=True):
                kind.__setitem__(owner, name, value)
        else:
            (kind.update if kind is set else kind.extend)(owner, self._before)

    def _now(self) -> tuple[Any, Any]:
        if self._kind is np.ndarray:
            return (), self._owner.copy()
        if issubclass(self._kind, dict):
            return list(self._kind.keys(self._owner)), list(self._kind.values(self._owner))
        return (), list(self._owner)


class Kept:
    """A tensor as it was: its numbers, and the memory, shape and dtype in which they stood."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self._was_leaf = tensor.grad_fn is None
        self._alias = tensor.detach()
        self._numbers = self._alias.clone()
        self._bytes = _bytes(tensor)

    def unchanged(self) -> bool:
        """Whether it is certain that nothing has changed."""
        try:
            same = self._in_place() and torch.equal(self.tensor, self._numbers)
        except (NotImplementedError, RuntimeError):  # sparse, meta and the like cannot be compared
            return False
        return same

    def put_back(self, quietly: bool = False) -> None:
        """`quietly`: where a backward pass may still need the tensor, its version must not look changed."""
        if quietly and self.unchanged():
            return
        tensor = self.tensor
        with torch.inference_mode(tensor.is_inference()), torch.no_grad():
            if self._was_leaf and tensor.grad_fn is not None and not tensor._is_view():
                tensor.detach_()
            if _bytes(self._alias) != self._bytes:
                self._alias.untyped_storage().resize_(self._bytes)
            if not self._in_place():
                tensor.data = self._alias
            if not tensor.is_meta:  # which has no numbers
                (tensor.data if quietly else tensor).copy_(self._numbers)

    def _in_place(self) -> bool:
        now, then = self.tensor, self._alias
        if (now.shape, now.dtype, now.device, now.layout) != (
            then.shape,
            then.dtype,
            then.device,
            then.layout,
        ):
            return False
        return now.layout != torch.strided or (
            memory(now) == memory(then)
            and _bytes(now) >= self._bytes
            and now.stride() == then.stride()
            and now.storage_offset() == then.storage_offset()
        )


def _put_back_gradient(tensor: Tensor, grad: Tensor | None, copy: Tensor | None) -> None:
    if grad is not None and copy is not None:
        with torch.no_grad():
            grad.copy_(copy)
    tensor.grad = grad


def memory(tensor: Tensor) -> int:
    """The address of a tensor's storage; 0 where it has none."""
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError, ValueError):  # sparse, a transform's wrapper, or lazy
        return 0


def _bytes(tensor: Tensor) -> int:
    return tensor.untyped_storage().nbytes() if memory(tensor) or tensor.layout == torch.strided else 0


def shares_memory(one: Tensor, other: Tensor) -> bool:
    """Whether writing to one tensor changes at least one number of the other."""
    address = memory(one)
    if address == 0 or address != memory(other):
        return False
    if one.dtype != other.dtype:
        return True  # one of them reads the other's bytes in its own way
    same_layout = one.shape == other.shape and one.stride() == other.stride()
    return (same_layout and one.storage_offset() == other.storage_offset()) or _overlap(one, other)


def _overlap(one: Tensor, other: Tensor) -> bool:
    size = one.untyped_storage().nbytes() // one.element_size()
    touched = torch.zeros(size, dtype=torch.bool)
    touched.as_strided(one.shape, one.stride(), one.storage_offset()).fill_(True)
    return bool(touched.as_strided(other.shape, other.stride(), other.storage_offset()).any())
