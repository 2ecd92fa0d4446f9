"""What to run of a submission, in which order, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from autograder.engine.bounded import FIELD, plain_text
from autograder.engine.sandbox import Level
from sumskip.checking.core import Report

PRINTED = 200_000  # characters of all that a submission's cells print together


@dataclass(frozen=True)
class Task:
    """One thing to do with a submission: run a cell, or put an exercise's questions.

    `exercise` of a cell is the one it solves, if any. `max_score` and `symbol` (the name that the
    answer is bound to) belong to checks and come from the master.
    """

    do: Literal["run", "check"]
    cell_id: str
    source: str = ""
    exercise: str | None = None
    symbol: str = ""
    max_score: float = 0.0
    tags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The exercise that a check judges."""
        if self.exercise is None:
            raise ValueError("a check task needs its exercise")
        return self.exercise


@dataclass(frozen=True)
class Plan:
    """What to run, in order, and the other files that lie in the working folder."""

    tasks: tuple[Task, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class CellOutput:
    """What a cell printed, as plain text, and the error that ended it."""

    stdout: str = ""
    stderr: str = ""
    error_name: str = ""
    error_message: str = ""
    line: int | None = None
    stopped: bool = False  # by us: time over, or its process died

    @classmethod
    def from_reply(cls, reply: Mapping[str, Any], room: int = PRINTED) -> CellOutput:
        """Read a reply of the sandbox, of which nothing can be relied on; `room` characters are kept."""
        error = reply.get("error")
        error = error if isinstance(error, dict) else {}
        line = error.get("line")
        return cls(
            stdout=_kept(plain_text(reply.get("stdout")), room),
            stderr=_kept(plain_text(reply.get("stderr")), room),
            error_name=plain_text(error.get("name"))[:80],
            error_message=_kept(plain_text(error.get("message"))[:FIELD], room),
            line=line if type(line) is int and 0 < line < 100_000 else None,
            stopped=reply.get("stopped") is True,
        )

    @property
    def ending(self) -> str:
        """A sentence on the error that ended the cell with an answer; empty where none did."""
        return self.ended("The cell with the answer")

    def ended(self, cell: str) -> str:
        """A sentence on the error that ended this `cell`; empty where none did."""
        if not self.error_name:
            return ""
        # Python's own words name a file that nobody has: the cell.
        message = re.sub(r" \(<ipython-input.{0,80}, line \d+\)$", "", " ".join(self.error_message.split()))
        line = f" in line {self.line}" if self.line else ""
        said = f"{cell} ended{line} with {self.error_name}: {message[:200]}".rstrip(": ")
        return said if said.endswith((".", "?")) else f"{said}."

    @property
    def size(self) -> int:
        return len(self.stdout) + len(self.stderr) + len(self.error_message)


def _kept(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: max(0, room)]}\n… the cells before printed too much …"


@dataclass
class Result:
    """What came of one submission. `reports` has every check of the plan, whatever happened."""

    reports: dict[str, Report] = field(default_factory=dict)
    outputs: dict[str, CellOutput] = field(default_factory=dict)
    traces: dict[str, dict[str, Any]] = field(default_factory=dict)  # by exercise, as they came out, bounded
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    starved: bool = False  # of processor time, as its own process told where something took too long
    level: Level = "walled"
