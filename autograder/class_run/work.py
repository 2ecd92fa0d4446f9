"""What there is to do about each submission, and why: what its grade stands on, compared with before."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.gradebook.feedback import recorded_key
from autograder.gradebook.marks import ClassMarks, Recorded
from autograder.submission import verdicts
from autograder.submission.course import Course, CourseError
from autograder.submission.grading import counts
from autograder.submission.handed import Found, Handed, read_folder
from autograder.submission.stands import Stands, changed, digest, of_answers
from autograder.submission.verdicts import Verdict, verdict_path


@dataclass(frozen=True)
class Work:
    """A submission, what its grade stands on, and why there is something to do."""

    found: Found
    stands: Stands
    before: Recorded  # in the gradebook
    earlier: Verdict | None  # without its texts
    known: Mapping[str, str]  # what its marks by hand stand on
    reason: str
    holds: bool = False  # the earlier verdict: nobody's code has to run
    finished: bool = False

    @property
    def first(self) -> bool:
        """Whether its marks are the first."""
        return not self.before.marks or (self.earlier is None and not self.before.graded)

    @property
    def learner(self) -> str:
        return self.found.handed.learner

    @property
    def assignment(self) -> str:
        return self.found.handed.assignment

    @property
    def name(self) -> str:
        return self.found.handed.name


def work_on(
    course: Course, handed: Handed, before: Recorded, graded: Path, *, again: bool, trust_submissions: bool
) -> Work:
    """What there is to do about one submission, whose graded notebook lies at `graded`."""
    found = read_folder(course, handed)
    stands = course.stands(handed.assignment, found.fingerprint)
    earlier = verdicts.load(verdict_path(course.root, handed.learner, handed.assignment))
    if earlier is None:
        reason = "versions" if before.graded else "submission"  # an earlier version's verdict is not read
        return Work(found, stands, before, None, _answers_in(graded), reason)
    # A verdict on which we stopped stands on nothing.
    reason = changed(earlier.stands, stands) if earlier.stands else "again"
    holds = not again and counts(earlier, stands, trust_submissions)
    finished = holds and bool(before.marks) and not reason and recorded_key(graded) == digest(stands)
    earlier = earlier.without_texts()
    return Work(found, stands, before, earlier, earlier.answers, reason or "again", holds, finished)


def one_point_value(course: Course, before: Mapping[str, ClassMarks], handed: Sequence[Handed]) -> None:
    """No class is graded by two sets of points, where an assignment has been given others.

    Raises:
        CourseError: it would be: `handed` is a part of the class.
    """
    asked_for = {(one.learner, one.assignment) for one in handed}
    for assignment, class_ in before.items():
        points = course.points(assignment)
        for learner, recorded in class_.items():
            there = (course.root / "submitted" / learner / assignment).is_dir()
            if (learner, assignment) in asked_for or not there:
                continue
            for cell, mark in recorded.marks.items():
                if not math.isclose(mark.most, points.get(cell, mark.most)):
                    raise CourseError(
                        f"{assignment}: the course gives {points[cell]:g} points for {cell}, the "
                        f"gradebook {mark.most:g}; grade everybody, without --students: one value counts"
                    )


def _answers_in(notebook: Path) -> dict[str, str]:
    """What the marks of a graded notebook stand on, where its verdict is lost."""
    try:
        return of_answers(json.loads(notebook.read_bytes())["cells"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
