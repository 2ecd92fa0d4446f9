"""Reads files that others put there, and writes ours whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path


class UnfitFileError(Exception):
    """Not a file that is read here. One line: what was expected, what came, what to do."""


def regular_bytes(path: Path, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes.

    No link, pipe or device is followed, waited for or read.

    Raises:
        UnfitFileError: there is none, or something else.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags)
    except FileNotFoundError:
        raise UnfitFileError("expected a file, found none; check the path") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UnfitFileError(f"expected a readable file, got {why!r}; hand in a plain copy") from None
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise UnfitFileError("expected a regular file, got something else; hand in a plain copy")
    try:
        with os.fdopen(handle, "rb") as file:
            content = file.read(most + 1) if status.st_size <= most else b""
    except OSError as error:  # a disk or a server that fails
        raise UnfitFileError(f"expected a readable file, got {error.strerror!r}; hand it in again") from None
    size = max(status.st_size, len(content))
    if size > most:
        raise UnfitFileError(f"expected at most {most / 1e6:g} MB, got {size / 1e6:.1f} MB; make it smaller")
    return content


def write_whole(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file so that a reader, or a run after a crash, finds the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    # "surrogatepass" would keep what strict UTF-8 refuses; a page shows a question mark instead.
    part.write_text(text, encoding="utf-8", errors="replace")
    part.chmod(mode)
    part.replace(path)
