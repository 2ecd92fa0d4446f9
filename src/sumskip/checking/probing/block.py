"""The block that models made of blocks are given, so that a wrong block is not punished twice."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sumskip.checking.core import BLOCK, Case


class Block(nn.Module):
    """A convolution and its sine: smooth, of both signs, and not the same on twice the input.

    Shapes: (N, in_channels, H, W) → (N, out_channels, ⌈H / stride⌉, ⌈W / stride⌉).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(self.conv(x))


# What PyTorch calls it in an error: as learners know it.
Block.__module__, Block.__qualname__ = "builtins", BLOCK


def arguments(case: Case) -> tuple[object, ...]:
    """What the case gives to `__init__`, with the class itself where its name stands."""
    return tuple(Block if argument == BLOCK else argument for argument in case.init)
