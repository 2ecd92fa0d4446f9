"""Reads what was handed in, trusts none of it, and makes a plan of it.

A submission is copied into memory and never run in place. Of its notebook only texts count: the
source of each cell, and the ids that say which cell of ours it is. Everything else (tags, points,
flags, order, outputs, kernels, schema versions) comes from the master.
"""

from __future__ import annotations

import ast
import json
import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import sumskip
from autograder.engine.run import Plan, Step, plain_text

MOST_NOTEBOOK = 20_000_000  # bytes; outputs with many pictures are some 5 MB
MOST_CELLS = 1_000
MOST_SOURCE = 200_000  # characters in a cell
MOST_DEPTH = 40  # of JSON, with the widget states that notebooks carry
MOST_FILES, MOST_FILE, MOST_BESIDE = 20, 2_000_000, 10_000_000
BESIDE = {".py", ".txt", ".md", ".csv", ".json", ".png", ".jpg", ".jpeg", ".npy", ".npz", ".pt"}
DEMO = "demo"

_SAFE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SAFE_NAME = re.compile(r"[\w][\w .()+-]{0,99}")
_MISSING = "# This cell was missing from the notebook that was handed in."


class IntakeError(Exception):
    """Nothing can be graded here. One line: what was expected, what came, what to do."""


@dataclass(frozen=True)
class Submission:
    """What was handed in, restored: whose cells are ours, whose are the learner's, what to run."""

    assignment: str
    plan: Plan
    notebook: NotebookNode
    version: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Cell:
    """A cell as handed in, of which only this is read."""

    kind: str
    source: str
    id: str | None
    grade_id: str | None


def read_submission(path: Path, masters: Mapping[str, Any], beside: Path | None = None) -> Submission:
    """Read the notebook at `path` and restore nbgrader's cells from the master.

    Args:
        path: the notebook file that was handed in; its name means nothing.
        masters: the notebook of each assignment, as nbformat or plain JSON has it.
        beside: the folder of the submission, whose other files go along if they are harmless.

    Raises:
        IntakeError: the file is missing, is no notebook, or belongs to no master.
    """
    raw = _regular(path, MOST_NOTEBOOK)
    data = _parse(raw, path)
    cells = list(_cells(data, path))
    assignment = _recognise(cells, masters, path)
    warnings: list[str] = []
    files = _files(beside, path, warnings) if beside is not None else {}
    version = _version(data)
    if version is not None and version != sumskip.__version__:
        warnings.append(f"made with version {version} of the course, graded with {sumskip.__version__}")
    restoring = _Restoring(masters[assignment], cells, warnings)
    steps = restoring.go()
    return Submission(assignment, Plan(tuple(steps), files), restoring.notebook, version, tuple(warnings))


# --- files ------------------------------------------------------------------------------------------


