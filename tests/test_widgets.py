"""The three interactive pictures without a browser: their logic, their locks, their still pictures.

torch is the oracle for every number and shape that they show.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import nbformat
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from PIL import Image
from torch import Tensor, nn

from conftest import files_in
from sumskip import pixel_at_the_plus, shape_aligner, trace, wiring_board
from sumskip.seeing.drawing.scene import to_svg
from sumskip.seeing.drawing.walk import Walk, walk
from sumskip.seeing.widgets import aligner, pixel
from sumskip.seeing.widgets.aligner import align
from sumskip.seeing.widgets.guess import LONGEST, Locked, shown
from sumskip.seeing.widgets.live import HERE, InteractivePicture
from sumskip.seeing.widgets.pixel import (
    CHANNEL,
    HIGHEST,
    LOWEST,
    OPERATORS,
    START,
    Operator,
    arithmetic,
    combine,
    feature_maps,
    limit,
    shapes,
)
from sumskip.seeing.widgets.wiring import beside_the_truth
from sumskip.seeing.widgets.wirings import MODES, WIRINGS, Mode, Wiring, run, wired

SHAPES = st.lists(st.integers(0, 4), max_size=5).map(tuple)
HUNDREDTHS = st.integers(-150, 150).map(lambda whole: whole / 100)


class Addition(nn.Module):
    """conv, conv, and the skip around the second; `skip_from_x` makes the sum that cannot be."""

    def __init__(self, skip_from_x: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.second = nn.Conv2d(16, 16, 3, padding=1)
        self.skip_from_x = skip_from_x

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.first(x)
        return (x if self.skip_from_x else out1) + self.second(out1)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.conv(x)) + x)


# -- shape aligner


@given(SHAPES, SHAPES)
def test_alignment_is_broadcasting(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """The result is the shape of torch's own sum; where torch refuses, a dimension says clash."""
    alignment = align(a, b)
    try:
        expected = tuple((torch.empty(a) + torch.empty(b)).shape)
    except RuntimeError:
        assert alignment.result is None
        assert "clash" in {dimension.fit for dimension in alignment.dimensions}
    else:
        assert alignment.result == expected
        assert [dimension.size for dimension in alignment.dimensions] == list(expected)


def test_each_dimension_says_what_happens_in_it() -> None:
    """Equal, stretched (also onto a dimension that is missing) and clash, counted from the left."""
    alignment = align((2, 1, 5), (3, 4, 6, 5))
    assert [(d.a, d.b, d.fit, d.size) for d in alignment.dimensions] == [
        (None, 3, "stretched", 3),
        (2, 4, "clash", None),
        (1, 6, "stretched", 6),
        (5, 5, "equal", 5),
    ]
    assert alignment.sentence == (
        "(2, 1, 5) + (3, 4, 6, 5). dimension 0: nothing and 3, stretched; dimension 1: 2 and 4, clash; "
        "dimension 2: 1 and 6, stretched; dimension 3: 5 and 5, equal; "
        "no sum: sizes must be equal, or one of them 1."
    )


