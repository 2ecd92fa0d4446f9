"""A layer that is made in the forward pass is one box, and the picture says that it never learns."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pictures import Bench, marked, photo, wires
from sumskip import trace

ANEW = ("made anew in every call",)
NOW = ("made in this call",)


class Pair(nn.Module):
    """Two layers, which it tries out when it is made."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.gain = nn.Parameter(torch.randn(3, 1, 1) * 0.1)
        nn.init.zeros_(self.conv.weight)
        self.size = self.conv(torch.zeros(1, 3, 2, 2)).numel()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(x)) * self.gain


def test_made_and_used_in_one_line() -> None:
    found = trace(lambda x: nn.Conv2d(3, 3, 1)(x), photo())
    assert wires(found) == ["x -> Conv2d", "Conv2d -> output"]
    assert marked(found) == {"Conv2d": ANEW}


def test_stored_on_the_model() -> None:
    def run(self: Bench, x: Tensor) -> Any:
        self.proj = nn.Conv2d(3, 3, 1)
        return self.proj(x) + x

    found = trace(Bench(run), photo())
    assert wires(found) == ["x -> proj", "proj -> +", "x -> +", "+ -> output"]
    assert marked(found) == {"proj": ANEW}


def test_layers_of_a_container_that_is_made_anew() -> None:
    """Its own parameters too; what it tried out when it was made is not part of the pass."""

    def run(x: Tensor) -> Any:
        pair = Pair()
        return pair(x)

    found = trace(run, photo())
    assert wires(found) == [
        "x -> pair.conv",
        "pair.conv -> relu",
        "relu -> ×",
        "pair.gain -> ×",
        "× -> output",
    ]
    assert marked(found)["pair.conv"] == ANEW
    assert ANEW[0] in marked(found)["pair.gain"]


def test_a_layer_without_parameters_says_nothing() -> None:
    """It is the same whenever it is made."""
    found = trace(lambda x: nn.Dropout(0.0)(nn.ReLU()(x)), photo())
    assert marked(found) == {}


def test_a_layer_whose_weight_alone_is_used() -> None:

    def run(x: Tensor) -> Any:
        layer = nn.Linear(6, 2, bias=False)
        return F.linear(x, layer.weight)

    found = trace(run, photo())
    assert wires(found) == ["x -> linear", "layer.weight -> linear", "linear -> output"]
    assert marked(found) == {"layer.weight": ANEW}


@pytest.mark.parametrize("kind", ["statement", "expression"])
def test_made_on_a_condition_is_not_said_to_be_made_in_every_call(kind: str) -> None:
    def run(self: Bench, x: Tensor) -> Any:
        if kind == "statement":
            if not hasattr(self, "proj"):
                self.proj = nn.Conv2d(3, 3, 1)
        else:
            self.proj = self.proj if hasattr(self, "proj") else nn.Conv2d(3, 3, 1)
        return self.proj(x)

    assert marked(trace(Bench(run), photo())) == {"proj": NOW}


def test_a_constructor_that_computes_from_the_input() -> None:
    """That is part of the pass."""

    class Gate(nn.Module):
        def __init__(self, x: Tensor) -> None:
            super().__init__()
            self.level = x.mean()

        def forward(self, x: Tensor) -> Tensor:
            return x - self.level

    found = trace(lambda x: Gate(x)(x), photo())
    assert wires(found) == ["x -> mean", "x -> −", "mean -> −", "− -> output"]


def test_modules_are_made_as_before_afterwards() -> None:
    init = nn.Module.__init__
    trace(lambda x: nn.Conv2d(3, 3, 1)(x), photo())
    assert nn.Module.__init__ is init
