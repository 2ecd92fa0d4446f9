"""The outer walls, and the way through them.

`WarmParent` starts the warm parent inside bubblewrap (levels *walled* and *swept*) or as an ordinary
process (level *none*), proves the walls, and hands out a `Child` for each submission. Seen from here a
child is a socket: frames go in, frames come out, and closing it ends every process behind it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import sumskip
from autograder.engine.inside import frames
from autograder.engine.inside.walls import NOBODY, tree_of
from sumskip.checking.core import Array

# Walled: each submission has namespaces of its own. Swept: where none can be made inside bubblewrap's, it has
# those of its warm parent, alone, and they are swept after it.
Level = Literal["walled", "swept", "none"]

_INSIDE = Path("/opt/sumskip")  # where our own code lies within the walls
_START = (
    "import socket, sys; sys.path.insert(0, {path!r}); from inside.warm import main; "
    "main(socket.socket(fileno={fd}), {level!r}, {user})"
)
_START_SECONDS = 120.0
# If memory runs out, what is behind the walls goes first; in there it cannot be changed.
_GOES_FIRST = ["/bin/sh", "-c", 'echo 1000 > /proc/self/oom_score_adj; exec "$@"', "sh"]
INSTALL = (
    "install bubblewrap and allow user namespaces, for which python -m autograder doctor has the lines to "
    "type, or grade without walls, on your own risk, with --trust-submissions"
)


class SandboxError(Exception):
    """The sandbox cannot be built here, or does not hold. One line: what is wrong, what to do."""


class NoNestingError(SandboxError):
    """bubblewrap works here, and within its walls no namespace can be made."""


class ChildLostError(Exception):
    """A submission's process gave no usable answer and was ended; the text says why."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Seconds are wall time unless they say processor time."""

    cell_seconds: float = 30.0
    ask_seconds: float = 15.0
    exercise_seconds: float = 60.0
    trace_seconds: float = 5.0
    submission_seconds: float = 180.0
    grace_seconds: float = 2.0  # between asking a cell to stop and killing it
    cpu_seconds: int = 120
    memory_bytes: int = 4 << 30
    scratch_bytes: int = 64 << 20
    file_bytes: int = 32 << 20
    processes: int = 48


class Child:
    """The process of one submission. Use as a context manager: leaving it ends the process."""

    def __init__(self, channel: socket.socket, life: socket.socket, folder: str | None, grace: float) -> None:
        self._channel, self._life, self._folder, self._grace = channel, life, folder, grace

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def request(
        self, header: Mapping[str, Any], seconds: float, arrays: Mapping[str, Array] | None = None
    ) -> tuple[dict[str, Any], bytes]:
        """Send one frame and wait `seconds` (and the grace) for its reply: its header, and the frame.

        A fresh nonce goes with every request, so that no reply can be made before it.

        Raises:
            ChildLostError: no reply in time, a dead process, or anything that is no reply to this.
        """
        nonce = secrets.token_hex(16)
        frame = frames.pack({**header, "nonce": nonce, "seconds": seconds}, arrays)
        deadline = time.monotonic() + seconds + self._grace
        try:
            self._channel.settimeout(seconds + self._grace)
            self._channel.sendall(frame)
            reply = frames.receive(self._channel, deadline)
            if reply is None:
                raise ChildLostError(self._last_words())
            answer, _ = frames.unpack(reply)
        except TimeoutError:
            raise ChildLostError(f"it did not stop after {seconds:g} s") from None
        except OSError:
            raise ChildLostError(self._last_words()) from None
        except frames.FrameError as error:
            raise ChildLostError(f"it sent what is no answer ({error})") from None
        if answer.get("nonce") != nonce:
            raise ChildLostError("it sent an answer to another question")
        return answer, reply

    def _last_words(self) -> str:
        """How the process ended, as its guard saw it."""
        try:
            self._life.settimeout(2)
            said = json.loads(self._life.recv(1 << 16) or b"{}")
        except (OSError, ValueError):
            said = {}
        if failed := said.get("failed"):
            return f"its process could not be started ({str(failed).strip().splitlines()[-1]})"
        return str(said.get("ended") or "its process ended without a word")

    def close(self) -> None:
        """End the submission's processes.

        Walled in, their end is certain and need not be waited for: their guard kills the first one,
        the kernel the rest. Without walls they may still write into the folder.
        """
        with contextlib.suppress(OSError):
            self._channel.close()
            self._life.shutdown(socket.SHUT_WR)
            self._life.settimeout(10)
            while self._folder is not None and self._life.recv(1 << 16):
                pass
        self._life.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


