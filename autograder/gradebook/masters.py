"""An assignment's master as nbgrader is to see it: one notebook, whose cells stay."""

from __future__ import annotations

import json
from pathlib import Path

from nbgrader.api import Assignment, Gradebook, Notebook
from traitlets.log import get_logger


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
    for stray in _notebooks(gradebook, assignment):
        marks = [grade for handed_in in stray.submissions for grade in handed_in.grades]
        comments = [comment for handed_in in stray.submissions for comment in handed_in.comments]
        marked = any(grade.manual_score is not None or grade.extra_credit for grade in marks)
        marked = marked or any(comment.manual_comment for comment in comments)
        if stray.name != assignment and not marked:
            gradebook.remove_notebook(stray.name, assignment)


def changed_cells(gradebook: Gradebook, assignment: str, master: Path) -> str:
    """What differs between the cells that the gradebook holds and those of the master, by name."""
    held = {notebook.name: notebook for notebook in _notebooks(gradebook, assignment)}
    rules = [cell["metadata"].get("nbgrader", {}) for cell in json.loads(master.read_bytes())["cells"]]
    now = {
        kind: {rule["grade_id"] for rule in rules if rule.get(kind)}
        for kind in ("grade", "solution", "locked", "task")
    }
    before = now
    if one := held.get(assignment):
        before = {
            "grade": {cell.name for cell in one.grade_cells},
            "solution": {cell.name for cell in one.solution_cells},
            "task": {cell.name for cell in one.task_cells},
            "locked": {cell.name for cell in one.source_cells if cell.locked},
        }
    names, earlier = set().union(*now.values()), set().union(*before.values())
    differ = {name for kind in now for name in now[kind] ^ before[kind]}
    changes = {
        "added": names - earlier,
        "taken away": earlier - names,
        "of another kind": differ & names & earlier,
        "another notebook": held.keys() - {assignment},
    }
    return "; ".join(f"{what}: {', '.join(sorted(who))}" for what, who in changes.items() if who)


def _notebooks(gradebook: Gradebook, assignment: str) -> list[Notebook]:
    query = gradebook.db.query(Notebook).join(Assignment)
    return list(query.filter(Assignment.name == assignment))
