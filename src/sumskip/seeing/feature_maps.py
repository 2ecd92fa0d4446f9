"""What tensors look like: a few channels of each, all on one colour scale with zero in its middle."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from sumskip.seeing.drawing.lettering import width
from sumskip.seeing.picture import Picture
from sumskip.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

# Blue below zero, grey at zero, orange to yellow above: told apart with any kind of colour blindness.
# The lightness only ever rises, so that in a grey print negative is still dark and positive still
# bright; the usual red-and-blue scales are dark at both ends there.
COLOURS = ("#0a1f44", "#2b5fa8", "#969696", "#f0b35a", "#fff6c2")
CSS_DPI = 96
THUMBNAIL = 1.2  # inches


def show_feature_maps(*tensors: Tensor, titles: Sequence[str] = (), channels: int = 4) -> Picture:
    """The first channels of each tensor as thumbnails, all on one colour scale.

    Each tensor is (N, C, H, W), of which the first image is shown, or (C, H, W), or (H, W). The scale
    is shared and has zero in its middle, so equal colours are equal numbers in every thumbnail. Up to
    `channels` channels are shown, and the numbers said are of those.
    `titles` names the tensors, in their order: `show_feature_maps(out1, out2, out1 + out2,
    titles=("out1", "out2", "out1 + out2"))`. Returns a picture with alternative text.

    Raises `TypeError` for what is no tensor of real numbers, `ValueError` for no tensor at all, for
    another number of dimensions, for an empty tensor and for a wrong number of titles.
    """
    if not tensors:
        raise ValueError("show_feature_maps takes at least one tensor, such as show_feature_maps(out1, out2)")
    names = names_of(titles, len(tensors), "show_feature_maps", "tensor")
    if not isinstance(channels, int) or isinstance(channels, bool) or channels < 1:
        raise ValueError(f"show_feature_maps shows at least one channel; got channels={channels!r}")
    maps = [_channels_first(tensor, place)[:channels] for place, tensor in enumerate(tensors, 1)]
    end = shared_limit(maps)
    text = [f"Feature maps on one colour scale, from {number(-end)} to {number(end)}, zero in its middle."]
    text += [_describe(name, tensor, shown) for name, tensor, shown in zip(names, tensors, maps, strict=True)]
    axes = _draw(maps, names, tensors, end)  # now, because the tensors may change later
    return Picture(lambda: png(axes), " ".join(text), "\n".join(text), round(CSS_DPI * axes.get_xlim()[1]))


def names_of(titles: Sequence[str], count: int, taker: str, what: str) -> list[str]:
    """What each of `count` pictures is called: its title or its place. `ValueError` for fewer or more."""
    if isinstance(titles, str) or (titles and len(titles) != count):
        came = "one text" if isinstance(titles, str) else str(len(titles))
        raise ValueError(f"{taker} takes one title for each of its {count} {what}s, got {came}")
    return [clean(str(title), 60) for title in titles] or [f"{what} {place + 1}" for place in range(count)]


def real_tensor(value: object, taker: str, place: int) -> Tensor:
    """An argument that is a tensor of real numbers, detached. Raises `TypeError` for any other."""
    if not isinstance(value, Tensor) or value.is_complex():
        kind = "complex numbers" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise TypeError(f"{taker} takes tensors of real numbers; argument {place} is {kind}")
    return value.detach()


def shared_limit(tensors: Sequence[Tensor]) -> float:
    """The largest finite magnitude among them: the scale runs from its negative to it. Never 0."""
    finite = [tensor[torch.isfinite(tensor)] for tensor in tensors]
    return max((float(values.abs().max()) for values in finite if values.numel()), default=0.0) or 1.0


def number(value: float) -> str:
    """Three significant digits, with a true minus sign."""
    return f"{value:.3g}".replace("-", "−")


@cache
def colours() -> Colormap:
    """The one colour scale of all feature maps."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("sumskip", COLOURS)


def canvas(wide: float, high: float) -> Axes:
    """An empty white figure of `wide` × `high` inches: one axes over all of it, in inches, y down.

    One axes for all thumbnails, because each axes of its own costs more time than what is in it.
    """
    from matplotlib.figure import Figure

    axes = Figure(figsize=(wide, high), facecolor="white").add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, wide), ylim=(high, 0))
    axes.autoscale(False)
    return axes


