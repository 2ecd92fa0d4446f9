"""Set-up: the lists agree, an interrupted run never looks finished, nobody's work is overwritten."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from urllib.request import urlopen

import psutil
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

import conftest
from autograder.exercises import LESSONS
from conftest import files_in

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
CONDA_NAMES = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}


def tool(name: str) -> ModuleType:
    """A script of tools/ as a module of its own."""
    spec = spec_from_file_location(f"tool_{name}", ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def requirements(lines: list[str]) -> dict[str, Requirement]:
    found = [Requirement(line) for line in lines]
    return {requirement.name: requirement for requirement in found if requirement.name != PROJECT["name"]}


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {name: Version(version) for name, version in pairs}


# --- one set of lists ------------------------------------------------------------------------------


def test_every_dependency_is_pinned_within_its_range() -> None:
    """constraints.txt has a tested version for all that pyproject.toml names, extras included."""
    named = requirements(PROJECT["dependencies"] + [line for lines in EXTRAS.values() for line in lines])
    for name, requirement in named.items():
        assert name in pins(), f"{name} is not in constraints.txt; run tools/constraints.py"
        assert requirement.specifier.contains(pins()[name]), f"{requirement} against {pins()[name]}"
    assert not any(version.local for version in pins().values()), "a build label would bind other machines"


def test_the_conda_environment_is_the_same_list() -> None:
    """environment.yml names what a learner and an instructor need, in the ranges of pyproject.toml."""
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert listed["channels"][0] == "conda-forge"
    assert all(isinstance(line, str) for line in listed["dependencies"]), "nothing comes by way of pip"
    python, pip, *rest = listed["dependencies"]
    assert pip == "pip"
    minor = python.removeprefix("python=")
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(minor)
    ours = requirements(PROJECT["dependencies"] + EXTRAS["lab"] + EXTRAS["instructor"])
    expected = {CONDA_NAMES.get(name, name): str(wanted.specifier) for name, wanted in ours.items()}
    assert {name: str(wanted.specifier) for name, wanted in requirements(rest).items()} == expected


def test_the_version_has_one_place() -> None:
    """Nothing but pyproject.toml and the change log says which version this is."""
    import sumskip

    assert sumskip.__version__ == PROJECT["version"]
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for path in files_in(ROOT / "src", "*.py"):
        assert PROJECT["version"] not in path.read_text(encoding="utf-8"), path


def test_learners_get_no_autograder() -> None:
    """The distribution finds its packages below src/, where only `sumskip` is."""
    assert [path.name for path in (ROOT / "src").iterdir() if (path / "__init__.py").exists()] == ["sumskip"]


# --- make ------------------------------------------------------------------------------------------


def make(*arguments: str) -> str:
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_make_alone_lists_every_target() -> None:
    """A newcomer who types `make` reads what there is; nothing is run."""
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    listed = re.findall(r"^  make (\w+) +\S", make(), re.MULTILINE)
    assert sorted(listed) == sorted(phony[1].split())
    assert make("help") == make()


def test_arguments_reach_jupyterlab() -> None:
    said = make("--dry-run", "lab", "LAB_ARGS=--no-browser --port 9999")
    assert "tools/lab.py lab --no-browser --port 9999" in said


def test_continuous_integration_lets_nothing_be_skipped() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    text = script.read_text(encoding="utf-8")
    assert "SUMSKIP_REQUIRE=sandbox,browser,postgres" in text
    assert "make test" in text


# --- tools/setup.py --------------------------------------------------------------------------------


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """tools/setup.py on a folder of its own; what it would run is written down in `setup.ran`."""
    module = tool("setup")
    (tmp_path / "tools").mkdir()
    for name in module.INPUTS:
        shutil.copy(ROOT / name, tmp_path / name)
    venv = tmp_path / ".venv"
    places = {"ROOT": tmp_path, "VENV": venv, "READY": venv / ".ready", "BEGUN": venv / ".begun"}
    for name, place in {**places, "PYTHON": venv / "bin" / "python"}.items():
        monkeypatch.setattr(module, name, place)
    ran: list[str] = []

    def run(*command: str, check: bool = True) -> int:
        ran.append(" ".join(command))
        if "venv" in command:
            (venv / "bin").mkdir(parents=True, exist_ok=True)
            (venv / "bin" / "python").touch()
            (venv / "pyvenv.cfg").write_text(f"version = {sys.version_info[0]}.{sys.version_info[1]}.0\n")
        return 0

    monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(module, "ran", ran, raising=False)
    monkeypatch.setattr(module, "answers", lambda url, seconds: False)
    monkeypatch.setattr(module, "installed_torch", lambda: "")
    monkeypatch.setattr(module, "install_system_packages", lambda: None)
    return module


def test_a_second_set_up_does_nothing(setup: ModuleType) -> None:
    setup.main()
    assert any("--constraint constraints.txt" in command for command in setup.ran)
    setup.ran.clear()
    setup.main()
    assert setup.ran == []


@pytest.mark.parametrize("changed", ["pyproject.toml", "constraints.txt"])
def test_a_changed_list_is_installed(setup: ModuleType, changed: str) -> None:
    """The stamp is the content of the lists, not the time they were written."""
    setup.main()
    setup.ran.clear()
    with (setup.ROOT / changed).open("a") as file:
        file.write("\n# another line\n")
    setup.main()
    assert any("--editable" in command for command in setup.ran)


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_set_up_does_not_look_finished(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, end: type[BaseException]
) -> None:
    """Whatever was half installed is cleared away by the next run, which then finishes."""
    works = setup.pip

    def stops(*arguments: str, check: bool = True) -> int:
        (setup.VENV / "half-installed").touch()
        raise end

    monkeypatch.setattr(setup, "pip", stops)
    with pytest.raises(end):
        setup.main()
    assert not setup.is_ready()
    monkeypatch.setattr(setup, "pip", works)
    setup.main()
    assert setup.is_ready()
    assert not (setup.VENV / "half-installed").exists()


def test_an_environment_of_another_python_is_made_anew(setup: ModuleType) -> None:
    setup.main()
    (setup.VENV / "pyvenv.cfg").write_text("version = 3.9.1\n")
    (setup.VENV / "foreign").touch()
    setup.READY.unlink()
    setup.main()
    assert not (setup.VENV / "foreign").exists()


@pytest.mark.parametrize("answer", [True, False])
def test_the_cpu_build_is_taken_where_its_index_answers(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: bool
) -> None:
    """Which PyTorch was taken is said; without the index, the ordinary install brings it."""
    monkeypatch.setattr(setup.sys, "platform", "linux")
    monkeypatch.setattr(setup, "answers", lambda url, seconds: answer)
    setup.main()
    asked = [command for command in setup.ran if setup.CPU_INDEX in command]
    assert len(asked) == answer
    assert f"torch=={pins()['torch']}" in capsys.readouterr().out
    install, compiled = setup.ran[-2:]
    assert "--editable" in install
    assert "compileall" in compiled


def test_a_failing_cpu_index_is_no_failure(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An index that answers and then breaks down: the default index is taken."""
    run = setup.run

    def breaks_down(*command: str, check: bool = True) -> int:
        run(*command, check=check)
        assert not (check and setup.CPU_INDEX in command)
        return int(setup.CPU_INDEX in command)

    monkeypatch.setattr(setup.sys, "platform", "linux")
    monkeypatch.setattr(setup, "answers", lambda url, seconds: True)
    monkeypatch.setattr(setup, "run", breaks_down)
    setup.main()
    assert setup.is_ready()
    assert "from the default index" in capsys.readouterr().out


