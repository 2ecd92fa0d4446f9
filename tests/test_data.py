"""The photograph and the digits: shapes, ranges, and what is said of a wrong size."""

from __future__ import annotations

import matplotlib.cbook
import numpy as np
import pytest
import torch
from PIL import Image

from sumskip import digits, photograph


@pytest.mark.parametrize(
    ("size", "shape"), [(32, (1, 3, 32, 32)), (1, (1, 3, 1, 1)), ((24, 40), (1, 3, 24, 40))]
)
def test_photograph_has_the_shape_asked_for(size: int | tuple[int, int], shape: tuple[int, ...]) -> None:
    """One colour picture (1, 3, H, W), float32, between 0 and 1, and not flat."""
    image = photograph(size)
    assert image.shape == shape
    assert image.dtype == torch.float32
    assert image.min() >= 0
    assert image.max() <= 1
    assert image.is_contiguous()
    if image.shape[-1] > 1:
        assert image.std() > 0.1


def test_photograph_is_the_area_mean_of_the_middle() -> None:
    """At a size that divides the crop evenly, every pixel is the mean of its 16×16 block."""
    with Image.open(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)) as file:
        full = np.asarray(file.convert("RGB"), dtype=np.float64) / 255
    assert full.shape == (600, 512, 3)
    square = full[44:556]  # the middle 512 rows
    blocks = square.reshape(32, 16, 32, 16, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
    assert np.abs(photograph(32)[0].numpy() - blocks).max() < 1 / 255


def test_photograph_is_fresh_each_time() -> None:
    """Writing into one does not change the next."""
    photograph().zero_()
    assert photograph().max() > 0.5


@pytest.mark.parametrize("size", [0, -3, 513, (32, 0)])
def test_photograph_refuses_sizes_out_of_range(size: int | tuple[int, int]) -> None:
    """Zero, negative and enlarging sizes are named in the error, with the range."""
    with pytest.raises(ValueError, match="from 1 to 512"):
        photograph(size)


@pytest.mark.parametrize("size", [32.0, "32", True, None, (1, 2, 3), (32, 32.0)])
def test_photograph_refuses_what_is_no_size(size: object) -> None:
    """The error says which forms are taken and what came."""
    with pytest.raises(TypeError, match="whole number or a pair"):
        photograph(size)  # type: ignore[arg-type]


def test_photograph_says_when_matplotlib_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some distributions strip matplotlib's sample data: the error says what to do."""
    monkeypatch.setattr("sumskip.data.PHOTOGRAPH", "no_such_photograph.jpg")
    with pytest.raises(FileNotFoundError, match="pip install --force-reinstall matplotlib"):
        photograph()


def test_digits_are_all_there() -> None:
    """1797 images (1, 8, 8) from 0 to 1 and a label 0–9 each."""
    images, labels = digits()
    assert images.shape == (1797, 1, 8, 8)
    assert images.dtype == torch.float32
    assert labels.shape == (1797,)
    assert labels.dtype == torch.int64
    assert images.min() == 0
    assert images.max() == 1
    assert sorted(labels.unique().tolist()) == list(range(10))
    # The first image is a zero: its middle is empty and its rim is not.
    assert labels[0] == 0
    assert images[0, 0, 3:5, 3:5].sum() < 1 < images[0, 0, 1].sum()
