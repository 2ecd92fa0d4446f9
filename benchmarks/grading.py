"""How long grading takes: stock `nbgrader autograde` against `python -m autograder grade`, side by side.

    python benchmarks/grading.py [--lesson 02_explicit_addition] [--stock 10] [--ours 100] [--class 1000]

The same submissions of the same lesson are graded by both; demonstrations, which we skip, are taken
out for both. Stock nbgrader grades a plain course made of the same cells, without our preprocessors.
The grades must be equal, row by row, but for predictions: before they are graded a check says no points of
them, and what says nothing earns full marks in stock nbgrader. Start-up is measured beside the import of
PyTorch, without which nothing starts, and the writer's share as the processor time of its thread.
The last line is the ratio of the times a submission with two jobs; the exit status says whether it is at
least 10.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "src")])
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

WANTED = 10.0
STOCK_CONFIG = """
c = get_config()
c.CourseDirectory.root = {root!r}
c.ExecutePreprocessor.timeout = 300
c.Execute.timeout = 300
"""


@dataclass(frozen=True)
class Timed:
    """One command: its wall time, and the largest process that it or a child of its had."""

    seconds: float
    megabytes: float


def timed(command: list[str], folder: Path) -> Timed:
    """Run a command, and look at its processes twice a second; those in the sandbox are among them."""
    largest = 0
    with tempfile.TemporaryFile() as said:
        started = time.monotonic()
        running = psutil.Popen(command, cwd=folder, stdout=said, stderr=said)
        while running.poll() is None:
            with contextlib.suppress(psutil.Error):
                for process in (running, *running.children(recursive=True)):
                    largest = max(largest, process.memory_info().rss)
            with contextlib.suppress(psutil.TimeoutExpired, subprocess.TimeoutExpired):
                running.wait(0.5)
        seconds = time.monotonic() - started
        said.seek(0)
        if running.returncode:
            text = said.read().decode(errors="replace")
            raise SystemExit(f"{' '.join(command)} failed:\n{text[-4000:]}")
    return Timed(seconds, largest / 2**20)


def without_demos(notebook: dict[str, Any]) -> dict[str, Any]:
    kept = [cell for cell in notebook["cells"] if "demo" not in cell["metadata"].get("tags", [])]
    return {**notebook, "cells": kept}


def nbgrader(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "nbgrader", *arguments]


def grade(lesson: str, jobs: int, *more: str) -> list[str]:
    return [sys.executable, "-m", "autograder", "grade", lesson, "--jobs", str(jobs), *more]


def make_stock(folder: Path, lesson: str) -> None:
    """A plain course: the master's cells, nbgrader's own settings."""
    source = folder / "source" / lesson
    source.mkdir(parents=True)
    master = json.loads((ROOT / "notebooks" / lesson / f"{lesson}.ipynb").read_text())
    (source / f"{lesson}.ipynb").write_text(json.dumps(without_demos(master)))
    (folder / "nbgrader_config.py").write_text(STOCK_CONFIG.format(root=str(folder)))
    timed(nbgrader("generate_assignment", lesson), folder)


def make_ours(folder: Path, lesson: str) -> None:
    """A course root of ours, with its keys made and the lesson known to the gradebook."""
    (folder / "notebooks" / lesson).mkdir(parents=True)
    master = json.loads((ROOT / "notebooks" / lesson / f"{lesson}.ipynb").read_text())
    (folder / "notebooks" / lesson / f"{lesson}.ipynb").write_text(json.dumps(without_demos(master)))
    shutil.copy(ROOT / "nbgrader_config.py", folder)


def variants(stock: Path, lesson: str) -> list[dict[str, Any]]:
    """What honest learners hand in: all right, nothing done, one exercise each left undone."""
    master = without_demos(json.loads((ROOT / "notebooks" / lesson / f"{lesson}.ipynb").read_text()))
    released = json.loads((stock / "release" / lesson / f"{lesson}.ipynb").read_text())
    empty = {cell["id"]: cell for cell in released["cells"]}
    solutions = [
        cell["id"]
        for cell in master["cells"]
        if cell["metadata"].get("nbgrader", {}).get("solution") and cell["cell_type"] == "code"
    ]

    def answered(done: set[str]) -> dict[str, Any]:
        written = {cell["id"]: cell["source"] for cell in master["cells"] if cell["id"] in done}
        cells = [{**cell, "source": written.get(cell["id"], cell["source"])} for cell in empty.values()]
        return {**released, "cells": cells}

    everything = set(solutions)
    return [answered(everything), answered(set()), *(answered(everything - {one}) for one in solutions)]


def hand_in(folder: Path, lesson: str, made: list[dict[str, Any]], count: int) -> None:
    shutil.rmtree(folder / "submitted", ignore_errors=True)
    for number in range(count):
        place = folder / "submitted" / f"learner{number:04}" / lesson
        place.mkdir(parents=True)
        (place / f"{lesson}.ipynb").write_text(json.dumps(made[number % len(made)]))


def forget(folder: Path, *kept: str) -> None:
    """Everything that an earlier run of ours left, but for the keys and what is `kept`."""
    for name in {"verdicts", "autograded", "feedback", "gradebook.db", "release"} - {*kept}:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def start_up(folder: Path, lesson: str) -> None:
    """`check` of one notebook beside `import torch`, in turns: the middle of three."""
    one = str(next(folder.glob(f"submitted/*/{lesson}/*.ipynb")))
    commands = {
        "import torch": [sys.executable, "-c", "import torch"],
        "check": [sys.executable, "-m", "autograder", "check", one],
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(3):
        for name, command in commands.items():
            took[name].append(timed(command, folder).seconds)
    least, check = (sorted(seconds)[1] for seconds in took.values())
    print(f"check of one: {check:.1f} s, {check / least:.1f} times import torch", flush=True)


def rows(folder: Path, lesson: str) -> dict[tuple[str, str], float | None]:
    """The automatic score of each learner and test cell but predictions, as the gradebook has it."""
    from nbgrader.api import Gradebook

    from sumskip.checking.key import public_key

    found: dict[tuple[str, str], float | None] = {}
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        for submission in book.assignment_submissions(lesson):
            for notebook in submission.notebooks:
                for one in notebook.grades:
                    exercise, check, _ = one.name.partition("_check")
                    if check and public_key(exercise).kind != "literals":
                        found[submission.student.id, one.name] = one.auto_score
    return found


def writers_share(ours: Path, *, pages: bool) -> float:
    """Processor seconds a submission in the one thread that writes, start-up aside; all is judged anew."""
    from autograder.class_run.folders import find_handed
    from autograder.class_run.judges import Here
    from autograder.class_run.run import ClassRun
    from autograder.submission.course import Course
    from autograder.submission.root import open_engine

    forget(ours)
    told: list[float] = []

    def tell(_: str) -> None:
        told.append(time.thread_time())

    with open_engine(ours, trust_submissions=False, jobs=2) as engine:
        course = Course.open(ours)
        handed, _ = find_handed(course, (), ())
        ClassRun(course, Here(engine), feedback=pages, say=print, progress=tell).run(handed)
    return (told[-1] - told[0]) / (len(told) - 1)


def breakdown(ours: Path, lesson: str, made: list[dict[str, Any]]) -> dict[str, float]:
    """Where the time of one submission goes, in seconds, measured in this process with one job."""
    from autograder.engine.intake import read_submission
    from autograder.engine.plan import Plan, Result
    from autograder.engine.run import Engine
    from autograder.submission.grading import grade_exercise
    from sumskip.checking.core import Ask, Case, Observation, Report

    masters = {lesson: json.loads((ours / "notebooks" / lesson / f"{lesson}.ipynb").read_text())}
    spent = dict.fromkeys(("intake", "fork and walls", "cells", "questions", "judging"), 0.0)

    def judge(name: str, ask: Ask) -> Report:
        asked = 0.0

        def timing(case: Case) -> Observation:
            nonlocal asked
            started = time.perf_counter()
            try:
                return ask(case)
            finally:
                asked += time.perf_counter() - started

        started = time.perf_counter()
        try:
            return grade_exercise(name, timing, b"a secret of the benchmark")
        finally:
            spent["questions"] += asked
            spent["judging"] += time.perf_counter() - started - asked

    with Engine() as engine:
        path = ours / "one.ipynb"
        for number in range(2 * len(made)):
            if number == len(made):  # the first round made the keys
                spent = dict.fromkeys(spent, 0.0)
            path.write_text(json.dumps(made[number % len(made)]))
            started = time.perf_counter()
            submission = read_submission(path, masters, outline=engine.read)
            spent["intake"] += time.perf_counter() - started
            empty: Result = engine.run(Plan(submission.plan.tasks[:0]), judge)
            before = spent["questions"] + spent["judging"]
            result = engine.run(submission.plan, judge)
            judged = spent["questions"] + spent["judging"] - before
            spent["fork and walls"] += empty.seconds
            spent["cells"] += result.seconds - empty.seconds - judged
    return {name: seconds / len(made) for name, seconds in spent.items()}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lesson", default="02_explicit_addition")
    parser.add_argument("--stock", type=int, default=10, help="submissions for stock nbgrader")
    parser.add_argument("--ours", type=int, default=100, help="submissions for ours")
    parser.add_argument("--class", dest="size", type=int, default=0, help="also grade a class of this size")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="grading-benchmark-") as made_in:
        return compare(Path(made_in), options.lesson, options.stock, options.ours, options.size)


def per_submission(run: Timed, count: int) -> str:
    return f"{1000 * run.seconds / count:8.0f} ms a submission"


def compare(folder: Path, lesson: str, few: int, many: int, size: int) -> int:
    stock, ours = folder / "stock", folder / "ours"
    make_stock(stock, lesson)
    make_ours(ours, lesson)
    made = variants(stock, lesson)
    show = partial(print, flush=True)
    show(f"{lesson}: {few} submissions by stock nbgrader, {many} by ours, {len(made)} different ones")

    hand_in(stock, lesson, made, few)
    old = timed(nbgrader("autograde", lesson), stock)
    show(f"stock nbgrader autograde    {per_submission(old, few)}")

    hand_in(ours, lesson, made, 1)
    timed(grade(lesson, 1, "--no-feedback"), ours)  # makes the keys, as the first run of a course does
    new: dict[int, Timed] = {}
    for jobs in (1, 2):
        forget(ours)
        hand_in(ours, lesson, made, many)
        new[jobs] = timed(grade(lesson, jobs, "--no-feedback"), ours)
        show(f"autograder grade --jobs {jobs}   {per_submission(new[jobs], many)}")

    expected, came = rows(stock, lesson), rows(ours, lesson)
    different = {key: (score, came.get(key)) for key, score in expected.items() if came.get(key) != score}
    show(f"grades: {len(expected)} rows compared, {len(different)} differ")
    for (learner, cell), (a, b) in list(different.items())[:10]:
        show(f"  {learner} {cell}: stock {a}, ours {b}")

    start_up(ours, lesson)
    for pages in (False, True):
        share = 1000 * writers_share(ours, pages=pages)
        show(f"the writer, {'with pages    ' if pages else 'without pages '}  {share:8.0f} ms a submission")

    parts = breakdown(ours, lesson, made)
    rest = new[1].seconds / many - sum(parts.values())
    show("of one submission, with one job:")
    for name, seconds in {**parts, "conversion, database, start": rest}.items():
        show(f"  {name:<38}{1000 * seconds:8.1f} ms")

    if size:
        for count in sorted({10, 30, 200, size}):
            forget(ours)
            hand_in(ours, lesson, made, count)
            bare = timed(grade(lesson, 2, "--no-feedback"), ours)
            forget(ours)
            whole = timed(grade(lesson, 2), ours)
            show(
                f"{count:5}: ratio {(old.seconds / few) / (bare.seconds / count):.1f}; with feedback "
                f"{whole.seconds:6.1f} s, largest process {whole.megabytes:.0f} MB"
            )

    ratio = (old.seconds / few) / (new[2].seconds / many)
    show(f"ratio with 1 job: {(old.seconds / few) / (new[1].seconds / many):.1f}")
    show(f"{ratio:.1f}")
    return 0 if ratio >= WANTED and not different else 1


if __name__ == "__main__":
    raise SystemExit(main())
