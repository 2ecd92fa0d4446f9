"""Curves of several trainings: true points, honest medians, told apart without colour, never too wide."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sumskip import show_curves
from sumskip.seeing.chart import MOST_POINTS, PENS, Chart, axis, spread
from sumskip.seeing.drawing.scene import Line, Scene

PLAIN = [[2.3, 2.2, 2.0], [2.4, 2.0, 1.0], [2.2, 2.1, 1.9]]
RESIDUAL = [[2.5, 1.0, 0.5], [2.5, 1.2, 0.25], [2.5, 0.9, 0.75]]
BOTH = {"plain": PLAIN, "residual": RESIDUAL}


def paths(picture: Any) -> list[ET.Element]:
    """The lines of curves: in one of the pens' colours, and thick or pale."""
    colours = {colour for pen in PENS for colour in (pen.stroke, pen.pale)}
    found = ET.fromstring(picture.file).iter("{http://www.w3.org/2000/svg}path")
    return [path for path in found if path.get("stroke") in colours and path.get("stroke-width") != "0.8"]


def test_each_run_is_a_thin_line_and_their_median_a_thick_one() -> None:
    """Three runs and a median for each of two curves; the median is told apart by its dash as well."""
    widths = [path.get("stroke-width") for path in paths(show_curves(BOTH))]
    assert widths.count("1") == 6
    assert widths.count("2.2") == 2
    thick = [path for path in paths(show_curves(BOTH)) if path.get("stroke-width") == "2.2"]
    assert len({path.get("stroke-dasharray") for path in thick}) == 2
    assert [path.get("stroke-width") for path in paths(show_curves({"plain": PLAIN[0]}))] == ["2.2"]


def test_the_line_goes_through_the_numbers() -> None:
    """A point's height is its number on the axis: measured against those of 0 and of the largest tick."""
    chart = Chart(Scene(), axis(1, 3, whole=True, widen=False), axis(0, 4), 10, 20, 200, 100)
    chart.line([(1, 4.0), (2, 1.0), (3, math.inf), (3, 0.0)], "#000000", 1)
    first, second = [line for line in chart.scene.elements if isinstance(line, Line)]
    assert first.points == ((10, 20), (110, 95))
    assert second.points == ((210, 120),)


def test_the_text_says_medians_and_where_runs_end() -> None:
    picture = show_curves(panels={"8 layers": BOTH}, y_label="loss")
    said = (
        "8 layers, residual: the median of 3 runs goes from 2.50 to 0.500; they end between 0.250 and 0.750."
    )
    assert said in picture.alt_text
    assert picture.alt_text.startswith("Line chart: loss against step, up to step 3.")
    rows = [line.split() for line in picture.text.splitlines()]
    assert rows[0] == ["loss", "at", "step", "1", "2", "3"]
    assert rows[1][-3:] == ["2.30", "2.10", "1.90"]
    assert f'aria-label="{picture.alt_text}"' in picture.file.decode()
    for name, value in (("plain", median([2.0, 1.0, 1.9])), ("residual", 0.5)):
        assert f">{name} {value:#.3g}</text>" in picture.file.decode()


@pytest.mark.parametrize(
    "runs",
    [
        [PLAIN],
        torch.tensor(PLAIN),
        [torch.tensor(run) for run in PLAIN],
        [[torch.tensor(value, requires_grad=True) for value in run] for run in PLAIN],
        [np.array(run).tolist() for run in PLAIN],
        tuple(map(tuple, PLAIN)),
    ],
)
def test_runs_may_be_written_in_any_usual_way(runs: Any) -> None:
    """Lists, tuples, tensors, and losses that somebody forgot to call item() on."""
    runs = runs[0] if runs == [PLAIN] else runs
    assert show_curves({"plain": runs}).file == show_curves({"plain": PLAIN}).file


def test_a_step_can_stand_for_several() -> None:
    text = show_curves({"plain": PLAIN}, every=10).text
    assert text.splitlines()[0].split()[-3:] == ["10", "20", "30"]


def test_a_training_that_left_the_numbers_is_said_and_drawn_up_to_there() -> None:
    """nan counts as infinitely large, so that a median does not look better than it is."""
    picture = show_curves({"plain": [[1.0, math.nan, math.nan], [1.0, math.inf, 2.0], [1.0, 1.5, 1.5]]})
    assert "goes from 1.00 to 2.00; they end between 1.50 and not finite." in picture.alt_text
    assert "not finite" in show_curves({"plain": [math.nan]}).text
    assert b"nan" not in picture.file
    assert b"inf" not in picture.file.replace(b"infinite", b"").replace(b"not finite", b"")


