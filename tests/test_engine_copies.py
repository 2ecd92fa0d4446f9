"""Copies, lost names and answers in other places: what counts is what the learner saw at the check."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.engine.folder import IntakeError
from autograder.engine.intake import Submission, read_submission
from test_engine_intake import MASTERS, Notebook, cell, check, notebook, solution

RIGHT, OTHER = "class First:\n    right = True", "class First:\n    other = True"
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
ESSAY = "YOUR ANSWER HERE"


def first(source: str, **more: Any) -> dict[str, Any]:
    return solution("first", source) | more


def own(source: str, kind: str = "code") -> dict[str, Any]:
    """A cell that has lost its metadata, or never had any."""
    return cell(source, kind=kind, id=f"own-{abs(hash(source)) % 10**6}")


CHECK = check("first", "First", 3)
# What stands where the exercise does, and which of its cells counts.
COUNTS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "a copy below the check": ([first(RIGHT), CHECK, first(OTHER)], RIGHT),
    "the template below the check": ([first(RIGHT), CHECK, first(STUB)], RIGHT),
    "a copy above": ([first(OTHER), first(RIGHT), CHECK], RIGHT),
    "a copy that stayed untouched above": ([first(STUB), first(RIGHT), CHECK], RIGHT),
    "an untouched original below the copy": ([first(RIGHT), first(STUB), CHECK], RIGHT),
    "a copy below the check alone is written in": ([first(STUB), CHECK, first(RIGHT)], RIGHT),
    "of two such copies the last": ([first(STUB), CHECK, first(OTHER), first(RIGHT)], RIGHT),
    "a copy without metadata below": ([first(RIGHT), CHECK, own(OTHER)], RIGHT),
    "a copy without metadata between": ([first(OTHER), own(RIGHT), CHECK], RIGHT),
    "a template without metadata between": ([first(RIGHT), own(STUB), CHECK], RIGHT),
    "an own cell instead, above the check": ([first(STUB), own(RIGHT), CHECK], RIGHT),
    "an own cell instead, below the check": ([first(STUB), CHECK, own(RIGHT)], RIGHT),
    "an emptied cell and a copy below": ([first(""), CHECK, own(RIGHT)], RIGHT),
    "answer and check copied, both mended": ([first(OTHER), CHECK, first(RIGHT), CHECK], RIGHT),
    "answer and check copied, not begun": ([first(RIGHT), CHECK, first(STUB), CHECK], RIGHT),
    "a check of one's own below": ([first(RIGHT), CHECK, own(f'{OTHER}\ncheck("first", First)')], RIGHT),
    "a copied check made a remark": (
        [first(RIGHT), CHECK, first(OTHER), CHECK | {"source": "# " + CHECK["source"]}],
        RIGHT,
    ),
    "a copied check emptied": ([first(RIGHT), CHECK, first(OTHER), CHECK | {"source": ""}], RIGHT),
    "a copied check of another name": (
        [first(RIGHT), CHECK, first(OTHER), CHECK | {"source": 'check("second", second)'}],
        RIGHT,
    ),
    "the answer in the check cell": ([first(STUB), CHECK | {"source": f"{RIGHT}\n{CHECK['source']}"}], RIGHT),
    "answer and check in one cell": ([first(f"{RIGHT}\n{CHECK['source']}")], RIGHT),
    "the check was deleted": ([first(OTHER), own(RIGHT)], RIGHT),
    "the check stands first": ([CHECK, first(RIGHT)], RIGHT),
    "a changed class below, on purpose": ([first(RIGHT), CHECK, own(OTHER), own("First()")], RIGHT),
    "no answer": ([first(STUB), CHECK, own("print(1)")], STUB),
}


@pytest.fixture
def read(tmp_path: Path) -> Callable[[Any], Submission]:
    def read(data: Any) -> Submission:
        path = tmp_path / "handed.ipynb"
        path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
        return read_submission(path, MASTERS)

    return read


def lesson(*cells: dict[str, Any]) -> Notebook:
    """The lesson with these cells in place of the first exercise; the second is answered."""
    made = copy.deepcopy(MASTERS["lesson"])
    made["cells"][6]["source"], made["cells"][8]["source"] = "second = 2", ESSAY
    made["cells"][3:5] = [copy.deepcopy(one) | {"id": f"copy-{i}"} for i, one in enumerate(cells)]
    return made


def bound(submission: Submission, exercise: str) -> str:
    """What the name of an exercise stands for when it is judged: the last cell run before that says so."""
    last = ""
    for step in submission.plan.tasks:
        if step.do == "check" and step.exercise == exercise:
            return last
        if step.do == "run" and step.source.startswith(("class First", STUB)):
            last = step.source
    raise AssertionError(f"{exercise} is not judged")


@pytest.mark.parametrize(("cells", "counts"), COUNTS.values(), ids=COUNTS)
def test_an_exercise_is_judged_as_the_learner_saw_it_at_its_check(
    read: Any, cells: list[dict[str, Any]], counts: str
) -> None:
    """Whatever is copied, split, merged or written elsewhere; nothing of the others is lost."""
    submission = read(lesson(*cells))
    assert bound(submission, "first").startswith(counts)
    judged = [step.exercise for step in submission.plan.tasks if step.do == "check"]
    assert sorted(judged) == ["first", "second"]
    ids = [c.metadata.nbgrader.grade_id for c in submission.notebook.cells if "nbgrader" in c.metadata]
    assert sorted(ids) == sorted(set(ids))
    sources = {c.source for c in submission.notebook.cells}
    assert {one["source"] for one in cells} - {CHECK["source"]} <= sources


def test_the_last_answer_that_ends_in_an_error_is_known_to_its_exercise(read: Any) -> None:
    """Own cells that answer carry the exercise's name, those below its check do not."""
    submission = read(lesson(first(STUB), own(OTHER), CHECK, own(RIGHT)))
    assert [step.source for step in submission.plan.tasks if step.exercise == "first"] == [OTHER, ""]


