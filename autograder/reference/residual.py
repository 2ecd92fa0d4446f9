"""Residual blocks and the small ResNet made of them (lesson 04).

The convolutions keep their bias, which the BatchNorm behind them makes superfluous, so that answers
with and without one can be compared with these.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class IdentityBlock(nn.Module):
    """relu(F(x) + x), where F is conv-BN-ReLU-conv-BN and keeps the shape.

    Shapes: (N, channels, H, W) → (N, channels, H, W).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        out = torch.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return torch.relu(out + x)


class ResidualBlock(nn.Module):
    """relu(F(x) + shortcut(x)); the shortcut is a 1×1 conv and BN where the shape changes, else x itself.

    The first convolution of F and the shortcut's take the stride.

    Shapes: (N, in_channels, H, W) → (N, out_channels, ⌈H / stride⌉, ⌈W / stride⌉).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        out = torch.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return torch.relu(out + self.shortcut(x))


class TinyResNet(nn.Module):
    """A stem, two blocks, average pooling and a linear layer.

    `block(in_channels, out_channels, stride)` makes each block; the second halves height and width.

    Shapes: (N, 1, 8, 8) → (N, num_classes), the logits.
    """

    def __init__(self, block: Callable[..., nn.Module], num_classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, kernel_size=3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.block1 = block(16, 16)
        self.block2 = block(16, 32, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(32, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block2(self.block1(self.stem(x)))
        return self.head(self.pool(x).flatten(1))
