"""What of a trace is drawn: which boxes, signs and wires, before anyone knows where they go.

A trace lists every operator that ran. A drawing shows the same, arranged for reading: scalars and
parameters are badges of the operator that uses them (`1 − alpha = 0.5` beside its `×`), containers
become boxes with their own inside, and what lies deeper than `depth` is one box.

The input may come from an untrusted process, so nothing is assumed of its order, size or wording.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from sumskip.seeing.drawing.badges import badged
from sumskip.seeing.drawing.nesting import MOST_NODES, Builder, Home, homes_of, shortened
from sumskip.seeing.drawing.parts import Item, Sheet, is_number
from sumskip.seeing.drawing.repeats import repeats
from sumskip.seeing.graph import Edge, Graph, Node
from sumskip.text import clean

MOST_LINKS = 200  # of one sheet; more cannot be followed by eye
MOST_READ = 10_000  # nodes or edges of a trace that are looked at
DEEPEST = 8  # containers within containers that are drawn as boxes


@dataclass
class View:
    sheet: Sheet
    folded: int  # how many operators in the middle are in one box
    notes: list[str]
    items: dict[str, Item]  # by the id of a node, what stands for it


def box_paths(trace: Graph) -> dict[str, tuple[str, ...]]:
    """All boxes by the names that open them, as they ran, each with all that it is in and itself, last."""
    paths = (node.path[: level + 1] for node in trace.nodes[:MOST_READ] for level in range(DEEPEST))
    return {path[-1]: path for path in dict.fromkeys(paths) if path}


class Viewable:
    """A trace made ready to be viewed, with more boxes open or fewer."""

    def __init__(self, trace: Graph) -> None:
        self._trace = trace
        nodes, edges, self._notes = _readable(trace)
        failed = trace.fault.node if trace.fault else None
        self._badges, self._nodes, self._edges = badged(nodes, edges, failed)
        self._classes = {name: clean(class_name, 30) for name, class_name in trace.boxes[:MOST_READ]}
        self._into: dict[str, list[Edge]] = defaultdict(list)
        for edge in self._edges:
            self._into[edge.target].append(edge)
        self._repeats = repeats(self._nodes, self._into, self._classes, self._badges, DEEPEST)
        self._places = {id(edge): place for place, edge in enumerate(trace.edges)}
        self.boxes = box_paths(trace)
        self.deepest = max(map(len, self.boxes.values()), default=0)

    def down_to(self, depth: int) -> frozenset[str]:
        """The boxes that are open down to a depth, 0 for none."""
        return frozenset(name for name, path in self.boxes.items() if len(path) <= depth)

    def around(self, names: str | Iterable[str]) -> frozenset[str]:
        """The boxes of these names, one or several, with those that they are in.

        Raises ValueError where there is none of such a name.
        """
        found: set[str] = set()
        for name in [names] if isinstance(names, str) else names:
            if name not in self.boxes:
                known = list(self.boxes)
                has = ", ".join(clean(box, 40) for box in known[:12]) + ", …" * (len(known) > 12) or "none"
                raise ValueError(
                    f"open names boxes of the picture, of which there are: {has}; {name!r} came."
                )
            found.update(self.boxes[name])
        return frozenset(found)

    def again(self, name: str) -> bool:
        """Whether a box, or one around it, is the same as the one before."""
        return any(map(self._repeats.again, self.boxes[name]))

    def things(self, open: Collection[str], counted: bool) -> int:
        """How many things there are to draw with these boxes open; quick to tell."""
        homes = self._homes(open, counted)
        return len({home.closed or id_ for id_, home in homes.items()})

    def _homes(self, open: Collection[str], counted: bool) -> dict[str, Home]:
        return homes_of(self._nodes, open, DEEPEST, self._repeats.first if counted else {})

    def view(self, most: int, open: Collection[str], counted: bool = False) -> View:
        """What to draw; where boxes that are the same are `counted`, those that are closed make up one."""
        trace, notes = self._trace, list(self._notes)
        homes, folded = shortened(self._nodes, self._homes(open, counted), most)
        if folded:
            notes.append(f"{folded} operators in the middle are drawn as one box.")
        failed = trace.fault.node if trace.fault else None
        builder = Builder(homes, self._badges, self._classes, self._repeats.filled, failed)
        for node in self._nodes:
            builder.add_node(node)
        by_id = {node.id: node for node in self._nodes}
        # Where autograd does not tell uses of a tensor apart, as in attention(x, x, x), one wire says all.
        known = {_use(edge) for edge in self._edges if edge.gradient is not None}
        for edge in self._edges:
            apart = edge.gradient is not None or _use(edge) not in known
            place = self._places[id(edge)]
            builder.add_edge(place, edge, by_id[edge.source], by_id[edge.target], apart)
        builder.find_skips(self._into)
        builder.write_gradients(gradients_of(trace))
        _order(builder.root)
        return View(builder.root, folded, _few_links(builder.root) + notes, builder.items)


def _use(edge: Edge) -> tuple[str, int, str]:
    return edge.source, edge.output, edge.target


def view(
    trace: Graph, depth: int | None = None, most: int = MOST_NODES, open: Collection[str] | None = None
) -> View:
    """What to draw of `trace`, its containers opened `depth` deep (None: all of them).

    With `open`, exactly the boxes of these names are opened, as far as those around them are, and closed ones
    that are the same are counted. Of more than `most` things the middle is folded into one box.
    """
    viewable = Viewable(trace)
    opened = viewable.down_to(DEEPEST if depth is None else depth) if open is None else open
    return viewable.view(most, opened, counted=open is not None)


def gradients_of(trace: Graph) -> Callable[[Sequence[int]], float | None]:
    """What flowed back along several edges that carry one tensor, together; None where it is not known."""
    products = {(min(a, b), max(a, b)): value for a, b, value in trace.products}

    def together(places: Sequence[int]) -> float | None:
        flowed = {n: g for n in places[:MOST_LINKS] if (g := trace.edges[n].gradient) is not None}
        if len(flowed) < 2:
            return next(iter(flowed.values()), None)
        if all(is_number(trace.edges[n].shape) for n in flowed):
            return sum(flowed.values())
        pairs = [products.get(pair) for pair in combinations(sorted(flowed), 2)]
        known = [value for value in pairs if value is not None]
        if len(known) < len(pairs) or len(places) > MOST_LINKS:
            return None
        squares = sum(gradient**2 for gradient in flowed.values())
        square = squares + 2 * sum(known)
        if not math.isfinite(square):
            return None
        return math.sqrt(square) if square > 1e-12 * squares else 0.0  # what is left is rounding

    return together


def _order(sheet: Sheet) -> None:
    """Put what enters a box before everything in it, and what leaves it behind."""
    place = {"in": 0, "out": 2}
    ids = sorted(sheet.items, key=lambda id_: place.get(id_.split("/")[0], 1))
    sheet.items = {id_: sheet.items[id_] for id_ in ids}
    for item in sheet.items.values():
        if item.inner:
            _order(item.inner)


def _few_links(sheet: Sheet) -> list[str]:
    """Keep what can be followed by eye; say what was left out."""
    dropped = max(0, len(sheet.links) - MOST_LINKS)
    del sheet.links[MOST_LINKS:]
    notes = [f"{dropped} wires are not drawn."] if dropped else []
    for item in sheet.items.values():
        notes += _few_links(item.inner) if item.inner else []
    return notes


def _readable(trace: Graph) -> tuple[list[Node], list[Edge], list[str]]:
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
