"""Our steps in nbgrader's `autograde`: restore the notebook, put in the verdicts, save the scores.

`nbgrader_config.py` lists them. `python -m autograder grade` brings submission and verdict along. With plain
`nbgrader autograde` the first step has the verdict made, unless the one in `verdicts/` holds; the second
reads it.

No cell is executed here, and nothing that a learner's code printed can become a score: a check cell gets
the outputs that make nbgrader's `determine_grade` say what the report says.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from nbgrader.utils import determine_grade, is_grade, is_solution, is_task
from traitlets import Bool

from autograder.files import share_with_group
from autograder.gradebook.exchange import carry
from autograder.gradebook.page_text import MOST_OUTPUT, Room, capped
from autograder.gradebook.page_trace import TRACE
from autograder.submission.stands import digest, of_answers
from autograder.submission.verdicts import Printed, Verdict, save, verdict_path
from sumskip.checking.core import Report
from sumskip.checking.report import report_html, report_text, title_of

Resources = dict[str, Any]


class VerdictError(Exception):
    """A verdict and a notebook that do not belong together: a mistake of ours, not of the learner's."""


class RestoreSubmission(NbGraderPreprocessor):
    """Replaces what was handed in by nbgrader's cells from the master and the learner's own cells."""

    trust_submissions = Bool(
        False,
        help="Run learners' code without walls where the sandbox is missing: with all the rights you have.",
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        given = resources["nbgrader"]
        if "submission" not in given:
            from autograder.submission.plain import restored_and_graded

            root, learner, assignment, file = _place(self, resources)
            with Gradebook(given["db_url"]) as gradebook:
                cells = gradebook.find_notebook(given["notebook"], assignment).grade_cells
                points = {cell.name: cell.max_score for cell in cells}
            graded = restored_and_graded(
                root, learner, assignment, file, points, trust_submissions=self.trust_submissions
            )
            # nbgrader goes over a notebook twice, each time with resources of its own.
            self.parent.parent.graded_by_us = graded
            given["submission"] = graded.submission.notebook
            _drop_other_files(file.parent, root / "autograded" / learner / assignment)
        return given["submission"], resources


class GiveVerdicts(NbGraderPreprocessor):
    """Puts the verdict on each exercise into its check cell, and what was printed into the others."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        given = resources["nbgrader"]
        if "verdict" not in given:
            graded = self.parent.parent.graded_by_us  # by RestoreSubmission, in nbgrader's first pass
            given.update(verdict=graded.verdict, known=graded.known, keep=True)
            for warning in graded.verdict.warnings:
                self.log.warning("%s/%s: %s", given["student"], given["assignment"], warning)
        verdict = given["verdict"]
        show_verdict(nb, verdict)
        nb.metadata["sumskip"] = {
            "key": digest(dict(verdict.stands)),
            "level": verdict.level,
            "seed": verdict.seed,
        }
        return nb, resources


class SaveVerdicts(SaveAutoGrades):
    """nbgrader's SaveAutoGrades, for which silence is not full marks, and a mark by hand is the last word.

    A check cell without a verdict leaves the automatic score empty and asks for review; so does any
    other test cell, because only a check cell of ours means a judgement. A mark given by hand asks to be
    looked at again where its answer, question or points have changed, and nowhere else.
    """

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        given = resources["nbgrader"]
        answers = of_answers(nb.cells)
        self._same = {name for name, answer in answers.items() if given["known"].get(name) == answer}
        nb, resources = super().preprocess(nb, resources)
        if given.get("keep"):
            root, learner, assignment, _ = _place(self, resources)
            save(verdict_path(root, learner, assignment), replace(given["verdict"], answers=answers))
        return nb, resources

    def preprocess_cell(
        self, cell: NotebookNode, resources: Resources, cell_index: int
    ) -> tuple[NotebookNode, Resources]:
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        if is_task(cell):
            self._add_score(cell, resources)
        return cell, resources

    def _add_score(self, cell: NotebookNode, resources: Resources) -> None:
        name = cell.metadata.nbgrader["grade_id"]
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        score = None
        if not is_task(cell) and (cell.cell_type != "code" or is_solution(cell) or _judged(cell)):
            score, _ = determine_grade(cell, self.log)
        look = name in resources["nbgrader"]["verdict"].look
        record_score(grade, score, same=name in self._same, look=look)
        self.gradebook.db.commit()


def record_score(grade: Any, score: float | None, *, same: bool, look: bool) -> None:
    """Give a row of the gradebook its automatic score, and say whether a person is to look at it.

    `same`: its answer, question and points are those that its mark by hand stands on. `look`: whatever its
    points, somebody has to.
    """
    silent = grade.auto_score is None and score is None
    grade.auto_score = score
    if grade.manual_score is not None:
        grade.needs_manual_grade = grade.needs_manual_grade or not same
    elif look:
        grade.needs_manual_grade = True
    elif not (same and silent):
        grade.needs_manual_grade = score is None


def _judged(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("sumskip", {}).get("status") in ("passed", "failed"))


def show_verdict(nb: NotebookNode, verdict: Verdict) -> None:
    """Write the outputs of a graded notebook: reports below check cells, printed text below the others.

    What was printed is cut where a submission has printed too much; solution cells are served first.
    """
    reports = {f"{report.exercise}_check": report for report in verdict.reports}
    room = Room(MOST_OUTPUT)
    for cell in sorted(nb.cells, key=is_solution, reverse=True):
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        cell.metadata.pop("sumskip", None)
        if is_grade(cell) and not is_solution(cell):
            report = reports.pop(cell.metadata.nbgrader["grade_id"], None)
            if report is not None:
                _show_report(cell, report, verdict.traces.get(report.exercise))
        elif printed := verdict.printed.get(cell.get("id", "")):
            cell.outputs = list(_printed_outputs(printed, room))
    if reports:
        raise VerdictError(f"the notebook has no check cell for {', '.join(sorted(reports))}")


def _printed_outputs(printed: Printed, room: Room) -> Iterator[NotebookNode]:
    for name, text in (("stdout", printed.stdout), ("stderr", printed.stderr)):
        if text:
            yield NotebookNode(output_type="stream", name=name, text=room.take(text))
    if printed.error:
        error = capped(printed.error, 2_000)
        name, _, message = error.partition(": ")
        yield NotebookNode(output_type="error", ename=name, evalue=message, traceback=[error])


def _show_report(cell: NotebookNode, report: Report, trace: Mapping[str, Any] | None) -> None:
    """The report to read, and the score as the plain float that nbgrader turns into partial credit.

    The first hint is open, since here no second check opens it.
    """
    points = float(cell.metadata.nbgrader["points"])
    if not math.isclose(report.max_score, points):
        key = f"{report.max_score:g}"
        raise VerdictError(f"{report.exercise}: the master gives {points:g} points, the key {key}")
    if not math.isfinite(report.score):
        raise VerdictError(f"{report.exercise}: the score is {report.score}")
    html = report_html(report, opened=1, closed=len(report.hints))
    shown: dict[str, Any] = {"text/html": html, "text/plain": report_text(report, opened=1)}
    if trace:
        shown[TRACE] = trace
    cell.metadata["sumskip"] = {
        "status": report.status,
        "title": title_of(report),
        "message": report.message,
    }
    cell.outputs = [_output("display_data", shown)]
    if report.status != "not_graded":
        # nbgrader refuses the whole submission where a rounding error exceeds the points.
        score = min(max(float(report.score), 0.0), points)
        value = {"text/plain": repr(score)}
        cell.outputs.append(_output("execute_result", value, execution_count=None))


def _output(kind: str, data: dict[str, Any], **more: Any) -> NotebookNode:
    """As `nbformat.v4.new_output`, which validates each one: here the whole notebook is, at the end."""
    return NotebookNode(output_type=kind, data=NotebookNode(data), metadata=NotebookNode(), **more)


def _drop_other_files(submitted: Path, folder: Path) -> None:
    """nbgrader has copied what lay beside the notebook, also what links led to, and feedback would too."""
    for path in folder.rglob("*"):
        if not path.is_dir() and path.suffix != ".ipynb":
            path.unlink()
    carry(submitted, folder)


def _place(preprocessor: NbGraderPreprocessor, resources: Resources) -> tuple[Path, str, str, Path]:
    """The course, learner, assignment and submitted file that nbgrader's converter is working on."""
    folders: CourseDirectory = preprocessor.parent.parent.coursedir
    given = resources["nbgrader"]
    learner, assignment = given["student"], given["assignment"]
    if folders.groupshared:
        share_with_group(Path(folders.root))
    folder = Path(folders.format_path(folders.submitted_directory, learner, assignment))
    return Path(folders.root), learner, assignment, folder / f"{given['notebook']}.ipynb"