@given(SHAPES, SHAPES)
def test_a_mistake_with_two_shapes_gives_what_torch_gives(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """From the left is torch's rule on the reversed shapes; concatenation is `torch.cat` of real tensors."""
    found = dict(aligner.mistakes(a, b))
    try:
        left: Any = tuple((torch.empty(a[::-1]) + torch.empty(b[::-1])).shape)[::-1]
    except RuntimeError:
        left = "error"
    assert found["alignment from the left gives"] == left
    for dimension in range(len(a) if (0,) not in (a, b) else 0):  # torch.cat passes over a (0,)
        says = f"concatenation along dimension {dimension} gives"
        try:
            joined = tuple(torch.cat([torch.zeros(a), torch.zeros(b)], dim=dimension).shape)
        except (RuntimeError, IndexError):
            assert says not in found
        else:
            assert found[says] == joined


@pytest.mark.parametrize(
    ("guess", "a", "b", "named"),
    [
        (
            "error",
            *((4, 1, 32, 32), (16, 1, 32)),
            "An error is what alignment from the left gives and what a rule without stretching gives.",
        ),
        ((4, 1, 32, 32), (4, 1, 32, 32), (16, 1, 32), "(4, 1, 32, 32) is what a alone has."),
        ((16, 1, 32), (4, 1, 32, 32), (16, 1, 32), "(16, 1, 32) is what b alone has."),
        ((4, 17, 33, 64), (4, 1, 32, 32), (16, 1, 32), "(4, 17, 33, 64) is what adding the sizes gives."),
        ((5, 7), (5, 7), (5, 1, 7), "(5, 7) is what a alone has."),
        ((2, 32, 4), (2, 16, 4), (2, 16, 4), "(2, 32, 4) is what concatenation along dimension 1 gives."),
        (
            (3, 4),
            *((3, 1), (1, 4)),
            "It gives (3, 4).",  # the larger wins here, and is right
        ),
        ((4, 5), (3, 5), (4, 1), "(4, 5) is what the larger size in each dimension gives."),
        ((9, 9), (3, 5), (4, 1), "It gives an error."),
    ],
)
def test_a_wrong_guess_for_two_shapes_is_named(guess: Any, a: Any, b: Any, named: str) -> None:
    """Where a mistake that is known gives it, and only there."""
    assert shape_aligner(guess, a, b).text.splitlines()[0].endswith(named)


# -- wiring board


def steps(wiring: Wiring, mode: Mode, number: float) -> Walk:
    return walk(wired(wiring, mode, number))


def carried(wiring: Wiring, mode: Mode, number: float = 5) -> list[str]:
    """What the wires carry, in the order in which they are filled, as it is said."""
    said = [step.says for step in steps(wiring, mode, number).steps]
    found = [re.search(r" (?:carries|gives) (\([\d, ]+\)|[−\d]+)", text) for text in said]
    return [match[1] for match in found if match]


@given(st.integers(-1000, 1000))
@settings(max_examples=20, deadline=None)
def test_number_wires_carry_what_the_boxes_compute(number: int) -> None:
    """Chain 2x + 3; parallel sum 2x + (x + 3); skip sum 2x + (2x + 3)."""
    expected = {"chain": 2 * number + 3, "parallel sum": 3 * number + 3, "skip sum": 4 * number + 3}
    for wiring, output in expected.items():
        assert run(wiring, number) == output
        assert int(carried(wiring, "number", number)[-1].replace("−", "-")) == output


def test_five_makes_13_18_and_23() -> None:
    """The course's own numbers, wire by wire, as said and as written in the picture."""
    numbers = {
        "chain": ["5", "10", "13"],
        "parallel sum": ["5", "5", "10", "8", "18"],
        "skip sum": ["5", "10", "10", "13", "23"],
    }
    for wiring, expected in numbers.items():
        assert carried(wiring, "number") == expected
        svg = to_svg(steps(wiring, "number", 5).scene, "")
        written = re.findall(r">(?:out[12] = )?(\d+)</text>", svg)
        assert sorted(written) == sorted([*expected, "2", "3"])  # the boxes' own numbers are its badges


def test_shape_wires_carry_the_shapes_of_real_convolutions() -> None:
    """torch runs the same convolutions; where it refuses, the last step says why."""
    first, second = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)
    x = torch.rand(1, 3, 32, 32)
    out1 = first(x)
    out2 = second(out1)
    assert carried("chain", "shape") == [str(tuple(t.shape)) for t in (x, out1, out2)]
    assert carried("skip sum", "shape") == [str(tuple(t.shape)) for t in (x, out1, out1, out2, out1 + out2)]
    with pytest.raises(RuntimeError, match="16 channels, but got 3"):
        second(x)
    stopped = steps("parallel sum", "shape", 5).steps[-1].says
    assert stopped == "The forward pass stops at second: 3 and 16 in dimension 1: second takes 16 channels."
    svg = to_svg(steps("parallel sum", "shape", 5).scene, "")
    assert ">second takes</text>" in svg
    assert "wiring" not in svg  # no line of the board's own code


