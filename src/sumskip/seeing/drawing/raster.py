"""A scene as PNG, drawn with matplotlib, which needs no program on the system and no display."""

from __future__ import annotations

import io
import warnings
from functools import lru_cache
from pathlib import Path as File
from typing import Literal

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch, Polygon
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from matplotlib.text import Text as Words
from matplotlib.transforms import Affine2D
from PIL import Image

from sumskip.seeing.drawing.scene import Area, Element, Line, Rectangle, Scene, Text, head, strokes

_CODES = {"M": [Path.MOVETO], "L": [Path.LINETO], "Q": [Path.CURVE3, Path.CURVE3]}
_ANCHOR: dict[str, Literal["left", "center", "right"]] = {"start": "left", "middle": "center", "end": "right"}


def to_png(scene: Scene, scale: float = 2.0) -> bytes:
    """The scene as PNG bytes, `scale` pixels to one of the scene's."""
    figure = Figure(figsize=(scene.width * scale / 100, scene.height * scale / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    figure.patch.set_facecolor("white")
    # scene pixels, y down  ->  display pixels, y up
    view = Affine2D().scale(scale, -scale).translate(0, round(scene.height * scale))
    for element in scene.elements:
        _draw(figure, element, view, scale)
    # letters as wide as `lettering` says, curves with all their points
    exactly = matplotlib.rc_context({"text.hinting": "none", "path.simplify": False})
    with warnings.catch_warnings(), exactly:
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        canvas.draw()
    pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    # A few flat colours and the shades between them: a palette makes the file a fifth of the size.
    palette = pixels.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    file = io.BytesIO()
    palette.save(file, format="PNG", optimize=True)
    return file.getvalue()


@lru_cache(maxsize=64)
def _font(size: float, bold: bool) -> FontProperties:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return FontProperties(fname=File(matplotlib.get_data_path(), "fonts/ttf", name), size=size)


def _draw(figure: Figure, element: Element, view: Affine2D, scale: float) -> None:
    point = scale * 72 / 100  # one of the scene's pixels in matplotlib's points
    if isinstance(element, Rectangle):
        width = element.stroke_width * point if element.stroke != "none" else 0
        figure.patches.append(
            PathPatch(
                _outline(element),
                facecolor=element.fill,
                edgecolor=element.stroke,
                linewidth=width,
                linestyle=_dash(element),
                transform=view,
                figure=figure,
            )
        )
    elif isinstance(element, Line):
        moves = list(strokes(element))
        path = Path([p for _, points in moves for p in points], [c for m, _ in moves for c in _CODES[m]])
        width = element.stroke_width * point
        figure.patches.append(
            PathPatch(
                path,
                fill=False,
                edgecolor=element.stroke,
                linewidth=width,
                linestyle=_dash(element),
                transform=view,
                figure=figure,
            )
        )
        if element.arrow:
            figure.patches.append(
                Polygon(head(element), facecolor=element.stroke, linewidth=0, transform=view, figure=figure)
            )
    elif isinstance(element, Area):
        figure.patches.append(
            Polygon(element.points, facecolor=element.fill, linewidth=0, transform=view, figure=figure)
        )
    else:
        figure.texts.append(_words(element, view, point, figure))


def _outline(box: Rectangle) -> Path:
    """A rectangle with quarter circles for corners, as SVG's `rx` makes them."""
    x, y, w, h = box.x, box.y, box.width, box.height
    r = min(box.radius, w / 2, h / 2)
    if not r:
        return Path([(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)], closed=True)
    k = 0.44772 * r  # where a quarter circle's control points lie, from the corner
    corners = [
        [(x + w - r, y), (x + w - k, y), (x + w, y + k), (x + w, y + r)],
        [(x + w, y + h - r), (x + w, y + h - k), (x + w - k, y + h), (x + w - r, y + h)],
        [(x + r, y + h), (x + k, y + h), (x, y + h - k), (x, y + h - r)],
        [(x, y + r), (x, y + k), (x + k, y), (x + r, y)],
    ]
    points = [(x + r, y), *(point for corner in corners for point in corner), (x + r, y)]
    codes = [Path.MOVETO, *[Path.LINETO, *[Path.CURVE4] * 3] * 4, Path.CLOSEPOLY]
    return Path(points, codes)


def _dash(element: Rectangle | Line) -> str | tuple[float, list[float]]:
    if not element.dash:
        return "solid"
    return 0, [float(n) / element.stroke_width for n in element.dash.split()]  # matplotlib multiplies by it


def _words(text: Text, view: Affine2D, point: float, figure: Figure) -> Words:
    x, y = view.transform((text.x, text.y))
    words = Words(
        x,
        y,
        text.text,
        color=text.fill,
        fontproperties=_font(round(text.size * point, 3), text.bold),
        horizontalalignment=_ANCHOR[text.anchor],
        verticalalignment="baseline",
        parse_math=False,
        figure=figure,
    )
    if text.halo:
        words.set_path_effects([withStroke(linewidth=3 * point, foreground="white")])
    return words
