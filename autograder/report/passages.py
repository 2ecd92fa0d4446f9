"""Which passage of a lesson to repeat where a mistake was seen, found by the lessons' own headings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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


class Passages:
    """The passages of the lessons in `masters`."""

    def __init__(self, masters: Mapping[str, Any]) -> None:
        self._sections = {name: _sections(name, notebook["cells"]) for name, notebook in masters.items()}
        found = {one.cell: one for sections in self._sections.values() for _, one, _ in sections}
        named = [(found[cell], beliefs) for (_, cell), beliefs in OWN.items() if cell in found]
        self._own = {belief: one for one, beliefs in named for belief in beliefs.split()}

    def title(self, assignment: str) -> str:
        """The lesson's own title: "1. Sequential flow: one module after the other"."""
        return next((one.heading for _, one, _ in self._sections[assignment]), assignment)

    def of(self, assignment: str, exercise: str, belief: str = "") -> Passage | None:
        """What to repeat after this belief was seen in this exercise.

        Of a prediction it is where the lesson runs what was asked, below it; of other exercises, the nearest
        passage above that holds no exercise.
        """
        own = self._own.get(belief)
        if own and own.assignment <= assignment:
            return own
        sections = self._sections[assignment]
        place = next((i for i, (_, _, names) in enumerate(sections) if exercise in names), 0)
        predicted = exercise in EXERCISES and EXERCISES[exercise].kind == "literals"
        near = sections[place + 1 :] if predicted else [s for s in reversed(sections[:place]) if s[0] == 2]
        return next((one for _, one, names in near if not names), None)


def _sections(assignment: str, cells: Iterable[Any]) -> list[tuple[int, Passage, list[str]]]:
    """Each heading's level, its passage, and the exercises in it."""
    found: list[tuple[int, Passage, list[str]]] = []
    for cell in cells:
        if cell["cell_type"] == "markdown":
            for marks, heading in re.findall(r"^(#+) +(.+?) *#*$", text_of(cell), re.MULTILINE):
                found.append((len(marks), Passage(assignment, heading, str(cell.get("id", ""))), []))
        if found and rules_of(cell).get("solution"):
            found[-1][2].append(rules_of(cell)["grade_id"])
    return found
