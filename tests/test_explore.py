"""What `explore` tells of every thing in a picture, and which boxes it opens. The browser part is in
`test_browser_widgets`."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import gallery
import published
from sumskip import explore, trace
from sumskip.seeing.drawing import draw
from sumskip.seeing.drawing.told import told
from sumskip.seeing.drawing.view import box_paths
from sumskip.seeing.tracing import TraceError
from sumskip.seeing.widgets.explore import Explorer


@pytest.fixture(scope="module")
def resnet() -> Explorer:
    make, x = published.MODELS["resnet18"]
    return explore(make().eval(), x)


def says(data: dict[str, Any], name: str) -> str:
    """What is told of the one thing whose name begins so."""
    (found,) = [item["says"] for item in data["items"] if item["name"].startswith(name)]
    return str(found)


def test_a_layer_tells_its_settings_shape_line_parameters_and_flow() -> None:
    x = torch.randn(1, 3, 32, 32, requires_grad=True)
    model = gallery.WeightedAdditionModel()
    line = gallery.WeightedAdditionModel.forward.__code__.co_firstlineno
    data = explore(model, x).data
    assert says(data, "x, input") == "x, input. Result: (1, 3, 32, 32), float32. Out: to conv1."
    assert says(data, "conv1") == (
        f"conv1, Conv2d(3, 16, 3×3). Result: called out1, (1, 16, 32, 32), float32. Line {line + 1}. "
        "Parameters: 448, all trainable. In: x, (1, 3, 32, 32). Out: to conv2 and ×."
    )
    times = [item["says"] for item in data["items"] if item["name"] == "×"]
    assert [re.findall("Takes [^.]+[.][0-9]", text) for text in times] == [
        ["Takes alpha = 0.5"],
        ["Takes 1 − alpha = 0.5"],
    ]
    assert says(data, "+").endswith("In: ×, (1, 16, 32, 32); ×, (1, 16, 32, 32). Out: to output.")


def test_gradients_are_told_where_they_were_asked_for() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    data = explore(lambda x: 3 * x + x, x, gradients=True).data
    assert "Gradient of its result: 4." in says(data, "x, input")
    assert "In: ×, (), gradient 1; x, (), gradient 1." in says(data, "+")
    assert "radient" not in explore(lambda x: 3 * x + x, x).still.text


def test_a_box_tells_what_it_hides_and_what_enters_and_leaves(resnet: Explorer) -> None:
    closed = resnet.shown([])
    assert says(closed, "layer1") == (
        "layer1, Sequential. Closed, with 14 operators. 2 skip connections. Overwrites. "
        "Parameters: 147,968, all trainable. In: x from maxpool, (1, 64, 16, 16). "
        "Out: x, (1, 64, 16, 16), to layer2."
    )
    opened = resnet.shown(["layer1.0"])
    assert says(opened, "layer1, ").startswith("layer1, Sequential. Open, with 14 operators.")
    assert says(opened, "layer1.0, ").startswith("layer1.0, BasicBlock. Open, with 7 operators.")
    assert "Out: to layer1.0.relu." in says(opened, "+ in layer1.0")


def test_counted_boxes_tell_of_all_that_they_stand_for() -> None:
    """Many blocks alike, one of them with frozen weights: of all that are counted, not of one."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.linear(x)

    model = nn.Sequential(*(Block() for _ in range(40)))
    model[2].requires_grad_(False)
    found = explore(model, torch.randn(2, 4))
    data = found.shown(["0"])
    name = "39 × Block (1 … 39)"
    assert says(data, name) == (
        f"{name}. Alike and closed, with 78 operators in all; opening shows the first. "
        "39 skip connections. Parameters: 780, 760 trainable, 20 not. In: + in 0, (2, 4). "
        "Out: (2, 4), to output."
    )
    (item,) = [item for item in data["items"] if item["name"] == name]
    assert item["boxes"] == tuple(map(str, range(1, 40)))
    assert found.asked({"box": "1"}, data)["open"] == ["0", "1"]  # type: ignore[index]


def test_a_shared_layer_counts_once_and_its_second_call_is_its_own_thing() -> None:
    data = explore(gallery.Twice(), torch.randn(1, 4, 8, 8)).data
    for name in ("block, IdentityBlock", "block (call 2), IdentityBlock"):
        assert "Parameters: 304, all trainable." in says(data, name)
    assert says(data, "block, IdentityBlock").endswith(
        "In: x, (1, 4, 8, 8). Out: (1, 4, 8, 8), to block.conv1 in block (call 2) and + in block (call 2)."
    )


