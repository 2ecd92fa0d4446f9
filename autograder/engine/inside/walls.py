"""The inner walls: what one submission's process gives up before it runs a learner's code.

The outer sandbox (bubblewrap) has no network, a read-only system and a small /tmp of its own. In it
the warm parent forks a process for each submission, and that process gets user, mount, pid, ipc and
network namespaces of its own here, so that submissions cannot see each other or leave anything
behind; a filter (`calls`) refuses the system calls that would reach past them. Python 3.11 has no
`os.unshare`, therefore ctypes.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from . import calls

NOBODY = 65534
WRITABLE = ("/tmp", "/dev/shm")

# From <linux/sched.h>, <sys/mount.h>, <linux/prctl.h>, <linux/capability.h>: stable kernel interface.
_NEW_NS, _NEW_IPC, _NEW_USER, _NEW_PID, _NEW_NET = 0x20000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REMOUNT, _MS_BIND = 1, 2, 4, 8, 32, 0x1000
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000
_MNT_DETACH = 2
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP = 1, 4, 24
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 36, 38
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: Any) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount(kind: str, target: str, options: str, flags: int = 0) -> None:
    words = [word.encode() for word in (kind, target, kind)]
    _call("mount", *words, _MS_NOSUID | _MS_NODEV | flags, options.encode())


def _drop_bounding_set() -> None:
    for capability in range(64):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails past the last one there is


def become_nobody(user: int) -> None:
    """Where root started the sandbox: give up root for ever, before any learner's code is near.

    bubblewrap covers parts of /proc where root runs it; the kernel then refuses the fresh /proc that
    each submission gets, so these covers go first. What they hid stays closed to nobody.
    """
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        target = line.split()[4]
        if target.startswith("/proc/"):
            _call("umount2", target.encode(), _MNT_DETACH)
    _drop_bounding_set()
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    _libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)  # changing user made /proc/self root's
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def can_nest() -> bool:
    """Whether a submission can have namespaces of its own in here; tried, since no setting tells it."""
    outer = os.fork()
    if outer == 0:
        status = 1
        try:
            enter_namespaces(1 << 20)
            inner = os.fork()
            if inner == 0:
                mount_proc()
                os._exit(0)
            status = os.waitpid(inner, 0)[1] != 0
        finally:
            os._exit(status)
    return os.waitpid(outer, 0)[1] == 0


def stand_firm() -> None:
    """Process 1 of a sandbox that is swept: nothing inside reads it, traces it or ends it.

    Of signals from inside, the kernel hands it those alone for which it has a handler.
    """
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def be_ordinary() -> None:
    """A child of such a process 1: its /proc/self is its own again."""
    _libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def adopt_orphans() -> None:
    """Daemons of a child become ours, so that we can end them (without a pid namespace)."""
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def enter_namespaces(scratch_bytes: int) -> None:
    """Leave the siblings' world. What is forked next is process 1 of a new pid namespace.

    The writable folders are /tmp and /dev/shm, each `scratch_bytes` large at most, in memory; they
    vanish with the last process of the namespace.
    """
    user, group = os.getuid(), os.getgid()
    _call("unshare", _NEW_USER | _NEW_NS | _NEW_PID | _NEW_IPC | _NEW_NET)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _call("mount", None, b"/", None, _MS_REC | _MS_PRIVATE, None)
    for folder in WRITABLE:
        # The interpreter may live below it, where a course was cloned into /tmp: it stays in sight.
        python = {p for p in (sys.prefix, sys.base_prefix) if Path(p).is_relative_to(folder)}
        held = {path: os.open(path, os.O_PATH | os.O_DIRECTORY) for path in python}
        _mount("tmpfs", folder, f"size={scratch_bytes},nr_inodes=20000,mode=0777")
        for path, handle in held.items():
            Path(path).mkdir(parents=True)
            _call("mount", f"/proc/self/fd/{handle}".encode(), path.encode(), None, _MS_BIND | _MS_REC, None)
            os.close(handle)


def mount_proc() -> None:
    """In process 1 of the new namespace: its own /proc, and no further namespaces."""
    _mount("proc", "/proc", "", _MS_NOEXEC)
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


def lock_proc() -> None:
    """Nothing in /proc can be changed any more."""
    read_only = _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    _call("mount", None, b"/proc", None, read_only, None)


def close_the_door() -> None:
    """The last step before learners' code: no capabilities, and the filter."""
    _drop_bounding_set()
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _call("capset", header, (ctypes.c_uint32 * 6)())
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    calls.refuse_calls()


def limit(memory_bytes: int, cpu_seconds: int, file_bytes: int, processes: int | None) -> None:
    """Bound what this process and its children may use. A file larger than allowed is an OSError."""
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    if processes is not None:
        # Counted a user namespace since Linux 5.14; before that, over all of the user's processes.
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))


def go_first() -> None:
    """If memory runs out, this process goes before the grader."""
    if sys.platform == "linux":
        Path("/proc/self/oom_score_adj").write_text("1000")


def files_left() -> int:
    """How many files and folders there are where a submission may write."""
    found = [os.statvfs(folder) for folder in WRITABLE]
    return sum(place.f_files - place.f_ffree for place in found)


def sweep() -> None:
    """Empty the writable folders; the interpreter, which may be mounted below them, stays."""
    mounted = {p for python in (sys.prefix, sys.base_prefix) for p in (Path(python), Path(python).resolve())}
    for folder in WRITABLE:
        _clear(Path(folder), mounted)