class WarmParent:
    """A process with PyTorch imported, behind walls, that forks a child for every submission.

    `number` tells the warm parents of one engine apart, of which only those that are swept are more than one.
    Made, it begins to warm up; `settle` waits for that.
    """

    def __init__(self, level: Level, limits: Limits, hidden: Iterable[Path] = (), number: int = 0) -> None:
        if not hasattr(socket, "send_fds"):
            raise SandboxError("this system cannot fork a process a submission: on Windows, grade in WSL 2")
        self.level = level
        self._number = number
        self.limits = limits
        self._hidden = tuple(hidden)
        self._lock = threading.Lock()
        self._scratch = tempfile.TemporaryDirectory(prefix="sumskip-engine-")
        self._errors = Path(self._scratch.name, "stderr")
        self._control, theirs = socket.socketpair()
        self._process: subprocess.Popen[bytes] | None = None
        self.versions: dict[str, str] = {}
        with theirs, self._errors.open("wb") as errors:
            if command := self._command(theirs.fileno()):
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=errors,
                    stderr=errors,
                    pass_fds=[theirs.fileno()],
                    env=_environment(),
                    cwd="/",
                )

    def settle(self) -> None:
        """Wait until it is warm, and prove the walls.

        Raises:
            NoNestingError: *walled* cannot be had here, and perhaps *swept* can.
            SandboxError: where `level` cannot be had here, or the walls do not hold.
        """
        try:
            if self._process is None:
                raise SandboxError(f"bubblewrap is missing, so nothing walls a submission in: {INSTALL}")
            self.versions = self._handshake()
            if self.level != "none":
                self.prove()
        except BaseException:
            self.close()
            raise

    def _command(self, fd: int) -> list[str] | None:
        if self.level == "none":
            home = Path(self._scratch.name, "code")
            home.mkdir()
            for name, place in _our_code().items():
                (home / name).symlink_to(place)
            return [sys.executable, "-I", "-c", _START.format(path=str(home), fd=fd, level="none", user=None)]
        bwrap = shutil.which("bwrap")
        if bwrap is None:
            return None
        # Of warm parents that are swept each becomes another nobody, so that its processes are counted alone.
        nobody, arguments = NOBODY - self._number, _bubblewrap_arguments(self.level)
        user = nobody if os.getuid() == 0 and _is_mapped(nobody) else None
        self._root = user is None and (self.level == "swept" or os.getuid() == 0)
        if user is None:
            arguments = ["--unshare-user", "--cap-drop", "ALL", *arguments]
        if user is None and self.level == "swept":
            # For its terminals bubblewrap must be root of a namespace: as anybody else it makes a second one.
            arguments = ["--uid", "0", "--gid", "0", *arguments]
        start = _START.format(path=str(_INSIDE), fd=fd, level=self.level, user=user)
        python = [sys.executable, "-I", "-c", start]
        first = _GOES_FIRST if self.level == "swept" else []
        return [*first, bwrap, *arguments, "--", *python]

    def _handshake(self) -> dict[str, str]:
        self._control.settimeout(_START_SECONDS)
        said = b""
        try:
            while not said.endswith(b"\n"):
                piece = self._control.recv(1 << 16)
                if not piece:
                    break
                said += piece
            self._control.settimeout(30)
            answer = json.loads(said)
            if "refused" in answer:
                raise NoNestingError(f"within the sandbox no namespace can be made: {INSTALL}")
            return dict(answer["ready"])
        except (OSError, ValueError, KeyError):
            what = "The process for submissions" if self.level == "none" else "The sandbox"
            advice = "" if self.level == "none" else f": {INSTALL}"
            raise SandboxError(f"{what} does not start here ({self._last_line()}){advice}") from None

    def _last_line(self) -> str:
        """The last thing that the sandbox said on its standard error."""
        lines = self._errors.read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"

    @property
    def process_id(self) -> int | None:
        return self._process.pid if self._process else None

    def spawn(self, modules: Sequence[str] = (), core: int | None = None) -> Child:
        """Fork the process of one submission, after these modules were imported; all of it runs on this core,
        or on any. May be called from several threads.
        """
        ours, channel = socket.socketpair()
        life, guard_end = socket.socketpair()
        folder = tempfile.mkdtemp(prefix="sumskip-submission-") if self.level == "none" else None
        order = {**asdict(self.limits), "folder": folder or "/tmp/work", "modules": modules, "core": core}
        try:
            with self._lock, channel, guard_end:
                socket.send_fds(
                    self._control, [json.dumps(order).encode()], [channel.fileno(), guard_end.fileno()]
                )
                alive = self._control.recv(1)
        except OSError:
            alive = b""
        child = Child(ours, life, folder, self.limits.grace_seconds)
        if not alive:
            child.close()
            raise SandboxError("the warm parent of the sandbox has died")
        return child

    def prove(self) -> None:
        """Try, from two children one after the other, to get out and to find each other; raise where anything
        succeeds.

        Raises:
            SandboxError: the walls do not hold; the text says what got through.
        """
        canary = Path(self._scratch.name, "canary")
        canary.write_text("outside")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            attempt = {
                "unreadable": [str(path) for path in (canary, *self._hidden)],
                "unwritable": ["/", "/usr", "/dev", str(_INSIDE / "sumskip"), sys.prefix, sys.base_prefix],
                "environment": [*_environment(), "PWD", *(["_"] if self.level == "swept" else [])],
                "port": listener.getsockname()[1],
                "others": [1] if self.level == "swept" else [],
                "root": self._root,
            }
            for _ in range(2):
                try:
                    with self.spawn() as child:
                        reply, _ = child.request({"do": "walls", "walls": attempt}, 20.0)
                except ChildLostError as lost:
                    why = f"{lost}; {self._last_line()}"
                    raise SandboxError(f"the sandbox cannot be proven ({why}): {INSTALL}") from None
                found = reply.get("breaches")
                if found != []:
                    what = "; ".join(map(str, found or ["?"]))
                    raise SandboxError(f"the walls do not hold: a submission {what}")

    def close(self) -> None:
        """End the warm parent and everything it started."""
        self._control.close()
        if self._process is not None:
            try:
                self._process.wait(5 if self.versions else 0)
            except subprocess.TimeoutExpired:
                _kill_behind(self._process.pid)
                self._process.kill()
                self._process.wait()
        self._scratch.cleanup()


