"""What the learner called each tensor: of several results each by its own name, and nothing by another's."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sumskip import Trace, trace
from sumskip.seeing.drawing.view import view
from sumskip.seeing.drawing.walk import walk


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x + 1, x * 2


class Bench(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.gru = nn.LSTM(4, 4), nn.GRU(4, 4)
        self.pair, self.relu = Pair(), nn.ReLU(inplace=True)
        self.conv = nn.Linear(4, 4)


def run(forward: Callable[..., Any], *inputs: Tensor) -> Trace:
    model = type("Model", (Bench,), {"forward": forward})()
    return trace(model, *(inputs or (torch.randn(12, 3, 4),)))


def carried(found: Trace) -> list[str]:
    """The names on the wires of the picture, without those from the input."""
    return [link.name for link in view(found).sheet.links if link.tensor != "x#0"]


def chunked(self: Bench, x: Tensor) -> Tensor:
    q, k, v = x.chunk(3)
    return q + k * v


def starred(self: Bench, x: Tensor) -> Tensor:
    first, *rest, last = x.chunk(4)
    return first + rest[1] + rest[0] + last


def attributes(self: Bench, x: Tensor) -> Tensor:
    self.q, self.k = x.chunk(2)
    return self.q + self.k


def nameless(self: Bench, x: Tensor) -> Tensor:
    first, *_, last = x.chunk(4)
    _ = first + last
    return _ * 2


def whole(self: Bench, x: Tensor) -> Tensor:
    parts = x.chunk(2)
    return parts[1] + parts[0]


def subscript(self: Bench, x: Tensor) -> Tensor:
    kept = {}
    kept["q"], k, self.conv.v = x.chunk(3)
    return k + self.conv.v + kept["q"]


def lstm(self: Bench, x: Tensor) -> Tensor:
    out, (h, c) = self.lstm(x)
    return out.sum() + h.sum() + c.sum()


def half(self: Bench, x: Tensor) -> Tensor:
    out, (h, _) = self.lstm(x)
    return out.sum() + h.sum()


def state(self: Bench, x: Tensor) -> Tensor:
    out, state = self.lstm(x)
    return out.sum() + state[0].sum()


def gru(self: Bench, x: Tensor) -> Tensor:
    out, h = self.gru(x)
    return out.sum() + h.sum()


def box(self: Bench, x: Tensor) -> Tensor:
    low, high = self.pair(x)
    return low + high


def unpacked(self: Bench, x: Tensor) -> Tensor:
    a, b = x[:2]
    return a + b


def values(self: Bench, x: Tensor) -> Tensor:
    best, where = x.max(1)
    return best + where


@pytest.mark.parametrize(
    ("forward", "names", "line"),
    [
        (chunked, ["k", "v", "q"], "q, k, v = chunk(x)"),
        (starred, ["first", "rest[1]", "rest[0]", "last"], "first, *rest, last = chunk(x)"),
        (nameless, ["first", "last"], "[3] = first + last"),
        (attributes, ["self.q", "self.k"], "self.q, self.k = chunk(x)"),
        (whole, ["parts[1]", "parts[0]"], "parts = chunk(x)"),
        (subscript, ["k", "self.conv.v"], "_, k, self.conv.v = chunk(x)"),
        (lstm, ["out", "h", "c"], "out, (h, c) = lstm(x)"),
        (half, ["out", "h"], "out, (h, _) = lstm(x)"),
        (state, ["out", "state[0]"], "out, state = lstm(x)"),
        (gru, ["out", "h"], "out, h = gru(x)"),
        (box, ["low", "high"], "low = x + 1"),
        (unpacked, ["a", "b"], "a, b = unbind("),
        (values, ["best", "where"], "best, where = max(x)"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_result_has_its_own_name(forward: Any, names: list[str], line: str) -> None:
    """On the wires, in the outline, and in the steps through the picture."""
    found = run(forward)
    assert [name for name in carried(found) if name] == names
    assert f"  {line}" in found.to_text()
    assert all(any(f"called {name}," in step.says for step in walk(found).steps) for name in names)
    assert Trace.from_dict(found.to_dict()) == found


def test_an_unpacking_that_fails_is_the_learners_own() -> None:
    """More or fewer names than results: Python's own error, and what ran before it is there."""

    def too_many(self: Bench, x: Tensor) -> Tensor:
        low, middle, high = self.pair(x)
        return low + middle + high

    def too_few(self: Bench, x: Tensor) -> Tensor:
        q, k = x.chunk(3)
        return q + k

    for forward, last in ((too_many, "×"), (too_few, "chunk")):
        found = run(forward)
        assert found.fault is not None
        assert "values to unpack" in found.fault.message
        assert last in [node.label for node in found.nodes]


