"""Feedback and formgrader never run, load or put forward what a learner wrote, wherever it stands.

What a page may cost is held in test_page_bounds.
"""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.server_extensions.formgrader import handlers
from PIL import Image

from autograder.__main__ import main
from autograder.gradebook import page_maker
from autograder.gradebook.feedback import FeedbackPages
from autograder.gradebook.page_trace import TRACE
from autograder.gradebook.pages import MOST_TEXT, clean_html, highlight_code, markdown2html
from autograder.gradebook.session import load_course
from autograder.submission.course import Course
from grading_course import LESSONS, FakeEngine, answered, hand_in, make_course, put_engine, release_notebooks
from sumskip.checking.core import PartResult, Report
from sumskip.checking.report import report_html

pytestmark = pytest.mark.slow

FIRST = LESSONS[0]
CANARY = "window.canary=1"
HOSTILE = (
    f"<script>{CANARY}</script>",
    f"<SCRIPT SRC=//evil.example/x.js></SCRIPT><scr<script>ipt>{CANARY}</script>",
    f'<img src=x onerror="{CANARY}">',
    f'<img src="data:image/png;base64,AAAA" width="1 onload={CANARY}" alt="a" onload={CANARY}>',
    f"<svg onload={CANARY}><script>{CANARY}</script><animate onbegin={CANARY} dur=1s></svg>",
    f'<a href="javascript:{CANARY}">x</a><a href=" java&#x0A;script:{CANARY}">x</a>',
    f'<a href="data:text/html,<script>{CANARY}</script>">x</a>',
    f'<iframe srcdoc="<script>{CANARY}</script>"></iframe><object data="data:text/html,x"></object><embed>',
    f"<math><mtext><table><mglyph><style><img src=x onerror={CANARY}></style></table></mtext></math>",
    f'<noscript><p title="</noscript><img src=x onerror={CANARY}>"></noscript>',
    f"<form action=//evil.example><input class=score id=predict_flow_check onfocus={CANARY}></form>",
    '<base href="//evil.example/"><meta http-equiv=refresh content="0;url=//evil.example">',
    "<link rel=stylesheet href=//evil.example/x.css><style>@import '//evil.example/x.css';</style>",
    '<div style="position:fixed;background:url(//evil.example/x);width:100%" class="btn score">x</div>',
    '<img src="//evil.example/beacon.png"><video src=//evil.example/x autoplay></video>',
    f"</pre></div></body></html><script>{CANARY}</script>",
    f"<!--><script>{CANARY}</script-->",
    f"{{{{ ''.__class__.__mro__ }}}} {{% raw %}} <script>{CANARY}</script>",
    f"$\\href{{javascript:{CANARY}}}{{x}}$ `<script>{CANARY}</script>`",
    f"![x](x'onerror='{CANARY}) [x](javascript:{CANARY}) ![y](attachment:evil.svg)",
    f"```mermaid\ngraph TD; a-->|<script>{CANARY}</script>|b\n```",
    f"\x1b]8;;javascript:{CANARY}\x07x\x1b]8;;\x07 \x1b[31m<script>{CANARY}</script>\x1b[0m",
)
SVG = f"<svg xmlns='http://www.w3.org/2000/svg'><script>{CANARY}</script><use href='#a'/></svg>"
SVG64 = base64.b64encode(SVG.encode()).decode()
# Nested <use> elements, a few hundred bytes, keep a browser busy for ever, inside <img> too.
PICTURES = (
    f"data:image/svg+xml;base64,{SVG64}",
    f"DATA:image/SVG+xml;charset=utf-8;base64,{SVG64}",
    f"data:image/svg+xml,{SVG.replace('<', '%3C').replace('>', '%3E')}",
    f"data:image/svg%2Bxml;base64,{SVG64}",
    f"data:image/png;base64,{SVG64}",  # browsers look at the first bytes
    f"data:;base64,{SVG64}",
    "attachment:drawing.svg",
    "files/drawing.svg",
    "//evil.example/drawing.svg",
)
# A page that says what we did not say; each with what it did.
PRETENCES = (
    '<p style="background:URL(//evil.example/x)">x</p>',  # told who reads the page: capitals got through
    '<p style="background:\\75rl(//evil.example/x)">x</p>',  # the same, as CSS escapes it
    '<p style="background:u/**/rl(//evil.example/x)">x</p>',
    "<p style=\"background:image-set('//evil.example/x' 1x)\">x</p>",
    '<p style="--a:1;color:var(--a);content:attr(title)">x</p>',
    '<p style="display:inline-block;margin:-9em 0 0 -1em;background:#fff">Score: 6.0 / 6.0</p>',  # covers
    '<p style="margin-top:-40px">over the cell above</p>',
    '<p style="height:0;overflow:visible">onto the cell below</p>',
    '<p style="max-height:0;overflow:hidden">hidden</p>',
    '<p style="line-height:0">lines on top of each other</p>',
    '<p style="line-height:90">far below</p>',
    '<p style="vertical-align:200px">up</p>',
    '<p style="letter-spacing:-2em;text-indent:-999em;word-spacing:-9em">away</p>',
    '<p style="float:right;position:relative;z-index:9;transform:none;opacity:0">moved</p>',
    '<p style="color:transparent">unseen</p><p style="color:#fff">unseen</p>',
    '<p style="font-size:0">unseen</p>',
    '<p style="background:#000">unseen</p>',
    '<p style="padding:99999px;border:9999px solid #fff;max-width:99999em">a page of nothing</p>',
    '<p style="width:100vw;height:100vh;display:block">all of it</p>',
    '<p style="direction:rtl;unicode-bidi:bidi-override">0.0 / 0.6</p>',
    '<bdo dir="rtl">0.0 / 0.6</bdo><p dir="rtl">0.0 / 0.6</p>',
    '<p role="alert" aria-label="All right: 6 of 6 points">x</p>',  # what a screen reader says
    '<p aria-hidden="true">x</p><p title="6 of 6 points" lang="xx">x</p>',
    '<p class="panel-heading score alert alert-success h1 in">Score: 6.0 / 6.0</p>',  # dressed by bootstrap
    '<a class="btn btn-success full-credit" href="https://other.example">Full credit</a>',
    '<input class="score" id="predict_flow_check"><a name="predict_flow_check">x</a><p id="toc">x</p>',
    '<table width="9999" border="9"><tr><td colspan="1000000000" rowspan="1000000000">x</td></tr></table>',
    '<img width="50000" height="50000" src="data:image/png;base64,AAAA" alt="x">',
    "<marquee>x</marquee><blink>x</blink><dialog open>x</dialog><font color=red size=7>x</font>",
    "![6 of 6](data:image/png;base64,AAAA \"All right\") [x](#predict_flow_check) [y](https://a.b 'title')",
    "```score\nx\n```\n\n```btn btn-success\nx\n```\n\n# h {.score}\n\n- [x] passed",
)
ALL = (*HOSTILE, *PRETENCES, *(f"![x]({address})<img src='{address}'>" for address in PICTURES))
# Scripts of formgrader's own templates.
_OWN_SCRIPTS = re.compile(r"/base/formgrader/static/(node_modules|js)/[\w./-]+\.js\Z")
_OWN_BUTTON = re.compile(r"toggle_name\((true|false)\);\Z")


