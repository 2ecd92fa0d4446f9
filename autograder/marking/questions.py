"""What a person marks: every graded cell of a master that no exercise judges."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from autograder.engine.ours import OurCell, our_cells
from autograder.names import did_you_mean
from autograder.submission.course import Course, CourseError
from autograder.submission.stands import graded

_ITEM = re.compile(r"^(\d+)[.)]\s+(.+)$", re.MULTILINE)
_GIVEN = re.compile(r"Points given: ([\d, ]+|none); not given: ([\d, ]+|none)\.(?:\n\n|$)")


@dataclass(frozen=True)
class Question:
    """One question: `asked` is the text above the answer, `model` the master's own answer.

    It is worth `points` in this course, and `written` ones by its master.
    """

    assignment: str
    cell: OurCell
    asked: str
    model: str
    points: float
    written: float

    @property
    def name(self) -> str:
        return self.cell.grade_id

    @cached_property
    def rubric(self) -> list[str]:
        """What points are given for: the question's numbered list, where the master has a point for an item.

        They share the points of the course. Learners read them in the lesson and on their page, and marks are
        asked about again where they change.
        """
        items = _ITEM.findall(self.asked)
        numbered = [number for number, _ in items] == [str(place + 1) for place in range(len(items))]
        return [text for _, text in items] if numbered and len(items) == self.written else []

    def worth(self, ticks: int) -> float:
        """The points for so many items of the rubric."""
        return round(self.points * ticks / len(self.rubric), 2)

    def comment(self, ticks: Iterable[int], words: str) -> str:
        """What the learner is to read: which points of the rubric are given, and a person's words."""
        numbers, ticked = range(1, len(self.rubric) + 1), set(ticks)
        given = ", ".join(str(n) for n in numbers if n in ticked) or "none"
        missing = ", ".join(str(n) for n in numbers if n not in ticked) or "none"
        said = f"Points given: {given}; not given: {missing}." if self.rubric else ""
        return "\n\n".join(filter(None, (said, words.strip())))

    def read(self, comment: str) -> tuple[list[int], str]:
        """The ticks and the words of which such a comment was made."""
        found = _GIVEN.match(comment) if self.rubric else None
        ticks = [int(number) for number in re.findall(r"\d+", found[1])] if found else []
        return ticks, comment[found.end() :] if found else comment


def questions(course: Course, assignments: Iterable[str]) -> Iterator[Question]:
    """Everything that a person marks in these assignments."""
    for assignment in assignments:
        master = course.masters[assignment]
        ours = {cell.grade_id: cell for cell in our_cells(master)}
        judged = {f"{name}_check" for name in course.exercises(assignment)}
        written = {one.name: one.points for one in graded(course.as_written[assignment]["cells"])}
        for one in graded(master["cells"]):
            cell, points = ours[one.name], (one.points, written[one.name])
            if cell.rules.get("task"):  # its text is the question, and the answer stands below it
                yield Question(assignment, cell, f"{one.question}\n\n{cell.source}", "", *points)
            elif one.name not in judged:
                yield Question(assignment, cell, one.question, one.answer, *points)


def find_questions(course: Course, assignment: str | None, name: str | None) -> list[Question]:
    """The question that is meant, or all that may be.

    Raises:
        CourseError: there is none.
    """
    everything = list(questions(course, course.masters))
    meant = course.assignments([assignment]) if assignment else list(course.masters)
    near = [one for one in everything if one.assignment in meant]
    if found := [one for one in near if name in (None, one.name)]:
        return found
    there = ", ".join(f"{one.assignment} {one.name}" for one in everything) or "nothing in this course"
    offered = did_you_mean(name, [one.name for one in near]) if name else ""
    what = f"no question {name!r}" if name else f"nothing in {' '.join(meant)}"
    raise CourseError(f"{what} is marked by hand; {offered or f'what is: {there}'}")
