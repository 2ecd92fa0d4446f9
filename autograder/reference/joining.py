"""Two convolutions, one after the other, and the ways in which their outputs meet (lessons 01-03)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SequentialModel(nn.Module):
    """Chain 3→16→32 channels: the second convolution reads the first one's output, nothing else.

    Shapes: (N, 3, H, W) → (N, 32, H, W).
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, kernel_size=3, padding=1),
            nn.Conv2d(16, 32, kernel_size=3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class AdditionModel(nn.Module):
    """Add the outputs of two chained convolutions.

    Shapes: (N, 3, H, W) → (N, 16, H, W).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + out2


class RepairedModel(nn.Module):
    """The mended class of lesson 02: the skip starts after the first convolution, and gradients pass it.

    Shapes: (N, 3, H, W) → (N, 16, H, W).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + out2


class ProjectedAdditionModel(nn.Module):
    """Add two outputs whose channels differ: a 1×1 convolution brings out1 to 32 channels first.

    Shapes: (N, 3, H, W) → (N, 32, H, W).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.project = nn.Conv2d(16, 32, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out2 + self.project(out1)


class WeightedAdditionModel(nn.Module):
    """Blend two outputs with one learnable number: alpha · out1 + (1 − alpha) · out2.

    Shapes: (N, 3, H, W) → (N, 16, H, W); `alpha` is a parameter of shape () that starts at 0.5.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, kernel_size=3, padding=1)
        self.alpha = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.alpha * out1 + (1 - self.alpha) * out2
