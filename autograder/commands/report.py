"""`report`: what a class shows, as a page and as data."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from autograder.commands import MistakeError, complete_assignment, course_root

_file = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("assignments", nargs=-1, metavar="[ASSIGNMENT]...", shell_complete=complete_assignment)
@click.option("--html", "html_file", type=_file, metavar="FILE", help="Where the page goes (report.html).")
@click.option("--csv", "csv_file", type=_file, metavar="FILE", help="Write one row a learner and exercise.")
@click.option("--json", "json_file", type=_file, metavar="FILE", help="Write all that the page shows.")
@click.option(
    "--pseudonyms", is_flag=True, help="Invented names, the same in every report, for all learners."
)
def report(
    assignments: tuple[str, ...],
    html_file: Path | None,
    csv_file: Path | None,
    json_file: Path | None,
    pseudonyms: bool,
) -> None:
    """See what the class solved and believes, and what to teach again.

    It reads the gradebook and the verdicts of the last grade run, and changes nothing. Without a FILE, the
    page is report.html; with --csv or --json alone, no page is written.

    \b
      python -m autograder report                      all lessons, in report.html
      python -m autograder report 1 2 --pseudonyms     two lessons, to be shown around
    """
    from autograder.files import write_whole
    from autograder.gradebook.book import SAY_AFTER, ReadGradebook
    from autograder.gradebook.session import GradebookError, wait_for_locks
    from autograder.report.figures import figures, rows
    from autograder.report.gather import gather
    from autograder.report.page import as_html, as_json
    from autograder.submission.course import Course, CourseError

    if not (html_file or csv_file or json_file):
        html_file = Path("report.html")
    files = [file for file in (html_file, csv_file, json_file) if file]
    if nowhere := [file for file in files if not file.resolve().parent.is_dir()]:
        raise MistakeError(f"{nowhere[0]}: there is no such folder")
    if len({file.resolve() for file in files}) < len(files):
        raise MistakeError("--html, --csv and --json want a file each; two of them name the same")
    try:
        course = Course.open(course_root(), keep=False)
        names = course.assignments(assignments) or list(course.masters)
        book = ReadGradebook(course.root)
        wait_for_locks(SAY_AFTER)
        gathered = gather(course, book, names, pseudonyms=pseudonyms)
    except (CourseError, GradebookError) as error:
        raise MistakeError(str(error)) from error
    if not gathered.rows:
        raise MistakeError(
            f"nothing of {', '.join(names)} has been graded yet: run python -m autograder grade first"
        )
    found, made = figures(gathered, pseudonyms=pseudonyms), datetime.now()
    page, table, data = as_html(found, made), rows(gathered), as_json(found, made)
    for where, text in ((html_file, page), (csv_file, table), (json_file, data)):
        if where:
            try:
                write_whole(where, text, mode=0o600)
            except OSError as error:
                raise MistakeError(f"{where} cannot be written: {error.strerror}") from error
            print(f"{where} is written" + ("; open it in a browser" if where == html_file else ""))
