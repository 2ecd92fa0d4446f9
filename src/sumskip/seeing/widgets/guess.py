"""The learner's guess: its form, the mistakes that give it, and what is shown while there is none."""

from __future__ import annotations

import ast
import math
import numbers as kinds_of_number
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from html import escape
from typing import Any, Generic, TypeVar

from sumskip.seeing.graph import Shape
from sumskip.seeing.widgets.live import InteractivePicture, Live

ShapeGuess = Shape | str
Guess = TypeVar("Guess", bound=float | ShapeGuess)
LONGEST = 200  # characters in the field


@dataclass(frozen=True)
class Form(Generic[Guess]):
    """What a guess may look like, in words, and how it is read: None for anything else."""

    wanted: str
    read: Callable[[object], Guess | None]

    def judge(self, value: object, taker: str) -> Guess:
        """The value in this form. Raises `TypeError` for any other; `taker` names what takes it there."""
        guess = self.read(value)
        if guess is None:
            raise TypeError(f"{taker} takes {self.wanted}; got {value!r}")
        return guess

    def typed(self, text: str) -> Guess:
        """The same of a text that is typed as Python writes it, or with the minus sign of the pictures."""
        text = text.strip()
        try:
            guess = self.read(ast.literal_eval(text.replace("−", "-")))
        except (ValueError, SyntaxError, MemoryError, RecursionError):  # `error` without quotes, or no Python
            guess = None
        return self.judge(text, "The field") if guess is None else guess


def as_number(value: object) -> float | None:
    """Any finite number as a float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, kinds_of_number.Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def as_shape(value: object) -> Shape | None:
    """A tuple, list or `torch.Size` of whole numbers from 0 as a plain tuple; None for anything else."""
    if not isinstance(value, tuple | list):
        return None
    if not all(isinstance(size, int) and not isinstance(size, bool) and size >= 0 for size in value):
        return None
    return tuple(value)


def _as_shape_guess(value: object) -> ShapeGuess | None:
    return value if isinstance(value, str) and value == "error" else as_shape(value)


NUMBER: Form[float] = Form("a number, such as 12 or -0.5", as_number)
SHAPE: Form[ShapeGuess] = Form('a shape, such as (2, 3, 8, 8), or the text "error"', _as_shape_guess)


def shown(guess: float | ShapeGuess) -> str:
    """A guess as a sentence has it."""
    if isinstance(guess, float):
        return f"{guess:.12g}".replace("-", "−")
    return "an error" if guess == "error" else str(guess)


def named(guess: Guess, truths: Collection[Guess], mistakes: Iterable[tuple[str, Guess]]) -> str:
    """Which mistakes give the guess, as a sentence after another: " 18 is what the parallel sum gives."

    Each mistake is the end of that sentence, and what it gives. Nothing is said of a guess that is true, or
    that none of them gives.
    """
    if any(_same(guess, truth) for truth in truths):
        return ""
    found = list(dict.fromkeys(says for says, given in mistakes if _same(guess, given)))
    mine = shown(guess)
    return f" {mine[0].upper()}{mine[1:]} is what {' and what '.join(found)}." if found else ""


def _same(one: Guess, other: Guess) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return one == other


@dataclass(frozen=True)
class Question(Generic[Guess]):
    """What a picture of some `kind` asks before it is shown.

    `write` is code to copy that commits a guess, `hint` what to change in it.
    """

    kind: str
    asks: str
    form: Form[Guess]
    write: str
    hint: str
    picture: Callable[[Guess], InteractivePicture]

    def answered(self, guess: object) -> InteractivePicture | Locked:
        """The picture, locked where the guess is None. Raises `TypeError` for a guess of another form."""
        if guess is None:
            return Locked(self)
        return self.picture(self.form.judge(guess, f"{self.write.partition('(')[0]}(guess)"))


class Locked(Live):
    """What is shown instead of a picture while there is no guess: the question, and what to write.

    Where a kernel answers, there is a field as well, and a guess in it brings the picture.
    """

    locked = True
    tells = False

    def __init__(self, question: Question[Any]) -> None:
        super().__init__(question.kind, {})  # nothing to draw from, and nothing to look up
        self.question = question

    @property
    def text(self) -> str:
        write = f"Write it in this cell and run it: {self.question.write} {self.question.hint}."
        return f"Locked until you commit a guess.\n{self.question.asks}\n{write}"

    def to_html(self) -> str:
        asks, write, hint = map(escape, (self.question.asks, self.question.write, self.question.hint))
        return (
            '<div style="border: 1px solid; border-left-width: 6px; padding: 0.6em 1em; max-width: 40em">'
            f"<p><strong>Locked until you commit a guess.</strong> {asks}</p>"
            f"<p>Write it in this cell and run it: <code>{write}</code> {hint}.</p>"
            "</div>"
        )

    def asked(self, content: object) -> dict[str, Any] | None:
        """The answer to the browser, which has no guess yet or sends one: the question, what is `unclear`
        in the guess, or the `picture`'s data; None to anything else."""
        question = self.question
        match content:
            case {"guess": None}:
                how = {"wanted": question.form.wanted, "write": question.write, "hint": question.hint}
                return {"question": question.asks, **how}
            case {"guess": str(typed)} if len(typed) <= LONGEST:
                pass
            case _:
                return None
        try:
            guess = question.form.typed(typed)
            picture = question.picture(guess)
        except Exception as error:  # no cell is there to show it
            return {"unclear": str(error)}
        code = '"error"' if guess == "error" else f"{guess:.12g}" if isinstance(guess, float) else repr(guess)
        keep = "This guess is gone when the notebook is opened anew. To keep it, write this in the cell:"
        return {"picture": {**picture.data, "keep": keep, "code": f"guess={code}"}}

    def answer(self, widget: Any, content: object) -> None:
        answer = self.asked(content) or {}
        if "picture" in answer:
            widget.data = answer["picture"]
        elif answer:
            widget.send(answer)
