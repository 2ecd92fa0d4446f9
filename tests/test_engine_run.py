"""The engine: cells run as in a notebook, questions are answered, and what dies costs only itself."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from autograder.engine import sandbox
from autograder.engine.bounded import plain_text
from autograder.engine.plan import CellOutput, Plan, Result, Task
from autograder.engine.run import Engine
from autograder.engine.sandbox import Limits, SandboxError, WarmParent
from autograder.gradebook.page_trace import drawn
from grading_course import as_ordinary_user
from sumskip.checking.core import Ask, Case, Observation, Report
from sumskip.checking.judge import judge as judge_by_key
from sumskip.checking.key import public_key

pytestmark = pytest.mark.slow

LIMITS = Limits(
    cell_seconds=2.0, ask_seconds=2.0, exercise_seconds=5.0, submission_seconds=30.0, grace_seconds=0.5
)
DOUBLE = "class Double(nn.Module):\n    def forward(self, x): return 2 * x"
CASE = Case("1", "module", "seed", inputs=((1, 3, 5, 4),))


def cells(*sources: str) -> list[Task]:
    return [Task("run", f"c{i}", source) for i, source in enumerate(sources)]


def check(exercise: str, symbol: str = "Double") -> Task:
    return Task("check", f"{exercise}_check", "", exercise, symbol, 4.0)


def plan(*steps: Task | list[Task]) -> Plan:
    """A plan that begins with the imports."""
    flat: list[Task] = [Task("run", "imports", "import torch\nfrom torch import nn")]
    for step in steps:
        flat += step if isinstance(step, list) else [step]
    return Plan(tuple(flat))


def judge(name: str, ask: Ask) -> Report:
    """Full marks where the output is twice the input of the case."""
    seen = ask(CASE)
    right = "output" in seen.arrays and seen.arrays["output"].shape == (1, 3, 5, 4)
    return Report(name, 4.0 if right else 0.0, 4.0, "passed" if right else "failed", "Seen.")


@pytest.fixture(scope="module")
def walled() -> Iterator[Engine]:
    with Engine(jobs=2, limits=LIMITS) as engine:
        yield engine


@pytest.fixture(scope="module")
def open_engine() -> Iterator[Engine]:
    with Engine(level="none", trust_submissions=True, limits=LIMITS) as engine:
        yield engine


def both(function: Callable[..., None]) -> Callable[..., None]:
    """Run a test walled in and without walls."""
    walled = pytest.param("walled", marks=pytest.mark.sandbox)
    return pytest.mark.parametrize("level", [walled, "none"])(function)


@pytest.fixture
def engine(level: str, request: pytest.FixtureRequest) -> Engine:
    made: Engine = request.getfixturevalue("walled" if level == "walled" else "open_engine")
    return made


def run(engine: Engine, *steps: Task | list[Task]) -> Result:
    return engine.run(plan(*steps), judge)


@both
def test_cells_run_and_exercises_are_judged_at_their_place(engine: Engine, level: str) -> None:
    """A check sees what was bound before it, not what comes later."""
    asked: list[str] = []

    def judging(name: str, ask: Ask) -> Report:
        facts = ask(Case("1", "literals", "")).facts
        asked.append(f"{name}: {facts['answer']}")
        return Report(name, 4.0, 4.0, "passed", "Seen.")

    steps = [*cells("x = 1"), check("first", "x"), Task("run", "later", "x = 2"), check("second", "x")]
    result = engine.run(plan(steps), judging)
    assert asked == ["first: 1", "second: 2"]
    assert list(result.reports) == ["first", "second"]
    assert result.level == level
    assert result.warnings == []
    assert 0 < result.seconds < 30


@both
def test_what_cells_print_comes_out_as_text(engine: Engine, level: str) -> None:
    sources = [
        "print('out'); import sys; print('err', file=sys.stderr); 3 + 4",
        "x = 1\nif x:\n    1 / 0",
        "def f(:",
        "raise type('<b>Odd</b>', (Exception,), {})('\\x1b[31mred')",
        "from IPython.display import HTML, display\ndisplay(HTML('<script>alert(1)</script>'))",
        "5;",
    ]
    outputs = run(engine, cells(*sources)).outputs
    assert outputs["c0"] == CellOutput("out\n7\n", "err\n")
    assert (outputs["c1"].error_name, outputs["c1"].error_message, outputs["c1"].line) == (
        "ZeroDivisionError",
        "division by zero",
        3,
    )
    assert (outputs["c2"].error_name, outputs["c2"].line) == ("SyntaxError", 1)
    assert (outputs["c3"].error_name, outputs["c3"].error_message) == ("<b>Odd</b>", "[31mred")
    assert outputs["c4"].stdout == "<IPython.core.display.HTML object>\n"
    assert outputs["c5"] == CellOutput()


@both
def test_an_observation_keeps_every_bit(engine: Engine, level: str) -> None:
    """What is judged is what the probe saw, dtypes and all."""
    seen: list[Observation] = []

    def judging(name: str, ask: Ask) -> Report:
        seen.extend([ask(CASE), ask(CASE)])
        return Report(name, 0.0, 4.0, "failed", "Seen.")

    engine.run(plan(cells(DOUBLE), check("double")), judging)
    assert seen[0].arrays["output"].dtype == np.float32
    assert np.array_equal(seen[0].arrays["output"], seen[1].arrays["output"])
    assert np.abs(seen[0].arrays["output"]).max() > 0


@both
def test_what_dies_costs_only_itself(engine: Engine, level: str) -> None:
    """A cell that ends the process is left out, and the rest runs again without it."""
    steps = [
        *cells(DOUBLE),
        check("before"),
        Task("run", "dies", "import os; os._exit(3)", "fatal"),
        check("fatal", "Missing"),
        Task("run", "after", "y = 1"),
        check("after"),
    ]
    result = run(engine, steps)
    assert {name: report.status for name, report in result.reports.items()} == {
        "before": "passed",
        "fatal": "not_graded",
        "after": "passed",
    }
    assert "status 3" in result.reports["fatal"].message
    assert result.outputs["dies"].stopped
    assert "after" in result.outputs
    assert any("dies" in warning for warning in result.warnings)


@both
def test_a_model_that_dies_when_asked_costs_its_exercise(engine: Engine, level: str) -> None:
    dying = "class Dying(nn.Module):\n    def forward(self, x):\n        import os\n        os.abort()"
    result = run(engine, cells(DOUBLE, dying), check("dying", "Dying"), check("double"))
    assert (result.reports["dying"].status, result.reports["dying"].score) == ("not_graded", 0.0)
    assert "signal" in result.reports["dying"].message
    assert result.reports["double"].status == "passed"


@both
def test_loops_without_end_are_stopped(engine: Engine, level: str) -> None:
    """First politely, so that the line is known; then, if it is deaf, by killing it."""
    deaf = "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass"
    result = run(engine, cells("x = 1\nwhile True:\n    x += 1", deaf, DOUBLE), check("double"))
    assert result.outputs["c0"].error_name == "TimeLimit"
    assert result.outputs["c0"].line in (2, 3)
    assert result.outputs["c1"].error_message == "This cell was ended: it did not stop after 2 s."
    # Their definitions are lost, but here nothing depended on them.
    assert result.reports["double"].status == "passed"


@both
def test_an_exercise_whose_cell_was_stopped_is_not_graded(engine: Engine, level: str) -> None:
    """A failure that we caused must not look like one of the learner's."""
    result = run(
        engine, [Task("run", "slow", "while True: pass", "slow")], check("slow", "Slow"), check("next", "No")
    )
    assert result.reports["slow"].status == "not_graded"
    assert "longer than 2 s" in result.reports["slow"].message
    assert result.reports["next"].status == "failed"


