"""What lies in a folder that was handed in: seen and read as bytes, never followed, imported or parsed."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from autograder.engine.bounded import plain_text
from autograder.engine.inside.pictures import PICTURES
from autograder.files import UnfitFileError, one_form, regular_bytes

MOST_NOTEBOOK = 20_000_000  # bytes; outputs with many pictures are some 5 MB
MOST_FILES, MOST_FILE, MOST_BESIDE = 20, 2_000_000, 10_000_000
MOST_PICTURE = 8_000_000  # a photograph of a drawing, as a telephone takes it
MOST_ENTRIES = 10_000  # of a folder, so that listing it ends
MOST_FOLDERS = 20  # in a folder that was handed in
BESIDE = {".py", ".txt", ".md", ".csv", ".json", ".npy", ".npz", ".pt"} | PICTURES

_NEVER_HANDED_IN = {"timestamp.txt", "submission_secret.txt", "feedback", "__MACOSX", "__pycache__"}
# How JSON starts that may be a notebook, with or without a byte-order mark; of UTF-16, without its zeros.
_NOTEBOOK = re.compile(
    rb'(\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*\{\s*"(cells|metadata|nbformat|nbformat_minor)"\s*:'
)
_SAFE_NAME = re.compile(r"[\w][\w .()+-]{0,99}")
# Names that Python or the sandbox itself looks for; all others are seen in the library's folders.
_SPECIAL = {"sumskip", "inside", "autograder", "sitecustomize", "usercustomize"}


class IntakeError(Exception):
    """Nothing can be graded here. One line: what was expected, what came, what to do.

    `shown` are the texts that a person can read of it all the same.
    """

    def __init__(self, message: str, shown: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.shown = shown


@dataclass(frozen=True)
class Contents:
    """What may be graded of a folder that was handed in: in it, or in a folder in it.

    `notebooks` has the likeliest first; `zips` are unpacked where they are read, behind the walls.
    `others` are all else.
    """

    notebooks: tuple[Path, ...] = ()
    zips: tuple[Path, ...] = ()
    others: tuple[Path, ...] = ()
    passed_over: tuple[str, ...] = ()


def contents_of(folder: Path, assignment: str) -> Contents:
    """Look through a folder without parsing anything.

    First come notebooks with the assignment's name, then the newest: browsers save `NAME (1).ipynb`, and
    some add `.json` or `.txt`. Together they have at most `MOST_NOTEBOOK` bytes.

    Raises:
        IntakeError: the folder cannot be looked into.
    """
    entries = [(path, status) for path, status in list_folder(folder) if not not_handed_in(path)]
    others: list[Path] = []
    passed_over: list[str] = []
    inner = [path for path, status in entries if stat.S_ISDIR(status.st_mode)]
    for path in inner[:MOST_FOLDERS]:
        entries += [(one, status) for one, status in list_folder(path) if not not_handed_in(one)]
    found, zips = [], []
    for path, status in entries:
        if stat.S_ISDIR(status.st_mode):
            if path.parent != folder and len(passed_over) < MOST_FILES:
                inside = f"{plain_text(path.parent.name)}/{plain_text(path.name)}"
                passed_over.append(f"did not look into the folder {inside}: put the notebook one level up")
        elif path.suffix.lower() == ".zip":
            zips.append((path, status))
        elif _is_notebook(path, status):
            found.append((path, status))
        else:
            others.append(path)

    def order(pair: tuple[Path, os.stat_result]) -> tuple[bool, bool, bool, float, str]:
        path, status = pair
        named = called(path.name) == called(assignment)
        exactly = path.name == f"{assignment}.ipynb"
        return not named, path.parent != folder, not exactly, -status.st_mtime, str(path)

    room = MOST_NOTEBOOK
    fit: dict[bool, list[Path]] = {False: [], True: []}
    for is_zip, pairs in ((False, sorted(found, key=order)), (True, sorted(zips, key=order))):
        for path, status in pairs[:MOST_FILES]:
            if stat.S_ISREG(status.st_mode) and status.st_size <= room:
                room -= status.st_size
                fit[is_zip].append(path)
            else:
                passed_over.append(f"{plain_text(path.name)} is a link, no ordinary file, or too large")
        passed_over += [f"{plain_text(path.name)} is one of too many" for path, _ in pairs[MOST_FILES:]]
    passed_over += [f"the folder {plain_text(path.name)} is one of too many" for path in inner[MOST_FOLDERS:]]
    return Contents(tuple(fit[False]), tuple(fit[True]), tuple(others), tuple(passed_over))


def called(name: str) -> str:
    """A notebook's name without what browsers, mailers and systems add to it, to compare."""
    return re.sub(r"(\.(ipynb|json|txt))+$", "", one_form(name).casefold())


def not_handed_in(path: Path) -> bool:
    """What systems and nbgrader's exchange put there."""
    return path.name.startswith(".") or path.name in _NEVER_HANDED_IN


