"""Pages about a learner's notebook, in feedback and in formgrader, in which nothing of theirs can run.

nbconvert leaves the HTML of markdown cells and outputs as it finds it, and writes names and image sizes
into its templates unquoted. Here everything passes one allow-list: text, tables, links, inline images.
Cleaning is cached, because a thousand notebooks of one lesson share most of their cells.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import FrameType
from typing import Any

import nbconvert.filters
from bleach.sanitizer import Cleaner
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import Highlight2HTML
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

# What a page takes from one text, and from all the outputs of one cell. The engine caps what it records
# as well; a notebook that was run again by hand in JupyterLab has not passed the engine.
MOST_TEXT = 20_000
MOST_OUTPUTS = 50
MOST_IMAGE = 2_000_000
SECONDS = 5.0

_TAGS = frozenset(
    """
    a abbr b blockquote br caption code dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6
    hr i img kbd li ol p pre s small span strong sub summary sup table tbody td tfoot th thead tr tt u
    ul var
    """.split()  # noqa: SIM905 - as a list it is fifty lines
)
_ATTRIBUTES = frozenset(
    {"alt", "colspan", "dir", "lang", "open", "role", "rowspan", "scope", "start", "title"}
)
# Inside <img> no image runs a script, an SVG neither; another address would tell who reads the page.
_IMAGE = re.compile(r"data:image/(png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=\s]*\Z")
# Classes of highlighted code and of our own reports; formgrader's scripts listen to other ones.
_CLASS = re.compile(r"(highlight|hl-\w+|language-\w+|anchor-link|sumskip[\w-]*|[a-z][a-z0-9]?[0-9]?)\Z")
_SIZE = re.compile(r"\d{1,4}(\.\d{1,3})?(px|%)?\Z")
_LINK = re.compile(r"(https?://|mailto:|#)", re.IGNORECASE)
_STYLES = re.compile(
    r"(background|border|font|list-style|margin|padding|text-align|text-decoration|white-space)(-[a-z-]+)?"
    r"|box-sizing|color|display|gap|(max-|min-)?(height|width)|letter-spacing|line-height|overflow(-[a-z]+)?"
    r"|vertical-align|word-break"
)
_STYLE = re.compile(r"\s*([a-z-]+)\s*:([\w#%.,()\s+-]*)\Z", re.ASCII)


def _attribute(tag: str, name: str, value: str) -> bool:
    if name == "class":
        return all(_CLASS.match(word) for word in value.split())
    if name in ("width", "height"):
        return bool(_SIZE.match(value))
    if name == "href":
        return tag == "a" and bool(_LINK.match(value.strip()))
    if name == "src":
        return tag == "img" and bool(_IMAGE.match(value))
    return name in _ATTRIBUTES or name.startswith("aria-") or name == "style"


class _Styles:
    """Inline styles of plain words and numbers: nothing that is loaded, and nothing out of its place."""

    def sanitize_css(self, style: str) -> str:
        found = [_STYLE.match(declaration) for declaration in style.split(";")]
        kept = [match for match in found if match and _STYLES.fullmatch(match[1]) and "url" not in match[2]]
        return ";".join(match[0].strip() for match in kept)


_cleaner = Cleaner(
    tags=_TAGS,
    attributes=_attribute,
    protocols=frozenset({"http", "https", "mailto", "data"}),
    strip=False,  # what is not allowed is shown as text: nothing of an answer disappears unseen
    strip_comments=True,
    css_sanitizer=_Styles(),
)


def clean_html(source: object) -> str:
    """HTML in which only text, tables, links and inline images are left."""
    return _cached(_clean, source.decode(errors="replace") if isinstance(source, bytes) else str(source))


def _clean(source: str) -> str:
    return _guarded(source, lambda text: str(_cleaner.clean(text)), most=4 * MOST_IMAGE)


def markdown2html(source: str) -> str:
    """A markdown cell, or a comment, as clean HTML."""
    return _cached(_markdown, str(source))


def _markdown(source: str) -> str:
    return _guarded(source, lambda text: str(_cleaner.clean(nbconvert.filters.markdown2html(text))))


def highlight_code(source: str, language: str | None = None, metadata: object = None) -> str:
    """A code cell in colours. The lesson's language is Python, whatever the notebook's metadata say."""
    return _cached(_highlight, str(source))


def _highlight(source: str) -> str:
    return _guarded(source, lambda text: str(Highlight2HTML(pygments_lexer="ipython3")(text)))


def _cached(render: Callable[[str], str], source: str) -> str:
    """`render(source)`; short texts, such as the lesson's own cells, are rendered once."""
    return _remembered(render, source) if len(source) <= 8_000 else render(source)


@lru_cache(maxsize=2048)
def _remembered(render: Callable[[str], str], source: str) -> str:
    return render(source)


