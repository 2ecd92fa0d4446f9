"""What lies in a zip that was handed in: bytes by plain name, taken out behind the walls.

No path of an archive becomes a path of ours: only the last part of each name counts (with its folder's, where
two have it), so that a folder around the notebook is no matter and nothing is written elsewhere.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib

from .notebook import OutlineError

MOST_MEMBERS = 200
MOST_UNPACKED = 30_000_000  # bytes, of all members together
MOST_NAME = 200  # characters

_FAILURES = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


def unpack_zip(raw: bytes) -> tuple[dict[str, bytes], list[str]]:
    """The files in a zip by the last part of their names, and what was left in it and why.

    Raises:
        OutlineError: these bytes are no zip that can be read, or it holds too much.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
        members = archive.infolist()
    except _FAILURES as error:
        raise OutlineError(
            f"expected a zip, got what cannot be opened ({_words(error)}); hand in the notebook itself"
        ) from None
    if len(members) > MOST_MEMBERS:
        raise OutlineError(
            f"expected at most {MOST_MEMBERS} files in a zip, got {len(members)}; hand in the notebook itself"
        )
    found: dict[str, bytes] = {}
    left: list[str] = []
    room = MOST_UNPACKED
    for member in members:
        parts = [part for part in member.filename.replace("\\", "/").split("/") if part]
        if member.is_dir() or not parts or _made_by_systems(parts):
            continue
        name = parts[-1]
        if name in found and len(parts) > 1:  # as two notebooks in two folders have it: both are looked at
            name = f"{parts[-2].strip('.')}-{name}"
        if problem := _unfit(member, name, found, room):
            left.append(f"{name[:MOST_NAME]} {problem}")
            continue
        try:
            with archive.open(member) as file:
                content = file.read(room + 1)  # whatever size it says it has
        except _FAILURES as error:
            left.append(f"{name} cannot be unpacked ({_words(error)})")
            continue
        if len(content) > room:
            left.append(f"{name} is too large")
            continue
        room -= len(content)
        found[name] = content
    return found, left


def _made_by_systems(parts: list[str]) -> bool:
    return any(part == "__MACOSX" or (part.startswith(".") and part not in (".", "..")) for part in parts)


def _unfit(member: zipfile.ZipInfo, name: str, found: dict[str, bytes], room: int) -> str:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "is a link, or no ordinary file"
    if member.flag_bits & 0x1:
        return "has a password"
    if name in (".", "..") or len(name) > MOST_NAME or not name.isprintable():
        return "has a name that no notebook has"
    if name in found:
        return "is in the zip twice"
    return "is too large" if member.file_size > room else ""


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
