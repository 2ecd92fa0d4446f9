"""Traces in a form that a test can write down, and a model whose forward pass a test supplies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from sumskip import Trace


class Bench(nn.Module):
    """A model with a bit of everything, whose forward pass is `run(self, x)`."""

    def __init__(self, run: Callable[..., Any]) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.run = run
        self.conv1 = nn.Conv2d(3, 3, 3, padding=1)
        self.conv2 = nn.Conv2d(3, 3, 3, padding=1)
        self.wide = nn.Conv2d(3, 16, 1)
        self.alpha = nn.Parameter(torch.tensor(0.25))
        self.register_buffer("scale", torch.tensor(2.0))
        self.skip = nn.Identity()
        self.dropout = nn.Dropout(0.5)
        self.norm = nn.BatchNorm2d(3)
        self.blocks = nn.ModuleList([nn.ReLU(), nn.Tanh()])
        self.layers = [nn.Sigmoid()]
        self.free = torch.full((3, 1, 1), 2.0)
        self.factor = 3.0

    def forward(self, x: Tensor) -> Any:
        return self.run(self, x)


def photo(*shape: int) -> Tensor:
    """Numbers of the given shape, (1, 3, 8, 6) unless told: no two sizes are equal."""
    return torch.randn(shape or (1, 3, 8, 6), generator=torch.Generator().manual_seed(3))


def nodes(trace: Trace) -> list[str]:
    """Each node as "id kind", with the label where it differs from the id."""
    return [f"{n.id} {n.kind}" for n in trace.nodes]


def wires(trace: Trace) -> list[str]:
    """Each edge as "source -> target", "~>" where dashed; the result's number where it is not the first."""
    return [
        f"{e.source}{f'.{e.output}' if e.output else ''} {'~' if e.dashed else '-'}> {e.target}"
        for e in trace.edges
    ]


def marked(trace: Trace) -> dict[str, tuple[str, ...]]:
    """The remarks, by node."""
    return {node.id: node.marks for node in trace.nodes if node.marks}


def well_formed(trace: Trace) -> None:
    """What holds for every trace, of whatever model."""
    ids = [node.id for node in trace.nodes]
    assert len(ids) == len(set(ids))
    order = {name: position for position, name in enumerate(ids)}
    for edge in trace.edges:
        assert order[edge.source] < order[edge.target], f"{edge} goes back in time"
    assert Trace.from_dict(trace.to_dict()) == trace