def _guarded(source: str, render: Callable[[str], str], most: int = MOST_TEXT) -> str:
    """`render(source)`, or the plain text where it is too long, too deep or takes too long to render."""
    if len(source) <= most:
        try:
            with _at_most(SECONDS):
                return render(source)
        except Exception:
            # Whatever a renderer stumbles over, a missing attachment or a thousand brackets, is text too.
            pass
    return f"<pre>{html.escape(capped(source))}</pre>"


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Interrupt what runs inside after some seconds, where this thread can be interrupted at all."""
    usable = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not usable or signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL:
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def capped(text: str, most: int = MOST_TEXT) -> str:
    """The beginning of `text`, with a note of how much was left out."""
    if len(text) <= most:
        return text
    return f"{text[:most]}\n… {len(text) - most} more characters are not shown."


class CleanPages(Preprocessor):
    """Leaves of every cell what may be shown: its source, text, our report, PNG and JPEG pictures.

    It stands in `c.HTMLExporter.preprocessors`, so it serves `nbgrader generate_feedback`, formgrader
    and `python -m autograder grade` alike.
    """

    # Written by formgrader's template as they are.
    names = ("student", "first_name", "last_name", "notebook_path", "filename")

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        for name in self.names:
            if isinstance(resources.get(name), str):
                resources[name] = html.escape(resources[name])
        nb.metadata = NotebookNode({"language_info": {"name": "python", "pygments_lexer": "ipython3"}})
        nb.cells = [_clean_cell(cell, number) for number, cell in enumerate(nb.cells)]
        return nb, resources


def _clean_cell(cell: NotebookNode, number: int) -> NotebookNode:
    nbgrader = cell.get("metadata", {}).get("nbgrader")
    nbgrader = nbgrader if isinstance(nbgrader, dict) else {}
    cell["metadata"] = NotebookNode({"nbgrader": nbgrader} if nbgrader else {})
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", str(cell.get("id", ""))):
        cell["id"] = f"cell-{number}"
    cell.pop("attachments", None)
    if cell["cell_type"] == "code":
        outputs = cell.get("outputs", [])[:MOST_OUTPUTS]
        cell["outputs"] = [clean for output in outputs if (clean := _clean_output(output)) is not None]
        if nbgrader.get("grade") and not nbgrader.get("solution"):
            # The number that nbgrader reads is in the heading; the report above it says why.
            cell["outputs"] = [out for out in cell["outputs"] if out["output_type"] != "execute_result"]
        if not isinstance(cell.get("execution_count"), int):
            cell["execution_count"] = None
    elif cell["cell_type"] != "markdown":
        # A raw cell goes into the page as it is.
        cell["cell_type"], cell["source"] = "markdown", f"```\n{cell['source'].replace('`', 'ˋ')}\n```"
    return cell


def _clean_output(output: NotebookNode) -> NotebookNode | None:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return NotebookNode(output_type=kind, name=name, text=capped(_text(output.get("text"))))
    if kind == "error":
        lines = capped(_text("\n".join(_text(line) for line in output.get("traceback", [])))).split("\n")
        return NotebookNode(output_type=kind, ename="", evalue="", traceback=lines)
    if kind in ("execute_result", "display_data"):
        data = {mime: text for mime, text in output.get("data", {}).items() if mime in _SHOWN}
        kept = {mime: clean for mime, text in data.items() if (clean := _SHOWN[mime](_text(text)))}
        shown = NotebookNode(output_type=kind, metadata=NotebookNode(), data=NotebookNode(kept))
        if kind == "execute_result":
            shown["execution_count"] = None
        return shown if kept else None
    return None


def _text(value: object) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def _image(text: str) -> str:
    try:
        data = base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError):
        return ""
    return base64.b64encode(data).decode() if len(data) <= MOST_IMAGE else ""


# The kinds of output that are shown, best first, and how each is made safe.
_SHOWN: dict[str, Callable[[str], str]] = {
    "text/html": clean_html,
    "image/png": _image,
    "image/jpeg": _image,
    "text/plain": capped,
}

# What `nbgrader_config.py` gives nbconvert's HTML exporter, by name so that it stays printable.
FILTERS = {
    "clean_html": "autograder.pages.clean_html",
    "markdown2html": "autograder.pages.markdown2html",
    "highlight_code": "autograder.pages.highlight_code",
}


class PageExporter(HTMLExporter):
    """nbconvert's HTML exporter without its last pass, which reads the finished page again.

    That pass parses half a megabyte to add `alt` to pictures that lack it; `CleanPages` leaves no such
    picture but those of learners' markdown, and it took half the time of a page.
    """

    def from_notebook_node(  # type: ignore[override]  # nbconvert's own HTMLExporter does the same
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        self.register_filter("filter_data_type", _first_shown)
        resources = self._init_resources(resources)
        page, resources = super(HTMLExporter, self).from_notebook_node(nb, resources, **kw)
        return str(page), resources


def _first_shown(data: dict[str, str]) -> list[str]:
    return [mime for mime in _SHOWN if mime in data][:1]


__all__ = [
    "FILTERS",
    "CleanPages",
    "PageExporter",
    "capped",
    "clean_html",
    "highlight_code",
    "markdown2html",
]
