"""Verdicts on disk: `verdicts/LEARNER/ASSIGNMENT.json`, so that a grade can be shown and made again.

A verdict is written whole, once the gradebook holds its numbers, with a digest of each thing that it stands
on (`autograder/submission/stands.py`). Where one of them changes, it no longer counts.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

from autograder.engine.sandbox import Level
from autograder.files import write_whole
from autograder.keys import sources
from autograder.submission.stands import Stands
from sumskip.checking.core import PartResult, Report

SCHEMA = 2


@dataclass(frozen=True)
class Printed:
    """What a learner's cell printed, as capped plain text, and the error that ended it."""

    stdout: str = ""
    stderr: str = ""
    error: str = ""


@dataclass(frozen=True)
class Verdict:
    """What the engine found out about one notebook, and on which ground.

    `printed` goes by cell id; `seed` names the course's secret without telling it; `submitted_version`
    is the course's version the notebook was made with; `answers` has, for each graded cell, a digest of what
    a mark by hand stands on; `look` are the graded cells that a person is to look at, whatever their points;
    `traces` what wrong models did, by exercise, as their own process told it.
    """

    assignment: str
    stands: Stands
    level: Level
    seed: str
    versions: Mapping[str, str]
    reports: tuple[Report, ...]
    printed: Mapping[str, Printed] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    submitted_version: str | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    look: tuple[str, ...] = ()
    traces: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def without_texts(self) -> Verdict:
        """Without what was printed and traced, with which a large class would fill the memory."""
        return replace(self, printed={}, traces={})

    @property
    def score(self) -> float:
        return float(sum(report.score for report in self.reports))

    @property
    def max_score(self) -> float:
        return float(sum(report.max_score for report in self.reports))

    def summary(self) -> dict[str, Any]:
        """The object that `check --json` prints and that `grade --json` writes a line of."""
        return {
            "assignment": self.assignment,
            "score": self.score,
            "max_score": self.max_score,
            "exercises": [report.to_json() for report in self.reports],
        }


@cache
def versions() -> Mapping[str, str]:
    """The versions that a verdict depends on; `code` is a hash of the sources that make it."""
    found = {name: metadata.version(name) for name in ("sumskip", "torch", "numpy")}
    return MappingProxyType({**found, "code": sources.of_verdicts()})


def seed_id(secret: bytes) -> str:
    """A name for the course's secret, from which the secret cannot be found."""
    return hmac.new(secret, b"sumskip seed id", hashlib.sha256).hexdigest()[:12]


def verdict_path(root: Path, learner: str, assignment: str) -> Path:
    return root / "verdicts" / learner / f"{assignment}.json"


def save(path: Path, verdict: Verdict) -> None:
    """Write `verdict` to `path`, whole or not at all."""
    text = json.dumps({"schema": SCHEMA, **asdict(verdict)}, indent=1, sort_keys=True, ensure_ascii=False)
    write_whole(path, text + "\n")


def load(path: Path) -> Verdict | None:
    """The verdict in `path`; None where there is none, or none that this version can read."""
    try:
        data = json.loads(path.read_bytes())
        return from_json(data) if data.pop("schema") == SCHEMA else None
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None  # an older or a damaged file: the verdict is made again


def from_json(data: dict[str, Any]) -> Verdict:
    """The verdict of which `data` are `dataclasses.asdict`, after JSON."""
    reports = tuple(_report(report) for report in data.pop("reports"))
    printed = {cell: Printed(**texts) for cell, texts in data.pop("printed").items()}
    data |= {name: tuple(data.pop(name, ())) for name in ("warnings", "look")}
    return Verdict(reports=reports, printed=printed, **data)


def _report(data: dict[str, Any]) -> Report:
    parts = tuple(PartResult(**part) for part in data.pop("parts"))
    return Report(parts=parts, details=tuple(data.pop("details")), hints=tuple(data.pop("hints")), **data)
