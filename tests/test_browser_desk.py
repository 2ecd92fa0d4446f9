"""The instructor's desk from end to end: a demonstration is graded, looked at, marked, and given back.

With SUMSKIP_SCREENSHOTS=FOLDER the pages are kept there, to be looked at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nbgrader.api import Gradebook

from autograder.__main__ import main
from autograder.exercises import EXERCISES, LESSONS
from axe import blank_page, findings, serious
from browser import served
from conftest import copied_course
from test_demo import with_keys
from test_marking import serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]

LAST, ESSAY = LESSONS[3], "explain_skip"
CLASS = ("ada", "ben", "chidi", "dana")
VIEWS = {
    "wide": (1200, "light", "screen"),
    "phone": (390, "light", "screen"),
    "dark": (900, "dark", "screen"),
    "print": (794, "light", "print"),
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A demonstration of four learners, and what the command said."""
    folder = tmp_path_factory.mktemp("desk")
    course = with_keys(copied_course(folder / "course"))
    said = folder / "said.txt"
    with pytest.MonkeyPatch.context() as patch, said.open("w") as out:
        patch.chdir(course)
        patch.setattr("sys.stdout", out)
        assert main(["demo", "--students", f"{len(CLASS)}", "--seed", "3"]) == 0
    assert not (course / "gradebook.db").exists(), "the course itself is left alone"
    return course / "demo", said.read_text(encoding="utf-8")


def test_beliefs_that_are_known_are_found(demo: tuple[Path, str]) -> None:
    """Right answers pass, wrong ones do not, none has a false name."""
    lines = demo[1].splitlines()
    start = lines.index("What is known of the answers, and what was found")
    right, wrong = (line.split() for line in lines[start + 1 : start + 3])
    assert int(right[0]) == int(right[3]) > 0
    assert int(wrong[0]) == int(wrong[3]) + int(wrong[5]) > 0
    assert wrong[-4:-1] == ["0", "a", "false"]


@pytest.fixture
def page(needs_browser: str) -> Iterator[Page]:
    with blank_page(needs_browser) as page:
        page.set_default_timeout(60_000)
        yield page


def looked_at(page: Page, name: str) -> None:
    """Keep the page as it is in each view."""
    if folder := os.environ.get("SUMSKIP_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        for view, (width, scheme, media) in VIEWS.items():
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme, media=media)  # type: ignore[arg-type]
            page.screenshot(path=Path(folder) / f"desk_{name}_{view}.png", full_page=True)


@pytest.mark.browser
def test_a_class_is_looked_at_marked_and_given_back(
    demo: tuple[Path, str], page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report, the marking page, formgrader and a learner's page say the same, and serve everybody."""
    from playwright.sync_api import expect

    root, _ = demo
    monkeypatch.chdir(root)

    # What the class shows: who is in it, every exercise, and what there is to do.
    assert findings(page, root / "report.html") == []
    shown = page.locator("body").inner_text().replace("\u200b", "")
    assert f"{len(CLASS)} learners" in shown
    assert [name for name in (*EXERCISES, ESSAY) if name not in shown] == []
    assert "not marked yet, 4 points each" in shown
    looked_at(page, "report")

    # An essay is marked by keyboard, and nobody's name is there.
    page.context.set_offline(False)
    with serving(root) as desk:
        page.goto(desk.address)
        page.locator("#which", has_text="Answer 1").wait_for()
        learner = desk.answers._learners[desk.ask("/answers")[1]["rows"][0]["key"]]
        assert not any(name in page.locator("body").inner_text() for name in CLASS)
        assert page.get_by_text("One point for each").is_visible()
        assert serious(page) == []
        looked_at(page, "marking")
        for key in ("1", "3", "4", "s"):
            page.keyboard.press(key)
        page.locator("#said", has_text="Saved: 3 of 4 points.").wait_for()

    # It is formgrader's own mark.
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        submission = book.find_submission_notebook(LAST, LAST, learner)
        number, score = submission.id, submission.score
    with served(root, tmp_path) as (url, token):
        page.goto(f"{url}formgrader?token={token}")
        for lesson in LESSONS:
            page.get_by_text(lesson, exact=True).wait_for()
        looked_at(page, "formgrader")
        page.goto(f"{url}formgrader/manage_submissions/{LAST}")
        row = page.get_by_role("row").filter(has=page.get_by_text(learner, exact=True))
        row.get_by_text(f"{score:g} / 34").wait_for()
        assert f"Example, {learner.capitalize()}" in row.inner_text()
        looked_at(page, "formgrader_submissions")
        page.goto(f"{url}formgrader/submissions/{number}")
        expect(page.locator(f"input.score#{ESSAY}")).to_have_value("3")
        looked_at(page, "formgrader_submission")

    # And the learner's page has it, once it is written anew.
    assert main(["grade", "4"]) == 0
    assert findings(page, root / "feedback" / learner / LAST / f"{LAST}.html") == []
    shown = page.locator("body").inner_text()
    assert "Points given: 1, 3, 4; not given: 2." in shown
    assert "residual_block" in shown
    assert re.search(rf"\b{score:g}(\.0)? (/|of) 34\b", shown)
    looked_at(page, "feedback")
