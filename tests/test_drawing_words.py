"""The picture in words: outline, alternative text, and how letters are measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
from matplotlib import get_data_path
from matplotlib.ft2font import FT2Font, LoadFlags

from sumskip import Trace
from sumskip.seeing.drawing.lettering import fit, fit_call, fit_title, width, wrap
from sumskip.seeing.drawing.outline import LONGEST_ALT
from sumskip.seeing.graph import Edge, Node
from sumskip.text import clean
from test_drawing import S, X, addition, failing, hostile, nested, weighted


def test_outline_names_every_step() -> None:
    """What was made, from what, its shape and its line."""
    assert addition().to_text().splitlines() == [
        "AdditionModel",
        "  x: input  (1, 3, 32, 32)",
        "  out1 = conv1(x)  Conv2d(3, 16, 3×3)  (1, 16, 32, 32)  line 10",
        "  out2 = conv2(out1)  Conv2d(16, 16, 3×3)  (1, 16, 32, 32)  line 11",
        "  [4] = out1 + out2  (1, 16, 32, 32)  line 12",
        "  output: [4]  (1, 16, 32, 32)",
    ]


def test_outline_keeps_the_order_of_operands() -> None:
    """`1 − alpha` is not `alpha − 1`."""
    text = weighted(alpha=0.25).to_text()
    assert "alpha: parameter  ()  = 0.25" in text
    assert "= 1 − alpha" in text
    assert "= alpha × out1" in text


def test_outline_shows_containers() -> None:
    """Containers are headings, and what ran inside is indented."""
    lines = nested(2, each=1).to_text().splitlines()
    assert lines[2:5] == [
        "  inside layer0:",
        "    [2] = layer0.conv0(x)  (1, 16, 32, 32)",
        "    inside layer0.layer1:",
    ]


def test_outline_tells_a_fault() -> None:
    """The step, the sentence, the line, the shapes and PyTorch's own words."""
    text = failing().to_text()
    assert "= x + out2  [fails here]" in text
    assert "stopped: 3 and 16 in dimension 1: sizes must be equal, or one of them 1" in text
    assert "line 12: return x + out2" in text
    assert ("  x      1  3 32 32\n  out2   1 16 32 32\n            ^\n") in text
    assert "PyTorch: The size of tensor a (3)" in text


def test_outline_says_every_mark_gradient_and_view() -> None:
    """Nothing is only drawn."""
    trace = addition(marks=("overwrites", "gradient stops here"))
    edges = (*trace.edges[:-1], Edge("p", "out", S, dashed=True), Edge("c2", "out", S, gradient=2.5))
    text = Trace(trace.nodes, edges, notes=("a note",)).to_text()
    assert "[overwrites; gradient stops here]" in text
    assert "[4] wrote into it through a view" in text
    assert "gradient into out2: 2.5" in text
    assert "note: a note" in text


def test_outline_is_bounded() -> None:
    """An enormous model's outline ends with the number of steps left out."""
    nodes = tuple(Node(str(n), "op", "relu", S) for n in range(5000))
    lines = Trace(nodes, ()).to_text().splitlines()
    assert len(lines) < 500
    assert lines[-1] == "  … and 4600 more steps"


def test_two_results_with_one_name_are_told_apart() -> None:
    """`out = conv1(x); out = conv2(out)`: the second is not said to be made from itself."""
    nodes = (
        Node("x", "input", "x", X),
        Node("a", "module", "conv1", S, variable="out"),
        Node("b", "module", "conv2", S, variable="out"),
    )
    text = Trace(nodes, (Edge("x", "a", X), Edge("a", "b", S))).to_text()
    assert "  out = conv1(x)" in text
    assert "  [3] = conv2(out)" in text


def test_alternative_text_says_what_meets_where() -> None:
    """One short description, in words that a screen reader pronounces."""
    assert addition().alt_text == (
        "Forward pass of AdditionModel: x (1, 3, 32, 32) goes through conv1, conv2, plus to the output "
        "(1, 16, 32, 32). out1 and out2 meet at the plus."
    )
    assert "alpha times out1 and (1 minus alpha) times out2 meet at the plus." in weighted().alt_text
    assert "alpha is 0.5" in weighted().alt_text
    assert "It stops at plus: 3 and 16 in dimension 1" in failing().alt_text
    assert "plus: overwrites." in addition(marks=("overwrites",)).alt_text


