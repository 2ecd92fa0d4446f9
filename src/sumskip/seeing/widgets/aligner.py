"""Shape aligner: why two shapes can be added, dimension by dimension, from the right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sumskip.seeing.drawing.scene import Rectangle, Scene, Text, to_svg
from sumskip.seeing.drawing.symbols import GROUND, INK
from sumskip.seeing.graph import Shape
from sumskip.seeing.picture import Picture
from sumskip.seeing.widgets.guess import SHAPE, Locked, Question, ShapeGuess, as_shape, named, shown
from sumskip.seeing.widgets.live import InteractivePicture

START_A, START_B = (4, 1, 32, 32), (16, 1, 32)  # no pair of an exercise; all but one dimension stretch
Fit = Literal["equal", "stretched", "clash"]
SIGNS: dict[Fit, str] = {"equal": "= equal", "stretched": "↔ stretched", "clash": "✗ clash"}


@dataclass(frozen=True)
class Dimension:
    """Two sizes that meet; None where the shorter shape has no such dimension, which counts as 1."""

    a: int | None
    b: int | None
    fit: Fit
    size: int | None  # of the result; None at a clash


@dataclass(frozen=True)
class Alignment:
    """Two shapes aligned from the right. `result` is the shape of their sum, None where they clash."""

    a: Shape
    b: Shape
    dimensions: tuple[Dimension, ...]
    result: Shape | None

    @property
    def sentence(self) -> str:
        """All of it in words: what meets in each dimension, and the result."""
        meetings = [
            f"dimension {place}: {_size(meeting.a)} and {_size(meeting.b)}, {meeting.fit}"
            for place, meeting in enumerate(self.dimensions)
        ]
        if self.result is None:
            meetings.append("no sum: sizes must be equal, or one of them 1")
        else:
            meetings.append(f"the sum is {self.result}")
        return f"{self.a} + {self.b}. " + "; ".join(meetings) + "."


def align(a: Shape, b: Shape) -> Alignment:
    """Align two shapes by PyTorch's broadcasting rule: equal sizes, or one of them 1.

    `align((16, 1, 1), (1, 16, 32, 32)).result` is (1, 16, 32, 32).
    """
    length = max(len(a), len(b))
    columns = zip((None,) * (length - len(a)) + a, (None,) * (length - len(b)) + b, strict=True)
    dimensions = tuple(_meet(left, right) for left, right in columns)
    sizes = tuple(dimension.size for dimension in dimensions if dimension.size is not None)
    return Alignment(a, b, dimensions, sizes if len(sizes) == length else None)


def shape_aligner(
    guess: object = None, a: Shape = START_A, b: Shape = START_B
) -> InteractivePicture | Locked:
    """Two shapes to edit, aligned from the right: each dimension says equal, stretched or clash.

    `guess` is what you expect of `a + b` for the two shapes it starts with: a shape, such as
    `(2, 3, 8, 8)`, or `"error"`. Until there is one the picture is locked: it says what to write, and has a
    field for it as well.

        shape_aligner(guess=(2, 3, 8, 8))

    Raises `TypeError` where `guess`, `a` or `b` has another form.
    """
    start = align(_shape(a, "a"), _shape(b, "b"))
    also = "" if (a, b) == (START_A, START_B) else f", a={start.a}, b={start.b}"
    return Question(
        "aligner",
        f"What is the shape of a + b, where a is {start.a} and b is {start.b}?",
        SHAPE,
        f"shape_aligner(guess=(2, 3, 8, 8){also})",
        'with your own shape, or with guess="error"',
        lambda committed: _picture(committed, start),
    ).answered(guess)


def _picture(guess: ShapeGuess, start: Alignment) -> InteractivePicture:
    verdict = beside_the_truth(guess, start)
    data = {"a": list(start.a), "b": list(start.b), "guess": verdict}
    return InteractivePicture("aligner", _still(start, verdict), data)


def beside_the_truth(guess: ShapeGuess, truth: Alignment) -> str:
    """The guess, what PyTorch makes of the same two shapes, and which mistakes give the guess."""
    outcome: ShapeGuess = "error" if truth.result is None else truth.result
    line = f"Your guess for {truth.a} + {truth.b}: {shown(guess)}. It gives {shown(outcome)}."
    return line + named(guess, [outcome], mistakes(truth.a, truth.b))


def mistakes(a: Shape, b: Shape) -> Iterator[tuple[str, ShapeGuess]]:
    """What may be taken for the rule of `a + b`, as the end of "… is what", and what it gives."""
    from_the_left = align(a[::-1], b[::-1]).result
    yield "alignment from the left gives", "error" if from_the_left is None else from_the_left[::-1]
    yield "a rule without stretching gives", a if a == b else "error"
    sizes = [(meeting.a or 0, meeting.b or 0) for meeting in align(a, b).dimensions]
    yield "the larger size in each dimension gives", tuple(map(max, sizes))
    yield "adding the sizes gives", tuple(map(sum, sizes))
    yield "a alone has", a
    yield "b alone has", b
    yield from concatenations(a, b)


def concatenations(a: Shape, b: Shape) -> Iterator[tuple[str, Shape]]:
    """What `torch.cat` gives along each dimension in which two shapes of one length may differ."""
    for dimension in range(len(a) if len(a) == len(b) else 0):
        before, after = slice(dimension), slice(dimension + 1, None)
        if (a[before], a[after]) == (b[before], b[after]):
            both = a[dimension] + b[dimension]
            yield f"concatenation along dimension {dimension} gives", (*a[before], both, *a[after])


def _still(alignment: Alignment, verdict: str) -> Picture:
    rows = [["", "a", "b", "", "a + b"]]
    for place, dimension in enumerate(alignment.dimensions):
        sizes = ("–" if size is None else str(size) for size in (dimension.a, dimension.b))
        total = "✗" if dimension.size is None else str(dimension.size)
        rows.append([f"dimension {place}", *sizes, SIGNS[dimension.fit], total])
    # as a table is read: one column for each dimension, one row for each shape
    left, width, height = 80, 124, 34
    scene = Scene(left + width * len(alignment.dimensions) + 10, height * 5 + 10)
    scene.elements.append(Rectangle(0, 0, scene.width, scene.height, GROUND))
    for column, cells in enumerate(rows):
        x = 8.0 if column == 0 else left + width * (column - 1)
        for row, cell in enumerate(cells):
            y = 5 + row * height
            clash = row == 3 and cell == SIGNS["clash"]
            if column and row:
                scene.elements.append(
                    Rectangle(x + 2, y + 2, width - 4, height - 4, GROUND, INK, 4, 2.6 if clash else 0.8)
                )
            middle = x + width / 2 if column else left / 2
            scene.elements.append(Text(middle, y + 22, cell, 14, INK, bold=not column or clash))
    text, alt = f"{verdict}\n{alignment.sentence}", f"Shape aligner. {alignment.sentence} {verdict}"
    return Picture(lambda: to_svg(scene, alt).encode(), alt, text, round(scene.width), "svg+xml")


def _meet(a: int | None, b: int | None) -> Dimension:
    left, right = (1 if size is None else size for size in (a, b))
    if left == right:
        return Dimension(a, b, "equal", left)
    if 1 in (left, right):
        return Dimension(a, b, "stretched", right if left == 1 else left)
    return Dimension(a, b, "clash", None)


def _size(size: int | None) -> str:
    return "nothing" if size is None else str(size)


def _shape(value: object, name: str) -> Shape:
    shape = as_shape(value)
    if shape is None:
        raise TypeError(f"shape_aligner takes a shape as {name}, such as (2, 3, 8, 8); got {value!r}")
    return shape
