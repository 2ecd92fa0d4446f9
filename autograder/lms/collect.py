"""What an LMS handed out, put where `grade` looks for it: `submitted/LEARNER/ASSIGNMENT/`.

nbgrader's `zip_collect` has three steps. Its unpacking knows no bounds and stops at the first odd zip, and it
clears a learner's folder before it fills it; so reading the zip and putting a folder in its place are done
here. Sorting files by learner, naming them and writing `timestamp.txt` is nbgrader's, by a collector of ours.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.apps.zipcollectapp import ZipCollectApp
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import FileNameCollectorPlugin

from autograder.engine.folder import MOST_NOTEBOOK
from autograder.files import UnfitFileError, one_form, regular_bytes, spelt
from autograder.gradebook.exchange import SECRET, TIMESTAMP, time_in
from autograder.lms import LmsError, few
from autograder.lms.archives import ArchiveError, opened, opened_inside
from autograder.lms.formats import Delivered, Delivery, read_delivery
from autograder.lms.remembered import Came, Remembered
from autograder.names import plain
from autograder.roster.people import People, derived_id, slug, unfit
from autograder.submission.course import Course
from autograder.words import nbgraders_words

STAGING = ".course/collecting"
_OURS = {TIMESTAMP, SECRET}  # what a learner must not hand in
# What Moodle puts in the place of names that it hides.
_HIDDEN = {
    "participant",
    "participante",
    "partecipante",
    "teilnehmer",
    "teilnehmerin",
    "deelnemer",
    "deltaker",
}


@dataclass
class Taken:
    """What became of one zip: how many were new, newer or as before, and what was not taken."""

    source: str
    lms: str
    assignment: str
    how: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)


class Collector:
    """Takes one zip after the other. Without `people`, ids are made of what the LMS says.

    With `replace`, what came from an LMS before is replaced where nobody can tell which is newer.
    """

    def __init__(
        self,
        course: Course,
        remembered: Remembered,
        people: People | None = None,
        assignment: str | None = None,
        *,
        replace: bool = False,
    ) -> None:
        self.course, self.remembered, self.people = course, remembered, people
        self.assignment, self.replace = assignment, replace
        self.staging = course.root / STAGING
        for earlier in self.staging.glob("earlier/*/*"):  # a run was killed between two renames
            target = course.root / "submitted" / earlier.parent.name / earlier.name
            if not target.exists():
                earlier.rename(target)
        shutil.rmtree(self.staging, ignore_errors=True)

    def take(self, source: Path) -> list[Taken]:
        """Collect one zip, or the folder that was made of one, or the zips in it.

        Raises:
            ArchiveError: nothing is taken of it.
        """
        with opened(source) as members:
            if delivery := read_delivery(members):
                return [self._take(source.name, delivery)]
            taken, left = [], []
            for member in members:
                if member.path.lower().endswith(".zip"):
                    try:
                        with opened_inside(member) as inner:
                            if delivery := read_delivery(inner):
                                taken.append(self._take(f"{source.name}/{member.path}", delivery))
                    except ArchiveError as error:
                        left.append(f"{member.path}: {error}")
            if taken:
                taken[-1].left += left
            elif left:
                raise ArchiveError("; ".join(left))
            else:
                some = few([member.path for member in members], 3) or "none"
                raise ArchiveError(
                    "expected what Moodle, Canvas, Blackboard or Gradescope hand out, got file names that "
                    f"none of them gives ({some}); download all submissions of one assignment"
                )
            return taken

    def _take(self, source: str, delivery: Delivery) -> Taken:
        assignment, notes = self._assignment(delivery)
        taken = Taken(source, delivery.lms, assignment, left=delivery.left, notes=notes)
        came = self.remembered.came.setdefault(assignment, {})
        placing: list[tuple[str, datetime | None, Path]] = []
        late = []
        for learner, one in self._learners(delivery, taken):
            files = self._files(one, taken)
            if files is None:
                continue
            target = spelt(self.course.root / "submitted", learner) / assignment
            known, digest = came.get(learner), _digest(files)
            how = self._how(one, digest, target, known)
            if how not in ("new", "newer", "as before"):
                taken.left.append(f"{one.shown}: {how}")
                continue
            taken.how[how] += 1
            taken.ids.append(learner)
            late += [learner] * one.late
            if how != "as before":
                folder = self.staging / "downloaded" / assignment / "extracted" / str(len(placing))
                folder.mkdir(parents=True)
                for name, content in files.items():
                    (folder / name).write_bytes(content)
                placing.append((learner, one.time, target))
            if known is None or how != "as before" or one.lms != known.lms or one.order >= known.order:
                came[learner] = Came(one.lms, one.name, one.number, one.came_as, one.order, digest)
        self._place(placing, assignment)
        self.remembered.save()
        ids: dict[tuple[str, str, str], list[str]] = {}
        for learner, known in came.items():
            ids.setdefault((known.lms, known.name, known.number), []).append(learner)
        twice = {one for some in ids.values() if len(some) > 1 for one in some} - {*taken.ids}
        if twice:
            taken.notes.append(
                f"also there under ids of an earlier collect: {few(sorted(twice))}; "
                "python -m autograder forget removes one"
            )
        if late:
            taken.notes.append(
                f"late, says Canvas, which tells no time: {few(late)}; for a penalty write the time into "
                f"submitted/LEARNER/{assignment}/{TIMESTAMP}"
            )
        return taken

    def _assignment(self, delivery: Delivery) -> tuple[str, list[str]]:
        """Which assignment this is, by the names of its notebooks, and what speaks against it."""
        if not delivery.submissions:
            raise ArchiveError(f"nobody handed in a file: {few(delivery.left, 3)}")
        names = [plain(name) for one in delivery.submissions for name, _ in one.files]
        count = {each: sum(plain(each) in name for name in names) for each in self.course.masters}
        found = [each for each, number in count.items() if number]
        listed = ", ".join(f"{each} ({count[each]})" for each in found)
        if self.assignment:
            doubt = f"its notebooks are named after {listed}: is --assignment {self.assignment} right?"
            return self.assignment, [doubt] if found and self.assignment not in found else []
        if len(found) == 1:
            return found[0], []
        what = f"its notebooks are named after {listed}" if found else "no notebook in it is named after one"
        there = ", ".join(self.course.masters)
        raise ArchiveError(f"which assignment is this? {what}; say it with --assignment, one of {there}")

    def _learners(self, delivery: Delivery, taken: Taken) -> Iterator[tuple[str, Delivered]]:
        found: dict[str, list[Delivered]] = {}
        hidden = delivery.lms == "moodle" and {plain(one.name) for one in delivery.submissions} <= _HIDDEN
        if hidden and not self.people:
            taken.notes.append("Moodle hides the names: ids are its numbers, which hold for this assignment")
        for one in delivery.submissions:
            learner, problem = self._learner(one, hidden=hidden)
            if problem:
                taken.left.append(f"{one.shown}: {problem}")
            else:
                found.setdefault(learner, []).append(one)
        for learner, some in found.items():
            if len(some) == 1:
                yield learner, some[0]
            else:
                who = " and ".join(one.shown for one in some)
                taken.left.append(f"{who}: each would be {learner}; a roster with numbers tells who is who")

    def _learner(self, one: Delivered, *, hidden: bool) -> tuple[str, str]:
        """A learner's id, or why there is none."""
        if self.people:
            person, why = self.people.whose(one)
            return (person.learner, "") if person else ("", why)
        learner = slug(f"{one.name} {one.number}") if hidden else derived_id(one)
        came = [came.name for came in self.remembered.of_learner(learner) if came.lms == one.lms]
        if (names := {*came} - {one.name}) and learner == slug(one.name):
            return "", f"the id {learner} is that of {few(sorted(names))}; a roster tells who is who"
        return learner, unfit(learner)

    def _files(self, one: Delivered, taken: Taken) -> dict[str, bytes] | None:
        """What goes into `submitted/`; None, with the reason said, where nothing can.

        The one notebook that is named after the assignment loses what LMS and browsers add: `-1`, `(2)`.
        """
        files: dict[str, bytes] = {}
        for raw, member in one.files:
            *above, name = one_form(raw).split("/")
            name = f"{above[-1]}-{name}" if name in files and above else name
            problem = "it is there twice" if name in files else ""
            if name in _OURS or not name.isprintable() or name[0] == "." or len(name.encode()) > 200:
                problem = "a learner's file cannot have this name"
            try:
                files |= {} if problem else {name: member.read(MOST_NOTEBOOK)}
            except UnfitFileError as error:
                problem = str(error)
            if problem:
                taken.left.append(f"{one.shown}, {raw[:100]}: {problem}")
                if ".ipynb" in name.lower():
                    return None  # the rest is no submission without its notebook
        if not files:
            taken.left.append(f"{one.shown}: no file that can be graded")
            return None
        named = f"{taken.assignment}.ipynb"
        like = [name for name in files if ".ipynb" in name.lower() and plain(taken.assignment) in plain(name)]
        if len(like) == 1:
            files = {named if name == like[0] else name: content for name, content in files.items()}
        return files

    def _how(self, one: Delivered, digest: str, target: Path, came: Came | None) -> str:
        """`new`, `newer` or `as before`; or why this does not go into `submitted/`."""
        where = target.relative_to(self.course.root)
        if target.parent.is_symlink() or target.is_symlink() or target.is_file():
            return f"{where} is no folder; take it away first"
        if not target.exists() or not any(target.iterdir()):
            return "new"
        present, time = _present(target), time_in(target)[0]
        if present == digest and one.time in (None, time):
            return "as before"
        if present == digest and time is None:
            return "newer"  # the same, now with its time
        if came is None or present != came.digest:
            return f"{where} holds what no collect put there, or was changed since; take it away first"
        newer: bool | None = None
        if one.time and time:
            newer = one.time > time
        elif one.lms == came.lms and one.order and came.order and one.order != came.order:
            newer = one.order > came.order
        if newer is None and not self.replace:
            return f"nobody can tell whether this or {where} is newer; --replace takes this one"
        return f"older than what is in {where}" if newer is False else "newer"

    def _place(self, placing: Sequence[tuple[str, datetime | None, Path]], assignment: str) -> None:
        """Have nbgrader make the learners' folders, and put each in its place by renaming it."""
        if placing:
            app = ZipCollectApp()
            app.coursedir = CourseDirectory(root=str(self.staging), assignment_id=assignment)
            app.collector_plugin_inst = _ByFolder(parent=app)
            app.collector_plugin_inst.whose = placing
            with nbgraders_words(app) as words:
                app.collector_plugin_inst.log = logging.Logger("nbgrader")
                try:
                    app.process_extracted_files()
                except SystemExit as error:
                    raise LmsError(words.sentence(Path("zip_collect"))) from error
        for learner, _, target in placing:
            earlier = self.staging / "earlier" / target.parent.name / assignment
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                earlier.parent.mkdir(parents=True, exist_ok=True)
                target.rename(earlier)
            (self.staging / "submitted" / learner / assignment).rename(target)
        shutil.rmtree(self.staging, ignore_errors=True)


class _ByFolder(FileNameCollectorPlugin):
    """Tells nbgrader's `zip_collect` whose a file is by the number of the folder in which it lies."""

    whose: Sequence[tuple[str, datetime | None, Path]] = ()

    def collect(self, submitted_file: str) -> dict[str, Any]:
        path = Path(submitted_file)
        learner, time, _ = self.whose[int(path.parent.name)]
        return {"student_id": learner, "file_id": path.name} | ({"timestamp": f"{time}"} if time else {})


def _digest(files: dict[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(name.encode(errors="surrogateescape") + b"\0" + hashlib.sha256(files[name]).digest())
    return whole.hexdigest()


def _present(folder: Path) -> str:
    """The digest of what lies in a folder; the empty text where that is not only plain files."""
    paths = [path for path in folder.iterdir() if path.name not in _OURS and path.name[0] != "."]
    try:
        return _digest({one_form(path.name): regular_bytes(path, MOST_NOTEBOOK) for path in paths})
    except UnfitFileError:
        return ""
