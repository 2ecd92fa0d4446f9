"""Tracks: where in a gutter wires go across, so that different ones do not lie on each other."""

from __future__ import annotations

from dataclasses import dataclass

TRACK = 12.0  # from one track to the next


@dataclass(frozen=True)
class Change:
    """A wire that goes across in a gutter: `near` is where it is on the side that tracks count from."""

    near: float
    far: float
    wire: str
    link: int

    @property
    def low(self) -> float:
        return min(self.near, self.far)

    @property
    def high(self) -> float:
        return max(self.near, self.far)


def assign(changes: list[Change]) -> dict[int, int]:
    """A track for each link that changes rows; one wire's branches share a track.

    The shortest come first, but where one wire would lie on another or cross it, the other way round.
    """
    waiting = sorted(changes, key=lambda c: (c.high - c.low, c.link))
    tracks: list[list[Change]] = []
    found: dict[int, int] = {}
    while waiting:
        free = (c for c in waiting if not any(_precedes(other, c) for other in waiting if other is not c))
        change = next(free, waiting[0])
        waiting.remove(change)
        behind = [found[c.link] for track in tracks for c in track if _precedes(c, change)]
        place = max(behind, default=-1) + 1
        while place < len(tracks) and any(_touch(change, other) for other in tracks[place]):
            place += 1
        if place == len(tracks):
            tracks.append([])
        tracks[place].append(change)
        found[change.link] = place
    return found


def _touch(a: Change, b: Change) -> bool:
    return a.wire != b.wire and a.low <= b.high + 4 and b.low <= a.high + 4


def _precedes(a: Change, b: Change) -> bool:
    """Whether a must have a track before b's."""
    return _touch(a, b) and _conflicts(a, b) < _conflicts(b, a)


def _conflicts(a: Change, b: Change) -> int:
    """How often two wires meet if a has the nearer track: a point is a crossing, a stretch is worse."""
    met = (a.low - 4 <= b.near <= a.high + 4) + (b.low - 4 <= a.far <= b.high + 4)
    return met + 9 * (abs(b.near - a.far) <= 4)