def test_without_names_the_results_are_counted() -> None:
    def forward(self: Bench, x: Tensor) -> Tensor:
        return torch.add(*x.chunk(2))

    assert "[3] = [2][0] + [2][1]" in run(forward).to_text()


def test_of_what_a_function_of_pytorch_does_only_the_last_has_the_name() -> None:
    """Distributions and their divergences run a dozen operators in PyTorch's own Python."""

    def forward(self: Bench, x: Tensor) -> Tensor:
        normal = torch.distributions.Normal(x, torch.ones_like(x))
        z = normal.rsample()
        divergence = torch.distributions.kl_divergence(normal, normal)
        return z + divergence

    found = run(forward)
    named = {node.variable: node.label for node in found.nodes if node.variable}
    assert named["z"] == "+"
    assert named["divergence"] == "×"
    assert set(named) == {"z", "divergence"}  # `normal` is no tensor
    assert [node.variable for node in found.nodes].count("z") == 1


def test_of_a_fold_only_the_last_step_has_the_name() -> None:
    """`sum` and `reduce` run one operator after the other for one line, which gets the last one's result."""

    def forward(self: Bench, x: Tensor) -> Tensor:
        parts = x.chunk(4)
        y = functools.reduce(torch.add, parts)
        z = sum(parts)
        return y + z

    found = run(forward)
    named = [node.variable for node in found.nodes if node.label == "+" and node.variable]
    assert named == ["y", "z"]
    last = [node.id for node in found.nodes if node.variable in ("y", "z")]
    assert {edge.source for edge in found.edges if edge.target == found.edges[-1].source} == set(last)


def test_the_learners_words_are_no_operands_of_what_pytorch_runs_inside() -> None:
    """A 0 that a distribution compares with is not called `x.exp()`, which stands in the same line."""

    def forward(self: Bench, x: Tensor) -> Tensor:
        z = torch.distributions.Normal(x, x.exp()).rsample()
        return z * 3

    found = run(forward)
    assert not [n for n in found.nodes if n.kind == "constant" and n.variable]  # 0, and the 3
    assert [node.label for node in found.nodes if node.variable == "z"] == ["+"]


def test_a_function_that_is_one_operator_keeps_its_name_in_every_turn() -> None:
    def forward(self: Bench, x: Tensor) -> Tensor:
        for _ in range(2):
            h = F.relu(x * 2) + 1
            x = F.normalize(h)
        return x

    found = run(forward)
    assert [(n.label, n.variable) for n in found.nodes if n.kind == "op" and n.variable] == [
        ("+", "h"),
        ("normalize", "x"),
    ] * 2
    assert not any(node.marks for node in found.nodes)  # `out=None` writes nowhere


def test_every_number_is_what_it_is() -> None:
    text = trace(lambda x: 2 * x + 2 * x.clamp(0, 6), torch.randn(3)).to_text()
    assert text.count("2: constant  = 2") == 2
    assert "= 2 × x" in text
    assert "= 2 × [" in text


# -- overwriting -----------------------------------------------------------------------------------


def in_place_first(self: Bench, x: Tensor) -> Tensor:
    h = self.conv(x)
    identity = h
    out = self.relu(h)  # the classic mistake: identity is overwritten as well
    out = self.conv(out)
    return out + identity


def in_place_on_its_own(self: Bench, x: Tensor) -> Tensor:
    h = self.conv(x)
    h = self.relu(h)
    return self.conv(h) + h


def kept_and_not_read(self: Bench, x: Tensor) -> Tensor:
    h = self.conv(x)
    before = h
    h = self.relu(h)
    return h + len(before)


def own_line(self: Bench, x: Tensor) -> Tensor:
    h = self.conv(x)
    F.relu(h, inplace=True)
    return h


