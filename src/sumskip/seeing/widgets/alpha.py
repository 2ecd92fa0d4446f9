"""Loss over alpha: the curve that gradient descent walks down, the steps on it, and a tangent to drag."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from torch import Tensor, nn

from sumskip.seeing.chart import ABOVE, BELOW, PENS, Chart, axis, tick_room
from sumskip.seeing.curves import BODY, table
from sumskip.seeing.drawing import MARGIN, on_ground
from sumskip.seeing.drawing.parts import number_text
from sumskip.seeing.drawing.scene import Point, Scene, Text, to_svg
from sumskip.seeing.drawing.symbols import INK, SMALL
from sumskip.seeing.picture import Picture
from sumskip.seeing.widgets.descent import Place, alpha_of, grid_around, measure, number_of, walked
from sumskip.seeing.widgets.live import InteractivePicture

TANGENT, STEP = PENS[0], replace(PENS[1], mark="circle")
FIRST, LAST = replace(STEP, mark="square"), replace(STEP, mark="diamond")
HEIGHT, STEPS_WIDTH, MIDDLE, SLACK = 220.0, 170.0, 36.0, 12.0
MOST_ROWS = 12  # of the table of steps


def loss_over_alpha(
    model: nn.Module,
    x: Tensor,
    target: Tensor,
    values: Sequence[float] | None = None,
    *,
    start: float | None = None,
) -> InteractivePicture:
    """The mean squared error between `model(x)` and `target` as `model.alpha` runs from -0.25 to 1.25.

    `values` are alpha after each step of a training, and `start` is alpha before the first: they are marked
    on the curve, and drawn against the steps beside it. A slider moves a tangent along the curve; its slope
    is the gradient of alpha.

        values = fit_alpha(model, x, target, steps=30, lr=20)
        loss_over_alpha(model, x, target, values, start=0.5)

    `x` and `target` are tensors such as (N, C, H, W). The model runs some sixty times, and is afterwards what
    it was. Raises `TypeError` and `ValueError` for a model without a parameter `alpha` that is one number,
    for shapes that do not fit, for values that are no finite numbers, and where no gradient flows to alpha.
    """
    own = alpha_of(model)
    for name, tensor in (("x", x), ("target", target)):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"loss_over_alpha takes a tensor as {name}; got a {type(tensor).__name__}")
    alphas, first = walked(values), 1
    if start is not None:
        alphas, first = [number_of(start, "start"), *alphas], 0
    measured = [measure(model, x, target, alpha) for alpha in (own, *grid_around(alphas), *alphas)]
    count = len(measured) - len(alphas)
    plot = _Plot(measured[1:count], measured[count:], first)
    shown = plot.walk[0] if plot.walk else measured[0]
    said = plot.words(shown)
    alt, text = " ".join(said), "\n".join([*said, "", plot.steps()] if plot.walk else said)
    still = plot.scene(shown)
    picture = Picture(lambda: to_svg(still, alt).encode(), alt, text, round(still.width), "svg+xml")
    data = {
        "svg": to_svg(plot.scene(), alt),
        "curve": [plot.placed(place) for place in plot.curve],
        "steps": [plot.placed(place, n) for n, place in enumerate(plot.walk)],
        "first": plot.nearest(shown),
    }
    return InteractivePicture("alpha", picture, data)


class _Plot:
    """Loss over alpha, and beside it, where there was a walk, alpha over the steps; `first` is its number."""

    def __init__(self, curve: list[Place], walk: list[Place], first: int) -> None:
        self.curve, self.walk, self.first = curve, walk, first
        losses = [place.loss for place in curve + walk if math.isfinite(place.loss)]
        x, y = axis(curve[0].alpha, curve[-1].alpha, 6, widen=False), axis(0, max(losses, default=1.0))
        y = replace(y, least=-0.1 * y.most)  # so that the valley is not cut off
        alphas = [place.alpha for place in walk] or [0.0]
        room = 0.06 * (max(alphas) - min(alphas))
        high = axis(min(alphas) - room, max(alphas) + room, widen=False)
        last = first + len(walk) - 1
        steps = axis(min(first, last - 1), last, 4, whole=True, widen=False)
        left = tick_room(y)
        right = tick_room(high) + STEPS_WIDTH + MIDDLE if walk else 0.0
        self._over = Chart(Scene(), x, y, left, ABOVE, BODY - left - right - SLACK, HEIGHT)
        self._beside = Chart(Scene(), steps, high, BODY - STEPS_WIDTH - SLACK, ABOVE, STEPS_WIDTH, HEIGHT)

    def scene(self, shown: Place | None = None) -> Scene:
        """The picture, with the tangent at a place or, for the live one, without any."""
        scene = Scene(BODY, ABOVE + HEIGHT + BELOW)
        over, beside = replace(self._over, scene=scene), replace(self._beside, scene=scene)
        title = "Loss over alpha"
        if shown:
            title = f"At alpha {number_text(shown.alpha)} the gradient is {number_text(shown.gradient)}"
        over.axes("alpha", "loss", title)
        over.line([(place.alpha, place.loss) for place in self.curve], INK, 2)
        if self.walk:
            self._walk(over, [(place.alpha, place.loss) for place in self.walk])
            self._ends(over)
            beside.axes("step", "alpha", "Alpha over the steps")
            self._walk(beside, [(self.first + n, place.alpha) for n, place in enumerate(self.walk)])
        if shown and (ends := self._tangent(shown)):
            over.line(ends, TANGENT.stroke, 2, "8 4")
            over.mark(shown.alpha, shown.loss, TANGENT, 6)
        return on_ground(scene)

    def placed(self, place: Place, step: int | None = None) -> dict[str, Any]:
        """Where the live picture puts the tangent and what marks it, and what it says; `step` is from 0."""
        says = place.words
        ends = [self._moved(self._over.at(*end)) for end in self._tangent(place)]
        marks = [self._moved(self._over.at(place.alpha, place.loss))] if ends else []
        if step is not None:
            says = f"{self._name(step)}: {says}"
            marks.append(self._moved(self._beside.at(self.first + step, place.alpha)))
        alpha, slider = number_text(place.alpha), self.nearest(place)
        return {"says": says, "tangent": ends, "marks": marks, "alpha": alpha, "slider": slider}

    def nearest(self, place: Place) -> int:
        """Which place of the curve is nearest to this alpha."""
        return min(range(len(self.curve)), key=lambda n: abs(self.curve[n].alpha - place.alpha))

    def words(self, shown: Place) -> list[str]:
        """In sentences: where the loss is smallest, where the walk starts and ends, and the tangent."""
        ends = f"from {number_text(self.curve[0].alpha)} to {number_text(self.curve[-1].alpha)}"
        said = [f"Loss over alpha, {ends}."]
        if finite := [place for place in self.curve + self.walk if math.isfinite(place.loss)]:
            least = min(finite, key=lambda place: place.loss)
            loss, alpha = number_text(least.loss), number_text(least.alpha)
            said.append(f"Smallest loss measured: {loss}, at alpha {alpha}.")
        for n in sorted({0, len(self.walk) - 1}) if self.walk else ():
            loss, alpha = number_text(self.walk[n].loss), number_text(self.walk[n].alpha)
            said.append(f"{self._name(n)}: alpha {alpha}, loss {loss}.")
        return [*said, f"Tangent: {shown.words}"]

    def steps(self) -> str:
        """A table of the steps; of a long walk twelve, the first and the last among them."""
        last = len(self.walk) - 1
        shown = sorted({round(n * last / (MOST_ROWS - 1)) for n in range(MOST_ROWS)})
        rows: list[tuple[str, ...]] = [("", "alpha", "loss", "gradient")]
        for n in shown:
            place = self.walk[n]
            rows.append((self._name(n), *map(number_text, (place.alpha, place.loss, place.gradient))))
        return table(rows)

    def _name(self, step: int) -> str:
        return f"Step {self.first + step}" if self.first + step else "Start"

    def _tangent(self, place: Place) -> list[Point]:
        """The ends of the tangent within the plot, a quarter of it to each side; none if not finite."""
        slope, x, y = place.gradient, self._over.x, self._over.y
        if not math.isfinite(place.loss + slope):
            return []
        reach = (x.most - x.least) / 4
        least, most = max(x.least, place.alpha - reach), min(x.most, place.alpha + reach)
        if slope:
            crossings = sorted(place.alpha + (end - place.loss) / slope for end in (y.least, y.most))
            least, most = max(least, crossings[0]), min(most, crossings[1])
        return [(alpha, place.loss + slope * (alpha - place.alpha)) for alpha in (least, most)]

    def _walk(self, chart: Chart, points: list[Point]) -> None:
        """The steps, joined in their order; the first is a square and the last a diamond."""
        chart.line(points, STEP.stroke, 1.2)
        pens = [(FIRST, 5.5), *[(STEP, 3.5)] * (len(points) - 2), (LAST, 5)]
        for point, (pen, size) in zip(points, pens, strict=False):
            if math.isfinite(point[1]):
                chart.mark(*point, pen, size)

    def _ends(self, chart: Chart) -> None:
        """The names of the first and the last step, on the inner side of the curve."""
        above = math.inf
        for n in sorted({0, len(self.walk) - 1}, reverse=True):
            place = self.walk[n]
            if not math.isfinite(place.loss):
                continue
            x, y = chart.at(place.alpha, place.loss)
            side = -1 if place.gradient > 0 else 1
            y = y - 10 if abs(y - above) > 14 else above - 14
            anchor: Literal["start", "end"] = "end" if side < 0 else "start"
            name = self._name(n).lower()
            chart.scene.elements.append(Text(x + 6 * side, y, name, SMALL, STEP.ink, True, anchor, halo=True))
            above = y

    @staticmethod
    def _moved(point: Point) -> list[float]:
        return [round(part + MARGIN, 1) for part in point]
