"""Hostile and broken submissions side by side: no point undeserved, nobody else harmed.

What each would have gained or harmed without the defence stands beside it in `hostile/`. They run with
short limits, two at a time, in one engine, as in a class: walled in, in a sandbox that is swept, and without
walls those that would not hit the machine that tests. Each has honest exercises beside the one under
attack, which must lose nothing to a neighbour; among every few of them is an honest submission.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from autograder.engine.folder import IntakeError
from autograder.engine.intake import read_submission
from autograder.engine.plan import Plan, Result, Task
from autograder.engine.run import Engine
from autograder.engine.sandbox import Level, Limits
from autograder.submission.grading import grade_exercise
from course_root import KEYS, SECRET
from hostile.code import ATTACKS, PRELUDE
from hostile.course import POINTS, TARGET, Attack, honest, master, submission
from hostile.handed_in import CHANGES, HOPELESS
from hostile.oddities import ODDITIES
from sumskip.checking.core import Ask, Report

pytestmark = pytest.mark.sandbox

ROOT = Path(__file__).resolve().parent.parent
MASTERS = {"02_explicit_addition": master()}
LIMITS = Limits(
    cell_seconds=3.0,
    ask_seconds=4.0,  # ample for an honest sibling on a busy machine
    exercise_seconds=10.0,
    submission_seconds=30.0,
    grace_seconds=0.5,
    cpu_seconds=20,
    memory_bytes=1500 << 20,
    scratch_bytes=16 << 20,
    processes=24,
)
ABSTRACT = f"sumskip-hostile-{os.getpid()}"  # a socket of the grader's without a file
OTHERS = [name for name in POINTS if name != TARGET]


class Arena:
    """An engine, and the things outside that no submission may reach."""

    def __init__(self, engine: Engine, folder: Path, listener: socket.socket) -> None:
        self.engine, self.folder, self.listener = engine, folder, listener
        self.results: dict[str, Result] = {}  # of attacks, by name
        self.at_rest = len(descendants(engine.process_id or 0))

    def grade(self, notebook: Any) -> Result:
        """Hand a notebook in and grade it: through the file, as it comes from outside."""
        data = notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode()
        path = self.folder / f"{abs(hash(data))}.ipynb"
        path.write_bytes(data)
        return self.engine.run(read_submission(path, MASTERS, outline=self.engine.read).plan, judge)

    def attacked(self, attacks: Sequence[Attack]) -> None:
        """Grade attacks two at a time, and among them an honest submission, which must lose nothing."""
        notebooks = [submission(attack) for attack in attacks]
        notebooks.insert(len(notebooks) // 2, honest())
        with ThreadPoolExecutor(2) as threads:
            results = list(threads.map(self.grade, notebooks))
        unharmed = results.pop(len(attacks) // 2)
        assert scores(unharmed) == POINTS, unharmed.warnings
        assert self.alone(), "a process is left behind"
        self.results |= {attack.name: result for attack, result in zip(attacks, results, strict=True)}

    def alone(self) -> bool:
        """Whether the sandbox holds the warm parent and nothing else."""
        for _ in range(100):
            if len(descendants(self.engine.process_id or 0)) <= self.at_rest:
                return True
            time.sleep(0.05)
        return False


def descendants(pid: int) -> list[int]:
    """The processes below `pid`; psutil passes over those that end while it looks."""
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def judge(name: str, ask: Ask) -> Report:
    return grade_exercise(name, ask, SECRET, KEYS)


def scores(result: Result) -> dict[str, float]:
    return {name: round(report.score, 6) for name, report in result.reports.items()}


@pytest.fixture(scope="module")
def arenas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Level, Arena]]:
    folder = tmp_path_factory.mktemp("outside")
    (folder / "canary").write_text("the instructor's")
    with sqlite3.connect(folder / "gradebook.db") as database:
        database.execute("create table grade (score real)")
    os.environ["HOSTILE_CANARY"] = "secret"
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0{ABSTRACT}".encode())
        abstract.listen()
        with (
            Engine(jobs=2, limits=LIMITS) as walled,
            Engine("swept", jobs=2, limits=LIMITS) as swept,
            Engine("none", jobs=2, limits=LIMITS, trust_submissions=True) as open_,
        ):
            engines: dict[Level, Engine] = {"walled": walled, "swept": swept, "none": open_}
            yield {level: Arena(engine, folder, listener) for level, engine in engines.items()}
    del os.environ["HOSTILE_CANARY"]


@pytest.fixture
def arena(arenas: dict[Level, Arena], level: Level) -> Arena:
    return arenas[level]


LEVELS: tuple[Level, ...] = ("walled", "swept", "none")
at_each_level = pytest.mark.parametrize("level", LEVELS)
walled_in = pytest.mark.parametrize("level", ["walled"])


@pytest.fixture
def host(arena: Arena) -> dict[str, Any]:
    """What the attackers are told about the machine: more than they would know."""
    return {
        "root": str(ROOT),
        "home": str(Path.home()),
        "canary": str(arena.folder / "canary"),
        "database": str(arena.folder / "gradebook.db"),
        "port": arena.listener.getsockname()[1],
        "abstract": ABSTRACT,
    }


ROUNDS = [(level, attack) for level in LEVELS for attack in ATTACKS if level != "none" or not attack.walls]
TOGETHER = 5


@pytest.fixture
def result(arena: Arena, host: dict[str, Any], level: Level, attack: Attack) -> Result:
    """How an attack ended, which was graded with its neighbours in the list."""
    if attack.name not in arena.results:
        here = [one for at, one in ROUNDS if at == level]
        start = here.index(attack) // TOGETHER * TOGETHER
        prelude = PRELUDE.replace("__HOST__", repr(host))
        arena.attacked([replace(one, code=prelude + one.code) for one in here[start : start + TOGETHER]])
    return arena.results[attack.name]


@pytest.mark.parametrize(
    ("level", "attack"), ROUNDS, ids=[f"{level}-{attack.name}" for level, attack in ROUNDS]
)
def test_no_point_undeserved_and_nobody_harmed(result: Result, attack: Attack) -> None:
    """The exercise under attack earns what its code deserves; the others keep theirs."""
    target = result.reports[TARGET]
    assert target.score <= attack.deserved, attack.gain
    assert target.status != "passed", attack.gain
    assert target.message
    if attack.status:
        assert target.status == attack.status
    for name in OTHERS:
        if not attack.costs_others:
            assert result.reports[name].score == pytest.approx(POINTS[name]), result.warnings
    assert_bounded(result)


def assert_bounded(result: Result) -> None:
    """What came out is short, and has nothing on which a terminal or a page acts."""
    text = json.dumps(asdict(result), ensure_ascii=False)
    assert len(text) < 300_000
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", text)


@at_each_level
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_notebook_gains_nothing(arena: Arena, change: Callable[[dict[str, Any]], None]) -> None:
    """Whatever is done to ids, tags, points and order: the empty exercise earns nothing, the rest all."""
    notebook = submission(Attack("", "", code=""))
    change(notebook)
    result = arena.grade(notebook)
    assert scores(result) == {**POINTS, TARGET: 0.0}
    assert result.reports[TARGET].status != "passed"
    assert_bounded(result)


@at_each_level
@pytest.mark.parametrize("data", HOPELESS.values(), ids=HOPELESS)
def test_a_file_that_is_no_notebook_is_refused_in_one_line(arena: Arena, data: bytes) -> None:
    with pytest.raises(IntakeError) as caught:
        arena.grade(data)
    assert "\n" not in str(caught.value)


@at_each_level
@pytest.mark.parametrize("oddity", ODDITIES.values(), ids=ODDITIES)
def test_what_honest_learners_do_costs_nothing(arena: Arena, oddity: str) -> None:
    notebook = honest()
    extra = {"cell_type": "code", "id": "extra", "source": oddity, "metadata": {}}
    notebook["cells"].insert(1, {**extra, "outputs": [], "execution_count": None})
    result = arena.grade(notebook)
    assert scores(result) == POINTS, result.warnings


def test_what_attacks_reach_for_is_there_outside() -> None:
    """An attack on a file or a module that does not exist would prove nothing."""
    code = "\n".join(attack.code + attack.extra for attack in ATTACKS)
    paths = re.findall(r"HOST\['root'\] \+ '/([\w/.]+)'", code)
    modules = re.findall(r"__import__\('(autograder[\w.]*)'\)", code)
    assert len(paths) >= 2
    assert len(modules) >= 2
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert [module for module in modules if find_spec(module) is None] == []


@walled_in
def test_nothing_is_left_for_the_next_one(arena: Arena) -> None:
    """After files, shared memory, queues and keys were left: the next process finds none of them."""
    look = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
files = [os.path.join(f, n) for top in ('/tmp', '/dev/shm') for f, d, names in os.walk(top) for n in names]
python = sys.prefix, sys.base_prefix  # in sight wherever they are, read-only
left = [f for f in files if not f.startswith(python)]
processes = [p for p in os.listdir('/proc') if p.isdigit()]
print(left, libc.shmget(4242, 0, 0), libc.msgget(4242, 0), processes)
"""
    leave = next(attack for attack in ATTACKS if attack.name == "leaving a note").code
    prelude = PRELUDE.replace("__HOST__", "{}")
    arena.engine.run(Plan((Task("run", "leave", prelude + leave),)), judge)
    result = arena.engine.run(Plan((Task("run", "look", look),)), judge)
    assert result.outputs["look"].stdout == "[] -1 -1 ['1']\n"


@pytest.mark.parametrize("level", ["walled", "swept"])
def test_nothing_came_through_the_walls(arena: Arena) -> None:
    """After all attacks: no connection was made, no file of the instructor's is another one."""
    arena.listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        arena.listener.accept()
    assert (arena.folder / "canary").read_text() == "the instructor's"
    assert not Path("/tmp/pwned").exists()
    assert not (ROOT / "mine").exists()
