"""A lesson as it is taught: its master, after what `course.toml` decides on it.

By default predictions earn their points for committing, and the lesson then runs the very things that were
predicted; where they count for being right, it runs others. And an exercise may be worth other points:

    [predictions]
    points-for = "committing"    # or "being right"

    [points]
    tiny_resnet = 8
    explain_skip = 0             # optional: it is graded, and does not count
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from autograder.names import did_you_mean
from autograder.settings import FILE, PointsFor, SettingError, Settings

# A cell with one of these tags belongs to lessons with that setting alone.
TAGS: Mapping[PointsFor, str] = {"committing": "reveal", "being right": "right-or-wrong-later"}
# How a lesson says points: below the heading of an exercise, and in all.
_POINTS = re.compile(r"(?m)^\*[\d.]+ points?(?=, )")
_IN_ALL = re.compile(r"(?<=\*\*Points:\*\* )\d+(\.\d+)?")


def as_taught(settings: Settings, master: Mapping[str, Any]) -> dict[str, Any]:
    """The notebook without the cells of the other setting, and with the points of this course."""
    others = {tag for setting, tag in TAGS.items() if setting != settings.points_for}
    cells = [cell for cell in master["cells"] if not others & set(cell["metadata"].get("tags", ()))]
    return {**master, "cells": _with_points(settings.points, cells)}


def refuse_unknown_points(root: Path, settings: Settings, masters: Iterable[Mapping[str, Any]]) -> None:
    """Refuse points of what is no exercise of these lessons.

    Raises:
        SettingError: there are some.
    """
    known = [name for master in masters for cell in master["cells"] if (name := _graded(cell))]
    for name in settings.points:
        if name not in known:
            meant = did_you_mean(name, known) or f"there are {', '.join(known)}"
            raise SettingError(f"{root / FILE}: no exercise is called {name!r}; {meant}")


def _graded(cell: Any) -> str:
    """The exercise that has its points in this cell, or nothing."""
    rules = cell["metadata"].get("nbgrader", {})
    return str(rules["grade_id"]).removesuffix("_check") if rules.get("grade") or rules.get("task") else ""


def _with_points(points: Mapping[str, float], cells: list[Any]) -> list[Any]:
    """The cells with these points, in what nbgrader knows and in what learners read."""
    if points.keys().isdisjoint(map(_graded, cells)):
        return cells
    cells = deepcopy(cells)
    said, in_all = None, 0.0  # the text that says the points of what is graded next
    for cell in cells:
        if cell["cell_type"] == "markdown" and _POINTS.search("".join(cell["source"])):
            said = cell
        if name := _graded(cell):
            rules = cell["metadata"]["nbgrader"]
            if name in points:
                rules["points"] = points[name]
                _say(said, _POINTS, f"*{_in_words(points[name])}")
            said, in_all = None, in_all + float(rules.get("points") or 0)
    _say(cells[0], _IN_ALL, f"{in_all:g}")
    return cells


def _say(cell: Any, pattern: re.Pattern[str], words: str) -> None:
    if cell is not None:
        cell["source"] = pattern.sub(words, "".join(cell["source"]), count=1)


def _in_words(points: float) -> str:
    return f"{points:g} point{'s' * (points != 1)}" if points else "Optional, no points"
