"""`autograder demo`: a class of invented learners, graded like any other."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import click
import pytest

from autograder.__main__ import main
from autograder.commands import demo as commands
from autograder.demo import ESSAYS, draw, new_course
from autograder.keys.secret import KEY_STORE, SECRET_FILE
from course_root import KEYS, ROOT, SECRET


@pytest.fixture
def root(course: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(course)
    return with_keys(course)


def with_keys(course: Path) -> Path:
    """The same course, whose secret keys are there."""
    KEYS.mkdir(parents=True, exist_ok=True)
    (course / SECRET_FILE).parent.mkdir(mode=0o700)
    (course / SECRET_FILE).write_bytes(SECRET)
    (course / KEY_STORE).symlink_to(KEYS)
    return course


@pytest.mark.parametrize(
    ("options", "terminal", "status", "opens"),
    [([], True, 0, True), (["--no-open"], True, 0, False), ([], False, 0, False), ([], True, 2, False)],
)
def test_report_and_formgrader_open_where_a_person_sits(
    options: list[str],
    terminal: bool,
    status: int,
    opens: bool,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Last of all, those of the demonstration; not in a script, and not where grading did not end well."""
    (root / "tools").symlink_to(ROOT / "tools")
    opened: list[object] = []
    monkeypatch.setattr("autograder.demo.hand_in", lambda *_: None)
    monkeypatch.setattr(commands, "grade", click.Command("grade", callback=lambda: status))
    monkeypatch.setattr(commands, "report", click.Command("report", callback=lambda: None))
    monkeypatch.setattr(commands.webbrowser, "open", opened.append)
    monkeypatch.setattr(commands.os, "execv", lambda *command: opened.append(command))
    monkeypatch.setattr(commands.sys.stdout, "isatty", lambda: terminal)
    assert main(["demo", "--students", "1", *options]) == status
    program, lab = sys.executable, str(Path("demo/tools/lab.py"))
    page = (root / "demo/report.html").as_uri()
    assert opened == ([page, (program, [program, lab, "desk"])] if opens else [])
    assert "make -C demo desk" in capsys.readouterr().out


def test_the_same_seed_draws_the_same_class(root: Path) -> None:
    """Learners, answers, times and essays; another seed draws another one."""
    course = new_course(root, root / "demo")
    one, again, other = (draw(course, 20, seed) for seed in (1, 1, 2))
    assert one == again != other
    assert {answer.right for each in one for answer in each.answers.values()} == {True, False}
    assert {each.essay for each in one} > set(ESSAYS[:3])
    assert len({each.learner for each in one}) == 20


def test_a_folder_that_holds_something_else_is_left_alone(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "mine").mkdir()
    (root / "mine/notes.txt").write_text("keep me")
    assert main(["demo", "--folder", "mine"]) == 2
    assert "holds something else; name a new folder" in capsys.readouterr().err
    assert [file.name for file in (root / "mine").iterdir()] == ["notes.txt"]


def test_make_and_formgrader_are_those_of_the_folder(root: Path) -> None:
    """`make desk` there opens that course, with what is installed for this one: no file is newer there."""
    for name in ("Makefile", "tools", ".venv"):
        (root / name).symlink_to(ROOT / name)
    folder = new_course(root, root / "demo").root
    assert runpy.run_path(str(folder / "tools/lab.py"))["ROOT"] == folder.resolve()
    made = subprocess.run(["make", "-n", "-C", str(folder), "desk"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert "tools/lab.py desk" in made.stdout
    assert (folder / ".venv").resolve() == (root / ".venv").resolve()
    for name in ("pyproject.toml", "constraints.txt", "tools/setup.py"):  # what the set-up's stamp goes by
        assert (folder / name).stat().st_mtime == (root / name).stat().st_mtime


def test_dates_of_the_course_are_not_those_of_the_demonstration(root: Path) -> None:
    """It keeps points, and what predictions count for; dates and extensions of real learners stay behind."""
    (root / "course.toml").write_text(
        '[predictions]\npoints-for = "being right"\n[points]\ntiny_resnet = 2.5\n'
        "[extension]\n01_sequential_flow = {ada = 3}\n"
    )
    settings = new_course(root, root / "demo").settings
    assert settings.points_for == "being right"
    assert settings.points == {"tiny_resnet": 2.5}
    assert (len(settings.due), settings.extensions) == (4, {})
