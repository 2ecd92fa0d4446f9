"""The IPython shell in which a learner's cells run: text in, text out, and nothing that draws or asks."""

from __future__ import annotations

import builtins
import io
import warnings
from pathlib import Path
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.formatters import DisplayFormatter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from sumskip.checking.probing import plainly

KEEP = 8_000  # characters kept of a cell's prints, from each end


class Capped(io.TextIOBase):
    """Text that keeps its beginning and its end, and counts what it dropped between them."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self._head = self._tail = ""
        self._dropped = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        room = KEEP - len(self._head)
        self._head += text[:room]
        tail = self._tail + text[max(room, 0) :] if len(text) > room else self._tail
        self._dropped += max(0, len(tail) - KEEP)
        self._tail = tail[-KEEP:]
        return len(text)

    def text(self) -> str:
        if not self._dropped:
            return self._head + self._tail
        return f"{self._head}\n… {self._dropped} characters left out …\n{self._tail}"


class PlainFormatter(DisplayFormatter):
    """Text alone: no drawing is made that nobody will see, and no HTML leaves the process."""

    def format(self, obj: Any, include: Any = None, exclude: Any = None) -> Any:
        return {"text/plain": repr(obj)[:KEEP]}, {}


class PlainPublisher(DisplayPublisher):
    """`display(…)` prints the plain text."""

    def publish(self, data: Any, *args: Any, **kwargs: Any) -> None:
        if text := data.get("text/plain"):
            print(text)

    def clear_output(self, wait: bool = False) -> None:
        pass


class PlainHook(DisplayHook):
    """A cell's last value is printed as text, unless the cell ends in a semicolon."""

    silent = False

    def __call__(self, result: Any = None) -> None:
        if result is not None and not self.silent:
            print(repr(result)[:KEEP])


class Shell(InteractiveShell):
    """IPython without a terminal, a history, a graphical loop or formatted tracebacks."""

    def init_display_formatter(self) -> None:
        self.display_formatter = PlainFormatter(parent=self)

    def init_virtualenv(self) -> None:
        pass

    def enable_gui(self, gui: Any = None) -> None:
        pass

    def enable_matplotlib(self, gui: Any = None) -> tuple[Any, Any]:
        return None, "agg"

    def showtraceback(self, *args: Any, **kwargs: Any) -> None:
        pass

    def showsyntaxerror(self, *args: Any, **kwargs: Any) -> None:
        pass

    def ask_exit(self) -> None:
        pass


def make_shell() -> Shell:
    """The shell of the warm parent; each submission gets a copy of it by forking."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    Shell.display_pub_class.default_value = PlainPublisher
    Shell.displayhook_class.default_value = PlainHook
    shell = Shell.instance(config=config)
    warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
    warnings.filterwarnings("ignore", message="To exit: use")
    builtins.input = _no_input
    plainly.OURS.append(
        str(Path(__file__).parent)
    )  # where `input()` stops, a learner is shown their own line
    return shell


def _no_input(prompt: object = "") -> str:
    raise EOFError("input() has nobody to answer it while grading")
