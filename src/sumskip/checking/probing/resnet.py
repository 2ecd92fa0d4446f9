"""Observes a small ResNet through a block of ours, so that a wrong block is not punished twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sumskip.checking.core import Case, Observation
from sumskip.checking.probing.kept import Register
from sumskip.checking.probing.plainly import (
    classless,
    gradient_of,
    is_tensor,
    leaves,
    numbers_of,
    read,
    type_name,
    unheard,
)
from sumskip.checking.probing.prepare import build, plain, stage
from sumskip.checking.probing.roles import Watch
from sumskip.seeded import numbers

STEPS = 30  # of training, after which the loss must have halved


HELD_OUT = 66  # images whose logits are compared with the averages behind them: twice as many as averages


@dataclass
class _Record:
    """What the recording blocks wrote down: those made, the calls, and what the last call gave."""

    made: list[nn.Module] = field(default_factory=list)
    ran: list[dict[str, Any]] = field(default_factory=list)
    last: Tensor | None = None


def _recording_block(record: _Record) -> type[nn.Module]:
    """A block like the lesson's that writes down how it was made, and what passed through it."""

    class RecordingBlock(nn.Module):
        """(N, in_channels, H, W) to (N, out_channels, H/stride, W/stride)."""

        def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
            super().__init__()
            self.made = [plain(in_channels), plain(out_channels), plain(stride)]
            record.made.append(self)
            self.conv = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1)
            self.norm = nn.BatchNorm2d(out_channels)

        def forward(self, x: Tensor) -> Tensor:
            shape = read(x, "shape") if is_tensor(x) else x.shape
            record.ran.append({"block": self.made, "input": list(shape[1:])})
            record.last = F.relu(self.norm(self.conv(x)))
            return record.last

    return RecordingBlock


def observe_resnet(answer: Any, case: Case) -> Observation:
    """Build `TinyResNet(block, num_classes)` with a recording block, run it, and train it briefly.

    `case.settings` holds `classes`, and `default` where that argument is left out. Where the model is to be
    trained it holds the digits: `pixels` (one character a pixel, base 36, 0 to 16, 64 an image) and `labels`.
    """
    record = _Record()
    classes = int(case.settings["classes"])
    block = _recording_block(record)
    model = build(answer, (block,) if case.settings.get("default") else (block, classes))
    shape = case.inputs[0]
    x = torch.tensor(numbers(case.seed, "input", shape), dtype=torch.get_default_dtype()).abs()
    with stage("forward", model):
        with Watch([x]) as watch:
            model.train()(x)  # materialises lazy layers
        record.ran.clear()
        before = len(record.made)
        model.eval()
        with torch.no_grad():
            whole = model(x)
            calls = [dict(call) for call in record.ran]
            alone = model(x[:1])
    register = Register(model)
    facts: dict[str, Any] = {
        "blocks": calls,
        "made_in_forward": len(record.made) > before,
        "registered": all(
            register.kind(leaf) == "parameter"
            for use in watch.uses
            for tensor in use.held.values()
            for leaf in leaves(tensor)
        ),
    }
    if not is_tensor(whole):
        facts["output"] = {"type": type_name(whole)}
        return Observation(facts=facts)
    arrays = {"whole": numbers_of(whole)}
    if is_tensor(alone):
        arrays["alone"] = numbers_of(alone)
    facts["output"] = {"type": "tensor", "shape": list(arrays["whole"].shape)}
    if "pixels" in case.settings and arrays["whole"].shape == (shape[0], classes):
        facts.update(_trained(model, register.parameters, case))
        facts["head"] = _head(model, record, case)
    return Observation(arrays, facts)


@torch.no_grad()
def _head(model: nn.Module, record: _Record, case: Case) -> str:
    """How the logits follow from the last block's feature maps, on images that were not trained on.

    "linear in the averages" where some linear layer explains them from each map's average.
    """
    shape = (HELD_OUT, *case.inputs[0][1:])
    x = torch.tensor(numbers(case.seed, "held out", shape), dtype=torch.get_default_dtype()).abs()
    with stage("forward", model), Watch([x]) as watch:
        logits = torch.from_numpy(numbers_of(model.eval()(x))).double()
    maps = numbers_of(record.last) if is_tensor(record.last) else np.zeros(0)
    if maps.ndim != 4 or len(maps) != HELD_OUT:
        return "not from the last block"
    last = torch.from_numpy(maps).double()
    averages = torch.cat([last.mean((2, 3)), torch.ones(HELD_OUT, 1, dtype=torch.double)], 1)
    rest = logits - averages @ torch.linalg.lstsq(averages, logits, driver="gelsd").solution
    spread = float((logits - logits.mean(0)).abs().max())
    if float(rest.abs().max()) <= 1e-3 * spread:
        return "linear in the averages"
    for name, values in (("probabilities", logits), ("log probabilities", logits.exp())):
        if torch.allclose(values.sum(1), torch.ones(HELD_OUT, dtype=torch.double), atol=1e-3):
            return name
    if (logits >= 0).all():
        return "never negative"
    inputs = [use.shape[1] for use in watch.uses if use.op == "linear" and use.shape]
    return f"another, from {inputs[-1]} numbers" if inputs else "another"


def _trained(model: nn.Module, parameters: list[nn.Parameter], case: Case) -> dict[str, Any]:
    """What `STEPS` steps of Adam do to the loss on the digits, and to the gradients."""
    pixels = [int(character, 36) for character in case.settings["pixels"]]
    images = torch.tensor(pixels, dtype=torch.get_default_dtype()).reshape(-1, 1, 8, 8) / 16
    labels = torch.tensor(case.settings["labels"])
    labels = labels % int(case.settings["classes"])
    model.train()
    with stage("training", model):
        if not parameters:
            return {"gradients": "no parameters", "losses": [1.0, 1.0]}
        optimiser = torch.optim.Adam(parameters, lr=0.01)
        losses: list[float] = []
        gradients = "finite"
        for step in range(STEPS + 1):
            logits = model(images)
            with unheard():
                loss = F.cross_entropy(classless(logits) if is_tensor(logits) else logits, labels)
            losses.append(float(numbers_of(loss)))
            optimiser.zero_grad()
            loss.backward()
            if step == 0:
                gradients = _gradients(parameters)
            optimiser.step()
    return {"gradients": gradients, "losses": [plain(losses[0]), plain(losses[-1])]}


def _gradients(parameters: list[nn.Parameter]) -> str:
    found = [gradient_of(parameter) for parameter in parameters if read(parameter, "requires_grad")]
    present = [gradient for gradient in found if gradient is not None]
    if len(present) < len(found):
        return "missing"
    return "finite" if all(np.isfinite(gradient).all() for gradient in present) else "not finite"
