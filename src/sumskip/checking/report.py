"""A report as it is shown, in a notebook as on a feedback page: text, and HTML."""

from __future__ import annotations

from html import escape

from sumskip.checking.core import Report
from sumskip.text import clean

_SIGN = {"passed": "✓", "failed": "✗", "not_graded": "?"}
_TITLE = {"passed": "All right", "failed": "Not yet", "not_graded": "Not graded here"}
# Blue, vermilion and grey of Okabe and Ito (2008), which the colour-blind can tell apart, dark enough
# for text (contrast at least 4.5 : 1) on the box's own background.
_COLOUR = {"passed": "#00598c", "failed": "#a63d00", "not_graded": "#4d4d4d"}

# What is shown of one text of a report, and of its lines: names and errors in them are a learner's own.
_MOST_TEXT, _MOST_LINES, _MOST_CODE = 600, 12, 40


def _points(value: float) -> str:
    return f"{round(value, 2):g}"


def short(text: str) -> str:
    """A text of a report in one line without control characters, its middle left out if it is long."""
    return clean(text[: 4 * _MOST_TEXT], _MOST_TEXT)


def _lines(report: Report) -> list[str]:
    lines = [short(line) for line in report.details[:_MOST_LINES]]
    more = len(report.details) - len(lines)
    return [*lines, f"… {more} more lines are not shown."] if more else lines


def title_of(report: Report) -> str:
    """The verdict in a sign and two words: "✗ Not yet"."""
    if _asks_to_commit(report):
        title = "Committed" if report.status == "passed" else "Not committed yet"
    else:
        committed = report.status == "passed" and set(report.beliefs.values()) - {"right"}
        title = "Committed" if committed else _TITLE[report.status]
    return f"{_SIGN[report.status]} {title}"


def _asks_to_commit(report: Report) -> bool:
    """Whether it is of predictions in a notebook, where nothing is graded yet."""
    return not report.max_score and not report.parts and report.status != "not_graded"


def _heading(report: Report) -> str:
    heading = f"{title_of(report)}: {short(report.exercise)}"
    if _asks_to_commit(report):
        return heading
    points = f"{_points(report.score)} of {_points(report.max_score)} points"
    return f"{heading}, {points if report.max_score else 'optional'}"


def report_text(report: Report, opened: int = 0) -> str:
    """A report as plain text: heading, sentence, expected beside actual, parts, open hints."""
    lines = [_heading(report), short(report.message), *(f"  {line}" for line in _lines(report))]
    if report.status != "passed":
        parts = report.parts if report.max_score else ()
        lines += [f"  {_points(p.score)}/{_points(p.max_score)}  {short(p.title)}" for p in parts]
        lines += [f"Hint {i}: {short(hint)}" for i, hint in enumerate(report.hints[:opened], 1)]
    return "\n".join(lines)


def report_html(report: Report, opened: int = 0, closed: int = 1) -> str:
    """A report as HTML without scripts, as `report_text` is; everything in it is escaped.

    The box has its own background, so that it reads the same on light and dark pages. Hints are
    `<details>`, which open by keyboard: the first `opened` are open already, and `closed` more stand below.
    """
    colour = _COLOUR[report.status]
    body = [
        f'<p style="margin:0 0 .4em;font-weight:bold;color:{colour}">{escape(_heading(report))}</p>',
        f'<p style="margin:0 0 .4em">{as_code(report.message)}</p>',
    ]
    if report.details:
        lines = "".join(f"<li>{as_code(line)}</li>" for line in _lines(report))
        body.append(f'<ul style="margin:0 0 .4em;padding-left:1.4em;color:#333">{lines}</ul>')
    if report.status != "passed" and report.parts and report.max_score:
        rows = "".join(
            f'<tr style="background:#fff"><td style="padding:0 .8em 0 0;text-align:right">'
            f"{_points(p.score)} of {_points(p.max_score)}</td>"
            f'<td style="text-align:left">{as_code(p.title)}</td></tr>'
            for p in report.parts
        )
        body.append(
            '<table aria-label="Points by part" '
            f'style="margin:0 0 .4em;color:#333;background:#fff;border:0"><tbody>{rows}</tbody></table>'
        )
    for i, hint in enumerate(report.hints[: opened + closed], 1):
        state = " open" if i <= opened else ""
        body.append(hint_html(i, hint, state))
    return (
        f'<div role="status" style="border-left:5px solid {colour};background:#fff;color:#1a1a1a;'
        f'padding:.6em .9em;max-width:60em;font-family:sans-serif;line-height:1.45">{"".join(body)}</div>'
    )


def as_code(text: str) -> str:
    """Escape a sentence and set what stands between backquotes as code."""
    text = escape(short(text))
    pieces = text.split("`")
    # An unpaired backquote is only a character; each pair becomes fifty, and no sentence has so many.
    if len(pieces) % 2 == 0 or len(pieces) > _MOST_CODE:
        return text
    style = "background:#f2f2f2;color:#1a1a1a;padding:0 .2em"
    return "".join(
        f'<code style="{style}">{piece}</code>' if i % 2 else piece for i, piece in enumerate(pieces)
    )


def hint_html(number: int, hint: str, state: str = "") -> str:
    return f"<details{state}><summary>Hint {number}</summary>{as_code(hint)}</details>"
