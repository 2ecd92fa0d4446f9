"""A course root to grade in, and what three learners hand in: right, wrong, untouched."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from autograder.engine.inside.notebook import Outline
from autograder.engine.inside.unpack import unpack_zip
from autograder.engine.intake import read_here
from autograder.engine.plan import CellOutput, Plan, Result, Task
from autograder.exercises import EXERCISES, LESSON_OF, LESSONS
from autograder.gradebook.book import ClassGradebook
from autograder.keys.secret import KEY_STORE, SECRET_FILE
from autograder.submission import masters
from autograder.submission.course import Course
from course_root import KEYS, ROOT, SECRET
from sumskip.checking.core import PartResult, Report, Status

_TWO_CONVS = """
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, {last}, 3, padding=1)
"""
# One wrong answer to every exercise: a belief that the lessons repair.
WRONG = {
    "predict_flow": 'predictions_flow = {"double_then_add": 18, "add_then_double": 16}',
    "sequential_model": f"""class SequentialModel(nn.Module):
    def __init__(self):{_TWO_CONVS.format(last=32)}
    def forward(self, x):
        return self.conv2(torch.relu(self.conv1(x)))
""",
    "intermediate_outputs": "def intermediate_outputs(model, x):\n    return [model(x)]\n",
    "predict_addition": 'predictions_addition = {name: (1, 16, 32, 32) for name in "abcdef"}',
    "repair_addition": "class RepairedModel(nn.Module):\n    def forward(self, x):\n        return x\n",
    "addition_model": f"""class AdditionModel(nn.Module):
    def __init__(self):{_TWO_CONVS.format(last=16)}
    def forward(self, x):
        return self.conv2(self.conv1(x))
""",
    "projected_addition_model": "ProjectedAdditionModel = None",
    "what_trains": 'trains = {"weight": "parameter", "bias_buffer": "parameter"}',
    "weighted_addition_model": f"""class WeightedAdditionModel(nn.Module):
    def __init__(self):{_TWO_CONVS.format(last=16)}
        self.alpha = 0.5

    def forward(self, x):
        out1 = self.conv1(x)
        return self.alpha * out1 + (1 - self.alpha) * self.conv2(out1)
""",
    "fit_alpha": "def fit_alpha(model, x, target, steps, lr):\n    return [0.5] * steps\n",
    "identity_block": "class IdentityBlock(nn.Module):\n    def forward(self, x):\n        return x\n",
    "plain_vs_residual": 'predictions_residual = {"plain_output": "x", "residual_output": "x"}',
    "residual_block": "def residual_block(): pass",
    "tiny_resnet": "raise RuntimeError('<img src=x onerror=alert(1)>')",
    "explain_skip": "A skip connection lets the gradient pass. <script>alert(1)</script>",
}


def make_course(root: Path) -> Path:
    """A course root in `root`: the masters and nbgrader's configuration, with an empty gradebook."""
    root.mkdir(parents=True, exist_ok=True)
    shutil.copytree(ROOT / "notebooks", root / "notebooks", ignore=shutil.ignore_patterns(".*"))
    shutil.copy(ROOT / "nbgrader_config.py", root)
    (root / SECRET_FILE).parent.mkdir(mode=0o700)
    (root / SECRET_FILE).write_bytes(SECRET)
    KEYS.mkdir(parents=True, exist_ok=True)
    (root / KEY_STORE).symlink_to(KEYS)
    return root


@cache
def master(assignment: str) -> str:
    return (ROOT / "notebooks" / assignment / f"{assignment}.ipynb").read_text(encoding="utf-8")


def release_notebooks(root: Path, assignments: tuple[str, ...] = LESSONS) -> dict[str, NotebookNode]:
    """What nbgrader's own converter makes of the masters; the gradebook knows them afterwards."""
    with ClassGradebook(root) as book:
        return {assignment: book.register(assignment) for assignment in assignments}


def answered(released: NotebookNode, answers: Mapping[str, str]) -> NotebookNode:
    """A released notebook in which some solution cells have been written in."""
    notebook = nbformat.from_dict(json.loads(nbformat.writes(released)))
    notebook = nbformat.reads(json.dumps(notebook), as_version=4)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in answers:
            cell.source = answers[name]
    return notebook


