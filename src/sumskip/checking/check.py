"""`check("NAME", answer)`: judge an answer in the notebook, show the report, return the points."""

from __future__ import annotations

import difflib
import os
from dataclasses import replace
from types import FunctionType
from typing import Any

from sumskip.checking import sentences
from sumskip.checking.core import Report
from sumskip.checking.judge import judge
from sumskip.checking.key import Key, exercises, public_key
from sumskip.checking.probe import probe
from sumskip.checking.probing.plainly import is_a, own_name
from sumskip.checking.probing.prepare import described
from sumskip.checking.report import hint_html, report_html, report_text, short

# What the last check of each exercise diagnosed, and how many hints are open: the same diagnosis
# twice in a row opens the next one.
_last: dict[str, tuple[str, int]] = {}

_NOTHING = object()  # in place of an answer that was not given


class Misused(ValueError):
    """`check` was called with something else than a name and an answer; its text says how it is called."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class CheckFailed(Exception):
    """Raised instead of showing a report while nbgrader validates; its text is the report's sentence."""

    def _render_traceback_(self) -> list[str]:
        """One line instead of our own call stack, which would help no learner (an IPython protocol)."""
        return [str(self)]


def check(name: str, answer: Any = _NOTHING) -> float | None:
    """Say at once what is right about an answer and what is not.

    Args:
        name: the exercise, as it stands in the lesson.
        answer: what the cell above defines: a class, a function or a dict.

    Returns:
        The points, between 0 and the exercise's maximum; None for what is optional. For predictions None:
        they are committed, or what is unclear in their form is said; right or wrong shows when they are run.

    Raises:
        Misused: there is no exercise of that name, or no answer was given.
        CheckFailed: below full marks, or not committed, while nbgrader's Validate runs.
    """
    if not is_a(name, str) or answer is _NOTHING:
        raise Misused(_how_to_call(name, answer))
    key = public_key(_known(name))
    report = judge(key, lambda case: probe(answer, case))
    if report.status != "passed" and (other := _answer_to_another(key, answer)):
        said = sentences.OTHER_ANSWER.format(came=own_name(answer), other=other, symbol=key.symbol)
        report = replace(report, message=said, diagnosis="another-exercise", details=())
    opened = _hints_open(report)
    if os.environ.get("NBGRADER_VALIDATING") and report.status != "passed":
        raise CheckFailed(f"{name}: {short(report.message)}")
    _show(report, opened)
    return report.score if report.max_score else None


class Hints:
    """The hints to one exercise, each closed until it is opened, by mouse or keyboard."""

    def __init__(self, hints: tuple[str, ...]) -> None:
        self.hints = hints

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        html = "".join(hint_html(i, hint) for i, hint in enumerate(self.hints, 1))
        return {"text/html": f"<div>{html}</div>", "text/plain": repr(self)}

    def __repr__(self) -> str:
        return "\n".join(f"Hint {i}: {hint}" for i, hint in enumerate(self.hints, 1))


def hints(name: str) -> Hints:
    """The hints to an exercise, before it is tried: from the idea to nearly the code.

    Raises:
        Misused: there is no exercise of that name.
        ValueError: it has no hints, as predictions have none.
    """
    if not is_a(name, str):
        raise Misused('hints expects the name of an exercise as text: hints("addition_model")')
    key = public_key(_known(name))
    if not key.hints:
        raise ValueError(f"{name!r} has no hints: it asks what you expect")
    return Hints(tuple(hint.text for hint in key.hints))


def _known(name: str) -> str:
    names = exercises()
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    advice = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}."
    raise Misused(f"check expected the name of an exercise; {name!r} is none: {advice}")


def _how_to_call(name: Any, answer: Any) -> str:
    """The call that was meant, where the arguments are swapped or one is missing."""
    given = next((one for one in (name, answer) if is_a(one, str) and one in exercises()), None)
    if given is None:
        wanted = _exercise_of(name) or "addition_model"
        came = described(name)
        return f"check expected the name of an exercise first; {came} came. Write {_call(wanted)}."
    if given is name:
        return f"check expected an answer beside the name. Write {_call(given)}."
    return f"check expected the name first and the answer second; they came swapped. Write {_call(given)}."


def _call(exercise: str) -> str:
    return f'check("{exercise}", {public_key(exercise).symbol})'


def _exercise_of(answer: Any) -> str | None:
    """The exercise whose answer is called as this class or function is."""
    if not is_a(answer, type, FunctionType):
        return None
    name = own_name(answer)
    return next((one for one in exercises() if public_key(one).symbol == name), None)


def _answer_to_another(key: Key, answer: Any) -> str | None:
    """The other exercise to which an answer belongs by its name, if it does."""
    if not is_a(answer, type, FunctionType) or own_name(answer) == key.symbol:
        return None
    return _exercise_of(answer)


def _hints_open(report: Report) -> int:
    """How many hints to open: one more each time the same diagnosis comes again."""
    if report.status == "passed":
        _last.pop(report.exercise, None)
        return 0
    cause = report.diagnosis or report.message
    before, opened = _last.get(report.exercise, ("", 0))
    opened = min(opened + 1, len(report.hints)) if before == cause else 0
    _last[report.exercise] = (cause, opened)
    return opened


def _show(report: Report, opened: int) -> None:
    from IPython.display import display

    display({"text/plain": report_text(report, opened), "text/html": report_html(report, opened)}, raw=True)
