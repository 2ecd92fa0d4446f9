"""nbgrader's exchange, there and back: what a learner submits, and the feedback that only they can fetch."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from pathlib import Path

import nbformat
import pytest

from autograder.gradebook.book import ClassGradebook
from autograder.gradebook.exchange import read_secret, read_timestamp
from autograder.submission.course import Course
from grading_course import LESSONS, WRONG, answered, autograder, hand_in, make_course, nbgrader

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]

NAME = LESSONS[0]
LEARNERS = ("ana", "Zoë")


class Term:
    """A course, an exchange and the homes of its learners; all of it belongs to one user."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        self.root, self.exchange, self.homes = folder / "course", folder / "exchange", folder / "homes"
        self.exchange.mkdir()
        self.exchange.chmod(0o777)
        shared = (
            f'\nc.CourseDirectory.course_id = "skips"\nc.Exchange.root = {str(self.exchange)!r}\n{settings}\n'
        )
        make_course(self.root)
        config = self.root / "nbgrader_config.py"
        config.write_text(config.read_text(encoding="utf-8") + shared, encoding="utf-8")
        for learner in LEARNERS:
            (self.homes / learner).mkdir(parents=True)
            cache = f"c.Exchange.cache = {str(self.homes / learner / '.cache')!r}\n"
            text = f"c = get_config()\n{shared}{cache}"
            (self.homes / learner / "nbgrader_config.py").write_text(text, encoding="utf-8")

    def nbgrader(self, command: str, *arguments: str) -> str:
        done = nbgrader(self.root, command, *arguments)
        return done.stdout + done.stderr

    def learner(self, who: str, command: str, *arguments: str) -> str:
        named = () if command == "fetch_assignment" else (f"--CourseDirectory.student_id={who}",)
        done = nbgrader(self.homes / who, command, NAME, *named, *arguments)
        return done.stdout + done.stderr

    def submit(self, who: str, answers: dict[str, str]) -> None:
        path = self.homes / who / NAME / f"{NAME}.ipynb"
        nbformat.write(answered(nbformat.read(path, as_version=4), answers), path)
        self.learner(who, "submit")

    def fetched(self, who: str) -> list[str]:
        """The pages that `nbgrader fetch_feedback` gives a learner."""
        self.learner(who, "fetch_feedback")
        pages = sorted((self.homes / who / NAME / "feedback").rglob("*.html"))
        return [page.read_text(encoding="utf-8") for page in pages]


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Term:
    """Two learners who fetched, answered and submitted; their work is collected."""
    term = Term(tmp_path_factory.mktemp("term"))
    term.nbgrader("generate_assignment", NAME)
    term.nbgrader("release_assignment", NAME)
    for who in LEARNERS:
        term.learner(who, "fetch_assignment")
        term.submit(who, {"predict_flow": f"# answer of {who}\n{WRONG['predict_flow']}"})
    assert "skips ana" in term.nbgrader("list", "--inbound")
    term.nbgrader("collect", NAME)
    return term


def test_feedback_comes_back_after_grade_and_after_the_plain_commands(collected: Term) -> None:
    """Time and secret travel along; each learner fetches one page, and it is theirs."""
    secrets = {read_secret(collected.root / "submitted" / who / NAME) for who in LEARNERS}
    assert None not in secrets
    assert len(secrets) == len(LEARNERS)
    # Somebody who handed in by mail: nbgrader would stop at the missing secret, for all that come after.
    mailed = collected.root / "submitted" / "ana" / NAME / f"{NAME}.ipynb"
    hand_in(collected.root, "bob", NAME, mailed.read_text(encoding="utf-8"))

    def comes_back() -> None:
        for who in LEARNERS:
            for step in ("autograded", "feedback"):
                beside, submitted = (collected.root / s / who / NAME for s in (step, "submitted"))
                assert read_secret(beside) == read_secret(submitted)
                assert read_timestamp(beside) == read_timestamp(submitted)
                assert read_timestamp(beside) is not None
        shutil.rmtree(collected.exchange / "skips" / "feedback", ignore_errors=True)
        collected.nbgrader("release_feedback", NAME)
        assert "no feedback" not in collected.learner("ana", "list", "--cached")
        for who in LEARNERS:
            [page] = collected.fetched(who)
            assert f"answer of {who}" in page

    done = autograder(collected.root, "grade")
    assert done.returncode == 0, done.stderr
    assert "3 notebooks graded" in done.stdout
    comes_back()
    assert read_secret(collected.root / "autograded" / "bob" / NAME) is None
    comes_back()  # pages that were finished before keep the two files
    for step in ("autograded", "feedback"):
        shutil.rmtree(collected.root / step)
    shutil.rmtree(collected.root / "submitted" / "bob")
    collected.nbgrader("autograde", NAME)
    collected.nbgrader("generate_feedback", NAME)
    comes_back()


def test_plain_nbgrader_reads_odd_times_and_copies_as_grade_does(collected: Term, tmp_path: Path) -> None:
    """Plain `nbgrader autograde` on a byte-order mark, on what is no time, and on a copy worked on."""
    root = tmp_path / "course"
    shutil.copytree(collected.root, root, symlinks=True)
    for who, text in zip(LEARNERS, ("\ufeff2026-02-03 10:00:00 UTC", "yesterday"), strict=True):
        stamp = root / "submitted" / who / NAME / "timestamp.txt"
        stamp.chmod(0o644)
        stamp.write_text(text, encoding="utf-8")
    # And an untouched notebook beside the one that was worked on.
    folder = root / "submitted" / "ana" / NAME
    folder.chmod(0o755)
    (folder / f"{NAME}.ipynb").rename(folder / f"{NAME}-Copy1.ipynb")
    shutil.copy(root / "release" / NAME / f"{NAME}.ipynb", folder)
    done = nbgrader(root, "autograde", NAME, "--force")
    assert "no time is known: expected such as" in done.stderr
    with sqlite3.connect(root / "gradebook.db") as book:
        times = dict(book.execute("select student_id, timestamp from submitted_assignment"))
    assert times["ana"] == "2026-02-03 10:00:00.000000"
    assert f"graded {NAME}-Copy1.ipynb, which is worked on; {NAME}.ipynb is as it was released" in done.stderr
    graded = root / "autograded" / "ana" / NAME
    assert sorted(path.name for path in graded.iterdir()) == sorted(
        [f"{NAME}.ipynb", "submission_secret.txt", "timestamp.txt"]
    )
    assert "answer of ana" in (graded / f"{NAME}.ipynb").read_text(encoding="utf-8")


def test_a_shared_course_is_shared(tmp_path: Path) -> None:
    """CourseDirectory.groupshared: the group may change whatever is written, as nbgrader itself has it."""
    old = os.umask(0o077)
    try:
        term = Term(tmp_path, "c.CourseDirectory.groupshared = True")
        with ClassGradebook(term.root) as book:
            released = book.register(NAME)
        hand_in(term.root, "ana", NAME, released)
        Course.open(term.root).prepare([NAME])
        assert autograder(term.root, "grade").returncode == 0
    finally:
        os.umask(old)
    for step in ("autograded", "feedback", "verdicts"):
        for path in (term.root / step, *(term.root / step).rglob("*")):
            mode = stat.S_IMODE(path.stat().st_mode)
            wanted = 0o2770 if path.is_dir() else 0o660
            assert mode & wanted == wanted, f"{path}: {mode:o}"
    # The group can grade, and nobody else sees what decides a grade.
    assert stat.S_IMODE((term.root / ".course").stat().st_mode) == 0o2770
    assert stat.S_IMODE((term.root / ".course" / "secret").stat().st_mode) == 0o660
