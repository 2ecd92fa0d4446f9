"""The programs of `order_lines`: their lines, and which orders are right.

They are like two exercises and solve neither. What is right is a partial order, so that every order that
computes the same is right; the tests run them to see that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random


@dataclass(frozen=True)
class CodeLine:
    """One line; `after` names those that stand above it, each with what is amiss where it does not.

    `between` names two lines between which it must not stand, and what would be amiss there. A line with
    `stray` does not belong to the program at all, for that reason.
    """

    name: str
    code: str
    depth: int = 0
    after: dict[str, str] = field(default_factory=dict)
    between: tuple[str, str, str] | None = None
    stray: str = ""


@dataclass(frozen=True)
class Puzzle:
    """`given` is what the lines may use, `done` what is said of a right order."""

    task: str
    given: str
    lines: tuple[CodeLine, ...]
    done: str

    @property
    def shuffled(self) -> list[CodeLine]:
        """The lines in the order in which they are offered, always the same."""
        lines = list(self.lines)
        Random(7).shuffle(lines)
        return lines


@dataclass(frozen=True)
class Verdict:
    """What is said of a program; `line` is the place, from 0, of the first line that stands wrongly."""

    right: bool
    says: str
    line: int | None = None


def verdict(puzzle: Puzzle, program: Sequence[str]) -> Verdict:
    """Judge a program, the names of its lines from top to bottom; order.js does the same."""
    lines = {line.name: line for line in puzzle.lines}
    place = {name: n for n, name in enumerate(program)}
    for n, name in enumerate(program):
        line, amiss = lines[name], lines[name].stray
        if not amiss:
            amiss = next((why for first, why in line.after.items() if place.get(first, -1) > n), "")
        if not amiss and line.between and {*line.between[:2]} <= {*place}:
            start, end, why = line.between
            amiss = why if place[start] < n < place[end] else ""
        if amiss:
            return Verdict(False, f"Line {n + 1}, {line.code}: {amiss}.", n)
    missing = sum(not line.stray and line.name not in place for line in puzzle.lines)
    if missing:
        are = "1 line is" if missing == 1 else f"{missing} lines are"
        return Verdict(False, f"No line stands wrongly so far; {are} missing.")
    return Verdict(True, f"Right. {puzzle.done}")


_LOOP = {"for": "it belongs into the loop, which begins below it"}
_FUNCTION = {"def": "it belongs into the function, which begins below it"}
_NO_H = "h is not there yet"

PUZZLES = {
    "fit_alpha": Puzzle(
        "Gradient descent is to find the w for which (w - 6) ** 2 is smallest, and seen is to hold w after "
        "each step.",
        "",
        (
            CodeLine("w", "w = nn.Parameter(torch.tensor(0.0))"),
            CodeLine("descent", "descent = torch.optim.SGD([w], lr=0.25)", after={"w": "there is no w yet"}),
            CodeLine("seen", "seen = []"),
            CodeLine(
                "for",
                "for turn in range(5):",
                after={
                    "w": "the loop needs w, which is made below it",
                    "descent": "the loop needs the optimiser, which is made below it",
                    "seen": "the loop needs the list, which is made below it",
                },
            ),
            CodeLine(
                "zero",
                "descent.zero_grad()",
                1,
                _LOOP,
                ("backward", "step", "it empties the gradient before the step has used it"),
            ),
            CodeLine("error", "error = (w - 6) ** 2", 1, _LOOP),
            CodeLine("backward", "error.backward()", 1, {**_LOOP, "error": "the error is not there yet"}),
            CodeLine(
                "step",
                "descent.step()",
                1,
                {**_LOOP, "backward": "the gradient of this turn is not there yet"},
            ),
            CodeLine(
                "append", "seen.append(w.item())", 1, {**_LOOP, "step": "w has not moved yet in this turn"}
            ),
            CodeLine(
                "print",
                "print(seen)",
                after=dict.fromkeys(
                    ("for", "zero", "error", "backward", "step", "append"), "the loop does not end above it"
                ),
            ),
            CodeLine(
                "number to the optimiser",
                "descent = torch.optim.SGD([w.item()], lr=0.25)",
                stray="w.item() is an ordinary number, and an optimiser changes parameters",
            ),
            CodeLine(
                "backward of a number",
                "error.item().backward()",
                1,
                stray="error.item() is an ordinary number, which has no backward",
            ),
            CodeLine(
                "parameter in the list",
                "seen.append(w)",
                1,
                stray="it would put the parameter itself into the list, again and again, and not its number",
            ),
        ),
        "It prints [3.0, 4.5, 5.25, 5.625, 5.8125]: w comes close to 6. Your fit_alpha needs the same order.",
    ),
    "residual_block": Puzzle(
        "A residual block for vectors: F is widen, ReLU, mix; x of shape (N, 8) becomes (N, 12), so the skip "
        "connection needs a projection; the last ReLU comes after the sum.",
        "widen and project are nn.Linear(8, 12), and mix is nn.Linear(12, 12).",
        (
            CodeLine("def", "def block(x):"),
            CodeLine("widen", "h = widen(x)", 1, _FUNCTION),
            CodeLine("relu", "h = torch.relu(h)", 1, {**_FUNCTION, "widen": _NO_H}),
            CodeLine(
                "mix",
                "h = mix(h)",
                1,
                {**_FUNCTION, "widen": _NO_H, "relu": "the ReLU of F stands between its two layers"},
            ),
            CodeLine("skip", "skip = project(x)", 1, _FUNCTION),
            CodeLine(
                "sum",
                "total = h + skip",
                1,
                {
                    **_FUNCTION,
                    **dict.fromkeys(("widen", "relu", "mix"), "h is not F(x) yet"),
                    "skip": "skip is not there yet",
                },
            ),
            CodeLine(
                "return",
                "return torch.relu(total)",
                1,
                {
                    **_FUNCTION,
                    **dict.fromkeys(("widen", "relu", "mix", "skip"), "what stands below return never runs"),
                    "sum": "the sum is not there yet",
                },
            ),
            CodeLine(
                "identity",
                "skip = x",
                1,
                stray="x is (N, 8) and F(x) is (N, 12), which cannot be added, so x needs the projection",
            ),
            CodeLine(
                "skip from h",
                "skip = project(h)",
                1,
                stray="the skip connection starts at x, and h has already gone through a layer",
            ),
            CodeLine(
                "relu before the sum",
                "total = torch.relu(h) + skip",
                1,
                stray="nothing negative of F(x) would reach the sum; the last ReLU comes after it",
            ),
        ),
        "F and the projection may run in any order before the sum. Your ResidualBlock adds in the same way.",
    ),
}
