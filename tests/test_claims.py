"""A name is a claim: it is said where all that its sentence speaks of was seen, and nowhere else."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from autograder.exercises.identity_block import IdentityBlock
from sumskip.checking.core import Report
from sumskip.checking.differences import CHECKS
from sumskip.checking.judge import judge
from sumskip.checking.key import public_key
from sumskip.checking.probe import probe
from sumskip.checking.probing.roles import Watch
from sumskip.checking.probing.terms import Formulas, claim
from sumskip.checking.sentences import SAID_OF

pytestmark = pytest.mark.quick


def addition(
    forward: Callable[[Any, Tensor], object],
    first: tuple[int, ...] = (3, 16, 3, 1, 1),
    second: tuple[int, ...] = (16, 16, 3, 1, 1),
) -> type[nn.Module]:
    """Two convolutions of these arguments, called conv1 and conv2, wired by `forward`."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(*first)
            self.conv2 = nn.Conv2d(*second)

        def forward(self, x: Tensor) -> object:
            return forward(self, x)

    return Model


def added(model: Any, x: Tensor) -> Tensor:
    out1 = model.conv1(x)
    total: Tensor = out1 + model.conv2(out1)
    return total


def judged(answer: Any, exercise: str = "addition_model") -> Report:
    return judge(public_key(exercise), lambda case: probe(answer, case))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(
            addition(lambda m, x: m.conv1(x) + m.conv1(m.conv1(x))),
            "`conv1` takes 3 channels, but received 16: `conv1(x)` has shape (2, 16, 5, 7).",
            id="first convolution twice",
        ),
        pytest.param(
            addition(lambda m, x: m.conv1(x.relu()) + m.conv2(x)),
            "`conv2` takes 16 channels, but received 3: `x` has shape (2, 3, 5, 7).",
            id="only one convolution reads x",
        ),
        pytest.param(
            addition(added, first=(16, 16, 3, 1, 1)),
            "`conv1` takes 16 channels, but received 3: `x` has shape (2, 3, 5, 7).",
            id="both convolutions 16 to 16",
        ),
        pytest.param(
            addition(added, first=(3, 16, 5, 1, 1), second=(16, 16, 5, 1, 1)),
            "`+` cannot join `conv1(x)` of shape (2, 16, 3, 5) and `conv2(conv1(x))` of shape (2, 16, 1, 3).",
            id="kernels 5 by 5",
        ),
        pytest.param(
            addition(added, second=(16, 16, 3, 1, 1, 2)),
            "`+` cannot join `conv1(x)` of shape (2, 16, 5, 7) and `conv2(conv1(x))` of shape (2, 16, 3, 5).",
            id="dilation",
        ),
        pytest.param(
            addition(lambda m, x: x + m.conv2(m.conv1(x)).relu()),
            "`+` cannot join `x` of shape (2, 3, 5, 7) and `relu(conv2(conv1(x)))` of shape (2, 16, 5, 7).",
            id="x meets something else",
        ),
        pytest.param(
            addition(lambda m, x: torch.cat([m.conv1(x), x], 1)),
            "Your output, `cat([conv1(x), x], 1)`, has shape (2, 19, 5, 7); (2, 16, 5, 7) was expected",
            id="another concatenation",
        ),
        pytest.param(
            addition(lambda m, x: m.conv1(x).sigmoid() + m.conv2(m.conv1(x))),
            "your model computes `sigmoid(conv1(x)) + conv2(conv1(x))`; `conv1(x) + conv2(conv1(x))` was",
            id="another formula",
        ),
        pytest.param(
            addition(lambda m, x: m.conv1(x)[:, :8].mean(1, keepdim=True) + m.conv2(m.conv1(x))),
            "`mean(conv1(x)[:, :8], 1, keepdim=True) + conv2(conv1(x))`",
            id="arguments with their names",
        ),
        pytest.param(
            addition(added, second=(16, 16, 5, 1, 2)),
            "one layer's weight has shape (16, 16, 5, 5), where (16, 16, 3, 3) was expected.",
            id="another kernel",
        ),
        pytest.param(
            addition(lambda m, x: (m.conv1(x), "done")),
            "A tuple of 2 (str, tensor) came back; one tensor was expected.",
            id="a tuple, and not of tensors",
        ),
    ],
)
def test_where_no_claim_holds_the_observation_is_said(answer: type[nn.Module], said: str) -> None:
    report = judged(answer)
    assert report.diagnosis is None
    assert said in report.message
    assert len(report.message.split()) <= 30


class Tensors(nn.Module):
    """Right values from tensors that no list and no dict holds."""

    def __init__(self) -> None:
        super().__init__()
        self.one = torch.randn(16, 3, 3, 3, requires_grad=True)
        self.two = torch.randn(16, 16, 3, 3, requires_grad=True)

    def forward(self, x: Tensor) -> Tensor:
        out1 = F.conv2d(x, self.one, padding=1)
        return out1 + F.conv2d(out1, self.two, padding=1)


class Listed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = {"a": nn.Conv2d(3, 16, 3, padding=1), "b": nn.Conv2d(16, 16, 3, padding=1)}

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.layers["a"](x)
        total: Tensor = out1 + self.layers["b"](out1)
        return total


