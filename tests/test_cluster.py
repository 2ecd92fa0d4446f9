"""Grading on a Dask cluster, over TLS: the same verdicts, and what happens when workers and schedulers go."""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import cloudpickle
import psutil
import pytest
import trustme
from distributed import Client, Security

from autograder.__main__ import main
from autograder.class_run import cluster
from autograder.class_run.judges import ClusterError
from autograder.gradebook.book import ClassGradebook
from course_root import ROOT
from grading_course import (
    LESSONS,
    WRONG,
    answered,
    autograder,
    environment,
    hand_in,
    json_lines,
    killed_half_way,
    make_course,
    master,
    rehearse_course,
    release_notebooks,
)

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]
FIRST = LESSONS[0]
# A worker that ends when it is given what this learner has handed in; it is a real process that ends.
KILLER = """
import os
from autograder.class_run import cluster
judge = getattr(cluster.judge, "before", cluster.judge)  # Dask does this twice
def ends(course, question, *more):
    if question.found.handed.learner == "killer":
        os._exit(9)
    if question.found.handed.learner == "stopper":
        raise type("Odd", (Exception,), {"__reduce__": lambda self: 1 / 0})("an odd one")
    return judge(course, question, *more)
ends.before = judge
cluster.judge = ends
"""


def certificates(folder: Path) -> dict[str, str]:
    """Dask's settings for a cluster with an authority of its own."""
    folder.mkdir()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "all.pem")
    roles = {
        f"DASK_DISTRIBUTED__COMM__TLS__{role}__CERT": "all.pem" for role in ("CLIENT", "SCHEDULER", "WORKER")
    }
    files = {"DASK_DISTRIBUTED__COMM__TLS__CA_FILE": "ca.pem", **roles}
    return {name: str(folder / file) for name, file in files.items()}


