"""Gradients by edge: `+` copies, `×` scales, a fork adds up, and the numbers are autograd's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pictures import Bench, photo, well_formed
from sumskip import trace
from sumskip.seeing.tracing import TraceError


def by_edge(found: Any) -> dict[tuple[str, str, int], float | None]:
    return {(edge.source, edge.target, edge.argument): edge.gradient for edge in found.edges}


def weighted(self: Bench, x: Tensor) -> Tensor:
    out1 = self.conv1(x)
    out2 = self.conv2(out1)
    return self.alpha * out1 + (1 - self.alpha) * out2


def test_the_whole_story_of_alpha() -> None:
    model = Bench(weighted)
    seed = torch.randn(1, 3, 8, 6)
    found = trace(model, photo(), gradients=seed)
    well_formed(found)
    flows = by_edge(found)
    norm = float(seed.norm())
    assert flows["×", "+", 0] == pytest.approx(norm)
    assert flows["×#2", "+", 1] == pytest.approx(norm)
    assert flows["conv1", "×", 1] == pytest.approx(0.25 * norm)
    assert flows["conv2", "×#2", 1] == pytest.approx(0.75 * norm)
    out1 = model.conv1(photo())
    out2 = model.conv2(out1)
    assert flows["alpha", "×", 0] == pytest.approx(float((seed * out1).sum().detach()), rel=1e-4)
    assert flows["alpha", "−", 1] == pytest.approx(-float((seed * out2).sum().detach()), rel=1e-4)
    total = {node.id: node.gradient for node in found.nodes}["alpha"]
    assert total == pytest.approx(float((seed * (out1 - out2)).sum().detach()), rel=1e-4)
    model(photo()).backward(seed)
    assert total == pytest.approx(float(model.alpha.grad), rel=1e-6)


def test_a_fork_adds_up_what_comes_back() -> None:
    model = Bench(weighted)
    found = trace(model, photo(), gradients=True)
    kept: list[Tensor] = []
    model.conv1.register_forward_hook(
        lambda module, args, output: (output.retain_grad(), kept.append(output))[0]
    )
    model(photo()).sum().backward()
    total = {node.id: node.gradient for node in found.nodes}["conv1"]
    assert kept[0].grad is not None
    assert total == pytest.approx(float(kept[0].grad.norm()), rel=1e-6)


def test_the_same_operand_twice() -> None:
    found = trace(Bench(lambda self, x: self.alpha + self.alpha), photo(), gradients=True)
    assert by_edge(found) == {("alpha", "+", 0): 1.0, ("alpha", "+", 1): 1.0, ("+", "output", 0): 1.0}
    assert found.nodes[1].gradient == 2.0


def test_no_gradient_where_none_is_asked_for() -> None:
    found = trace(Bench(lambda self, x: self.conv1(x) + x.mean().detach()), photo(), gradients=True)
    flows = by_edge(found)
    assert flows["x", "conv1", 0] is None
    assert flows["detach", "+", 1] is None
    assert flows["conv1", "+", 0] == pytest.approx(12.0)


def test_without_asking_there_are_no_gradients() -> None:
    found = trace(Bench(weighted), photo())
    assert all(edge.gradient is None for edge in found.edges)
    assert all(node.gradient is None for node in found.nodes)


def test_the_input_has_one_when_it_requires_one() -> None:
    x = photo().requires_grad_()
    found = trace(lambda x: x * x + 3 * x, x, gradients=True)
    assert found.nodes[0].gradient == pytest.approx(float((2 * x + 3).norm().detach()))
    assert x.grad is None
    found.output.sum().backward()
    assert found.nodes[0].gradient == pytest.approx(float(x.grad.norm()))


def test_in_place_and_several_outputs() -> None:
    def run(self: Bench, x: Tensor) -> tuple[Tensor, Tensor]:
        out1 = self.conv1(x)
        out2 = self.conv2(x)
        out1 += out2
        return out1, out2

    flows = by_edge(trace(Bench(run), photo(), gradients=True))
    assert flows["conv1", "+", 0] == flows["conv2", "+", 1] == pytest.approx(12.0)
    assert flows["+", "output[0]", 0] == flows["conv2", "output[1]", 0] == pytest.approx(12.0)


def test_through_stretching_the_gradient_is_summed() -> None:
    model = Bench(lambda self, x: self.conv1(x) + self.bias)
    model.bias = nn.Parameter(torch.zeros(3, 1, 1))
    flows = by_edge(trace(model, photo(), gradients=True))
    assert flows["bias", "+", 1] == pytest.approx(float(torch.full((3,), 48.0).norm()))


def test_a_backward_pass_that_fails_is_told() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        out1 += out2
        return out1

    found = trace(Bench(run), photo(), gradients=True)
    assert found.fault is None
    assert found.notes == (
        "The backward pass failed: one of the variables needed for gradient computation has been modified "
        "by an inplace operation. out1 overwrote a tensor.",
    )
    assert all(edge.gradient is None for edge in found.edges)


def test_asking_where_there_is_none() -> None:
    with pytest.raises(TraceError, match="none does: call trace outside"):
        trace(lambda x: x * 2, photo(), gradients=True)
    with torch.no_grad(), pytest.raises(TraceError, match="requires a gradient"):
        trace(Bench(weighted), photo(), gradients=True)
    with pytest.raises(TraceError, match=r"shape \(1, 3, 8, 6\), but one of shape \(2,\) came"):
        trace(Bench(weighted), photo(), gradients=torch.ones(2))
