"""What learners get: all of the lessons, none of the answers, and never half a release."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest

from autograder.clearing import ClearAnswers, course_config
from autograder.exercises import LESSONS
from autograder.release import (
    ReleaseError,
    StampVersion,
    course_version,
    packaging_tables,
    release,
)
from autograder.settings import Settings
from autograder.taught import as_taught
from conftest import COURSE
from leaks import find_leaks, normal

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release of the real masters, made once; tests only read it."""
    root = tmp_path_factory.mktemp("course")
    for name in COURSE:
        (root / name).symlink_to(ROOT / name)
    return release(root)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def notebook(folder: Path, name: str) -> nbformat.NotebookNode:
    return nbformat.read(folder / name / f"{name}.ipynb", as_version=4)


def graded_cells(content: nbformat.NotebookNode) -> list[tuple[str, int]]:
    cells = [cell.metadata.nbgrader for cell in content.cells if "nbgrader" in cell.metadata]
    return [(cell.grade_id, cell.get("points", 0)) for cell in cells]


def test_no_solution_of_a_master_is_found_below_the_release(released: Path) -> None:
    """Whatever its layout, no solution region stands in a notebook, the package or a text file."""
    assert find_leaks(ROOT / "notebooks", released) == []


def test_the_search_for_solutions_finds_them_where_they_are(released: Path, tmp_path: Path) -> None:
    """The search is sharp: masters are full of leaks, and reformatting hides nothing."""
    assert len(find_leaks(ROOT / "notebooks", ROOT / "notebooks")) > 10
    (tmp_path / "hidden.py").write_text(
        "class A:\n    def f(self,x):\n        '''Other words.'''\n        x = 1\n"
        "        outputs=[ ]   # here\n        for module in (model):\n"
        "            x=module( x );outputs.append(x)\n        return outputs\n"
    )
    assert find_leaks(ROOT / "notebooks", tmp_path) == [f"intermediate_outputs in {tmp_path / 'hidden.py'}"]


