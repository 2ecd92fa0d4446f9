"""Binder: our folder builds, and what it serves to learners holds no answer."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from repo2docker.app import Repo2Docker
from repo2docker.buildpacks import CondaBuildPack

from autograder.exercises import LESSONS
from leaks import find_leaks

ROOT = Path(__file__).resolve().parent.parent


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A Maintainer", "-c", "user.email=maintainer@example.org"]
    command = ["git", *identity, "-c", "commit.gpgsign=false", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def clone(course: Path) -> Path:
    """A clean clone of the course root, with a history."""
    (course / ".gitignore").write_text((ROOT / ".gitignore").read_text(encoding="utf-8"), encoding="utf-8")
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "The masters"]):
        git(course, *arguments)
    return course


def post_build(
    folder: Path, python: Path, env: dict[str, str], **more: str
) -> subprocess.CompletedProcess[str]:
    """Runs binder/postBuild as Binder does: in the repository's folder, by the environment's Python."""
    path = os.pathsep.join([str(python.parent), env["PATH"]])
    return subprocess.run(
        ["./binder/postBuild"], cwd=folder, env={**env, "PATH": path, **more}, capture_output=True, text=True
    )


@pytest.mark.parametrize("made", ["masters", "release"])
def test_repo2docker_detects_and_renders(made: str, course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its conda build pack takes our environment.yml and runs our postBuild: for masters and releases."""
    from autograder.release import release

    monkeypatch.chdir(ROOT if made == "masters" else release(course))
    pack = CondaBuildPack(base_image=Repo2Docker().base_image)
    pack.platform = "linux/amd64"  # what mybinder.org builds for
    assert pack.detect()
    folder = "binder/" if made == "masters" else ""
    assert pack.binder_path("environment.yml") == f"{folder}environment.yml"
    dockerfile = pack.render(build_args={})
    assert f"COPY --chown=1000:1000 src/{folder}environment.yml" in dockerfile
    assert f"RUN ./{folder}postBuild" in dockerfile
    assert pack.python_version == "3.11"
    assert os.access(f"{folder}postBuild", os.X_OK)


def test_binder_has_the_same_environment() -> None:
    """binder/environment.yml is environment.yml; a copy, because Binder reads no other and no links."""
    theirs, ours = ROOT / "binder" / "environment.yml", ROOT / "environment.yml"
    assert theirs.read_bytes() == ours.read_bytes()
    assert not theirs.is_symlink()


@pytest.mark.slow
def test_postbuild_runs_in_a_clean_clone_alone_and_leaves_no_solution(
    clone: Path, learner_python: Path, learner_env: dict[str, str]
) -> None:
    """The folder has become the release: lessons on top, no master, no history, `sumskip` installed.

    It deletes masters, so it will not run where somebody has begun to work.
    """
    masters = ROOT / "notebooks"
    assert find_leaks(masters, clone)
    (clone / "work").mkdir()
    (clone / "work" / "mine.ipynb").write_text("my answers")
    before = git(clone, "rev-parse", "HEAD")
    refused = post_build(clone, learner_python, learner_env)
    assert refused.returncode == 1
    assert "clean clone" in refused.stderr
    assert git(clone, "rev-parse", "HEAD") == before
    assert git(clone, "status", "--porcelain") == ""
    (clone / "work" / "mine.ipynb").unlink()
    (clone / "work").rmdir()
    (clone / ".bashrc").write_text("# the home folder's own\n")
    done = post_build(clone, learner_python, learner_env, REPO_DIR=str(clone))
    assert done.returncode == 0, done.stdout + done.stderr
    assert find_leaks(masters, clone) == []
    assert [path for path in clone.rglob("*") if "autograder" in path.name or ".git" in path.name] == []
    assert all((clone / name / f"{name}.ipynb").is_file() for name in LESSONS)
    assert (clone / ".bashrc").is_file()
    assert not (clone / "notebooks").exists()
    settings = learner_python.parent.parent / "etc" / "jupyter" / "labconfig" / "page_config.json"
    assert "@jupyter/nbgrader:formgrader" in json.loads(settings.read_text())["disabledExtensions"]
    script = "import sumskip, importlib.util as u; print(sumskip.__file__, u.find_spec('autograder'))"
    found = subprocess.run(
        [learner_python, "-c", script], cwd=clone.parent, env=learner_env, capture_output=True, text=True
    )
    installed, autograder = found.stdout.split()
    assert Path(installed).is_relative_to(learner_python.parent.parent)
    assert autograder == "None"
    assert find_leaks(masters, Path(installed).parent) == []


def test_learners_are_told_that_binder_forgets() -> None:
    """The README and every lesson say it before there is something to lose."""
    places = [ROOT / "README.md", *(ROOT / "notebooks" / name / f"{name}.ipynb" for name in LESSONS)]
    for place in places:
        text = place.read_text(encoding="utf-8")
        assert "Binder" in text, place
        assert "download" in text.lower(), place