def test_the_board_speaks_the_language_of_trace() -> None:
    """Its pictures are those of `trace`: the same names, shapes and colours, and nothing drawn by itself."""

    class Chain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 16, 3, padding=1)
            self.second = nn.Conv2d(16, 16, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            out1 = self.first(x)
            out2 = self.second(out1)
            return out2  # noqa: RET504 - the name is what is drawn

    boards = wiring_board(13).data["boards"]
    [board] = [board for board in boards if (board["wiring"], board["mode"]) == ("chain", "shape")]
    mine = replace(trace(Chain(), torch.rand(1, 3, 32, 32)), name="chain")
    assert re.sub(r"<g [^>]+>\n|</g>\n", "", board["end"]) == mine.to_svg()


@pytest.mark.parametrize(
    ("guess", "said"),
    [
        (13, "Your guess for the chain: 13. The chain gives 13."),
        (18, "Your guess for the chain: 18. The chain gives 13. 18 is what the parallel sum gives."),
        (23.0, "Your guess for the chain: 23. The chain gives 13. 23 is what the skip sum gives."),
        (-1, "Your guess for the chain: −1. The chain gives 13."),
    ],
)
def test_the_guess_stays_beside_the_chain(guess: float, said: str) -> None:
    """Said in the picture, in its alternative text, and at the end of the live one."""
    picture = wiring_board(guess)
    assert isinstance(picture, InteractivePicture)
    assert picture.text.startswith(said)
    assert picture.alt_text.endswith(said)
    assert picture.data["verdict"] == said
    assert picture.data["guess"] == f"{said.split(' The')[0]} Step to its end to see."


@given(st.integers(-12, 12))
@settings(max_examples=25, deadline=None)
def test_a_wrong_guess_for_the_chain_is_named_by_all_that_gives_it(number: int) -> None:
    """Where two mistakes give one value both are named, and the truth is never called a mistake."""
    given_by = {
        "the parallel sum gives": 2 * number + (number + 3),
        "the skip sum gives": 2 * number + (2 * number + 3),
        "“double” alone gives": 2 * number,
        "“add three” alone gives": number + 3,
        "“add three” before “double” gives": 2 * (number + 3),
        "goes in": number,
    }
    truth = 2 * number + 3
    for guess in {*given_by.values(), truth, 1000}:
        mine = shown(float(guess))
        line = f"The chain gives {shown(float(truth))}."
        found = [says for says, value in given_by.items() if value == guess != truth]
        named = f" {mine} is what {' and what '.join(found)}." if found else ""
        assert beside_the_truth(float(guess), number) == line + named


def verdict_on(guess: float, number: float) -> str:
    return str(wiring_board(guess, number=number).data["verdict"])


def test_seven_makes_17_24_and_31() -> None:
    """The lesson's number, and a value that two mistakes give."""
    assert verdict_on(24, 7).endswith("The chain gives 17. 24 is what the parallel sum gives.")
    assert verdict_on(31, 7).endswith("The chain gives 17. 31 is what the skip sum gives.")
    assert verdict_on(14, 7).endswith("14 is what “double” alone gives.")
    assert verdict_on(25, 7).endswith("25. The chain gives 17.")
    both = "6 is what “double” alone gives and what “add three” alone gives."
    assert verdict_on(6, 3).endswith(both)


def test_another_number_can_go_through() -> None:
    """Lessons that ask for 5 can show the truth on another instance."""
    picture = wiring_board(17, number=7)
    assert "The chain gives 17." in picture.text
    assert "wiring_board(guess=0, number=7)" in wiring_board(number=7).text


def test_there_is_a_drawing_for_every_board_and_a_sentence_for_every_step() -> None:
    """Three wirings with a number and with a shape, each from all wires empty to all filled."""
    boards = wiring_board(13).data["boards"]
    assert [(board["mode"], board["wiring"]) for board in boards] == [
        (mode, wiring) for mode in MODES for wiring in WIRINGS
    ]
    for board in boards:
        walked = steps(board["wiring"], board["mode"], 5)
        empty, *filling = board["steps"]
        title = f"{board['wiring']}, with a {board['mode']}"
        assert empty == {"says": f"{title}: {len(filling)} steps, all wires empty.", "edges": []}
        assert filling == [{"says": step.says, "edges": step.edges} for step in walked.steps]
        assert f'role="img" aria-label="{walked.alt_text}"' in board["end"]
        assert f'role="img" aria-label="{title}, wire by wire"' in board["svg"]
        for svg in (board["svg"], board["end"]):
            groups = {int(n) for found in re.findall(r'data-edges="([\d ]+)"', svg) for n in found.split()}
            assert groups == {edge for step in filling for edge in step["edges"]}


def test_the_learners_own_trace_is_stepped_through() -> None:
    """One step for each edge of `trace`, each operand before its operator; the shapes are torch's."""
    model, x = Addition(), torch.rand(2, 3, 8, 10)
    traced = trace(model, x)
    picture = wiring_board((2, 16, 8, 10), model, x)
    assert isinstance(picture, InteractivePicture)
    assert picture.text.startswith("Your guess: (2, 16, 8, 10). Your model gives (2, 16, 8, 10).")
    (board,) = picture.data["boards"]
    says = [step["says"] for step in board["steps"]]
    assert says[0] == "Addition: 5 steps, all wires empty."
    assert says[1] == "x carries (2, 3, 8, 10) into first."
    assert says[-1] == "+ gives (2, 16, 8, 10): it leaves."
    assert [list(step["edges"]) for step in board["steps"][1:]] == [[n] for n in range(len(traced.edges))]
    assert picture.alt_text.startswith(f"Wiring board. {traced.alt_text}")


def test_a_failing_model_stops_with_the_traces_sentence() -> None:
    """The last step says what clashed; the picture marks the operator with more than colour."""
    picture = wiring_board("error", Addition(skip_from_x=True), torch.rand(1, 3, 8, 8))
    rule = "3 and 16 in dimension 1: sizes must be equal, or one of them 1"
    (board,) = picture.data["boards"]
    assert board["steps"][-1]["says"] == f"The forward pass stops at +: {rule}."
    assert f"Your guess: an error. Your model stops: {rule}." in picture.text
    assert ">fails here<" in board["end"]


@pytest.mark.parametrize(
    ("guess", "skip_from_x", "named"),
    [
        ((1, 16, 8, 8), False, "Your model gives (1, 16, 8, 8)."),
        ((1, 3, 8, 8), False, "(1, 3, 8, 8) is what goes in as x."),
        ((1, 32, 8, 8), False, "(1, 32, 8, 8) is what concatenation along dimension 1 gives instead of +."),
        ((1, 19, 8, 8), True, "(1, 19, 8, 8) is what concatenation along dimension 1 gives instead of +."),
        ((1, 16, 8, 8), True, "(1, 16, 8, 8) is what leaves first and second."),
        ((1, 16, 9, 9), False, "Your model gives (1, 16, 8, 8)."),
        ((1, 16, 9, 9), True, "or one of them 1."),
    ],
)
def test_a_wrong_guess_for_the_learners_model_is_named(guess: Any, skip_from_x: bool, named: str) -> None:
    """By where else in the forward pass the shape occurred, or what would have given it."""
    board = wiring_board(guess, Addition(skip_from_x), torch.rand(1, 3, 8, 8))
    assert board.data["verdict"].endswith(named)


def test_many_results_of_one_shape_are_counted() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), *[Block() for _ in range(3)], nn.Flatten())
    verdict = wiring_board((1, 4, 5, 5), model, torch.rand(1, 3, 5, 5)).data["verdict"]
    assert verdict.endswith("(1, 100). (1, 4, 5, 5) is what leaves 0, 1.conv and 11 more.")


