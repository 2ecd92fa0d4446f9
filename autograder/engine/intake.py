"""Reads what was handed in, trusts none of it, and makes a plan of it.

A submission is copied into memory and never run in place. Of its notebook only texts count: the
source of each cell, and the ids that say which cell of ours it is. Everything else (tags, points,
flags, order, outputs, kernels, schema versions) comes from the master. The bytes of a notebook are
parsed behind the walls (`Engine.read`), and no name from outside is ever imported or looked up.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import sumskip
from autograder.engine.folder import MOST_NOTEBOOK, IntakeError, files_beside
from autograder.engine.inside.notebook import HandedCell, Outline, OutlineError, read_outline
from autograder.engine.run import Plan, Task, plain_text
from autograder.files import UnfitFileError, regular_bytes

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


def read_submission(
    path: Path,
    masters: Mapping[str, Any],
    beside: Path | None = None,
    outline: Callable[[bytes], Outline] = read_outline,
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
    try:
        read = outline(regular_bytes(path, MOST_NOTEBOOK))
    except (UnfitFileError, OutlineError) as error:
        raise IntakeError(f"{name}: {plain_text(str(error))}") from None
    warnings: list[str] = []
    cells = _named_again(read.cells, masters, warnings)
    assignment = _recognise(cells, masters, name)
    files = files_beside(beside, warnings) if beside is not None else {}
    version = plain_text(read.version)[:40] if read.version is not None else None
    if version is not None and version != sumskip.__version__:
        warnings.append(f"made with version {version} of the course, graded with {sumskip.__version__}")
    restoring = _Restoring(masters[assignment], cells, warnings)
    tasks = restoring.go()
    return Submission(assignment, Plan(tuple(tasks), files), restoring.notebook, version, tuple(warnings))


def _named_again(
    cells: Sequence[HandedCell], masters: Mapping[str, Any], warnings: list[str]
) -> list[HandedCell]:
    """The cells with the grade_ids that an editor has dropped, where it has dropped every one."""
    if any(cell.grade_id for cell in cells):
        return list(cells)
    named = [_named_by(master, cells) for master in masters.values()]
    best = max(named, key=lambda cells: sum(cell.grade_id is not None for cell in cells), default=[])
    if any(cell.grade_id for cell in best):
        warnings.append("nbgrader's metadata was missing; cells were recognised by id, text and name")
    return best


def _named_by(master: Any, cells: Sequence[HandedCell]) -> list[HandedCell]:
    """Each cell with the grade_id of the master's cell that has its id, its text, or what it defines."""
    ids, texts, defined = {}, {}, {}
    for cell in filter(_grade_id, master["cells"]):
        grade_id, source = _grade_id(cell), _joined(cell["source"])
        ids[cell.get("id", grade_id)] = grade_id
        if not cell["metadata"]["nbgrader"].get("solution"):
            texts[source.strip()] = grade_id
        if grade_id.endswith("_check"):
            symbol = re.escape(_symbol(source, grade_id))
            answer = re.compile(rf"^(?:(?:class|def) +{symbol}\b|{symbol} *=)", re.MULTILINE)
            defined[grade_id.removesuffix("_check")] = answer

    def name(cell: HandedCell) -> str | None:
        if found := ids.get(cell.id or "") or texts.get(cell.source.strip()):
            return found
        return next((name for name, answer in defined.items() if answer.search(cell.source)), None)

    return [replace(cell, grade_id=name(cell)) for cell in cells]


def _recognise(cells: Sequence[HandedCell], masters: Mapping[str, Any], name: str) -> str:
    """Whose ids these are: the master that shares most of them, and at least a third of its own."""
    came = {cell.grade_id for cell in cells if cell.grade_id}
    shared = {
        name: len(came & _grade_ids(master)) / max(1, len(_grade_ids(master)))
        for name, master in masters.items()
    }
    best = max(shared, key=lambda name: shared[name], default=None)
    if best is None or shared[best] < 1 / 3:
        raise IntakeError(
            f"{name}: expected a notebook of this course ({', '.join(masters)}), got one with {len(came)} of "
            "nbgrader's cells and hardly any of ours; hand in the lesson's own notebook"
        )
    return best


def _grade_ids(master: Any) -> set[str]:
    return {grade_id for cell in master["cells"] if (grade_id := _grade_id(cell))}


# --- ours again -----------------------------------------------------------------------------------------


