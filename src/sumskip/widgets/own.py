"""The learner's own model on the wiring board: one wire of its trace at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from sumskip.drawing.lettering import clean, fit, width
from sumskip.drawing.scene import Box, Line, Point, Scene, Text, to_svg
from sumskip.graph import Edge, Node, Trace
from sumskip.picture import Picture
from sumskip.trace import trace
from sumskip.widgets.board import INK, LIT, PAPER, QUIET
from sumskip.widgets.guess import Locked, ShapeGuess, shape_guess
from sumskip.widgets.live import InteractivePicture

MOST = 40  # wires; beyond, containers are closed, and then the rest is left out and said
WIDTH, ROW, BOX_WIDTH, BOX_HEIGHT, MIDDLE = 640, 68.0, 200.0, 40.0, 255.0
FIRST_LANE, LANE = 515.0, 22.0
HELD = ("parameter", "buffer", "constant")  # not made by the forward pass: they stand beside its operators


@dataclass(frozen=True)
class Step:
    """One wire of the trace and the sentence that says what it carries; no edge for the failure itself."""

    edge: Edge | None
    says: str


def own_board(guess: object, model: Any, x: Tensor) -> InteractivePicture | Locked:
    """`wiring_board` for a learner's `model` and its input `x` (N, C, H, W)."""
    committed = shape_guess(guess, "wiring_board")
    if not callable(model):
        raise TypeError(f"wiring_board takes a model to step through, got {type(model).__name__}")
    if not isinstance(x, Tensor):
        raise TypeError(f"wiring_board takes a tensor as x, such as (1, 3, 32, 32); got {type(x).__name__}")
    if committed is None:
        return Locked(
            f"x is {tuple(x.shape)}. Which shape leaves your model?",
            "wiring_board(guess=(2, 3, 8, 8), model=model, x=x)",
            'with your own shape, model and x, or with guess="error"',
        )
    traced = trace(model, x)
    shown, note = shorten(traced)
    found = steps(shown)
    verdict = beside_the_truth(committed, traced)
    scenes = [draw(shown, found, filled) for filled in range(len(found) + 1)]
    name = clean(traced.name, 40) or "your model"
    wires = sum(step.edge is not None for step in found)
    title = f"{name}{note}: {wires} wires, all empty."
    svgs = [to_svg(scene, f"{name}: {filled} wires filled") for filled, scene in enumerate(scenes)]
    board = {"wiring": name, "mode": "shape", "svgs": svgs, "says": [title, *(step.says for step in found)]}
    text = "\n".join([verdict, "", f"{name}{note}", *(f"  {step.says}" for step in found)])
    return InteractivePicture(
        "wiring",
        Picture(
            lambda: _png(scenes[-1]),
            f"Wiring board of {name}, {wires} wires. {verdict}",
            text,
            round(scenes[-1].width),
        ),
        {"boards": [board], "guess": verdict},
    )


def steps(traced: Trace) -> tuple[Step, ...]:
    """The wires of a trace in the order in which the forward pass fills them, each with its sentence.

    A wire is filled when the operator at its end is about to run. A failing operator comes last.
    """
    nodes = {node.id: node for node in traced.nodes}
    found = []
    for target in traced.nodes:
        arriving = sorted((e for e in traced.edges if e.target == target.id), key=lambda e: e.argument)
        found += [Step(edge, _says(nodes[edge.source], edge, target)) for edge in arriving]
        failed = traced.fault is not None and traced.fault.node == target.id
        marks = [mark for mark in target.marks if mark != "failed here"]
        if marks and found and not failed:
            found[-1] = replace(found[-1], says=f"{found[-1].says} {target.label}: {'; '.join(marks)}.")
    if traced.fault is not None:
        failing = nodes[traced.fault.node].label
        found.append(Step(None, f"The forward pass stops at {failing}: {traced.fault.sentence}."))
    return tuple(found)


def beside_the_truth(guess: ShapeGuess, traced: Trace) -> str:
    """The guess, and the shape that left the model or why none did."""
    mine = "an error" if guess == "error" else str(guess)
    if traced.fault is not None:
        return f"Your guess: {mine}. Your model stops: {traced.fault.sentence}."
    leaving = [str(node.shape) for node in traced.nodes if node.kind == "output"]
    return f"Your guess: {mine}. Your model gives {' and '.join(leaving)}."