def test_a_silent_server_is_not_waited_for() -> None:
    """A server that accepts and never answers costs the time we said, not urllib's idea of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        assert not tool("setup").answers(f"http://127.0.0.1:{server.getsockname()[1]}/", 0.3)
    assert time.monotonic() - began < 3
    assert not tool("setup").answers("http://127.0.0.1:9/", 5)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("root", "apt", "expected"),
    [
        (True, True, "Installing"),
        (False, True, "sudo apt-get install -y"),
        (False, False, "install: bubblewrap"),
    ],
)
def test_system_packages_are_installed_or_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], root: bool, apt: bool, expected: str
) -> None:
    """As root on a Debian-like system they are installed; elsewhere the command is printed."""
    setup = tool("setup")
    ran: list[list[str]] = []

    def run(command: list[str], **settings: object) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(setup.shutil, "which", lambda name: "apt-get" if apt and name == "apt-get" else None)
    monkeypatch.setattr(setup.os, "geteuid", lambda: 0 if root else 1000)
    monkeypatch.setattr(setup.sys, "platform", "linux")
    monkeypatch.setattr(setup.subprocess, "run", run)
    setup.install_system_packages()
    assert expected in capsys.readouterr().out
    assert [command[-1] for command in ran] == (["update", "postgresql"] if root else [])


def test_the_pins_are_what_is_required_and_nothing_else() -> None:
    """tools/constraints.py follows requirements to the end, and only as far as this machine needs them."""
    found = tool("constraints").closure(["jupyterlab", "notebook[none]; python_version < '3'"], "sumskip")
    assert {"jupyterlab", "jupyter-server", "traitlets"} <= set(found)
    assert not {"notebook", "torch", "sumskip"} & set(found)


# --- tools/lab.py ----------------------------------------------------------------------------------


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_a_learners_work_is_never_overwritten(tmp_path: Path) -> None:
    """A new release adds what is missing and says what it left alone."""
    release = write(tmp_path / "release", {"01/01.ipynb": "new", "02/02.ipynb": "new", "README.md": "same"})
    work = write(tmp_path / "work", {"01/01.ipynb": "my answers", "README.md": "same", "notes.txt": "mine"})
    copied, kept = tool("lab").lay_out(release, work)
    assert (work / "01/01.ipynb").read_text() == "my answers"
    assert (work / "02/02.ipynb").read_text() == "new"
    assert (work / "notes.txt").read_text() == "mine"
    assert (copied, kept) == ([Path("02/02.ipynb")], [Path("01/01.ipynb")])


def test_a_learner_checks_with_the_keys_of_the_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which have the points of this course; formgrader and masters keep to the course root."""
    lab, calls = tool("lab"), []
    done = subprocess.CompletedProcess([], 0)
    monkeypatch.setattr(lab.subprocess, "run", lambda _, **given: calls.append(given) or done)
    monkeypatch.setenv("PYTHONPATH", "before")
    lab.open_jupyterlab(tmp_path, [], release=tmp_path / "release")
    lab.open_jupyterlab(tmp_path, [])
    first, second = (given["env"]["PYTHONPATH"] for given in calls)
    assert first == os.pathsep.join([str(tmp_path / "release" / "src"), "before"])
    assert second == "before"


