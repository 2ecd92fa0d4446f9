"""The report in a browser: accessible, light and dark, folded and open, and no wider than a phone.

With SUMSKIP_SCREENSHOTS=FOLDER the pages are kept there, to be looked at.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autograder.__main__ import main
from axe import blank_page, findings
from report_class import graded_class
from test_report import LEARNERS, answers

pytestmark = [pytest.mark.browser, pytest.mark.slow]

VIEWS = {
    "wide": (1200, "light", "screen"),
    "phone": (375, "light", "screen"),
    "dark": (900, "dark", "screen"),
    "print": (794, "light", "print"),
}


def test_the_report(needs_browser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """axe finds nothing serious, nothing is loaded or wider than the screen, a key opens what is folded."""
    root = graded_class(
        tmp_path / "course", {name: answers(i) for i, name in enumerate(LEARNERS)}, monkeypatch
    )
    assert main(["report"]) == 0
    page_file, opened = root / "report.html", root / "opened.html"
    text = page_file.read_text(encoding="utf-8")
    opened.write_text(text.replace("<details>", "<details open>"), encoding="utf-8")
    with blank_page(needs_browser) as page:
        assert findings(page, page_file) + findings(page, opened) == []
        for name, (width, scheme, media) in VIEWS.items():
            page.set_viewport_size({"width": width, "height": 1000})
            page.emulate_media(color_scheme=scheme, media=media)  # type: ignore[arg-type]
            page.goto(opened.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
            if folder := os.environ.get("SUMSKIP_SCREENSHOTS"):
                Path(folder).mkdir(parents=True, exist_ok=True)
                page.screenshot(path=Path(folder) / f"report_{name}.png", full_page=True)
        page.goto(page_file.as_uri())
        first = page.locator("details").first
        first.locator("summary").focus()
        page.keyboard.press("Enter")
        assert first.get_attribute("open") is not None
