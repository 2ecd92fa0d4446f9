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
from autograder.exercises import LESSON_OF
from sumskip.checking.key import Key, KeyFileError, public_key

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
    except KeyFileError as error:
        raise MasterError(
            f"{path}: a key of its exercises cannot be read ({error}); make it with python -m autograder keys"
        ) from error
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
    # By the keys that checks are answered from: an exercise itself brings PyTorch along.
    expected = {
        f"{name}_check": public_key(name) for name, lesson in LESSON_OF.items() if lesson == assignment
    }
    strange = ", ".join(name for name in tests if name not in expected)  # of another lesson, or of none
    for name, key in expected.items():
        if problem := _unsolved(key, solutions.get(key.exercise)):
            return problem
        if name not in tests:
            there = f"only {strange}" if strange else "none"
            return (
                f"the exercise {key.exercise} expects a test cell with the grade_id {name}, but there is "
                f"{there}; name it so, or take the exercise out of {_ORDER}"
            )
        if problem := _untested(key, tests[name]):
            return problem
    if strange:
        return (
            f"expected no test cells but those of the lesson's exercises ({', '.join(expected) or 'none'}), "
            f"but there is {strange}; add its exercise to {_ORDER}, or have the cell marked by hand"
        )
    return ""


def _unsolved(key: Key, cell: Any) -> str:
    if cell is None:
        return (
            f"the exercise {key.exercise} expects a solution cell with that grade_id, but there is none; "
            f"name it so, or take the exercise out of {_ORDER}"
        )
    _, begun, rest = text_of(cell).partition("### BEGIN SOLUTION")
    if not begun or "### END SOLUTION" not in rest:
        return (
            f"the solution cell {key.exercise} expects its answer between ### BEGIN SOLUTION and "
            "### END SOLUTION, but has no such region; put these lines around what learners are to write"
        )
    return ""


def _untested(key: Key, cell: Any) -> str:
    name = f"{key.exercise}_check"
    points = float(cell["metadata"]["nbgrader"].get("points") or 0)
    if not math.isclose(points, key.points):
        return (
            f"the test cell {name} gives {points:g} points, but the parts of the exercise add up to "
            f"{key.points:g}; change the cell, or autograder/exercises/{key.exercise}.py and, with python -m "
            f"autograder keys {key.exercise}, its key"
        )
    call = f'check("{key.exercise}", {key.symbol})'
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
