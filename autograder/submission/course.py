"""The course root: its masters, its secret, and what grading needs of them."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autograder.clearing import released_sources
from autograder.engine.ours import rules_of
from autograder.exercises import EXERCISES, LESSONS
from autograder.keys import sources
from autograder.keys.secret import KEY_STORE, course_secret, secret_key
from autograder.names import did_you_mean
from autograder.settings import FILE, SettingError, Settings, read_settings
from autograder.submission import stands, verdicts
from autograder.submission.masters import MasterError, read_master
from autograder.taught import as_taught, refuse_unknown_points


class CourseError(Exception):
    """The instructor asked for something this course cannot do; the message says what to do instead."""


@dataclass(frozen=True)
class Course:
    """The course root, and what grading needs of it. Secret keys are kept in `keys`, or else in the root.

    `masters` are as they are taught, after the settings; `as_written`, as the files have them.
    """

    root: Path
    masters: Mapping[str, Any]
    secret: bytes
    settings: Settings = field(default_factory=Settings)
    keys: Path | None = None
    as_written: Mapping[str, Any] = field(default_factory=dict, repr=False)
    _released: dict[str, list[tuple[str, str]]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def open(cls, root: Path, *, keep: bool = True) -> Course:
        """Read the masters of the course in `root`, whose secret is made and kept where it has none.

        Raises:
            CourseError: where `root` holds no master, or one that does not fit its exercises, or a setting
                that does not exist.
        """
        masters = {}
        try:
            settings = read_settings(root)
            for name in LESSONS:
                path = root / "notebooks" / name / f"{name}.ipynb"
                if path.is_file():
                    masters[name] = read_master(path)
            refuse_unknown_points(root, settings, masters.values())
        except (SettingError, MasterError) as error:
            raise CourseError(str(error)) from error
        named = [*settings.weights, *settings.due, *settings.extensions]
        if strange := [name for name in named if name not in LESSONS]:
            meant = did_you_mean(strange[0], LESSONS) or f"there are {', '.join(LESSONS)}"
            raise CourseError(f"{root / FILE}: no assignment is called {strange[0]!r}; {meant}")
        if not masters:
            raise CourseError(
                f"{root}: no lesson's master found in notebooks/NAME/NAME.ipynb; run this in the course root"
            )
        taught = {name: as_taught(settings, master) for name, master in masters.items()}
        return cls(root, taught, course_secret(root, keep=keep), settings, as_written=masters)

    @property
    def key_store(self) -> Path:
        """Where the secret keys are kept between runs."""
        return self.keys or self.root / KEY_STORE

    @contextmanager
    def rehearsed(self) -> Iterator[Course]:
        """The same course, for something that leaves no key behind."""
        with tempfile.TemporaryDirectory() as folder:
            for key in self.key_store.glob("*.npz"):
                Path(folder, key.name).symlink_to(key.resolve())
            yield replace(self, keys=Path(folder))

    def fingerprint(self, assignment: str, handed_in: bytes) -> str:
        """A name for what was handed in."""
        return hashlib.sha256(f"{assignment}\0".encode() + handed_in).hexdigest()

    def stands(self, assignment: str, submission: str) -> stands.Stands:
        """What a grade of the submission with this fingerprint stands on, the gradebook's dates aside."""
        cells = self.masters[assignment]["cells"]
        exercises = self.exercises(assignment)
        return {
            "submission": submission,
            "master": stands.of_master(cells),
            "exercise": stands.digest(sources.of_exercises(tuple(exercises))),
            "points": stands.digest([exercises, self.settings.points_for]),
            "secret": verdicts.seed_id(self.secret),
            "versions": stands.digest(dict(verdicts.versions())),
            stands.QUESTION: stands.of_questions(cells),
        }

    def points(self, assignment: str) -> dict[str, float]:
        """The graded cells of an assignment and their points, in the order of its master."""
        rules = map(rules_of, self.masters[assignment]["cells"])
        return {r["grade_id"]: float(r.get("points") or 0) for r in rules if r.get("grade") or r.get("task")}

    def exercises(self, assignment: str) -> dict[str, float]:
        """The automatic exercises of an assignment and their points; the other graded cells, people mark."""
        return {
            name.removesuffix("_check"): points
            for name, points in self.points(assignment).items()
            if name.endswith("_check") and name.removesuffix("_check") in EXERCISES
        }

    def assignments(self, names: Iterable[str]) -> list[str]:
        """The assignments that are meant: each by its name, by the start of it, or by its number.

        Raises:
            CourseError: there is none, or more than one.
        """
        return [self._assignment(name) for name in names]

    def _assignment(self, name: str) -> str:
        if name in self.masters:
            return name
        starts = [each for each in self.masters if re.fullmatch(rf"0*{re.escape(name)}_.*", each)]
        starts = starts or [each for each in self.masters if name and each.startswith(name)]
        if len(starts) == 1:
            return starts[0]
        meant = did_you_mean(name, starts or self.masters)
        there = ", ".join(self.masters)
        raise CourseError(f"no assignment {name!r}; {meant + ' There' if meant else 'there'} are {there}")

    def released_sources(self, assignment: str) -> list[tuple[str, str]]:
        """The grade_id (or none) and the text of each cell as learners get it."""
        if assignment not in self._released:
            sources = released_sources(self.root, self.settings, self.masters[assignment])
            self._released[assignment] = sources
        return self._released[assignment]

    def prepare(self, assignments: Iterable[str]) -> None:
        """Have the secret keys of these assignments at hand; making one for the first time takes seconds."""
        for assignment in assignments:
            for name in self.exercises(assignment):
                secret_key(name, self.secret, self.key_store)
