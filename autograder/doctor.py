"""What this machine can do for grading, and the lines that mend what it cannot.

A machine is looked at through a `Machine`, of which tests make others. Whether the walls hold is not
concluded from settings: they are built and proven as before every batch, and settings only tell why they
could not be.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from autograder.engine.sandbox import Level, Limits

State = Literal["good", "missing", "note"]  # a note stands in nothing's way

_INSTALL = {
    "apt-get": "sudo apt-get install bubblewrap",
    "dnf": "sudo dnf install bubblewrap",
    "zypper": "sudo zypper install bubblewrap",
    "pacman": "sudo pacman -S bubblewrap",
    "apk": "sudo apk add bubblewrap",
}
_BROWSERS = ("firefox", "chromium", "chromium-browser", "google-chrome", "xdg-open")
# Ubuntu's own profile for bwrap takes capabilities from what it starts, and two profiles for one program are
# one too many (bugs.launchpad.net/bugs/2072811): where it is there, it goes.
_THEIRS = "/etc/apparmor.d/bwrap-userns-restrict"
_PROFILE = """\
sudo tee /etc/apparmor.d/bwrap-unconfined <<'END'
abi <abi/4.0>,
include <tunables/global>

profile bwrap-unconfined {bwrap} flags=(unconfined) {{
  userns,
}}
END
sudo apparmor_parser --replace /etc/apparmor.d/bwrap-unconfined"""
_WITHOUT_THEIRS = (
    f"sudo ln -s {_THEIRS} /etc/apparmor.d/disable/",
    f"sudo apparmor_parser --remove {_THEIRS}",
)


@dataclass(frozen=True)
class Finding:
    """One line of what was found; `mend` are lines to type, or what to ask for."""

    what: str
    state: State
    said: str
    mend: tuple[str, ...] = ()


@dataclass(frozen=True)
class Machine:
    """A machine to look at: its files below `root`, its programs on `path`, who is at work, and the walls.

    `walls` builds and proves the walls; it returns the level that they are of, or what went wrong.
    `gradebook` opens that of the course, and says how that went.
    """

    walls: Callable[[], tuple[Level | None, str]]
    gradebook: Callable[[], tuple[State, str]] = lambda: ("note", "none was looked for")
    root: Path = Path("/")
    path: str = field(default_factory=lambda: os.environ.get("PATH", os.defpath))
    user: int = field(default_factory=lambda: os.geteuid() if hasattr(os, "geteuid") else 1)
    system: str = sys.platform

    def read(self, name: str) -> str:
        """A small file of the system; empty where there is none."""
        try:
            return (self.root / name.lstrip("/")).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return ""

    def has(self, name: str) -> bool:
        return (self.root / name.lstrip("/")).exists()

    def program(self, name: str) -> str | None:
        return shutil.which(name, path=self.path)


def examine(machine: Machine) -> Iterator[Finding]:
    """What this machine can do for grading, the walls last: only they decide at which level it grades."""
    yield _python()
    yield _browser(machine)
    yield Finding("gradebook", *machine.gradebook())
    if machine.system == "linux":
        yield _memory(machine)
        yield from _around(machine)
        yield _bubblewrap(machine)
        yield _walls(machine)
    else:
        where = "in WSL 2" if machine.system == "win32" else "on a Linux machine, or in a virtual one"
        yield Finding(
            "walls", "missing", f"only Linux has them, this is {machine.system}", (f"grade {where}",)
        )


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", "good", f"{version} in {sys.prefix}")


def _memory(machine: Machine) -> Finding:
    found = re.search(r"^MemAvailable:\s+(\d+) kB", machine.read("/proc/meminfo"), re.MULTILINE)
    if not found:
        return Finding("memory", "note", "how much is free cannot be read here")
    free, most = int(found[1]) / 2**20, Limits().memory_bytes / 2**30
    jobs = max(1, int(free / most))
    said = f"{free:.1f} GB are free; a submission may take {most:g} GB"
    if free < most:
        return Finding("memory", "note", said, ("grade one at a time: --jobs 1",))
    return Finding("memory", "good", f"{said}, so {jobs} at a time always fit")


def _around(machine: Machine) -> Iterator[Finding]:
    """What walls us in ourselves."""
    if container := _container(machine):
        yield Finding("container", "note", f"this is one, of {container}")
    filtered = re.search(r"^Seccomp:\s+2", machine.read("/proc/self/status"), re.MULTILINE)
    yield Finding("system calls", "note" if filtered else "good", "are filtered" if filtered else "are free")
    if machine.read("/sys/module/apparmor/parameters/enabled") == "Y":
        kept = machine.read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1"
        said = "is on, and keeps user namespaces for programs that have a profile" if kept else "is on"
        yield Finding("AppArmor", "note" if kept else "good", said)
    controllers = machine.read("/sys/fs/cgroup/cgroup.controllers").split()
    said = "can count memory" if "memory" in controllers else "do not count memory here, so we do"
    yield Finding("cgroups", "good" if "memory" in controllers else "note", said)


def _container(machine: Machine) -> str:
    if "kubepods" in machine.read("/proc/1/cgroup") or machine.has("/var/run/secrets/kubernetes.io"):
        return "Kubernetes"
    if machine.has("/run/.containerenv"):
        return "Podman"
    return "Docker" if machine.has("/.dockerenv") else ""


def _bubblewrap(machine: Machine) -> Finding:
    place = machine.program("bwrap")
    if place is None:
        ways = [line for program, line in _INSTALL.items() if machine.program(program)]
        return Finding("bubblewrap", "missing", "is not installed", tuple(ways or ["install bubblewrap"]))
    try:
        asked = subprocess.run([place, "--version"], capture_output=True, text=True, timeout=20)
        said = asked.stdout.strip() or asked.stderr.strip()
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("bubblewrap", "missing", f"{place} does not run ({error})", ("install it anew",))
    return Finding("bubblewrap", "good", f"{said}, {place}")


def _browser(machine: Machine) -> Finding:
    if machine.system != "linux":
        return Finding("browser", "good", "is the system's own")
    if place := next(filter(None, map(machine.program, _BROWSERS)), None):
        return Finding("browser", "good", place)
    said = "none was found; report.html can be opened elsewhere, mark and make desk need one here"
    return Finding("browser", "note", said)


def _walls(machine: Machine) -> Finding:
    level, said = machine.walls()
    if level == "walled":
        return Finding("walls", "good", "hold: this machine grades walled in")
    if level == "swept":
        said = "hold, in one sandbox a job that is swept after each submission (docs/walls.md)"
        return Finding("walls", "note", said, ("to have a sandbox for each submission:", *_ways(machine)))
    return Finding("walls", "missing", said, tuple(_ways(machine)))


def _ways(machine: Machine) -> Iterator[str]:
    """The lines that let bubblewrap make its namespaces, by what forbids it."""
    place = machine.program("bwrap")
    if place is None:
        return
    if machine.read("/proc/sys/user/max_user_namespaces") == "0":
        yield "echo user.max_user_namespaces=15000 | sudo tee /etc/sysctl.d/60-user-namespaces.conf"
        yield "sudo sysctl --system"
    elif machine.read("/proc/sys/kernel/unprivileged_userns_clone") == "0" and machine.user:
        yield "echo kernel.unprivileged_userns_clone=1 | sudo tee /etc/sysctl.d/60-user-namespaces.conf"
        yield "sudo sysctl --system"
    elif machine.read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" and machine.user:
        if machine.has(_THEIRS):
            yield from _WITHOUT_THEIRS
        yield from _PROFILE.format(bwrap=place).splitlines()
    elif container := _container(machine):
        yield {
            "Kubernetes": "in the pod: hostUsers: false, and securityContext: procMount: Unmasked",
            "Podman": "podman run --security-opt unmask=ALL …",
            "Docker": "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "--security-opt systempaths=unconfined …",
        }[container]
    else:
        yield "ask who runs this machine to let you make user namespaces, or grade on another one"
