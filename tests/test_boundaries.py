"""The arrows of the design, as facts: notebooks → sumskip → torch, autograder → sumskip, and no others."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from conftest import ROOT, files_in

MASTERS = sorted((ROOT / "notebooks").glob("*/*.ipynb"))
# What only instructors have, and what tests alone need.
NEVER_WITH_LEARNERS = {"autograder", "nbgrader", "nh3", "pytest", "hypothesis", "tests"}


def imported(source: str) -> set[str]:
    """The top-level names of everything a program imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").split(".")[0])
    return found


def names_in_calls(source: str) -> set[str]:
    """The first arguments of `import_module("…")` and `__import__("…")`."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__"):
                found.add(str(node.args[0].value).split(".")[0])
    return found


@pytest.mark.parametrize(
    "path", files_in(ROOT / "src", "*.py"), ids=lambda path: str(path.relative_to(ROOT / "src"))
)
def test_the_learners_package_knows_nothing_of_instructors(path: Path) -> None:
    """`sumskip` imports neither `autograder` nor nbgrader, not even inside a function."""
    source = path.read_text(encoding="utf-8")
    assert (imported(source) | names_in_calls(source)) & NEVER_WITH_LEARNERS == set()


@pytest.mark.parametrize("master", MASTERS, ids=lambda path: path.stem)
def test_lessons_import_sumskip_and_what_they_teach(master: Path) -> None:
    """A lesson needs `sumskip`, `torch` and Python itself."""
    plain = TransformerManager()
    found = set()
    for cell in nbformat.read(master, as_version=4).cells:
        if cell.cell_type == "code":
            found |= imported(plain.transform_cell(cell.source))
    assert found - set(sys.stdlib_module_names) - {"sumskip", "torch"} == set()


def test_there_are_four_lessons() -> None:
    """The folders are the contract's assignments, and nothing else."""
    assert [path.stem for path in MASTERS] == [
        "01_sequential_flow",
        "02_explicit_addition",
        "03_weighted_addition",
        "04_residual_networks",
    ]
    assert [path.parent.name for path in MASTERS] == [path.stem for path in MASTERS]


@pytest.mark.parametrize("master", MASTERS, ids=lambda path: path.stem)
def test_masters_are_stored_clean(master: Path) -> None:
    """No outputs, no counts, and a cell id that says what the cell is for."""
    for cell in nbformat.read(master, as_version=4).cells:
        assert not cell.get("outputs"), cell.id
        assert cell.get("execution_count") is None, cell.id
        assert len(cell.id) > 3, cell.id
        assert not cell.id.isalnum() or cell.id.isalpha(), f"{cell.id} looks made by a machine"


def test_importing_the_package_loads_nothing_heavy() -> None:
    """A notebook starts at once: matplotlib and widgets come with the verb that needs them."""
    script = (
        "import sys, sumskip\n"
        "heavy = {'matplotlib', 'ipywidgets', 'anywidget', 'sklearn', 'autograder', 'nbgrader'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_verb_is_there() -> None:
    """What `sumskip` lists can be imported, one by one."""
    import sumskip

    for name in sumskip.__all__:
        assert getattr(sumskip, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        _ = sumskip.chekc


PACKAGES = {"sumskip": ROOT / "src", "autograder": ROOT}
ROOMS = {
    row[0]: {*row[1:]}
    for line in (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines()
    if (row := re.findall(r"`((?:sumskip|autograder)/[\w./]+)`", line)) and line.startswith("| `")
}


def files_of(room: str) -> list[Path]:
    """The modules of a room; a room within a room is another one."""
    path = PACKAGES[room.split("/")[0]] / room
    inner = [PACKAGES[other.split("/")[0]] / other for other in ROOMS if other.startswith(f"{room}/")]
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    return [file for file in files if not any(file.is_relative_to(other) for other in inner)]


def module(name: str) -> Path | None:
    """The file of `sumskip.….name`, where it is a module of this repository."""
    parts = name.split(".")
    path = PACKAGES.get(parts[0], ROOT / "nowhere").joinpath(*parts)
    files = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in files if len(parts) > 1 and file.is_file()), None)


def ours_imported(file: Path) -> set[Path]:
    """The modules of this repository that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {module(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {module(f"{node.module}.{alias.name}") or module(node.module) for alias in node.names}
    return {path for path in found if path}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_the_architecture_says(room: str) -> None:
    """The table in `docs/architecture.md` is true: no import leads elsewhere, and no room is empty."""
    files = files_of(room)
    assert files
    allowed = {file for name in (room, *ROOMS[room]) for file in files_of(name)}
    assert allowed
    strange = {
        f"{file.name}: {other.relative_to(ROOT)}" for file in files for other in ours_imported(file) - allowed
    }
    assert strange == set()


def test_every_room_is_in_the_architecture() -> None:
    """All of `sumskip` and `autograder` but their doors, and what has no import of ours."""
    known = {file for room in ROOMS for file in files_of(room)}
    others = [file for root in (ROOT / "src" / "sumskip", ROOT / "autograder") for file in root.rglob("*.py")]
    doors = {ROOT / "src/sumskip/__init__.py", ROOT / "autograder/__main__.py"}
    assert {str(file) for file in others if file not in known | doors and ours_imported(file)} == set()


def test_no_import_circle() -> None:
    """No module imports, by way of others, itself."""
    files = [file for root in (ROOT / "src" / "sumskip", ROOT / "autograder") for file in root.rglob("*.py")]
    TopologicalSorter({file: ours_imported(file) - {file} for file in files}).prepare()


PAGES = [*sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_paths_that_a_page_names_exist(page: Path) -> None:
    """Pages speak of files that are there; those of a new exercise are the reader's to make."""
    folders = (ROOT, ROOT / "src", ROOT / "src/sumskip", ROOT / "autograder", ROOT / "notebooks")
    named = set(
        re.findall(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|md|ipynb|yml|toml|txt|js|css|j2))`", page.read_text())
    )
    made = {
        name for name in named if re.search(r"NAME|mean_model|predict_mean|^(release|work|verdicts)/", name)
    }
    missing = {name for name in named - made if not any((folder / name).exists() for folder in folders)}
    assert missing == set()


def test_the_list_of_what_comes_from_outside_names_tests_that_exist() -> None:
    """`docs/walls.md` says of every such place which test tries it."""
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "walls.md").read_text(encoding="utf-8")))
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("test_*.py"))
    assert len(named) > 15
    assert [name for name in sorted(named) if f"def {name}(" not in tests] == []
