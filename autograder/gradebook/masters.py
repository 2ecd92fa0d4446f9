"""An assignment's master as nbgrader is to see it: one notebook, whose cells stay."""

from __future__ import annotations

import json
from pathlib import Path

from nbgrader.api import Assignment, Gradebook, Notebook
from sqlalchemy.orm import Session
from traitlets.log import get_logger

_KINDS = ("grade", "solution", "task", "locked")


def the_master_alone(assignment: str, student: str, notebooks: list[str]) -> None:
    """nbgrader's hook before it converts: `notebooks`, its list of files, keeps NAME.ipynb of NAME.

    nbgrader takes every notebook in the folder of an assignment: a copy that an editor has left there would
    count its points a second time.
    """
    masters = [path for path in notebooks if Path(path).stem == Path(path).parent.name]
    others = sorted(Path(path).name for path in notebooks if path not in masters)
    if masters and others:
        notebooks[:] = masters
        get_logger().warning(
            "%s is the assignment; beside it and not taken: %s", Path(masters[0]).name, ", ".join(others)
        )


def drop_strays(gradebook: Gradebook, assignment: str) -> None:
    """Take out of the gradebook what nbgrader once took for further notebooks of an assignment.

    Nobody hands them in, so all they hold is zeros; one in which a person has marked something stays.
    """
    for notebook in _notebooks(gradebook.db, assignment):
        if notebook.name != assignment and not _marked(notebook):
            gradebook.remove_notebook(notebook.name, assignment)


def _marked(notebook: Notebook) -> bool:
    marks = [grade for handed_in in notebook.submissions for grade in handed_in.grades]
    comments = [comment for handed_in in notebook.submissions for comment in handed_in.comments]
    marked = any(grade.manual_score is not None or grade.extra_credit for grade in marks)
    return marked or any(comment.manual_comment for comment in comments)


def changed_cells(db: Session, assignment: str, master: Path) -> str:
    """What differs, by name, between a master's cells and those that submissions were recorded with."""
    held = {notebook.name: notebook for notebook in _notebooks(db, assignment)}
    strays = {name for name, notebook in held.items() if name != assignment and _marked(notebook)}
    one = held.get(assignment)
    if not strays and (one is None or not one.submissions):
        return ""
    rules = [cell["metadata"].get("nbgrader", {}) for cell in json.loads(master.read_bytes())["cells"]]
    now = {kind: {rule["grade_id"] for rule in rules if rule.get(kind)} for kind in _KINDS}
    before = now
    if one is not None:
        before = {
            "grade": {cell.name for cell in one.grade_cells},
            "solution": {cell.name for cell in one.solution_cells},
            "task": {cell.name for cell in one.task_cells},
        }
        before["locked"] = {cell.name for cell in one.source_cells} - set().union(*before.values())
        now["locked"] -= now["grade"] | now["solution"] | now["task"]
    names, earlier = set().union(*now.values()), set().union(*before.values())
    differ = {name for kind in now for name in now[kind] ^ before[kind]}
    changes = {
        "added": names - earlier,
        "taken away": earlier - names,
        "of another kind": differ & names & earlier,
        "another notebook": strays,
    }
    return "; ".join(f"{what}: {', '.join(sorted(who))}" for what, who in changes.items() if who)


def _notebooks(db: Session, assignment: str) -> list[Notebook]:
    return list(db.query(Notebook).join(Assignment).filter(Assignment.name == assignment))
