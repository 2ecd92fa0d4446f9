"""The reading site: complete, without a solution for learners, and readable by all.

Each book is built once a session.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup

from autograder.exercises import EXERCISES, LESSONS
from axe import blank_page, findings
from conftest import ROOT, files_in
from grading_course import master
from leaks import find_leaks
from tools import book

pytestmark = pytest.mark.slow


def built(runs: dict[str, Any], folder: Path, *, solved: bool) -> Path:
    assert book.build(folder, runs, solved=solved) == 0, "Sphinx warned of something"
    return folder


@pytest.fixture(scope="session")
def learners(runs: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(runs, tmp_path_factory.mktemp("book") / "site", solved=False)


@pytest.fixture(scope="session")
def instructors(runs: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(runs, tmp_path_factory.mktemp("book-solved") / "site", solved=True)


def pages(site: Path) -> dict[Path, BeautifulSoup]:
    files = files_in(site.resolve(), "*.html")
    return {file: BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser") for file in files}


def by_name(site: Path) -> dict[str, BeautifulSoup]:
    return {file.stem: page for file, page in pages(site).items()}


def texts_of(site: Path, folder: Path) -> Path:
    """What can be read in a site, where the search for solutions looks: programs, texts, alternatives."""
    for name, page in by_name(site).items():
        parts = [pre.get_text() for pre in page.find_all("pre")]
        parts += [str(image.get("alt")) for image in page.find_all("img")]
        for number, part in enumerate(parts):
            (folder / f"{name}-{number}.py").write_text(part, encoding="utf-8")
        (folder / f"{name}.txt").write_text(page.get_text(), encoding="utf-8")
    return folder


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text))


def written_answers(site: Path) -> list[str]:
    """The sentences of the masters' written answers that stand in a site, whatever their markup."""
    cells = [cell for lesson in LESSONS for cell in nbformat.reads(master(lesson), as_version=4).cells]
    written = [cell for cell in cells if cell.cell_type == "markdown" and "nbgrader" in cell.metadata]
    answers = [cell.source for cell in written if cell.metadata.nbgrader.solution]
    sentences = [words(part) for text in answers for part in re.split(r"[.\n]", text)]
    shown = " ".join(words(page.get_text()) for page in pages(site).values())
    return [sentence for sentence in sentences if len(sentence.split()) > 7 and sentence in shown]


def test_the_learners_book_holds_no_solution(learners: Path, tmp_path: Path) -> None:
    """No solution region, no written answer, and no report on an answer stands in a page or beside it."""
    assert find_leaks(ROOT / "notebooks", texts_of(learners, tmp_path)) == []
    assert written_answers(learners) == []
    for file in files_in(learners, "*"):
        assert b"BEGIN SOLUTION" not in file.read_bytes(), file
    for name, page in by_name(learners).items():
        assert not page.find_all(attrs={"role": "status"}), name
    assert not list(learners.rglob("*.ipynb"))


def test_the_instructors_book_holds_them_all(instructors: Path, tmp_path: Path) -> None:
    """The same search finds what the masters hold; every check has its report."""
    leaks = find_leaks(ROOT / "notebooks", texts_of(instructors, tmp_path))
    assert {line.split(" in ")[0] for line in leaks} >= set(EXERCISES)
    assert len(written_answers(instructors)) > 3
    reports = [page.find_all(attrs={"role": "status"}) for page in pages(instructors).values()]
    assert sum(map(len, reports)) == len(EXERCISES)


def test_each_lesson_is_a_page_with_its_pictures(learners: Path) -> None:
    """The index leads to all four; what a finished notebook draws is there, with a line that says so."""
    found = by_name(learners)
    links = {str(link.get("href")) for link in found["index"].select("article a")}
    for lesson in LESSONS:
        assert f"{lesson}/{lesson}.html" in links
        outputs = "".join(map(str, found[lesson].select(".cell_output")))
        assert outputs.count("<img") >= 3
        assert "From a finished notebook" in outputs
        assert "Finish exercise" not in outputs
        assert "raise NotImplementedError()" in found[lesson].get_text()


def test_what_asks_for_a_guess_can_be_opened_below_its_question(learners: Path) -> None:
    """A page takes no guess: the question stands open, the picture is closed."""
    closed = [box for page in pages(learners).values() for box in page.select("details:has(img)")]
    assert len(closed) >= 4
    assert all("Guess first" in box.summary.get_text() and not box.has_attr("open") for box in closed)


@pytest.mark.parametrize("site", ["learners", "instructors"])
def test_every_picture_has_alternative_text(site: str, request: pytest.FixtureRequest) -> None:
    for name, page in by_name(request.getfixturevalue(site)).items():
        for image in page.find_all("img"):
            assert str(image.get("alt") or "").strip(), f"{name}: {str(image)[:80]}"


@pytest.mark.parametrize("site", ["learners", "instructors"])
def test_links_within_a_book_resolve_and_nothing_is_loaded_from_elsewhere(
    site: str, request: pytest.FixtureRequest
) -> None:
    found = pages(request.getfixturevalue(site))
    for file, page in found.items():
        for element in page.select("script[src], img[src], link[href]:not([rel=canonical])"):
            address = str(element.get("src") or element.get("href"))
            assert not re.match(r"(https?:)?//", address), f"{file.name} loads {address}"
        for address in [str(link["href"]) for link in page.select("a[href]")]:
            target, _, anchor = address.partition("#")
            if not re.match(r"\w+:", target):
                other = (file.parent / target).resolve() if target else file
                assert other in found, f"{file.name} links to {address}"
                assert not anchor or found[other].find(id=anchor), f"{file.name} links to {address}"


@pytest.mark.browser
def test_axe_finds_nothing_serious_on_any_page(learners: Path, needs_browser: str) -> None:
    """In light and dark, wide and narrow; and no page asks the net for anything."""
    with blank_page(needs_browser) as page:
        found = [
            line
            for file in files_in(learners, "*.html")
            for line in findings(page, file, code=file.stem == LESSONS[1])
        ]
    assert found == []


def test_the_guide_for_instructors_is_in_their_book_alone(runs: dict[str, Any], tmp_path: Path) -> None:
    """Where there is one; of its links, those that lead out of the book are their texts."""
    guide = tmp_path / "docs" / "instructors.md"
    guide.parent.mkdir()
    kept = f"[one]({LESSONS[0]}/{LESSONS[0]}.ipynb), [two](https://example.org), [three](#four)"
    guide.write_text(f"{kept}, [walls](walls.md#five)", encoding="utf-8")
    book.write_sources(tmp_path / "solved", runs, solved=True, root=tmp_path)
    assert (tmp_path / "solved" / "instructors.md").read_text() == f"{kept}, walls"
    book.write_sources(tmp_path / "plain", runs, solved=False)
    assert {path.stem for path in (tmp_path / "plain").iterdir()} == {*LESSONS, "index"}


def test_make_builds_the_one_or_the_other() -> None:
    def said(*arguments: str) -> str:
        command = ["make", "--no-print-directory", "--dry-run", "book", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert said().strip().endswith("tools/book.py")
    assert said("SOLVED=1").strip().endswith("tools/book.py --solved")
