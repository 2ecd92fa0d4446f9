"""What `trace` refuses, and in which words; and what a trace is made of."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pictures import Bench, nodes, photo, wires
from sumskip import Trace, trace
from sumskip.seeing.tracing import TraceError


@pytest.mark.parametrize(
    ("model", "inputs", "message"),
    [
        (Bench, (), "expected a model, but the class Bench came: make one first, Bench(…), and trace that"),
        (photo(), (nn.ReLU(),), "expected a model and then its inputs, but a tensor came first"),
        (None, (photo(),), "expected a module or a function, but None came"),
        ({"a": 1}, (photo(),), "expected a module or a function, but a dict came"),
        (nn.ReLU(), (), "ReLU takes input, but 0 inputs came"),
        (nn.ReLU(), (photo(), photo()), "ReLU takes input, but 2 inputs came"),
        (lambda a, b: a, (photo(),), "<lambda> takes a, b, but 1 input came"),
        (nn.ReLU(), (photo().numpy(),), "expected at least one tensor as input, but a NumPy array came"),
        (nn.ReLU(), ((1, 3, 8, 8),), "expected at least one tensor as input, but a tuple came"),
        (nn.ReLU(), (photo().shape,), "expected at least one tensor as input, but a shape came"),
        (lambda n: n + 1, (3,), "expected at least one tensor as input, but an int came"),
        (lambda: "done", (), "expected at least one tensor as input, but nothing came"),
        (lambda x: None, (photo(),), "<lambda> returned nothing: end it with `return` and the result"),
    ],
)
def test_bad_input_has_one_clear_message(model: Any, inputs: tuple[Any, ...], message: str) -> None:
    with pytest.raises(TraceError) as caught:
        trace(model, *inputs)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, TypeError)


def test_a_number_from_item_can_be_the_output() -> None:
    found = trace(lambda x: x.mean().item(), photo())
    assert wires(found) == ["x -> mean", "mean -> item", "item -> output"]
    assert isinstance(found.output, float)


def test_the_output_is_what_the_model_returned() -> None:
    found = trace(lambda x: {"a": (x * 2, 5)}, photo())
    assert torch.equal(found.output["a"][0], photo() * 2)
    assert found.output["a"][1] == 5


def test_a_distribution_is_an_output() -> None:
    """Its tensors are, by their names; so are those of any other object."""
    found = trace(lambda x: torch.distributions.Normal(x * 2, (x * 3).exp()), photo())
    assert wires(found)[-2:] == [
        "broadcast_tensors -> output.loc",
        "broadcast_tensors.1 -> output.scale",
    ]
    assert torch.equal(found.output.loc, photo() * 2)
    found = trace(lambda x: torch.distributions.Categorical(logits=x), photo())
    assert [node.label for node in found.nodes][-1] == "output.logits"


def test_nothing_but_keywords() -> None:
    def run(*, x: Tensor, other: Tensor) -> Tensor:
        return x + other

    found = trace(run, x=photo(), other=photo())
    assert wires(found) == ["x -> +", "other -> +", "+ -> output"]


def test_what_torch_sets_for_itself_is_no_setting() -> None:
    found = trace(lambda x: torch.nn.functional.softmax(x, dim=-1), photo())
    assert found.nodes[1].type_name == "softmax(dim=-1)"
    assert trace(nn.Softmax(-1), photo()).nodes[1].type_name == "Softmax(dim=-1)"


def test_there_and_back_through_json() -> None:
    model = Bench(lambda self, x: self.alpha * self.conv1(x))
    for found in (
        trace(model, photo(), gradients=True),
        trace(Bench(lambda self, x: x + self.wide(x)), photo()),
    ):
        again = Trace.from_dict(json.loads(json.dumps(found.to_dict())))
        assert again == found
        assert again.output is None


@pytest.mark.parametrize("data", [{}, {"nodes": [{"colour": 1}]}, {"nodes": 3}])
def test_a_dict_that_is_no_trace(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"Trace.to_dict\(\) makes"):
        Trace.from_dict(data)


def test_partial_and_callable_objects() -> None:
    class Adder:
        def __call__(self, x: Tensor) -> Tensor:
            return x + 1

    assert nodes(trace(Adder(), photo())) == ["x input", "1 constant", "+ op", "output output"]
    assert trace(Adder(), photo()).name == "Adder"
    assert nodes(trace(partial(torch.add, other=2), photo()))[-1] == "output output"
    assert wires(trace(torch.relu, photo())) == ["input0 -> relu", "relu -> output"]


def test_numbers_and_flags_beside_tensors_are_no_inputs() -> None:
    found = trace(lambda x, k, flag=False: x * k, photo(), 3, flag=True)
    assert nodes(found) == ["x input", "3 constant", "× op", "output output"]


def test_an_enormous_model() -> None:
    model = nn.Sequential(*(nn.Sequential(nn.ReLU(), nn.Tanh()) for _ in range(1000)))
    found = trace(model, photo(1, 1))
    assert len(found.nodes) == 2002
    assert len(found.boxes) == 1000


class Embedded(nn.Module):
    """Makes its tensors itself, of whatever comes."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(300, 4)

    def forward(self, given: Any = 7) -> Tensor:
        if isinstance(given, np.ndarray):
            return torch.as_tensor(given) * 2
        numbers = [ord(letter) for letter in given] if isinstance(given, str) else [given]
        return self.table(torch.tensor(numbers)).mean(0)


