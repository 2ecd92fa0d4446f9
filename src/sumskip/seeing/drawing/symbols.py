"""How each thing in a picture looks: its colours, its size, its shapes.

Colours are from Okabe and Ito's palette, which colour-blind readers can tell apart; each goes with a
shape, an outline or a word, so that a grey print says the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sumskip.seeing.drawing.lettering import fit_call, fit_title, width, wrap
from sumskip.seeing.drawing.parts import Item, Link
from sumskip.seeing.drawing.scene import Area, Line, Point, Rectangle, Role, Scene, Text

GROUND, FRAME, INK, SOFT, WIRE = "#ffffff", "#c9cdd1", "#1b1b1b", "#4a4a4a", "#5c6166"
BLUE, BLUE_TINT = "#0072b2", "#e9f3fa"
ORANGE, ORANGE_TINT, ORANGE_DARK = "#e69f00", "#fff5dc", "#6b4a00"
RED, RED_TINT, RED_DARK = "#d55e00", "#fdeee4", "#8a3200"
DIM, DIM_TINT, WEDGE_FILL = "#8d9399", "#f7f8f9", "#f3d08a"
BOX_LINE, BOX_FILLS = "#80868b", ("#f6f7f8", "#eceff1")

TITLE, SMALL, SIGN = 13.0, 11.5, 18.0
WIDEST, TAG_ROOM = 190.0, 132.0
TAG_LINE, STACK_GAP, BADGE_WIRE = 14.0, 4.0, 13.0
LABEL_LINE, RUN_GAP = 14.0, 7.0
SKIP_ROOM, MOST_SKIPS = 47.0, 2  # the width of a small skip connection, and how many are drawn of one box
WEDGE = 9.0  # half the width to which a stretched wire grows


@dataclass(frozen=True)
class Block:
    """One thing that hangs beside an item: a badge, or a mark of one or more lines."""

    lines: tuple[str, ...]
    badge: bool
    parameter: bool
    width: float
    height: float
    stretched: bool = False


def core_size(item: Item) -> Point:
    """Width and height of an item that is not an open container."""
    text = width(item.title, TITLE, bold=True)
    below = width(fit_call(item.subtitle, SMALL, WIDEST - 16), SMALL)
    if item.look == "port":
        return 0.0, 0.0
    if item.look == "sign":
        return max(30.0, width(item.title, SIGN, bold=True) + 12), 30.0
    if item.look in ("terminal", "word", "tensor"):
        return min(max(text, below) + 22, WIDEST), 42.0 if item.subtitle else 28.0
    beside = SKIP_ROOM * min(len(item.skips), MOST_SKIPS) + 4 if item.skips else 0.0
    return min(max(text, below) + 16, WIDEST) + beside, 42.0 if item.subtitle else 28.0


def blocks(item: Item, narrow: bool = False) -> list[Block]:
    """What hangs beside an item: its badges, then its marks, and first of all that it failed."""
    found = []
    if item.failed:
        found.append(_tag("fails here"))
    for badge in item.badges:
        lines = [badge.words]
        if narrow and badge.value:
            lines = [badge.text, f"= {badge.value}"]
        if badge.gradient:
            lines.append(f"gradient {badge.gradient}")
        bold = badge.kind == "parameter"
        room = max(width(line, SMALL, bold) for line in lines) + 14
        found.append(Block(tuple(lines), True, bold, room, TAG_LINE * len(lines) + 7, badge.stretched))
    marks = dict.fromkeys([*(mark for badge in item.badges for mark in badge.marks), *item.marks])
    return found + [_tag(mark) for mark in marks if mark]


def _tag(mark: str) -> Block:
    lines = tuple(wrap(mark, SMALL, TAG_ROOM, lines=4))
    room = max(width(line, SMALL) for line in lines) + 12
    return Block(lines, False, False, room, TAG_LINE * len(lines) + 6)


def blocks_size(found: list[Block]) -> Point:
    """Width and height of the stack, without its distance from the item."""
    if not found:
        return 0.0, 0.0
    return max(b.width for b in found), sum(b.height for b in found) + STACK_GAP * (len(found) - 1)


def draw_core(scene: Scene, item: Item, x: float, y: float, w: float, h: float) -> None:
    """An item at (x, y), `w` × `h` pixels."""
    dim = item.lit is False
    pen = 3.4 if item.failed else 2.6 if item.lit else 1.3 if dim else 1.6
    radius, fill, stroke, dash = 6.0, BLUE_TINT, BLUE, ""
    if item.look in ("terminal", "word", "sign"):
        radius, fill, stroke = h / 2 if h < 32 else 14.0, GROUND, INK
    if item.look == "tensor":
        radius, fill, stroke, dash = 0.0, ORANGE_TINT, ORANGE_DARK, "4 3"
    if any(mark.startswith("not looked inside") for mark in item.marks):
        fill, dash = GROUND, "6 4"
    if dim:
        fill, stroke = DIM_TINT, DIM
    if item.failed:
        stroke = RED
    if item.look == "terminal" and not dim:
        pen = max(pen, 2.2)
    if item.look == "folded":
        scene.elements.append(Rectangle(x + 4, y - 4, w, h, fill, stroke, radius))
    scene.elements.append(Rectangle(x, y, w, h, fill, stroke, radius, pen, dash, "node", item.id))
    ink = SOFT if dim else INK
    drawn = item.skips[:MOST_SKIPS]
    many = f"{len(item.skips)} ×" if len(item.skips) > MOST_SKIPS else ""
    if many:
        drawn = item.skips[:1]
        middle = x + w - SKIP_ROOM * MOST_SKIPS / 2 - SKIP_ROOM / 2
        scene.elements.append(Text(middle, y + h / 2 + 8, many, SMALL, ink, bold=True))
    for n, projected in enumerate(reversed(drawn), 1):
        _draw_skip(scene, x + w - 4 - SKIP_ROOM * n, y + h / 2 + 4, projected, DIM if dim else BLUE)
    if item.skips:
        w -= SKIP_ROOM * min(len(item.skips), MOST_SKIPS) + 4
    _write(scene, item, x + w / 2, y + h / 2, w, ink)


def _draw_skip(scene: Scene, x: float, y: float, projected: bool, color: str) -> None:
    """What a closed box hides, small: something, the wire around it, and the sum where they meet.

    The wire that goes through starts at (x, y); what is projected on its way round has a box there as well.
    """
    scene.elements.append(Line(((x, y), (x + SKIP_ROOM - 2, y)), WIRE, 1.3))
    scene.elements.append(Rectangle(x + 10, y - 5, 13, 10, GROUND, color, 2, 1.3))
    around = ((x + 5, y), (x + 5, y - 14), (x + 34, y - 14), (x + 34, y - 6))
    scene.elements.append(Line(around, color, 2.0, radius=5, role="skip"))
    if projected:
        scene.elements.append(Rectangle(x + 12, y - 18, 9, 8, GROUND, color, 2, 1.3))
    scene.elements.append(Rectangle(x + 28, y - 6, 12, 12, GROUND, INK, 6, 1.3))
    scene.elements.append(Text(x + 34, y + 0.36 * SMALL, "+", SMALL, INK, bold=True))


def draw_halo(scene: Scene, x: float, y: float, w: float, h: float) -> None:
    """The dashed frame around what differs from the other models."""
    scene.elements.append(Rectangle(x - 5, y - 5, w + 10, h + 10, ORANGE_TINT, ORANGE, 9, 1.6, "5 3"))


def _write(scene: Scene, item: Item, x: float, y: float, w: float, ink: str) -> None:
    """An item's name, and what it is, around the middle (x, y) of its box."""
    if item.look == "sign":
        # the sign's own middle lies 0.31 em above its baseline
        scene.elements.append(Text(x, y + 0.31 * SIGN, item.title, SIGN, ink, bold=True))
        return
    base = y + 0.36 * TITLE
    if item.subtitle:
        base -= 8.5
        scene.elements.append(Text(x, base + 16, fit_call(item.subtitle, SMALL, w - 12), SMALL, SOFT))
    scene.elements.append(Text(x, base, fit_title(item.title, TITLE, w - 12), TITLE, ink, bold=True))


