"""Which cell of the master's a cell is that was handed in, also where an editor has dropped its name."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from autograder.engine.bounded import plain_text
from autograder.engine.folder import IntakeError
from autograder.engine.inside.notebook import HandedCell

# What nbgrader writes where a learner is to write.
TEXT_STUB = "YOUR ANSWER HERE"
_STUBS = {"# YOUR CODE HERE", "raise NotImplementedError()", TEXT_STUB}
_CHECKED = re.compile(r"""^[ \t]*check\(\s*["'](\w+)["']""", re.MULTILINE)

LOST = "nbgrader's metadata was missing; cells were recognised by id, text and name"


def words(source: str) -> tuple[str, ...]:
    """A text without its white space, which editors change."""
    return tuple(source.split())


class OurCell:
    """A cell of the master that nbgrader knows, and by what it is told from others."""

    def __init__(self, cell: Any) -> None:
        self.cell = cell
        self.rules: Mapping[str, Any] = cell["metadata"]["nbgrader"]
        self.grade_id = grade_id(cell)
        self.id = str(cell.get("id", self.grade_id))
        self.source = text_of(cell)
        self.is_code = cell["cell_type"] == "code"
        self.written = bool(self.rules.get("solution") or self.rules.get("task"))
        self.is_check = (
            self.is_code
            and bool(self.rules.get("grade"))
            and not self.written
            and self.grade_id.endswith("_check")
        )

    @property
    def exercise(self) -> str:
        """What a check cell judges, or a solution cell solves."""
        return self.grade_id.removesuffix("_check") if self.is_check else self.grade_id

    @cached_property
    def symbol(self) -> str:
        """The name that a check looks at: `check("addition_model", AdditionModel)`."""
        for node in ast.walk(ast.parse(self.source)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "check"
                and len(node.args) == 2
                and isinstance(node.args[1], ast.Name)
            ):
                return node.args[1].id
        raise ValueError(f'the master\'s cell {self.grade_id} must end in check("NAME", SYMBOL)')

    @cached_property
    def _binds(self) -> re.Pattern[str]:
        symbol = re.escape(self.symbol)
        pattern = rf"^(?:(?:class|def)[ \t]+{symbol}\b|{symbol}[ \t]*(?::[^=\n]*)?=(?!=))"
        return re.compile(pattern, re.MULTILINE)

    def judges(self, source: str) -> bool:
        """Whether a text defines the name that this check looks at."""
        return self._binds.search(source) is not None

    def checks(self, source: str) -> bool:
        """Whether a text asks for this check: one that was emptied, or made a remark, has shown nothing."""
        return self.exercise in _CHECKED.findall(source)

    @cached_property
    def released(self) -> tuple[str, ...]:
        """The words of this cell where nothing has been written yet."""
        if not self.written:
            return words(self.source)
        outside, inside, regions = [], False, False
        for line in self.source.split("\n"):
            begins, ends = "### BEGIN SOLUTION" in line, "### END SOLUTION" in line
            inside, regions = (inside or begins) and not ends, regions or begins
            if not (inside or ends):
                outside.append(line)
        return words("\n".join(outside)) if regions else ()

    def untouched(self, source: str) -> bool:
        """Whether nothing is written in a text: it is empty, or as released, with or without its stubs."""
        kept = words("\n".join(line for line in source.split("\n") if line.strip() not in _STUBS))
        return not kept or kept == self.released


def our_cells(master: Any) -> list[OurCell]:
    return [OurCell(cell) for cell in master["cells"] if grade_id(cell)]


def rules_of(cell: Any) -> Mapping[str, Any]:
    """What nbgrader keeps about a cell; empty where it is none of nbgrader's."""
    found: Mapping[str, Any] = cell["metadata"].get("nbgrader", {})
    return found


def grade_id(cell: Any) -> str:
    return str(rules_of(cell).get("grade_id", ""))


def text_of(cell: Any) -> str:
    """The text of a cell, which the file has as one text or as a list of its lines."""
    return "".join(cell["source"])


def recognise(
    cells: Sequence[HandedCell], masters: Mapping[str, Any], name: str
) -> tuple[str, list[HandedCell], list[str]]:
    """The assignment, its cells with the master's grade_id each or none, and what is odd about them.

    It is the master of which most cells are there, and at least a third.

    Raises:
        IntakeError: there is no such master.
    """
    best, share, named = "", 0.0, list(cells)
    for assignment, master in masters.items():
        ours = our_cells(master)
        again = _named(ours, cells)
        found = len({cell.grade_id for cell in again if cell.grade_id}) / max(1, len(ours))
        if found > share:
            best, share, named = assignment, found, again
    if share < 1 / 3:
        came = len({cell.grade_id for cell in cells if cell.grade_id})
        raise IntakeError(
            f"{name}: expected a notebook of this course ({', '.join(masters)}), got one with {came} of "
            "nbgrader's cells and hardly any of ours; hand in the lesson's own notebook",
            shown=[cell.source for cell in cells],
        )
    warnings = []
    if any(cell.grade_id and cell.grade_id != old.grade_id for cell, old in zip(named, cells, strict=True)):
        warnings.append(LOST)
    known = {one.grade_id for one in our_cells(masters[best])}
    if strange := sorted({plain_text(cell.grade_id)[:80] for cell in cells if cell.grade_id} - known):
        warnings.append(f"treated as the learner's own: cells that claim to be {', '.join(strange)[:300]}")
    return best, named, warnings


def _named(ours: Sequence[OurCell], cells: Sequence[HandedCell]) -> list[HandedCell]:
    """Each cell with the grade_id of the cell of ours that it is, or with none.

    By its grade_id; what nobody has claimed so, by the released id; then by the text of a cell as it was
    released; then by `check("NAME"` or the name it defines. A weaker sign never takes what a stronger has.
    """
    ids = {one.id: one.grade_id for one in ours}
    texts = {one.released: one.grade_id for one in ours if one.released}
    checks = [one for one in ours if one.is_check]

    def by_name(cell: HandedCell) -> str | None:
        if cell.kind != "code":
            return None
        if found := next((one.exercise for one in checks if one.judges(cell.source)), None):
            return found
        asked = _CHECKED.findall(cell.source)
        return f"{asked[-1]}_check" if asked else None

    def by_text(cell: HandedCell) -> str | None:
        if (found := texts.get(words(cell.source))) or not cell.source.strip():
            return found
        same_kind = [one for one in ours if one.written and one.is_code == (cell.kind == "code")]
        alike = [one.grade_id for one in same_kind if one.untouched(cell.source)]
        return alike[0] if len(alike) == 1 else None

    signs: tuple[Callable[[HandedCell], str | None], ...] = (
        lambda cell: cell.grade_id,
        lambda cell: ids.get(cell.id or ""),
        by_text,
        by_name,
    )
    known = {one.grade_id for one in ours}
    names: list[str | None] = [None] * len(cells)
    for sign in signs:
        free = known - set(names)
        for index, cell in enumerate(cells):
            # What has a name of another's is not one of ours that has lost its own.
            lost = sign is signs[0] or not cell.grade_id
            if lost and names[index] is None and (found := sign(cell)) in free:
                names[index] = found
    return [replace(cell, grade_id=found) for cell, found in zip(cells, names, strict=True)]
