"""The course root: its masters, its secret, and what grading needs of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.clearing import released_sources
from autograder.engine.run import Engine
from autograder.exercises import LESSONS
from autograder.keys.secret import KEY_STORE, course_secret, secret_key
from autograder.predictions import PointsFor, SettingError, cells_for, points_for
from autograder.submission import verdicts
from autograder.submission.masters import MasterError, read_master


class CourseError(Exception):
    """The instructor asked for something this course cannot do; the message says what to do instead."""


@dataclass(frozen=True)
class Course:
    """The course root, and what grading needs of it."""

    root: Path
    masters: Mapping[str, Any]
    secret: bytes
    points_for: PointsFor = "committing"
    _released: dict[str, list[tuple[str, str]]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def open(cls, root: Path) -> Course:
        """Read the masters of the course in `root`.

        Raises:
            CourseError: where `root` holds no master, or one that does not fit its exercises, or a setting
                that does not exist.
        """
        try:
            counts = points_for(root)
        except SettingError as error:
            raise CourseError(str(error)) from error
        masters = {}
        for name in LESSONS:
            path = root / "notebooks" / name / f"{name}.ipynb"
            if path.is_file():
                try:
                    masters[name] = cells_for(counts, read_master(path))
                except MasterError as error:
                    raise CourseError(str(error)) from error
        if not masters:
            raise CourseError(
                f"{root}: no lesson's master found in notebooks/NAME/NAME.ipynb; run this in the course root"
            )
        return cls(root, masters, course_secret(root), counts)

    @property
    def key_store(self) -> Path:
        """Where the secret keys are kept between runs."""
        return self.root / KEY_STORE

    def fingerprint(self, assignment: str, handed_in: bytes) -> str:
        """What a verdict on this submission stands on, with the master, the secret and the versions."""
        master = json.dumps([self.points_for, self.masters[assignment]], sort_keys=True).encode()
        return verdicts.fingerprint(handed_in, master, self.secret)

    def exercises(self, assignment: str) -> dict[str, float]:
        """The automatic exercises of an assignment and their points, in the order of its master."""
        found = {}
        for cell in self.masters[assignment]["cells"]:
            rules = cell["metadata"].get("nbgrader", {})
            name = str(rules.get("grade_id", ""))
            if rules.get("grade") and cell["cell_type"] == "code" and name.endswith("_check"):
                found[name.removesuffix("_check")] = float(rules["points"])
        return found

    def released_sources(self, assignment: str) -> list[tuple[str, str]]:
        """The grade_id (or none) and the text of each cell as learners get it."""
        if assignment not in self._released:
            sources = released_sources(self.root, self.points_for, self.masters[assignment])
            self._released[assignment] = sources
        return self._released[assignment]

    def prepare(self, assignments: Iterable[str]) -> None:
        """Have the secret keys of these assignments at hand; making one for the first time takes seconds."""
        for assignment in assignments:
            for name in self.exercises(assignment):
                secret_key(name, self.secret, self.key_store)


def find_course(here: Path) -> Path:
    """The course root: `here` where it looks like one, otherwise the folder that holds this package."""
    is_course = any((here / "notebooks" / name).is_dir() for name in LESSONS)
    return here if is_course else Path(__file__).parents[2]


def open_engine(course: Course, *, trust_submissions: bool, jobs: int = 1) -> Engine:
    """The engine for this course: its self-test tries to read what no submission may see."""
    hidden = (".course", "notebooks", "submitted", "verdicts", "gradebook.db")
    return Engine(
        jobs=jobs,
        trust_submissions=trust_submissions,
        hidden=tuple(course.root / name for name in hidden),
    )
