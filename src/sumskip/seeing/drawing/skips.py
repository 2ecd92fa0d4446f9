"""Skip connections inside a closed box, told by the wires alone, whatever its class is called."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sumskip.seeing.graph import Edge, Node

Tensor = tuple[str, int]  # the node that made it, and which of its results it is
MOST_SUMS, FARTHEST = 100, 300  # sums of a box that are looked at, and tensors behind each


def skips(nodes: Collection[Node], into: Mapping[str, list[Edge]]) -> tuple[bool, ...]:
    """One for each sum among `nodes` that one tensor reaches on two ways, a short one and a long one.

    True where something lies on the short way, too, such as a projection. `into` are the edges by target.
    """
    inside = {node.id for node in nodes}
    found = []
    for node in [node for node in nodes if node.kind == "op" and node.label == "+"][:MOST_SUMS]:
        operands = [(edge.source, edge.output) for edge in into.get(node.id, []) if not edge.dashed]
        if len(operands) != 2:
            continue
        one, other = (_behind(tensor, inside, into) for tensor in operands)
        ways = [sorted((one[tensor], other[tensor])) for tensor in one if tensor in other]
        short, long = min(ways, key=sum, default=(0, 0))
        if short < long:
            found.append(short > 0)
    return tuple(found)


def _behind(start: Tensor, inside: set[str], into: Mapping[str, list[Edge]]) -> dict[Tensor, int]:
    """Every tensor that `start` is made from, and how many operators lie between, as far as the box goes."""
    steps = {start: 0}
    waiting = [start]
    for tensor in waiting:
        if tensor[0] in inside and len(waiting) < FARTHEST:
            for edge in into.get(tensor[0], []):
                before = edge.source, edge.output
                if before not in steps:
                    steps[before] = steps[tensor] + 1
                    waiting.append(before)
    return steps
