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


class Mixer(nn.Module):
    """Two fixed filters of an image, mixed: `alpha` of the blurred image and the rest of the sharpened one.

    Maps (N, 1, H, W) to (N, 1, H, W). What blurring takes away are the edges; sharpening adds them once more.
    So alpha 0.5 gives the image itself. The kernels are a buffer: alpha, which starts at 0.5, is all that
    a Mixer can learn.
    """

    kernels: Tensor

    def __init__(self) -> None:
        super().__init__()
        blur, same = torch.full((1, 1, 3, 3), 1 / 9), torch.zeros(1, 1, 3, 3)
        same[..., 1, 1] = 1
        self.register_buffer("kernels", torch.cat([blur, same + (same - blur)]))
        self.alpha = nn.Parameter(torch.tensor(0.5))

    def filtered(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The blurred and the sharpened image, each (N, 1, H, W)."""
        out1, out2 = nn.functional.conv2d(x, self.kernels, padding=1).split(1, dim=1)
        return out1, out2

    def forward(self, x: Tensor) -> Tensor:
        out1, out2 = self.filtered(x)
        return torch.lerp(out2, out1, self.alpha)
