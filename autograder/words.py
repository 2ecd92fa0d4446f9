"""What nbgrader says where it refuses a notebook: its own sentence, with the file and the cell.

nbgrader's converters write the reason into their log and raise a general sentence. Its commands show the
log; where a converter is called from here, this listens.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import Any

from traitlets.config import LoggingConfigurable


class Words(logging.Handler):
    """Keeps the error that is being handled while nbgrader logs it, and the last line that it logged."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.line = self.cell = ""
        self.error: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if error is not None:
            self.error, self.cell = error, _cell(error.__traceback__)
        elif self.error is None:
            self.line = record.getMessage()

    def sentence(self, file: Path) -> str:
        """`FILE, cell NAME: nbgrader says "…"`, as one line."""
        said = f"{self.error}" if self.error is not None else self.line
        place = f"{file}, cell {self.cell}" if self.cell else f"{file}"
        return f'{place}: nbgrader says "{" ".join(said.split())[:400]}"'


@contextmanager
def nbgraders_words(converter: LoggingConfigurable) -> Iterator[Words]:
    """Listen to what `converter` logs, and show none of it."""
    words, converter.log = Words(), logging.Logger("nbgrader")
    converter.log.addHandler(words)
    yield words


def _cell(trace: TracebackType | None) -> str:
    """The cell that a preprocessor was at, by its grade_id or its id."""
    found = ""
    for frame, _ in walk_tb(trace):
        cell: Any = frame.f_locals.get("cell")
        if isinstance(cell, dict) and "cell_type" in cell:
            grade_id = cell.get("metadata", {}).get("nbgrader", {}).get("grade_id")
            found = str(grade_id or cell.get("id") or found)
    return found
