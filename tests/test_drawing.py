"""What a picture shows: operators, badges, containers, faults, stretching; and that it is safe to show."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from sumskip import Trace
from sumskip.seeing.drawing import picture
from sumskip.seeing.drawing.scene import Area, Line, Rectangle, Scene, Text
from sumskip.seeing.graph import Edge, Fault, Node

S = (1, 16, 32, 32)
X = (1, 3, 32, 32)
CONV1 = Node("c1", "module", "conv1", S, "Conv2d(3, 16, 3×3)", variable="out1", line=10)
CONV2 = Node("c2", "module", "conv2", S, "Conv2d(16, 16, 3×3)", variable="out2", line=11)
INPUT, OUTPUT = Node("x", "input", "x", X), Node("out", "output", "output", S)


def addition(sign: str = "+", **plus: Any) -> Trace:
    """`out1 + out2`, where out2 is made from out1."""
    return Trace(
        (INPUT, CONV1, CONV2, Node("p", "op", sign, S, line=12, **plus), OUTPUT),
        (
            Edge("x", "c1", X),
            Edge("c1", "c2", S),
            Edge("c1", "p", S, 0),
            Edge("c2", "p", S, 1),
            Edge("p", "out", S),
        ),
        name="AdditionModel",
    )


def weighted(*, alpha: float = 0.5, marks: tuple[str, ...] = ()) -> Trace:
    nodes = (
        *(INPUT, CONV1, CONV2, Node("a", "parameter", "alpha", (), value=alpha, marks=marks)),
        *(Node("m1", "op", "×", S), Node("1", "constant", "1", None, value=1.0), Node("s", "op", "−", ())),
        *(Node("m2", "op", "×", S), Node("p", "op", "+", S), OUTPUT),
    )
    edges = (
        *(Edge("x", "c1", X), Edge("c1", "c2", S), Edge("a", "m1", (), 0), Edge("c1", "m1", S, 1)),
        *(Edge("1", "s", None, 0), Edge("a", "s", (), 1), Edge("s", "m2", (), 0), Edge("c2", "m2", S, 1)),
        *(Edge("m1", "p", S, 0), Edge("m2", "p", S, 1), Edge("p", "out", S)),
    )
    return Trace(nodes, edges, name="WeightedAdditionModel")


def nested(depth: int, each: int = 2) -> Trace:
    """A chain of `each` modules in every one of `depth` containers within one another."""
    nodes, edges, path = [INPUT], [], ()
    for sheet in range(depth):
        path = (*path, ".".join(f"layer{n}" for n in range(sheet + 1)))
        for n in range(each):
            nodes.append(Node(f"{sheet}.{n}", "module", f"{path[-1]}.conv{n}", S, path=path))
    nodes.append(OUTPUT)
    edges = [Edge(a.id, b.id, S) for a, b in pairwise(nodes)]
    boxes = tuple((name, "Sequential") for name in path)
    return Trace(tuple(nodes), tuple(edges), name="Nested", boxes=boxes)


def texts(scene: Scene) -> list[str]:
    return [shape.text for shape in scene.elements if isinstance(shape, Text)]


def boxes(scene: Scene, role: str) -> list[Rectangle]:
    return [shape for shape in scene.elements if isinstance(shape, Rectangle) and shape.role == role]


def wires(scene: Scene) -> list[Line]:
    return [shape for shape in scene.elements if isinstance(shape, Line) and shape.role == "wire"]


# --- what is drawn -------------------------------------------------------------------------------


def test_addition_shows_operators_names_and_shapes() -> None:
    """Each operator has one sign or box; wires carry the learner's names and the shapes."""
    shown = texts(picture(addition()))
    for text in ("AdditionModel", "x", "conv1", "Conv2d(3, 16, 3×3)", "conv2", "+", "output"):
        assert shown.count(text) == 1
    assert shown.count("out1") == 2  # on both of its wires
    assert shown.count("out2") == 1
    assert shown.count("1×3×32×32") == 1
    assert len(wires(picture(addition()))) == 5


