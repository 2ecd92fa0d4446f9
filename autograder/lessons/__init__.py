"""The lessons as text, for review: NAME.py beside this file, made from notebooks/NAME/NAME.ipynb.

The notebook is the master: change it in JupyterLab (File ▸ Save, then *Clear Outputs of All Cells*),
then run `python -m autograder.lessons` and commit both. Nothing reads the texts but people.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import jupytext
import nbformat

from autograder.exercises import LESSONS

ROOT = Path(__file__).resolve().parents[2]


def master(assignment: str, root: Path = ROOT) -> Path:
    """Where the master notebook of an assignment lies."""
    return root / "notebooks" / assignment / f"{assignment}.ipynb"


def as_text(path: Path) -> str:
    """A notebook as a jupytext py:percent script, each cell headed by its id."""
    notebook = deepcopy(nbformat.read(path, as_version=4))
    # Kernel and jupytext versions would change the text without a change to the lesson.
    notebook.metadata = {"jupytext": {"notebook_metadata_filter": "-all"}}
    for cell in notebook.cells:
        cell.metadata["title"] = cell.id
    return str(jupytext.writes(notebook, fmt="py:percent"))


def write_texts(root: Path = ROOT) -> list[Path]:
    """Write the text of every master into autograder/lessons/, and return the paths written."""
    paths = []
    for assignment in LESSONS:
        path = root / "autograder" / "lessons" / f"{assignment}.py"
        path.write_text(as_text(master(assignment, root)), encoding="utf-8")
        paths.append(path)
    return paths
