"""What tensors look like: a few channels of each, all on one colour scale with zero in its middle."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from sumskip.lettering import clean, width
from sumskip.picture import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

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
    if isinstance(titles, str) or (titles and len(titles) != len(tensors)):
        count = "one text" if isinstance(titles, str) else str(len(titles))
        raise ValueError(
            f"show_feature_maps takes one title for each of its {len(tensors)} tensors, got {count}"
        )
    if not isinstance(channels, int) or isinstance(channels, bool) or channels < 1:
        raise ValueError(f"show_feature_maps shows at least one channel; got channels={channels!r}")
    maps = [_channels_first(tensor, place)[:channels] for place, tensor in enumerate(tensors, 1)]
    names = [clean(str(title), 60) for title in titles] or [
        f"tensor {place}" for place in range(1, len(maps) + 1)
    ]
    end = shared_limit(maps)
    text = [f"Feature maps on one colour scale, from {number(-end)} to {number(end)}, zero in its middle."]
    text += [_describe(name, tensor, shown) for name, tensor, shown in zip(names, tensors, maps, strict=True)]
    figure = _draw(maps, names, tensors, end)
    return picture(figure, " ".join(text), "\n".join(text))


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


def thumbnail(axes: Axes, values: Tensor, end: float) -> Any:
    """Draw one map (H, W) on the scale from -end to end; returns the image for a colour bar."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor("white")  # what is not finite stays white, with a cross behind it
    axes.plot(
        [0, 1], [0, 1], [0, 1], [1, 0], transform=axes.transAxes, color="black", linewidth=0.8, zorder=0
    )
    return axes.imshow(values.numpy(), cmap=colours(), vmin=-end, vmax=end, interpolation="nearest", zorder=1)


def colour_bar(figure: Figure, image: Any, axes: Any) -> None:
    """The shared scale, below all `axes`, with its ends and its middle named."""
    bar = figure.colorbar(image, ax=axes, location="bottom", aspect=30, pad=0.02)
    end = image.norm.vmax
    ticks = [-end, -end / 2, 0, end / 2, end]
    bar.set_ticks(ticks, labels=["0" if tick == 0 else number(tick) for tick in ticks])
    bar.ax.tick_params(labelsize=9)


def picture(figure: Figure, alt_text: str, text: str) -> Picture:
    """The figure as a `Picture`, at twice the pixels of the screen so that zoom and print stay sharp."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=2 * CSS_DPI, metadata={"Software": None})
    return Picture(file.getvalue(), alt_text, text, round(figure.get_figwidth() * CSS_DPI))


def _channels_first(tensor: object, place: int) -> Tensor:
    """The first image of a tensor as float32 (C, H, W)."""
    if not isinstance(tensor, Tensor) or tensor.is_complex():
        kind = "complex numbers" if isinstance(tensor, Tensor) else f"a {type(tensor).__name__}"
        raise TypeError(f"show_feature_maps takes tensors of real numbers; argument {place} is {kind}")
    if not 2 <= tensor.dim() <= 4 or tensor.numel() == 0:
        raise ValueError(
            "show_feature_maps takes tensors (N, C, H, W), (C, H, W) or (H, W) that are not empty; "
            f"argument {place} is {tuple(tensor.shape)}"
        )
    first = tensor.detach()[0] if tensor.dim() == 4 else tensor.detach()
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


def _draw(maps: Sequence[Tensor], names: Sequence[str], tensors: Sequence[Tensor], end: float) -> Figure:
    from matplotlib.figure import Figure

    columns = max(len(shown) for shown in maps)
    titles = [f"{name}  {tuple(tensor.shape)}" for name, tensor in zip(names, tensors, strict=True)]
    room = max(columns * THUMBNAIL, max(width(title, 10 * CSS_DPI / 72) for title in titles) / CSS_DPI)
    size = (max(room, 2.6) + 0.3, len(maps) * (THUMBNAIL + 0.5) + 0.4)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    grid = figure.subplots(len(maps), columns, squeeze=False)
    image = None
    for row, shown in enumerate(maps):
        for column, axes in enumerate(grid[row]):
            axes.set_anchor("W")
            if column >= len(shown):
                axes.set_axis_off()
                continue
            image = thumbnail(axes, shown[column], end)
            axes.set_xlabel(f"channel {column}", fontsize=8)
        grid[row][0].set_title(titles[row], fontsize=10, loc="left", parse_math=False)
    colour_bar(figure, image, grid)
    return figure
