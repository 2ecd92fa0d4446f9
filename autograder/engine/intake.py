"""Reads what was handed in, trusts none of it, and makes a plan of it.

A submission is copied into memory and never run in place. Of its notebook only texts count, their order,
and what says which cell of ours each is (`ours`). Everything else (tags, points, flags, outputs, kernels,
schema versions) comes from the master. The bytes of a notebook are parsed behind the walls (`Engine.read`),
and no name from outside is ever imported or looked up.

The plan runs cells in the notebook's order. An exercise is judged at its last check, with what is bound then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_notebook

import sumskip
from autograder.engine.bounded import plain_text
from autograder.engine.folder import MOST_NOTEBOOK, IntakeError, files_beside
from autograder.engine.inside.notebook import HandedCell, Outline, OutlineError, read_outline
from autograder.engine.ours import OurCell, our_cells, recognise, text_of, words
from autograder.engine.plan import Plan, Task
from autograder.engine.written import Around, answer_in_words, attachments
from autograder.files import UnfitFileError, regular_bytes
from sumskip.checking.core import Array

Reader = Callable[[bytes, Mapping[str, bytes]], Outline]

DEMO = "demo"

_SAFE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MISSING = "# This cell was missing from the notebook that was handed in."


@dataclass(frozen=True)
class Submission:
    """What was handed in, restored: whose cells are ours, whose are the learner's, what to run."""

    assignment: str
    plan: Plan
    notebook: NotebookNode
    version: str | None = None
    warnings: tuple[str, ...] = ()


def read_here(raw: bytes, beside: Mapping[str, bytes]) -> Outline:
    """The outline of a notebook that one would open oneself; its pictures are left to the walls."""
    why = "pictures are shown by `python -m autograder grade` alone"
    return read_outline(raw).with_pictures({}, lambda name: why)


def read_submission(
    path: Path,
    masters: Mapping[str, Any],
    beside: Path | None = None,
    outline: Reader = read_here,
) -> Submission:
    """Read the notebook at `path` and restore nbgrader's cells from the master.

    Args:
        path: the notebook file that was handed in; its name means nothing.
        masters: the notebook of each assignment, as nbformat or plain JSON has it.
        beside: the folder of the submission, whose other files go along if they are harmless.
        outline: parses the notebook: `Engine.read` does so behind the walls; by default it is done in
            this process, which is for notebooks that one would open oneself.

    Raises:
        IntakeError: the file is missing, is no notebook, or belongs to no master.
    """
    name = plain_text(path.name)
    noted: list[str] = []
    files = files_beside(beside, noted) if beside is not None else {}
    try:
        read = outline(regular_bytes(path, MOST_NOTEBOOK), files)
    except (UnfitFileError, OutlineError) as error:
        shown = error.shown if isinstance(error, OutlineError) else ()
        raise IntakeError(f"{name}: {plain_text(str(error))}", shown) from None
    assignment, cells, warnings = recognise(read.cells, masters, name)
    warnings += noted
    version = plain_text(read.version)[:40] if read.version is not None else None
    if version is not None and version != sumskip.__version__:
        warnings.append(f"made with version {version} of the course, graded with {sumskip.__version__}")
    if left_out := sum(cell.source.count("(left out: ") for cell in cells if cell.kind == "markdown"):
        warnings.append(f"{left_out} pictures were left out; the text says why where each one stood")
    if lost := sum(cell.source.count("\ufffd") for cell in cells):
        warnings.append(f"{lost} characters could not be read: the file is not in UTF-8")
    restoring = _Restoring(masters[assignment], cells, read.pictures, warnings)
    tasks = restoring.go()
    return Submission(assignment, Plan(tuple(tasks), files), restoring.notebook, version, tuple(warnings))


# --- ours again -----------------------------------------------------------------------------------------

Place = tuple[int, int]  # the index of a cell that was handed in, and before it (-1), there (0), after it (1)