class Refusing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise ValueError("not today")


@pytest.mark.parametrize("model", [Addition(), Addition(skip_from_x=True), Refusing()])
def test_before_its_end_nothing_tells_what_leaves_the_learners_model(model: nn.Module) -> None:
    """Neither the guess's line nor the picture beside its wires says that it stops, why, or what it gives."""
    picture = wiring_board("error", model, torch.rand(1, 3, 8, 8))
    assert isinstance(picture, InteractivePicture)
    assert picture.data["guess"] == "Your guess: an error. Step to the end to see."
    (board,) = picture.data["boards"]
    name = type(model).__name__
    assert f'aria-label="{name}, wire by wire"' in board["svg"]
    bare = written(re.sub(r"<g data-edges.*?</g>", "", board["svg"], flags=re.DOTALL))
    assert bare.startswith(f"{name}, wire by wire {name} x")
    assert not re.search(r"fails|clash|must|ValueError|not today|PyTorch|\b16.8.8|16, 8, 8", bare)
    assert board["steps"][0]["says"] == f"{name}: {len(board['steps']) - 1} steps, all wires empty."


def written(svg: str) -> str:
    """What stands in a picture, with its lines joined."""
    return " ".join(re.sub("<[^>]+>", " ", svg).split())


def test_a_large_model_is_shortened_and_says_so() -> None:
    """As `trace` does it: boxes are closed, or counted, or the middle is one, and the picture says that."""
    alike = nn.Sequential(*[nn.Sequential(*[Block() for _ in range(4)]) for _ in range(4)])
    (board,) = wiring_board((1, 4, 5, 5), alike, torch.rand(1, 4, 5, 5)).data["boards"]
    assert "Boxes that are alike are counted" in written(board["svg"])
    assert any(step["says"].endswith("into 3 × Block (1 … 3).") for step in board["steps"])
    ends = nn.ReLU, nn.Tanh  # neighbours differ
    model = nn.Sequential(
        *[nn.Sequential(*[nn.Sequential(Block(), ends[(n + m) % 2]()) for n in range(4)]) for m in range(3)]
    )
    (board,) = wiring_board((1, 4, 5, 5), model, torch.rand(1, 4, 5, 5)).data["boards"]
    assert "deeper than 1 are closed to fit" in written(board["svg"])
    assert board["steps"][2]["says"] == "0.0 carries (1, 4, 5, 5) into 0.1."
    chain = nn.Sequential(*[nn.ReLU() for _ in range(90)])
    (board,) = wiring_board((1, 4, 5, 5), chain, torch.rand(1, 4, 5, 5)).data["boards"]
    assert "operators in the middle are drawn as one box" in board["svg"]
    assert len(board["steps"]) < 60
    assert any(step["says"].endswith("into the middle.") for step in board["steps"])


