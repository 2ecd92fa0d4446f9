"""A check leaves the learner's world as it was, and says of the answer alone what is the answer's."""

from __future__ import annotations

import linecache
import random
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from torch import Tensor, nn

from autograder.exercises import EXERCISES
from sumskip.checking.check import Misused, check
from sumskip.checking.core import Report
from sumskip.checking.judge import judge
from sumskip.checking.key import public_key
from sumskip.checking.probe import probe

plt.switch_backend("agg")

ADDITION = """
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        INIT

    def forward(self, x):
        FIRST
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return LAST
"""
WEIGHTED = (
    ADDITION.replace("AdditionModel", "WeightedAdditionModel")
    .replace("INIT", "self.alpha = nn.Parameter(torch.tensor(0.5)); INIT")
    .replace("LAST", "self.alpha * out1 + (1 - self.alpha) * out2")
)
BEFORE = """
conv1, conv2 = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)
conv1.weight.grad = torch.ones_like(conv1.weight)
norm = nn.BatchNorm2d(16).eval()
out2 = torch.ones(1, 16, 8, 8)
left = conv2(conv1(torch.ones(2, 3, 5, 7)))
seen, count = [], 0
"""


def addition(init: str = "pass", first: str = "pass", last: str = "out1 + out2") -> str:
    return ADDITION.replace("INIT", init).replace("FIRST", first).replace("LAST", last)


def weighted(init: str = "pass", first: str = "pass") -> str:
    return WEIGHTED.replace("INIT", init).replace("FIRST", first)


def cell(source: str, space: dict[str, Any] | None = None) -> dict[str, Any]:
    """The names after a cell of a notebook has run, whose lines tracebacks find."""
    space = {"torch": torch, "nn": nn, "plt": plt} if space is None else space
    space["__name__"] = "__main__"
    where = f"<ipython-input-{len(linecache.cache)}>"
    linecache.cache[where] = (len(source), None, source.splitlines(keepends=True), where)
    exec(compile(source, where, "exec"), space)
    return space


def checked(source: str, space: dict[str, Any] | None = None, name: str = "addition_model") -> Report:
    key = public_key(name)
    answer = cell(source, space)[key.symbol]
    return judge(key, lambda case: probe(answer, case))


# --- what the answer reaches ----------------------------------------------------------------------------


def state(space: dict[str, Any]) -> dict[str, Any]:
    """Everything that a check must leave alone, as texts that can be compared."""
    tensors = {
        f"{name}.{inner}": tensor
        for name in ("conv1", "conv2", "norm")
        for inner, tensor in space[name].state_dict(keep_vars=True).items()
    }
    tensors |= {name: space[name] for name in ("out2", "left")}
    return {
        **{
            name: repr((tensor.detach().numpy().tobytes(), tensor.requires_grad))
            for name, tensor in tensors.items()
        },
        **{f"{name}.grad": repr(tensor.grad) for name, tensor in tensors.items() if tensor.is_leaf},
        "modes": [space[name].training for name in ("conv1", "norm")],
        "hooks": [len(space[name]._forward_hooks) for name in ("conv1", "norm")],
        "lists": (list(space["seen"]), space["count"], set(space)),
        "random": (torch.get_rng_state().tolist(), random.getstate(), repr(np.random.get_state())),
        "settings": (
            torch.get_default_dtype(),
            torch.get_default_device(),
            torch.is_grad_enabled(),
            torch.is_autocast_enabled("cpu"),
            torch.get_num_threads(),
            torch.is_anomaly_enabled(),
            torch.get_float32_matmul_precision(),
            list(warnings.filters),
            np.geterr(),
            Path.cwd(),
        ),
        "figures": plt.get_fignums(),
    }


CLASS_LAYERS = addition().replace("    def __init__", "    conv1, conv2 = conv1, conv2\n\n    def __init__")


IN_A_FUNCTION = (
    "def make(conv1, conv2):\n"
    + addition().replace("self.conv", "conv").replace("\n", "\n    ")
    + "\n    return AdditionModel\nAdditionModel = make(conv1, conv2)"
)
ONE_FOR_ALL = (
    addition(init="self.conv1, self.conv2 = conv1, conv2") + "m = AdditionModel()\nAdditionModel = lambda: m"
)


