"""Which tensor does which job: weights are found by use, never by the learner's names.

A *role* is an operator and its argument slot, in the order of data flow: `conv2d#1.weight`,
`batch_norm#2.running_mean`. One watched forward pass names them all, whatever the attributes are
called, in whatever order they were made, and whether they live in modules or in plain lists.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby, permutations, product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

MAX_PERMUTATIONS = 24

# The operators that hold weights, and the names of their positional arguments. torch.batch_norm and
# F.batch_norm order theirs differently.
_CONV = ("input", "weight", "bias")
_SLOTS: dict[Any, tuple[str, tuple[str, ...]]] = {
    torch.conv2d: ("conv2d", _CONV),
    torch.conv1d: ("conv1d", _CONV),
    F.linear: ("linear", _CONV),
    F.batch_norm: ("batch_norm", ("input", "running_mean", "running_var", "weight", "bias")),
    torch.batch_norm: ("batch_norm", ("input", "weight", "bias", "running_mean", "running_var")),
    F.group_norm: ("group_norm", ("input", "num_groups", "weight", "bias")),
    F.instance_norm: ("instance_norm", ("input", "running_mean", "running_var", "weight", "bias")),
    F.layer_norm: ("layer_norm", ("input", "normalized_shape", "weight", "bias")),
    F.prelu: ("prelu", ("input", "weight")),
    torch.prelu: ("prelu", ("input", "weight")),
}
_HELD = ("weight", "bias", "running_mean", "running_var")


def _tensors(value: Any, depth: int = 0) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)) and depth < 4:
        for item in value:
            yield from _tensors(item, depth + 1)
    elif isinstance(value, dict) and depth < 4:
        yield from _tensors(list(value.values()), depth + 1)


@dataclass
class Use:
    """One call of an operator that holds weights: which tensors it held, and what fed it."""

    op: str
    held: dict[str, Tensor]
    upstream: frozenset[int]  # indices of the uses whose results reach this one

    @property
    def shapes(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """The shapes that tell uses apart; a bias is optional and so tells nothing."""
        return tuple(sorted((slot, tuple(t.shape)) for slot, t in self.held.items() if slot == "weight"))


@dataclass
class Watch(TorchFunctionMode):
    """Records the uses of weights during a forward pass, and how data flows between them."""

    uses: list[Use] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        # Tensors are held as long as the watch lives: the id of a freed one would be given again.
        self._origin: dict[int, tuple[Tensor, frozenset[int]]] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        upstream = frozenset[int]()
        for tensor in _tensors([args, kwargs]):
            known = self._origin.get(id(tensor))
            upstream |= known[1] if known else frozenset()
        result = func(*args, **kwargs)
        known_op = _SLOTS.get(func)
        if known_op is not None:
            op, names = known_op
            bound = {**dict(zip(names, args, strict=False)), **kwargs}
            held = {slot: bound[slot] for slot in _HELD if isinstance(bound.get(slot), Tensor)}
            upstream |= {len(self.uses)}
            self.uses.append(Use(op, held, upstream - {len(self.uses)}))
        for tensor in _tensors(result):
            self._origin[id(tensor)] = (tensor, upstream)
        return result


@dataclass(frozen=True)
class Roles:
    """The tensors of one watched forward pass by role, and how many orders they may stand in."""

    held: dict[str, Tensor]
    orders: int


def name_roles(uses: list[Use], permutation: int = 0) -> Roles:
    """Number the uses of each operator in the order of data flow.

    Uses that neither data flow nor shapes tell apart stand in an order that means nothing;
    `permutation` picks one of the `orders` such orders (at most `MAX_PERMUTATIONS`).
    """
    signatures: dict[int, tuple[int, str]] = {}

    def signature(index: int) -> tuple[int, str]:
        """How much stands upstream, and a digest of what: nested texts would double with each layer."""
        if index not in signatures:
            use = uses[index]
            above = sorted(signature(i) for i in use.upstream)
            digest = hashlib.sha256(repr((use.op, use.shapes, above)).encode()).hexdigest()
            signatures[index] = (len(use.upstream), digest)
        return signatures[index]

    # A module used twice holds the same tensors: one use speaks for both.
    first_use: dict[tuple[int, ...], int] = {}
    for index, use in enumerate(uses):
        first_use.setdefault(tuple(id(t) for t in use.held.values()) or (-index - 1,), index)
    ordered = sorted(first_use.values(), key=lambda i: (signature(i), i))
    groups = [list(group) for _, group in groupby(ordered, key=signature)]
    orders = min(MAX_PERMUTATIONS, math.prod(math.factorial(len(group)) for group in groups))
    choices = product(*(permutations(group) for group in groups))
    chosen = next(choice for k, choice in enumerate(choices) if k == permutation % orders)
    held: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    for index in (i for group in chosen for i in group):
        use = uses[index]
        counts[use.op] = counts.get(use.op, 0) + 1
        for slot, tensor in use.held.items():
            held[f"{use.op}#{counts[use.op]}.{slot}"] = tensor
    return Roles(held, orders)
