"""The arrows of the design, as facts: notebooks → sumskip → torch, autograder → sumskip, and no others."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

ROOT = Path(__file__).resolve().parent.parent
MASTERS = sorted((ROOT / "notebooks").glob("*/*.ipynb"))
# What only instructors have, and what tests alone need.
NEVER_WITH_LEARNERS = {"autograder", "nbgrader", "bleach", "pytest", "hypothesis", "tests"}


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
    "path", sorted((ROOT / "src").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT / "src"))
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


def test_the_list_of_what_comes_from_outside_names_tests_that_exist() -> None:
    """`docs/walls.md` says of every such place which test tries it."""
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "walls.md").read_text(encoding="utf-8")))
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("test_*.py"))
    assert len(named) > 15
    assert [name for name in sorted(named) if f"def {name}(" not in tests] == []
