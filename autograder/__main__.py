"""`python -m autograder release | check | grade`: what an instructor types in the course root."""

from __future__ import annotations

import argparse
import codecs
import io
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

OURS = "This is a mistake of the grader, not of yours or of a learner's. Please report it with these lines:"


class MistakeError(Exception):
    """The command cannot do what was asked; its text is the one line that says why."""


# What stands for a sign that a terminal or a pipe cannot show; for any other, a question mark does.
_SIGNS = {"✓": "+", "✗": "-", "…": "...", "×": "x", "’": "'", "–": "-"}


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """The error handler of our output: an encoding without a sign costs the sign, never the run."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(_SIGNS.get(sign, "?") for sign in signs), error.end


codecs.register_error("plainly", _plainly)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. 0: done; 2: it could not be done, one line says why; 1: a mistake of ours."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="plainly")  # stderr never fails: Python sees to that
    options = _parser().parse_args(arguments)
    # Threads of our own are one a submission; more inside each only get in each other's way.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except MistakeError as error:
        print(f"autograder {options.command}: {one_line(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nautograder {options.command}: stopped; run it again to go on from here.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception:
        print(f"{OURS}\n{traceback.format_exc()}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m autograder", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    release = commands.add_parser("release", help="make release/, what learners get, from the masters")
    release.add_argument(
        "--binder",
        metavar="OWNER/REPO",
        help="add what opens the lessons of this public repository on Binder and in Colab",
    )
    release.set_defaults(run=release_command)

    check = commands.add_parser("check", help="grade one notebook, without the gradebook")
    check.add_argument("notebook", type=Path, metavar="NOTEBOOK.ipynb", help="or a zip or a folder")
    check.add_argument("--json", action="store_true", help="print one JSON object")
    check.set_defaults(run=check_command)

    grade = commands.add_parser("grade", help="grade submitted/LEARNER/ASSIGNMENT/ into the gradebook")
    grade.add_argument("assignments", nargs="*", metavar="ASSIGNMENT", help="all of them unless given")
    grade.add_argument("--students", metavar="A,B", help="only these learners")
    grade.add_argument("--jobs", type=_positive, metavar="N", help="submissions at a time (default: cores)")
    grade.add_argument("--again", action="store_true", help="grade what is finished once more")
    grade.add_argument("--dry-run", action="store_true", help="say which marks would change; write nothing")
    grade.add_argument("--no-feedback", action="store_true", help="write no feedback pages")
    grade.add_argument("--json", type=Path, metavar="FILE", help="write one line a notebook")
    grade.set_defaults(run=grade_command)

    for command in (check, grade):
        command.add_argument(
            "--trust-submissions",
            action="store_true",
            help="where there is no sandbox: run learners' code without walls, with your rights",
        )
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, came {text!r}")
    return int(text)


def one_line(text: str) -> str:
    """Text that may hold names from outside, as one line for a terminal."""
    words = " ".join(text.split())
    return "".join(sign if sign.isprintable() else "?" for sign in words)


def release_command(options: argparse.Namespace) -> int:
    from autograder.release import ReleaseError, release

    try:
        path = release(Path.cwd(), binder=options.binder)
    except ReleaseError as error:
        raise MistakeError(str(error)) from error
    print(f"The release is in {path}")
    return 0


def check_command(options: argparse.Namespace) -> int:
    from autograder.engine.folder import IntakeError
    from autograder.engine.sandbox import SandboxError
    from autograder.submission.course import Course, CourseError, find_course, open_engine
    from autograder.submission.grading import grade_submission
    from autograder.submission.handed import choose_file

    try:
        course = Course.open(find_course(Path.cwd()))
        with open_engine(course, trust_submissions=options.trust_submissions) as engine:
            submission, notes = choose_file(course, options.notebook, engine)
            verdict = grade_submission(course, submission, {}, engine)
            notes = [*engine.warnings, *notes, *verdict.warnings]
    except (CourseError, IntakeError, SandboxError) as error:
        raise MistakeError(str(error)) from error
    for note in dict.fromkeys(notes):
        print(f"warning: {one_line(note)}", file=sys.stderr)
    if options.json:
        print(json.dumps(verdict.summary()))  # ASCII: whatever the encoding, nothing is lost
        return 0
    most = sum(course.points(verdict.assignment).values())
    later = f", {most - verdict.max_score:g} of them for a person to mark" if most > verdict.max_score else ""
    print(f"{verdict.assignment}: {verdict.score:g} of {most:g} points{later}, {verdict.level}")
    for report in verdict.reports:
        sign = {"passed": "✓", "failed": "✗", "not_graded": "?"}[report.status]
        points = f"{report.score:>5g} of {report.max_score:<4g}"
        print(f"  {sign} {report.exercise:<26}{points}{one_line(report.message)}")
    return 0


def grade_command(options: argparse.Namespace) -> int:
    from autograder.class_run.folders import find_handed
    from autograder.class_run.outcome import save_json
    from autograder.class_run.run import ClassRun
    from autograder.class_run.summary import rehearsal, summary
    from autograder.engine.bounded import plain_text
    from autograder.engine.sandbox import SandboxError
    from autograder.gradebook.session import GradebookError
    from autograder.submission.course import Course, CourseError

    root = Path.cwd()
    if not (root / "nbgrader_config.py").is_file():
        raise MistakeError(f"{root} is no course root (it has no nbgrader_config.py): change into it")
    learners = [name.strip() for name in (options.students or "").split(",") if name.strip()]
    if options.students is not None and not learners:
        raise MistakeError("--students expects ids such as ana,ben; none came")
    if options.json is not None and not options.json.resolve().parent.is_dir():
        raise MistakeError(f"--json {options.json}: there is no such folder")
    if options.json is not None and options.json.is_dir():
        raise MistakeError(f"--json {options.json} is a folder; name a file")
    if options.json is not None and options.dry_run:
        raise MistakeError("--dry-run writes nothing, and --json asks for a file: leave one of them out")
    progress = _Progress()
    started = time.monotonic()
    try:
        course = Course.open(root, keep=not options.dry_run)
        handed, passed_over = find_handed(course, options.assignments, learners)
        run = ClassRun(
            course,
            jobs=options.jobs or _cores(),
            feedback=not options.no_feedback,
            trust_submissions=options.trust_submissions,
            say=progress.say,
            progress=progress.state,
            again=options.again,
        )
        outcome = run.rehearse(handed) if options.dry_run else run.run(handed)
    except (CourseError, GradebookError, SandboxError) as error:
        raise MistakeError(str(error)) from error
    finally:
        progress.clear()
    if options.json is not None:
        save_json(options.json, outcome)
    seconds = time.monotonic() - started
    dry = options.dry_run
    _print(rehearsal(outcome, passed_over) if dry else summary(course, outcome, passed_over, seconds))
    if outcome.failures:
        print(f"{OURS}\n" + "\n".join(map(plain_text, outcome.failures)), file=sys.stderr)
    for refused in outcome.refused:
        print(f"autograder grade: {one_line(refused)}", file=sys.stderr)
    return 1 if outcome.unrecorded else 2 if outcome.refused else 0


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _print(sections: Iterable[tuple[str, list[str]]]) -> None:
    for title, lines in sections:
        print(one_line(title))
        for line in lines:
            print(f"  {one_line(line)}")


class _Progress:
    """Where the run is, on stderr: one line that changes on a terminal, now and then a line elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown = time.monotonic()
        self._dirty = False

    def state(self, text: str) -> None:
        now = time.monotonic()
        if now - self._shown < (0.2 if self._terminal else 10.0):
            return
        self._shown, self._dirty = now, self._terminal
        start, end = ("\r\x1b[K", "") if self._terminal else ("", "\n")
        print(f"{start}{text}", end=end, file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        self.clear()
        print(one_line(text), file=sys.stderr)

    def clear(self) -> None:
        if self._dirty:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._dirty = False


if __name__ == "__main__":
    sys.exit(main())
