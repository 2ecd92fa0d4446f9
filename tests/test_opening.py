"""Where learners open a release: JupyterLab's own list, Colab, dev containers, and what these save."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from autograder.__main__ import main
from autograder.engine.intake import Submission, read_submission
from autograder.engine.run import Engine
from autograder.exercises import LESSONS
from autograder.opening import SETTINGS
from autograder.release import release
from autograder.settings import read_settings
from autograder.taught import as_taught
from conftest import COURSE, ROOT
from grading_course import WRONG, answered, make_course, master, put_engine
from saved_elsewhere import LOST, SAVED

REPOSITORY = "example/sum.skip-1"
each_lesson = pytest.mark.parametrize("lesson", LESSONS)


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release for a public repository, made once; tests only read it."""
    root = tmp_path_factory.mktemp("course")
    for name in COURSE:
        (root / name).symlink_to(ROOT / name)
    return release(root, binder=REPOSITORY)


def notebook(folder: Path, lesson: str) -> NotebookNode:
    return nbformat.read(folder / lesson / f"{lesson}.ipynb", as_version=4)


def colab_cell(folder: Path, lesson: str) -> Any:
    return next(cell for cell in notebook(folder, lesson).cells if cell.cell_type == "code")


# --- JupyterLab ------------------------------------------------------------------------------------


def test_jupyterlab_lists_the_lessons_and_opens_the_first(public: Path) -> None:
    """Of a release, learners see lessons, README and licence; Jupyter hides what begins with a dot."""
    settings = json.loads((public / SETTINGS).read_text(encoding="utf-8"))
    globs = settings["ContentsManager"]["hide_globs"]
    names = [path.name for path in public.iterdir() if not path.name.startswith(".")]
    seen = {name for name in names if not any(fnmatch.fnmatch(name, glob) for glob in globs)}
    assert seen == {*LESSONS, "README.md", "LICENSE"}
    assert settings["LabApp"]["default_url"] == f"/lab/tree/{LESSONS[0]}/{LESSONS[0]}.ipynb"


def test_vs_code_hides_the_same(public: Path) -> None:
    hidden = container(public)["customizations"]["vscode"]["settings"]["files.exclude"]
    globs = json.loads((public / SETTINGS).read_text(encoding="utf-8"))["ContentsManager"]["hide_globs"]
    assert set(hidden) <= set(globs)
    assert {"src", "pyproject.toml"} <= set(hidden)


# --- dev containers --------------------------------------------------------------------------------


def container(folder: Path) -> Any:
    return json.loads((folder / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))


def test_the_container_of_the_course_root_runs_the_two_commands_of_the_readme() -> None:
    """They are targets of make, and Python is one that the course takes."""
    settings = container(ROOT)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in (settings["postCreateCommand"], settings["postAttachCommand"]):
        done = subprocess.run(["make", "--dry-run", *command.split()[1:]], cwd=ROOT, capture_output=True)
        assert done.returncode == 0, done.stderr
        assert f"`{' '.join(command.split()[:2])}`" in readme
    assert settings["image"].endswith("python:3.11")


def test_the_container_of_a_release_runs_the_commands_of_its_readme(public: Path) -> None:
    """Line by line what the README says; JupyterLab alone opens no browser of its own."""
    settings = container(public)
    lines = re.findall(r"(?m)^    (\S.*)$", (public / "README.md").read_text(encoding="utf-8"))
    commands = settings["postCreateCommand"].split(" && ")
    assert [command for command in commands if command not in lines] == []
    assert settings["postAttachCommand"].removesuffix(" --no-browser") in lines
    assert settings["image"] == container(ROOT)["image"]


# --- Colab -----------------------------------------------------------------------------------------


def test_the_readme_has_a_colab_badge_for_each_lesson(public: Path) -> None:
    """Its alternative text says which lesson it opens."""
    text = (public / "README.md").read_text(encoding="utf-8")
    badges = re.findall(r"\[!\[([^\]]+)\]\(https://colab\.\S+\.svg\)\]\((\S+)\)", text)
    link = f"https://colab.research.google.com/github/{REPOSITORY}/blob/HEAD"
    assert badges == [(f"Open {name} in Colab", f"{link}/{name}/{name}.ipynb") for name in LESSONS]


@each_lesson
def test_the_first_code_cell_is_for_colab_and_short(public: Path, lesson: str) -> None:
    """Apart from it the lesson is the one without --binder: the same cells in the same order."""
    cells = notebook(public, lesson).cells
    without = as_taught(read_settings(ROOT), json.loads(master(lesson)))
    assert [cell.id for cell in cells if cell.id != "colab"] == [cell["id"] for cell in without["cells"]]
    cell = colab_cell(public, lesson)
    assert cell.id == "colab"
    assert "nbgrader" not in cell.metadata
    assert len(cell.source.splitlines()) <= 25