_ADDRESSES = ("href", "src", "action", "srcdoc", "data", "formaction", "background", "poster")
_ACTIVE = ("iframe", "object", "embed", "svg", "math", "base", "form", "video", "audio", "frame", "applet")
_ATTRIBUTES = {"style", "class", "href", "rel", "src", "alt", "open", "start", "role", "aria-label"}
_PLAIN_STYLE = re.compile(
    r"(color|background|margin|padding|border|font-(family|weight|style)|text-align|line-height|max-width)"
    r"(-(top|right|bottom|left))?:[a-z0-9#. -]+"
)
_MOVES = re.compile(r"-[0-9.]|[0-9]{3}(em|px|%)|transparent|\b0 0 0 0 0")


_SHAPES = {"svg", "title", "rect", "path", "polygon", "text"}
_LOOKS = {
    *(
        "aria-label",
        "fill",
        "font-family",
        "font-size",
        "font-weight",
        "height",
        "paint-order",
        "points",
        "role",
    ),
    *(
        "rx",
        "stroke",
        "stroke-dasharray",
        "stroke-linejoin",
        "stroke-width",
        "text-anchor",
        "viewBox",
        "width",
    ),
    *("x", "y", "d"),
}


def is_drawing(address: str) -> bool:
    """Whether a picture is one that we drew: shapes and words, and nothing that refers, moves or runs."""
    found = re.fullmatch(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", address)
    try:
        drawing = ElementTree.fromstring(base64.b64decode(found[1])) if found else None
    except ElementTree.ParseError:
        return False
    return drawing is not None and all(
        part.tag.removeprefix("{http://www.w3.org/2000/svg}") in _SHAPES
        and part.attrib.keys() <= _LOOKS
        and not any("(" in value for name, value in part.attrib.items() if name != "aria-label")
        for part in drawing.iter()
    )


def active_parts(page: str) -> list[str]:
    """Everything in a page that could run, load or send something, and is not nbgrader's own."""
    soup = BeautifulSoup(page, "html.parser")
    found = []
    for tag in soup.find_all(True):
        name = tag.name.lower()
        if name == "script":
            if (tag.get("src") and not _OWN_SCRIPTS.fullmatch(str(tag["src"]))) or "canary" in tag.text:
                found.append(str(tag)[:120])
        elif name in _ACTIVE or (name == "link" and "evil" in str(tag)):
            found.append(str(tag)[:120])
        for attribute, value in tag.attrs.items():
            text = "".join(value) if isinstance(value, list) else str(value)
            squeezed = re.sub(r"[\s\x00-\x1f]", "", text.lower())
            if attribute.startswith("on") and not _OWN_BUTTON.match(text):
                found.append(f"{name} {attribute}={text[:80]}")
            loads = (
                squeezed.startswith(("javascript:", "vbscript:", "data:text", "data:image/svg", "//"))
                or "evil.example" in squeezed
                or (attribute == "src" and "svg" in squeezed)
            )
            if attribute in _ADDRESSES and loads and not is_drawing(text):
                found.append(f"{name} {attribute}={text[:80]}")
            if attribute == "style" and re.search(r"url\(|position|expression", squeezed):
                found.append(f"{name} style={text[:80]}")
    return found


def pretending_parts(fragment: str) -> list[str]:
    """Everything in a rendered text that would give it a look, a place or a voice of its own."""
    found = []
    for tag in BeautifulSoup(fragment, "html.parser").find_all(True):
        for name, value in tag.attrs.items():
            text = " ".join(value) if isinstance(value, list) else str(value)
            odd = name not in _ATTRIBUTES
            if name == "style":
                rules = text.split(";")
                odd = not all(_PLAIN_STYLE.fullmatch(rule) and not _MOVES.search(rule) for rule in rules)
                odd = odd or bool(re.search(r"(line-height:(0|[3-9]|[0-9]{2})|color:#f|background:#0)", text))
            elif name == "class":
                words = r"(highlight( hl-i?python3)?|[a-z]{1,2}\d?|err|esc)"
                odd = not re.fullmatch(words, text.strip()) or text in ("h1", "in")
            elif name == "role":
                odd = text != "status"
            elif name in ("aria-label", "src"):
                odd = text != "Points by part"
            if odd:
                found.append(f"{tag.name} {name}={text[:80]}")
        if tag.name in ("bdo", "font", "marquee", "blink", "dialog", "input", "label", "button"):
            found.append(str(tag)[:80])
    return found


def test_the_search_finds_what_it_looks_for() -> None:
    """The payloads as they are would be found: otherwise the tests below prove nothing."""
    assert sum(bool(active_parts(payload)) for payload in HOSTILE) >= 14
    html = [payload for payload in PRETENCES if payload.startswith("<")]
    assert [payload for payload in html if not pretending_parts(payload)] == []
    for address in PICTURES:
        assert active_parts(f'<img src="{address}">') or pretending_parts(f'<img src="{address}">')


@pytest.mark.parametrize("payload", HOSTILE)
@pytest.mark.parametrize("render", [clean_html, markdown2html, highlight_code])
def test_no_renderer_lets_anything_active_through(render: Any, payload: str) -> None:
    """HTML outputs, markdown cells and comments, and code."""
    assert active_parts(render(payload)) == []


@pytest.mark.parametrize("payload", PRETENCES)
@pytest.mark.parametrize("render", [clean_html, markdown2html, highlight_code])
def test_no_renderer_lets_a_text_dress_as_ours(render: Any, payload: str) -> None:
    """No place, size or colour that moves, covers or hides; no class, role or name with a meaning."""
    shown = render(payload)
    assert pretending_parts(shown) == []
    assert active_parts(shown) == []


@pytest.mark.parametrize("address", PICTURES)
def test_no_picture_is_an_svg_whatever_it_is_called(address: str) -> None:
    """Not in HTML, not in markdown; there what was typed is there to read."""
    html = clean_html(f'<img alt="a drawing" src="{address}">')
    assert "src" not in html
    assert "a drawing" in html
    typed = markdown2html(f"![a drawing]({address})")
    assert "<img" not in typed
    assert "a drawing" in typed
    assert active_parts(markdown2html(f'<img src="{address}">')) == []


def test_nothing_of_a_written_answer_disappears() -> None:
    """HTML, pictures, formulas and links that lead nowhere are shown as they were typed."""
    typed = (
        "a<b and c>d, <script>x</script>, <br>, &copy;, ![p](q.png), [r](#s), $a_1*b_1*c$, <!-- t -->, - [x]"
    )
    assert BeautifulSoup(markdown2html(typed), "html.parser").text.strip() == typed
    assert "alert(1)" in BeautifulSoup(clean_html("<script>alert(1)</script>"), "html.parser").text


def encoded_picture(kind: str, size: tuple[int, int] = (4, 3), **more: Any) -> str:
    file = io.BytesIO()
    Image.new("RGB", size).save(file, kind, **more)
    return base64.b64encode(file.getvalue()).decode()


def claimed_picture(width: int, height: int) -> str:
    """A PNG of some hundred bytes that says it is large."""
    header = struct.pack(">II5B", width, height, 8, 2, 0, 0, 0)
    parts = (b"IHDR" + header, b"IDAT" + zlib.compress(b""), b"IEND")
    chunks = [struct.pack(">I", len(p) - 4) + p + struct.pack(">I", zlib.crc32(p)) for p in parts]
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(chunks)).decode()


