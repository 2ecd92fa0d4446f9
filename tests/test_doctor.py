"""`python -m autograder doctor`: what it says of this machine, and of others that a folder stands for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autograder.doctor import Finding, Machine, examine
from grading_course import ROOT, autograder, make_course

BROKEN = "The sandbox does not start here (bwrap: setting up uid map: Permission denied)"
MEMORY = "MemTotal:       16000000 kB\nMemAvailable:   12582912 kB"


def machine(
    tmp_path: Path, files: dict[str, str], programs: tuple[str, ...] = ("bwrap",), **more: object
) -> Machine:
    """A machine of these files and programs, on which the walls do not hold unless `walls` is given."""
    root, path = tmp_path / "root", tmp_path / "bin"
    path.mkdir()
    for name, text in {"proc/meminfo": MEMORY, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for name in programs:
        (path / name).write_text("#!/bin/sh\necho a program 1.0\n")
        (path / name).chmod(0o755)
    given = {"walls": lambda: (None, BROKEN), "user": 1000, "system": "linux", **more}
    return Machine(root=root, path=str(path), **given)  # type: ignore[arg-type]


def found(here: Machine) -> dict[str, Finding]:
    return {one.what: one for one in examine(here)}


def test_where_the_walls_hold_nothing_has_to_be_mended(tmp_path: Path) -> None:
    """Whatever the settings say: that they hold was tried."""
    files = {"proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"}
    seen = found(machine(tmp_path, files, walls=lambda: ("walled", "")))
    assert seen["walls"] == Finding("walls", "good", "hold: this machine grades walled in")
    assert [line for one in seen.values() for line in one.mend] == []
    assert seen["memory"].said == "12.0 GB are free; a submission may take 4 GB, so 3 at a time always fit"


def test_a_sandbox_that_is_swept_is_enough_and_what_would_be_more_is_said(tmp_path: Path) -> None:
    files = {"proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"}
    walls = found(machine(tmp_path, files, walls=lambda: ("swept", "")))["walls"]
    assert walls.state == "note"
    assert "swept" in walls.said
    assert "profile bwrap-unconfined" in "\n".join(walls.mend)


def test_ubuntus_profile_is_written_for_the_bubblewrap_that_is_there(tmp_path: Path) -> None:
    """With its own path; and a profile of the system's, that would be a second one, is taken out first."""
    files = {
        "proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
        "proc/sys/user/max_user_namespaces": "63000",
    }
    here = machine(tmp_path, files)
    walls = found(here)["walls"]
    assert walls.said == BROKEN
    text = "\n".join(walls.mend)
    assert f"profile bwrap-unconfined {tmp_path}/bin/bwrap flags=(unconfined) {{\n  userns,\n}}\nEND" in text
    assert "disable" not in text
    theirs = here.root / "etc/apparmor.d/bwrap-userns-restrict"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    assert (
        found(here)["walls"].mend[0]
        == f"sudo ln -s /{theirs.relative_to(here.root)} /etc/apparmor.d/disable/"
    )


@pytest.mark.parametrize(
    ("files", "user", "mend"),
    [
        ({"proc/sys/user/max_user_namespaces": "0"}, 0, "user.max_user_namespaces=15000"),
        ({"proc/sys/kernel/unprivileged_userns_clone": "0"}, 1000, "kernel.unprivileged_userns_clone=1"),
        ({"proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"}, 0, "ask who runs this machine"),
        ({".dockerenv": ""}, 0, "docker run --security-opt seccomp=unconfined"),
        ({"run/.containerenv": ""}, 1000, "podman run"),
        ({"proc/1/cgroup": "0::/kubepods/burstable/pod1"}, 1000, "hostUsers: false"),
        ({}, 1000, "ask who runs this machine"),
    ],
)
def test_what_forbids_namespaces_is_named_with_its_way_out(
    files: dict[str, str], user: int, mend: str, tmp_path: Path
) -> None:
    assert mend in "\n".join(found(machine(tmp_path, files, user=user))["walls"].mend)


@pytest.mark.parametrize(
    ("programs", "mend"),
    [
        (("apt-get",), "sudo apt-get install bubblewrap"),
        (("dnf",), "sudo dnf install bubblewrap"),
        ((), "install bubblewrap"),
    ],
)
def test_bubblewrap_is_installed_by_what_the_machine_has(
    programs: tuple[str, ...], mend: str, tmp_path: Path
) -> None:
    seen = found(machine(tmp_path, {}, programs))
    assert (seen["bubblewrap"].state, seen["bubblewrap"].mend) == ("missing", (mend,))
    assert seen["walls"].mend == ()


def test_what_is_around_a_grader_is_said(tmp_path: Path) -> None:
    files = {
        "sys/module/apparmor/parameters/enabled": "Y",
        "proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
    }
    here = machine(tmp_path, files, ("firefox",), gradebook=lambda: ("missing", "another program holds it"))
    seen = found(here)
    assert seen["AppArmor"].state == "note"
    assert seen["browser"] == Finding("browser", "good", f"{here.path}/firefox")
    assert seen["gradebook"] == Finding("gradebook", "missing", "another program holds it")


def test_a_gradebook_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """By the command itself, with the way out that grading names too."""
    root = make_course(tmp_path / "course")
    (root / "gradebook.db").write_text("no database")
    done = autograder(root, "doctor")
    assert done.returncode == 1
    assert re.search("✗ gradebook .*put back a copy of it", done.stdout)


def test_a_small_a_strange_and_a_foreign_machine(tmp_path: Path) -> None:
    """Too little memory for one, a bubblewrap that does not run, and systems without walls."""
    here = machine(tmp_path, {"proc/meminfo": "MemAvailable: 1048576 kB"}, programs=())
    broken = Path(here.path, "bwrap")
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    seen = found(here)
    assert seen["memory"].mend == ("grade one at a time: --jobs 1",)
    assert seen["bubblewrap"].said.startswith(f"{broken} does not run")
    for system, where in (("darwin", "on a Linux machine, or in a virtual one"), ("win32", "in WSL 2")):
        walls = found(Machine(walls=lambda: (None, BROKEN), system=system))["walls"]
        assert (walls.state, walls.mend) == ("missing", (f"grade {where}",))


@pytest.mark.sandbox
def test_this_machine_grades_walled_in() -> None:
    """The command itself: every line has its sign, and what it says is what grading does."""
    done = autograder(ROOT, "doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(re.match(r"  [✓·] \S", line) for line in done.stdout.splitlines())
    assert "✓ walls         hold: this machine grades walled in" in done.stdout


def test_without_bubblewrap_it_says_so_and_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Status 1, and no traceback."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "apt-get").write_text("#!/bin/sh\n")
    (tmp_path / "apt-get").chmod(0o755)
    done = autograder(ROOT, "doctor")
    assert (done.returncode, done.stderr) == (1, "")
    assert "      sudo apt-get install bubblewrap\n" in done.stdout
    assert "✗ walls         bubblewrap is missing, so nothing walls a submission in\n" in done.stdout
