"""What plain `nbgrader autograde` asks for: one notebook restored, and the verdict on it."""

from __future__ import annotations

from pathlib import Path

from autograder.engine.folder import handed_in, notebooks_in
from autograder.engine.intake import Submission, read_submission
from autograder.submission import verdicts
from autograder.submission.course import Course, CourseError, open_engine
from autograder.submission.grading import grade_submission, holds
from autograder.submission.verdicts import Verdict


def plain_submission(root: Path, learner: str, assignment: str, file: Path) -> Submission:
    """The submitted notebook of one learner, restored."""
    return _restored(Course.open(root), learner, assignment, file)


def plain_verdict(
    root: Path, learner: str, assignment: str, file: Path, *, trust_submissions: bool
) -> Verdict:
    """The stored verdict where it still holds, otherwise a new one."""
    course = Course.open(root)
    digest = handed_in(file.parent, notebooks_in(file.parent, assignment)[0])
    fingerprint = course.fingerprint(assignment, digest)
    path = verdicts.verdict_path(root, learner, assignment)
    verdict = verdicts.load(path)
    if verdict is None or not holds(verdict, fingerprint, trust_submissions):
        submission = _restored(course, learner, assignment, file)
        with open_engine(course, trust_submissions=trust_submissions) as engine:
            verdict = grade_submission(course, submission, fingerprint, engine)
        verdicts.save(path, verdict)
    return verdict


def _restored(course: Course, learner: str, assignment: str, file: Path) -> Submission:
    submission = read_submission(file, course.masters, beside=file.parent)
    if submission.assignment != assignment:
        raise CourseError(
            f"submitted/{learner}/{assignment}: this is the notebook of {submission.assignment}"
        )
    return submission
