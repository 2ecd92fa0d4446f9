"""The interactive pictures in a real JupyterLab, by keyboard alone.

With SUMSKIP_SCREENSHOTS=FOLDER every picture is kept there in light and dark, at 700 pixels and at
200 % zoom, to be looked at.
"""

from __future__ import annotations

import base64
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from browser import Lab, Notebook, lab  # noqa: F401 - a fixture
from sumskip.seeing.drawing.walk import Walk, walk
from sumskip.seeing.widgets.aligner import align
from sumskip.seeing.widgets.live import HERE
from sumskip.seeing.widgets.pixel import OPERATORS, START, arithmetic, feature_maps
from sumskip.seeing.widgets.wirings import WIRINGS, Mode, Wiring, wired

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

MODEL = f"""import sys
import torch
from torch import nn
from sumskip import explore, pixel_at_the_plus, shape_aligner, wiring_board

sys.path.insert(0, {str(Path(__file__).parent)!r})
import published

class Addition(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.second = nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, x):
        out1 = self.first(x)
        return out1 + self.second(out1)
"""
CELLS = (
    MODEL,
    "wiring_board(guess=18)",
    "pixel_at_the_plus(guess=0.4)",
    'shape_aligner(guess="error")',
    "wiring_board(guess=(1, 16, 8, 8), model=Addition(), x=torch.rand(1, 3, 8, 8))",
    "pixel_at_the_plus()",
    "explore(published.MODELS['resnet18'][0]().eval(), published.MODELS['resnet18'][1])",
)
WIRING, PIXEL, ALIGNER, OWN, LOCKED, EXPLORE = range(1, 7)
ASKING = (
    MODEL + "x = torch.rand(1, 3, 8, 8)",
    "wiring_board(number=7)",
    "pixel_at_the_plus(alpha=0.25)",
    "shape_aligner()",
    "wiring_board(model=Addition(), x=x)",
    "wiring_board(model=nn.Sequential(nn.Conv2d(3, 16, 3), nn.Conv2d(3, 16, 3)), x=x)",
)
*GUESSED, STOPPING = range(1, 6)


@pytest.fixture(scope="module")
def notebook(lab: Lab) -> Notebook:  # noqa: F811 - a fixture
    """All pictures in one notebook, run once."""
    lab.write("pictures.ipynb", CELLS)
    opened = lab.open("pictures.ipynb")
    opened.run_all()
    for place in (WIRING, PIXEL, ALIGNER, OWN, EXPLORE):
        live(opened, place).wait_for()
    return opened


@pytest.fixture
def blank(lab: Lab) -> Iterator[Page]:  # noqa: F811 - a fixture
    """An empty page, to call functions of the scripts in."""
    page = lab.browser.new_page()
    yield page
    page.close()


@pytest.fixture
def asking(lab: Lab) -> Iterator[Notebook]:  # noqa: F811 - a fixture
    """All questions in one notebook, run and unanswered."""
    lab.write("asking.ipynb", ASKING)
    opened = lab.open("asking.ipynb")
    opened.run_all()
    for place in (*GUESSED, STOPPING):
        live(opened, place).wait_for()
    yield opened
    opened.close()


def steps(wiring: Wiring, mode: Mode, number: float) -> Walk:
    return walk(wired(wiring, mode, number))


def live(opened: Notebook, place: int) -> Locator:
    return opened.output(place).locator(".sumskip-live")


def said(picture: Locator) -> str:
    """What the last change was announced as."""
    line = picture.locator(".sumskip-says[aria-live=polite]")
    assert line.count() == 1
    return line.inner_text()


def guessed(picture: Locator) -> str:
    """What stands of the guess."""
    return picture.locator(".sumskip-guess").inner_text()


def heard_and_seen(output: Locator) -> str:
    """All that eyes or a screen reader get of a cell's output: its visible text, and every label in it."""
    labels = output.evaluate(
        """node => [...node.querySelectorAll("*")]
            .filter((part) => part.checkVisibility({ visibilityProperty: true }))
            .flatMap((part) => ["aria-label", "alt", "title"].map((name) => part.getAttribute(name) ?? ""))
            .join(" ")"""
    )
    return f"{output.inner_text()} {labels} {output.aria_snapshot()}"


