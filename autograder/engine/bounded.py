"""What comes out of the sandbox, made plain and of a length that a person or a page can take."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from typing import Any

from autograder.engine.inside import frames
from sumskip.checking.core import Observation, Report

FIELD = 1_000  # characters of one text in an observation
_TEXT = 20_000  # characters kept of any text
_ITEMS = 1_000  # of one list or object in an observation
_MESSAGE, _DETAILS = 1_000, 20  # characters of a sentence in a report, and lines beside it
MOST_TRACE = 50_000  # characters of JSON; the models of the lessons have up to 13,000
# The names that a probe gives its arrays; `json.dumps` and f-strings would carry others anywhere.
_ARRAY_NAME = re.compile(r"[A-Za-z0-9_:#. -]{1,120}")

# Control and direction characters, halves, private ones, and the line ends that only some programs see.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def plain_text(value: Any) -> str:
    """Text from the sandbox without anything that a terminal or a page would act on."""
    if not isinstance(value, str):
        return ""
    return "".join(
        character
        for character in value[:_TEXT]
        if character in "\n\t" or unicodedata.category(character) not in _UNSAFE
    )


def _bounded_facts(value: Any) -> Any:
    """Facts from the sandbox with every text plain and every length bounded; the frame has bounded the depth.

    Raises:
        FrameError: there are more of them than any honest answer has.
    """
    if isinstance(value, str):
        return plain_text(value)[:FIELD]
    if isinstance(value, (list, dict)) and len(value) > _ITEMS:
        raise frames.FrameError(f"it has a list of {len(value)} items; at most {_ITEMS} are judged")
    if isinstance(value, list):
        return [_bounded_facts(item) for item in value]
    if isinstance(value, dict):
        return {plain_text(key)[:FIELD]: _bounded_facts(item) for key, item in value.items()}
    return value


def bounded_observation(seen: Observation) -> Observation:
    """An observation as the judge may have it.

    Raises:
        FrameError: no probe of ours has made it.
    """
    if odd := next((name for name in seen.arrays if not _ARRAY_NAME.fullmatch(name)), None):
        raise frames.FrameError(f"an array is called {odd[:40]!r}")
    return Observation(seen.arrays, _bounded_facts(seen.facts))


def bounded_trace(value: Any) -> dict[str, Any]:
    """The trace of a model, plain and short; empty where it is longer than a picture has room for.

    Whether it is one at all, whoever draws it looks.
    """
    try:
        trace = _bounded_facts(value if isinstance(value, dict) else {})
    except frames.FrameError:
        return {}
    return trace if len(json.dumps(trace)) <= MOST_TRACE else {}


def bounded_report(report: Report) -> Report:
    """A report that quotes an answer, at a length that a person reads."""
    return replace(
        report,
        message=report.message[:_MESSAGE],
        details=tuple(line[:_MESSAGE] for line in report.details[:_DETAILS]),
    )