def test_o_plus_o_and_a_large_failing_model_can_be_drawn() -> None:
    """Two wires between the same two items; a fault inside a closed container."""

    class Twice(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x + x

    (board,) = wiring_board((1, 2), Twice(), torch.rand(1, 2)).data["boards"]
    assert [list(step["edges"]) for step in board["steps"]] == [[], [0], [1], [2]]
    model = nn.Sequential(*[Block() for _ in range(12)], nn.Sequential(nn.Linear(3, 3)))
    text = wiring_board("error", model, torch.rand(1, 4, 5, 5)).text
    assert "The forward pass stops at 12" in text


# -- pixel at the plus


@given(
    st.sampled_from(OPERATORS), HUNDREDTHS, HUNDREDTHS, st.integers(-50, 150).map(lambda whole: whole / 100)
)
def test_the_arithmetic_adds_up_to_the_last_digit(
    operator: Operator, a: float, b: float, alpha: float
) -> None:
    """Read as Python and computed exactly, the left side is the right side; torch agrees."""
    line = arithmetic(operator, a, b, alpha)
    if operator == "cat":
        assert line.endswith("stay two numbers: nothing is added")
        return
    left, right = line.replace("−", "-").replace("·", "*").replace("×", "*").split(" = ")
    exact = eval(re.sub(r"\d+\.\d+", lambda m: f"Decimal('{m[0]}')", left), {"Decimal": Decimal})
    assert exact == Decimal(right)
    ours = combine(
        operator, torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64), alpha
    )
    assert ours.item() == pytest.approx(float(right), abs=1e-9)


def test_the_arithmetic_reads_like_the_lesson() -> None:
    """Two decimals at least, brackets round what is negative, a true minus sign."""
    assert arithmetic("weighted", 0.31, -0.12, 0.5) == "0.50·0.31 + 0.50·(−0.12) = 0.095"
    assert arithmetic("weighted", 0.31, -0.12, -0.25) == "(−0.25)·0.31 + 1.25·(−0.12) = −0.2275"
    assert arithmetic("+", 0.31, -0.12) == "0.31 + (−0.12) = 0.19"
    assert arithmetic("×", -0.5, 0.2) == "(−0.50) × 0.20 = −0.10"
    assert arithmetic("cat", 0.31, -0.12) == "0.31 and −0.12 stay two numbers: nothing is added"


def test_the_operators_are_torchs() -> None:
    """On both whole tensors: values and shapes of +, ×, cat and the weighted sum."""
    out1, out2 = feature_maps()
    assert torch.equal(combine("+", out1, out2), torch.add(out1, out2))
    assert torch.equal(combine("×", out1, out2), torch.mul(out1, out2))
    assert torch.equal(combine("cat", out1, out2), torch.concat([out1, out2], dim=1))
    assert torch.allclose(combine("weighted", out1, out2, 0.3), torch.lerp(out2, out1, 0.3))
    assert shapes("+") == "(1, 16, 32, 32) + (1, 16, 32, 32) → (1, 16, 32, 32)"
    assert shapes("cat") == "(1, 16, 32, 32) beside (1, 16, 32, 32) → (1, 32, 32, 32)"


def test_the_maps_are_those_of_the_photograph_in_hundredths() -> None:
    """Two chained convolutions' outputs, rounded; the start pixel is the one that the lesson tells of."""
    out1, out2 = feature_maps()
    assert out1.shape == out2.shape == (1, 16, 32, 32)
    for maps in (out1, out2):
        assert torch.allclose(maps * 100, (maps * 100).round(), atol=1e-9)
        assert maps[0, CHANNEL].std() > 0.05
    assert (out1[0, CHANNEL][START].item(), out2[0, CHANNEL][START].item()) == (0.31, -0.12)
    # not within a hair of another hundredth, where another machine might round the other way
    assert limit() == 0.9


@given(st.floats(LOWEST, HIGHEST))
@settings(max_examples=20)
def test_nothing_leaves_the_colour_scale(alpha: float) -> None:
    """Whatever the operator and alpha, no value is beyond the ends of the one scale."""
    out1, out2 = (maps[:, [CHANNEL]] for maps in feature_maps())
    for operator in OPERATORS:
        assert combine(operator, out1, out2, alpha).abs().max() <= limit()


