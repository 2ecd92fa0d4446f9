"""All answers to one question on one page: what it shows, writes and refuses, by keyboard alone.

With SUMSKIP_SCREENSHOTS=FOLDER the page is kept there, to be looked at.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import pytest
from nbgrader.api import Gradebook

from autograder.__main__ import main
from autograder.gradebook import by_hand
from autograder.marking import server
from autograder.marking.answers import Answers
from autograder.marking.questions import Question, find_questions
from autograder.marking.server import start
from autograder.submission.course import Course
from axe import blank_page, serious
from grading_course import (
    LESSONS,
    answered,
    edit_master,
    hand_in,
    make_course,
    rehearse_copy,
    rehearse_course,
    release_notebooks,
)
from test_answer_pictures import SVG, encoded
from test_safe_pages import ALL, CANARY, active_parts
from tools import lab

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("marking")]

LESSON, ESSAY = LESSONS[3], "explain_skip"
LONG = "A stack runs one after the other: 5 through double and add three is 10, then 13. Then x joins F(x)."
WORDS = {
    "anouk": LONG,
    "benno": "It skips layers. ![my sketch](attachment:picture-1)\n\n| a | b |\n|--:|---|\n| 1 | 2 |\n\n"
    "```python\nx + y\n```",
    "cleo": "\n\n".join(ALL),
    "doreen": "YOUR ANSWER HERE",
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Four graded learners: an essay, one with a picture, one with all that no page may do, none."""
    course = make_course(tmp_path_factory.mktemp("template") / "course")
    released = release_notebooks(course, (LESSON,))[LESSON]
    for learner, words in WORDS.items():
        hand_in(course, learner, LESSON, answered(released, {ESSAY: words, "identity_block": "# half"}))
    with pytest.MonkeyPatch.context() as patches:
        rehearse_course(patches, course)
        assert main(["grade"]) == 0
    # What the real engine keeps of a picture, which the one of tests does not draw anew.
    graded = course / "autograded" / "benno" / LESSON / f"{LESSON}.ipynb"
    notebook = json.loads(graded.read_bytes())
    [cell] = [cell for cell in notebook["cells"] if cell["id"] == "explain-skip"]
    cell["source"] = WORDS["benno"]
    picture = base64.b64encode(encoded("PNG")).decode()
    cell["attachments"] = {"picture-1": {"image/png": picture, "image/svg+xml": SVG.decode()}}
    graded.chmod(0o644)
    graded.write_text(json.dumps(notebook))
    return course, released


@pytest.fixture
def released(template: tuple[Path, Any]) -> Any:
    return template[1]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: tuple[Path, Any]) -> Path:
    return rehearse_copy(monkeypatch, template[0], tmp_path / "course")


class Row(NamedTuple):
    """What nbgrader's own rows say of one answer."""

    manual: float | None
    waits: bool
    comment: str | None
    extra: float | None = None


def row(root: Path, learner: str, cell: str = ESSAY) -> Row:
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        grade = book.find_grade(cell, LESSON, LESSON, learner)
        comment = book.find_comment(cell, LESSON, LESSON, learner)
        return Row(grade.manual_score, grade.needs_manual_grade, comment.manual_comment, grade.extra_credit)


def set_row(root: Path, learner: str, **values: Any) -> None:
    """Change a mark as formgrader does: fields of the grade, and `manual_comment` of the comment."""
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        comment = book.find_comment(ESSAY, LESSON, LESSON, learner)
        comment.manual_comment = values.pop("manual_comment", comment.manual_comment)
        grade = book.find_grade(ESSAY, LESSON, LESSON, learner)
        for name, value in values.items():
            setattr(grade, name, value)
        book.db.commit()


