"""Where in a grid each item goes: its rank along the flow, and its row beside the main path.

The longest path is row 0, a straight line. Everything else is a detour from it and back: an arc with
a row of its own above (negative) or below, the short ones nearest. A detour without anything on it
is a skip connection. Nothing is random, and ties go to what ran first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Grid:
    """An item lies in ranks `rank` to `last`; link i travels in row `lanes[i]` between its two ends."""

    rank: dict[str, int]
    last: dict[str, int]
    row: dict[str, int]
    lanes: list[int]


@dataclass
class _Detour:
    items: list[str]  # those it visits and that have no place before
    links: list[int]
    start: str | None
    end: str | None
    row: int = 0
    first: float = 0  # the ranks it lies strictly between
    last: float = 0


Owners = frozenset[int]
Ends = tuple[str, str, str]  # from item, to item, and which tensor travels


@dataclass(frozen=True)
class Want:
    """How many ranks an item takes up, and how much it belongs on the main path."""

    span: int = 1
    weight: int = 1


def arrange(
    wants: Mapping[str, Want],
    links: Sequence[Ends],
    first: set[str],
    last: set[str],
    owners: Sequence[Owners] = (),
    outs: Mapping[str, Mapping[str, float]] | None = None,
) -> Grid:
    """The grid for items in an order in which links lead forwards.

    `first` and `last` are items that belong at the two ends. `owners` says in which of several
    pictures on one grid each link is drawn; links that never meet may share a row. `outs` are the places,
    across, where tensors leave boxes: what leaves above what goes straight on stays above it.
    """
    doors = [(outs or {}).get(source, {}).get(tensor, 0.0) for source, _, tensor in links]
    items = list(wants)
    out: dict[str, list[int]] = {item: [] for item in items}
    into: dict[str, list[int]] = {item: [] for item in items}
    for n, (source, target, _) in enumerate(links):
        out[source].append(n)
        into[target].append(n)
    span = {item: want.span for item, want in wants.items()}
    rank: dict[str, int] = {}
    for item in items:
        begin = int(bool(first) and item not in first)
        rank[item] = max((rank[links[n][0]] + span[links[n][0]] for n in into[item]), default=begin)
    inner = max((rank[item] + span[item] for item in items if item not in last), default=0)
    rank.update((item, inner) for item in items if item in last)
    main, main_links = _main_path(wants, links, out, doors)
    for item in reversed(items):  # off the main path, next to what follows: two `×` before a `+` align
        if item not in main and item not in first and out[item]:
            rank[item] = min(rank[links[n][1]] for n in out[item]) - span[item]
    end = {item: rank[item] + span[item] - 1 for item in items}
    lanes = dict.fromkeys(main_links, 0)
    grid = Grid(rank, end, dict.fromkeys(main, 0), [])
    straight = {links[n][0]: doors[n] for n in main_links}
    above = [door - straight.get(link[0], 0.0) for door, link in zip(doors, links, strict=True)]
    _Rows(grid, links, owners or [frozenset()] * len(links), above).place_all(
        _detours(items, links, out, set(main), set(main_links)), lanes
    )
    grid.lanes.extend(lanes[n] for n in range(len(links)))
    return grid


def _main_path(
    wants: Mapping[str, Want], links: Sequence[Ends], out: Mapping[str, list[int]], doors: Sequence[float]
) -> tuple[list[str], list[int]]:
    """The longest path, among those the one with the most weight, and then the straightest out of boxes."""
    best: dict[str, tuple[int, int, float]] = {}
    step: dict[str, int] = {}
    for item in reversed(list(wants)):
        span, weight = wants[item].span, wants[item].weight
        best[item] = (span, weight, 0.0)
        for n in out[item]:
            steps, more, bends = best[links[n][1]]
            found = (steps + span, more + weight, bends - abs(doors[n]))
            if found > best[item]:
                best[item] = found
                step[item] = n
    if not best:
        return [], []
    item = max(wants, key=best.__getitem__)
    path, taken = [item], []
    while item in step:
        taken.append(step[item])
        item = links[step[item]][1]
        path.append(item)
    return path, taken


def _detours(
    items: list[str],
    links: Sequence[Ends],
    out: Mapping[str, list[int]],
    placed: set[str],
    used: set[int],
) -> list[_Detour]:
    """The rest of the graph as paths, each from and to something that is placed before it."""
    found = []
    for item in items:
        if item not in placed:  # nothing led here: it starts a path of its own
            found.append(_walk(item, None, links, out, placed, used))
        for n in out[item]:
            if n not in used:
                used.add(n)
                found.append(_walk(links[n][1], n, links, out, placed, used))
    return found


def _walk(
    item: str,
    link: int | None,
    links: Sequence[Ends],
    out: Mapping[str, list[int]],
    placed: set[str],
    used: set[int],
) -> _Detour:
    detour = _Detour([], [] if link is None else [link], None if link is None else links[link][0], None)
    while item not in placed:
        placed.add(item)
        detour.items.append(item)
        free = [n for n in out[item] if n not in used]
        if not free:
            return detour
        onward = next((n for n in free if links[n][1] not in placed), free[0])
        used.add(onward)
        detour.links.append(onward)
        item = links[onward][1]
    detour.end = item
    return detour


class _Rows:
    """Gives detours their rows, the shortest first, as soon as both their ends have one."""

    def __init__(
        self, grid: Grid, links: Sequence[Ends], owners: Sequence[Owners], doors: Sequence[float]
    ) -> None:
        self._grid, self._links, self._owners, self._doors = grid, links, owners, doors
        self._placed = [_Detour([], [], None, None, 0, -1, max(grid.last.values(), default=0) + 1)]
        self._boxes = [item for item in grid.row if grid.rank[item] < grid.last[item]]
        self._crossings: list[tuple[float, int, int]] = []  # a gutter, and the rows a wire joins there

    def place_all(self, detours: list[_Detour], lanes: dict[int, int]) -> None:
        rank, last, row = self._grid.rank, self._grid.last, self._grid.row
        for d in detours:
            d.first = last[d.start] if d.start is not None else rank[d.items[0]] - 1
            d.last = rank[d.end] if d.end is not None else last[d.items[-1]] + 1
        waiting = sorted(detours, key=lambda d: d.last - d.first)
        while waiting:
            detour = next(d for d in waiting if all(e is None or e in row for e in (d.start, d.end)))
            waiting.remove(detour)
            detour.row = self._row(detour, lanes)
            self._boxes += [item for item in detour.items if rank[item] < last[item]]
            self._crossings += self._turns(detour, detour.row)
            row.update(dict.fromkeys(detour.items, detour.row))
            lanes.update(dict.fromkeys(detour.links, detour.row))

    def _row(self, detour: _Detour, lanes: dict[int, int]) -> int:
        row = self._grid.row
        start, end = detour.start, detour.end
        if not detour.items and start and end and detour.last - detour.first == 1 and row[start] != row[end]:
            # A slanted wire between neighbours needs no row of its own, only an end that is free.
            slanted = self._free_end(detour, start, end, lanes)
            if slanted is not None and not self._hits_box(detour, slanted):
                return slanted
        others = [d for d in self._placed if d.first < detour.last and detour.first < d.last]
        taken = {d.row for d in others if not self._apart(d, detour)}
        reach = max(abs(r) for r in {0, *taken, *row.values()}) + 1
        free = [r for r in range(-reach, reach + 1) if r not in taken]
        self._placed.append(detour)

        def key(r: int) -> tuple[bool, bool, float, bool, int]:
            return (
                self._hits_box(detour, r),
                self._turns_back(r, detour),
                self._cost(r, detour),
                r > 0,
                abs(r),
            )

        return min(free, key=key)

    def _turns_back(self, r: int, detour: _Detour) -> bool:
        """Whether row r lies on the other side than the one where the tensor leaves its box."""
        if detour.start is None:
            return False
        return self._doors[detour.links[0]] * (r - self._grid.row[detour.start]) < 0

    def _free_end(self, detour: _Detour, start: str, end: str, lanes: dict[int, int]) -> int | None:
        """The row of an end where the wire meets no wire of another tensor; the outer one, if both are."""
        row = self._grid.row
        tensor = self._links[detour.links[0]][2]
        met = any(lanes.get(n) == row[end] for n, link in enumerate(self._links) if link[1] == end)
        left = any(
            lanes.get(n) == row[start] and link[2] != tensor
            for n, link in enumerate(self._links)
            if link[0] == start
        )
        free = [r for r, busy in ((row[end], met), (row[start], left)) if not busy]
        return max(free, key=abs, default=None)

    def _apart(self, a: _Detour, b: _Detour) -> bool:
        """Whether two detours are never drawn in the same picture, so that they can share a row."""
        mine, others = ({owner for n in d.links for owner in self._owners[n]} for d in (a, b))
        return bool(mine) and bool(others) and not mine & others

    def _turns(self, detour: _Detour, r: int) -> list[tuple[float, int, int]]:
        ends = ((detour.start, detour.first + 0.5), (detour.end, detour.last - 0.5))
        rows = [(self._grid.row[end], gutter) for end, gutter in ends if end is not None]
        return [(gutter, min(at, r), max(at, r)) for at, gutter in rows if at != r]

    def _hits_box(self, detour: _Detour, r: int) -> bool:
        """Whether, in row r, a wire would cross a box that lies in several ranks."""
        rank, last, row = self._grid.rank, self._grid.last, self._grid.row
        turns = self._turns(detour, r)
        mine = [item for item in detour.items if rank[item] < last[item]]
        return any(
            rank[box] < gutter < last[box] and low < row[box] < high
            for box in self._boxes
            for gutter, low, high in turns
        ) or any(
            rank[box] < gutter < last[box] and low < r < high
            for box in mine
            for gutter, low, high in self._crossings
        )

    def _cost(self, r: int, detour: _Detour) -> float:
        """How far the row is from both ends, and how many wires are crossed on the way."""
        cost = 0.25 * (r > 0)
        for gutter, low, high in self._turns(detour, r):
            cost += high - low
            cost += 1.5 * sum(low < d.row < high and d.first < gutter < d.last for d in self._placed)
        return cost
