"""A chart on a scene: two axes, and lines, marks and words in their units."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sumskip.seeing.drawing.lettering import fit, width
from sumskip.seeing.drawing.parts import number_text
from sumskip.seeing.drawing.scene import Area, Line, Point, Rectangle, Scene, Text
from sumskip.seeing.drawing.symbols import BLUE, FRAME, GROUND, INK, RED, RED_DARK, SMALL, SOFT, TITLE

ABOVE, BELOW = 40.0, 34.0  # room for the title and y's name, and for numbers and x's name
NEXT = 15.0  # from one label to the next
MOST_POINTS = 300  # of one line; more would not be seen


@dataclass(frozen=True)
class Pen:
    """How a line looks: told apart by dash and mark as well as by colour."""

    stroke: str
    pale: str
    ink: str
    dash: str
    mark: Literal["circle", "square", "triangle", "diamond"]


PENS = (
    Pen(RED, "#efb791", RED_DARK, "", "circle"),
    Pen(BLUE, "#93c3df", "#00507d", "7 4", "square"),
    Pen(INK, "#a5a5a5", INK, "2 3", "triangle"),
    Pen("#a8508a", "#dcb6ce", "#7a3364", "11 3 2 3", "diamond"),
)


@dataclass(frozen=True)
class Axis:
    """The range of an axis, and what is written along it."""

    least: float
    most: float
    ticks: tuple[float, ...]


def axis(least: float, most: float, count: int = 5, whole: bool = False, widen: bool = True) -> Axis:
    """An axis over a range with about `count` round numbers; with `widen` it ends at such numbers."""
    if not most > least:
        least, most = least - 0.5 * widen, least + 0.5 + 0.5 * (not widen)
    step = round_step((most - least) / count, (1, 2, 5) if whole else (1, 2, 2.5, 5))
    step = max(step, 1.0) if whole else step
    first, last = math.floor(least / step + 1e-9), math.ceil(most / step - 1e-9)
    ticks = [n * step for n in range(first, last + 1)]
    if widen:
        return Axis(ticks[0], ticks[-1], tuple(ticks))
    margin = 1e-9 * (most - least)
    return Axis(least, most, tuple(t for t in ticks if least - margin <= t <= most + margin))


def round_step(least: float, heads: Sequence[float] = (1, 2.5, 5)) -> float:
    """The smallest of these numbers, times a power of ten, that is no smaller than `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(head * power for head in (*heads, 10) if head * power >= least * (1 - 1e-9))


@dataclass(frozen=True)
class Chart:
    """The plot from (left, top), `width` × `height` pixels, on a scene that others may share."""

    scene: Scene
    x: Axis
    y: Axis
    left: float
    top: float
    width: float
    height: float

    def at(self, x: float, y: float) -> Point:
        """Where a point is on the scene."""
        across = (x - self.x.least) / (self.x.most - self.x.least)
        up = (y - self.y.least) / (self.y.most - self.y.least)
        return self.left + across * self.width, self.top + (1 - up) * self.height

    def axes(self, x_name: str, y_name: str, title: str = "") -> None:
        """Both axes with their numbers and names, and lines across at y's numbers."""
        right, bottom = self.left + self.width, self.top + self.height
        edge = self.left - tick_room(self.y)
        for value in self.y.ticks:
            y = self.at(self.x.least, value)[1]
            self._stroke(((self.left, y), (right, y)), FRAME, 1)
            self._write(self.left - 6, y + 4, number_text(value), "end")
        for value in self.x.ticks:
            x = self.at(value, self.y.least)[0]
            self._stroke(((x, bottom), (x, bottom + 4)), SOFT, 1)
            self._write(x, bottom + 16, number_text(value), "middle")
        self._stroke(((self.left, self.top), (self.left, bottom), (right, bottom)), SOFT, 1)
        room = right - edge
        self._write(right, bottom + 31, fit(x_name, SMALL, room), "end")
        self._write(edge, self.top - 10, fit(y_name, SMALL, room), "start")
        if title:
            text = fit(title, TITLE, room, bold=True)
            self.scene.elements.append(Text(edge, self.top - 28, text, TITLE, INK, bold=True, anchor="start"))

    def line(self, points: Iterable[Point], stroke: str, thick: float, dash: str = "") -> None:
        """A line through points, with a gap where one is not finite; what leaves the plot is cut off."""
        for run in _finite_runs(points):
            self._stroke(tuple(self.at(*point) for point in _thinned(run)), stroke, thick, dash)

    def mark(self, x: float, y: float, pen: Pen, size: float = 4.5) -> None:
        """A small shape at a point."""
        self.scene.elements += _shape(pen.mark, *self.at(x, y), size, pen.stroke)

    def labels(self, ends: Sequence[tuple[Point, str, Pen]], room: float) -> None:
        """Words right of the plot, each level with the end of its line or as near as the others let it."""
        placed = sorted((self.at(*point), text, pen) for point, text, pen in ends)
        placed.sort(key=lambda each: each[0][1])
        heights = spread([y for (_, y), _, _ in placed], NEXT, self.top, self.top + self.height)
        for ((x, y), text, pen), height in zip(placed, heights, strict=True):
            edge = self.left + self.width + 16
            self._stroke(((x + 6, y), (edge - 4, height)), pen.stroke, 0.8)
            short = fit(text, SMALL, room, bold=True)
            self.scene.elements.append(
                Text(edge, height + 4, short, SMALL, pen.ink, bold=True, anchor="start")
            )

    def _stroke(self, points: tuple[Point, ...], stroke: str, thick: float, dash: str = "") -> None:
        self.scene.elements.append(Line(points, stroke, thick, dash, radius=0))

    def _write(self, x: float, y: float, text: str, anchor: Literal["start", "middle", "end"]) -> None:
        self.scene.elements.append(Text(x, y, text, SMALL, SOFT, anchor=anchor))


def tick_room(y: Axis) -> float:
    """How much the numbers of y take left of a plot."""
    return max(width(number_text(value), SMALL) for value in y.ticks) + 8


def spread(wanted: Sequence[float], apart: float, first: float, last: float) -> list[float]:
    """Rising places at least `apart`, near the rising ones wanted; from `first` to `last` where they fit."""
    places: list[float] = []
    for place in wanted:
        places.append(max(place, places[-1] + apart if places else first))
    limit = last
    for n in reversed(range(len(places))):
        places[n] = min(places[n], limit)
        limit = places[n] - apart
    return places


def _finite_runs(points: Iterable[Point]) -> Iterator[list[Point]]:
    run: list[Point] = []
    for point in points:
        if all(map(math.isfinite, point)):
            run.append(point)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _thinned(run: list[Point]) -> list[Point]:
    """A long line by the least and the most of each stretch, so that no peak is lost."""
    if len(run) <= MOST_POINTS:
        return run
    size = math.ceil(2 * len(run) / MOST_POINTS)
    kept = {0, len(run) - 1}
    for start in range(0, len(run), size):
        stretch = range(start, min(start + size, len(run)))
        kept |= {min(stretch, key=lambda n: run[n][1]), max(stretch, key=lambda n: run[n][1])}
    return [run[n] for n in sorted(kept)]


def _shape(mark: str, x: float, y: float, r: float, colour: str) -> list[Area | Rectangle]:
    if mark in ("circle", "square"):
        side = r if mark == "circle" else 0.9 * r
        rounding = r if mark == "circle" else 0
        return [Rectangle(x - side, y - side, 2 * side, 2 * side, colour, GROUND, rounding, 1)]
    corners = {
        "triangle": ((0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)),
        "diamond": ((0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)),
    }[mark]
    sizes = ((r + 1.5, GROUND), (r, colour))
    return [Area(tuple((x + size * dx, y + size * dy) for dx, dy in corners), c) for size, c in sizes]