@pytest.mark.parametrize("direction", ["right", "down"])
def test_a_skip_connection_goes_round_what_it_skips(direction: str) -> None:
    """The wire from out1 to + is an arc with corners, stronger than the straight ones."""
    drawn = wires(picture(addition(), direction=direction))  # type: ignore[arg-type]
    arcs = [wire for wire in drawn if len(wire.points) > 2]
    straight = [wire for wire in drawn if len(wire.points) == 2]
    assert len(arcs) == 1
    assert arcs[0].stroke_width > max(wire.stroke_width for wire in straight)


def test_alpha_is_pinned_beside_its_sign_with_its_value() -> None:
    """The formula can be read off: alpha beside one ×, 1 − alpha beside the other, both with values."""
    scene = picture(weighted(alpha=0.3))
    shown = texts(scene)
    assert "alpha = 0.3" in shown
    assert "1 − alpha = 0.7" in shown
    assert len(boxes(scene, "badge")) == 2
    signs = [box for box in boxes(scene, "node") if box.width == box.height]
    assert len(signs) == 3  # ×, ×, +: the − is written in its badge
    for badge in boxes(scene, "badge"):
        assert min(abs(badge.x + badge.width / 2 - (sign.x + sign.width / 2)) for sign in signs) < 1


def test_a_pin_says_what_happened_to_its_parameter() -> None:
    """Marks of a parameter are drawn beside the operator whose badge it is."""
    scene = picture(weighted(marks=("gradient stops here",)))
    assert texts(scene).count("gradient stops here") == 2
    assert len(boxes(scene, "tag")) == 2


def test_the_same_tensor_twice_makes_two_wires() -> None:
    """`o + o` has two wires, and they do not lie on each other."""
    trace = Trace(
        (Node("o", "input", "o", S), Node("p", "op", "+", S), OUTPUT),
        (Edge("o", "p", S, 0), Edge("o", "p", S, 1), Edge("p", "out", S)),
    )
    into = [wire for wire in wires(picture(trace)) if wire.points[-1] != wires(picture(trace))[-1].points[-1]]
    assert len(wires(picture(trace))) == 3
    assert len({wire.points[-1] for wire in into}) == 2


def test_marks_are_words_in_a_dashed_frame() -> None:
    """Colour is not what carries a mark."""
    scene = picture(addition(marks=("overwrites",)))
    assert "overwrites" in texts(scene)
    assert [box.dash for box in boxes(scene, "tag")] == ["4 2"]


def test_what_was_not_looked_inside_has_a_dashed_box() -> None:
    """A region that the tracer left out is one box that says so."""
    lstm = Node("l", "module", "lstm", S, "LSTM(8, 16)", marks=("not looked inside",))
    scene = picture(Trace((INPUT, lstm, OUTPUT), (Edge("x", "l", X), Edge("l", "out", S))))
    assert "not looked inside" in texts(scene)
    assert [box.dash for box in boxes(scene, "node")] == ["", "6 4", ""]


def test_stretching_is_drawn_and_said() -> None:
    """A broadcast operand's wire widens, and its label says to what."""
    small = (1, 1, 32, 32)
    nodes = (INPUT, CONV1, Node("s", "module", "squeeze", small, "Conv2d(16, 1, 1×1)"))
    plus = Node("p", "op", "+", S, marks=("stretches (1, 1, 32, 32)",))
    edges = (Edge("x", "c1", X), Edge("c1", "s", S), Edge("c1", "p", S, 0), Edge("s", "p", small, 1))
    scene = picture(Trace((*nodes, plus, OUTPUT), (*edges, Edge("p", "out", S))))
    assert "stretched to 1×16×32×32" in texts(scene)
    assert "stretches (1, 1, 32, 32)" not in texts(scene)  # said once
    assert len([shape for shape in scene.elements if isinstance(shape, Area)]) == 1


