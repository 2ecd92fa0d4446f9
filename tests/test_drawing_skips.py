"""The skip connections that closed boxes hide, and pictures of well-known models as a learner meets them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import published
from sumskip import Trace, trace
from sumskip.seeing.drawing import picture
from sumskip.seeing.drawing.scene import Line, Scene, Text
from sumskip.seeing.drawing.view import view


class Anything(nn.Module):
    """A box whose name says nothing: `run(self, x)`."""

    def __init__(self, run: Callable[[Anything, Tensor], Tensor]) -> None:
        super().__init__()
        self.run = run
        self.a, self.b, self.c = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)
        self.alpha = nn.Parameter(torch.tensor(0.5))
        self.bias = nn.Parameter(torch.zeros(4))

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self, x)


def closed(run: Callable[[Anything, Tensor], Tensor]) -> tuple[bool, ...]:
    """What the closed box tells of its skips."""
    level = view(trace(nn.Sequential(Anything(run)), torch.ones(2, 4)), depth=0).level
    [box] = [item for item in level.items.values() if item.look == "folded"]
    return box.skips


def both(self: Anything, x: Tensor) -> Tensor:
    x = x + self.a(x)
    return x + self.c(self.b(x))


@pytest.mark.parametrize(
    ("run", "skips"),
    [
        (lambda self, x: self.b(torch.relu(self.a(x))) + x, (False,)),
        (lambda self, x: torch.add(x, self.a(x)), (False,)),
        (lambda self, x: torch.relu(self.b(self.a(x)) + self.c(x)), (True,)),
        (lambda self, x: self.alpha * self.a(x) + (1 - self.alpha) * self.b(self.a(x)), (True,)),
        (both, (False, False)),
        # no skip: a chain, two ways of one length, the same twice, a parameter, two that never met
        (lambda self, x: self.b(self.a(x)), ()),
        (lambda self, x: self.a(x) + self.b(x), ()),
        (lambda self, x: self.a(x + x), ()),
        (lambda self, x: self.a(x) + self.bias, ()),
        (lambda self, x: self.a(x) + torch.ones(4), ()),
        (lambda self, x: x * self.a(x), ()),
    ],
)
def test_a_closed_box_tells_its_skips_by_its_wires(
    run: Callable[[Anything, Tensor], Tensor], skips: tuple[bool, ...]
) -> None:
    """A sum that one tensor reaches on a short way and a long one; True where that is no bare wire."""
    assert closed(run) == skips


def arcs(scene: Scene) -> int:
    """Skip connections that are seen: the heavy wires of the picture, and those of closed boxes."""
    lines = [shape for shape in scene.shapes if isinstance(shape, Line)]
    return sum(line.role == "skip" or (line.role == "wire" and line.stroke_width > 2) for line in lines)


def texts(scene: Scene) -> list[str]:
    return [shape.text for shape in scene.shapes if isinstance(shape, Text)]


def traced(name: str) -> Trace:
    make, x = published.MODELS[name]
    torch.manual_seed(0)
    return trace(make().eval(), x)


def test_a_resnet_18_shows_its_eight_skip_connections() -> None:
    """As it is drawn by itself, with a + for each."""
    model = published.resnet18()
    assert sum(parameter.numel() for parameter in model.parameters()) == 11_689_512
    scene = picture(traced("resnet18"))
    assert arcs(scene) == texts(scene).count("+") == 8


def test_more_skips_than_are_drawn_are_counted() -> None:
    """Twelve blocks in one closed box: one + with its number, and not twelve."""
    scene = picture(traced("vision_transformer"), depth=0)
    assert arcs(scene) == 1
    assert "24 ×" in texts(scene)
