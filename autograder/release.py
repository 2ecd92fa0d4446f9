"""Masters -> what learners get, through nbgrader's own converters.

`release(root)` writes `root/release/`: the notebooks without solutions, the `sumskip` package with its
public keys, and what is needed to install and open them. It is made beside the earlier release and
swapped in whole, so that a run that fails leaves the earlier one as it was. The gradebook is neither
needed nor touched.

What goes in is listed here by name; whatever else lies in the course root, or beside a master, stays.
"""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import ClearSolutions, NbGraderPreprocessor, SaveCells
from traitlets import Unicode, default

from autograder import opening, pictures
from autograder.clearing import ClearAnswers, course_config
from autograder.settings import SettingError, Settings, read_settings
from autograder.taught import refuse_unknown_points
from autograder.words import nbgraders_words

# Copied as they are, from the course root to the release.
COPIED = {
    "constraints.txt": "constraints.txt",
    "environment.yml": "environment.yml",
    "LICENSE": "LICENSE",
    # Hides what nbgrader's extensions have for instructors; Validate stays.
    "binder/labconfig/page_config.json": "jupyter/labconfig/page_config.json",
}
# The tables of pyproject.toml that installing needs; the others are for those who develop the course.
PACKAGING_TABLES = ("build-system", "project", "tool.setuptools")

LEARNER_CONFIG = '''"""Read by the Validate button alone."""

c = get_config()  # noqa: F821 - nbgrader defines it

c.Execute.timeout = 180  # seconds a cell may take; importing PyTorch on a slow machine takes many
'''


class ReleaseError(Exception):
    """The release could not be made; the text says why and what to do, in one line."""


def release(root: Path, *, binder: str | None = None) -> Path:
    """Makes `root/release/` anew from the masters below `root/notebooks/`, and returns its path.

    `binder` names the public repository, `OWNER/REPO`, that badges open on Binder and in Colab; without it
    there are no badges, and no cell that Colab needs. Raises `ReleaseError`, and leaves an earlier release
    whole, if a master is missing or malformed, or a file that belongs to the release is not there.
    """
    root = root.resolve()
    if binder is not None and not re.fullmatch(r"[\w.-]+/[\w.-]+", binder):
        raise ReleaseError(f"--binder expects OWNER/REPO, such as example/sum-and-skip; {binder!r} came.")
    settle(root)
    lessons = find_masters(root / "notebooks")
    try:
        settings = read_settings(root)
        masters = [json.loads(master.read_bytes()) for master in lessons.values()]
        refuse_unknown_points(root, settings, masters)
    except SettingError as error:
        raise ReleaseError(str(error)) from error
    try:
        with TemporaryDirectory(dir=root, prefix=".release-") as folder:
            made = Path(folder) / "release"
            convert(root, lessons, Path(folder) / "course", made, settings)
            add_package(root, made, settings)
            notebooks = [f"{name}/{name}.ipynb" for name in lessons]
            write_readme(root, made, notebooks, binder)
            if binder:
                for notebook in notebooks:
                    opening.add_colab_cell(made / notebook, binder)
            opening.add_openings(made, notebooks[0], (*lessons, "README.md", "LICENSE"), torch_pin(root))
            swap_in(made, root / "release")
    except OSError as error:
        raise ReleaseError(f"The release was not made: {error}. The earlier one is unchanged.") from error
    return root / "release"


def course_version(root: Path) -> str:
    """The version of the course, from its one place in pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


class StampVersion(NbGraderPreprocessor):
    """Writes the course's version into a notebook, where the grader looks for it: the last step."""

    version = Unicode(help="What to write; the version of this course unless told.").tag(config=True)

    @default("version")
    def _this_version(self) -> str:
        return course_version(Path(__file__).resolve().parent.parent)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        nb.metadata["sumskip"] = {"version": self.version}
        return nb, resources


def find_masters(folder: Path) -> dict[str, Path]:
    """Assignment -> its master, in the order of the lessons."""
    # Brings PyTorch along, which nbgrader's own commands can do without: its settings import this module.
    from autograder.submission.masters import MasterError, read_master

    if not folder.is_dir():
        raise ReleaseError(f"No masters: {folder} is not a folder. Run this in the course root.")
    masters = {}
    for lesson in sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._"):
        master = lesson / f"{lesson.name}.ipynb"
        if not master.is_file():
            raise ReleaseError(f"{lesson.name} has no master: {master} is expected.")
        try:
            read_master(master)
        except MasterError as error:
            raise ReleaseError(str(error)) from error
        masters[lesson.name] = master
    if not masters:
        raise ReleaseError(f"No masters in {folder}; each is expected as NAME/NAME.ipynb.")
    return masters


