"""`autograder demo`: a class of invented learners, graded like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.__main__ import main
from autograder.demo import ESSAYS, draw
from autograder.keys.secret import KEY_STORE, SECRET_FILE
from autograder.submission.course import Course
from course_root import KEYS, SECRET


@pytest.fixture
def root(course: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course whose secret keys are there."""
    KEYS.mkdir(parents=True, exist_ok=True)
    (course / SECRET_FILE).parent.mkdir(mode=0o700)
    (course / SECRET_FILE).write_bytes(SECRET)
    (course / KEY_STORE).symlink_to(KEYS)
    monkeypatch.chdir(course)
    return course


@pytest.mark.slow
@pytest.mark.sandbox
def test_beliefs_that_are_known_are_found(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Right answers pass, wrong ones do not, none has a false name; the course itself is left alone."""
    assert main(["demo", "--students", "2", "--seed", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("What is known of the answers, and what was found")
    right, wrong = (line.split() for line in lines[start + 1 : start + 3])
    assert int(right[0]) == int(right[3]) > 0
    assert int(wrong[0]) == int(wrong[3]) + int(wrong[5]) > 0
    assert wrong[-4:-1] == ["0", "a", "false"]
    assert not (root / "gradebook.db").exists()
    assert (root / "demo/gradebook.db").exists()


def test_the_same_seed_draws_the_same_class(root: Path) -> None:
    """Learners, answers, times and essays; another seed draws another one."""
    course = Course.open(root)
    one, again, other = (draw(course, 20, seed) for seed in (1, 1, 2))
    assert one == again != other
    assert {answer.right for each in one for answer in each.answers.values()} == {True, False}
    assert {each.essay for each in one} > set(ESSAYS[:3])
    assert len({each.learner for each in one}) == 20


def test_a_folder_that_holds_something_else_is_left_alone(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "mine").mkdir()
    (root / "mine/notes.txt").write_text("keep me")
    assert main(["demo", "--folder", "mine"]) == 2
    assert "holds something else; name a new folder" in capsys.readouterr().err
    assert [file.name for file in (root / "mine").iterdir()] == ["notes.txt"]