TRIPLE = "class Triple(nn.Module):\n    def forward(self, x):\n        return torch.cat([x, 3 * x], 1)"
# What a model can do that finds out that it is traced.
AT_A_TRACE = """import sys, os, time
class Sly(nn.Module):
    def forward(self, x):
        frame = sys._getframe()
        while frame:
            if frame.f_globals.get("__name__", "").endswith(".traced"):
                {does}
            frame = frame.f_back
        return x[:, :1]
"""


@both
def test_a_wrong_model_is_traced_as_it_was_judged(engine: Engine, level: str) -> None:
    """By the case that is asked for, after everything else; a right one, and one that never ran, are not."""
    asked: list[str] = []

    def to_draw(report: Report) -> Case | None:
        asked.append(report.exercise)
        return CASE if report.status == "failed" else None

    untouched = "class Later(nn.Module):\n    def forward(self, x):\n        raise NotImplementedError"
    steps = [
        cells(TRIPLE, DOUBLE, untouched),
        check("triple", "Triple"),
        check("double"),
        check("later", "Later"),
    ]
    traces = engine.run(plan(*steps, cells("class Triple: pass")), judge, to_draw).traces
    assert asked == ["triple", "double", "later"]
    assert list(traces) == ["triple"]
    _, alt = drawn(traces["triple"])
    assert alt.startswith("Forward pass of Triple: x (1, 3, 5, 4) goes through times, cat to the output")
    assert run(engine, *steps).traces == {}


