"""Feedback pages packed so that an LMS takes them back: under the names under which the submissions came."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from autograder.files import whole_file
from autograder.gradebook.feedback import FeedbackPages
from autograder.lms import LmsError
from autograder.lms.remembered import Came, Remembered

RETURNED = "returned"  # a folder of the course root


@dataclass
class Packed:
    """What was packed, and whose pages were not, by the reason."""

    made: Path
    pages: int = 0
    left: dict[str, list[str]] = field(default_factory=dict)


def pack(root: Path, remembered: Remembered, assignment: str, kind: str, pages: FeedbackPages) -> Packed:
    """Pack the pages of one assignment for `moodle`, `canvas`, or into a `folder`.

    Raises:
        LmsError: there is no page to pack.
    """
    packed = Packed(root / RETURNED / (assignment if kind == "folder" else f"{assignment}-{kind}.zip"))
    found = dict(_pages(root, remembered, assignment, kind, pages, packed))
    if not found:
        whys = "; ".join(f"{why} ({len(who)})" for why, who in packed.left.items())
        raise LmsError(f"no page of {assignment} to return: {whys or 'none is written'}")
    packed.pages = len(found)
    if kind == "folder":
        _copy(found, packed.made)
        return packed
    with (
        whole_file(packed.made, mode=0o600) as part,
        zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as file,
    ):
        for name, page in found.items():
            file.write(page, name)
    return packed


def name_of(came: Came, assignment: str) -> str:
    """What a page is called in the zip that the LMS gets: it goes by the first parts of the name."""
    if came.lms == "moodle":
        return f"{came.came_as}{assignment}.html"
    return f"{came.came_as.rpartition('.')[0] or came.came_as}.html"


def _pages(
    root: Path, remembered: Remembered, assignment: str, kind: str, pages: FeedbackPages, packed: Packed
) -> Iterator[tuple[str, Path]]:
    """Each page by its name in what is packed; those that are out of date or came another way are not."""
    for page in sorted((root / "feedback").glob(f"*/{assignment}/{assignment}.html")):
        learner = page.parent.parent.name
        came = remembered.came.get(assignment, {}).get(learner)
        if not pages.is_fresh(learner, assignment):
            why = "its page does not show what the gradebook has now; run python -m autograder grade"
        elif kind == "folder":
            yield f"{learner}.html", page
            continue
        elif came and came.lms == kind:
            yield name_of(came, assignment), page
            continue
        else:
            why = f"was not collected from {kind.capitalize()}, so the name there is not known"
        packed.left.setdefault(why, []).append(learner)


def _copy(found: dict[str, Path], made: Path) -> None:
    """Copy all of them; a folder of an earlier time is replaced as a whole."""
    made.parent.mkdir(exist_ok=True)
    part = Path(mkdtemp(prefix=f".{made.name}-", dir=made.parent))
    for name, page in found.items():
        shutil.copyfile(page, part / name)
    if made.exists():
        shutil.rmtree(made)
    part.rename(made)
