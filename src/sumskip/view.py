"""What of a trace is drawn: which boxes, signs and wires, before anyone knows where they go.

A trace lists every operator that ran. A drawing shows the same, arranged for reading: scalars and
parameters are pinned to the operator that uses them (`1 − alpha = 0.5` beside its `×`), containers
become boxes with their own inside, and what lies deeper than `depth` is one box.

The input may come from an untrusted process, so nothing is assumed of its order, size or wording.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from sumskip.graph import Edge, Node, Shape, Trace
from sumskip.lettering import clean

Look = Literal["module", "sign", "word", "terminal", "tensor", "container", "folded", "port"]

SIGNS = frozenset("+×−÷@") | {"//", "%", "**"}
MOST_NODES, MOST_LINKS = 110, 330  # of one drawing; beyond, its middle is folded into one box
MOST_READ = 50_000  # nodes or edges of a trace that are looked at
DEEPEST = 8  # containers within containers that are drawn as boxes


@dataclass(frozen=True)
class Pin:
    """A parameter, constant or scalar expression, written beside the operator that takes it."""

    text: str
    kind: str = "constant"
    marks: tuple[str, ...] = ()


@dataclass
class Item:
    """Something with a place in the picture. `inner` is what is inside a container's box."""

    id: str
    look: Look
    title: str
    subtitle: str = ""
    pins: tuple[Pin, ...] = ()
    marks: tuple[str, ...] = ()
    failed: bool = False
    inner: Level | None = None
    node: Node | None = None
    inside: int = 0  # how many operators a folded box hides


@dataclass(frozen=True)
class Link:
    """A wire. `tensor` is the id of the node that made what travels on it."""

    source: str
    target: str
    tensor: str
    name: str = ""
    shape: str = ""
    remarks: tuple[str, ...] = ()
    dashed: bool = False
    stretched: bool = False
    port: bool = False  # begins or ends at the edge of a box, and goes on outside


@dataclass
class Level:
    """Items in an order in which every link leads forwards."""

    items: dict[str, Item] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)


@dataclass
class View:
    level: Level
    count: int  # of drawn nodes, those inside boxes too
    notes: list[str] = field(default_factory=list)


def shape_text(shape: Shape | None) -> str:
    """`1×16×32×32`; a scalar's shape () is written as the word."""
    if shape is None:
        return ""
    sizes = [clean(str(size), 12) for size in shape[:9]]
    return "×".join(sizes[:8]) + ("×…" if len(sizes) > 8 else "") if sizes else "scalar"


def number_text(value: float) -> str:
    """A value as a learner would write it: `0.5`, `−1.25`, `2`."""
    return f"{value:.4g}".replace("-", "−")


def deepest(trace: Trace) -> int:
    """How many containers lie within one another."""
    return min(DEEPEST, max((len(node.path) for node in trace.nodes[:MOST_READ]), default=0))


def view(trace: Trace, depth: int | None = None) -> View:
    """What to draw of `trace`, its containers opened `depth` deep (None: all of them)."""
    nodes, edges, notes = _readable(trace)
    depth = DEEPEST if depth is None else max(0, min(depth, DEEPEST))
    pins, nodes, edges = _pinned(nodes, edges, trace.fault.node if trace.fault else None)
    homes, folded = _shortened(nodes, _homes(nodes, depth))
    if folded:
        notes.append(f"{folded} operators in the middle are drawn as one box.")
    classes = {name: clean(class_name, 30) for name, class_name in trace.boxes[:MOST_READ]}
    builder = _Builder(homes, pins, classes, trace.fault.node if trace.fault else None)
    for node in nodes:
        builder.add_node(node)
    by_id = {node.id: node for node in nodes}
    for edge in edges:
        builder.add_edge(edge, by_id[edge.source], by_id[edge.target])
    return View(builder.root, _count(builder.root), _few_links(builder.root) + notes)


def _few_links(level: Level) -> list[str]:
    """Keep what can be followed by eye; say what was left out."""
    dropped = max(0, len(level.links) - MOST_LINKS)
    del level.links[MOST_LINKS:]
    notes = [f"{dropped} wires are not drawn."] if dropped else []
    for item in level.items.values():
        notes += _few_links(item.inner) if item.inner else []
    return notes


