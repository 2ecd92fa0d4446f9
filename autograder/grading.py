"""One submission in, its verdict out: a plain function for a class run, nbgrader, or a cluster."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder import verdict_files
from autograder.engine.intake import (
    MOST_NOTEBOOK,
    Submission,
    files_beside,
    notebooks_in,
    read_submission,
)
from autograder.engine.run import CellOutput, Engine
from autograder.exercises import LESSONS
from autograder.files import UnfitFileError, regular_bytes
from autograder.keys import KEY_STORE, course_secret, secret_key
from autograder.masters import MasterError, read_master
from autograder.verdict_files import Level, Printed, Verdict
from autograder.verdicts import grade_exercise
from sumskip.checking.core import Ask, Report


class CourseError(Exception):
    """The instructor asked for something this course cannot do; the message says what to do instead."""


@dataclass(frozen=True)
class Course:
    """The course root, and what grading needs of it."""

    root: Path
    masters: Mapping[str, Any]
    secret: bytes

    @classmethod
    def open(cls, root: Path) -> Course:
        """Read the masters of the course in `root`.

        Raises:
            CourseError: where `root` holds no master, or one that does not fit its exercises.
        """
        masters = {}
        for name in LESSONS:
            path = root / "notebooks" / name / f"{name}.ipynb"
            if path.is_file():
                try:
                    masters[name] = read_master(path)
                except MasterError as error:
                    raise CourseError(str(error)) from error
        if not masters:
            raise CourseError(
                f"{root}: no lesson's master found in notebooks/NAME/NAME.ipynb; run this in the course root"
            )
        return cls(root, masters, course_secret(root))

    def judge(self, name: str, ask: Ask) -> Report:
        """The verdict on one exercise; its secret key is kept below `.course/`."""
        return grade_exercise(name, ask, self.secret, self.root / KEY_STORE)

    def fingerprint(self, assignment: str, handed_in: bytes) -> str:
        """What a verdict on this submission stands on, with the master, the secret and the versions."""
        master = json.dumps(self.masters[assignment], sort_keys=True).encode()
        return verdict_files.fingerprint(handed_in, master, self.secret)

    def exercises(self, assignment: str) -> dict[str, float]:
        """The automatic exercises of an assignment and their points, in the order of its master."""
        found = {}
        for cell in self.masters[assignment]["cells"]:
            rules = cell["metadata"].get("nbgrader", {})
            name = str(rules.get("grade_id", ""))
            if rules.get("grade") and cell["cell_type"] == "code" and name.endswith("_check"):
                found[name.removesuffix("_check")] = float(rules["points"])
        return found

    def prepare(self, assignments: Iterable[str]) -> None:
        """Have the secret keys of these assignments at hand; making one for the first time takes seconds."""
        for assignment in assignments:
            for name in self.exercises(assignment):
                secret_key(name, self.secret, self.root / KEY_STORE)


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


def find_course(here: Path) -> Path:
    """The course root: `here` where it looks like one, otherwise the folder that holds this package."""
    is_course = any((here / "notebooks" / name).is_dir() for name in LESSONS)
    return here if is_course else Path(__file__).parents[1]


def grade_submission(course: Course, submission: Submission, fingerprint: str, engine: Engine) -> Verdict:
    """Run what was submitted in `engine` and judge the answers out here.

    Every automatic exercise of the assignment is in the verdict, whatever happened.
    """
    result = engine.run(submission.plan, course.judge)
    ended = "The notebook ended before this exercise was reached."
    reports = tuple(
        result.reports.get(name) or not_graded(name, points, ended)
        for name, points in course.exercises(submission.assignment).items()
    )
    return Verdict(
        assignment=submission.assignment,
        fingerprint=fingerprint,
        level=result.level,
        seed=verdict_files.seed_id(course.secret),
        versions={**verdict_files.versions(), **engine.versions},
        reports=reports,
        printed={
            cell: text for cell, output in result.outputs.items() if (text := _printed(output)) != Printed()
        },
        warnings=(*submission.warnings, *result.warnings),
        submitted_version=submission.version,
    )


def _printed(output: CellOutput) -> Printed:
    place = f" (line {output.line} of this cell)" if output.line else ""
    error = f"{output.error_name}: {output.error_message}{place}" if output.error_name else ""
    return Printed(output.stdout, output.stderr, error)


def unreadable(assignment: str, reason: str, course: Course, fingerprint: str, level: Level) -> Verdict:
    """The verdict on a submission that no notebook could be read from: nothing graded, and why."""
    exercises = course.exercises(assignment)
    reports = tuple(not_graded(name, points, reason) for name, points in exercises.items())
    return Verdict(
        assignment=assignment,
        fingerprint=fingerprint,
        level=level,
        seed=verdict_files.seed_id(course.secret),
        versions=dict(verdict_files.versions()),
        reports=reports,
        warnings=(reason,),
    )


def not_graded(name: str, points: float, reason: str) -> Report:
    """No verdict, 0 points until the instructor has looked, and why."""
    return Report(exercise=name, score=0.0, max_score=points, status="not_graded", message=reason)


def plain_submission(root: Path, learner: str, assignment: str, file: Path) -> Submission:
    """For plain `nbgrader autograde`: the submitted notebook of one learner, restored."""
    submission = read_submission(file, Course.open(root).masters, beside=file.parent)
    if submission.assignment != assignment:
        raise CourseError(
            f"submitted/{learner}/{assignment}: this is the notebook of {submission.assignment}"
        )
    return submission


def plain_verdict(
    root: Path, learner: str, assignment: str, file: Path, *, trust_submissions: bool
) -> Verdict:
    """For plain `nbgrader autograde`: the stored verdict where it still holds, otherwise a new one."""
    course = Course.open(root)
    fingerprint = course.fingerprint(
        assignment, handed_in(file.parent, notebooks_in(file.parent, assignment)[0])
    )
    path = verdict_files.verdict_path(root, learner, assignment)
    verdict = verdict_files.load(path)
    if verdict is not None and holds(verdict, fingerprint, trust_submissions):
        return verdict
    submission = plain_submission(root, learner, assignment, file)
    with open_engine(course, trust_submissions=trust_submissions) as engine:
        verdict = grade_submission(course, submission, fingerprint, engine)
    verdict_files.save(path, verdict)
    return verdict


def holds(verdict: Verdict, fingerprint: str, trust_submissions: bool) -> bool:
    """Whether a stored verdict still counts; one made without walls, only where that is accepted."""
    return verdict.fingerprint == fingerprint and (verdict.level == "walled" or trust_submissions)


def open_engine(course: Course, *, trust_submissions: bool, jobs: int = 1) -> Engine:
    """The engine for this course: its self-test tries to read what no submission may see."""
    hidden = (".course", "notebooks", "submitted", "verdicts", "gradebook.db")
    return Engine(
        jobs=jobs,
        trust_submissions=trust_submissions,
        hidden=tuple(course.root / name for name in hidden),
    )
