"""Which parts of several models are the same: every item gets a slot, equal ones share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sumskip.seeing.drawing.parts import Item, Link, Sheet

LinkKey = tuple[str, str, int]  # from slot, to slot, and which of several wires between the two


@dataclass
class Slot:
    """A place in the common picture, and the item that each model has there."""

    id: str
    items: dict[int, Item] = field(default_factory=dict)


@dataclass(frozen=True)
class Matching:
    """`slots` are in an order in which every model's wires lead forwards.

    `links` has, for each place of a wire, the wire that each model has there.
    """

    slots: list[Slot]
    links: dict[LinkKey, dict[int, Link]]
    count: int

    def same(self, slot: Slot) -> bool:
        """Whether all models have the same thing in a slot; its name may differ."""
        return len(slot.items) == self.count and len({_exactly(item) for item in slot.items.values()}) == 1

    def same_link(self, key: LinkKey) -> bool:
        """Whether all models have this wire, for tensors of one shape."""
        found = self.links[key].values()
        return len(found) == self.count and len({(link.shape, link.dashed) for link in found}) == 1


def match(sheets: Sequence[Sheet]) -> Matching:
    """Match the items of `sheets`, each in the order in which it ran, the longest first."""
    slots: list[Slot] = []
    longest_first = sorted(range(len(sheets)), key=lambda n: -len(sheets[n].items))
    for model in longest_first:
        slots = _merged(slots, model, list(sheets[model].items.values()), len(slots))
    home = {(model, item.id): slot.id for slot in slots for model, item in slot.items.items()}
    links: dict[LinkKey, dict[int, Link]] = {}
    for model, sheet in enumerate(sheets):
        for link in sheet.links:
            ends = home[model, link.source], home[model, link.target]
            key = next(k for n in range(len(sheet.links)) if model not in links.get(k := (*ends, n), {}))
            links.setdefault(key, {})[model] = link
    return Matching(slots, links, len(sheets))


def _merged(slots: list[Slot], model: int, items: list[Item], taken: int) -> list[Slot]:
    """`slots` with one more model's items: matched in order, as well as can be, the rest in between."""
    rows, columns = len(slots), len(items)
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for r in range(rows - 1, -1, -1):
        for c in range(columns - 1, -1, -1):
            match = _likeness(slots[r], items[c])
            with_match = match + best[r + 1][c + 1] if match else 0
            best[r][c] = max(best[r + 1][c], best[r][c + 1], with_match)
    merged: list[Slot] = []
    r = c = 0
    while r < rows or c < columns:
        match = _likeness(slots[r], items[c]) if r < rows and c < columns else 0
        if match and best[r][c] == match + best[r + 1][c + 1]:
            slots[r].items[model] = items[c]
            merged.append(slots[r])
            r, c = r + 1, c + 1
        elif r < rows and (c == columns or best[r][c] == best[r + 1][c]):
            merged.append(slots[r])
            r += 1
        else:
            merged.append(Slot(f"slot/{taken + c}", {model: items[c]}))
            c += 1
    return merged


def _likeness(slot: Slot, item: Item) -> int:
    return max(_alike(other, item) for other in slot.items.values())


def _alike(a: Item, b: Item) -> int:
    """0 where two items cannot share a slot, and more the more they have in common."""
    if _roughly(a) != _roughly(b):
        return 0
    return 2 + 2 * (_exactly(a) == _exactly(b)) + (a.title == b.title)


def _roughly(item: Item) -> tuple[str, str]:
    if item.look in ("module", "folded"):
        return item.look, item.subtitle.split("(")[0]
    if item.look == "terminal":
        return item.look, item.node.kind if item.node else ""
    return item.look, item.title.split("(")[0]


def _exactly(item: Item) -> tuple[object, ...]:
    """What makes two items the same; what a learner called a layer does not count."""
    name = "" if item.look in ("module", "terminal") else item.title
    return item.look, name, item.subtitle, item.badges, item.marks, item.failed, item.skips
