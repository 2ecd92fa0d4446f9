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

from autograder.gradebook.page_cells import clean_cells
from autograder.gradebook.page_html import Allowance, clean_html, highlight_code, markdown2html
from autograder.gradebook.page_text import MOST_TEXT, capped

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
_STYLE = """<style>
/* What a cell shows stays within it; long lines go on below, so that no part needs a pointer to scroll. */
.rendered_html, .input_area, .output_subarea { overflow: auto; }
.rendered_html img, .output_subarea img { max-width: 100%; height: auto; }
#notebook pre { white-space: pre-wrap; overflow-wrap: anywhere; }
/* Contrast of 4.5 : 1 at least, also of the colours of code; and a link is told by more than its colour. */
#notebook pre { background: #fff; }
#toc a, #notebook .rendered_html a { color: #1f5c92; text-decoration: underline; }
#notebook .nbgrader_cell .panel-heading a { color: #fff; text-decoration: underline; }
summary { display: list-item; cursor: pointer; } /* with the sign that it can be opened */
</style>
</head>"""
# MathJax, whose address no setting changes (formulas are read as typed), and bootstrap's font of icons.
_LOADED = re.compile(
    r"<!-- Loading mathjax macro -->.*?<!-- End of mathjax configuration -->|@font-face\s*{[^}]*}", re.DOTALL
)

_TITLE = re.compile(r'<div class="panel-heading">(\s*)<h4>(.*?)</h4>', re.DOTALL)


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
    """nbgrader's GetGrades, for which unmarked is not zero: what waits for its first mark says so.

    It stands in `c.GenerateFeedback.preprocessors`.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        self._open = 0.0
        nb, resources = super().preprocess(nb, resources)
        if self._open:
            given = resources["nbgrader"]
            given["max_score"] = Said(f"{given['max_score']:g}, {self._open:g} of them not marked yet")
        return nb, resources

    def _get_score(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        super()._get_score(cell, resources)
        name = cell.metadata["nbgrader"]["grade_id"]
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        if grade.auto_score is None and grade.manual_score is None and grade.needs_manual_grade:
            self._open += grade.max_score
            cell.metadata.nbgrader["score"] = Said("not marked yet")
            cell.metadata.nbgrader["points"] = Said(f"{grade.max_score:g} points open")
        if not grade.max_score:
            cell.metadata.nbgrader["points"] = Said("0, optional")


@pass_context
def page_head(page: Context, head: str) -> str:
    """The head of nbgrader's template with a language and a policy, and without what it would load."""
    policy = _FORMGRADER if "base_url" in page["resources"] else _FEEDBACK
    head = _LOADED.sub("", head).replace("<html>", '<html lang="en">', 1)
    return head.replace("<head>", _HEAD.format(policy=policy), 1).replace("</head>", _STYLE, 1)


def page_body(body: str) -> str:
    """The body of a feedback page, its title in a landmark and no heading: the page's `h1` is the lesson's.

    formgrader's body is another and stays as it is.
    """
    return _TITLE.sub(r'<div class="panel-heading" role="banner">\1<p class="h4">\2</p>', body, count=1)


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
    """nbconvert's HTML exporter without its last pass, which reads the finished page again.

    That pass parses half a megabyte to add `alt` to pictures that lack it; `CleanPages` leaves no such
    picture, and it took half the time of a page.
    """

    def from_notebook_node(  # type: ignore[override]  # nbconvert's own HTMLExporter does the same
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        resources = self._init_resources(resources)
        page, resources = super(HTMLExporter, self).from_notebook_node(nb, resources, **kw)
        return str(page), resources


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
