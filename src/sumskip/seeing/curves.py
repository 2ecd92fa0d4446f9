"""Curves of several trainings: each run thin, the median of a curve's runs thick, panels side by side."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from torch import Tensor

from sumskip.seeing.chart import ABOVE, BELOW, PENS, Chart, axis, tick_room
from sumskip.seeing.drawing import on_ground
from sumskip.seeing.drawing.lettering import width
from sumskip.seeing.drawing.scene import Scene, to_svg
from sumskip.seeing.drawing.symbols import GROUND, SMALL
from sumskip.seeing.picture import Picture
from sumskip.text import clean

BODY = 644.0  # the width of all panels; with the margins around them 672
LEAST_PLOT, PLOT_HEIGHT, GAP = 120.0, 190.0, 24.0
EXAMPLE = 'show_curves({"plain": [run1, run2], "residual": [run3, run4]})'
Run = list[float]


@dataclass(frozen=True)
class Curve:
    """The runs of one curve, all equally long; what is not finite counts as infinitely large."""

    name: str
    runs: list[Run]

    @property
    def median(self) -> Run:
        return [median(step) for step in zip(*self.runs, strict=True)]

    @property
    def label(self) -> str:
        return f"{self.name} {_number(self.median[-1])}"

    @property
    def words(self) -> str:
        """Where it starts and ends."""
        first, last = _number(self.median[0]), _number(self.median[-1])
        if len(self.runs) == 1:
            return f"{self.name}: from {first} to {last}."
        ends = [run[-1] for run in self.runs]
        between = f"they end between {_number(min(ends))} and {_number(max(ends))}"
        return f"{self.name}: the median of {len(self.runs)} runs goes from {first} to {last}; {between}."


def show_curves(
    curves: Mapping[str, Any] | None = None,
    *,
    panels: Mapping[str, Mapping[str, Any]] | None = None,
    x_label: str = "step",
    y_label: str = "training loss",
    every: int = 1,
) -> Picture:
    """Draw loss curves, or any other numbers recorded step by step.

    Each curve is one run, a list with a number for each step, or several runs of the same length, such as
    one for each seed: these are drawn thin, and their median thick. The last median stands at the line's end.

        show_curves({"plain": [run1, run2, run3], "residual": [run4, run5, run6]})
        show_curves(panels={"8 layers": {"plain": …, "residual": …}, "20 layers": {…}})

    `panels` are drawn side by side with the same axes. `every` says how many steps lie between two recorded
    numbers. Raises `TypeError` for what is no curve, and `ValueError` where there is nothing to draw, runs of
    one curve differ in length, or there are more than four names of curves.
    """
    if (curves is None) == (panels is None):
        raise ValueError(f"show_curves takes either curves or panels, as in {EXAMPLE}")
    given: Mapping[str, Any] = {"": curves} if panels is None else _named(panels)
    if not isinstance(every, int) or isinstance(every, bool) or every < 1:
        raise ValueError(f"every is a whole number of steps from 1; got {every!r}")
    drawn = {clean(str(title), 60): _curves(panel) for title, panel in given.items()}
    names = list(dict.fromkeys(curve.name for panel in drawn.values() for curve in panel))
    if len(names) > len(PENS):
        raise ValueError(f"show_curves tells {len(PENS)} curves apart; got {len(names)}: {', '.join(names)}")
    x_label, y_label = clean(x_label, 60), clean(y_label, 60)
    steps = max(len(curve.median) for panel in drawn.values() for curve in panel) * every
    alt = [f"Line chart: {y_label} against {x_label}, up to {x_label} {steps}."]
    for title, panel in drawn.items():
        alt += [f"{title}, {curve.words}" if title else curve.words for curve in panel]
    alt_text = " ".join(alt)
    scene = _draw(drawn, names, x_label, y_label, every)
    text = _table(drawn, x_label, y_label, every)
    return Picture(lambda: to_svg(scene, alt_text).encode(), alt_text, text, round(scene.width), "svg+xml")


def _named(given: object) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise TypeError(f"show_curves takes a dict of curves by name, as in {EXAMPLE}; got {_kind(given)}")
    if not given:
        raise ValueError(f"there is no curve to draw: show_curves takes at least one, as in {EXAMPLE}")
    return given


def _curves(given: object) -> list[Curve]:
    return [_curve(clean(str(name), 40), value) for name, value in _named(given).items()]


def _curve(name: str, value: Any) -> Curve:
    if isinstance(value, Tensor):
        value = value.detach().tolist()
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"{name!r} is a list of numbers or a list of runs; got {_kind(value)}")
    single = bool(value) and all(_is_number(each) for each in value)
    runs = [_run(name, run) for run in ([value] if single else value)]
    if not runs or not runs[0]:
        raise ValueError(f"{name!r} has no numbers; record at least one in each step")
    if len(lengths := sorted({len(run) for run in runs})) > 1:
        raise ValueError(f"the runs of {name!r} have {lengths} numbers; all runs of a curve are equally long")
    return Curve(name, runs)


def _run(name: str, run: Any) -> Run:
    if isinstance(run, Tensor):
        run = run.detach().tolist()
    if isinstance(run, str) or not isinstance(run, Sequence):
        raise TypeError(f"a run of {name!r} is a list of numbers; got {_kind(run)}")
    if odd := [each for each in run if not _is_number(each)]:
        raise TypeError(f"a run of {name!r} holds {_kind(odd[0])}, where loss.item() would give a number")
    values = [float(each.item() if isinstance(each, Tensor) else each) for each in run]
    return [value if math.isfinite(value) else math.inf for value in values]


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) or (isinstance(value, Tensor) and value.numel() == 1)


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"


def _number(value: float) -> str:
    """Three digits, so that 1.9 reads 1.90 beside 0.759."""
    return f"{value:#.3g}".rstrip(".").replace("-", "−") if math.isfinite(value) else "not finite"


def _draw(
    panels: Mapping[str, list[Curve]], names: list[str], x_label: str, y_label: str, every: int
) -> Scene:
    everything = [curve for panel in panels.values() for curve in panel]
    values = [v for curve in everything for run in curve.runs for v in run if math.isfinite(v)]
    y = axis(min(0.0, *values, 0.0), max(values, default=1.0), 6)
    last = max(len(curve.median) for curve in everything) * every
    words = max(width(curve.label, SMALL, bold=True) for curve in everything) + 16
    titled = any(panels)
    above = ABOVE if titled else ABOVE - 18
    for columns in range(min(len(panels), 3), 0, -1):
        column = (BODY - GAP * (columns - 1)) / columns
        room = min(words, column / 2)
        plot = column - tick_room(y) - room
        if plot >= LEAST_PLOT:
            break
    x = axis(min(every, last - 1), last, max(2, round(plot / 60)), whole=True, widen=False)
    row = above + PLOT_HEIGHT + BELOW + GAP
    scene = Scene(BODY, row * math.ceil(len(panels) / columns) - GAP)
    for place, (title, panel) in enumerate(panels.items()):
        left = (place % columns) * (column + GAP) + tick_room(y)
        chart = Chart(scene, x, y, left, (place // columns) * row + above, plot, PLOT_HEIGHT)
        chart.axes(x_label, y_label, title)
        for curve in panel:
            pen = PENS[names.index(curve.name)]
            for run in curve.runs if len(curve.runs) > 1 else ():
                chart.line(_points(run, every), pen.pale, 1)
        ends = []
        for curve in panel:
            pen, points = PENS[names.index(curve.name)], _points(curve.median, every)
            chart.line(points, GROUND, 4)  # so that it stands out from the runs
            chart.line(points, pen.stroke, 2.2, pen.dash)
            seen = [point for point in points if math.isfinite(point[1])] or [(last, y.most)]
            chart.mark(*seen[-1], pen)
            ends.append((seen[-1], curve.label, pen))
        chart.labels(ends, room - 16)
    return on_ground(scene)


def _points(run: Run, every: int) -> list[tuple[float, float]]:
    return [(float(every * n), value) for n, value in enumerate(run, 1)]


def _table(panels: Mapping[str, list[Curve]], x_label: str, y_label: str, every: int) -> str:
    """Medians at up to five steps, the first and the last among them."""
    steps = max(len(curve.median) for panel in panels.values() for curve in panel)
    shown = sorted({round(n * (steps - 1) / 4) for n in range(5)})
    rows = [[f"{y_label} at {x_label}", *(str((n + 1) * every) for n in shown)]]
    for title, panel in panels.items():
        for curve in panel:
            name = f"{title}, {curve.name}" if title else curve.name
            name += f" (median of {len(curve.runs)})" if len(curve.runs) > 1 else ""
            rows.append([name, *(_number(curve.median[n]) if n < len(curve.median) else "" for n in shown)])
    return table(rows)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as lines: the first column to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    first, *others = widths
    return "\n".join(
        "  ".join([row[0].ljust(first), *(cell.rjust(w) for cell, w in zip(row[1:], others, strict=True))])
        for row in rows
    )
