"""`progress(items, "training")`: a bar with the time left while a long cell runs, and one line afterwards.

A widget, as tqdm's, would stay in the saved notebook as an output that no longer works.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from html import escape
from typing import Any, TypeVar

Item = TypeVar("Item")


def progress(items: Collection[Item], what: str = "working") -> Iterator[Item]:
    """Go through `items` and show how many are done, and how long the rest will take.

    The time left assumes that an item to come takes as long as those done, on average. At the end one line
    says that all is done. Where nothing can be shown anew, as in a terminal, that line alone is printed.
    """
    total, started = len(items), time.monotonic()
    shown = _Shown(what, total)
    for done, item in enumerate(items):
        spent = time.monotonic() - started
        shown.update(done, f", about {_words(spent / done * (total - done))} left" if done else "")
        yield item
    shown.end()


class _Shown:
    def __init__(self, what: str, total: int) -> None:
        from IPython.core.getipython import get_ipython

        self.what, self.total = what, total
        self.handle: Any = None
        self.live = getattr(get_ipython(), "kernel", None) is not None

    def update(self, done: int, left: str) -> None:
        if not self.live:
            return
        words = f"{self.what}: {done} of {self.total} done{left}"
        bar = f'<progress max="{self.total}" value="{done}" aria-label="{escape(self.what)}"></progress>'
        self._show(words, f"<div>{bar} {escape(words)}</div>")

    def end(self) -> None:
        words = f"{self.what}: {self.total} of {self.total} done"
        if self.live:
            self._show(words, f"<div>{escape(words)}</div>")
        else:
            print(words)

    def _show(self, text: str, html: str) -> None:
        from IPython.display import display

        data = {"text/plain": text, "text/html": html}
        if self.handle is None:
            self.handle = display(data, raw=True, display_id=True)
        else:
            self.handle.update(data, raw=True)


def _words(seconds: float) -> str:
    whole = max(1, round(seconds))
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
