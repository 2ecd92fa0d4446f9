"""Predictions: a dict of literals, which has a form that everyone may check, and a truth.

In a notebook they are committed, then what was predicted is run and set beside them (`reveal`). A grader's
key holds the answers as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sumskip.checking.core import Report
from sumskip.checking.key import Key, Question
from sumskip.text import with_article

NOT_A_DICT = "A dictionary of your predictions was expected; {came} came. Use the one in the cell."
COMMITTED = "Your predictions stand, all in a form that can be read. Go on below."


def judge_predictions(key: Key, answer: Any, for_committing: bool) -> Report:
    """The verdict on predictions, as plain JSON.

    Before they are graded it is about no points and has no parts: committed is neither right nor wrong.

    Args:
        key: a public key says what is unclear in form and no more.
        answer: what the learner's cell bound.
        for_committing: whether being there earns the points, right or wrong.
    """
    given: Mapping[str, Any] = answer if isinstance(answer, dict) else {}
    if not isinstance(answer, dict) or ("type" in given and key.questions[0].name not in given):
        unread = [(part, False) for part in key.parts]
        name = "missing" if answer is None else "not-a-dict"
        return _without_points(key, key.report(unread, NOT_A_DICT.format(came=came(answer)), name))
    counts, beliefs = [], {}
    said: list[tuple[str, str | None]] = []
    for question, part in zip(key.questions, key.parts, strict=True):
        value = given.get(question.name)
        unclear, name, sentence = form(question, value), "right", ""
        if unclear:
            said.append((unclear, "form"))
        elif key.secret:
            name, sentence = belief(question, value, question.answer)
            beliefs[question.name] = name
        if sentence:
            said.append((f"{question.name}: {sentence}", name if name != "other" else None))
        if for_committing:
            part = replace(part, title=f"{part.title}: {'not committed' if unclear else 'committed'}")
        counts.append((part, not unclear and (for_committing or not sentence)))
    committed = "All predictions are right." if key.secret else COMMITTED
    message, diagnosis = said[0] if said else (committed, None)
    report = key.report(counts, message, diagnosis, tuple(line for line, _ in said[1:]))
    return _without_points(key, replace(report, beliefs=beliefs))


def _without_points(key: Key, report: Report) -> Report:
    return report if key.secret else replace(report, score=0.0, max_score=0.0, parts=())


def belief(question: Question, value: Any, truth: Any) -> tuple[str, str]:
    """What a prediction shows, and what to say to it: "right", a wrong value that we know, or "other"."""
    if same(value, truth):
        return "right", ""
    for wrong, name, sentence in question.wrong:
        if same(value, wrong):
            return name, sentence
    return "other", f"{came(value)} is not what happens."


def came(value: Any) -> str:
    """A literal, or what came in its place, in a few words."""
    if isinstance(value, dict):
        return with_article(str(value.get("type", "dictionary")))
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return str(tuple(value))
    return repr(value)


def form(question: Question, value: Any) -> str | None:
    """What is wrong with the form of a prediction, or None. It says nothing about right or wrong."""
    shape = isinstance(value, list) and all(isinstance(v, int) and not isinstance(v, bool) for v in value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    text = value.strip().lower() if isinstance(value, str) else None
    good = {
        "number": number,
        "integer": number and float(value) == int(value) if number else False,
        "shape": shape,
        "shape or error": shape or text == "error",
        "choice": text in {choice.lower() for choice in question.choices},
    }[question.form]
    if good:
        return None
    wanted = {
        "number": "a number, such as 7",
        "integer": "a whole number, such as 7",
        "shape": "a shape: a tuple of integers, such as (1, 3, 8, 8)",
        "shape or error": 'a shape, such as (1, 3, 8, 8), or the text "error"',
        "choice": "one of " + ", ".join(f'"{choice}"' for choice in question.choices),
    }[question.form]
    if value is None:
        return f"{question.name}: no answer yet; expected {wanted}."
    return f"{question.name}: expected {wanted}; {came(value)} came."


def same(value: Any, answer: Any) -> bool:
    """Whether two literals are equal; text in any case, numbers to rounding, no truth values as numbers."""
    if isinstance(value, bool) or isinstance(answer, bool):
        return value is answer
    if isinstance(value, (int, float)) and isinstance(answer, (int, float)):
        return abs(value - answer) < 1e-9
    if isinstance(value, str) and isinstance(answer, str):
        return value.strip().lower() == answer.strip().lower()
    if isinstance(value, list) and isinstance(answer, (list, tuple)):
        return len(value) == len(answer) and all(same(a, b) for a, b in zip(value, answer, strict=True))
    return False
