"""A still picture that a notebook, an exported page and a screen reader can all show."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Literal


@dataclass(frozen=True)
class Picture:
    """A PNG or SVG with its alternative text; `text` says the same at length, for a terminal.

    It shows itself as the last expression of a cell. The picture sits in an `<img>`, which survives in
    notebooks that are not trusted and on exported pages, and keeps its alternative text there. `draw`
    makes the file when it is first looked at. `width` is in CSS pixels; a PNG may hold more of them,
    for sharp print and zoom.
    """

    draw: Callable[[], bytes]
    alt_text: str
    text: str
    width: int
    kind: Literal["png", "svg+xml"] = "png"

    @cached_property
    def file(self) -> bytes:
        return self.draw()

    def to_html(self) -> str:
        data = base64.b64encode(self.file).decode("ascii")
        return (
            f'<img alt="{escape(self.alt_text)}" width="{self.width}" style="max-width: 100%; height: auto" '
            f'src="data:image/{self.kind};base64,{data}">'
        )

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        return {"text/html": self.to_html(), "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text
