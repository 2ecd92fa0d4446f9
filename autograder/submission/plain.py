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
    path = verdicts.verdict_path(root, learner, assignment)
    verdict = verdicts.load(path)
    if verdict is not None and holds(verdict, fingerprint, trust_submissions):
        return verdict
    submission = plain_submission(root, learner, assignment, file)
    with open_engine(course, trust_submissions=trust_submissions) as engine:
        verdict = grade_submission(course, submission, fingerprint, engine)
    verdicts.save(path, verdict)
    return verdict
