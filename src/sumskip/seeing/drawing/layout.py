"""Graph -> positions: the coordinates of every item and the course of every wire.

Works along the flow and across it, so that one layout serves left to right and top down. Wires run in
a row of their own and change it only in a gutter or straight into their target, so that they cannot
cross an item.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

from sumskip.seeing.drawing.parts import Item, Link, Sheet
from sumskip.seeing.drawing.scene import Point
from sumskip.seeing.drawing.stripes import ARROW, LABEL_GAP, NO_FRAME, Frame, LabelOf, Size, SizeOf, Stripes
from sumskip.seeing.drawing.tracks import TRACK


@dataclass(frozen=True)
class Spot:
    """Where an item is: the low corner of its core. `side` is −1 or 1, where things hang on it."""

    item: Item
    size: Size
    along: float
    across: float
    side: int


@dataclass(frozen=True)
class Wire:
    """The course of a link; `label` is the place on the wire at the middle of its label."""

    link: Link
    points: tuple[Point, ...]
    label: Point | None
    side: int
    short: bool
    arc: bool  # it goes round other items, as a skip connection does
    trunk: Wire | None = None  # its beginning up to its fork, where another wire is drawn as well


@dataclass(frozen=True)
class Layout:
    """A sheet with its coordinates, starting at (0, 0). `line` is the main path's place across.

    `ins` and `outs` are where tensors enter and leave, across; `ranks` how many it has without them; `skips`
    are the tensors that leave after they went round something.
    """

    along: float
    across: float
    line: float
    ranks: int
    spots: list[Spot]
    wires: list[Wire]
    forks: list[Point]
    ins: dict[str, float]
    outs: dict[str, float]
    skips: frozenset[str]


def lay_out(sheet: Sheet, size_of: SizeOf, label_of: LabelOf, gap: float, frame: Frame = NO_FRAME) -> Layout:
    """Place a sheet. `gap` is the least room between ranks; `frame` is for the inside of a box."""
    stripes = Stripes(sheet, size_of, label_of, gap, frame)
    spots = []
    for id_, item in sheet.items.items():
        size, row = stripes.sizes[id_], stripes.grid.row[id_]
        begin, end = stripes.x[stripes.grid.rank[id_]], stripes.end[stripes.grid.last[id_]]
        along = (begin + end - size.along) / 2
        spots.append(Spot(item, size, along, stripes.y[row] - size.line, stripes.side[id_]))
    routes = _Routes(stripes, spots)
    ports = {spot.item.id: spot.across for spot in spots if spot.item.look == "port"}
    ins = {id_.removeprefix("in/"): y for id_, y in ports.items() if id_.startswith("in/")}
    outs = {id_.removeprefix("out/"): y for id_, y in ports.items() if id_.startswith("out/")}
    ranks = max(1, len(stripes.x) - bool(ins) - bool(outs))
    line = stripes.y[0]
    wires = routes.wires()
    skips = frozenset(w.link.tensor for w in wires if w.arc and w.link.target.startswith("out/"))
    return Layout(stripes.along, stripes.across, line, ranks, spots, wires, routes.dots(), ins, outs, skips)


class _Routes:
    """The course of each link, with the stripes given."""

    def __init__(self, stripes: Stripes, spots: list[Spot]) -> None:
        self.at = stripes
        self._spots = {spot.item.id: spot for spot in spots}
        self._points = [self._route(n) for n in range(len(stripes.links))]

    def wires(self) -> list[Wire]:
        grid = self.at.grid
        crossings = [(a, b) for route in self._points for a, b in pairwise(route) if a[0] == b[0]]
        wires = []
        for n, (link, points) in enumerate(zip(self.at.links, self._points, strict=True)):
            side, short, trunk = -1 if grid.lanes[n] < 0 else 1, self.at.short[n], None
            if n in self.at.fork and (straight := self._goes_on(n)) is not None:
                trunk = Wire(link, points[:2], None, side, short, self._arc(straight))
                points = points[1:]  # up to the fork the wire is the other one's
            wires.append(Wire(link, points, self._label(n, crossings), side, short, self._arc(n), trunk))
        return wires

    def _arc(self, n: int) -> bool:
        grid, link = self.at.grid, self.at.links[n]
        if link.tensor in self.at.sizes[link.source].skips:
            return True
        if self.at.short[n]:  # between neighbours there is nothing to go round
            return False
        if link.target.startswith("out/"):
            return grid.lanes[n] != grid.row[link.source]
        return grid.lanes[n] != 0 or grid.lanes[n] not in (grid.row[link.source], grid.row[link.target])

    def dots(self) -> list[Point]:
        """Where a tensor's wire forks."""
        leaving: dict[tuple[str, str], list[int]] = defaultdict(list)
        for n, link in enumerate(self.at.links):
            leaving[link.source, link.tensor].append(n)
        many = [n for same in leaving.values() if len(same) > 1 for n in same]
        return sorted({self._points[n][1] for n in many if n in self.at.fork})

    def _goes_on(self, n: int) -> int | None:
        """The link whose wire goes straight on from where link n forks off, if there is one."""
        link, fork = self.at.links[n], self.at.fork
        straight = (
            m
            for m, other in enumerate(self.at.links)
            if (other.source, other.tensor) == (link.source, link.tensor) and m not in fork
        )
        return next(straight, None)

    def _route(self, n: int) -> tuple[Point, ...]:
        at, link = self.at, self.at.links[n]
        lane, leave, arrive = at.y[at.grid.lanes[n]], at.leaves(n), at.arrives(n)
        source, target = self._spots[link.source], self._spots[link.target]
        first, last = at.gutters(n)
        points = [(source.along + source.size.along, leave)]
        if n in at.fork:
            track = at.end[first] + (at.lead if first == 0 else 0) + TRACK * (at.fork[n] + 0.75)
            points += [(track, leave), (track, lane)]
        if at.drops[n]:
            above = lane < arrive
            middle = target.along + target.size.along / 2 + self._spread(n, above)
            flank = target.across if above else target.across + target.size.across
            return (*points, (middle, lane), (middle, flank))
        if n in at.join:
            track = at.x[last + 1] - ARROW - TRACK * at.join[n]
            arrive += self._offset(n, lane < arrive)
            points += [(track, lane), (track, arrive)]
        return (*points, (target.along, arrive))

    def _spread(self, n: int, above: bool) -> float:
        """Wires that drop into one flank stand side by side, the one from farthest behind first."""
        at, target = self.at, self.at.links[n].target
        drops = [m for m, link in enumerate(at.links) if link.target == target and at.drops[m]]
        drops = [m for m in drops if at.links[m].owners == at.links[n].owners]  # others are never beside it
        same = [m for m in drops if (at.y[at.grid.lanes[m]] < at.arrives(m)) == above]
        same.sort(key=lambda m: abs(at.grid.lanes[m]))
        room = min(10.0, (at.sizes[target].along - 8) / max(1, len(same) - 1))
        return ((len(same) - 1) / 2 - same.index(n)) * room

    def _offset(self, n: int, above: bool) -> float:
        """A wire that joins others at its target's front arrives beside them."""
        at, target = self.at, self.at.links[n].target
        if at.items[target].inner or at.items[target].look == "port":
            return 0.0
        if sum(link.target == target for link in at.links) == 1:
            return 0.0
        same = [m for m in at.join if at.links[m].target == target]
        side = [m for m in same if (at.y[at.grid.lanes[m]] < at.arrives(m)) == above]
        room = min(8.0, (at.sizes[target].across / 2 - 3) / max(1, len(side)))
        return room * (side.index(n) + 1) * (-1 if above else 1)

    def _label(self, n: int, crossings: list[tuple[Point, Point]]) -> Point | None:
        """A short wire's label stands in its gutter, a long one's where nothing strikes through it."""
        at, along = self.at, self.at.labels[n].along
        if not along:
            return None
        lane, (first, last) = at.y[at.grid.lanes[n]], at.gutters(n)
        start, stop = at.zone[first][0], at.zone[last][1]
        if at.short[n]:
            before, after = at.free(n)
            return (start - before + stop + after) / 2, lane
        low, high = at.label_span(n)
        middle = (start + stop) / 2
        places = [middle, start + along / 2, stop - along / 2]
        places += [sum(at.zone[gutter]) / 2 for gutter in range(first, last + 1)]
        places += [(at.x[rank] + at.end[rank]) / 2 for rank in range(first + 1, last + 1)]

        def cost(place: float) -> tuple[int, float]:
            left, right = place - along / 2 - LABEL_GAP / 2, place + along / 2 + LABEL_GAP / 2
            outside = left < start - LABEL_GAP or right > stop + LABEL_GAP
            struck = [
                left < a[0] < right and min(a[1], b[1]) < high and max(a[1], b[1]) > low for a, b in crossings
            ]
            return 9 * outside + sum(struck), abs(place - middle)

        return min(places, key=cost), lane