def test_a_write_through_a_view_is_dashed() -> None:
    """The dashed edge of a trace is a dashed wire."""
    trace = addition()
    edges = (*trace.edges[:-1], Edge("p", "out", S, dashed=True))
    drawn = wires(picture(Trace(trace.nodes, edges)))
    assert [wire.dash for wire in drawn if wire.dash] == ["6 4"]


def test_gradients_are_written_beside_their_wires() -> None:
    """Each number stands at its edge, a badge's in the badge, and a note says what the numbers are."""
    trace = addition()
    edges = tuple(
        Edge(e.source, e.target, e.shape, e.argument, gradient=float(n)) for n, e in enumerate(trace.edges, 7)
    )
    shown = texts(picture(Trace(trace.nodes, edges)))
    for n in range(7, 12):
        assert shown.count(f"gradient {n}") == 1
    assert any(text.startswith("gradient: what flowed back") for text in shown)


# --- containers ----------------------------------------------------------------------------------


def test_containers_are_boxes_with_their_class() -> None:
    """A container is drawn around what ran in it; inside it names are short."""
    scene = picture(nested(2))
    assert len(boxes(scene, "container")) == 2
    shown = texts(scene)
    assert "layer0 · Sequential" in shown
    assert "layer1 · Sequential" in shown
    assert shown.count("conv0") == 2


@pytest.mark.parametrize("direction", ["right", "down"])
def test_a_wire_goes_on_up_to_the_edge_of_its_box(direction: str) -> None:
    """Also where the box is as wide as its name, and what is inside is narrower."""
    path = ("a_container_with_a_long_name",)
    nodes = (INPUT, Node("o", "op", "+", X, path=path), Node("q", "op", "×", X, path=path), OUTPUT)
    edges = (Edge("x", "o", X), Edge("o", "q", X), Edge("o", "out", X), Edge("q", "out", X))
    scene = picture(Trace(nodes, edges), direction=direction)  # type: ignore[arg-type]
    [box] = boxes(scene, "container")
    far = box.x + box.width if direction == "right" else box.y + box.height
    along = 0 if direction == "right" else 1
    ends = sorted(wire.points[-1][along] for wire in wires(scene) if wire.points[0][along] < far)
    assert ends[-2:] == pytest.approx([far, far])
    assert [wire.points[0][along] for wire in wires(scene)].count(far) == 2


def test_depth_closes_containers() -> None:
    """At depth 0 a container is one box that says how much is inside; deeper, it is open."""
    closed = picture(nested(3), depth=0)
    assert boxes(closed, "container") == []
    assert "6 operators inside" in texts(closed)
    once = picture(nested(3), depth=1)
    assert len(boxes(once, "container")) == 1
    assert "4 operators inside" in texts(once)


def test_a_box_is_opened_by_its_name() -> None:
    """With what it is in, and nothing else; several are opened together."""
    one, other = ("a", "a.b"), ("c", "c.d")
    nodes = [
        INPUT,
        *(
            Node(f"{n}", "op", "relu", S, path=path)
            for n, path in enumerate([one, one[:1], other, other[:1]])
        ),
        OUTPUT,
    ]
    trace = Trace(tuple(nodes), tuple(Edge(a.id, b.id, S) for a, b in pairwise(nodes)))
    assert titles(picture(trace, open="a.b")) == ["a", "b"]
    assert titles(picture(trace, open=["c.d", "a"])) == ["a", "c", "d"]
    assert titles(picture(trace, open=[])) == []
    assert trace.to_svg(open=["a.b", "c.d"]) == trace.to_svg()
    assert trace.to_png(open="a")[:4] == b"\x89PNG"


def titles(scene: Scene) -> list[str]:
    """What is written in the upper left corner of each open box."""
    corners = {(box.x + 12, box.y + 15) for box in boxes(scene, "container")}
    return [
        shape.text for shape in scene.elements if isinstance(shape, Text) and (shape.x, shape.y) in corners
    ]


