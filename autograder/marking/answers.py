"""The answers to one question: in an order that tells nothing, fit to be shown, and marked."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Sequence
from typing import Any

from autograder.engine.ours import text_of
from autograder.gradebook.by_hand import ByHand, Given, give
from autograder.gradebook.page_cells import clean_cells
from autograder.gradebook.page_html import Allowance, highlight_code, markdown2html
from autograder.marking.questions import Question
from autograder.submission import verdicts
from autograder.submission.course import Course, CourseError
from autograder.submission.stands import digest, graded

MOST_COMMENT = 20_000  # characters
_GONE = "This learner is no longer in the gradebook; nothing was written."


class RefusedError(Exception):
    """What the page asked for was not done, and why; `status` is HTTP's."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Answers:
    """All answers to `question` in the gradebook of `course`."""

    def __init__(self, course: Course, question: Question) -> None:
        self.course, self.question = course, question
        self.book = ByHand(course.root, question.assignment, question.name)
        self._learners: dict[str, str] = {}  # by key
        if not self.rows():
            raise CourseError(
                f"no answer to {question.name} is in the gradebook: nobody's {question.assignment} has been "
                f"graded; run 'python -m autograder grade {question.assignment}' first"
            )

    def _key(self, learner: str) -> str:
        """A name for a learner that tells nothing and is the same tomorrow: the order goes by it."""
        told = f"{self.question.assignment}\0{self.question.name}\0{learner}"
        return hmac.new(self.course.secret, told.encode(), "sha256").hexdigest()[:16]

    def rows(self) -> list[dict[str, Any]]:
        """Key and state of each answer in a graded notebook; blank ones, to which nbgrader gives 0, last."""
        found = [
            (given.mark.automatic is not None, self._key(given.learner), given)
            for given in self.book.given()
            if self.book.autograded(given.learner, self.question.assignment).is_file()
        ]
        self._learners = {key: given.learner for _, key, given in found}
        return [{"key": key, **_state(given)} for _, key, given in sorted(found, key=lambda row: row[:2])]

    def open(self) -> str:
        """How many answers wait for a person, of how many."""
        rows = self.rows()
        return f"{sum(row['waits'] for row in rows)} of {len(rows)} answers are open"

    def show(self, key: str, names: bool) -> dict[str, Any]:
        """All that the page shows of one answer; whose it is, only where `names` are asked for.

        Raises:
            RefusedError: it is not there any more, or cannot be read.
        """
        given = self._given(key)
        cells, unread = self._cells(given)
        ticks, words = self.question.read(given.comment)
        return {
            **_state(given),
            "html": _shown([*unread, *cells]),
            "notes": list(self._notes(given, cells, bool(unread), names)),
            "ticks": ticks,
            "comment": words,
            "seen": _seen(given, cells),
            "name": given.name if names else "",
        }

    def save(self, key: str, seen: str, score: float | None, ticks: Sequence[int], words: str) -> None:
        """Write a mark, or take it back where `score` is None; with a rubric, its `ticks` are the score.

        Raises:
            RefusedError: nothing was written: it is no mark, or something else is there now than was `seen`.
            GradebookError: nothing was written: the gradebook cannot be used, or another program holds it.
        """
        question, given = self.question, self._given(key)
        if len(words) > MOST_COMMENT:
            raise RefusedError(400, f"Expected a comment of at most {MOST_COMMENT} signs, got {len(words)}.")
        if score is not None and question.rubric:
            score = question.worth(len(set(ticks) & set(range(1, len(question.rubric) + 1))))
        if score is not None and not 0 <= score <= question.points:
            wanted = f"Expected 0 to {question.points:g} points, got {score:g}"
            raise RefusedError(400, f"{wanted}; extra credit is given in formgrader.")
        with self.book.held(given.learner) as held:
            if held is None:
                raise RefusedError(410, _GONE)
            now, grade, comment = held
            if _seen(now, self._cells(now)[0]) != seen:
                raise RefusedError(409, self._instead(now))
            give(grade, score)
            if comment is not None:
                said = words.strip() if score is None else question.comment(ticks, words)
                comment.manual_comment = said or None

    def _given(self, key: str) -> Given:
        for given in self.book.given(self._learners[key]) if key in self._learners else ():
            return given
        raise RefusedError(410, _GONE)

    def _instead(self, now: Given) -> str:
        """What is there instead of what was seen, and what to do."""
        _, words = self.question.read(now.comment)
        there = _points(now.mark.by_hand)
        there += f" and the comment “{words}”" if words else ""
        return (
            "Not saved: the answer or its mark has changed since you opened it. You see the answer as it is "
            f"now; its mark is {there}. Your mark is still in the form; save again to put it in that place."
        )

    def _cells(self, given: Given) -> tuple[Sequence[Any], Sequence[Any]]:
        """The answer's cells; and the one that has what could be seen of a file that could not be read."""
        path = self.book.autograded(given.learner, self.question.assignment)
        try:
            cells = json.loads(path.read_bytes())["cells"]
            answers = next(one.answers for one in graded(cells) if one.name == self.question.name)
        except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
            again = f"run 'python -m autograder grade {self.question.assignment} --again'"
            raise RefusedError(404, f"This answer's graded notebook cannot be read; {again}.") from error
        if self.question.cell.rules.get("task"):  # what stands below it and is not the lesson's
            lesson = [text_of(cell) for cell in self.course.masters[self.question.assignment]["cells"]]
            answers = [cell for cell in answers if text_of(cell) not in lesson]
        return answers, [cell for cell in cells[:1] if cell.get("id") == "handed-in"]

    def _notes(self, given: Given, cells: Sequence[Any], unread: bool, names: bool) -> Iterator[str]:
        """What to know before one marks it; only with `names` the warnings, which may name files."""
        mark, question = given.mark, self.question
        points = _points(mark.by_hand)
        if mark.waits and mark.by_hand is not None:
            yield (
                f"To be looked at again: it had {points}, and since then its answer, the question or its "
                "points have changed. Saving settles it."
            )
        if unread:
            yield "The file could not be read as this lesson; what can be seen of it stands first."
        elif all(question.cell.untouched(text_of(cell)) for cell in cells):
            yield "Nothing is written here."
        path = verdicts.verdict_path(self.course.root, given.learner, question.assignment)
        verdict = verdicts.load(path)
        if verdict and question.name in verdict.look:
            yield (
                "Another notebook of this learner has another answer; this is the first. With the names, the "
                "warnings are shown that say which files."
            )
        ticked = question.read(given.comment)[0]
        given_here = mark.waits or not question.rubric or question.worth(len(ticked)) == mark.by_hand
        if mark.extra or (mark.by_hand is not None and not given_here):
            extra = f" and {mark.extra:g} of extra credit, which stays" if mark.extra else ""
            yield f"Marked in formgrader: {points}{extra}. Saving replaces the points."
        yield from verdict.warnings if verdict and names else ()


def _points(score: float | None) -> str:
    return "none" if score is None else f"{score:g} point" if score == 1 else f"{score:g} points"


def _state(given: Given) -> dict[str, Any]:
    mark = given.mark
    untouched = mark.automatic is not None and mark.by_hand is None
    return {
        "waits": mark.waits,
        "score": mark.points,
        "again": mark.waits and mark.by_hand is not None,
        "blank": untouched and not mark.waits,
    }


def _seen(given: Given, cells: Sequence[Any]) -> str:
    """A digest of what a mark is given on the sight of: the answer, and the mark that was there."""
    there = [given.mark.by_hand, given.mark.waits, given.mark.most, given.comment]
    return digest([there, [[text_of(cell), cell.get("attachments")] for cell in cells]])


def _shown(cells: Sequence[Any]) -> str:
    """Cells as HTML, by the same hands as on feedback pages and in formgrader."""
    allowance = Allowance()
    return "".join(
        markdown2html(cell.source, allowance, cell.get("attachments"))
        if cell.cell_type == "markdown"
        else highlight_code(cell.source, allowance=allowance)
        for cell in clean_cells(list(cells))
    )
