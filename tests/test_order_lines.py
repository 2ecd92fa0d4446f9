"""Order the lines: what is judged right is what runs and gives the right result, in every order there is."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from itertools import permutations
from random import Random
from typing import Any

import pytest
import torch
from torch import nn

from conftest import ROOT
from leaks import contains, solution_regions, statements
from sumskip import order_lines
from sumskip.seeing.widgets.puzzles import PUZZLES, Puzzle, verdict

FIT, BLOCK = PUZZLES["fit_alpha"], PUZZLES["residual_block"]
Program = tuple[str, ...]


def needed(puzzle: Puzzle) -> Program:
    return tuple(line.name for line in puzzle.lines if not line.stray)


def runs(puzzle: Puzzle, program: Sequence[str]) -> bool:
    """Whether the program, run by Python, does what the task says."""
    code = {line.name: "    " * line.depth + line.code for line in puzzle.lines}
    torch.manual_seed(0)
    names: dict[str, Any] = {"torch": torch, "nn": nn}
    if puzzle is BLOCK:
        names |= {"widen": nn.Linear(8, 12), "project": nn.Linear(8, 12), "mix": nn.Linear(12, 12)}
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec("\n".join(code[name] for name in program), names)
            if puzzle is FIT:
                return printed.getvalue() == "[3.0, 4.5, 5.25, 5.625, 5.8125]\n"
            x = torch.rand(3, 8, generator=torch.Generator().manual_seed(1)) - 0.5
            f = names["mix"](torch.relu(names["widen"](x)))
            return torch.equal(names["block"](x), torch.relu(f + names["project"](x)))
    except (SyntaxError, NameError, TypeError, AttributeError, RuntimeError):
        return False


def test_every_order_of_the_block_is_judged_as_it_runs() -> None:
    """All 5040 orders of the seven lines; the projection may stand in four places."""
    judged = {order: verdict(BLOCK, order).right for order in permutations(needed(BLOCK))}
    assert sum(judged.values()) == 4
    chance = Random(3)
    for order, right in judged.items():
        if right or order[0] == "def" or chance.random() < 0.05:  # without the def above, it is no Python
            assert runs(BLOCK, order) is right, order


def loops() -> Iterator[Program]:
    """Every order of the lines outside the loop, and of those in it; one line moved; and any at all."""
    outer, inner = ("w", "descent", "seen", "for", "print"), ("zero", "error", "backward", "step", "append")
    bodies = list(permutations(inner))
    for around in permutations(outer):
        at = around.index("for") + 1
        right = around[-2:] == outer[-2:] and around.index("w") < around.index("descent")
        for body in bodies if right else (inner,):
            yield (*around[:at], *body, *around[at:])
    chance = Random(4)
    for _ in range(500):
        yield tuple(chance.sample(needed(FIT), len(needed(FIT))))
    for first in range(10):
        for second in range(10):
            moved = [*outer[:4], *inner, "print"]
            moved.insert(second, moved.pop(first))
            yield tuple(moved)


def test_every_order_of_the_loop_is_judged_as_it_runs() -> None:
    """The list may be made in three places, gradients set to zero in four, so twelve orders are right."""
    seen: dict[Program, bool] = {}
    for order in loops():
        if order not in seen:
            seen[order] = verdict(FIT, order).right
            assert runs(FIT, order) is seen[order], order
    assert sum(seen.values()) == 12
    assert len(seen) > 1000


@pytest.mark.parametrize("puzzle", [FIT, BLOCK])
def test_a_line_that_does_not_belong_is_wrong_wherever_it_stands(puzzle: Puzzle) -> None:
    """Instead of any line of a right order it breaks the program; beside them all it is refused."""
    right = needed(puzzle)
    assert runs(puzzle, right)
    for stray in (line for line in puzzle.lines if line.stray):
        for n in range(len(right)):
            assert not runs(puzzle, (*right[:n], stray.name, *right[n + 1 :]))
            judged = verdict(puzzle, (*right[:n], stray.name, *right[n:]))
            assert (judged.right, judged.line) == (False, n)
            assert judged.says == f"Line {n + 1}, {stray.code}: {stray.stray}."


def test_nothing_is_right_before_it_is_complete() -> None:
    """A part of a right order stands rightly, and what is missing is counted."""
    for puzzle in PUZZLES.values():
        right = needed(puzzle)
        assert verdict(puzzle, right).says == f"Right. {puzzle.done}"
        for n in range(len(right)):
            part = right[:n] + right[n + 1 :]
            assert verdict(puzzle, part).says == "No line stands wrongly so far; 1 line is missing."
            assert not runs(puzzle, part) or part == ()
        assert verdict(puzzle, ()).says.endswith(f"{len(right)} lines are missing.")


@pytest.mark.parametrize(
    ("program", "line", "said"),
    [
        ("w seen descent for backward error", 4, "Line 5, error.backward(): the error is not there yet."),
        ("descent w", 0, "Line 1, descent = torch.optim.SGD([w], lr=0.25): there is no w yet."),
        (
            "w descent seen for error backward zero step append",
            6,
            "Line 7, descent.zero_grad(): it empties the gradient before the step has used it.",
        ),
        (
            "w descent seen for error backward append step",
            6,
            "Line 7, seen.append(w.item()): w has not moved yet in this turn.",
        ),
    ],
)
def test_the_first_line_that_stands_wrongly_is_named_with_why(program: str, line: int, said: str) -> None:
    judged = verdict(FIT, program.split())
    assert (judged.right, judged.line, judged.says) == (False, line, said)


@pytest.mark.parametrize("puzzle", [FIT, BLOCK])
def test_the_rules_name_lines_that_belong(puzzle: Puzzle) -> None:
    """Each rule speaks of other lines of the program, and a line that does not belong needs none."""
    for line in puzzle.lines:
        named = {*line.after, *(line.between or ())[:2]}
        assert named <= {*needed(puzzle)} - {line.name}
        assert not (line.stray and named)


@pytest.mark.parametrize("name", PUZZLES)
def test_no_puzzle_holds_the_solution_of_an_exercise(name: str) -> None:
    """No solution stands in a right order, whatever the names: its statements are others."""
    code = [f"{'    ' * line.depth}{line.code}" for line in PUZZLES[name].lines if not line.stray]
    puzzle = statements("\n".join(code))
    for master in sorted((ROOT / "notebooks").glob("0[34]*/*.ipynb")):
        for sources in solution_regions(master).values():
            for source in sources:
                with contextlib.suppress(SyntaxError):
                    assert not contains(puzzle, statements(source))


@pytest.mark.parametrize("name", PUZZLES)
def test_without_a_kernel_the_lines_bear_letters(name: str) -> None:
    """All lines, shuffled and indented, each with its letter, and what to do; the answer is not there."""
    puzzle, picture = PUZZLES[name], order_lines(name)
    bundle = picture._repr_mimebundle_()
    assert bundle["text/plain"] == picture.text == picture.alt_text == repr(picture)
    assert "Write the letters of the lines in their order." in picture.text
    assert "Of these lines, 3 do not belong to the program." in picture.text
    listed = picture.text.split("\n\n")[1].splitlines()
    assert [line[0] for line in listed] == list("ABCDEFGHIJKLM"[: len(puzzle.lines)])
    assert {line[3:] for line in listed} == {"    " * line.depth + line.code for line in puzzle.lines}
    assert '<div class="sumskip-still">' in bundle["text/html"]
    assert puzzle.done not in picture.text
    assert not verdict(puzzle, [line.name for line in puzzle.shuffled if not line.stray]).right


@pytest.mark.parametrize("name", ["fit", "", None, 3, ["fit_alpha"]])
def test_there_are_lines_for_two_exercises(name: Any) -> None:
    with pytest.raises(ValueError, match='lines to order for "fit_alpha" and "residual_block"; got'):
        order_lines(name)
