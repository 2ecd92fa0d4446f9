"""What plain `nbgrader autograde` asks for: one notebook restored, and the verdict on it stored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from autograder.engine.intake import Submission
from autograder.submission import verdicts
from autograder.submission.course import Course, CourseError, open_engine
from autograder.submission.grading import grade_submission, holds
from autograder.submission.handed import Chosen, Handed, ReadsHere, choose, read_folder


def restored_and_graded(
    root: Path, learner: str, assignment: str, file: Path, *, trust_submissions: bool
) -> Submission:
    """The submission of one learner, restored, once there is a verdict on it that holds.

    Raises:
        CourseError: there is no notebook of this assignment in the folder of `file`.
    """
    course = Course.open(root)
    found = read_folder(course, Handed(learner, assignment, file.parent))
    path = verdicts.verdict_path(root, learner, assignment)
    verdict = verdicts.load(path)
    finished = verdict is not None and holds(verdict, found.fingerprint, trust_submissions)
    if finished and (found.contents.notebooks, found.contents.zips) == ((file,), ()):
        return _there(found.handed, choose(course, found, ReadsHere()))  # nbgrader has parsed it as well
    with open_engine(course, trust_submissions=trust_submissions) as engine:
        chosen = choose(course, found, engine)
        submission = _there(found.handed, chosen)
        if not finished:
            verdict = grade_submission(course, submission, found.fingerprint, engine)
            verdicts.save(path, replace(verdict, warnings=(*chosen.warnings, *verdict.warnings)))
    return submission


def _there(handed: Handed, chosen: Chosen) -> Submission:
    if chosen.submission is None:
        raise CourseError(f"submitted/{handed.name}: {chosen.reason}")
    return chosen.submission
