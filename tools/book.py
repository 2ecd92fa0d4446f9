"""Builds the reading site: build/book for learners or, with solutions, build/book-solved for instructors.

Usage: python tools/book.py [--solved]      (make book, make book SOLVED=1)

The masters are run here, two at a time, and Sphinx is given notebooks with stored outputs. Learners read the
released notebooks: what their demonstrations showed in that run is kept, reports on answers are not.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from autograder.exercises import EXERCISES  # noqa: E402  (found by the lines above)
from autograder.release import ReleaseError, add_package, convert, find_masters  # noqa: E402
from autograder.settings import read_settings  # noqa: E402
from autograder.taught import TAGS, as_taught  # noqa: E402

CONFIG = ROOT / "docs" / "book"
SECONDS = 300  # that a cell may take
NOTE = '<p class="sumskip-note">From a finished notebook. Yours shows what you wrote.</p>'
WIDGET = "application/vnd.jupyter.widget-view+json"
# In the kernel of a run, before the first cell: a page cannot take a guess, so what is locked in a lesson can
# be opened here, below its question.
OPENED = """
from sumskip.seeing.widgets import guess

def to_html(self, locked=guess.Locked.to_html):
    mine = 0.0 if self.question.form is guess.NUMBER else "error"
    summary = f"Guess first, then open the picture; here the guess is {guess.shown(mine)}."
    picture = self.question.picture(mine).to_html()
    return f"{locked(self)}<details><summary>{summary}</summary>{picture}</details>"

guess.Locked.to_html = to_html
"""
STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)  # hides a still picture below its live one
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!\w+:|#)([^)#\s]+)(?:#[^)]*)?\)")

Lessons = dict[str, NotebookNode]


def run_masters(root: Path) -> Lessons:
    """Each lesson after a run from top to bottom, in a folder of its own.

    Raises `nbclient.exceptions.CellExecutionError` where a cell of a master fails.
    """

    settings = read_settings(root)

    def run(path: Path) -> NotebookNode:
        notebook = nbformat.from_dict(as_taught(settings, nbformat.read(path, as_version=4)))
        notebook.cells.insert(0, new_code_cell(OPENED))
        with TemporaryDirectory() as folder:
            quiet = ["--log-level=40"]  # of the kernel itself; what a cell says is in its outputs
            client = NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", extra_arguments=quiet)
            client.execute(cwd=folder, env=env)
        del notebook.cells[0]
        return notebook

    masters = find_masters(root / "notebooks")
    with TemporaryDirectory() as package, ThreadPoolExecutor(2) as two:
        add_package(root, Path(package), settings)
        env = {**os.environ, "PYTHONPATH": str(Path(package, "src")), "OMP_NUM_THREADS": "1"}
        return dict(zip(masters, two.map(run, masters.values()), strict=True))


def read_released(root: Path) -> Lessons:
    """The lessons as learners get them."""
    masters = find_masters(root / "notebooks")
    with TemporaryDirectory() as folder:
        made = Path(folder) / "release"
        convert(root, masters, Path(folder) / "course", made, read_settings(root))
        return {name: nbformat.read(made / name / f"{name}.ipynb", as_version=4) for name in masters}


def for_instructors(run: NotebookNode) -> NotebookNode:
    """A master with all that it showed."""
    page = nbformat.from_dict(run)
    for cell in code_cells(page):
        cell.outputs = list(shown(cell.outputs))
    return as_page(page)


def for_learners(name: str, released: NotebookNode, run: NotebookNode) -> NotebookNode:
    """A released notebook with what the master's own cells showed, but for reports on answers."""
    outputs = {cell.id: cell.outputs for cell in code_cells(run)}
    page = nbformat.from_dict(released)
    for cell in code_cells(page):
        found = [] if is_answer(cell) else list(shown(outputs[cell.id]))
        if found and uses_an_answer(name, cell):
            found.insert(0, new_output("display_data", {"text/html": NOTE}))
        cell.outputs = found
    return as_page(page)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def is_answer(cell: NotebookNode) -> bool:
    """Whether a cell is written by learners, or says what is right."""
    rules = cell.metadata.get("nbgrader", {})
    reveals = TAGS["committing"] in cell.metadata.get("tags", ())
    return bool(rules.get("solution") or rules.get("grade") or reveals)


def uses_an_answer(lesson: str, cell: NotebookNode) -> bool:
    """Whether a cell names what learners write in an exercise of its lesson."""
    symbols = {exercise.symbol for exercise in EXERCISES.values() if exercise.assignment == lesson}
    return any(isinstance(node, ast.Name) and node.id in symbols for node in ast.walk(ast.parse(cell.source)))


def shown(outputs: list[NotebookNode]) -> Iterator[NotebookNode]:
    """What a page can show of outputs: HTML without live widgets, or text."""
    for output in outputs:
        data = output.get("data", {})
        if output.output_type == "stream":
            yield new_output("stream", name=output.name, text=output.text)
        elif page := STYLE.sub("", data.get("text/html", "")):
            yield new_output("display_data", {"text/html": page})
        elif WIDGET not in data and "text/plain" in data:
            yield new_output("display_data", {"text/plain": data["text/plain"]})


def as_page(notebook: NotebookNode) -> NotebookNode:
    """Without what only an editor reads; widget states would have the page load scripts from the net."""
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    for cell in notebook.cells:
        cell.metadata = {}
    return notebook


def write_sources(folder: Path, runs: Lessons, *, solved: bool, root: Path = ROOT) -> None:
    """What Sphinx builds the site from: a page for each lesson and the index; for instructors their guide."""
    released = {} if solved else read_released(root)
    for name, run in runs.items():
        page = for_instructors(run) if solved else for_learners(name, released[name], run)
        (folder / name).mkdir(parents=True)  # as in a release, so that links between lessons hold
        nbformat.write(page, folder / name / f"{name}.ipynb")
    shutil.copyfile(CONFIG / ("solved.md" if solved else "index.md"), folder / "index.md")
    guide = root / "docs" / "instructors.md"
    if solved and guide.is_file():
        text = guide.read_text(encoding="utf-8")
        (folder / guide.name).write_text(without_dangling_links(text, folder), encoding="utf-8")


def without_dangling_links(text: str, folder: Path) -> str:
    """Markdown in which links to files that are not in `folder` are their texts alone."""
    return LINK.sub(lambda link: link[0] if (folder / link[2]).is_file() else link[1], text)


def build(site: Path, runs: Lessons, *, solved: bool, root: Path = ROOT) -> int:
    """Builds `site` anew. Returns Sphinx's exit status, which is not 0 where it has warned of anything."""
    shutil.rmtree(site, ignore_errors=True)
    with TemporaryDirectory() as folder:
        sources = Path(folder) / "sources"
        write_sources(sources, runs, solved=solved, root=root)
        strict = ("--quiet", "--nitpicky", "--fail-on-warning", "--keep-going")
        places = ("-c", str(CONFIG), "-d", f"{folder}/doctrees", str(sources), str(site))
        return subprocess.run([sys.executable, "-m", "sphinx", *strict, *places]).returncode


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--solved"]):
        print(__doc__, file=sys.stderr)
        return 2
    solved = bool(arguments)
    site = ROOT / "build" / ("book-solved" if solved else "book")
    print("Running the lessons, which takes half a minute or more.", flush=True)
    try:
        status = build(site, run_masters(ROOT), solved=solved)
    except (ReleaseError, CellExecutionError) as error:
        print(f"No book was built, because a lesson could not be run.\n{error}", file=sys.stderr)
        return 1
    if not status:
        print(f"Open {site.relative_to(ROOT)}/index.html in a browser.")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
