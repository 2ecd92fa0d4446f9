"""One learner taken out of the course: files, pages, verdicts, the gradebook, what `collect` remembers."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autograder.class_run.outcome import forget_seconds
from autograder.files import one_form
from autograder.gradebook.book import ClassGradebook, ReadGradebook
from autograder.lms import LmsError
from autograder.lms.collect import STAGING
from autograder.lms.remembered import FILE, Remembered
from autograder.lms.returning import RETURNED, name_of
from autograder.names import did_you_mean

FOLDERS = ("submitted", "autograded", "feedback", "verdicts")


@dataclass(frozen=True)
class Held:
    """What the course holds of one learner: places, and the id as gradebook and `collect` spell it."""

    places: list[Path]
    students: list[str]
    came: list[str]

    def lines(self, root: Path) -> list[str]:
        """What will be removed."""
        again = " (python -m autograder return makes it again, without them)"
        return [
            *(f"{one.relative_to(root)}{again * (one.parent.name == RETURNED)}" for one in self.places),
            *(f"the gradebook's rows of {name}: marks, comments, name, address" for name in self.students),
            *(f"in {FILE}: under which name {name} came" for name in self.came),
        ]


def held(root: Path, remembered: Remembered, learner: str) -> Held:
    """What there is of this learner, by this very id.

    Raises:
        LmsError: nothing is, with the ids that are written like it.
        GradebookError: the gradebook cannot be read.
    """

    def meant(name: str) -> bool:
        return one_form(name) == one_form(learner)

    folders = [path for name in FOLDERS for path in (root / name).glob("[!.]*")]
    students = ReadGradebook(root).students()
    came = {name for some in remembered.came.values() for name in some}
    theirs = [(each, some[who]) for each, some in remembered.came.items() for who in some if meant(who)]
    pages = {name_of(one, each) for each, one in theirs}
    places = [path for path in folders if meant(path.name)]
    for path in (root / RETURNED).glob("*"):
        if any(meant(page.stem) for page in path.glob("*.html")) or pages & _names(path):
            places.append(path)
    found = Held(places, [*filter(meant, students)], [*filter(meant, came)])
    if not (found.places or found.students or found.came):
        near = did_you_mean(learner, {*students, *came, *(path.name for path in folders)})
        raise LmsError(f"nothing is held of {learner!r}{'; ' + near if near else ''}")
    return found


def _names(packed: Path) -> set[str]:
    """The names in a zip that `return` made."""
    try:
        with zipfile.ZipFile(packed) as archive:
            return {*archive.namelist()}
    except (OSError, zipfile.BadZipFile):
        return set()


def forget(root: Path, remembered: Remembered, found: Held, waiting: Callable[[str], None]) -> None:
    """Remove it all. What `collect` remembers goes last: a run that is killed is simply started again.

    Raises:
        GradebookError: the gradebook cannot be written.
    """
    if found.students:
        with ClassGradebook(root, waiting=waiting) as book:
            for name in found.students:
                book.remove(name)
    for path in found.places:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    forget_seconds(root, found.students)
    shutil.rmtree(root / STAGING, ignore_errors=True)
    for name in found.came:
        remembered.forget(name)
    if found.came:
        remembered.save()