def _kill_behind(process: int) -> None:
    """End what this process has started: behind bubblewrap, one that is not warm would go on to become so."""
    if not Path("/proc/self").exists():
        return
    proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    for started in tree_of(process, proc)[1:]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(started, signal.SIGKILL)
    os.close(proc)


def _our_code() -> dict[str, Path]:
    return {"sumskip": Path(sumskip.__file__).parent, "inside": Path(__file__).parent / "inside"}


def _environment() -> dict[str, str]:
    """All that a learner's code sees of the environment. One thread each: jobs make use of the cores."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {
        "PATH": f"{Path(sys.prefix, 'bin')}:/usr/bin:/bin",
        "HOME": "/tmp",
        "TMPDIR": "/tmp",
        "USER": "learner",
        "LOGNAME": "learner",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "IPYTHONDIR": "/tmp/ipython",
        "PYTHONDONTWRITEBYTECODE": "1",
        **threads,
    }


def _is_mapped(user: int) -> bool:
    """Whether this user exists here; in a container without privileges there may be root alone."""
    for file in ("uid_map", "gid_map"):
        ranges = [line.split() for line in Path("/proc/self", file).read_text().splitlines()]
        if not any(int(first) <= user < int(first) + int(count) for first, _, count in ranges):
            return False
    return True


def _bubblewrap_arguments(level: Level) -> list[str]:
    """No network, no processes but its own, a read-only system, a small /tmp, our code, the interpreter."""
    arguments = [f"--unshare-{what}" for what in ("ipc", "pid", "net", "uts", "cgroup-try")]
    arguments += ["--new-session", "--proc", "/proc", "--dev", "/dev"]
    # Shared, it is memory that no process's figures show; and nobody reads it.
    arguments += ["--ro-bind", "/dev/null", "/dev/zero"]
    scratch = ["--size", str(64 << 20), "--perms", "1777", "--tmpfs"]
    arguments += [*scratch, "/tmp"]
    if level == "swept":
        # Learners' code runs in these namespaces: what each has of its own where it may is made here.
        arguments += [*scratch, "/dev/shm", "--remount-ro", "/proc", "--as-pid-1"]
    mounts: dict[str, Path] = {"/usr": Path("/usr")}
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        place = Path("/", name)
        if place.is_symlink():
            arguments += ["--symlink", str(place.readlink()), str(place)]
        elif place.is_dir():
            mounts[str(place)] = place
    for place in (Path("/etc/ld.so.cache"), Path("/etc/alternatives"), Path("/etc/localtime")):
        if place.exists():
            mounts[str(place)] = place
    for place in (Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_prefix).resolve()):
        mounts[str(place)] = place
    for name, place in _our_code().items():
        mounts[str(_INSIDE / name)] = place
    made: set[Path] = {Path("/")}
    for target, place in mounts.items():
        # Parent folders are made readable: an interpreter may live where only root may look.
        for folder in reversed(Path(target).parents):
            if folder not in made and not any(folder.is_relative_to(other) for other in mounts):
                arguments += ["--perms", "0755", "--dir", str(folder)]
                made.add(folder)
        arguments += ["--ro-bind", str(place), target]
    return [*arguments, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]
