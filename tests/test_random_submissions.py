"""Whatever is handed in or sent, the run goes on: random frames, notebooks and folders on the whole path."""

from __future__ import annotations

import copy
import json
import math
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.__main__ import main
from autograder.answers import Answer
from autograder.engine.inside import frames
from autograder.engine.plan import Plan, Task
from autograder.engine.run import Engine, Slot
from autograder.engine.sandbox import Child, Limits
from autograder.submission.grading import grade_exercise
from course_root import KEYS, SECRET
from grading_course import LESSONS, hand_in, json_lines, make_course, master, put_engine
from sumskip.checking.core import Ask, Case, Report
from sumskip.checking.key import public_key
from sumskip.checking.probe import probe

LESSON = LESSONS[1]

junk = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(),
        st.text(max_size=40),
        st.sampled_from(
            ["output", "problem", "conv2d#1.weight", "float32", "`" * 5_000, "\x1b[31m\u202e", 8388608]
        ),
    ),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=12,
)
changes = st.lists(st.tuples(st.integers(0, 10**6), junk), min_size=1, max_size=8)


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every place in a tree of lists and objects: the one that holds it, and its index or key."""
    found = []
    waiting = [tree]
    while waiting:
        here = waiting.pop()
        keys = range(len(here)) if isinstance(here, list) else here if isinstance(here, dict) else ()
        for key in keys:
            found.append((here, key))
            waiting.append(here[key])
    return found


def _changed(tree: Any, some: list[tuple[int, Any]]) -> Any:
    """A copy of `tree` with some of its values replaced."""
    tree = copy.deepcopy(tree)
    for number, value in some:
        places = _places(tree)
        if places:
            holder, key = places[number % len(places)]
            holder[key] = value
    return tree


# --- frames ---------------------------------------------------------------------------------------------

WRONG = {
    "addition_model": """
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)
    def forward(self, x): return self.b(self.a(x))
""",
    "weighted_addition_model": """
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)
        self.alpha = nn.Parameter(torch.tensor(0.5))
    def forward(self, x): return self.alpha * self.a(x) + self.b(self.a(x))
""",
    "intermediate_outputs": "def intermediate_outputs(model, x): return [x]",
    "fit_alpha": "def fit_alpha(model, x, target, steps, lr): return [0.0] * steps",
}


class FrameEngine(Engine):
    """An engine whose submission answers every question with a frame that was tampered with."""

    def __init__(self, answer: Any, some: list[tuple[int, Any]]) -> None:
        super().__init__(limits=Limits(ask_seconds=60.0, exercise_seconds=300.0))
        self.answer, self.some = answer, some

    def spawn(self, modules: Sequence[str] = (), slot: Slot | None = None) -> Child:
        ours, theirs = socket.socketpair()
        life, _ = socket.socketpair()
        threading.Thread(target=self._serve, args=(theirs,), daemon=True).start()
        return Child(ours, life, None, self.limits.grace_seconds)

    def _serve(self, channel: socket.socket) -> None:
        with channel:
            while frame := frames.receive(channel):
                header, _ = frames.unpack(frame)
                channel.sendall(self._tampered(header))

    def _tampered(self, header: dict[str, Any]) -> bytes:
        seen = frames.pack_observation(probe(self.answer, Case.from_json(header["case"])), header["nonce"])
        _, size, _ = struct.unpack("<4sIQ", seen[:16])
        tree = _changed(json.loads(seen[16 : 16 + size]), self.some)
        tree["nonce"] = header["nonce"]
        head = json.dumps(tree).encode()
        body = seen[16 + size :]
        return struct.pack("<4sIQ", frames.MAGIC, len(head), len(body)) + head + body


def _judge(name: str, ask: Ask) -> Report:
    return grade_exercise(name, ask, SECRET, KEYS)


@pytest.mark.slow
@pytest.mark.parametrize("exercise", WRONG)
@given(some=changes)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_no_frame_makes_the_grader_raise_or_a_wrong_answer_right(
    exercise: str, some: list[tuple[int, Any]]
) -> None:
    """The exercise is failed or not graded, with a message that a person can read."""
    answer = Answer(exercise, "wrong", False, WRONG[exercise]).bound()
    step = Task("check", "check", "", exercise, "Answer", public_key(exercise).points)
    result = FrameEngine(answer, some).run(Plan((step,)), _judge)
    report = result.reports[exercise]
    assert report.status in ("failed", "not_graded")
    assert math.isfinite(report.score)
    assert 0 <= report.score < report.max_score
    assert 0 < len(report.message) <= 1_000
    assert "\x1b" not in report.message


# --- notebooks and folders --------------------------------------------------------------------------------

names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=30)
files = st.dictionaries(
    names.filter(lambda name: name not in (".", ".."))
    | st.sampled_from([f"{LESSON}.ipynb", "a.b.py", "x.ipynb"]),
    st.binary(max_size=200) | st.sampled_from([b"", b"{}", b'{"nbformat": 4, "cells": [[]]}']),
    max_size=5,
)
submissions = st.lists(st.tuples(changes, files), min_size=3, max_size=3)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_course(tmp_path_factory.mktemp("random") / "course")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(jobs=2, limits=Limits(cell_seconds=10.0)) as engine:
        yield engine


@pytest.mark.sandbox
@pytest.mark.slow
@given(handed=submissions)
@settings(max_examples=10, deadline=None, derandomize=True)
def test_no_notebook_and_no_folder_stops_the_class(
    course: Path, engine: Engine, handed: list[tuple[Any, dict[str, bytes]]]
) -> None:
    """Everybody has a row, and the honest one beside them all points."""
    solved = json.loads(master(LESSON))
    hand_in(course, "honest", LESSON, master(LESSON))
    for number, (some, beside) in enumerate(handed):
        notebook = json.dumps(_changed(solved, some))
        folder = hand_in(course, f"random{number}", LESSON, notebook).parent
        for old in folder.iterdir():
            old.unlink()
        hand_in(course, f"random{number}", LESSON, notebook)
        for name, content in beside.items():
            (folder / name).write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(course)
        put_engine(patch, nullcontext(engine))
        assert main(["grade", "--no-feedback", "--json", "out.jsonl"]) == 0
    rows = json_lines(course / "out.jsonl")
    assert sorted(learner for learner, _ in rows) == ["honest", "random0", "random1", "random2"]
    assert rows["honest", LESSON]["score"] == rows["honest", LESSON]["max_score"]