def draw_blocks(
    scene: Scene, found: list[Block], x: float, y: float, align: float, upwards: bool = False
) -> None:
    """The stack in its own rectangle at (x, y); narrower ones stand at `align` (0 left … 1 right)."""
    wide = blocks_size(found)[0]
    for block in reversed(found) if upwards else found:
        left = x + (wide - block.width) * align
        fill, stroke, dash, ink, inset = RED_TINT, RED, "4 2", RED_DARK, 6
        if block.badge:
            inset, ink = 7, INK
            fill, stroke, dash = (ORANGE_TINT, ORANGE_DARK, "") if block.parameter else (GROUND, SOFT, "2 2")
        role: Role = "badge" if block.badge else "tag"
        scene.elements.append(Rectangle(left, y, block.width, block.height, fill, stroke, 4, 1.2, dash, role))
        for n, line in enumerate(block.lines):
            base = y + 14.5 + TAG_LINE * n
            scene.elements.append(Text(left + inset, base, line, SMALL, ink, block.parameter, "start"))
        y += block.height + STACK_GAP


def draw_wire(scene: Scene, link: Link, points: tuple[Point, ...], arc: bool, arrow: bool) -> None:
    """A link's wire; what skips is stronger, what was stretched widens, a view's write is dashed."""
    edges = tuple(link.edges)
    if link.stretched:
        scene.elements.append(replace(_wedge(points[-2], points[-1], WEDGE), edges=edges))
    color, pen = (BLUE, 2.4) if arc else (WIRE, 1.5)
    if link.lit is not None:
        color, pen = (color if arc else INK, 3.2) if link.lit else (DIM, 1.3)
    dash = "6 4" if link.dashed else ""
    scene.elements.append(Line(points, color, pen, dash, arrow=arrow, role="wire", edges=edges))