@pytest.mark.parametrize(
    ("alpha", "said"),
    [
        (None, "Your guess at row 20, column 26: 0.4. It is 0.31 + (−0.12) = 0.19."),
        (0.25, "Your guess at row 20, column 26: 0.4. It is 0.25·0.31 + 0.75·(−0.12) = −0.0125."),
    ],
)
def test_the_guess_stays_beside_the_pixel(alpha: float | None, said: str) -> None:
    """With + first, or with the weighted sum where an alpha is given."""
    picture = pixel_at_the_plus(0.4, alpha)
    assert isinstance(picture, InteractivePicture)
    assert picture.text.startswith(said)
    assert said in picture.alt_text
    assert picture.data["guess"] == said
    assert picture.data["operator"] == ("+" if alpha is None else "weighted")
    assert picture.data["alpha"] == (50 if alpha is None else 25)


@pytest.mark.parametrize(
    ("guess", "alpha", "named"),
    [
        (0.19, None, "= 0.19."),
        (0.43, None, "0.43 is what out1 − out2 gives."),
        (-0.0372, None, "−0.0372 is what out1 × out2 gives."),
        (0.095, None, "0.095 is what the mean of out1 and out2 gives."),
        (0.31, None, "0.31 is what stands in out1."),
        (0.2, None, "= 0.19."),
        (-0.0125, 0.25, "= −0.0125."),
        (0.19, 0.25, "0.19 is what out1 + out2 gives."),
        (0.2025, 0.25, "0.2025 is what swapped weights would give."),
        (-0.0425, 0.25, "−0.0425 is what alpha * out1 + out2 gives."),
        (0.095, 0.5, "= 0.095."),  # the mean, and right
        (0.31, 0, "0.31 is what stands in out1 and what swapped weights would give."),
    ],
)
def test_a_wrong_guess_at_the_pixel_is_named(guess: float, alpha: float | None, named: str) -> None:
    """By the other operators and other weights, where one gives exactly that."""
    assert pixel_at_the_plus(guess, alpha).text.splitlines()[0].endswith(named)


def test_the_mistakes_at_the_pixel_are_those_of_torch() -> None:
    out1, out2 = (maps[0, CHANNEL][START] for maps in feature_maps())
    found = dict(pixel.mistakes("weighted", 0.25))
    assert found["out1 × out2 gives"] == torch.mul(out1, out2)
    assert found["out2 − out1 gives"] == torch.sub(out2, out1)
    assert found["swapped weights would give"] == pytest.approx(torch.lerp(out1, out2, 0.25).item())
    assert found["the mean of out1 and out2 gives"] == pytest.approx((out1 + out2).item() / 2)
    assert all(says in found for says in dict(pixel.mistakes("+", 0.5)))


# -- locks, and what every picture has in common

PICTURES: list[tuple[Callable[..., Any], Any]] = [
    (wiring_board, 18),
    (pixel_at_the_plus, 0.2),
    (shape_aligner, (4, 16, 32, 32)),
    (lambda guess=None: wiring_board(guess, Addition(), torch.rand(1, 3, 8, 8)), "error"),
]


@pytest.mark.parametrize(("make", "guess"), PICTURES)
def test_each_picture_is_locked_without_a_guess(make: Callable[..., Any], guess: Any) -> None:
    """It asks its question, says what to write, and holds no answer."""
    for locked in (make(), make(None)):
        assert isinstance(locked, Locked)
        assert locked.locked
        bundle = locked._repr_mimebundle_()
        assert bundle["text/plain"].startswith("Locked until you commit a guess.")
        assert "?" in bundle["text/plain"]
        assert "guess=" in bundle["text/html"]
        assert "<img" not in bundle["text/html"]
        assert repr(locked) == bundle["text/plain"]
    assert not make(guess).locked


def test_no_lock_gives_the_truth_away() -> None:
    """Neither what is said, nor the live lock's question, nor what the browser holds before a guess."""
    for locked, truth in (
        (wiring_board(), "13"),
        (pixel_at_the_plus(), "0.19"),
        (pixel_at_the_plus(alpha=0.5), "0.095"),
        (shape_aligner(), "(4, 16, 32, 32)"),
    ):
        assert truth not in locked.text
        assert isinstance(locked, Locked)
        assert truth not in str(locked.asked({"guess": None}))
        assert locked.data == {}


@pytest.mark.parametrize(("make", "guess"), PICTURES)
def test_a_guess_in_the_field_brings_the_picture_that_one_in_the_cell_brings(
    make: Callable[..., Any], guess: Any
) -> None:
    """And says that it does not last, and what to write in the cell, which is Python and gives the same."""
    data = make().asked({"guess": f" {guess} "})["picture"]
    keep, code = data.pop("keep"), data.pop("code")
    assert data == make(guess).data
    assert keep.startswith("This guess is gone when the notebook is opened anew.")
    assert make(**eval(f"dict({code})")).data == data


