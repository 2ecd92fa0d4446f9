"""What cannot be watched is one box that says so, and never an edge that is not there."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pictures import Bench, marked, nodes, photo, well_formed, wires
from sumskip import trace


def in_thread(work: Any) -> Any:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradient * 3 * x**2


def test_another_thread() -> None:
    """Autograd still knows what went in, as far as gradients are asked for; the box says as much."""
    model = Bench(lambda self, x: in_thread(lambda: torch.sigmoid(x)) + x)
    found = trace(model, photo().requires_grad_())
    assert nodes(found) == ["x input", "sigmoid op", "+ op", "output output"]
    assert wires(found) == ["x -> sigmoid", "sigmoid -> +", "x -> +", "+ -> output"]
    assert marked(found) == {"sigmoid": ("not looked inside", "inputs may be missing")}
    assert "sigmoid" in found.notes[0]
    well_formed(found)


def test_another_thread_without_gradients() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        far = in_thread(lambda: x * 2)
        return far + x

    with torch.no_grad():
        found = trace(Bench(run), photo())
    assert nodes(found) == ["x input", "far constant", "+ op", "output output"]
    assert marked(found) == {"far": ("origin not seen",)}
    assert found.notes == ("far was not made by any operator that was seen, nor is it part of the model.",)


def test_written_by_another_thread() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        y = self.skip(x) * 2
        in_thread(lambda: y.add_(1))
        return y + x

    with torch.no_grad():
        found = trace(Bench(run), photo())
    assert "× was changed by something that was not seen." in found.notes


def test_vmap_is_one_box() -> None:
    found = trace(Bench(lambda self, x: torch.vmap(lambda one: one * 2 + self.alpha)(x) + x), photo())
    assert nodes(found) == ["x input", "alpha parameter", "vmap op", "+ op", "output output"]
    assert wires(found) == ["x -> vmap", "alpha -> vmap", "vmap -> +", "x -> +", "+ -> output"]
    assert marked(found) == {"vmap": ("not looked inside",)}
    assert found.notes == ("vmap was not looked inside.",)
    well_formed(found)


def test_a_derivative_inside_is_one_box() -> None:
    found = trace(lambda x: torch.func.grad(lambda z: (z**2).sum())(x) * x, photo())
    assert wires(found) == ["x -> grad", "grad -> ×", "x -> ×", "× -> output"]
    assert marked(found) == {"grad": ("not looked inside",)}


def test_an_autograd_function_is_one_box() -> None:
    model = Bench(lambda self, x: Cube.apply(self.conv1(x)) + x)
    found = trace(model, photo())
    assert wires(found) == ["x -> conv1", "conv1 -> Cube", "Cube -> +", "x -> +", "+ -> output"]
    assert marked(found) == {"Cube": ("not looked inside",)}
    assert torch.equal(found.output, model(photo()))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_a_scripted_module_is_one_box() -> None:
    class Plain(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(x) * 2

    model = Bench(lambda self, x: self.scripted(x) + x)
    model.scripted = torch.jit.script(Plain())
    found = trace(model, photo())
    assert wires(found) == ["x -> scripted", "scripted -> +", "x -> +", "+ -> output"]
    assert marked(found) == {"scripted": ("not looked inside",)}


def test_a_number_computed_elsewhere_is_a_constant() -> None:
    found = trace(lambda x: x * len(str(x)), photo())
    constant = next(node for node in found.nodes if node.kind == "constant")
    assert constant.variable == "len(str(x))"


@pytest.mark.slow
def test_compiled_code_is_run_as_it_is_written() -> None:
    """What `torch.compile` has wrapped, or compiled in place, is seen inside and by its own name; after the
    trace it is compiled as before. In a process of its own: the compiler takes seconds to load, and stays."""
    program = """
import sys; sys.path[:0] = ["tests", "src"]
import threading
import torch
from torch import nn
from pictures import marked, photo, wires
from sumskip import trace

class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.part = nn.Linear(6, 6)
    def forward(self, x):
        out1 = self.part(x)
        return out1 + self.part(out1)

compiled = []
def backend(graph, examples):
    compiled.append(graph)
    return graph.forward
inner = torch.compile(lambda r: torch.relu(r * 2 + 1), backend=backend)
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.whole = torch.compile(nn.Linear(6, 6), backend=backend)
        self.own = nn.Linear(6, 6)
        self.own.compile(backend=backend)
        self.twice = torch.compile(Twice(), backend=backend)
    def forward(self, x):
        return self.own(self.whole(inner(x))) + self.twice(x)
model = Model()
for _ in range(2):
    found = trace(model, photo())
    assert wires(found) == [
        "x -> ×", "2 -> ×", "× -> +", "1 -> +", "+ -> relu", "relu -> whole", "whole -> own",
        "x -> twice.part", "twice.part -> twice.part#2", "twice.part -> +#2", "twice.part#2 -> +#2",
        "own -> +#3", "+#2 -> +#3", "+#3 -> output",
    ], wires(found)
    assert marked(found) == {} and found.boxes == (("twice", "Twice"),), found
    assert not compiled
    assert torch.equal(found.output, trace(model, photo()).output)
expected = found.output
assert torch.equal(model(photo()), expected)
graphs = len(compiled)
assert graphs
assert trace(model, photo()).nodes == found.nodes
assert torch.equal(model(photo()), expected) and len(compiled) == graphs
assert trace(model.twice, photo()).name == "Twice" and trace(inner, photo()).fault is None
assert trace(model, photo().requires_grad_(), gradients=True).fault is None
bad = trace(model, photo(2, 5))
assert bad.fault.node == "whole" and bad.fault.clash == 1, bad.fault
assert torch.overrides._get_current_function_mode() is None

started, go = threading.Event(), threading.Event()
def outlasts(x):
    started.set()
    assert go.wait(60)
    return torch.relu(x)
def begins(x):
    other.start()
    assert started.wait(60)
    return x * 2
other = threading.Thread(target=trace, args=(outlasts, photo()))
trace(begins, photo())
go.set()
other.join()
graphs = len(compiled)
torch.compile(lambda r: r * 3, backend=backend)(photo())
assert len(compiled) == graphs + 1, "two traces at once leave the compiler on"

seen = []
model.twice.register_forward_hook(lambda *call: seen.append(call))
found = trace(model, photo())
assert marked(found) == {"twice": ("not looked inside",)} and len(seen) == 1
assert torch.equal(found.output, expected)
print("all held")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "all held" in done.stdout, done.stderr


def test_a_module_may_be_named_like_the_compilers_wrapper() -> None:
    """What the wrapper calls the module it wraps is an ordinary name elsewhere."""

    class Mine(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self._orig_mod = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self._orig_mod(x) * 2

    found = trace(Mine(), photo())
    assert wires(found) == ["x -> _orig_mod", "_orig_mod -> ×", "2 -> ×", "× -> output"]
