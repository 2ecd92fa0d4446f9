"""Small builders of wrong models: a chain of layers, or two layers and what is made of them."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


def conv(inside: int, outside: int, kernel: int = 3, padding: int = 1, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inside, outside, kernel, stride=stride, padding=padding)


def chain(*make: Callable[[], nn.Module]) -> type[nn.Module]:
    """A model whose layers run one after the other."""

    class Chain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(*(one() for one in make))

        def forward(self, x: Tensor) -> Tensor:
            return self.layers(x)

    return Chain


def pair(
    first: Callable[[], nn.Module],
    second: Callable[[], nn.Module],
    forward: Callable[[nn.Module, nn.Module, Tensor], object],
) -> type[nn.Module]:
    """A model of two layers and a forward of its own: `forward(first, second, x)`."""

    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = first()
            self.second = second()

        def forward(self, x: Tensor) -> object:
            return forward(self.first, self.second, x)

    return Pair


def both(first: nn.Module, second: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """(out1, out2): the second layer reads the first one's output."""
    out1 = first(x)
    return out1, second(out1)
