"""Observes a small ResNet through a block of ours, so that a wrong block is not punished twice."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sumskip.answers import build, plain, stage
from sumskip.core import Case, Observation, numbers

STEPS = 30  # of training, after which the loss must have halved


def _recording_block(made: list[list[Any]], ran: list[dict[str, Any]]) -> type[nn.Module]:
    """A block like the lesson's that writes down how it was made, and what passed through it."""

    class RecordingBlock(nn.Module):
        """(N, in_channels, H, W) to (N, out_channels, H/stride, W/stride)."""

        def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
            super().__init__()
            self.made = [plain(in_channels), plain(out_channels), plain(stride)]
            made.append(self.made)
            self.conv = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1)
            self.norm = nn.BatchNorm2d(out_channels)

        def forward(self, x: Tensor) -> Tensor:
            ran.append({"block": self.made, "input": list(x.shape[1:])})
            return F.relu(self.norm(self.conv(x)))

    return RecordingBlock


def observe_resnet(answer: Any, case: Case) -> Observation:
    """Build `TinyResNet(block, num_classes)` with a recording block, run it, and train it briefly.

    `case.settings` holds `classes` and, where the model is to be trained, the digits: `pixels` (one
    character a pixel,
    base 36, 0 to 16, 64 an image) and `labels`.
    """
    made: list[list[Any]] = []
    ran: list[dict[str, Any]] = []
    classes = int(case.settings["classes"])
    model = build(answer, (_recording_block(made, ran), classes))
    shape = case.inputs[0]
    x = torch.tensor(numbers(case.seed, "input", shape), dtype=torch.get_default_dtype()).abs()
    with stage("forward", model):
        model.train()(x)  # materialises lazy layers
        ran.clear()
        model.eval()
        with torch.no_grad():
            whole = model(x)
            calls = [dict(call) for call in ran]
            alone = model(x[:1])
    facts: dict[str, Any] = {"blocks": calls, "made": len(made)}
    if not isinstance(whole, Tensor):
        facts["output"] = {"type": type(whole).__name__}
        return Observation(facts=facts)
    facts["output"] = {"type": "tensor", "shape": list(whole.shape)}
    facts["independent"] = alone.shape == whole[:1].shape and torch.allclose(alone, whole[:1], atol=1e-4)
    if "pixels" in case.settings and whole.shape == (shape[0], classes):
        facts.update(_trained(model, case))
    return Observation(facts=facts)


def _trained(model: nn.Module, case: Case) -> dict[str, Any]:
    """What `STEPS` steps of Adam do to the loss on the digits, and to the gradients."""
    pixels = [int(character, 36) for character in case.settings["pixels"]]
    images = torch.tensor(pixels, dtype=torch.get_default_dtype()).reshape(-1, 1, 8, 8) / 16
    labels = torch.tensor(case.settings["labels"])
    labels = labels % int(case.settings["classes"])
    model.train()
    parameters = list(model.parameters())
    with stage("training", model):
        if not parameters:
            return {"gradients": "no parameters", "halved": False}
        optimiser = torch.optim.Adam(parameters, lr=0.01)
        losses: list[float] = []
        gradients = "finite"
        for step in range(STEPS + 1):
            loss = F.cross_entropy(model(images), labels)
            losses.append(float(loss.detach()))
            optimiser.zero_grad()
            loss.backward()
            if step == 0:
                missing = any(p.grad is None for p in parameters if p.requires_grad)
                bad = any(p.grad is not None and not torch.isfinite(p.grad).all() for p in parameters)
                gradients = "missing" if missing else "not finite" if bad else "finite"
            optimiser.step()
    return {"gradients": gradients, "halved": losses[-1] <= losses[0] / 2, "losses": [losses[0], losses[-1]]}
