"""Text of a learner's as it may stand in a page: nothing unseen in it, and never more than there is room for.

A character that controls, formats or turns the reading direction is shown by its number, so that a line
of code reads as Python reads it.
"""

from __future__ import annotations

import re
import unicodedata

MOST_TEXT = 20_000  # characters that a page or a graded notebook takes from one text
MOST_OUTPUT = 200_000  # and from all that the cells of one submission put out
_MOST_MARKS = 4  # accents on one letter: Vietnamese, Hebrew and Thai need up to three or four
_WRAPPING = 200  # characters around a text, for which even an empty one pays

_OTHER = re.compile(r"[^\n\t\x20-\x7e]+")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # letters without ink: two of them may be a variable's name


def visible(text: str) -> str:
    """`text` in which everything that has no look of its own is shown as `[U+202E]`, but `\\n` and `\\t`.

    Terminal colours go, other line ends become `\\n`, and so many accents on one letter that they would
    reach the lines above are shown by number too.
    """
    return _OTHER.sub(_shown, _COLOUR.sub("", text).replace("\r\n", "\n").replace("\r", "\n"))


def _shown(run: re.Match[str]) -> str:
    """Characters in a row that are not those of plain ASCII text, on whose letters a new count begins."""
    shown, marks = [], 0
    for character in run[0]:
        kind = unicodedata.category(character)
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        unseen = kind in _UNSEEN or character in _BLANK or marks > _MOST_MARKS
        shown.append(f"[U+{ord(character):04X}]" if unseen else character)
    return "".join(shown)


def capped(text: str, most: int = MOST_TEXT) -> str:
    """The beginning of `text`, made visible, with a note of how much was left out."""
    shown = visible(text[:most])
    return f"{shown}\n… {len(text) - most} more characters are not shown." if len(text) > most else shown


class Room:
    """The characters that are left for the texts of one page, or of one notebook."""

    def __init__(self, characters: int) -> None:
        self.left = characters

    def take(self, text: str, most: int = MOST_TEXT) -> str:
        """As much of `text` as there is room for, made visible."""
        shown = capped(text, max(0, min(most, self.left)))
        self.left -= len(shown) + _WRAPPING
        return shown

    def holds(self, size: int) -> bool:
        """Whether something that cannot be cut still fits; if so, its place is taken."""
        if size > self.left:
            return False
        self.left -= size + _WRAPPING
        return True
