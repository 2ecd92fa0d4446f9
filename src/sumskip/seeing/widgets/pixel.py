"""Pixel at the plus: one pixel of two feature maps, and what each operator makes of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from sumskip.data import photograph
from sumskip.seeded import numbers
from sumskip.seeing.feature_maps import CSS_DPI, canvas, colour_bar, colours, png, thumbnail
from sumskip.seeing.picture import Picture
from sumskip.seeing.widgets.guess import NUMBER, Locked, Question, named, shown
from sumskip.seeing.widgets.live import InteractivePicture

Operator = Literal["+", "cat", "×", "weighted"]
OPERATORS: tuple[Operator, ...] = ("+", "cat", "×", "weighted")
CHANNEL = 8  # the one of the 16 that is shown: its two maps differ in sign over half the picture
START = (20, 26)  # row and column of the crosshair at first
WIDTH = 672  # of the still picture, in CSS pixels
LOWEST, HIGHEST = -0.5, 1.5  # of alpha


@cache
def feature_maps() -> tuple[Tensor, Tensor]:
    """`out1` and `out2` of two chained convolutions on the photograph, each (1, 16, 32, 32), float64.

    The weights are fixed numbers, the same on every machine. All values are rounded to hundredths,
    so that a learner can redo the arithmetic by hand and arrive at the very number shown.
    """
    x = photograph(32).double()
    out1 = _convolution(x, "conv1")
    out2 = _convolution(out1, "conv2")
    return out1.mul(100).round() / 100, out2.mul(100).round() / 100


def combine(operator: Operator, out1: Tensor, out2: Tensor, alpha: float = 0.5) -> Tensor:
    """What leaves the operator for two maps (N, C, H, W): their like, or (N, 2C, H, W) for `cat`."""
    if operator == "cat":
        return torch.cat([out1, out2], dim=1)
    if operator == "×":
        return out1 * out2
    return out1 + out2 if operator == "+" else alpha * out1 + (1 - alpha) * out2


def arithmetic(operator: Operator, a: float, b: float, alpha: float = 0.5) -> str:
    """The sum at one pixel, written out: `arithmetic("weighted", 0.31, -0.12)` is
    `"0.50·0.31 + 0.50·(−0.12) = 0.095"`.

    `a`, `b` and `alpha` count in hundredths, so every digit shown is exact.
    """
    left, right, share = (round(100 * value) for value in (a, b, alpha))
    if operator == "+":
        return f"{_decimal(left, 2)} + {_operand(right)} = {_decimal(left + right, 2)}"
    if operator == "×":
        return f"{_operand(left)} × {_operand(right)} = {_decimal(left * right, 4)}"
    if operator == "cat":
        return f"{_decimal(left, 2)} and {_decimal(right, 2)} stay two numbers: nothing is added"
    total = share * left + (100 - share) * right
    terms = f"{_operand(share)}·{_operand(left)} + {_operand(100 - share)}·{_operand(right)}"
    return f"{terms} = {_decimal(total, 4)}"


def shapes(operator: Operator) -> str:
    """The shapes that meet and the one that leaves, as one line."""
    out1, out2 = feature_maps()
    result = tuple(combine(operator, out1, out2).shape)
    sign = {"cat": "beside", "×": "×"}.get(operator, "+")
    return f"{tuple(out1.shape)} {sign} {tuple(out2.shape)} → {result}"


def limit() -> float:
    """The end of the one colour scale: no operator and no alpha on offer leaves it."""
    out1, out2 = (maps[:, CHANNEL] for maps in feature_maps())
    weighted = [combine("weighted", out1, out2, alpha) for alpha in (LOWEST, HIGHEST)]
    largest = max(float(maps.abs().max()) for maps in (out1, out2, out1 + out2, out1 * out2, *weighted))
    return math.ceil(10 * largest) / 10


def pixel_at_the_plus(guess: object = None, alpha: float | None = None) -> InteractivePicture | Locked:
    """Two real feature maps of the photograph and what an operator makes of them, pixel by pixel.

    `guess` is the number that you expect to leave the operator at the pixel where the crosshair
    starts; the locked picture names its two numbers, and has a field for the guess as well. It starts with
    `+`, or, where `alpha` is given (-0.5 to 1.5), with `alpha * out1 + (1 - alpha) * out2`.

        pixel_at_the_plus(guess=0.4)
        pixel_at_the_plus(guess=0.4, alpha=0.25)

    Raises `TypeError` where the guess or alpha is no number, `ValueError` for an alpha off the slider.
    """
    share = None if alpha is None else NUMBER.judge(alpha, "pixel_at_the_plus(alpha)")
    if share is not None and not LOWEST <= share <= HIGHEST:
        raise ValueError(f"pixel_at_the_plus takes an alpha from {LOWEST} to {HIGHEST}, got {alpha!r}")
    operator: Operator = "+" if share is None else "weighted"
    share = 0.5 if share is None else round(share, 2)
    a, b = (_decimal(round(100 * value), 2) for value in _at_start())
    what = "out1 + out2" if operator == "+" else "alpha * out1 + (1 - alpha) * out2"
    given, argument = ("", "") if operator == "+" else (f" with alpha {share:g}", f", alpha={share:g}")
    return Question(
        "pixel",
        f"At row {START[0]}, column {START[1]} out1 is {a} and out2 is {b}. What is {what} there{given}?",
        NUMBER,
        f"pixel_at_the_plus(guess=0.5{argument})",
        "with your own number",
        lambda committed: _picture(committed, operator, share),
    ).answered(guess)


def beside_the_truth(guess: float, operator: Operator, alpha: float) -> str:
    """The guess, what leaves the operator where the crosshair starts, and which mistakes give the guess."""
    a, b = _at_start()
    truth = float(combine(operator, _scalar(a), _scalar(b), alpha))
    line = f"Your guess at row {START[0]}, column {START[1]}: {shown(guess)}."
    line = f"{line} It is {arithmetic(operator, a, b, alpha)}."
    return line + named(guess, [truth], mistakes(operator, alpha))


def mistakes(operator: Operator, alpha: float) -> Iterator[tuple[str, float]]:
    """What may be taken for the operator at the start, as the end of "… is what", and what it gives."""
    a, b = map(_scalar, _at_start())
    yield "out1 + out2 gives", float(combine("+", a, b))
    yield "out1 × out2 gives", float(combine("×", a, b))
    yield "out1 − out2 gives", float(a - b)
    yield "out2 − out1 gives", float(b - a)
    yield "the mean of out1 and out2 gives", float(combine("weighted", a, b, 0.5))
    yield "stands in out1", float(a)
    yield "stands in out2", float(b)
    if operator == "weighted":
        yield "swapped weights would give", float(combine("weighted", a, b, 1 - alpha))
        yield "alpha * out1 + out2 gives", float(alpha * a + b)
        yield "alpha * (out1 + out2) gives", float(alpha * (a + b))
        yield "alpha * out1 − (1 − alpha) * out2 gives", float(combine("weighted", a, -b, alpha))


def _at_start() -> tuple[float, float]:
    """The two numbers that meet where the crosshair starts."""
    out1, out2 = (maps[0, CHANNEL][START].item() for maps in feature_maps())
    return out1, out2


def _scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def _picture(guess: float, operator: Operator, alpha: float) -> InteractivePicture:
    from matplotlib.colors import to_hex

    verdict = beside_the_truth(guess, operator, alpha)
    data = {
        "maps": [maps[0, CHANNEL].mul(100).round().int().tolist() for maps in feature_maps()],
        "channels": [CHANNEL, CHANNEL + 16],
        "shapes": {name: shapes(name) for name in OPERATORS},
        "operator": operator,
        "alpha": round(100 * alpha),
        "alphas": [round(100 * LOWEST), round(100 * HIGHEST)],
        "start": START,
        "limit": limit(),
        "colours": [to_hex(colours()(step / 255)) for step in range(256)],
        "guess": verdict,
    }
    return InteractivePicture("pixel", _still(operator, alpha, verdict), data)


def _still(operator: Operator, alpha: float, verdict: str) -> Picture:
    line = arithmetic(operator, *_at_start(), alpha)
    text = f"{verdict}\nRow {START[0]}, column {START[1]}: {line}.\nShapes: {shapes(operator)}."
    alt = "Pixel at the plus: two feature maps of a photograph and their result on one colour scale."
    return Picture(lambda: _png(operator, alpha, line), f"{alt} {verdict} {shapes(operator)}", text, WIDTH)


def _png(operator: Operator, alpha: float, line: str) -> bytes:
    row, column = START
    out1, out2 = (maps[:, CHANNEL] for maps in feature_maps())
    parts = {"out1": out1, "out2": out2, "result": combine(operator, out1, out2, alpha)}
    size, step, top = 2.1, 2.3, 0.95
    axes = canvas(WIDTH / CSS_DPI, top + size + 0.5)
    axes.text(0.15, 0.25, f"row {row}, column {column}:  {line}", fontsize=11)
    axes.text(0.15, 0.52, shapes(operator), fontsize=11)
    for place, (name, values) in enumerate(parts.items()):
        x = 0.15 + place * step
        axes.text(x, top - 0.08, f"{name}, channel {CHANNEL}", fontsize=10)
        pixel = thumbnail(axes, values[0].float(), limit(), x, top, size)
        left, right = x + column * pixel, x + (column + 1) * pixel
        upper, lower = top + row * pixel, top + (row + 1) * pixel
        across, down = (left + right) / 2, (upper + lower) / 2
        for colour, width in (("white", 2.5), ("black", 0.9)):  # seen on dark and on bright pixels
            pen: dict[str, Any] = {"color": colour, "linewidth": width}
            axes.hlines([down, down], [x, right], [left, x + size], **pen)
            axes.vlines([across, across], [top, lower], [upper, top + size], **pen)
            axes.plot([left, right, right, left, left], [upper, upper, lower, lower, upper], **pen)
    colour_bar(axes, limit(), 0.3, top + size + 0.1, 2 * step + size - 0.3)
    return png(axes)


def _convolution(x: Tensor, name: str) -> Tensor:
    """A 3×3 convolution to 16 channels; without a layer of torch.nn, which would draw random numbers."""
    weights = torch.from_numpy(numbers("pixel at the plus", name, (16, x.shape[1], 3, 3)))
    return functional.conv2d(x, weights / math.sqrt(9 * x.shape[1]), padding=1)


def _decimal(value: int, places: int) -> str:
    """A whole number of `places`-th parts of ten with at least two decimals: (950, 4) is 0.095."""
    digits = f"{abs(value):0{places + 1}d}"
    whole, fraction = digits[:-places], digits[-places:]
    fraction = fraction[:2] + fraction[2:].rstrip("0")
    return f"{'−' if value < 0 else ''}{whole}.{fraction}"


def _operand(value: int) -> str:
    text = _decimal(value, 2)
    return f"({text})" if value < 0 else text
