"""HTML of three kinds for a page: our reports, markdown and code, each made of what an allow-list names.

HTML has one author, `sumskip.check`: only a check cell shows it. In markdown it is text like any other,
so a script in it is read and not lost; `<details>` alone folds, as in lessons. Text is dark and its ground
light, nothing moves, covers or hides anything, no picture in it is an SVG (nested ones freeze a browser), and
nothing comes from another address.

What a text may cost is bounded by its length, the seconds of its page, and the HTML that comes of it.
"""

from __future__ import annotations

import base64
import html
import io
import re
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from types import FrameType

import nh3
from mistune.plugins import import_plugin
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.token import STANDARD_TYPES

from autograder.gradebook.page_text import capped, visible

SECONDS = 5.0
MOST_HTML = 2_000_000  # characters of HTML that the texts of a page become
# Longer texts are shown plain. The slowest markdown and code known take a second at this length.
MOST_RENDERED = 10_000
MOST_REPORT, MOST_TAGS = 100_000, 1_000  # a report is some 5,000 characters; nested tags cost their square
MOST_PICTURE, MOST_PIXELS, LONGEST_SIDE = 2_000_000, 4_000_000, 4_000

_LENGTH = r"(0|[0-2](\.\d\d?)?em|\.\d\d?em|1?\dpx)"
_SIDES = rf"{_LENGTH}( {_LENGTH}){{0,3}}"
_DARK = r"(#[0-7]{3}|#[0-9ab][0-9a-f][0-7][0-9a-f][0-9ab][0-9a-f])"
_LIGHT = r"(#[ef]{3}|#(f[0-9a-f]){3})"
_BORDER = rf"(0|\dpx solid {_DARK})"
_STYLES = {
    name: re.compile(values, re.ASCII)
    for names, values in {
        "color": _DARK,
        "background background-color": _LIGHT,
        "margin padding": _SIDES,
        "margin-top margin-right margin-bottom margin-left": _LENGTH,
        "padding-top padding-right padding-bottom padding-left": _LENGTH,
        "border border-top border-right border-bottom border-left": _BORDER,
        "font-family": "sans-serif|monospace",
        "font-style": "normal|italic",
        "font-weight": "normal|bold|[4-7]00",
        "line-height": r"[12](\.\d\d?)?",
        "max-width": r"[1-9]\dem",
        "text-align": "left|center|right",
    }.items()
    for name in names.split()
}
_ADDRESS = re.compile(r"(https?://|mailto:)[^\s\\]{1,2000}", re.IGNORECASE)
ATTACHED = re.compile(r"attachment:(picture-\d{1,4})")  # as intake calls a picture of an answer in words
_TAG = re.compile(rf'<img alt="([^"<>]*)" src="{ATTACHED.pattern}">')
_PICTURE = re.compile(r"data:image/(png|jpeg);base64,([A-Za-z0-9+/=]+)")


def _attribute(tag: str, name: str, value: str) -> str | None:
    """The value of an attribute as it is shown; None for one that is not. nh3 calls this for each."""
    if name == "style":
        return _style(value)
    if name == "href":
        return value if _ADDRESS.fullmatch(value) else None
    if name == "src":
        found = _PICTURE.fullmatch(value)
        return value if found and pixels(found[2], found[1]) else None
    if name == "start":
        return value if re.fullmatch(r"\d{1,9}", value, re.ASCII) else None
    return value  # of those below that have no choice of values, or one that nh3 is told


def _attribute_in_markdown(tag: str, name: str, value: str) -> str | None:
    if name == "src":
        return value if ATTACHED.fullmatch(value) else None
    return _attribute(tag, name, value)


def _style(style: str) -> str | None:
    kept = []
    for declaration in style.lower().split(";"):
        name, _, value = (" ".join(part.split()) for part in declaration.partition(":"))
        if name in _STYLES and _STYLES[name].fullmatch(value):
            kept.append(f"{name}:{value}")
    return ";".join(kept) or None


