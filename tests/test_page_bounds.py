"""What comes out is bounded: texts, outputs, reports and the time of a page; and all of it can be seen."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import math
import threading
import time
import unicodedata
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from PIL import Image

from autograder.engine.bounded import bounded_trace
from autograder.gradebook import page_html
from autograder.gradebook.page_cells import MOST_CELLS, MOST_PICTURES, MOST_SOURCE, clean_cells
from autograder.gradebook.page_html import MOST_PIXELS, MOST_RENDERED, Allowance, is_bounded
from autograder.gradebook.page_text import MOST_OUTPUT, MOST_TEXT, capped, visible
from autograder.gradebook.page_trace import MOST_SVG, SECONDS, TRACE, TraceRefusedError, drawn
from autograder.gradebook.pages import FILTERS, TEMPLATE, CleanPages, PageExporter, clean_html, highlight_code
from autograder.gradebook.pages import markdown2html as markdown
from autograder.gradebook.preprocessors import show_verdict
from autograder.submission.verdicts import Printed, Verdict
from sumskip.checking.core import PartResult, Report
from sumskip.checking.report import report_html, report_text

# Each kind is the slowest of its sort that a search among many thousand texts has found.
SLOW: dict[str, Callable[[str], NotebookNode]] = {
    "display mathematics": lambda mark: new_markdown_cell(mark + "\\\\[" * 3_000),
    "nested emphasis": lambda mark: new_markdown_cell(mark + "_*" * 4_000),
    "brackets": lambda mark: new_markdown_cell(mark + "[a](" * 2_000),
    "blank lines of code": lambda mark: new_code_cell(f"{mark}\n" + "\t\n" * 3_000 + ";\n\n1e" * 600),
    "stars of code": lambda mark: new_code_cell(mark + "*a" * 2_500 + "*" * 4_000),
    "a file for editors": lambda mark: new_code_cell(mark + "a+" * 90_000),
    "a raw cell": lambda mark: new_raw_cell(mark + "\n" * 9_000),
    "unseen characters": lambda mark: new_markdown_cell(mark + "\u202e" * 90_000),
}
NUMBERS = {"notebook": "n", "score": 0.0, "max_score": 0.0, "late_penalty": 0.0}


def page_of(notebook: NotebookNode) -> str:
    """The page of a notebook as feedback shows it, without a gradebook."""
    from nbgrader.server_extensions.formgrader import handlers

    exporter = PageExporter(
        template_name="feedback",
        extra_template_basedirs=[handlers.template_path],
        extra_template_paths=[f"{handlers.static_path}/node_modules/bootstrap/dist/css"],
        template_file=TEMPLATE,
        preprocessors=[CleanPages],
        filters=FILTERS,
    )
    exporter.optimistic_validation = True
    return exporter.from_notebook_node(notebook, {"nbgrader": dict(NUMBERS)})[0]


def thousand(kind: str) -> NotebookNode:
    notebook = new_notebook()
    notebook.cells = [SLOW[kind](f"{number:04d}") for number in range(1_000)]
    return notebook


@pytest.mark.slow
@pytest.mark.parametrize("kind", SLOW)
def test_a_thousand_slow_cells_make_a_page_in_bounded_time_and_size(kind: str) -> None:
    """Five seconds of rendering a page, then plain text; counted here in seconds of the processor."""
    started = time.process_time()
    page = page_of(thousand(kind))
    assert time.process_time() - started < 20
    assert len(page) < 4_000_000
    assert page.count('class="cell ') == 1_000
    assert "0000" in page


@pytest.mark.slow
def test_a_page_is_bounded_in_another_thread_too() -> None:
    """Where nothing can be interrupted, each text is short and the seconds count before the next."""
    pages: list[str] = []
    taken: list[float] = []

    def make() -> None:
        started = time.thread_time()
        pages.append(page_of(thousand("display mathematics")))
        taken.append(time.thread_time() - started)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    assert len(pages[0]) < 4_000_000
    assert taken[0] < 20


def test_a_used_up_page_shows_plain_text_at_once() -> None:
    """Nothing is rendered any more once a page's seconds, or its characters, are gone."""
    for allowance in (Allowance(seconds=0), Allowance(characters=10)):
        assert "<pre>**used up** &lt;b&gt;</pre>" in markdown("**used up** <b>", allowance)
        assert "<pre>if 1 &lt; 2:</pre>" in highlight_code("if 1 < 2:", allowance=allowance)
    assert "<strong>" in markdown("**used up** <b>"), "the next page is not the poorer for it"