def shorten(traced: Trace) -> tuple[Trace, str]:
    """The trace with at most `MOST` wires, and what was done to it, in words."""
    if len(traced.edges) <= MOST:
        return traced, ""
    boxes = dict(traced.boxes)
    home = {node.id: node.path[0] if node.path else node.id for node in traced.nodes}
    nodes: dict[str, Node] = {}
    for node in traced.nodes:
        if node.path and node.kind not in HELD:
            whole = Node(node.path[0], "module", node.path[0], node.shape, boxes.get(node.path[0], ""))
            nodes[whole.id] = whole
        elif not node.path:
            nodes[node.id] = node
    joined = [replace(edge, source=home[edge.source], target=home[edge.target]) for edge in traced.edges]
    outer = [e for e in joined if e.source != e.target and e.source in nodes and e.target in nodes]
    # several wires of one tensor into one closed box are one
    unique = list({(e.source, e.target, e.target not in boxes and e.argument): e for e in outer}.values())
    fault = replace(traced.fault, node=home[traced.fault.node]) if traced.fault else None
    note = ", containers closed"
    if len(unique) > MOST:
        note += f", the last {len(unique) - MOST} wires left out"
    return replace(traced, nodes=tuple(nodes.values()), edges=tuple(unique[:MOST]), fault=fault), note


def draw(traced: Trace, found: Sequence[Step], filled: int) -> Scene:
    """The trace from top to bottom with its first `filled` wires carrying their shapes, the last one lit."""
    drawn = [node for node in traced.nodes if node.kind not in HELD]
    row = {node.id: place for place, node in enumerate(drawn)}
    lanes = _lanes(traced, row)
    wide = max(WIDTH, FIRST_LANE + LANE * max(lanes.values(), default=0) + 16)
    scene = Scene(wide, len(drawn) * ROW + 14)
    scene.shapes.append(Box(0, 0, scene.width, scene.height, PAPER))
    nodes = {node.id: node for node in traced.nodes}
    labels: list[Box | Text] = []
    order = {id(step.edge): place for place, step in enumerate(found) if step.edge is not None}
    beside: dict[str, int] = {}  # how many wires have come to a row from the left, or into it from a lane
    points: tuple[Point, ...]
    for edge in sorted(traced.edges, key=lambda e: order[id(e)] if order[id(e)] < filled else -1):
        place = order[id(edge)]
        done, latest = place < filled, place == filled - 1
        pen = Line((), INK if done else QUIET, 3.0 if latest else 1.6, "" if done else "5 5", arrow=True)
        y, side = _y(row[edge.target]), _half(nodes[edge.target])
        if edge.source not in row:
            offset = 12.0 * beside.setdefault(f"held {edge.target}", 0)
            beside[f"held {edge.target}"] += 1
            points = ((126, y - 6 + offset), (MIDDLE - side, y - 6 + offset))
            scene.shapes.append(replace(pen, points=points))
            labels += _label(_held(nodes[edge.source]), 120, y - 3 + offset * 1.5, latest, "end")
            continue  # its label is there from the start: nothing has to run for it
        start = _y(row[edge.source])
        lane = lanes.get((edge.source, edge.target, edge.argument))
        if lane is None:
            points = ((MIDDLE, start + BOX_HEIGHT / 2), (MIDDLE, y - BOX_HEIGHT / 2))
            where = (MIDDLE + 10, (start + y) / 2 + 5)
        else:
            x, from_x = FIRST_LANE + LANE * lane, MIDDLE + _half(nodes[edge.source])
            y += 8.0 * beside.setdefault(f"lane {edge.target}", 0) - 6
            beside[f"lane {edge.target}"] += 1
            points = ((from_x, start + 6), (x, start + 6), (x, y), (MIDDLE + side, y))
            where = (MIDDLE + BOX_WIDTH / 2 + 16, start + 22)  # below its wire: above it others arrive
        scene.shapes.append(replace(pen, points=points))
        if done:
            labels += _label(_carried(edge), *where, latest, "start")
    for node in drawn:
        scene.shapes += _node(node, _y(row[node.id]), traced, filled == len(found))
    scene.shapes += labels
    return scene


