"""`mark`: the written answers."""

from __future__ import annotations

from pathlib import Path

import click

from autograder.commands import MistakeError, complete_assignment


@click.command()
@click.argument("assignment", required=False, metavar="[ASSIGNMENT]", shell_complete=complete_assignment)
@click.argument("question", required=False, metavar="[QUESTION]")
@click.option(
    "--browser/--no-browser", default=True, help="Open the page in a browser, or only say where it is."
)
def mark(assignment: str | None, question: str | None, browser: bool) -> None:
    """Mark the answers to a written question.

    It opens a page with all answers to one question, without names: tick the points, comment, save. Marks go
    into the gradebook at once, as formgrader's do; stop and go on whenever you like.

    \b
      python -m autograder mark                    the question, or a list of them
      python -m autograder mark 4 explain_skip     this one
    """
    from autograder.gradebook.session import GradebookError
    from autograder.marking.answers import Answers
    from autograder.marking.questions import find_questions
    from autograder.marking.server import serve
    from autograder.submission.course import Course, CourseError

    try:
        course = Course.open(Path.cwd())
        found, *others = find_questions(course, assignment, question)
        if others:
            print("Marked by hand are these; name one:")
            for one in (found, *others):
                print(f"  python -m autograder mark {one.assignment} {one.name}")
            return
        answers = Answers(course, found)
        print(f"{found.assignment}: {found.name}: {answers.open()}")
        serve(answers, browser=browser, say=lambda line: print(line, flush=True))
        print(f"\n{answers.open()}; what was saved is in the gradebook, and")
        print(f"'python -m autograder grade {found.assignment}' puts it into the feedback pages.")
    except (CourseError, GradebookError) as error:
        raise MistakeError(str(error)) from error