@dataclass
class _Restoring:
    """Puts a submission back into the master's order, around the master's cells."""

    master: Any
    cells: list[HandedCell]
    warnings: list[str]
    notebook: NotebookNode = field(default_factory=new_notebook)
    tasks: list[Task] = field(default_factory=list)

    def go(self) -> list[Task]:
        self.notebook.metadata = _copy(
            {key: value for key, value in self.master["metadata"].items() if key != "sumskip"}
        )
        self._demos = [cell for cell in self.master["cells"] if DEMO in _tags(cell)]
        ours = [cell for cell in self.master["cells"] if _grade_id(cell)]
        handed, extras = self._sort({_grade_id(cell) for cell in ours})
        self._learners(extras.get("", []))
        for cell in ours:
            self._ours(cell, handed.get(_grade_id(cell)))
            self._learners(extras.get(_grade_id(cell), []))
        return self.tasks

    def _sort(self, known: set[str]) -> tuple[dict[str, HandedCell], dict[str, list[HandedCell]]]:
        """The cell handed in for each of our ids, and the learner's own cells by the id they follow.

        Where a cell was copied, the last one counts, as it would in a run from top to bottom; the
        copies before it stay the learner's own cells.
        """
        last = {cell.grade_id: index for index, cell in enumerate(self.cells) if cell.grade_id in known}
        handed: dict[str, HandedCell] = {}
        extras: dict[str, list[HandedCell]] = {}
        after = ""
        copies = set()
        for index, cell in enumerate(self.cells):
            if cell.grade_id is not None and last.get(cell.grade_id) == index:
                after = cell.grade_id
                handed[after] = cell
                continue
            if cell.grade_id is not None:
                copies.add(plain_text(cell.grade_id)[:80])
            extras.setdefault(after, []).append(cell)
        if copies:
            self.warnings.append(
                f"treated as the learner's own: cells that claim to be {', '.join(sorted(copies))[:300]}"
            )
        return handed, extras

    def _ours(self, cell: Any, handed: HandedCell | None) -> None:
        """A cell of the master; where the learner was to write, with what they wrote."""
        rules = cell["metadata"]["nbgrader"]
        grade_id = _grade_id(cell)
        code = cell["cell_type"] == "code"
        source = _joined(cell["source"])
        written = rules.get("solution") or rules.get("task")
        if written:
            source = handed.source if handed else (_MISSING if code else "")
        if handed is None:
            self.warnings.append(f"the cell {grade_id} was missing")
        elif not written and handed.source.strip() != source.strip():
            self.warnings.append(f"the cell {grade_id} was changed; the master's was used")
        elif handed.kind != cell["cell_type"]:
            self.warnings.append(f"the cell {grade_id} was made a {handed.kind} cell; it is none")
        cell_id = self._append(code, source, cell.get("id"), _copy(cell["metadata"]))
        if not code:
            return
        if not rules.get("grade"):
            exercise = grade_id if rules.get("solution") else None
            self.tasks.append(Task("run", cell_id, source, exercise, tags=tuple(_tags(cell))))
        elif grade_id.endswith("_check"):
            symbol = _symbol(source, grade_id)
            points = float(rules["points"])
            exercise = grade_id.removesuffix("_check")
            self.tasks.append(Task("check", cell_id, "", exercise, symbol, points))

    def _learners(self, cells: list[HandedCell]) -> None:
        for cell in cells:
            cell_id = self._append(cell.kind == "code", cell.source, cell.id, {})
            if cell.kind == "code" and cell.source.strip() and not self._demo(cell):
                self.tasks.append(Task("run", cell_id, cell.source))

    def _demo(self, cell: HandedCell) -> bool:
        """Whether this is one of the master's demonstrations: by its id, or word for word."""
        return any(
            cell.id == demo.get("id") or cell.source.strip() == _joined(demo["source"]).strip()
            for demo in self._demos
        )

    def _append(self, code: bool, source: str, wanted: str | None, metadata: Any) -> str:
        """Add a cell to the notebook; an id that is taken, or nbgrader's, is replaced."""
        taken = {cell.id for cell in self.notebook.cells}
        if not metadata:
            taken |= {cell.get("id") for cell in self.master["cells"] if _grade_id(cell)}
        if wanted is None or wanted in taken or not _SAFE_ID.fullmatch(wanted):
            wanted = next(name for n in count(len(taken)) if (name := f"cell-{n}") not in taken)
        make = new_code_cell if code else new_markdown_cell
        self.notebook.cells.append(make(source, id=wanted, metadata=metadata))
        return wanted


def _grade_id(cell: Any) -> str:
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))


def _tags(cell: Any) -> list[str]:
    return list(cell["metadata"].get("tags", []))


def _joined(source: Any) -> str:
    return source if isinstance(source, str) else "".join(source)


def _copy(value: Any) -> NotebookNode:
    copied: NotebookNode = json.loads(json.dumps(value), object_hook=NotebookNode)
    return copied


def _symbol(source: str, grade_id: str) -> str:
    """The name that the master's check looks at: `check("addition_model", AdditionModel)`."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "check"
            and len(node.args) == 2
            and isinstance(node.args[1], ast.Name)
        ):
            return node.args[1].id
    raise ValueError(f'the master\'s cell {grade_id} must end in check("NAME", SYMBOL)')
