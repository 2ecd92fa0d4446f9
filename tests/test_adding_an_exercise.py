"""`docs/adding-an-exercise.md`, followed to the letter in a copy of the course: what it says is enough."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from autograder.exercises import EXERCISES, LESSON_OF, LESSONS
from autograder.exercises.soundness import refuse_unsound
from autograder.keys.making import make_key
from autograder.keys.secret import KEY_STORE, SECRET_FILE
from conftest import ROOT
from course_root import KEYS, SECRET

NAME, LESSON = "mean_model", "02_explicit_addition"
# A file's name, what else the line before a block says, the language of the block, the block.
BLOCK = re.compile(r"^\*\*`([^`]+)`\*\*(.*?)\n\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = (ROOT / "docs" / "adding-an-exercise.md").read_text(encoding="utf-8")
# `python -m autograder check` for one notebook after the other, with one engine for all.
CHECK_ALL = """
import sys
from contextlib import nullcontext
from autograder.__main__ import main
from autograder.engine.run import Engine
from autograder.submission import root

with Engine() as engine:
    root.open_engine = lambda *_, **__: nullcontext(engine)
    for path in sys.argv[1:]:
        main(["check", "--json", path])
"""
STEPS, PREDICTIONS = PAGE.split("\n## Predictions\n")


@dataclass(frozen=True)
class Block:
    """One block of the page: what is to stand in a file."""

    path: str
    words: str
    language: str
    text: str


def blocks(page: str) -> list[Block]:
    found = [Block(*match.groups()) for match in BLOCK.finditer(page)]
    assert len(found) == page.count("\n```") // 2, "a block without its file's name"
    return found


def patched(text: str, patch: str) -> str:
    """`text` with the changes of a diff, each of whose hunks fits in one place."""
    for hunk in re.split(r"^@@\n", patch, flags=re.MULTILINE):
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] or "\n" for line in lines if line[0] in " -")
        new = "".join(line[1:] or "\n" for line in lines if line[0] in " +")
        assert text.count(old) == 1, f"not in one place:\n{old}"
        text = text.replace(old, new)
    return text


def make_cell(path: Path, block: Block, before: str) -> None:
    """What one makes in JupyterLab, with nbgrader's panel: a cell in front of the cell `before`."""
    notebook = nbformat.read(path, as_version=4)
    grade_id = re.search(r"grade_id\s+`(\w+)`", block.words)
    cell_id = re.search(r"`([a-z-]+)`", block.words)
    assert cell_id is not None
    make = new_markdown_cell if block.language == "markdown" else new_code_cell
    cell = make(block.text.rstrip("\n"), id=cell_id[1])
    if grade_id:
        points = re.search(r"(\d+) points", block.words)
        test = "*Autograder tests*" in block.words
        flags = {"grade": test, "locked": test, "solution": not test, "task": False, "schema_version": 3}
        cell.metadata.nbgrader = {**flags, "grade_id": grade_id[1]}
        if points:
            cell.metadata.nbgrader["points"] = int(points[1])
    place = [other.id for other in notebook.cells].index(before)
    notebook.cells.insert(place, cell)
    nbformat.write(notebook, path)


def follow(page: str, root: Path) -> set[str]:
    """Do by hand what the page says is done by hand; returns the files that were touched."""
    (before,) = re.findall(r"in front of the cell `([a-z-]+)`", page)
    for block in blocks(page):
        path = root / block.path
        if block.language == "diff" and path.suffix == ".ipynb":
            notebook = nbformat.read(path, as_version=4)
            notebook.cells[0].source = patched(notebook.cells[0].source + "\n", block.text).rstrip("\n")
            nbformat.write(notebook, path)
        elif block.language == "diff":
            path.write_text(patched(path.read_text(encoding="utf-8"), block.text), encoding="utf-8")
        elif path.suffix == ".ipynb":
            make_cell(path, block, before)
        else:
            assert not path.exists(), f"{block.path} is there already"
            path.write_text(block.text, encoding="utf-8")
    return {block.path for block in blocks(page)}