_TAGS = {"a", "b", "blockquote", "br", "code", "del", "div", "em", "hr", "i", "li", "ol", "p", "pre", "span"}
_TAGS |= {"h1", "h2", "h3", "h4", "h5", "h6", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"}

# `clean_content_tags` is empty: what stands in a tag that goes stays as text, a script too.
_report_cleaner = nh3.Cleaner(
    tags=_TAGS | {"caption", "details", "img", "summary"},
    clean_content_tags=set(),
    attributes={"*": {"style"}, "a": {"href"}, "details": {"open"}, "img": {"alt", "src"}},
    tag_attribute_values={"div": {"role": {"status"}}, "table": {"aria-label": {"Points by part"}}},
    attribute_filter=_attribute,
    url_schemes={"http", "https", "mailto", "data"},
    link_rel=None,
)
_markdown_cleaner = nh3.Cleaner(
    tags=_TAGS | {"details", "img", "summary"},
    clean_content_tags=set(),
    attributes={
        "*": set(),
        "a": {"href"},
        "img": {"alt", "src"},
        "ol": {"start"},
        "td": {"style"},
        "th": {"style"},
    },
    allowed_classes={"div": {"highlight"}, "span": set(STANDARD_TYPES.values())},
    attribute_filter=_attribute_in_markdown,
    url_schemes={"http", "https", "mailto", "attachment"},
)


class Allowance:
    """What the texts of one page may still cost: seconds of rendering, and characters of HTML."""

    def __init__(self, seconds: float = SECONDS, characters: int = MOST_HTML) -> None:
        self.seconds = seconds
        self.characters = characters

    def render(self, render: Callable[[str], str], source: str) -> str:
        """`render(source)`, or the plain text where it is too long, or the allowance used up."""
        text = visible(source)
        if len(text) <= MOST_RENDERED and self.seconds > 0:
            started = time.monotonic()
            try:
                with at_most(self.seconds):
                    rendered = _remembered(render, text)
                if len(rendered) <= self.characters:
                    self.characters -= len(rendered)
                    return rendered
            except (Exception, TooSlow):
                pass  # whatever a renderer stumbles over is text too
            finally:
                self.seconds -= time.monotonic() - started
        return _plain(source)


@lru_cache(maxsize=512)
def _remembered(render: Callable[[str], str], text: str) -> str:
    """`render(text)`, once for a class: its notebooks share most of their cells."""
    return render(text)


def _plain(text: str) -> str:
    return f'<div class="highlight"><pre>{html.escape(capped(text))}</pre></div>'


def clean_html(source: object) -> str:
    """HTML of a check cell in which only text, tables, links and inline pictures are left."""
    text = source.decode(errors="replace") if isinstance(source, bytes) else str(source)
    # Made visible before, for what is no text at all, and after, for what entities have hidden.
    return visible(_report_cleaner.clean(visible(text))) if is_bounded(text) else _plain(text)


def is_bounded(text: str) -> bool:
    """Whether HTML is cleaned in no time; that of a report is, many times over."""
    return len(text) <= MOST_REPORT and text.count("<") <= MOST_TAGS


def markdown2html(
    source: object,
    allowance: Allowance | None = None,
    attached: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """A markdown cell, or a comment, as HTML; HTML and pictures in it are shown as they were typed.

    `attached` are the pictures that are shown, by name and media type. Each is, once: where the text has
    it, or else below.
    """
    left = dict(attached or {})

    def shown(tag: re.Match[str]) -> str:
        picture = left.pop(tag[2], None)
        return _img(tag[1], picture) if picture else f"![{tag[1]}](attachment:{tag[2]})"

    page = _TAG.sub(shown, (allowance or Allowance()).render(_markdown, str(source)))
    return page + "".join(f"<p>{_img('', picture)}</p>" for picture in left.values())


def _img(alt: str, picture: Mapping[str, str]) -> str:
    alt = alt.strip() or "A picture in this answer"
    return "".join(f'<img alt="{alt}" src="data:{kind};base64,{data}">' for kind, data in picture.items())


def highlight_code(
    source: object, language: object = None, metadata: object = None, allowance: Allowance | None = None
) -> str:
    """A code cell in colours. The lesson's language is Python, whatever the notebook's metadata say."""
    return (allowance or Allowance()).render(_highlight, str(source))


_highlight: Callable[[str], str] = Highlight2HTML(pygments_lexer="python3")


_FOLD = re.compile("&lt;(/?(?:details|summary|code))&gt;")


class _AsTyped(IPythonRenderer):
    """Markdown without what it can smuggle in: HTML and pictures stay text, code is Python or plain."""

    def __init__(self) -> None:
        super().__init__(escape=True, allow_harmful_protocols=False, exclude_anchor_links=True)

    def block_code(self, code: str, info: str | None = None) -> str:
        if (info or "").strip().lower() in ("python", "python3", "py"):
            return _highlight(code)
        return f"<pre>{html.escape(code)}</pre>"

    def block_html(self, text: str) -> str:
        # A fold, as lessons have them, opens and closes; all other HTML is there to read.
        shown = html.escape(text.strip())
        folds = text.lstrip().startswith(("<details>", "</details>"))
        return _FOLD.sub(r"<\1>", shown) if folds else f"<p>{shown}</p>\n"

    def image(self, text: str, url: str, title: str | None = None) -> str:
        if ATTACHED.fullmatch(url):
            return f'<img alt="{html.escape(re.sub("<[^<>]*>", "", html.unescape(text)))}" src="{url}">'
        return "!" + _typed(text, url, title)

    def link(self, text: str, url: str, title: str | None = None) -> str:
        # What a page would not follow or not show is there to read.
        plain = title or not _ADDRESS.fullmatch(url)
        return _typed(text, url, title) if plain else str(super().link(text, url))


def _typed(text: str, url: str, title: str | None) -> str:
    more = f' "{title}"' if title else ""
    return f"[{text}]({html.escape(url + more)})"


def _markdown(text: str) -> str:
    plugins = map(import_plugin, ("strikethrough", "table", "url"))
    rendered = MarkdownWithMath(renderer=_AsTyped(), plugins=plugins).render(text)
    return visible(_markdown_cleaner.clean(rendered))


def pixels(encoded: str, kind: str) -> int:
    """The pixels of a still PNG or JPEG, as `kind` says, in base64; 0 where it is none that may be shown.

    Only the header is read: a few kilobytes can hold ten thousand million pixels.
    """
    from PIL import Image  # not for every page

    if not encoded or len(encoded) > MOST_PICTURE:
        return 0
    try:
        data = base64.b64decode(encoded, validate=True)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Pillow's own word on too many pixels
            with Image.open(io.BytesIO(data), formats=(kind.upper(),)) as image:
                width, height = image.size
                still = not getattr(image, "is_animated", False)
                if kind == "jpeg":  # each of thousands of scans would be drawn over the whole picture
                    still = still and data.count(b"\xff\xda") <= 20
    except Exception:  # whatever Pillow says of a file that is none
        return 0
    fits = max(width, height) <= LONGEST_SIDE and width * height <= MOST_PIXELS
    return width * height if still and fits else 0


class TooSlow(BaseException):
    """No `Exception`, which the libraries at work would take for their own and go on."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Interrupt what runs inside after some seconds, where this thread can be interrupted.

    Elsewhere, on Windows and outside the main thread, one text runs to its end: then `MOST_RENDERED`
    alone bounds it, and the seconds count before the next.
    """
    usable = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not usable or signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL:
        yield
        return
    running = True

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if running:
            raise TooSlow

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)  # again, should something have swallowed it
    try:
        yield
    finally:
        running = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
