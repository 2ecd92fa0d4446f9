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
    """`lanes[i]` is the row in which link i travels between its two ends."""

    rank: dict[str, int]
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


def arrange(
    weights: Mapping[str, int], links: Sequence[tuple[str, str]], first: set[str], last: set[str]
) -> Grid:
    """The grid for items in an order in which links lead forwards.

    `weights` says how much an item wants to be on the main path; `first` and `last` are items that
    belong at the two ends.
    """
    out: dict[str, list[int]] = {item: [] for item in weights}
    into: dict[str, list[int]] = {item: [] for item in weights}
    for n, (source, target) in enumerate(links):
        out[source].append(n)
        into[target].append(n)
    rank = _ranks(list(weights), links, out, into, last)
    main, main_links = _main_path(weights, links, out)
    _draw_late(rank, list(weights), links, out, frozenset(main) | first)
    row = dict.fromkeys(main, 0)
    lanes: dict[int, int] = dict.fromkeys(main_links, 0)
    placed: list[_Detour] = [_Detour([], [], None, None, 0, -1, max(rank.values(), default=0) + 1)]
    for detour in _detours(list(weights), links, out, set(main), set(main_links)):
        _place(detour, rank, row, placed)
        row.update(dict.fromkeys(detour.items, detour.row))
        lanes.update(dict.fromkeys(detour.links, detour.row))
    return Grid(rank, row, [lanes[n] for n in range(len(links))])


def _ranks(
    items: list[str],
    links: Sequence[tuple[str, str]],
    out: Mapping[str, list[int]],
    into: Mapping[str, list[int]],
    last: set[str],
) -> dict[str, int]:
    rank: dict[str, int] = {}
    for item in items:
        rank[item] = max((rank[links[n][0]] + 1 for n in into[item]), default=0)
    inner = max((rank[item] for item in items if item not in last), default=-1)
    for item in items:
        if item in last:
            rank[item] = inner + 1
    return rank


def _main_path(
    weights: Mapping[str, int], links: Sequence[tuple[str, str]], out: Mapping[str, list[int]]
) -> tuple[list[str], list[int]]:
    """The path with the most items, and among those the one with the most weight."""
    best: dict[str, tuple[int, int]] = {}
    step: dict[str, int] = {}
    for item in reversed(list(weights)):
        best[item] = (1, weights[item])
        for n in out[item]:
            steps, weight = best[links[n][1]]
            if (steps + 1, weight + weights[item]) > best[item]:
                best[item] = (steps + 1, weight + weights[item])
                step[item] = n
    if not best:
        return [], []
    item = max(weights, key=best.__getitem__)
    path, taken = [item], []
    while item in step:
        taken.append(step[item])
        item = links[step[item]][1]
        path.append(item)
    return path, taken


def _draw_late(
    rank: dict[str, int],
    items: list[str],
    links: Sequence[tuple[str, str]],
    out: Mapping[str, list[int]],
    fixed: frozenset[str],
) -> None:
    """Move what is off the main path next to what it leads to: two `×` before a `+` then align."""
    for item in reversed(items):
        if item not in fixed and out[item]:
            rank[item] = min(rank[links[n][1]] for n in out[item]) - 1


def _detours(
    items: list[str],
    links: Sequence[tuple[str, str]],
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
    links: Sequence[tuple[str, str]],
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


def _place(detour: _Detour, rank: Mapping[str, int], row: Mapping[str, int], placed: list[_Detour]) -> None:
    """Give a detour the nearest row that is free between its ends, crossing as little as it can."""
    at = detour.items
    detour.first = rank[detour.start] if detour.start is not None else rank[at[0]] - 1
    detour.last = rank[detour.end] if detour.end is not None else rank[at[-1]] + 1
    ends = [
        (row[end], rank_) for end, rank_ in ((detour.start, detour.first), (detour.end, detour.last)) if end
    ]
    if not at and len(ends) == 2 and detour.last - detour.first == 1 and ends[0][0] != ends[1][0]:
        detour.row = max(ends, key=lambda end: abs(end[0]))[0]  # a slanted wire needs no row
        return
    taken = {d.row for d in placed if d.first < detour.last and detour.first < d.last}
    reach = max((abs(r) for r in taken), default=0) + 1
    candidates = [r for r in range(-reach, reach + 1) if r not in taken]
    detour.row = min(candidates, key=lambda r: (_cost(r, ends, detour, placed), r > 0, abs(r)))
    placed.append(detour)


def _cost(r: int, ends: list[tuple[int, float]], detour: _Detour, placed: list[_Detour]) -> float:
    cost = 0.25 * (r > 0)
    for at, rank_ in ends:
        low, high = sorted((at, r))
        cost += high - low
        gutter = rank_ + 0.5 if rank_ == detour.first else rank_ - 0.5
        cost += 1.5 * sum(low < d.row < high and d.first < gutter < d.last for d in placed)
    return cost