def test_what_takes_too_long_is_interrupted_and_costs_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A renderer that never ends is stopped, even one that takes every exception for its own."""

    def endless(_text: str) -> str:
        while True:
            with contextlib.suppress(Exception):
                time.sleep(0.01)

    monkeypatch.setattr(page_html, "_markdown", endless)
    allowance = Allowance(seconds=0.2)
    assert "<pre>what takes long</pre>" in markdown("what takes long", allowance)
    assert allowance.seconds < 0


@pytest.mark.parametrize("render", [markdown, highlight_code, clean_html])
@pytest.mark.parametrize("text", ["a" * 500_000, "<b>" * 300_000, "\u202e" * 500_000, "`" * 500_000])
def test_a_single_text_is_bounded(render: Callable[[str], str], text: str) -> None:
    """The beginning is shown, and how much is missing."""
    shown = render(text)
    assert len(shown) < 12 * MOST_TEXT
    assert "more characters are not shown." in shown


def test_html_that_takes_its_square_to_clean_is_shown_as_text() -> None:
    """Tags that each reopen all before them: a few kilobytes would become megabytes."""
    source = "".join(f"<b a={number}><p>" for number in range(1_500)) + "</b>" * 1_500
    assert len(clean_html(source)) < 4 * MOST_TEXT
    assert not is_bounded(source)


UNSEEN = ("\u202e", "\u2066", "\u200b", "\x1b", "\x00", "\ue000", "\u2028", "\u2029", "\ud800", "\u3164")


@pytest.mark.parametrize("character", UNSEEN, ids=ascii)
def test_no_character_is_unseen_and_none_turns_the_text(character: str) -> None:
    """Wherever it stands, it is shown by its number: code reads as Python reads it."""
    number = f"[U+{ord(character):04X}]"
    for shown in (
        visible(f"a{character}b"),
        markdown(f"a{character}b"),
        highlight_code(f"# a{character}b"),
        clean_html(f"<p>a{character}b</p>"),
        clean_html(f"<p>a&#x{ord(character):x};b</p>"),
    ):
        assert character not in shown
        assert number in shown or "\ufffd" in shown  # as HTML itself reads the numbers of no characters


def test_what_can_be_seen_is_left_alone() -> None:
    """Letters of any script, accents, signs and pictures of people; line ends become plain ones."""
    kept = "α × ≠ „naïve“ Tiếng Việt 日本語 עִבְרִית ไทยที่ é é \t👍\n"
    assert visible(kept) == kept
    assert visible("a\r\nb\rc") == "a\nb\nc"
    assert visible("\x1b[1;31mred\x1b[0m") == "red"


def test_a_tower_of_accents_stays_on_its_letter() -> None:
    """Dozens of them would paint over the lines above and below."""
    tower = "z" + "\u0336\u0489\u0300" * 30
    assert sum(map(unicodedata.combining, visible(tower))) < sum(map(unicodedata.combining, tower[:8]))
    assert "[U+0336]" in visible(tower)


def test_the_cells_of_a_page_are_bounded_and_ours_come_first() -> None:
    """What others need is not taken by a thousand long cells before them."""
    many = [new_code_cell("x" * MOST_TEXT) for _ in range(MOST_CELLS + 7)]
    rules = {"grade_id": "a", "grade": False, "solution": True, "locked": False}
    answer = new_code_cell("answer = 1\n" * 100, metadata={"nbgrader": rules})
    shown = clean_cells([*many, answer])
    assert sum(len(cell.source) for cell in shown) < MOST_SOURCE + 100 * MOST_CELLS
    assert shown[-1].source == "… 7 more cells are not shown."
    assert shown[-2].source == answer.source
    assert shown[-2].metadata.nbgrader.grade_id == "a"


def test_the_outputs_of_a_page_are_bounded_together() -> None:
    """Forty cells with fifty outputs each, of text, HTML and pictures."""
    file = io.BytesIO()
    Image.new("RGB", (2_000, MOST_PIXELS // 2_000)).save(file, "PNG")
    picture = base64.b64encode(file.getvalue()).decode()
    kinds = [{"text/html": "<b>" * 900}, {"image/png": picture}, {"text/plain": "p" * 90_000}]
    outputs = [new_output("display_data", kind) for kind in kinds]
    outputs += [new_output("stream", text="s" * 90_000), new_output("error", traceback=["e" * 90_000])]
    rules = {"grade_id": "a_check", "grade": True, "solution": False, "locked": True}
    cells = [new_code_cell("1", metadata={"nbgrader": rules if n % 2 else {}}) for n in range(40)]
    for cell in cells:
        cell.outputs = outputs * 10
    shown = clean_cells(cells)
    assert len(json.dumps(shown)) < 2 * MOST_OUTPUT + MOST_PICTURES
    found = [output.data for cell in shown for output in cell.outputs if "data" in output]
    assert 0 < sum("image/png" in data for data in found) <= 8 * MOST_PICTURES / MOST_PIXELS
    assert "more outputs are not shown." in shown[-1].outputs[-1].text


def test_a_graded_notebook_holds_a_bounded_part_of_what_was_printed() -> None:
    """Forty cells that print as much as they may; the error of the answer is served first."""
    cells = [new_code_cell("print()") for _ in range(40)]
    rules = {"grade_id": "a", "grade": False, "solution": True, "locked": False, "schema_version": 3}
    cells.append(new_code_cell("answer", metadata={"nbgrader": rules}))
    printed = {cell.id: Printed("o" * 90_000, "e" * 90_000, "E: " + "m" * 90_000) for cell in cells}
    printed[cells[-1].id] = Printed(stdout="first of all", error="NameError: x")
    notebook = new_notebook(cells=cells)
    show_verdict(notebook, Verdict("a", "f", "walled", "s", {}, (), printed))
    assert len(nbformat.writes(notebook)) < 2 * MOST_OUTPUT
    assert cells[-1].outputs[0].text == "first of all"
    assert cells[-1].outputs[1].ename == "NameError"


@pytest.mark.parametrize(
    "text", ["`" * 3_500_000, "`a" * 1_000_000, "<&'\"" * 10_000, "\u202ea\x1b[31m\x07" * 999]
)
def test_a_report_shows_a_bounded_part_of_what_it_quotes(text: str) -> None:
    """A name of backquotes became fifty times as much; now a page shows it as a report, and in full."""
    parts = tuple(PartResult(text, 0, 1) for _ in range(8))
    report = Report("x", 0, 8, "failed", text, None, (text,) * 1_000, parts, (text,) * 3)
    html, plain = report_html(report, 3), report_text(report, 3)
    assert is_bounded(html)
    assert len(plain) < 20_000
    assert "988 more lines are not shown." in plain
    for character in "\u202e\x1b\x07":
        assert character not in html + plain


def chain(length: int, **more: Any) -> dict[str, Any]:
    """The trace of operators one after the other, as a process would tell it that tells anything."""
    nodes = [{"id": f"n{i}", "kind": "op", "label": "relu"} for i in range(length)]
    edges = [{"source": f"n{i}", "target": f"n{i + 1}"} for i in range(length - 1)]
    return {"name": "Model", "nodes": nodes, "edges": edges, "fault": None, "notes": [], "boxes": [], **more}


def node(**more: Any) -> dict[str, Any]:
    """Two operators, of which one has more to tell."""
    there = chain(2)
    there["nodes"][1] |= more
    return there


def tangle() -> dict[str, Any]:
    """As many wires as fit, each from an early step to a late one."""
    nodes = [{"id": f"{i}", "kind": "op", "label": "+"} for i in range(400)]
    edges = [{"source": f"{i}", "target": f"{399 - i % 150}"} for i in range(200) for _ in range(4)]
    return chain(1, nodes=nodes, edges=edges)


NO_TRACES: dict[str, Any] = {
    "nothing": {},
    "a list": [chain(2)],
    "a text": "Trace",
    "a part missing": {"nodes": [], "edges": []},
    "another field": node(href="x"),
    "a size that is a text": node(shape=["1"]),
    "a size that is a boolean": node(shape=[True]),
    "a label that is a number": node(label=1),
    "another kind": node(kind="script"),
    "no number": node(value=math.nan),
    "without end": node(value=math.inf),
    "nothing ran": chain(1),
    "the same id twice": node(id="n0"),
    "a wire from nowhere": chain(3, edges=[{"source": "n9", "target": "n2"}]),
    "a wire to nowhere": chain(3, edges=[{"source": "n0", "target": "n9"}]),
    "a circle": chain(2, edges=[{"source": "n0", "target": "n1"}, {"source": "n1", "target": "n0"}]),
    "a wire to itself": chain(2, edges=[{"source": "n0", "target": "n0"}]),
    "a fault elsewhere": chain(
        2, fault={"node": "n9", "shapes": [], "message": "", "sentence": "", "source_line": ""}
    ),
    "too long": chain(5_000),
    "a label of a megabyte": node(label="x" * 1_000_000),
    "nested without end": chain(1, notes=json.loads("[" * 900 + "]" * 900)),
}


@pytest.mark.parametrize("trace", NO_TRACES.values(), ids=NO_TRACES)
def test_what_no_tracer_has_made_is_not_drawn(trace: Any) -> None:
    """The learner's process tells it, and may tell anything; the page says that there is no picture."""
    with pytest.raises(TraceRefusedError):
        drawn(trace)
    rules = {"grade_id": "a_check", "grade": True, "solution": False, "locked": True}
    cell = new_code_cell("check", metadata={"nbgrader": rules})
    data = NotebookNode({"text/html": "<p>Not yet.</p>", TRACE: trace})
    cell.outputs = [NotebookNode(output_type="display_data", data=data, metadata={})]
    report, picture = clean_cells([cell])[0].outputs
    assert report.data["text/html"] == "<p>Not yet.</p>"
    assert picture.text == "… a picture of this model is not shown."


