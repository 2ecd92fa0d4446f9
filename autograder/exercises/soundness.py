"""Refuses an exercise that is badly made, before a learner meets it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from autograder.exercises.vocabulary import Exercise
from sumskip.checking.core import Report
from sumskip.checking.differences import CHECKS
from sumskip.checking.judge import judge
from sumskip.checking.key import Key
from sumskip.checking.predictions import form
from sumskip.checking.probe import probe


class BadExerciseError(Exception):
    """An exercise that cannot be graded fairly. One line: which one, what is wrong, what to do."""


def refuse_malformed(exercise: Exercise) -> None:
    """Look at what an exercise is made of, without running anything.

    Raises:
        BadExerciseError: no key can be made of it.
    """
    expected = {part for part, _ in CHECKS[exercise.kind]} or {
        question.name for question in exercise.questions
    }
    expected |= {variant["part"] for variant in exercise.variants if "part" in variant}
    parts = ", ".join(f"{part.id} {part.points:g}" for part in exercise.parts)
    if sorted(part.id for part in exercise.parts) != sorted(expected):
        raise BadExerciseError(
            f"{exercise.name}: expected points for {', '.join(sorted(expected))}, came {parts or 'none'}"
        )
    total = math.fsum(part.points for part in exercise.parts)
    if not all(0 < part.points < math.inf for part in exercise.parts) or exercise.points != round(total, 2):
        raise BadExerciseError(
            f"{exercise.name}: its points do not add up: {parts} make {total:.6g}; expected each above 0, and a "
            "sum in whole hundredths, as marks are kept"
        )
    for number, part in enumerate(exercise.parts):
        if later := set(part.needs) - {earlier.id for earlier in exercise.parts[:number]}:
            raise BadExerciseError(
                f"{exercise.name}: the part {part.id} needs {', '.join(sorted(later))}, which must stand before it"
            )
    known = {wrong.id for wrong in exercise.wrong}
    for hint in exercise.hints:
        if strange := set(hint.helps.split()) - known:
            raise BadExerciseError(
                f"{exercise.name}: the hint {hint.text!r} belongs to {', '.join(sorted(strange))}, but no wrong "
                "model has that id"
            )
    for question in exercise.questions:
        try:
            form(question, question.answer)
        except KeyError:
            raise BadExerciseError(
                f"{exercise.name}: {question.name}: there is no form {question.form!r}"
            ) from None
    try:
        asks = any(exercise.cases("")) or bool(exercise.questions)
    except TypeError as error:
        raise BadExerciseError(f"{exercise.name}: its variants are no cases: {error}") from None
    if not asks:
        raise BadExerciseError(f"{exercise.name}: it asks nothing; expected variants or questions")


def refuse_unsound(exercise: Exercise, key: Key) -> None:
    """Judge the exercise's own answers as if learners had handed them in.

    The right one must earn full marks, and each wrong one must be refused with its own id and sentence.
    Of wrong models that behave alike the first is named; so one that another precedes in everything it
    does is never named itself, and may stand there only where it says the same. A sentence may call values
    right only where all are.

    Args:
        exercise: what is decided.
        key: its key, which for predictions must hold the answers (`make_key(…, secret=True)`).

    Raises:
        BadExerciseError: the exercise is badly made.
    """
    reports = [_judged(key, answer) for answer in exercise.rights]
    for report in (report for report in reports if report.status != "passed"):
        raise BadExerciseError(
            f"{exercise.name}: its own answer fails its own check: {report.message} Mend the answer or the cases"
        )
    for name, answer, sentence in _wrong_answers(exercise):
        report = _judged(key, answer)
        if report.status == "passed":
            raise BadExerciseError(
                f"{exercise.name}: the wrong answer {name!r} does what the right one does; take it out, or add "
                "a case that tells them apart"
            )
        # A choice whose very form is wrong, as a pair where a number was asked, is refused for that.
        if report.diagnosis != "form" and (report.diagnosis, report.message) != (name, sentence):
            raise BadExerciseError(
                f"{exercise.name}: the wrong answer {name!r} ({sentence}) is taken for {report.diagnosis!r} "
                f"({report.message}): it does the same. Put the more specific one first and add a case that "
                "tells them apart, or give both the same id and sentence"
            )
        earned = {part.id: result.score for part, result in zip(key.parts, report.parts, strict=True)}
        if "values are right" in sentence and not earned["values"]:
            raise BadExerciseError(
                f"{exercise.name}: the sentence to {name!r} calls the values right, but they differ from those "
                f"of the right answer: {sentence}"
            )


def _judged(key: Key, answer: Any) -> Report:
    return judge(key, lambda case: probe(answer, case))


def _wrong_answers(exercise: Exercise) -> Iterator[tuple[str, Any, str]]:
    """(id, answer, what is said to it) of all that is known to be wrong."""
    for known in exercise.wrong:
        yield known.id, known.build, known.sentence
    for question in exercise.questions:
        for value, name, sentence in question.wrong:
            yield name, {**exercise.answer, question.name: value}, f"{question.name}: {sentence}"
