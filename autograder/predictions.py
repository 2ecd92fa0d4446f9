"""What predictions earn their points for: a setting of the course, and the cells that go with it.

By default for committing, and the lesson then runs the very things that were predicted. Where they count for
being right, it runs others. `pyproject.toml` of the course root says which:

    [tool.sumskip]
    prediction-points = "committing"    # or "being right"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args

PointsFor = Literal["committing", "being right"]
# A cell with one of these tags belongs to lessons with that setting alone.
TAGS: Mapping[PointsFor, str] = {"committing": "reveal", "being right": "right-or-wrong-later"}


class SettingError(Exception):
    """The course's setting does not exist. One line: what was expected, what came."""


def points_for(root: Path) -> PointsFor:
    """The setting of the course in `root`.

    Raises:
        SettingError: it is none of the two.
    """
    path = root / "pyproject.toml"
    if not path.is_file():
        return "committing"
    table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("sumskip", {})
    for setting in get_args(PointsFor):
        if table.get("prediction-points", "committing") == setting:
            return cast(PointsFor, setting)
    expected = " or ".join(f'"{setting}"' for setting in get_args(PointsFor))
    raise SettingError(f"{path}: prediction-points expects {expected}; {table['prediction-points']!r} came")


def cells_for(setting: PointsFor, notebook: Mapping[str, Any]) -> dict[str, Any]:
    """The notebook without the cells of the other setting."""
    others = {tag for other, tag in TAGS.items() if other != setting}
    kept = [cell for cell in notebook["cells"] if not others & set(cell["metadata"].get("tags", ()))]
    return {**notebook, "cells": kept}
