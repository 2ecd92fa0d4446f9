"""Explore: a model's picture whose boxes open and close, and where everything says what it is."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict
from typing import Any

from torch import Tensor

from sumskip.seeing.drawing import draw
from sumskip.seeing.drawing.scene import Scene, to_svg
from sumskip.seeing.drawing.told import told
from sumskip.seeing.drawing.view import View, box_paths
from sumskip.seeing.picture import Picture
from sumskip.seeing.trace import Trace, trace
from sumskip.seeing.widgets.live import InteractivePicture


def explore(
    model: Callable[..., Any] | Trace, *inputs: Any, gradients: bool | Tensor = False, **keywords: Any
) -> Explorer:
    """The picture of `trace(model, *inputs)`, to be looked into.

        explore(model, torch.randn(1, 3, 224, 224))

    A box opens and closes by click, or by Enter where it has the focus; arrow keys go from one thing to the
    next, and below the picture stands what has the focus. Instead of model and inputs, a trace that was made
    before may be given. Raises what `trace` raises.
    """
    if isinstance(model, Trace):
        if inputs or keywords or gradients is not False:
            raise TypeError("explore takes a model with its inputs, or a trace alone; got a trace and more")
        return Explorer(model)
    return Explorer(trace(model, *inputs, gradients=gradients, **keywords))


class Explorer(InteractivePicture):
    """What `explore` gives. The browser asks for a box to be opened or closed; it is drawn here."""

    def __init__(self, traced: Trace) -> None:
        self._trace, self._paths = traced, box_paths(traced)
        scene, seen = draw(traced)
        alt, text, width = traced.alt_text, traced.to_text(), round(scene.width)
        still = Picture(lambda: to_svg(scene, alt).encode(), alt, text, width, "svg+xml")
        super().__init__("explore", still, self._data(scene, seen))

    def shown(self, open: Collection[str]) -> dict[str, Any]:
        """The picture with these boxes open, and what is told of everything in it."""
        return self._data(*draw(self._trace, open=open))

    def _data(self, scene: Scene, seen: View) -> dict[str, Any]:
        items = told(self._trace, seen)
        return {
            "svg": to_svg(scene, self._trace.alt_text, grouped=True),
            "items": [asdict(item) for item in items],
            "open": [name for item in items if item.open for name in item.boxes],
        }

    def asked(self, content: Any, data: dict[str, Any]) -> dict[str, Any] | None:
        """What to show where the browser, which shows `data`, asks for a box; None where it asks for none."""
        box = content.get("box") if isinstance(content, dict) else None
        if not isinstance(box, str) or box not in self._paths:
            return None
        if box not in data["open"]:
            return self.shown([*data["open"], box])
        return self.shown([name for name in data["open"] if box not in self._paths[name]])

    def answer(self, widget: Any, content: object) -> None:
        if (data := self.asked(content, widget.data)) is not None:
            widget.data = data
