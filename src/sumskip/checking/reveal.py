"""`reveal("NAME", predictions, truth)`: each committed prediction beside what really happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from torch import Tensor

from sumskip.checking.core import Case
from sumskip.checking.judge import judge
from sumskip.checking.key import public_key
from sumskip.checking.predictions import belief, came
from sumskip.checking.probe import probe
from sumskip.checking.report import as_code, report_html, report_text

_CELL = "padding:.3em .8em;text-align:left;vertical-align:top;border-bottom:1px solid #767676"


@dataclass(frozen=True)
class Row:
    """One prediction and what happened; `said` is empty where they agree."""

    question: str
    predicted: str
    happened: str
    said: str


class Revealed:
    """Predictions beside what happened, as text and as a table."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    @property
    def text(self) -> str:
        lines = []
        for row in self.rows:
            sign = "≠" if row.said else "="
            lines.append(f"{sign} {row.question}: you predicted {row.predicted}, it is {row.happened}.")
            lines += [f"  {row.said}"] if row.said else []
        return "\n".join(lines)

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        titles = ("Question", "You predicted", "It is", "Compare")
        head = "".join(f'<th scope="col" style="{_CELL};white-space:nowrap">{title}</th>' for title in titles)
        body = ""
        for row in self.rows:
            compared = f"≠ {as_code(row.said)}" if row.said else "= as you predicted"
            body += f'<tr style="background:#fff"><th scope="row" style="{_CELL}">{escape(row.question)}</th>'
            for short in (row.predicted, row.happened):
                body += f'<td style="{_CELL};white-space:nowrap">{escape(short)}</td>'
            body += f'<td style="{_CELL};white-space:normal">{compared}</td></tr>'
        html = (
            '<table aria-label="Predictions beside what happened" style="background:#fff;color:#1a1a1a;'
            'border-collapse:collapse;font-family:sans-serif;max-width:60em">'
            f'<thead><tr style="background:#fff">{head}</tr></thead><tbody>{body}</tbody></table>'
        )
        return {"text/html": html, "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text


class Uncommitted:
    """What is shown instead while a prediction is missing or unclear: which, and nothing of the truth."""

    def __init__(self, text: str, html: str) -> None:
        self.text, self.html = text, html

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text


def reveal(name: str, predictions: Any, truth: Mapping[str, Any]) -> Revealed | Uncommitted:
    """Set each prediction beside what happened when the very same thing was run.

    Args:
        name: the exercise, as it stands in the lesson.
        predictions: what the learner committed, the dict of that exercise.
        truth: by question, what came of it: a number, a text, a shape, or a tensor, which stands for its
            number where it has no dimension and for its shape otherwise.

    Returns:
        A table: question, prediction, truth, and where they differ the sentence for that wrong choice. While
        a prediction is missing or unclear in form, that is said instead, and nothing of the truth.

    Raises:
        KeyFileError: there is no such exercise.
        KeyError: the truth about a question is missing.
    """
    key = public_key(name)
    report = judge(key, lambda case: probe(predictions, case))
    if report.status != "passed":
        return Uncommitted(report_text(report), report_html(report))
    given = probe(predictions, Case("literals", "literals", "")).facts["answer"]
    rows = []
    for question in key.questions:
        guess, happened = given[question.name], _literal(truth[question.name])
        rows.append(Row(question.name, came(guess), came(happened), belief(question, guess, happened)[1]))
    return Revealed(rows)


def _literal(value: Any) -> Any:
    """A truth as the literal that is compared: of a tensor its number, or its shape."""
    if isinstance(value, Tensor):
        value = value.tolist() if value.dim() == 0 else value.shape
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return list(value) if isinstance(value, tuple) else value
