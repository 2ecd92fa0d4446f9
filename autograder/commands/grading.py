"""`check` and `grade`: one notebook, and a class."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.commands import (
    OURS,
    MistakeError,
    complete_assignment,
    course_root,
    one_line,
    print_sections,
    warn,
)

if TYPE_CHECKING:
    from autograder.class_run.cluster import Cluster

_trust = click.option(
    "--trust-submissions",
    is_flag=True,
    help="Where there is no sandbox: run learners' code without walls, with your rights.",
)


@click.command()
@click.argument("notebook", type=click.Path(path_type=Path), metavar="NOTEBOOK.ipynb")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@_trust
def check(notebook: Path, as_json: bool, trust_submissions: bool) -> None:
    """Grade one notebook, without the gradebook.

    It may lie in a zip or a folder.
    """
    from autograder.submission.root import find_course, open_engine

    root = find_course(Path.cwd())
    with open_engine(root, trust_submissions=trust_submissions) as engine:
        # Imported while the engine warms up.
        from autograder.engine.folder import IntakeError
        from autograder.engine.sandbox import SandboxError
        from autograder.submission.course import Course, CourseError
        from autograder.submission.grading import grade_submission
        from autograder.submission.handed import choose_file

        try:
            course = Course.open(root)
            submission, notes = choose_file(course, notebook, engine)
            verdict = grade_submission(course, submission, {}, engine)
            notes = [*engine.warnings, *notes, *verdict.warnings]
        except (CourseError, IntakeError, SandboxError) as error:
            raise MistakeError(str(error)) from error
    for note in dict.fromkeys(notes):
        warn(note)
    if as_json:
        print(json.dumps(verdict.summary()))  # ASCII: whatever the encoding, nothing is lost
        return
    most = sum(course.points(verdict.assignment).values())
    later = f", {most - verdict.max_score:g} of them for a person to mark" if most > verdict.max_score else ""
    print(f"{verdict.assignment}: {verdict.score:g} of {most:g} points{later}, {verdict.level}")
    for report in verdict.reports:
        sign = {"passed": "✓", "failed": "✗", "not_graded": "?"}[report.status]
        points = f"{report.score:>5g} of {report.max_score:<4g}" if report.max_score else "   optional "
        print(f"  {sign} {report.exercise:<26}{points}{one_line(report.message)}")


@click.command()
@click.argument("assignments", nargs=-1, metavar="[ASSIGNMENT]...", shell_complete=complete_assignment)
@click.option("--students", metavar="A,B", help="Only these learners.")
@click.option(
    "--jobs", type=click.IntRange(min=1), metavar="N", help="Submissions at a time (default: cores)."
)
@click.option(
    "--scheduler", metavar="tls://HOST:PORT", help="Have the workers of this Dask cluster run submissions."
)
@click.option("--again", is_flag=True, help="Grade what is finished once more.")
@click.option("--dry-run", is_flag=True, help="Say which marks would change; write nothing.")
@click.option("--no-feedback", is_flag=True, help="Write no feedback pages.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), metavar="FILE", help="Write one line a notebook."
)
@_trust
def grade(
    assignments: tuple[str, ...],
    students: str | None,
    jobs: int | None,
    scheduler: str | None,
    again: bool,
    dry_run: bool,
    no_feedback: bool,
    json_file: Path | None,
    trust_submissions: bool,
) -> int:
    """Grade what is in submitted/ into the gradebook.

    It looks for submitted/LEARNER/ASSIGNMENT/, of all assignments unless some are named.

    \b
    Only what changed since the last time is graded:
      python -m autograder grade --dry-run           which marks would change, and why
      python -m autograder grade 1 --students ana    one lesson of one learner
    """
    from autograder.submission.root import open_engine

    root = course_root()
    learners = [name.strip() for name in (students or "").split(",") if name.strip()]
    if students is not None and not learners:
        raise MistakeError("--students expects ids such as ana,ben; none came")
    if json_file is not None and not json_file.resolve().parent.is_dir():
        raise MistakeError(f"--json {json_file}: there is no such folder")
    if json_file is not None and json_file.is_dir():
        raise MistakeError(f"--json {json_file} is a folder; name a file")
    if json_file is not None and dry_run:
        raise MistakeError("--dry-run writes nothing, and --json asks for a file: leave one of them out")
    if scheduler is not None and (jobs or trust_submissions):
        raise MistakeError(
            "--jobs and --trust-submissions are about this machine: with --scheduler, leave them out"
        )
    progress = _Progress()
    started = time.monotonic()
    with ExitStack() as opened:
        if scheduler is None:
            engine = opened.enter_context(
                open_engine(root, trust_submissions=trust_submissions, jobs=jobs or _cores())
            )
        # Imported while the engine warms up.
        from autograder.class_run.folders import find_handed
        from autograder.class_run.judges import ClusterError, Here, Judges
        from autograder.class_run.outcome import save_json
        from autograder.class_run.run import ClassRun
        from autograder.class_run.summary import rehearsal, summary
        from autograder.engine.bounded import plain_text
        from autograder.engine.sandbox import SandboxError
        from autograder.gradebook.session import GradebookError
        from autograder.submission.course import Course, CourseError

        try:
            if scheduler is None:
                judges: Judges = Here(engine)
            else:
                judges = opened.enter_context(_cluster(scheduler, progress.say))
            course = Course.open(root, keep=not dry_run)
            handed, passed_over = find_handed(course, assignments, learners)
            run = ClassRun(
                course,
                judges,
                feedback=not no_feedback,
                say=progress.say,
                progress=progress.state,
                again=again,
            )
            outcome = run.rehearse(handed) if dry_run else run.run(handed)
        except (ClusterError, CourseError, GradebookError, SandboxError) as error:
            raise MistakeError(str(error)) from error
        finally:
            progress.clear()
    if json_file is not None:
        save_json(json_file, outcome)
    seconds = time.monotonic() - started
    print_sections(
        rehearsal(outcome, passed_over) if dry_run else summary(course, outcome, passed_over, seconds)
    )
    if outcome.failures:
        print(f"{OURS}\n" + "\n".join(map(plain_text, outcome.failures)), file=sys.stderr)
    for refused in outcome.refused:
        print(f"autograder grade: {one_line(refused)}", file=sys.stderr)
    return 1 if outcome.unrecorded else 2 if outcome.refused else 0


def _cluster(address: str, say: Callable[[str], None]) -> Cluster:
    try:
        from autograder.class_run.cluster import Cluster
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("dask", "distributed"):
            raise
        raise MistakeError('--scheduler needs Dask: python -m pip install -e ".[cluster]"') from error
    return Cluster(address, say)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
