"""Which passage of a lesson to repeat where a mistake was seen, found by the lessons' own headings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from autograder.engine.ours import rules_of, text_of
from autograder.exercises import EXERCISES

# Ideas that have a passage of their own, by the cell in which it begins. An exercise of an earlier lesson
# never points there; all other mistakes have the passage that leads up to their exercise.
OWN: Mapping[tuple[str, str], str] = {
    ("01_sequential_flow", "shapes"): (
        "no-padding padding-grows halves no-batch batch-changed channels-first strided even-kernel "
        "other-kernel"
    ),
    ("01_sequential_flow", "class-of-modules"): (
        "no-return no-super-init no-forward forward-without-self init-without-self python-list "
        "layers-in-forward returns-layers"
    ),
    ("02_explicit_addition", "adding"): (
        "concatenated stretched one-channel channels-mismatch broadcast-unknown smaller-wins larger-wins "
        "sizes-added sum-needs-more dimension-lost aligned-left"
    ),
    ("02_explicit_addition", "skip"): (
        "stacking-only skip-from-x in-place detached first-detached second-detached detached-before-second "
        "no-gradient"
    ),
    ("02_explicit_addition", "projection"): "projects-x no-projection only-projection",
    ("03_weighted_addition", "weighted-sum"): (
        "reversed no-complement no-first-weight only-second-weighted same-weight same-complement brackets "
        "minus-one plus-alpha added-not-multiplied hard-coded alpha-unused"
    ),
    ("03_weighted_addition", "what-a-module-trains"): "layers-frozen",
    ("04_residual_networks", "two-new-layers"): (
        "no-batch-norm no-first-norm no-second-norm relu-before-norm norm-after-add shared-norm"
    ),
}


@dataclass(frozen=True)
class Passage:
    """A passage of a lesson: its heading, and the cell in which it begins."""

    assignment: str
    heading: str
    cell: str


@dataclass
class _Section:
    passage: Passage
    level: int
    exercises: list[str]


class Passages:
    """The passages of the lessons in `masters`, by name."""

    def __init__(self, masters: Mapping[str, Any]) -> None:
        self._sections = {
            name: list(_sections(name, notebook["cells"])) for name, notebook in masters.items()
        }

    def title(self, assignment: str) -> str:
        """The lesson's own title: "1. Sequential flow: one module after the other"."""
        sections = self._sections[assignment]
        return sections[0].passage.heading if sections else assignment

    @cached_property
    def _own(self) -> dict[str, Passage]:
        found = {s.passage.cell: s.passage for sections in self._sections.values() for s in sections}
        return {
            belief: found[cell]
            for (_, cell), beliefs in OWN.items()
            if cell in found
            for belief in beliefs.split()
        }

    def of(self, assignment: str, exercise: str, belief: str = "") -> Passage | None:
        """What to repeat after this belief was seen in this exercise.

        Of a prediction it is where the lesson runs what was asked, below it; of other exercises, the nearest
        passage above that holds no exercise.
        """
        own = self._own.get(belief)
        if own and own.assignment <= assignment:
            return own
        sections = self._sections[assignment]
        place = next((i for i, s in enumerate(sections) if exercise in s.exercises), None)
        if place is None:
            return None
        predicted = exercise in EXERCISES and EXERCISES[exercise].kind == "literals"
        near = sections[place + 1 :] if predicted else [s for s in sections[:place][::-1] if s.level == 2]
        return next((s.passage for s in near if not s.exercises), None)


def _sections(assignment: str, cells: list[Any]) -> list[_Section]:
    found: list[_Section] = []
    for cell in cells:
        rules = rules_of(cell)
        if cell["cell_type"] == "markdown":
            for marks, heading in re.findall(r"^(#+) +(.+?) *#*$", text_of(cell), re.MULTILINE):
                found.append(_Section(Passage(assignment, heading, str(cell.get("id", ""))), len(marks), []))
        if found and rules.get("solution") and "grade_id" in rules:
            found[-1].exercises.append(rules["grade_id"])
    return found
