"""Stepping through a picture: each wire once, in the order of the forward pass, in the drawing of `trace`."""

from __future__ import annotations

import re
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn

import gallery
from sumskip import Trace, trace
from sumskip.seeing.drawing import picture
from sumskip.seeing.drawing.badges import badged
from sumskip.seeing.drawing.scene import Element, Line, Text, to_svg
from sumskip.seeing.drawing.walk import Walk, walk
from sumskip.seeing.graph import Edge, Node
from test_drawing import INPUT, OUTPUT, S, addition, failing, weighted
from test_drawing_geometry import traces


@cache
def traced(name: str) -> Trace:
    torch.manual_seed(0)
    return gallery.CASES[name]()


def says(walked: Walk) -> list[str]:
    return [step.says for step in walked.steps]


def groups(walked: Walk) -> list[set[int]]:
    """The edges that each group of the SVG draws."""
    svg = to_svg(walked.scene, "", grouped=True)
    return [set(map(int, found.split())) for found in re.findall(r'<g data-edges="([\d ]+)">', svg)]


def test_each_wire_is_said_with_its_names_and_shape() -> None:
    """What runs first comes first, and of two that meet the left operand."""
    assert says(walk(addition())) == [
        "x carries (1, 3, 32, 32) into conv1.",
        "conv1, called out1, carries (1, 16, 32, 32) into conv2.",
        "conv1, called out1, carries (1, 16, 32, 32) into +.",
        "conv2, called out2, carries (1, 16, 32, 32) into +.",
        "+ gives (1, 16, 32, 32): it leaves.",
    ]


def test_what_is_pinned_is_said_with_the_wire_beside_it() -> None:
    """A parameter flows on no wire; it is told where it is used, with its formula and value."""
    said = says(walk(weighted(alpha=0.3)))
    assert said[2] == "conv1, called out1, carries (1, 16, 32, 32) into ×, together with alpha = 0.3."
    assert said[3] == "conv2, called out2, carries (1, 16, 32, 32) into ×, together with 1 − alpha = 0.7."


def test_a_remark_is_said_once_all_has_arrived() -> None:
    said = says(walk(addition(marks=("overwrites",))))
    assert [text for text in said if "overwrites" in text] == [
        "conv2, called out2, carries (1, 16, 32, 32) into +. +: overwrites."
    ]


def test_a_failure_comes_last_and_shows_what_met() -> None:
    """It is the trace's own sentence; the operator's remarks are not said as if it had run."""
    walked = walk(failing())
    assert says(walked)[-2:] == [
        "conv2, called out2, carries (1, 16, 32, 32) into +.",
        "The forward pass stops at +: 3 and 16 in dimension 1: sizes must be equal, or one of them 1.",
    ]
    assert walked.steps[-1].edges == (2, 3)