@given(st.integers(1, 5), st.integers(1, 4), st.text("aW ", min_size=1, max_size=50))
def test_a_picture_is_never_wider_than_a_column(panels: int, curves: int, name: str) -> None:
    """672 pixels, whatever the names and however many panels; all of it inside."""
    picture = show_curves(
        panels={f"{name}{n}": {f"{name}{m}": PLAIN for m in range(curves)} for n in range(panels)}
    )
    root = ET.fromstring(picture.file)
    assert picture.width == float(root.attrib["width"]) == 672
    numbers = [float(x) for path in paths(picture) for x in re.findall(r"[ML]([\d.]+),", path.attrib["d"])]
    assert 0 < min(numbers) <= max(numbers) < 672


def test_a_name_has_the_same_look_in_every_panel() -> None:
    """Also where a panel has only one of the curves."""
    picture = show_curves(panels={"8": BOTH, "20": {"residual": RESIDUAL}})
    thick = [path for path in paths(picture) if path.get("stroke-width") == "2.2"]
    assert [path.get("stroke") for path in thick] == [PENS[0].stroke, PENS[1].stroke, PENS[1].stroke]


def test_a_long_run_keeps_its_peaks() -> None:
    """A line of 10,000 points is thinned to what can be seen, and its one peak stays."""
    chart = Chart(Scene(), axis(0, 10000), axis(0, 10), 0, 0, 500, 100)
    chart.line([(n, 10.0 if n == 4321 else 1.0) for n in range(10000)], "#000000", 1)
    [line] = [element for element in chart.scene.elements if isinstance(element, Line)]
    assert len(line.points) <= MOST_POINTS + 2
    assert min(y for _, y in line.points) == 0


@given(st.lists(st.floats(0, 100), min_size=1, max_size=4).map(sorted))
def test_labels_never_overlap(wanted: list[float]) -> None:
    places = spread(wanted, 15, 0, 100)
    assert all(b - a >= 15 - 1e-9 for a, b in pairwise(places))
    assert all(-1e-9 <= place <= 100 for place in places)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.booleans())
def test_an_axis_has_round_numbers_around_its_range(least: float, length: float, whole: bool) -> None:
    most = least + length
    around = axis(least, most, whole=whole)
    assert around.least <= least + 1e-6 * length
    assert around.most >= most - 1e-6 * length
    assert 2 <= len(around.ticks) <= 8
    inside = axis(least, most, whole=whole, widen=False)
    assert (inside.least, inside.most) == (least, most)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: show_curves(), ValueError, "either curves or panels"),
        (lambda: show_curves(BOTH, panels={"a": BOTH}), ValueError, "either curves or panels"),
        (lambda: show_curves([1.0, 2.0]), TypeError, "a dict of curves by name.*got a list"),
        (lambda: show_curves({}), ValueError, "no curve to draw"),
        (lambda: show_curves(panels={"8 layers": {}}), ValueError, "no curve to draw"),
        (lambda: show_curves(panels={"8 layers": PLAIN}), TypeError, "got a list"),
        (lambda: show_curves({"plain": 3.0}), TypeError, "'plain' is a list of numbers.*got a float"),
        (lambda: show_curves({"plain": []}), ValueError, "has no numbers"),
        (lambda: show_curves({"plain": [[]]}), ValueError, "has no numbers"),
        (
            lambda: show_curves({"plain": ["1"]}),
            TypeError,
            "a run of 'plain' is.*got a str",
        ),
        (lambda: show_curves({"plain": [[None]]}), TypeError, "holds a NoneType"),
        (lambda: show_curves({"plain": [[1.0], [1.0, 2.0]]}), ValueError, r"have \[1, 2\] numbers"),
        (lambda: show_curves(dict.fromkeys("abcde", PLAIN)), ValueError, "tells 4 curves apart; got 5"),
        (lambda: show_curves(BOTH, every=0), ValueError, "every is a whole number"),
    ],
)
def test_what_cannot_be_drawn_is_said(call: Any, error: type[Exception], said: str) -> None:
    """One clear error each: what is taken, and what came."""
    with pytest.raises(error, match=said):
        call()
