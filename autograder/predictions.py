"""What predictions earn their points for: a setting of the course, and the cells that go with it.

By default for committing, and the lesson then runs the very things that were predicted. Where they count for
being right, it runs others. `course.toml` says which:

    [predictions]
    points-for = "committing"    # or "being right"
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograder.settings import PointsFor

# A cell with one of these tags belongs to lessons with that setting alone.
TAGS: Mapping[PointsFor, str] = {"committing": "reveal", "being right": "right-or-wrong-later"}


def cells_for(setting: PointsFor, notebook: Mapping[str, Any]) -> dict[str, Any]:
    """The notebook without the cells of the other setting."""
    others = {tag for other, tag in TAGS.items() if other != setting}
    kept = [cell for cell in notebook["cells"] if not others & set(cell["metadata"].get("tags", ()))]
    return {**notebook, "cells": kept}
