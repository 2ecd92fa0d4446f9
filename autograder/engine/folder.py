"""What lies in a folder that was handed in: seen and read as bytes, never followed, imported or parsed."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import sys
import sysconfig
from collections.abc import Sequence
from functools import cache
from itertools import islice
from pathlib import Path

from autograder.engine.inside.pictures import PICTURES
from autograder.engine.run import plain_text
from autograder.files import UnfitFileError, regular_bytes

MOST_NOTEBOOK = 20_000_000  # bytes; outputs with many pictures are some 5 MB
MOST_FILES, MOST_FILE, MOST_BESIDE = 20, 2_000_000, 10_000_000
MOST_PICTURE = 8_000_000  # a photograph of a drawing, as a telephone takes it
MOST_ENTRIES = 10_000  # of a folder, so that listing it ends
BESIDE = {".py", ".txt", ".md", ".csv", ".json", ".npy", ".npz", ".pt"} | PICTURES

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


def notebooks_in(folder: Path, assignment: str) -> tuple[list[Path], list[str]]:
    """The notebooks that may be the one to grade, the likeliest first, and what was passed over.

    First the one with the assignment's name, then the newest: browsers save `NAME (1).ipynb`. Together
    they have at most `MOST_NOTEBOOK` bytes.

    Raises:
        IntakeError: the folder cannot be looked into.
    """
    status = {
        path.name: status
        for path, status in list_folder(folder)
        if path.suffix == ".ipynb" and not path.name.startswith(".")
    }
    ordered = sorted(status, key=lambda name: (name != f"{assignment}.ipynb", -status[name].st_mtime, name))
    found, passed_over, room = [], [], MOST_NOTEBOOK
    for name in ordered[:MOST_FILES]:
        if stat.S_ISREG(status[name].st_mode) and status[name].st_size <= room:
            room -= status[name].st_size
            found.append(folder / name)
        else:
            passed_over.append(f"{plain_text(name)} is a link, no ordinary file, or too large")
    return found, passed_over


def files_beside(folder: Path, warnings: list[str]) -> dict[str, bytes]:
    """The other files of a submission that may lie in its working folder; the rest is named in `warnings`.

    Raises:
        IntakeError: the folder cannot be looked into.
    """
    kept: dict[str, bytes] = {}
    dropped: list[str] = []
    for path, status in list_folder(folder):
        if path.suffix == ".ipynb" or path.name == "timestamp.txt" or path.name.startswith("."):
            continue
        problem = "" if stat.S_ISREG(status.st_mode) else "it is no regular file"
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


def handed_in(folder: Path, notebooks: Sequence[Path]) -> bytes:
    """All that counts of a submission as one digest: the notebooks that may, and the files that go along.

    Raises:
        IntakeError: the folder cannot be looked into.
    """
    warnings: list[str] = []
    named = [(notebook.name, _content(notebook)) for notebook in notebooks]
    named += files_beside(folder, warnings).items()
    digest = hashlib.sha256("\n".join(warnings).encode())
    for name, content in named:
        digest.update(os.fsencode(name) + b"\0" + hashlib.sha256(content).digest())
    return digest.digest()


def _content(notebook: Path) -> bytes:
    try:
        return regular_bytes(notebook, MOST_NOTEBOOK)
    except UnfitFileError:
        return b""  # what is read of it, later, is the same problem
