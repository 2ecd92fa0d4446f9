"""Probe and judge: right answers pass however they are written, wrong ones get one clear message."""

from __future__ import annotations

import operator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from autograder.exercises import EXERCISES
from autograder.submission.grading import grade_exercise
from course_root import KEYS, SECRET
from sumskip.checking.core import Case, Observation, Report
from sumskip.checking.judge import judge
from sumskip.checking.key import public_key
from sumskip.checking.probe import probe


def public(name: str, answer: Any) -> Report:
    return judge(public_key(name), lambda case: probe(answer, case))


def graded(name: str, answer: Any) -> Report:
    return grade_exercise(name, lambda case: probe(answer, case), SECRET, KEYS)


class Two(nn.Module):
    """The convolutions of `addition_model`, for answers to extend."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 16, 3, padding=1)
        self.two = nn.Conv2d(16, 16, 3, padding=1)


@pytest.mark.slow  # making secret keys
@pytest.mark.parametrize("name", EXERCISES)
def test_references_pass_both_ways(name: str) -> None:
    """Each reference earns full marks, with the public key and with the secret one; a prediction later."""
    checked, later = public(name, EXERCISES[name].answer), graded(name, EXERCISES[name].answer)
    assert (checked.status, later.status) == ("passed", "passed"), (checked.message, later.message)
    points = pytest.approx(EXERCISES[name].points, abs=1e-9)
    assert later.score == points
    assert checked.score == (0 if EXERCISES[name].questions else points)


@pytest.mark.parametrize("name", [n for n, e in EXERCISES.items() if e.kind == "literals"])
def test_an_untouched_dictionary_earns_nothing(name: str) -> None:
    untouched = dict.fromkeys(EXERCISES[name].answer)
    assert graded(name, untouched).score == 0
    assert public(name, untouched).status == "failed"


@pytest.mark.slow
@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize("answer", [None, 7, "text", nn.ReLU(), print], ids=repr)
def test_what_is_no_answer_gets_a_message_and_no_points(name: str, answer: Any) -> None:
    for report in (public(name, answer), graded(name, answer)):
        assert report.score == 0
        assert report.status == "failed"
        assert report.message
        assert len(report.message.split()) <= 45


class Unfolded(Two):
    def forward(self, x: Tensor) -> Tensor:
        out1 = self.one(x)
        n, c, h, w = out1.shape
        columns = F.unfold(out1, 3, padding=1)
        out2 = (self.two.weight.reshape(16, -1) @ columns).reshape(n, c, h, w)
        return out1 + out2 + self.two.bias[:, None, None]


class Normed(Two):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.utils.parametrizations.weight_norm(self.one)

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.one(x)
        return out1.add(self.two(out1))


class Learned(Two):
    """Not plain addition: `out2` gets a weight that is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.one(x)
        return out1 + self.beta * self.two(out1)


def test_weights_are_found_where_no_convolution_shows_them() -> None:
    assert public("addition_model", Unfolded).status == "passed"


def test_no_more_is_asked_than_can_tell() -> None:
    """An answer without biases: one case, which shows that, and then those without."""

    class WithoutBias(Two):
        def __init__(self) -> None:
            super().__init__()
            self.one.bias = self.two.bias = None

        def forward(self, x: Tensor) -> Tensor:
            return self.one(x) + self.two(self.one(x))

    asked: list[Case] = []

    def ask(case: Case) -> Observation:
        asked.append(case)
        return probe(WithoutBias, case)

    key = public_key("addition_model")
    assert judge(key, ask).status == "passed"
    assert asked == [key.cases[0], *(case for case in key.cases if not case.biases)]


def test_computed_weights_are_left_to_the_grader() -> None:
    """A notebook has no reference to run on them, so it says so; the grader has one."""
    report = public("addition_model", Normed)
    assert report.status == "not_graded"
    assert "grader will judge this construction" in report.message
    assert graded("addition_model", Normed).status == "passed"


def test_a_weight_without_a_role_does_not_hide_a_wrong_answer() -> None:
    """At its start value beta changes nothing; it is judged at another."""
    assert graded("addition_model", Learned).status == "failed"


class Slightly(Two):
    def forward(self, x: Tensor) -> Tensor:
        out1 = self.one(x)
        return out1 + 1.001 * self.two(out1)


def test_a_thousandth_is_too_much() -> None:
    report = graded("addition_model", Slightly)
    assert report.status == "failed"
    assert report.diagnosis is None
    assert "your model computes `one(x) + (two(one(x)) * 1.001)`" in report.message


