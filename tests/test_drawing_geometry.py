"""Nothing in a picture covers anything else: boxes, labels, wires, for every case and for random graphs."""

from __future__ import annotations

from functools import cache
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gallery
from sumskip import Trace
from sumskip.seeing.compare import compare
from sumskip.seeing.drawing import COLUMN, picture
from sumskip.seeing.drawing.panels import panels
from sumskip.seeing.drawing.scene import Line, Rectangle, Scene, Text
from sumskip.seeing.drawing.symbols import RED_TINT
from sumskip.seeing.graph import Edge, Node

Bounds = tuple[float, float, float, float]


@cache
def traced(name: str) -> Trace:
    return gallery.CASES[name]()


@cache
def drawn(name: str, direction: str = "auto") -> Scene:
    return picture(traced(name), direction=direction)  # type: ignore[arg-type]


def around(box: Rectangle) -> Bounds:
    return box.x, box.y, box.x + box.width, box.y + box.height


def solid(scene: Scene) -> list[Bounds]:
    """Nodes and what hangs beside them."""
    return [
        around(s) for s in scene.elements if isinstance(s, Rectangle) and s.role in ("node", "badge", "tag")
    ]


def labels(scene: Scene) -> list[Text]:
    return [shape for shape in scene.elements if isinstance(shape, Text) and shape.role == "label"]


def overlap(a: Bounds, b: Bounds, slack: float = 0.5) -> bool:
    return a[0] < b[2] - slack and b[0] < a[2] - slack and a[1] < b[3] - slack and b[1] < a[3] - slack


def faults(scene: Scene) -> list[str]:
    """Everything that covers what it should not."""
    boxes, texts = solid(scene), labels(scene)
    found = [f"boxes {a} and {b}" for a, b in combinations(boxes, 2) if overlap(a, b)]
    for text in texts:
        found += [f"label {text.text!r} on box {box}" for box in boxes if overlap(text.bounds(), box)]
    found += [
        f"labels {a.text!r} and {b.text!r}"
        for a, b in combinations(texts, 2)
        if overlap(a.bounds(), b.bounds(), slack=1)
    ]
    for wire in scene.elements:
        if not isinstance(wire, Line) or wire.role != "wire":
            continue
        start, end = wire.points[0], wire.points[-1]
        for a, b in pairwise(wire.points):
            run = min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1])
            for box in boxes:
                touches = any(near(point, box) for point in (start, end))
                if overlap((run[0] - 0.1, run[1] - 0.1, run[2] + 0.1, run[3] + 0.1), box, 1) and not touches:
                    found.append(f"wire {a} to {b} through box {box}")
    ground = next(around(s) for s in scene.elements if isinstance(s, Rectangle) and s.role == "ground")
    inside = [*boxes, *(text.bounds() for text in texts)]
    found += [
        f"{r} outside {ground}"
        for r in inside
        if r[0] < ground[0] or r[1] < ground[1] or r[2] > ground[2] or r[3] > ground[3]
    ]
    containers = [around(s) for s in scene.elements if isinstance(s, Rectangle) and s.role == "container"]
    for container in containers:
        others = [*boxes, *(c for c in containers if c is not container)]
        for other in others:
            if overlap(container, other) and not (contains(container, other) or contains(other, container)):
                found.append(f"box {other} half in container {container}")
    return found


def merged(scene: Scene, trace: Trace) -> list[str]:
    """Wires of different tensors that lie on one another, so that they look like one."""
    runs = []
    for wire in scene.elements:
        if isinstance(wire, Line) and wire.role == "wire" and wire.edges:
            first = trace.edges[wire.edges[0]]
            tensor = f"{first.source}#{first.output}"
            runs += [(tensor, wire.edges, a, b) for a, b in pairwise(wire.points)]
    found = []
    for (one, _, a, b), (other, _, c, d) in combinations(runs, 2):
        if one == other:
            continue
        for along, across in ((0, 1), (1, 0)):
            sheet = max(abs(p[across] - a[across]) for p in (b, c, d)) < 2
            common = min(max(a[along], b[along]), max(c[along], d[along])) - max(
                min(a[along], b[along]), min(c[along], d[along])
            )
            if sheet and common > 4:
                found.append(f"{one} and {other} at {a} to {b}")
    return found


def contains(outer: Bounds, inner: Bounds) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and outer[2] >= inner[2] and outer[3] >= inner[3]


def near(point: tuple[float, float], box: Bounds) -> bool:
    """Whether a wire's end lies on this box's edge: it belongs to it."""
    x, y = point
    return box[0] - 1 <= x <= box[2] + 1 and box[1] - 1 <= y <= box[3] + 1