def test_a_module_called_twice_is_two_boxes() -> None:
    """Two calls, one after the other with something in between, do not become one box."""
    nodes = [
        INPUT,
        *(Node(str(n), "op", "relu", S, path=("block",) if n != 1 else ()) for n in range(3)),
        OUTPUT,
    ]
    edges = [Edge(a.id, b.id, S) for a, b in pairwise(nodes)]
    assert len(boxes(picture(Trace(tuple(nodes), tuple(edges))), "container")) == 2


def two_exits(swapped: bool) -> Trace:
    """A box that gives back what its first layer made, and its second, which are added outside."""
    inside = (replace(CONV1, path=("two",)), replace(CONV2, path=("two",)))
    edges = (
        *(Edge("x", "c1", X), Edge("c1", "c2", S)),
        *(Edge("c1", "p", S, int(swapped)), Edge("c2", "p", S, int(not swapped)), Edge("p", "out", S)),
    )
    return Trace((INPUT, *inside, Node("p", "op", "+", S), OUTPUT), tuple(sorted(edges, key=order)))


def order(edge: Edge) -> tuple[str, int]:
    return edge.target, edge.argument


def heavy(scene: Scene, trace: Trace) -> set[str]:
    """What travels on the wires that are drawn as skip connections, by the operator that made it."""
    thick = [wire for wire in wires(scene) if wire.stroke_width > 2]
    return {trace.edges[place].source for wire in thick for place in wire.edges}


@pytest.mark.parametrize("direction", ["right", "down"])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_box_with_two_exits(swapped: bool, direction: Any) -> None:
    """`low + high` and `high + low`: what goes round the second layer is the skip, all the way, and the
    two never become one wire; closed, the box and the sum are neighbours, and there is none."""
    trace = two_exits(swapped)
    opened = picture(trace, direction=direction)
    assert heavy(opened, trace) == {"c1"}
    closed = picture(trace, depth=0, direction=direction)
    assert heavy(closed, trace) == set()
    for scene in (opened, closed):
        into = [w for w in wires(scene) if {trace.edges[n].target for n in w.edges} == {"p"}]
        [box] = boxes(scene, "container") or [b for b in boxes(scene, "node") if b.width > 100]
        far = box.x + box.width if direction == "right" else box.y + box.height
        outside = [w for w in into if w.points[0][direction == "down"] == pytest.approx(far)]
        assert len({w.points[0] for w in outside}) == len({w.points[-1] for w in outside}) == 2


def test_two_results_of_one_operator_are_two_wires_and_no_skip() -> None:
    """`a, b = x.chunk(2)`, then `a + b`; a third result that goes round the sum does."""
    nodes = (INPUT, Node("k", "op", "chunk"), Node("p", "op", "+", S), Node("q", "op", "+", S), OUTPUT)
    edges = (Edge("x", "k", X), *(Edge("k", "p", S, n, output=n) for n in range(2)), Edge("p", "q", S))
    near = Trace(nodes, (*edges, Edge("q", "out", S)))
    assert heavy(picture(near), near) == set()
    far = Trace(nodes, (*edges, Edge("k", "q", S, 1, output=2), Edge("q", "out", S)))
    thick = [wire.edges for wire in wires(picture(far)) if wire.stroke_width > 2]
    assert thick == [(4,)]
    starts = [w.points[0] for w in wires(picture(far)) if far.edges[w.edges[0]].source == "k"]
    assert len(set(starts)) == 3


def test_a_large_model_is_closed_until_it_fits_and_says_so() -> None:
    """Nobody has to ask for the depth; what is closed is said, and how to open it."""
    scene = picture(nested(8, each=6))
    assert scene.height < 1900
    assert any("depth=" in text for text in texts(scene))


