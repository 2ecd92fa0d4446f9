"""`compare(model_a, model_b, …, x)`: several models side by side, and where they differ."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sumskip.seeing.drawing import image_tag, png
from sumskip.seeing.drawing.outline import LONGEST_ALT
from sumskip.seeing.drawing.panels import contrasts, panels
from sumskip.seeing.drawing.scene import to_svg
from sumskip.seeing.saving import save
from sumskip.seeing.trace import Trace, trace
from sumskip.text import clean


@dataclass(frozen=True)
class Comparison:
    """Traces of several models on the same input, drawn with what they share in the same place.

    It shows itself as the last expression of a cell.
    """

    traces: tuple[Trace, ...]

    def to_svg(self) -> str:
        """The picture as an SVG document: the same bytes every time."""
        return to_svg(panels(self.traces), self.alt_text)

    def to_png(self, scale: float = 2.0) -> bytes:
        """The same picture as a PNG file, `scale` pixels to each of the SVG's."""
        return png(panels(self.traces), scale)

    def to_text(self) -> str:
        """Every model's outline, and what only some of the models have."""
        outlines = "\n\n".join(trace.to_text() for trace in self.traces)
        return f"{outlines}\n\n" + "\n".join(contrasts(self.traces))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture, or the outlines, to a file: `.svg`, `.png` or `.txt`, by the name's ending.

        Raises ValueError for another ending, and OSError where the file cannot be written.
        """
        save(self, path)

    @property
    def alt_text(self) -> str:
        """What the picture shows, in a few sentences for a screen reader."""
        names = ", ".join(clean(trace.name, 40) or "a function" for trace in self.traces)
        text = f"Side by side: {names}. {' '.join(contrasts(self.traces, wires=False))}"
        return text if len(text) <= LONGEST_ALT else text[: LONGEST_ALT - 1] + "…"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": image_tag(self.to_svg(), self.alt_text), "text/plain": self.to_text()}

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(trace.name or 'a function' for trace in self.traces)}>"


def compare(*models_and_input: Callable[..., Any] | Any) -> Comparison:
    """Trace two or more models on the same input, last, such as (N, C, H, W), and draw them side by side.

    What all have is drawn quietly and in the same place; what differs is framed, with thick wires:

        compare(sequential, addition, weighted, x)

    A model that fails is drawn up to where it fails. Raises ValueError where fewer than two models
    came, or no input; and what `trace` raises.
    """
    split = next(
        (n for n, thing in enumerate(models_and_input) if not callable(thing)), len(models_and_input)
    )
    models, inputs = models_and_input[:split], models_and_input[split:]
    if len(models) < 2 or not inputs:
        came = ", ".join(type(thing).__name__ for thing in models_and_input) or "nothing"
        raise ValueError(
            f"compare takes two or more models and then their input, as in compare(model_a, model_b, x); "
            f"{came} came."
        )
    return Comparison(tuple(trace(model, *inputs) for model in models))
