"""Small models that the lessons and the checks supply ready-made."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Dimmer(nn.Module):
    """`alpha * conv(x)`: one convolution whose brightness a learnable number sets.

    Maps (N, 1, H, W) to (N, 1, H, W). Only `alpha` is meant to be fitted in the lesson.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, kernel_size=3, padding=1)
        self.alpha = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: Tensor) -> Tensor:
        return self.alpha * self.conv(x)
