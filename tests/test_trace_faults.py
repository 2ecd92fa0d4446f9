"""A forward pass that fails is a trace too: the node, the shapes, the clash, the place, one sentence."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pictures import Bench, marked, nodes, photo, well_formed, wires
from sumskip import trace
from sumskip.seeing.graph import Fault
from sumskip.seeing.tracing.clashes import broadcast, concatenated, multiplied, reshaped, summed


def failing(run: Any) -> Any:
    model = Bench(run)
    model.fc = nn.Linear(10, 2)
    model.norm8 = nn.BatchNorm2d(8)
    model.holder = nn.ModuleList([nn.ReLU()])
    model.seq = nn.Sequential(nn.Conv2d(3, 16, 1), nn.Conv2d(3, 32, 1))
    found = trace(model, photo())
    assert found.fault is not None
    assert found.output is None
    assert not any(node.kind == "output" for node in found.nodes)
    assert found.fault.node in {node.id for node in found.nodes}
    assert "failed here" in marked(found)[found.fault.node]
    well_formed(found)
    return found


def fault(run: Any) -> Fault:
    found = failing(run).fault
    assert isinstance(found, Fault)
    return found


def test_the_classic_16_onto_3() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        out1 = self.wide(x)
        out2 = torch.relu(out1)
        return (x + out2) * 2

    found = failing(run)
    assert nodes(found) == ["x input", "wide module", "relu op", "+ op"]
    assert wires(found) == ["x -> wide", "wide -> relu", "x -> +", "relu -> +"]
    fault = found.fault
    assert fault.node == "+"
    assert fault.shapes == ((1, 3, 8, 6), (1, 16, 8, 6))
    assert fault.clash == 1
    assert fault.sentence == "3 and 16 in dimension 1: sizes must be equal, or one of them 1"
    assert fault.rows == (("x", ("1", "3", "8", "6")), ("out2", ("1", "16", "8", "6")))
    assert fault.expression == "x + out2"
    assert fault.source_line == "return (x + out2) * 2"
    assert "The size of tensor a (3) must match" in fault.message
    with open(__file__) as source:  # noqa: PTH123
        assert source.read().splitlines()[(fault.line or 0) - 1].strip() == fault.source_line


@pytest.mark.parametrize(
    ("run", "node", "sentence", "rows", "clash"),
    [
        (
            lambda self, x: self.wide(self.wide(x)),
            "wide#2",
            "16 and 3 in dimension 1: wide takes 3 channels",
            (("self.wide(x)", ("1", "16", "8", "6")), ("wide takes", ("N", "3", "H", "W"))),
            1,
        ),
        (
            lambda self, x: self.seq(x),
            "seq.1",
            "16 and 3 in dimension 1: seq.1 takes 3 channels",
            (("seq.0", ("1", "16", "8", "6")), ("seq.1 takes", ("N", "3", "H", "W"))),
            1,
        ),
        (
            lambda self, x: self.conv1(x[0, 0]),
            "conv1",
            "2 dimensions came, (8, 6): conv1 takes 4, (N, 3, H, W)",
            (),
            None,
        ),
        (
            lambda self, x: nn.Conv2d(3, 3, 9)(x),
            "Conv2d",
            "the kernel 9×9 of Conv2d is larger than its padded input, 8×6",
            (),
            None,
        ),
        (
            lambda self, x: self.fc(x),
            "fc",
            "6 and 10 in dimension 3: fc takes 10 in the last dimension",
            (("x", ("1", "3", "8", "6")), ("fc takes", ("N", "…", "…", "10"))),
            3,
        ),
        (
            lambda self, x: self.norm8(x),
            "norm8",
            "3 and 8 in dimension 1: norm8 takes 8 channels",
            (("x", ("1", "3", "8", "6")), ("norm8 takes", ("N", "8", "H", "W"))),
            1,
        ),
        (
            lambda self, x: torch.cat([x, self.wide(x)[:, :, 1:]], 1),
            "cat",
            "8 and 7 in dimension 2: cat joins dimension 1, and all other sizes must be equal",
            (("x", ("1", "3", "8", "6")), ("self.wide(x)[:, :, 1:]", ("1", "16", "7", "6"))),
            2,
        ),
        (
            lambda self, x: torch.stack([x, self.wide(x)]),
            "stack",
            "3 and 16 in dimension 1: all sizes must be equal",
            (("x", ("1", "3", "8", "6")), ("self.wide(x)", ("1", "16", "8", "6"))),
            1,
        ),
        (
            lambda self, x: x @ x,
            "@",
            "6 in the last dimension of x and 8 in the last but one of x: @ needs them equal",
            (("x", ("1", "3", "8", "6")), ("x", ("1", "3", "8", "6"))),
            3,
        ),
        (
            lambda self, x: x.view(1, 5, -1),
            "view",
            "x holds 144 numbers and (1, 5, -1) divides them by 5: the count must stay the same",
            (("x", ("1", "3", "8", "6")),),
            None,
        ),
        (
            lambda self, x: x + nn.functional.avg_pool2d(x, 2),
            "+",
            "8 and 4 in dimension 2, 6 and 3 in dimension 3: sizes must be equal, or one of them 1",
            (("x", ("1", "3", "8", "6")), ("nn.functional.avg_pool2d(x, 2)", ("1", "3", "4", "3"))),
            2,
        ),
        (
            lambda self, x: torch.zeros(8, 6).add_(x),
            "+",
            "torch.zeros(8, 6) has shape (8, 6) and the result (1, 3, 8, 6): it cannot be written in place",
            (("torch.zeros(8, 6)", ("", "", "8", "6")), ("the result", ("1", "3", "8", "6"))),
            0,
        ),
        (
            lambda self, x: F.conv2d(x, self.wide.weight.transpose(0, 1)),
            "conv2d",
            "3 and 16 in dimension 1: conv2d takes 16 channels",
            (("x", ("1", "3", "8", "6")), ("conv2d takes", ("N", "16", "H", "W"))),
            1,
        ),
        (
            lambda self, x: torch.einsum("nchw,nkhc->nk", x, x),
            "einsum",
            "3 and 6 for the letter c: one letter stands for one size",
            (("x", ("1", "3", "8", "6")), ("x", ("1", "3", "8", "6"))),
            3,
        ),
    ],
)
def test_what_clashed_and_the_rule(
    run: Any, node: str, sentence: str, rows: tuple[Any, ...], clash: int | None
) -> None:
    found = fault(run)
    assert (found.node, found.sentence) == (node, sentence)
    assert found.clash == clash
    assert found.rows == rows


@pytest.mark.parametrize(
    ("run", "node", "sentence"),
    [
        (
            lambda self, x: self.holder(x),
            "holder",
            "holder is a ModuleList: it holds modules and has no forward pass of its own",
        ),
        (lambda self, x: self.conv3(x), "self.conv3", "Bench has no attribute conv3"),
        (lambda self, x: x.reluu(), "x.reluu", "a tensor has no attribute reluu"),
        (lambda self, x: torch.reluu(x), "torch.reluu", "the module torch has no attribute reluu"),
        (
            lambda self, x: (self.conv1 + self.conv2)(x),
            "+",
            "+ was given a Conv2d and a Conv2d: it takes tensors or numbers",
        ),
        (lambda self, x: x + None, "+", "+ was given a Tensor and None: it takes tensors or numbers"),
        (lambda self, x: self.conv1(None), "conv1", "conv1 was given None: it takes a tensor"),
        (lambda self, x: self.conv1([x]), "conv1", "conv1 was given a list: it takes a tensor"),
        (lambda self, x: self.conv1(x, x), "conv1", "conv1 takes 1 input, and 2 came"),
        (lambda self, x: self.seq(x, x), "self.seq(x, x)", "seq takes 1 input, and 2 came"),
        (lambda self, x: self.seq(), "self.seq()", "seq takes 1 input, and none came"),
        (lambda self, x: x(self), "x(self)", "x is a Tensor, which cannot be called"),
        (lambda self, x: self.layers(x), "self.layers(x)", "self.layers is a list, which cannot be called"),
        (lambda self, x: out2 + x, "out2", "the name out2 has no value when this line runs"),  # noqa: F821
        (lambda self, x: {}["a"], '{}["a"]', "KeyError: 'a'"),
        (
            lambda self, x: self.conv1(x.double()),
            "conv1",
            "float64 came and conv1 holds float32: both must be of one number type",
        ),
        (
            lambda self, x: x.flatten(1) @ torch.zeros(144, 2, dtype=torch.float64),
            "@",
            "float32 and float64 meet in @: all operands must be of one number type",
        ),
        (
            lambda self, x: self.alpha.add_(1),
            "+",
            "+ would overwrite self.alpha, a leaf that requires a gradient: autograd forbids it",
        ),
        (
            lambda self, x: x.mean(9),
            "mean",
            "mean could not be computed: Dimension out of range "
            "(expected to be in range of [-4, 3], but got 9)",
        ),
        (
            lambda self, x: self.norm(x[:, :, :1, :1]),
            "norm",
            "norm got one number per channel, (1, 3, 1, 1): in train mode it needs more than one",
        ),
    ],
)
def test_other_mistakes_in_plain_words(run: Any, node: str, sentence: str) -> None:
    found = fault(run)
    assert (found.node, found.sentence) == (node, sentence)
    assert found.line is not None
    assert found.expression != ""


def test_a_block_without_forward() -> None:
    class Empty(nn.Module):
        pass

    found = trace(nn.Sequential(nn.ReLU(), Empty()), photo())
    assert found.fault is not None
    assert found.fault.sentence == "Empty has no method named forward"
    assert found.fault.node == "1"
    assert nodes(found) == ["input input", "0 module", "1 module"]


def test_a_failed_operator_shows_its_settings_and_no_numbers() -> None:
    found = failing(lambda self, x: torch.cat([x, self.wide(x)[:, :, 1:]], dim=1))
    assert {node.id: node.type_name for node in found.nodes}["cat"] == "cat(dim=1)"


def test_the_tensors_on_the_failing_line_lead_to_it() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        return self.missing(out1)

    assert wires(failing(run)) == ["x -> conv1", "conv1 -> self.missing"]


def test_a_failure_that_the_model_catches_is_not_the_fault() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        try:
            x = x + self.wide(x)
        except RuntimeError:
            x = x * 2
        return x

    model = Bench(run)
    found = trace(model, photo())
    assert found.fault is None
    assert marked(found) == {"+": ("failed, and was caught",)}
    assert wires(found)[-1] == "× -> output"


def test_the_learners_line_even_deep_inside_torch() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        y = self.seq(x)
        return y * 2

    found = fault(run)
    assert found.expression == "self.seq(x)"
    assert found.source_line == "y = self.seq(x)"


def test_without_source_there_is_still_a_sentence() -> None:
    scope: dict[str, Any] = {}
    exec("def run(self, x):\n    return x + self.wide(x)\n", scope)
    found = fault(scope["run"])
    assert (found.expression, found.source_line) == ("", "")
    assert found.sentence.startswith("3 and 16 in dimension 1")
    assert [name for name, _ in found.rows] == ["x", "wide"]


def test_our_own_mistake_does_not_look_like_the_learners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sumskip.seeing.tracing.recorder.caller", None)
    model, before = Bench(lambda self, x: self.conv1(x)), nn.Module.__call__
    with pytest.raises(TypeError) as caught:
        trace(model, photo())
    assert caught.value.__notes__ == [
        "This is a mistake in sumskip.trace, not in your model. Please report it."
    ]
    assert nn.Module.__call__ is before


def test_the_same_fault_twice() -> None:
    model = Bench(lambda self, x: x + self.wide(x))
    assert trace(model, photo()) == trace(model, photo())


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (torch.add, [(2, 3), (3,)]),
        (torch.add, [(4, 1), (1, 5)]),
        (torch.add, [(2, 3), (2,)]),
        (torch.add, [(5, 2, 3), (2, 1)]),
        (torch.matmul, [(2, 3), (3, 4)]),
        (torch.matmul, [(2, 3), (2, 4)]),
        (torch.matmul, [(7, 2, 3), (6, 3, 1)]),
        (torch.matmul, [(3,), (3,)]),
    ],
)
def test_clashes_agree_with_torch(function: Any, shapes: list[tuple[int, ...]]) -> None:
    rule = broadcast if function is torch.add else multiplied
    try:
        function(*(torch.zeros(shape) for shape in shapes))
    except RuntimeError:
        assert rule(["a", "b"], shapes) is not None
    else:
        assert rule(["a", "b"], shapes) is None


def test_clashes_that_are_none() -> None:
    assert concatenated(["a", "b"], [(1, 3, 8), (1, 5, 8)], 1) is None
    assert concatenated(["a", "b"], [(1, 3, 8), (1, 5, 8)], -2) is None
    assert reshaped("x", (2, 6), (3, -1)) is None
    assert summed(["a", "b"], [(2, 3), (3, 4)], "ij,jk->ik") is None
