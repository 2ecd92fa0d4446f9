"""Which folders were handed in, what lies in each, and which notebook of it counts."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.engine.folder import IntakeError, handed_in, list_folder, notebooks_in
from autograder.engine.intake import Reader, Submission, read_submission
from autograder.submission.course import Course, CourseError

MOST_ID = 128  # characters, of nbgrader's Student.id


@dataclass(frozen=True)
class Handed:
    """One learner's folder for one assignment."""

    learner: str
    assignment: str
    folder: Path

    @property
    def name(self) -> str:
        return f"{self.learner}/{self.assignment}"


@dataclass(frozen=True)
class Found:
    """What lies in a folder: the notebooks that may count, the likeliest first, and a digest of it all."""

    handed: Handed
    files: tuple[Path, ...]
    fingerprint: str
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chosen:
    """The submission that counts, or the reason why there is none, and what can be read all the same."""

    submission: Submission | None
    reason: str = ""
    warnings: tuple[str, ...] = ()
    shown: Sequence[str] = ()


def find_handed(
    course: Course, assignments: Sequence[str], learners: Sequence[str]
) -> tuple[list[Handed], list[str]]:
    """The folders `submitted/LEARNER/ASSIGNMENT` that were asked for, and what was passed over.

    Raises:
        CourseError: for an assignment or a learner that does not exist, or where nothing was handed in.
    """
    for name in assignments:
        if name not in course.masters:
            raise CourseError(f"no assignment {name!r}; there are {', '.join(course.masters)}")
    submitted = course.root / "submitted"
    if not submitted.is_dir():
        raise CourseError(f"{submitted}: no such folder; put notebooks into submitted/LEARNER/ASSIGNMENT/")
    found: list[Handed] = []
    passed_over: list[str] = []
    known = set()
    for folder in sorted(submitted.iterdir()):
        if folder.name.startswith("."):
            continue
        if problem := _learner_problem(folder):
            passed_over.append(f"submitted/{printable(folder.name)}: {problem}")
            continue
        known.add(folder.name)
        if learners and folder.name not in learners:
            continue
        try:
            places = [(place, status) for place, status in list_folder(folder) if place.name[0] != "."]
        except IntakeError as error:
            passed_over.append(f"submitted/{error}")
            continue
        for place, status in places:
            if place.name not in course.masters:
                passed_over.append(f"submitted/{folder.name}/{printable(place.name)}: no such assignment")
            elif not stat.S_ISDIR(status.st_mode):
                passed_over.append(f"submitted/{folder.name}/{place.name}: not a folder of its own")
            elif not assignments or place.name in assignments:
                found.append(Handed(folder.name, place.name, place))
    if missing := sorted(set(learners) - known):
        raise CourseError(f"nothing was handed in by {', '.join(map(printable, missing))}")
    if not found:
        wanted = ", ".join(assignments or course.masters)
        raise CourseError(f"{submitted}: nothing was handed in for {wanted}")
    return found, passed_over


def _learner_problem(folder: Path) -> str | None:
    """Why a folder's name cannot be a learner's id, or None. Such a name would go into pages and paths."""
    name = folder.name
    if folder.is_symlink() or not folder.is_dir():
        return "not a folder of its own"
    if not name.isprintable() or any(sign in name for sign in '<>"\\') or name != name.strip():
        return (
            "this cannot be a learner's id: rename it, without < > \" \\, control characters and outer spaces"
        )
    if len(name) > MOST_ID:
        return f"this cannot be a learner's id: rename it, nbgrader takes at most {MOST_ID} characters"
    return None


def printable(name: str) -> str:
    """A name from outside, fit for a terminal."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in name)


def read_folder(course: Course, handed: Handed) -> Found:
    """Look at what was handed in, without parsing any of it."""
    try:
        files, passed_over = notebooks_in(handed.folder, handed.assignment)
        digest = handed_in(handed.folder, files)
    except IntakeError as error:
        files, passed_over, digest = [], [str(error)], str(error).encode()
    fingerprint = course.fingerprint(handed.assignment, digest)
    return Found(handed, tuple(files), fingerprint, tuple(passed_over))


def choose(course: Course, found: Found, outline: Reader) -> Chosen:
    """The first notebook that belongs to the assignment, which its cells tell. `outline` parses one."""
    handed, expected = found.handed, f"{found.handed.assignment}.ipynb"
    warnings: list[str] = list(found.passed_over)
    shown: Sequence[str] = ()
    for number, file in enumerate(found.files):
        try:
            submission = read_submission(file, course.masters, handed.folder, outline)
        except IntakeError as error:
            warnings.append(str(error))
            shown = shown or error.shown
            continue
        if submission.assignment != handed.assignment:
            warnings.append(f"{printable(file.name)} is the notebook of {submission.assignment}")
            continue
        if file.name != expected:
            warnings.append(f"graded {printable(file.name)}, because there is no {expected}")
        others = found.files[number + 1 :]
        warnings += [f"{printable(other.name)} is another notebook, not graded" for other in others]
        return Chosen(submission, warnings=tuple(warnings))
    reason, *rest = warnings or [f"There is no notebook {expected}."]
    return Chosen(None, reason, tuple(rest), shown)