def test_a_release_is_made_again_when_a_master_is_newer(tmp_path: Path) -> None:
    is_stale = tool("lab").is_stale
    root = write(
        tmp_path,
        {
            "notebooks/01/01.ipynb": "{}",
            "src/sumskip/__init__.py": "",
            "release/README.md": "",
            "course.toml": "",
        },
    )
    assert not is_stale(root / "release", root)
    assert is_stale(root / "nowhere", root)
    later = time.time() + 60
    write(root, {"notebooks/01/.ipynb_checkpoints/01.ipynb": "{}"})
    os.utime(root / "notebooks/01/.ipynb_checkpoints/01.ipynb", (later, later))
    assert not is_stale(root / "release", root)
    for name in ("notebooks/01/01.ipynb", "course.toml"):
        os.utime(root / name, (later, later))
        assert is_stale(root / "release", root), name
        os.utime(root / name, (0, 0))


@pytest.fixture
def serve(course: Path) -> Iterator[Callable[[list[str], Path], tuple[float, set[str], str]]]:
    """Starts a JupyterLab by `command` in `folder`, and stops the one before.

    Returns the seconds of processor until it serves, the names that it serves, and the page that it opens.
    Other tests may be running beside this one, so only two of these numbers side by side say anything.
    """
    shutil.copytree(ROOT / "tools", course / "tools")
    running: list[subprocess.Popen[str]] = []

    def stop() -> None:
        for process in running:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        running.clear()

    def start(command: list[str], folder: Path) -> tuple[float, set[str], str]:
        stop()
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        arguments = [
            "--no-browser",
            f"--port={port}",
            "--ServerApp.port_retries=0",
            "--IdentityProvider.token=",
        ]
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, *command, *arguments],
            cwd=folder,
            text=True,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        running.append(process)
        while time.monotonic() - began < 60:
            assert process.poll() is None, "JupyterLab stopped"
            try:
                with urlopen(f"http://127.0.0.1:{port}/api/contents", timeout=5) as reply:
                    names = {entry["name"] for entry in json.load(reply)["content"]}
                lab = psutil.Process(process.pid)
                times = [part.cpu_times() for part in (lab, *lab.children(recursive=True))]
                with urlopen(f"http://127.0.0.1:{port}/", timeout=5) as page:
                    return sum(part.user + part.system for part in times), names, page.url
            except OSError:  # nobody listens yet
                time.sleep(0.1)
        pytest.fail("JupyterLab did not serve within a minute")

    yield start
    stop()


@pytest.mark.slow
def test_a_second_start_costs_little_more_than_jupyterlab_itself(
    serve: Callable[[list[str], Path], tuple[float, set[str], str]], course: Path, tmp_path: Path
) -> None:
    """The first start makes the release, lays it out and opens lesson 1; the second finds all in place."""
    ours = ["tools/lab.py", "lab"]
    _, names, page = serve(ours, course)
    assert names == {*LESSONS, "README.md", "LICENSE"}
    assert page.partition("?")[0].endswith(f"/lab/tree/{LESSONS[0]}/{LESSONS[0]}.ipynb")
    mine = course / "work" / "01_sequential_flow" / "01_sequential_flow.ipynb"
    mine.write_text("my answers")
    made = (course / "release" / "README.md").stat().st_mtime
    bare = tmp_path / "bare"
    bare.mkdir()
    itself, *_ = serve(["-m", "jupyter", "lab", "--allow-root"], bare)
    again, *_ = serve(ours, course)
    assert again < 1.5 * itself
    assert (course / "release" / "README.md").stat().st_mtime == made
    assert mine.read_text() == "my answers"


# --- conftest.py -----------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["browser", "sandbox"])
def test_a_missing_program_skips_or_fails(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Skipped with the reason, unless SUMSKIP_REQUIRE asks for it: then it fails."""
    monkeypatch.setitem(conftest.MISSING, what, lambda: "it is not installed")
    monkeypatch.delenv("SUMSKIP_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match="not installed"):
        conftest.need(what)
    monkeypatch.setenv("SUMSKIP_REQUIRE", "sandbox, browser")
    with pytest.raises(pytest.fail.Exception, match="not installed"):
        conftest.need(what)


def test_a_misspelt_requirement_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUMSKIP_REQUIRE", "sandboxes")
    with pytest.raises(pytest.UsageError, match="sandboxes"):
        conftest.required()
