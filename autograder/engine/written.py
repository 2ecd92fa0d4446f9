"""Answers in words: what of a notebook may be one, so that whoever marks it sees it, and its pictures.

Nobody's answer is 0 because it stands in another place than the one for it. Where nothing is written in that
place, all that may be the answer is shown there, and the changed text makes nbgrader ask a person.
"""

from __future__ import annotations

import base64
import io
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from autograder.engine.inside.notebook import HandedCell
from autograder.engine.inside.pictures import REFERENCE
from autograder.engine.ours import TEXT_STUB, OurCell, rules_of, text_of, words
from sumskip.checking.core import Array

_ELSEWHERE = "*Nothing is written here. This stands elsewhere in the notebook and may be the answer:*"
_MOST_SHOWN = 20_000  # characters of what stands elsewhere, or in no notebook
_UNREAD = "*What was handed in could not be read. What can be seen of it stands at the top of this page.*"

_WORD = re.compile(r"\w+")
_NEW = 3  # words in a line of the lesson's that are more than a slip or a mark
_OPEN: Counter[str] = Counter()  # a line that ends in "…": learners complete it, for themselves
_SENTENCE = re.compile(r"(?:[^\W\d_]{1,30} ){7}[^\W\d_]")  # eight words in a row: hardly code


def answer_in_words(one: OurCell, named: Sequence[HandedCell], elsewhere: Sequence[str]) -> str:
    """The text of a written answer.

    Args:
        one: the master's cell.
        named: the cells that were handed in for it; of a cell that was split, all parts are the answer.
        elsewhere: texts of the learner's own that may be the answer where none of these is.
    """
    answers = [cell.source for cell in named if not one.untouched(cell.source)]
    if answers:
        return "\n\n".join(dict.fromkeys(answers))
    # An emptied or deleted place is as blank as the one that was released: nobody has to look at it.
    template = TEXT_STUB if not one.released else named[0].source if named else ""
    found = [text for text in elsewhere if not one.untouched(text)]
    if not found:
        return template
    return "\n\n".join((template, _ELSEWHERE, *found))[:_MOST_SHOWN].strip()


def _indented(text: str) -> str:
    """A text that markdown shows as it was typed."""
    return "\n".join(f"    {line}" for line in text.split("\n"))


class Around:
    """What of a notebook is the learner's own, beside an answer in words and elsewhere."""

    def __init__(self, master: Any, cells: Sequence[HandedCell]) -> None:
        self.cells = cells
        ids = {cell.get("id") for cell in master["cells"]}
        locked = [cell for cell in master["cells"] if not rules_of(cell).get("solution")]
        self._texts = {words(text_of(cell)) for cell in locked}
        self._lines: dict[tuple[str, ...], list[Counter[str]]] = {}
        for cell in locked:
            for line in text_of(cell).split("\n") if cell["cell_type"] != "code" else ():
                begun = self._lines.setdefault(_begins(line), [])
                begun.append(_OPEN if line.rstrip().endswith("…") else Counter(_WORD.findall(line)))
        everywhere = enumerate(cells)
        self._own = [c.grade_id is None and c.id not in ids and self.new(i) for i, c in everywhere]

    def new(self, index: int) -> bool:
        """Whether a cell's text is none of those that learners are given to read or to run."""
        return words(self.cells[index].source) not in self._texts

    def parts(self, one: OurCell, places: Sequence[int]) -> list[int]:
        """The learner's own text right below what is written in `places`: an answer goes on there."""
        found = []
        for place in places:
            index = place + 1
            while not one.untouched(self.cells[place].source) and self._is_own_text(index):
                found.append(index)
                index += 1
        return found

    def _is_own_text(self, index: int) -> bool:
        return index < len(self.cells) and self._own[index] and self.cells[index].kind == "markdown"

    def of(self, places: Collection[int], answering: Collection[int]) -> list[str]:
        """What may be an answer whose places are these: text of the learner's own anywhere, code near them.

        Next to its place (anywhere, where that was deleted) a learner may also have written into a cell of
        ours: into the question, say. Of code that stands elsewhere, what reads like a sentence counts, unless
        it is `answering` an exercise.
        """
        places = set(places)
        near, found = self._near(places), []
        for index, cell in enumerate(self.cells):
            own = self._own[index]
            if index in places:
                continue
            if cell.kind == "markdown":
                if own or index in near or not places:
                    found.append(self._written(cell.source))
            elif own and index not in answering and (index in near or _SENTENCE.search(cell.source)):
                found.append(_indented(cell.source))
        return [text for text in found if _WORD.search(text)]

    def _near(self, places: set[int]) -> set[int]:
        """The cells next to `places`, with what is the learner's own in between."""
        near: set[int] = set()
        run: list[int] = []
        for index in range(len(self.cells) + 1):
            if index < len(self.cells) and (self._own[index] or index in places):
                run.append(index)
                continue
            if not places.isdisjoint(run):
                near.update((run[0] - 1, *run, index))
            run = []
        return near

    def _written(self, source: str) -> str:
        """The lines of a text that are the learner's: not the lesson's, mended or completed."""
        return "\n".join(line for line in source.split("\n") if self._is_new(line)).strip()

    def _is_new(self, line: str) -> bool:
        begins = _begins(line)
        lessons = (
            self._lines.get(begins, ()) if begins else ()
        )  # a line without words goes with its neighbours
        found = Counter(_WORD.findall(line)) if lessons else _OPEN
        return not any(known is _OPEN or (found - known).total() < _NEW for known in lessons)


def _begins(line: str) -> tuple[str, ...]:
    """The first words of a line, by which it is found again."""
    return tuple(_WORD.findall(line.casefold())[:3])


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
