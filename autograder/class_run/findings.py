"""What a class's verdicts and marks say together: beliefs, what waits for a person, what is not graded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from autograder.gradebook.marks import Recorded
from autograder.submission.verdicts import Verdict
from sumskip.checking.core import Report

Rows = Mapping[tuple[str, str], Verdict]  # by learner and assignment
Recordings = Mapping[str, Mapping[str, Recorded]]  # by assignment and learner


@dataclass(frozen=True)
class Shown:
    """What one answer shows: "right", the id of a wrong one that we know, "other" or ""; and what was said.

    `question` is one of a prediction's; other answers have none.
    """

    question: str
    belief: str
    sentence: str


@dataclass
class Waiting:
    """The learners whose answer to one cell a person is to mark, or to look at again."""

    most: float
    unmarked: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)

    @property
    def each(self) -> str:
        """What an answer is worth."""
        return f"{self.most:g} points each" if self.most else "optional"


def shown(report: Report) -> Iterator[Shown]:
    """Of predictions what each question shows; of another answer, its diagnosis if it failed."""
    said = dict(line.partition(": ")[::2] for line in (report.message, *report.details))
    for question, belief in report.beliefs.items():
        yield Shown(question, belief, "" if belief == "right" else said.get(question, ""))
    if not report.beliefs and report.status == "failed":
        yield Shown("", report.diagnosis or "", report.message)


def by_hand(rows: Rows, recorded: Recordings) -> dict[tuple[str, str], Waiting]:
    """What waits for a person, by assignment and cell."""
    found: dict[tuple[str, str], Waiting] = {}
    for (learner, assignment), verdict in sorted(rows.items()):
        there = recorded.get(assignment, {}).get(learner)
        silent = {f"{r.exercise}_check" for r in verdict.reports if r.status == "not_graded"}
        for cell, mark in sorted(there.marks.items()) if there else ():
            if mark.waits and (cell not in silent or mark.by_hand is not None):
                waiting = found.setdefault((assignment, cell), Waiting(mark.most))
                (waiting.unmarked if mark.points is None else waiting.again).append(learner)
    return found


def not_graded(rows: Rows, recorded: Recordings) -> Iterator[tuple[str, str, dict[str, list[str]]]]:
    """Of each learner's assignment the exercises, by reason, that are not graded and nobody looked at."""
    for (learner, assignment), verdict in sorted(rows.items()):
        there = recorded.get(assignment, {}).get(learner)
        reasons: dict[str, list[str]] = defaultdict(list)
        for report in verdict.reports:
            mark = there.marks.get(f"{report.exercise}_check") if there else None
            if report.status == "not_graded" and (mark is None or mark.points is None):
                reasons[report.message].append(report.exercise)
        if reasons:
            yield learner, assignment, reasons
