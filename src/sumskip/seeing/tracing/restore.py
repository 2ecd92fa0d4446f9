"""What a forward pass may change besides its output, and how to put it back."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class Snapshot:
    """The state around a forward pass: taken before, put back after, whatever happened between.

    Random number generators, modes and buffers are taken at once. Tensors from outside that an
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
        self._modules: dict[int, tuple[nn.Module, bool, dict[str, Any], dict[str, Any]]] = {}
        self._buffers: list[Kept] = []
        self._kept: dict[int, Kept] = {}
        self._gradients: dict[int, tuple[Tensor, Tensor | None, Tensor | None]] = {}

    def add(self, module: nn.Module) -> None:
        """Takes one module's mode, its registered tensors and its buffers' values."""
        if id(module) in self._modules:
            return
        parameters, buffers = dict(module._parameters), dict(module._buffers)
        self._modules[id(module)] = (module, module.training, parameters, buffers)
        for buffer in buffers.values():
            if buffer is not None:
                self._buffers.append(Kept(buffer))

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
        for module, training, parameters, buffers in self._modules.values():
            if module.training is not training:
                yield partial(setattr, module, "training", training)
            for registered, before in ((module._parameters, parameters), (module._buffers, buffers)):
                if isinstance(registered, dict) and _differ(registered, before):
                    yield registered.clear
                    yield partial(registered.update, before)
        for buffer in self._buffers:
            yield partial(buffer.put_back, quietly=True)
        for kept in self._kept.values():
            yield kept.put_back
        for tensor, grad, copy in self._gradients.values():
            yield partial(_put_back_gradient, tensor, grad, copy)


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


def _differ(now: dict[str, Any], before: dict[str, Any]) -> bool:
    return now.keys() != before.keys() or any(now[name] is not value for name, value in before.items())


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
