"""The wiring board's boxes and wires: what a forward pass puts on each wire, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

Wiring = Literal["chain", "parallel sum", "skip sum"]
Mode = Literal["number", "shape"]
WIRINGS: tuple[Wiring, ...] = ("chain", "parallel sum", "skip sum")
MODES: tuple[Mode, ...] = ("number", "shape")
Value = float | Tensor


@dataclass(frozen=True)
class Box:
    """One of the two boxes: what it is called, and what it does."""

    label: str
    run: Callable[[Any], Any]


@dataclass(frozen=True)
class Wire:
    """One wire: from where to where, what it carries, and the sentence that says it.

    A wire whose value is None stays empty: its source failed, and `says` tells why.
    """

    source: str
    target: str
    value: str | None
    says: str


def boxes(mode: Mode) -> tuple[Box, Box]:
    """The two boxes of a mode: arithmetic on a number, or two 3×3 convolutions on a shape."""
    if mode == "number":
        return Box("double", lambda x: 2 * x), Box("add three", lambda x: x + 3)
    return _convolution(3, 16), _convolution(16, 16)


def fill(wiring: Wiring, mode: Mode, number: float = 5) -> tuple[Wire, ...]:
    """The wires of one wiring, in the order in which a forward pass fills them.

    Every value is computed by running the boxes, on `number` or on a tensor (1, 3, 32, 32). Where a
    box refuses what reaches it, its outgoing wire has no value and is the last.

    `[wire.value for wire in fill("chain", "number")]` is `["5", "10", "13"]`.
    """
    first, second = boxes(mode)
    x: Value = number if mode == "number" else torch.zeros(1, 3, 32, 32)
    read = "Both boxes read x: " if wiring == "parallel sum" else ""
    wires = [Wire("x", first.label, show(x), f"x is {show(x)}: it goes into {first.label}.")]
    if read:
        wires.append(Wire("x", second.label, show(x), f"{read}the same {show(x)} goes into {second.label}."))
    out1 = first.run(x)
    onward = "+" if read else second.label
    says = f"{first.label} gives {show(out1)}: it goes into {onward}."
    wires.append(Wire(first.label, onward, show(out1), says))
    if wiring == "skip sum":
        says = f"The skip: the same {show(out1)} goes past {second.label}, to +."
        wires.append(Wire(first.label, "+", show(out1), says))
    try:
        out2 = second.run(x if read else out1)
    except _RefusedError as refusal:
        return (*wires, Wire(second.label, "+", None, f"{refusal} The forward pass stops at {second.label}."))
    onward = "out" if wiring == "chain" else "+"
    leaves = "it leaves" if wiring == "chain" else "it goes into +"
    wires.append(Wire(second.label, onward, show(out2), f"{second.label} gives {show(out2)}: {leaves}."))
    if wiring == "chain":
        return tuple(wires)
    total = show(out1 + out2)
    return (*wires, Wire("+", "out", total, f"{show(out1)} + {show(out2)} gives {total}: it leaves."))


def show(value: Value) -> str:
    """A number as a learner writes it, a tensor as its shape."""
    return str(tuple(value.shape)) if isinstance(value, Tensor) else f"{value:g}".replace("-", "−")


class _RefusedError(Exception):
    """A box cannot take what reached it."""


def _convolution(inputs: int, outputs: int) -> Box:
    # Only shapes matter here. A layer of torch.nn would draw random numbers, which are the learner's.
    weight = torch.zeros(outputs, inputs, 3, 3)
    label = f"conv {inputs}→{outputs}"

    def run(x: Tensor) -> Tensor:
        try:
            return functional.conv2d(x, weight, padding=1)
        except RuntimeError as error:
            raise _RefusedError(f"{label} takes {inputs} channels, {x.shape[1]} came.") from error

    return Box(label, run)
