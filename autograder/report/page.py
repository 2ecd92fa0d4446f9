"""The report as one HTML file: no script, nothing from elsewhere, every text from outside escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from autograder.gradebook.page_text import capped
from autograder.report import alike, statistics
from autograder.report.figures import BINS, STATES, Figures
from autograder.report.statistics import Estimate

_HERE = Path(__file__).parent
TOP, FEW = 5, 8  # beliefs to teach again; rows of a table before the rest is folded


def as_html(figures: Figures, made: datetime) -> str:
    """The page."""
    shelf = Environment(autoescape=True, loader=FileSystemLoader(_HERE), undefined=StrictUndefined)
    shelf.trim_blocks = shelf.lstrip_blocks = True
    shelf.filters |= {one.__name__[1:]: one for one in (_lesson, _name, _points, _prose, _estimate)}
    titles = [_lesson(lesson.name) for lesson in figures.lessons]
    return shelf.get_template("page.html.j2").render(
        report=figures,
        made=made,
        who=_who(figures),
        titles=titles,
        links=[(lesson.name, title) for lesson, title in zip(figures.lessons, titles, strict=True)],
        top=figures.most_shown(TOP),
        few=FEW,
        states=STATES,
        bins=BINS,
        least=statistics.LEAST,
        most=alike.MOST,
        classes=alike.CLASSES,
    )


def as_json(figures: Figures, made: datetime) -> str:
    """All that the page shows, as data."""
    data = {"made": made.isoformat(timespec="seconds"), **asdict(figures)}
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _who(figures: Figures) -> Callable[[Iterable[str]], Markup]:
    """What lists learners by the names that the report may use."""
    names = {one: f"{one} ({name})" if name else one for one, name in figures.learners.items()}
    named = Markup("<bdi>{}</bdi>")  # an id in Hebrew turns its own line alone
    return lambda learners: Markup(", ").join(named.format(names.get(one, one)) for one in learners)


def _lesson(name: str) -> str:
    """ "Lesson 1" for 01_sequential_flow."""
    number = re.match(r"0*(\d+)_", name)
    return f"Lesson {number[1]}" if number else name


def _name(text: str) -> Markup:
    """A name in code, which may be broken where it has an underscore."""
    return Markup("_<wbr>").join(text.split("_"))


def _points(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}".removesuffix(".0")


def _estimate(one: Estimate | None) -> str:
    """ "0.62 (0.48 to 0.75)"."""
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})".replace("-", "−") if one else "–"


def _prose(text: str) -> Markup:
    """A sentence, escaped, in which what stands between backquotes is code."""
    pieces = capped(text, 600).split("`")
    if len(pieces) % 2 == 0:
        return escape("`".join(pieces))
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if number % 2 else escape(piece)
        for number, piece in enumerate(pieces)
    )
