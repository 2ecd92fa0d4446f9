"""How near to one another rows can be, given what stands in them at each place along the flow."""

from __future__ import annotations

ROW_GAP = 13.0
WIRE_ROOM = 4.0  # on each side of a wire


class Rows:
    """Collects how much room each row needs, stripe by stripe, and places the rows.

    Stripes are numbered along the flow: 2r is rank r, 2r + 1 the gutter after it. Rows that need room
    in different stripes may come nearer than their widest parts would allow.
    """

    def __init__(self, low: int, high: int) -> None:
        self._room: dict[int, dict[int, tuple[float, float]]] = {row: {} for row in range(low, high + 1)}

    def need(self, row: int, first: int, last: int, before: float, after: float) -> None:
        """Keep room on both sides of a row's line in stripes `first` to `last`."""
        room = self._room[row]
        for stripe in range(first, last + 1):
            has = room.get(stripe, (0.0, 0.0))
            room[stripe] = max(has[0], before), max(has[1], after)

    def place(self) -> tuple[dict[int, float], float]:
        """Where each row's line is, across, and how much room all of them take together."""
        y: dict[int, float] = {}
        for row, room in self._room.items():
            nearest = [y[row - 1] + 2 * WIRE_ROOM + ROW_GAP] if y else [0.0]
            for other in y:
                above = self._room[other]
                common = above.keys() & room.keys()
                nearest += [y[other] + above[stripe][1] + ROW_GAP + room[stripe][0] for stripe in common]
            y[row] = max(nearest)
        top = min(
            y[row] - before for row, room in self._room.items() for before, _ in (*room.values(), (0, 0))
        )
        end = max(y[row] + after for row, room in self._room.items() for _, after in (*room.values(), (0, 0)))
        return {row: place - top for row, place in y.items()}, end - top