class Halved(Two):
    def forward(self, x: Tensor) -> Tensor:
        out1 = self.one(x)
        return (out1 + self.two(out1)) / 2


def test_expected_stands_beside_actual() -> None:
    """A learner can check the numbers by hand."""
    report = public("addition_model", Halved)
    assert report.diagnosis == "averaged"
    assert any(line.startswith("first values: expected [") and ", yours [" in line for line in report.details)


def test_parts_are_explained_and_add_up() -> None:
    report = public("addition_model", Halved)
    assert report.score == pytest.approx(sum(part.score for part in report.parts))
    assert sum(part.max_score for part in report.parts) == report.max_score


def test_an_answer_is_judged_by_what_it_does_not_by_its_seed() -> None:
    """Same answer, same report, whatever the random state and the number of threads."""
    reports = []
    for seed, threads in ((1, 1), (2, 2)):
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        reports.append(graded("addition_model", Slightly))
    torch.set_num_threads(1)
    assert reports[0] == reports[1]


def test_probing_leaves_the_learners_random_stream_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    public("addition_model", Halved)
    assert torch.equal(torch.rand(3), expected)


class Loud(Two):
    def forward(self, x: Tensor) -> Tensor:
        print("shape", x.shape)
        import warnings

        warnings.warn("careful", stacklevel=1)
        out1 = self.one(x)
        return out1 + self.two(out1)


def test_prints_and_warnings_cost_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert public("addition_model", Loud).status == "passed"
    assert capsys.readouterr() == ("", "")


class Raises(Two):
    def forward(self, x: Tensor) -> Tensor:
        return self.three(x)


def test_an_error_names_the_line_of_the_learners_cell() -> None:
    report = public("addition_model", Raises)
    assert "return self.three(x)" in report.message
    assert "asks for `self.three`, which the model does not have" in report.message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda out: (out, out), "tuple of two"),
        (lambda out: None, "forward"),
        (lambda out: out.to(torch.int64), "int64"),
        (lambda out: out.to(torch.float16), "float16"),
        (lambda out: out[:, :8], "shape"),
        (lambda out: out.detach().numpy(), "ndarray"),
    ],
)
def test_what_comes_back_is_said(change: Any, words: str) -> None:
    class Model(Two):
        def forward(self, x: Tensor) -> Any:
            out1 = self.one(x)
            return change(out1 + self.two(out1))

    report = public("addition_model", Model)
    assert report.status == "failed"
    assert words in report.message


def test_probe_never_raises() -> None:
    """Not even for a case that fits no answer."""
    seen = probe(object(), Case("x", "fit", "seed", inputs=((1, 1, 4, 4), (1, 1, 4, 4))))
    assert seen.facts["problem"]["stage"] == "answer"


