"""Loss over alpha and the puzzles in a real JupyterLab, by keyboard alone, and curves beside them.

With SUMSKIP_SCREENSHOTS=FOLDER every picture is kept there, as in test_browser_widgets.
"""

from __future__ import annotations

from dataclasses import asdict
from random import Random
from typing import TYPE_CHECKING

import nbformat
import pytest

from browser import Lab, Notebook, lab  # noqa: F401 - a fixture
from sumskip.seeing.widgets.live import HERE
from sumskip.seeing.widgets.puzzles import PUZZLES, verdict
from test_browser_widgets import blank, focused, keep, live, press, run, said, start_of, tab_to  # noqa: F401

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

CELLS = (
    """import torch
from sumskip import loss_over_alpha, order_lines, show_curves
from sumskip.models import Dimmer

torch.manual_seed(0)
model, x = Dimmer(), torch.rand(2, 1, 6, 6)
target = 0.2 * model.conv(x).detach()""",
    "loss_over_alpha(model, x, target, [0.4, 0.3, 0.25], start=0.5)",
    "loss_over_alpha(model, x, target)",
    'order_lines("fit_alpha")',
    'order_lines("residual_block")',
    """runs = [[2.3 - 0.1 * seed - 0.05 * step for step in range(30)] for seed in range(3)]
show_curves(panels={"8 layers": {"plain": runs, "residual": runs[2]}, "20 layers": {"plain": runs}})""",
)
WALK, ALONE, FIT, BLOCK, CURVES = range(1, 6)
RIGHT = ("w", "seen", "descent", "for", "error", "zero", "backward", "step", "append", "print")


@pytest.fixture(scope="module")
def notebook(lab: Lab) -> Notebook:  # noqa: F811 - a fixture
    lab.write("practice.ipynb", CELLS)
    opened = lab.open("practice.ipynb")
    opened.run_all()
    for place in (WALK, ALONE, FIT, BLOCK):
        live(opened, place).wait_for()
    return opened


def tangent(picture: Locator) -> list[float]:
    """The ends of the tangent: x, y, x, y."""
    path = picture.locator(".sumskip-tangent").get_attribute("d") or ""
    return [float(part) for end in path[1:].split("L") for part in end.split(",")]


def test_alpha_is_dragged_along_the_curve_by_keyboard(notebook: Notebook) -> None:
    """Each arrow is a place of the curve: numbers are announced, and the tangent turns with the gradient."""
    picture = start_of(notebook, ALONE)
    slider = picture.get_by_role("slider", name="alpha")
    tab_to(notebook, slider)
    assert said(picture).startswith("alpha 0.5, loss ")
    press(notebook, "ArrowRight")
    assert said(picture).startswith("alpha 0.525, loss ")
    assert slider.get_attribute("aria-valuetext") == "alpha 0.525"
    x1, y1, x2, y2 = tangent(picture)
    assert y2 < y1  # uphill, and y is counted downwards
    assert "makes alpha smaller" in said(picture)
    press(notebook, "Home")
    assert said(picture).startswith("alpha −0.25, loss ")
    assert "makes alpha larger" in said(picture)
    x1, y1, x2, y2 = tangent(picture)
    assert x1 < x2
    assert y2 > y1
    press(notebook, "End")
    assert said(picture).startswith("alpha 1.25, loss ")
    dash = picture.locator(".sumskip-tangent").evaluate("node => getComputedStyle(node).strokeDasharray")
    assert dash != "none"  # not by colour alone


def test_the_walk_is_stepped_through_by_keyboard(notebook: Notebook) -> None:
    """Next and Back put the tangent at each step; the slider goes on from the nearest place."""
    picture = start_of(notebook, WALK)
    assert said(picture).startswith("Start: alpha 0.5, ")
    button = picture.get_by_role("button", name="Next")
    tab_to(notebook, button)
    press(notebook, "Enter")
    assert said(picture).startswith("Step 1: alpha 0.4, ")
    press(notebook, "Space", "Space", "Space")
    assert said(picture).startswith("Step 3: alpha 0.25, ")
    assert button.get_attribute("aria-disabled") == "true"
    assert focused(button)
    assert picture.locator(".sumskip-at").nth(1).get_attribute("r") == "6"
    picture.get_by_role("slider", name="alpha").focus()
    press(notebook, "ArrowLeft")
    assert said(picture).startswith("alpha 0.225, ")
    assert picture.locator(".sumskip-at").nth(1).get_attribute("r") == "0"


def option(picture: Locator, code: str) -> Locator:
    return picture.get_by_role("option").filter(has=picture.page.get_by_text(code, exact=True))


def program(picture: Locator) -> list[str]:
    return picture.get_by_role("group", name="Program").locator("code").all_inner_texts()