def press(opened: Notebook, *keys: str) -> None:
    for key in keys:
        opened.page.keyboard.press(key)


def tab_to(opened: Notebook, target: Locator) -> None:
    """Press Tab until `target` has the focus, as someone without a mouse does; it must then be visible."""
    for _ in range(12):
        press(opened, "Tab")
        if target.evaluate("node => node === document.activeElement"):
            outline = target.evaluate("node => getComputedStyle(node).outlineStyle")
            assert outline == "solid", "the focus must be visible"
            return
    raise AssertionError("Tab does not get there")


def start_of(opened: Notebook, place: int) -> Locator:
    """Put the focus just before the picture of a cell; returns the picture."""
    picture = live(opened, place)
    picture.evaluate("node => { node.tabIndex = -1; node.focus(); }")
    return picture


def drawn(picture: Locator, state: str) -> int:
    """How many wires of the picture are in a state, "empty" or "latest"; their look is not colour alone."""
    wires = picture.locator(f"svg g.sumskip-{state} path").all()
    for wire in wires:
        dashes, width = wire.evaluate(
            "node => [getComputedStyle(node).strokeDasharray, parseFloat(getComputedStyle(node).strokeWidth)]"
        )
        assert dashes != "none" if state == "empty" else width > 4
    return len(wires)


def words(picture: Locator) -> list[str]:
    """What can be read on the wires."""
    texts = picture.locator("svg g text").all()
    return [text.text_content() or "" for text in texts if text.is_visible()]


def test_the_wiring_board_by_keyboard(notebook: Notebook) -> None:
    """Arrow keys choose the wiring, Enter and Space on Next fill one wire at a time, each is announced."""
    picture = start_of(notebook, WIRING)
    assert guessed(picture) == "Your guess for the chain: 18. Step to its end to see."
    button = picture.get_by_role("button", name="Next")
    names = list(WIRINGS)
    for place, wiring in enumerate(WIRINGS):
        start_of(notebook, WIRING)
        tab_to(notebook, picture.get_by_role("radio", name=names[max(0, place - 1)], exact=True))
        if place:
            press(notebook, "ArrowRight")
        assert picture.get_by_role("radio", name=wiring, exact=True).is_checked()
        tab_to(notebook, button)
        expected = steps(wiring, "number", 5)
        assert picture.get_by_role("img", name=f"{wiring}, with a number, wire by wire").is_visible()
        assert words(picture) == []
        empty = drawn(picture, "empty")
        for count, step in enumerate(expected.steps, 1):
            press(notebook, "Enter" if count % 2 else "Space")
            assert said(picture) == step.says
            assert f"step {count} of {len(expected.steps)}" in picture.inner_text()
            assert drawn(picture, "latest") >= 1
            assert drawn(picture, "empty") < empty
            empty = drawn(picture, "empty")
        assert empty == 0
        assert picture.get_by_role("img", name=expected.alt_text).is_visible()
        verdict = "The chain gives 13. 18 is what the parallel sum gives."
        assert guessed(picture) == f"Your guess for the chain: 18. {verdict}"
        assert button.get_attribute("aria-disabled") == "true"
        press(notebook, "Enter")  # at the end nothing more happens, and the focus stays
        assert said(picture) == expected.steps[-1].says
        assert button.evaluate("node => node === document.activeElement")
        press(notebook, "Shift+Tab", "Enter")
        assert said(picture) == expected.steps[-2].says
    start_of(notebook, WIRING)
    tab_to(notebook, picture.get_by_role("radio", name="number"))
    press(notebook, "ArrowRight")
    assert said(picture) == "skip sum, with a shape: 5 steps, all wires empty."
    tab_to(notebook, button)
    press(notebook, *["Enter"] * 5)
    assert said(picture) == steps("skip sum", "shape", 5).steps[-1].says
    assert words(picture).count("1×16×32×32") == 4


