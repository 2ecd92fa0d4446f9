"""Pages about a learner's notebook, in feedback and in formgrader, that say and do nothing of their own.

nbconvert and nbgrader write into a page what they find: HTML of cells and outputs as it is, names and
image sizes unquoted, MathJax from another server. Here every cell is cut down to what may be shown
(`page_cells`), its texts become HTML by an allow-list (`page_html`), and a policy in the page's head
forbids the browser whatever has slipped through.
"""

from __future__ import annotations

import hashlib
import html
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import pass_context
from jinja2.filters import do_float, do_round
from jinja2.runtime import Context
from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbgrader.preprocessors import GetGrades
from pygments.formatters import HtmlFormatter

from autograder.gradebook.marks import Mark
from autograder.gradebook.page_cells import clean_cells
from autograder.gradebook.page_html import Allowance, clean_html, highlight_code, markdown2html
from autograder.gradebook.page_overview import Lesson, Overview, Row, lesson_of
from autograder.gradebook.page_text import MOST_TEXT, capped
from autograder.settings import read_settings

_HERE = Path(__file__).parent
# What `nbgrader_config.py` gives nbconvert's HTML exporter: the template, and its filters by name so
# that they stay printable.
TEMPLATE = str(_HERE / "page.html.j2")
FILTERS = {
    "clean_html": "autograder.gradebook.pages.clean_html",
    "float": "autograder.gradebook.pages.number",
    "highlight_code": "autograder.gradebook.pages.highlight_in_page",
    "markdown2html": "autograder.gradebook.pages.markdown_in_page",
    "page_body": "autograder.gradebook.pages.page_body",
    "page_head": "autograder.gradebook.pages.page_head",
    "as_code": "sumskip.checking.report.as_code",
    "round": "autograder.gradebook.pages.rounded",
    "strip_files_prefix": "autograder.gradebook.pages.unchanged",
}
_FEEDBACK = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
# formgrader's scripts and buttons stand in the page, and ask its own server for marks.
_FORMGRADER = (
    "default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "script-src 'self' 'unsafe-inline'; connect-src 'self'"
)
_HEAD = """<head>
<meta http-equiv="Content-Security-Policy" content="{policy}; base-uri 'none'; form-action 'none'" />
"""
# The last word on the looks of nbgrader's page: it can be read by all.
_STYLE = """
/* What a cell shows stays within it; long lines go on below, so that no part needs a pointer to scroll. */
.rendered_html, .input_area, .output_subarea { overflow: auto; }
.rendered_html img, .output_subarea img { max-width: 100%; height: auto; }
#notebook pre { white-space: pre-wrap; overflow-wrap: anywhere; }
#notebook .rendered_html :is(th, td) { padding: .2em 1em .2em 0; vertical-align: top; }
/* Contrast of 4.5 : 1 at least, also of the colours of code; and a link is told by more than its colour. */
#notebook pre { background: #fff; }
.overview a, #notebook .rendered_html a { color: #1f5c92; text-decoration: underline; }
#notebook .nbgrader_cell .panel-heading { height: auto; overflow: auto; }
#notebook .nbgrader_cell .input_area { width: 100%; }
#notebook .nbgrader_cell .panel-heading a { color: #fff; text-decoration: underline; }
summary { display: list-item; cursor: pointer; } /* with the sign that it can be opened */
@media print { details::details-content { content-visibility: visible; } } /* what is folded, on paper too */
#notebook-container, .overview { max-width: 75em; margin: 0 auto; }
.overview { padding: 0 15px 1em; }
.overview table { margin-bottom: 1em; }
.overview caption { padding: 0 0 .3em; color: #333; }
.overview th, .overview td { padding: .3em 1em .3em 0; vertical-align: top; }
.overview tr { border-bottom: 1px solid #767676; }
.overview tbody th { font-weight: normal; }
.overview td:nth-child(2) { white-space: nowrap; }
"""
# A feedback page on a screen in dark surroundings; reports and pictures stay on white.
_DARK = """
:root { color-scheme: dark; }
body, #notebook .panel, #notebook .panel-footer, #notebook pre, #notebook .input_area
{ background: #202020; color: #e6e9ec; border-color: #767676; }
code, .overview caption, .score, #notebook .prompt, #notebook .rendered_html :is(code, tr, th, td, blockquote)
{ background: none; color: inherit; }
.overview a, #notebook .rendered_html a { color: #8ec9f0; }
#notebook img { background: #fff; }
.overview code { background: #383838 !important; color: inherit !important; } /* it brings its own */
"""
# MathJax, whose address no setting changes (formulas are read as typed), and bootstrap's font of icons.
_LOADED = re.compile(
    r"<!-- Loading mathjax macro -->.*?<!-- End of mathjax configuration -->|@font-face\s*{[^}]*}", re.DOTALL
)

# How nbgrader calls the cells of its own; in what a learner wrote there is no such tag.
_LABEL = re.compile(
    r"""<span class="nbgrader-label">(?:Student's (answer|task)|(?:Grade cell|Task): """
    r"<code>([\w-]+)</code>)</span>"
)


class CleanPages(Preprocessor):
    """Leaves of every cell what may be shown: its source, text, our report, PNG and JPEG pictures.

    It stands in `c.HTMLExporter.preprocessors`, so it serves `nbgrader generate_feedback`, formgrader
    and `python -m autograder grade` alike.
    """

    # Written by formgrader's template as they are.
    names = ("student", "first_name", "last_name", "notebook_path", "filename")

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        for name in self.names:
            if isinstance(resources.get(name), str):
                resources[name] = html.escape(capped(resources[name], 1_000))
        resources["should_sanitize_html"] = True
        resources["allowance"] = Allowance()
        nb.metadata = NotebookNode({"language_info": {"name": "python"}})
        nb.cells = clean_cells(nb.cells)
        return nb, resources


