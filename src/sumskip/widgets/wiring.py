"""Wiring board: the same two boxes chained, added, and added with a skip, one wire at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from sumskip.drawing.scene import Box, Scene, Text, to_svg
from sumskip.picture import Picture
from sumskip.widgets import board
from sumskip.widgets.fill import MODES, WIRINGS, Mode, Wire, Wiring, boxes, fill, show
from sumskip.widgets.guess import Locked, number_guess
from sumskip.widgets.live import InteractivePicture


def wiring_board(
    guess: object = None, model: nn.Module | None = None, x: Tensor | None = None, *, number: float = 5
) -> InteractivePicture | Locked:
    """Two boxes as a chain, a parallel sum and a skip sum; Next fills one wire at a time.

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
        from sumskip.widgets.own import own_board

        return own_board(guess, model, x)
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
    return _board(committed, start)


def beside_the_truth(guess: float, number: float) -> str:
    """The guess, what the chain gives, and which wiring gives the guess, where one does."""
    leaves = {wiring: fill(wiring, "number", number)[-1].value for wiring in WIRINGS}
    line = f"Your guess for the chain: {show(guess)}. The chain gives {leaves['chain']}."
    other = next((wiring for wiring in WIRINGS if leaves[wiring] == show(guess) != leaves["chain"]), None)
    return line if other is None else f"{line} {show(guess)} is what the {other} gives."


def _board(guess: float, number: float) -> InteractivePicture:
    verdict = beside_the_truth(guess, number)
    parts: list[tuple[str, Scene]] = []
    boards = []
    lines = [verdict]
    for mode in MODES:
        first, second = (box.label for box in boxes(mode))
        for wiring in WIRINGS:
            wires = fill(wiring, mode, number)
            steps = range(len(wires) + 1)
            scenes = [board.draw(wiring, (first, second), wires, filled) for filled in steps]
            boards.append(_steps(wiring, mode, wires, scenes))
            parts.append((f"{wiring}, with a {mode}", scenes[-1]))
            lines += ["", f"{wiring}, with a {mode}", *(f"  {wire.says}" for wire in wires)]
    ends = [f"{wiring} {fill(wiring, 'number', number)[-1].value}" for wiring in WIRINGS]
    alt = f"Wiring board: {show(number)} through double and add three. Out comes: {', '.join(ends)}."
    still = _still(parts, f"{alt} {verdict}", "\n".join(lines))
    return InteractivePicture("wiring", still, {"boards": boards, "guess": verdict})


def _steps(wiring: Wiring, mode: Mode, wires: Sequence[Wire], scenes: Sequence[Scene]) -> dict[str, Any]:
    """What the browser needs of one board: a drawing and a sentence for each step, the first empty."""
    title = f"{wiring}, with a {mode}"
    return {
        "wiring": wiring,
        "mode": mode,
        "svgs": [to_svg(scene, f"{title}: {filled} wires filled") for filled, scene in enumerate(scenes)],
        "says": [f"{title}: {len(wires)} wires, all empty.", *(wire.says for wire in wires)],
    }


def _still(parts: Sequence[tuple[str, Scene]], alt_text: str, text: str) -> Picture:
    from sumskip.drawing.raster import to_png

    height = board.HEIGHT + 24
    whole = Scene(board.WIDTH, height * len(parts))
    whole.shapes.append(Box(0, 0, whole.width, whole.height, board.PAPER))
    for row, (caption, scene) in enumerate(parts):
        whole.place(scene, 0, row * height + 24)
        whole.shapes.append(Text(12, row * height + 20, caption, 15, board.INK, bold=True, anchor="start"))
    return Picture(lambda: to_png(whole), alt_text, text, board.WIDTH)
