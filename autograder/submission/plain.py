"""What plain `nbgrader autograde` asks for: one notebook restored, and the verdict on it."""

from __future__ import annotations

import atexit
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from autograder.engine.intake import Submission
from autograder.engine.run import Engine
from autograder.submission import verdicts
from autograder.submission.course import Course, CourseError
from autograder.submission.grading import counts, grade_submission
from autograder.submission.handed import Chosen, Handed, ReadsHere, choose, read_folder
from autograder.submission.root import open_engine
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
    """The submission of one learner, restored, and the verdict on it: the stored one, if it holds.

    Raises:
        CourseError: there is no notebook of this assignment in the folder of `file`, or the gradebook has
            other `points` than the course.
    """
    course = Course.open(root)
    for cell, most in course.points(assignment).items():
        if not math.isclose(points.get(cell, most), most):
            raise CourseError(
                f"{assignment}: the course gives {most:g} points for {cell}, the gradebook {points[cell]:g}; "
                f"tell it by 'nbgrader generate_assignment --force {assignment}', then grade everybody again"
            )
    found = read_folder(course, Handed(learner, assignment, file.parent))
    stands = course.stands(assignment, found.fingerprint)
    earlier = verdicts.load(verdicts.verdict_path(root, learner, assignment))
    known = earlier.answers if earlier else {}
    finished = earlier if earlier is not None and counts(earlier, stands, trust_submissions) else None
    if finished and (found.contents.notebooks, found.contents.zips) == ((file,), ()):
        # nbgrader has parsed it as well
        return Graded(_there(found.handed, choose(course, found, ReadsHere())), finished, known)
    engine = _engine(root, trust_submissions)
    chosen = choose(course, found, engine)
    submission = _there(found.handed, chosen)
    if finished:
        return Graded(submission, finished, known)
    verdict = grade_submission(course, submission, stands, engine)
    verdict = replace(verdict, warnings=(*chosen.warnings, *verdict.warnings), look=chosen.look)
    return Graded(submission, verdict, known)


@cache
def _engine(root: Path, trust_submissions: bool) -> Engine:
    """One for all submissions of a command, which hands them over one by one; it ends with its process."""
    engine = open_engine(root, trust_submissions=trust_submissions)
    atexit.register(engine.__exit__, None, None, None)
    return engine.__enter__()


def _there(handed: Handed, chosen: Chosen) -> Submission:
    if chosen.submission is None:
        raise CourseError(f"submitted/{handed.name}: {chosen.reason}")
    return chosen.submission
