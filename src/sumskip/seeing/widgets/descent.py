"""The loss as one parameter, alpha, moves: measured on the model itself, which is left as it was."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sumskip.seeing.chart import round_step
from sumskip.seeing.drawing.parts import number_text
from sumskip.seeing.tracing.restore import Snapshot

LOWEST, HIGHEST = -0.25, 1.25  # of alpha, where no step lies beyond
MOST_PLACES = 80  # of the slider


@dataclass(frozen=True)
class Place:
    """A point of the curve: the loss at one alpha, and the gradient that autograd gives there."""

    alpha: float
    loss: float
    gradient: float

    @property
    def words(self) -> str:
        if not math.isfinite(self.loss + self.gradient):
            return f"alpha {number_text(self.alpha)}: the loss or its gradient is not finite."
        line = f"alpha {number_text(self.alpha)}, loss {number_text(self.loss)}, gradient "
        line += f"{number_text(self.gradient)}. "
        if not self.gradient:
            return line + "The tangent is flat: gradient descent stays."
        way = "smaller" if self.gradient > 0 else "larger"
        return f"{line}A step against the gradient makes alpha {way}."


def measure(model: nn.Module, x: Tensor, target: Tensor, alpha: float) -> Place:
    """The loss of `model(x)` with another alpha, and its gradient; the model is left as it was."""
    own: Tensor = model.get_parameter("alpha").detach()
    snapshot = Snapshot()
    for module in model.modules():
        snapshot.add(module)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            moved = torch.full_like(own, alpha).requires_grad_()
            try:
                output = torch.func.functional_call(model, {"alpha": moved}, (x.detach().clone(),))
            except (RuntimeError, ValueError, TypeError) as error:
                reason = (str(error).strip() or repr(error)).splitlines()[0]
                raise ValueError(f"model(x) failed for x of shape {tuple(x.shape)}: {reason}") from error
            if not isinstance(output, Tensor):
                raise TypeError(f"the model should return a tensor; got a {type(output).__name__}")
            if output.shape != target.shape:
                shapes = f"{tuple(output.shape)}, and target is {tuple(target.shape)}"
                raise ValueError(f"model(x) and target have the same shape; model(x) is {shapes}")
            loss = functional.mse_loss(output, target.detach())
            gradient = torch.autograd.grad(loss, moved, allow_unused=True)[0] if loss.requires_grad else None
    finally:
        snapshot.restore()
    if gradient is None:
        raise ValueError(
            "no gradient flows from the loss to alpha. Does forward use self.alpha itself, and not "
            "self.alpha.item() or another number?"
        )
    return Place(float(moved.detach()), loss.item(), gradient.item())


def alpha_of(model: object) -> float:
    if not isinstance(model, nn.Module):
        kind = f"class {model.__name__}: make one first" if isinstance(model, type) else type(model).__name__
        raise TypeError(f"loss_over_alpha takes a model, an nn.Module with a parameter alpha; got {kind}")
    alpha = dict(model.named_parameters()).get("alpha")
    if alpha is None:
        has = f"a {type(model.alpha).__name__}" if hasattr(model, "alpha") else "missing"
        have = ", ".join(name for name, _ in model.named_parameters()) or "none"
        raise ValueError(
            "loss_over_alpha needs a parameter alpha, such as self.alpha = nn.Parameter(torch.tensor(0.5)); "
            f"here alpha is {has}, and the parameters are: {have}"
        )
    if alpha.numel() != 1:
        raise ValueError(f"alpha is a single number here; this model's has shape {tuple(alpha.shape)}")
    return alpha.item()


def walked(values: object) -> list[float]:
    if values is None:
        return []
    if isinstance(values, Tensor):
        values = values.detach().tolist()
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise TypeError(f"values is a list with alpha after each step; got a {type(values).__name__}")
    return [number_of(value, f"values[{place}]") for place, value in enumerate(values)]


def number_of(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is a number, such as alpha.item() gives; got a {type(value).__name__}")
    if not math.isfinite(value):
        raise ValueError(f"{name} is {float(value)}, not a finite number. Was the learning rate too large?")
    return float(value)


def grid_around(walk: Sequence[float]) -> list[float]:
    """Equally far alphas with few digits, around all of the walk."""
    least, most = min(LOWEST, *walk, LOWEST), max(HIGHEST, *walk, HIGHEST)
    step = round_step((most - least) / MOST_PLACES)
    return [n * step for n in range(math.floor(least / step + 1e-9), math.ceil(most / step - 1e-9) + 1)]
