"""nbgrader's Validate in a learner's folder, where `autograder` does not exist."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from grading_course import LESSONS, ROOT, WRONG, answered, make_course, master, release_notebooks

pytestmark = pytest.mark.slow
FIRST = LESSONS[0]


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as learners have it: a released notebook and the `sumskip` package."""
    made = tmp_path_factory.mktemp("validate")
    released = release_notebooks(make_course(made / "course"), (FIRST,))[FIRST]
    folder = made / "learner"
    shutil.copytree(
        ROOT / "src" / "sumskip", folder / "src" / "sumskip", ignore=shutil.ignore_patterns("__pycache__")
    )
    # One wrong answer, the others untouched.
    wrong = {"sequential_model": WRONG["sequential_model"]}
    nbformat.write(answered(released, wrong), folder / "unsolved.ipynb")
    solutions = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in nbformat.reads(master(FIRST), as_version=4).cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    nbformat.write(answered(released, solutions), folder / "solved.ipynb")
    return folder


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**kept, "PYTHONPATH": str(folder / "src"), "NO_COLOR": "1"}


def _validate(folder: Path, notebook: str) -> str:
    """What the Validate button's own code says of a notebook."""
    command = [sys.executable, "-m", "nbgrader", "validate", notebook]
    done = subprocess.run(
        command, cwd=folder, env=_environment(folder), capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_autograder_is_not_there(learner: Path) -> None:
    """The tests below would prove little if the instructor's package could be imported."""
    program = (
        "import sumskip, importlib.util; print(importlib.util.find_spec('autograder'), sumskip.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=learner,
        env=_environment(learner),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["None", str(learner / "src" / "sumskip" / "__init__.py")]


def test_a_solved_notebook_validates(learner: Path) -> None:
    """All checks pass: Validate says success, although checks of predictions look at their form alone."""
    assert "Success! Your notebook passes all the tests." in _validate(learner, "solved.ipynb")


def test_validate_answers_with_the_checks_own_sentences(learner: Path) -> None:
    """One line of ours for each exercise that is not solved: no traceback, no number like a mark."""
    said = _validate(learner, "unsolved.ipynb")
    assert "VALIDATION FAILED ON 3 CELL(S)" in said
    for exercise in ("predict_flow", "sequential_model", "intermediate_outputs"):
        assert f"{exercise}: " in said
    for never in ("Traceback", "Partial credit", "autograder"):
        assert never not in said
