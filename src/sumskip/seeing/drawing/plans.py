"""Which boxes of a picture are open: from all of them to none, the more the better."""

from __future__ import annotations

from dataclasses import dataclass

from sumskip.seeing.drawing.view import Viewable
from sumskip.text import clean


@dataclass(frozen=True)
class Plan:
    """The names of the open boxes, whether closed ones that are alike are counted, and what to say of it."""

    open: frozenset[str]
    counted: bool = False
    notes: tuple[str, ...] = ()


def plan_to(viewable: Viewable, depth: int) -> Plan:
    """All boxes open down to a depth, 0 for none."""
    return Plan(viewable.down_to(depth))


def plans_of(viewable: Viewable) -> list[Plan]:
    """What to try, in this order: all boxes open; then, from the deepest level up, those down to this level,
    with the first box of the next one, without it, and at last the first of those that are the same alone.
    """
    plans = [plan_to(viewable, viewable.deepest)]
    for depth in range(viewable.deepest, -1, -1):
        open_ = viewable.down_to(depth)
        fresh = frozenset(name for name in open_ if not viewable.again(name))
        deeper = f"depth={depth + 1} opens more."
        first = next((n for n, path in viewable.boxes.items() if len(path) == depth + 1), "")
        if first:
            whole = {n for n, path in viewable.boxes.items() if first in path and not viewable.again(n)}
            note = f"Boxes deeper than {depth}, but for {clean(first, 40)}, are closed to fit; {deeper}"
            plans.append(_counted(viewable, fresh | whole, note))
            note = f"Boxes deeper than {depth} are closed to fit; {deeper}"
            plans.append(Plan(open_, notes=(note,)))
            plans.append(_counted(viewable, fresh, note))
        else:
            plans.append(_counted(viewable, fresh))
    kept: dict[tuple[frozenset[str], bool], Plan] = {}
    for plan in plans:
        kept.setdefault((plan.open, plan.counted), plan)
    return list(kept.values())


def _counted(viewable: Viewable, open_: frozenset[str], *notes: str) -> Plan:
    again = next((n for n in viewable.boxes if viewable.again(n)), "")
    more = (
        (f'Boxes that are alike are counted; open="{clean(again, 40)}" opens one of them.',) if again else ()
    )
    return Plan(open_, True, (*notes, *more))