class Said(str):
    """Words of ours where nbgrader's template has a number."""


def number(value: Any, default: float = 0.0) -> float | Said:
    return value if isinstance(value, Said) else do_float(value, default)


def rounded(value: Any, precision: int = 0, method: Any = "common") -> float | Said:
    return value if isinstance(value, Said) else do_round(value, precision, method)


class ShowGrades(GetGrades):
    """nbgrader's GetGrades, which also says what stands at the top of the page (`page_overview`).

    It stands in `c.GenerateFeedback.preprocessors`. Unmarked is not zero: what waits for its first mark
    says so. `resources["before"]` has the points on the page that is replaced, if there is one.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        self._grades: list[tuple[NotebookNode, Mark]] = []
        self._comments: set[str] = set()
        self._time: tuple[datetime | None, float] = (None, 0.0)
        nb, resources = super().preprocess(nb, resources)
        if told := resources.get("told"):  # by page_maker
            lesson, ask = told.lesson, told.ask
        else:
            root = Path(self.parent.parent.coursedir.root)
            lesson, ask = lesson_of(root, self.assignment_id), read_settings(root).ask
        resources["overview"] = Overview(
            lesson.title,
            tuple(self._row(cell, mark, lesson) for cell, mark in self._grades),
            resources["nbgrader"]["late_penalty"],
            *self._time,
            ask,
            resources.get("before", {}),
        )
        return nb, resources

    def _get_comment(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        super()._get_comment(cell, resources)
        if cell.metadata.nbgrader["comment"]:
            self._comments.add(cell.metadata.nbgrader["grade_id"])

    def _get_score(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        super()._get_score(cell, resources)
        name = cell.metadata["nbgrader"]["grade_id"]
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        mark, handed_in = Mark.of(grade), grade.notebook.assignment
        self._time = (handed_in.timestamp, handed_in.total_seconds_late)
        self._grades.append((cell, mark))
        if mark.points is None:
            cell.metadata.nbgrader["score"] = Said("not marked yet")
            cell.metadata.nbgrader["points"] = Said(f"{grade.max_score:g} points open")
        if not grade.max_score:
            cell.metadata.nbgrader["points"] = Said("0, optional")

    def _row(self, cell: NotebookNode, mark: Mark, lesson: Lesson) -> Row:
        name, said = cell.metadata.nbgrader["grade_id"], cell.metadata.get("sumskip", {})
        exercise = name.removesuffix("_check")
        return Row(
            name,
            lesson.names.get(exercise, exercise),
            mark,
            said.get("status", ""),
            said.get("title", ""),
            said.get("message", ""),
            bool({name, exercise} & self._comments),
        )


@pass_context
def page_head(page: Context, head: str) -> str:
    """The head of nbgrader's template with a language and a policy, and without what it would load."""
    formgrader = "base_url" in page["resources"]
    policy, style = (_FORMGRADER, _STYLE) if formgrader else (_FEEDBACK, _STYLE + _dark())
    head = _LOADED.sub("", head).replace("<html>", '<html lang="en">', 1)
    head = head.replace("<head>", _HEAD.format(policy=policy), 1)
    return head.replace("</head>", f"<style>{style}</style>\n</head>", 1)


@cache
def _dark() -> str:
    code = HtmlFormatter(style="native").get_style_defs("#notebook .highlight")
    return f"@media screen and (prefers-color-scheme: dark) {{{_DARK}{code}\n}}\n"


@pass_context
def page_body(page: Context, body: str) -> str:
    """The body of a feedback page, in which an exercise has its name and the reader is the one who answered.

    formgrader's body is another and stays as it is.
    """
    names = page["resources"]["overview"].names

    def label(found: re.Match[str]) -> str:
        said = html.escape(names.get(found[2], found[2])) if found[2] else f"Your {found[1]}"
        return f'<span class="nbgrader-label">{said}</span>'

    return _LABEL.sub(label, body)


@pass_context
def markdown_in_page(page: Context, source: str) -> str:
    """A cell's text with its pictures; also a comment, which has none of its own and names none."""
    cell = page.get("cell", {})
    attached = cell.get("attachments") if cell.get("source") == source else None
    return markdown2html(source, page["resources"].get("allowance"), attached)


@pass_context
def highlight_in_page(page: Context, source: str, metadata: object = None) -> str:
    return highlight_code(source, allowance=page["resources"].get("allowance"))


def unchanged(text: str) -> str:
    """For a filter of nbgrader's templates that rewrites addresses of files: a page shows none."""
    return text


@cache
def pages_digest() -> str:
    """A hash of what makes pages, so that those of an older version are written anew."""
    digest = hashlib.sha256()
    for file in sorted(_HERE.glob("page*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


class PageExporter(HTMLExporter):
    """nbconvert's HTML exporter without copies, and without its last pass over the finished page.

    That pass parses half a megabyte to add `alt` to pictures that lack it; `CleanPages` leaves no such
    picture, and it took half the time of a page. What is converted was read for this page alone.
    """

    def from_notebook_node(  # type: ignore[override]  # nbconvert's own HTMLExporter does the same
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        resources = self._init_resources(resources)
        page, resources = super(HTMLExporter, self).from_notebook_node(nb, resources, **kw)
        return str(page), resources

    def _preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        for step in self._preprocessors:
            nb, resources = step(nb, resources)
        self._validate_preprocessor(nb, "all of them")
        return nb, resources


__all__ = [
    "FILTERS",
    "MOST_TEXT",
    "TEMPLATE",
    "CleanPages",
    "PageExporter",
    "capped",
    "clean_html",
    "highlight_code",
    "markdown2html",
]
