"""What every test can count on.

Tests marked `browser`, `sandbox` or `postgres` are skipped, with the reason, where Chromium, bubblewrap
or PostgreSQL is missing. `SUMSKIP_REQUIRE=sandbox,browser,postgres` turns each of these skips into a
failure, so that a continuous integration run cannot pass by leaving them out.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sysconfig
import venv
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from filelock import FileLock
from nbformat import NotebookNode

from course_root import ROOT


def files_in(folder: Path, *patterns: str) -> list[Path]:
    """The files below `folder` that fit one of the patterns: at least one, or a search proves nothing."""
    found = sorted(path for pattern in patterns for path in folder.rglob(pattern) if path.is_file())
    assert found, f"{folder}: nothing fits {', '.join(patterns)}; has it moved?"
    return found


CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_configure(config: pytest.Config) -> None:
    # A job in the background ignores Ctrl-C, and so would every program that tests start and end by it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Tests run side by side: one thread each is faster than all of them fighting for two cores.
    # The variable is for the processes that tests start, set_num_threads for this one.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import torch

    torch.set_num_threads(1)


def find_chromium() -> str | None:
    """Chromium on this machine: the system's own, or the one playwright has downloaded."""
    for name in CHROMIUM_NAMES:
        if path := shutil.which(name):
            return path
    if find_spec("playwright"):
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            path = playwright.chromium.executable_path
        if Path(path).exists():
            return path
    return None


@cache
def missing_browser() -> str | None:
    """Why no browser test can run here, or None."""
    if not find_spec("playwright"):
        return "playwright is not installed"
    return None if find_chromium() else "Chromium is not installed"


@cache
def missing_sandbox() -> str | None:
    """Why no sandbox test can run here, or None. It builds a small sandbox to find out."""
    if not shutil.which("bwrap"):
        return "bubblewrap is not installed"
    command = ["bwrap", "--unshare-all", "--unshare-user", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    tried = subprocess.run(command, capture_output=True, text=True, timeout=20)
    if tried.returncode == 0:
        return None
    return f"bubblewrap cannot build a sandbox here: {tried.stderr.strip()}"


def find_postgres() -> Path | None:
    """The folder of PostgreSQL's own programs, the newest where there are several."""
    there = [*Path("/usr/lib/postgresql").glob("*/bin/initdb"), *filter(None, [shutil.which("initdb")])]
    return max(
        (Path(path).parent for path in there), key=lambda folder: folder.parent.name.zfill(3), default=None
    )


def missing_postgres() -> str | None:
    """Why no gradebook can be kept in PostgreSQL here, or None."""
    if find_postgres() is None:
        return "PostgreSQL is not installed"
    return None if find_spec("psycopg") else "psycopg is not installed"


MISSING: dict[str, Callable[[], str | None]] = {
    "browser": missing_browser,
    "sandbox": missing_sandbox,
    "postgres": missing_postgres,
}


def required() -> set[str]:
    """What SUMSKIP_REQUIRE says must not be skipped."""
    names = {name.strip() for name in os.environ.get("SUMSKIP_REQUIRE", "").split(",")} - {""}
    if unknown := names - set(MISSING):
        raise pytest.UsageError(f"SUMSKIP_REQUIRE knows {sorted(MISSING)}, not {sorted(unknown)}")
    return names


def need(what: str) -> None:
    """Skip, or fail where `what` is required, if this machine lacks it."""
    reason = MISSING[what]()
    if reason is None:
        return
    if what in required():
        pytest.fail(f"{reason}, and SUMSKIP_REQUIRE asks for it", pytrace=False)
    pytest.skip(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not any(item.get_closest_marker(name) for name in ("slow", *MISSING)):
            item.add_marker("quick")
    # Two workers take one file after the other: with the short ones last, they end together.
    long = {item.path for item in items if not item.get_closest_marker("quick")}
    items.sort(key=lambda item: item.path not in long)


def pytest_collection_finish() -> None:
    # PyTorch and the tests stay until the end: the collector need not look through them again and again.
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for what in MISSING:
        if item.get_closest_marker(what):
            need(what)


@pytest.fixture
def needs_sandbox() -> None:
    """For a test of which only a part needs bubblewrap; otherwise mark it `sandbox`."""
    need("sandbox")


@pytest.fixture(scope="session")
def needs_browser() -> str:
    """The path of Chromium, for playwright's `executable_path`."""
    need("browser")
    path = find_chromium()
    assert path is not None
    return path


# What a course root is made of, for tests that need one of their own.
COURSE = (
    *("notebooks", "src", "autograder", "binder"),
    *(
        "pyproject.toml",
        "constraints.txt",
        "environment.yml",
        "LICENSE",
        "README.md",
        "nbgrader_config.py",
        "course.toml",
    ),
)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NotebookNode]:
    """Each lesson after a run from top to bottom, as the book has it; made once, whoever asks first."""
    from tools import book

    base = tmp_path_factory.getbasetemp()
    place = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "runs"
    with FileLock(f"{place}.lock"):
        if not place.is_dir():
            made = base / "runs-under-way"
            made.mkdir()
            for name, notebook in book.run_masters(ROOT).items():
                nbformat.write(notebook, made / f"{name}.ipynb")
            made.rename(place)
    return {path.stem: nbformat.read(path, as_version=4) for path in sorted(place.iterdir())}


def copied_course(root: Path) -> Path:
    """A copy of the course root, to make releases in and to break."""
    root.mkdir()
    passing = shutil.ignore_patterns("__pycache__", "*.egg-info", ".ipynb_checkpoints")
    for name in COURSE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=passing)
        else:
            shutil.copy2(ROOT / name, root / name)
    return root


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return copied_course(tmp_path / "course")


@pytest.fixture
def learner_python(tmp_path: Path) -> Path:
    """A Python as learners have it: our dependencies are installed, `sumskip` and `autograder` are not.

    What is installed with it goes into an environment of its own, without the network.
    """
    home = tmp_path / "learner-env"
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    packages = sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)})
    # A path file is read here, those in the folder it names are not: our editable install stays out.
    ours = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Path(packages) / "dependencies.pth").write_text("\n".join(sorted(ours)), encoding="utf-8")
    return home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@pytest.fixture
def learner_env() -> dict[str, str]:
    """The environment variables for `learner_python`: nothing of ours on its path, nothing downloaded."""
    ours = {"PYTHONPATH", "REPO_DIR", "VIRTUAL_ENV"}
    return {
        **{name: value for name, value in os.environ.items() if name not in ours},
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads the negation: 0 is "no isolation"
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
