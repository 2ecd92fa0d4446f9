"""The wiring board's own models: the same two modules chained, added, and added with a skip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from sumskip.seeing.trace import Trace, trace

Wiring = Literal["chain", "parallel sum", "skip sum"]
Mode = Literal["number", "shape"]
WIRINGS: tuple[Wiring, ...] = ("chain", "parallel sum", "skip sum")
MODES: tuple[Mode, ...] = ("number", "shape")


class Double(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


class AddThree(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + 3


class Wired(nn.Module):
    """Two modules in one of the wirings. Which, is data: no lesson's answer stands here to be copied."""

    def __init__(self, wiring: Wiring, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.wiring, self.first, self.second = wiring, first, second

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.first(x)
        if self.wiring == "parallel sum":  # noqa: SIM108 - the picture of a failure shows what is in brackets
            out2 = self.second(x)
        else:
            out2 = self.second(out1)
        return out2 if self.wiring == "chain" else out1 + out2


def build(wiring: Wiring, mode: Mode) -> nn.Module:
    """Two modules of a mode, wired: arithmetic on a number, or convolutions 3→16 and 16→16."""
    if mode == "number":
        return Wired(wiring, Double(), AddThree())
    with torch.random.fork_rng(devices=[]):  # the random numbers are the learner's
        return Wired(wiring, nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1))


def run(wiring: Wiring, number: float) -> float:
    """The number that leaves a wiring: `run("chain", 5)` is 13."""
    return float(build(wiring, "number")(_tensor(number)))


def mistakes(number: float) -> Iterator[tuple[str, float]]:
    """What may be taken for the chain on `number`, as the end of "… is what", and what it gives."""
    double, add_three, x = Double(), AddThree(), _tensor(number)
    for wiring in WIRINGS:
        if wiring != "chain":
            yield f"the {wiring} gives", run(wiring, number)
    yield "“double” alone gives", float(double(x))
    yield "“add three” alone gives", float(add_three(x))
    yield "“add three” before “double” gives", float(double(add_three(x)))
    yield "goes in", float(x)


def wired(wiring: Wiring, mode: Mode, number: float) -> Trace:
    """A wiring's forward pass, on `number` or on a tensor (1, 3, 32, 32)."""
    x = torch.zeros(1, 3, 32, 32) if mode == "shape" else _tensor(number)
    found = replace(trace(build(wiring, mode), x), name=wiring)
    if found.fault is None:
        return found
    # a line of ours would tell nobody anything
    return replace(found, fault=replace(found.fault, line=None, source_line="", expression=""))


def _tensor(number: float) -> Tensor:
    return torch.tensor(number, dtype=torch.float64)