def test_no_source_of_the_autograder_is_released(released: Path) -> None:
    """No class or function of `autograder` is defined anywhere below the release."""

    def definitions(folder: Path) -> dict[str, str]:
        found = {}
        for path in sorted(folder.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                # One-line helpers may well be the same in two places; knowledge takes more.
                if isinstance(node, ast.ClassDef | ast.FunctionDef) and len(list(ast.walk(node))) > 40:
                    found[normal(node)] = f"{path}: {node.name}"
        return found

    ours = definitions(ROOT / "autograder")
    assert len(ours) > 5
    assert [place for text, place in definitions(released).items() if text in ours] == []
    assert [path for path in released.rglob("*") if "autograder" in path.name] == []


def test_released_lessons_are_the_masters_without_outputs_and_with_their_version(released: Path) -> None:
    """Every graded cell keeps its place and points; demonstrations stay; the version is stamped."""
    for name in LESSONS:
        master, lesson = notebook(ROOT / "notebooks", name), notebook(released, name)
        assert graded_cells(lesson) == graded_cells(master)
        given = as_taught(Settings(), master)["cells"]
        assert [cell.id for cell in lesson.cells] == [cell.id for cell in given]
        tags = [cell.metadata.get("tags", []) for cell in given]
        assert [cell.metadata.get("tags", []) for cell in lesson.cells] == tags
        assert lesson.metadata["sumskip"] == {"version": course_version(ROOT)}
        code = [cell for cell in lesson.cells if cell.cell_type == "code"]
        assert all(not cell.outputs and cell.execution_count is None for cell in code)


def test_an_untouched_solution_cell_stops_rather_than_answers(released: Path) -> None:
    """Where a solution was, the learner finds nbgrader's line that raises, or the `None` of a prediction."""
    for name in LESSONS:
        for cell in notebook(released, name).cells:
            if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
                left = (
                    "None,"
                    if "prediction" in cell.metadata.get("tags", [])
                    else "raise NotImplementedError()"
                )
                assert left in cell.source, cell.id


def test_a_release_holds_what_its_readme_names(released: Path) -> None:
    """Lessons, package with its keys, environment and Binder files lie where the README sends people."""
    names = set(snapshot(released))
    assert {f"{name}/{name}.ipynb" for name in LESSONS} <= names
    assert {
        "README.md",
        "LICENSE",
        "environment.yml",
        "postBuild",
        ".devcontainer/devcontainer.json",
        "constraints.txt",
        "pyproject.toml",
    } <= names
    assert {f"src/sumskip/keys/{key.name}" for key in (ROOT / "src/sumskip/keys").glob("*.npz")} <= names
    hidden = {path.name for path in released.iterdir() if path.name.startswith(".")}
    assert hidden == {".devcontainer"}
    assert not any("__pycache__" in name for name in names)
    assert os.access(released / "postBuild", os.X_OK)
    readme = (released / "README.md").read_text(encoding="utf-8")
    assert all(f"({name}/{name}.ipynb)" in readme for name in LESSONS)
    assert not re.search("mybinder.org|colab", readme, re.IGNORECASE)
    for name in LESSONS:
        assert "colab" not in (released / name / f"{name}.ipynb").read_text(encoding="utf-8").lower()


def test_the_badge_opens_the_first_lesson_of_the_named_repository(course: Path) -> None:
    """--binder writes the badge, and says beside it that Binder forgets."""
    text = (release(course, binder="example/sum.skip-1") / "README.md").read_text(encoding="utf-8")
    link = "https://mybinder.org/v2/gh/example/sum.skip-1/HEAD?labpath=01_sequential_flow%2F01_sequential_flow.ipynb"
    assert link in text
    assert "Binder forgets" in text


@pytest.mark.parametrize("name", ["example", "a/b/c", "https://example.org/a/b", "", "a/b?x=1"])
def test_a_badge_for_no_repository_is_refused(course: Path, name: str) -> None:
    with pytest.raises(ReleaseError, match="expects OWNER/REPO"):
        release(course, binder=name)
    assert not (course / "release").exists()


def test_what_lies_beside_a_master_stays_there(course: Path) -> None:
    """nbgrader would copy an instructor's notes from a lesson's folder into the release."""
    beside = course / "notebooks" / LESSONS[0]
    (beside / "solutions.py").write_text("answer = 13\n")
    (beside / "draft.ipynb").write_text((beside / f"{LESSONS[0]}.ipynb").read_text(encoding="utf-8"))
    assert [path.name for path in (release(course) / LESSONS[0]).iterdir()] == [f"{LESSONS[0]}.ipynb"]


def show(course: Path, text: str) -> Path:
    """The first lesson's folder, and in its master a text cell with `text`."""
    path = course / "notebooks" / LESSONS[0] / f"{LESSONS[0]}.ipynb"
    content = nbformat.read(path, as_version=4)
    content.cells.append(nbformat.v4.new_markdown_cell(text, id="a-picture"))
    nbformat.write(content, path)
    return path.parent


def test_pictures_that_a_lesson_shows_travel_with_it(course: Path) -> None:
    """At the same place beside the notebook; what it does not show stays with the instructor."""
    folder = show(
        course,
        '![a chain](pictures/a%20chain.png "A chain") <img alt="a skip" src="skip.SVG"> '
        "![elsewhere](https://example.org/x.png) ![inline](data:image/png;base64,AA)",
    )
    (folder / "pictures").mkdir()
    for name in ("pictures/a chain.png", "skip.SVG", "pictures/solution.png"):
        (folder / name).write_bytes(name.encode())
    made = release(course) / LESSONS[0]
    found = {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}
    assert found == {f"{LESSONS[0]}.ipynb", "pictures/a chain.png", "skip.SVG"}
    assert (made / "pictures/a chain.png").read_bytes() == b"pictures/a chain.png"


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        ("pictures/chain.png", "shows pictures/chain.png, which is not there"),
        ("../02_explicit_addition/x.png", "expected a picture"),
        ("notes.md", "expected a picture"),
        ("secret.png", "expected a picture"),
    ],
)
def test_a_lesson_that_shows_what_cannot_travel_is_refused(shown: str, reason: str, course: Path) -> None:
    """Missing, outside of its folder (by a link as well), or no picture: one line names it."""
    folder = show(course, f"![x]({shown})")
    (folder.parent / LESSONS[1] / "x.png").write_bytes(b"")
    (folder / "notes.md").write_text("")
    (folder / "secret.png").symlink_to("/etc/passwd")
    with pytest.raises(ReleaseError, match=reason) as refused:
        release(course)
    assert "\n" not in str(refused.value)


def test_a_release_neither_needs_nor_touches_the_gradebook(course: Path) -> None:
    release(course)
    assert not (course / "gradebook.db").exists()
    (course / "gradebook.db").write_bytes(b"marks")
    release(course)
    assert (course / "gradebook.db").read_bytes() == b"marks"
    assert not list(course.glob(".release-*"))


