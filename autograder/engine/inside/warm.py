"""The warm parent: PyTorch is imported once, and every submission is a fork of this process.

Runs no learner's code itself. The grader sends one line of JSON and two descriptors for each
submission: the channel, on which the submission's process answers, and the life line, which a guard
keeps. When the grader closes the life line, everything of that submission ends; when the process
ends by itself, the guard says how on that line.

The guard is a process of its own, between this one and the submission. Where the sandbox is swept, this
process is the guard: one submission at a time, and when it has ended, nothing is left of it.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from . import walls

Serve = Callable[[socket.socket], None]  # answers the grader on a submission's channel

WATCH = 0.2  # seconds between two looks at how much memory a submission uses
_MOST_TRIES = 5_000  # to end processes that start others
_MOST_FILES = 20_000  # of a submission, where no limit of a file system of its own bounds them


def _preload() -> tuple[Any, dict[str, str]]:
    """Import what every lesson uses; returns the shell of the lessons, and versions.

    And ask a first question, so that what torch sets up at its first operators is not set up in each fork. It
    starts no thread, which no fork would have: the sandbox gives it one alone.
    """
    import torch

    import sumskip

    for name in sumskip.__all__:
        with suppress(ImportError, AttributeError):  # the cell that needs it will say so
            getattr(sumskip, name)
    from sumskip.checking.core import Case
    from sumskip.checking.probe import probe

    class First(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = torch.nn.Conv2d(3, 16, 3, padding=1), torch.nn.BatchNorm2d(16)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.norm(self.conv(x))) + 1

    probe(First, Case("first", "module", "first", inputs=((2, 3, 32, 32),)))

    from .shell import make_shell

    versions = {"python": sys.version.split()[0], "torch": torch.__version__, "sumskip": sumskip.__version__}
    return make_shell(), versions


def main(control: socket.socket, level: str, user: int | None) -> None:
    """Serve until the grader closes `control`. Root becomes this user."""
    if user is not None:
        walls.become_nobody(user)
    if level == "walled" and not walls.can_nest():
        control.sendall(json.dumps({"refused": "namespaces"}).encode() + b"\n")
        return
    shell, versions = _preload()
    serve = _settled(shell)
    if level == "swept":
        walls.stand_firm()
    else:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # guards are reaped by the kernel
    control.sendall(json.dumps({"ready": versions}).encode() + b"\n")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 2)
        if not message:
            return
        channel, life = (socket.socket(fileno=number) for number in descriptors)
        order = json.loads(message)
        if missing := [name for name in order["modules"] if name not in sys.modules]:
            for name in missing:
                with suppress(ImportError):  # the cell that needs it will say so
                    import_module(name)
            serve = _settled(shell)  # what these replace in PyTorch is no learner's doing
        if level == "swept":
            _guard(channel, life, serve, level, order, control)
            life.close()
            continue
        if os.fork() == 0:
            code = 1
            try:
                control.close()
                code = _guard(channel, life, serve, level, order)
            except BaseException:
                life.sendall(json.dumps({"failed": traceback.format_exc()[-2000:]}).encode())
            finally:
                os._exit(code)
        channel.close()
        life.close()
        control.sendall(b".")


def _settled(shell: Any) -> Serve:
    """What a fork does; its garbage collector will not touch, and thereby copy, all that is here now."""
    from . import cells
    from .tripwire import Tripwire

    serve = partial(cells.serve, shell=shell, tripwire=Tripwire())
    gc.collect()
    gc.freeze()
    return serve


def _guard(
    channel: socket.socket,
    life: socket.socket,
    serve: Serve,
    level: str,
    limits: dict[str, Any],
    control: socket.socket | None = None,
) -> int:
    """Between the grader and a submission: starts its process, watches it, ends it.

    As process 1 of a sandbox that is swept, it says on `control` that the submission has started.
    """
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    waking, wake = os.pipe()
    for end in (waking, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY) if sys.platform == "linux" else -1
    if level == "walled":
        walls.enter_namespaces(limits["scratch_bytes"])
    elif level == "none":
        walls.adopt_orphans()
    child = os.fork()
    if child == 0:
        try:
            signal.set_wakeup_fd(-1)
            life.close()
            if control is not None:
                control.close()
            for number in (waking, wake, proc):
                with suppress(OSError):  # there may be no /proc
                    os.close(number)
            channel = _behind_walls(channel, level, limits)
        except BaseException:
            traceback.print_exc()
            os._exit(70)
        try:
            serve(channel)
        finally:
            os._exit(0)
    channel.close()
    if control is not None:
        control.sendall(b".")
    status, reason = None, ""
    while True:
        ready = select.select([life.fileno(), waking], [], [], WATCH)[0]
        if life.fileno() in ready:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            break
        status = _reap(child)
        if status is not None:
            break
        if waking in ready:
            os.read(waking, 512)
        # Daemons of a submission become those of process 1, which is not always its own.
        tree = walls.tree_of(1, proc)[1:] if level == "swept" else walls.tree_of(child, proc)
        memory, threads = walls.use_of(tree, proc) if proc >= 0 else (0, 0)
        if memory > limits["memory_bytes"]:
            reason = "it used too much memory"
        elif threads > limits["processes"]:  # which the kernel does not count for root
            reason = "it started too many processes"
        elif level == "swept" and walls.files_left() > _MOST_FILES:
            reason = "it made too many files"
        if reason:
            os.kill(child, signal.SIGKILL)
    if level == "none":
        _end_the_rest(child, proc)
    if status is not None:
        with suppress(OSError):  # nobody may be there to hear it
            life.sendall(json.dumps({"ended": _how(status, reason)}).encode())
    if level == "swept":
        _sweep()
        signal.set_wakeup_fd(-1)
        for number in (waking, wake, proc):
            os.close(number)
    return 0


def _sweep() -> None:
    """As process 1: end all others, and empty what they could write."""
    for _ in range(_MOST_TRIES):
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            break
        time.sleep(0.001)
    else:
        raise RuntimeError("processes of a submission do not end")
    walls.sweep()


def _end_the_rest(child: int, proc: int) -> None:
    """Without a pid namespace, which the kernel ends as a whole with its process 1."""
    with suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    me = os.getpid()
    for _ in range(50 if proc >= 0 else 0):  # a fork loop runs on while we look
        rest = [pid for pid in walls.tree_of(me, proc) if pid != me]
        if not rest:
            break
        for pid in rest:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _reap(child)
        time.sleep(0.01)


def _reap(child: int) -> int | None:
    """Take leave of all that have ended; returns the status of this child where it is among them."""
    status = None
    with suppress(ChildProcessError):
        while True:
            ended, said = os.waitpid(-1, os.WNOHANG)
            if not ended:
                break
            if ended == child:
                status = said
    return status


def _how(status: int, reason: str) -> str:
    if reason:
        return reason
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return "it used too much processor time"
        return f"it was ended by signal {number} ({signal.strsignal(number)})"
    return f"it ended by itself with status {os.WEXITSTATUS(status)}"


def _behind_walls(channel: socket.socket, level: str, limits: dict[str, Any]) -> socket.socket:
    """In the submission's first process: shut the door. Returns the channel, moved."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    if level == "walled":
        walls.mount_proc()
    if level == "swept":
        signal.signal(signal.SIGINT, signal.default_int_handler)
        walls.be_ordinary()
    else:
        walls.go_first()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    # Far from the small numbers that a stray os.write or os.close hits.
    high = 200 + int.from_bytes(os.urandom(1)) % 50
    os.dup2(channel.fileno(), high, inheritable=False)
    channel.close()
    channel = socket.socket(fileno=high)
    walls.limit(
        limits["memory_bytes"],
        limits["cpu_seconds"],
        limits["file_bytes"],
        None if level == "none" else limits["processes"],
    )
    if limits["core"] is not None:
        with suppress(OSError):  # this core was taken from us meanwhile
            os.sched_setaffinity(0, {limits["core"]})
    folder = limits["folder"]
    Path(folder).mkdir(exist_ok=True)
    os.chdir(folder)
    if level == "walled":
        walls.lock_proc()
    if level != "none":
        walls.close_the_door()
    sys.path.append(folder)  # last: a file named torch.py shadows nothing
    return channel