def _count(level: Level) -> int:
    return sum(1 + (_count(item.inner) if item.inner else 0) for item in level.items.values())


# --- reading -------------------------------------------------------------------------------------


def _readable(trace: Trace) -> tuple[list[Node], list[Edge], list[str]]:
    """The trace's nodes in an order in which edges lead forwards, and the edges that do."""
    notes = []
    given = {node.id: node for node in trace.nodes[:MOST_READ]}
    if len(trace.nodes) > MOST_READ:
        notes.append(f"Only the first {MOST_READ} of {len(trace.nodes)} operators are shown.")
    edges = [e for e in trace.edges[:MOST_READ] if e.source in given and e.target in given]
    place = {id_: n for n, id_ in enumerate(given)}
    if any(place[e.source] >= place[e.target] for e in edges):
        given = _sorted(given, edges)
        place = {id_: n for n, id_ in enumerate(given)}
        forward = [e for e in edges if place[e.source] < place[e.target]]
        if len(forward) < len(edges):
            notes.append(f"{len(edges) - len(forward)} wires that lead backwards are not drawn.")
        edges = forward
    fed = {edge.target for edge in edges}
    sources = [n for n in given.values() if n.kind not in ("module", "op", "output") and n.id not in fed]
    first = {node.id for node in sources}
    return sources + [node for id_, node in given.items() if id_ not in first], edges, notes


def _sorted(nodes: dict[str, Node], edges: list[Edge]) -> dict[str, Node]:
    """`nodes` so that edges lead forwards, otherwise in the order they came; cycles stay as they came."""
    waiting = dict.fromkeys(nodes, 0)
    after = defaultdict(list)
    for edge in edges:
        waiting[edge.target] += 1
        after[edge.source].append(edge.target)
    ready = [id_ for id_ in nodes if not waiting[id_]][::-1]
    order: dict[str, Node] = {}
    while ready:
        id_ = ready.pop()
        order[id_] = nodes[id_]
        for target in after[id_]:
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return order | {id_: node for id_, node in nodes.items() if id_ not in order}


# --- pins ----------------------------------------------------------------------------------------


def _is_scalar(shape: Shape | None) -> bool:
    return shape is not None and len(shape) <= 1 and math.prod(shape) == 1


def _pinned(
    nodes: list[Node], edges: list[Edge], failed: str | None
) -> tuple[dict[str, list[Pin]], list[Node], list[Edge]]:
    """Parameters, constants and what is computed from them alone become pins of their users."""
    into, out = defaultdict(list), defaultdict(list)
    by_id = {node.id: node for node in nodes}
    for edge in edges:
        into[edge.target].append(edge)
        out[edge.source].append(edge)
    pins: dict[str, _Term] = {}
    for node in nodes:
        ends = any(by_id[e.target].kind == "output" for e in out[node.id])
        if node.id == failed or ends or not out[node.id]:
            continue
        operands = sorted(into[node.id], key=lambda e: e.argument)
        if node.kind in ("parameter", "buffer", "constant") and not operands:
            pins[node.id] = _Term.of(node)
        elif (
            node.kind == "op"
            and operands
            and all(e.source in pins for e in operands)
            and _is_scalar(node.shape)
        ):
            pins[node.id] = _Term.made(node, [pins[e.source] for e in operands])
    beside = defaultdict(list)
    for edge in sorted(edges, key=lambda e: e.argument):
        if edge.source in pins and edge.target not in pins:
            beside[edge.target].append(pins[edge.source].pin(edge.gradient))
    kept = [edge for edge in edges if edge.source not in pins]
    return beside, [node for node in nodes if node.id not in pins], kept