def test_the_learners_own_trace_by_keyboard(notebook: Notebook) -> None:
    """Next goes through the traced model to the shape that leaves it."""
    picture = start_of(notebook, OWN)
    assert guessed(picture) == "Your guess: (1, 16, 8, 8). Step to the end to see."
    tab_to(notebook, picture.get_by_role("button", name="Next"))
    announced, seen = [], []
    for _ in range(5):
        press(notebook, "Enter")
        announced.append(said(picture))
        seen.append(len(words(picture)))
    assert guessed(picture) == "Your guess: (1, 16, 8, 8). Your model gives (1, 16, 8, 8)."
    assert announced[0] == "x carries (1, 3, 8, 8) into first."
    assert announced[-1] == "+ gives (1, 16, 8, 8): it leaves."
    assert len(set(announced)) == 5
    assert seen == sorted(set(seen))  # with each wire, more can be read
    assert words(picture).count("out1") == 2


def test_the_pixel_by_keyboard(notebook: Notebook) -> None:
    """Arrow keys move the crosshair, radio buttons change the operator, alpha is slid and typed."""
    picture = start_of(notebook, PIXEL)
    out1, out2 = (maps[0, 8] for maps in feature_maps())
    row, column = START

    def line(operator: Any, alpha: float = 0.5) -> str:
        a, b = out1[row, column].item(), out2[row, column].item()
        return f"Row {row}, column {column}: {arithmetic(operator, a, b, alpha)}. Shapes: "

    assert said(picture).startswith(line("+"))
    crosshair = picture.get_by_role("application")
    tab_to(notebook, crosshair)
    press(notebook, "ArrowUp", "ArrowUp", "ArrowLeft", "ArrowDown", "Shift+ArrowLeft")
    row, column = row - 1, column - 9
    assert said(picture).startswith(line("+"))
    press(notebook, *["Shift+ArrowUp"] * 5)  # it stops at the edge
    row = 0
    assert said(picture).startswith(line("+"))
    assert f"result, channel 8: {line('+').split(' = ')[1].split('. ')[0]}" in picture.inner_text()

    press(notebook, "Shift+Tab")  # alpha is off while the operator is +, so this is the radio group
    press(notebook, "ArrowRight")
    assert "nothing is added" in said(picture)
    assert said(picture).endswith("(1, 16, 32, 32) beside (1, 16, 32, 32) → (1, 32, 32, 32).")
    assert picture.locator("canvas:visible").count() == 4
    press(notebook, "ArrowRight")
    assert said(picture).startswith(line("×"))
    press(notebook, "ArrowRight")
    assert said(picture).startswith(line("weighted"))
    tab_to(notebook, picture.get_by_role("slider", name="alpha"))
    press(notebook, "ArrowRight", "ArrowRight")
    assert said(picture).startswith(line("weighted", 0.6))
    press(notebook, "End")
    assert said(picture).startswith(line("weighted", 1.5))
    press(notebook, "Home")
    assert said(picture).startswith(line("weighted", -0.5))
    tab_to(notebook, picture.get_by_role("spinbutton", name="alpha, typed"))
    press(notebook, "Control+a")
    notebook.page.keyboard.type("0.27")
    assert said(picture).startswith(line("weighted", 0.27))
    press(notebook, "Control+a")
    notebook.page.keyboard.type("7")
    assert said(picture) == "alpha goes from −0.50 to 1.50"
    press(notebook, "Control+a")
    notebook.page.keyboard.type("0.5")
    assert "Your guess at row 20, column 26: 0.4. It is 0.31 + (−0.12) = 0.19." in picture.inner_text()


def test_the_canvas_shows_the_sum(notebook: Notebook) -> None:
    """Pixels far from the crosshair have the colour that the scale gives the result."""
    picture = live(notebook, PIXEL)
    picture.get_by_role("radio", name="+").check()
    data = (
        picture.locator("canvas")
        .nth(2)
        .evaluate(
            "canvas => [[3, 30], [30, 3], [12, 5]].map(([row, column]) =>"
            " [...canvas.getContext('2d').getImageData(8 * column + 4, 8 * row + 4, 1, 1).data].slice(0, 3))"
        )
    )
    from sumskip.seeing.feature_maps import colours
    from sumskip.seeing.widgets.pixel import limit

    out1, out2 = (maps[0, 8] for maps in feature_maps())
    for rgb, (row, column) in zip(data, [(3, 30), (30, 3), (12, 5)], strict=True):
        share = ((out1 + out2)[row, column].item() / limit() + 1) / 2
        expected = [round(255 * part) for part in colours()(share)[:3]]
        assert max(abs(a - b) for a, b in zip(rgb, expected, strict=True)) <= 6