def break_master(course: Path) -> None:
    """A master that nbgrader refuses: two cells under one name."""
    path = course / "notebooks" / LESSONS[3] / f"{LESSONS[3]}.ipynb"
    content = nbformat.read(path, as_version=4)
    graded = [cell for cell in content.cells if "nbgrader" in cell.metadata]
    graded[1].metadata.nbgrader.grade_id = graded[0].metadata.nbgrader.grade_id
    nbformat.write(content, path)


def unclosed_solution(course: Path) -> None:
    path = course / "notebooks" / LESSONS[0] / f"{LESSONS[0]}.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("### END SOLUTION", "###"), encoding="utf-8")


@pytest.mark.parametrize(
    "harm",
    [
        break_master,
        unclosed_solution,
        lambda course: (course / "LICENSE").unlink(),
        lambda course: (course / "notebooks" / LESSONS[1] / f"{LESSONS[1]}.ipynb").unlink(),
        lambda course: (course / "notebooks" / LESSONS[1] / f"{LESSONS[1]}.ipynb").write_text("{"),
    ],
    ids=["duplicate grade_id", "solution without end", "missing file", "missing master", "no notebook"],
)
def test_a_release_that_fails_leaves_the_earlier_one_whole(course: Path, harm) -> None:  # type: ignore[no-untyped-def]
    """One line says why; nothing of the new release is seen, and nothing is left lying about."""
    earlier = snapshot(release(course))
    harm(course)
    with pytest.raises(ReleaseError) as refused:
        release(course)
    assert len(str(refused.value).splitlines()) == 1
    assert snapshot(course / "release") == earlier
    assert not list(course.glob(".release-*"))


def test_a_release_that_cannot_be_swapped_in_leaves_the_earlier_one(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of the two renames fails: the first is taken back."""
    earlier = snapshot(release(course))
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.parent.name.startswith(".release-"):
            raise PermissionError("held open")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(ReleaseError, match="held open"):
        release(course)
    assert snapshot(course / "release") == earlier


def test_a_run_killed_between_the_renames_is_mended_by_the_next(course: Path) -> None:
    earlier = snapshot(release(course))
    (course / "release").rename(course / ".release-earlier")
    unclosed_solution(course)
    with pytest.raises(ReleaseError):
        release(course)
    assert snapshot(course / "release") == earlier


def test_plain_nbgrader_stamps_the_version_as_well() -> None:
    """`nbgrader generate_assignment` has the step in its list, with this course's version."""
    content, _ = StampVersion().preprocess(nbformat.v4.new_notebook(), {})
    assert content.metadata["sumskip"] == {"version": course_version(ROOT)}
    config = course_config(ROOT)
    assert config.GenerateAssignment.preprocessors[-1] is StampVersion
    assert ClearAnswers in config.GenerateAssignment.preprocessors


def test_packaging_tables_keep_what_installing_needs() -> None:
    text = packaging_tables((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "[project]" in text
    assert "[tool.setuptools.package-data]" in text
    assert "[tool.ruff" not in text
    assert "[tool.mypy" not in text


@pytest.mark.slow
def test_a_learner_can_install_the_release_and_validate_in_it(
    course: Path, learner_python: Path, learner_env: dict[str, str]
) -> None:
    """`pip install .` gives `sumskip`, its keys and no `autograder`; Validate answers with our sentence."""
    folder = release(course)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [learner_python, *arguments], cwd=folder, env=learner_env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("-m", "pip", "install", "--no-deps", ".")
    shutil.rmtree(folder / "src")  # what is imported now is what was installed
    script = (
        "import sumskip, importlib.util as u, pathlib as p\n"
        "print(sumskip.__version__, u.find_spec('autograder'))\n"
        "print(len(list((p.Path(sumskip.__file__).parent / 'keys').glob('*.npz'))))"
    )
    keys = len(list((ROOT / "src/sumskip/keys").glob("*.npz")))
    assert run("-c", script).split() == [course_version(ROOT), "None", str(keys)]
    said = run("-m", "nbgrader", "validate", f"{LESSONS[0]}/{LESSONS[0]}.ipynb")
    assert "VALIDATION FAILED" in said
    assert "predict_flow: double_then_add: no answer yet; expected a number" in said
    assert said.count("Nothing is here yet") == 2
    assert "Traceback" not in said


def test_settings_that_cannot_be_used_stop_a_release_in_one_line(course: Path) -> None:
    (course / "nbgrader_config.py").write_text("c.X = (")
    with pytest.raises(ReleaseError, match="cannot be used: SyntaxError"):
        release(course)
    assert not (course / "release").exists()