def draw_badge_wire(scene: Scene, start: Point, end: Point, stretched: bool) -> None:
    """The short wire by which a badged operand enters its operator."""
    if stretched:
        scene.elements.append(_wedge(start, end, WEDGE))
    scene.elements.append(Line((start, end), WIRE, 1.5, arrow=True))


def _wedge(start: Point, end: Point, half: float) -> Area:
    """A wire that grows from thin to wide, as a tensor does that is broadcast."""
    (ax, ay), (bx, by) = start, end
    x, y = (0.0, 1.0) if abs(bx - ax) > abs(by - ay) else (1.0, 0.0)
    spread = [(ax, ay, -1.5), (bx, by, -half), (bx, by, half), (ax, ay, 1.5)]
    return Area(tuple((px + d * x, py + d * y) for px, py, d in spread), WEDGE_FILL)


Run = tuple[str, bool]  # some words, and whether they are bold
Words = tuple[Run, ...]


def label_lines(link: Link, joined: bool) -> list[Words]:
    """A wire's label as lines of runs: the learner's name for the tensor, then its shape."""
    first = [(link.name, True)] * bool(link.name) + [(link.shape, False)] * bool(link.shape)
    lines: list[Words] = [tuple(first)] if joined and first else [(run,) for run in first]
    return lines + [((remark, False),) for remark in link.remarks]


def label_size(lines: list[Words]) -> Point:
    """Width and height of a label."""
    return max(map(_line_width, lines), default=0.0), LABEL_LINE * len(lines)


def draw_label(scene: Scene, link: Link, lines: list[Words], x: float, y: float, anchor: float) -> None:
    """A label whose upper edge is at `y`; `anchor` 0 puts its left edge at x, 0.5 its middle, 1 its right."""
    edges = tuple(link.edges)
    for n, line in enumerate(lines):
        at = x - anchor * _line_width(line)
        for text, bold in line:
            base, fill = y + LABEL_LINE * n + 11, INK if bold else SOFT
            scene.elements.append(Text(at, base, text, SMALL, fill, bold, "start", True, "label", edges))
            at += width(text, SMALL, bold) + RUN_GAP


def _line_width(line: Words) -> float:
    return sum(width(text, SMALL, bold) for text, bold in line) + RUN_GAP * (len(line) - 1)
