"""Order the lines: a program whose lines are shuffled, with some that do not belong to it."""

from __future__ import annotations

from dataclasses import asdict
from html import escape

from sumskip.seeing.widgets.live import Live
from sumskip.seeing.widgets.puzzles import PUZZLES, Puzzle

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def order_lines(name: str) -> OrderedLines:
    """A program that is like a hard exercise, with its lines shuffled, to be put in order.

        order_lines("fit_alpha")
        order_lines("residual_block")

    Every order that computes the same is right. A wrong one gets a sentence about its first line that stands
    wrongly. Raises `ValueError` for an exercise without such a program.
    """
    if not isinstance(name, str) or name not in PUZZLES:
        have = " and ".join(f'"{known}"' for known in PUZZLES)
        raise ValueError(f"there are lines to order for {have}; got {name!r}")
    return OrderedLines(PUZZLES[name])


class OrderedLines(Live):
    """What `order_lines` gives. Without a kernel its lines bear letters, to be written in their order."""

    tells = False

    def __init__(self, puzzle: Puzzle) -> None:
        self.puzzle = puzzle
        lines = [asdict(line) for line in puzzle.shuffled]
        super().__init__("order", {"task": self.task, "lines": lines, "done": puzzle.done})

    @property
    def task(self) -> str:
        strays = sum(bool(line.stray) for line in self.puzzle.lines)
        parts = self.puzzle.task, self.puzzle.given, f"Of these lines, {strays} do not belong to the program."
        return " ".join(part for part in parts if part)

    @property
    def text(self) -> str:
        lines = zip(LETTERS, self.puzzle.shuffled, strict=False)
        listed = "\n".join(f"{letter}  {'    ' * line.depth}{line.code}" for letter, line in lines)
        return f"Order the lines. {self.task}\nWrite the letters of the lines in their order.\n\n{listed}"

    @property
    def alt_text(self) -> str:
        return self.text

    def to_html(self) -> str:
        words, listed = self.text.split("\n\n")
        return f'<p>{escape(words)}</p><pre style="font-family: monospace">{escape(listed)}</pre>'