def test_an_enormous_chain_is_folded_with_a_note() -> None:
    """Beginning and end are shown, the middle is a box with the number of operators, in short time."""
    nodes = [INPUT, *(Node(str(n), "op", "relu", S) for n in range(5000)), OUTPUT]
    edges = [Edge(a.id, b.id, S) for a, b in pairwise(nodes)]
    start = time.perf_counter()
    shown = texts(picture(Trace(tuple(nodes), tuple(edges))))
    assert time.perf_counter() - start < 5
    assert any(re.fullmatch(r"49\d\d operators inside", text) for text in shown)
    assert "drawn as one box" in " ".join(shown)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"direction": "left"}, "'left' came"),
        ({"depth": -1}, "-1 came"),
        ({"depth": True}, "True came"),
        ({"depth": "2"}, "'2' came"),
        ({"open": "conv1"}, "of which there are: none; 'conv1' came"),
        ({"open": [], "depth": 1}, "give one of them"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], words: str) -> None:
    """The error says what is possible and what came."""
    with pytest.raises(ValueError, match=words):
        addition().to_svg(**options)
    with pytest.raises(ValueError, match="scale is between"):
        addition().to_png(scale=0)


# --- faults --------------------------------------------------------------------------------------


def failing() -> Trace:
    fault = Fault(
        node="p",
        shapes=(X, S),
        message="The size of tensor a (3) must match the size of tensor b (16) at non-singleton dimension 1",
        sentence="3 and 16 in dimension 1: sizes must be equal, or one of them 1",
        source_line="return x + out2",
        line=12,
        expression="x + out2",
        clash=1,
        rows=(("x", ("1", "3", "32", "32")), ("out2", ("1", "16", "32", "32"))),
    )
    edges = (Edge("x", "c1", X), Edge("c1", "c2", S), Edge("x", "p", X, 0), Edge("c2", "p", S, 1))
    return Trace((INPUT, CONV1, CONV2, Node("p", "op", "+", line=12)), edges, fault, "SkipFromX")


def test_a_fault_is_marked_explained_and_located() -> None:
    """The operator says that it failed, the shapes stand in columns, the clash is framed and named."""
    scene = picture(failing())
    shown = texts(scene)
    assert "fails here" in shown
    assert "clash in dimension 1" in shown
    assert "3 and 16 in dimension 1: sizes must be equal, or one of them 1" in " ".join(shown)
    assert "return x + out2" in shown
    assert "line 12" in shown
    assert "output" not in shown
    cells = {
        s.text: s for s in scene.elements if isinstance(s, Text) and s.text in ("3", "16") and s.size > 12
    }
    assert cells["3"].x == cells["16"].x  # one column
    assert cells["3"].bold
    assert cells["16"].bold
    underline = [s for s in scene.elements if isinstance(s, Line) and not s.role and s.stroke_width > 2]
    line = next(s for s in scene.elements if isinstance(s, Text) and s.text == "return x + out2")
    assert len(underline) == 1
    assert line.bounds()[0] < underline[0].points[0][0]
    assert underline[0].points[1][0] == pytest.approx(line.bounds()[2])  # the expression ends the line


def test_a_long_source_line_keeps_the_expression_in_sight() -> None:
    """What failed is shown, and underlined, however long its line is."""
    trace = failing()
    assert trace.fault
    line = "result = first(" + "a, " * 40 + "x + out2" + ", b" * 40 + ")"
    fault = Fault(**{**trace.fault.__dict__, "source_line": line[:100], "expression": "a, a"})
    shown = texts(picture(Trace(trace.nodes, trace.edges, fault)))
    assert any("a, a" in text for text in shown)


def framed(trace: Trace) -> list[str]:
    """The cells of the fault's table that are written bold, column by column."""
    cells = [s for s in picture(trace).elements if isinstance(s, Text) and s.text.isdigit() and s.size > 12]
    return [s.text for s in sorted(cells, key=lambda s: (s.x, s.y)) if s.bold]


def test_every_clashing_dimension_is_framed() -> None:
    """Where two dimensions do not fit, both are marked; a stretched one is not."""
    trace = failing()
    assert trace.fault
    rows = (("x", ("1", "16", "8", "8")), ("out2", ("4", "16", "4", "4")))
    fault = Fault(**{**trace.fault.__dict__, "rows": rows, "clash": 2})
    assert framed(Trace(trace.nodes, trace.edges, fault)) == ["8", "4", "8", "4"]


