"""What plain `nbgrader autograde` asks for: one notebook restored, and the verdict on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.engine.folder import handed_in, notebooks_in
from autograder.engine.intake import Submission, read_submission
from autograder.submission import verdicts
from autograder.submission.course import Course, CourseError, open_engine
from autograder.submission.grading import counts, grade_submission
from autograder.submission.verdicts import Verdict


@dataclass(frozen=True)
class Graded:
    """A submission, its verdict, and what the marks in the gradebook stand on (`Verdict.answers`)."""

    submission: Submission
    verdict: Verdict
    known: Mapping[str, str]


def restored_and_graded(
    root: Path,
    learner: str,
    assignment: str,
    file: Path,
    points: Mapping[str, float],
    *,
    trust_submissions: bool,
) -> Graded:
    """The submitted notebook of one learner, restored, and the verdict on it: the stored one, if it holds.

    Raises:
        CourseError: it belongs to another assignment, or the gradebook has other `points` than the master.
    """
    course = Course.open(root)
    for cell, most in course.points(assignment).items():
        if not math.isclose(points.get(cell, most), most):
            raise CourseError(
                f"{assignment}: the master gives {most:g} points for {cell}, the gradebook {points[cell]:g}; "
                f"tell it by 'nbgrader generate_assignment --force {assignment}', then grade everybody again"
            )
    submission = read_submission(file, course.masters, beside=file.parent)
    if submission.assignment != assignment:
        raise CourseError(
            f"submitted/{learner}/{assignment}: this is the notebook of {submission.assignment}"
        )
    digest = handed_in(file.parent, notebooks_in(file.parent, assignment)[0])
    stands = course.stands(assignment, course.fingerprint(assignment, digest))
    earlier = verdicts.load(verdicts.verdict_path(root, learner, assignment))
    known = earlier.answers if earlier else {}
    if earlier is not None and counts(earlier, stands, trust_submissions):
        return Graded(submission, earlier, known)
    with open_engine(course, trust_submissions=trust_submissions) as engine:
        return Graded(submission, grade_submission(course, submission, stands, engine), known)