def test_what_is_odd_is_said_in_one_line(read: Any) -> None:
    made = lesson(first(OTHER), first(RIGHT))
    made["cells"][1]["source"] = "import torch, math"
    assert read(made).warnings == (
        "the cell first_check was missing; "
        "the cell imports was changed: the master's text was used, the learner's stands beside it; "
        "the cell first was there more than once, not alike: what counts is written above the last check",
    )


def test_what_was_added_to_a_locked_cell_is_run_as_well(read: Any) -> None:
    """An import in our cell, as editors that know no locks allow: the answer below it needs it."""
    made = lesson(first(RIGHT), CHECK)
    made["cells"][1]["source"] = "import torch, math"
    steps = [step.source for step in read(made).plan.tasks]
    assert steps[:2] == ["import torch", "import torch, math"]


# --- nbgrader's metadata lost ----------------------------------------------------------------------------


def no_ids(nb: Notebook) -> None:
    nb["nbformat_minor"] = 0
    for c in nb["cells"]:
        del c["id"]


def other_ids(nb: Notebook) -> None:
    for number, c in enumerate(nb["cells"]):
        c["id"] = f"{number:08x}"


def colab_ids(nb: Notebook) -> None:
    for c in nb["cells"]:
        c["metadata"]["id"] = c.pop("id")


def no_metadata(nb: Notebook) -> None:
    for c in nb["cells"]:
        c["metadata"] = {}


def half_the_metadata(nb: Notebook) -> None:
    for c in nb["cells"][::2]:
        c["metadata"] = {}


def carriage_returns(nb: Notebook) -> None:
    for c in nb["cells"]:
        c["source"] = c["source"].replace("\n", "\r\n") + "\r\n"


def turned_around(nb: Notebook) -> None:
    nb["cells"].reverse()


LOST: dict[str, tuple[Callable[[Notebook], None], ...]] = {
    "ids": (no_ids,),
    "ids changed": (other_ids,),
    "metadata": (no_metadata,),
    "metadata, ids in the metadata": (no_metadata, colab_ids),
    "metadata of every other cell": (half_the_metadata,),
    "both": (no_metadata, no_ids),
    "both, and new ids": (no_metadata, other_ids),
    "both, and the order": (no_metadata, no_ids, turned_around),
    "both, with other line ends": (no_metadata, no_ids, carriage_returns),
}


@pytest.mark.parametrize("changes", LOST.values(), ids=LOST)
def test_cells_are_recognised_by_id_then_text_then_name(read: Any, changes: Any) -> None:
    """Answers, checks and locked cells are found again, and it is said that something was lost."""
    made = lesson(first(RIGHT), CHECK, own("print('mine')"))
    for c in made["cells"]:  # as they were released
        if c["id"] == "copy-0":
            c["id"] = "first"
    for change in changes:
        change(made)
    submission = read(made)
    assert submission.assignment == "lesson"
    assert bound(submission, "first").split() == RIGHT.split()
    assert {s.exercise for s in submission.plan.tasks if s.do == "run" and s.exercise} == {"first", "second"}
    lost = changes[0] not in (no_ids, other_ids)
    assert any("metadata was missing" in warning for warning in submission.warnings) == lost
    assert not any(
        "was missing" in w or "were missing" in w for w in submission.warnings if "metadata" not in w
    )


def test_without_names_the_cell_that_counts_stands_above_the_check(read: Any) -> None:
    """Neither ids nor metadata, and two cells of one name: the plan is the notebook's order."""
    made = lesson(own(OTHER), own(RIGHT), CHECK, own("class First:\n    later = True"))
    no_metadata(made)
    no_ids(made)
    submission = read(made)
    assert bound(submission, "first") == RIGHT
    assert any("first was there more than once" in warning for warning in submission.warnings)


def test_a_notebook_of_another_course_is_not_taken_for_ours_by_a_word(read: Any) -> None:
    with pytest.raises(IntakeError, match="expected a notebook of this course") as caught:
        read(notebook(own("class First: pass"), own("import numpy")))
    assert "class First: pass" in caught.value.shown


# --- answers in words ------------------------------------------------------------------------------------