class _Restoring:
    """Puts the master's cells back into what was handed in."""

    def __init__(
        self, master: Any, cells: list[HandedCell], pictures: Mapping[str, Array], warnings: list[str]
    ) -> None:
        self.master, self.cells, self.pictures, self.warnings = master, cells, pictures, warnings
        self.ours = our_cells(master)
        self.known = {one.grade_id: one for one in self.ours}
        self.checks = {one.exercise: one for one in self.ours if one.is_check}
        self.demos = [cell for cell in master["cells"] if DEMO in cell["metadata"].get("tags", [])]
        self.around = Around(master, cells)
        self.named: dict[str, list[int]] = {one.grade_id: [] for one in self.ours}
        for index, cell in enumerate(cells):
            if cell.grade_id:
                self.named[cell.grade_id].append(index)
        for one in self.ours:  # a copy of code that was made text is there to be read, not to be run
            code = [index for index in self.named[one.grade_id] if cells[index].kind == "code"]
            if one.is_code and code:
                self.named[one.grade_id] = code
            # What stands below a task stays there: nbgrader restores the task.
            if one.rules.get("solution") and not one.is_code:
                parts = self.around.parts(one, self.named[one.grade_id])
                self.named[one.grade_id] = sorted((*self.named[one.grade_id], *parts))
                for index in parts:
                    cells[index] = replace(cells[index], grade_id=one.grade_id)
        everywhere = range(len(cells))
        self.answers = {name: [i for i in everywhere if self._answers(name, i)] for name in self.checks}
        self.at: dict[str, Place] = {}  # where each cell of ours stands
        self.used: dict[str, int] = {}  # the cell that was handed in for it
        self.notebook = new_notebook()
        self.tasks: list[Task] = []

    def go(self) -> list[Task]:
        about = {key: value for key, value in self.master["metadata"].items() if key != "sumskip"}
        self.notebook.metadata = _copy(about)
        self._places()
        self._odd()
        steps: list[tuple[tuple[int, ...], OurCell | int]] = [
            ((*self.at[one.grade_id], 1, number), one) for number, one in enumerate(self.ours)
        ]
        taken = set(self.used.values())
        for index, cell in enumerate(self.cells):
            one = self.known.get(cell.grade_id or "")
            if one is not None and one.written and not one.is_code:
                continue  # part of the answer
            if index in taken and (one is None or one.written or not self._changed(one)):
                continue
            # What was changed in a cell of ours stands beside it: before a check, after any other.
            beside = 1 if one is None else 0 if one.is_check else 2
            steps.append(((index, 0, beside), index))
        for _, step in sorted(steps, key=lambda step: step[0]):
            if isinstance(step, int):
                self._learners(step)
            else:
                self._ours(step)
        return self.tasks

    def _answers(self, exercise: str, index: int) -> bool:
        """Whether a cell answers an exercise: written in a cell for it, or a definition of its name."""
        cell, solution = self.cells[index], self.known.get(exercise)
        if solution is not None and solution.untouched(cell.source):
            return False
        if index in self.named.get(exercise, ()):
            return True
        return cell.kind == "code" and self.around.new(index) and self.checks[exercise].judges(cell.source)

    def _places(self) -> None:
        """Where the notebook has it; before what builds on it; and a check never above all answers to it."""
        following: Place = (len(self.cells), 0)
        for one in reversed(self.ours):
            named = self.named[one.grade_id]
            place = following
            if one.written:
                if (chosen := self._chosen(one)) is not None:
                    place = (chosen, 0)
                    self.used[one.grade_id] = chosen
            elif named:
                asked = [index for index in named if one.is_check and one.checks(self.cells[index].source)]
                counts = (asked or named)[-1 if one.is_check else 0]
                self.used[one.grade_id] = counts
                place = (counts, 0) if one.is_check else min((counts, 0), following)
            answers = self.answers.get(one.exercise, []) if one.is_check else []
            if answers and place < (answers[0], 0):
                place = (answers[-1], 1)
            self.at[one.grade_id] = place
            following = min(following, (place[0], -1))

    def _chosen(self, one: OurCell) -> int | None:
        """The cell that is shown as the answer: the last one that was written above the check."""
        named = self.named[one.grade_id]
        written = [index for index in named if not one.untouched(self.cells[index].source)]
        if one.is_code and not written:
            answers = self.answers.get(one.grade_id, [])
            written = [i for i in answers if not self.cells[i].grade_id and i not in self.used.values()]
        if not written:
            return named[0] if named else None
        if not one.is_code:
            return written[0]
        check = self.checks.get(one.grade_id)
        above = [index for index in written if check is None or (index, 0) < self.at[check.grade_id]]
        return (above or written)[-1]

    def _changed(self, one: OurCell) -> bool:
        handed = self.cells[self.used[one.grade_id]]
        return not one.written and words(handed.source) != words(one.source)

    def _odd(self) -> None:
        """Say in one line what of ours was not as it was released."""
        there = [one for one in self.ours if one.grade_id in self.used]
        moved = [name for name, check in self.checks.items() if self.at[check.grade_id][1] == 1]
        kinds = [one for one in there if one.is_code != (self.cells[self.used[one.grade_id]].kind == "code")]
        several = [
            name
            for name, named in self.named.items()
            if self.known[name].is_code and len({words(self.cells[index].source) for index in named}) > 1
        ]
        sorts = {
            "missing": [one.grade_id for one in self.ours if not self.named[one.grade_id]],
            "changed: the master's text was used, the learner's stands beside it": [
                one.grade_id for one in there if self._changed(one)
            ],
            "of another kind, code or text, than in the master": [one.grade_id for one in kinds],
            "there more than once, not alike: what counts is written above the last check": several,
            "checked above the answer: it was judged below it": moved,
        }
        one, more = "the cell {} was", "the cells {} were"
        said = [
            f"{(one if len(names) == 1 else more).format(', '.join(names))} {what}"
            for what, names in sorts.items()
            if names
        ]
        if said:
            self.warnings.append("; ".join(said))

    def _ours(self, one: OurCell) -> None:
        """A cell of the master; where the learner was to write, with what they wrote."""
        used = self.used.get(one.grade_id)
        source = one.source
        if one.written and not one.is_code:
            places = self.named[one.grade_id]
            elsewhere = self.around.of(places, set().union(*self.answers.values()))
            source = answer_in_words(one, [self.cells[place] for place in places], elsewhere)
        elif one.written:
            source = _MISSING if used is None else self.cells[used].source
        cell_id = self._append(one.is_code, source, one.cell.get("id"), _copy(one.cell["metadata"]))
        if one.is_check:
            points = float(one.rules["points"])
            self.tasks.append(Task("check", cell_id, "", one.exercise, one.symbol, points))
        elif one.is_code and (one.written or not one.rules.get("grade")):
            if one.untouched(source) and self.answers.get(one.grade_id):
                return  # it would take the name away from what was written elsewhere
            exercise = one.grade_id if one.written and not one.rules.get("grade") else None
            self.tasks.append(
                Task("run", cell_id, source, exercise, tags=tuple(one.cell["metadata"].get("tags", [])))
            )

    def _learners(self, index: int) -> None:
        cell = self.cells[index]
        cell_id = self._append(cell.kind == "code", cell.source, cell.id, {})
        if cell.kind != "code" or not cell.source.strip() or self._idle(cell):
            return
        for name, answers in self.answers.items():
            if index in answers and (index, 0) <= self.at[self.checks[name].grade_id]:
                self.tasks.append(Task("run", cell_id, cell.source, name))
                return
        self.tasks.append(Task("run", cell_id, cell.source))

    def _idle(self, cell: HandedCell) -> bool:
        """Whether this is a mere copy: of a demonstration, a check, or a place where nothing was written."""
        text = words(cell.source)
        demo = any(cell.id == demo.get("id") or text == words(text_of(demo)) for demo in self.demos)
        return demo or any(
            (one.is_check and text == words(one.source))
            or (one.written and one.is_code and one.untouched(cell.source))
            for one in self.ours
        )

    def _append(self, code: bool, source: str, wanted: str | None, metadata: Any) -> str:
        """Add a cell to the notebook; an id that is taken, or nbgrader's, is replaced."""
        taken = {cell.id for cell in self.notebook.cells}
        if not metadata:
            taken |= {one.id for one in self.ours}
        if wanted is None or wanted in taken or not _SAFE_ID.fullmatch(wanted):
            wanted = next(name for n in count(len(taken)) if (name := f"cell-{n}") not in taken)
        # As nbformat makes them, which validates each one: a graded notebook is, as a whole.
        more: dict[str, Any] = {"execution_count": None, "outputs": []} if code else {}
        kind = "code" if code else "markdown"
        cell = NotebookNode(cell_type=kind, id=wanted, metadata=NotebookNode(metadata), source=source, **more)
        if not code and (pictures := attachments(source, self.pictures)):
            cell["attachments"] = pictures
        self.notebook.cells.append(cell)
        return wanted


def _copy(value: Any) -> NotebookNode:
    copied: NotebookNode = json.loads(json.dumps(value), object_hook=NotebookNode)
    return copied
