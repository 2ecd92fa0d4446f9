"""Rows for nbgrader's steps, where no database is.

Steps ask the gradebook for one row after the other, and commit after each. They can be given the rows
beforehand, and what they set is read off afterwards.
"""

from __future__ import annotations

import importlib
from typing import Any

from nbgrader.api import Gradebook

# Where steps look nbgrader's class up to open the gradebook at the address they were given.
_OPENED_IN = ("getgrades", "overwritecells", "overwritekernelspec", "saveautogrades")


class Rows:
    """In the place of a gradebook: a step that is given one for an address finds these rows in it."""

    def __init__(self) -> None:
        self.db = self

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def commit(self) -> None:
        """Nothing is kept but in `self`."""


def _open(address: Any, *rest: Any, **more: Any) -> Any:
    return address if isinstance(address, Rows) else Gradebook(address, *rest, **more)


for _name in _OPENED_IN:
    importlib.import_module(f"nbgrader.preprocessors.{_name}").Gradebook = _open  # type: ignore[attr-defined]
