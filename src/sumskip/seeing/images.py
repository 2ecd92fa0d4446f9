"""What images look like: pictures in colour or grey, and digits beside what a model read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sumskip.seeing.drawing.lettering import width
from sumskip.seeing.feature_maps import CSS_DPI, canvas, framed, names_of, png, real_tensor
from sumskip.seeing.picture import Picture

SIDE, GAP = 1.9, 0.2  # inches, of an image and from one to the next
DIGIT, IN_A_ROW, MOST = 0.62, 8, 40
MISTAKE = "#a63d00"  # and a frame, a sign and bold type: never the colour alone


def show_images(*images: Tensor, titles: Sequence[str] = ()) -> Picture:
    """Images side by side as one would see them: 0 is dark, 1 is bright.

    Each is (1, 3, H, W), in colour, or (1, 1, H, W), in grey; of more than one image in a batch the first is
    shown. What lies below 0 is shown as 0 and what lies above 1 as 1, and the text says how much that is:
    `show_feature_maps` shows such numbers. `titles` names the images, in their order.

    Raises `TypeError` for what is no tensor of real numbers, `ValueError` for no image, another shape, values
    that are not finite and a wrong number of titles.
    """
    if not images:
        raise ValueError("show_images takes at least one image, such as show_images(photo)")
    names = names_of(titles, len(images), "show_images", "image")
    pixels = [_pixels(image, place) for place, image in enumerate(images, 1)]
    lines = [_describe(name, image, shown) for name, image, shown in zip(names, images, pixels, strict=True)]
    across = max(1, min(len(pixels), 3))
    sides = [max(SIDE, width(name, 10 * CSS_DPI / 72) / CSS_DPI) for name in names]
    column = max(sides) + GAP
    row = SIDE + 0.5
    axes = canvas(column * across + GAP, row * -(-len(pixels) // across))
    for place, (name, shown) in enumerate(zip(names, pixels, strict=True)):
        x, y = GAP + place % across * column, place // across * row
        axes.text(x, y + 0.22, name, fontsize=10, parse_math=False)
        framed(axes, shown, x, y + 0.3, SIDE)
    text = "\n".join(lines)
    return Picture(lambda: png(axes), " ".join(lines), text, round(CSS_DPI * axes.get_xlim()[1]))


def show_digits(images: Tensor, labels: Tensor, read: Tensor) -> Picture:
    """A strip of digits, each with its label and with what a model read; mistakes are framed and marked ✗.

    `images` is (N, 1, H, W) from 0 to 1, of which up to 40 are shown; `labels` and `read` are (N,).

    Raises `TypeError` for what is no tensor, and `ValueError` where there are no images or not as many labels
    and readings.
    """
    for value in (images, labels, read):
        if not isinstance(value, Tensor):
            raise TypeError(f"show_digits takes tensors, got a {type(value).__name__}")
    counts = {len(images), len(labels), len(read)}
    if images.dim() != 4 or images.shape[1] != 1 or len(counts) > 1 or not len(images):
        came = f"{tuple(images.shape)}, {tuple(labels.shape)} and {tuple(read.shape)}"
        raise ValueError(f"show_digits takes images (N, 1, H, W), labels (N,) and readings (N,); got {came}")
    shown = list(zip(images[:MOST], labels[:MOST].tolist(), read[:MOST].tolist(), strict=True))
    column, row = DIGIT + 0.2, DIGIT + 0.4
    axes = canvas(column * min(len(shown), IN_A_ROW) + 0.2, row * -(-len(shown) // IN_A_ROW) + 0.1)
    for place, (image, label, guess) in enumerate(shown):
        x, y = 0.2 + place % IN_A_ROW * column, 0.1 + place // IN_A_ROW * row
        framed(axes, _pixels(image[None], 1), x, y, DIGIT)
        style: dict[str, Any] = {"fontsize": 9, "ha": "center"}
        if label != guess:
            left, right, top, bottom = x - 0.06, x + DIGIT + 0.06, y - 0.06, y + DIGIT + 0.06
            corners = [left, right, right, left, left], [top, top, bottom, bottom, top]
            axes.plot(*corners, color=MISTAKE, linewidth=2.5)
            style |= {"fontweight": "bold", "color": MISTAKE}
        said = f"{label} read {guess}" if label == guess else f"✗ {label} read {guess}"
        axes.text(x + DIGIT / 2, y + DIGIT + 0.21, said, **style)
    wrong = [f"a {label} read as {guess}" for _, label, guess in shown if label != guess]
    text = f"{len(shown)} digits, below each its label and what the model read; "
    text += f"mistakes: {', '.join(wrong)}." if wrong else "no mistakes."
    return Picture(lambda: png(axes), text, text, round(CSS_DPI * axes.get_xlim()[1]))


def _pixels(image: object, place: int) -> Tensor:
    """The first image of a batch as float32 (H, W, 3) from 0 to 1."""
    image = real_tensor(image, "show_images", place)
    if image.dim() != 4 or image.shape[1] not in (1, 3) or image.numel() == 0:
        raise ValueError(
            f"show_images takes images (N, 3, H, W) or (N, 1, H, W); argument {place} is {tuple(image.shape)}"
        )
    first = image[0].to("cpu", torch.float32)
    if not torch.isfinite(first).all():
        raise ValueError(f"show_images takes finite numbers; argument {place} has others")
    return first.clamp(0, 1).expand(3, -1, -1).permute(1, 2, 0)


def _describe(name: str, image: Tensor, shown: Tensor) -> str:
    kind = "in colour" if image.shape[1] == 3 else "in grey"
    outside = int(((image[0] < 0) | (image[0] > 1)).sum())
    line = f"{name}: an image {tuple(image.shape)} {kind}, mean brightness {shown.mean().item():.2f}"
    return line + (f"; {outside} of {image[0].numel()} values lie outside 0 to 1." if outside else ".")
