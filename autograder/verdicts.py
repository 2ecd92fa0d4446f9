"""The verdict on one exercise, made outside the process that ran the learner's code.

The secret key decides; it is never quoted. What is said, and every number in it, comes from asking
again with the public key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from autograder.exercises import EXERCISES
from autograder.keys import rerun, secret_key
from sumskip.checking.core import Array, Ask, Case, Report
from sumskip.checking.judge import judge
from sumskip.checking.key import Recorded, public_key

# Reading a key takes up to a tenth of a second, and a class has many wrong answers.
_public_key = lru_cache(maxsize=64)(public_key)

_ONLY_ELSEWHERE = (
    "The published examples come out right, others do not. Is a number or a size in your answer that "
    "belongs to the examples alone?"
)


def grade_exercise(name: str, ask: Ask, secret: bytes, store: Path | None = None) -> Report:
    """Judge one exercise by its secret key and explain the verdict by its public one.

    Args:
        name: the exercise, a key of `EXERCISES`.
        ask: puts a case to the learner's answer, wherever that lives.
        secret: the course's secret.
        store: where secret keys are kept between runs (see `autograder.keys.secret_key`).

    Returns:
        The report to show. Its status, score, parts and diagnosis are the secret key's.
    """

    def again(case: Case, weights: Mapping[str, Array]) -> Recorded:
        return rerun(name, case, weights)

    verdict = judge(secret_key(name, secret, store), ask, again)
    if EXERCISES[name].kind == "literals" or verdict.status == "passed":
        return verdict
    shown = judge(_public_key(name), ask, again)
    if shown.status == "passed":
        return replace(verdict, message=_ONLY_ELSEWHERE, details=(), diagnosis=None)
    message = (
        shown.message
        if shown.diagnosis == verdict.diagnosis or verdict.diagnosis is None
        else verdict.message
    )
    return replace(verdict, message=message, details=shown.details)
