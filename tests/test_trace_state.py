"""The call of `trace` changes nothing, whether the forward pass succeeds, fails or is interrupted."""

from __future__ import annotations

import ast
import copy
import random
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from conftest import ROOT, files_in
from pictures import Bench, photo, wires
from sumskip import trace
from sumskip.seeing.tracing.restore import shares_memory

CALL = nn.Module.__call__
SOURCES = files_in(ROOT / "src" / "sumskip", "*.py")


def untouched(model: nn.Module, run: Any) -> None:
    """Runs `run` and holds every state that a forward pass can change against what it was before."""
    x = photo()
    state = copy.deepcopy(model.state_dict())
    buffers = {name: id(buffer) for name, buffer in model.named_buffers()}
    parameters = {name: id(parameter) for name, parameter in model.named_parameters()}
    grads = {name: parameter.grad for name, parameter in model.named_parameters()}
    values = {name: None if grad is None else grad.clone() for name, grad in grads.items()}
    modes = {name: module.training for name, module in model.named_modules()}
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()
    kept = x.clone()

    run(model, x)

    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert all(np.array_equal(now, then) for now, then in zip(np.random.get_state(), before[2], strict=True))
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    assert torch.equal(x, kept)
    assert x.grad_fn is None
    assert {name: id(buffer) for name, buffer in model.named_buffers()} == buffers
    assert {name: id(parameter) for name, parameter in model.named_parameters()} == parameters
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    for name, parameter in model.named_parameters():
        assert parameter.grad is grads[name]
        assert parameter.grad is None or torch.equal(parameter.grad, values[name])
    assert {name: module.training for name, module in model.named_modules()} == modes
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in model.modules())
    assert not torch_module._global_forward_hooks
    assert not torch_module._global_forward_pre_hooks
    assert nn.Module.__call__ is CALL
    assert torch.overrides._get_current_function_mode() is None
    assert "apply" in torch.autograd.Function.__dict__
    assert torch.autograd.Function.apply.__func__.__module__ == "torch.autograd.function"


def everything(self: Bench, x: Tensor) -> Tensor:
    """A forward pass that changes whatever it can get hold of."""
    out = self.norm(self.dropout(self.conv1(x))) + torch.rand(1) + random.random() + np.random.rand()
    self.scale += 1
    self.scale = self.scale * 2
    self.free.mul_(0)
    with torch.no_grad():
        self.alpha.clamp_(5, 6)
        self.alpha.data += 1
    self.eval()
    out.sum().backward(retain_graph=True)
    torch.set_grad_enabled(False)
    torch.set_default_dtype(torch.float64)
    x.mul_(2)
    return out


def test_after_success() -> None:
    model = Bench(everything)
    free = model.free.clone()
    untouched(model, lambda model, x: trace(model, x))
    assert torch.equal(model.free, free)


def test_after_success_with_gradients_there_before() -> None:
    model = Bench(everything)
    (model.conv1(photo()).sum() * model.alpha).backward()
    untouched(model, lambda model, x: trace(model, x))


def test_after_a_fault() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        everything(self, x)
        return x + self.wide(x)

    def failing(model: nn.Module, x: Tensor) -> None:
        assert trace(model, x).fault is not None

    untouched(Bench(run), failing)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_after_an_interrupt_which_goes_through(error: type[BaseException]) -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        everything(self, x)
        raise error

    def interrupted(model: nn.Module, x: Tensor) -> None:
        with pytest.raises(error):
            trace(model, x)

    untouched(Bench(run), interrupted)


def test_after_a_model_that_returns_nothing() -> None:
    def nothing(model: nn.Module, x: Tensor) -> None:
        with pytest.raises(ValueError, match="returned nothing"):
            trace(model, x)

    def run(self: Bench, x: Tensor) -> None:
        everything(self, x)

    untouched(Bench(run), nothing)


def test_a_hook_that_raises() -> None:
    def broken(module: nn.Module, args: Any, output: Any) -> None:
        raise ValueError("the hook failed")

    model = Bench(lambda self, x: self.conv1(x))
    handle = model.conv1.register_forward_hook(broken)
    found = trace(model, photo())
    assert found.fault is not None
    assert found.fault.sentence == "ValueError: the hook failed"
    assert list(model.conv1._forward_hooks) == [handle.id]
    assert not model.conv1._forward_pre_hooks


def test_gradients_leave_no_gradient() -> None:
    untouched(Bench(lambda self, x: self.conv1(x) * self.alpha), lambda m, x: trace(m, x, gradients=True))


def test_an_output_that_is_the_overwritten_input() -> None:
    """The input is put back, and the output is still what a plain forward pass returns."""
    x = photo()
    found = trace(lambda x: x.add_(1), x)
    assert torch.equal(x, photo())
    assert torch.equal(found.output, photo() + 1)