@dataclass(frozen=True)
class _Term:
    """A pin in the making: an expression and, where it can be known, its value."""

    text: str
    kind: str
    value: float | None
    shape: Shape | None
    marks: tuple[str, ...]
    single: bool = True

    @classmethod
    def of(cls, node: Node) -> _Term:
        text = clean(node.label, 30) or node.kind
        return cls(text, node.kind, node.value, node.shape, node.marks)

    @classmethod
    def made(cls, node: Node, operands: Sequence[_Term]) -> _Term:
        sign = clean(node.label, 16)
        words = [term.text if term.single else f"({term.text})" for term in operands]
        if sign in SIGNS and len(words) == 2:
            text = f"{words[0]} {sign} {words[1]}"
        elif sign in SIGNS and len(words) == 1:
            text = f"{sign}{words[0]}"
        else:
            text = f"{sign}({', '.join(term.text for term in operands)})"
        value = node.value if node.value is not None else _value(sign, [term.value for term in operands])
        marks = tuple(dict.fromkeys(m for marks in [*(t.marks for t in operands), node.marks] for m in marks))
        kinds = {term.kind for term in operands}
        kind = "parameter" if "parameter" in kinds else "constant"
        return cls(text, kind, value, node.shape, marks, single=sign not in SIGNS)

    def pin(self, gradient: float | None) -> Pin:
        text = clean(self.text, 44)
        if self.value is not None:
            value = number_text(self.value)
            text = text if _same_number(text, self.value) else f"{text} = {value}"
        elif self.shape is not None:
            text = f"{text}  {shape_text(self.shape)}"
        if gradient is not None:
            text = f"{text}, gradient {number_text(gradient)}"
        return Pin(text, self.kind, self.marks)


def _same_number(text: str, value: float) -> bool:
    try:
        return float(text.replace("−", "-")) == value
    except ValueError:
        return False