def _clear(folder: Path, mounted: set[Path]) -> None:
    """A tree may be deeper than a path can say, so that what is in a folder is moved up, and then removed."""
    waiting = []
    for entry in os.scandir(folder):
        path = Path(entry.path)
        if any(place.is_relative_to(path) for place in mounted):
            if path not in mounted:
                _clear(path, mounted)
        else:
            waiting.append(path)
    fresh, number = os.urandom(16).hex(), 0
    while waiting:
        path = waiting.pop()
        if path.is_symlink() or not path.is_dir():
            path.unlink()
            continue
        path.chmod(0o700)
        for inner in path.iterdir():
            number += 1
            if inner.is_dir() and not inner.is_symlink():
                inner.chmod(0o700)  # or it could not be moved
            waiting.append(inner.rename(folder / f"{fresh}{number}"))
        path.rmdir()


def tree_of(pid: int, proc: int) -> list[int]:
    """`pid` and all its descendants, by the /proc that the folder descriptor `proc` shows."""
    found, waiting = [], [pid]
    while waiting:
        current = waiting.pop()
        found.append(current)
        for thread in _list(f"{current}/task", proc):
            waiting += [int(child) for child in _read(f"{current}/task/{thread}/children", proc).split()]
    return found


def use_of(pids: Iterable[int], proc: int) -> tuple[int, int]:
    """Bytes of memory that belong to these processes alone or that they share in tmpfs; and their threads."""
    memory = threads = 0
    for pid in pids:
        for line in _read(f"{pid}/status", proc).splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                memory += int(line.split()[1]) * 1024
            elif line.startswith("Threads:"):
                threads += int(line.split()[1])
    return memory, threads


def _list(path: str, folder: int) -> list[str]:
    try:
        inner = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
    except OSError:  # it ended meanwhile
        return []
    try:
        return [entry.name for entry in os.scandir(inner)]
    except OSError:
        return []
    finally:
        os.close(inner)


def _read(path: str, folder: int) -> str:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY, dir_fd=folder), errors="replace") as file:
            return file.read()
    except OSError:
        return ""


# --- the self-test: every attempt here must fail ---------------------------------------------------


def _succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except Exception:
        return False
    return True


def _connect(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=0.5):
        pass


def _ask_kernel(name: str, *arguments: int) -> None:
    if getattr(_libc, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)


def _send_packet() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outward:
        outward.sendto(b"x", ("192.0.2.1", 9))  # TEST-NET-1: nobody is there


def breaches(
    unreadable: list[str],
    unwritable: list[str],
    environment: list[str],
    port: int,
    others: list[int],
    root: bool,
) -> list[str]:
    """Try what a hostile submission would try; list what was possible. The right answer is `[]`.

    `unreadable` are paths that exist outside; `unwritable` folders that exist inside; `environment`
    the only variables there may be; `port` one on which the grader listens on the host's loopback
    while this runs; `others` the only processes that may be seen; `root` whether it is called
    root, of a namespace with one ordinary user in it. A file in each writable folder and a process are
    left, which the next one must not find.
    """
    attempts: dict[str, Callable[[], object]] = {f"read {path}": Path(path).stat for path in unreadable}
    for folder in unwritable:
        attempts[f"wrote in {folder}"] = partial(Path(folder, "self-test").write_text, "x")
    attempts |= {
        "reached the host's loopback": partial(_connect, ("127.0.0.1", port)),
        "sent a packet to the network": _send_packet,
        "made a namespace of its own": partial(_call, "unshare", _NEW_USER),
        "mounted a file system": partial(_mount, "tmpfs", "/tmp", ""),
        "took memory that no process shows": partial(os.memfd_create, "self-test"),
        "took memory that outlives it": partial(_ask_kernel, "shmget", 0, 4096, 0o600),
        "shared memory without a file": partial(mmap.mmap, -1, 4096),
        "read /dev/zero": partial(Path("/dev/zero").open, "rb"),
        "saved itself from want of memory": partial(Path("/proc/self/oom_score_adj").write_text, "0"),
        "moved to another core": partial(os.sched_setaffinity, 0, os.sched_getaffinity(0)),
    }
    for pid in others:
        for name in ("environ", "maps", "mem", "fd/0"):
            attempts[f"read {name} of process {pid}"] = partial(Path(f"/proc/{pid}/{name}").open, "rb")
        attempts[f"bounded process {pid}"] = partial(resource.prlimit, pid, resource.RLIMIT_NOFILE)
    found = [what for what, attempt in attempts.items() if _succeeds(attempt)]
    processes = {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    if unexpected := processes - {os.getpid(), *others}:
        found.append(f"saw {len(unexpected)} other processes")
    for folder in WRITABLE:
        note = Path(folder, "left-behind")
        if note.exists():
            found.append(f"found in {folder} what another left")
        note.write_text("x")
    if not root and 0 in (os.getuid(), os.geteuid(), os.getgid()):
        found.append("runs as root")
    variables = {pair.split("=")[0] for pair in Path("/proc/self/environ").read_text().split("\0")} - {""}
    if seen := sorted(variables - set(environment)):
        found.append(f"saw of the environment: {', '.join(seen)[:200]}")
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    if int(status["CapEff"], 16) or int(status["CapBnd"], 16) or status["NoNewPrivs"] != "1":
        found.append("kept privileges")
    if os.fork() == 0:  # a process that nobody waits for
        os.setsid()
        time.sleep(600)
        os._exit(0)
    return found
