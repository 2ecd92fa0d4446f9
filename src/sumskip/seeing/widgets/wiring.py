"""Wiring board: two modules chained, added, and added with a skip, or a model of one's own, wire by wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from sumskip.seeing.drawing.scene import Scene, to_svg
from sumskip.seeing.drawing.walk import Walk, walk
from sumskip.seeing.picture import Picture
from sumskip.seeing.trace import Trace, trace
from sumskip.seeing.widgets.guess import Locked, ShapeGuess, number_guess, shape_guess
from sumskip.seeing.widgets.live import InteractivePicture
from sumskip.seeing.widgets.wirings import MODES, WIRINGS, run, show, steps
from sumskip.text import clean

BETWEEN = 10.0  # pixels from one still picture to the next
Choice = tuple[str, str]  # a wiring, and with what


def wiring_board(
    guess: object = None, model: nn.Module | None = None, x: Tensor | None = None, *, number: float = 5
) -> InteractivePicture | Locked:
    """Two modules as a chain, a parallel sum and a skip sum, as `trace` draws them, one wire at a time.

    On a number, `double` and `add three` are run on `number`; on a shape, two convolutions on
    (1, 3, 32, 32). `guess` is the number that you expect to leave the chain:

        wiring_board(guess=12)
        wiring_board(guess=12, number=7)

    With your own `model` and its input `x`, a tensor such as (1, 3, 32, 32), Next steps through what
    your model did. `guess` is then the shape that you expect to leave it, or `"error"`:

        wiring_board(guess=(2, 3, 8, 8), model=model, x=x)

    Until there is a guess the picture is locked and says what to write. Raises `TypeError` for a guess
    of another form, and where only one of `model` and `x` is given.
    """
    if model is not None and x is not None:
        return _own_board(guess, model, x)
    if model is not None or x is not None:
        given, missing = ("a model", "x") if x is None else ("an x", "model")
        raise TypeError(f"wiring_board got {given} but no {missing}: give both, model=… and x=…, or neither")
    start = number_guess(number, "wiring_board")
    committed = number_guess(guess, "wiring_board")
    if start is None:
        raise TypeError("wiring_board takes a number to start from, such as number=5; got None")
    if committed is None:
        also = "" if start == 5 else f", number={start:g}"
        return Locked(
            f"{show(start)} goes through a chain, first “double”, then “add three”. Which number leaves it?",
            f"wiring_board(guess=0{also})",
            "with your own number",
        )
    return _three_wirings(committed, start)


def beside_the_truth(guess: float, number: float) -> str:
    """The guess, what the chain gives, and which wiring gives the guess, where one does."""
    leaves = {wiring: show(run(wiring, number)) for wiring in WIRINGS}
    line = f"Your guess for the chain: {show(guess)}. The chain gives {leaves['chain']}."
    other = next((wiring for wiring in WIRINGS if leaves[wiring] == show(guess) != leaves["chain"]), None)
    return line if other is None else f"{line} {show(guess)} is what the {other} gives."


def beside_the_shape(guess: ShapeGuess, traced: Trace) -> str:
    """The guess, and the shape that left the model or why none did."""
    mine = "an error" if guess == "error" else str(guess)
    if traced.fault is not None:
        return f"Your guess: {mine}. Your model stops: {traced.fault.sentence}."
    leaving = [str(node.shape) for node in traced.nodes if node.kind == "output"]
    return f"Your guess: {mine}. Your model gives {' and '.join(leaving)}."


def _three_wirings(guess: float, number: float) -> InteractivePicture:
    walks: dict[Choice, Walk] = {
        (wiring, mode): steps(wiring, mode, number) for mode in MODES for wiring in WIRINGS
    }
    ends = [f"{wiring} {show(run(wiring, number))}" for wiring in WIRINGS]
    alt = f"Wiring board: {show(number)} through double and add three. Out comes: {', '.join(ends)}."
    return _board(walks, alt, beside_the_truth(guess, number))


def _own_board(guess: object, model: Any, x: Tensor) -> InteractivePicture | Locked:
    committed = shape_guess(guess, "wiring_board")
    if not callable(model):
        raise TypeError(f"wiring_board takes a model to step through, got {type(model).__name__}")
    if not isinstance(x, Tensor):
        raise TypeError(f"wiring_board takes a tensor as x, such as (1, 3, 32, 32); got {type(x).__name__}")
    if committed is None:
        return Locked(
            f"x is {tuple(x.shape)}. Which shape leaves your model?",
            "wiring_board(guess=(2, 3, 8, 8), model=model, x=x)",
            'with your own shape, model and x, or with guess="error"',
        )
    traced = trace(model, x)
    walked, name = walk(traced), clean(traced.name, 40) or "your model"
    verdict = beside_the_shape(committed, traced)
    return _board({(name, ""): walked}, f"Wiring board. {walked.alt_text}", verdict)


def _board(walks: Mapping[Choice, Walk], alt: str, verdict: str) -> InteractivePicture:
    """One picture of several to choose from, by wiring and by what goes in; the still has them all."""
    boards, lines, still = [], [verdict], Scene()
    for (wiring, mode), walked in walks.items():
        title = f"{wiring}, with a {mode}" if mode else wiring
        first: dict[str, Any] = {"says": f"{title}: {len(walked.steps)} steps, all wires empty.", "edges": []}
        stepped = [first, *({"says": step.says, "edges": step.edges} for step in walked.steps)]
        svg = to_svg(walked.scene, walked.alt_text, grouped=True)
        boards.append({"wiring": wiring, "mode": mode, "svg": svg, "steps": stepped})
        lines += ["", title, *(f"  {step.says}" for step in walked.steps)]
        still.place(walked.scene, 0, still.height)
        still.width, still.height = max(still.width, walked.scene.width), still.height + walked.scene.height
        still.height += BETWEEN
    alt, text = f"{alt} {verdict}", "\n".join(lines)
    picture = Picture(lambda: to_svg(still, alt).encode(), alt, text, round(still.width), "svg+xml")
    return InteractivePicture("wiring", picture, {"boards": boards, "guess": verdict})