@pytest.mark.parametrize(
    "answer",
    [
        addition().replace("self.conv", "conv"),
        addition(last="norm(conv2(conv1(x))) + out2"),
        addition(first="norm.train()", last="norm(out1) + out2"),
        addition(init="self.conv1, self.conv2 = conv1, conv2"),
        CLASS_LAYERS.replace("        self.conv1 =", "        _ =").replace(
            "        self.conv2 =", "        _ ="
        ),
        addition()
        .replace("forward(self, x)", "forward(self, x, a=conv1, b=conv2)")
        .replace("self.conv1(", "a("),
        IN_A_FUNCTION,
        ONE_FOR_ALL,
        addition(last="out1 + left.mean()"),
        addition(last="out1 + out2.add_(1).mean()").replace("out2 = self.", "_ = self."),
        addition(first="seen.append(x); global count, other; count += 1; other = x"),
        addition(first="conv1.weight.requires_grad_(False); conv1.register_forward_hook(print)"),
        addition(first="(conv1(x) ** 2).sum().backward()"),
        addition(
            first="torch.manual_seed(1); __import__('random').seed(1); __import__('numpy').random.seed(1)"
        ),
        addition(first="torch.rand(3); __import__('os').chdir('/'); __import__('numpy').seterr(all='raise')"),
        addition(init="torch.set_default_dtype(torch.float64)"),
        addition(init="torch.set_default_device('meta')"),
        addition(first="torch.set_grad_enabled(False)"),
        addition(first="torch.set_autocast_enabled('cpu', True)"),
        addition(
            first="torch.autograd.set_detect_anomaly(True); torch.set_float32_matmul_precision('medium')"
        ),
        addition(first="torch.set_num_threads(2); __import__('warnings').simplefilter('error')"),
        addition(first="plt.figure(); plt.plot([1, 2]); plt.show(); plt.close('all')"),
        addition(first="seen.append(1); raise SystemExit"),
    ],
)
def test_what_an_answer_reaches_is_put_back(answer: str) -> None:
    """Twice over, and the second check says what the first one said."""
    space = cell(BEFORE, {"torch": torch, "nn": nn, "plt": plt})
    plt.figure()
    cell(answer, space)
    before = state(space)
    key, made = public_key("addition_model"), space["AdditionModel"]
    first = judge(key, lambda case: probe(made, case))
    second = judge(key, lambda case: probe(made, case))
    after = state(space)
    plt.close("all")
    assert [name for name in before if before[name] != after[name]] == []
    assert second == first
    space["left"].sum().backward()  # the learner's own graph is whole


def test_every_gradient_starts_at_none() -> None:
    """One that the learner's training left behind is no part of the answer's."""
    space = cell(BEFORE)
    assert checked(addition(init="self.conv1, self.conv2 = conv1, conv2"), space).status == "passed"


# --- where nothing is the answer's fault ----------------------------------------------------------------


@pytest.mark.parametrize(
    "around",
    [
        torch.inference_mode,
        torch.no_grad,
        lambda: torch.autocast("cpu", dtype=torch.bfloat16),
        lambda: torch.device("meta"),
    ],
)
def test_what_stands_around_a_check_changes_nothing(around: Callable[[], Any]) -> None:
    with around():
        report = checked(addition())
    assert report.status == "passed", report.message


def test_coarse_products_of_the_notebooks_change_nothing() -> None:
    """Where a processor has bfloat16, they would cost a right answer its values."""
    torch.set_float32_matmul_precision("medium")
    try:
        report = judge(public_key("tiny_resnet"), lambda case: probe(EXERCISES["tiny_resnet"].answer, case))
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert report.status == "passed", report.message


@pytest.fixture
def defaults() -> Iterator[None]:
    yield
    torch.set_default_device(None)
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("defaults")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["addition_model", "fit_alpha"])
def test_a_default_of_the_notebooks_changes_nothing(name: str, dtype: torch.dtype) -> None:
    torch.set_default_dtype(dtype)
    torch.set_default_device("meta")
    assert judge(public_key(name), lambda case: probe(EXERCISES[name].answer, case)).status == "passed"
    assert torch.get_default_dtype() is dtype
    assert torch.empty(1).is_meta
    torch.set_default_device("cpu")
    assert not torch.empty(1).is_meta


