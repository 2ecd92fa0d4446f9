"""How an interactive picture shows itself: a still picture, and the live one in its place.

Two outputs are stored. The first is still, an `<img>` with everything the live picture can show in its
opening state: exported pages, notebooks that are not trusted, and a notebook opened again without
its kernel show that. The second is the widget; while it is alive a style sheet hides the first.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from sumskip.seeing.picture import Picture

HERE = Path(__file__).parent
LONG = 20  # lines of text that stand open below a still picture

# `:has` looks at the next output: the still picture goes only while a live one stands there, and
# JupyterLab's "model not found", where the kernel is gone, does not stand below it. A still picture tells the
# truth beside the guess: it waits for the live one, which may not tell it yet, and appears where none comes.
STYLE = """<style>
.jp-OutputArea-child:has(.sumskip-still):has(+ .jp-OutputArea-child .sumskip-live),
.jp-OutputArea-child:has(.sumskip-still)
  + .jp-OutputArea-child:has(.jupyter-widgets):not(:has(.sumskip-live)) { display: none }
.lm-Widget .sumskip-tells { animation: sumskip-waits 4s step-end }
@keyframes sumskip-waits { from { visibility: hidden } }
</style>"""


class Live(ABC):
    """What is stored as a still output, and where a kernel answers is shown as a widget in its place.

    `kind` names the widget's script, and `data` is what that draws from. Nothing travels back from the
    browser but a guess and, from `explore`, which box to open or close. So what a learner does in a picture
    can never be an answer to an exercise.
    """

    locked = False
    tells = True  # whether the still output tells what the live one keeps for the end

    def __init__(self, kind: str, data: dict[str, Any]) -> None:
        self.kind = kind
        self.data = data

    @property
    @abstractmethod
    def text(self) -> str:
        """All of it for a terminal."""

    @abstractmethod
    def to_html(self) -> str:
        """The still output."""

    def answer(self, widget: Any, content: object) -> None:  # noqa: B027 - most have nothing to answer
        """The browser's messages are answered here."""

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        tells = " sumskip-tells" if self.tells else ""
        html = f'{STYLE}<div class="sumskip-still{tells}">{self.to_html()}</div>'
        return {"text/html": html, "text/plain": self.text}

    def _ipython_display_(self) -> None:
        from IPython.core.getipython import get_ipython
        from IPython.display import display

        display(self._repr_mimebundle_(), raw=True)
        # Where nothing can answer (a terminal, a grader's bare shell) no widget is made at all.
        if getattr(get_ipython(), "kernel", None) is not None:
            widget = _live_class(self.kind)(data=self.data)
            widget.on_msg(lambda _widget, content, _buffers: self.answer(widget, content))
            display(_Quiet(widget))

    def __repr__(self) -> str:
        return self.text


class InteractivePicture(Live):
    """An unlocked picture. `still` is the picture without a kernel."""

    def __init__(self, kind: str, still: Picture, data: dict[str, Any]) -> None:
        super().__init__(kind, data)
        self.still = still

    @property
    def alt_text(self) -> str:
        return self.still.alt_text

    @property
    def text(self) -> str:
        return self.still.text

    def to_html(self) -> str:
        words = f'<pre style="font-family: monospace">{escape(self.text)}</pre>'
        if len(self.text.splitlines()) > LONG:  # every step of a large model: for who asks for it
            words = f"<details><summary>In words</summary>{words}</details>"
        return self.still.to_html() + words


class _Quiet:
    """A widget whose fallback is empty: the still picture above it has already said everything."""

    def __init__(self, widget: Any) -> None:
        self.widget = widget

    def _repr_mimebundle_(self, **kwargs: object) -> Any:
        bundle, metadata = self.widget._repr_mimebundle_()
        return {**bundle, "text/html": "", "text/plain": ""}, metadata


@cache
def _live_class(kind: str) -> type:
    """The widget class of one picture. anywidget takes half a second to import, so only here."""
    import anywidget
    import traitlets

    scripts = [(HERE / name).read_text(encoding="utf-8") for name in ("common.js", f"{kind}.js")]
    members = {
        "_esm": "\n".join(scripts),
        "_css": (HERE / "live.css").read_text(encoding="utf-8"),
        "data": traitlets.Dict().tag(sync=True),
    }
    return type(f"Live_{kind}", (anywidget.AnyWidget,), members)