def test_an_overwritten_input_of_another_shape() -> None:
    x = photo()
    found = trace(lambda x: x.unsqueeze_(0) * 2, x)
    assert x.shape == photo().shape
    assert found.output.shape == (1, 1, 3, 8, 6)


def test_backward_still_works_after_a_trace_in_train_mode() -> None:
    model = Bench(lambda self, x: self.norm(self.conv1(x))).train()
    output = trace(model, photo()).output
    output.square().sum().backward()
    expected = Bench(lambda self, x: self.norm(self.conv1(x))).train()
    expected(photo()).square().sum().backward()
    assert torch.equal(model.conv1.weight.grad, expected.conv1.weight.grad)


def test_the_gradient_through_a_shortcut_is_the_same() -> None:
    """Up to rounding: autograd may add up the branches in another order."""
    x, y = photo().requires_grad_(), photo().requires_grad_()
    model = Bench(lambda self, x: self.skip(x) + self.conv1(x) * self.skip(x))
    trace(model, x).output.sum().backward()
    model(y).sum().backward()
    torch.testing.assert_close(x.grad, y.grad)


def test_random_numbers_are_those_of_a_plain_forward_pass() -> None:
    model = Bench(lambda self, x: self.dropout(x)).train()
    torch.manual_seed(1)
    found = trace(model, photo())
    assert torch.equal(found.output, model(photo()))


def test_another_thread_is_not_disturbed() -> None:
    other = nn.Sequential(nn.ReLU())
    results: list[Any] = []

    def run(self: Bench, x: Tensor) -> Tensor:
        thread = threading.Thread(target=lambda: results.append(trace(other, photo())))
        thread.start()
        thread.join()
        return self.conv1(x)

    found = trace(Bench(run), photo())
    assert wires(found) == ["x -> conv1", "conv1 -> output"]
    assert wires(results[0]) == ["input -> 0", "0 -> output"]
    assert nn.Module.__call__ is CALL


def test_a_trace_inside_a_traced_model() -> None:
    inner = nn.Sequential(nn.ReLU())
    traces: list[Any] = []

    def run(self: Bench, x: Tensor) -> Tensor:
        traces.append(trace(inner, x))
        return self.conv1(x)

    found = trace(Bench(run), photo())
    assert wires(traces[0]) == ["input -> 0", "0 -> output"]
    assert "conv1 -> output" in wires(found)
    assert nn.Module.__call__ is CALL


def test_what_a_forward_pass_frees_is_free_under_a_trace_too() -> None:
    """A model that fits into memory without gradients still does."""
    alive: list[int] = []

    def run(self: Bench, x: Tensor) -> Tensor:
        seen = []
        for _ in range(5):
            x = self.conv1(torch.cat([x, x], 1)[:, :3])
            seen.append(weakref.ref(x))
        alive.append(sum(one() is not None for one in seen))
        return x

    with torch.no_grad():
        trace(Bench(run), photo())
    assert alive == [1]


def test_under_inference_mode() -> None:
    with torch.inference_mode():
        found = trace(Bench(lambda self, x: self.skip(self.conv1(x)) + x.add_(1)), photo())
    assert wires(found) == [
        "x -> conv1",
        "conv1 -> skip",
        "x -> +",
        "1 -> +",
        "skip -> +#2",
        "+ -> +#2",
        "+#2 -> output",
    ]


def test_subclasses_of_tensor_stay_what_they_are() -> None:
    class Named(Tensor):
        pass

    found = trace(lambda x: x + 1, photo().as_subclass(Named))
    assert type(found.output) is Named
    assert wires(found) == ["x -> +", "1 -> +", "+ -> output"]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (slice(0, 2), slice(1, 3), True),
        (slice(0, 2), slice(2, 4), False),
        (slice(0, 4, 2), slice(1, 4, 2), False),
        (slice(0, 4, 2), slice(2, 3), True),
    ],
)
def test_sharing_memory_means_sharing_a_number(one: slice, other: slice, expected: bool) -> None:
    base = torch.zeros(4, 4)
    assert shares_memory(base[:, one], base[:, other]) is expected
    assert shares_memory(base[:, one], base[:, other].clone()) is False


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_nothing_private_of_another_object_is_replaced(path: Path) -> None:
    """What PyTorch does not promise to keep may be read with care, and is never patched."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        targets = (
            node.targets if isinstance(node, ast.Assign | ast.Delete) else [getattr(node, "target", None)]
        )
        for target in (part for whole in targets if whole for part in ast.walk(whole)):
            if isinstance(target, ast.Attribute) and isinstance(target.ctx, ast.Store | ast.Del):
                private = target.attr.startswith("_") and not target.attr.endswith("__")
                assert not private or ast.unparse(target.value) in ("self", "cls"), ast.unparse(target)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("setattr", "delattr"):
            assert not ast.unparse(node.args[1]).startswith(("'_", '"_')), ast.unparse(node)
