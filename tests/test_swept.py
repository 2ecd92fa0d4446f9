"""Where nothing inside bubblewrap can make a namespace: one warm parent a job, swept after each run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.engine import sandbox
from autograder.engine.inside import walls
from autograder.engine.plan import Plan, Task
from autograder.engine.run import Engine
from autograder.engine.sandbox import Limits, SandboxError, WarmParent
from grading_course import as_ordinary_user

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]

ROOT = Path(__file__).resolve().parent.parent
LIMITS = Limits(cell_seconds=5.0, submission_seconds=30.0, grace_seconds=0.5)
JOBS = 2
COUNTED = f"echo {JOBS} > /proc/sys/user/max_user_namespaces; exec "
PLACES = {
    "root": ["unshare", "--user", "--map-root-user", "sh", "-c", COUNTED + '"$@"', "sh"],
    "an ordinary user": [
        *("unshare", "--user", "--map-user=4242", "--map-group=4242", "--keep-caps"),
        *("sh", "-c", COUNTED + 'setpriv --ambient-caps=-all --inh-caps=-all -- "$@"', "sh"),
    ],
    "a bubblewrap that forbids more": [],
}
PROGRAM = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from autograder.engine.plan import Plan, Task
from autograder.engine.run import Engine
look = '''
import os, signal, sys, time
python = sys.prefix, sys.base_prefix
print([name for name in os.listdir("/tmp") if not any(p.startswith("/tmp/" + name) for p in python)],
      sorted(set(os.listdir("/proc")) & set(map(str, range(9999))), key=int) == ["1", str(os.getpid())])
open("/tmp/note", "w").close()
open("/dev/shm/note", "w").close()
time.sleep(0.3)
if os.fork() == 0:
    os.setsid()
    time.sleep(99)'''
with Engine(jobs=2) as engine, ThreadPoolExecutor(2) as threads:
    for result in threads.map(lambda _: engine.run(Plan((Task("run", "a", look),)), None), range(4)):
        print(engine.level, result.outputs["a"].stdout.strip())
"""


