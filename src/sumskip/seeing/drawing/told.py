"""What is told of each thing in a picture: what it is, what it makes, and what flows in and out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sumskip.seeing.drawing.nesting import box_name, path_name
from sumskip.seeing.drawing.outline import shape_words
from sumskip.seeing.drawing.parts import Badge, Item, Sheet, number_text
from sumskip.seeing.drawing.view import View, gradients_of
from sumskip.seeing.drawing.walk import called
from sumskip.seeing.graph import Graph, Node
from sumskip.seeing.parameters import count, held
from sumskip.text import clean

GradientOf = Callable[[Sequence[int]], float | None]
MOST_FLOWS = 8  # tensors that are named of those that enter or leave one thing


@dataclass(frozen=True)
class Told:
    """An item of the picture by its id: its name, all that is said of it, and the boxes that it is."""

    item: str
    name: str
    says: str
    boxes: tuple[str, ...] = ()
    open: bool = False


def told(trace: Graph, seen: View) -> list[Told]:
    """All that stands in a picture of `trace`, in the order of the forward pass, a box before its inside."""
    members: dict[str, set[str]] = defaultdict(set)
    for id_, item in seen.items.items():
        members[item.id].add(id_)
    classes = dict(trace.boxes)
    nodes, gradient_of = {node.id: node for node in trace.nodes}, gradients_of(trace)
    found = []
    for item in list(_items(seen.sheet, members)):
        names = item.stands_for or ((path_name(item.id),) if item.inner is not None else ())
        if item.node is None:
            name, parts = _of_box(item, classes, len(members[item.id]))
        else:
            name, parts = _of_node(item, item.node)
        if item.failed and trace.fault is not None:
            parts.append(f"The forward pass stops here: {clean(trace.fault.sentence, 300)}.")
        if names or (item.node is not None and item.node.kind == "module"):
            own = held(trace, names or (item.node.label,)) if item.node else held(trace, names)
            if item.node and not own.total and item.node.label == trace.name:  # a layer that is the model
                own = count(trace)
            parts.append(f"Parameters: {own}." if own.total else "No parameters.")
        parts += _flows(trace, seen, nodes, members[item.id], item.node, gradient_of)
        found.append(Told(item.id, name, " ".join([f"{name}.", *parts]), names, item.inner is not None))
    return found


def _items(sheet: Sheet, members: dict[str, set[str]]) -> Iterator[Item]:
    """Everything that has a body; of an open box, `members` gets all that are in it."""
    for item in sheet.items.values():
        if item.look == "port":
            continue
        inside = list(_items(item.inner, members)) if item.inner is not None else []
        members[item.id].update(*(members[one.id] for one in inside))
        yield item
        yield from inside


def _of_box(item: Item, classes: dict[str, str], operators: int) -> tuple[str, list[str]]:
    several = f"{operators} operator{'s' * (operators != 1)}"
    if len(item.stands_for) > 1:
        name, state = called(item), f"Alike and closed, with {several} in all; opening shows the first."
    else:
        kind = clean(classes.get(path_name(item.id), ""), 60)
        name = f"{box_name(item.id)}{f', {kind}' if kind else ''}"
        state = f"{'Open' if item.inner is not None else 'Closed'}, with {several}."
    skips = len(item.skips)
    return name, [state, *([f"{skips} skip connection{'s' * (skips > 1)}."] if skips else []), *_said(item)]


def _of_node(item: Item, node: Node) -> tuple[str, list[str]]:
    kind = (
        node.kind if node.kind in ("input", "parameter", "buffer", "constant") else clean(node.type_name, 200)
    )
    name = called(item)
    name = f"{name}, {kind}" if kind and kind != name else name
    dtype = node.dtype if node.shape is not None else ""  # of several results nobody knows whose it is
    made = [shape_words(node.shape), dtype, "" if node.value is None else f"= {number_text(node.value)}"]
    if node.variable and node.kind in ("op", "module"):
        made.insert(0, f"called {clean(node.variable, 40)}")
    parts = [f"Result: {', '.join(filter(None, made))}."] if any(made) and node.kind != "output" else []
    parts += [f"Line {node.line}."] if node.line is not None else []
    parts += [f"Takes {' and '.join(map(_badge, item.badges))}."] if item.badges else []
    if node.gradient is not None:
        parts.append(f"Gradient of its result: {number_text(node.gradient)}.")
    return name, [*parts, *_said(item)]


def _badge(badge: Badge) -> str:
    return clean(badge.words) + f", gradient {badge.gradient}" * bool(badge.gradient)


def _said(item: Item) -> list[str]:
    marks = item.node.marks if item.node is not None else item.marks
    said = (clean(mark) for mark in marks if not mark.startswith("failed"))
    return [f"{mark[:1].upper()}{mark[1:]}." for mark in said]


def _flows(
    trace: Graph,
    seen: View,
    nodes: Mapping[str, Node],
    inside: set[str],
    node: Node | None,
    gradient_of: GradientOf,
) -> list[str]:
    """What enters and leaves: each tensor once, with where it comes from and where it goes."""
    entering: dict[tuple[str, int], list[int]] = defaultdict(list)
    leaving: dict[tuple[str, int], list[int]] = defaultdict(list)
    for place, edge in enumerate(trace.edges):
        if edge.source not in seen.items or edge.target not in seen.items:
            continue  # a badge of its operator
        if edge.target in inside and edge.source not in inside:
            entering[edge.source, edge.output].append(place)
        elif edge.source in inside and edge.target not in inside:
            leaving[edge.source, edge.output].append(place)
    comes, goes = [], []
    for (source, output), places in entering.items():
        name, origin = clean(nodes[source].name_of(output) or "", 40), called(seen.items[source])
        gradient = gradient_of(places)
        words = [f"{name} from {origin}" if name not in ("", origin) else origin]
        words += [shape_words(trace.edges[places[0]].shape)]
        words += [f"{len(places)} times"] if node is not None and len(places) > 1 else []
        words += [f"gradient {number_text(gradient)}"] if gradient is not None else []
        comes.append(", ".join(filter(None, words)))
    for (source, output), places in leaving.items():
        to = dict.fromkeys(called(seen.items[trace.edges[place].target]) for place in places)
        words = [f"to {' and '.join(to)}"]
        if node is None or node.shape is None:  # otherwise it is the one result, of which all is told
            shape = shape_words(trace.edges[places[0]].shape)
            words = [clean(nodes[source].name_of(output) or "", 40), shape, *words]
        goes.append(", ".join(filter(None, words)))
    return [f"{way}: {'; '.join(_most(found))}." for way, found in (("In", comes), ("Out", goes)) if found]


def _most(found: list[str]) -> list[str]:
    more = len(found) - MOST_FLOWS
    return [*found[:MOST_FLOWS], f"{more} more"] if more > 0 else found