def _lanes(traced: Trace, row: Mapping[str, int]) -> dict[tuple[str, str, int], int]:
    """A lane on the right for each tensor that does not only go one row down; free lanes are used again."""
    down: set[tuple[str, str]] = set()
    lanes: dict[tuple[str, str, int], int] = {}
    last: list[int] = []  # the row where each lane becomes free
    mine: dict[str, int] = {}
    ends: dict[str, int] = {}
    for edge in traced.edges:
        if edge.source in row:
            ends[edge.source] = max(ends.get(edge.source, 0), row[edge.target])
    for edge in sorted((e for e in traced.edges if e.source in row), key=lambda e: row[e.source]):
        pair = (edge.source, edge.target)
        if row[edge.target] == row[edge.source] + 1 and pair not in down:
            down.add(pair)
            continue
        if edge.source not in mine:
            free = [lane for lane, until in enumerate(last) if until <= row[edge.source]]
            mine[edge.source] = free[0] if free else len(last)
            last[mine[edge.source] :] = [ends[edge.source], *last[mine[edge.source] + 1 :]]
        lanes[(*pair, edge.argument)] = mine[edge.source]
    return lanes


def _node(node: Node, y: float, traced: Trace, finished: bool) -> list[Box | Text]:
    failed = finished and traced.fault is not None and traced.fault.node == node.id
    half = _half(node)
    radius = 6 if node.kind == "module" else BOX_HEIGHT / 2
    fill, edge = (LIT, 3.0) if failed else (PAPER, 1.6)
    box = Box(MIDDLE - half, y - BOX_HEIGHT / 2, 2 * half, BOX_HEIGHT, fill, INK, radius, edge)
    label = f"✗ {node.label}" if failed else node.label
    if not node.type_name:
        size = 20 if len(node.label) == 1 and node.kind == "op" else 14
        return [
            box,
            Text(MIDDLE, y + size / 3, fit(label, size, 2 * half - 12, bold=True), size, INK, bold=True),
        ]
    kind = Text(MIDDLE, y + 13, fit(node.type_name, 13, 2 * half - 12), 13, INK)
    return [box, Text(MIDDLE, y - 2, fit(label, 14, 2 * half - 12, bold=True), 14, INK, bold=True), kind]


def _half(node: Node) -> float:
    """Half the width of a node's box."""
    wanted = BOX_WIDTH if node.type_name else width(node.label, 14, bold=True) + 40
    return min(BOX_WIDTH, max(64.0, wanted)) / 2


def _label(text: str, x: float, y: float, latest: bool, anchor: Any) -> list[Box | Text]:
    label = Text(x, y, fit(text, 15, 140), 15, INK, bold=latest, anchor=anchor)
    left, top, right, bottom = label.bounds()
    frame = Box(left - 4, top - 2, right - left + 8, bottom - top + 4, LIT, INK, radius=3)
    return [frame, label] if latest else [label]


def _says(source: Node, edge: Edge, target: Node) -> str:
    what = "x" if source.kind == "input" and source.label == "x" else source.label
    named = f"{what}, called {source.variable}," if source.variable and source.variable != what else what
    if target.kind == "output":
        return f"{named} gives {_carried(edge)}: it leaves."
    if source.kind in HELD:
        return f"{_held(source)} goes into {target.label}."
    return f"{named} carries {_carried(edge)} into {target.label}."


def _held(node: Node) -> str:
    value = "" if node.value is None else f"{node.value:g}".replace("-", "−")
    if node.kind == "constant":
        return value or node.label
    return f"{node.label} = {value}" if value else f"{node.label} {node.shape}"


def _carried(edge: Edge) -> str:
    if edge.shape is None:
        return "a value"
    return str(edge.shape) if edge.shape else "a scalar"


def _y(row: int) -> float:
    return 12 + BOX_HEIGHT / 2 + ROW * row


def _png(scene: Scene) -> bytes:
    from sumskip.drawing.raster import to_png

    return to_png(scene)
