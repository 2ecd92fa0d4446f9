"""The gradebook in a real PostgreSQL: the same marks, with others at work in it, and nothing half-written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook

from autograder.__main__ import main
from autograder.gradebook.by_hand import ByHand, give
from axe import blank_page
from browser import served
from conftest import find_postgres
from grading_course import (
    LESSONS,
    WRONG,
    answered,
    autograder,
    environment,
    hand_in,
    killed_half_way,
    make_course,
    rehearse_course,
    release_notebooks,
)

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

FIRST, LAST = LESSONS[0], LESSONS[3]
ESSAY = "explain_skip"
COURSE = "sum-and-skip"
PASSWORD = "open-sesame-1234"


class Server:
    """A server of our own, in a folder of its own, which nobody reaches but through that folder."""

    def __init__(self, folder: Path) -> None:
        programs = find_postgres()
        assert programs is not None
        self.folder, self.programs, self.databases = folder, programs, 0
        self.user: list[str] = []
        if os.getuid() == 0:  # as whom it refuses to run
            shutil.chown(folder, "postgres", "postgres")
            self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
        word = folder / "password"
        word.write_text(PASSWORD)
        word.chmod(0o644)
        made = ("-A", "scram-sha-256", "-U", "postgres", "--pwfile", str(word), "-E", "UTF8", "--no-sync")
        self.run("initdb", "-D", str(folder / "data"), *made)
        self.start()

    def run(self, program: str, *arguments: str) -> None:
        command = [*self.user, str(self.programs / program), *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/", timeout=120)
        assert done.returncode == 0, done.stdout.decode()

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses= -c fsync=off"
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-o", options, "-l", log, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def address(self, database: str, password: str = PASSWORD) -> str:
        return f"postgresql+psycopg://postgres:{password}@/{database}?host={self.folder}"

    def database(self) -> str:
        """The address of a new one."""
        import psycopg

        self.databases += 1
        name = f"course{self.databases}"
        with psycopg.connect(
            host=str(self.folder), user="postgres", password=PASSWORD, autocommit=True
        ) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.address(name)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="sumskip-pg-", dir="/tmp") as folder:
        here = Server(Path(folder))
        yield here
        here.stop()


def set_gradebook(root: Path, address: str, course: str = COURSE) -> None:
    with (root / "nbgrader_config.py").open("a") as file:
        file.write(f"\nc.CourseDirectory.db_url = {address!r}\nc.CourseDirectory.course_id = {course!r}\n")


def rows(address: str) -> list[tuple[Any, ...]]:
    """Every grade in a gradebook, by learner and cell."""
    found = []
    with Gradebook(address, COURSE) as book:
        for assignment in book.assignments:
            for submission in book.assignment_submissions(assignment.name):
                whose = (assignment.name, submission.student.id, submission.timestamp, submission.score)
                for notebook in submission.notebooks:
                    for grade in notebook.grades:
                        given = (grade.auto_score, grade.manual_score, grade.needs_manual_grade)
                        found.append((*whose, notebook.late_submission_penalty, grade.name, *given))
    return sorted(found, key=str)


def a_class(root: Path, lesson: str, learners: int) -> None:
    """`FakeEngine` reads the first word of an answer."""
    released = release_notebooks(root, (lesson,))[lesson]
    words = ("# right", "# half", "# silent", "x = 1")
    names = [
        c.metadata.nbgrader.grade_id for c in released.cells if c.metadata.get("nbgrader", {}).get("solution")
    ]
    for number in range(learners):
        answers = {name: f"{words[(number + i) % 4]} {number}" for i, name in enumerate(names)}
        path = hand_in(root, f"learner{number:02}", lesson, answered(released, answers))
        (path.parent / "timestamp.txt").write_text(f"2026-11-{1 + number % 20:02} 10:00:00 UTC")


def test_marks_are_those_of_sqlite(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Row by row; a second run finds all finished, the report says the same, a learner can be forgotten."""
    said, found, reports = [], [], []
    for kind in ("sqlite", "postgres"):
        root = rehearse_course(monkeypatch, make_course(tmp_path / kind))
        address = server.database() if kind == "postgres" else f"sqlite:///{root}/gradebook.db"
        set_gradebook(root, address)
        a_class(root, LAST, 6)
        capsys.readouterr()
        assert main(["grade"]) == 0
        said.append(capsys.readouterr().out.split("Slowest")[0])
        found.append(rows(address))
        assert main(["grade"]) == 0
        assert "0 notebooks graded" in capsys.readouterr().out
        assert main(["report", "--csv", "report.csv", "--pseudonyms"]) == 0
        reports.append((root / "report.csv").read_text())
        assert main(["export", LAST, "--csv", "marks.csv"]) == 0
        assert main(["forget", "learner00", "--yes"]) == 0
        assert {row[1] for row in rows(address)} == {f"learner{n:02}" for n in range(1, 6)}
    assert len(found[0]) > 20
    assert found[0] == found[1]
    assert said[0] == said[1]
    assert reports[0] == reports[1]
    assert (tmp_path / "sqlite" / "marks.csv").read_text() == (
        tmp_path / "postgres" / "marks.csv"
    ).read_text()