def essay(source: str) -> dict[str, Any]:
    return cell(source, "essay", "markdown", grade=True, solution=True, points=2)


def question(source: str) -> dict[str, Any]:
    return cell(source, kind="markdown", id="q")


NOTE = "may be the answer"
# What stands at the end of the notebook, what the marker reads as the answer, and whether nobody may be sure.
QUESTION = "# Why is it so?\n\nSay in a few words why it is so.\n\n- I thought that …"
AFTER = cell("# Lesson", kind="markdown")
WORDS = "Because the one is added to the other and so it passes on"
ESSAYS: dict[str, tuple[list[dict[str, Any]], list[str], bool]] = {
    "written": ([essay("Because.")], ["Because."], False),
    "the template pasted below": ([essay("Because."), essay(ESSAY)], ["Because."], False),
    "the template pasted above": ([essay(ESSAY), essay("Because.")], ["Because."], False),
    "split in two": ([essay("Because."), essay("And so.")], ["Because.", "And so."], False),
    "in a cell below": ([essay(ESSAY), own("Because.", "markdown")], ["Because."], True),
    "in a cell above": ([own("Because.", "markdown"), essay(ESSAY)], ["Because."], True),
    "in a raw cell": ([essay(ESSAY), own("Because.", "raw")], ["Because."], True),
    "in a code cell below": ([essay(ESSAY), own("Because it is so")], ["    Because it is so"], True),
    "as a changed text of ours": (
        [essay(ESSAY), cell("# After\nBecause.", kind="markdown", id="intro")],
        ["Because."],
        True,
    ),
    "next to a code cell in between": (
        [essay(ESSAY), own("1 + 1"), own("Because.", "markdown")],
        ["Because."],
        True,
    ),
    "goes on in a cell of one's own": (
        [essay("Because."), own("And so.", "markdown"), own("And on.", "raw")],
        ["Because.\n\nAnd so.\n\nAnd on."],
        False,
    ),
    "split, with a cell of one's own in between": (
        [essay("Because."), own("And so.", "markdown"), essay("And on.")],
        ["Because.\n\nAnd so.\n\nAnd on."],
        False,
    ),
    "in paragraphs, with a formula": (
        [essay(ESSAY), own("Because.\n\n$$\nx + 1\n$$\n\nAnd so.", "markdown")],
        ["Because.\n\n$$\nx + 1\n$$\n\nAnd so."],
        True,
    ),
    "below the question, copied": (
        [essay(ESSAY), own(f"{QUESTION}\n\nBecause.", "markdown")],
        ["answer:*\n\nBecause."],
        True,
    ),
    "as a remark far away": (
        [essay(ESSAY), AFTER, own(f"# {WORDS}")],
        [WORDS],
        True,
    ),
    "merged into the question": (
        [question(f"{QUESTION}\n\nBecause.")],
        ["Because."],
        True,
    ),
    "emptied": ([essay("")], [ESSAY], False),
    "white space": ([essay(f" {ESSAY}\n\n ")], [ESSAY], False),
    "deleted": ([own("import numpy, torch")], [ESSAY], False),
    "code of one's own far away": (
        [essay(ESSAY), AFTER, own("y = [f(x) for x in range(9)]")],
        [ESSAY],
        False,
    ),
    "deleted, and the question marked and completed": (
        [question(QUESTION.replace("few", "**few**").replace("…", "it is another") + " ")],
        [ESSAY],
        False,
    ),
    "blank, and the question mended": (
        [question(QUESTION.replace("few words", "few short words")), essay(ESSAY)],
        [ESSAY],
        False,
    ),
    "the cell deleted, the answer elsewhere": ([own("Because.", "markdown")], ["Because."], True),
    "nothing": ([essay(ESSAY)], [ESSAY], False),
    "nothing, twice": ([essay(ESSAY), essay(ESSAY), own(ESSAY, "markdown")], [ESSAY], False),
}


@pytest.mark.parametrize(("cells", "expected", "unsure"), ESSAYS.values(), ids=ESSAYS)
def test_an_answer_in_words_is_shown_wherever_it_stands(
    read: Any,
    monkeypatch: pytest.MonkeyPatch,
    cells: list[dict[str, Any]],
    expected: list[str],
    unsure: bool,
) -> None:
    """The marker reads it where the answer belongs; where it may be another text, the page says so."""
    made, master = lesson(first(RIGHT), CHECK), copy.deepcopy(MASTERS["lesson"])
    master["cells"].insert(-1, question(QUESTION))
    monkeypatch.setitem(MASTERS, "lesson", master)
    made["cells"][-1:] = [] if cells[0]["id"] == "q" else [question(QUESTION)]
    made["cells"] += [
        one | {"id": one["id"] if one["id"] in ("intro", "q") else f"end-{i}"} for i, one in enumerate(cells)
    ]
    answer = next(c for c in read(made).notebook.cells if c.id == "essay")
    for text in expected:
        assert text in answer.source
    assert (NOTE in answer.source) == unsure
    assert (answer.source == ESSAY) == (expected == [ESSAY])
