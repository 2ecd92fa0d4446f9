"""Tracks: where in a gutter wires go across, so that different ones do not lie on each other."""

from __future__ import annotations

from dataclasses import dataclass

TRACK = 12.0  # from one track to the next


@dataclass(frozen=True)
class Change:
    """A wire that goes across between two places in a gutter."""

    low: float
    high: float
    wire: str
    link: int


def assign(changes: list[Change]) -> dict[int, int]:
    """A track for each link that changes rows, the shortest first; one wire's branches share a track."""
    tracks: list[list[Change]] = []
    found = {}
    for change in sorted(changes, key=lambda c: (c.high - c.low, c.link)):
        for place, track in enumerate(tracks):
            if not any(_touch(change, other) for other in track):
                track.append(change)
                found[change.link] = place
                break
        else:
            tracks.append([change])
            found[change.link] = len(tracks) - 1
    return found


def _touch(a: Change, b: Change) -> bool:
    return a.wire != b.wire and a.low <= b.high + 4 and b.low <= a.high + 4