def test_a_slider_frame_is_on_screen_within_100_ms(notebook: Notebook) -> None:
    """From the key to the second animation frame after it, the median of nine."""
    picture = live(notebook, PIXEL)
    picture.get_by_role("radio", name="weighted").check()
    milliseconds = picture.get_by_role("slider", name="alpha").evaluate(
        """async (slider) => {
            const times = [];
            for (let step = 0; step < 9; step++) {
                const start = performance.now();
                slider.value = step / 10;
                slider.dispatchEvent(new Event("input"));
                await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
                times.push(performance.now() - start);
            }
            return times.sort((a, b) => a - b)[4];
        }"""
    )
    assert milliseconds < 100


def test_the_shape_aligner_by_keyboard(notebook: Notebook) -> None:
    """Both shapes are typed; each dimension says what it is, in words, and the sum is announced."""
    picture = start_of(notebook, ALIGNER)
    assert (
        "Your guess for (4, 1, 32, 32) + (16, 1, 32): an error. It gives (4, 16, 32, 32)."
        in picture.inner_text()
    )
    a, b = picture.get_by_label("shape of a"), picture.get_by_label("shape of b")
    tab_to(notebook, a)
    press(notebook, "Control+a")
    notebook.page.keyboard.type("(1, 16, 30, 30)")
    tab_to(notebook, b)
    press(notebook, "Control+a")
    notebook.page.keyboard.type("16, 1, 32")
    assert said(picture) == align((1, 16, 30, 30), (16, 1, 32)).sentence
    rows = picture.get_by_role("row")
    assert rows.nth(3).inner_text().split("\t") == [
        "they are",
        "= equal",
        "= equal",
        "↔ stretched",
        "✗ clash",
    ]
    assert rows.nth(4).inner_text().split("\t") == ["a + b", "1", "16", "30", "✗"]
    notebook.page.keyboard.type(" x")
    assert "whole numbers with commas" in said(picture)
    assert b.get_attribute("aria-invalid") == "true"


def test_a_resnet_is_explored_by_keyboard(notebook: Notebook) -> None:
    """Arrows go from thing to thing in the order of the forward pass, Enter opens and closes, + zooms."""
    picture = start_of(notebook, EXPLORE)
    things = picture.locator("[data-item]")
    tab_to(notebook, picture.get_by_role("img", name="x, input"))
    assert said(picture) == "x, input. Result: (1, 3, 64, 64), float32. Out: to conv1."
    press(notebook, "ArrowRight")
    assert "conv1, Conv2d(3, 64, 7×7, stride 2)." in said(picture)
    assert "Parameters: 9,408, all trainable." in said(picture)
    press(notebook, "ArrowDown", "ArrowDown", "ArrowUp", "End")
    assert said(picture).startswith("output.")
    press(notebook, "Home", *["ArrowRight"] * 6)
    block = picture.get_by_role("button", name="layer1.0, BasicBlock")
    assert focused(block)
    assert block.get_attribute("aria-expanded") == "false"
    assert "1 skip connection." in said(picture)
    before = things.count()

    press(notebook, "Enter")
    picture.get_by_role("button", name="layer1.0, BasicBlock", expanded=True).wait_for()
    assert focused(block)
    assert said(picture).startswith("layer1.0, BasicBlock. Open, with 7 operators.")
    assert things.count() == before + 7
    press(notebook, "ArrowRight")
    assert said(picture).startswith("layer1.0.conv1, Conv2d(64, 64, 3×3).")
    press(notebook, "ArrowLeft")
    wide = width_of(picture)
    press(notebook, "+", "+")
    assert width_of(picture) == pytest.approx(2.25 * wide, rel=0.01)
    press(notebook, "End")  # what has the focus is brought into view
    assert inside(picture, picture.get_by_role("img", name="output", exact=True))
    press(notebook, "0")
    assert all(inside(picture, thing) for thing in things.all())
    press(notebook, "-")  # no smaller
    assert all(inside(picture, thing) for thing in things.all())
    assert width_of(picture) < wide
    press(notebook, "Home", *["ArrowRight"] * 6, "Space")
    picture.get_by_role("button", name="layer1.0, BasicBlock", expanded=False).wait_for()
    assert focused(block)
    assert things.count() == before

    block.click()
    picture.get_by_role("button", name="layer1.0, BasicBlock", expanded=True).wait_for()