def run(root: Path, *command: str, status: int = 0) -> str:
    """A command in the copy, which finds nothing of ours outside of it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)])}
    done = subprocess.run(
        [sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def snapshot(root: Path) -> dict[str, bytes]:
    passing = {"__pycache__", ".pytest_cache", "build"}
    files = (path for path in root.rglob("*") if path.is_file() and not passing.intersection(path.parts))
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository in which the page was followed, and its two commands were run."""
    root = tmp_path_factory.mktemp("followed") / "course"
    left_out = (
        ".git",
        ".venv",
        "build",
        ".course",
        ".*_cache",
        "release",
        "work",
        "*.egg-info",
    )
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(*left_out))
    (root / SECRET_FILE).parent.mkdir()
    (root / SECRET_FILE).write_bytes(SECRET)
    (root / KEY_STORE).symlink_to(KEYS)  # a new exercise leaves the keys of the others as they are
    before = snapshot(root)
    by_hand = follow(STEPS, root)
    assert len(by_hand) <= 5
    after = snapshot(root)
    assert {name for name in after if after[name] != before.get(name)} == by_hand

    commands = re.findall(r"^    python (.+?) *(?:#.*)?$", STEPS, re.MULTILINE)
    assert commands == [f"-m autograder keys {NAME}", f"tests/fairness.py {NAME}"]
    said = run(root, *commands[0].split())
    assert re.fullmatch(rf"wrote {NAME}.npz: \d+ bytes\n1 public keys are up to date\n", said)
    (counts,) = re.findall(rf"^{NAME} +(.+)$", run(root, *commands[1].split()), re.MULTILINE)
    right, wrong = (len(re.findall(rf"^# %% {kind}", STEPS, re.MULTILINE)) for kind in ("right", "wrong"))
    named = wrong - len(re.findall(r"^# %% wrong .* -> none$", STEPS, re.MULTILINE))
    assert list(map(int, counts.split())) == [right, right, wrong, wrong, named, 0]

    made = snapshot(root).keys() - after.keys()
    changed = {name for name, content in snapshot(root).items() if name in after and content != after[name]}
    assert (made, changed) == ({f"src/sumskip/keys/{NAME}.npz"}, set())
    return root


def handed_in(followed: Path, learner: str, answer: str) -> Path:
    """The lesson as `release` gives it out, with this answer to the new exercise."""
    name = f"{LESSON}/{LESSON}.ipynb"
    notebook = nbformat.read(followed / "release" / name, as_version=4)
    (cell,) = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == NAME]
    assert "raise NotImplementedError()" in cell.source
    assert "self.first" not in cell.source
    cell.source = answer
    path = followed / "submitted" / learner / name
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
    return path


@pytest.mark.slow
@pytest.mark.sandbox
def test_a_new_exercise_is_released_checked_and_graded(followed: Path) -> None:
    """A right answer gets full marks; two wrong ones lose theirs, each by the name of its mistake."""
    run(followed, "-m", "autograder", "release")
    model = next(block.text for block in blocks(STEPS) if block.path == f"autograder/answers/{NAME}.txt")
    right = model.split("# %%")[1].split("\n", 1)[1]
    answers = {
        "ana": (right, "passed", None),
        "ben": (right.replace("(out1 + out2) / 2", "out1 + out2"), "failed", "summed"),
        "cleo": (right.replace("(out1 + out2) / 2", "out1 + out2 / 2"), "failed", "half-of-one"),
    }
    paths = {learner: handed_in(followed, learner, answer) for learner, (answer, *_) in answers.items()}
    run(followed, "-m", "autograder", "grade", "--no-feedback", "--json", "rows.jsonl")
    rows = [json.loads(line) for line in (followed / "rows.jsonl").read_text().splitlines()]
    graded = {row.pop("student"): row for row in rows}
    said = run(followed, "-c", CHECK_ALL, *map(str, paths.values())).splitlines()
    for (learner, (_, *expected)), line in zip(answers.items(), said, strict=True):
        checked = json.loads(line)
        assert checked == graded[learner]
        assert checked["max_score"] == 28
        (row,) = [row for row in checked["exercises"] if row["exercise"] == NAME]
        assert [row["status"], row["diagnosis"]] == expected
        assert row["score"] == 4 if row["status"] == "passed" else 1 <= row["score"] < 4
    assert "Where do brackets belong?" in row["message"]


@pytest.mark.slow
def test_no_test_needs_to_be_told_of_a_new_exercise(followed: Path) -> None:
    """All that our tests know of exercises follows from the five files; the code is as lint wants it.

    What they ask of each of the others, they have asked without the new one.
    """
    tests = ("keys", "fairness", "check", "boundaries", "engine_intake", "masters", "lessons")
    files = [f"tests/test_{name}.py" for name in tests]
    others = " and ".join(f"not {name}" for name in (*EXERCISES, *LESSONS) if name != LESSON)
    run(followed, "-m", "pytest", "-q", "-m", "quick", "-k", others, "-p", "no:cacheprovider", *files)
    code = sorted({block.path for block in blocks(STEPS) if block.path.endswith(".py")})
    run(followed, "-m", "ruff", "check", "--no-cache", "--force-exclude", *code)
    run(followed, "-m", "ruff", "format", "--no-cache", "--check", "--force-exclude", *code)


def test_the_predictions_of_the_page_are_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second example is an exercise as well, and is not refused."""
    (block,) = blocks(PREDICTIONS)
    module: dict[str, Any] = {}
    exec(block.text, module)
    monkeypatch.setitem(LESSON_OF, "predict_mean", LESSON)
    monkeypatch.setitem(sys.modules, "autograder.exercises.predict_mean", SimpleNamespace(**module))
    refuse_unsound(EXERCISES["predict_mean"], make_key("predict_mean", "a seed", secret=True))


def test_contributing_points_to_the_page() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section: Any = re.search(r"^## Add an exercise\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert "(docs/adding-an-exercise.md)" in section[1]
    assert len(section[1].split()) < 30