def _value(sign: str, values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if len(known) != len(values):
        return None
    if sign == "−" and len(known) == 1:
        return -known[0]
    if len(known) != 2:
        return None
    a, b = known
    if sign == "÷":
        return a / b if b else None
    return {"+": a + b, "−": a - b, "×": a * b}.get(sign)


# --- containers ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Home:
    """Where a node is: in `opened` boxes, outermost first, and maybe hidden in a `closed` one."""

    opened: tuple[str, ...] = ()
    closed: str | None = None


def _homes(nodes: list[Node], depth: int) -> dict[str, _Home]:
    """The boxes around each node, by ids that end in the container's name.

    A module that is called twice is two boxes: nodes belong to one call as long as they follow each
    other in the order in which they ran. That order also keeps wires between boxes from going round.
    """
    homes: dict[str, _Home] = {}
    last_path: tuple[str, ...] = ()
    last_boxes: tuple[str, ...] = ()
    for node in nodes:
        path = () if node.kind in ("input", "output") else node.path[: depth + 1]
        same = 0
        while same < min(len(path), len(last_path)) and path[same] == last_path[same]:
            same += 1
        fresh = tuple(f"{node.id}/{level}/{name}" for level, name in enumerate(path[same:], same))
        boxes = last_boxes[:same] + fresh
        homes[node.id] = _Home(boxes[:depth], boxes[depth] if len(boxes) > depth else None)
        last_path, last_boxes = path, boxes
    return homes


def _shortened(nodes: list[Node], homes: dict[str, _Home]) -> tuple[dict[str, _Home], int]:
    """Homes with at most `MOST_NODES` things to draw: of more, the middle goes into one box."""
    seen = list(dict.fromkeys(homes[node.id].closed or node.id for node in nodes))
    if len(seen) <= MOST_NODES:
        return homes, 0
    hidden = set(seen[MOST_NODES // 2 : -MOST_NODES // 3])
    short = {}
    for node in nodes:
        closed = homes[node.id].closed
        short[node.id] = _Home((), _MIDDLE if (closed or node.id) in hidden else closed)
    return short, sum(home.closed == _MIDDLE for home in short.values())


_MIDDLE = "/…"


class _Builder:
    """Puts nodes and edges on the levels they belong to."""

    def __init__(
        self, homes: dict[str, _Home], pins: dict[str, list[Pin]], classes: dict[str, str], failed: str | None
    ) -> None:
        self.root = Level()
        self._homes, self._pins, self._classes, self._failed = homes, pins, classes, failed
        self._address: dict[str, tuple[str, ...]] = {}
        self._levels: dict[tuple[str, ...], Level] = {(): self.root}
        self._drawn: set[tuple[object, ...]] = set()

    def add_node(self, node: Node) -> None:
        home = self._homes[node.id]
        level = self.root
        for place, box in enumerate(home.opened):
            address = home.opened[: place + 1]
            if address not in self._levels:
                inner = self._levels[address] = Level()
                level.items[box] = Item(box, "container", self._name(box), inner=inner)
            level = self._levels[address]
        failed = node.id == self._failed
        if home.closed is None:
            id_ = f"node/{node.id}"
            level.items[id_] = self._item(id_, node, failed)
        else:
            id_ = home.closed
            box = level.items.setdefault(id_, Item(id_, "folded", self._name(id_)))
            box.inside += 1
            box.subtitle = f"{box.inside} operator{'s' * (box.inside > 1)} inside"
            box.failed |= failed
            loud = (
                *box.marks,
                *node.marks,
                *(mark for pin in self._pins.get(node.id, []) for mark in pin.marks),
            )
            box.marks = tuple(dict.fromkeys(clean(mark) for mark in loud))[:3]
        self._address[node.id] = (*home.opened, id_)

    def _name(self, box: str) -> str:
        name = box.split("/", 2)[-1]
        kind = self._classes.get(name)
        return clean(name, 40) + (f" · {kind}" if kind else "")

    def _item(self, id_: str, node: Node, failed: bool) -> Item:
        label = clean(node.label, 40) or node.kind
        around = f"{clean(node.path[-1])}." if node.path else ""
        title = label.removeprefix(around) or label
        marks = tuple(clean(mark) for mark in node.marks[:4])
        pins = tuple(self._pins.get(node.id, [])[:4])
        look: Look = "word"
        if node.kind == "module":
            look = "module"
        elif node.kind in ("input", "output"):
            look = "terminal"
        elif node.kind != "op":
            look = "tensor"
        elif len(title) <= 2 and not title.isalnum():
            look = "sign"
        subtitle = clean(node.type_name, 60) if node.kind in ("module", "op") else ""
        return Item(id_, look, title, "" if subtitle == title else subtitle, pins, marks, failed, node=node)

    def add_edge(self, edge: Edge, source: Node, target: Node) -> None:
        start, end = self._address[edge.source], self._address[edge.target]
        if start == end:
            return
        same = 0
        while start[same] == end[same]:
            same += 1
        name = clean(source.variable or "", 24)
        shape = shape_text(edge.shape if edge.shape is not None else source.shape)
        stretched = _stretches(edge, target)
        remarks = [f"stretched to {shape_text(target.shape)}"] * stretched
        if edge.gradient is not None:
            remarks.append(f"gradient {number_text(edge.gradient)}")
        for place in range(len(start) - 2, same - 1, -1):  # out of the source's boxes
            self._leave(start[: place + 1], start[place + 1], edge)
        for place in range(same, len(end)):  # across, then into the target's boxes
            level = self._levels[end[:place]]
            first, last = place == same, place == len(end) - 1
            begin = start[same] if first else self._port(level, "in", edge)
            link = Link(
                begin,
                end[place],
                edge.source,
                name,
                shape,
                tuple(remarks) if last else (),
                edge.dashed,
                stretched and last,
                port=not first,
            )
            whole = last and level.items[end[place]].node is not None
            self._draw(level, link, end[:place], again=whole)
        if stretched and (item := self._levels[end[:-1]].items[end[-1]]).node:
            item.marks = tuple(mark for mark in item.marks if not mark.startswith("stretches"))

    def _leave(self, box: tuple[str, ...], item: str, edge: Edge) -> None:
        level = self._levels[box]
        link = Link(item, self._port(level, "out", edge), edge.source, dashed=edge.dashed, port=True)
        self._draw(level, link, box, again=False)

    def _port(self, level: Level, side: str, edge: Edge) -> str:
        id_ = f"{side}/{edge.source}"
        level.items.setdefault(id_, Item(id_, "port", ""))
        return id_

    def _draw(self, level: Level, link: Link, box: tuple[str, ...], again: bool) -> None:
        """Add a link; the same tensor goes into the same box only once, but twice into `o + o`."""
        key = (box, link.source, link.target, link.tensor, link.dashed)
        if again or key not in self._drawn:
            level.links.append(link)
        self._drawn.add(key)


def _stretches(edge: Edge, target: Node) -> bool:
    """Whether this operand was broadcast; a scalar is not called stretched."""
    return (
        any(mark.startswith("stretches") for mark in target.marks)
        and edge.shape is not None
        and target.shape is not None
        and edge.shape != target.shape
        and not _is_scalar(edge.shape)
    )
