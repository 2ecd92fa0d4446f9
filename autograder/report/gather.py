"""What is known about a class: gradebook, stored verdicts, graded notebooks. Nothing is run."""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Literal

from autograder.class_run.findings import Shown, shown
from autograder.class_run.outcome import read_seconds
from autograder.engine.ours import words
from autograder.exercises import EXERCISES
from autograder.gradebook.book import ReadGradebook
from autograder.gradebook.marks import Recorded
from autograder.gradebook.page_text import visible
from autograder.submission import verdicts
from autograder.submission.course import Course
from autograder.submission.verdicts import Verdict, verdict_path

State = Literal["solved", "tried", "blank", "not graded", "waits"]
_LEAST_HIDDEN = 3  # characters of a word that is taken for a name in a text: "a" is none
_MOST_NAMED = 20
# In what a name stands: `u-17@uni.org`, `u-17`, `ana1_model`, `ana1`, `ana`, and `Ana` in `AnaModel`.
_WORDS = (
    r"[^\s\"'(),;:<>\[\]{}=]+",
    r"[\w.@+-]+",
    r"[\w-]+",
    r"\w+",
    r"[^\W_]+",
    r"[^\W\d_]+",
    r"[^\W\d_][^\W\d_A-Z]*",
)


@dataclass
class Gathered:
    """A class. All keys and texts have the names of learners that the report may use."""

    course: Course
    learners: dict[str, str] = field(default_factory=dict)  # by id: a name, if the gradebook has one
    recorded: dict[str, dict[str, Recorded]] = field(default_factory=dict)  # by assignment and learner
    rows: dict[tuple[str, str], Verdict] = field(default_factory=dict)  # by learner and assignment
    sources: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)  # their answers by exercise
    seconds: dict[tuple[str, str], float] = field(default_factory=dict)  # that grading took, if it is known
    notes: list[str] = field(default_factory=list)  # what is missing from the report, and why
    hide: Callable[[str], str] = visible  # makes a text from outside fit to be shown

    def states(self, assignment: str) -> dict[str, dict[str, State]]:
        """What became of each cell of an assignment, by cell and by learner who handed it in."""
        automatic = {f"{name}_check" for name in self.course.exercises(assignment)}
        return {
            cell: {learner: self._state(assignment, learner, cell, cell in automatic) for learner in recorded}
            for recorded in [self.recorded[assignment]]
            for cell in self.course.points(assignment)
        }

    def shown(self, lesson: str) -> Iterator[tuple[str, str, Shown]]:
        """Learner, exercise and what the answer shows, of all answers that are not blank."""
        for learner in self.recorded[lesson]:
            written = self.sources[learner, lesson]
            for report in self.rows[learner, lesson].reports:
                for one in shown(report) if written.get(report.exercise, "?") else ():
                    yield learner, report.exercise, one

    def named(self, exercise: str, belief: str) -> str:
        """The id of a belief as it may be shown: one that is not ours may be a name that a learner gave."""
        ours = {"right", "other", *known_beliefs(exercise)}
        return belief if belief in ours else self.hide(belief)

    def _state(self, assignment: str, learner: str, cell: str, automatic: bool) -> State:
        mark = self.recorded[assignment][learner].marks.get(cell)
        if mark is None or mark.points is None:
            return "not graded" if automatic else "waits"
        name = cell.removesuffix("_check")
        passed = {one.exercise for one in self.rows[learner, assignment].reports if one.status == "passed"}
        if mark.points >= mark.most - 1e-9 if mark.most else name in passed:
            return "solved"
        source = self.sources[learner, assignment].get(name, "?")
        return "tried" if source else "blank"


@cache
def known_beliefs(exercise: str) -> set[str]:
    """The ids of the beliefs that an exercise can show."""
    if exercise not in EXERCISES:
        return set()
    asked = {name for question in EXERCISES[exercise].questions for _, name, _ in question.wrong}
    return asked | {wrong.id for wrong in EXERCISES[exercise].wrong}