class OfTheClass(nn.Module):
    """Layers that all models of the class share, beside a list with which they have nothing to do."""

    conv1 = nn.Conv2d(3, 16, 3, padding=1)
    conv2 = nn.Conv2d(16, 16, 3, padding=1)
    forward = added

    def __init__(self) -> None:
        super().__init__()
        self.spare = [nn.Conv2d(3, 16, 3)]


def test_a_list_of_layers_is_spoken_of_where_it_holds_the_layers_that_run() -> None:
    assert judged(Tensors).diagnosis is None
    assert judged(OfTheClass).diagnosis is None
    assert judged(Listed).diagnosis == "python-list"


def test_which_of_two_like_layers_is_meant_is_not_guessed() -> None:
    """`out2` is what one of them makes, and the other one's result is what came out."""

    class InVain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
            self.conv2, self.conv3 = (nn.Conv2d(16, 16, 3, padding=1) for _ in range(2))

        def forward(self, x: Tensor) -> Tensor:
            out1 = self.conv1(x)
            self.conv2(out1)
            other: Tensor = self.conv3(out1)
            return other

    report = judged(InVain)
    assert report.diagnosis is None
    assert "your model computes `conv3(conv1(x))`" in report.message


def test_values_are_called_right_only_where_they_are_in_every_case() -> None:
    """In train mode alone they are; that statistics then differ too only follows."""

    class StaysInTrain(IdentityBlock):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) if self.train() else x

    report = judged(StaysInTrain, "identity_block")
    assert "The shape is right, the values are not" in report.message
    assert "in eval mode" in report.details[0]


def test_every_fact_that_is_compared_has_a_sentence() -> None:
    facts = [inspect.getclosurevars(check).nonlocals for checks in CHECKS.values() for _, check in checks]
    compared = {found["what"] for found in facts if "what" in found}
    assert "the same again" in compared
    assert not compared - SAID_OF.keys()


@pytest.mark.parametrize(
    ("made", "diagnosis"),
    [
        (lambda: nn.Parameter(0.5), "parameter-of-float"),  # type: ignore[arg-type]
        (lambda: nn.Parameter([0.5]), None),  # type: ignore[arg-type]
        (lambda: nn.Parameter("0.5"), None),  # type: ignore[arg-type]
    ],
)
def test_a_parameter_of_a_number_is_not_one_of_a_list(
    made: Callable[[], nn.Parameter], diagnosis: str | None
) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.alpha = made()

    assert judged(Model, "weighted_addition_model").diagnosis == diagnosis


def test_an_operator_of_a_function_about_a_model_is_told_too() -> None:
    def every_second(model: nn.Sequential, x: Tensor) -> list[Tensor]:
        return [model[0](x), model[2](x)]

    report = judged(every_second, "intermediate_outputs")
    assert report.diagnosis is None
    assert "`model[2]` takes 8 channels, but received 3: `x` has shape" in report.message


def claimed(forward: Callable[[nn.Conv2d, nn.Conv2d, Tensor], Tensor]) -> tuple[str | None, str]:
    """The claim and the formula of what `forward` makes of two convolutions 3→3."""
    model = nn.ModuleDict({"conv1": nn.Conv2d(3, 3, 3, padding=1), "conv2": nn.Conv2d(3, 3, 3, padding=1)})
    x = torch.ones(1, 3, 4, 4)
    with Watch([x]) as watch:
        output = forward(copy.copy(model["conv1"]), model["conv2"], x)  # type: ignore[arg-type]
    made = watch.made(output)
    return claim(made), Formulas(model).of(made)


def test_a_claim_is_the_same_however_it_is_written() -> None:
    first = claimed(lambda a, b, x: a(x) + b(x))
    assert first[1] == "conv1(x) + conv2(x)"
    assert first[0] == claimed(lambda a, b, x: torch.add(b(x), a(x)))[0]
    assert first[0] == claimed(lambda a, b, x: F.conv2d(x, a.weight, padding=1) + b(x))[0]
    others = [
        claimed(lambda a, b, x: a(x) + a(x)),
        claimed(lambda a, b, x: a(x) - b(x)),
        claimed(lambda a, b, x: a(x) + b(a(x))),
        claimed(lambda a, b, x: a(x) + F.conv2d(x, b.weight, padding=2)[..., 1:-1, 1:-1]),
    ]
    assert len({first[0], *(one for one, _ in others)}) == 5


def test_a_formula_that_would_be_too_long_is_none() -> None:
    def doubled(a: nn.Conv2d, b: nn.Conv2d, x: Tensor) -> Tensor:
        for _ in range(40):
            x = x + x
        return x

    found, formula = claimed(doubled)
    assert found is not None
    assert formula == ""

    def endless(a: nn.Conv2d, b: nn.Conv2d, x: Tensor) -> Tensor:
        for _ in range(4000):
            x = x * 1
        return x

    assert claimed(endless) == (None, "")


def test_an_argument_without_self_is_no_missing_argument() -> None:
    """`__init__(channels)` has the argument that `__init__(self)` lacks, and stops with the same words."""

    class Block(nn.Module):
        def __init__(channels: Any) -> None:  # noqa: N805
            super().__init__()

    assert judged(Block, "identity_block").diagnosis is None