def test_lines_are_ordered_by_keyboard(notebook: Notebook) -> None:
    """Put in, moved with Alt, taken out, held with Space, checked with Enter; all is announced."""
    codes = {line.name: line.code for line in PUZZLES["fit_alpha"].lines}
    picture = start_of(notebook, FIT)
    options = picture.get_by_role("option")
    tab_to(notebook, options.first)
    assert program(picture) == []
    for _ in range(13):
        press(notebook, "ArrowRight")
    assert len(program(picture)) == 13
    assert said(picture).endswith("is now line 13.")
    press(notebook, "Home", "Enter")
    judged = verdict(PUZZLES["fit_alpha"], [line.name for line in PUZZLES["fit_alpha"].shuffled])
    assert said(picture) == judged.says
    assert "stands wrongly" in picture.get_by_role("option", selected=True).inner_text()
    assert focused(picture.get_by_role("option", selected=True))

    for line in PUZZLES["fit_alpha"].lines:
        if line.stray:
            option(picture, line.code).focus()
            press(notebook, "ArrowLeft" if line.depth else "Delete")
            assert said(picture) == f"{line.code} is left over."
    for n, name in enumerate(RIGHT):
        option(picture, codes[name]).focus()
        while program(picture).index(codes[name]) > n:
            press(notebook, "Alt+ArrowUp")
            assert said(picture).startswith(f"{codes[name]} is now line ")
    assert program(picture) == [codes[name] for name in RIGHT]
    keep(notebook.output(FIT), "order-right")
    press(notebook, "Enter")
    assert said(picture) == f"Right. {PUZZLES['fit_alpha'].done}"

    option(picture, codes["zero"]).focus()
    press(notebook, "Space", "ArrowDown")
    assert said(picture) == "descent.zero_grad() is now line 7 of 10."
    press(notebook, "Space", "ArrowUp", "Enter")
    assert "it empties the gradient before the step has used it" in said(picture)
    assert picture.get_by_role("option", selected=True).get_attribute("aria-label") == (
        "7, indented, descent.zero_grad(), stands wrongly"
    )
    press(notebook, "Alt+ArrowDown", "Alt+ArrowDown", "Alt+ArrowDown", "Alt+ArrowDown")
    assert said(picture) == "descent.zero_grad() is already the last line."


def test_lines_are_ordered_with_a_mouse_as_well(notebook: Notebook) -> None:
    """A click chooses a line, and buttons do what the keys do."""
    puzzle = PUZZLES["residual_block"]
    codes = {line.name: line.code for line in puzzle.lines}
    picture = start_of(notebook, BLOCK)
    for name in ("def", "widen", "relu", "mix", "sum", "skip", "return"):
        option(picture, codes[name]).click()
        picture.get_by_role("button", name="Into the program").click()
    picture.get_by_role("button", name="Check").click()
    assert said(picture) == "Line 5, total = h + skip: skip is not there yet."
    picture.get_by_role("button", name="Down").click()
    assert said(picture) == "total = h + skip is now line 6 of 7."
    picture.get_by_role("button", name="Check").click()
    assert said(picture) == f"Right. {puzzle.done}"
    option(picture, codes["widen"]).click()
    picture.get_by_role("button", name="Out of it").click()
    assert codes["widen"] not in program(picture)
    picture.get_by_role("button", name="Start again").click()
    assert program(picture) == []


def test_the_script_judges_as_python_does(blank: Page) -> None:  # noqa: F811 - a fixture
    """Random programs of both puzzles, and all with one line of a right one moved."""
    source = "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("common.js", "order.js"))
    chance = Random(6)
    for puzzle in PUZZLES.values():
        names = [line.name for line in puzzle.lines]
        right = [line.name for line in puzzle.lines if not line.stray]
        programs = [chance.sample(names, chance.randrange(len(names) + 1)) for _ in range(300)]
        for first in range(len(right)):
            for second in range(len(right)):
                moved = list(right)
                moved.insert(second, moved.pop(first))
                programs.append(moved)
        judged = run(
            blank,
            source,
            "cases[1].map((names) => module.verdict(cases[0], cases[2],"
            " names.map((name) => cases[0].find((line) => line.name === name))))",
            cases=[[asdict(line) for line in puzzle.lines], programs, puzzle.done],
        )
        assert judged == [asdict(verdict(puzzle, names)) for names in programs]
        assert sum(each["right"] for each in judged) >= len(right)


def test_opened_again_without_its_kernel(lab: Lab, notebook: Notebook) -> None:  # noqa: F811 - a fixture
    """The saved notebook shows the chart, and the lettered lines, and no error of the widget's."""
    notebook.save()
    saved = nbformat.read(lab.root / "practice.ipynb", as_version=4)
    nbformat.write(saved, lab.root / "practice-again.ipynb")
    again = lab.open("practice-again.ipynb")
    again.output(WALK).locator('img[alt^="Loss over alpha"]').wait_for()
    assert "Step 3" in again.output(WALK).inner_text()
    assert "Write the letters of the lines in their order." in again.output(FIT).inner_text()
    for place in (WALK, ALONE, FIT, BLOCK):
        assert again.output(place).locator(".jupyter-widgets:visible").count() == 0
        keep(again.output(place), f"practice-still-{place}")
    again.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_clipped(lab: Lab, theme: str) -> None:  # noqa: F811 - a fixture
    """700 pixels wide, and at 200 % zoom: no picture is wider than its column."""
    lab.write(f"practice-{theme}.ipynb", CELLS)
    opened = lab.open(f"practice-{theme}.ipynb", theme=theme)
    for width, zoom in ((700, 1), (1280, 2)):
        opened.page.set_viewport_size({"width": width, "height": 1000})
        opened.run_all()
        opened.page.evaluate(f"document.body.style.zoom = {zoom}")
        for place in (WALK, ALONE, FIT, BLOCK):
            picture = live(opened, place)
            picture.wait_for()
            if place in (FIT, BLOCK):
                start_of(opened, place)
                tab_to(opened, picture.get_by_role("option").first)
                press(opened, *["ArrowRight"] * 3, "Enter", "Space")
            assert picture.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
            keep(opened.output(place), f"practice-{theme}-{width}-{zoom}-{place}")
        image = opened.output(CURVES).locator("img")
        column = opened.output(CURVES)
        assert image.evaluate("node => node.clientWidth") <= column.evaluate("node => node.clientWidth")
        keep(column, f"practice-{theme}-{width}-{zoom}-{CURVES}")
    opened.close()
