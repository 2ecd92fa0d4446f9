"""The lessons as a learner meets them: the release, the real JupyterLab, a real browser, no mouse.

With SUMSKIP_SCREENSHOTS=FOLDER the pages are kept there, to be looked at.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

from autograder.exercises import EXERCISES
from browser import Lab, Notebook, lab  # noqa: F401 - a fixture
from conftest import COURSE, ROOT
from grading_course import autograder

if TYPE_CHECKING:
    from playwright.sync_api import Locator

LESSON = "02_explicit_addition"
SOLUTION = """class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.second = nn.Conv2d(16, 16, kernel_size=3, padding=1)

    def forward(self, x):
        out1 = self.first(x)
        return out1 + self.second(out1)
"""
# So that Validate has nothing else to say: exercises 1, 2 and 4 of the lesson, solved in the file.
SHAPE = (1, 16, 32, 32)
PREDICTIONS = dict(zip("abcdef", (SHAPE, "error", SHAPE, SHAPE, "error", "error"), strict=True))


def places(notebook: nbformat.NotebookNode) -> dict[str, int]:
    """Where each of nbgrader's cells stands."""
    return {
        cell.metadata.nbgrader.grade_id: i
        for i, cell in enumerate(notebook.cells)
        if "nbgrader" in cell.metadata
    }


def solve_the_others(path: Path) -> dict[str, int]:
    """Fill in every exercise but `addition_model`; returns where each cell stands."""
    notebook = nbformat.read(path, as_version=4)
    at = places(notebook)
    projected = SOLUTION.replace("AdditionModel", "ProjectedAdditionModel").replace("16, 16", "16, 32")
    projected = projected.replace(
        "        self.second", "        self.project = nn.Conv2d(16, 32, 1)\n        self.second"
    )
    projected = projected.replace("return out1 +", "return self.project(out1) +")
    for name, source in {
        "predict_addition": f"predictions_addition = {PREDICTIONS!r}",
        "repair_addition": SOLUTION.replace("AdditionModel", "RepairedModel"),
        "projected_addition_model": projected,
    }.items():
        notebook.cells[at[name]].source = source
    nbformat.write(notebook, path)
    return at


