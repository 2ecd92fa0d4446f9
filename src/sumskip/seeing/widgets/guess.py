"""The learner's guess: what it may look like, and what is said while there is none."""

from __future__ import annotations

import math
import numbers as kinds_of_number
from html import escape

from sumskip.seeing.graph import Shape

ShapeGuess = Shape | str


def number_guess(guess: object, call: str) -> float | None:
    """The guess as a float; None where there is none yet.

    Raises `TypeError` for anything that is no finite number; `call` names the function in it.
    """
    if guess is None:
        return None
    if isinstance(guess, bool) or not isinstance(guess, kinds_of_number.Real) or not math.isfinite(guess):
        raise TypeError(f"{call}(guess) takes a number, such as 12 or -0.5; got {guess!r}")
    return float(guess)


def shape_guess(guess: object, call: str) -> ShapeGuess | None:
    """The guess as a tuple of whole numbers or the text "error"; None where there is none yet.

    Raises `TypeError` for any other form; `call` names the function in it.
    """
    if guess is None or (isinstance(guess, str) and guess == "error"):
        return guess
    shape = as_shape(guess)
    if shape is None:
        wanted = 'a shape, such as (2, 3, 8, 8), or the text "error"'
        raise TypeError(f"{call}(guess) takes {wanted}; got {guess!r}")
    return shape


def as_shape(value: object) -> Shape | None:
    """A tuple, list or `torch.Size` of whole numbers from 0 as a plain tuple; None for anything else."""
    if not isinstance(value, tuple | list):
        return None
    if not all(isinstance(size, int) and not isinstance(size, bool) and size >= 0 for size in value):
        return None
    return tuple(value)


class Locked:
    """What is shown instead of a picture while there is no guess: the question, and what to write.

    `write` is code to copy, `hint` what to change in it.
    """

    locked = True

    def __init__(self, question: str, write: str, hint: str) -> None:
        self.question = question
        self.write = write
        self.hint = hint

    @property
    def text(self) -> str:
        write = f"Write it in this cell and run it: {self.write} {self.hint}."
        return f"Locked until you commit a guess.\n{self.question}\n{write}"

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        html = (
            '<div style="border: 1px solid; border-left-width: 6px; padding: 0.6em 1em; max-width: 40em">'
            f"<p><strong>Locked until you commit a guess.</strong> {escape(self.question)}</p>"
            f"<p>Write it in this cell and run it: <code>{escape(self.write)}</code> {escape(self.hint)}.</p>"
            "</div>"
        )
        return {"text/html": html, "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text
