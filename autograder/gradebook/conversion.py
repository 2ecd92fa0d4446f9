"""nbgrader's `autograde` without its database, so that it runs wherever a submission did; pages as well."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from threading import Lock
from types import SimpleNamespace
from typing import Any, NamedTuple

import nbformat
from nbformat import NotebookNode
from nbgrader.api import MissingEntry, Notebook
from nbgrader.converters import Autograde
from nbgrader.preprocessors import AssignLatePenalties, CheckCellMetadata
from traitlets.config import Config

from autograder.gradebook.marks import Mark, Recorded
from autograder.gradebook.page_maker import Page, PageMaker, Told, mark_of
from autograder.gradebook.preprocessors import record_score
from autograder.gradebook.rows import Rows
from autograder.submission.stands import of_answers
from autograder.submission.verdicts import Verdict


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
        return self.grades.setdefault(name, Mark.blank(self._master.points[name]).row())

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


@dataclass(frozen=True)
class Wanted:
    """What a page needs besides: what the gradebook has of a submission, on what its marks by hand stand
    (`Verdict.answers`), and what else the page says.
    """

    recorded: Recorded
    known: Mapping[str, str]
    told: Told


class Conversion:
    """nbgrader's `autograde` with both of its passes in one, by a course's configuration.

    nbgrader's cells come from the master here, whose metadata was checked when it was registered; the format
    is validated once, at the end, and not after every step. Late penalties are the gradebook's
    (`ClassGradebook.settle`).
    """

    def __init__(self, config: Config, masters: Mapping[str, MasterRows]) -> None:
        self._config, self._masters = config, masters
        self._one_at_a_time = Lock()  # steps keep what they are at in themselves
        self._pages = PageMaker(config)
        converter = Autograde(config=config)
        self._exporter = converter.exporter_class(parent=converter, config=converter.config)
        self._exporter._preprocessors = []
        for step in (*converter.sanitize_preprocessors, *converter.autograde_preprocessors):
            if not (isinstance(step, type) and issubclass(step, (AssignLatePenalties, CheckCellMetadata))):
                self._exporter.register_preprocessor(step)

    def __reduce__(self) -> Any:
        return Conversion, (self._config, self._masters)

    def convert(self, learner: str, notebook: NotebookNode, verdict: Verdict) -> Converted:
        """The graded notebook of a restored one, which stays as it is.

        Raises:
            VerdictError: the two do not belong together.
        """
        name = verdict.assignment
        rows = _Submission(self._masters[name])
        about = {"student": learner, "assignment": name, "notebook": name, "db_url": rows}
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
            {
                name: None if grade.auto_score is None else float(grade.auto_score)
                for name, grade in rows.grades.items()
            },
            {name: comment.auto_comment for name, comment in rows.comments.items()},
        )

    def page(self, learner: str, converted: Converted, verdict: Verdict, wanted: Wanted) -> Page | None:
        """The feedback page, right as soon as the gradebook has this, unless it takes off for being late.

        None where the page there shows all of it already.
        """
        marks = {}
        for name, most in self._masters[verdict.assignment].points.items():
            row = wanted.recorded.marks.get(name, Mark.blank(most)).row()
            same = converted.answers.get(name, "") == wanted.known.get(name)
            record_score(row, converted.scores.get(name), same=same, look=name in verdict.look)
            marks[name] = Mark.of(row)
        written = {name: by_hand for name, (_, by_hand) in wanted.recorded.comments.items()}
        comments = {name: (one, written.get(name)) for name, one in converted.comments.items()}
        recorded = replace(wanted.recorded, marks=marks, comments=comments)
        asked = verdict.assignment, converted.text, recorded, wanted.told
        there = wanted.told.there
        shown = there is not None and there.shown == mark_of(*asked).shown
        return None if shown else self._pages.make(learner, *asked)