def test_a_picture_is_dragged_and_a_drag_is_no_click(notebook: Notebook) -> None:
    picture = live(notebook, EXPLORE)
    for name in ("Whole picture", *["Zoom in"] * 6):
        picture.get_by_role("button", name=name).press("Enter")
    count, window = picture.locator("[data-item]").count(), picture.locator(".sumskip-explore")
    window.scroll_into_view_if_needed()
    before = window.evaluate("node => node.scrollTop")
    box = window.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + 100
    notebook.page.mouse.move(x, y)
    notebook.page.mouse.down()
    notebook.page.mouse.move(x, y + 40, steps=4)
    notebook.page.mouse.up()
    assert window.evaluate("node => node.scrollTop") == before - 40
    notebook.page.wait_for_timeout(1000)
    assert picture.locator("[data-item]").count() == count


def focused(thing: Locator) -> bool:
    return bool(thing.evaluate("node => node === document.activeElement"))


def width_of(picture: Locator) -> float:
    return float(picture.locator("svg").evaluate("node => node.getBoundingClientRect().width"))


def inside(picture: Locator, thing: Locator) -> bool:
    """Whether all of a thing is in the window of its picture."""
    inner, outer = thing.bounding_box(), picture.locator(".sumskip-explore").bounding_box()
    assert inner is not None
    assert outer is not None
    return all(
        outer[start] - 1 <= inner[start] and inner[start] + inner[size] <= outer[start] + outer[size] + 1
        for start, size in (("x", "width"), ("y", "height"))
    )


def commit(opened: Notebook, place: int, guess: str) -> Locator:
    """Type a guess into a locked picture's field, and press Enter."""
    picture = start_of(opened, place)
    tab_to(opened, picture.get_by_label("Your guess"))
    press(opened, "Control+a")
    opened.page.keyboard.type(guess)
    press(opened, "Enter")
    return picture


SAID = {  # what is typed, what is said at once, what is said at the end where there are steps to it
    1: ("24", "Your guess for the chain: 24. ", "The chain gives 17. 24 is what the parallel sum gives."),
    2: ("0.19", "Your guess at row 20, column 26: 0.19. It is 0.25·0.31 + 0.75·(−0.12) = −0.0125.", ""),
    3: ("error", "Your guess for (4, 1, 32, 32) + (16, 1, 32): an error. It gives (4, 16, 32, 32).", ""),
    4: (
        "1, 3, 8, 8",
        "Your guess: (1, 3, 8, 8). ",
        "Your model gives (1, 16, 8, 8). (1, 3, 8, 8) is what goes in",
    ),
    5: ("(1, 16, 6, 6)", "Your guess: (1, 16, 6, 6). ", "Your model stops: "),
}
CODE = ("guess=24", "guess=0.19", 'guess="error"', "guess=(1, 3, 8, 8)", "guess=(1, 16, 6, 6)")
TELLING = {  # what a picture of that place must not tell before
    1: r"17|parallel sum gives|meet at",
    2: r"−?0\.0125|0\.19",
    3: r"4, 16, 32|stretched|alignment",
    4: r"16, 8, 8|1×16|meet at|goes in as",
    5: r"stops|fails|clash|channels|goes in as",
}


def test_a_guess_is_committed_in_the_field_by_keyboard(asking: Notebook) -> None:
    """One that is ill-formed is answered beside the field; one that is not unlocks the picture in place,
    which tells nothing before, and on the board nothing before its end; the focus goes on to the guess."""
    for place, (typed, now, end) in SAID.items():
        output = asking.output(place)
        assert not re.search(TELLING[place], heard_and_seen(output))
        picture = commit(asking, place, "about 3")
        picture.locator("input[aria-invalid=true]").wait_for()
        unclear = picture.locator("[aria-live=polite]").inner_text()
        assert re.fullmatch(r"The field takes a .*; got 'about 3'", unclear)
        assert focused(picture.get_by_label("Your guess"))
        assert not re.search(TELLING[place], heard_and_seen(output))

        commit(asking, place, typed)
        guess = picture.locator(".sumskip-guess")
        guess.wait_for()
        assert focused(guess)
        assert picture.locator("input[type=text]").count() == (2 if place == 3 else 0)
        assert guessed(picture).startswith(now)
        assert "gone when the notebook is opened anew" in guessed(picture)
        assert CODE[place - 1] in guessed(picture)
        keep(output, f"committed-{place}")
        if end:
            assert guess.get_attribute("aria-live") == "polite"
            assert not re.search(TELLING[place], heard_and_seen(output))
            tab_to(asking, picture.get_by_role("button", name="Next"))
            while picture.get_by_role("button", name="Next", disabled=False).count():
                assert f"{now}Step to" in guessed(picture)
                assert not re.search("gives|meet at|stops|fails|clash", heard_and_seen(output))
                press(asking, "Enter")
            assert guessed(picture).startswith(now + end)
            keep(output, f"ended-{place}")
            press(asking, "Shift+Tab", "Enter")
            assert guessed(picture).startswith(now + end)  # it stays


