"""One submission in, its verdict out: a plain function for a class run, nbgrader, or a cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from autograder import verdict_files
from autograder.engine.intake import Submission, read_submission
from autograder.engine.run import CellOutput, Engine
from autograder.exercises import EXERCISES, LESSONS
from autograder.keys import course_secret
from autograder.verdict_files import Level, Printed, Verdict
from autograder.verdicts import grade_exercise
from sumskip.core import Ask, Report


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
            CourseError: where `root` holds no master, or one that is not a notebook.
        """
        masters = {}
        for name in LESSONS:
            path = root / "notebooks" / name / f"{name}.ipynb"
            try:
                masters[name] = json.loads(path.read_bytes())
            except FileNotFoundError:
                continue
            except ValueError as error:
                raise CourseError(f"{path}: this master is not a notebook ({error})") from error
        if not masters:
            raise CourseError(
                f"{root}: no lesson's master found in notebooks/NAME/NAME.ipynb; run this in the course root"
            )
        return cls(root, masters, course_secret(root))

    def fingerprint(self, submission: bytes, assignment: str) -> str:
        master = json.dumps(self.masters[assignment], sort_keys=True).encode()
        return verdict_files.fingerprint(submission, master, self.secret)


def find_course(here: Path) -> Path:
    """The course root: `here` where it looks like one, otherwise the folder that holds this package."""
    return here if (here / "notebooks").is_dir() else Path(__file__).parents[1]


def grade_submission(course: Course, submission: Submission, fingerprint: str, engine: Engine) -> Verdict:
    """Run what was submitted in `engine` and judge the answers out here.

    Every automatic exercise of the assignment is in the verdict: one that the engine could not ask about
    is not graded, with the reason.
    """
    result = engine.run(submission.plan, partial(_judge, course.secret))
    reports = tuple(
        result.reports.get(name) or not_graded(name, "The notebook ended before this exercise was reached.")
        for name in exercises_of(submission.assignment)
    )
    return Verdict(
        assignment=submission.assignment,
        fingerprint=fingerprint,
        level=result.level,
        seed=verdict_files.seed_id(course.secret),
        versions={**verdict_files.versions(), **engine.versions},
        reports=reports,
        printed={cell: _printed(output) for cell, output in result.outputs.items()},
        warnings=(*submission.warnings, *result.warnings),
        submitted_version=submission.version,
    )


def _printed(output: CellOutput) -> Printed:
    place = f" (line {output.line} of this cell)" if output.line else ""
    error = f"{output.error_name}: {output.error_message}{place}" if output.error_name else ""
    return Printed(output.stdout, output.stderr, error)


def unreadable(assignment: str, reason: str, course: Course, fingerprint: str, level: Level) -> Verdict:
    """The verdict on a submission that no notebook could be read from: nothing graded, and why."""
    reports = tuple(not_graded(name, reason) for name in exercises_of(assignment))
    return Verdict(
        assignment=assignment,
        fingerprint=fingerprint,
        level=level,
        seed=verdict_files.seed_id(course.secret),
        versions=verdict_files.versions(),
        reports=reports,
        warnings=(reason,),
    )


def exercises_of(assignment: str) -> list[str]:
    """The automatic exercises of an assignment, in the order of its lesson."""
    return [name for name, exercise in EXERCISES.items() if exercise.assignment == assignment]


def not_graded(name: str, reason: str) -> Report:
    return Report(
        exercise=name, score=0.0, max_score=EXERCISES[name].points, status="not_graded", message=reason
    )


def _judge(secret: bytes, name: str, ask: Ask) -> Report:
    return grade_exercise(name, ask, secret)


def plain_submission(root: Path, learner: str, assignment: str, file: Path) -> Submission:
    """For plain `nbgrader autograde`: the submitted notebook of one learner, restored."""
    submission = read_submission(file, Course.open(root).masters)
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
    fingerprint = course.fingerprint(file.read_bytes(), assignment)
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