def test_the_cell_for_colab_does_nothing_anywhere_else(public: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_options: pytest.fail("something was run"))
    space: dict[str, Any] = {}
    exec(colab_cell(public, LESSONS[0]).source, space)
    assert set(space) - {"__builtins__"} == {"sys"}


def test_in_colab_the_cell_installs_the_repository_and_lets_widgets_be_shown(
    public: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulated: what Colab has installed stays as it is, and its switch for widgets is turned on."""
    done: list[Any] = []
    modules = {name: ModuleType(name) for name in ("google", "google.colab", "google.colab.output")}
    modules["google"].colab = modules["google.colab"]  # type: ignore[attr-defined]
    modules["google.colab"].output = modules["google.colab.output"]  # type: ignore[attr-defined]
    switch = "enable_custom_widget_manager"
    setattr(modules["google.colab.output"], switch, lambda: done.append(switch))
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(subprocess, "run", lambda command, check: done.append(command))
    exec(colab_cell(public, LESSONS[0]).source, {})
    pip, after = done
    assert pip[:4] == [sys.executable, "-m", "pip", "install"]
    assert f"git+https://github.com/{REPOSITORY}" in pip
    assert "--no-deps" in pip
    assert after == switch


# --- what comes back -------------------------------------------------------------------------------


def answers(lesson: str) -> dict[str, str]:
    """The master's answers, but for one wrong one."""
    cells = nbformat.reads(master(lesson), as_version=4).cells
    rules = [cell.metadata.get("nbgrader", {}) for cell in cells]
    solved = {r["grade_id"]: c.source for c, r in zip(cells, rules, strict=True) if r.get("solution")}
    wrong = {LESSONS[0]: "sequential_model", LESSONS[1]: "addition_model"}.get(lesson)
    return {**solved, wrong: WRONG[wrong]} if wrong else solved


def read(notebook: Any, folder: Path) -> Submission:
    path = folder / "handed_in.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return read_submission(path, {lesson: json.loads(master(lesson)) for lesson in LESSONS})


def steps(submission: Submission) -> list[tuple[str, str, str | None]]:
    """What is run and judged, without the cell for Colab."""
    tasks = [task for task in submission.plan.tasks if "google.colab" not in task.source]
    return [(task.do, task.source, task.exercise) for task in tasks]


def read_as_it_was_written(public: Path, folder: Path, lesson: str, save: Any) -> Submission:
    """A solved lesson as an editor saves it: the same cells run, and the same checks are made."""
    plain = nbformat.reads(master(lesson), as_version=4)
    expected = steps(read(answered(plain, answers(lesson)), folder))
    saved = read(save(answered(notebook(public, lesson), answers(lesson))), folder)
    assert steps(saved) == expected
    return saved


@each_lesson
@pytest.mark.parametrize("save", SAVED.values(), ids=SAVED)
def test_what_an_editor_saves_is_graded_as_what_was_written(
    public: Path, tmp_path: Path, lesson: str, save: Any
) -> None:
    """Nothing is warned of."""
    assert read_as_it_was_written(public, tmp_path, lesson, save).warnings == ()


@each_lesson
@pytest.mark.parametrize("save", LOST.values(), ids=LOST)
def test_what_has_lost_its_metadata_is_graded_with_a_warning(
    public: Path, tmp_path: Path, lesson: str, save: Any
) -> None:
    """Released ids, the texts of locked cells and the names of answers say which cell is which."""
    saved = read_as_it_was_written(public, tmp_path, lesson, save)
    assert saved.warnings[0].startswith("nbgrader's metadata was missing")
    assert saved.assignment == lesson


@pytest.mark.slow
@pytest.mark.sandbox
def test_check_gives_the_same_points_wherever_a_notebook_was_saved(
    public: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`autograder check` on one lesson, right and wrong answers in it, as each editor saves it."""
    monkeypatch.chdir(make_course(tmp_path / "course"))
    lesson = LESSONS[1]
    solved = answered(notebook(public, lesson), answers(lesson))

    def check(content: Any, name: str) -> Any:
        path = tmp_path / f"{name}.ipynb"
        path.write_text(json.dumps(content), encoding="utf-8")
        assert main(["check", str(path), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    with Engine() as engine:  # warmed up once, for all of them
        put_engine(monkeypatch, nullcontext(engine))
        expected = check(answered(nbformat.reads(master(lesson), as_version=4), answers(lesson)), "plain")
        assert 0 < expected["score"] < expected["max_score"]
        for name, save in {**SAVED, **LOST}.items():
            assert check(save(solved), name) == expected, name
