"""Each slip that changes little is refused with every secret, and each way to write the same is accepted.

An answer is the first one in its file of `autograder/answers` with some texts put in the place of others.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch

from autograder.answers import Answer, answers
from autograder.exercises import EXERCISES
from autograder.keys.making import make_key, rerun
from sumskip.checking.core import Report
from sumskip.checking.judge import judge
from sumskip.checking.key import Key
from sumskip.checking.probe import probe

SECRETS = 3

_OWN = "\n".join(
    f"        self.{name} = nn.Parameter(torch.{how}(1, channels, 1, 1))"
    for name, how in (("b2", "zeros"), ("g2", "ones"), ("b1", "zeros"), ("g1", "ones"))
)
_STEP = "        optimizer.step()\n"
_LAST = "        history.append(model.alpha.item())\n"
_LOOP = "    for _ in range(steps):\n"
_SUM, _BLEND = "return out1 + out2", "return self.alpha * out1 + (1 - self.alpha) * out2"
_FIRST = "        self.conv1 ="
_LATE = (
    "        if not hasattr(self, 'conv1'):\n"
    "            self.conv1 = nn.Conv2d(3, 16, 3, padding=1)\n"
    "            self.conv2 = nn.Conv2d(16, 16, 3, padding=1)\n"
)
_EAGER = _LATE.partition("\n")[2].replace("    " * 3, "    " * 2)

_RIGHT: dict[str, dict[str, list[tuple[str, str]]]] = {
    "addition_model": {
        "a layer that never runs": [
            (_FIRST, f"        self.spare = nn.Conv2d(16, 16, 3, padding=1)\n{_FIRST}")
        ],
        "one whose result is dropped": [
            (_FIRST, f"        self.spare = nn.Conv2d(16, 16, 3, padding=1)\n{_FIRST}"),
            (_SUM, f"self.spare(self.spare(out1))\n        {_SUM}"),
        ],
        "spare biases": [
            (_FIRST, f"        self.spare = nn.Conv2d(16, 16, 3, padding=1)\n{_FIRST}"),
            ("3, 16, 3, padding=1", "3, 16, 3, padding=1, bias=False"),
            (
                "self.conv2 = nn.Conv2d(16, 16, 3, padding=1",
                "self.conv2 = nn.Conv2d(16, 16, 3, padding=1, bias=False",
            ),
        ],
        "a row of ones": [
            (_SUM, "return F.linear(torch.stack([out1, out2], -1), torch.ones(1, 2)).squeeze(-1)")
        ],
        "a kernel in a buffer": [
            (
                _FIRST,
                f"        self.register_buffer('same', nn.init.dirac_(torch.empty(16, 16, 3, 3)))\n{_FIRST}",
            ),
            (_SUM, "return F.conv2d(out1, self.same, padding=1) + out2"),
        ],
        "a kernel in an attribute": [
            (_FIRST, f"        self.k = torch.cat([torch.eye(16)] * 2, 1).view(16, 32, 1, 1)\n{_FIRST}"),
            (_SUM, "return F.conv2d(torch.cat([out1, out2], 1), self.k)"),
        ],
    },
    "weighted_addition_model": {
        "alpha of float64": [("torch.tensor(0.5)", "torch.tensor(0.5, dtype=torch.float64)")],
        "alpha of float64, made first": [
            (
                _FIRST,
                f"        self.alpha = nn.Parameter(torch.tensor([0.5], dtype=torch.float64))\n{_FIRST}",
            ),
            ("        self.alpha = nn.Parameter(torch.tensor(0.5))\n", ""),
        ],
        "alpha of float16": [("torch.tensor(0.5)", "torch.tensor(0.5, dtype=torch.float16)")],
        "float64 within": [
            ("(0.5))\n", "(0.5))\n        self.double()\n"),
            ("self.conv1(x)", "self.conv1(x.double())"),
        ],
    },
    "identity_block": {
        "a gain and bias of its own": [
            ("BatchNorm2d(channels)", "BatchNorm2d(channels, affine=False)"),
            ("padding=1)", "padding=1, bias=False)"),
            ("super().__init__()\n", f"super().__init__()\n{_OWN}\n"),
            ("self.bn1(self.conv1(x))", "self.g1 * self.bn1(self.conv1(x)) + self.b1"),
            ("self.bn2(self.conv2(out))", "self.bn2(self.conv2(out)) * self.g2 + self.b2"),
        ],
    },
    "residual_block": {"stride 2 is the only other": [("stride != 1", "stride == 2")]},
    "fit_alpha": {
        "a tuple": [("return history", "return tuple(history)")],
        "numbers of NumPy": [("model.alpha.item()", "model.alpha.detach().numpy()[()]")],
    },
    "intermediate_outputs": {"a tuple": [("return outputs", "return tuple(outputs)")]},
}
_ACTIVATIONS = {
    "ReLU6 within": [("F.relu(self", "F.relu6(self")],
    "ReLU6 at the end": [("F.relu(out +", "F.relu6(out +")],
    "cut off at 20": [("F.relu(self", "20 - F.relu(20 - F.relu(self"), ("(x)))", "(x))))")],
    "leaky": [("F.relu(self.bn1(self.conv1(x)))", "F.leaky_relu(self.bn1(self.conv1(x)), 1e-3)")],
    "GELU": [("F.relu(self", "F.gelu(self")],
}
_NORMS = {
    f"BatchNorm with {setting}": [("BatchNorm2d(CHANNELS)", f"BatchNorm2d(CHANNELS, {setting})")]
    for setting in ("momentum=0.0", "momentum=1.0", "track_running_stats=False", "eps=1e-4", "affine=False")
}
_WRONG: dict[str, dict[str, list[tuple[str, str]]]] = {
    "addition_model": {
        "cut off at 255": [(_SUM, "return (out1 + out2).clamp(-255, 255)")],
        "dropout of a thousandth": [(_SUM, "return F.dropout(out1 + out2, 0.001, self.training)")],
        "dropout of few maps": [(_SUM, "return F.dropout2d(out1 + out2, 0.01, self.training)")],
        "made at the first call": [(_EAGER, ""), ("        out1 =", f"{_LATE}        out1 =")],
        "a border that goes around": [("padding=1)", "padding=1, padding_mode='circular')")],
    },
    "weighted_addition_model": {
        "alpha cut off": [
            ("        out1 =", "        a = self.alpha.clamp(-1, 2)\n        out1 ="),
            (_BLEND, "return a * out1 + (1 - a) * out2"),
        ],
    },
    "identity_block": {
        **_ACTIVATIONS,
        **_NORMS,
        "statistics put back": [("        return", "        self.bn1.reset_running_stats()\n        return")],
    },
    "residual_block": {
        **_ACTIVATIONS,
        **_NORMS,
        "projected where channels grow": [("in_channels !=", "in_channels <")],
        "projected where channels shrink": [("in_channels !=", "in_channels >")],
    },
    "fit_alpha": {
        "stops at a small loss": [(_STEP, f"        if loss < 1e-9:\n            break\n{_STEP}")],
        "stops at a small step": [
            (_LAST, f"{_LAST}        if history[-1] == model.alpha:\n            break\n")
        ],
        "stops where it gets worse": [
            (_LOOP, f"    losses = []\n{_LOOP}"),
            (
                _STEP,
                f"        losses += [loss]\n        if loss > min(losses):\n            break\n{_STEP}",
            ),
        ],
        "weight decay": [("lr=lr", "lr=lr, weight_decay=1e-5")],
        "momentum": [("lr=lr", "lr=lr, momentum=1e-3")],
        "clipped by norm": [(_STEP, f"        nn.utils.clip_grad_norm_([model.alpha], 100.0)\n{_STEP}")],
        "clipped by value": [(_STEP, f"        nn.utils.clip_grad_value_([model.alpha], 1.0)\n{_STEP}")],
        "smaller steps later": [(_STEP, f"{_STEP}        optimizer.param_groups[0]['lr'] *= 0.999\n")],
        "one step after all": [("    return", "    optimizer.step()\n    return")],
    },
    "intermediate_outputs": {
        "frozen": [("    for", "    model.requires_grad_(False)\n    for")],
        "x learns": [("    for", "    x.requires_grad_()\n    for")],
        "nothing is recorded any more": [("    for", "    torch.set_grad_enabled(False)\n    for")],
        "gradients left": [("    return", "    x.sum().backward()\n    return")],
        "other modules": [("    return", "    model[0] = type(model)(model[0])\n    return")],
    },
}


def _bound(exercise: str, changes: list[tuple[str, str]]) -> Any:
    source = next(answer.source for answer in answers() if answer.exercise == exercise)
    for old, new in changes:
        channels = "channels" if exercise == "identity_block" else "out_channels"
        old, new = old.replace("CHANNELS", channels), new.replace("CHANNELS", channels)
        assert old in source, old
        source = source.replace(old, new)
    return Answer(exercise, "changed", right=True, source=source).bound()


@cache
def _keys(exercise: str) -> list[Key]:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:  # without the wrong models a key is made at once
        plain = replace(EXERCISES[exercise], wrong=(), hints=())
        patch.setattr(f"autograder.exercises.{exercise}.EXERCISE", plain)
        return [make_key(exercise, f"a secret, number {number}") for number in range(SECRETS)]


def _reports(exercise: str, changes: list[tuple[str, str]]) -> list[Report]:
    answer = _bound(exercise, changes)
    return [
        judge(key, lambda case: probe(answer, case), lambda case, weights: rerun(exercise, case, weights))
        for key in _keys(exercise)
    ]


def _each(known: dict[str, dict[str, list[tuple[str, str]]]]) -> list[Any]:
    return [
        pytest.param(exercise, changes, id=f"{exercise}: {name}")
        for exercise, some in known.items()
        for name, changes in some.items()
    ]


@pytest.mark.parametrize(("exercise", "changes"), _each(_RIGHT))
def test_the_same_in_other_words_is_right(exercise: str, changes: list[tuple[str, str]]) -> None:
    for report in _reports(exercise, changes):
        assert report.status == "passed", report.message


@pytest.mark.parametrize(("exercise", "changes"), _each(_WRONG))
def test_a_slip_that_changes_little_is_refused(exercise: str, changes: list[tuple[str, str]]) -> None:
    for report in _reports(exercise, changes):
        assert report.status == "failed", report.message


@pytest.mark.parametrize(
    ("exercise", "changes", "score"),
    [
        ("residual_block", [("stride=1):", "stride):")], 11),
        ("intermediate_outputs", [("outputs = []", "outputs = [x]")], 6),
        ("fit_alpha", [("history = []", "history = [model.alpha.item()]")], 9),
        ("fit_alpha", [("lr=lr", "lr=lr, momentum=0.9")], 5),
        ("fit_alpha", [("model.alpha.item()", "loss.item()")], 8),
        ("fit_alpha", [(_STEP, "")], 1),
        ("fit_alpha", [(_STEP, "        raise NotImplementedError\n")], 0),
        ("intermediate_outputs", [("    return", "    raise NotImplementedError\n    return")], 0),
    ],
    ids=[
        "no default",
        "x in the list",
        "the start in the list",
        "momentum",
        "losses",
        "no step",
        "nothing",
        "nothing yet",
    ],
)
def test_what_is_right_counts(exercise: str, changes: list[tuple[str, str]], score: float) -> None:
    assert {report.score for report in _reports(exercise, changes)} == {score}


def test_what_is_compiled_is_not_graded_and_said_to_be() -> None:
    """Nothing is compiled for that: it is seen before anything runs."""
    answer = _bound("addition_model", [])
    compiled = type("AdditionModel", (answer,), {"forward": torch.compile(answer.forward)})
    scripted = type("AdditionModel", (answer,), {"__init__": _with_a_script(answer)})
    for each in (compiled, scripted):
        report = judge(_keys("addition_model")[0], lambda case, each=each: probe(each, case))
        assert (report.status, report.diagnosis) == ("failed", "compiled")
        assert "`torch.compile`" in report.message


def _with_a_script(answer: Any) -> Any:
    def init(self: Any) -> None:
        answer.__init__(self)
        self.conv2 = torch.jit.script(self.conv2)

    return init
