"""`demo`: a class of invented learners, to try everything on."""

from __future__ import annotations

import contextlib
import os
import sys
import webbrowser
from pathlib import Path

import click

from autograder.commands import MistakeError, print_sections
from autograder.commands.grading import grade
from autograder.commands.report import report


@click.command()
@click.option(
    "--students", type=click.IntRange(1, 5000), default=30, metavar="N", help="How many (default: 30)."
)
@click.option("--seed", type=int, default=1, metavar="S", help="Which class (default: 1).")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    metavar="FOLDER",
    help="Where to put its course (default: demo).",
)
@click.option(
    "--open/--no-open", "look", default=True, help="Open report and formgrader at its end, on a terminal."
)
@click.pass_context
def demo(context: click.Context, students: int, seed: int, folder: Path, look: bool) -> int:
    """Grade a class of invented learners.

    Their answers are right, unusual, wrong, late or blank by chance; since all is known of them, it says how
    many of the beliefs were found. Then the report opens, and formgrader until Ctrl-C. The folder is a course
    like any other: try every command in it.
    """
    from autograder.demo import compare, draw, hand_in, new_course
    from autograder.submission.course import CourseError
    from autograder.submission.root import find_course

    root = find_course(Path.cwd())
    try:
        course = new_course(root, folder)
    except (CourseError, OSError) as error:
        raise MistakeError(str(error)) from error
    drawn = draw(course, students, seed)
    hand_in(course, drawn)
    with contextlib.chdir(folder):
        status = context.invoke(grade)
        context.invoke(report)
    found = compare(course, drawn)
    lines = [
        f"{found.right} right answers, {found.passed} passed",
        f"{found.wrong} wrong ones: {found.failed} failed, {found.predicted} are predictions; "
        f"{found.nameable} have a name, {found.named} got a true one, {len(found.misnamed)} a false one",
        *found.misnamed,
    ]
    print_sections([("What is known of the answers, and what was found", lines)])
    page, desk = folder / "report.html", folder / "tools" / "lab.py"
    steps = [
        f"open {page}: what the class shows",
        f"cd {folder}; python -m autograder mark: the written answers, to be marked",
        f"make -C {folder} desk: all of it in formgrader",
    ]
    print_sections([("Next", steps)])
    if look and not status and sys.stdout.isatty() and desk.is_file():
        webbrowser.open(page.resolve().as_uri())
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, str(desk), "desk"])
    return int(status or 0)
