"""Boxes that follow one another and are alike: a picture opens the first and counts the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sumskip.seeing.drawing.parts import Badge
from sumskip.seeing.drawing.skips import Tensor
from sumskip.seeing.graph import Edge, Node


@dataclass
class Repeats:
    """`first` gives for each box of a row the first of the row; `filled` the row that is all of a box.

    A row is a chain: each box reads what the one before it has made.
    """

    first: dict[str, str] = field(default_factory=dict)
    filled: dict[str, tuple[int, str]] = field(default_factory=dict)  # how many, and of which class

    def again(self, name: str) -> bool:
        """Whether a box is the same as one before it."""
        return self.first.get(name, name) != name


def repeats(
    nodes: Sequence[Node],
    into: Mapping[str, list[Edge]],
    classes: Mapping[str, str],
    badges: Mapping[str, Sequence[Badge]],
    deepest: int,
) -> Repeats:
    """The rows among the boxes of `nodes`, which are in the order in which they ran."""
    found = Repeats()
    looks = _Looks(into, classes, badges)
    boxes = [node for node in nodes if node.kind not in ("input", "output")]
    for level in range(min(deepest, max((len(node.path) for node in boxes), default=0))):
        _one_level(level, boxes, looks, found)
    return found


def _one_level(level: int, nodes: Sequence[Node], looks: _Looks, found: Repeats) -> None:
    parts: list[tuple[tuple[str, ...], list[Node]]] = []  # what runs one after the other, on this level
    for node in nodes:
        path = node.path[: level + 1]
        if parts and len(path) > level and parts[-1][0] == path:
            parts[-1][1].append(node)
        else:
            parts.append((path, [node]))
    rows: dict[tuple[str, ...], list[list[str]]] = defaultdict(list)
    before: tuple[tuple[str, ...], list[Node], object] = ((), [], None)
    for path, inside in parts:
        around = path[:level]
        if len(path) <= level:
            rows[around].append([])
            before = ((), [], None)
            continue
        own = looks.of(path[level], inside)
        if before[2] == own and before[0][:level] == around and looks.follows(before[1], inside):
            rows[around][-1].append(path[level])
        else:
            rows[around].append([path[level]])
        before = (path, inside, own)
    for around, all_rows in rows.items():
        for row in all_rows:
            found.first.update((name, row[0]) for name in row[1:])
        if around and len(all_rows) == 1 and len(all_rows[0]) > 1:
            found.filled[around[-1]] = len(all_rows[0]), looks.classes.get(all_rows[0][0], "")


@dataclass(frozen=True)
class _Looks:
    """What boxes look like, by the edges into their nodes, the classes of boxes and the nodes' badges."""

    into: Mapping[str, list[Edge]]
    classes: Mapping[str, str]
    badges: Mapping[str, Sequence[Badge]]

    def of(self, name: str, nodes: Sequence[Node]) -> tuple[object, ...]:
        """All that two boxes must share to be counted together: classes, shapes, marks and wires."""
        place = {node.id: n for n, node in enumerate(nodes)}
        entering: dict[Tensor, int] = {}
        looks: list[object] = [self.classes.get(name, "")]
        own = name.split("#")[0]
        for node in nodes:
            wires = [
                (
                    place.get(edge.source),
                    edge.output
                    if edge.source in place
                    else entering.setdefault(_tensor(edge), len(entering)),
                    *(edge.argument, edge.dashed, edge.shape),
                )
                for edge in self.into.get(node.id, [])
            ]
            inner = tuple(
                (part.split("#")[0].removeprefix(own), self.classes.get(part, "")) for part in node.path
            )
            inner = inner[next(n for n, part in enumerate(node.path) if part == name) :]
            label = node.label.removeprefix(f"{own}.")
            beside = tuple(
                (badge.kind, badge.marks, badge.stretched) for badge in self.badges.get(node.id, ())
            )
            kind = node.type_name.split("(")[0]
            looks.append((node.kind, label, kind, node.shape, node.marks, inner, tuple(wires), beside))
        return tuple(looks)

    def follows(self, before: Sequence[Node], nodes: Sequence[Node]) -> bool:
        """Whether one box reads what another has made."""
        made = {node.id for node in before}
        return any(edge.source in made for node in nodes for edge in self.into.get(node.id, []))


def _tensor(edge: Edge) -> Tensor:
    return edge.source, edge.output