class Machines:
    """A scheduler and workers, each a program of its own, as `dask` starts them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tls = folder, certificates(folder / "tls")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"tls://127.0.0.1:{free.getsockname()[1]}"
        self.running: list[subprocess.Popen[bytes]] = []
        self.scheduler = self.start_scheduler()

    def start_scheduler(self) -> subprocess.Popen[bytes]:
        self.scheduler = self._start(
            "scheduler", "--host", self.address.rpartition(":")[0], "--port", self.address.rpartition(":")[2]
        )
        return self.scheduler

    def start_workers(self, number: int = 1, *more: str, **variables: str) -> None:
        self._start("worker", self.address, "--nworkers", str(number), "--nthreads", "1", *more, **variables)

    def _start(self, *words: str, **variables: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{len(self.running)}-{words[0]}.log").open("wb")
        command = [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:], "--no-dashboard"]
        program = subprocess.Popen(
            command, env={**environment(), **self.tls, **variables}, cwd=self.folder, stdout=log, stderr=log
        )
        self.running.append(program)
        return program

    def wait_for(self, workers: int) -> None:
        """Until the scheduler knows so many workers."""
        ours = self.folder / "tls"
        files = {"tls_ca_file": str(ours / "ca.pem"), "tls_client_cert": str(ours / "all.pem")}
        security = Security(require_encryption=True, **files)
        with Client(self.address, security=security, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=120)

    def workers(self) -> list[psutil.Process]:
        """The processes in which submissions are judged: each has a bubblewrap below it."""
        nannies = [psutil.Process(one.pid) for one in self.running if one.poll() is None]
        below = [child for nanny in nannies for child in nanny.children()]
        return [child for child in below if any(one.name() == "bwrap" for one in child.children())]

    def end(self) -> None:
        for program in self.running:
            for child in _below(program.pid):
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            program.kill()
            program.wait()

    def settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in self.tls.items():
            monkeypatch.setenv(name, value)


def _below(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    some = Machines(tmp_path)
    some.settings(monkeypatch)
    yield some
    some.end()


def a_class(root: Path, learners: int) -> Path:
    """Right, wrong and untouched, a zip, and what is no notebook."""
    released = release_notebooks(make_course(root), (FIRST,))[FIRST]
    kinds = [master(FIRST), answered(released, WRONG), released]
    for number in range(learners):
        hand_in(root, f"learner{number:02}", FIRST, kinds[number % 3])
    hand_in(root, "none", FIRST, "{", name="broken.ipynb")
    odd = hand_in(root, "odd", FIRST, kinds[1]).parent
    (odd / "secret.csv").symlink_to("/etc/passwd")
    (odd / "data.csv").write_text("1,2")
    os.mkfifo(odd / "pipe.txt")
    (odd / "pictures").mkdir()
    (odd / "pictures" / "sketch.png").write_bytes(b"no picture")
    deep = hand_in(root, "deep", FIRST, kinds[1])
    (deep.parent / "week 1" / "drawn").mkdir(parents=True)
    deep.rename(deep.parent / "week 1" / deep.name)
    (deep.parent / "week 1" / "drawn" / "sketch.png").write_bytes(b"no picture")
    (deep.parent / "week 1" / "helper.py").write_text("x = 1")
    (deep.parent / "notes.pdf").write_bytes(b"%PDF")
    with (odd / "film.mp4").open("wb") as film:
        film.truncate(3 << 30)
    return root


def copied(root: Path, to: Path) -> Path:
    """The same class in a course of its own; a pipe, which nothing copies, is made anew."""

    def pipes(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if stat.S_ISFIFO(Path(folder, name).lstat().st_mode)]

    shutil.copytree(root, to, symlinks=True, ignore=pipes)
    os.mkfifo(to / "submitted" / "odd" / FIRST / "pipe.txt")
    return to


def written(root: Path) -> dict[str, bytes]:
    """All that a run has written but how long it took."""
    files = [path for folder in ("verdicts", "autograded", "feedback") for path in (root / folder).rglob("*")]
    return {str(path.relative_to(root)): path.read_bytes() for path in files if path.is_file()}


def marks(root: Path) -> list[str]:
    done = autograder(root, "export", "--csv", "marks.csv")
    assert done.returncode == 0, done.stderr
    return (root / "marks.csv").read_text().splitlines()


def grade(root: Path, machines: Machines, *words: str) -> str:
    done = autograder(root, "grade", "--scheduler", machines.address, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def until(what: Callable[[], Any], seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)
    return found


def test_a_cluster_gives_what_one_machine_gives(machines: Machines, tmp_path: Path) -> None:
    """Byte for byte: verdicts, graded notebooks and pages. Workers that may not judge say why, and do not."""
    machines.start_workers(2)
    bare = tmp_path / "bare"
    bare.mkdir()
    machines.start_workers(PATH=str(bare))  # no bubblewrap
    older = shutil.copytree(ROOT, tmp_path / "older", ignore=shutil.ignore_patterns(".*", "build", "work"))
    with (older / "autograder" / "engine" / "run.py").open("a") as file:
        file.write("# another version\n")
    machines.start_workers(PYTHONPATH=f"{older / 'src'}:{older}")
    empty = tmp_path / "empty"
    empty.mkdir()
    machines.start_workers(PYTHONPATH=str(empty))  # nothing of the course
    root = a_class(tmp_path / "far", 6)
    near = copied(root, tmp_path / "near")
    machines.wait_for(5)
    before = written(root)
    assert "9 notebooks would be graded" in grade(root, machines, "--dry-run")
    assert written(root) == before
    said = grade(root, machines)
    assert "bubblewrap is missing" in said
    assert "it has code" in said
    assert "it has not got this course's code" in said
    done = autograder(near, "grade")
    assert done.returncode == 0, done.stderr
    assert written(root) == written(near)
    assert len(written(root)) > 3 * 8
    assert marks(root) == marks(near)
    until(lambda: not machines.workers())  # and nothing stays on them


def test_workers_and_the_run_itself_are_killed_and_nothing_is_lost(
    machines: Machines, tmp_path: Path
) -> None:
    """The run, and in the next one a worker and the scheduler: at the end all is as if undisturbed."""
    machines.start_workers(2)
    machines.wait_for(2)
    root = a_class(tmp_path / "far", 9)
    near = copied(root, tmp_path / "near")

    def graded() -> int:
        return len(list(root.glob("verdicts/*/*.json")))

    killed_half_way(root, 12, tmp_path / "first.log", "--scheduler", machines.address)
    before = graded()
    with (tmp_path / "second.log").open("w") as log:
        words = [sys.executable, "-m", "autograder", "grade", "--scheduler", machines.address]
        run = subprocess.Popen(words, cwd=root, env=environment(), stdout=log, stderr=log)
        until(lambda: graded() > before)
        machines.workers()[0].kill()
        until(lambda: graded() > before + 1)
        machines.end()
        machines.start_scheduler()
        machines.start_workers(2)
        assert run.wait(timeout=240) == 0, (tmp_path / "second.log").read_text()
    said = (tmp_path / "second.log").read_text()
    assert f"the scheduler {machines.address} is gone; waiting for it" in said
    assert autograder(near, "grade").returncode == 0
    assert written(root) == written(near)
    assert marks(root) == marks(near)


def test_a_submission_that_kills_its_workers_harms_nobody_else(machines: Machines, tmp_path: Path) -> None:
    """It may three times, the third with nothing beside it; then it is not graded, which is said.

    Where our own code stops on a worker, that is said to be ours, with its traceback.
    """
    (tmp_path / "killer.py").write_text(KILLER)
    machines.start_workers(2, "--preload", str(tmp_path / "killer.py"))
    machines.wait_for(2)
    root = a_class(tmp_path / "course", 3)
    for learner in ("killer", "stopper"):
        hand_in(root, learner, FIRST, master(FIRST))
    done = autograder(root, "grade", "--scheduler", machines.address, "--json", "out.jsonl")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "killer/01_sequential_flow: not graded: each of 3 times the worker tls://127.0.0.1:" in said
    ours = said.split("mistake of the grader")[1]
    assert ours.startswith(", not of yours")
    assert "stopper/01_sequential_flow" in ours
    assert "WorkerStoppedError: Odd: an odd one" in ours
    assert "killer.py" in ours
    rows = json_lines(root / "out.jsonl")
    assert len(rows) == 8
    assert rows["learner00", FIRST]["score"] == rows["learner00", FIRST]["max_score"]
    for learner in ("killer", "stopper"):
        assert {one["status"] for one in rows[learner, FIRST]["exercises"]} == {"not_graded"}


def test_a_worker_is_not_told_where_the_gradebook_is(tmp_path: Path) -> None:
    """Its address may have a password in it."""
    root = make_course(tmp_path / "course")
    release_notebooks(root, (FIRST,))
    (root / "gradebook.db").rename(root / "pass-word.db")
    with (root / "nbgrader_config.py").open("a") as file:
        file.write(f"c.CourseDirectory.db_url = 'sqlite:///{root}/pass-word.db'\n")
    with ClassGradebook(root) as book:
        assert "pass-word" in book.folders.db_url
        assert b"pass-word" not in cloudpickle.dumps(book.conversion([FIRST]))


# --- what the instructor got wrong --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("tcp://10.0.0.1:8786", "open to all who can reach it"),
        ("tcp://[2001:db8::1]:8786", "open to all who can reach it"),
        ("tcp://cluster.example:8786", "open to all who can reach it"),
        ("10.0.0.1:8786", "expected a scheduler's address such as tls://HOST:8786"),
        ("tls://", "expected a scheduler's address"),
        ("tls://host:port", "expected a scheduler's address"),
        (
            "tls://127.0.0.1:8786",
            "name no certificates; set DASK_DISTRIBUTED__COMM__TLS__CA_FILE",
        ),
    ],
)
def test_an_address_that_cannot_be_used(address: str, reason: str) -> None:
    with pytest.raises(ClusterError, match=re.escape(reason)) as refused:
        cluster.Cluster(address, print)
    assert "\n" not in str(refused.value)
    cluster.Cluster("tcp://127.0.0.1:8786", print)
    cluster.Cluster("tcp://[::1]:8786", print)


def _refused(root: Path, *words: str) -> str:
    before = written(root)
    done = autograder(root, "grade", *words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert written(root) == before
    (line,) = done.stderr.splitlines()
    return line


def test_a_cluster_that_cannot_be_used_changes_nothing(
    machines: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No scheduler, no worker, the certificates of another cluster: one line each, and nothing written."""
    root = a_class(tmp_path / "course", 1)
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "5s")
    scheduler = ("--scheduler", machines.address)
    assert "can judge (it has none yet; start some, and grade again)" in _refused(root, *scheduler)
    assert "leave them out" in _refused(root, *scheduler, "--jobs", "2")
    for name, value in certificates(tmp_path / "others").items():
        monkeypatch.setenv(name, value)
    assert "cannot be reached" in _refused(root, *scheduler)
    machines.end()
    assert "cannot be reached" in _refused(root, *scheduler)


def test_dask_is_wanted_for_a_cluster_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it `grade` says how to install it, when it is asked for."""
    rehearse_course(monkeypatch, a_class(tmp_path / "course", 1))
    for name in ("dask", "dask.config", "distributed"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "autograder.class_run.cluster", raising=False)
    assert main(["grade", "--scheduler", "tls://127.0.0.1:8786"]) == 2
    assert '--scheduler needs Dask: python -m pip install -e ".[cluster]"' in capsys.readouterr().err
    assert main(["grade"]) == 0
