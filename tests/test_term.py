"""A term that goes on after the first grading: after every step, every number is worked out once more, here.

Releases, gradebook, pages and export are nbgrader's real ones; learners' code is replaced by words that say
how it ends. The other side has points of lessons, hours, and a policy of two lines.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook

from autograder.__main__ import main
from autograder.gradebook.late import SettledExport
from autograder.gradebook.session import load_course
from autograder.keys import sources
from grading_course import (
    LESSONS,
    FakeEngine,
    RestingEngine,
    answered,
    edit_master,
    hand_in,
    make_course,
    put_engine,
    rehearse_course,
    release_notebooks,
    set_points,
)

pytestmark = pytest.mark.slow

FIRST, LAST = LESSONS[0], LESSONS[3]
ESSAY = "explain_skip"
# A tenth of what was earned for each day that has begun.
POLICY = """
from nbgrader.plugins import BasePlugin
class TenthADay(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return score * min(1, 0.1 * -(-total_seconds_late // 86400))
c.AssignLatePenalties.plugin_class = TenthADay
"""
NOON = datetime(2026, 3, 10, 12)
Key = tuple[str, str]


@dataclass
class Ledger:
    """What the gradebook should say, worked out from what happened."""

    points: dict[str, dict[str, float]] = field(
        default_factory=lambda: {
            FIRST: {"predict_flow": 6, "sequential_model": 6, "intermediate_outputs": 8},
            LAST: {
                "identity_block": 8,
                "plain_vs_residual": 6,
                "residual_block": 12,
                "tiny_resnet": 4,
                ESSAY: 4,
            },
        }
    )
    worth: dict[str, float] = field(default_factory=lambda: {"# right": 1.0, "# half": 0.5})
    answers: dict[Key, dict[str, str]] = field(default_factory=dict)
    time: dict[Key, datetime] = field(default_factory=dict)
    due: dict[str, datetime] = field(default_factory=dict)
    extension: dict[Key, timedelta] = field(default_factory=dict)
    by_hand: dict[tuple[str, str, str], float] = field(default_factory=dict)
    look_again: set[tuple[str, str, str]] = field(default_factory=set)

    def automatic(self, key: Key, exercise: str) -> float | None:
        answer = self.answers[key].get(exercise)
        if exercise == ESSAY:
            return None if answer else 0.0
        return self.worth.get(answer or "", 0.0) * self.points[key[1]][exercise]

    def counts(self, key: Key, exercise: str) -> float:
        return self.by_hand.get((*key, exercise), self.automatic(key, exercise) or 0.0)

    def raw(self, key: Key) -> float:
        return sum(self.counts(key, exercise) for exercise in self.points[key[1]])

    def penalty(self, key: Key) -> float:
        if key[1] not in self.due:
            return 0.0
        late = self.time[key] - self.due[key[1]] - self.extension.get(key, timedelta())
        days = math.ceil(late / timedelta(days=1))
        return self.raw(key) * min(1.0, 0.1 * max(0, days))

    def waits(self, key: Key, exercise: str) -> bool:
        unmarked = self.automatic(key, exercise) is None and (*key, exercise) not in self.by_hand
        return unmarked or (*key, exercise) in self.look_again

    def all(self) -> dict[tuple[str, str, str], float]:
        """Each mark, and under "late penalty" what is taken off."""
        found = {(*key, name): self.counts(key, name) for key in self.answers for name in self.points[key[1]]}
        return found | {(*key, "late penalty"): -self.penalty(key) for key in self.answers}


@dataclass
class Term:
    """The course, and the ledger that goes along."""

    root: Path
    released: dict[str, Any]
    capsys: pytest.CaptureFixture[str]
    ledger: Ledger = field(default_factory=Ledger)
    last: dict[tuple[str, str, str], float] = field(default_factory=dict)

    def hand_in(self, learner: str, lesson: str, time: datetime, answers: dict[str, str]) -> None:
        file = hand_in(self.root, learner, lesson, answered(self.released[lesson], answers))
        file.with_name("timestamp.txt").write_text(f"{time} UTC\n")
        self.ledger.answers[learner, lesson], self.ledger.time[learner, lesson] = answers, time

    def gradebook(self) -> Gradebook:
        return Gradebook(f"sqlite:///{self.root / 'gradebook.db'}")

    def mark(self, learner: str, lesson: str, exercise: str, points: float) -> None:
        """As formgrader does it, in which the instructor has looked then."""
        with self.gradebook() as book:
            cell = exercise if exercise == ESSAY else f"{exercise}_check"
            grade = book.find_grade(cell, lesson, lesson, learner)
            grade.manual_score, grade.needs_manual_grade = points, False
            book.db.commit()
        self.ledger.by_hand[learner, lesson, exercise] = self.last[learner, lesson, exercise] = points
        self.ledger.look_again.discard((learner, lesson, exercise))
        self._the_export_agrees()  # before the next run, too

    def set_due(self, lesson: str, due: datetime) -> None:
        with self.gradebook() as book:
            book.find_assignment(lesson).duedate = due
            book.db.commit()
        self.ledger.due[lesson] = due

    def extend(self, learner: str, lesson: str, days: int) -> None:
        with self.gradebook() as book:
            book.grant_extension(lesson, learner, days=days)
        self.ledger.extension[learner, lesson] = timedelta(days=days)

    def settle(self, reason: str) -> None:
        """Rehearse, grade, export: list, gradebook, CSV and pages say what the ledger says."""
        now = self.ledger.all()
        moved = {name for name in now if name in self.last and not math.isclose(now[name], self.last[name])}
        for options in (["--dry-run"], []):
            lines = self._lines(*options)
            assert {name: (old, new) for name, (old, new, _) in lines.items()} == {
                name: pytest.approx((self.last[name], now[name]), abs=0.01) for name in moved
            }
            assert {why for _, _, why in lines.values()} <= {reason}
        assert self._lines("--dry-run") == {}
        self.last = now
        self._the_gradebook_agrees()
        self._the_export_agrees()
        self._the_pages_agree()

    def _lines(self, *options: str) -> dict[tuple[str, str, str], tuple[float, float, str]]:
        """What `grade` says of marks that change."""
        assert main(["grade", *options]) == 0
        pattern = r"  (\w+)/(\w+): ([\w ]+): (\S+) -> (\S+) points \((\w+)\)"
        found = re.findall(pattern, self.capsys.readouterr().out)
        return {
            (learner, lesson, exercise): (float(old), float(new), why)
            for learner, lesson, exercise, old, new, why in found
        }

    def _the_gradebook_agrees(self) -> None:
        with self.gradebook() as book:
            for key in self.ledger.answers:
                for grade in book.find_submission_notebook(key[1], key[1], key[0]).grades:
                    exercise = grade.name.removesuffix("_check")
                    by_hand = self.ledger.by_hand.get((*key, exercise))
                    assert grade.manual_score == by_hand, "a mark by hand is never lost"
                    assert grade.auto_score == self.ledger.automatic(key, exercise)
                    assert grade.needs_manual_grade == self.ledger.waits(key, exercise), (key, exercise)

    def _the_export_agrees(self) -> None:
        file = self.root / "grades.csv"
        with self.gradebook() as book:
            SettledExport(parent=load_course(self.root), to=str(file)).export(book)
        with file.open(newline="") as lines:
            rows = {(row["student_id"], row["assignment"]): row for row in csv.DictReader(lines)}
        assert rows.keys() >= self.ledger.answers.keys()
        for key, row in rows.items():
            most = sum(self.ledger.points[key[1]].values())
            there = key in self.ledger.answers
            raw, penalty = (self.ledger.raw(key), self.ledger.penalty(key)) if there else (0.0, 0.0)
            numbers = [row[name] for name in ("raw_score", "late_submission_penalty", "score", "max_score")]
            assert [float(number) for number in numbers] == pytest.approx([raw, penalty, raw - penalty, most])

    def _the_pages_agree(self) -> None:
        for learner, lesson in self.ledger.answers:
            page = (self.root / "feedback" / learner / lesson / f"{lesson}.html").read_text(encoding="utf-8")
            text = re.sub(r"(<[^>]*>|\s)+", " ", page)
            score = self.ledger.raw((learner, lesson)) - self.ledger.penalty((learner, lesson))
            shown = re.search(r" (\S+) of ([\d.]+) points(, 4 of them not marked yet)? Your points", text)
            assert shown, text[:500]
            most = sum(self.ledger.points[lesson].values())
            assert [float(shown[1]), float(shown[2])] == pytest.approx([score, most], abs=0.01)
            unmarked = lesson == LAST and self.ledger.waits((learner, lesson), ESSAY)
            unmarked = unmarked and (learner, lesson, ESSAY) not in self.ledger.by_hand
            assert bool(shown[3]) == unmarked == ("not marked yet / 4 points open" in text)


def test_a_term(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    root = rehearse_course(monkeypatch, make_course(tmp_path / "course"))
    with (root / "nbgrader_config.py").open("a") as config:
        config.write(POLICY)
    term = Term(root, release_notebooks(root, (FIRST, LAST)), capsys)
    ledger = term.ledger

    # Hand-ins of three learners: one in time, one late, one who has not begun the essay.
    all_right = dict.fromkeys([name for name in ledger.points[LAST] if name != ESSAY], "# right")
    half = {"identity_block": "# half", "residual_block": "# half", "tiny_resnet": "# right"}
    term.hand_in("ana", FIRST, NOON, {"predict_flow": "# right", "sequential_model": "# half"})
    term.hand_in("ana", LAST, NOON, {**all_right, ESSAY: "The sum lets the gradient pass."})
    term.hand_in("ben", LAST, NOON + timedelta(hours=30), {**half, ESSAY: "It adds x."})
    term.hand_in("cleo", FIRST, NOON, {"intermediate_outputs": "# right"})
    term.hand_in("cleo", LAST, NOON + timedelta(hours=2), {"plain_vs_residual": "# right"})
    term.settle("submission")
    assert (ledger.raw(("ana", LAST)), sum(ledger.points[LAST].values())) == (30, 34)
    term.settle("nothing has happened")

    # Essays are marked in formgrader.
    term.mark("ana", LAST, ESSAY, 3)
    term.mark("ben", LAST, ESSAY, 2.5)
    term.settle("no mark of ours has changed")

    # A due date that was forgotten; then it is moved, and one learner gets an extension.
    term.set_due(LAST, NOON)
    term.settle("deadline")
    assert (ledger.penalty(("ben", LAST)), ledger.penalty(("cleo", LAST))) == pytest.approx((3.3, 0.6))
    term.set_due(LAST, NOON + timedelta(hours=6))
    term.settle("deadline")
    assert (ledger.penalty(("ben", LAST)), ledger.penalty(("cleo", LAST))) == pytest.approx((1.65, 0))
    term.set_due(LAST, NOON - timedelta(days=1))
    term.extend("cleo", LAST, days=2)
    term.settle("deadline")
    assert (ledger.penalty(("ben", LAST)), ledger.penalty(("cleo", LAST))) == pytest.approx((4.95, 0))

    # A word is mended in a text: nobody's code runs.
    with monkeypatch.context() as resting:
        put_engine(resting, RestingEngine())
        edit_master(root, LAST, lambda cells: cells["summary"]["source"].append(" A word more."))
        edit_master(root, FIRST, lambda cells: cells["summary"]["source"].append(" A word more."))
        term.settle("nothing that counts has happened")

    # A test is mended, so that a half-right answer earns less; then an exercise counts for less.
    monkeypatch.setattr(sources, "of_exercises", lambda names: f"{names}, mended")
    monkeypatch.setattr(FakeEngine, "half", 0.25)
    ledger.worth["# half"] = 0.25
    term.settle("exercise")
    set_points(monkeypatch, root, "residual_block", 10)
    ledger.points[LAST]["residual_block"] = 10
    term.settle("points")
    assert sum(ledger.points[LAST].values()) == 32

    # An appeal: the late learner's answer was better than the test says.
    term.mark("ben", LAST, "identity_block", 7)
    term.settle("deadline")
    # A question is put more clearly: its marks are asked about; where nothing was written, there is none.
    edit_master(root, LAST, lambda cells: cells["explain-skip-question"]["source"].append(" In four lines."))
    ledger.look_again |= {("ana", LAST, ESSAY), ("ben", LAST, ESSAY)}
    term.settle("no mark has changed")
    for learner, points in (("ana", 3.5), ("ben", 2.5)):
        term.mark(learner, LAST, ESSAY, points)
    term.settle("deadline")

    # Two resubmissions: of the code, and of the essay, each of which was marked by hand.
    term.hand_in(
        "ben", LAST, ledger.time["ben", LAST], {**half, "identity_block": "# right", ESSAY: "It adds x."}
    )
    ledger.look_again.add(("ben", LAST, "identity_block"))
    term.settle("submission")
    term.hand_in("ana", LAST, NOON + timedelta(days=1), {**all_right, ESSAY: "Something else."})
    ledger.look_again.add(("ana", LAST, ESSAY))
    term.settle("submission")
    term.mark("ana", LAST, ESSAY, 4)
    term.settle("deadline")

    # Another secret, and everything once more: what is right stays right, and nobody is asked about anything.
    (root / ".course" / "secret").write_bytes(b"another secret, long enough")
    term.settle("secret")
    assert term._lines("--again") == {}
    term.settle("nothing has happened")