def test_a_failing_model_tells_where_it_stops() -> None:
    """And why, in the words of the picture."""
    found = trace(gallery.SkipFromX(), torch.randn(1, 3, 32, 32))
    assert found.fault is not None
    assert f"The forward pass stops here: {found.fault.sentence}." in says(explore(found).data, "+")


@pytest.mark.parametrize(("model", "count"), [(nn.Linear(4, 3), 15), (nn.BatchNorm1d(4), 8), (nn.ReLU(), 0)])
def test_a_layer_on_its_own_has_its_parameters(model: nn.Module, count: int) -> None:
    data = explore(model, torch.randn(2, 4)).data
    assert (f"Parameters: {count}, all trainable." if count else "No parameters.") in says(
        data, type(model).__name__
    )


def test_what_goes_in_twice_and_comes_out_as_several() -> None:
    """`a + a` has two operands; of several results each has its own name and shape, and no one's dtype."""

    def run(x: Tensor) -> Tensor:
        doubled = x + x
        best, where = doubled.max(1)
        return best * where

    data = explore(run, torch.randn(2, 4)).data
    assert says(data, "+").endswith("In: x, (2, 4), 2 times. Out: to max(1).")
    assert says(data, "max(1)").endswith(
        "In: doubled from +, (2, 4). Out: best, (2,), to ×; where, (2,), to ×."
    )
    assert "float32" not in says(data, "max(1)")


@pytest.mark.parametrize("name", sorted(gallery.CASES))
def test_every_thing_in_every_picture_is_told_of(name: str) -> None:
    """One body, one telling."""
    torch.manual_seed(0)
    traced = gallery.CASES[name]()
    _, seen = draw(traced)
    found = told(traced, seen)
    assert len({one.item for one in found}) == len(found)
    data = Explorer(traced).data
    bodies = [unescape(item) for item in re.findall('data-item="([^"]*)"', data["svg"])]
    assert sorted(bodies) == sorted(one.item for one in found)
    assert all(one.says.startswith(one.name) and one.says.endswith(".") for one in found)


def test_each_box_opens_and_closes_and_the_rest_stays(resnet: Explorer) -> None:
    """All boxes of a ResNet-18 in turn: opened with what they are in, closed with what is in them."""
    paths = box_paths(resnet._trace)
    nothing = resnet.shown([])
    assert nothing["open"] == []
    for box, path in paths.items():
        opened = resnet.asked({"box": box}, nothing)
        assert opened is not None
        assert opened["open"] == list(path)
        closed = resnet.asked({"box": path[0]}, opened)
        assert closed == nothing
    everything = resnet.shown(list(paths))
    assert everything["open"] == list(paths)
    without = resnet.asked({"box": "layer2"}, everything)
    assert without is not None
    assert without["open"] == [box for box, path in paths.items() if "layer2" not in path]


@pytest.mark.parametrize(
    "content", [None, {}, [], {"box": None}, {"box": ["layer1"]}, {"box": "layer9"}, "x"]
)
def test_the_browser_can_ask_for_nothing_else(resnet: Explorer, content: Any) -> None:
    assert resnet.asked(content, resnet.data) is None


def test_without_a_kernel_the_picture_of_trace_and_its_outline_stand_there(resnet: Explorer) -> None:
    make, x = published.MODELS["resnet18"]
    torch.manual_seed(0)
    traced = trace(make().eval(), x)
    shown = explore(traced)._repr_mimebundle_()
    assert shown["text/plain"] == traced.to_text()
    assert "<img alt=" in shown["text/html"]
    assert "conv1(x)  Conv2d(3, 64, 7×7, stride 2)" in shown["text/html"]


def test_a_trace_comes_alone_and_errors_are_those_of_trace() -> None:
    traced = trace(gallery.AdditionModel(), torch.randn(1, 3, 8, 8))
    assert explore(traced).data["svg"]
    with pytest.raises(TypeError, match="a trace alone"):
        explore(traced, torch.randn(1))
    with pytest.raises(TypeError, match="a trace alone"):
        explore(traced, gradients=True)
    with pytest.raises(TraceError, match="AdditionModel takes x, but 0 inputs came"):
        explore(gallery.AdditionModel())