def test_a_failure_inside_a_closed_box_is_the_boxs() -> None:
    """What cannot be seen is not named."""

    class Bad(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fits, self.does_not = nn.Linear(4, 4), nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.does_not(self.fits(x))

    acts = nn.ReLU(), nn.Tanh()  # neighbours differ: what is alike would be counted, and leave room
    layers = [
        nn.Sequential(*(nn.Sequential(nn.Linear(4, 4), acts[(n + m) % 2]) for n in range(6)))
        for m in range(6)
    ]
    walked = walk(trace(nn.Sequential(*layers, Bad()), torch.rand(2, 4)))
    assert says(walked)[-1].startswith("The forward pass stops at 6: ")
    assert walked.steps[-1].edges == walked.steps[-2].edges


def test_any_failing_model_can_be_stepped_through() -> None:
    """With a parameter, which becomes a badge; and with more operators than are looked at."""

    def weighs(x: Tensor) -> Tensor:
        return (x * torch.nn.Parameter(torch.tensor(0.5)) + 1) + torch.ones(3, 7)

    def long(x: Tensor) -> Tensor:
        for _ in range(10_001):
            x = torch.relu(x)
        return x + torch.ones(3, 7)

    assert says(walk(trace(weighs, torch.rand(2, 4))))[-1].startswith("The forward pass stops at +: ")
    assert says(walk(trace(long, torch.rand(2, 4))))[-1].startswith("The forward pass stops: ")


def test_values_stand_on_the_wires_and_are_said() -> None:
    """In place of the shape, in every picture of a forward pass on single numbers."""

    def run(x: Tensor) -> Tensor:
        tripled = 3 * x
        return tripled - 1

    found = trace(run, torch.tensor(4.0))
    walked = walk(found)
    shown = [shape.text for shape in walked.scene.elements if isinstance(shape, Text)]
    assert {"4", "tripled", "12", "11"} <= set(shown)
    assert "scalar" not in found.to_svg()
    assert says(walked) == [
        "x carries 4 into ×, together with 3.",
        "×, called tripled, carries 12 into −, together with 1.",
        "− gives 11: it leaves.",
    ]
    assert [node.value for node in found.nodes if node.kind != "constant"] == [4, 12, 11, None]


def test_a_number_is_what_it_was_when_it_was_made() -> None:
    """Large ones with all their digits; a truth value is none; and what is overwritten later stays."""

    def run(x: Tensor) -> Tensor:
        large = x * 12345
        seen = large > 0
        large += 1
        return large * seen

    found = trace(run, torch.tensor(1.0))
    assert {node.label: node.value for node in found.nodes if node.kind == "op"} == {
        ">": None,
        "+": 12346,
        "×": 12346,
    }
    assert [node.value for node in found.nodes if node.label == "×"] == [12345, 12346]
    assert ">12345<" in found.to_svg()


def test_a_boxs_name_is_whole_where_its_box_was_made_for_it() -> None:
    class Triple(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 3 * x

    for kind in ("Triple", "Double", "AddThree", "SubtractOne", "Halve"):
        chain = nn.Sequential(type(kind, (Triple,), {})(), nn.Tanh())
        assert f"0 · {kind}" in trace(chain, torch.tensor(4.0)).to_svg()


def test_a_tensor_goes_into_a_closed_box_once() -> None:
    """An operator in an open box is named with the box, a box that is closed by its full name."""
    assert "relu, called x, carries (4, 16, 8, 8) into block1.conv1." in says(walk(traced("tiny_resnet")))
    assert "+ in block1 carries (4, 16, 8, 8) into relu in block1." in says(walk(traced("tiny_resnet")))
    closed = [text for text in says(walk(traced("deep_resnet"))) if text.endswith("into layers.0.0.")]
    assert closed == ["stem.2 carries (1, 16, 32, 32) into layers.0.0."]


def test_what_is_folded_is_said_to_be_the_middle() -> None:
    said = says(walk(traced("long_chain")))
    assert len(said) < 60
    assert "tanh, called x, carries (2, 4) into the middle." in said


def test_a_second_call_is_said_to_be_one() -> None:
    assert "+ in block (call 2) carries (1, 4, 8, 8) into relu in block (call 2)." in says(
        walk(traced("twice"))
    )


def test_names_are_said_in_one_harmless_line() -> None:
    """The same as in the picture: no control characters, no change of the reading direction."""
    text = " ".join(says(walk(traced("hostile"))))
    assert "\u202e" not in text
    assert len(text) < 1000


@pytest.mark.parametrize("name", sorted(gallery.CASES))
def test_every_wire_of_the_picture_is_stepped_through(name: str) -> None:
    """Each group of the SVG is lit by some step, and each step lights a group."""
    walked = walk(traced(name))
    stepped = [set(step.edges) for step in walked.steps]
    assert all(any(edges & group for edges in stepped) for group in groups(walked))
    assert all(not edges or any(edges & group for group in groups(walked)) for edges in stepped)
    assert all(stepped[: len(stepped) - bool(traced(name).fault)]), "only a failure may light nothing"


@pytest.mark.parametrize("name", sorted(gallery.CASES))
def test_the_picture_is_the_one_of_trace(name: str) -> None:
    """To the last shape; only where two wires begin as one, each has its own beginning on top."""
    usual, stepped = picture(traced(name)).elements, walk(traced(name)).scene.elements
    added = list(stepped)
    for shape in usual:
        added.remove(shape)
    assert [shape for shape in stepped if shape in usual] == usual
    ends = {(shape.edges, shape.points[0]) for shape in usual if isinstance(shape, Line)}
    for line in added:
        assert isinstance(line, Line)
        assert (line.edges, line.points[-1]) in ends


def test_a_branch_that_runs_first_is_lit_from_its_beginning() -> None:
    """Also where the trunk is drawn with another wire, which is still empty."""
    walked = walk(traced("inception"))
    assert walked.steps[0].says == "x carries (1, 3, 32, 32) into one."

    def top(shapes: list[Element], edges: tuple[int, ...] = ()) -> float:
        lines = [shape for shape in shapes if isinstance(shape, Line) and shape.edges]
        return min(line.points[0][1] for line in lines if not edges or set(line.edges) & set(edges))

    first, usual = walked.steps[0].edges, picture(traced("inception"))
    assert top(usual.elements, first) > top(usual.elements), "here another wire is the trunk"
    assert top(walked.scene.elements, first) == top(walked.scene.elements) == top(usual.elements)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(traces())
def test_in_any_graph_each_edge_is_stepped_once_and_after_what_it_needs(trace: Trace) -> None:
    """But for badges, which flow on no wire, and what is inside a box that was closed to fit."""
    walked = walk(trace)
    _, _, kept = badged(list(trace.nodes), list(trace.edges), None)
    order = [place for step in walked.steps for place in step.edges]
    wires = [place for place, edge in enumerate(trace.edges) if edge in kept]
    assert sorted(order) == [place for place in wires if place in order]
    closed = any(isinstance(shape, Text) and "closed to fit" in shape.text for shape in walked.scene.elements)
    assert closed or len(order) == len(wires)
    when = {place: time for time, place in enumerate(order)}
    for place in order:
        needed = [other for other in order if trace.edges[other].target == trace.edges[place].source]
        assert all(when[other] < when[place] for other in needed)


def test_nothing_to_step_through_is_no_error() -> None:
    """Such as a model that returns its parameter."""
    assert walk(Trace((Node("w", "parameter", "w", S), OUTPUT), (Edge("w", "out", S),))).steps
    assert walk(Trace((INPUT,), ())).steps == ()
