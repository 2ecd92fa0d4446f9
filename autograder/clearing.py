"""What learners get of an answer: nbgrader's own step, and what it makes of a master.

`release` and plain `nbgrader generate_assignment` use the step; who grades compares with what it makes, to
tell a notebook that was worked on from one that was not.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions
from traitlets import Instance
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder.settings import Settings
from autograder.taught import as_taught


class ClearAnswers(ClearSolutions):
    """nbgrader's own step; of predictions, learners get the dict with `None` and nothing else."""

    settings = Instance(Settings, (), help="What `course.toml` says.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        nb.cells = as_taught(self.settings, nb)["cells"]
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell: NotebookNode, resources: Any, index: int) -> tuple[NotebookNode, Any]:
        cell, resources = super().preprocess_cell(cell, resources, index)
        if "prediction" in cell.metadata.get("tags", ()):
            cell.source = cell.source.replace(self.code_stub["python"], "").rstrip()
        return cell, resources


def course_config(root: Path) -> Config:
    """nbgrader's settings of this course, if it has any."""
    if not (root / "nbgrader_config.py").is_file():
        return Config()
    config: Config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    return config


def released_sources(root: Path, settings: Settings, master: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The grade_id (or none) and the text of each cell of a master as learners get it."""
    config = course_config(root)
    config.ClearAnswers.settings = settings
    cells = [{**cell, "source": "".join(cell["source"])} for cell in master["cells"]]
    notebook = nbformat.from_dict({**master, "cells": cells})
    notebook, _ = ClearAnswers(config=config).preprocess(notebook, {})
    return [
        (cell.metadata.get("nbgrader", {}).get("grade_id", ""), cell.source.strip())
        for cell in notebook.cells
    ]
