"""Trace -> positions: the coordinates of every item and the course of every wire.

Works along the flow and across it, so that one layout serves left to right and top down. A rank is a
stripe across, wide enough for its items; between two ranks lies a gutter, where wires change rows
and where the labels of short wires stand. A row is a stripe along. Wires run in their own row and
change it only in a gutter or straight into their target, so they cannot cross an item.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from sumskip.grid import Grid, arrange
from sumskip.view import Item, Level, Link

ROW_GAP, TRACK, ARROW, LABEL_GAP = 13.0, 12.0, 16.0, 5.0


@dataclass(frozen=True)
class Size:
    """How much room an item takes along and across the flow.

    `line` is where its row's wire meets it, from its low edge. `beside` is what hangs on it, pins and
    marks, on the side that is free. `ins` and `outs` are a box's doors, relative to the line.
    """

    along: float
    across: float
    line: float
    beside_along: float = 0
    beside_across: float = 0
    ins: Mapping[str, float] = field(default_factory=dict)
    outs: Mapping[str, float] = field(default_factory=dict)


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
    """The course of a link; `label` is the middle of its label's edge nearest to the wire."""

    link: Link
    points: tuple[tuple[float, float], ...]
    label: tuple[float, float] | None
    side: int
    short: bool
    arc: bool


@dataclass
class Layout:
    """A level with its coordinates, starting at (0, 0). `line` is the main path's place across."""

    along: float
    across: float
    line: float
    spots: list[Spot]
    wires: list[Wire]
    forks: list[tuple[float, float]]
    ins: dict[str, float]
    outs: dict[str, float]


SizeOf = Callable[[Item], Size]
LabelOf = Callable[[Link, bool], tuple[float, float]]  # a link, whether it is short -> along, across


def lay_out(level: Level, size_of: SizeOf, label_of: LabelOf, gap: float, lead: float = 0) -> Layout:
    """Place a level. `gap` is the least room between ranks, `lead` what the first gutter has more."""
    return _Placing(level, size_of, label_of, gap, lead).layout()


def _weight(item: Item) -> int:
    return {"port": 0, "terminal": 0, "sign": 1, "word": 1, "tensor": 1}.get(item.look, 3)