@pytest.mark.parametrize(
    "trace",
    [
        chain(450),
        tangle(),
        node(label="\u202e<b>\x00" * 2_000),
        node(path=[f"{i}" for i in range(3_000)]),
        node(shape=[2**62] * 2_000),
        chain(2, name="<title>" * 2_000, notes=["n" * 9] * 2_000),
    ],
    ids=["a long chain", "a tangle", "a long label", "a deep one", "a large shape", "many notes"],
)
def test_a_picture_is_bounded_whatever_is_told(trace: Any) -> None:
    """In time, counted in seconds of the processor, and in size; and it can be read as XML."""
    started = time.process_time()
    try:
        svg, alt = drawn(trace)
    except TraceRefusedError:
        svg = alt = ""
    assert time.process_time() - started < 2 * SECONDS
    assert len(svg) <= MOST_SVG
    assert len(alt) < 1_000
    if svg:
        ElementTree.fromstring(svg)
    for character in "\u202e\x00":
        assert character not in svg + alt


def test_what_comes_out_of_the_sandbox_has_room_for_a_picture() -> None:
    """A trace is plain and short, or it is none."""
    assert bounded_trace(chain(20)) == chain(20)
    assert bounded_trace(node(label="a\x1b\u202eb"))["nodes"][1]["label"] == "ab"
    for huge in (chain(900), node(label=["x" * 900] * 900), node(shape=[1] * 1_001), None, [1], "x"):
        assert bounded_trace(huge) == {}


def test_a_note_says_how_much_is_missing() -> None:
    assert capped("a" * 12, 10) == "a" * 10 + "\n… 2 more characters are not shown."
    assert capped("a" * 10, 10) == "a" * 10
    assert len(capped("a" * 99_999)) < MOST_TEXT + 100
    assert MOST_RENDERED <= MOST_TEXT