def edit_master(root: Path, assignment: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a master of the course in `root`; `change` gets its cells by id."""
    path = root / "notebooks" / assignment / f"{assignment}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    change({cell["id"]: cell for cell in notebook["cells"]})
    path.write_text(json.dumps(notebook), encoding="utf-8")


def set_points(monkeypatch: pytest.MonkeyPatch, root: Path, exercise: str, points: float) -> None:
    """Let an exercise count for other points, in its key as in its master."""
    keys = {name: masters.public_key(name) for name in EXERCISES}
    keys[exercise] = replace(keys[exercise], points=points)
    monkeypatch.setattr(masters, "public_key", keys.__getitem__)

    def change(cells: dict[str, Any]) -> None:
        [cell] = [c for c in cells.values() if _grade_id(c) == f"{exercise}_check"]
        cell["metadata"]["nbgrader"]["points"] = points

    edit_master(root, LESSON_OF[exercise], change)


def _grade_id(cell: Any) -> str:
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))


def put_engine(monkeypatch: pytest.MonkeyPatch, engine: Any) -> None:
    """Let `check` and `grade` have this engine."""
    monkeypatch.setattr("autograder.submission.root.open_engine", lambda *_args, **_options: engine)


def rehearse_course(monkeypatch: pytest.MonkeyPatch, root: Path) -> Path:
    """Make `root` the working directory, with an engine that runs nothing and keys that are not needed."""
    monkeypatch.chdir(root)
    put_engine(monkeypatch, FakeEngine())
    monkeypatch.setattr(Course, "prepare", lambda *_args: None)
    return root


def rehearse_copy(monkeypatch: pytest.MonkeyPatch, course: Path, root: Path) -> Path:
    """The same in a copy of a course that others go on to use."""
    return rehearse_course(monkeypatch, Path(shutil.copytree(course, root, symlinks=True)))


def hand_in(root: Path, learner: str, assignment: str, notebook: NotebookNode | str, name: str = "") -> Path:
    """Put a notebook where `nbgrader collect` would."""
    folder = root / "submitted" / learner / assignment
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name or f"{assignment}.ipynb")
    text = notebook if isinstance(notebook, str) else nbformat.writes(notebook)
    path.write_text(text, encoding="utf-8")
    return path


def environment() -> dict[str, str]:
    """As the instructor's shell in the course root; the package comes from this repository."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"}


def autograder(root: Path, *arguments: str, timeout: float = 900) -> subprocess.CompletedProcess[str]:
    """`python -m autograder …` in the course root."""
    return run_module("autograder", root, *arguments, timeout=timeout)


def nbgrader(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`nbgrader …` in the course root, which must succeed."""
    done = run_module("nbgrader", root, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def run_module(
    module: str, root: Path, *arguments: str, timeout: float = 900
) -> subprocess.CompletedProcess[str]:
    """`python -m MODULE …` in `root`, as the instructor's shell runs it.

    A process of its own, that ends as any other. It is forked from one which has imported what such commands
    import and has done nothing else: that alone takes them five seconds of processor time, each.
    """
    warm = get_context("forkserver")
    warm.set_forkserver_preload(["grading_course", "nbgrader.apps", "autograder.gradebook.preprocessors"])
    umask = os.umask(0)
    os.umask(umask)
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder, name) for name in ("stdout", "stderr")]
        place = (module, arguments, root, umask, environment(), said)
        process = warm.Process(target=_become_module, args=place)
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired([module, *arguments], timeout)
        out, err = (path.read_text(encoding="utf-8") for path in said)
    return subprocess.CompletedProcess([module, *arguments], process.exitcode, out, err)


def _become_module(
    module: str,
    arguments: tuple[str, ...],
    root: Path,
    umask: int,
    variables: dict[str, str],
    said: list[Path],
) -> None:
    for number, path in enumerate(said, 1):
        with path.open("wb") as file:
            os.dup2(file.fileno(), number)
    os.umask(umask)
    os.chdir(root)
    os.environ.clear()
    os.environ.update(variables)
    sys.path.insert(0, str(root))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def as_ordinary_user(*shown: Path) -> list[str]:
    """What to put before a command so that user 4242 runs it, who sees the interpreter and `shown`.

    Where one of these lies in a folder that only its owner may enter, the command gets a view of its own
    in which it can be entered.
    """
    user = ["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups", "--"]
    places = [Path(sys.base_prefix).resolve(), *(path.resolve() for path in shown)]
    closed = {place: [f for f in place.parents if not f.stat().st_mode & 0o001] for place in places}
    hidden = {place: folders[-1] for place, folders in closed.items() if folders}
    if not hidden:
        return user
    steps = ["mkdir -p /mnt", "mount -t tmpfs none /mnt"]
    for number, place in enumerate(hidden):
        steps += [f"mkdir /mnt/{number}", f"mount --bind '{place}' /mnt/{number}"]
    steps += [f"mount -t tmpfs -o mode=755 none '{folder}'" for folder in sorted(set(hidden.values()))]
    for number, place in enumerate(hidden):
        steps += [f"mkdir -p '{place}'", f"mount --bind /mnt/{number} '{place}'"]
    return ["unshare", "--mount", "sh", "-c", " && ".join([*steps, 'exec "$@"']), "sh", *user]


def killed_half_way(root: Path, of: int, log: Path, *options: str) -> None:
    """Start `grade` on the `of` notebooks of a course, with two jobs or these options, and kill it when two
    are written.
    """

    def written() -> int:
        return len(list(root.glob("autograded/*/*/*.ipynb")))

    words = [sys.executable, "-m", "autograder", "grade", *(options or ("--jobs", "2"))]
    with log.open("w") as said:
        run = subprocess.Popen(words, cwd=root, env=environment(), stdout=said, stderr=said)
    deadline = time.monotonic() + 120
    while written() < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    run.kill()
    run.wait()
    assert 2 <= written() < of, f"it was not half-way\n{log.read_text()}"


def json_lines(path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """What `grade --json` wrote, by learner and assignment."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {(row["student"], row["assignment"]): row for row in rows}


class RestingEngine:
    """An engine that may warm up, and of which nothing is asked."""

    jobs = 1
    trust_submissions = False

    def __enter__(self) -> RestingEngine:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nobody's code should run, and the engine was asked for {name}")


class FakeEngine:
    """An engine that runs nothing: the first word of a solution cell says how the exercise ends.

    `# right`, `# half`, `# silent` (not graded) and `# boom` (a mistake of ours); anything else fails.
    What follows `# prints ` in any cell comes out as printed.
    """

    level = "walled"
    jobs = 2
    trust_submissions = False
    warnings: tuple[str, ...] = ()
    boom: type[BaseException] = RuntimeError
    half = 0.5  # what `# half` is worth
    trace: Mapping[str, Any] | None = None  # what every model that is wrong is said to have done

    def __init__(self) -> None:
        self.versions = {"python": "fake"}

    def __enter__(self) -> FakeEngine:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, raw: bytes, beside: Mapping[str, bytes] | None = None) -> Outline:
        return read_here(raw, beside or {})

    def unpack(self, raw: bytes) -> tuple[dict[str, bytes], list[str]]:
        return unpack_zip(raw)

    def run(self, plan: Plan, _judge: object, _to_draw: object = None) -> Result:
        result = Result()
        written = {step.exercise: step.source for step in plan.tasks if step.do == "run" and step.exercise}
        for step in plan.tasks:
            if "# boom" in step.source:
                raise self.boom("boom\x1b[31m")
            if step.do == "run" and "# prints " in step.source:
                text = step.source.split("# prints ")[1]
                result.outputs[step.cell_id] = CellOutput(
                    stdout=text, stderr=text, error_name="ValueError", error_message=text
                )
            if step.do == "check" and step.exercise is not None:
                report = self._report(step, written.get(step.exercise, ""))
                result.reports[step.exercise] = report
                if self.trace and report.status == "failed":
                    result.traces[step.exercise] = dict(self.trace)
        return result

    def _report(self, step: Task, source: str) -> Report:
        most = step.max_score
        endings: dict[str, tuple[float, Status]] = {
            "# right": (most, "passed"),
            "# half": (most * self.half, "failed"),
            "# silent": (0.0, "not_graded"),
        }
        score, status = next((end for word, end in endings.items() if word in source), (0.0, "failed"))
        message = f"A sentence about {step.exercise}."
        if "# prints " in source:  # a report quotes the learner
            message += source.split("# prints ")[1]
        assert step.exercise is not None
        parts = (PartResult("a part", score, most),)
        return Report(step.exercise, score, most, status, message, parts=parts, details=(message,))
