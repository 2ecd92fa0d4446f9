"""Reads a lesson's master, and refuses one that does not fit its exercises.

Where the two disagree, every learner would pay for a slip of the instructor's.
"""

from __future__ import annotations

import ast
import json
import math
from pathlib import Path
from typing import Any

from autograder.engine.ours import rules_of, text_of
from autograder.exercises import EXERCISES
from autograder.exercises.vocabulary import Exercise

_ORDER = "autograder/exercises/__init__.py"


class MasterError(Exception):
    """A master that no submission can be graded by. One line: what was expected, what came, what to do."""


def read_master(path: Path) -> dict[str, Any]:
    """The notebook at `path`, NAME.ipynb of the assignment NAME, as plain JSON.

    Raises:
        MasterError: it is no notebook, or its cells do not fit the exercises of its lesson.
    """
    try:
        master: dict[str, Any] = json.loads(path.read_bytes())
        if not master["cells"]:
            raise ValueError("it has no cells")
        problem = _misfit(path.stem, master)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise MasterError(f"{path}: this master is not a notebook ({error})") from error
    if problem:
        raise MasterError(f"{path}: {problem}")
    return master


def _misfit(assignment: str, master: dict[str, Any]) -> str:
    """What keeps a lesson's exercises from being graded; empty where nothing does."""
    cells = [cell for cell in master["cells"] if cell["cell_type"] == "code"]
    rules = [rules_of(cell) for cell in cells]
    solutions = {r["grade_id"]: cell for cell, r in zip(cells, rules, strict=True) if r.get("solution")}
    # What is solution and test at once is marked by hand.
    tests = {
        r["grade_id"]: cell
        for cell, r in zip(cells, rules, strict=True)
        if r.get("grade") and not r.get("solution")
    }
    expected = {f"{e.name}_check": e for e in EXERCISES.values() if e.assignment == assignment}
    strange = ", ".join(name for name in tests if name not in expected)  # of another lesson, or of none
    for name, exercise in expected.items():
        if problem := _unsolved(exercise, solutions.get(exercise.name)):
            return problem
        if name not in tests:
            there = f"only {strange}" if strange else "none"
            return (
                f"the exercise {exercise.name} expects a test cell with the grade_id {name}, but there is "
                f"{there}; name it so, or take the exercise out of {_ORDER}"
            )
        if problem := _untested(exercise, tests[name]):
            return problem
    if strange:
        return (
            f"expected no test cells but those of the lesson's exercises ({', '.join(expected) or 'none'}), "
            f"but there is {strange}; add its exercise to {_ORDER}, or have the cell marked by hand"
        )
    return ""


def _unsolved(exercise: Exercise, cell: Any) -> str:
    if cell is None:
        return (
            f"the exercise {exercise.name} expects a solution cell with that grade_id, but there is none; "
            f"name it so, or take the exercise out of {_ORDER}"
        )
    _, begun, rest = text_of(cell).partition("### BEGIN SOLUTION")
    if not begun or "### END SOLUTION" not in rest:
        return (
            f"the solution cell {exercise.name} expects its answer between ### BEGIN SOLUTION and "
            "### END SOLUTION, but has no such region; put these lines around what learners are to write"
        )
    return ""


def _untested(exercise: Exercise, cell: Any) -> str:
    name = f"{exercise.name}_check"
    points = float(cell["metadata"]["nbgrader"].get("points") or 0)
    if not math.isclose(points, exercise.points):
        return (
            f"the test cell {name} gives {points:g} points, but the parts of the exercise add up to "
            f"{exercise.points:g}; change the cell, or autograder/exercises/{exercise.name}.py"
        )
    call = f'check("{exercise.name}", {exercise.symbol})'
    if _last_statement(text_of(cell)) != _last_statement(call):
        return f"the test cell {name} expects {call} as its last line, but ends otherwise; write it there"
    return ""


def _last_statement(source: str) -> str:
    """The last statement as Python would write it; empty where there is none."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return ""
    return ast.unparse(body[-1]) if body else ""
