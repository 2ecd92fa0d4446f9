"""Which folders were handed in, whose they are, and what to do about all that is none."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.engine.folder import IntakeError, contents_of, list_folder
from autograder.files import one_form
from autograder.gradebook.exchange import time_in
from autograder.names import did_you_mean, near, printable
from autograder.submission.course import Course, CourseError
from autograder.submission.handed import Handed

MOST_ID = 128  # characters, of nbgrader's Student.id
MOST_HINTS = 3  # in one line


def find_handed(
    course: Course, assignments: Sequence[str], learners: Sequence[str]
) -> tuple[list[Handed], list[str]]:
    """The folders `submitted/LEARNER/ASSIGNMENT` that were asked for, and what to say about the rest.

    Raises:
        CourseError: for an assignment or a learner that does not exist, or where nothing was handed in.
    """
    assignments = course.assignments(assignments)
    submitted = course.root / "submitted"
    if not submitted.is_dir():
        raise CourseError(f"{submitted}: no such folder; put notebooks into submitted/LEARNER/ASSIGNMENT/")
    looking = _Looking(course, assignments, {one_form(name) for name in learners})
    folders = looking.learners(submitted)
    if missing := sorted({*looking.asked} - folders.keys()):
        offered = [(name, did_you_mean(name, folders)) for name in missing]
        named = [f"{printable(name)} ({meant})" if meant else printable(name) for name, meant in offered]
        raise CourseError(f"nothing was handed in by {', '.join(named)}")
    for learner, folder in folders.items():
        if not looking.asked or learner in looking.asked:
            looking.into(learner, folder)
    if not looking.found:
        wanted = ", ".join(assignments or course.masters)
        hints = "".join(f"; {note}" for note in looking.notes[:MOST_HINTS])
        raise CourseError(f"{submitted}: nothing was handed in for {wanted}{hints}")
    looking.gone(folders)
    return looking.found, looking.notes


@dataclass
class _Looking:
    """One look through `submitted/`."""

    course: Course
    assignments: Sequence[str]
    asked: Collection[str]
    found: list[Handed] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._graded = self.course.root / "autograded"
        names = [path.name for path in self._graded.iterdir()] if self._graded.is_dir() else []
        # A learner who was graded before keeps the form of the name that the gradebook has.
        self._ids = {one_form(name): name for name in names if not name.startswith(".")}

    def learners(self, submitted: Path) -> dict[str, list[Path]]:
        """The folders of each learner, by the name's one form: two of them where one is spelt in two."""
        folders: dict[str, list[Path]] = {}
        for folder in sorted(submitted.iterdir()):
            if folder.name.startswith("."):
                continue
            if problem := self._no_learner(folder):
                self.notes.append(f"submitted/{printable(folder.name)}: {problem}")
            else:
                folders.setdefault(one_form(folder.name), []).append(folder)
        return folders

    def _no_learner(self, folder: Path) -> str | None:
        """Why this is no learner's folder, or None. Its name would go into pages and paths."""
        name = folder.name
        if folder.is_symlink() or not folder.is_dir():
            return self._loose(folder, "LEARNER")
        if name in self.course.masters:
            return "an assignment where a learner was expected; the order is submitted/LEARNER/ASSIGNMENT/"
        if not name.isprintable() or any(sign in name for sign in '<>"\\') or name != name.strip():
            return (
                "this cannot be a learner's id: rename it, without < > \" \\, control characters and outer "
                "spaces"
            )
        if len(one_form(name)) > MOST_ID:
            return f"this cannot be a learner's id: rename it, nbgrader takes at most {MOST_ID} characters"
        return None

    def _loose(self, file: Path, learner: str) -> str:
        """What to do with something that lies where a folder is expected."""
        if file.is_symlink() or file.suffix.lower() not in (".ipynb", ".zip", ".json", ".txt"):
            return "not a folder of its own"
        [assignment] = near(file.stem, self.course.masters)[:1] or ["ASSIGNMENT"]
        return f"not graded where it lies; put it into submitted/{learner}/{assignment}/"

    def into(self, learner: str, folders: list[Path]) -> None:
        """Look through what one learner handed in."""
        if len(folders) > 1:
            self.notes.append(
                f"submitted/{printable(learner)}: {len(folders)} folders have this name, spelt in different "
                "Unicode forms, and none was graded; put what counts into one and take the other away"
            )
            return
        [folder] = folders
        name = f"submitted/{printable(folder.name)}"
        try:
            places = [(place, status) for place, status in list_folder(folder) if place.name[0] != "."]
        except IntakeError as error:
            self.notes.append(f"submitted/{error}")
            return
        if not places:
            self.notes.append(f"{name}: nothing was handed in, the folder is empty")
        for place, status in places:
            is_folder = stat.S_ISDIR(status.st_mode)
            if not is_folder:
                self.notes.append(f"{name}/{printable(place.name)}: {self._loose(place, folder.name)}")
            elif place.name not in self.course.masters:
                meant = did_you_mean(place.name, self.course.masters)
                problem = f"no such assignment; {meant}" if meant else "no such assignment"
                self.notes.append(f"{name}/{printable(place.name)}: {problem}")
            elif not self.assignments or place.name in self.assignments:
                self._place(Handed(self._ids.get(learner, learner), place.name, place))

    def _place(self, handed: Handed) -> None:
        if _is_empty(handed):
            earlier = self._graded / handed.learner / handed.assignment
            kept = "; the gradebook keeps the earlier grade" if earlier.is_dir() else ""
            self.notes.append(f"{handed.name}: nothing was handed in, the folder is empty{kept}")
            return
        self.found.append(handed)
        if problem := time_in(handed.folder)[1]:
            self.notes.append(f"{handed.name}/timestamp.txt: {problem}")

    def gone(self, folders: Mapping[str, Sequence[Path]]) -> None:
        """Who was graded before, and has no folder any more."""
        for one, learner in sorted(self._ids.items()):
            if self.asked and one not in self.asked:
                continue
            for assignment in self.assignments or self.course.masters:
                graded = (self._graded / learner / assignment).is_dir()
                if graded and not any(
                    os.path.lexists(folder / assignment) for folder in folders.get(one, ())
                ):
                    self.notes.append(
                        f"{printable(learner)}/{assignment}: nothing is handed in any more, its folder in "
                        "submitted/ is gone; the gradebook keeps the earlier grade"
                    )


def _is_empty(handed: Handed) -> bool:
    try:
        contents = contents_of(handed.folder, handed.assignment)
    except IntakeError:
        return False  # said where it is read
    return not (contents.notebooks or contents.zips or contents.others or contents.passed_over)
