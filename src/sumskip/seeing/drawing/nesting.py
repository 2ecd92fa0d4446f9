"""Containers: which box each node is in, and the wires that lead into boxes and out of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from sumskip.seeing.drawing.parts import (
    Badge,
    Item,
    Link,
    Look,
    Sheet,
    carried,
    number_text,
    shape_text,
    stretches,
)
from sumskip.seeing.drawing.skips import skips
from sumskip.seeing.graph import Edge, Node
from sumskip.text import clean

MOST_NODES = 60  # in one drawing


@dataclass(frozen=True)
class Home:
    """Where a node is: in `opened` boxes, outermost first, and maybe hidden in a `closed` one."""

    opened: tuple[str, ...] = ()
    closed: str | None = None


def homes_of(
    nodes: list[Node], open: Collection[str], deepest: int, first: Mapping[str, str]
) -> dict[str, Home]:
    """The boxes around each node, by ids that end in the container's name.

    `open` are the names of those whose inside is drawn, at most `deepest` within one another. `first` gives
    the first of boxes that are the same: those of them that follow one another closed are one.

    A module that is called twice is two boxes: nodes belong to one call as long as they follow each
    other in the order in which they ran. That order also keeps wires between boxes from going round.
    """
    homes: dict[str, Home] = {}
    last_path: tuple[str, ...] = ()
    last_boxes: tuple[str, ...] = ()
    last_depth = 0
    for node in nodes:
        path = () if node.kind in ("input", "output") else node.path
        depth = next((n for n, name in enumerate(path) if n >= deepest or name not in open), len(path))
        path = path[: depth + 1]
        same = 0
        while same < min(len(path), len(last_path)) and path[same] == last_path[same]:
            same += 1
        fresh = tuple(f"box{len(homes)}/{level}/{name}" for level, name in enumerate(path[same:], same))
        both_closed = len(path) == len(last_path) == same + 1 and depth == last_depth == same
        if both_closed and first.get(path[same], path[same]) == first.get(last_path[same], last_path[same]):
            fresh = last_boxes[same:]
        boxes = last_boxes[:same] + fresh
        homes[node.id] = Home(boxes[:depth], boxes[depth] if len(boxes) > depth else None)
        last_path, last_boxes, last_depth = path, boxes, depth
    return homes


def shortened(nodes: list[Node], homes: dict[str, Home], most: int) -> tuple[dict[str, Home], int]:
    """Homes with at most `most` things to draw: of more, the middle goes into one box.

    Then only the beginning and the end are shown: what cannot be shown whole should at least be short.
    """
    seen = list(dict.fromkeys(homes[node.id].closed or node.id for node in nodes))
    if len(seen) <= most:
        return homes, 0
    hidden = set(seen[most // 4 : -most // 6])
    short = {}
    for node in nodes:
        closed = homes[node.id].closed
        short[node.id] = Home((), _MIDDLE if (closed or node.id) in hidden else closed)
    return short, sum(home.closed == _MIDDLE for home in short.values())


_MIDDLE = "middle/0/…"


class Builder:
    """Puts nodes and edges on the sheets they belong to."""

    def __init__(
        self,
        homes: dict[str, Home],
        badges: dict[str, list[Badge]],
        classes: dict[str, str],
        filled: Mapping[str, tuple[int, str]],
        failed: str | None,
    ) -> None:
        self.root = Sheet()
        self.items: dict[str, Item] = {}  # what stands for each node
        self._homes, self._badges, self._classes, self._failed = homes, badges, classes, failed
        self._filled = filled
        self._address: dict[str, tuple[str, ...]] = {}
        self._sheets: dict[tuple[str, ...], Sheet] = {(): self.root}
        self._drawn: dict[tuple[object, ...], Link] = {}
        self._folded: dict[str, tuple[Item, list[Node]]] = {}

    def add_node(self, node: Node) -> None:
        home = self._homes[node.id]
        sheet = self.root
        for place, box in enumerate(home.opened):
            address = home.opened[: place + 1]
            if address not in self._sheets:
                inner = self._sheets[address] = Sheet()
                sheet.items[box] = Item(box, "container", self._title(box, home.opened[:place]), inner=inner)
            sheet = self._sheets[address]
        failed = node.id == self._failed
        if home.closed is None:
            id_ = f"node/{node.id}"
            sheet.items[id_] = self._item(id_, node, failed)
        else:
            id_ = home.closed
            if id_ not in sheet.items:
                sheet.items[id_] = Item(id_, "folded", self._title(id_, home.opened))
            folded = sheet.items[id_]
            name = node.path[int(id_.split("/")[1])] if id_ != _MIDDLE else ""
            if name and name not in folded.stands_for:
                folded.stands_for = (*folded.stands_for, name)
            self._folded.setdefault(id_, (folded, []))[1].append(node)
            folded.inside += 1
            if len(folded.stands_for) > 1:
                folded.title, folded.subtitle = self._counted(folded.stands_for, home.opened)
            else:
                folded.subtitle = f"{folded.inside} operator{'s' * (folded.inside > 1)} inside"
            folded.failed |= failed
            loud = (
                *folded.marks,
                *node.marks,
                *(mark for badge in self._badges.get(node.id, []) for mark in badge.marks),
            )
            # the box itself was looked inside, whatever in it was not
            said = dict.fromkeys(clean(mark) for mark in loud if not mark.startswith("not looked inside"))
            folded.marks = tuple(said)[:3]
        self._address[node.id] = (*home.opened, id_)
        self.items[node.id] = sheet.items[id_]

    def _title(self, box: str, around: tuple[str, ...]) -> str:
        """A container's name, as short as the box around it allows, and its class.

        A mere sequence of boxes that are alike is called by what it is a sequence of.
        """
        name = path_name(box)
        kind = self._classes.get(name, "")
        if kind == "Sequential" and name in self._filled:
            kind = "{} × {}".format(*self._filled[name])
        called = _short(name, around)
        return f"{called} · {kind}" if kind else called

    def _counted(self, names: tuple[str, ...], around: tuple[str, ...]) -> tuple[str, str]:
        """`5 × Bottleneck`, and `1 … 5`: how many boxes of which class, and their names."""
        first, last = _short(names[0], around), _short(names[-1], around)
        if (number := re.search(r"\d+$", last)) and first.rstrip("0123456789") == last[: number.start()]:
            last = number.group()
        return f"{len(names)} × {self._classes.get(names[0]) or 'the same'}", f"{first} … {last}"

    def _item(self, id_: str, node: Node, failed: bool) -> Item:
        title = clean(_inside(node.label, node.path[-1] if node.path else ""), 40) or node.kind
        marks = tuple(clean(mark) for mark in node.marks[:4] if not (failed and mark.startswith("failed")))
        badges = tuple(self._badges.get(node.id, [])[:4])
        look: Look = "word"
        if node.kind == "module":
            look = "module"
        elif node.kind in ("input", "output"):
            look = "terminal"
        elif node.kind != "op":
            look = "tensor"
        elif len(title) <= 2 and not title.isalnum():
            look = "sign"
        subtitle = clean(node.type_name, 90) if node.kind in ("module", "op") else ""
        if look == "word":
            title, subtitle = _call(title, subtitle)
        return Item(id_, look, title, "" if subtitle == title else subtitle, badges, marks, failed, node=node)

    def add_edge(self, number: int, edge: Edge, source: Node, target: Node, apart: bool) -> None:
        """The edge as wires between what is drawn; `number` is its place in the trace.

        `apart`: with a wire of its own, even where another leads from the same tensor to the same operator.
        """
        start, end = self._address[edge.source], self._address[edge.target]
        if start == end:
            return
        same = 0
        while start[same] == end[same]:
            same += 1
        name = clean(source.name_of(edge.output) or "", 24)
        shape = carried(edge, source)
        whole = self._sheets[end[:-1]].items[end[-1]].node is not None
        stretched = whole and stretches(edge, target)  # in a closed box, that is the box's own affair
        tensor = f"{edge.source}#{edge.output}"
        remarks = (f"stretched to {shape_text(target.shape)}",) * stretched
        for place in range(len(start) - 2, same - 1, -1):  # out of the source's boxes
            self._leave(start[: place + 1], start[place + 1], tensor, edge.dashed, number)
        for place in range(same, len(end)):  # across, then into the target's boxes
            sheet = self._sheets[end[:place]]
            first, last = place == same, place == len(end) - 1
            begin = start[same] if first else self._port(sheet, "in", tensor)
            link = Link(
                begin,
                end[place],
                tensor,
                name,
                shape,
                remarks if last else (),
                edge.dashed,
                stretched and last,
                port=not first,
            )
            self._draw(sheet, link, end[:place], number, again=whole and last and apart)
        if stretched and (item := self._sheets[end[:-1]].items[end[-1]]).node:
            item.marks = tuple(mark for mark in item.marks if not mark.startswith("stretches"))

    def _leave(self, box: tuple[str, ...], item: str, tensor: str, dashed: bool, number: int) -> None:
        sheet = self._sheets[box]
        link = Link(item, self._port(sheet, "out", tensor), tensor, dashed=dashed, port=True)
        self._draw(sheet, link, box, number, again=False)

    def _port(self, sheet: Sheet, side: str, tensor: str) -> str:
        id_ = f"{side}/{tensor}"
        sheet.items.setdefault(id_, Item(id_, "port", ""))
        return id_

    def _draw(self, sheet: Sheet, link: Link, box: tuple[str, ...], number: int, again: bool) -> None:
        """Add a link; the same tensor goes into the same box only once, but twice into `o + o`."""
        key = (box, link.source, link.target, link.tensor, link.dashed)
        if again or key not in self._drawn:
            sheet.links.append(link)
            self._drawn[key] = link
        self._drawn[key].edges.append(number)

    def find_skips(self, into: Mapping[str, list[Edge]]) -> None:
        """Tell of each closed box which skip connections it hides; `into` are the edges by target."""
        for item, nodes in self._folded.values():
            item.skips = skips(nodes, into)

    def write_gradients(self, gradient_of: Callable[[list[int]], float | None]) -> None:
        """Say on each wire what flowed back along it, of all edges of the trace that it draws.

        A wire that goes on inside an open box says it there, unless it draws several edges.
        """
        for sheet in self._sheets.values():
            for n, link in enumerate(sheet.links):
                target = sheet.items[link.target]
                ends = target.inner is None and target.look != "port"
                gathers = target.inner is not None and not link.port and len(link.edges) > 1
                gradient = gradient_of(link.edges) if ends or gathers else None
                if gradient is not None:
                    remarks = (*link.remarks, f"gradient {number_text(gradient)}")
                    sheet.links[n] = replace(link, remarks=remarks)


def path_name(box: str) -> str:
    return box.split("/", 2)[-1]


def _short(name: str, around: tuple[str, ...]) -> str:
    """A box's name inside the innermost of those around it."""
    return clean(repeated(_inside(name, path_name(around[-1]) if around else "")), 40)


def box_name(box: str) -> str:
    """A closed box by the name that the model has for the container, or as the middle that was folded."""
    return "the middle" if box == _MIDDLE else clean(repeated(path_name(box)), 60)


def repeated(name: str) -> str:
    """`block (call 2)` for `block#2`, its second call."""
    name, _, call = name.partition("#")
    return f"{name} (call {call})" if call else name


def _inside(name: str, around: str) -> str:
    """`conv1` for `block.conv1` inside `block`, and inside `block#2`, its second call."""
    return name.removeprefix(f"{around.split('#')[0]}.") if around else name


def _call(title: str, type_name: str) -> tuple[str, str]:
    """Title and second line of a called function: `sum(0)` in one line, long settings in a second."""
    if title.startswith("[ ]") and type_name.startswith("["):
        return type_name + title.removeprefix("[ ]"), ""  # `[:, -1]`, as it is written
    if not type_name.startswith(f"{title}("):
        return title, type_name
    if len(type_name) <= 18:
        return type_name, ""
    return title, type_name.removeprefix(title)
