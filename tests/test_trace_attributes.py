"""Every attribute of every module is after a trace what it was before, whatever the forward pass did."""

from __future__ import annotations

import copy
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pictures import photo
from sumskip import trace


@dataclass
class Meter:
    """Somebody's own counter."""

    count: int = 0
    seen: list[int] = field(default_factory=list)


class Busy(nn.Module):
    """Its forward pass changes each of its attributes, and makes new ones."""

    def __init__(self, error: type[BaseException] | None = None) -> None:
        super().__init__()
        self.error = error
        self.steps = 0
        self.name = "first"
        self.last: Tensor | None = None
        self.history: list[Any] = []
        self.nested: dict[str, Any] = {"a": [1, {2}], "b": (deque([1]),)}
        self.cache: Any = OrderedDict(one=1, two=2)
        self.counts = Counter("ab")
        self.groups: Any = defaultdict(list, a=[1])
        self.table = np.zeros(3)
        self.meter = Meter()
        self.space = SimpleNamespace(deep=SimpleNamespace(value=1))
        self.gone = True
        self.conv = nn.Conv2d(3, 3, 1)
        self.old = nn.Linear(2, 2)
        self.norm = nn.BatchNorm2d(3)
        self.itself = [self.nested]
        self.nested["again"] = self.nested

    def forward(self, x: Tensor) -> Any:
        self.steps += 1
        self.name = "second"
        self.proj = nn.Conv2d(3, 3, 1)
        self.register_buffer("mask", torch.ones(1))
        self.beta = nn.Parameter(torch.ones(1))
        self.old = nn.Identity()  # type: ignore[assignment]
        self.last = h = self.proj(self.norm(self.conv(x))) + self.beta
        self.history.append(h)
        self.nested["a"][1].add(3)
        self.nested["b"][0].append(2)
        self.nested["c"] = h
        self.cache.move_to_end("one")
        self.cache["three"] = 3
        self.counts["c"] += 1
        self.groups["b"].append(1)
        self.groups["a"].append(2)
        self.table[0] += 1
        self.meter.count += 1
        self.meter.seen.append(1)
        self.space.deep.value = 2
        del self.gone
        self.conv.extra = 1
        self.conv.register_forward_hook(lambda *_: None)
        self.conv.padding = (0, 0)
        self.norm.momentum = 0.5
        self.conv.weight.requires_grad_(False)
        self.train(not self.training)
        if self.error is not None:
            raise self.error("stop")
        return h, self.history, self.meter, self.table


def everything(model: nn.Module) -> dict[str, Any]:
    """A copy of the whole `__dict__` of every module, in order, with what is compared by identity."""
    found: dict[str, Any] = {}
    for name, module in model.named_modules():
        found[name] = [(key, plain(value), id(value)) for key, value in vars(module).items()]
    return found


def plain(value: Any, depth: int = 0) -> Any:
    """The contents of a value, for comparison."""
    if depth > 4:
        return "…"
    if isinstance(value, Tensor):
        return id(value), value.requires_grad, value.detach().clone().tolist()
    if isinstance(value, dict):
        return [(key, plain(part, depth + 1)) for key, part in value.items()]
    if isinstance(value, list | tuple | deque | set):
        return [plain(part, depth + 1) for part in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Meter | SimpleNamespace):
        return plain(vars(value), depth + 1)
    return value if isinstance(value, int | float | str | None) else id(value)


@pytest.mark.parametrize("error", [None, ValueError, RuntimeError, KeyboardInterrupt])
def test_the_whole_dict_of_every_module(error: type[BaseException] | None) -> None:
    """After success, a failure in the forward pass and an interruption."""
    model = nn.Sequential(nn.Identity(), Busy(error))
    before = everything(model)
    if error is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
            trace(model, photo())
    else:
        assert (trace(model, photo()).fault is None) is (error is None)
    assert everything(model) == before


def test_what_is_returned_is_not_emptied() -> None:
    """A list that the model keeps and returns is put back in the model, and not in the output."""
    model = Busy()
    plain_output = copy.deepcopy(model)(photo())
    h, history, meter, table = trace(model, photo()).output
    assert h.shape == plain_output[0].shape
    assert len(history) == 1
    assert history[0] is h
    assert meter == plain_output[2]
    assert table.tolist() == [1, 0, 0]
    assert model.history == []
    assert model.meter == Meter()


def test_a_module_that_only_a_list_leads_to() -> None:
    class Listed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = [Busy()]

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.layers[0](x)[0]
            return out

    model = Listed()
    before = everything(model.layers[0])
    trace(model, photo())
    assert everything(model.layers[0]) == before


def test_a_layer_that_is_made_when_it_is_first_needed_is_made_again() -> None:
    class Late(nn.Module):
        def forward(self, x: Tensor) -> Any:
            if not hasattr(self, "proj"):
                self.proj = nn.Conv2d(3, 2, 1)
            return self.proj(x)

    model = Late()
    assert trace(model, photo()).fault is None
    assert not list(model.parameters())
    assert trace(model, photo()).fault is None


def test_a_list_that_holds_registered_layers_takes_no_name() -> None:
    """`self.layers = [self.conv1, self.conv2]`, set before or after, is only another way to them."""

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = nn.ModuleList([nn.ReLU()])
            self.conv1 = nn.Conv2d(3, 3, 1)
            self.layers = [self.conv1, self.blocks[0], nn.Tanh()]
            self.blocks[0].weights = [self.conv1.weight]  # type: ignore[assignment]

        def forward(self, x: Tensor) -> Tensor:
            for layer in self.layers:
                x = layer(x)
            return x * self.conv1.weight.sum()

    labels = [node.label for node in trace(Both(), photo()).nodes]
    assert labels == ["x", "conv1", "blocks.0", "layers[2]", "conv1.weight", "sum", "×", "output"]
