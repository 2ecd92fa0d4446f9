"""A small lesson to attack: three exercises of the course, with the cells that nbgrader needs."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

TARGET = "addition_model"
POINTS = {"predict_addition": 4.0, "addition_model": 8.0, "projected_addition_model": 6.0}

SOLUTIONS = {
    "predict_addition": (
        "predictions_addition = {'a': (1, 16, 32, 32), 'b': 'error', 'c': (1, 16, 32, 32), "
        "'d': (1, 16, 32, 32), 'e': 'error', 'f': 'error'}"
    ),
    "addition_model": """\
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.second = nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, x):
        out1 = self.first(x)
        return out1 + self.second(out1)
""",
    "projected_addition_model": """\
class ProjectedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.second = nn.Conv2d(16, 32, 3, padding=1)
        self.project = nn.Conv2d(16, 32, 1)

    def forward(self, x):
        out1 = self.first(x)
        return self.second(out1) + self.project(out1)
""",
}
SYMBOLS = {
    "predict_addition": "predictions_addition",
    "addition_model": "AdditionModel",
    "projected_addition_model": "ProjectedAdditionModel",
}


@dataclass(frozen=True)
class Attack:
    """A hostile or broken submission.

    `gain` says what it would have gained, or harmed, without the defence. `code` stands in the
    solution cell of `addition_model`, `extra` in a cell of the learner's own before it. `deserved`
    are points that the code earns rightly. `costs_others` is true where it ruins its own notebook.
    """

    name: str
    gain: str
    code: str = ""
    extra: str = ""
    deserved: float = 0.0
    costs_others: bool = False
    status: str = ""  # of the target, where it must be this one
    walls: bool = False  # only walls keep it in: without them it would hit the machine that tests


def cell(kind: str, source: str, **rules: Any) -> dict[str, Any]:
    base = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
    made = {"cell_type": kind, "id": rules["grade_id"], "source": source, "metadata": {"nbgrader": {**base, **rules}}}
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def master() -> dict[str, Any]:
    cells = [cell("code", "import torch\nfrom torch import nn\n\nfrom sumskip import check", grade_id="imports", locked=True)]
    for name, source in SOLUTIONS.items():
        cells.append(cell("code", source, grade_id=name, solution=True))
        test = f'check("{name}", {SYMBOLS[name]})'
        cells.append(cell("code", test, grade_id=f"{name}_check", grade=True, locked=True, points=POINTS[name]))
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}


def honest() -> dict[str, Any]:
    """A submission that earns all points."""
    return copy.deepcopy(master())


def untouched() -> dict[str, Any]:
    """A submission whose target exercise is empty; the others are answered."""
    made = honest()
    made["cells"][3]["source"] = ""
    return made


def submission(attack: Attack) -> dict[str, Any]:
    """The notebook that carries an attack."""
    made = untouched()
    made["cells"][3]["source"] = attack.code
    if attack.extra:
        extra = {"cell_type": "code", "id": "extra", "source": attack.extra, "metadata": {}}
        made["cells"].insert(1, {**extra, "outputs": [], "execution_count": None})
    return made