@both
@pytest.mark.parametrize("does", ["os._exit(1)", "time.sleep(9)", "raise SystemExit", "return None"])
def test_a_trace_that_fails_costs_a_picture_and_no_grade(
    engine: Engine, level: str, does: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that dies, sleeps or gives nothing when it is traced has the report that it had before."""
    steps = [cells(AT_A_TRACE.format(does=does), DOUBLE), check("sly", "Sly"), check("double")]
    monkeypatch.setattr(engine, "limits", replace(LIMITS, trace_seconds=0.5))
    result = engine.run(plan(*steps), judge, lambda report: CASE if report.status == "failed" else None)
    assert result.reports == run(engine, *steps).reports
    assert {name: report.status for name, report in result.reports.items()} == {
        "sly": "failed",
        "double": "passed",
    }
    assert (result.traces, result.warnings) == ({}, [])


@both
def test_a_process_that_always_dies_is_given_up(engine: Engine, level: str) -> None:
    steps: list[Task] = []
    for number in range(8):
        steps += [Task("run", f"d{number}", "import os; os._exit(1)"), check(f"e{number}")]
    result = run(engine, steps)
    assert len(result.reports) == 8
    assert {report.status for report in result.reports.values()} <= {"failed", "not_graded"}
    assert all(report.score == 0 for report in result.reports.values())


@both
def test_all_time_together_is_bounded(engine: Engine, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = cells(*["import time; time.sleep(1.5)"] * 40)
    monkeypatch.setattr(engine, "limits", replace(LIMITS, submission_seconds=4.0))
    started = time.monotonic()
    result = engine.run(plan(steps, check("late")), judge)
    assert time.monotonic() - started < 20
    assert result.reports["late"].status == "not_graded"


@pytest.mark.sandbox
def test_what_was_starved_is_tried_once_more_alone(walled: Engine) -> None:
    """A cell that had no time, here by sleeping, is run again when all others have ended; no busy one.

    Which one it was, its own process tells.
    """
    slow, late = "import time; time.sleep(9)", [check("late")]
    with ThreadPoolExecutor(3) as threads:
        beside = [threads.submit(run, walled, cells(f"import time; time.sleep({s})")) for s in (0.5, 1.5)]
        starved = threads.submit(run, walled, cells(slow), *late).result()
        assert all(other.done() for other in beside)
    assert "was tried once more alone" in starved.warnings[-1]
    busy = run(walled, cells("import time; time.process_time = lambda: 1e9; time.sleep(9)"), *late)
    assert busy.reports["late"].status == starved.reports["late"].status == "not_graded"
    assert not busy.starved
    assert len(busy.warnings) + 1 == len(starved.warnings)


@both
def test_a_grader_that_fails_is_not_the_learners_failure(engine: Engine, level: str) -> None:
    def broken(name: str, ask: Ask) -> Report:
        raise KeyError("no such key")

    report = engine.run(plan(cells(DOUBLE), check("double")), broken).reports["double"]
    assert report.status == "not_graded"
    assert "the grader itself stopped (KeyError" in report.message


@both
@pytest.mark.parametrize(
    "report",
    [
        Report("double", float("nan"), 4.0, "passed", ""),
        Report("double", 5.0, 4.0, "passed", ""),
        Report("double", -1.0, 4.0, "failed", ""),
        Report("double", 5.0, 5.0, "passed", ""),
        Report("other", 4.0, 4.0, "passed", ""),
    ],
)
def test_an_unsound_verdict_is_none(engine: Engine, level: str, report: Report) -> None:
    """nbgrader fails the whole submission on a score above the points, or on NaN."""
    got = engine.run(plan(check("double")), lambda name, ask: report).reports["double"]
    assert (got.status, got.score, got.max_score) == ("not_graded", 0.0, 4.0)


@both
def test_a_judge_that_swallows_the_failure_cannot_pass(engine: Engine, level: str) -> None:
    def swallowing(name: str, ask: Ask) -> Report:
        try:
            ask(CASE)
        except Exception:
            return Report(name, 4.0, 4.0, "passed", "Surely fine.")
        return Report(name, 0.0, 4.0, "failed", "Seen.")

    dying = "class Dying(nn.Module):\n    def forward(self, x):\n        import os\n        os._exit(0)"
    report = engine.run(plan(cells(dying), check("dying", "Dying")), swallowing).reports["dying"]
    assert report.status == "not_graded"


@both
def test_files_lie_in_the_working_folder_and_shadow_nothing(engine: Engine, level: str) -> None:
    files = {"helper.py": b"answer = 42", "data.txt": b"hello", "json.py": b"raise SystemExit"}
    look = "import helper, json\nprint(helper.answer, open('data.txt').read(), json.dumps(1))"
    result = engine.run(Plan((Task("run", "look", look),), files), judge)
    assert result.outputs["look"].stdout == "42 hello 1\n"


@both
def test_learners_do_not_see_each_other(engine: Engine, level: str) -> None:
    run(engine, cells("leak = 1\nnn.leak = 1\nopen('leak', 'w').close()"))
    result = run(
        engine, cells("import os\nprint('leak' in globals(), hasattr(nn, 'leak'), os.path.exists('leak'))")
    )
    assert result.outputs["c0"].stdout == "False False False\n"


@both
def test_several_threads_share_one_engine(engine: Engine, level: str) -> None:
    def one(number: int) -> str:
        return run(engine, cells(f"import time\ntime.sleep(0.05)\nprint({number})")).outputs["c0"].stdout

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(one, range(8))) == [f"{number}\n" for number in range(8)]


@pytest.mark.sandbox
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one core")
def test_beside_others_each_has_a_core_of_its_own(walled: Engine) -> None:
    """What a submission starts runs there too, so that it takes no time from a sibling."""
    source = """
import os, subprocess, sys, time
print(*os.sched_getaffinity(0), flush=True)
look = 'import os; print(*os.sched_getaffinity(0))'
print(subprocess.run([sys.executable, '-c', look], capture_output=True, text=True).stdout)
time.sleep(1)
"""
    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(lambda _: walled.run(Plan(tuple(cells(source))), judge), range(2)))
    seen = [result.outputs["c0"].stdout.split() for result in results]
    assert [len(set(cores)) for cores in seen] == [1, 1]
    assert seen[0] != seen[1]


@both
def test_nothing_runs_on_when_a_run_is_over(engine: Engine, level: str) -> None:
    """A daemon that outlives its submission could answer for the next one."""
    daemon = "    os.setsid()\n    if os.fork() == 0: time.sleep(77.7)\n    os._exit(0)"
    run(engine, cells(f"import os, time\nif os.fork() == 0:\n{daemon}"))
    for _ in range(100):
        if len(descendants(engine)) <= 2:
            return
        time.sleep(0.05)
    pytest.fail(f"left behind: {descendants(engine)}")


def descendants(engine: Engine) -> list[int]:
    """The processes below the engine's; psutil passes over those that end while it looks."""
    return [child.pid for child in psutil.Process(engine.process_id).children(recursive=True)]


@both
def test_a_warm_parent_that_died_is_replaced(engine: Engine, level: str) -> None:
    with Engine(level=engine.level, trust_submissions=True, limits=LIMITS) as mortal:
        assert mortal.process_id
        os.kill(mortal.process_id, signal.SIGKILL)
        mortal._warm[0]._process.wait()
        assert run(mortal, cells(DOUBLE), check("double")).reports["double"].status == "passed"


def test_references_run_one_at_a_time() -> None:
    """Judging in threads must not mix up default dtypes, random numbers or standard output."""
    from autograder.exercises import EXERCISES
    from autograder.keys.making import observe

    case = next(iter(EXERCISES["addition_model"].cases("threads")))
    before = sys.stdout
    with ThreadPoolExecutor(4) as threads:
        seen = list(threads.map(lambda _: observe(EXERCISES["addition_model"].answer, case), range(24)))
    assert sys.stdout is before
    assert {observation.arrays["output"].dtype for observation in seen} == {np.dtype("float64")}
    assert len({observation.arrays["output"].tobytes() for observation in seen}) == 1


# --- levels -----------------------------------------------------------------------------------------


def test_without_walls_nothing_runs_unless_submissions_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a silent fall-back: refused, with what to install."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    refused = pytest.raises(SandboxError, match=r"install bubblewrap .* autograder doctor")
    with refused as caught, Engine() as engine:
        run(engine, cells("x = 1"))
    assert "\n" not in str(caught.value)
    with pytest.raises(SandboxError, match="trust-submissions"), Engine(level="none"):
        pass


def test_trusted_without_walls_is_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with Engine(trust_submissions=True, limits=LIMITS) as engine:
        assert engine.level == "none"
        assert "bubblewrap is missing" in engine.warnings[0]
        assert "NOTHING IS WALLED IN" in engine.warnings[1]
        assert run(engine, cells("x = 1")).level == "none"


@pytest.mark.sandbox
def test_trusting_submissions_does_not_take_the_walls_away() -> None:
    with Engine(trust_submissions=True) as engine:
        assert (engine.level, engine.warnings) == ("walled", [])


def test_a_sandbox_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as where the kernel forbids user namespaces."""
    monkeypatch.setattr(sandbox, "_bubblewrap_arguments", lambda level: ["--no-such-option"])
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/bwrap")
    if not Path("/usr/bin/bwrap").exists():
        pytest.skip("bubblewrap is not installed")
    with Engine() as engine, pytest.raises(SandboxError, match=r"does not start here .*install bubblewrap"):
        _ = engine.level


@pytest.mark.sandbox
@pytest.mark.parametrize("level", ["walled", "swept"])
@pytest.mark.parametrize("hole", ["a file of the course", "a variable of the environment"])
def test_the_self_test_finds_a_hole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hole: str, level: sandbox.Level
) -> None:
    """Where a wall has a hole, nothing is graded."""
    (tmp_path / "secret").write_text("x")
    tmp_path.chmod(0o755)
    opened = {
        "a file of the course": ["--ro-bind", str(tmp_path), "/usr/share"],
        "a variable of the environment": ["--setenv", "TOKEN", "x"],
    }
    arguments = [*sandbox._bubblewrap_arguments(level), *opened[hole]]
    monkeypatch.setattr(sandbox, "_bubblewrap_arguments", lambda level: arguments)
    with pytest.raises(SandboxError, match="the walls do not hold"):
        WarmParent(level, LIMITS, [Path("/usr/share/secret")]).settle()


@pytest.mark.sandbox
@pytest.mark.skipif(os.getuid() != 0, reason="this is an ordinary user already")
def test_an_ordinary_user_gets_the_same_walls() -> None:
    """Not only root: user namespaces do."""
    root = Path(__file__).resolve().parent.parent
    program = f"""
import sys
sys.path[:0] = [{str(root)!r}, {str(root / "src")!r}]
from autograder.engine.plan import Plan, Task
from autograder.engine.run import Engine
with Engine() as engine:
    # the interpreter stays in sight where it lives below /tmp
    look = '''import os, sys
print(os.getuid(), [name for name in os.listdir("/tmp") if not sys.prefix.startswith("/tmp/" + name)])'''
    result = engine.run(Plan((Task('run', 'a', look),)), None)
    print(engine.level, result.outputs['a'].stdout)
"""
    command = [*as_ordinary_user(root), sys.executable, "-c", program]
    clean = {"HOME": "/tmp", "PATH": os.environ["PATH"]}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd="/", env=clean)
    assert done.stdout.startswith("walled 4242 ['work']"), done.stderr


def test_plain_text_has_nothing_that_acts() -> None:
    assert plain_text("a\tb\nc\x1b[31m\x00\u202e\u200b\ud800é") == "a\tb\nc[31mé"
    assert plain_text(None) == plain_text(3) == plain_text(["a"]) == ""
    assert len(plain_text("x" * 10**6)) == 20_000


@pytest.mark.sandbox
def test_the_engine_ends_what_it_started() -> None:
    before = threading.active_count()
    with Engine(limits=LIMITS) as engine:
        pid = engine.process_id
        run(engine, cells("x = 1"))
    assert not Path(f"/proc/{pid}").exists()
    assert threading.active_count() == before


@pytest.mark.sandbox
@pytest.mark.parametrize("level", ["walled", "swept", "none"])
def test_an_engine_of_which_nothing_is_asked_goes_at_once(level: sandbox.Level) -> None:
    """Whoever finds nothing to do need not wait until it is warm, and nothing goes on behind it."""
    with Engine(level, trust_submissions=True, limits=LIMITS) as engine:
        begun = engine._begun
        assert begun is not None
        first, behind = psutil.Process(begun.process_id), list[psutil.Process]()
        while level != "none" and not behind:
            behind = first.children(recursive=True)
    assert not begun.versions, "it was waited for"
    assert not psutil.wait_procs([first, *behind], timeout=60)[1]


def test_an_engine_is_begun_before_anything_else_is_imported() -> None:
    """Half the seconds of `check` are PyTorch's, behind the walls, and half nbgrader's, in front of them."""
    program = "import sys, autograder.submission.root; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"torch", "nbformat", "nbgrader", "sqlalchemy", "IPython"} & set(done.stdout.split())


def test_an_engine_that_was_not_entered_says_so() -> None:
    with pytest.raises(RuntimeError, match="with statement"):
        Engine().run(plan(), judge)


STOPPING = {
    "class Double(nn.Module:\n    pass": "ended in line 1 with SyntaxError: ",
    "import no_such_package\n"
    + DOUBLE: "ended in line 1 with ModuleNotFoundError: No module named 'no_such_package'",
    "width = input('How many?')\n" + DOUBLE: "ended in line 1 with EOFError: input() has nobody to answer it",
    "import sys\nsys.exit()\n" + DOUBLE: "ended in line 2 with SystemExit",
    "class Double(nn.Modul): pass": "ended in line 1 with AttributeError: ",
}


@pytest.mark.parametrize("source", STOPPING)
def test_where_nothing_is_bound_the_error_of_the_cell_is_the_reason(open_engine: Engine, source: str) -> None:
    """And nothing else: "run the cell" is no help to somebody whose cell ended."""
    answer = Task("run", "answer", source, "addition_model")
    check = Task("check", "addition_model_check", "", "addition_model", "Double", 8.0)
    report = open_engine.run(plan(answer, check), judge_publicly).reports["addition_model"]
    assert report.message.startswith("The cell with the answer " + STOPPING[source]), report.message
    assert report.status == "failed"


def test_a_missing_name_is_traced_to_the_cell_that_was_to_make_it(open_engine: Engine) -> None:
    other = Task("run", "other", "1 / 0")
    first = Task("run", "helpers", "import no_such_package\nfrom torch.nn import Conv2d")
    answer = Task("run", "answer", "layer = Conv2d(3, 16, 3)", "addition_model")
    check = Task("check", "addition_model_check", "", "addition_model", "Double", 8.0)
    message = (
        open_engine.run(plan([other, first], answer, check), judge_publicly).reports["addition_model"].message
    )
    assert (
        "with NameError: name 'Conv2d' is not defined. Before it, a cell ended in line 1 with Mod" in message
    )


SAME = {
    "import sys; sys.exit()": "The forward pass stopped at `import sys; sys.exit()`: SystemExit",
    "exit()": "The forward pass stopped at `exit()`: SystemExit",
    "raise KeyboardInterrupt": "The forward pass stopped at `raise KeyboardInterrupt`",
    "width = input()": "The forward pass stopped at `width = input()`: EOFError: input() has nobody",
    "return x + out3": "`return x + out3` reads `out3`, but nothing of that name is made before",
    "import numpy as np; np.zeros(3) + np.zeros(4)": "np.zeros(3) + np.zeros(4)`: ValueError",
    "raise NotImplementedError()": "Nothing is in `forward` yet",
    "return x + left": "`forward` reads `left`, a tensor of shape (7,) made outside of it",
}


@pytest.mark.parametrize("line", SAME)
def test_what_stops_an_answer_is_said_as_in_the_notebook(open_engine: Engine, line: str) -> None:
    source = f"left = torch.ones(7)\nclass Double(nn.Module):\n    def forward(self, x):\n        {line}"
    check = Task("check", "addition_model_check", "", "addition_model", "Double", 8.0)
    report = open_engine.run(plan(cells(source), check), judge_publicly).reports["addition_model"]
    assert SAME[line] in report.message
    assert (report.status, report.score) == ("failed", 0.0)


def judge_publicly(name: str, ask: Ask) -> Report:
    return judge_by_key(public_key(name), ask)
