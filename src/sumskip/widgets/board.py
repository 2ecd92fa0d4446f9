"""How the wiring board is drawn: two boxes, their wires, and which of them are filled so far."""

from __future__ import annotations

from collections.abc import Sequence

from sumskip.drawing.scene import Box, Line, Point, Scene, Text
from sumskip.widgets.fill import Wire, Wiring

WIDTH, HEIGHT = 760, 170
INK, QUIET, PAPER, LIT = "#1b1f24", "#8a9099", "#ffffff", "#fff3c4"
TOP, LOW, MIDDLE, BOTTOM = 46.0, 66.0, 92.0, 138.0  # the heights at which wires run
BOX_WIDTH, BOX_HEIGHT = 108.0, 42.0

# From, to: the wire's corners and the middle of its label. The boxes stand where the wires end.
Route = tuple[tuple[Point, ...], Point]
ROUTES: dict[Wiring, dict[tuple[str, str], Route]] = {
    "chain": {
        ("x", "first"): (((44, MIDDLE), (176, MIDDLE)), (110, MIDDLE)),
        ("first", "second"): (((284, MIDDLE), (436, MIDDLE)), (358, MIDDLE)),
        ("second", "out"): (((544, MIDDLE), (704, MIDDLE)), (622, MIDDLE)),
    },
    "parallel sum": {
        ("x", "first"): (((44, MIDDLE), (70, MIDDLE), (70, TOP), (216, TOP)), (143, TOP)),
        ("x", "second"): (((44, MIDDLE), (70, MIDDLE), (70, BOTTOM), (216, BOTTOM)), (143, BOTTOM)),
        ("first", "+"): (((324, TOP), (520, TOP), (520, MIDDLE - 16)), (410, TOP)),
        ("second", "+"): (((324, BOTTOM), (520, BOTTOM), (520, MIDDLE + 16)), (410, BOTTOM)),
        ("+", "out"): (((536, MIDDLE), (704, MIDDLE)), (620, MIDDLE)),
    },
    "skip sum": {
        # the labels stand above the boxes, because the wires between them are shorter than a shape
        ("x", "first"): (((44, LOW), (142, LOW)), (93, TOP)),
        ("first", "second"): (((250, LOW), (362, LOW)), (304, TOP)),
        ("first", "+"): (((262, LOW), (262, BOTTOM), (576, BOTTOM), (576, LOW + 16)), (419, BOTTOM)),
        ("second", "+"): (((470, LOW), (560, LOW)), (513, TOP)),
        ("+", "out"): (((592, LOW), (704, LOW)), (648, TOP)),
    },
}


def draw(wiring: Wiring, labels: tuple[str, str], wires: Sequence[Wire], filled: int) -> Scene:
    """One wiring with its first `filled` wires carrying their values and the last of them lit.

    Empty wires are dashed, filled ones solid, the latest one thick with a frame around its value: no
    state is told by colour alone. A wire that stays empty because its box refused is crossed out.
    """
    scene = Scene(WIDTH, HEIGHT, [Box(0, 0, WIDTH, HEIGHT, PAPER)])
    names = {"x": "x", labels[0]: "first", labels[1]: "second", "+": "+", "out": "out"}
    done = {(names[wire.source], names[wire.target]): place for place, wire in enumerate(wires[:filled])}
    # the latest wire last, so that its value lies over the others
    for ends, (points, middle) in sorted(ROUTES[wiring].items(), key=lambda item: done.get(item[0], -1)):
        place = done.get(ends)
        latest = place is not None and place == filled - 1
        refused = place is not None and wires[place].value is None
        scene.shapes.append(
            Line(
                points,
                INK if place is not None and not refused else QUIET,
                stroke_width=3 if latest else 1.6,
                dash="" if place is not None and not refused else "5 5",
                arrow=True,
            )
        )
        if place is not None:
            scene.shapes.extend(_value(wires[place].value or "✗ stops", middle, latest))
    scene.shapes.extend(_ends(wiring, labels))
    return scene


def _value(text: str, middle: Point, latest: bool) -> list[Box | Text]:
    label = Text(middle[0], middle[1] - 8, text, 16, INK, bold=latest)
    left, top, right, bottom = label.bounds()
    frame = Box(left - 5, top - 2, right - left + 10, bottom - top + 4, LIT, INK, radius=3)
    return [frame, label] if latest else [Box(left - 2, top, right - left + 4, bottom - top, PAPER), label]


def _ends(wiring: Wiring, labels: tuple[str, str]) -> list[Box | Text]:
    routes = ROUTES[wiring]
    start = routes["x", "first"][0][0]
    shapes: list[Box | Text] = [Text(start[0] - 8, start[1] + 6, "x", 18, INK, bold=True, anchor="end")]
    for name, label in zip(("first", "second"), labels, strict=True):
        x, y = next(points[-1] for (_, target), (points, _) in routes.items() if target == name)
        shapes.append(Box(x, y - BOX_HEIGHT / 2, BOX_WIDTH, BOX_HEIGHT, PAPER, INK, 6, 1.6))
        shapes.append(Text(x + BOX_WIDTH / 2, y + 5, label, 15, INK))
    out, (points, _) = next((ends, route) for ends, route in routes.items() if ends[1] == "out")
    end = points[-1]
    shapes.append(Text(end[0] + 8, end[1] + 6, "out", 16, INK, bold=True, anchor="start"))
    if out[0] == "+":
        x, y = points[0]
        shapes.append(Box(x - 32, y - 16, 32, 32, PAPER, INK, radius=16, stroke_width=1.6))
        shapes.append(Text(x - 16, y + 7, "+", 22, INK, bold=True))
    return shapes