def convert(root: Path, masters: dict[str, Path], course: Path, made: Path, settings: Settings) -> None:
    """The masters through nbgrader into `made`, by way of a passing course without a gradebook."""
    for name, master in masters.items():
        target = course / "source" / name / master.name
        target.parent.mkdir(parents=True)
        shutil.copyfile(master, target)
    try:
        config = course_config(root)
    except Exception as error:  # whatever an instructor has set
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise ReleaseError(f"nbgrader_config.py cannot be used: {said}; mend it.") from error
    config.StampVersion.version = course_version(root)
    config.ClearAnswers.settings = settings
    config.CourseDirectory.root = str(course)
    config.CourseDirectory.source_directory = "source"
    config.CourseDirectory.release_directory = "release"
    config.CourseDirectory.db_url = f"sqlite:///{course / 'unused.db'}"
    for name in masters:
        config.CourseDirectory.assignment_id = name
        coursedir = CourseDirectory(config=config)
        converter = GenerateAssignment(coursedir=coursedir, config=config, no_database=True)
        converter.preprocessors = steps_without_gradebook(converter.preprocessors)
        with nbgraders_words(converter) as words:
            try:
                converter.start()
            except (NbGraderException, SystemExit) as error:
                said = words.sentence(masters[name].relative_to(root))
                raise ReleaseError(f"{name} was not converted. {said}") from error
        pictures.copy(masters[name], course / "release" / name)
    shutil.move(course / "release", made)


def steps_without_gradebook(steps: list[Any]) -> list[Any]:
    """All steps but the one that saves to the gradebook, which changes nothing in a notebook."""
    kept = [step for step in steps if step not in (SaveCells, "nbgrader.preprocessors.SaveCells")]
    return kept if StampVersion in kept else our_steps(kept)


def our_steps(steps: list[Any]) -> list[Any]:
    """The steps of `nbgrader generate_assignment` as this course needs them."""
    return [*(ClearAnswers if step is ClearSolutions else step for step in steps), StampVersion]


def add_package(root: Path, made: Path, settings: Settings) -> None:
    """The `sumskip` package and what installs it, on a learner's machine and on Binder."""
    shutil.copytree(
        root / "src" / "sumskip",
        made / "src" / "sumskip",
        ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".*"),
    )
    if settings.points or settings.points_for == "being right":
        from autograder.keys.public import settle_keys  # brings PyTorch along

        settle_keys(made / "src" / "sumskip" / "keys", settings)
    for source, target in COPIED.items():
        (made / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / source, made / target)
    pyproject = (root / "pyproject.toml").read_text(encoding="utf-8")
    (made / "pyproject.toml").write_text(packaging_tables(pyproject), encoding="utf-8")
    (made / "nbgrader_config.py").write_text(LEARNER_CONFIG, encoding="utf-8")


def packaging_tables(pyproject: str) -> str:
    """The part of a pyproject.toml that installing needs; comments above a table stay behind."""
    parts = re.split(r"(?m)^(?=(?:#.*\n)*\[)", pyproject)
    kept = []
    for part in parts:
        header = re.search(r"(?m)^\[+([\w.-]+)\]+", part)
        if header and header[1].startswith(PACKAGING_TABLES):
            kept.append(part)
    return "".join(kept).rstrip() + "\n"


def title_of(notebook: Path) -> str:
    """The heading a lesson opens with."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "markdown" and (found := re.search(r"(?m)^#+ +(.+)$", cell.source)):
            return found[1].strip()
    return notebook.stem


def torch_pin(root: Path) -> str:
    """The version of PyTorch that the tests passed with."""
    found = re.search(r"(?m)^torch==(\S+)$", (root / "constraints.txt").read_text(encoding="utf-8"))
    if not found:
        raise ReleaseError(
            "constraints.txt has no line 'torch==…'; write it again with tools/constraints.py."
        )
    return found[1]


def write_readme(root: Path, made: Path, notebooks: list[str], repository: str | None) -> None:
    """The release's own README, with badges where there is a `repository` for them to open."""
    lines = [f"- [{title_of(made / notebook)}]({notebook})" for notebook in notebooks]
    if repository:
        badges = [opening.colab_badge(repository, notebook) for notebook in notebooks]
        lines = [f"{line}\n  {badge}" for line, badge in zip(lines, badges, strict=True)]
    text = (Path(__file__).parent / "release_readme.md").read_text(encoding="utf-8")
    filled = text.format(
        binder=opening.binder_badge(repository, notebooks[0]) if repository else "",
        lessons="\n".join(lines),
        colab=opening.COLAB if repository else "",
        torch=torch_pin(root),
        version=course_version(root),
    )
    (made / "README.md").write_text(filled, encoding="utf-8")


def swap_in(made: Path, target: Path) -> None:
    """Puts `made` in the place of `target`: by renaming, so that no file of one meets one of the other."""
    earlier = target.with_name(".release-earlier")
    if target.exists():
        target.rename(earlier)
    try:
        made.rename(target)
    except OSError:
        if earlier.exists():
            earlier.rename(target)
        raise
    shutil.rmtree(earlier, ignore_errors=True)


def settle(root: Path) -> None:
    """Mends what a run killed between the two renames of `swap_in` has left."""
    earlier, target = root / ".release-earlier", root / "release"
    if not earlier.exists():
        return
    if target.exists():
        shutil.rmtree(earlier)
    else:
        earlier.rename(target)