@pytest.mark.parametrize("direction", ["auto", "right", "down"])
@pytest.mark.parametrize("name", sorted(gallery.CASES))
def test_nothing_is_covered(name: str, direction: str) -> None:
    """Boxes, badges and marks stand apart, labels and wires cover none of them, all is on the ground."""
    assert faults(drawn(name, direction)) == []
    assert merged(drawn(name, direction), traced(name)) == []


@pytest.mark.parametrize("name", sorted(gallery.CASES))
def test_text_fits_its_box(name: str) -> None:
    """Each text that begins in a box ends in it."""
    scene = drawn(name)
    boxes = [
        around(s) for s in scene.elements if isinstance(s, Rectangle) and s.role in ("node", "badge", "tag")
    ]
    for text in scene.elements:
        if isinstance(text, Text) and not text.role:
            left, top, right, bottom = text.bounds()
            middle = ((left + right) / 2, (top + bottom) / 2)
            for box in boxes:
                if box[0] < middle[0] < box[2] and box[1] < middle[1] < box[3]:
                    assert contains((box[0], box[1] - 1, box[2], box[3] + 1), text.bounds()), text.text


@pytest.mark.parametrize("name", sorted(gallery.CASES))
def test_pictures_fit_a_column_and_keep_their_type_readable(name: str) -> None:
    """No picture is wider than a notebook's column, so at 700 px its type is at least 9 px high."""
    scene = drawn(name)
    assert scene.width <= COLUMN
    smallest = min(shape.size for shape in scene.elements if isinstance(shape, Text))
    assert smallest * min(1, 700 / scene.width) >= 8.9


@pytest.mark.parametrize("name", [name for name in sorted(gallery.CASES) if name.startswith("fails")])
def test_why_a_pass_stopped_can_be_said_in_less_room(name: str) -> None:
    """A picture for a phone has a panel of 420 pixels, and all of its words are within it."""
    scene = picture(traced(name), direction="down", panel=420)
    panel = next(s for s in scene.elements if isinstance(s, Rectangle) and s.fill == RED_TINT and not s.role)
    assert panel.width == pytest.approx(420 - 1.4)
    below = [s for s in scene.elements if isinstance(s, Text) and panel.y < s.y < panel.y + panel.height]
    assert len(below) > 1
    assert [
        s.text for s in below if not panel.x < s.bounds()[0] < s.bounds()[2] < panel.x + panel.width
    ] == []


def test_panels_cover_nothing() -> None:
    """Side by side, too, nothing is covered."""
    x = gallery._image()
    models = gallery.SequentialModel(), gallery.AdditionModel(), gallery.WeightedAdditionModel()
    assert faults(panels(compare(*models, x).traces)) == []
    assert faults(panels(compare(gallery.AdditionModel(), gallery.SkipFromX(), x).traces)) == []


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Graphs as no learner would build them, with containers, names, marks and parallel edges."""
    count = draw(st.integers(1, 14))
    nodes, edges = [Node("x", "input", "x", (1, 3, 8, 8))], []
    path: tuple[str, ...] = ()
    for n in range(count):
        path = draw(st.sampled_from([path, (), ("a",), ("a", "a.b"), ("c",)]))
        kind = draw(st.sampled_from(["op", "op", "module"]))
        label = draw(st.sampled_from(["+", "×", "relu", "conv"])) if kind == "op" else f"conv{n}"
        marks = draw(
            st.sampled_from([(), (), ("overwrites",), ("gradient stops here", "stretches (16, 1, 1)")])
        )
        variable = draw(st.sampled_from([None, "out1", "a_longer_name"]))
        type_name = "Conv2d(3, 16, 3×3)" if kind == "module" else ""
        nodes.append(
            Node(str(n), kind, label, (1, 16, 8, 8), type_name, variable=variable, path=path, marks=marks)
        )
        for argument in range(draw(st.integers(1, 3))):
            source = draw(st.sampled_from(nodes[:-1])).id
            edges.append(Edge(source, str(n), (1, 16, 8, 8), argument, output=draw(st.integers(0, 1))))
        if draw(st.booleans()) and kind == "op":
            nodes.insert(1, Node(f"p{n}", "parameter", "alpha", (), value=0.5))
            edges.append(Edge(f"p{n}", str(n), (), 9))
    nodes.append(Node("out", "output", "output", (1, 16, 8, 8)))
    edges.append(Edge(str(count - 1), "out", (1, 16, 8, 8)))
    return Trace(tuple(nodes), tuple(edges), name="Random")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(traces(), st.sampled_from(["right", "down"]))
def test_nothing_is_covered_in_random_graphs(trace: Trace, direction: str) -> None:
    """The layout keeps its promise for any graph."""
    scene = picture(trace, direction=direction)  # type: ignore[arg-type]
    assert faults(scene) == []
    assert merged(scene, trace) == []
