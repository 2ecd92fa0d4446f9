"""What shares memory with something that is put back comes out as a plain forward pass returns it."""

from __future__ import annotations

from collections import OrderedDict, UserDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pictures import Bench, photo
from sumskip import trace


class Pair(NamedTuple):
    low: Any
    high: Any


@dataclass
class Result:
    logits: Any


@dataclass(frozen=True, slots=True)
class Frozen:
    logits: Any


class Rows(list):  # type: ignore[type-arg]
    """A list with an attribute."""

    def __init__(self, *rows: Any) -> None:
        super().__init__(rows)
        self.first = rows[0]


class Said(OrderedDict):  # type: ignore[type-arg]
    """As a ModelOutput of Hugging Face: its keys are attributes, and it takes no others."""

    def __init__(self, logits: Any) -> None:
        super().__init__(logits=logits)
        self.__dict__["logits"] = logits

    def __setitem__(self, key: Any, value: Any) -> None:
        if key != "logits":
            raise KeyError(key)
        super().__setitem__(key, value)

    def __reduce__(self) -> Any:
        return type(self), (self["logits"],)


class Holder:
    """Somebody's own class."""

    def __init__(self, value: Any) -> None:
        self.value = value


WRAPS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Tensor]]] = {
    "OrderedDict": (lambda t: OrderedDict(a=t), lambda o: o["a"]),
    "named tuple": (lambda t: Pair(0, t), lambda o: o.high),
    "dataclass": (Result, lambda o: o.logits),
    "frozen dataclass with slots": (Frozen, lambda o: o.logits),
    "list subclass": (Rows, lambda o: o[0]),
    "attribute of a list subclass": (Rows, lambda o: o.first),
    "item of a model output": (Said, lambda o: o["logits"]),
    "attribute of a model output": (Said, lambda o: o.logits),
    "user dict": (lambda t: UserDict(a=t), lambda o: o["a"]),
    "deque": (lambda t: deque([t], maxlen=3), lambda o: o[0]),
    "namespace": (lambda t: SimpleNamespace(a=t), lambda o: o.a),
    "own class": (Holder, lambda o: o.value),
    "nested": (lambda t: {"a": [Pair(Result(t), 1)]}, lambda o: o["a"][0].low.logits),
}


@pytest.mark.parametrize("name", WRAPS)
def test_an_output_that_is_put_back_keeps_its_numbers(name: str) -> None:
    """Whatever holds it; the input is put back all the same, and the holder stays of its kind."""
    wrap, unwrap = WRAPS[name]
    x = photo()
    found = trace(lambda x: wrap(F.relu(x, inplace=True)), x)
    assert torch.equal(x, photo())
    assert type(found.output) is type(wrap(x))
    assert torch.equal(unwrap(found.output), photo().relu())


@pytest.mark.parametrize("name", WRAPS)
def test_an_output_that_is_not_put_back_stays_the_same_object(name: str) -> None:
    kept: list[Any] = []

    def run(x: Tensor) -> Any:
        kept.append(WRAPS[name][0](x * 2))
        return kept[-1]

    assert trace(run, photo()).output is kept[0]


def test_a_tensor_that_is_returned_twice_stays_one() -> None:
    found = trace(lambda x: Said(x.add_(1)), photo()).output
    assert found["logits"] is found.logits


def test_what_torch_returns_under_names() -> None:
    room = torch.zeros(1, 8, 6), torch.zeros(1, 8, 6, dtype=torch.long)
    found = trace(lambda x: torch.max(x, 1, out=room), photo()).output
    assert torch.equal(found.values, photo().max(1).values)
    assert torch.equal(found.indices, photo().max(1).indices)
    assert not room[0].any()
    assert not room[1].any()


def test_a_returned_buffer_that_a_layer_has_changed() -> None:
    """A batch norm writes its running mean where no operator is seen."""

    def run(self: Bench, x: Tensor) -> Any:
        return self.norm(x), self.norm.running_mean, self.scale

    model, plain = Bench(run).train(), Bench(run).train()
    _, mean, scale = trace(model, photo()).output
    assert torch.equal(mean, plain(photo())[1])
    assert torch.equal(model.norm.running_mean, torch.zeros(3))
    assert scale is model.scale


class Odd(nn.Module):
    """Buffers of every kind, among them one that has no numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(2))
        self.register_buffer("nowhere", torch.empty(2, device="meta"))
        self.register_buffer("sparse", torch.eye(2).to_sparse())
        self.register_buffer("missing", torch.tensor([float("nan"), 1.0]))
        self.register_buffer("growing", torch.zeros(2))
        self.register_buffer("freed", torch.ones(2))
        self.register_buffer("halved", torch.ones(2))
        self.register_buffer("last", torch.ones(2))

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.alpha.mul_(3)
            self.nowhere.add_(1)
            self.sparse.mul_(2)
            self.missing.zero_()
            self.growing.resize_(4)
            self.freed.untyped_storage().resize_(0)
            self.halved.data = self.halved.data.half()
            self.last.data = self.last.data * 5
        return x * self.alpha


@pytest.mark.parametrize("fails", [False, True])
def test_buffers_of_every_kind_are_put_back(fails: bool) -> None:
    model = Odd()
    address = model.last.data_ptr()
    found = trace(nn.Sequential(model, nn.Linear(3, 3) if fails else nn.ReLU()), torch.ones(2))
    assert (found.fault is not None) is fails
    assert torch.equal(model.alpha, torch.ones(2))
    assert model.nowhere.is_meta
    assert torch.equal(model.sparse.to_dense(), torch.eye(2))
    assert model.missing.isnan().tolist() == [True, False]
    assert torch.equal(model.growing, torch.zeros(2))
    assert torch.equal(model.freed, torch.ones(2))
    assert torch.equal(model.halved, torch.ones(2))
    assert torch.equal(model.last, torch.ones(2))
    assert model.last.data_ptr() == address


def test_where_one_thing_cannot_be_put_back_all_the_rest_is() -> None:
    """And the error says that this is what failed."""

    class Locked(Tensor):
        def copy_(self, *args: Any) -> Any:
            raise RuntimeError("locked")

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.locked = torch.zeros(2).as_subclass(Locked)
            self.register_buffer("free", torch.zeros(2))
            self.alpha = nn.Parameter(torch.ones(2))

        def forward(self, x: Tensor) -> Tensor:
            self.train(False)
            self.locked.add_(1)
            with torch.no_grad():
                self.alpha.add_(1)
                self.free.add_(1)
            return x + torch.rand(2)

    model = Model()
    torch.manual_seed(0)
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="locked") as raised:
        trace(model, torch.ones(2))
    assert "trace could not put this back" in raised.value.__notes__[0]
    assert torch.equal(model.alpha, torch.ones(2))
    assert torch.equal(model.free, torch.zeros(2))
    assert model.training
    assert torch.equal(torch.get_rng_state(), before)


def test_a_tensor_made_and_changed_in_inference_mode() -> None:
    with torch.inference_mode():
        x = photo()

    def run(x: Tensor) -> Tensor:
        with torch.inference_mode():
            return x.add_(1)

    assert torch.equal(trace(run, x).output, photo() + 1)
    assert torch.equal(x, photo())
