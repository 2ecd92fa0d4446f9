"""What a run did, and how long it will take yet."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autograder.class_run.changes import Change
from autograder.files import write_whole
from autograder.gradebook.marks import Recorded
from autograder.submission.verdicts import Verdict

SECONDS = ".course/seconds.json"


@dataclass
class Outcome:
    """What a run did; `rows` holds one entry for every notebook, also for those finished before."""

    rows: dict[tuple[str, str], Verdict] = field(default_factory=dict)
    recorded: dict[str, dict[str, Recorded]] = field(default_factory=dict)  # by assignment and learner
    changes: list[Change] = field(default_factory=list)  # of marks that were there before
    first: list[Change] = field(default_factory=list)  # marks that are the first
    levels: set[str] = field(default_factory=set)  # at which learners' code ran, this time
    new: int = 0
    pages: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)  # of ours, each with its traceback
    unrecorded: list[str] = field(default_factory=list)  # what the gradebook did not take
    refused: list[str] = field(default_factory=list)  # lessons that it does not take, and the ways out

    def json_lines(self) -> str:
        """One object a notebook, in the order of learners and assignments."""
        lines = [
            json.dumps({"student": learner, **verdict.summary()}, ensure_ascii=False)
            for (learner, _), verdict in sorted(self.rows.items())
        ]
        return "".join(f"{line}\n" for line in lines)


class TimeLeft:
    """How long the rest will take, by the pace since the first one was done: starting up is over then."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.first = total, 0, 0.0

    def another(self) -> str:
        """One more is done: `3 of 40 …, 20 s left`, with `{}` for what they are."""
        self.done += 1
        now = time.monotonic()
        if self.done == 1:
            self.first = now
            return f"1 of {self.total} {{}}"
        seconds = round((now - self.first) / (self.done - 1) * (self.total - self.done))
        left = f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"
        return f"{self.done} of {self.total} {{}}, {left} left"


def save_seconds(root: Path, outcome: Outcome) -> None:
    """Keep how long each notebook took when it was last graded; no verdict says it, they do not vary."""
    spent = {name: round(seconds, 2) for name, seconds in outcome.seconds.items()}
    _write_seconds(root, {**read_seconds(root), **spent})


def _write_seconds(root: Path, kept: Mapping[str, float]) -> None:
    text = json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False)
    write_whole(root / SECONDS, text + "\n", mode=0o600)


def forget_seconds(root: Path, learners: Collection[str]) -> None:
    """Take what is kept of these learners out."""
    kept = read_seconds(root)
    left = {name: spent for name, spent in kept.items() if name.rpartition("/")[0] not in learners}
    if left != kept:
        _write_seconds(root, left)


def read_seconds(root: Path) -> dict[str, float]:
    """Seconds by `learner/assignment`; what is not there or damaged is missed by nobody."""
    try:
        kept = json.loads((root / SECONDS).read_bytes())
        return {str(name): float(spent) for name, spent in kept.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def save_json(path: Path, outcome: Outcome) -> None:
    write_whole(path, outcome.json_lines())
