"""What the lessons look at: one real photograph, and handwritten digits. Nothing is downloaded.

The photograph is the portrait of Grace Hopper that ships with matplotlib; the digits ship with
scikit-learn.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

PHOTOGRAPH = "grace_hopper.jpg"
LARGEST = 512  # the shorter side of the file: beyond it pixels would be made up


def photograph(size: int | tuple[int, int] = 32) -> Tensor:
    """A colour photograph as a batch of one: float32, (1, 3, H, W), from 0 (dark) to 1 (bright).

    `size` is the height and width, or a pair `(height, width)`: `photograph(32)` is (1, 3, 32, 32),
    `photograph((24, 40))` is (1, 3, 24, 40). The middle of the picture is cut to that aspect and
    each pixel is the mean of the area it covers, so nothing is distorted.

    Raises `TypeError` or `ValueError` for a size that is not made of whole numbers from 1 to 512,
    and `FileNotFoundError` where matplotlib came without its sample data.
    """
    from matplotlib.cbook import get_sample_data
    from PIL import Image

    height, width = _sides(size)
    try:
        path = get_sample_data(PHOTOGRAPH, asfileobj=False)
        with Image.open(path) as file:
            picture = file.convert("RGB")
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"the photograph {PHOTOGRAPH} ships with matplotlib, but this matplotlib came without its sample "
            "data; install the wheel again: pip install --force-reinstall matplotlib"
        ) from error
    scale = min(picture.width / width, picture.height / height)
    left = (picture.width - width * scale) / 2
    top = (picture.height - height * scale) / 2
    box = (left, top, left + width * scale, top + height * scale)
    small = picture.resize((width, height), Image.Resampling.BOX, box=box)
    pixels = torch.from_numpy(np.asarray(small, dtype=np.float32) / 255)
    return pixels.permute(2, 0, 1).unsqueeze(0).contiguous()


def digits() -> tuple[Tensor, Tensor]:
    """1797 handwritten digits: images float32 (1797, 1, 8, 8) from 0 to 1, labels int64 (1797,).

    Raises `ImportError` where scikit-learn, which they ship with, is missing.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            "the digits ship with scikit-learn; install it: pip install scikit-learn"
        ) from error
    data = load_digits()
    images = torch.from_numpy(data.images.astype(np.float32) / 16).unsqueeze(1)
    return images, torch.from_numpy(data.target.astype(np.int64))


def _sides(size: object) -> tuple[int, int]:
    sides = size if isinstance(size, tuple) else (size, size)
    if len(sides) != 2 or not all(isinstance(side, int) and not isinstance(side, bool) for side in sides):
        raise TypeError(f"photograph(size) takes a whole number or a pair (height, width), got {size!r}")
    height, width = sides
    if not (1 <= height <= LARGEST and 1 <= width <= LARGEST):
        raise ValueError(f"photograph(size) takes sizes from 1 to {LARGEST}, got {size!r}")
    return height, width
