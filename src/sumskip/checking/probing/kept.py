"""How a model keeps its weights: registered or not, and those that it computes, from what.

What is registered stands in the modules' own tables. `parameters()`, which an answer may replace, can
only take from that: what it leaves out, no optimiser would get.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn

from sumskip.checking.core import LOOSE, Array, Case
from sumskip.checking.probing.plainly import (
    buffers,
    is_a,
    is_tensor,
    leaves,
    modules,
    numbers_of,
    parameters,
    read,
    reassigned,
    size,
    table,
    type_name,
)
from sumskip.checking.probing.prepare import Stopped, plain, stage
from sumskip.seeded import numbers

COMPUTED = "computed"  # how a weight is kept that each pass computes from registered parameters alone
MISSING = object()

_MOST_LEAVES = 32  # that are tried one by one, a forward pass each; weight normalisation has two a weight
_DEPTH = 2  # of lists in lists
_FOLLOWS = 1e-4  # of its size: so much a weight changes at least that follows what it is computed from


class Register:
    """What a model has registered at this moment. `problem` says what stopped `parameters()`, if anything."""

    def __init__(self, model: nn.Module) -> None:
        listed = set[int]()
        self.problem: dict[str, Any] | None = None
        try:
            with stage("parameters", model):
                listed = {id(parameter) for parameter in model.parameters()}
        except Stopped as stop:  # which costs what must be listed, and no more
            self.problem = {**stop.problem, "unhashable": type(model).__hash__ is None}
        self.parameters = [p for p in parameters(model).values() if id(p) in listed]
        self._kinds = {id(b): "buffer" for b in buffers(model).values()}
        self._kinds |= {id(p): "parameter" for p in self.parameters}

    def kind(self, tensor: Tensor) -> str:
        """How this very tensor is kept: as a "parameter", a "buffer" or a "tensor"."""
        return self._kinds.get(id(tensor), "tensor")

    def computed(self, weight: Tensor) -> str:
        """How a computed weight is kept: all that its gradient reaches is registered, or it is loose.

        A few numbers cannot make up a weight of many, such as one factor beside a constant kernel.
        """
        sources = leaves(weight)
        listed = all(self.kind(source) == "parameter" for source in sources)
        return COMPUTED if listed and sum(map(size, sources)) >= size(weight) else LOOSE


def loose_layers(model: nn.Module) -> Iterator[tuple[str, str, nn.Module]]:
    """The layers in plain containers, which hide them: each with its dotted name and the container's type."""
    for prefix, module in modules(model):
        for name, value in table(module, "__dict__").items():
            if not name.startswith("_"):
                for place, layer in _inside(value, prefix + name):
                    yield place, type_name(value), layer


def _inside(value: Any, name: str, depth: int = 0) -> Iterator[tuple[str, nn.Module]]:
    items = dict.items(value) if is_a(value, dict) else enumerate(value) if is_a(value, list, tuple) else ()
    for key, item in items:
        if is_a(item, nn.Module):
            yield f"{name}.{key}", item
        elif depth < _DEPTH:
            yield from _inside(item, f"{name}.{key}", depth + 1)


def hidden(model: nn.Module, used: Iterable[Tensor]) -> str:
    """In which kind of plain container the layers stand whose weights, of those `used`, are not registered.

    Empty where all are registered, or some are held in another way.
    """
    registered = {id(tensor) for tensor in (parameters(model) | buffers(model)).values()}
    loose = {id(tensor) for tensor in used} - registered
    container: dict[int, str] = {}
    for _, kind, layer in loose_layers(model) if loose else ():
        container |= {id(tensor): kind for tensor in (parameters(layer) | buffers(layer)).values()}
    return next((container[one] for one in loose), "") if container.keys() >= loose else ""


def shaken(case: Case, which: str, values: Array) -> Array:
    """Other values near `values`, by noise that is the case's and `which` one's."""
    noise = numbers(case.seed, which, values.shape)
    return values * (1 + 0.3 * noise) + 0.1 * noise


def followed(
    case: Case, weights: Mapping[str, Tensor], again: Callable[[], Mapping[str, Tensor]]
) -> set[str]:
    """The computed weights that follow what they are computed from, and not in their gradients alone.

    Each leaf is changed by itself. Those that change a weight must have as many numbers as it has: a
    constant kernel does not learn because a factor beside it does.

    Args:
        case: where the change comes from.
        weights: computed weights by role.
        again: the same ones in a new forward pass.
    """
    sources = {id(leaf): leaf for weight in weights.values() for leaf in leaves(weight)}
    before = {role: numbers_of(weight) for role, weight in weights.items()}
    counts = dict.fromkeys(weights, 0)
    for leaf in list(sources.values())[:_MOST_LEAVES]:
        with reassigned(leaf, shaken(case, "followed", numbers_of(leaf))):
            # Read at once: weights may be views of the leaf.
            after = {role: numbers_of(weight) for role, weight in again().items()}
        for role, values in before.items():
            if role in after and _apart(values, after[role]):
                counts[role] += size(leaf)
    return {role for role, count in counts.items() if count >= before[role].size}


def _apart(one: Array, other: Array) -> bool:
    if one.shape != other.shape:
        return True
    return bool(np.abs(one - other).max(initial=0.0) > _FOLLOWS * np.abs(one).max(initial=0.0))


def find_alpha(model: nn.Module) -> Any:
    """`model.alpha`, from the module's own tables where it stands there; `MISSING` where there is none."""
    for kind in ("_parameters", "_buffers", "__dict__"):
        held = table(model, kind)
        if "alpha" in held:
            return held["alpha"]
    try:
        return getattr(model, "alpha", MISSING)
    except Exception:  # a property that raises is as good as none
        return MISSING


def how_alpha_is_kept(model: nn.Module) -> dict[str, Any]:
    """As what `model.alpha` is kept, and its value; of a tensor also its size, and which one it is."""
    alpha = find_alpha(model)
    if alpha is MISSING:
        return {"kept": "missing"}
    if not is_tensor(alpha):
        number = is_a(alpha, int, float) and not is_a(alpha, bool)
        return {"kept": "number" if number else type_name(alpha), "value": plain(alpha)}
    values = numbers_of(alpha)
    return {
        "kept": Register(model).kind(alpha),
        "size": values.size,
        "value": plain(values.item()) if values.size == 1 else None,
        "frozen": not read(alpha, "requires_grad"),
        "id": id(alpha),
    }
