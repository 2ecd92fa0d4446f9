"""What axe-core finds on a page, of the two levels that keep somebody from reading it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from browser import CHROMIUM_FLAGS

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Both schemes and both widths; each pair of them would say the same twice.
VIEWS = (("light", 1200), ("dark", 700))


@contextmanager
def blank_page(chromium: str) -> Iterator[Page]:
    """A page of a browser of its own; what it asks of the net is in no cache and comes from nowhere."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(CHROMIUM_FLAGS))
        yield browser.new_context(offline=True).new_page()
        browser.close()


def serious(page: Page, *, code: bool = True) -> list[str]:
    """Serious and critical findings on the page as it is, in coloured `code` too or beside it."""
    from axe_playwright_python.sync_playwright import Axe

    context = None if code else {"exclude": [[".highlight"]]}
    rules = Axe().run(page, context, {"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{rule['id']}: {[place['html'][:120] for place in rule['nodes']]}"
        for rule in rules
        if rule["impact"] in ("serious", "critical")
    ]


def findings(page: Page, file: Path, *, code: bool = True) -> list[str]:
    """Serious and critical findings, in light and in dark; and what the page loads from elsewhere.

    Of pages on which code has the same colours, one is looked at with its `code`: it takes most of the time.
    """
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    found = []
    for scheme, width in VIEWS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 1000})
        page.goto(file.as_uri())
        found += [f"{file.name}, {scheme}, {width} px: {said}" for said in serious(page, code=code)]
    return found + [f"{file.name} loads {url}" for url in asked if not url.startswith(("file:", "data:"))]