def read_through_a_view(self: Bench, x: Tensor) -> Tensor:
    h = self.conv(x)
    half = h[:6]
    h = self.relu(h)
    return h.sum() + half.sum()


@pytest.mark.parametrize(
    ("forward", "marked"),
    [
        (in_place_first, ["relu"]),
        (in_place_on_its_own, []),
        (kept_and_not_read, []),
        (own_line, ["relu"]),
        (read_through_a_view, ["relu"]),
    ],
)
def test_overwriting_is_said_where_it_matters(forward: Any, marked: list[str]) -> None:
    """Where something reads what was overwritten, or where the learner's own line says so."""
    found = run(forward)
    assert [node.label for node in found.nodes if "overwrites" in node.marks] == marked


def test_a_callers_tensor_is_overwritten_by_a_block() -> None:
    class Block(Bench):
        def forward(self, x: Tensor) -> Tensor:
            return self.conv(self.relu(x))

    class Outer(nn.Module):
        def __init__(self, residual: bool) -> None:
            super().__init__()
            self.first, self.block, self.residual = nn.Linear(4, 4), Block(), residual

        def forward(self, x: Tensor) -> Tensor:
            h = self.first(x)
            y = self.block(h)
            return y + h if self.residual else y

    for residual in (True, False):
        found = trace(Outer(residual), torch.randn(2, 4))
        assert [node.label for node in found.nodes if node.marks] == ["block.relu"] * residual


def test_whoever_broke_the_backward_pass_is_named_without_a_mark() -> None:
    def forward(self: Bench, x: Tensor) -> Tensor:
        h = torch.sigmoid(self.conv(x))
        return self.relu(h)

    found = trace(type("Model", (Bench,), {"forward": forward})(), torch.randn(2, 4), gradients=True)
    assert any("relu overwrote a tensor" in note for note in found.notes)
    assert not any(node.marks for node in found.nodes)


# -- whose code it is ------------------------------------------------------------------------------

HELPER = """import torch

def helper(x):
    doubled = x * 2
    return doubled + 1
"""
SCRIPT = """import sys
import torch
from sumskip import trace
from lib.helping import helper

def forward(x):
    y = helper(x)
    return y

print([node.line for node in trace(forward, torch.ones(2)).nodes if node.kind == "op"])
"""


def test_a_working_directory_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    (gone := tmp_path / "gone").mkdir()
    script = (
        "import os, torch; os.rmdir(os.getcwd()); from sumskip import trace; "
        "print([node.id for node in trace(torch.nn.ReLU(), torch.ones(2)).nodes])"
    )
    paths = {"PYTHONPATH": str(Path(sys.modules["sumskip"].__file__ or "").parents[1])}
    command = [sys.executable, "-c", script]
    said = subprocess.run(command, cwd=gone, env=os.environ | paths, capture_output=True, text=True)
    assert said.stdout.strip() == "['input', 'ReLU', 'output']", said.stderr


@pytest.mark.slow  # a process each
@pytest.mark.parametrize(
    ("folder", "beside", "own"),
    [
        ("work", "", True),  # beside the script
        ("elsewhere", "", True),  # a folder of the search path of which nobody knows more
        ("elsewhere/site-packages", "", False),
        ("work/env/lib/python3/dist-packages", "", False),
        ("elsewhere", "lib-1.0.dist-info", False),  # pip install --target
        ("work", "lib-1.0.dist-info", True),
        ("archive.zip", "", False),
    ],
)
def test_whose_code_it_is(folder: str, beside: str, own: bool, tmp_path: Path) -> None:
    """Lines are those of the learner's own code; of an installed package, the line that called it."""
    work = tmp_path / "work"
    work.mkdir()
    place = tmp_path / folder
    if folder.endswith(".zip"):
        with zipfile.ZipFile(place, "w") as archive:
            archive.writestr("lib/__init__.py", "")
            archive.writestr("lib/helping.py", HELPER)
    else:
        (place / "lib").mkdir(parents=True)
        (place / "lib" / "helping.py").write_text(HELPER)
        if beside:
            (place / beside).mkdir()
    (work / "script.py").write_text(SCRIPT)
    paths = [str(place), str(Path(sys.modules["sumskip"].__file__ or "").parents[1])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    said = subprocess.run(
        [sys.executable, "script.py"], cwd=work, env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == ("[4, 5]" if own else "[7, 7]")
