"""What one learner handed in for one assignment, and which notebook of it counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, Protocol

from autograder.engine.bounded import plain_text
from autograder.engine.folder import Contents, IntakeError, called, contents_of, digest_of
from autograder.engine.inside.notebook import Outline, OutlineError
from autograder.engine.inside.unpack import unpack_zip
from autograder.engine.intake import Submission, read_here, read_submission
from autograder.files import UnfitFileError, regular_bytes
from autograder.submission.course import Course

MOST_ZIP = 20_000_000  # bytes
MOST_NAMED = 5  # files, in a sentence


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
    """What lies in a folder, and a digest of it with all else that a verdict on it stands on."""

    handed: Handed
    contents: Contents
    fingerprint: str


@dataclass(frozen=True)
class Chosen:
    """The submission that counts and its file, or why there is none, and what can be read all the same.

    `look` are the graded cells to which another notebook, worked on as well, has other answers.
    """

    submission: Submission | None
    reason: str = ""
    warnings: tuple[str, ...] = ()
    file: Path | None = None
    shown: Sequence[str] = ()
    look: tuple[str, ...] = ()


class Reader(Protocol):
    """Whoever parses what a learner wrote: `Engine`, behind the walls."""

    def read(self, raw: bytes, beside: Mapping[str, bytes]) -> Outline: ...
    def unpack(self, raw: bytes) -> tuple[dict[str, bytes], list[str]]: ...


class ReadsHere:
    """Parses in this process: for a notebook that one would open oneself."""

    def read(self, raw: bytes, beside: Mapping[str, bytes]) -> Outline:
        return read_here(raw, beside)

    def unpack(self, raw: bytes) -> tuple[dict[str, bytes], list[str]]:
        return unpack_zip(raw)


def read_folder(course: Course, handed: Handed) -> Found:
    """Look at what was handed in, without parsing any of it."""
    try:
        contents = contents_of(handed.folder, handed.assignment)
        digest = digest_of(handed.folder, contents)
    except IntakeError as error:
        contents, digest = Contents(passed_over=(str(error),)), str(error).encode()
    return Found(handed, contents, course.fingerprint(handed.assignment, digest))


def choose(course: Course, found: Found, reader: Reader) -> Chosen:
    """The notebook that counts: it belongs to the assignment, which its cells tell, and is worked on."""
    return _choose(course, found.handed.assignment, found.contents, reader)


def choose_file(course: Course, file: Path, reader: Reader) -> tuple[Submission, list[str]]:
    """The notebook at `file`, or the one that counts in that zip or folder, and what to say about it.

    Other files go along, and copies of the notebook are looked at, where they lie in a folder with an
    assignment's name, as when it is handed in.

    Raises:
        IntakeError: there is none.
    """
    place = file.resolve() if file.is_dir() else file.resolve().parent
    assignment = place.name if place.name in course.masters else ""
    if file.is_dir():
        chosen = _choose(course, assignment, contents_of(file, assignment), reader)
    elif file.suffix.lower() == ".zip":
        chosen = _choose(course, "", Contents(zips=(file,)), reader)
    else:
        chosen = _choose(course, "", Contents(notebooks=(file,)), reader, alone=not assignment)
    if chosen.submission is None:
        raise IntakeError(chosen.reason)
    notes = list(chosen.warnings)
    if assignment and not file.is_dir():
        beside = contents_of(place, assignment)
        there = len(beside.notebooks) + len(beside.zips)
        counts = _choose(course, assignment, beside, reader) if there > 1 else chosen
        if counts.file and chosen.file and counts.file.name != chosen.file.name:
            notes.append(f"in this folder another notebook counts: {plain_text(counts.file.name)}")
    return chosen.submission, notes


def _choose(
    course: Course, assignment: str, contents: Contents, reader: Reader, *, alone: bool = False
) -> Chosen:
    expected = f"{assignment}.ipynb" if assignment else "of this course"
    warnings = list(contents.passed_over)
    with TemporaryDirectory(prefix="handed-in-") as scratch:
        files, others = list(contents.notebooks), list(contents.others)
        for number, path in enumerate(contents.zips):
            inside = _unpacked(path, Path(scratch, str(number)), assignment, reader, warnings)
            files += inside.notebooks
            others += inside.others

        def read(file: Path, with_files: bool) -> Submission:
            together = file.is_relative_to(scratch) or not alone
            beside = file.parent if with_files and together else None
            return read_submission(file, course.masters, beside, reader.read)

        fit: list[tuple[Path, Submission]] = []
        shown: Sequence[str] = ()
        for file in files:
            try:
                submission = read(file, len(files) == 1)
            except IntakeError as error:
                warnings.append(str(error))
                shown = shown or error.shown
                continue
            if assignment and submission.assignment != assignment:
                warnings.append(f"{plain_text(file.name)} is the notebook of {submission.assignment}")
                continue
            fit.append((file, submission))
        if not fit:
            none = f"There is no notebook {expected}"
            none += (
                f", only {_names(others)}: hand in the notebook itself, or one zip of it." if others else "."
            )
            reason, *rest = warnings or [none]
            return Chosen(None, reason, tuple(rest), shown=shown)
        counts, look = _that_counts(course, fit, warnings)
        file, submission = fit[counts]
        if counts == 0 and assignment and called(file.name) != called(assignment):
            warnings.append(f"graded {plain_text(file.name)}, because there is no {expected}")
        zipped = file.is_relative_to(scratch)
        above = [path for path in contents.others if path.parent != file.parent]
        above = [path for path in above if zipped or file.is_relative_to(path.parent)]
        if above:
            warnings.append(f"dropped what lies outside of the notebook's folder: {_names(above)}")
        if len(files) > 1:
            submission = read(file, True)
        return Chosen(submission, warnings=tuple(warnings), file=file, look=look)


def _names(paths: Sequence[Path]) -> str:
    some = ", ".join(plain_text(path.name) for path in paths[:MOST_NAMED])
    return some + (" and more" if len(paths) > MOST_NAMED else "")


def _unpacked(path: Path, into: Path, assignment: str, reader: Reader, warnings: list[str]) -> Contents:
    """The files of a zip, written below `into`; what was left in it is named in `warnings`."""
    name = plain_text(path.name)
    try:
        members, left = reader.unpack(regular_bytes(path, MOST_ZIP))
    except (UnfitFileError, OutlineError) as error:
        warnings.append(f"{name}: {plain_text(str(error))}")
        return Contents()
    into.mkdir()
    for member, content in members.items():
        # What came from behind the walls is no path before it has been looked at here.
        if Path(member).name == member and member not in ("", ".", "..") and len(member.encode()) < 250:
            (into / member).write_bytes(content)
        else:
            left.append(f"{member} has a name that no notebook has")
    inside = contents_of(into, assignment)
    left += [f"{plain_text(inner.name)} is a zip in a zip" for inner in inside.zips]
    warnings += [f"left in {name}: {line}" for line in (*left, *inside.passed_over)]
    return inside


class Written(NamedTuple):
    """What a learner has written into a notebook: the answers, and cells of their own."""

    answers: frozenset[tuple[str, str]]
    own: frozenset[str]


def _written(course: Course, submission: Submission) -> Written:
    released = course.released_sources(submission.assignment)
    texts = {text for _, text in released}
    answers, own = set(), set()
    for cell in submission.notebook.cells:
        rules, source = cell.metadata.get("nbgrader", {}), cell.source.strip()
        if rules.get("solution") or rules.get("task"):
            answers.add((rules["grade_id"], source))
        elif not rules and source:
            own.add(source)
    return Written(frozenset(answers - set(released)), frozenset(own - texts))


def _that_counts(
    course: Course, fit: Sequence[tuple[Path, Submission]], warnings: list[str]
) -> tuple[int, tuple[str, ...]]:
    """Which of several notebooks of one assignment counts, and where others have other answers.

    It is the first one that is worked on: what the learner meant, nobody knows, and the better one would
    pay for guessing.
    """
    if len(fit) == 1:
        return 0, ()
    names = [plain_text(file.name) for file, _ in fit]
    written = [_written(course, submission) for _, submission in fit]
    worked_on = [number for number, one in enumerate(written) if one.answers]
    worked_on = worked_on or [number for number, one in enumerate(written) if one.own]
    counts = worked_on[0] if worked_on else 0
    if counts:
        warnings.append(f"graded {names[counts]}, which is worked on; {names[0]} is as it was released")
    differ: set[str] = set()
    for number in range(len(fit)):
        if number in worked_on and number != counts and written[number] != written[counts]:
            differ |= {name for name, _ in written[number].answers ^ written[counts].answers}
            warnings.append(
                f"look at which one counts: {names[number]} is worked on as well, and differs from "
                f"{names[counts]}, which was graded; take the other one away, and grade again"
            )
        elif number != counts:
            warnings.append(f"{names[number]} is another notebook, not graded")
    points = course.points(fit[counts][1].assignment)
    return counts, tuple(cell for cell in points if cell.removesuffix("_check") in differ)
