"""A trace step by step: in which order the wires of its picture are filled, and what flows there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from sumskip.seeing.drawing import draw
from sumskip.seeing.drawing.nesting import box_name, repeated
from sumskip.seeing.drawing.outline import alt_text, shape_words
from sumskip.seeing.drawing.parts import Item, number_text
from sumskip.seeing.drawing.scene import Scene
from sumskip.seeing.graph import Edge, Graph, Node
from sumskip.text import clean


@dataclass(frozen=True)
class Moment:
    """What happens, in words, and the places in the trace of the edges whose wires show it."""

    says: str
    edges: tuple[int, ...]


@dataclass(frozen=True)
class Walk:
    """The picture of a trace, its alternative text, and the steps through it."""

    scene: Scene
    alt_text: str
    steps: tuple[Moment, ...]


def walk(trace: Graph) -> Walk:
    """Steps through the picture of `trace`: one for each wire, in the order of the forward pass.

    A wire is filled when the operator at its end is about to run; a failure comes last.
    """
    scene, seen = draw(trace, whole=True)
    items, edges = seen.items, trace.edges
    into: dict[str, list[int]] = defaultdict(list)
    for place, edge in enumerate(edges):
        source, target = items.get(edge.source), items.get(edge.target)
        if source and target and source is not target:  # not badged, and not inside one closed box
            into[edge.target].append(place)
    by_id = {node.id: node for node in trace.nodes}
    steps: dict[object, Moment] = {}
    for node in trace.nodes:
        arriving = sorted(into[node.id], key=lambda place: edges[place].argument)
        for place in arriving:
            edge, source, target = edges[place], items[edges[place].source], items[node.id]
            # one tensor goes into a closed box only once
            key = place if target.node else (source.id, edge.source, edge.output, target.id)
            if key not in steps:
                last = target.node is None or place == arriving[-1]
                steps[key] = Moment(_says(edge, source, by_id[edge.source], target, last), ())
            steps[key] = replace(steps[key], edges=(*steps[key].edges, place))
    if trace.fault is not None:
        stops = items.get(trace.fault.node)  # of a very long trace, the end is not drawn
        where = f" at {called(stops)}" if stops else ""
        met = tuple(place for id_, places in into.items() if items.get(id_) is stops for place in places)
        steps["fault"] = Moment(f"The forward pass stops{where}: {trace.fault.sentence}.", met)
    return Walk(scene, alt_text(trace), tuple(steps.values()))


def _says(edge: Edge, source: Item, made_by: Node, target: Item, last: bool) -> str:
    """What goes along an edge.

    The `last` to arrive also tells what is shown as the target's badges, and what stands beside it.
    """
    what, name = called(source), clean(made_by.name_of(edge.output) or "", 40)
    named = f"{what}, called {name}," if name not in ("", what) else what
    if edge.dashed:
        return f"{named} has written into what goes into {called(target)}."
    if edge.shape:
        carries = shape_words(edge.shape)
    elif made_by.value is not None:
        carries = number_text(made_by.value)
    else:
        carries = "a value" if edge.shape is None else "a scalar"
    if target.node is not None and target.node.kind == "output":
        return f"{named} gives {carries}: it leaves."
    badges = [clean(badge.words) for badge in target.badges if last]
    beside = f", together with {' and '.join(badges)}" if badges else ""
    marks = (target.node.marks if target.node else target.marks) if last and not target.failed else ()
    remarks = f" {called(target)}: {'; '.join(marks)}." if marks else ""
    return f"{named} carries {carries} into {called(target)}{beside}.{remarks}"


def called(item: Item) -> str:
    """An item by its name; a module by the name that the model has for it, an operator with its box."""
    node = item.node
    if node is None:
        several = len(item.stands_for) > 1
        return f"{item.title} ({item.subtitle})" if several else box_name(item.id)
    name = item.title if node.kind == "op" else clean(node.label, 60)
    beside = node.path and (node.kind == "op" or (node.kind == "module" and "#" in node.path[-1]))
    return f"{name} in {repeated(node.path[-1])}" if beside else name