# --- what stops an answer is its own --------------------------------------------------------------------

UNHASHABLE = addition().replace(
    "    def forward", "    def __eq__(self, other): return True\n\n    def forward"
)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            addition(first="import sys; sys.exit()"),
            "The forward pass stopped at `import sys; sys.exit()`: SystemExit",
        ),
        (
            addition(init="raise SystemExit(3)"),
            "Making the model stopped at `raise SystemExit(3)`: SystemExit: 3",
        ),
        (addition(first="raise KeyboardInterrupt"), "`raise KeyboardInterrupt`"),
        (addition(first="raise type('Mine', (BaseException,), {})('x')"), ": Mine: x"),
        (addition(first="self.forward(x)"), "`self.forward(x)`: RecursionError"),
        (addition(init="raise MemoryError"), "`raise MemoryError`: MemoryError"),
        (addition(first="next(iter([]))"), "`next(iter([]))`: StopIteration"),
        (addition(first="raise GeneratorExit"), "GeneratorExit"),
        (addition(last="(out for out in (out1, out2))"), "A generator came back"),
        (
            addition(first="import numpy as np; np.zeros(3) + np.zeros(4)"),
            "np.zeros(3) + np.zeros(4)`: ValueError",
        ),
        (addition(first="plt.plot([1], [1, 2])"), "`plt.plot([1], [1, 2])`: ValueError"),
        (
            addition(first="from IPython.display import Image; Image(filename='x')"),
            "Image(filename='x')`: ValueError",
        ),
        (addition(init="self.to(torch.bfloat16)"), "A tensor of bfloat16 came back"),
        (
            addition().replace("padding=1)", "padding=1, device='meta')"),
            "`conv1.weight` is on the device meta",
        ),
        (UNHASHABLE, "`__eq__` but no `__hash__`"),
        (
            "from dataclasses import dataclass\n@dataclass(init=False)" + addition(),
            "write `@dataclass(eq=False)`",
        ),
        (
            addition().replace(
                "    def forward", "    def __getattr__(self, name): raise OSError(name)\n\n    def forward"
            ),
            "OSError: conv1",
        ),
        (
            addition(first="raise type('E', (Exception,), {'__str__': lambda self: 1 / 0})"),
            "The forward pass stopped",
        ),
        (
            addition().replace(
                "    def forward", "    def train(self, mode=True): exit()\n\n    def forward"
            ),
            "Changing the mode of the model stopped",
        ),
        (addition(last="out1 + out3"), "`return out1 + out3` reads `out3`, but nothing of that name is made"),
        (
            addition(first="raise NotImplementedError()"),
            "`raise NotImplementedError` still stands in `forward`",
        ),
    ],
)
def test_what_stops_an_answer_is_said_with_its_own_line(answer: str, words: str) -> None:
    report = checked(answer)
    assert (report.status, words in report.message) == ("failed", True), report.message
    assert all(len(sentence.split()) <= 30 for sentence in report.message.split(". "))


def test_an_unhashable_model_loses_what_must_be_listed_and_no_more() -> None:
    report = checked(UNHASHABLE)
    assert [part.score for part in report.parts] == [1, 3, 2, 0]


