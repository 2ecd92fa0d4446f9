"""Through the real engine, converters and gradebook: no answer in words is 0 before a person has read it."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup, Tag
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook, MissingEntry

from grading_course import LESSONS, answered, autograder, hand_in, make_course, release_notebooks
from test_answer_pictures import DATA, SVG, claimed, encoded
from test_safe_pages import active_parts, formgrader_page

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]

LESSON, ESSAY = LESSONS[3], "explain_skip"
WORDS = "The skip adds x to F(x), so the gradient has a way of its own."


def at(notebook: NotebookNode, grade_id: str) -> int:
    return next(
        i
        for i, cell in enumerate(notebook.cells)
        if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id
    )


def as_released(released: NotebookNode) -> NotebookNode:
    return answered(released, {})


def below(released: NotebookNode) -> NotebookNode:
    notebook = as_released(released)
    notebook.cells.insert(at(notebook, ESSAY) + 1, new_markdown_cell(WORDS))
    return notebook


def in_the_question(released: NotebookNode) -> NotebookNode:
    notebook = as_released(released)
    notebook.cells[at(notebook, f"{ESSAY}_question")].source += f"\n\n{WORDS}"
    return notebook


def pasted_at_the_end(released: NotebookNode) -> NotebookNode:
    notebook = answered(released, {ESSAY: WORDS})
    notebook.cells.append(copy.deepcopy(released.cells[at(released, ESSAY)]))
    notebook.cells[-1]["id"] = "pasted"
    return notebook


def attached(released: NotebookNode) -> NotebookNode:
    notebook = answered(
        released, {ESSAY: f"{WORDS} ![my *sketch*](attachment:a.png) ![no](attachment:b.svg)"}
    )
    picture, bomb = (base64.b64encode(p).decode() for p in (encoded("PNG"), claimed(60_000, 60_000)))
    notebook.cells[at(notebook, ESSAY)]["attachments"] = {
        "a.png": {"image/png": picture},
        "b.svg": {"image/svg+xml": SVG.decode()},
        "bomb.png": {"image/png": bomb},
    }
    return notebook


def inline(released: NotebookNode) -> NotebookNode:
    return answered(released, {ESSAY: f"{WORDS} ![sketch]({DATA})"})


def beside(released: NotebookNode) -> NotebookNode:
    return answered(released, {ESSAY: f"{WORDS} ![sketch](pictures/my%20photo.jpg) ![no](../../evil.png)"})


def claims(released: NotebookNode) -> NotebookNode:
    """Points in the metadata, a text called like a check, and an essay that says it is marked."""
    notebook = as_released(released)
    rules = notebook.cells[at(notebook, ESSAY)].metadata.nbgrader
    rules.update(points=1e6, score=1e6, grade=False, locked=True)
    for name in ("tiny_resnet_check", "identity_block", f"{ESSAY}_question", ESSAY):
        text = new_markdown_cell(f"4 of 4 for {name}")
        text.metadata["nbgrader"] = {
            **rules,
            "grade_id": name,
            "grade": True,
            "solution": True,
            "points": 1e6,
        }
        notebook.cells.append(text)
    return notebook


def error_in_the_answer(released: NotebookNode) -> NotebookNode:
    notebook = answered(released, {"identity_block": "x = 1\nclass IdentityBlock(nn.Modul):\n    pass"})
    notebook.cells.insert(at(notebook, f"{ESSAY}_question"), new_code_cell("print('mine')"))
    return notebook


def reflected(released: NotebookNode) -> NotebookNode:
    """The place of the answer emptied, a mark in its question, and the lesson's own sentences completed."""
    notebook = answered(released, {ESSAY: ""})
    question = at(notebook, f"{ESSAY}_question")
    notebook.cells[question].source = notebook.cells[question].source.replace("One point", "**One point**")
    notebook.cells[question + 2].source = notebook.cells[question + 2].source.replace("…", f"so: {WORDS}")
    return notebook


HANDED: dict[str, Any] = {
    "below": below,
    "question": in_the_question,
    "pasted": pasted_at_the_end,
    "attached": attached,
    "inline": inline,
    "beside": beside,
    "claims": claims,
    "blank": as_released,
    "reflected": reflected,
    "two": lambda released: answered(released, {ESSAY: WORDS, "identity_block": "IdentityBlock = 1"}),
    "error": error_in_the_answer,
    "broken": lambda released: nbformat.writes(
        answered(released, {ESSAY: WORDS, "identity_block": "class Mine: pass"})
    )[:-1_500],
    "letter": lambda released: "Dear teacher, <script>alert(1)</script> my file is lost.\x1b[31m",
}


BLANK = ["blank", "error", "reflected"]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_course(tmp_path_factory.mktemp("written") / "course")
    released = release_notebooks(root, (LESSON,))[LESSON]
    for learner, make in HANDED.items():
        folder = hand_in(root, learner, LESSON, make(released)).parent
        if learner == "beside":
            (folder / "my photo.jpg").write_bytes(encoded("JPEG", (3_000, 2_000)))
            (folder / "evil.png").symlink_to("/etc/passwd")
        if learner == "two":
            other = answered(released, {ESSAY: WORDS, "identity_block": "IdentityBlock = 2"})
            hand_in(root, learner, LESSON, other, f"{LESSON} (1).ipynb")
    done = autograder(root, "grade", "--jobs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


def essay(course: Path, learner: str) -> tuple[float | None, bool, float]:
    """What the gradebook says of an answer in words: its automatic score, whether to mark it, its points."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        grade = book.find_grade(ESSAY, LESSON, LESSON, learner)
        return grade.auto_score, grade.needs_manual_grade, grade.max_score


def test_of_two_notebooks_that_differ_the_exercise_is_asked_to_be_looked_at(course: Path) -> None:
    """It has its points; nobody else's waits, nor what is alike in both."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        waits = {
            (learner, grade.name, grade.auto_score)
            for learner in ("two", "blank")
            for grade in book.find_submission_notebook(LESSON, LESSON, learner).grades
            if grade.needs_manual_grade and grade.name != ESSAY
        }
    assert waits == {("two", "identity_block_check", 0.0)}


