"""What stands in a notebook that was handed in, as plain text.

Parsing what a stranger wrote is the sandbox's work: a grader's own process gets the `Outline` alone,
and reads it with `Outline.from_json`, which believes nothing either. In the texts of cells, pictures have
names of ours, `attachment:picture-1`; what they show comes out by itself (`pictures.drawn_anew`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import Any

import numpy as np

from sumskip.checking.core import Array

from .pictures import REFERENCE, Gathered

MOST_CELLS = 1_000
MOST_SOURCE = 200_000  # characters in a cell
MOST_SOURCES = 1_000_000  # characters in all cells together
MOST_DEPTH = 40  # of JSON, with the widget states that notebooks carry
MOST_VALUES = 2_000_000  # of JSON: the numbers of some large interactive plots
MOST_ID = 200

# A string of JSON, also one that never ends: so that no byte is looked at twice.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)

# How files begin that are handed in for a notebook.
_KINDS = {b"<": "a web page", b"PK\3\4": "a zip", b"\x1f\x8b": "an archive"}


class OutlineError(ValueError):
    """These bytes are no notebook that can be read. One line: what was expected, what came, what to do.

    `shown` are the texts that a person can read of them all the same.
    """

    def __init__(self, message: str, shown: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.shown = shown


@dataclass(frozen=True)
class HandedCell:
    """All that counts of a cell as handed in; `kind` is "code" or "markdown"."""

    kind: str
    source: str
    id: str | None
    grade_id: str | None


@dataclass(frozen=True)
class Outline:
    """The cells of a notebook, and the version of the course it says it was made with."""

    cells: tuple[HandedCell, ...]
    version: str | None = None
    pictures: Mapping[str, Array] = field(default_factory=dict)  # (H, W, 3), uint8, by the name in a text

    def named_pictures(self) -> list[str]:
        """The names of pictures in the texts of cells."""
        texts = (cell.source for cell in self.cells if cell.kind == "markdown")
        return list(dict.fromkeys(name for text in texts for name in REFERENCE.findall(text)))

    def with_pictures(self, pictures: Mapping[str, Array], why_not: Callable[[str], str]) -> Outline:
        """The outline with its pictures; where one is missing, the text says why."""

        def said(found: re.Match[str]) -> str:
            return found[0] if found[1] in pictures else f"left out: {why_not(found[1])}"

        cells = [
            replace(cell, source=REFERENCE.sub(said, cell.source)) if cell.kind == "markdown" else cell
            for cell in self.cells
        ]
        return replace(self, cells=tuple(cells), pictures=pictures)

    def to_json(self) -> dict[str, Any]:
        return {"version": self.version, "cells": [astuple(cell) for cell in self.cells]}

    @classmethod
    def from_json(cls, data: Any) -> Outline:
        """Read what `to_json` made on the other side of the wall.

        Raises:
            OutlineError: it cannot have come from there.
        """
        cells, version = data.get("cells"), data.get("version")
        sound = isinstance(cells, list) and len(cells) <= MOST_CELLS and _is_text(version, MOST_ID)
        if not sound or not all(map(_is_cell, cells)):
            raise OutlineError("expected a notebook, got what cannot be read; save it again in JupyterLab")
        return cls(tuple(HandedCell(*cell) for cell in cells), version)


def _is_text(value: Any, most: int) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= most)


def _is_cell(value: Any) -> bool:
    if not (isinstance(value, list) and len(value) == 4 and value[0] in ("code", "markdown")):
        return False
    _, source, *ids = value
    return isinstance(source, str) and len(source) <= MOST_SOURCE and all(_is_text(id, MOST_ID) for id in ids)


def read_outline(raw: bytes, gathered: Gathered | None = None) -> Outline:
    """The outline of a notebook file's bytes; the pictures that it names are in `gathered`, as they came.

    Raises:
        OutlineError: they are no notebook of format 4, or it is too large.
    """
    data = _parse(raw)
    cells = data["cells"]
    if len(cells) > MOST_CELLS:
        raise OutlineError(
            f"expected at most {MOST_CELLS} cells, got {len(cells)}; hand in the lesson's own notebook"
        )
    cells = [cell for cell in cells if isinstance(cell, dict)]
    gathered = gathered or Gathered()
    texts = _texts(cells, gathered)
    found = []
    room = MOST_SOURCES
    for cell, source in zip(cells, texts, strict=True):
        kind = "code" if cell.get("cell_type") == "code" else "markdown"
        if len(source) > MOST_SOURCE:
            raise OutlineError(
                f"expected at most {MOST_SOURCE} characters in a cell, got {len(source)}; shorten it"
            )
        room -= len(source)
        if room < 0:
            raise OutlineError(f"expected at most {MOST_SOURCES} characters in all cells; shorten them")
        # Colab keeps a cell's id in its metadata.
        name = _id(cell.get("id")) or _id(_inner(cell, "metadata", "id"))
        found.append(HandedCell(kind, source, name, _grade_id(cell)))
    if (rest := gathered.rest()) and len(found) < MOST_CELLS:
        found.append(HandedCell("markdown", f"*These pictures lay beside the notebook:*{rest}", None, None))
    return Outline(tuple(found), _id(_inner(data, "metadata", "sumskip", "version")))


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        text = _decoded(raw)
        _check_budget(text.encode(errors="replace"))
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        why = " ".join(str(error).split())[:120] or "nested too deeply"
        raise OutlineError(
            f"expected a notebook (JSON), got {_kind(raw)} ({why}); save it again in JupyterLab"
        ) from None
    if not isinstance(data, dict) or data.get("nbformat") != 4 or not isinstance(data.get("cells"), list):
        raise OutlineError(
            "expected a notebook of format 4 with cells, got other JSON; save it again in JupyterLab"
        )
    return data


def _check_budget(raw: bytes) -> None:
    """Depth and number of values, from the brackets and commas alone, before anything is parsed."""
    signs = np.frombuffer(_STRING.sub(b"", raw), np.uint8)
    opening = np.isin(signs, tuple(b"[{"))
    steps = opening.astype(np.int32) - np.isin(signs, tuple(b"]}"))
    if np.cumsum(steps).max(initial=0) > MOST_DEPTH:
        raise ValueError("nested too deeply")
    if np.count_nonzero(opening) + np.count_nonzero(signs == ord(",")) > MOST_VALUES:
        raise ValueError("too many values")


def _decoded(raw: bytes) -> str:
    """The text of a file: of UTF-8, -16 or -32, whatever its mark; a sign that is none becomes "\ufffd"."""
    return raw.decode(json.detect_encoding(raw), errors="replace").removeprefix("\ufeff")


def _kind(raw: bytes) -> str:
    """What a file is that is no JSON, as a person calls it."""
    if not raw.strip():
        return "an empty file"
    for start, kind in _KINDS.items():
        if raw.lstrip().startswith(start):
            return kind
    return "one that a version control has merged badly" if b"\n<<<<<<< " in raw else "something else"


def _texts(cells: list[dict[str, Any]], gathered: Gathered) -> list[str]:
    """The text of each cell; the pictures of nbgrader's are gathered first, for there is room for so many."""
    texts = [_joined(cell.get("source")) for cell in cells]
    for index in sorted(range(len(cells)), key=lambda index: _grade_id(cells[index]) is None):
        if cells[index].get("cell_type") != "code":
            texts[index] = gathered.text(texts[index], cells[index].get("attachments"))
    return texts


