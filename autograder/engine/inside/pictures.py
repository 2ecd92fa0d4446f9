"""Pictures of what a learner wrote: found in its text, and drawn anew, small, as plain numbers.

Whoever opens an image runs a decoder on bytes that a stranger chose, so it is done behind the walls. What
comes out is an array, in which nothing of the file is left.
"""

from __future__ import annotations

import base64
import html
import io
import re
import warnings
from collections.abc import Mapping
from typing import Any
from unicodedata import normalize
from urllib.parse import quote, unquote

import numpy as np

from sumskip.checking.core import Array

PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".webp"}
MOST = 12  # of one notebook
LONGEST = 1_000  # pixels of a side, as it is shown
MOST_PIXELS = 50_000_000  # as it came: a good telephone's photograph
_MOST_SCANS = 20  # of a JPEG, each of which is drawn over the whole of it
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")

REFERENCE = re.compile(r"attachment:(picture-\d{1,4})(?!\w)")
_DATA = re.compile(r"data:image/[\w.+-]{1,40};base64,([A-Za-z0-9+/=]*)")
# How a text names a picture beside the notebook, also with spaces and folders that markdown forbids.
_FILE = rf"[^\n<>\"'\[\]]{{1,400}}?\.(?:{'|'.join(suffix[1:] for suffix in sorted(PICTURES))})"
_TITLE = r"(?=>?\s*(?:\"[^\"\n]{0,300}\"|'[^'\n]{0,300}')?\s*"
_NAMED = re.compile(
    rf"(!\[[^\[\]\n]{{0,300}}\]\(\s*<?)({_FILE}){_TITLE}\))"  # ![alt](photo.png "title")
    rf"|^([ ]{{0,3}}\[[^\[\]\n]{{1,100}}\]:[ \t]*<?)({_FILE}){_TITLE}$)"  # [1]: photo.png
    rf"|(<img\b[^<>]{{0,500}}?\bsrc\s*=\s*[\"']?)({_FILE})(?=[\"'\s>])",
    re.IGNORECASE | re.MULTILINE,
)
_TAG = re.compile(
    r"<img\b[^<>]{0,500}?\bsrc\s*=\s*[\"']?(attachment:picture-\d+)\b[^<>]{0,500}>", re.IGNORECASE
)
_ALT = re.compile(r"\balt\s*=\s*[\"']([^\"'\[\]]{0,300})", re.IGNORECASE)


class PictureError(ValueError):
    """These bytes are no picture that is shown; a few words say why."""


class Gathered:
    """The pictures that the texts of one notebook refer to, by the names they get here.

    `beside` are the files that were handed in with it: nothing else is ever looked up, by its name alone.
    """

    def __init__(self, beside: Mapping[str, bytes] | None = None) -> None:
        self.found: dict[str, bytes] = {}
        self._beside = {_plain(name): (name, content) for name, content in (beside or {}).items()}
        self._names: dict[bytes, str] = {}

    def _take(self, content: bytes) -> str:
        """The name of a picture; its content is kept where there is room."""
        name = self._names.setdefault(content, f"picture-{len(self._names) + 1}")
        if len(self.found) < MOST:
            self.found[name] = content
        return f"attachment:{name}"

    def text(self, source: str, attachments: object) -> str:
        """A text with names of ours in place of pictures; what is attached and not mentioned comes last."""
        source = _DATA.sub(lambda data: self._take(_decoded(data[1])), source)
        attached = attachments if isinstance(attachments, dict) else {}
        for name, content in list(attached.items())[:MOST]:
            taken = self._take(_decoded(_of_bundle(content)))
            spelt = "|".join(map(re.escape, (name, quote(name), quote(name, safe="()!*'~"))))
            source, times = re.subn(rf"attachment:(?:{spelt})(?=[\s)>\"'\]]|$)", taken, source)
            source += "" if times else _shown(name, taken)
        source = _NAMED.sub(self._file, source) if self._beside else source
        typed = normalize("NFC", source).casefold() if self._beside else ""
        for name in [name for name in self._beside if name in typed]:  # "see photo.png"
            called, content = self._beside[name]
            taken = self._take(content)
            source += "" if taken in source else _shown(called, taken)
        return _TAG.sub(_as_markdown, source)

    def rest(self) -> str:
        """A text that shows what lies beside and that no other text has named; empty where all is named."""
        rest = [(name, content) for name, content in self._beside.values() if content not in self._names]
        return "".join(_shown(name, self._take(content)) for name, content in rest)

    def _file(self, found: re.Match[str]) -> str:
        before, name = (part for part in found.groups() if part is not None)
        there = self._beside.get(_plain(name))
        return before + self._take(there[1]) if there else found[0]


def _shown(name: str, taken: str) -> str:
    alt = re.sub(r"[^\w .-]", " ", name)
    return f"\n\n![{alt}]({taken})"


def _plain(name: str) -> str:
    """A file's name as it is compared: without folders, which do not count, and however it is typed."""
    last = unquote(html.unescape(name)).replace("\\", "/").rpartition("/")[2]
    return normalize("NFC", last.strip()).casefold()


def _as_markdown(tag: re.Match[str]) -> str:
    alt = _ALT.search(tag[0])
    return f"![{alt[1] if alt else ''}]({tag[1]})"


def _of_bundle(bundle: Any) -> str:
    """The base64 of an attachment, which has it by its media type."""
    bundle = bundle if isinstance(bundle, dict) else {}
    value = next((bundle[kind] for kind in sorted(bundle) if kind.startswith("image/")), "")
    value = "".join(map(str, value)) if isinstance(value, list) else value
    return value if isinstance(value, str) else ""


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""


def _too_large() -> PictureError:
    return PictureError(f"it has more than {MOST_PIXELS // 1_000_000} million pixels")


def drawn_anew(content: bytes) -> Array:
    """The first frame of a picture, upright and on white: `(H, W, 3)`, uint8, at most LONGEST a side.

    Raises:
        PictureError: it is none of a kind that is shown, or has too many pixels.
    """
    from PIL import Image, ImageOps  # not for every notebook

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pixels, which are counted here, and of odd EXIF
            with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise _too_large()
                if image.format == "JPEG" and content.count(b"\xff\xda") > _MOST_SCANS:
                    raise PictureError("it is drawn in too many passes")
                image.draft("RGB", (LONGEST, LONGEST))  # decodes a large JPEG at a fraction of its size
                clear = "A" in image.getbands() or "transparency" in image.info
                whole = ImageOps.exif_transpose(image).convert("RGBA" if clear else "RGB")
                whole.thumbnail((LONGEST, LONGEST))
                drawn = Image.new("RGB", whole.size, "white")
                drawn.paste(whole, mask=whole if clear else None)
    except PictureError:
        raise
    except Image.DecompressionBombError:  # Pillow's own bound, which is checked before ours
        raise _too_large() from None
    except Exception:  # whatever Pillow says of a file that is none
        raise PictureError("it is no PNG, JPEG, GIF or WebP that can be read") from None
    return np.asarray(drawn)