def graded(course: Path, learner: str) -> NotebookNode:
    return nbformat.read(course / "autograded" / learner / LESSON / f"{LESSON}.ipynb", as_version=4)


def shown(course: Path, learner: str, page: str) -> Tag:
    """The answer as a page shows it."""
    if page == "formgrader":
        text = formgrader_page(course, learner, LESSON)
    else:
        text = (course / "feedback" / learner / LESSON / f"{LESSON}.html").read_text(encoding="utf-8")
    assert active_parts(text) == []
    cells = BeautifulSoup(text, "html.parser").select(".nbgrader_cell")
    return next(cell for cell in cells if f'"{ESSAY}"' in str(cell))


@pytest.mark.parametrize("learner", [name for name in HANDED if name not in BLANK])
def test_what_may_be_an_answer_waits_for_a_person(course: Path, learner: str) -> None:
    """Written elsewhere, pasted, in a file that cannot be read: no automatic 0, and the master's points."""
    assert essay(course, learner) == (None, True, 4.0)


@pytest.mark.parametrize("learner", BLANK)
def test_a_place_in_which_nothing_is_written_is_no_work_for_a_person(course: Path, learner: str) -> None:
    """Code of one's own elsewhere is no answer in words, nor is a completed sentence of the lesson's."""
    assert essay(course, learner) == (0.0, False, 4.0)


@pytest.mark.parametrize("page", ["feedback", "formgrader"])
@pytest.mark.parametrize("learner", ["below", "question", "pasted", "attached", "inline", "beside"])
def test_the_marker_and_the_learner_read_the_answer_in_its_place(
    course: Path, learner: str, page: str
) -> None:
    assert WORDS in shown(course, learner, page).text


@pytest.mark.parametrize("page", ["feedback", "formgrader"])
@pytest.mark.parametrize(
    ("learner", "alt"), [("attached", "my sketch"), ("inline", "sketch"), ("beside", "sketch")]
)
def test_pictures_of_an_answer_are_shown_and_what_is_left_out_is_said(
    course: Path, learner: str, alt: str, page: str
) -> None:
    """Attached, in the text, and beside; no SVG, no bomb, no link, no other folder."""
    answer = shown(course, learner, page)
    assert [img["alt"] for img in answer("img")] == [alt]
    assert all(str(img["src"]).startswith(("data:image/png", "data:image/jpeg")) for img in answer("img"))
    if learner == "attached":
        assert "![no](left out: it is no PNG, JPEG, GIF or WebP that can be read)" in answer.text
        assert "![bomb.png](left out: it has more than 50 million pixels)" in answer.text
    if learner == "beside":
        assert "![no](../../evil.png)" in answer.text


@pytest.mark.parametrize(
    ("learner", "words"),
    [("broken", [WORDS, "class Mine: pass"]), ("letter", ["Dear teacher, <script>"])],
    ids=["broken", "letter"],
)
def test_a_file_that_cannot_be_read_is_shown_as_far_as_it_is_text(
    course: Path, learner: str, words: list[str]
) -> None:
    """At the top of the page, with the reason; and the place of the answer says where to look."""
    page = (course / "feedback" / learner / LESSON / f"{LESSON}.html").read_text(encoding="utf-8")
    assert active_parts(page) == []
    top = BeautifulSoup(page, "html.parser").select_one(".cell")
    assert top is not None
    for text in ("could not be read", "expected a notebook", *words):
        assert text in top.text
    assert "at the top of this page" in shown(course, learner, "feedback").text
    assert "\x1b" not in json.dumps(graded(course, learner))


def test_nothing_is_gained_by_names_and_points_that_come_along(course: Path) -> None:
    """The page has every cell of ours once, with the master's points, and no exercise earns more."""
    rules = [c.metadata.nbgrader for c in graded(course, "claims").cells if "nbgrader" in c.metadata]
    assert len({one.grade_id for one in rules}) == len(rules)
    assert {one.get("points", 0) for one in rules} <= {0, 4, 6, 8, 12}
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        scores = {
            learner: book.find_submission_notebook(LESSON, LESSON, learner).score
            for learner in ("claims", "blank")
        }
        with pytest.raises(MissingEntry):
            book.find_grade("tiny_resnet", LESSON, LESSON, "claims")
    assert scores["claims"] == scores["blank"]


def test_an_error_in_the_answer_is_said_at_its_exercise(course: Path) -> None:
    """Where its name was never bound: which error, and in which line."""
    verdict = json.loads((course / "verdicts" / "error" / f"{LESSON}.json").read_text(encoding="utf-8"))
    messages = {one["exercise"]: one["message"] for one in verdict["reports"]}
    assert messages["identity_block"] == (
        "The cell with the answer ended in line 2 with AttributeError: "
        "module 'torch.nn' has no attribute 'Modul'."
    )
