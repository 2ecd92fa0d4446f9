"""What autograd hands back along every operand of every operator, found without the tracer.

Each tensor that goes into an operator, or into a layer of torch.nn, is looked through: `x.view_as(x)`, whose
`.grad` is what this one use of `x` gets back. An operator that writes into its operand must have that itself;
there a hook tells, which is the same wherever nothing else has used it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooks
from torch.overrides import TorchFunctionMode


@dataclass(eq=False)
class Operand:
    """One use of a tensor; `source` tells uses of the same tensor by the same operator."""

    call: int
    source: int
    alias: Tensor | None  # None where it was written into
    handed: list[Tensor] = field(default_factory=list)

    @property
    def gradient(self) -> Tensor | None:
        return self.alias.grad if self.alias is not None else sum(self.handed) if self.handed else None


class _Looking(TorchFunctionMode):
    def __init__(self, is_leaf: Callable[[nn.Module], bool]) -> None:
        super().__init__()
        self.operands: list[Operand] = []
        self._is_leaf = is_leaf
        self._inside = self._calls = 0
        self._sources: list[Tensor] = []  # kept, so that no other gets the same id

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self._inside:
            return func(*args, **kwargs)
        before, name = len(self.operands), func.__name__
        self._calls += 1
        self._inside += 1
        try:
            writes = name in ("__iadd__", "__setitem__") or (name.endswith("_") and not name.endswith("__"))
            first = [self._written(args[0])] if writes else []
            result = func(*first, *self._through(args[len(first) :]), **self._through(kwargs))
        finally:
            self._inside -= 1
        if not any(True for _ in tensors(result)):
            del self.operands[before:]  # `x.shape`
        return result

    def enter(self, module: nn.Module, given: tuple[Any, ...]) -> Any:
        if not self._is_leaf(module):
            return None
        self._inside += 1
        if self._inside > 1:
            return None
        self._calls += 1
        if getattr(module, "inplace", False):
            self._written(given[0])
            return None
        return self._through(given)

    def leave(self, module: nn.Module, given: Any, result: Any) -> None:
        self._inside -= self._is_leaf(module)

    def _through(self, value: Any) -> Any:
        if isinstance(value, Tensor) and value.requires_grad and torch.is_grad_enabled():
            alias = value.view_as(value)
            alias.retain_grad()
            self._add(Operand(self._calls, id(value), alias), value)
            return alias
        if type(value) in (tuple, list):
            return type(value)(map(self._through, value))
        return {key: self._through(one) for key, one in value.items()} if type(value) is dict else value

    def _written(self, value: Tensor) -> Tensor:
        if value.requires_grad and torch.is_grad_enabled():
            operand = Operand(self._calls, id(value), None)
            value.register_hook(operand.handed.append)
            self._add(operand, value)
        return value

    def _add(self, operand: Operand, source: Tensor) -> None:
        self.operands.append(operand)
        self._sources.append(source)


def tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in what a model returned."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict | tuple | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from tensors(part)
    elif hasattr(value, "__dict__"):
        yield from tensors(vars(value))


def operands_of(
    model: Callable[..., Any], inputs: tuple[Any, ...], is_leaf: Callable[[nn.Module], bool]
) -> list[Operand]:
    """Every use of a tensor that gradients are asked of, in the order of the forward pass, after a backward
    pass from the sum of the outputs. Raises RuntimeError where that fails."""
    looking = _Looking(is_leaf)
    handles = [
        hooks.register_module_forward_pre_hook(looking.enter),
        hooks.register_module_forward_hook(looking.leave, always_call=True),
    ]
    try:
        with looking:
            output = model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    sum(one.sum() for one in tensors(output) if one.requires_grad).backward()
    return looking.operands
