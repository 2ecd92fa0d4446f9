"""Reads files that others put there, and writes ours whole."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unicodedata import normalize

# Course roots whose files belong to a group of instructors (nbgrader's `CourseDirectory.groupshared`).
_shared: set[Path] = set()


class UnfitFileError(Exception):
    """Not a file that is read here. One line: what was expected, what came, what to do."""


def regular_bytes(path: Path, most: int, start: int | None = None) -> bytes:
    """The content of a regular file of at most `most` bytes, or only the first `start` of them.

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
            content = file.read(start or most + 1) if status.st_size <= most else b""
    except OSError as error:  # a disk or a server that fails
        raise UnfitFileError(f"expected a readable file, got {error.strerror!r}; hand it in again") from None
    size = max(status.st_size, len(content))
    if size > most:
        raise UnfitFileError(f"expected at most {most / 1e6:g} MB, got {size / 1e6:.1f} MB; make it smaller")
    return content


def one_form(name: str) -> str:
    """A name in the one Unicode form in which names are compared: "ë" has two."""
    return normalize("NFC", name)


def spelt(parent: Path, name: str) -> Path:
    """`parent/name`, in whichever Unicode form it is spelt there."""
    path = parent / name
    if name.isascii() or path.exists() or not parent.is_dir():
        return path
    return next((one for one in parent.iterdir() if one_form(one.name) == one_form(name)), path)


def share_with_group(root: Path) -> None:
    """From now on, whatever is written below `root` may be changed by its group, as nbgrader does it.

    So may what lies in `.course`, without which nobody else of the group could grade.
    """
    _shared.add(root.resolve())
    for folder, _, names in os.walk(root / ".course"):
        _share(Path(folder))
        for name in names:
            _share(Path(folder, name))


def _share(path: Path) -> None:
    """Give the group its rights to a file or a folder of ours; what others have, they keep."""
    now = path.lstat().st_mode
    group = 0o2770 if stat.S_ISDIR(now) else 0o660
    if not stat.S_ISLNK(now) and now & group != group:
        with suppress(PermissionError):  # another instructor's; nbgrader leaves it as well
            path.chmod(stat.S_IMODE(now | group) & 0o2777)


def write_whole(path: Path, text: str | bytes, mode: int = 0o644) -> None:
    """Write a file so that a reader, or a run after a crash, finds the old one or the new one."""
    # "surrogatepass" would keep what strict UTF-8 refuses; a page shows a question mark instead.
    content = text if isinstance(text, bytes) else text.encode("utf-8", errors="replace")
    with whole_file(path, mode) as part:
        part.write_bytes(content)


@contextmanager
def whole_file(path: Path, mode: int = 0o644) -> Iterator[Path]:
    """A path to write to, which takes the place of `path` at the end, unless the block raises."""
    folders = _of_the_group(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        _share(folder)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        yield part
        part.chmod(0o664 if folders else mode)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _of_the_group(path: Path) -> list[Path]:
    """The folders from a shared course root down to `path`."""
    parents = path.absolute().parents
    root = next((folder for folder in parents if folder in _shared), None) if _shared else None
    return [folder for folder in parents if root and folder.is_relative_to(root) and folder != root]