class Desk:
    """The page's requests, as its script makes them."""

    def __init__(self, answers: Answers, address: str) -> None:
        self.answers, self.address = answers, address
        parts = urlsplit(address)
        self.base, self.host = f"http://{parts.netloc}", parts.netloc
        self.token = parse_qs(parts.query)["token"][0]

    def ask(self, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """The status and the JSON (or text) of one request; with a `body`, it is a PUT."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.base}{path}", data, method="PUT" if data else "GET")
        for name, value in {"X-Token": self.token, **headers}.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urlopen(request, timeout=30) as answer:
                status, text = answer.status, answer.read().decode()
        except HTTPError as error:
            status, text = error.code, error.read().decode()
        return status, json.loads(text) if text.startswith("{") else text

    def key(self, learner: str) -> str:
        """What the page calls this learner's answer."""
        return next(key for key, who in self.answers._learners.items() if who == learner)

    def show(self, learner: str, names: int = 0) -> Any:
        status, one = self.ask(f"/answers/{self.key(learner)}?names={names}")
        assert status == 200, one
        return one

    def save(self, learner: str, ticks: list[int], comment: str = "", **more: Any) -> tuple[int, Any]:
        seen = more.pop("seen", None) or self.show(learner)["seen"]
        body = {"seen": seen, "ticks": ticks, "comment": comment, "score": len(ticks), **more}
        return self.ask(f"/answers/{self.key(learner)}", body)


@contextmanager
def serving(root: Path, question: Question | None = None) -> Iterator[Desk]:
    """The real server on its own loop, in a thread."""
    course = Course.open(root)
    answers = Answers(course, question or find_questions(course, "4", ESSAY)[0])
    loop, ready, address = asyncio.new_event_loop(), threading.Event(), []

    async def run() -> None:
        started, url = start(answers)
        address.append(url)
        ready.set()
        await stop.wait()
        started.stop()
        await started.close_all_connections()

    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        assert ready.wait(30)
        yield Desk(answers, address[0])
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.fixture
def desk(root: Path) -> Iterator[Desk]:
    with serving(root) as desk:
        yield desk


# --- what is marked, and where ----------------------------------------------------------------------------


def test_the_question_is_the_rubric(root: Path) -> None:
    """Each point is an item of the list that learners read; ticks become a line for them, and come back."""
    [question] = find_questions(Course.open(root), None, None)
    assert (question.assignment, question.name, question.points) == (LESSON, ESSAY, 4)
    assert [text.split()[0] for text in question.rubric] == ["What", "What", "What", "Why"]
    said = question.comment([4, 1], " Well put.\n\n1. So. ")
    assert said == "Points given: 1, 4; not given: 2, 3.\n\nWell put.\n\n1. So."
    assert question.read(said) == ([1, 4], "Well put.\n\n1. So.")
    assert question.read(question.comment([], "")) == ([], "")
    assert question.read("Points given: all.") == ([], "Points given: all.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["1"], f"nothing in {LESSONS[0]} is marked by hand; what is: {LESSON} {ESSAY}"),
        (["4", "explain_skp"], f"did you mean {ESSAY}?"),
        (["4", "tiny_resnet"], "no question 'tiny_resnet' is marked by hand"),
        (["9"], "no assignment '9'"),
    ],
)
def test_a_question_that_does_not_exist_is_named(
    root: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mark", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("autograder mark: ")
    assert words in said
    assert said.count("\n") == 1


def test_before_anybody_is_graded_the_command_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where there is no gradebook at all, and none is made."""
    root = rehearse_course(monkeypatch, make_course(tmp_path / "course"))
    assert main(["mark", "--no-browser"]) == 2
    assert f"run 'python -m autograder grade {LESSON}' first" in capsys.readouterr().err
    assert not (root / "gradebook.db").exists()


def test_the_command_says_how_much_is_open_and_how_it_goes_on(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C is how it ends, and no error."""

    def stopped(answers: Answers) -> Any:
        started = start(answers)
        signal.raise_signal(signal.SIGINT)
        return started

    monkeypatch.setattr(server, "start", stopped)
    assert main(["mark", "--no-browser"]) == 0
    out = capsys.readouterr().out
    assert f"{LESSON}: {ESSAY}: 3 of 4 answers are open" in out
    assert "Mark on http://127.0.0.1:" in out
    assert f"'python -m autograder grade {LESSON}' puts it into the feedback pages" in out


def test_a_task_and_a_second_question_are_marked_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A task's own text is the question, and the learner's cells below it are the answer."""
    root = rehearse_course(monkeypatch, make_course(tmp_path / "course"))
    path = root / "notebooks" / LESSON / f"{LESSON}.ipynb"
    notebook = json.loads(path.read_bytes())
    rules = {
        "grade": False,
        "solution": False,
        "locked": True,
        "task": True,
        "points": 2,
        "schema_version": 3,
    }
    task = {"cell_type": "markdown", "id": "draw-it", "metadata": {"nbgrader": {"grade_id": "draw", **rules}}}
    place = next(n for n, cell in enumerate(notebook["cells"]) if cell["id"] == "explain-skip") + 1
    notebook["cells"].insert(
        place, {**task, "source": ["Draw it.\n", "\n", "1. The block.\n", "2. The skip."]}
    )
    path.write_text(json.dumps(notebook))
    released = release_notebooks(root, (LESSON,))[LESSON]
    handed = answered(released, {ESSAY: LONG})
    drawn = {"cell_type": "markdown", "id": "mine", "metadata": {}, "source": "x -> F -> +"}
    place = next(n for n, cell in enumerate(handed.cells) if cell.id == "draw-it") + 1
    handed.cells.insert(place, type(handed)(drawn))
    hand_in(root, "anouk", LESSON, handed)
    assert main(["grade", "--no-feedback"]) == 0
    capsys.readouterr()
    assert main(["mark"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        f"  python -m autograder mark {LESSON} {name}" for name in (ESSAY, "draw")
    ]
    [question] = find_questions(Course.open(root), None, "draw")
    assert question.rubric == ["The block.", "The skip."]
    with serving(root, question) as desk:
        assert "x -&gt; F -&gt; +" in desk.show("anouk")["html"]
        assert desk.save("anouk", [2], "And the block?")[0] == 200
    assert row(root, "anouk", "draw") == Row(1, False, "Points given: 2; not given: 1.\n\nAnd the block?")
    assert row(root, "anouk") == Row(None, True, None)


# --- what is shown ----------------------------------------------------------------------------------------


def test_the_order_and_the_page_tell_nobody_whose_answer_it_is(root: Path, desk: Desk) -> None:
    """Blank ones come last; a name comes on request alone, and the order is the same after a restart."""
    rows = desk.ask("/answers")[1]["rows"]
    assert [one["waits"] for one in rows] == [True, True, True, False]
    assert rows[3]["blank"]
    page = json.dumps([desk.ask("/?")[1], rows, *(desk.ask(f"/answers/{one['key']}")[1] for one in rows)])
    assert not any(learner in page for learner in WORDS)
    assert desk.show("anouk", names=1)["name"] == "anouk"
    with serving(root) as again:
        assert again.ask("/answers")[1]["rows"] == rows


def test_answers_are_shown_as_safely_as_on_feedback_pages(desk: Desk) -> None:
    """Text, tables, code and the picture are there; what a learner typed as HTML is text."""
    shown = desk.show("benno")["html"]
    assert '<img alt="my sketch" src="data:image/' in shown
    assert "<table>" in shown
    hostile = desk.show("cleo")["html"]
    assert CANARY in hostile
    assert active_parts(f"<body>{hostile}</body>") == []


def test_the_model_answer_and_the_points_stand_beside(desk: Desk) -> None:
    status, page = desk.ask("/")
    assert status == 200
    assert page.count('type="checkbox" value=') == 4
    assert "a written + adds it to their output" in page
    assert "A friend says" in page


# --- what is written --------------------------------------------------------------------------------------


def test_a_mark_is_formgraders_own_row(root: Path, desk: Desk) -> None:
    """Score and comment as formgrader writes them; taken back, the answer waits again and keeps its words."""
    assert row(root, "anouk") == Row(None, True, None)
    status, one = desk.save("anouk", [1, 2, 4], "And the shapes?")
    assert (status, one["score"], one["waits"], one["ticks"]) == (200, 3, False, [1, 2, 4])
    assert row(root, "anouk") == Row(3, False, "Points given: 1, 2, 4; not given: 3.\n\nAnd the shapes?")
    assert row(root, "benno") == Row(None, True, None)
    status, one = desk.save("anouk", [], "And the shapes?", score=None)
    assert (status, one["waits"], one["score"]) == (200, True, None)
    assert row(root, "anouk") == Row(None, True, "And the shapes?")
    assert desk.save("anouk", [])[1]["score"] == 0
    assert row(root, "anouk")[:2] == (0, False)


def test_grade_keeps_the_mark_and_tells_the_learner(
    root: Path, desk: Desk, released: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page has points and words after it; another answer makes it wait again, and the page says why."""
    desk.save("anouk", [1, 2, 4], "And the shapes?")
    assert main(["grade"]) == 0
    assert row(root, "anouk").manual == 3
    page = (root / "feedback" / "anouk" / LESSON / f"{LESSON}.html").read_text()
    assert "Points given: 1, 2, 4; not given: 3." in page
    assert "And the shapes?" in page
    hand_in(root, "anouk", LESSON, answered(released, {ESSAY: "Another answer.", "identity_block": "# half"}))
    seen = desk.show("anouk")["seen"]
    assert main(["grade"]) == 0
    assert "1 mark to be looked at again" in capsys.readouterr().out
    assert desk.save("anouk", [1], seen=seen)[0] == 409
    one = desk.show("anouk")
    assert (one["again"], one["ticks"], one["comment"]) == (True, [1, 2, 4], "And the shapes?")
    assert "To be looked at again: it had 3 points" in one["notes"][0]
    assert "Another answer." in one["html"]
    assert desk.save("anouk", [1, 2, 4], "And the shapes?")[1]["waits"] is False
    assert row(root, "anouk")[:2] == (3, False)


def _blank(root: Path, released: Any) -> None:
    hand_in(root, "anouk", LESSON, answered(released, {"identity_block": "# half"}))


def _moved(root: Path, released: Any) -> None:
    notebook = answered(released, {"identity_block": "# half"})
    place = next(n for n, cell in enumerate(notebook.cells) if cell.id == "explain-skip")
    moved = {"cell_type": "markdown", "id": "mine", "metadata": {}, "source": LONG}
    notebook.cells.insert(place + 3, type(notebook)(moved))
    hand_in(root, "anouk", LESSON, notebook)


def _unreadable(root: Path, released: Any) -> None:
    hand_in(root, "anouk", LESSON, f"Dear teacher, {LONG}")


def _two(root: Path, released: Any) -> None:
    other = answered(released, {ESSAY: "Something else.", "identity_block": "# half"})
    hand_in(root, "anouk", LESSON, other, "anouk_other.ipynb")


@pytest.mark.parametrize(
    ("happens", "note", "shown"),
    [
        (_blank, "Nothing is written here.", "YOUR ANSWER HERE"),
        (_moved, None, "This stands elsewhere in the notebook and may be the answer"),
        (_unreadable, "The file could not be read as this lesson", "could not be read as this lesson"),
        (_two, "Another notebook of this learner has another answer", LONG),
    ],
)
def test_why_an_answer_is_to_be_looked_at_is_said(
    root: Path, released: Any, happens: Callable[..., None], note: str | None, shown: str
) -> None:
    happens(root, released)
    assert main(["grade", "--no-feedback"]) == 0
    with serving(root) as desk:
        one = desk.show("anouk")
        assert shown in one["html"]
        assert note is None or any(line.startswith(note) for line in one["notes"])
        assert one["waits"] is (happens is not _blank)
        assert "anouk_other" not in json.dumps(one)
        assert ("anouk_other" in json.dumps(desk.show("anouk", names=1))) is (happens is _two)


def test_a_mark_from_formgrader_is_shown_and_its_extra_credit_stays(root: Path, desk: Desk) -> None:
    set_row(
        root, "anouk", manual_score=2.5, extra_credit=1, needs_manual_grade=False, manual_comment="By hand."
    )
    one = desk.show("anouk")
    assert (one["score"], one["ticks"], one["comment"]) == (3.5, [], "By hand.")
    assert one["notes"] == [
        "Marked in formgrader: 2.5 points and 1 of extra credit, which stays. Saving replaces the points."
    ]
    desk.save("anouk", [1], one["comment"])
    assert row(root, "anouk") == Row(1, False, "Points given: 1; not given: 2, 3, 4.\n\nBy hand.", 1)


def prose(cells: dict[str, Any]) -> None:
    """A question without a list of points."""
    cells["explain-skip-question"]["source"] = ["Explain it. 1. A number in the text is no list."]


def test_a_question_without_a_rubric_has_a_number(root: Path) -> None:
    """Half points are fine, and what is no number of points is refused in one sentence."""
    edit_master(root, LESSON, prose)
    with serving(root) as desk:
        assert 'id="points" type="number" min="0" max="4.0"' in desk.ask("/")[1]
        assert desk.save("anouk", [], "Good.", score=2.5)[1]["score"] == 2.5
        assert row(root, "anouk") == Row(2.5, False, "Good.")
        for score, words in (
            (4.5, "Expected 0 to 4 points, got 4.5"),
            (-1, "got -1"),
            (float("nan"), "got nan"),
        ):
            status, said = desk.save("anouk", [], "Good.", score=score)
            assert status == 400
            assert words in said["error"]
        assert desk.save("anouk", [], score="four")[1]["error"].startswith("Expected points as a number")
        assert desk.save("anouk", [], "x" * 20_001, score=1)[0] == 400
        assert row(root, "anouk") == Row(2.5, False, "Good.")


# --- what is refused, and nothing is lost -----------------------------------------------------------------


def test_two_markers_do_not_overwrite_each_other_unseen(root: Path, desk: Desk) -> None:
    """The second is told what is there now, and may save again on the sight of it."""
    seen = desk.show("anouk")["seen"]
    with serving(root) as other:
        assert other.save("anouk", [1, 2], "Fine.")[0] == 200
    status, said = desk.save("anouk", [4], "Hm.", seen=seen)
    assert status == 409
    assert "its mark is 2 points and the comment “Fine.”" in said["error"]
    assert row(root, "anouk") == Row(2, False, "Points given: 1, 2; not given: 3, 4.\n\nFine.")
    assert desk.save("anouk", [4], "Hm.")[0] == 200
    assert row(root, "anouk").manual == 1


def test_of_many_saves_at_once_one_is_written(root: Path, desk: Desk) -> None:
    """All have seen the open answer, each by a server of its own process or thread."""
    with serving(root) as other:
        seen, statuses = desk.show("anouk")["seen"], []

        def save(place: int) -> None:
            one = (desk, other)[place % 2]
            statuses.append(one.save("anouk", [1], f"Marker {place}.", seen=seen)[0])

        threads = [threading.Thread(target=save, args=(place,)) for place in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(statuses) == [200, 409, 409, 409, 409, 409]


def test_a_locked_gradebook_takes_nothing_and_loses_nothing(
    root: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_hand, "SECONDS", 0.1)
    by_hand.wait_for_locks(0.1)
    seen = desk.show("anouk")["seen"]
    with closing(sqlite3.connect(root / "gradebook.db", isolation_level=None)) as other:
        other.execute("begin immediate")  # others may read
        status, said = desk.save("anouk", [1], seen=seen)
        assert (status, said["error"][:43]) == (503, "another program is writing to the gradebook")
        other.execute("rollback")
        other.execute("begin exclusive")  # not even that
        assert desk.save("anouk", [1], seen=seen)[0] == desk.ask("/answers")[0] == 503
    assert row(root, "anouk") == Row(None, True, None)
    assert desk.save("anouk", [1], seen=seen)[0] == 200


def test_a_learner_removed_meanwhile_is_said(root: Path, desk: Desk) -> None:
    seen = desk.show("anouk")["seen"]
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        book.remove_student("anouk")
    status, said = desk.save("anouk", [1], seen=seen)
    assert (status, said["error"]) == (
        410,
        "This learner is no longer in the gradebook; nothing was written.",
    )
    assert desk.ask("/answers/0123456789abcdef")[0] == 410
    assert len(desk.ask("/answers")[1]["rows"]) == 3


def test_a_graded_notebook_that_is_gone_is_said(root: Path, desk: Desk) -> None:
    (root / "autograded" / "anouk" / LESSON / f"{LESSON}.ipynb").unlink()
    status, said = desk.ask(f"/answers/{desk.key('anouk')}")
    assert status == 404
    assert f"run 'python -m autograder grade {LESSON} --again'" in said["error"]


def test_nobody_else_gets_an_answer(root: Path, desk: Desk) -> None:
    """Without the token, by another name of this machine, from another page: nothing is shown or written."""
    path, seen = f"/answers/{desk.key('anouk')}", desk.show("anouk")["seen"]
    body = {"seen": seen, "ticks": [1], "comment": "", "score": 1}
    for headers in (
        {"X_Token": ""},
        {"X_Token": "a" * 43},
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Host": f"evil.example:{desk.host.split(':')[1]}"},
    ):
        for asked in (("/",), ("/answers",), (path,), (path, body)):
            status, said = desk.ask(*asked, **headers)
            assert (status, set(said)) == (403, {"error"}), headers
    assert desk.ask(f"{path}?token={desk.token}", X_Token="")[0] == 403
    assert desk.ask(f"/?token={desk.token}", X_Token="")[0] == 200
    assert row(root, "anouk") == Row(None, True, None)
    with urlopen(desk.address, timeout=30) as page:
        policy = page.headers["Content-Security-Policy"]
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in policy
        assert "script-src 'nonce-" in policy


# --- names, and formgrader --------------------------------------------------------------------------------


def test_a_rosters_names_are_the_gradebooks(root: Path) -> None:
    """Of those who are in it; where a field is empty, what is there stays; more columns do not matter."""
    lines = (
        "\ufeffid,first_name,last_name,email,group",
        "anouk, Anouk ,Ünal,a@b.example,1",
        "benno,,Li,,2",
        "x,Y,Z,,",
    )
    (root / "roster.csv").write_text("\n".join(lines), encoding="utf-8")
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        book.update_or_create_student("benno", first_name="Bo")
    assert main(["grade", "--students", "cleo"]) == 0
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        names = {one.id: (one.first_name, one.last_name, one.email) for one in book.students}
    nobody = (None, None, None)
    known = {"anouk": ("Anouk", "Ünal", "a@b.example"), "benno": ("Bo", "Li", None)}
    assert names == {**known, "cleo": nobody, "doreen": nobody}
    with serving(root) as desk:
        assert desk.show("anouk", names=1)["name"] == "Anouk Ünal (anouk)"


@pytest.mark.parametrize(
    ("roster", "words"),
    [
        (b"", "roster.csv: expected a header and a line for each learner"),
        (b"name,group\nA,b\n", "expected a column that tells learners apart"),
    ],
)
def test_a_bad_roster_stops_no_grading(
    root: Path, roster: bytes, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "roster.csv").write_bytes(roster)
    assert main(["grade", "--students", "cleo"]) == 0
    out = capsys.readouterr().out
    assert "nobody was given a name: " in out
    assert words in out


def test_the_desk_opens_formgrader_and_says_what_its_words_mean(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On its own page, unless an argument names another."""
    calls: list[list[str]] = []
    done = subprocess.CompletedProcess([], 0)
    monkeypatch.setattr(lab.subprocess, "run", lambda command, **_: calls.append(command) or done)
    assert lab.main(["desk", "--no-browser"]) == 0
    [command] = calls
    assert command[2:6] == ["jupyter", "lab", "--LabApp.default_url=/formgrader", "--no-browser"]
    out = capsys.readouterr().out
    assert '"draft"' in out
    assert "exchange directory" in out


# --- the page itself --------------------------------------------------------------------------------------


@pytest.fixture
def page(needs_browser: str) -> Iterator[Page]:
    with blank_page(needs_browser) as page:
        page.context.set_offline(False)
        page.set_default_timeout(60_000)
        yield page


def opened(page: Page, address: str, words: str) -> None:
    """Open the page and wait for its first answer, the one that begins so."""
    page.goto(address)
    page.locator("#text", has_text=words).wait_for()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def looked_at(page: Page, name: str) -> None:
    if folder := os.environ.get("SUMSKIP_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"marking_{name}.png", full_page=True)


@pytest.mark.browser
def test_a_class_is_marked_by_keyboard_left_and_taken_up(root: Path, page: Page) -> None:
    """Ticks, comment, save, on to what is open; after a restart the rest is there, and `grade` keeps it."""
    with serving(root) as desk:
        order = [desk.answers._learners[one["key"]] for one in desk.ask("/answers")[1]["rows"]]
        first, _, third, _ = order
        opened(page, desk.address, "")
        page.locator("#which", has_text="Answer 1 of 4: open").wait_for()
        assert page.locator("#left").inner_text() == "3 of 4 open."
        press(page, "1", "2", "3", "3", "4", "c")
        page.keyboard.type("s1n: what about the shapes?")  # keys that mean something elsewhere
        press(page, "Escape", "n", "n", "p")  # faster than the server: one after the other all the same
        page.get_by_role("option", name="Answer 2 of 4", selected=True).wait_for(state="attached")
        assert page.get_by_role("checkbox", checked=True).count() == 0
        assert row(root, first) == Row(None, True, None)  # what was not saved is nowhere but on the page
        press(page, "p")
        page.locator("#said", has_text="Not saved yet.").wait_for()
        press(page, "s")
        page.locator("#said", has_text="Saved: 3 of 4 points.").wait_for()
        assert row(root, first) == Row(
            3, False, "Points given: 1, 2, 4; not given: 3.\n\ns1n: what about the shapes?"
        )
        page.locator("#which").evaluate("(list) => list.value === '1' || Promise.reject('not the next')")
        press(page, "c")
        page.keyboard.type("Half a sentence")
        page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Save").click()
    page.locator("#said", has_text="is 'autograder mark' still running?").wait_for()
    assert page.get_by_label("Comment").input_value() == "Half a sentence"
    with serving(root) as desk:
        opened(page, desk.address, "")
        page.locator("#left", has_text="2 of 4 open.").wait_for()
        press(page, "4", "Control+Enter")
        page.locator("#said", has_text="Saved: 1 of 4 points.").wait_for()
        set_row(root, third, manual_score=4, needs_manual_grade=False, manual_comment="From formgrader")
        press(page, "1", "s")
        page.locator("#said", has_text="its mark is 4 points and the comment “From formgrader”").wait_for()
        assert row(root, third).manual == 4
        assert page.get_by_role("checkbox", name="What a stack").is_checked()
        press(page, "s")
        page.locator("#said", has_text="Saved: 1 of 4 points.").wait_for()
        assert f"autograder grade {LESSON} writes" in page.locator("#left").inner_text()
    before = {learner: row(root, learner) for learner in order}
    assert [before[learner].manual for learner in order] == [3, 1, 1, None]
    assert not any(before[learner].waits for learner in order)
    assert main(["grade"]) == 0
    assert {learner: row(root, learner) for learner in order} == before


@pytest.mark.browser
def test_a_number_of_points_is_given_by_keyboard(root: Path, page: Page) -> None:
    """The first digit goes into the field; what is out of range is said there, and not written."""
    edit_master(root, LESSON, prose)
    with serving(root) as desk:
        first = desk.answers._learners[desk.ask("/answers")[1]["rows"][0]["key"]]
        opened(page, desk.address, "")
        page.locator("#left", has_text="3 of 4 open.").wait_for()
        press(page, "4", ".", "5", "Enter")
        assert row(root, first).waits
        assert page.locator("#points:invalid").count() == 1
        press(page, "Escape", "2", ".", "5", "Enter")
        page.locator("#said", has_text="Saved: 2.5 of 4 points.").wait_for()
    assert row(root, first) == Row(2.5, False, None)


@pytest.mark.browser
def test_the_page_can_be_used_by_all(root: Path, page: Page) -> None:
    """axe finds nothing serious, a phone need not scroll sideways, and nothing of a learner's runs."""
    set_row(root, "benno", manual_score=1, needs_manual_grade=True, manual_comment="So?")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    with serving(root) as desk:
        places = [one["key"] for one in desk.ask("/answers")[1]["rows"]]
        views = (("wide", 1280, "light"), ("dark", 1280, "dark"), ("phone", 390, "light"))
        for name, width, scheme in views:
            page.set_viewport_size({"width": width, "height": 850})
            page.emulate_media(color_scheme=scheme)
            opened(page, desk.address, "")
            for learner in ("cleo", "benno"):
                page.get_by_label("Which answer").select_option(str(places.index(desk.key(learner))))
                page.locator(
                    "#text", has_text={"cleo": "canary", "benno": "skips layers"}[learner]
                ).wait_for()
                wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert wide <= 0, f"{name}, {learner}: {wide} px too wide"
                looked_at(page, f"{name}_{learner}")
            page.get_by_text("Keys", exact=True).click()
            assert serious(page) == []
            assert page.evaluate("window.canary") is None
    assert said == []