def thumbnail(axes: Axes, values: Tensor, end: float, x: float, y: float, size: float) -> float:
    """Draw one map (H, W) at (x, y) in a square of `size`, on the scale from -end to end.

    Returns the length of one of its pixels. Pixels that are not finite stay white behind a cross.
    """
    if not torch.isfinite(values).all():
        high, wide = values.shape
        right, bottom = x + wide * size / max(high, wide), y + high * size / max(high, wide)
        axes.plot([x, right], [y, bottom], [x, right], [bottom, y], color="black", linewidth=0.8, zorder=0)
    return framed(axes, values, x, y, size, cmap=colours(), vmin=-end, vmax=end)


def framed(axes: Axes, values: Tensor, x: float, y: float, size: float, **scale: Any) -> float:
    """Draw an image, (H, W) on a `scale` or (H, W, 3) in colours, framed, at (x, y) in a square of `size`.

    Returns the length of one of its pixels.
    """
    high, wide = values.shape[:2]
    pixel = size / max(high, wide)
    right, bottom = x + wide * pixel, y + high * pixel
    extent = (x, right, bottom, y)
    axes.imshow(values.numpy(), **scale, extent=extent, aspect="auto", interpolation="nearest")
    axes.plot([x, right, right, x, x], [y, y, bottom, bottom, y], color="black", linewidth=0.8)
    return pixel


def colour_bar(axes: Axes, end: float, x: float, y: float, wide: float) -> None:
    """The shared scale as a bar, with its ends, its middle and its quarters named below."""
    steps = torch.linspace(-end, end, 256).unsqueeze(0)
    axes.imshow(steps.numpy(), cmap=colours(), extent=(x, x + wide, y + 0.12, y), aspect="auto")
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        at = x + share * wide
        value = (2 * share - 1) * end
        axes.plot([at, at], [y, y + 0.16], color="black", linewidth=0.8)
        axes.text(at, y + 0.3, number(value) if value else "0", fontsize=9, ha="center")


def png(axes: Axes) -> bytes:
    """The axes' figure as a PNG, with twice the screen's pixels so that zoom and print stay sharp."""
    figure = axes.get_figure(root=True)
    assert figure is not None  # `canvas` made it
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=2 * CSS_DPI, metadata={"Software": None})
    return file.getvalue()


def _channels_first(tensor: object, place: int) -> Tensor:
    """The first image of a tensor as float32 (C, H, W)."""
    tensor = real_tensor(tensor, "show_feature_maps", place)
    if not 2 <= tensor.dim() <= 4 or tensor.numel() == 0:
        raise ValueError(
            "show_feature_maps takes tensors (N, C, H, W), (C, H, W) or (H, W) that are not empty; "
            f"argument {place} is {tuple(tensor.shape)}"
        )
    first = tensor[0] if tensor.dim() == 4 else tensor
    return first.reshape(-1, *first.shape[-2:]).to("cpu", torch.float32)


def _describe(name: str, tensor: Tensor, shown: Tensor) -> str:
    finite = shown[torch.isfinite(shown)]
    line = f"{name}, {tuple(tensor.shape)}: "
    if not finite.numel():
        return line + "no finite value."
    least, most, mean = (number(value.item()) for value in (finite.min(), finite.max(), finite.mean()))
    line += f"from {least} to {most}, mean {mean}"
    odd = shown.numel() - finite.numel()
    return line + (f"; {odd} values are not finite." if odd else ".")


def _draw(maps: Sequence[Tensor], names: Sequence[str], tensors: Sequence[Tensor], end: float) -> Axes:
    margin, column, row = 0.25, THUMBNAIL + 0.1, THUMBNAIL + 0.5
    titles = [f"{name}  {tuple(tensor.shape)}" for name, tensor in zip(names, tensors, strict=True)]
    longest = max(width(title, 10 * CSS_DPI / 72) for title in titles) / CSS_DPI
    wide = max(column * max(len(shown) for shown in maps) - 0.1, longest, 2.6)
    axes = canvas(wide + 2 * margin, row * len(maps) + 0.5)
    for place, (title, shown) in enumerate(zip(titles, maps, strict=True)):
        y = place * row
        axes.text(margin, y + 0.2, title, fontsize=10, parse_math=False)
        for channel, values in enumerate(shown):
            x = margin + channel * column
            thumbnail(axes, values, end, x, y + 0.26, THUMBNAIL)
            axes.text(x, y + 0.26 + THUMBNAIL + 0.14, f"channel {channel}", fontsize=8)
    colour_bar(axes, end, margin, row * len(maps) + 0.1, wide)
    return axes