def test_a_persons_interrupt_is_obeyed() -> None:
    """The same error, but no `raise` of the learner's made it."""
    import _thread

    class Slow(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            _thread.interrupt_main()
            while True:
                x = x + 1

    with pytest.raises(KeyboardInterrupt):
        judge(public_key("addition_model"), lambda case: probe(Slow, case))


def test_an_answer_whose_repr_fails_is_judged_all_the_same() -> None:
    odd = addition().replace("    def forward", "    def __repr__(self): raise OSError\n\n    def forward")
    assert checked(odd).status == "passed"


# --- what is made elsewhere -----------------------------------------------------------------------------

NO_SECOND = addition().replace("        out2 = self.conv2(out1)\n", "")
PLAIN_ALPHA = (
    weighted().replace("self.alpha = nn.Parameter(torch.tensor(0.5))", "pass").replace("self.alpha", "alpha")
)


@pytest.mark.parametrize(
    ("before", "answer", "words"),
    [
        (
            "out2 = torch.ones(1, 16, 8, 8)",
            NO_SECOND,
            "`out2`, a tensor of shape (1, 16, 8, 8) made outside of it",
        ),
        (
            "out2 = torch.ones(1, 16, 1, 1)",
            NO_SECOND,
            "`out2`, a tensor of shape (1, 16, 1, 1) made outside of it",
        ),
        (
            "out2 = torch.ones(2, 16, 5, 7)",
            NO_SECOND.replace("out1 + out2", "out2"),
            "`forward` reads `out2`",
        ),
        (BEFORE, addition().replace("self.conv", "conv"), "`conv1`, a layer made outside of it"),
        (
            BEFORE + "layers = [conv1, conv2]",
            addition().replace("self.conv2(", "layers[1]("),
            "`layers`, a list of layers",
        ),
        (
            "alpha = nn.Parameter(torch.tensor(0.5))",
            PLAIN_ALPHA,
            "`alpha`, a parameter made outside of it. Should it be `self.alpha`",
        ),
        (
            "alpha = torch.tensor(0.5)",
            PLAIN_ALPHA,
            "`alpha`, a tensor made outside of it. Should it be `self.alpha`",
        ),
        ("alpha = 0.5", PLAIN_ALPHA, "`alpha`, a number made outside of it. Should it be `self.alpha`"),
        (
            "alpha = nn.Parameter(torch.tensor(0.5))",
            weighted().replace("self.alpha * out1", "alpha * out1"),
            "`alpha`, a parameter made outside of it",
        ),
    ],
)
def test_a_global_of_another_cell_has_a_name(before: str, answer: str, words: str) -> None:
    name = "weighted_addition_model" if "Weighted" in answer else "addition_model"
    report = checked(answer, cell(before), name)
    assert (report.status, report.diagnosis) == ("failed", "global"), report.message
    assert words in report.message


def test_a_function_that_reads_a_model_of_another_cell_hears_of_its_arguments() -> None:
    source = (
        "def intermediate_outputs(model, x):\n    outputs = []\n    for layer in net:\n        x = layer(x)\n"
    )
    source += "        outputs.append(x)\n    return outputs\n"
    space = cell(
        "net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1))"
    )
    report = checked(source, space, "intermediate_outputs")
    assert "reads `net`, a layer made outside of it. Which of its arguments belongs there?" in report.message


def test_a_global_that_had_no_part_in_it_is_not_mentioned() -> None:
    """A name that is only like a local one's or an attribute's, or that a right answer uses."""
    space = "out1 = out2 = torch.ones(1); conv2 = nn.Conv2d(1, 1, 1); half = torch.tensor(2.0)"
    assert checked(addition(last="(out1 + out2) / 2"), cell(space)).diagnosis == "averaged"
    assert checked(addition(last="(out1 + out2) / half"), cell(space)).diagnosis == "averaged"
    assert checked(addition(first="x = x * half / half"), cell(space)).status == "passed"


@pytest.mark.parametrize("name", ["beta", "aaa", "zz"])
def test_a_second_number_behaves_the_same_under_any_name(name: str) -> None:
    answer = weighted(init=f"self.{name} = nn.Parameter(torch.tensor(0.5))")
    reports = [
        checked(
            answer.replace("(1 - self.alpha)", f"self.{one}").replace(name, one),
            None,
            "weighted_addition_model",
        )
        for one in (name, "other")
    ]
    one, other = reports
    assert one.status == "failed"
    assert (one.status, one.score, one.diagnosis) == (other.status, other.score, other.diagnosis)
    assert [one.message.replace(name, "other") for one in reports] == [reports[1].message] * 2


# --- sentences ------------------------------------------------------------------------------------------


def test_a_random_answer_hears_that_two_runs_differ() -> None:
    report = checked(addition(last="out1 + out2 + torch.randn_like(out2)"))
    assert "Two runs on equal inputs gave different results" in report.message
    assert any("in the first run" in line for line in report.details)


def test_a_dimension_is_named_in_words() -> None:
    assert "the number of channels differs." in checked(addition(last="torch.cat([out1] * 3, 1)")).message
    assert "the height and the width differ." in checked(addition(last="(out1 + out2)[:, :, 2:, 2:]")).message


def outputs(last: str, first: str = "") -> Report:
    source = f"def intermediate_outputs(model, x):\n    {first or 'pass'}\n    outputs = []\n"
    source += "    for layer in model:\n        x = layer(x)\n        outputs.append(x)\n"
    return checked(f"{source}    {last}\n", None, "intermediate_outputs")


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ("model.add_module('more', nn.ReLU()); return outputs", "the model has other layers afterwards"),
        ("model.eval(); return outputs", "was left in eval mode"),
        (
            "model[0].register_forward_hook(lambda *a: None); return outputs",
            "hooks stay registered afterwards",
        ),
        (
            "return [out * torch.rand(1) for out in outputs]",
            "Two runs on equal inputs gave different results",
        ),
        ("return [out[:1] for out in outputs]", "as its output 1"),
        ("outputs[-1] = outputs[-1] + 1; return outputs", "of output "),
    ],
)
def test_yes_and_no_are_said_in_a_sentence(last: str, words: str) -> None:
    report = outputs(last)
    assert words in report.message
    assert not any(" yes" in text or " no," in text for text in (report.message, *report.details))


