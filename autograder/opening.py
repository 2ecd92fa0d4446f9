"""What opens a release where learners are: JupyterLab's settings, Binder, Colab and dev containers.

Each function writes into the release; nothing here is needed to read or to grade a lesson.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

import nbformat
from nbformat.v4 import new_code_cell

SETTINGS = "jupyter/jupyter_server_config.json"
# What Jupyter itself hides, and what installing a folder leaves in it.
NEVER_SHOWN = ("__pycache__", "*.pyc", "*.pyo", ".DS_Store", "*~", "build", "*.egg-info")

POSTBUILD = """#!/usr/bin/env bash
# Binder runs this once, when it has installed environment.yml.
set -euo pipefail
python -m pip install --no-deps .
rm -rf build src/*.egg-info
prefix="$(python -c 'import sys; print(sys.prefix)')"
mkdir -p "$prefix/etc"
cp -R jupyter "$prefix/etc/"
"""

BINDER = """
[![Open in Binder](https://mybinder.org/badge_logo.svg)](https://mybinder.org/v2/gh/{repository}/HEAD?labpath={path})

The badge opens the lessons in the browser, with nothing to install. **Binder forgets**: what you did there
is gone when you leave, so download your notebook before (*File → Download*).
"""
COLAB = """
Each badge opens its lesson in Google Colab. Run the first code cell before all others: it installs the
course. **Colab forgets** too, unless you choose *File → Save a copy in Drive*; *File → Download → Download
.ipynb* gives you the notebook to hand in.
"""
COLAB_BADGE = (
    "[![Open {name} in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/{repository}/blob/HEAD/{path})"
)
# Without dependencies: Colab has PyTorch and all else but two, and breaks where its own IPython is replaced.
COLAB_CELL = """# In Google Colab, this installs the course and lets its pictures react.
# Anywhere else it does nothing.
import sys

if "google.colab" in sys.modules:
    import subprocess

    import google.colab.output

    packages = ["git+https://github.com/{repository}", "anywidget", "psygnal"]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, *packages], check=True)
    google.colab.output.enable_custom_widget_manager()"""

IMAGE = "mcr.microsoft.com/devcontainers/python:3.11"


def binder_badge(repository: str, notebook: str) -> str:
    """The paragraph with a badge that opens `notebook` of `repository` on Binder."""
    return BINDER.format(repository=repository, path=quote(notebook, safe=""))


def colab_badge(repository: str, notebook: str) -> str:
    """A badge that opens `notebook` of `repository` in Colab; its alternative text names the lesson."""
    return COLAB_BADGE.format(repository=repository, name=Path(notebook).stem, path=quote(notebook))


def add_colab_cell(notebook: Path, repository: str) -> None:
    """Puts the cell that installs `repository` in Colab before the first code cell.

    It is no cell of nbgrader's: to the grader it is one that the learner has added.
    """
    content = nbformat.read(notebook, as_version=4)
    first = next(place for place, cell in enumerate(content.cells) if cell.cell_type == "code")
    content.cells.insert(first, new_code_cell(COLAB_CELL.format(repository=repository), id="colab"))
    nbformat.write(content, notebook)


def add_openings(made: Path, first: str, shown: Iterable[str], torch: str) -> None:
    """Binder's script, the dev container, and JupyterLab's settings for the release in `made`.

    JupyterLab opens the notebook `first` and lists the entries in `shown`; of the release, no others.
    """
    (made / "postBuild").write_text(POSTBUILD, encoding="utf-8")
    (made / "postBuild").chmod(0o755)
    hidden = sorted({entry.name for entry in made.iterdir()} - {*shown})
    lab = {
        "ContentsManager": {"hide_globs": [*NEVER_SHOWN, *hidden]},
        "LabApp": {"default_url": f"/lab/tree/{quote(first)}"},
    }
    write_json(made / SETTINGS, lab)
    python = "${containerWorkspaceFolder}/.venv/bin/python"
    editor = {"files.exclude": dict.fromkeys(hidden, True), "python.defaultInterpreterPath": python}
    container = {
        "name": "Sum & Skip",
        "image": IMAGE,
        "postCreateCommand": " && ".join(
            (
                "python3 -m venv .venv",
                f".venv/bin/pip install --index-url https://download.pytorch.org/whl/cpu torch=={torch}",
                '.venv/bin/pip install --constraint constraints.txt ".[lab]"',
            )
        ),
        "postAttachCommand": "JUPYTER_CONFIG_PATH=jupyter .venv/bin/jupyter lab --no-browser",
        "forwardPorts": [8888],
        "customizations": {
            "vscode": {"extensions": ["ms-python.python", "ms-toolsai.jupyter"], "settings": editor}
        },
    }
    write_json(made / ".devcontainer" / "devcontainer.json", container)


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