def _is_notebook(path: Path, status: os.stat_result) -> bool:
    """By its name, or by a look at its first and its telling bytes; nothing is parsed."""
    if ".ipynb" in path.name.lower():
        return True
    if path.suffix.lower() not in ("", ".json", ".txt") or not stat.S_ISREG(status.st_mode):
        return False
    try:
        if not _NOTEBOOK.match(regular_bytes(path, MOST_NOTEBOOK, 1_000).replace(b"\0", b"")):
            return False
        content = regular_bytes(path, MOST_NOTEBOOK).replace(b"\0", b"")
    except UnfitFileError:
        return False
    return b'"nbformat"' in content and b'"cells"' in content


def files_beside(folder: Path, warnings: list[str]) -> dict[str, bytes]:
    """The other files of a submission that may lie in its working folder; the rest is named in `warnings`.

    Raises:
        IntakeError: the folder cannot be looked into.
    """
    kept: dict[str, bytes] = {}
    dropped: list[str] = []
    entries = list_folder(folder)
    folders = [path for path, status in entries if stat.S_ISDIR(status.st_mode) and not not_handed_in(path)]
    of_pictures = set()
    for path in folders[:MOST_FOLDERS]:
        inner = [pair for pair in list_folder(path) if not not_handed_in(pair[0])]
        pictures = [pair for pair in inner if pair[0].suffix.lower() in PICTURES]
        entries += pictures
        if pictures and len(pictures) == len(inner):
            of_pictures.add(path)
    for path, status in entries:
        if not_handed_in(path) or _is_notebook(path, status) or path in of_pictures:
            continue
        problem = "" if stat.S_ISREG(status.st_mode) else "it is no regular file"
        if stat.S_ISDIR(status.st_mode):
            problem = "of a folder, only a notebook and pictures are taken"
        elif path.suffix.lower() == ".zip":
            problem = "of a zip, only a notebook is taken"
        elif path.name in kept:
            problem = "another file has its name"
        problem = problem or _unwelcome(path)
        if not problem and (len(kept) >= MOST_FILES or sum(map(len, kept.values())) > MOST_BESIDE):
            problem = "there are too many files"
        if not problem:
            try:
                most = MOST_PICTURE if path.suffix.lower() in PICTURES else MOST_FILE
                kept[path.name] = regular_bytes(path, most)
            except UnfitFileError as error:
                problem = str(error)
        if problem:
            name = plain_text(os.fsencode(path.name).decode(errors="replace"))
            dropped.append(f"dropped {name}: {problem}")
    warnings += dropped[:MOST_FILES]
    if len(dropped) > MOST_FILES:
        warnings.append(f"dropped {len(dropped) - MOST_FILES} more files")
    return kept


def list_folder(folder: Path) -> list[tuple[Path, os.stat_result]]:
    """The first entries of a folder from outside, by name; a link is itself, not where it leads.

    Raises:
        IntakeError: the folder cannot be looked into.
    """
    try:
        with os.scandir(folder) as entries:
            some = islice(entries, MOST_ENTRIES)
            found = [(Path(entry.path), entry.stat(follow_symlinks=False)) for entry in some]
    except OSError as error:
        raise IntakeError(
            f"{plain_text(folder.name)}: expected a readable folder, got {error.strerror!r}; hand it in again"
        ) from None
    return sorted(found, key=lambda pair: pair[0].name)


def _unwelcome(name: Path) -> str:
    """Why a file of this name does not go into the sandbox; the empty text if it may."""
    if not _SAFE_NAME.fullmatch(name.name):
        return "its name is not a plain one"
    if name.suffix.lower() not in BESIDE:
        return f"files {name.suffix or 'without a suffix'} are not taken along"
    if name.suffix.lower() == ".py":
        if not name.stem.isidentifier():
            return "no module can have its name"
        if name.stem in _module_names():
            return f"it would stand in for the module {name.stem}"
    return ""


@cache
def _module_names() -> frozenset[str]:
    """The modules that exist, by a look at the folders where they lie: to ask Python is to import."""
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    installed = {entry.name.split(".")[0] for folder in folders for entry in os.scandir(folder)}
    return frozenset(installed | sys.stdlib_module_names | _SPECIAL)


def digest_of(folder: Path, contents: Contents) -> bytes:
    """All that counts of a submission as one digest: notebooks, zips, and the files that go along.

    Raises:
        IntakeError: the folder cannot be looked into.
    """
    warnings: list[str] = []
    named = [(path.relative_to(folder), _content(path)) for path in (*contents.notebooks, *contents.zips)]
    for place in sorted({folder, *(path.parent for path in contents.notebooks)}):
        beside = files_beside(place, warnings)
        named += [(place.relative_to(folder) / name, content) for name, content in beside.items()]
    digest = hashlib.sha256("\n".join(warnings).encode())
    for name, content in named:
        digest.update(os.fsencode(name) + b"\0" + hashlib.sha256(content).digest())
    return digest.digest()


def _content(notebook: Path) -> bytes:
    try:
        return regular_bytes(notebook, MOST_NOTEBOOK)
    except UnfitFileError:
        return b""  # what is read of it, later, is the same problem
