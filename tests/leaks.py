"""Finds a master's solutions again, wherever they may have got to and however they are laid out there.

A solution region and a candidate are compared as syntax trees without positions, comments and
docstrings: what counts is whether the same statements stand in a row.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from conftest import files_in

REGION = re.compile(
    r"^[ \t]*### BEGIN SOLUTION[^\n]*\n(.*?)^[ \t]*### END SOLUTION", re.DOTALL | re.MULTILINE
)

FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)


def solution_regions(master: Path) -> dict[str, list[str]]:
    """grade_id -> the solutions in that cell: its regions, or the whole of a cell that has none."""
    found = {}
    for cell in nbformat.read(master, as_version=4).cells:
        settings = cell.metadata.get("nbgrader", {})
        if settings.get("solution"):
            found[settings["grade_id"]] = REGION.findall(cell.source) or [cell.source]
    return found


def normal(statement: ast.stmt) -> str:
    """A statement as text that formatting, comments and docstrings do not change."""
    for node in ast.walk(statement):
        body = getattr(node, "body", None)
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and body and is_text(body[0]):
            node.body = body[1:]
    return ast.dump(statement)


def is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def statements(source: str) -> list[str]:
    """A region's statements, normalised. `return` and `self.x = …` may stand alone here."""
    return [normal(statement) for statement in ast.parse(dedent(source)).body if not is_text(statement)]


def blocks(source: str) -> Iterator[list[str]]:
    """Every run of statements in a program: of the module, of each function, loop, branch …"""
    for node in ast.walk(ast.parse(dedent(source))):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block:
                yield [normal(statement) for statement in block]


def programs_below(folder: Path) -> Iterator[tuple[Path, str]]:
    """Everything below `folder` that could be Python: files, notebook cells, fenced code in prose."""
    plain = TransformerManager()
    for path in files_in(folder, "*"):
        if path.suffix == ".ipynb":
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
                source = "".join(cell["source"])
                candidates = (
                    [plain.transform_cell(source)] if cell["cell_type"] == "code" else FENCE.findall(source)
                )
                yield from ((path, candidate) for candidate in candidates)
        elif path.suffix in (".py", ".txt", ""):
            yield path, path.read_text(encoding="utf-8", errors="replace")
        elif path.suffix == ".md":
            yield from ((path, candidate) for candidate in FENCE.findall(path.read_text(encoding="utf-8")))


def contains(block: list[str], run: list[str]) -> bool:
    return any(block[start : start + len(run)] == run for start in range(len(block) - len(run) + 1))


def find_leaks(masters: Path, folder: Path) -> list[str]:
    """One line for each solution of a master below `masters` that stands somewhere below `folder`."""
    regions: list[tuple[str, list[str]]] = []
    prose: list[tuple[str, str]] = []
    for master in sorted(masters.glob("*/*.ipynb")):
        for grade_id, sources in solution_regions(master).items():
            for source in sources:
                try:
                    regions.append((grade_id, statements(source)))
                except SyntaxError:  # a written answer
                    prose.append((grade_id, " ".join(source.split())))
    assert regions, f"no solutions in {masters}; the search would find nothing whatever there is"
    leaks = []
    for path, source in programs_below(folder):
        try:
            found = list(blocks(source))
        except SyntaxError:  # not a program
            continue
        leaks += [
            f"{grade_id} in {path}" for grade_id, run in regions if any(contains(b, run) for b in found)
        ]
    for path in files_in(folder, "*"):
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.suffix == ".ipynb":
            text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
        text = " ".join(text.split())
        leaks += [f"{grade_id} in {path}" for grade_id, answer in prose if answer in text]
    return leaks
