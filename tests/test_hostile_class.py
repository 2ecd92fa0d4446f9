"""A class in which every second one is hostile: the honest keep their grades, and nobody is missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from autograder.answers import answers
from autograder.files import UnfitFileError, regular_bytes
from autograder.keys.secret import KEY_STORE
from autograder.submission.course import Course
from course_root import KEYS
from grading_course import (
    LESSONS,
    ROOT,
    answered,
    as_ordinary_user,
    autograder,
    environment,
    hand_in,
    json_lines,
    make_course,
    master,
    release_notebooks,
)
from hostile.code import ATTACKS, PRELUDE
from hostile.handed_in import BESIDE, HOPELESS

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

LESSON = LESSONS[1]
CODE = ("a shape that cannot be counted", "a class with a name of 3.5 million backquotes", "leaving")


def _hostile(released: Any) -> list[tuple[Any, Callable[[Path], None]]]:
    """Notebooks to hand in, and what is done to the folder around each."""
    beside = [(released, fill) for fill in BESIDE.values()]
    prelude = PRELUDE.replace("__HOST__", "{}")
    codes = [prelude + attack.code for attack in ATTACKS if attack.name in CODE]
    written = [answered(released, {"addition_model": code}) for code in codes]
    return beside + [(notebook, _nothing) for notebook in (*written, HOPELESS["a monster"].decode())]


def _nothing(folder: Path) -> None:
    """The notebook is all there is."""


def _honest(released: Any) -> Iterator[Any]:
    """Notebooks as honest learners hand them in: solved, not begun, and answers of every kind."""
    yield from (master(LESSON), released)
    exercises = ("predict_addition", "addition_model", "projected_addition_model")
    columns = [[a.source for a in answers() if a.exercise == exercise][::3] for exercise in exercises]
    for row in zip(*map(cycle, columns), strict=False):
        yield answered(released, dict(zip(exercises, row, strict=True)))


def _class(root: Path, hostile: bool) -> dict[tuple[str, str], dict[str, Any]]:
    """Grade a class in `root`; the rows of its honest learners."""
    make_course(root)
    (root / "evil.py").write_text("open('pwned', 'w')\n")  # what a name may not import
    released = release_notebooks(root, (LESSON,))[LESSON]
    learners: list[str] = []
    honest = _honest(released)
    attacks = _hostile(released)
    for number, (notebook, fill) in enumerate(attacks):
        learners.append(f"l{number:03}")
        hand_in(root, learners[-1], LESSON, next(honest))
        if hostile:
            fill(hand_in(root, f"l{number:03}-mallory", LESSON, notebook).parent)
    done = autograder(root, "grade", "--no-feedback", "--jobs", "2", "--json", "out.jsonl")
    assert done.returncode == 0, done.stderr
    rows = json_lines(root / "out.jsonl")
    assert len(rows) == len(learners) + len(attacks) * hostile, "a row for everybody"
    assert not list(root.rglob("pwned")), "a file of a learner's was run by the grader"
    assert "\x1b" not in done.stdout + done.stderr
    for (learner, _), row in rows.items():
        assert len(json.dumps(row)) < 20_000
        if "mallory" in learner:
            assert row["score"] == 0, learner
    return {key: row for key, row in rows.items() if "mallory" not in key[0]}


def test_the_honest_keep_their_grades(tmp_path: Path) -> None:
    """Row for row as in the same class without the hostile ones."""
    alone = _class(tmp_path / "alone", hostile=False)
    assert _class(tmp_path / "beside", hostile=True) == alone
    assert len({row["score"] for row in alone.values()}) > 4, "the honest differ from one another"


def test_a_file_beside_a_notebook_is_not_run_by_check(tmp_path: Path) -> None:
    """`check` looks at the same folder as `grade`."""
    root = make_course(tmp_path / "course")
    (root / "evil.py").write_text("open('pwned', 'w')\n")
    file = hand_in(root, "mallory", LESSON, master(LESSON))
    BESIDE["a name that imports"](file.parent)
    done = autograder(root, "check", str(file), "--json")
    assert done.returncode == 0, done.stderr
    assert not list(root.rglob("pwned"))
    assert "no module can have its name" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_that_cannot_be_looked_into_is_one_learners_trouble(tmp_path: Path) -> None:
    """An ordinary user grades; closed folders and files are not graded, each with its reason."""
    root = make_course(tmp_path / "course")
    Course.open(root).prepare([LESSON])
    (root / KEY_STORE).unlink()  # those of all tests belong to whoever runs them
    shutil.copytree(KEYS, root / KEY_STORE, ignore=shutil.ignore_patterns("*.part"))
    hand_in(root, "ana", LESSON, master(LESSON))
    hand_in(root, "ben", LESSON, master(LESSON)).parent.chmod(0o000)
    hand_in(root, "cleo", LESSON, master(LESSON)).chmod(0o000)
    hand_in(root, "dora", LESSON, master(LESSON)).parent.chmod(0o600)
    hand_in(root, "emil", LESSON, master(LESSON)).parent.parent.chmod(0o000)
    for path in (root, *root.rglob("*")):
        os.chown(path, 4242, 4242, follow_symlinks=False)
    command = [sys.executable, "-m", "autograder", "grade", "--no-feedback", "--json", "out.jsonl"]
    user = as_ordinary_user(ROOT, root)
    clean = {**environment(), "HOME": "/tmp"}
    done = subprocess.run([*user, *command], cwd=root, env=clean, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    rows = json_lines(root / "out.jsonl")
    assert {learner for learner, _ in rows} == {"ana", "ben", "cleo", "dora"}
    assert rows["ana", LESSON]["score"] == rows["ana", LESSON]["max_score"]
    for learner in ("ben", "cleo", "dora"):
        assert {one["status"] for one in rows[learner, LESSON]["exercises"]} == {"not_graded"}
        assert "Permission denied" in rows[learner, LESSON]["exercises"][0]["message"]
    assert "submitted/emil: expected a readable folder" in done.stdout


@pytest.mark.skipif(
    not Path("/proc/self/mem").exists(), reason="Linux alone has a regular file that cannot be read"
)
def test_a_file_that_stops_in_the_middle_of_being_read_is_unfit() -> None:
    """What a disk or a server says then is said of that file, and raises nothing else."""
    with pytest.raises(UnfitFileError, match="expected a readable file, got 'Input/output error'"):
        regular_bytes(Path("/proc/self/mem"), 100)
