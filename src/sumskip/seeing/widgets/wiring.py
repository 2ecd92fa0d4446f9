"""Wiring board: two modules chained, added, and added with a skip, or a model of one's own, wire by wire."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from sumskip.seeing.drawing import draw
from sumskip.seeing.drawing.scene import Scene, to_svg
from sumskip.seeing.drawing.walk import walk
from sumskip.seeing.graph import Fault, Node, Shape
from sumskip.seeing.picture import Picture
from sumskip.seeing.trace import Trace, trace
from sumskip.seeing.widgets.aligner import concatenations
from sumskip.seeing.widgets.guess import NUMBER, SHAPE, Locked, Question, ShapeGuess, named, shown
from sumskip.seeing.widgets.live import InteractivePicture
from sumskip.seeing.widgets.wirings import MODES, WIRINGS, mistakes, run, wired
from sumskip.text import clean

BETWEEN = 10.0  # pixels from one still picture to the next
MOST_NAMES = 3  # of operators with one shape
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

    Until there is a guess the picture is locked: it says what to write, and has a field for it as well.
    Raises `TypeError` for a guess of another form, and where only one of `model` and `x` is given.
    """
    if model is not None and x is not None:
        return _own_board(guess, model, x)
    if model is not None or x is not None:
        given, missing = ("a model", "x") if x is None else ("an x", "model")
        raise TypeError(f"wiring_board got {given} but no {missing}: give both, model=… and x=…, or neither")
    start = NUMBER.judge(number, "wiring_board(number)")
    also = "" if start == 5 else f", number={start:.12g}"
    return Question(
        "wiring",
        f"{shown(start)} goes through a chain, first “double”, then “add three”. Which number leaves it?",
        NUMBER,
        f"wiring_board(guess=0{also})",
        "with your own number",
        lambda committed: _three_wirings(committed, start),
    ).answered(guess)


def beside_the_truth(guess: float, number: float) -> str:
    """What the chain gives, and which mistakes give the guess."""
    truth = run("chain", number)
    return f"The chain gives {shown(truth)}." + named(guess, [truth], mistakes(number))


def beside_the_shape(guess: ShapeGuess, traced: Trace) -> str:
    """The shape that left the model or why none did, and where in the model the guess occurred."""
    if traced.fault is not None:
        return f"Your model stops: {traced.fault.sentence}." + named(guess, ["error"], elsewhere(traced))
    leaving = [node.shape for node in traced.nodes if node.kind == "output"]
    line = f"Your model gives {' and '.join(map(str, leaving))}."
    return line + named(guess, [shape for shape in leaving if shape is not None], elsewhere(traced))


def elsewhere(traced: Trace) -> Iterator[tuple[str, Shape]]:
    """What else has a shape in a forward pass, as the end of "… is what", and its shape.

    Inputs, results in between, and what concatenation would give in place of a sum.
    """
    leaves: dict[Shape, list[str]] = defaultdict(list)
    for node in traced.nodes:
        if node.shape is None or (traced.fault is not None and node.id == traced.fault.node):
            continue
        if node.kind == "input":
            yield f"goes in as {clean(node.label, 40)}", node.shape
        elif node.kind in ("module", "op"):
            leaves[node.shape].append(_called(node))
    for shape, names in leaves.items():
        names = list(dict.fromkeys(names))
        if len(names) > MOST_NAMES:
            names = [*names[: MOST_NAMES - 1], f"{len(names) - MOST_NAMES + 1} more"]
        yield f"leaves {', '.join(names[:-1])}{' and ' * (len(names) > 1)}{names[-1]}", shape
    for node in traced.nodes:
        if node.kind == "op" and node.label in ("+", "+="):
            into = sorted((edge for edge in traced.edges if edge.target == node.id), key=lambda e: e.argument)
            shapes = [edge.shape for edge in into if edge.shape is not None]
            if len(shapes) == 2:
                for says, shape in concatenations(*shapes):
                    yield f"{says} instead of {_called(node)}", shape


