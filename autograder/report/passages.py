"""Which passage of a lesson to repeat where a mistake was seen, found by the lessons' own headings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autograder.exercises import EXERCISES
from autograder.submission.sections import Section, sections

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
        self._sections = {name: sections(notebook["cells"]) for name, notebook in masters.items()}
        found = {one.cell: _passage(name, one) for name, them in self._sections.items() for one in them}
        named = [(found[cell], beliefs) for (_, cell), beliefs in OWN.items() if cell in found]
        self._own = {belief: one for one, beliefs in named for belief in beliefs.split()}

    def title(self, assignment: str) -> str:
        """The lesson's own title: "1. Sequential flow: one module after the other"."""
        return next((one.heading for one in self._sections[assignment]), assignment)

    def of(self, assignment: str, exercise: str, belief: str = "") -> Passage | None:
        """What to repeat after this belief was seen in this exercise.

        Of a prediction it is where the lesson runs what was asked, below it; of other exercises, the nearest
        passage above that holds no exercise.
        """
        own = self._own.get(belief)
        if own and own.assignment <= assignment:
            return own
        there = self._sections[assignment]
        place = next((i for i, one in enumerate(there) if exercise in one.exercises), 0)
        predicted = exercise in EXERCISES and EXERCISES[exercise].kind == "literals"
        near = there[place + 1 :] if predicted else [one for one in reversed(there[:place]) if one.level == 2]
        return next((_passage(assignment, one) for one in near if not one.exercises), None)


def _passage(assignment: str, section: Section) -> Passage:
    return Passage(assignment, section.heading, section.cell)
