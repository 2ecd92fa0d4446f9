"""Random small models: what the graph of their trace says, done again, gives the model's output.

The same replay, with every edge a tensor of its own, is the oracle for the gradient of every edge.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pictures import photo, well_formed
from sumskip import Trace, trace
from sumskip.seeing.graph import Edge, Node

BINARY = {"+": torch.add, "−": torch.sub, "×": torch.mul}
UNARY = {"relu": F.relu, "sigmoid": torch.sigmoid, "dropout": lambda x: x}
KINDS = [
    *BINARY,
    *UNARY,
    "1 −",
    "2 ×",
    "α",
    "conv",
    "skip",
    "block",
    "cat",
    "chunk",
    "+=",
    "relu_",
    "part +=",
]
# What an instruction does to the tensors at two places of the list; the result joins the list.
instructions = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=9
)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.skip = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(x) + self.skip(x))


class Random(nn.Module):
    """Runs a list of instructions over a list of tensors of shape (1, 4, 3, 2)."""

    def __init__(self, program: list[tuple[str, int, int]]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.program = program
        self.conv = nn.Conv2d(4, 4, 1)
        self.skip = nn.Identity()
        self.block = Block()
        self.alpha = nn.Parameter(torch.tensor(0.3))

    def forward(self, x: Tensor) -> Any:
        values = [x]
        for kind, one, other in self.program:
            a, b = values[one % len(values)], values[other % len(values)]
            values += self.step(kind, a, b)
        return values[-1], values[-min(2, len(values))]

    def step(self, kind: str, a: Tensor, b: Tensor) -> list[Tensor]:
        if kind in BINARY:
            return [a + b if kind == "+" else a - b if kind == "−" else a * b]
        if kind in UNARY:
            return [F.dropout(a, training=False) if kind == "dropout" else UNARY[kind](a)]
        if kind in ("conv", "skip", "block"):
            return [getattr(self, kind)(a)]
        if kind == "chunk":
            return [half.repeat(1, 2, 1, 1) for half in a.chunk(2, 1)]
        if kind == "cat":
            return [torch.cat([a, b], 1)[:, 2:6]]
        if kind == "+=":
            a += b
            return []
        if kind == "part +=":
            part = a[:, 1:2]
            part += 1
            return []
        if kind == "relu_":
            return [F.relu(a, inplace=True)]
        return [1 - a if kind == "1 −" else 2 * a if kind == "2 ×" else self.alpha * a]


def replay(found: Trace, model: Random, x: Tensor, copies: dict[int, Tensor] | None = None) -> list[Tensor]:
    """Does again what the graph says, edge by edge. `copies` collects one tensor for every edge."""
    results: dict[str, Any] = {}
    returned = []
    for node in found.nodes:
        incoming = [(i, e) for i, e in enumerate(found.edges) if e.target == node.id and not e.dashed]
        operands = [_along(i, e, results, copies) for i, e in sorted(incoming, key=lambda p: p[1].argument)]
        if node.kind == "output":
            returned.append(operands[0])
        else:
            results[node.id] = _again(node, operands, model, x)
    return returned


def _along(position: int, edge: Edge, results: dict[str, Any], copies: dict[int, Tensor] | None) -> Any:
    value = results[edge.source]
    value = value[edge.output] if isinstance(value, tuple | list) else value
    if copies is not None and isinstance(value, Tensor):
        value = copies[position] = value.view_as(value)
    return value


def _again(node: Node, operands: list[Any], model: Random, x: Tensor) -> Any:
    if node.kind == "input":
        return x
    if node.kind == "parameter":
        return model.get_parameter(node.label)
    if node.kind == "constant":
        return int(node.value or 0)
    if node.kind == "module":
        return model.get_submodule(node.label)(*operands)
    if "overwrites" in node.marks:
        return operands[0].add_(operands[1]) if node.label == "+" else operands[0].relu_()
    if node.label in BINARY:
        left = operands[0] if isinstance(operands[0], Tensor) else torch.tensor(operands[0])
        return BINARY[node.label](left, operands[1])
    if node.label == "cat":
        return torch.cat(operands, int(node.type_name[4:-1]))
    if node.label == "chunk":
        return operands[0].chunk(2, 1)
    if node.label == "repeat":
        return operands[0].repeat(1, 2, 1, 1)
    if node.label == "[ ]":
        return operands[0][:, 2:6] if node.type_name == "[:, 2:6]" else operands[0][:, 1:2]
    return UNARY[node.label](operands[0])


@settings(max_examples=120, deadline=None)
@given(program=instructions)
def test_replaying_the_graph_gives_the_output(program: list[tuple[str, int, int]]) -> None:
    model, x = Random(program), photo(1, 4, 3, 2)
    with torch.no_grad():
        found = trace(model, x)
        assert found.fault is None
        well_formed(found)
        assert torch.equal(x, photo(1, 4, 3, 2))
        plain = model(x.clone())
        again = replay(found, model, x.clone())
    for one, other, third in zip(found.output, plain, again, strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one, third)


@settings(max_examples=60, deadline=None)
@given(program=instructions)
def test_the_gradient_of_every_edge_is_autograds(program: list[tuple[str, int, int]]) -> None:
    program = [step for step in program if step[0] not in ("+=", "relu_", "part +=")]
    model, x = Random(program).double(), photo(1, 4, 3, 2).double().requires_grad_()
    found = trace(model, x, gradients=True)
    copies: dict[int, Tensor] = {}
    returned = replay(found, model, x, copies)
    asked = {position: copy for position, copy in copies.items() if copy.requires_grad}
    expected = torch.autograd.grad(
        sum(out.sum() for out in returned), list(asked.values()), allow_unused=True
    )
    for (position, copy), gradient in zip(asked.items(), expected, strict=True):
        edge = found.edges[position]
        if gradient is None:
            assert not edge.gradient
        else:
            amount = float(gradient) if copy.numel() == 1 else float(gradient.norm())
            assert edge.gradient == pytest.approx(amount), edge