def test_a_matrix_product_frames_columns_against_rows() -> None:
    """4×3 @ 4×5: the 3 of the one and the 4 of the other clash."""
    trace = failing()
    assert trace.fault
    rows = (("a", ("4", "3")), ("b", ("4", "5")))
    fault = Fault(**{**trace.fault.__dict__, "rows": rows, "clash": 1})
    nodes = (*trace.nodes[:-1], Node("p", "op", "@"))
    assert framed(Trace(nodes, trace.edges, fault)) == ["4", "3"]


def test_a_fault_without_shapes_has_no_table() -> None:
    """A type error needs no dimensions."""
    trace = failing()
    fault = Fault("p", (), "message", "+ was given a Tensor and a str", "return x + 'one'")
    assert "dimension" not in texts(picture(Trace(trace.nodes, trace.edges, fault)))


# --- files ---------------------------------------------------------------------------------------


def test_svg_stands_alone() -> None:
    """Well-formed XML with an accessible name, no script, no link, a ground of its own."""
    svg = weighted().to_svg()
    root = ET.fromstring(svg)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == weighted().alt_text
    assert root[0].tag.endswith("title")
    assert root[1].attrib["fill"] == "#ffffff"
    assert not re.search(r"<script|<image|<a |href|url\(|http(?!://www.w3.org/2000/svg)", svg)


def test_png_has_the_size_of_the_svg() -> None:
    """PNG and SVG draw one scene; scale 2 doubles the pixels."""
    scene = picture(addition())
    png = addition().to_png(scale=2)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    w, h = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    assert abs(w - 2 * scene.width) <= 1
    assert abs(h - 2 * scene.height) <= 1


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_a_notebook_gets_an_image_with_alternative_text() -> None:
    """One `<img>`: inline SVG is removed from notebooks that are not trusted. The text is beside it, and
    no PNG: notebooks show the HTML where there is both."""
    bundle = addition()._repr_mimebundle_()
    assert sorted(bundle) == ["text/html", "text/plain"]
    [(tag, attributes)] = Tags(bundle["text/html"]).found
    assert tag == "img"
    assert attributes["alt"] == addition().alt_text
    assert attributes["style"] == "max-width:100%"
    source = attributes["src"] or ""
    assert source.startswith("data:image/svg+xml;base64,")
    assert base64.b64decode(source.split(",")[1]).decode() == addition().to_svg()
    assert bundle["text/plain"] == addition().to_text()


def test_repr_is_short_and_cheap() -> None:
    """Printing a list of traces draws nothing."""
    assert repr(addition()) == "<Trace of AdditionModel: 5 nodes, 5 edges>"
    assert repr(failing()) == "<Trace of SkipFromX: 4 nodes, 4 edges, failed>"


def test_showing_a_picture_does_not_load_matplotlib() -> None:
    """Only a PNG needs it, and a cell shows none: loading it takes most of a second."""
    program = (
        "import sys; from sumskip.seeing.compare import Comparison\n"
        "from sumskip import Trace; from sumskip.seeing.graph import Node\n"
        "trace = Trace((Node('x', 'input', 'x'),), ())\n"
        "for shown in trace, Comparison((trace, trace)):\n"
        "    shown._repr_mimebundle_()\n"
        "print('matplotlib' in sys.modules)"
    )
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "False"


# --- what comes from elsewhere -------------------------------------------------------------------

NASTY = '</title><script>alert("1")</script><img src=x onerror=alert(1)>\'"&\x00\x1b[31m\u202e\ud800$x^2$'


