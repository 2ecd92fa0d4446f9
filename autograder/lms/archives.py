"""What lies in a zip or a folder that somebody downloaded: names and bounded bytes.

A zip that could do harm is refused whole, in one sentence: no LMS makes such a one. Nothing is unpacked by
its name; where each file goes is decided elsewhere.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from autograder.files import UnfitFileError, regular_bytes
from autograder.lms import LmsError
from autograder.names import printable

MOST_MEMBERS = 100_000
MOST_TIMES, FREE = 200, 2_000_000_000  # what a zip may unpack to: times its own size, or bytes whatever it is
MOST_INNER = 500_000_000  # bytes, of a zip in a zip

_FAILURES = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


class ArchiveError(LmsError):
    """Nothing is taken from this zip. One line: what was expected, what came, what to do."""


@dataclass(frozen=True)
class Member:
    """A file in a zip. `date` is its last change by the zip's own clock, as digits; 0 where that says none.

    Raises:
        UnfitFileError: by `read(most)`, where it has more than `most` bytes or is damaged.
    """

    path: str
    date: int
    read: Callable[[int], bytes]

    @property
    def parts(self) -> list[str]:
        return self.path.split("/")


@contextmanager
def opened(source: Path) -> Iterator[list[Member]]:
    """The files in a zip, or in the folder that a browser or a person made of one, while it is open.

    Raises:
        ArchiveError: it is none, or one that nobody should open.
    """
    if source.is_dir():
        yield list(_in_folder(source))
        return
    if not source.exists():
        raise ArchiveError("there is no such file; check the path")
    with _zip(source) as archive:
        yield _members(archive, source.stat().st_size)


@contextmanager
def opened_inside(member: Member) -> Iterator[list[Member]]:
    """The files in a zip that lies in another one.

    Raises:
        ArchiveError: as above.
    """
    try:
        raw = member.read(MOST_INNER)
    except UnfitFileError as error:
        raise ArchiveError(f"{error}; unpack the outer zip yourself") from None
    with _zip(io.BytesIO(raw)) as archive:
        yield _members(archive, len(raw))


def _zip(file: Path | IO[bytes]) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except _FAILURES as error:
        raise ArchiveError(
            f"expected the zip that the LMS hands out, got what cannot be opened as one ({error}); "
            "download it again"
        ) from None


def _members(archive: zipfile.ZipFile, size: int) -> list[Member]:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if not infos:
        raise ArchiveError("the zip is empty; download it again")
    if len(infos) > MOST_MEMBERS:
        raise ArchiveError(f"expected at most {MOST_MEMBERS} files, got {len(infos)}; split it")
    whole = sum(info.file_size for info in infos)
    if whole > max(FREE, MOST_TIMES * size):
        raise ArchiveError(f"{size / 1e6:.1f} MB unpack to {whole / 1e9:.1f} GB: no LMS makes such a zip")
    return [_member(archive, info) for info in infos]


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    name = _decoded(info)
    shown = printable(name)[:100]
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        raise ArchiveError(f"{shown} in it is a link or no ordinary file: no LMS makes such a zip")
    if name.startswith("/") or ".." in name.split("/") or name[1:3] == ":/":
        raise ArchiveError(f"{shown} in it leads out of the zip: no LMS makes such a zip")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ArchiveError(f"{shown} in it is compressed as no LMS does it; zip it anew")
    if info.flag_bits & 0x1:
        raise ArchiveError("it has a password; unpack it yourself, and collect the folder")
    year, *rest = info.date_time
    date = int("".join(f"{number:02}" for number in (year, *rest))) if year > 1980 else 0
    path = "/".join(part for part in name.split("/") if part not in ("", "."))
    return Member(path, date, partial(_read, archive, info))


def _decoded(info: zipfile.ZipInfo) -> str:
    """The name that was meant: some programs write UTF-8 and do not say so."""
    name = info.filename.replace("\\", "/")
    if not info.flag_bits & 0x800:
        try:
            return name.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return name


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    if info.file_size > most:
        raise UnfitFileError(f"expected at most {most / 1e6:g} MB, got {info.file_size / 1e6:.1f} MB")
    try:
        with archive.open(info) as file:
            content = file.read(most + 1)  # whatever size it says it has
    except Exception as error:  # a decompressor's own errors are of many classes
        raise UnfitFileError(f"it is damaged in the zip ({error or type(error).__name__})") from None
    if len(content) > most:
        raise UnfitFileError(f"expected at most {most / 1e6:g} MB, got more")
    return content


def _in_folder(folder: Path) -> Iterator[Member]:
    """The regular files below a folder; links are passed by."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            if path.is_file() and not path.is_symlink():
                yield Member(path.relative_to(folder).as_posix(), 0, partial(regular_bytes, path))
