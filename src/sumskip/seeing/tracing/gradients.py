"""The gradient that flows back along every edge, as autograd itself computes it.

Each operator left some nodes in autograd's graph, told by the numbers that it gives them. Where one of
them hands a gradient to the place that an operand came from, that is what flows back along the edge.
Nothing is added to the graph: hooks read the numbers while one backward pass runs, and are removed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations, islice
from typing import Any

import torch
from torch import Tensor

from sumskip.seeing.tracing import TraceError
from sumskip.seeing.tracing.recorder import Recorder
from sumskip.seeing.tracing.steps import Operand, Step

_MOST_PRODUCTS = 1000  # of one tensor; where 45 operators and more share it, a box may not know its gradient


@dataclass(frozen=True)
class Flow:
    """Gradients by edge and by node: a number itself where there is one number, otherwise the norm.

    `products` are those of the gradients of two edges that carry the same tensor.
    """

    edges: dict[Operand, float] = field(default_factory=dict)
    nodes: dict[Step, float] = field(default_factory=dict)
    products: dict[tuple[Operand, Operand], float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def flow(recorder: Recorder, returned: list[tuple[Operand, Tensor]], cotangent: bool | Tensor) -> Flow:
    """Runs a backward pass from what the model returned and reads what flows where.

    `cotangent` is the gradient to start from, in the shape of the one output, or True for ones: the
    gradient of the sum. Raises `TraceError` where there is no gradient to ask for.
    """
    starts = [
        (operand, tensor) for operand, tensor in returned if tensor.requires_grad and not operand.dashed
    ]
    _check(starts, returned, cotangent)
    outputs = [tensor for _, tensor in starts]
    seeds = [torch.ones_like(t) if isinstance(cotangent, bool) else cotangent.to(t.dtype) for t in outputs]
    leaves = _leaves(outputs)
    flowed: dict[Operand, Tensor] = {}
    arrived: dict[Step, Tensor] = {}
    handles = list(_hooks(recorder.ledger.steps, flowed, arrived))
    try:
        found = torch.autograd.grad(outputs, leaves, seeds, retain_graph=True, allow_unused=True)
    except RuntimeError as error:
        return Flow(notes=(_failed(error, recorder),))
    finally:
        for handle in handles:
            handle.remove()
    totals = {id(leaf): grad for leaf, grad in zip(leaves, found, strict=True) if grad is not None}
    for tensor, step in recorder.ledger.held():
        if step.kind in ("input", "parameter", "buffer", "constant") and id(tensor) in totals:
            arrived[step] = totals[id(tensor)]
    for (operand, _), seed in zip(starts, seeds, strict=True):
        flowed[operand] = seed
    return Flow(_amounts(flowed), _amounts(arrived), dict(_products(flowed)))


def _check(starts: list[Any], returned: list[tuple[Operand, Tensor]], cotangent: bool | Tensor) -> None:
    if not starts:
        raise TraceError(
            "expected an output that requires a gradient, but none does: "
            "call trace outside torch.no_grad(), on a model with parameters that train"
        )
    if isinstance(cotangent, Tensor) and (len(returned) != 1 or cotangent.shape != returned[0][1].shape):
        shapes = ", ".join(str(tuple(tensor.shape)) for _, tensor in returned)
        raise TraceError(
            f"expected gradients=True or a tensor of the output's shape {shapes}, "
            f"but one of shape {tuple(cotangent.shape)} came"
        )


def _leaves(outputs: list[Tensor]) -> list[Tensor]:
    """All tensors that autograd would give a `.grad`."""
    found = {id(tensor): tensor for tensor in outputs if tensor.is_leaf}
    waiting = [tensor.grad_fn for tensor in outputs if tensor.grad_fn is not None]
    met = set(waiting)
    while waiting:
        node = waiting.pop()
        if hasattr(node, "variable"):
            found[id(node.variable)] = node.variable
        for following, _ in node.next_functions:
            if following is not None and following not in met:
                met.add(following)
                waiting.append(following)
    return list(found.values())


def _hooks(
    steps: Iterable[Step], flowed: dict[Operand, Tensor], arrived: dict[Step, Tensor]
) -> Iterable[Any]:
    for step in steps:
        places: dict[Any, list[Operand]] = {}
        for operand in step.operands:
            if operand.flows is not None:
                places.setdefault(operand.flows, []).append(operand)
        for node in _own(step):
            slots = [tuple(following) for following in node.next_functions]
            if any(slot in places for slot in slots):
                yield node.register_hook(_leaving(slots, places, flowed))
        ends = [end for end in step.ends if end is not None]
        if len(step.ends) == 1 and ends and not hasattr(ends[0][0], "variable"):
            yield ends[0][0].register_prehook(_arriving(step, ends[0][1], arrived))


def _own(step: Step) -> list[Any]:
    """The nodes that autograd made while a step ran."""
    first, last = step.span
    waiting = list({end[0] for end in step.ends if end is not None})
    found: list[Any] = []
    met = set(waiting)
    while waiting:
        node = waiting.pop()
        if not first <= node._sequence_nr() < last:
            continue
        found.append(node)
        for following, _ in node.next_functions:
            if following is not None and following not in met:
                met.add(following)
                waiting.append(following)
    return found


def _leaving(
    slots: list[Any], places: dict[Any, list[Operand]], flowed: dict[Operand, Tensor]
) -> Callable[..., None]:
    def hook(gradients: tuple[Tensor | None, ...], _: Any) -> None:
        turns: dict[Any, int] = {}
        for slot, gradient in zip(slots, gradients, strict=False):
            if slot in places:
                operands = places[slot]
                turn = turns[slot] = turns.get(slot, -1) + 1
                if gradient is not None:  # `o + o`: one after the other
                    _add(flowed, operands[min(turn, len(operands) - 1)], gradient)

    return hook


def _arriving(step: Step, output: int, arrived: dict[Step, Tensor]) -> Callable[..., None]:
    def hook(gradients: tuple[Tensor | None, ...]) -> None:
        if gradients[output] is not None:
            _add(arrived, step, gradients[output])

    return hook


def _add(sums: dict[Any, Tensor], key: Any, gradient: Tensor | None) -> None:
    if gradient is not None:
        sums[key] = gradient.detach() if key not in sums else sums[key] + gradient.detach()


def _amounts(tensors: dict[Any, Tensor]) -> dict[Any, float]:
    return {
        key: float(tensor) if tensor.numel() == 1 else float(torch.linalg.vector_norm(tensor))
        for key, tensor in tensors.items()
    }


def _products(flowed: dict[Operand, Tensor]) -> Iterator[tuple[tuple[Operand, Operand], float]]:
    """The inner products of gradients that flow back to one tensor; of single numbers, sums say it all."""
    carried: dict[tuple[Step, int], list[Operand]] = {}
    for operand, gradient in flowed.items():
        if gradient.numel() > 1:
            carried.setdefault((operand.source, operand.output), []).append(operand)
    for operands in carried.values():
        for a, b in islice(combinations(operands, 2), _MOST_PRODUCTS):
            if flowed[a].shape == flowed[b].shape:
                yield (a, b), float((flowed[a].conj() * flowed[b]).sum(dtype=_wide(flowed[a])).real)


def _wide(tensor: Tensor) -> torch.dtype:
    return torch.promote_types(tensor.dtype, torch.float64)


def _failed(error: RuntimeError, recorder: Recorder) -> str:
    said = re.split(r"[;.:] ", str(error).splitlines()[0])[0]
    writers = [step.name or step.label for step in recorder.ledger.steps if step.wrote]
    return f"The backward pass failed: {said}." + (
        f" {', '.join(writers)} overwrote a tensor." if writers else ""
    )