class _Placing:
    def __init__(self, level: Level, size_of: SizeOf, label_of: LabelOf, gap: float, lead: float) -> None:
        self.items, self.links = level.items, level.links
        self.gap, self.lead = gap, lead
        first = {id_ for id_ in self.items if id_.startswith("in/")}
        last = {id_ for id_, item in self.items.items() if id_.startswith("out/") or _is_output(item)}
        weights = {id_: _weight(item) for id_, item in self.items.items()}
        self.grid: Grid = arrange(weights, [(link.source, link.target) for link in self.links], first, last)
        self.sizes = {id_: size_of(item) for id_, item in self.items.items()}
        self.short = [self._span(n) == 1 for n in range(len(self.links))]
        self.labels = [label_of(link, short) for link, short in zip(self.links, self.short, strict=True)]
        self.side = self._sides()
        self.y = self._rows()
        self.fork, self.join = self._tracks()
        self.x, self.end, self.zone = self._columns()

    def _span(self, n: int) -> int:
        return self.grid.rank[self.links[n].target] - self.grid.rank[self.links[n].source]

    def _sides(self) -> dict[str, int]:
        """Things hang below a row, above the rows that are themselves above, but not where wires arrive."""
        busy: dict[str, set[int]] = defaultdict(set)
        for link, lane in zip(self.links, self.grid.lanes, strict=True):
            row = self.grid.row[link.target]
            if lane != row:
                busy[link.target].add(1 if lane > row else -1)
        sides = {}
        for id_, row in self.grid.row.items():
            wanted = 1 if row >= 0 else -1
            sides[id_] = -wanted if busy[id_] == {wanted} else wanted
        return sides

    def _rows(self) -> dict[int, float]:
        before: dict[int, float] = defaultdict(lambda: 4.0)
        after: dict[int, float] = defaultdict(lambda: 4.0)
        for id_, size in self.sizes.items():
            row, side = self.grid.row[id_], self.side[id_]
            hang = size.beside_across
            before[row] = max(before[row], size.line + hang * (side < 0))
            after[row] = max(after[row], size.across - size.line + hang * (side > 0))
        for lane, (_, across) in zip(self.grid.lanes, self.labels, strict=True):
            room = before if lane < 0 else after
            room[lane] = max(room[lane], across + LABEL_GAP if across else 0)
        rows = [0, *self.grid.row.values(), *self.grid.lanes]
        y, place = {}, 0.0
        for row in range(min(rows), max(rows) + 1):
            place += before[row]
            y[row] = place
            place += after[row] + ROW_GAP
        self.across = place - ROW_GAP
        return y

    def _out(self, n: int) -> float:
        """Where link n leaves its source, across."""
        link = self.links[n]
        return self.y[self.grid.row[link.source]] + self.sizes[link.source].outs.get(link.tensor, 0)

    def _in(self, n: int) -> float:
        link = self.links[n]
        return self.y[self.grid.row[link.target]] + self.sizes[link.target].ins.get(link.tensor, 0)

    def _drops(self, n: int) -> bool:
        """Whether link n can go straight across from its lane into the target's flank."""
        link, lane = self.links[n], self.grid.lanes[n]
        target, row = link.target, self.grid.row[link.target]
        item = self.items[target]
        if item.inner or item.look == "port" or lane == row:
            return False
        side = 1 if lane > row else -1
        if side == self.side[target] and self.sizes[target].beside_across:
            return False
        between = range(min(lane, row) + 1, max(lane, row))
        rank = self.grid.rank[target]
        return not any(self.grid.rank[i] == rank and self.grid.row[i] in between for i in self.items)

    def _tracks(self) -> tuple[dict[int, int], dict[int, int]]:
        """For each link that changes rows in a gutter, at its start or end, the track it does so in."""
        forks: dict[int, list[tuple[float, float, str, int]]] = defaultdict(list)
        joins: dict[int, list[tuple[float, float, str, int]]] = defaultdict(list)
        self.drops = [self._drops(n) for n in range(len(self.links))]
        for n, link in enumerate(self.links):
            lane = self.y[self.grid.lanes[n]]
            if abs(lane - self._out(n)) > 0.5:
                low, high = sorted((lane, self._out(n)))
                forks[self.grid.rank[link.source]].append((low, high, f"{link.source} {link.tensor}", n))
            if not self.drops[n] and abs(lane - self._in(n)) > 0.5:
                low, high = sorted((lane, self._in(n)))
                joins[self.grid.rank[link.target] - 1].append((low, high, str(n), n))
        self.spans = (
            {g: [s[:2] for s in forks[g]] for g in forks},
            {g: [s[:2] for s in joins[g]] for g in joins},
        )
        self.most = (
            {g: _assign(spans) for g, spans in forks.items()},
            {g: _assign(s) for g, s in joins.items()},
        )
        fork = {n: track for by_link in self.most[0].values() for n, track in by_link.items()}
        join = {n: track for by_link in self.most[1].values() for n, track in by_link.items()}
        return fork, join

    def _free(self, n: int, wide: list[float]) -> tuple[float, float]:
        """Room for link n's label inside its ends' ranks, before and after its gutter.

        What hangs beside an item is often wider than the item; the label may stand above or below it.
        """
        lane, across = self.grid.lanes[n], self.labels[n][1] + LABEL_GAP
        found = []
        for end in (self.links[n].source, self.links[n].target):
            size = self.sizes[end]
            same_row = self.grid.row[end] == lane and not self.items[end].inner
            apart = self.side[end] != (-1 if lane < 0 else 1) or not size.beside_across
            clear = same_row and (apart or across <= size.across / 2 + LABEL_GAP * 2)
            found.append((wide[self.grid.rank[end]] - size.along) / 2 if clear else 0.0)
        return found[0], found[1]

    def _label_span(self, n: int) -> tuple[float, float]:
        lane, across = self.grid.lanes[n], self.labels[n][1]
        y = self.y[lane]
        return (y - LABEL_GAP - across, y) if lane < 0 else (y, y + LABEL_GAP + across)

    def _columns(self) -> tuple[list[float], list[float], list[tuple[float, float]]]:
        """For each rank where it begins and ends, and for each gutter where labels may stand."""
        ranks = max(self.grid.rank.values(), default=0) + 1
        wide = [0.0] * ranks
        for id_, size in self.sizes.items():
            rank = self.grid.rank[id_]
            wide[rank] = max(wide[rank], size.along, size.beside_along)
        before, middle, after = [0.0] * ranks, [self.gap] * ranks, [0.0] * ranks
        before[0] += self.lead
        for gutter in range(ranks - 1):
            here = [
                n for n, s in enumerate(self.short) if s and self.grid.rank[self.links[n].source] == gutter
            ]
            spans = [self._label_span(n) for n in here if self.labels[n][0]]
            forks, joins = (spans_.get(gutter, []) for spans_ in self.spans)
            fork = TRACK * (1 + max(self.most[0].get(gutter, {0: -1}).values()))
            join = TRACK * (1 + max(self.most[1].get(gutter, {0: -1}).values())) + ARROW * bool(joins)
            if _overlap(forks, spans):
                before[gutter] += fork
                fork = 0
            if _overlap(joins, spans):
                after[gutter] += join
                join = 0
            room = [
                self.labels[n][0]
                + 2 * LABEL_GAP
                - (0 if before[gutter] else out)
                - (0 if after[gutter] else in_)
                for n in here
                if self.labels[n][0]
                for out, in_ in [self._free(n, wide)]
            ]
            middle[gutter] = max(middle[gutter], *room, fork + join + TRACK)
        for n, link in enumerate(self.links):  # a long wire's label must find room as well
            first, last = self.grid.rank[link.source], self.grid.rank[link.target]
            inner = sum(wide[first + 1 : last]) + sum(middle[first:last])
            if not self.short[n] and inner < self.labels[n][0] + 2 * TRACK:
                middle[first] += self.labels[n][0] + 2 * TRACK - inner
        self.wide, self.reserved = wide, (before, after)
        x, end, zone, place = [], [], [], 0.0
        for rank in range(ranks):
            x.append(place)
            end.append(place + wide[rank])
            start = end[-1] + before[rank]
            zone.append((start, start + middle[rank]))
            place = start + middle[rank] + after[rank]
        self.along = end[-1] if end else 0.0
        return x, end, zone

    def layout(self) -> Layout:
        spots = []
        for id_, item in self.items.items():
            size, rank, row = self.sizes[id_], self.grid.rank[id_], self.grid.row[id_]
            along = (self.x[rank] + self.end[rank] - size.along) / 2
            spots.append(Spot(item, size, along, self.y[row] - size.line, self.side[id_]))
        self.at = {spot.item.id: spot for spot in spots}
        routes = [self._route(n) for n in range(len(self.links))]
        ups = [(a, b) for route in routes for a, b in pairwise(route) if a[0] == b[0]]
        wires = []
        for n, (link, route) in enumerate(zip(self.links, routes, strict=True)):
            lane = self.grid.lanes[n]
            arc = not self.short[n] or lane not in (self.grid.row[link.source], self.grid.row[link.target])
            side = -1 if lane < 0 else 1
            wires.append(Wire(link, route, self._label(n, ups), side, self.short[n], arc))
        ports = {id_: self.y[self.grid.row[id_]] for id_, item in self.items.items() if item.look == "port"}
        ins = {id_.removeprefix("in/"): y for id_, y in ports.items() if id_.startswith("in/")}
        outs = {id_.removeprefix("out/"): y for id_, y in ports.items() if id_.startswith("out/")}
        return Layout(self.along, self.across, self.y[0], spots, wires, self._dots(routes), ins, outs)

    def _route(self, n: int) -> tuple[tuple[float, float], ...]:
        link, lane = self.links[n], self.y[self.grid.lanes[n]]
        source, target = self.at[link.source], self.at[link.target]
        leave, arrive = self._out(n), self._in(n)
        points = [(source.along + source.size.along, leave)]
        if n in self.fork:
            gutter = self.grid.rank[link.source]
            at = self.end[gutter] + (self.lead if gutter == 0 else 0) + TRACK * (self.fork[n] + 0.75)
            points += [(at, leave), (at, lane)]
        if self.drops[n]:
            above = lane < arrive
            at = target.along + target.size.along / 2 + self._spread(n, above)
            low, high = target.across, target.across + target.size.across
            return (*points, (at, lane), (at, low if above else high))
        if n in self.join:
            rank = self.grid.rank[link.target]
            at = self.x[rank] - ARROW - TRACK * self.join[n]
            arrive += self._offset(n, lane < arrive)
            points += [(at, lane), (at, arrive)]
        return (*points, (target.along, arrive))

    def _spread(self, n: int, above: bool) -> float:
        """Wires that drop into one flank stand side by side."""
        same = [
            m
            for m in range(len(self.links))
            if self.links[m].target == self.links[n].target
            and self.drops[m]
            and (self.y[self.grid.lanes[m]] < self._in(m)) == above
        ]
        room = min(10.0, (self.sizes[self.links[n].target].along - 8) / max(1, len(same) - 1))
        return (same.index(n) - (len(same) - 1) / 2) * room

    def _offset(self, n: int, above: bool) -> float:
        """A wire that joins others at its target's front arrives beside them."""
        target = self.links[n].target
        if self.items[target].inner or self.items[target].look == "port":
            return 0.0
        same = [m for m in self.join if self.links[m].target == target]
        alone = len(same) == 1 and sum(link.target == target for link in self.links) == 1
        side = [m for m in same if (self.y[self.grid.lanes[m]] < self._in(m)) == above]
        room = min(8.0, (self.sizes[target].across / 2 - 3) / max(1, len(side)))
        return 0.0 if alone else room * (side.index(n) + 1) * (-1 if above else 1)

    def _label(
        self, n: int, ups: list[tuple[tuple[float, float], tuple[float, float]]]
    ) -> tuple[float, float] | None:
        along, _ = self.labels[n]
        if not along:
            return None
        link, lane = self.links[n], self.grid.lanes[n]
        first, last = self.grid.rank[link.source], self.grid.rank[link.target]
        y = self.y[lane] + LABEL_GAP * (-1 if lane < 0 else 1)
        if self.short[n]:
            start, stop = self.zone[first]
            out, in_ = self._free(n, self.wide)
            start -= 0 if self.reserved[0][first] else out
            stop += 0 if self.reserved[1][first] else in_
            return (start + stop) / 2, y
        low, high = self._label_span(n)
        start, stop = self.zone[first][0], self.zone[last - 1][1]
        middle = (start + stop) / 2
        places = [middle] + [sum(self.zone[g]) / 2 for g in range(first, last)]
        places += [(self.x[rank] + self.end[rank]) / 2 for rank in range(first + 1, last)]
        places += [start + along / 2, stop - along / 2]

        def struck(place: float) -> int:
            left, right = place - along / 2 - 3, place + along / 2 + 3
            outside = left < start - 6 or right > stop + 6
            return 9 * outside + sum(
                left < a[0] < right and min(a[1], b[1]) < high and max(a[1], b[1]) > low for a, b in ups
            )

        return min(places, key=lambda place: (struck(place), abs(place - middle))), y

    def _dots(self, routes: list[tuple[tuple[float, float], ...]]) -> list[tuple[float, float]]:
        """Where a tensor's wire forks."""
        leaving: dict[tuple[str, str], list[int]] = defaultdict(list)
        for n, link in enumerate(self.links):
            leaving[link.source, link.tensor].append(n)
        dots = {routes[n][1] for same in leaving.values() if len(same) > 1 for n in same if n in self.fork}
        return sorted(dots)


def _is_output(item: Item) -> bool:
    return item.node is not None and item.node.kind == "output"


def _assign(spans: list[tuple[float, float, str, int]]) -> dict[int, int]:
    """A track for each span, so that spans of different wires in one track do not touch."""
    tracks: list[list[tuple[float, float, str]]] = []
    found = {}
    for low, high, wire, n in sorted(spans, key=lambda s: (s[1] - s[0], s[3])):
        for place, track in enumerate(tracks):
            if all(wire == other or high + 4 < a or b + 4 < low for a, b, other in track):
                track.append((low, high, wire))
                found[n] = place
                break
        else:
            tracks.append([(low, high, wire)])
            found[n] = len(tracks) - 1
    return found


def _overlap(spans: list[tuple[float, float]], others: list[tuple[float, float]]) -> bool:
    return any(a < d - 1 and c < b - 1 for a, b in spans for c, d in others)