def test_only_still_pictures_that_a_browser_can_show_survive() -> None:
    """PNG and JPEG by their first bytes, of a sane size, and not moving."""
    film = {"save_all": True, "append_images": [Image.new("RGB", (4, 3), "red")]}
    wrong = [
        ("png", claimed_picture(100_000, 100_000)),
        ("png", claimed_picture(1, 1_000_000)),
        ("png", claimed_picture(4_000, 4_000)),
        ("png", encoded_picture("PNG", **film)),
        ("png", encoded_picture("JPEG")),
        ("jpeg", encoded_picture("PNG")),
        ("png", encoded_picture("GIF")),
        ("png", ""),
        ("png", "AAAA"),
    ]
    scans = base64.b64encode(base64.b64decode(encoded_picture("JPEG")) + b"\xff\xda" * 9_000).decode()
    wrong.append(("jpeg", scans))
    right = [("png", encoded_picture("PNG")), ("jpeg", encoded_picture("JPEG"))]
    for kind, data in wrong:
        assert "src" not in clean_html(f'<img src="data:image/{kind};base64,{data}">'), (kind, data[:40])
    for kind, data in right:
        assert f"base64,{data}" in clean_html(f'<img alt="x" src="data:image/{kind};base64,{data}">')


@pytest.mark.parametrize("status", ["passed", "failed", "not_graded"])
def test_our_own_report_comes_out_as_it_is(status: Any) -> None:
    """Every tag, style and word of a report passes the allow-list unchanged."""
    parts = (PartResult("a part", 1, 2), PartResult("`another`", 0.5, 3))
    report = Report("x", 1.5, 5, status, "A `sentence`.", None, ("a line",), parts, ("`one`", "two"))
    for opened in (0, 1):
        html = report_html(report, opened)
        assert BeautifulSoup(clean_html(html), "html.parser") == BeautifulSoup(html, "html.parser")