@pytest.mark.parametrize(
    ("make", "typed", "code"),
    [
        (wiring_board, "24", "guess=24"),
        (wiring_board, "−0.5", "guess=-0.5"),  # the sign of the pictures
        (wiring_board, "1e2", "guess=100"),
        (shape_aligner, "2, 3", "guess=(2, 3)"),
        (shape_aligner, "[2, 3]", "guess=(2, 3)"),
        (shape_aligner, "(3,)", "guess=(3,)"),
        (shape_aligner, "()", "guess=()"),
        (shape_aligner, "error", 'guess="error"'),
        (shape_aligner, "'error'", 'guess="error"'),
    ],
)
def test_a_guess_may_be_typed_in_any_usual_way(make: Callable[..., Any], typed: str, code: str) -> None:
    assert make().asked({"guess": typed})["picture"]["code"] == code


@pytest.mark.parametrize(
    "typed", ["", "twelve", "12,5", "None", "True", "inf", "1e999", "(2, 3)", "((((", "\0"]
)
def test_a_guess_of_another_form_in_the_field_is_a_clear_sentence(typed: str) -> None:
    """By the same judge as in the cell, with what was typed; nothing is unlocked."""
    said = f"The field takes a number, such as 12 or -0.5; got {typed!r}"
    assert wiring_board().asked({"guess": typed}) == {"unclear": said}
    assert pixel_at_the_plus().asked({"guess": typed}) == {"unclear": said}
    if typed not in ("12,5", "(2, 3)"):
        wanted = 'a shape, such as (2, 3, 8, 8), or the text "error"'
        assert shape_aligner().asked({"guess": typed}) == {
            "unclear": f"The field takes {wanted}; got {typed!r}"
        }


def test_what_the_cell_would_raise_stands_beside_the_field() -> None:
    """A class instead of a model: no cell is running that could show the error."""
    locked = wiring_board(None, Addition, torch.rand(1, 3, 4, 4))  # type: ignore[arg-type]
    assert isinstance(locked, Locked)
    assert "make one first" in (locked.asked({"guess": "(1,)"}) or {})["unclear"]


@pytest.mark.parametrize("content", [None, "24", 24, [], {}, {"guess": 24}, {"guess": "1" * (LONGEST + 1)}])
def test_nothing_else_that_a_browser_sends_is_answered(content: Any) -> None:
    locked = wiring_board()
    assert isinstance(locked, Locked)
    assert locked.asked(content) is None


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: wiring_board("13"), TypeError, "takes a number, such as 12 or -0.5; got '13'"),
        (lambda: wiring_board(True), TypeError, "takes a number"),
        (lambda: wiring_board(float("nan")), TypeError, "takes a number"),
        (lambda: wiring_board((1, 2)), TypeError, "takes a number"),
        (lambda: wiring_board(13, number="5"), TypeError, r"wiring_board\(number\) takes a number.*got '5'"),
        (lambda: wiring_board(13, number=None), TypeError, "takes a number"),
        (lambda: wiring_board(10**400), TypeError, "takes a number"),
        (lambda: wiring_board(13, Addition()), TypeError, "got a model but no x"),
        (lambda: wiring_board(13, x=torch.rand(1, 3, 4, 4)), TypeError, "got an x but no model"),
        (lambda: wiring_board(13, Addition(), torch.rand(1, 3, 4, 4)), TypeError, "takes a shape"),
        (lambda: wiring_board((1,), 5, torch.rand(1)), TypeError, "a model to step through, got int"),
        (lambda: wiring_board((1,), Addition(), (1, 3, 4, 4)), TypeError, "a tensor as x.*got tuple"),
        (lambda: wiring_board((1,), Addition, torch.rand(1)), TypeError, "make one first"),
        (lambda: pixel_at_the_plus("0.2"), TypeError, "takes a number"),
        (lambda: pixel_at_the_plus(torch.tensor([1.0, 2.0])), TypeError, "takes a number"),
        (lambda: pixel_at_the_plus(0.2, alpha="2"), TypeError, r"pixel_at_the_plus\(alpha\) takes a number"),
        (lambda: pixel_at_the_plus(0.2, alpha=2), ValueError, "from -0.5 to 1.5, got 2"),
        (lambda: shape_aligner("Error"), TypeError, 'or the text "error"; got'),
        (lambda: shape_aligner(16), TypeError, "takes a shape"),
        (lambda: shape_aligner((4, -1)), TypeError, "takes a shape"),
        (lambda: shape_aligner((4, 1.0)), TypeError, "takes a shape"),
        (lambda: shape_aligner("error", a=3), TypeError, "as a, such as"),
        (lambda: shape_aligner("error", b="(3,)"), TypeError, "as b, such as"),
    ],
)
def test_a_guess_of_another_form_is_a_clear_error(
    call: Callable[[], Any], error: type[Exception], said: str
) -> None:
    """What is taken, with an example, and what came."""
    with pytest.raises(error, match=said):
        call()