@pytest.mark.parametrize(
    ("place", "for_root"),
    # bubblewrap forbids more only in a user namespace, which root, who needs none, does not get from it.
    [(place, for_root) for place in PLACES for for_root in (True, False) if PLACES[place] or not for_root],
)
def test_a_single_level_of_namespaces_is_enough(tmp_path: Path, place: str, for_root: bool) -> None:
    """What root, or an ordinary user, starts there is walled in, and finds nothing of the one before."""
    if os.getuid() != 0 and for_root:
        pytest.skip("this is an ordinary user")
    path = os.environ["PATH"]
    if place == "a bubblewrap that forbids more":
        tmp_path.chmod(0o755)
        wrapper = tmp_path / "bwrap"
        wrapper.write_text('#!/bin/sh\nexec /usr/bin/bwrap --disable-userns "$@"\n')
        wrapper.chmod(0o755)
        path = f"{tmp_path}:{path}"
    user = as_ordinary_user(ROOT, tmp_path) if os.getuid() == 0 and not for_root else []
    done = subprocess.run(
        [*user, *PLACES[place], sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=120,
        cwd="/",
        env={"HOME": "/tmp", "PATH": path, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
    )
    assert done.stdout.splitlines() == ["swept ['work'] True"] * 4, done.stderr


@pytest.fixture(scope="module")
def swept() -> Iterator[Engine]:
    with Engine("swept", limits=LIMITS) as engine:
        yield engine


def run(engine: Engine, source: str) -> str:
    output = engine.run(Plan((Task("run", "a", source),)), lambda name, ask: pytest.fail("nothing is asked"))
    return output.outputs["a"].stdout.strip()


@pytest.mark.parametrize(
    "leave",
    [
        "path = '/tmp'\nfor i in range(3000):\n    os.mkdir('x'); os.chdir('x')",
        "os.mkdir('/tmp/closed'); open('/tmp/closed/x', 'w'); os.chmod('/tmp/closed', 0)",
        "os.symlink('/', '/tmp/all'); os.mkfifo('/tmp/pipe')\nopen('/dev/shm/' + 'n' * 255, 'w')",
        "for i in range(19_000): open(f'/tmp/{i}', 'w')",
        "import socket\ns = socket.socket(socket.AF_UNIX); s.bind('/tmp/socket'); s.listen()",
        "import subprocess\ndeaf = ['sh', '-c', 'trap \"\" 1 2 3 15; sleep 99']\n"
        "for i in range(30): subprocess.Popen(deaf)",
        "import fcntl\nf = open('/tmp/locked', 'w'); fcntl.flock(f, fcntl.LOCK_EX)",
    ],
    ids=[
        "a deep tree",
        "a closed folder",
        "links and pipes",
        "many files",
        "a socket",
        "processes",
        "a lock",
    ],
)
def test_nothing_is_left_of_a_submission(swept: Engine, leave: str) -> None:
    run(swept, "import os\n" + leave)
    look = "import os\nprint(os.listdir('/dev/shm'), *(n for n in os.listdir('/tmp') if n in HERE))"
    here = "['work', 'closed', 'all', 'pipe', 'socket', 'locked', *map(str, range(19_000))]"
    assert run(swept, look.replace("HERE", here)) == "[] work"
    processes = "import os\nprint(len([n for n in os.listdir('/proc') if n.isdigit()]))"
    assert run(swept, processes) == "2"


@pytest.mark.parametrize(
    "attack",
    [
        "for number in range(1, 65):\n    try: os.kill(1, number)\n    except OSError: pass",
        "os.kill(-1, 9)",
        "for name in os.listdir('/proc/1'):\n"
        "    for mode in ('rb', 'wb'):\n"
        "        try: open('/proc/1/' + name, mode).read()\n        except OSError: pass",
        "import resource\ntry: resource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0))\nexcept OSError: pass",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.ptrace(16, 1, 0, 0); libc.setpgid(1, 1)",
        "import fcntl\nr, w = os.pipe(); fcntl.fcntl(r, 10, 11); fcntl.fcntl(r, 8, 1)\n"
        "fcntl.fcntl(r, fcntl.F_SETFL, os.O_ASYNC); os.write(w, b'x')",
    ],
    ids=["signals", "kill all", "its files", "its limits", "tracing", "signals by files"],
)
def test_the_warm_parent_stands_firm(swept: Engine, attack: str) -> None:
    """It is process 1 there: nothing from inside ends it, stops it or reads it."""
    before = swept.process_id
    assert before
    run(swept, "import os\n" + attack)
    assert run(swept, "print(6 * 7)") == "42"
    assert swept.process_id == before


def test_what_is_not_swept_is_found_and_nothing_is_graded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The self-test looks from a second process for what the first has left."""
    broken = "import inside.walls; inside.walls.sweep = lambda: None; from inside.warm import main; "
    changed = sandbox._START.replace("from inside.warm import main; ", broken)
    assert changed != sandbox._START
    monkeypatch.setattr(sandbox, "_START", changed)
    with pytest.raises(SandboxError, match="found in /tmp what another left"):
        WarmParent("swept", LIMITS).settle()


def test_a_tree_is_cleared_whatever_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is mounted below a folder stays, and the folders that lead to it."""
    python = tmp_path / "deep" / "er" / "python"
    python.mkdir(parents=True)
    (python / "bin").touch()
    (tmp_path / "deep" / "note").touch()
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "link").symlink_to(python)
    monkeypatch.setattr(walls, "WRITABLE", (str(tmp_path),))
    monkeypatch.setattr(sys, "prefix", str(python))
    walls.sweep()
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == ["deep", "deep/er", "deep/er/python", "deep/er/python/bin"]
