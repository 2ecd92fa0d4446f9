"""How wide each rank and each row of a picture is, and what happens in the gutters between ranks.

A rank is a stripe across the flow, wide enough for its items; between two ranks lies a gutter, where
wires change rows and the labels of short wires stand. A row is a stripe along the flow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sumskip.seeing.drawing.grid import Grid, Want, arrange
from sumskip.seeing.drawing.parts import Item, Link, Sheet
from sumskip.seeing.drawing.rows import WIRE_ROOM, Rows
from sumskip.seeing.drawing.tracks import TRACK, Change, assign

ARROW, LABEL_GAP = 16.0, 5.0
APART = 8.0  # between the wires of two results of one operator
NO_LABEL_IN, NO_LABEL_OUT = 18.0, 10.0  # from a box's edge to its first item, and from its last one


@dataclass(frozen=True)
class Size:
    """How much room an item takes along and across the flow.

    `line` is where its row's wire meets it, from its low edge. `beside` is what hangs on it, badges and
    marks, on the side that is free. `ins` and `outs` are a box's doors, relative to the line; `span`
    is how many ranks a box takes up, as many as there are inside; `skips` are the tensors that leave it
    after they went round something inside.
    """

    along: float
    across: float
    line: float
    beside_along: float = 0
    beside_across: float = 0
    ins: Mapping[str, float] = field(default_factory=dict)
    outs: Mapping[str, float] = field(default_factory=dict)
    span: int = 1
    skips: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Label:
    """The room of a wire's label: its block on the wire's outer side, and what stands across from it."""

    along: float = 0
    across: float = 0
    far_along: float = 0
    far_across: float = 0


@dataclass(frozen=True)
class Frame:
    """What a box needs inside: room for its name before the flow, and where no wire enters or leaves."""

    lead: float = 0
    edge: float = 0


NO_FRAME = Frame()
SizeOf = Callable[[Item], Size]
LabelOf = Callable[[Link, bool], Label]  # a link, and whether it is short
Span = tuple[float, float]


class Stripes:
    """The rows' and ranks' places for one sheet. `gap` is the least room between two ranks."""

    def __init__(self, sheet: Sheet, size_of: SizeOf, label_of: LabelOf, gap: float, frame: Frame) -> None:
        self.items, self.links = sheet.items, sheet.links
        self.gap, self.lead, self.edge = gap, frame.lead, frame.edge
        self.sizes = {id_: size_of(item) for id_, item in self.items.items()}
        first = {id_ for id_ in self.items if id_.startswith("in/")}
        last = {id_ for id_, item in self.items.items() if id_.startswith("out/") or _is_output(item)}
        wants = {id_: Want(self.sizes[id_].span, _weight(item)) for id_, item in self.items.items()}
        self.grid: Grid = arrange(
            wants,
            [(link.source, link.target, link.tensor) for link in self.links],
            first,
            last,
            [link.owners for link in self.links],
            {id_: size.outs for id_, size in self.sizes.items()},
        )
        self.outs = self._outs()
        self.short = [self.gutters(n)[0] == self.gutters(n)[1] for n in range(len(self.links))]
        self.labels = [
            Label() if self._repeats(n) else label_of(link, self.short[n])
            for n, link in enumerate(self.links)
        ]
        self.side = self._sides()
        self.y = self._rows()
        self.fork, self.join = self._changes()
        self.x, self.end, self.zone = self._ranks()

    def gutters(self, n: int) -> tuple[int, int]:
        """The first and the last gutter that link n runs through."""
        return self.grid.last[self.links[n].source], self.grid.rank[self.links[n].target] - 1

    def leaves(self, n: int) -> float:
        """Where link n leaves its source, across."""
        link = self.links[n]
        return self.y[self.grid.row[link.source]] + self.outs[link.source].get(link.tensor, 0)

    def arrives(self, n: int) -> float:
        """Where link n arrives at its target, across."""
        link = self.links[n]
        return self.y[self.grid.row[link.target]] + self.sizes[link.target].ins.get(link.tensor, 0)

    def label_span(self, n: int) -> Span:
        """From where to where link n's label reaches, across."""
        lane, label = self.grid.lanes[n], self.labels[n]
        y, near, far = self.y[lane], label.across, label.far_across
        near, far = near + LABEL_GAP * (near > 0), far + LABEL_GAP * (far > 0)
        return (y - near, y + far) if lane < 0 else (y - far, y + near)

    def free(self, n: int) -> Span:
        """Room for short link n's label inside its ends' ranks, before and after its gutter.

        What hangs beside an item is often wider than the item; the label may stand above or below it.
        """
        label, side = self.labels[n], -1 if self.grid.lanes[n] < 0 else 1
        found = []
        for end, reserved in ((self.links[n].source, self._before), (self.links[n].target, self._after)):
            size = self.sizes[end]
            block = label.across if self.side[end] == side else label.far_across
            clear = not size.beside_across or block + LABEL_GAP <= size.across / 2 + 2 * LABEL_GAP
            own = self.grid.row[end] == self.grid.lanes[n] and size.span == 1
            room = (self._wide[self.grid.rank[end]] - size.along) / 2
            found.append(room if clear and own and not reserved[self.gutters(n)[0]] else 0.0)
        return found[0], found[1]

    def _repeats(self, n: int) -> bool:
        """Whether link n begins as the same wire as another that is labelled already."""
        same = (self.links[n].source, self.links[n].tensor, self.grid.lanes[n])
        return self.short[n] and any(
            (self.links[m].source, self.links[m].tensor, self.grid.lanes[m]) == same
            for m in range(len(self.links))
            if m < n or (m > n and not self.short[m])
        )

    def _outs(self) -> dict[str, Mapping[str, float]]:
        """Where each tensor leaves its item: several results of one operator leave side by side."""
        outs = {id_: size.outs for id_, size in self.sizes.items()}
        leaving: dict[str, dict[str, list[int]]] = defaultdict(dict)
        for n, link in enumerate(self.links):
            leaving[link.source].setdefault(link.tensor, []).append(self.grid.lanes[n])
        for id_, lanes in leaving.items():
            if len(lanes) == 1 or self.items[id_].inner is not None or self.items[id_].look == "port":
                continue
            row = self.grid.row[id_]
            order = sorted(lanes, key=lambda tensor: (sum(lanes[tensor]) / len(lanes[tensor]), tensor))
            straight = next((n for n, tensor in enumerate(order) if row in lanes[tensor]), len(order) // 2)
            farthest = max(straight, len(order) - 1 - straight)
            step = min(APART, (self.sizes[id_].across / 2 - 3) / farthest)
            outs[id_] = {tensor: (n - straight) * step for n, tensor in enumerate(order)}
        return outs

    def _sides(self) -> dict[str, int]:
        """Things hang below a row, or above one that is itself above, but not where wires arrive."""
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
        """Each row's place across: as near to the one before as what stands in the same stripes allows."""
        used = [0, *self.grid.row.values(), *self.grid.lanes]
        rows = Rows(min(used), max(used))
        for id_, size in self.sizes.items():
            hang, side, row = size.beside_across, self.side[id_], self.grid.row[id_]
            before, after = size.line + hang * (side < 0), size.across - size.line + hang * (side > 0)
            rows.need(row, 2 * self.grid.rank[id_], 2 * self.grid.last[id_], before, after)
        for n, label in enumerate(self.labels):
            lane, (first, last) = self.grid.lanes[n], self.gutters(n)
            outer = label.across + LABEL_GAP * (label.across > 0)
            inner = label.far_across + LABEL_GAP * (label.far_across > 0)
            before, after = (outer, inner) if lane < 0 else (inner, outer)
            rows.need(lane, 2 * first + 1, 2 * last + 1, max(before, WIRE_ROOM), max(after, WIRE_ROOM))
            if self.short[n]:  # a label may use room beside its ends, too
                rows.need(lane, 2 * first, 2 * first + 2, before, after)
            if lane != self.grid.row[self.links[n].target]:
                rows.need(lane, 2 * last + 2, 2 * last + 2, WIRE_ROOM, WIRE_ROOM)
        y, self.across = rows.place()
        return y

    def _drops(self, n: int) -> bool:
        """Whether link n can go straight across from its lane into the target's flank."""
        lane, target = self.grid.lanes[n], self.links[n].target
        item, row, rank = self.items[target], self.grid.row[target], self.grid.rank[target]
        if item.inner or item.look == "port" or lane == row:
            return False
        if (1 if lane > row else -1) == self.side[target] and self.sizes[target].beside_across:
            return False
        rows = range(lane, row) if lane < row else range(row + 1, lane + 1)
        return not any(
            self.grid.rank[i] <= rank <= self.grid.last[i] and self.grid.row[i] in rows for i in self.items
        )

    def _on_one_line(self, m: int, n: int) -> bool:
        """Whether two links that go straight into different items would lie on one another."""
        a, b = self.links[m].target, self.links[n].target
        if a == b or self.grid.rank[a] != self.grid.rank[b]:
            return False
        (a_low, a_high), (b_low, b_high) = (
            sorted((self.grid.lanes[k], self.grid.row[item])) for k, item in ((m, a), (n, b))
        )
        return a_low < b_high and b_low < a_high

    def _changes(self) -> tuple[dict[int, int], dict[int, int]]:
        """For each link that changes rows in a gutter, near its start or its end, the track it takes."""
        forks: dict[int, list[Change]] = defaultdict(list)
        joins: dict[int, list[Change]] = defaultdict(list)
        self.drops: list[bool] = []
        for n in range(len(self.links)):
            beside = any(dropped and self._on_one_line(m, n) for m, dropped in enumerate(self.drops))
            self.drops.append(self._drops(n) and not beside)
        for n, link in enumerate(self.links):
            lane, (first, last) = self.y[self.grid.lanes[n]], self.gutters(n)
            if abs(lane - self.leaves(n)) > 0.5:
                forks[first].append(Change(self.leaves(n), lane, f"{link.source} {link.tensor}", n))
            if not self.drops[n] and abs(lane - self.arrives(n)) > 0.5:
                joins[last].append(Change(self.arrives(n), lane, str(n), n))
        fork = {n: track for gutter in forks.values() for n, track in assign(gutter).items()}
        join = {n: track for gutter in joins.values() for n, track in assign(gutter).items()}
        self._forks, self._joins = forks, joins
        return fork, join

    def _ranks(self) -> tuple[list[float], list[float], list[Span]]:
        """For each rank where it begins and ends, and for each gutter where labels may stand."""
        ranks = max(self.grid.last.values(), default=0) + 1
        self._wide = wide = [0.0] * ranks
        for id_, size in self.sizes.items():
            if size.span == 1:
                wide[self.grid.rank[id_]] = max(wide[self.grid.rank[id_]], size.along, size.beside_along)
        self._before, self._after = before, after = [0.0] * ranks, [0.0] * ranks
        middle = [self._gap(gutter) for gutter in range(ranks - 1)] + [0.0]
        for gutter in range(ranks - 1):
            here = [n for n, short in enumerate(self.short) if short and self.gutters(n)[0] == gutter]
            here = [n for n in here if self.labels[n].along]
            forks, joins = self._forks[gutter], self._joins[gutter]
            fork = TRACK * max((self.fork[c.link] + 1 for c in forks), default=0)
            join = TRACK * max((self.join[c.link] + 1 for c in joins), default=0) + ARROW * bool(joins)
            if self._struck(forks, here, fork):
                before[gutter], fork = fork, 0
            if self._struck(joins, here, join):
                after[gutter], join = join, 0
            room = [self.labels[n].along + LABEL_GAP + 3 - sum(self.free(n)) for n in here]
            middle[gutter] = max(middle[gutter], *room, fork + join + TRACK)
        doors = {id_.split("/")[0] for id_ in self.items}
        place = 0.0
        if "in" in doors:
            before[0] += self.lead
        elif self.edge:
            place, self.lead = self.lead + self.edge, 0.0
        self._widen(wide, middle, before, after)
        x, end, zone = [], [], []
        for rank in range(ranks):
            x.append(place)
            end.append(place + wide[rank])
            start = end[-1] + before[rank]
            zone.append((start, start + middle[rank]))
            place = start + middle[rank] + after[rank]
        self.along = end[-1] + (0 if "out" in doors else self.edge)
        return x, end, zone

    def _gap(self, gutter: int) -> float:
        """Boxes keep short what leads to their edges, where a label stands outside."""
        across = [
            link for n, link in enumerate(self.links) if self.gutters(n)[0] <= gutter <= self.gutters(n)[1]
        ]
        if across and all(link.source.startswith("in/") for link in across):
            return NO_LABEL_IN
        if across and all(link.target.startswith("out/") for link in across):
            return NO_LABEL_OUT
        return self.gap

    def _struck(self, changes: list[Change], links: list[int], room: float) -> bool:
        """Whether a wire that changes rows would strike through a label in its gutter."""
        for n in links:
            label, (low, high) = self.labels[n], self.label_span(n)
            lane = self.y[self.grid.lanes[n]]
            if label.far_along + 2 * room < label.along:  # a short name in the middle leaves room
                low, high = (low, min(high, lane)) if self.grid.lanes[n] < 0 else (max(low, lane), high)
            if any(change.low < high - 1 and low < change.high - 1 for change in changes):
                return True
        return False

    def _widen(self, wide: list[float], middle: list[float], before: list[float], after: list[float]) -> None:
        """Give the gutters what long labels and boxes over several ranks need beyond what is there."""

        def room(first: int, last: int) -> float:
            gutters = sum(before[g] + middle[g] + after[g] for g in range(first, last))
            return sum(wide[first + 1 : last]) + gutters

        for n, label in enumerate(self.labels):
            first, last = self.gutters(n)
            lacking = label.along + 2 * TRACK - room(first, last + 1)
            if not self.short[n] and lacking > 0:
                middle[first] += lacking
        for id_, size in self.sizes.items():
            first, last = self.grid.rank[id_], self.grid.last[id_]
            if size.span == 1:
                continue
            lacking = size.along - room(first, last) - wide[first] - wide[last]
            for gutter in range(first, last):
                middle[gutter] += max(0.0, lacking) / (last - first)


def _is_output(item: Item) -> bool:
    return item.node is not None and item.node.kind == "output"


def _weight(item: Item) -> int:
    return {"port": 0, "terminal": 0, "sign": 1, "word": 1, "tensor": 1}.get(item.look, 3)
