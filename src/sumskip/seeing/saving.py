"""Keeps a picture, or its words, in a file."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Protocol

ENDINGS = (".svg", ".png", ".txt")


class Shown(Protocol):
    """What can be kept: a trace, a comparison."""

    def to_svg(self) -> str: ...
    def to_png(self) -> bytes: ...
    def to_text(self) -> str: ...


def save(shown: Shown, path: str | os.PathLike[str]) -> None:
    """Writes `shown` as SVG, PNG or words, by the ending of `path`; a file that is there is replaced.

    The file is there whole or not at all: it is written beside its place and then moved there.

    Raises ValueError for another ending, and OSError where the file cannot be written.
    """
    given = Path(path)
    ending = given.suffix.lower()
    if ending not in ENDINGS:
        *most, last = ENDINGS
        raise ValueError(f"save takes a name that ends in {', '.join(most)} or {last}; {str(given)!r} came.")
    target = given.resolve()  # a link stays a link
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(given.parent)!r} to save {given.name!r} in.")
    if ending == ".png":
        content = shown.to_png()
    else:
        content = (shown.to_svg() if ending == ".svg" else f"{shown.to_text()}\n").encode()
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        part.write_bytes(content)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