@pytest.mark.browser
def test_others_mark_in_formgrader_and_beside_it_while_a_run_writes(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs_browser: str
) -> None:
    """Formgrader's page is open and used, its session too; no mark by hand is lost."""
    from playwright.sync_api import expect

    root = rehearse_course(monkeypatch, make_course(tmp_path / "course"))
    address = server.database()
    set_gradebook(root, address)
    a_class(root, LAST, 12)
    assert main(["grade", "--no-feedback"]) == 0
    with Gradebook(address, COURSE) as book:
        number = book.find_submission_notebook(LAST, LAST, "learner00").id
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    status: list[int] = []
    run = threading.Thread(target=lambda: status.append(main(["grade", "--again", "--no-feedback"])))
    with (
        served(root, tmp_path) as (url, token),
        blank_page(needs_browser) as page,
        Gradebook(address, COURSE) as session,
    ):
        assert len(session.assignment_submissions(LAST)) == 12  # and its transaction goes on
        page.context.set_offline(False)
        page.set_default_timeout(60_000)
        page.goto(f"{url}formgrader?token={token}")
        page.goto(f"{url}formgrader/submissions/{number}")
        score = page.locator(f"input.score#{ESSAY}")
        expect(score).to_have_class(re.compile("needs_manual_grade"))  # its script is at work
        run.start()
        score.fill("4")
        with page.expect_response(lambda answer: "/api/grade/" in answer.url) as saved:
            score.blur()
        assert saved.value.ok
        marker = ByHand(root, LAST, ESSAY)
        for other in range(1, 12):
            with marker.held(f"learner{other:02}") as held:
                assert held is not None
                give(held[1], float(other % 5))
        run.join(120)
        page.reload()
        expect(score).to_have_value("4")
    assert status == [0]
    marks = {row[1]: row[-2] for row in rows(address) if row[5].startswith(ESSAY)}
    assert marks == {f"learner{number:02}": float(number % 5 or 4 * (not number)) for number in range(12)}


@pytest.mark.sandbox
def test_a_killed_run_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    """Killed half-way and started again, a run leaves what an undisturbed one does."""
    start = make_course(tmp_path / "start")
    released = release_notebooks(start, (FIRST,))[FIRST]
    for number in range(5):
        answers = {name: WRONG[name] for name in ("predict_flow", "sequential_model")[: number % 3]}
        hand_in(start, f"learner{number}", FIRST, answered(released, answers))
    ends = []
    for disturbed in (False, True):
        root = Path(shutil.copytree(start, tmp_path / f"course-{disturbed}", symlinks=True))
        address = server.database()
        set_gradebook(root, address)
        if disturbed:
            killed_half_way(root, 5, tmp_path / "killed.log")
        done = autograder(root, "grade", "--jobs", "2")
        assert done.returncode == 0, done.stderr
        assert ("finished before" in done.stdout) == disturbed
        ends.append(rows(address))
    assert ends[0] == ends[1]
    assert len(ends[0]) == 15


def test_a_database_that_cannot_be_used_is_one_clear_line(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was expected and what to do; no password is shown, and nothing is written."""
    good = server.database()
    bad = {
        "has no name; add c.CourseDirectory.course_id": (good, ""),
        "see that its server runs and lets you in": (server.address("course1", "wrong-pass"), COURSE),
        "does not exist": (server.address("nowhere"), COURSE),
        "pip install 'psycopg[binary]'": ("postgresql+pg8000://postgres@/course1", COURSE),
        "is no address": ("postgres at home", COURSE),
    }
    for number, (words, (address, course)) in enumerate(bad.items()):
        root = rehearse_course(monkeypatch, make_course(tmp_path / str(number)))
        a_class(root, FIRST, 1)
        (root / "gradebook.db").unlink()
        set_gradebook(root, address, course)
        assert main(["grade"]) == 2
        out, err = capsys.readouterr()
        assert words in err
        assert len(err.splitlines()) == 1
        assert not any(word in out + err for word in (PASSWORD, "wrong-pass"))
        assert not any(
            (root / name).exists() for name in ("gradebook.db", "autograded", "feedback", "verdicts")
        )


def test_a_server_that_goes_away_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped in the middle of a run, which says so; with the server back, the next run does the rest."""
    from autograder.class_run import run as class_run

    with tempfile.TemporaryDirectory(prefix="sumskip-pg-", dir="/tmp") as folder:
        server = Server(Path(folder))
        root = rehearse_course(monkeypatch, make_course(tmp_path / "course"))
        address = server.database()
        set_gradebook(root, address)
        a_class(root, FIRST, 5)
        written: list[Any] = []
        record = class_run.ClassGradebook.record

        def stops(self: Any, *given: Any) -> None:
            if len(written) == 2:
                server.stop()
            written.append(given)
            record(self, *given)

        monkeypatch.setattr(class_run.ClassGradebook, "record", stops)
        assert main(["grade", "--jobs", "1"]) != 0
        monkeypatch.setattr(class_run.ClassGradebook, "record", record)
        server.start()
        capsys.readouterr()
        assert main(["grade", "--jobs", "1"]) == 0
        assert len({row[1] for row in rows(address)}) == 5
        server.stop()
