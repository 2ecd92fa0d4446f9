"""From the learning-management system to `submitted/`, and from the gradebook and `feedback/` back to it."""

from __future__ import annotations

from collections.abc import Sequence


class LmsError(Exception):
    """It cannot be done as asked. One line: what was expected, what came, what to do."""


def few(names: Sequence[str], most: int = 10) -> str:
    """Some names, and how many more there are."""
    more = len(names) - most
    return f"{', '.join(names[:most])} and {more} more" if more > 0 else ", ".join(names)