def test_jupyterlabs_shortcuts_stay_off_inside(notebook: Notebook) -> None:
    """Pressing d twice, or an arrow, in a picture neither deletes a cell nor moves to another."""
    picture = start_of(notebook, WIRING)
    tab_to(notebook, picture.get_by_role("button", name="Next"))
    before = notebook.page.locator(".jp-Notebook .jp-Cell").count()
    press(notebook, "d", "d", "a", "ArrowDown", "x")
    assert notebook.page.locator(".jp-Notebook .jp-Cell").count() == before
    assert picture.get_by_role("button", name="Next").evaluate("node => node === document.activeElement")


def test_the_still_picture_gives_way_to_the_live_one(notebook: Notebook) -> None:
    """Both are stored; only one is shown, and only one is read out."""
    still = notebook.output(WIRING).locator(".sumskip-still")
    assert still.count() == 1
    assert not still.is_visible()
    assert live(notebook, WIRING).is_visible()
    assert notebook.output(LOCKED).inner_text().count("Locked until you commit a guess.") == 1
    live(notebook, LOCKED).get_by_label("Your guess").wait_for()


def test_the_still_picture_does_not_tell_before_the_live_one_stands(lab: Lab) -> None:  # noqa: F811
    """From frame to frame of a run: while it may still come, the still picture with the truth is hidden."""
    lab.write("waiting.ipynb", CELLS[:2])
    opened = lab.open("waiting.ipynb")
    opened.page.evaluate(
        """() => {
            window.frames = [];
            const look = () => {
                const still = document.querySelector(".sumskip-still");
                const live = Boolean(document.querySelector(".sumskip-live"));
                if (still) window.frames.push({ shown: still.checkVisibility({ visibilityProperty: true }),
                    waits: still.getAnimations().length > 0, live });
                requestAnimationFrame(look);
            };
            look();
        }"""
    )
    opened.run_all()
    live(opened, 1).wait_for()
    frames = opened.page.evaluate("() => window.frames")
    assert any(frame["waits"] and not frame["live"] for frame in frames)
    assert not any(frame["shown"] for frame in frames if frame["waits"] or frame["live"])
    opened.close()


def test_opened_again_without_its_kernel(lab: Lab, notebook: Notebook) -> None:  # noqa: F811 - a fixture
    """The saved notebook, trusted or not, shows the still pictures and no error of the widget's."""
    notebook.save()
    saved = nbformat.read(lab.root / "pictures.ipynb", as_version=4)
    assert "widgets" not in saved.metadata
    nbformat.write(saved, lab.root / "trusted.ipynb")
    saved.cells[WIRING].source += "  # changed outside, so its signature no longer fits"
    nbformat.write(saved, lab.root / "untrusted.ipynb")
    for trusted in (True, False):
        again = lab.open("trusted.ipynb" if trusted else "untrusted.ipynb")
        cell = f"window.jupyterapp.shell.currentWidget.content.widgets[{WIRING}]"
        assert again.page.evaluate(f"() => {cell}.model.trusted") is trusted
        stills = {WIRING: "Wiring board: 5", PIXEL: "Pixel at the plus", ALIGNER: "Shape aligner"}
        stills[EXPLORE] = "Forward pass of ResNet"
        again.output(LOCKED).get_by_text("Write it in this cell and run it").wait_for()
        assert again.output(LOCKED).locator("input, .jupyter-widgets:visible").count() == 0
        for place, alt in stills.items():
            image = again.output(place).locator(f'img[alt^="{alt}"]')
            image.wait_for()
            # a PNG has more pixels than it is wide, an SVG as many
            assert (
                image.evaluate("image => image.naturalWidth") >= int(image.get_attribute("width") or 0) > 350
            )
            assert "Error displaying widget" not in again.output(place).inner_text()
            assert again.output(place).locator(".jupyter-widgets:visible").count() == 0
            keep(again.output(place), f"still-{'trusted' if trusted else 'untrusted'}-{place}")
        again.close()


