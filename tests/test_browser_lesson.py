"""Lesson 02 as a learner meets it: the release, the real JupyterLab, a real browser.

With SUMSKIP_SCREENSHOTS=FOLDER the pages are kept there, to be looked at.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from browser import Lab, Notebook, lab  # noqa: F401 - a fixture

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


@pytest.mark.browser
@pytest.mark.slow
def test_lesson_two_in_jupyterlab(lab: Lab, course: Path) -> None:  # noqa: F811 - pytest's way to ask for a fixture
    """Validate answers with the check's sentence; solved, the drawing shows and Validate says success."""
    # In a process of its own: playwright keeps an event loop running here, nbgrader wants one too.
    subprocess.run([sys.executable, "-m", "autograder", "release"], cwd=course, check=True, timeout=300)
    made = course / "release"
    path = lab.root / f"{LESSON}.ipynb"
    shutil.copyfile(made / LESSON / path.name, path)
    shutil.copyfile(made / "nbgrader_config.py", lab.root / "nbgrader_config.py")
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
