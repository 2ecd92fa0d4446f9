"""What happened in a forward pass, one `Step` at a time, and how to read the arguments of a call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from sumskip.seeing.graph import NodeKind, Shape
from sumskip.seeing.tracing.operators import Operator
from sumskip.seeing.tracing.source import Location

NOT_INSIDE = "not looked inside"
OVERWRITES = "overwrites"
STOPS = "gradient stops here"
UNKNOWN = "origin not seen"
INCOMPLETE = "inputs may be missing"
ANEW = "made anew in every call"
NOW = "made in this call"
IN_PYTHON = "computed in Python"
HELD = object()  # where a tensor was among the arguments of a finished step
NUMBERS = (int, float, complex, np.number)
Settings = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(slots=True, eq=False)
class Operand:
    """One tensor or number that went into a step: result `output` of the step `source`."""

    source: Step
    output: int = 0
    shape: Shape | None = None
    dashed: bool = False
    argument: int = 0
    grad: bool = False  # whether a gradient is asked of it
    flows: Any = None  # the place in autograd's graph where its gradient arrives


@dataclass(slots=True, eq=False)
class Step:
    """One thing that happened, or one tensor that was there from the start."""

    kind: NodeKind
    label: str
    operands: list[Operand] = field(default_factory=list)
    results: list[Shape] = field(default_factory=list)
    path: tuple[str, ...] = ()
    location: Location | None = None
    named: bool = True  # its result goes straight to the learner's line, so a variable there is its own
    direct: bool = True  # the learner's line itself calls it, so what stands there are its operands
    marks: list[str] = field(default_factory=list)
    value: float | None = None
    variable: str | None = None
    names: tuple[str, ...] = ()  # of several results, where the learner's line tells them apart
    dtype: str = ""  # of the first result
    operator: Operator | None = None
    module: nn.Module | None = None
    settings: Settings = ((), {})
    order: int = 0
    span: tuple[int, int] = (0, 0)  # the numbers of the autograd nodes made while it ran
    ends: list[Any] = field(default_factory=list)  # where the gradients of its results arrive
    failed: bool = False
    wrote: bool = False  # into what went in

    @property
    def name(self) -> str | None:
        """The learner's own name for the result."""
        if self.variable is not None or self.location is None or not self.named:
            return self.variable
        if isinstance(self.location.target, tuple) and len(self.results) == 1:  # `a, b = x`: x is neither
            return self.names[0] if self.names else None
        return self.location.variable

    def mark_once(self, mark: str) -> None:
        if mark not in self.marks:
            self.marks.append(mark)

    def name_of(self, output: int) -> str | None:
        """The learner's own name for one of the results."""
        return (self.names[output] or None) if output < len(self.names) else self.name


@dataclass(slots=True, eq=False)
class Box:
    """A container that is running: its name in `path`, and whether its code is torch's own."""

    label: str
    module: nn.Module
    foreign: bool
    location: Location | None
    inputs: Settings = ((), {})


def is_leaf(module: nn.Module) -> bool:
    """Whether a module is one node: its forward is torch's own, and no mere chain of other modules."""
    if isinstance(module, torch.jit.ScriptModule):
        return True
    if "forward" in module.__dict__ and not is_torch(type(module)):
        return False
    return is_torch(type(module).forward) and not is_chain(module) and not is_unimplemented(module)


def is_chain(module: nn.Module) -> bool:
    """Whether torch's own forward does nothing but call other modules, and add what they give back.

    Without gradients and in evaluation, torch runs some of these as one fused operator, whose last digits
    differ from those of its parts: what ran then is one thing, and is shown as one.
    """
    if isinstance(module, _FUSED):
        return module.training or (
            torch.is_grad_enabled() and any(p.requires_grad for p in module.parameters())
        )
    return isinstance(module, _CHAINS)


_FUSED = (nn.TransformerEncoderLayer, nn.TransformerEncoder)
_CHAINS = (
    *(nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.DataParallel, AveragedModel),
    *(nn.Transformer, nn.TransformerDecoder, nn.TransformerDecoderLayer),
)


def is_region(module: nn.Module) -> bool:
    """Whether a leaf does more than one thing, which is not shown."""
    return isinstance(module, nn.RNNBase | nn.RNNCellBase | torch.jit.ScriptModule) or bool(module._modules)


def is_unimplemented(module: nn.Module) -> bool:
    unimplemented = getattr(type(module).forward, "__name__", "") == "_forward_unimplemented"
    return unimplemented and "forward" not in module.__dict__


def is_torch(thing: Any) -> bool:
    return str(getattr(thing, "__module__", None) or type(thing).__module__).split(".")[0] == "torch"


def values_of(operator: Operator, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The tensors and numbers that a function works on, in the order in which they are read."""
    found: list[Any] = []
    for position, value in enumerate(args):
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += tensors_in(value)
        elif (
            operator.numeric
            and isinstance(value, NUMBERS)
            and (position == len(args) - 1 or not operator.indexes)
        ):
            found.append(value)
    if kwargs:
        found += (value for name, value in kwargs.items() if name != "out" for value in tensors_in(value))
    if operator.reflected:
        found[:2] = found[1::-1]
    return found


def without_tensors(value: Any) -> Any:
    """The same structure, with a word in place of each tensor, which can then be freed."""
    if isinstance(value, Tensor):
        return HELD
    if isinstance(value, list | tuple):
        return tuple(map(without_tensors, value))
    return {name: without_tensors(part) for name, part in value.items()} if type(value) is dict else value


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in nested tuples, lists and dicts, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from tensors_in(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from tensors_in(part)


def shape_of(tensor: Tensor) -> Shape:
    """The sizes of a tensor; −1 for one that differs from row to row, as in a nested tensor."""
    if not tensor.is_nested:
        return tuple(tensor.shape)
    rows = {tuple(row.shape) for row in tensor.unbind()}
    sizes = ({row[place] for row in rows} for place in range(tensor.dim() - 1))
    return (tensor.size(0), *(found.pop() if len(found) == 1 else -1 for found in sizes))


def place_of(tensor: Tensor) -> tuple[Any, int]:
    """Where in autograd's graph the gradient of a tensor that requires one arrives."""
    edge = torch.autograd.graph.get_gradient_edge(tensor)
    return edge.node, edge.output_nr


def version(tensor: Tensor) -> int:
    """How often a tensor was overwritten, as far as torch counts."""
    try:
        return tensor._version
    except RuntimeError:  # made in inference mode
        return 0


def sequence() -> int:
    """The number that the next autograd node of this thread will get."""
    return int(torch._C._autograd._get_sequence_nr())


def scalar(tensor: Tensor) -> float | None:
    """The value of a tensor with a single real number."""
    if tensor.numel() != 1 or tensor.is_meta or tensor.is_complex():
        return None
    try:
        return float(tensor.detach())
    except RuntimeError:  # inside a transform there is no one value
        return None


def number_in(tensor: Tensor) -> float | None:
    """The number that a tensor of no dimensions holds; None of any other, and of a truth value."""
    return scalar(tensor) if tensor.dim() == 0 and tensor.dtype != torch.bool else None


def as_float(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float | np.number) else None


def written_out(value: Any) -> str:
    plain = isinstance(value, int | float | np.number) and not isinstance(
        value, bool | complex | np.complexfloating
    )
    return f"{value:g}" if plain else str(value)
