"""Notebooks as other editors save them: JupyterLab's, made over by what is known of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import nbformat
from nbformat import NotebookNode

Saved = dict[str, Any]


def plain(notebook: NotebookNode) -> Saved:
    """The notebook as JSON, its sources as lists of lines."""
    made: Saved = json.loads(nbformat.writes(notebook))
    return made


def jupyterlab(notebook: NotebookNode) -> Saved:
    return plain(notebook)


def colab(notebook: NotebookNode) -> Saved:
    """Format 4.0. Ids are Colab's own and metadata; cells that showed something have an `outputId`."""
    made = plain(notebook)
    made["nbformat_minor"] = 0
    widgets = {"application/vnd.jupyter.widget-state+json": {"f00d": {"model_name": "AnyModel", "state": {}}}}
    made["metadata"] |= {"colab": {"provenance": [], "toc_visible": True}, "widgets": widgets}
    for number, cell in enumerate(made["cells"]):
        del cell["id"]
        cell["metadata"]["id"] = f"aB3_{number:08}"
        if cell["cell_type"] == "code":
            base = {"base_uri": "https://localhost:8080/", "height": 35}
            cell["metadata"] |= {"colab": base, "outputId": f"0f3c2a1b-0000-4000-8000-{number:012}"}
            cell["execution_count"] = number
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["shown\n"]}]
    return made


def vs_code(notebook: NotebookNode) -> Saved:
    """Format 4.2, without cell ids."""
    made = plain(notebook)
    made["nbformat_minor"] = 2
    made["metadata"] |= {"orig_nbformat": 4, "vscode": {"interpreter": {"hash": "31f2aee4e71d21fb"}}}
    for cell in made["cells"]:
        del cell["id"]
        if cell["cell_type"] == "code":
            cell["metadata"]["vscode"] = {"languageId": "python"}
    return made


def deepnote(notebook: NotebookNode) -> Saved:
    """Ids of its own, also in the metadata, beside what was there."""
    made = plain(notebook)
    made["metadata"] |= {"deepnote_notebook_id": "0f3c2a1b00004000", "deepnote_execution_queue": []}
    for number, cell in enumerate(made["cells"]):
        cell["id"] = f"{number:032x}"
        cell["metadata"] |= {"cell_id": cell["id"], "deepnote_cell_type": cell["cell_type"]}
        cell["metadata"]["execution_start"] = 1_700_000_000_000
    return made


def kaggle(notebook: NotebookNode) -> Saved:
    """Format 4.4, without cell ids, with marks of its own."""
    made = plain(notebook)
    made["nbformat_minor"] = 4
    for number, cell in enumerate(made["cells"]):
        del cell["id"]
        cell["metadata"] |= {
            "trusted": True,
            "_uuid": f"d629ff2d{number:08}",
            "_cell_guid": f"b1076dfc-{number}",
        }
    return made


def bare(save: Callable[[NotebookNode], Saved]) -> Callable[[NotebookNode], Saved]:
    """What an editor saves that has dropped nbgrader's part of each cell's metadata."""

    def saved(notebook: NotebookNode) -> Saved:
        made = save(notebook)
        for cell in made["cells"]:
            cell["metadata"].pop("nbgrader", None)
        return made

    return saved


def without_metadata(notebook: NotebookNode) -> Saved:
    """The cells' metadata dropped whole, as some converters do, nbgrader's with it."""
    made = plain(notebook)
    for cell in made["cells"]:
        cell["metadata"] = {}
    return made


def texts_alone(notebook: NotebookNode) -> Saved:
    """Format 4.0, with neither ids nor metadata."""
    made = without_metadata(notebook)
    made["nbformat_minor"] = 0
    made["metadata"] = {}
    for cell in made["cells"]:
        del cell["id"]
    return made


SAVED: dict[str, Callable[[NotebookNode], Saved]] = {
    "JupyterLab": jupyterlab,
    "Colab": colab,
    "VS Code": vs_code,
    "Deepnote": deepnote,
    "Kaggle": kaggle,
}
# What drops nbgrader's metadata. The grader says that it was missing.
LOST: dict[str, Callable[[NotebookNode], Saved]] = {
    "ids": without_metadata,
    "nothing": texts_alone,
    "Colab's own": bare(colab),
    "Deepnote's own": bare(deepnote),
}
