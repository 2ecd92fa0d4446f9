"""A picture as a list of elements, and its SVG.

The drawing code makes one `Scene`; the SVG writer here and the PNG writer in `raster` both draw that,
so the two cannot come to show different things. Coordinates are pixels from the upper left corner.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html import escape
from typing import Literal

from sumskip.seeing.drawing.lettering import FONTS, width

Point = tuple[float, float]
Role = Literal["", "node", "container", "badge", "label", "tag", "wire", "skip", "ground"]


@dataclass(frozen=True)
class Rectangle:
    """A rectangle; with `radius` at half its height a pill, and at half of both a circle."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    stroke: str = "none"
    radius: float = 0
    stroke_width: float = 1.2
    dash: str = ""
    role: Role = ""
    item: str = ""  # the id of the item whose body it is


@dataclass(frozen=True)
class Line:
    """A line through `points` with rounded corners, ending in an arrow head where `arrow` is set."""

    points: tuple[Point, ...]
    stroke: str
    stroke_width: float = 1.4
    dash: str = ""
    radius: float = 10
    arrow: bool = False
    role: Role = ""
    edges: tuple[int, ...] = ()  # places in the trace of those that it draws


@dataclass(frozen=True)
class Area:
    """A filled polygon."""

    points: tuple[Point, ...]
    fill: str
    role: Role = ""
    edges: tuple[int, ...] = ()


@dataclass(frozen=True)
class Text:
    """One line of text; `y` is its baseline."""

    x: float
    y: float
    text: str
    size: float
    fill: str
    bold: bool = False
    anchor: Literal["start", "middle", "end"] = "middle"
    halo: bool = False  # a white edge, so that a wire behind it does not strike it through
    role: Role = ""
    edges: tuple[int, ...] = ()

    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom."""
        w = width(self.text, self.size, self.bold)
        left = self.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor] * w
        return left, self.y - 0.78 * self.size, left + w, self.y + 0.24 * self.size


Element = Rectangle | Line | Area | Text


@dataclass
class Scene:
    """Shapes on a ground of `width` × `height` pixels; later ones cover earlier ones."""

    width: float = 0
    height: float = 0
    elements: list[Element] = field(default_factory=list)

    def place(self, other: Scene, x: float, y: float) -> None:
        """Draw `other` with its upper left corner at (x, y)."""
        self.elements.extend(moved(element, x, y) for element in other.elements)


def moved(element: Element, dx: float, dy: float) -> Element:
    """The same element elsewhere."""
    if isinstance(element, Line | Area):
        return replace(element, points=tuple((x + dx, y + dy) for x, y in element.points))
    return replace(element, x=element.x + dx, y=element.y + dy)


def strokes(line: Line) -> Iterator[tuple[str, tuple[Point, ...]]]:
    """The pen's moves along a line: `M` and `L` to a point, `Q` round a corner to another."""
    points = line.points
    yield "M", (points[0],)
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        if not line.radius:
            yield "L", (corner,)
            continue
        near = min(line.radius, _distance(before, corner) / 2, _distance(corner, after) / 2)
        yield "L", (_towards(corner, before, near),)
        yield "Q", (corner, _towards(corner, after, near))
    # the line stops inside its arrow head, whose tip must stay sharp
    yield "L", (_towards(points[-1], points[-2], 5) if line.arrow else points[-1],)


def head(line: Line) -> tuple[Point, ...]:
    """The three corners of a line's arrow head."""
    (x, y), (bx, by) = line.points[-1], _towards(line.points[-1], line.points[-2], 8)
    px, py = (by - y) * 0.45, (x - bx) * 0.45
    return (x, y), (bx + px, by + py), (bx - px, by - py)


def to_svg(scene: Scene, title: str, grouped: bool = False) -> str:
    """The scene as an SVG document with `title` as its accessible name; the same bytes every time.

    With `grouped`, what draws an edge of the trace is in a group that names it, `<g data-edges="3 7">`, and
    what is an item's body in `<g data-item="…">`.
    """
    w, h = _number(scene.width), _number(scene.height)
    name = escape(title)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" '
        f'role="img" aria-label="{name}" font-family="{FONTS}">',
        f"<title>{name}</title>",
    ]
    for element in scene.elements:
        written = _SVG[type(element)](element)  # type: ignore[operator]
        group = _group(element) if grouped else ""
        parts += [f"<g {group}>", *written, "</g>"] if group else written
    parts.append("</svg>\n")
    return "\n".join(parts)


def _group(element: Element) -> str:
    if isinstance(element, Rectangle):
        return f'data-item="{escape(element.item)}"' if element.item else ""
    return f'data-edges="{" ".join(map(str, element.edges))}"' if element.edges else ""


def _box(box: Rectangle) -> Iterator[str]:
    radius = f' rx="{_number(box.radius)}"' if box.radius else ""
    yield (
        f'<rect x="{_number(box.x)}" y="{_number(box.y)}" width="{_number(box.width)}" '
        f'height="{_number(box.height)}"{radius} fill="{box.fill}"{_stroke(box)}/>'
    )


def _line(line: Line) -> Iterator[str]:
    path = "".join(move + " ".join(map(_pair, points)) for move, points in strokes(line))
    yield f'<path d="{path}" fill="none"{_stroke(line)}/>'
    if line.arrow:
        yield from _area(Area(head(line), line.stroke))


def _area(area: Area) -> Iterator[str]:
    yield f'<polygon points="{" ".join(map(_pair, area.points))}" fill="{area.fill}"/>'


def _text(text: Text) -> Iterator[str]:
    bold = ' font-weight="bold"' if text.bold else ""
    anchor = f' text-anchor="{text.anchor}"' if text.anchor != "start" else ""
    halo = _HALO if text.halo else ""
    yield (
        f'<text x="{_number(text.x)}" y="{_number(text.y)}" font-size="{_number(text.size)}" '
        f'fill="{text.fill}"{bold}{anchor}{halo}>{escape(text.text)}</text>'
    )


_HALO = ' stroke="#ffffff" stroke-width="3" stroke-linejoin="round" paint-order="stroke"'
_SVG = {Rectangle: _box, Line: _line, Area: _area, Text: _text}


def _stroke(element: Rectangle | Line) -> str:
    if element.stroke == "none":
        return ""
    dash = f' stroke-dasharray="{element.dash}"' if element.dash else ""
    return f' stroke="{element.stroke}" stroke-width="{_number(element.stroke_width)}"{dash}'


def _number(value: float) -> str:
    text = f"{value:.1f}"
    text = text.removesuffix(".0")
    return "0" if text == "-0" else text


def _pair(point: Point) -> str:
    return f"{_number(point[0])},{_number(point[1])}"


def _distance(a: Point, b: Point) -> float:
    return ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5


def _towards(start: Point, goal: Point, distance: float) -> Point:
    whole = _distance(start, goal)
    share = distance / whole if whole else 0.0
    return start[0] + (goal[0] - start[0]) * share, start[1] + (goal[1] - start[1]) * share
