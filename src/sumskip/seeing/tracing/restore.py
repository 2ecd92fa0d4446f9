"""What a forward pass may change besides its output, and how to put it back."""

from __future__ import annotations

import random
from collections.abc import Iterable
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
        self._buffers: list[tuple[Tensor, Tensor]] = []
        self._kept: dict[int, tuple[Tensor, Tensor, bool]] = {}
        self._gradients: dict[int, tuple[Tensor, Tensor | None, Tensor | None]] = {}

    def add(self, module: nn.Module) -> None:
        """Takes one module's mode, its registered tensors and its buffers' values."""
        if id(module) in self._modules:
            return
        parameters, buffers = dict(module._parameters), dict(module._buffers)
        self._modules[id(module)] = (module, module.training, parameters, buffers)
        for buffer in buffers.values():
            if buffer is not None:
                self._buffers.append((buffer, buffer.detach().clone()))

    def keep(self, tensor: Tensor) -> None:
        """Copies a tensor that comes from outside and is about to be overwritten."""
        if id(tensor) not in self._kept:
            self._kept[id(tensor)] = (tensor, tensor.detach().clone(), tensor.grad_fn is None)

    def keep_gradients(self, tensors: Iterable[Tensor]) -> None:
        """Copies `.grad` of these leaves, which a backward pass is about to change."""
        for tensor in tensors:
            if id(tensor) not in self._gradients and tensor.is_leaf:
                grad = tensor.grad
                copy = None if grad is None else grad.detach().clone()
                self._gradients[id(tensor)] = (tensor, grad, copy)

    def overwritten(self, tensor: Tensor) -> bool:
        """Whether putting back will change this tensor, because it shares memory with a kept one."""
        return bool(self._kept) and any(shares_memory(tensor, kept) for kept, _, _ in self._kept.values())

    def restore(self) -> None:
        """Puts everything back."""
        torch.set_rng_state(self._torch_rng)
        if self._cuda_rng:
            torch.cuda.set_rng_state_all(self._cuda_rng)
        random.setstate(self._python_rng)
        np.random.set_state(self._numpy_rng)
        torch.set_grad_enabled(self._grad_mode)
        if torch.get_default_dtype() != self._dtype:
            torch.set_default_dtype(self._dtype)
        for module, training, parameters, buffers in self._modules.values():
            if module.training is not training:
                module.training = training
            for registered, before in ((module._parameters, parameters), (module._buffers, buffers)):
                if isinstance(registered, dict) and _differ(registered, before):
                    registered.clear()
                    registered.update(before)
        with torch.no_grad():
            for buffer, saved in self._buffers:
                if buffer.shape != saved.shape or not torch.equal(buffer, saved):
                    # Through `.data`: a backward pass may still need this buffer, whose version
                    # must not look changed by us.
                    buffer.data.copy_(saved)
            for tensor, saved, was_leaf in self._kept.values():
                _put_back(tensor, saved, was_leaf)
            for tensor, grad, copy in self._gradients.values():
                if grad is not None and copy is not None:
                    grad.copy_(copy)
                tensor.grad = grad


def _differ(now: dict[str, Any], before: dict[str, Any]) -> bool:
    return now.keys() != before.keys() or any(now[name] is not value for name, value in before.items())


def _put_back(tensor: Tensor, saved: Tensor, was_leaf: bool) -> None:
    if was_leaf and tensor.grad_fn is not None and not tensor._is_view():
        tensor.detach_()
    if tensor.shape != saved.shape:
        tensor.data = saved
    else:
        tensor.copy_(saved)


def memory(tensor: Tensor) -> int:
    """The address of a tensor's storage; 0 where it has none."""
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError, ValueError):  # sparse, a transform's wrapper, or lazy
        return 0


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
