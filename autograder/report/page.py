"""The report as one HTML file: no script, nothing from elsewhere, every text from outside escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from autograder.gradebook.page_text import capped
from autograder.report import alike, statistics
from autograder.report.figures import BINS, STATES, Figures
from autograder.report.statistics import Estimate

_TEMPLATE = Path(__file__).with_name("page.html.j2")
TOP, FEW = 5, 8  # beliefs to teach again; rows of a table before the rest is folded


def as_html(figures: Figures, made: datetime) -> str:
    """The page."""
    shelf = Environment(
        autoescape=True,
        loader=FileSystemLoader(_TEMPLATE.parent),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    shelf.filters |= {
        "lesson": _lesson,
        "name": _name,
        "points": _points,
        "prose": _prose,
        "estimate": _estimate,
    }
    titles = [_lesson(lesson.name) for lesson in figures.lessons]
    return shelf.get_template(_TEMPLATE.name).render(
        report=figures,
        made=made,
        who=_Who(figures),
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


class _Who:
    """Learners by the names that the report may use."""

    def __init__(self, figures: Figures) -> None:
        self._names = {
            learner: Markup("<bdi>{}</bdi>{}").format(
                learner, Markup(" (<bdi>{}</bdi>)").format(name) if name else ""
            )
            for learner, name in figures.learners.items()
        }

    def __call__(self, learners: Iterable[str]) -> Markup:
        named = [self._names.get(one, Markup("<bdi>{}</bdi>").format(one)) for one in learners]
        return Markup(", ").join(named)


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
