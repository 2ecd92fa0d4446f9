"""Every way to combine tensors is drawn as what ran: exact nodes and edges."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pictures import Bench, marked, nodes, photo, well_formed, wires
from sumskip import trace


def traced(run: Any, *, gradients: bool = False, mode: bool = True) -> Any:
    """The trace of a `Bench`: its output is bitwise that of a plain pass, and a second trace is equal."""
    model = Bench(run).train(mode)
    found = trace(model, photo(), gradients=gradients)
    assert found.fault is None, found.fault
    well_formed(found)
    assert trace(model, photo(), gradients=gradients) == found
    with torch.random.fork_rng():
        plain = model(photo())
    if isinstance(plain, Tensor):
        assert torch.equal(found.output, plain)
        assert found.output.requires_grad == plain.requires_grad
    return found


TWO = ["x -> conv1", "conv1 -> conv2"]


def plus(self: Bench, x: Tensor) -> Tensor:
    out1 = self.conv1(x)
    out2 = self.conv2(out1)
    return out1 + out2


def torch_add(self: Bench, x: Tensor) -> Tensor:
    out1 = self.conv1(x)
    return torch.add(out1, self.conv2(out1))


def method_add(self: Bench, x: Tensor) -> Tensor:
    out1 = self.conv1(x)
    return out1.add(self.conv2(out1))


def in_place(self: Bench, x: Tensor) -> Tensor:
    out1 = self.conv1(x)
    out2 = self.conv2(out1)
    out1 += out2
    return out1


@pytest.mark.parametrize("run", [plus, torch_add, method_add, in_place])
def test_plus_however_written(run: Any) -> None:
    found = traced(run)
    assert nodes(found) == ["x input", "conv1 module", "conv2 module", "+ op", "output output"]
    assert wires(found) == [*TWO, "conv1 -> +", "conv2 -> +", "+ -> output"]
    assert marked(found) == ({"+": ("overwrites",)} if run is in_place else {})
    assert [edge.argument for edge in found.edges if edge.target == "+"] == [0, 1]


def test_after_in_place_the_old_value_is_gone() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        out1 += 1
        return out1 * self.conv2(out1)

    found = traced(run)
    assert wires(found) == [
        "x -> conv1",
        "conv1 -> +",
        "1 -> +",
        "+ -> conv2",
        "+ -> ×",
        "conv2 -> ×",
        "× -> output",
    ]


def test_sum_of_a_list_starts_at_zero() -> None:
    """`sum([a, b])` computes 0 + a and then + b, and that is what is drawn."""

    def run(self: Bench, x: Tensor) -> Tensor:
        total = sum([self.conv1(x), x])
        return total + 0.0

    assert [node.variable for node in traced(run).nodes if node.label == "+"] == [None, "total", None]
    found = traced(lambda self, x: sum([self.conv1(x), x]))
    assert nodes(found)[2:] == ["0 constant", "+ op", "+#2 op", "output output"]
    assert wires(found) == ["x -> conv1", "0 -> +", "conv1 -> +", "+ -> +#2", "x -> +#2", "+#2 -> output"]


def test_stack_and_sum() -> None:
    found = traced(lambda self, x: torch.stack([x, self.conv1(x)]).sum(0))
    assert wires(found) == ["x -> conv1", "x -> stack", "conv1 -> stack", "stack -> sum", "sum -> output"]
    assert {node.id: node.type_name for node in found.nodes}["sum"] == "sum(0)"
    assert next(node for node in found.nodes if node.id == "stack").shape == (2, 1, 3, 8, 6)


def test_cat_says_its_dimension() -> None:
    found = traced(lambda self, x: torch.cat([x, self.wide(x)], dim=1))
    assert wires(found) == ["x -> wide", "x -> cat", "wide -> cat", "cat -> output"]
    assert found.nodes[2].type_name == "cat(dim=1)"
    assert found.nodes[2].shape == (1, 19, 8, 6)


@pytest.mark.parametrize(
    ("run", "label"),
    [
        (lambda self, x: F.relu(x), "relu"),
        (lambda self, x: x.relu(), "relu"),
        (lambda self, x: torch.relu(x), "relu"),
        (lambda self, x: -x, "neg"),
        (lambda self, x: x.flatten(1), "flatten"),
        (lambda self, x: x.mT, "mT"),
        (lambda self, x: copy.deepcopy(x), "deepcopy"),
        (lambda self, x: x.clone(), "clone"),
    ],
)
def test_one_operand(run: Any, label: str) -> None:
    found = traced(run)
    assert nodes(found) == ["x input", f"{label} op", "output output"]
    assert wires(found) == [f"x -> {label}", f"{label} -> output"]


def test_relu_in_place_overwrites() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        out = self.conv1(x)
        F.relu(out, inplace=True)
        return out + x

    found = traced(run)
    assert wires(found) == ["x -> conv1", "conv1 -> relu", "relu -> +", "x -> +", "+ -> output"]
    assert marked(found) == {"relu": ("overwrites",)}


def test_lerp_takes_three() -> None:
    found = traced(lambda self, x: torch.lerp(x, self.conv1(x), self.alpha))
    assert wires(found) == ["x -> conv1", "x -> lerp", "conv1 -> lerp", "alpha -> lerp", "lerp -> output"]
    assert found.nodes[2].value == 0.25
    assert found.nodes[2].kind == "parameter"


def test_einsum() -> None:
    found = traced(lambda self, x: torch.einsum("nchw,nkhw->nck", x, self.wide(x)))
    assert wires(found) == ["x -> wide", "x -> einsum", "wide -> einsum", "einsum -> output"]
    assert found.nodes[2].type_name == "einsum(nchw,nkhw->nck)"


def test_weighted_addition_in_full() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.alpha * out1 + (1 - self.alpha) * out2

    found = traced(run)
    assert nodes(found) == [
        "x input",
        "conv1 module",
        "conv2 module",
        "alpha parameter",
        "× op",
        "1 constant",
        "− op",
        "×#2 op",
        "+ op",
        "output output",
    ]
    assert wires(found) == [
        *TWO,
        "alpha -> ×",
        "conv1 -> ×",
        "1 -> −",
        "alpha -> −",
        "− -> ×#2",
        "conv2 -> ×#2",
        "× -> +",
        "×#2 -> +",
        "+ -> output",
    ]
    assert [node.variable for node in found.nodes[1:3]] == ["out1", "out2"]
    assert found.nodes[3].value == 0.25
    assert marked(found) == {}  # a scalar is not stretched in a learner's eyes: it scales


@pytest.mark.parametrize(
    ("run", "operands"),
    [
        (lambda self, x: 2 * x, ["2", "x"]),
        (lambda self, x: x * 2, ["x", "2"]),
        (lambda self, x: 2 + x, ["2", "x"]),
        (lambda self, x: 2 - x, ["2", "x"]),
        (lambda self, x: x - 2, ["x", "2"]),
        (lambda self, x: 2 / x, ["2", "x"]),
        (lambda self, x: x / 2, ["x", "2"]),
        (lambda self, x: 2**x, ["2", "x"]),
        (lambda self, x: x**2, ["x", "2"]),
        (lambda self, x: torch.rsub(x, 2), ["2", "x"]),
        (lambda self, x: np.float32(2) * x, ["2", "x"]),
        (lambda self, x: np.float64(2) - x, ["2", "x"]),
        (lambda self, x: x + np.float32(2), ["x", "2"]),
        (lambda self, x: (self.factor - 1) * x, ["2", "x"]),
        (lambda self, x: x.mul(2), ["x", "2"]),
    ],
)
def test_numbers_on_either_side(run: Any, operands: list[str]) -> None:
    found = traced(run)
    assert [edge.source for edge in found.edges[:2]] == operands
    assert [edge.argument for edge in found.edges[:2]] == [0, 1]
    constant = next(node for node in found.nodes if node.kind == "constant")
    assert constant.value == 2.0
    assert constant.shape is None


def test_a_number_knows_its_source() -> None:
    found = traced(lambda self, x: self.factor * x)
    constant = next(node for node in found.nodes if node.kind == "constant")
    assert (constant.label, constant.variable) == ("3", "self.factor")


def test_add_with_a_factor_is_no_bare_plus() -> None:
    found = traced(lambda self, x: torch.add(x, self.conv1(x), alpha=2))
    assert marked(found) == {"+": ("the second × 2",)}


def test_the_same_tensor_twice_makes_two_edges() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        o = self.conv1(x)
        return o + o

    found = traced(run)
    assert wires(found) == ["x -> conv1", "conv1 -> +", "conv1 -> +", "+ -> output"]
    assert [edge.argument for edge in found.edges[1:3]] == [0, 1]


def test_results_of_one_operator_are_told_apart() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        left, right = self.wide(x).chunk(2, 1)
        return right - left

    found = traced(run)
    assert wires(found) == ["x -> wide", "wide -> chunk", "chunk.1 -> −", "chunk -> −", "− -> output"]
    assert found.nodes[2].variable == "left, right"


def test_iterating_over_a_tensor() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        first, second, third = self.conv1(x)[0]
        return first + third * second

    found = traced(run)
    assert "unbind.2 -> ×" in wires(found)
    assert "unbind -> +" in wires(found)


def test_written_through_a_view() -> None:
    """A solid edge from the tensor, a dashed one from what was written into part of it."""

    def run(self: Bench, x: Tensor) -> Tensor:
        y = self.conv1(x)
        part = y[:, :1]
        part += 1
        return y * 2

    found = traced(run)
    assert nodes(found) == [
        "x input",
        "conv1 module",
        "[ ] op",
        "1 constant",
        "+ op",
        "2 constant",
        "× op",
        "output output",
    ]
    assert wires(found) == [
        "x -> conv1",
        "conv1 -> [ ]",
        "[ ] -> +",
        "1 -> +",
        "conv1 -> ×",
        "+ ~> ×",
        "2 -> ×",
        "× -> output",
    ]
    assert found.nodes[2].type_name == "[:, :1]"


def test_a_write_next_door_is_no_write() -> None:
    """Two halves share memory and a version, but not one number."""

    def run(self: Bench, x: Tensor) -> Tensor:
        y = self.wide(x)
        left, right = y[:, :8], y[:, 8:]
        left += 1
        return right * 2

    found = traced(run)
    assert not any(edge.dashed for edge in found.edges)
    assert found.notes == ()


def test_assigning_to_an_index() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        y = self.conv1(x)
        y[:, 0] = x[:, 1]
        return y

    found = traced(run)
    assert wires(found) == ["x -> conv1", "x -> [ ]", "conv1 -> [ ] =", "[ ] -> [ ] =", "[ ] = -> output"]
    assert marked(found) == {"[ ] =": ("overwrites",)}
    assert next(node for node in found.nodes if node.id == "[ ] =").type_name == "[:, 0]"


def test_into_a_given_tensor() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        with torch.no_grad():
            out = torch.zeros_like(x)
            torch.add(x, x, out=out)
        return out * 2

    found = traced(run)
    assert "+ -> ×" in wires(found)
    assert marked(found)["+"] == ("overwrites",)


@pytest.mark.parametrize(
    ("run", "label"),
    [
        (lambda self, x: x + self.conv1(x).detach(), "detach"),
        (lambda self, x: x + self.conv1(x).data, "data"),
    ],
)
def test_detach_and_data_stop_the_gradient(run: Any, label: str) -> None:
    found = traced(run)
    assert wires(found) == ["x -> conv1", f"conv1 -> {label}", "x -> +", f"{label} -> +", "+ -> output"]
    assert marked(found) == {label: ("gradient stops here",)}


def test_no_grad_stops_the_gradient() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        with torch.no_grad():
            out = self.conv1(x)
        return out + self.conv2(x)

    assert marked(traced(run)) == {"conv1": ("gradient stops here",)}


def test_under_no_grad_from_outside_only_what_the_model_does_is_marked() -> None:
    with torch.no_grad():
        found = traced(lambda self, x: self.conv1(x).detach() + self.conv2(x))
    assert marked(found) == {"detach": ("gradient stops here",)}


def test_item_is_followed_into_python() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        a = self.alpha.item()
        return a * x + (1 - a) * self.conv1(x)

    found = traced(run)
    assert wires(found)[:2] == ["alpha -> item", "item -> ×"]
    assert "item -> 1 - a" in wires(found)
    assert "1 - a -> ×#2" in wires(found)
    assert marked(found) == {"item": ("gradient stops here",), "1 - a": ("computed in Python",)}
    values = {node.id: node.value for node in found.nodes}
    assert values["item"] == 0.25
    assert values["1 - a"] == 0.75


@pytest.mark.filterwarnings("ignore:Converting a tensor")
def test_float_of_a_parameter_stops_the_gradient() -> None:
    found = traced(lambda self, x: float(self.alpha) * x)
    assert wires(found) == ["alpha -> float", "float -> ×", "x -> ×", "× -> output"]
    assert marked(found) == {"float": ("gradient stops here",)}


@pytest.mark.parametrize("bias", [-100.0, 100.0])
def test_the_branch_that_was_taken(bias: float) -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        return self.conv1(x) if (x + bias).mean() > 0 else self.conv2(x)

    found = traced(run)
    taken, other = ("conv1", "conv2") if bias > 0 else ("conv2", "conv1")
    assert taken in {node.id for node in found.nodes}
    assert other not in {node.id for node in found.nodes}
    assert marked(found) == {"bool": (f"Python reads {bias > 0}",)}


def test_looking_is_no_operator() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        assert x.dim() == 4
        assert x.size(0) == 1
        assert self.free.size(0) == len(self.free) == self.alpha.numel() + 2
        str(self.free)
        return x.contiguous().float().reshape(len(x), -1)

    assert nodes(traced(run)) == ["x input", "reshape op", "output output"]


def test_free_tensors_buffers_and_new_tensors() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        made = torch.ones(3, 1, 1)
        return x * self.scale + self.free + made

    found = traced(run)
    assert nodes(found) == [
        "x input",
        "ones constant",
        "scale buffer",
        "× op",
        "free constant",
        "+ op",
        "+#2 op",
        "output output",
    ]
    assert found.nodes[2].value == 2.0
    assert found.nodes[1].variable == "made"


@pytest.mark.parametrize(
    ("shape", "mark"),
    [
        ((16, 1, 1), ("stretches (16, 1, 1)",)),
        ((1, 1, 8, 6), ("stretches (1, 1, 8, 6)",)),
        ((16, 8, 6), ()),
        ((), ()),
        ((1,), ()),
    ],
)
def test_silent_stretching_is_said(shape: tuple[int, ...], mark: tuple[str, ...]) -> None:
    found = trace(lambda a, b: a + b, photo(*shape) if shape else torch.tensor(2.0), photo(1, 16, 8, 6))
    assert found.nodes[2].marks == mark
    assert found.nodes[2].shape == (1, 16, 8, 6)


def test_both_sides_can_be_stretched() -> None:
    found = trace(lambda a, b: a * b, photo(4, 1), photo(1, 5))
    assert found.nodes[2].marks == ("stretches (4, 1)", "stretches (1, 5)")
