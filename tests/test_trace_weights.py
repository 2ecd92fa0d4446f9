"""A layer whose weight was computed in this pass has an edge from what computed it, and says so."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from pictures import Bench, marked, wires
from sumskip import trace


class Hyper(nn.Module):
    """One layer makes the weight of another."""

    def __init__(self, run: Any) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.run = run
        self.h = nn.Linear(3, 16)
        self.net = nn.Linear(4, 4)
        self.deep = nn.Sequential(nn.Linear(4, 4), nn.ReLU())

    def forward(self, z: Tensor, x: Tensor) -> Any:
        return self.run(self, z, x)


def inputs() -> tuple[Tensor, Tensor]:
    return torch.ones(3), torch.ones(2, 4)


def test_a_weight_by_functional_call() -> None:
    def run(self: Hyper, z: Tensor, x: Tensor) -> Any:
        return functional_call(self.net, {"weight": self.h(z).view(4, 4)}, x)

    found = trace(Hyper(run), *inputs())
    assert wires(found) == ["z -> h", "h -> view", "x -> net", "view -> net", "net -> output"]
    assert marked(found) == {"net": ("computed weight",)}


def test_its_gradient_is_that_of_autograd() -> None:
    def run(self: Hyper, z: Tensor, x: Tensor) -> Any:
        self.weight = self.h(z).view(4, 4)
        return functional_call(self.net, {"weight": self.weight}, x)

    model = Hyper(run)
    found = trace(model, *inputs(), gradients=True)
    output = model(*inputs())
    (expected,) = torch.autograd.grad(output.sum(), model.weight)
    edge = next(edge for edge in found.edges if edge.source == "view")
    assert edge.gradient == float(expected.norm())


def test_inside_a_container() -> None:
    def run(self: Hyper, z: Tensor, x: Tensor) -> Any:
        made = self.h(z)
        return functional_call(self.deep, {"0.weight": made.view(4, 4), "0.bias": made[:4]}, x)

    found = trace(Hyper(run), *inputs())
    assert marked(found) == {"deep.0": ("computed weight", "computed bias")}
    assert {"view -> deep.0", "[ ] -> deep.0", "x -> deep.0", "deep.0 -> deep.1"} <= set(wires(found))


def test_weights_that_are_inputs() -> None:
    """The inner loop of MAML: the weights of the step before."""
    net = nn.Linear(4, 4)
    weights = {name: value.detach() * 2 for name, value in net.named_parameters()}
    found = trace(lambda weights, x: functional_call(net, weights, x), weights, torch.ones(2, 4))
    assert wires(found) == [
        "x -> net",
        "weights['weight'] -> net",
        "weights['bias'] -> net",
        "net -> output",
    ]


def test_a_weight_that_was_changed_in_place() -> None:
    def run(self: Bench, x: Tensor) -> Any:
        with torch.no_grad():
            self.wide.weight.clamp_(-1, 1)
        return self.wide(x)

    found = trace(Bench(run), torch.ones(1, 3, 2, 2))
    assert wires(found) == ["wide.weight -> clamp", "x -> wide", "clamp -> wide", "wide -> output"]
    assert marked(found)["wide"] == ("computed weight",)


def test_a_weight_that_became_an_attribute() -> None:
    def run(self: Hyper, z: Tensor, x: Tensor) -> Any:
        del self.net.weight
        self.net.weight = self.h(z).view(4, 4)
        return self.net(x)

    model = Hyper(run)
    weight = model.net.weight
    found = trace(model, *inputs())
    assert "view -> net" in wires(found)
    assert model.net.weight is weight


def test_a_layers_own_weight_is_no_edge() -> None:
    """Not even where the same parameter was used by an operator before."""

    def run(self: Bench, x: Tensor) -> Any:
        return self.norm(self.wide.weight.mean() + self.conv1(x) + self.wide(x)[:, :3])

    found = trace(Bench(run), torch.ones(1, 3, 2, 2))
    assert "wide.weight -> wide" not in wires(found)
    assert marked(found) == {}


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    "norm",
    [
        nn.utils.weight_norm,
        nn.utils.spectral_norm,
        nn.utils.parametrizations.weight_norm,
        nn.utils.parametrizations.spectral_norm,
    ],
)
def test_a_weight_that_a_hook_of_torch_makes_is_the_layers_own(norm: Any) -> None:
    found = trace(nn.Sequential(norm(nn.Linear(4, 4))), torch.ones(2, 4))
    assert wires(found) == ["input -> 0", "0 -> output"]
    assert not any("computed" in mark for marks in marked(found).values() for mark in marks)