def hostile() -> dict[str, Any]:
    """A description of a trace by somebody who wants to harm its reader."""
    node = {
        "label": NASTY,
        "type_name": NASTY,
        "variable": NASTY,
        "marks": [NASTY] * 50,
        "shape": [2**62] * 40,
    }
    return {
        "name": NASTY,
        "nodes": [
            {"id": NASTY, "kind": "input", **node},
            {"id": "in/x", "kind": "module", **node, "path": [NASTY, NASTY]},
            {"id": "out/x", "kind": "op", **node, "path": [NASTY] * 40, "value": float("nan")},
            {"id": "p", "kind": "parameter", **node, "value": float("inf")},
        ],
        "edges": [
            {"source": NASTY, "target": "in/x", "gradient": float("nan")},
            {"source": "in/x", "target": "out/x", "shape": [], "argument": -5},
            {"source": "p", "target": "out/x", "argument": 2**60},
            {"source": "out/x", "target": "in/x"},  # round in a circle
            {"source": "out/x", "target": "out/x"},
            {"source": "nowhere", "target": "out/x"},
        ],
        "fault": {
            **{"node": "out/x", "shapes": [[1] * 60] * 60, "message": NASTY * 50, "sentence": NASTY * 50},
            **{"source_line": NASTY * 50, "expression": NASTY, "clash": 99, "line": -1},
            **{"rows": [[NASTY, [NASTY] * 60]] * 60},
        },
        "notes": [NASTY] * 100,
        "boxes": [[NASTY, NASTY]] * 100,
    }


def test_names_cannot_break_out_of_the_picture() -> None:
    """Whatever a label says is text: in the SVG, in the HTML around it, in the PNG and in the outline."""
    trace = Trace.from_dict(hostile())
    for direction in ("auto", "right", "down"):
        svg = trace.to_svg(direction=direction)  # type: ignore[arg-type]
        root = ET.fromstring(svg)
        assert {element.tag.split("}")[1] for element in root.iter()} <= {
            *("svg", "title", "rect", "path", "polygon", "text")
        }
        svg.encode("utf-8")
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", svg)
        attributes = {name for element in root.iter() for name in element.attrib}
        assert not [name for name in attributes if name.startswith("on") or "href" in name]
    html = trace._repr_mimebundle_()["text/html"]
    assert [tag for tag, _ in Tags(html).found] == ["img"]
    assert "\x1b" not in trace.to_text()
    assert trace.to_png()[:4] == b"\x89PNG"


def test_every_pair_of_many_nodes_connected_is_drawn_in_bounded_time_and_size() -> None:
    """A picture has a limit, whatever it is made from."""
    nodes = tuple(Node(str(n), "op", "+", S, path=(str(n % 7),)) for n in range(400))
    edges = tuple(Edge(str(a), str(b), S) for a in range(400) for b in range(a + 1, 400))
    start = time.perf_counter()
    svg = Trace(nodes, edges).to_svg()
    assert time.perf_counter() - start < 20
    assert len(svg) < 1_000_000
    assert "are not drawn" in svg or "drawn as one box" in svg


def test_an_empty_trace_is_drawn() -> None:
    """Nothing ran, and that can be shown."""
    ET.fromstring(Trace((), ()).to_svg())
    assert Trace((), ()).to_text() == "forward pass"


@pytest.mark.parametrize(
    "change",
    [
        {"nodes": [{"id": 1, "kind": "op", "label": "+"}]},
        {"nodes": [{"id": "1", "kind": "script", "label": "+"}]},
        {"nodes": [{"id": "1", "kind": "op", "label": "+", "shape": ["1"]}]},
        {"nodes": [{"id": "1", "kind": "op", "label": "+", "shape": [2**70]}]},
        {"nodes": [{"id": "1", "kind": "op", "label": "+", "marks": "overwrites"}]},
        {"nodes": [{"id": "1", "kind": "op", "label": "+", "value": True}]},
        {"nodes": [{"id": "1", "kind": "op", "label": "+", "surprise": 1}]},
        {"nodes": 7},
        {"edges": [{"source": "a", "target": None}]},
        {"fault": {"node": "1"}},
        {"name": 3},
        {"notes": [3]},
        {"boxes": [["a"]]},
    ],
)
def test_what_is_no_trace_is_refused(change: dict[str, Any]) -> None:
    """`from_dict` lets nothing through that a drawing would stumble over."""
    with pytest.raises(ValueError, match=r"expected the dict that Trace.to_dict\(\) makes"):
        Trace.from_dict({**Trace((), ()).to_dict(), **change})