def test_what_lessons_and_reports_need_survives() -> None:
    """Tables, links, inline pictures with their text, details, plain styles and mathematics."""
    picture = encoded_picture("PNG")
    kept = (
        '<div style="color:#333;border-left:5px solid #a63d00" role="status"><table><tbody>'
        '<tr><td>1</td></tr></tbody></table><details open=""><summary>Hint 1</summary>x</details><a href="https://pytorch.org">t</a>'
        f'<img alt="a drawing" src="data:image/png;base64,{picture}"></div>'
    )
    assert BeautifulSoup(clean_html(kept), "html.parser") == BeautifulSoup(kept, "html.parser")
    assert "$a &lt; b$" in markdown2html("$a < b$")
    assert "<table>" in markdown2html("|a|b|\n|-|-|\n|1|2|")


@pytest.mark.parametrize(
    "text", ["[" * 30_000, ">" * 19_000, "*a **" * 3_900, "<a " * 6_000, "$" * 19_999, "x" * 500_000]
)
def test_text_made_to_be_slow_is_bounded(text: str) -> None:
    """Nested or endless markdown neither hangs nor fills a page."""
    assert len(markdown2html(text)) < 40 * MOST_TEXT
    assert len(highlight_code(text)) < 40 * MOST_TEXT


def hostile_trace() -> dict[str, Any]:
    """What a tracer can have made of a model whose names are the payloads, wherever a trace has a text."""
    node = {"kind": "module", "type_name": HOSTILE[0], "variable": HOSTILE[2], "marks": HOSTILE[4:6]}
    nodes = [{"id": f"{HOSTILE[3]}{n}", "label": text, **node} for n, text in enumerate(HOSTILE)]
    edges = [{"source": one["id"], "target": other["id"]} for one, other in pairwise(nodes)]
    said = {
        "message": HOSTILE[6],
        "sentence": HOSTILE[7],
        "source_line": HOSTILE[8],
        "expression": HOSTILE[8],
    }
    fault = {"node": nodes[-1]["id"], "shapes": [[2, 3]], **said, "rows": [[HOSTILE[9], [HOSTILE[10]]]]}
    path = {"path": [HOSTILE[11]]}
    return {
        "name": HOSTILE[1],
        "nodes": [*nodes[:-1], nodes[-1] | path],
        "edges": edges,
        "fault": fault,
        "notes": list(HOSTILE[12:14]),
        "boxes": [[HOSTILE[11], HOSTILE[14]]],
    }