def test_a_fault_of_ours_is_not_the_learners(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the probe itself stops, nothing is graded, and the sentence says whose fault it is."""
    monkeypatch.setattr("sumskip.checking.probing.module.dtypes_of", operator.itemgetter("a slip of ours"))
    report = public("addition_model", Halved)
    assert (report.status, report.score) == ("not_graded", 0.0)
    assert "a fault of ours, not your mistake" in report.message


class BadTrain(Halved):
    def train(self, mode: bool = True) -> Any:
        return self.no_such_list


class BadParameters(Two):
    """The values are right: only what must be listed is lost."""

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.one(x)
        return out1 + self.two(out1)

    def parameters(self, recurse: bool = True) -> Any:
        return self.no_such_list


@pytest.mark.parametrize("answer", [BadTrain, BadParameters])
def test_a_fault_in_what_the_learner_overrides_is_theirs(answer: Any) -> None:
    report = public("addition_model", answer)
    assert report.status == "failed"
    assert "return self.no_such_list" in report.message


def earned(report: Report) -> list[float]:
    return [part.score for part in report.parts]


class Detached(Two):
    def forward(self, x: Tensor) -> Tensor:
        out1 = self.one(x)
        return out1.detach() + self.two(out1)


@pytest.mark.parametrize(("answer", "points"), [(Detached, [1, 3, 0, 2]), (Halved, [1, 0, 0, 2])])
def test_one_mistake_costs_one_part(answer: Any, points: list[float]) -> None:
    """What is registered is registered, whatever the values and the gradients are."""
    assert earned(public("addition_model", answer)) == points
    assert earned(graded("addition_model", answer)) == points


class Kernels(nn.Module):
    """`addition_model` with kernels that `self.kernel(i)` computes in each pass."""

    def __init__(self) -> None:
        super().__init__()
        self.plain = [torch.randn(16, 3, 3, 3) / 5, torch.randn(16, 16, 3, 3) / 12]
        self.learned = nn.ParameterList([torch.randn(16, 3, 3, 3) / 5, torch.randn(16, 16, 3, 3) / 12])
        self.scale = nn.Parameter(torch.ones(16, 1, 1, 1))
        self.loose = torch.ones(16, 1, 1, 1, requires_grad=True)
        self.register_buffer("mask", (torch.rand(16, 1, 3, 3) > 0.3).float())

    def kernel(self, index: int) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        out1 = F.conv2d(x, self.kernel(0), padding=1)
        return out1 + F.conv2d(out1, self.kernel(1), padding=1)


def computing(kernel: Any) -> type[Kernels]:
    return type("Computing", (Kernels,), {"kernel": kernel})


@pytest.mark.parametrize(
    "kernel",
    [
        lambda self, i: self.learned[i] / 12,
        lambda self, i: self.learned[i] * self.scale,
        lambda self, i: self.learned[i] * self.mask,
        lambda self, i: self.learned[i] * 0.01 + self.plain[i],
        lambda self, i: torch.cat([self.learned[i][:8], self.learned[i][8:]]),
    ],
    ids=["divided", "scaled", "masked", "added to a constant", "in two pieces"],
)
def test_a_weight_computed_from_parameters_keeps_its_points(kernel: Any) -> None:
    report = graded("addition_model", computing(kernel))
    assert report.status == "passed", report.message


@pytest.mark.parametrize(
    "kernel",
    [
        lambda self, i: self.plain[i].requires_grad_() * 2,
        lambda self, i: self.learned[i] * self.loose,
        lambda self, i: self.plain[i] * self.scale,
        lambda self, i: self.plain[i] + self.learned[i] - self.learned[i].detach(),
        lambda self, i: self.plain[i] + 1e-9 * self.learned[i],
    ],
    ids=["a tensor", "half a parameter", "a constant, scaled", "led astray", "too little to see"],
)
def test_a_weight_that_follows_no_parameters_costs_their_part(kernel: Any) -> None:
    """Values and gradients are right, and stay so; the notebook says at least what is certain."""
    report = graded("addition_model", computing(kernel))
    assert earned(report) == [1, 3, 2, 0], report.message
    assert public("addition_model", computing(kernel)).status != "passed"


def test_a_constant_weight_is_not_called_made_anew() -> None:
    """Without a gradient it does not learn; but its values are the same in each pass, and right."""
    answer = computing(lambda self, i: self.plain[i] * 2)
    report = graded("addition_model", answer)
    assert earned(report) == [1, 3, 0, 0]
    assert report.diagnosis is None
    assert "computed without a gradient" in public("addition_model", answer).message


class Gain(Two):
    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.ones(1, requires_grad=True)

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.one(x)
        return self.gain * out1 + self.two(out1)


class Constant(Two):
    def forward(self, x: Tensor) -> Tensor:
        out1 = self.one(x)
        return torch.ones(1, requires_grad=True) * out1 + self.two(out1)


def test_what_lasts_and_wants_a_gradient_must_be_registered() -> None:
    """A number that is made anew in each pass cannot learn, and so is only a number."""
    report = public("addition_model", Gain)
    assert earned(report) == [1, 3, 2, 0]
    assert "`requires_grad`" in report.message
    assert public("addition_model", Constant).status == "passed"


class Hiding(Two):
    def parameters(self, recurse: bool = True) -> Any:
        return iter([])

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.one(x)
        return out1 + self.two(out1)


def test_parameters_can_take_away_but_not_add() -> None:
    """An optimiser gets what `parameters()` lists, whatever stands in the tables."""
    assert earned(public("addition_model", Hiding)) == [1, 3, 2, 0]


def test_a_second_call_must_give_the_same_outputs() -> None:
    calls = iter(range(1000))

    def intermediate_outputs(model: nn.Sequential, x: Tensor) -> list[Tensor]:
        outputs = []
        for layer in model:
            x = layer(x)
            outputs.append(x)
        return outputs if next(calls) % 2 == 0 else [output * 2 for output in outputs]

    report = public("intermediate_outputs", intermediate_outputs)
    assert earned(report) == [2, 4, 0]
    assert "different results" in report.message