def gather(
    course: Course, book: ReadGradebook, assignments: Sequence[str], *, pseudonyms: bool = False
) -> Gathered:
    """Everything about these assignments.

    A verdict or a graded notebook that cannot be read costs what it alone knows, and a note: marks are the
    gradebook's.

    Raises:
        GradebookError: the gradebook cannot be read.
    """
    people, folder = book.students(), course.root / "verdicts"
    judged = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    strays = {name for name in judged - people.keys() if not name.startswith(".")}
    names = invented([*people, *strays], course.secret) if pseudonyms else {}
    full = {
        names.get(one, one): " ".join(them[part] for part in ("first", "last") if part in them)
        for one, them in people.items()
    }
    found = Gathered(course, {one: "" if pseudonyms else visible(full[one]) for one in sorted(full)})
    if pseudonyms:
        told = {name for them in people.values() for name in them.values()}
        found.hide = _hiding({*people, *strays, *told})
    seconds = read_seconds(course.root)
    for assignment in assignments:
        released = {name: words(text) for name, text in course.released_sources(assignment) if name}
        here: dict[str, Recorded] = {}
        lost = []
        for learner, recorded in book.recorded(assignment).items():
            path = verdict_path(course.root, learner, assignment)
            graded = book.autograded(learner, assignment)
            if not (recorded.graded or path.is_file() or graded.is_file()):
                continue  # an extension, and nothing handed in yet
            name, verdict = names.get(learner, learner), verdicts.load(path)
            if verdict is None:
                lost.append(name)
                verdict = Verdict(assignment, {}, "walled", "", {}, ())
            here[name] = recorded
            found.rows[name, assignment] = _light(verdict)
            found.sources[name, assignment] = _answers(graded, released)
            found.seconds[name, assignment] = seconds.get(f"{learner}/{assignment}", 0.0)
        found.recorded[assignment] = dict(sorted(here.items()))  # the gradebook's order is told to nobody
        if lost:
            found.notes.append(
                f"{assignment}: in verdicts/ the file of {_some(lost)} is missing or damaged, so what their "
                "answers showed is not counted; their marks are. The next grade run makes it anew."
            )
    if strays:
        gone = _some([names.get(one, one) for one in strays])
        found.notes.append(f"Left out, for they are in verdicts/ and not in the gradebook: {gone}.")
    return found


def _some(learners: Collection[str]) -> str:
    first, more = sorted(learners)[:_MOST_NAMED], len(learners) - _MOST_NAMED
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")


def invented(learners: Collection[str], secret: bytes) -> dict[str, str]:
    """A name for each, the same in every report of a course, that only the course's secret gives away."""
    digests = {one: hmac.new(secret, f"pseudonym {one}".encode(), "sha256").digest() for one in learners}
    letters = {one: base64.b32encode(digest).decode().lower() for one, digest in digests.items()}
    length = 6
    while len({name[:length] for name in letters.values()}) < len(letters):
        length += 1
    return {one: f"learner-{name[:length]}" for one, name in letters.items()}


def _hiding(names: Collection[str]) -> Callable[[str], str]:
    """What takes these names, and each word of them, out of a text in which they are spelt so."""
    parts = {word.casefold() for name in names for word in (name, *re.findall(r"\w+", name))}
    parts = {part for part in parts if len(part) >= _LEAST_HIDDEN}

    def hide(text: str) -> str:
        text = visible(text)
        for pattern in _WORDS:
            text = re.sub(pattern, lambda word: "[name]" if word[0].casefold() in parts else word[0], text)
        return text

    return hide


def _light(verdict: Verdict) -> Verdict:
    """A verdict without what the report does not need, so that a large class fits into memory."""
    reports = tuple(replace(report, parts=(), hints=()) for report in verdict.reports)
    return replace(verdict.without_texts(), reports=reports, answers={}, versions={}, stands={}, warnings=())


def _answers(graded: Path, released: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The text of each cell that a learner was to write in; empty where it is as it was released."""
    try:
        cells = json.loads(graded.read_bytes())["cells"]
        ours = [(cell["metadata"].get("nbgrader", {}), "".join(cell["source"])) for cell in cells]
        texts = {str(rules["grade_id"]): text for rules, text in ours if rules.get("solution")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {name: "" if words(text) in ((), released.get(name)) else text for name, text in texts.items()}
