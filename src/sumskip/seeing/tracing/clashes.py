"""Which dimensions of which shapes do not fit, and the rule that they break. Nothing here needs a model."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sumskip.seeing.graph import Shape

Row = tuple[str, tuple[str, ...]]
EQUAL_OR_ONE = "sizes must be equal, or one of them 1"


@dataclass(frozen=True)
class Clash:
    """What clashed, in one sentence, and the shapes set below one another (see `Fault`)."""

    sentence: str
    rows: tuple[Row, ...] = ()
    column: int | None = None


def broadcast(names: Sequence[str], shapes: Sequence[Shape]) -> Clash | None:
    """Shapes that are stretched onto each other, aligned from the right; None where they fit."""
    width = max(map(len, shapes), default=0)
    rows = [(1,) * (width - len(shape)) + shape for shape in shapes]
    clashing = [(c, _distinct(row[c] for row in rows if row[c] != 1)) for c in range(width)]
    return _columns(names, shapes, [(c, sizes) for c, sizes in clashing if len(sizes) > 1], EQUAL_OR_ONE)


def concatenated(names: Sequence[str], shapes: Sequence[Shape], dim: int) -> Clash | None:
    """Shapes that `cat` joins along `dim`: all other sizes must be equal."""
    shapes, names = list(shapes), list(names)
    if len({len(shape) for shape in shapes}) > 1:
        return _lengths(names, shapes)
    dim %= max(len(shapes[0]), 1)
    clashing = [(c, _distinct(shape[c] for shape in shapes)) for c in range(len(shapes[0])) if c != dim]
    rule = f"cat joins dimension {dim}, and all other sizes must be equal"
    return _columns(names, shapes, [(c, sizes) for c, sizes in clashing if len(sizes) > 1], rule)


def stacked(names: Sequence[str], shapes: Sequence[Shape]) -> Clash | None:
    """Shapes that `stack` lays upon each other: they must be equal."""
    if len({len(shape) for shape in shapes}) > 1:
        return _lengths(names, shapes)
    clashing = [(c, _distinct(shape[c] for shape in shapes)) for c in range(len(shapes[0]))]
    return _columns(
        names, shapes, [(c, sizes) for c, sizes in clashing if len(sizes) > 1], "all sizes must be equal"
    )


def multiplied(names: Sequence[str], shapes: Sequence[Shape]) -> Clash | None:
    """A matrix product: as many columns on the left as rows on the right."""
    if len(shapes) != 2 or not all(shapes):
        return None
    left, right = shapes
    inner = right[-2] if len(right) > 1 else right[-1]
    if left[-1] != inner:
        rows = _aligned(names, shapes)
        sentence = (
            f"{left[-1]} in the last dimension of {names[0]} and {inner} in the "
            f"{'last' if len(right) == 1 else 'last but one'} of {names[1]}: @ needs them equal"
        )
        return Clash(sentence, rows, len(rows[0][1]) - 1)
    return broadcast(names, [left[:-2], right[:-2]])


def reshaped(name: str, shape: Shape, wanted: Shape) -> Clash | None:
    """A new shape for the same numbers."""
    count, known = math.prod(shape), math.prod(size for size in wanted if size != -1)
    if count == known or (-1 in wanted and known and count % known == 0):
        return None
    into = f"{wanted} divides them by {known}" if -1 in wanted else f"{wanted} has room for {known}"
    sentence = f"{name} holds {count} numbers and {into}: the count must stay the same"
    return Clash(sentence, ((name, tuple(map(str, shape))),))


def module_name(label: str) -> str:
    """A module's name as a sentence can bear it: those in a Sequential are called 0, 1, 2."""
    return f"module {label}" if label.isdigit() else label


def taken(name: str, shape: Shape, who: str, takes: Sequence[str], column: int, what: str) -> Clash | None:
    """One shape against what a layer takes, such as ("N", "16", "H", "W") with 16 in `column`."""
    who = module_name(who)
    if len(shape) != len(takes):
        form = f"({', '.join(takes)})"
        return Clash(f"{_dimensions(len(shape))} came, {shape}: {who} takes {len(takes)}, {form}")
    if str(shape[column]) == takes[column]:
        return None
    sentence = (
        f"{shape[column]} and {takes[column]} in dimension {column}: {who} takes {takes[column]} {what}"
    )
    return Clash(sentence, ((name, tuple(map(str, shape))), (f"{who} takes", tuple(takes))), column)


def summed(names: Sequence[str], shapes: Sequence[Shape], equation: str) -> Clash | None:
    """An `einsum`: one letter stands for one size."""
    terms = equation.replace(" ", "").split("->")[0].split(",")
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=False):
        if "." not in term and len(term) != len(shape):
            named = f"{term} names {_dimensions(len(term))}"
            return Clash(f"{named}, but {len(shape)} came, {shape}: one letter for each dimension")
        if "." in term:
            continue
        for column, (letter, size) in enumerate(zip(term, shape, strict=True)):
            if 1 not in (known := sizes.setdefault(letter, size), size) and known != size:
                sentence = f"{known} and {size} for the letter {letter}: one letter stands for one size"
                rows = tuple((n, tuple(map(str, s))) for n, s in zip(names, shapes, strict=False))
                return Clash(sentence, rows if len({len(s) for s in shapes}) == 1 else (), column)
    return None


def overwritten(name: str, shape: Shape, message: str) -> Clash | None:
    """`out1 += out2` where the sum is larger than `out1`."""
    found = re.search(r"doesn't match the broadcast shape \[([\d, ]+)\]", message)
    if not found:
        return None
    result = tuple(map(int, found.group(1).split(",")))
    rows = _aligned((name, "the result"), (shape, result))
    column = next((c for c in range(len(result)) if rows[0][1][c] != rows[1][1][c]), None)
    return Clash(
        f"{name} has shape {shape} and the result {result}: it cannot be written in place", rows, column
    )


def _columns(
    names: Sequence[str], shapes: Sequence[Shape], clashing: list[tuple[int, list[int]]], rule: str
) -> Clash | None:
    if not clashing:
        return None
    by_sizes: dict[str, list[int]] = {}
    for column, sizes in clashing:
        by_sizes.setdefault(" and ".join(map(str, sizes)), []).append(column)
    where = (
        f"{sizes} in dimension{'s' * (len(columns) > 1)} {' and '.join(map(str, columns))}"
        for sizes, columns in by_sizes.items()
    )
    return Clash(f"{', '.join(where)}: {rule}", _aligned(names, shapes), clashing[0][0])


def _lengths(names: Sequence[str], shapes: Sequence[Shape]) -> Clash:
    lengths = " and ".join(map(str, _distinct(map(len, shapes))))
    return Clash(f"{lengths} dimensions: all must have the same number", _aligned(names, shapes))


def _aligned(names: Sequence[str], shapes: Sequence[Shape]) -> tuple[Row, ...]:
    width = max(map(len, shapes), default=0)
    return tuple(
        (name, ("",) * (width - len(shape)) + tuple(map(str, shape)))
        for name, shape in zip(names, shapes, strict=False)
    )


def _distinct(values: object) -> list[int]:
    return list(dict.fromkeys(values))  # type: ignore[call-overload]


def _dimensions(count: int) -> str:
    return f"{count} dimension{'s' * (count != 1)}"
