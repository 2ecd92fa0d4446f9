"""The two exercises that are functions: reading what flows through a chain, and fitting alpha."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def intermediate_outputs(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    """The output of each top-level module of `model`, in order; the last one is `model(x)`.

    Args:
        model: a chain of k modules.
        x: what enters the first of them, for instance (N, C, H, W).

    Returns:
        k tensors; each has the shape that its module makes.
    """
    outputs = []
    for layer in model:
        x = layer(x)
        outputs.append(x)
    return outputs


def fit_alpha(model: nn.Module, x: Tensor, target: Tensor, steps: int, lr: float) -> list[float]:
    """Move `model.alpha`, and nothing else, down the mean squared error by plain gradient descent.

    Args:
        model: has a scalar parameter `alpha`.
        x: (N, C, H, W), what the model reads.
        target: (N, C, H, W), what it should make.
        steps: how many updates to make.
        lr: how far each goes along the gradient.

    Returns:
        `alpha` after each of the `steps` updates.
    """
    alpha = model.get_parameter("alpha")
    optimizer = torch.optim.SGD([alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(alpha.item())
    return history