def keep(notebook: Notebook, name: str) -> None:
    if folder := os.environ.get("SUMSKIP_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        notebook.page.screenshot(path=Path(folder) / f"{name}.png")


def validate(notebook: Notebook, name: str) -> str:
    """Press nbgrader's Validate; returns what its dialog says."""
    notebook.save()
    notebook.page.get_by_role("button", name="Validate").first.click()
    dialog = notebook.page.locator(".jp-Dialog .jp-Dialog-content")
    dialog.wait_for(timeout=240_000)
    said = dialog.inner_text()
    keep(notebook, name)
    notebook.page.locator(".jp-Dialog .jp-mod-accept").first.click()
    return said


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What learners get, made once; tests only read it."""
    root = tmp_path_factory.mktemp("course")
    for name in COURSE:
        (root / name).symlink_to(ROOT / name)
    # In a process of its own: playwright keeps an event loop running here, nbgrader wants one too.
    done = autograder(root, "release")
    assert done.returncode == 0, done.stderr
    return root / "release"


def released(lab: Lab, release: Path, lesson: str) -> Path:  # noqa: F811 - a fixture
    """The lesson as learners get it, in the folder that JupyterLab shows."""
    path = lab.root / f"{lesson}.ipynb"
    shutil.copyfile(release / lesson / path.name, path)
    shutil.copyfile(release / "nbgrader_config.py", lab.root / "nbgrader_config.py")
    return path


@dataclass
class Learner:
    """Goes through a lesson by keyboard: runs cell after cell, and writes into some."""

    notebook: Notebook
    places: dict[str, int]

    def go_to(self, cell: str) -> None:
        """Down by running all cells before it, or up without; afterwards it is the active one."""
        place = self.places[cell]
        self.notebook.command("notebook:enter-command-mode")
        self.notebook.page.locator(".jp-Cell.jp-mod-active").focus()  # where it was in a picture
        while (here := self.notebook.page.evaluate(ACTIVE)) != place:
            self.notebook.page.keyboard.press("Shift+Enter" if here < place else "ArrowUp")
            self.notebook.page.wait_for_function(f"(here) => ({ACTIVE})() !== here", arg=here)
        self.notebook.wait_until_idle()

    def run(self, cell: str, source: str = "") -> Locator:
        """Run a cell, with another source where one is given; returns what it shows."""
        self.go_to(cell)
        if source:
            keys = self.notebook.page.keyboard
            keys.press("Enter")
            keys.press("Control+A")
            keys.insert_text(source)
        self.notebook.page.keyboard.press("Shift+Enter")
        self.notebook.wait_until_idle()
        return self.notebook.output(self.places[cell])


ACTIVE = """() => [...document.querySelectorAll(".jp-Notebook .jp-Cell")]
    .findIndex((cell) => cell.classList.contains("jp-mod-active"))"""


def solution(lesson: str, exercise: str) -> str:
    """The master's own answer, without the marks around it."""
    cells = nbformat.read(ROOT / "notebooks" / lesson / f"{lesson}.ipynb", as_version=4).cells
    source = next(c.source for c in cells if c.metadata.get("nbgrader", {}).get("grade_id") == exercise)
    return "\n".join(line for line in source.splitlines() if not line.strip().startswith("### "))


def step_the_board(learner: Learner) -> None:
    """A guess typed into the field; the verdict comes with the last step."""
    picture = learner.run("wiring-board").locator(".sumskip-live")
    picture.get_by_role("textbox").press_sequentially("24")
    picture.get_by_role("textbox").press("Enter")
    button = picture.get_by_role("button", name="Next")
    button.wait_for()
    assert "17" not in picture.locator(".sumskip-guess").inner_text()
    for _ in range(8):
        button.press("Enter")
    said = picture.locator(".sumskip-guess").inner_text()
    assert "The chain gives 17" in said
    assert "24 is what the parallel sum gives" in said


def align_shapes(learner: Learner) -> None:
    """A wrong guess unlocks the picture, and is named beside the truth."""
    picture = learner.run("shape-aligner").locator(".sumskip-live")
    picture.get_by_role("textbox").press_sequentially("error")
    picture.get_by_role("textbox").press("Enter")
    picture.locator(".sumskip-table").wait_for()
    assert "(4, 16, 32, 32)" in picture.locator(".sumskip-guess").inner_text()


def drag_alpha(learner: Learner) -> None:
    """The slider goes along the curve that was measured, and says alpha, loss and gradient."""
    picture = learner.run("known-mix").locator(".sumskip-live")
    slider = picture.get_by_role("slider", name="alpha")
    slider.press("Home")
    first = picture.locator(".sumskip-says").inner_text()
    assert "makes alpha larger" in first
    slider.press("End")
    assert "makes alpha smaller" in picture.locator(".sumskip-says").inner_text()


def order_some_lines(learner: Learner) -> None:
    """A line is put into the program, and what is amiss is said."""
    picture = learner.run("residual-block-puzzle").locator(".sumskip-live")
    picture.get_by_role("option").first.press("ArrowRight")
    picture.get_by_role("option").first.press("Enter")
    assert picture.locator(".sumskip-says").inner_text()


# lesson -> prediction exercise and a belief, the sentence that answers it, an exercise, and a picture
VISITS = {
    "01_sequential_flow": (
        ("predict_flow", {"double_then_add": 18}, "18 is 10 + 8. The second module receives 10"),
        "sequential_model",
        (step_the_board, "before"),
    ),
    "02_explicit_addition": (
        ("predict_addition", {"c": "error"}, "silently stretched to its partner's size"),
        "addition_model",
        (align_shapes, "before"),
    ),
    "03_weighted_addition": (
        ("what_trains", {"gain": "parameter"}, "but does not register it"),
        "fit_alpha",
        (drag_alpha, "after"),
    ),
    "04_residual_networks": (
        ("plain_vs_residual", {"plain_output": "x"}, "no way around its layers"),
        "residual_block",
        (order_some_lines, "before"),
    ),
}


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("lesson", VISITS)
def test_a_lesson_by_keyboard(lab: Lab, release: Path, lesson: str) -> None:  # noqa: F811 - a fixture
    """Predict, reveal, use a picture, get it wrong by leaving it empty, solve, check."""
    (name, guess, sentence), exercise, (use, when) = VISITS[lesson]
    path = released(lab, release, lesson)
    cells = nbformat.read(path, as_version=4).cells
    learner = Learner(lab.open(path.name, height=1400), {cell.id: i for i, cell in enumerate(cells)})
    dashed = name.replace("_", "-")
    check = f"{dashed}-check"
    reveal = next(c.id for c in cells if c.cell_type == "code" and "reveal" in c.metadata.get("tags", []))

    assert "Not committed yet" in learner.run(check).inner_text()
    assert "Not committed yet" in learner.run(reveal).inner_text()
    guessed = f"{EXERCISES[name].symbol} = {EXERCISES[name].answer | guess!r}"
    learner.run(f"{dashed}-solution", guessed)
    assert f"✓ Committed: {name}" in learner.run(check).inner_text()
    shown = learner.run(reveal)
    keep(learner.notebook, f"{lesson}-reveal")
    assert sentence in shown.inner_text()
    assert shown.inner_text().count("≠") == 1

    solved = exercise.replace("_", "-")
    if when == "before":
        use(learner)
    learner.run(f"{solved}-solution", solution(lesson, exercise))
    shown = learner.run(f"{solved}-check")
    assert f"All right: {exercise}" in shown.inner_text()
    if when == "after":
        use(learner)
    keep(learner.notebook, f"{lesson}-solved")
    learner.notebook.close()


@pytest.mark.browser
@pytest.mark.slow
def test_lesson_two_in_jupyterlab(lab: Lab, release: Path) -> None:  # noqa: F811 - pytest's way to ask for a fixture
    """Validate answers with the check's sentence; solved, the drawing shows and Validate says success."""
    path = released(lab, release, LESSON)
    at = solve_the_others(path)

    notebook = lab.open(path.name)
    said = validate(notebook, "1-validate-untouched")
    assert "addition_model: Nothing is here yet" in said
    assert "Traceback" not in said

    editor = notebook.cell(at["addition_model"]).locator(".cm-content")
    editor.click()
    notebook.page.keyboard.press("Control+A")
    notebook.page.keyboard.press("Delete")
    notebook.page.keyboard.insert_text(SOLUTION)
    notebook.run_all()
    shown = notebook.output(at["addition_model_check"])
    shown.scroll_into_view_if_needed()
    keep(notebook, "2-check")
    assert "All right: addition_model, 8 of 8 points" in shown.inner_text()

    pictures = notebook.page.locator(".jp-OutputArea img[alt]")
    drawing = pictures.filter(has=notebook.page.locator("xpath=self::*[contains(@src, 'svg')]")).last
    drawing.scroll_into_view_if_needed()
    keep(notebook, "3-drawing")
    assert drawing.evaluate("image => image.naturalWidth") > 100
    assert "project" in (drawing.get_attribute("alt") or "")

    assert "Success" in validate(notebook, "4-validate-solved")
