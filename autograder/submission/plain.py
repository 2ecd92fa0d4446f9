"""What plain `nbgrader autograde` asks for: one notebook restored, and the verdict on it stored."""

from __future__ import annotations

from pathlib import Path

from autograder.engine.folder import handed_in, notebooks_in
from autograder.engine.intake import Submission, read_submission
from autograder.submission import verdicts
from autograder.submission.course import Course, CourseError, open_engine
from autograder.submission.grading import grade_submission, holds


def restored_and_graded(
    root: Path, learner: str, assignment: str, file: Path, *, trust_submissions: bool
) -> Submission:
    """The submitted notebook of one learner, restored, once there is a verdict on it that holds."""
    course = Course.open(root)
    submission = read_submission(file, course.masters, beside=file.parent)
    if submission.assignment != assignment:
        raise CourseError(
            f"submitted/{learner}/{assignment}: this is the notebook of {submission.assignment}"
        )
    digest = handed_in(file.parent, notebooks_in(file.parent, assignment)[0])
    fingerprint = course.fingerprint(assignment, digest)
    path = verdicts.verdict_path(root, learner, assignment)
    verdict = verdicts.load(path)
    if verdict is None or not holds(verdict, fingerprint, trust_submissions):
        with open_engine(course, trust_submissions=trust_submissions) as engine:
            verdicts.save(path, grade_submission(course, submission, fingerprint, engine))
    return submission
