"""Answers in words: what of a notebook may be one, so that whoever marks it sees it, and its pictures.

Nobody's answer is 0 because it stands in another place than the one for it. Where nothing is written in that
place, all that may be the answer is shown there, and the changed text makes nbgrader ask a person.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from autograder.engine.inside.notebook import HandedCell
from autograder.engine.inside.pictures import REFERENCE
from autograder.engine.ours import OurCell, rules_of, text_of, words
from sumskip.checking.core import Array

_ELSEWHERE = "*Nothing is written here. This stands elsewhere in the notebook and may be the answer:*"
_MOST_SHOWN = 20_000  # characters of what stands elsewhere, or in no notebook
_UNREAD = "*What was handed in could not be read. What can be seen of it stands at the top of this page.*"


def answer_in_words(one: OurCell, named: Sequence[HandedCell], others: Sequence[HandedCell]) -> str:
    """The text of a written answer.

    Args:
        one: the master's cell.
        named: the cells that were handed in for it; of a cell that was split, all parts are the answer.
        others: cells of the learner's own that may be the answer where none of these is.
    """
    answers = [cell.source for cell in named if not one.untouched(cell.source)]
    if answers:
        return "\n\n".join(dict.fromkeys(answers))
    template = named[0].source if named else ""
    found = [_as_text(cell) for cell in others if not one.untouched(cell.source)]
    if not found:
        return template
    return "\n\n".join((template, _ELSEWHERE, *found))[:_MOST_SHOWN].strip()


def _as_text(cell: HandedCell) -> str:
    return cell.source if cell.kind == "markdown" else _indented(cell.source)


def _indented(text: str) -> str:
    """A text that markdown shows as it was typed."""
    return "\n".join(f"    {line}" for line in text.split("\n"))


class Around:
    """What of a notebook is the learner's own, beside an answer and elsewhere."""

    def __init__(self, master: Any, cells: Sequence[HandedCell]) -> None:
        self.cells = cells
        self._ids = {cell.get("id") for cell in master["cells"]}
        locked = [cell for cell in master["cells"] if not rules_of(cell).get("solution")]
        self._texts = {words(text_of(cell)) for cell in locked}

    def new(self, index: int) -> bool:
        """Whether a cell's text is none of those that learners are given to read or to run."""
        return words(self.cells[index].source) not in self._texts

    def _own(self, index: int) -> bool:
        cell = self.cells[index]
        return cell.grade_id is None and cell.id not in self._ids and self.new(index)

    def of(self, one: OurCell) -> list[HandedCell]:
        """What may be an answer to `one`: text of the learner's own anywhere, code next to its place.

        Next to its place a learner may also have written into a cell of ours: into the question, say.
        """
        places = [index for index, cell in enumerate(self.cells) if cell.grade_id == one.grade_id]
        near: set[int] = set()
        for place in places:
            for step in (-1, 1):
                index = place + step
                while 0 <= index < len(self.cells) and (self._own(index) or index in places):
                    near.add(index)
                    index += step
                near.add(index)
        return [
            cell
            for index, cell in enumerate(self.cells)
            if index not in places
            and (
                (self._own(index) and (cell.kind == "markdown" or index in near))
                or (index in near and cell.kind == "markdown" and self.new(index))
            )
        ]


def attachments(source: str, pictures: Mapping[str, Array]) -> NotebookNode:
    """The pictures that a text names, as a notebook holds them."""
    names = dict.fromkeys(REFERENCE.findall(source))
    return NotebookNode({name: _encoded(pictures[name]) for name in names if name in pictures})


def _encoded(picture: Array) -> NotebookNode:
    """A drawing as PNG, a photograph as JPEG; `picture` is (H, W, 3), uint8."""
    from PIL import Image  # not for every notebook

    image, file = Image.fromarray(picture), io.BytesIO()
    kind = "PNG" if image.getcolors(64) else "JPEG"
    image.save(file, kind, quality=85, optimize=True)
    return NotebookNode({f"image/{kind.lower()}": base64.b64encode(file.getvalue()).decode()})


def unread(released: NotebookNode, reason: str, shown: Sequence[str] = ()) -> NotebookNode:
    """The release with what can be seen of a file that no notebook could be read from.

    Of `shown`, the texts that are in the release as well are left out. The places of answers are changed,
    so that a person looks at each answer in words before it is 0.
    """
    made: NotebookNode = NotebookNode({**released, "cells": []})
    about = f"**What was handed in could not be read as this lesson's notebook.** {reason}"
    known = {words(cell.source) for cell in released.cells} | {()}
    if texts := [text for text in shown if words(text) not in known]:
        text = _indented("\n\n".join(texts)[:_MOST_SHOWN])
        about += f"\n\nWhat is in it, as far as it is text and not the lesson's own:\n\n{text}"
    made.cells.append(new_markdown_cell(about, id="handed-in"))
    for cell in deepcopy(released.cells):  # what is recorded is written into cells, and the release is shared
        rules = rules_of(cell)
        if rules.get("task") or rules.get("solution"):  # as released, it would pass for no response
            cell.source = _UNREAD if cell.cell_type == "markdown" else f"# {_UNREAD.strip('*')}"
        made.cells.append(cell)
    return made