def _regular(path: Path, most: int) -> bytes:
    """The bytes of a regular file: no link, pipe or device is followed, opened for long, or read."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    name = plain_text(path.name)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        raise IntakeError(f"{name}: expected a notebook file, found none; check the path") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise IntakeError(f"{name}: expected a readable file, got {why!r}; hand in a plain copy") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise IntakeError(f"{name}: expected a regular file, got something else; hand in a plain copy")
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(most + 1) if status.st_size <= most else b""
    if status.st_size > most or len(content) > most:
        raise IntakeError(
            f"{name}: expected at most {most / 1e6:g} MB, got {status.st_size / 1e6:.1f} MB; "
            "clear its outputs"
        )
    return content


def _files(folder: Path, notebook: Path, warnings: list[str]) -> dict[str, bytes]:
    """The other files of a submission that may lie in its working folder."""
    kept: dict[str, bytes] = {}
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name in (notebook.name, "timestamp.txt") or entry.name.startswith("."):
            continue
        problem = _unwelcome(entry)
        if not problem and (len(kept) >= MOST_FILES or sum(map(len, kept.values())) > MOST_BESIDE):
            problem = "there are too many files"
        if not problem:
            try:
                kept[entry.name] = _regular(Path(entry.path), MOST_FILE)
            except IntakeError as error:
                problem = str(error)
        if problem:
            warnings.append(
                f"dropped {plain_text(os.fsencode(entry.name).decode(errors='replace'))}: {problem}"
            )
    return kept


def _unwelcome(entry: os.DirEntry[str]) -> str:
    """Why a file does not go into the sandbox; the empty text if it may."""
    name = Path(entry.name)
    if entry.is_symlink() or not entry.is_file(follow_symlinks=False):
        return "it is no regular file"
    if not _SAFE_NAME.fullmatch(entry.name):
        return "its name is not a plain one"
    if name.suffix.lower() not in BESIDE:
        return f"files {name.suffix or 'without a suffix'} are not taken along"
    if name.suffix.lower() == ".py" and _shadows(name.stem):
        return f"it would stand in for the module {name.stem}"
    return ""


def _shadows(module: str) -> bool:
    if module in sys.stdlib_module_names or module in ("sitecustomize", "usercustomize", "inside"):
        return True
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return True


# --- the notebook as text -----------------------------------------------------------------------------


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _parse(raw: bytes, path: Path) -> dict[str, Any]:
    try:
        data = json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse_constant)
        _check_depth(data, MOST_DEPTH)
    except (ValueError, RecursionError) as error:
        why = plain_text(str(error))[:120] or "nested too deeply"
        raise IntakeError(
            f"{plain_text(path.name)}: expected a notebook (JSON in UTF-8), got something else ({why}); "
            "save it again in JupyterLab"
        ) from None
    if not isinstance(data, dict) or data.get("nbformat") != 4 or not isinstance(data.get("cells"), list):
        raise IntakeError(
            f"{plain_text(path.name)}: expected a notebook of format 4 with cells, got other JSON; "
            "save it again in JupyterLab"
        )
    return data


def _check_depth(value: Any, depth: int) -> None:
    if not isinstance(value, (dict, list)):
        return
    if depth == 0:
        raise ValueError("nested too deeply")
    for item in value.values() if isinstance(value, dict) else value:
        _check_depth(item, depth - 1)


def _cells(data: dict[str, Any], path: Path) -> Iterator[_Cell]:
    if len(data["cells"]) > MOST_CELLS:
        raise IntakeError(
            f"{plain_text(path.name)}: expected at most {MOST_CELLS} cells, got {len(data['cells'])}; "
            "hand in the lesson's own notebook"
        )
    for cell in data["cells"]:
        if isinstance(cell, dict):
            yield _Cell(
                kind="code" if cell.get("cell_type") == "code" else "markdown",
                source=_source(cell.get("source"), path),
                id=_text(cell.get("id")),
                grade_id=_text(_inner(cell, "metadata", "nbgrader", "grade_id")),
            )


def _source(value: Any, path: Path) -> str:
    if isinstance(value, list):
        value = "".join(line for line in value if isinstance(line, str))
    source = value if isinstance(value, str) else ""
    if len(source) > MOST_SOURCE:
        raise IntakeError(
            f"{plain_text(path.name)}: expected at most {MOST_SOURCE} characters in a cell, "
            f"got {len(source)}; shorten it"
        )
    return source.encode(errors="replace").decode()  # JSON can hold half a character: "\ud800"


def _inner(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _version(data: dict[str, Any]) -> str | None:
    version = _text(_inner(data, "metadata", "sumskip", "version"))
    return plain_text(version)[:40] if version is not None else None


def _recognise(cells: list[_Cell], masters: Mapping[str, Any], path: Path) -> str:
    """Whose ids these are: the master that shares most of them, and at least a third of its own."""
    came = {cell.grade_id for cell in cells if cell.grade_id}
    shared = {name: len(came & _ids(master)) / max(1, len(_ids(master))) for name, master in masters.items()}
    best = max(shared, key=lambda name: shared[name], default=None)
    if best is None or shared[best] < 1 / 3:
        raise IntakeError(
            f"{plain_text(path.name)}: expected a notebook of this course ({', '.join(masters)}), got one "
            f"with {len(came)} of nbgrader's cells and hardly any of ours; hand in the lesson's own notebook"
        )
    return best


def _ids(master: Any) -> set[str]:
    return {str(id) for cell in master["cells"] if (id := _inner(cell["metadata"], "nbgrader", "grade_id"))}


# --- ours again -----------------------------------------------------------------------------------------


@dataclass
class _Restoring:
    """Puts a submission back into the master's order, around the master's cells."""

    master: Any
    cells: list[_Cell]
    warnings: list[str]
    notebook: NotebookNode = field(default_factory=new_notebook)
    steps: list[Step] = field(default_factory=list)

    def go(self) -> list[Step]:
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
        return self.steps

    def _sort(self, known: set[str]) -> tuple[dict[str, _Cell], dict[str, list[_Cell]]]:
        """The cell handed in for each of our ids, and the learner's own cells by the id they follow.

        Where a cell was copied, the last one counts, as it would in a run from top to bottom; the
        copies before it stay the learner's own cells.
        """
        last = {cell.grade_id: index for index, cell in enumerate(self.cells) if cell.grade_id in known}
        handed: dict[str, _Cell] = {}
        extras: dict[str, list[_Cell]] = {}
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

    def _ours(self, cell: Any, handed: _Cell | None) -> None:
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
            self.steps.append(Step("run", cell_id, source, exercise, tags=tuple(_tags(cell))))
        elif grade_id.endswith("_check"):
            symbol = _symbol(source, grade_id)
            points = float(rules["points"])
            exercise = grade_id.removesuffix("_check")
            self.steps.append(Step("check", cell_id, "", exercise, symbol, points))

    def _learners(self, cells: list[_Cell]) -> None:
        for cell in cells:
            cell_id = self._append(cell.kind == "code", cell.source, cell.id, {})
            if cell.kind == "code" and cell.source.strip() and not self._demo(cell):
                self.steps.append(Step("run", cell_id, cell.source))

    def _demo(self, cell: _Cell) -> bool:
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
    return _inner(cell["metadata"], "nbgrader", "grade_id") or ""


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
