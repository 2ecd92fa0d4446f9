"""What wrong models share: a chain of layers, two layers and what is made of them, a right class slipped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from autograder.exercises.vocabulary import Misconception


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


def slips(right: type[nn.Module]) -> list[Misconception]:
    """The wrong models that differ from `right` only in how the class is written."""

    class NoReturn(right):  # type: ignore[valid-type, misc]
        def forward(self, *inputs: Tensor) -> None:
            super().forward(*inputs)

    class NoSuperInit(nn.Module):
        def __init__(self, *init: int) -> None:
            self.conv1 = nn.Conv2d(3, 16, 3, padding=1)

    class NoForward(nn.Module):
        def __init__(self, *init: int) -> None:
            super().__init__()
            self.right = right(*init)

    class ForwardWithoutSelf(right):  # type: ignore[valid-type, misc]
        def forward(x: Tensor) -> Tensor:  # noqa: N805
            return x

    class InitWithoutSelf(nn.Module):
        def __init__() -> None:  # type: ignore[misc]
            pass

    class PythonList(right):  # type: ignore[valid-type, misc]
        def __init__(self, *init: int) -> None:
            super().__init__(*init)
            layers = dict(self._modules)
            self._modules.clear()
            self.in_a_list = list(layers.values())
            for name, layer in layers.items():  # `forward` is the right one's, and asks for them by name
                object.__setattr__(self, name, layer)

    class LayersInForward(right):  # type: ignore[valid-type, misc]
        def __init__(self, *init: int) -> None:
            super().__init__(*init)
            self.init = init
            for name in list(self._modules):
                delattr(self, name)

        def forward(self, *inputs: Tensor) -> Tensor:
            fresh = right(*self.init)
            for name, value in self._parameters.items():
                setattr(fresh, name, value)
            return fresh(*inputs)

    class ReturnsLayers(right):  # type: ignore[valid-type, misc]
        def forward(self, *inputs: Tensor) -> nn.Module:
            return next(self.children())

    class NoGradient(right):  # type: ignore[valid-type, misc]
        def forward(self, *inputs: Tensor) -> Tensor:
            with torch.no_grad():
                return super().forward(*inputs)

    class Frozen(right):  # type: ignore[valid-type, misc]
        def __init__(self, *init: int) -> None:
            super().__init__(*init)
            for layer in self.children():
                layer.requires_grad_(False)

    known: list[tuple[str, Any, str]] = [
        (
            "no-return",
            NoReturn,
            "`forward` returned None, where a tensor was expected. Which tensor should leave it, and with which keyword?",
        ),
        (
            "no-super-init",
            NoSuperInit,
            "A layer was assigned before the module was set up. Make `super().__init__()` the first line of `__init__`.",
        ),
        (
            "no-forward",
            NoForward,
            "The class has no method `forward`, so calling it runs nothing. Is one defined under exactly this name, indented inside the class?",
        ),
        (
            "forward-without-self",
            ForwardWithoutSelf,
            "`forward` received the model and x, but takes one argument. Write `def forward(self, x):`.",
        ),
        (
            "init-without-self",
            InitWithoutSelf,
            "`__init__` received the new model, but takes no argument. Put `self` first in its brackets.",
        ),
        (
            "python-list",
            PythonList,
            "`parameters()` lists no layer. Layers in a plain list or dict stay hidden: use `nn.ModuleList` or `nn.Sequential`.",
        ),
        (
            "layers-in-forward",
            LayersInForward,
            "Two calls with the same x differ, and `parameters()` lists no layer. Where can layers be made once, instead of in `forward`?",
        ),
        (
            "returns-layers",
            ReturnsLayers,
            "A module came out, where a tensor was expected. Which tensor should the layers be called with?",
        ),
        (
            "no-gradient",
            NoGradient,
            "The values are right, but no gradient reaches any layer. What cuts it off: `no_grad()`, `detach()` or `.data`?",
        ),
        (
            "layers-frozen",
            Frozen,
            "The values are right, but the layers have `requires_grad=False`, so training leaves them as they are. Remove that.",
        ),
    ]
    return [Misconception(*each) for each in known]