def _called(node: Node) -> str:
    inside = f" in {clean(node.path[-1], 40)}" if node.kind == "op" and node.path else ""
    return f"{clean(node.label, 40)}{inside}"


def _three_wirings(guess: float, number: float) -> InteractivePicture:
    traces: dict[Choice, Trace] = {(w, mode): wired(w, mode, number) for mode in MODES for w in WIRINGS}
    ends = [f"{wiring} {shown(run(wiring, number))}" for wiring in WIRINGS]
    alt = f"Wiring board: {shown(number)} through double and add three. Out comes: {', '.join(ends)}."
    mine = f"Your guess for the chain: {shown(guess)}."
    return _board(traces, alt, f"{mine} Step to its end to see.", f"{mine} {beside_the_truth(guess, number)}")


def _own_board(guess: object, model: Any, x: Tensor) -> InteractivePicture | Locked:
    if not callable(model):
        raise TypeError(f"wiring_board takes a model to step through, got {type(model).__name__}")
    if not isinstance(x, Tensor):
        raise TypeError(f"wiring_board takes a tensor as x, such as (1, 3, 32, 32); got {type(x).__name__}")
    return Question(
        "wiring",
        f"x is {tuple(x.shape)}. Which shape leaves your model?",
        SHAPE,
        "wiring_board(guess=(2, 3, 8, 8), model=model, x=x)",
        'with your own shape, model and x, or with guess="error"',
        lambda committed: _own_picture(committed, trace(model, x)),
    ).answered(guess)


def _own_picture(guess: ShapeGuess, traced: Trace) -> InteractivePicture:
    name = clean(traced.name, 40) or "your model"
    mine = f"Your guess: {shown(guess)}."
    alt, verdict = f"Wiring board. {traced.alt_text}", f"{mine} {beside_the_shape(guess, traced)}"
    return _board({(name, ""): traced}, alt, f"{mine} Step to the end to see.", verdict)


def _board(traces: Mapping[Choice, Trace], alt: str, guess: str, verdict: str) -> InteractivePicture:
    """One picture of several to choose from, by wiring and by what goes in; the still has them all.

    The live one has the `guess` alone, and the `verdict` at the end of the first.
    """
    boards, lines, still = [], [verdict], Scene()
    for (wiring, mode), traced in traces.items():
        walked = walk(traced)
        title = f"{wiring}, with a {mode}" if mode else wiring
        first: dict[str, Any] = {"says": f"{title}: {len(walked.steps)} steps, all wires empty.", "edges": []}
        stepped = [first, *({"says": step.says, "edges": step.edges} for step in walked.steps)]
        before = _untold(traced, traced.fault) if traced.fault else walked.scene
        board: dict[str, Any] = {"wiring": wiring, "mode": mode, "steps": stepped}
        board["svg"] = to_svg(before, f"{title}, wire by wire", grouped=True)
        board["end"] = to_svg(walked.scene, walked.alt_text, grouped=True)
        boards.append(board)
        lines += ["", title, *(f"  {step.says}" for step in walked.steps)]
        still.place(walked.scene, 0, still.height)
        still.width, still.height = max(still.width, walked.scene.width), still.height + walked.scene.height
        still.height += BETWEEN
    alt, text = f"{alt} {verdict}", "\n".join(lines)
    picture = Picture(lambda: to_svg(still, alt).encode(), alt, text, round(still.width), "svg+xml")
    return InteractivePicture("wiring", picture, {"boards": boards, "guess": guess, "verdict": verdict})


def _untold(traced: Trace, fault: Fault) -> Scene:
    """The picture of a failing trace before its end: what stops there looks like any other operator.

    Where no operator failed, the name of what stops there tells it: `raise ValueError`.
    """

    def neutral(node: Node) -> Node:
        telling = node.kind == "op" and node.label == (fault.expression or node.label)
        return replace(node, marks=(), label="…" if telling else node.label)

    nodes = tuple(neutral(node) if node.id == fault.node else node for node in traced.nodes)
    return draw(replace(traced, nodes=nodes, fault=None), whole=True)[0]
