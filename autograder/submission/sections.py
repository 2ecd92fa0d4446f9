"""The sections of a lesson, by its own headings: exercises have the names that learners know from there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from autograder.engine.ours import rules_of, text_of


class Section(NamedTuple):
    """A heading and its level, the id of the cell that has it, and the exercises below it."""

    level: int
    heading: str
    cell: str
    exercises: list[str]


def sections(cells: Iterable[Any]) -> list[Section]:
    """The sections of a master, in its order."""
    found: list[Section] = []
    for cell in cells:
        if cell["cell_type"] == "markdown":
            for marks, heading in re.findall(r"^(#+) +(.+?) *#*$", text_of(cell), re.MULTILINE):
                found.append(Section(len(marks), heading, str(cell.get("id", "")), []))
        if found and rules_of(cell).get("solution"):
            found[-1].exercises.append(rules_of(cell)["grade_id"])
    return found
