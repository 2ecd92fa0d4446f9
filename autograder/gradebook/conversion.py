"""nbgrader's `autograde` and `generate_feedback` without its database: they run wherever a submission did.

Their steps ask the gradebook for one row after the other, and commit after each. Here they are given the rows
beforehand, and what they set is read off afterwards.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from threading import Lock
from types import SimpleNamespace
from typing import Any, NamedTuple

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry, Notebook
from nbgrader.converters import Autograde
from nbgrader.preprocessors import AssignLatePenalties, CheckCellMetadata
from traitlets.config import Config

from autograder.submission.stands import of_answers
from autograder.submission.verdicts import Verdict

# Where steps look nbgrader's class up to open the gradebook at the address they were given.
_OPENED_IN = ("getgrades", "overwritecells", "overwritekernelspec", "saveautogrades")


class Rows:
    """In the place of a gradebook: a step that is given one for an address finds these rows in it."""

    def __init__(self) -> None:
        self.db = self

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def commit(self) -> None:
        """Nothing is kept but in `self`."""


def _open(address: Any, *rest: Any, **more: Any) -> Any:
    return address if isinstance(address, Rows) else Gradebook(address, *rest, **more)


for _name in _OPENED_IN:
    importlib.import_module(f"nbgrader.preprocessors.{_name}").Gradebook = _open  # type: ignore[attr-defined]


class SourceCell(NamedTuple):
    """A cell of a master, as the gradebook has it."""

    name: str
    cell_type: str
    locked: bool
    source: str
    checksum: str


@dataclass(frozen=True)
class MasterRows:
    """What `autograde` reads of an assignment: the kernel, the cells, and the points of the graded ones."""

    kernelspec: str | None
    cells: Mapping[str, SourceCell]
    points: Mapping[str, float]

    @classmethod
    def of(cls, notebook: Notebook) -> MasterRows:
        return cls(
            notebook.kernelspec,
            {
                cell.name: SourceCell(cell.name, cell.cell_type, cell.locked, cell.source, cell.checksum)
                for cell in notebook.source_cells
            },
            {cell.name: cell.max_score for cell in (*notebook.grade_cells, *notebook.task_cells)},
        )


class _Submission(Rows):
    """A master's rows, and those of a submission that nobody has graded yet."""

    def __init__(self, master: MasterRows) -> None:
        super().__init__()
        self._master = master
        self.grades: dict[str, Any] = {}
        self.comments: dict[str, Any] = {}

    def find_notebook(self, *_: str) -> Any:
        return self._master

    def find_source_cell(self, name: str, *_: str) -> SourceCell:
        if name not in self._master.cells:
            raise MissingEntry(name)
        return self._master.cells[name]

    def find_graded_cell(self, name: str, *_: str) -> Any:
        return SimpleNamespace(max_score=self._master.points[name])

    def find_grade(self, name: str, *_: str) -> Any:
        blank = SimpleNamespace(auto_score=None, manual_score=None, needs_manual_grade=True)
        return self.grades.setdefault(name, blank)

    def find_comment(self, name: str, *_: str) -> Any:
        return self.comments.setdefault(name, SimpleNamespace(auto_comment=None))


@dataclass(frozen=True)
class Converted:
    """A graded notebook, and what it has to say to the gradebook.

    `scores` and `comments` are the automatic ones, by cell; `answers` what marks by hand stand on
    (`Verdict.answers`).
    """

    text: str
    answers: Mapping[str, str]
    scores: Mapping[str, float | None]
    comments: Mapping[str, str | None]


class Conversion:
    """nbgrader's `autograde` with both of its passes in one, by a course's configuration.

    nbgrader's cells come from the master here, whose metadata was checked when it was registered; the format
    is validated once, at the end, and not after every step. Late penalties are the gradebook's
    (`ClassGradebook.settle`).
    """

    def __init__(self, config: Config, masters: Mapping[str, MasterRows]) -> None:
        self._config, self._masters = config, masters
        self._one_at_a_time = Lock()  # steps keep what they are at in themselves
        converter = Autograde(config=config)
        self._exporter = converter.exporter_class(parent=converter, config=converter.config)
        self._exporter._preprocessors = []
        for step in (*converter.sanitize_preprocessors, *converter.autograde_preprocessors):
            if not (isinstance(step, type) and issubclass(step, (AssignLatePenalties, CheckCellMetadata))):
                self._exporter.register_preprocessor(step)

    def __reduce__(self) -> Any:
        return Conversion, (self._config, self._masters)

    def convert(self, notebook: NotebookNode, verdict: Verdict) -> Converted:
        """The graded notebook of a restored one, which stays as it is.

        Raises:
            VerdictError: the two do not belong together.
        """
        name = verdict.assignment
        rows = _Submission(self._masters[name])
        about = {"student": "", "assignment": name, "notebook": name, "db_url": rows}
        told = {"submission": deepcopy(notebook), "verdict": verdict, "known": {}}
        resources: Any = {"nbgrader": {**about, **told}}
        made = notebook
        with self._one_at_a_time:
            for step in self._exporter._preprocessors:
                made, resources = step(made, resources)
        nbformat.validate(made, relax_add_props=True)
        return Converted(
            f"{nbformat.versions[4].writes_json(made)}\n",
            of_answers(made.cells),
            {name: grade.auto_score for name, grade in rows.grades.items()},
            {name: comment.auto_comment for name, comment in rows.comments.items()},
        )