def test_a_number_has_no_place() -> None:
    source = "def fit_alpha(model, x, target, steps, lr):\n    with torch.no_grad(): model.alpha += 0.1\n"
    report = checked(f"{source}    return [0.5] * steps\n", None, "fit_alpha")
    assert "[]" not in report.message


# --- in the notebook ------------------------------------------------------------------------------------


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    made = InteractiveShell.instance()
    yield made
    InteractiveShell.clear_instance()


def test_nothing_is_displayed_while_an_answer_is_probed(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[Any] = []
    shell.display_pub.publish = lambda data, *args, **kwargs: shown.append(data)
    loud = addition(
        first="from IPython.display import display; display(x); print(x.shape); plt.plot([1]); plt.show()"
    )
    assert checked(loud).status == "passed"
    assert shown == []
    assert capsys.readouterr() == ("", "")


def test_exit_ends_the_answer_and_not_the_kernel(shell: InteractiveShell) -> None:
    report = checked(addition(first="exit()"), cell("", {**shell.user_ns, "torch": torch, "nn": nn}))
    assert "stopped at `exit()`: SystemExit" in report.message
    assert "ask_exit" not in vars(shell)


class AdditionModel(nn.Module):
    pass


class IdentityBlock(nn.Module):
    pass


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((AdditionModel, "addition_model"), 'came swapped. Write check("addition_model", AdditionModel).'),
        (
            ("addition_model",),
            'expected an answer beside the name. Write check("addition_model", AdditionModel).',
        ),
        ((AdditionModel,), 'the class `AdditionModel` came. Write check("addition_model", AdditionModel).'),
        ((torch.ones(2), AdditionModel), "a tensor of shape (2,) came. Write check("),
        ((nn, "x"), "the module `torch.nn` came"),
    ],
)
def test_a_call_in_another_order_is_recognised(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(Misused) as caught:
        check(*arguments)
    assert words in str(caught.value)
    assert len(caught.value._render_traceback_()) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            IdentityBlock,
            "`IdentityBlock` is the answer to `identity_block`; this check expects `AdditionModel`.",
        ),
        (torch.ones(2, 3), "`AdditionModel` should be a class; a tensor of shape (2, 3) came."),
        ("AdditionModel", '`AdditionModel` should be a class; the text "AdditionModel" came.'),
        (nn, "`AdditionModel` should be a class; the module `torch.nn` came."),
        (7, "`AdditionModel` should be a class; the number 7 came."),
        (nn.ReLU(), "Pass the class itself, without brackets."),
    ],
)
def test_what_came_instead_of_a_class_is_said(
    answer: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[dict[str, str]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    check("addition_model", answer)
    assert words in shown[0]["text/plain"]