@pytest.mark.parametrize("given", [(), (3,), ("text",), (np.ones((2, 4), np.float32),)])
def test_a_model_that_makes_its_tensors_itself_is_traced(given: tuple[Any, ...]) -> None:
    """A number, a text, an array, nothing: what the model makes of it is there, and nothing is invented."""
    model = Embedded()
    found = trace(model, *given)
    assert torch.equal(found.output, model(*given))
    assert not [node for node in found.nodes if node.kind == "input"]
    assert [node.shape for node in found.nodes if node.kind == "output"] == [tuple(found.output.shape)]
    assert Trace.from_dict(found.to_dict()) == found
    assert trace(model, **dict(zip(["given"], given, strict=False))) == found


def test_an_array_is_the_tensor_that_shares_its_memory() -> None:
    """`torch.from_numpy` makes no copy: what goes in is that array, and it is put back as any input."""

    def run(scale: int, image: Any) -> Tensor:
        pixels = torch.from_numpy(image)
        pixels += scale
        return pixels * 2

    image = np.ones((2, 3), np.float32)
    found = trace(run, 4, image)
    assert wires(found) == ["image -> +", "4 -> +", "+ -> ×", "2 -> ×", "× -> output"]
    assert [node.shape for node in found.nodes if node.kind == "input"] == [(2, 3)]
    assert torch.equal(found.output, torch.full((2, 3), 10.0))
    assert (image == 1).all()
    for odd in (np.array(["a"]), np.ones(3, np.longdouble), np.ones(3)[::-1]):
        assert trace(lambda given: torch.ones(len(given)) * 2, odd).fault is None


def test_its_own_mistake_is_its_own() -> None:
    """Where a model that took no tensor fails in its own way, the trace tells where."""

    def run(n: int) -> Tensor:
        return torch.zeros(n) @ torch.zeros(n + 1)

    found = trace(run, 3)
    assert found.fault is not None
    assert found.fault.node == "@"


@pytest.mark.parametrize(
    ("run", "kind", "last"),
    [
        (lambda x: x.argmax().item(), "an int", "item"),
        (lambda x: ["cat", "dog"][x.argmax().item() % 2], "a str", "item"),
        (lambda x: [str(one) for one in x.argmax(-1).flatten().tolist()], "a list", "tolist"),
        (lambda x: x.detach().numpy(), "a NumPy array", "numpy"),
        (lambda x: {"a": []}, "a dict", "x"),
    ],
)
def test_what_is_no_tensor_leaves_without_an_arrow(run: Any, kind: str, last: str) -> None:
    """The picture ends where the tensors end, and says so."""
    found = trace(run, photo())
    assert found.notes == (f"<lambda> returned {kind}, so no tensor leaves it.",)
    assert found.nodes[-1].id == last
    assert type(found.output) is type(run(photo()))
    assert kind in found.to_svg()


@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
def test_a_nested_tensor_has_sizes_that_differ(layout: torch.layout) -> None:
    rows = [torch.ones(2, 4), torch.ones(3, 4)]
    found = trace(lambda t: t * 2, torch.nested.nested_tensor(rows, layout=layout))
    assert [node.shape for node in found.nodes if node.kind != "constant"] == [(2, -1, 4)] * 3
    assert "2×?×4" in found.to_svg()
    assert "(2, ?, 4)" in found.to_text()
    assert Trace.from_dict(found.to_dict()) == found
    even = trace(lambda t: t * 2, torch.nested.nested_tensor(rows[:1] * 2, layout=torch.strided))
    assert even.nodes[0].shape == (2, 2, 4)