@pytest.mark.parametrize("trace", [nested(8, each=8), Trace.from_dict(hostile()), Trace((), ())])
def test_alternative_text_is_short_for_any_trace(trace: Trace) -> None:
    """A screen reader cannot skim."""
    assert 0 < len(trace.alt_text) <= LONGEST_ALT


@pytest.mark.parametrize(("bold", "file"), [(False, "DejaVuSans.ttf"), (True, "DejaVuSans-Bold.ttf")])
def test_widths_are_the_fonts_own(bold: bool, file: str) -> None:
    """The table agrees with the font that draws the PNG; for other letters it is never too small."""
    font = FT2Font(f"{get_data_path()}/fonts/ttf/{file}")
    font.set_size(1000, 72)

    def advance(letter: str) -> float:
        return font.load_char(ord(letter), flags=LoadFlags.NO_HINTING).linearHoriAdvance / 65536

    for letter in map(chr, range(32, 127)):
        assert width(letter, 1000, bold) == pytest.approx(advance(letter), abs=1)
    for letter in "×−÷→≠·…αβé²²°∂":
        assert width(letter, 1000, bold) >= advance(letter) - 1


def test_clean_leaves_one_harmless_line() -> None:
    """Control, direction and half characters go; long texts keep both ends."""
    assert clean("a\n\tb\x00\x1b\u202e\ud800c") == "a bc"
    assert clean("x" * 50 + "y" * 50, 20) == "x" * 13 + "…" + "y" * 6
    assert len(clean("z" * 10**6, 40)) == 40


@pytest.mark.parametrize(
    ("call", "room", "shown"),
    [
        ("Conv2d(3, 16, 3×3)", 178, "Conv2d(3, 16, 3×3)"),
        (
            "MaxPool2d(kernel_size=3, stride=2, padding=1, dilation=1,…)",
            178,
            "MaxPool2d(3, stride=2, …)",
        ),
        ("AdaptiveAvgPool2d(output_size=(1, 1))", 178, "AdaptiveAvgPool2d((1, 1))"),
        ("LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias…)", 178, "LayerNorm((768,), …)"),
        ("MaxPool2d(kernel_size=3, stride=2)", 60, "MaxP…2d"),
        ("no call, only words that are much too long", 90, "no call, o…long"),
        ("f()", 1, "…"),
    ],
)
def test_a_call_that_is_too_wide_keeps_its_first_settings(call: str, room: float, shown: str) -> None:
    """The kernel comes first, and stays; what is cut is told by one `…`."""
    assert fit_call(call, 11.5, room) == shown
    assert width(shown, 11.5) <= room or shown == "…"


@pytest.mark.parametrize(
    ("title", "room", "shown"),
    [
        ("layer1 · Sequential", 174, "layer1 · Sequential"),
        ("encoder_layer_11 · EncoderBlock", 174, "encoder_layer_11"),
        ("encoder_layer_11 · TransformerEncoderLayer", 260, "encoder_layer_11 · TransformerE…"),
        ("encoder_layer_11 · EncoderBlock", 140, "encoder_layer_11"),
        ("a_very_long_encoder_layer_11 · EncoderBlock", 140, "a_very_long…er_11"),
    ],
)
def test_a_title_that_is_too_wide_keeps_its_number(title: str, room: float, shown: str) -> None:
    """Of a name and a class the class is cut, and at its end; only then the middle of the name."""
    assert fit_title(title, 13, room) == shown
    assert width(shown, 13, bold=True) <= room


def test_notes_that_say_the_same_are_one() -> None:
    """Twelve attentions that were not looked inside are one note, which counts them."""
    notes = [f"layer{n}.attention (MultiheadAttention) was not looked inside." for n in range(12)]
    trace = replace(addition(), notes=(*notes, "a note", "another note"))
    said = [line for line in trace.to_text().splitlines() if line.startswith("note:")]
    assert said == [f"note: {notes[0]} The same holds for 11 more.", "note: a note", "note: another note"]


def test_fit_and_wrap_keep_to_their_room() -> None:
    """No line is wider than it may be."""
    assert fit("Conv2d", 12, 200) == "Conv2d"
    assert width(fit("Conv2d(3, 16, 3×3, stride 2)", 12, 90), 12) <= 90
    lines = wrap("sizes must be equal, or one of them must be 1", 12, 100)
    assert " ".join(lines) == "sizes must be equal, or one of them must be 1"
    assert max(width(line, 12) for line in lines) <= 100
    assert len(wrap("word " * 100, 12, 100, lines=3)) == 3