@pytest.mark.parametrize("guess", [torch.Size([4, 16, 32, 32]), [4, 16, 32, 32], (4, 16, 32, 32)])
def test_a_shape_may_be_written_in_any_usual_way(guess: Any) -> None:
    """A tuple, a list, or what `.shape` gives."""
    assert "(4, 16, 32, 32). It gives (4, 16, 32, 32)." in shape_aligner(guess).text


@pytest.mark.parametrize(("make", "guess"), PICTURES)
def test_without_a_kernel_a_still_picture_says_the_same(make: Callable[..., Any], guess: Any) -> None:
    """An `<img>` with alternative text, a file that fits a notebook's column, and the text in full."""
    picture = make(guess)
    bundle = picture._repr_mimebundle_()
    assert bundle["text/plain"] == picture.text == repr(picture)
    assert '<img alt="' in bundle["text/html"]
    assert "Your guess" in bundle["text/html"]
    if picture.still.kind == "png":
        with Image.open(io.BytesIO(picture.still.file)) as image:
            assert image.width == pytest.approx(2 * picture.still.width, abs=2)
    else:
        root = ET.fromstring(picture.still.file)
        assert float(root.attrib["width"]) == pytest.approx(picture.still.width, abs=1)
        assert root.attrib["aria-label"] == picture.alt_text
    assert picture.still.width <= 800


def test_the_learners_random_numbers_stay_theirs() -> None:
    """No picture draws from torch's generator, nor changes the model that it steps through."""
    model, x = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()), torch.rand(2, 3, 8, 8)
    kept, before = {name: value.clone() for name, value in model.state_dict().items()}, torch.get_rng_state()
    feature_maps.cache_clear()
    for picture in (
        wiring_board(13),
        pixel_at_the_plus(0.2),
        shape_aligner("error"),
        wiring_board((1,), model, x),
    ):
        picture._repr_mimebundle_()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())


def test_no_script_reaches_for_another_machine() -> None:
    """What the browser runs is all here: no address but SVG's namespace, no import."""
    for file in [*files_in(HERE, "*.js"), *files_in(HERE, "*.css")]:
        source = file.read_text(encoding="utf-8")
        assert "//" not in re.sub(r"^\s*//.*$|; // .*$|\{ // .*$", "", source, flags=re.M)
        assert not re.search(r"\b(import|fetch|XMLHttpRequest|WebSocket|save_changes)\b", source)


def test_nothing_is_imported_before_it_is_needed() -> None:
    """Where no kernel can answer, as in the grader, a picture shows itself without the widget library."""
    code = (
        "import sys; from sumskip import shape_aligner, wiring_board\n"
        "for made in wiring_board(13), shape_aligner('error'), wiring_board(): made._ipython_display_()\n"
        "assert not {'anywidget', 'ipywidgets', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "The chain gives 13." in done.stdout


@pytest.mark.slow
def test_an_exported_notebook_shows_the_still_pictures() -> None:
    """Executed in a real kernel and converted to HTML, with and without stored widget state."""
    calls = ["wiring_board(18)", "pixel_at_the_plus(0.2)", 'shape_aligner("error")', "wiring_board()"]
    source = "from sumskip import wiring_board, pixel_at_the_plus, shape_aligner"
    cells = [nbformat.v4.new_code_cell(code) for code in (source, *calls)]
    notebook = NotebookClient(
        nbformat.v4.new_notebook(cells=cells), timeout=180, kernel_name="python3"
    ).execute()
    for cell in notebook.cells[1:]:
        still, live = cell.outputs
        locked = cell.source == "wiring_board()"
        assert ("<p><strong>Locked" if locked else "<img alt=") in still.data["text/html"]
        assert "application/vnd.jupyter.widget-view+json" in live.data
        assert live.data["text/html"] == live.data["text/plain"] == ""
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    data = states[live.data["application/vnd.jupyter.widget-view+json"]["model_id"]]["state"]["data"]
    assert (
        data == {}
    )  # so the locked one shows no field that nothing would read: its question comes from Python
    for keep_state in (True, False):
        if not keep_state:
            notebook.metadata.pop("widgets", None)
        html, _ = HTMLExporter().from_notebook_node(notebook)
        for alt in (
            "Wiring board: 5 through double",
            "Pixel at the plus: two feature maps",
            "Shape aligner. ",
        ):
            assert f'<img alt="{alt}' in html