@pytest.fixture(scope="module")
def hostile_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graded course in which one learner wrote the payloads wherever a learner can write."""
    root = make_course(tmp_path_factory.mktemp("hostile") / "course")
    released = release_notebooks(root, (FIRST,))[FIRST]
    everything = "\n\n".join(ALL)
    notebook = answered(
        released,
        dict.fromkeys(("predict_flow", "sequential_model"), f"'''{everything}'''  # prints {everything}"),
    )
    for number, payload in enumerate(ALL):
        added = [
            nbformat.v4.new_markdown_cell(payload),
            nbformat.v4.new_code_cell(f"# prints {payload}"),
            nbformat.v4.new_raw_cell(payload),
        ]
        for cell in added:
            cell.metadata.update(tags=[payload], magics_language=payload, raw_mimetype="text/html")
        notebook.cells[3 + number : 3 + number] = added
    notebook.metadata["title"] = notebook.metadata["language_info"]["pygments_lexer"] = everything
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"x": everything}}
    hand_in(root, "mallory", FIRST, notebook)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr(FakeEngine, "trace", hostile_trace())
        put_engine(patch, FakeEngine())
        patch.setattr(Course, "prepare", lambda *_args: None)
        assert main(["grade"]) == 0
    return root


def _run_again_by_hand(root: Path) -> None:
    """As if the graded notebook had been opened and run in JupyterLab: hostile outputs of every kind."""
    path = root / "autograded" / "mallory" / FIRST / f"{FIRST}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    mimes = (
        "text/html",
        "image/svg+xml",
        "text/markdown",
        "text/latex",
        "application/javascript",
        "text/plain",
    )
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for cell, payload in zip(cells, ALL * 9, strict=False):
        widget = {"application/vnd.jupyter.widget-view+json": {"model_id": payload}}
        outputs: list[dict[str, Any]] = [
            {
                "output_type": "display_data",
                "data": {mime: payload},
                "metadata": {"text/html": {"isolated": True}},
            }
            for mime in mimes
        ]
        picture = {"data": {"image/png": f'"><script>{CANARY}</script>'}, "metadata": {}}
        svg = {"data": {"image/png": SVG64, "image/jpeg": SVG64}, "metadata": {}}
        sized = {
            "data": {"image/png": "iVBORw0KGgo="},
            "metadata": {
                "image/png": {"width": f"1 onload={CANARY}", "alt": payload},
                "filenames": {"image/png": payload},
            },
        }
        outputs += [
            {"output_type": "display_data", **shown}
            for shown in (picture, sized, svg, {"data": widget, "metadata": {}})
        ]
        outputs += [
            {"output_type": "stream", "name": "stderr", "text": payload},
            {"output_type": "error", "ename": payload, "evalue": payload, "traceback": [payload]},
        ]
        cell["outputs"] = outputs
    path.chmod(0o644)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def formgrader_page(root: Path, learner: str = "mallory", lesson: str = FIRST) -> str:
    """The page that formgrader shows of a submission, made as its server extension makes it."""
    app = load_course(root)
    config = app.config.copy()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    resources = {
        "assignment_id": lesson,
        "notebook_id": lesson,
        "submission_id": "1",
        "index": 0,
        "total": 1,
        "base_url": "/base",
        "student": HOSTILE[0],
        "last_name": HOSTILE[2],
        "first_name": HOSTILE[4],
        "notebook_path": f'"><script>{CANARY}</script>',
    }
    file = root / "autograded" / learner / lesson / f"{lesson}.ipynb"
    page, _ = HTMLExporter(config=config).from_filename(str(file), resources=resources)
    return str(page)


def _feedback_page(root: Path) -> str:
    return (root / "feedback" / "mallory" / FIRST / f"{FIRST}.html").read_text(encoding="utf-8")


def test_pages_about_a_hostile_notebook_hold_nothing_active(hostile_course: Path) -> None:
    """Cells, outputs, reports, tags, metadata and names, in feedback and in formgrader."""
    for page in (_feedback_page(hostile_course), formgrader_page(hostile_course)):
        assert active_parts(page) == []
        assert page.count("canary") > 2 * len(HOSTILE), "the payloads are shown, as text"
        assert "mathjax" not in page.lower()
        loaded = [str(tag["src"]) for tag in BeautifulSoup(page, "html.parser").select("[src]")]
        drawings = [address for address in loaded if "svg" in address]
        assert len(drawings) == 3, "one for each exercise"
        assert all(map(is_drawing, drawings))
    graded = nbformat.read(hostile_course / "autograded" / "mallory" / FIRST / f"{FIRST}.ipynb", as_version=4)
    assert _kinds(graded) <= {"text/html", "text/plain", TRACE}
    assert "widgets" not in graded.metadata


def _kinds(notebook: NotebookNode) -> set[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return {mime for output in outputs for mime in output.get("data", {})}


def test_pages_about_a_notebook_run_again_by_hand_hold_nothing_active(
    hostile_course: Path, tmp_path: Path
) -> None:
    """Hostile outputs of every kind in the graded notebook itself, a comment and a mark beside them."""
    _run_again_by_hand(hostile_course)
    with Gradebook(f"sqlite:///{hostile_course / 'gradebook.db'}") as book:
        comment = book.find_comment("predict_flow", FIRST, FIRST, "mallory")
        comment.manual_comment = f"**Well** done {' '.join(HOSTILE)}"
        book.db.commit()
    pages = FeedbackPages(hostile_course)
    assert pages.write("mallory", FIRST)
    assert not pages.write("mallory", FIRST), "a page that shows everything already is left alone"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_maker, "pages_digest", lambda: "another version")
        assert pages.write("mallory", FIRST), "a page that another version of ours made is written anew"
    pages.close()
    assert "<strong>Well</strong> done" in _feedback_page(hostile_course)
    for page in (_feedback_page(hostile_course), formgrader_page(hostile_course)):
        assert active_parts(page) == []


PROBE = """() => {
    const outside = [];
    for (const cell of document.querySelectorAll(".rendered_html, .output_subarea, .input_area")) {
        const frame = cell.getBoundingClientRect();
        for (const part of cell.querySelectorAll("*")) {
            const style = getComputedStyle(part);
            if (style.position !== "static" || style.float !== "none" || style.opacity !== "1")
                outside.push(part.outerHTML.slice(0, 80));
        }
        if (getComputedStyle(cell).overflowY !== "auto") outside.push(cell.className);
    }
    return outside;
}"""


@pytest.mark.browser
def test_a_browser_runs_nothing_and_loads_nothing(
    hostile_course: Path, needs_browser: str, tmp_path: Path
) -> None:
    """Chromium opens both pages: the canary stays silent, and nothing is asked of any other place.

    A feedback page asks for nothing at all, formgrader's for its own files; its scripts run, and nothing
    in a cell leaves its place.
    """
    from playwright.sync_api import Route, sync_playwright

    grader = "http://grader.example/base/formgrader/"
    asked: list[str] = []
    refused: list[str] = []
    content = formgrader_page(hostile_course)
    file = (hostile_course / "feedback" / "mallory" / FIRST / f"{FIRST}.html").as_uri()

    def answer(route: Route) -> None:
        url = route.request.url
        asked.append(url)
        if url == file:
            route.continue_()
        elif url == grader + "submissions/1/":
            route.fulfill(body=content, content_type="text/html")
        elif url.startswith(grader + "static/"):
            route.fulfill(path=Path(handlers.static_path, url.removeprefix(grader + "static/")))
        elif url.startswith(grader + "api/"):
            route.fulfill(json=[])
        else:
            route.abort()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=needs_browser, args=["--no-sandbox", "--disable-gpu", "--no-first-run"]
        )
        page = browser.new_page()
        page.on("console", lambda message: refused.append(message.text))
        page.on("pageerror", lambda error: refused.append(str(error)))
        page.route("**/*", answer)
        for address in (file, grader + "submissions/1/"):
            page.goto(address, wait_until="load")
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            page.wait_for_timeout(300)
            assert page.evaluate("window.canary") is None
            assert page.evaluate(PROBE) == []
            assert page.locator("html").get_attribute("lang") == "en"
            if address == file:
                assert set(asked) == {file}
        assert page.evaluate("typeof toggle_name") == "function", "formgrader's own scripts run"
        assert page.evaluate("typeof window.jQuery") == "function"
        browser.close()
    assert [url for url in asked if url != file and not url.startswith(grader)] == []
    assert [words for words in refused if "Content Security Policy" in words or "Error" in words] == []