def test_the_scripts_compute_what_python_computes(blank: Page) -> None:
    """Alignment and arithmetic in the browser agree with the functions that torch has tested."""
    source = "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("common.js", "aligner.js"))
    chance = random.Random(5)
    pairs = [[[chance.randrange(4) for _ in range(chance.randrange(6))] for _ in "ab"] for _ in range(200)]
    sentences = run(blank, source, "pairs.map(([a, b]) => module.sentence(a, b))", pairs=pairs)
    assert sentences == [align(tuple(a), tuple(b)).sentence for a, b in pairs]
    parsed = run(
        blank,
        source,
        "texts.map(module.parse)",
        texts=["", "()", "(3,)", " [2, 3] ", "2 3", "-1", "1.5", "a"],
    )
    assert parsed == [[], [], [3], [2, 3], None, None, None, None]

    source = "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("common.js", "pixel.js"))
    cases = [
        [operator, chance.randrange(-150, 151), chance.randrange(-150, 151), chance.randrange(-50, 151)]
        for operator in OPERATORS
        for _ in range(100)
    ]
    lines = run(blank, source, "cases.map((values) => module.arithmetic(...values))", cases=cases)
    assert lines == [arithmetic(name, a / 100, b / 100, alpha / 100) for name, a, b, alpha in cases]


def run(page: Page, source: str, expression: str, **values: Any) -> Any:
    """Evaluate `expression` with a script imported as `module`."""
    encoded = base64.b64encode(source.encode()).decode("ascii")
    (name, value), *_ = values.items()
    script = f"async ([address, {name}]) => {{ const module = await import(address); return {expression}; }}"
    return page.evaluate(script, [f"data:text/javascript;base64,{encoded}", value])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_clipped(lab: Lab, theme: str) -> None:  # noqa: F811 - a fixture
    """700 pixels wide, and at 200 % zoom: no picture is wider than its column."""
    lab.write(f"{theme}.ipynb", CELLS)
    opened = lab.open(f"{theme}.ipynb", theme=theme)
    for width, zoom in ((700, 1), (1280, 2)):
        opened.page.set_viewport_size({"width": width, "height": 1000})
        opened.run_all()
        opened.page.evaluate(f"document.body.style.zoom = {zoom}")
        for place in (WIRING, PIXEL, ALIGNER, OWN, EXPLORE, LOCKED):
            picture = live(opened, place)
            picture.wait_for()
            if place in (WIRING, OWN):
                picture.get_by_role("button", name="Next").press("Enter")
                keep(opened.output(place), f"{theme}-{width}-{zoom}-{place}-stepping")
                for _ in range(5):
                    picture.get_by_role("button", name="Next").press("Enter")
            if place == LOCKED:
                keep(opened.output(place), f"{theme}-{width}-{zoom}-{place}-question")
                commit(opened, place, "a half, or a little more than that, or so I would think")
                picture.locator("input[aria-invalid=true]").wait_for()
            if place == EXPLORE:
                picture.get_by_role("button", name="layer1.0, BasicBlock").press("Enter")
                picture.get_by_role("button", name="layer1.0, BasicBlock", expanded=True).wait_for()
            if place == PIXEL:
                picture.get_by_role("radio", name="cat").press("Space")
            for part in (picture, *picture.locator(".sumskip-table").all()):
                assert part.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
            keep(opened.output(place), f"{theme}-{width}-{zoom}-{place}")
    opened.close()


def keep(what: Locator, name: str) -> None:
    if folder := os.environ.get("SUMSKIP_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        what.screenshot(path=Path(folder) / f"{re.sub('[^a-z0-9-]', '', name)}.png")