def _grade_id(cell: dict[str, Any]) -> str | None:
    return _id(_inner(cell, "metadata", "nbgrader", "grade_id"))


def _joined(value: Any) -> str:
    if isinstance(value, list):
        value = "".join(line for line in value if isinstance(line, str))
    return _whole_characters(value) if isinstance(value, str) else ""


def _id(value: Any) -> str | None:
    return _whole_characters(value)[:MOST_ID] if isinstance(value, str) else None


def _whole_characters(text: str) -> str:
    return text.encode(errors="replace").decode()  # JSON can hold half a character: "\ud800"


def _inner(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


# The texts of cells, also in a file that breaks off; format 3 calls them `input`.
_LINE = re.compile(r'"((?:[^"\\]|\\.)*+)"?', re.DOTALL)
_TEXTS = re.compile(
    r'"(?:source|input)"\s*:\s*(\[(?:[\s,]*+"(?:[^"\\]|\\.)*+"?)*+|"(?:[^"\\]|\\.)*+)', re.DOTALL
)


def salvaged(raw: bytes) -> list[str]:
    """What a person can read of bytes that are no notebook: the texts of its cells, or else all of it."""
    text = _decoded(raw)
    texts = ["".join(map(_unquoted, _LINE.findall(found))) for found in _TEXTS.findall(text)]
    if not texts and text.count("\ufffd") + text.count("\0") <= len(text) // 10:
        texts = [text]
    room, kept = MOST_SOURCES, []
    for text in texts[:MOST_CELLS]:
        kept.append(_whole_characters(text[: min(room, MOST_SOURCE)]))
        room -= len(kept[-1])
    return kept


def _unquoted(line: str) -> str:
    try:
        return str(json.loads(f'"{line}"', strict=False))
    except ValueError:  # it breaks off in the middle of a sign
        return line
