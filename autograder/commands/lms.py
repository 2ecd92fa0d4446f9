"""`collect`, `export`, `return` and `forget`: between the course and the learning-management system."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.commands import MistakeError, complete_assignment, course_root, one_line, print_sections, warn

if TYPE_CHECKING:
    from autograder.lms.collect import Taken
    from autograder.roster.people import People
    from autograder.submission.course import Course

LOCKED_SECONDS = 10.0  # for which another program may hold the gradebook while marks are read

_PATH = click.Path(path_type=Path)
_roster = click.option(
    "--roster",
    type=_PATH,
    metavar="CSV",
    help="Who is who: ids, names, emails, numbers, by its header (default: roster.csv, if there is one).",
)


@contextmanager
def _course(*, alone: bool = False) -> Iterator[Course]:
    """The course in this folder; what cannot be done becomes one line."""
    from autograder.class_run.alone import alone as the_only_one
    from autograder.gradebook.session import GradebookError
    from autograder.lms import LmsError
    from autograder.roster.sheets import SheetError
    from autograder.submission.course import Course, CourseError

    root = course_root()
    try:
        opened = Course.open(root)
        with the_only_one(root) if alone else nullcontext():
            yield opened
    except (CourseError, GradebookError, LmsError, SheetError) as error:
        raise MistakeError(str(error)) from error


def _people(root: Path, roster: Path | None) -> People | None:
    """Those of the roster that is given, or else of the course's own."""
    from autograder.roster.people import ROSTER, read_roster

    own = root / ROSTER
    if roster is None and not own.is_file():
        return None
    path = roster or own
    people, column, left = read_roster(path)
    print(one_line(f"{len(people.persons)} learners in {path}; their ids are its column {column!r}"))
    for line in left:
        warn(f"{path}: {line}")
    if not own.is_file():
        print(f"Keep it as {ROSTER} in the course root, and it is used each time")
    return people


def _one_of(**given: object) -> str:
    """The name of the one option that is given."""
    some = [f"--{name}" for name, value in given.items() if value]
    if len(some) != 1:
        expected = ", ".join(f"--{name}" for name in given)
        raise MistakeError(f"expected one of {expected}; got {' and '.join(some) or 'none'}")
    return some[0].removeprefix("--")


@click.command()
@click.argument("zips", nargs=-1, required=True, type=_PATH, metavar="ZIP...")
@click.option("--assignment", metavar="ASSIGNMENT", help="Which one it is, where no notebook's name tells.")
@_roster
@click.option("--replace", is_flag=True, help="Take what is in ZIP where nobody can tell which is newer.")
def collect(zips: tuple[Path, ...], assignment: str | None, roster: Path | None, replace: bool) -> int:
    """Put what an LMS hands out into submitted/.

    ZIP is what Moodle, Canvas, Blackboard or Gradescope give for "download all submissions", or the folder
    that your browser made of it. Files go to submitted/LEARNER/ASSIGNMENT/, with the time where the zip tells
    it. Without a roster, ids are made of the LMS's names or numbers.

    \b
    Nothing newer is overwritten, nobody is guessed, and all that was not taken is listed:
      python -m autograder collect ~/Downloads/submissions.zip
      python -m autograder collect moodle.zip --roster participants.csv --assignment 2
    """
    from autograder.lms.archives import ArchiveError
    from autograder.lms.collect import Collector
    from autograder.lms.remembered import Remembered

    refused: list[str] = []
    done: list[Taken] = []
    with _course(alone=True) as course:
        remembered = Remembered.of(course.root)
        people = _people(course.root, roster)
        name = course.assignments([assignment])[0] if assignment is not None else None
        collector = Collector(course, remembered, people, name, replace=replace)
        for path in zips:
            try:
                done += collector.take(path)
            except ArchiveError as error:
                refused.append(f"{path}: {error}")
        names = sorted({taken.assignment for taken in done})
        for taken in done:
            print_sections(_told(taken))
        if people:
            print_sections(_missing(course, people, names))
    if done and not people:
        some = ", ".join(done[0].ids[:2]) or "none"
        print(f"Ids are made of the LMS's own words, such as {some}; --roster CSV gives yours")
    if any(taken.how["new"] + taken.how["newer"] for taken in done):
        print(f"Next: python -m autograder grade {' '.join(names)}")
    for line in refused:
        click.echo(f"autograder collect: nothing was taken of {one_line(line)}", err=True)
    return 2 if refused else 0


def _told(taken: Taken) -> Iterator[tuple[str, list[str]]]:
    how = ", ".join(f"{number} {word}" for word, number in taken.how.items()) or "none"
    yield f"{taken.source} ({taken.lms.capitalize()}), {taken.assignment}: {how}", taken.notes
    if taken.left:
        yield f"Not taken ({len(taken.left)}):", taken.left


def _missing(course: Course, people: People, assignments: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    from autograder.files import spelt
    from autograder.lms import few

    ids = [person.learner for person in people.persons]
    for name in assignments:
        missing = [one for one in ids if not (spelt(course.root / "submitted", one) / name).is_dir()]
        if missing:
            yield f"Nothing of {name} from {len(missing)} of {len(ids)} learners: {few(missing)}", []


@click.command()
@click.argument("assignments", nargs=-1, metavar="[ASSIGNMENT]...", shell_complete=complete_assignment)
@click.option("--canvas", type=_PATH, metavar="FILE.csv", help="Write a sheet for Canvas's gradebook import.")
@click.option("--moodle", type=_PATH, metavar="FILE.csv", help="Write a sheet for Moodle's grade import.")
@click.option("--csv", "plain", type=_PATH, metavar="FILE.csv", help="Write a sheet for anybody.")
@click.option("--from", "theirs", type=_PATH, metavar="THEIRS.csv", help="Fill in the LMS's own sheet.")
@click.option("--column", metavar="TITLE", help="The column of that sheet, where no name tells.")
@_roster
@click.option("--overwrite", is_flag=True, help="Write over a file that is there already.")
def export(
    assignments: tuple[str, ...],
    canvas: Path | None,
    moodle: Path | None,
    plain: Path | None,
    theirs: Path | None,
    column: str | None,
    roster: Path | None,
    overwrite: bool,
) -> None:
    """Write marks in the columns that an LMS imports.

    They come from the gradebook, less what being late costs. Where something is not marked yet, or nothing
    was handed in, the cell stays empty: that is not zero.

    \b
    Best is the LMS's own sheet: its rows and columns stay, one column is filled in:
      python -m autograder export --canvas marks.csv --from exported-by-canvas.csv
      python -m autograder export 1 --moodle marks.csv --from grading-worksheet.csv
      python -m autograder export --csv marks.csv
    """
    from autograder.gradebook.book import ReadGradebook
    from autograder.gradebook.session import wait_for_locks
    from autograder.lms.export import export as make_export
    from autograder.lms.export import read_marks_of
    from autograder.lms.remembered import Remembered

    kind = _one_of(canvas=canvas, moodle=moodle, csv=plain)
    file = next(path for path in (canvas, moodle, plain) if path)
    if column and not theirs:
        raise MistakeError("--column is one of the sheet that --from names, and --from is missing")
    if file.is_dir() or not file.resolve().parent.is_dir():
        raise MistakeError(f"{file}: expected a file in a folder that exists")
    if theirs and file.resolve() == theirs.resolve():
        raise MistakeError(f"{file} is their sheet itself; write to another file, and keep theirs")
    if file.exists() and not overwrite:
        hint = "" if theirs else f"; if it is their sheet: --{kind} ANOTHER.csv --from {file}"
        raise MistakeError(f"{file} is there already; name another file, or add --overwrite{hint}")
    with _course() as course:
        remembered = Remembered.of(course.root)
        people = _people(course.root, roster)
        book = ReadGradebook(course.root)
        wait_for_locks(LOCKED_SECONDS)
        marks = read_marks_of(book, course.assignments(assignments) or list(course.masters))
        if column and len(marks) > 1:
            raise MistakeError(f"--column is one column, and {', '.join(marks)} are graded; name one of them")
        named, weights = bool(assignments), course.settings.weights
        done = make_export(book, remembered, people, marks, kind, theirs, column, named, weights)
        done.sheet.write(file)
    print(one_line(f"{file}: {done.written} marks of {', '.join(done.assignments)}"))
    print_sections(done.sections)


@click.command("return")
@click.argument("assignments", nargs=-1, metavar="[ASSIGNMENT]...", shell_complete=complete_assignment)
@click.option("--moodle", is_flag=True, help='A zip for "Upload multiple feedback files in a zip".')
@click.option("--canvas", is_flag=True, help='A zip for "Re-upload submissions".')
@click.option("--folder", is_flag=True, help="A folder with a page for each learner.")
def give_back(assignments: tuple[str, ...], moodle: bool, canvas: bool, folder: bool) -> None:
    """Pack the feedback pages for the LMS.

    They go into returned/, under the names under which `collect` took the submissions.

    \b
      python -m autograder return --moodle 1
      python -m autograder return --folder
    """
    from autograder.gradebook.feedback import FeedbackPages
    from autograder.lms import few
    from autograder.lms.remembered import Remembered
    from autograder.lms.returning import pack

    kind = _one_of(moodle=moodle, canvas=canvas, folder=folder)
    with _course() as course:
        written = {page.parent.name for page in (course.root / "feedback").glob("*/*/*.html")}
        names = course.assignments(assignments) or [name for name in course.masters if name in written]
        if missing := [name for name in names or course.masters if name not in written]:
            some = few(missing)
            raise MistakeError(f"no feedback page of {some} is there; run python -m autograder grade first")
        remembered, pages = Remembered.of(course.root), FeedbackPages(course.root)
        try:
            for name in names:
                packed = pack(course.root, remembered, name, kind, pages)
                print(
                    f"{packed.made.relative_to(course.root)}: {packed.pages} page{'s' * (packed.pages != 1)}"
                )
                print_sections((f"{why} ({len(who)}):", [few(who)]) for why, who in packed.left.items())
        finally:
            pages.close()
    print(_WHERE[kind])


_WHERE = {
    "moodle": 'In Moodle: the assignment, "Submissions", "Upload multiple feedback files in a zip"; the '
    'feedback type "Feedback files" has to be on.',
    "canvas": 'In Canvas: the assignment, "Re-upload submissions". Canvas shows a page under the name of the '
    "file that was handed in: tell learners to save it with the ending .html.",
    "folder": "A page holds one learner's marks: send each to its learner alone.",
}


@click.command()
@click.argument("learner", metavar="LEARNER")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(learner: str, yes: bool) -> None:
    """Remove one learner from the course, for good.

    That is what was handed in, graded and written back, verdicts, the gradebook's rows, and what `collect`
    remembers. It lists all of it, and asks.
    """
    from autograder.lms.forget import forget as remove
    from autograder.lms.forget import held
    from autograder.lms.remembered import Remembered

    with _course(alone=True) as course:
        remembered = Remembered.of(course.root)
        found = held(course.root, remembered, learner)
        print_sections([(f"Of {learner} the course holds:", found.lines(course.root))])
        try:
            sure = yes or click.confirm("Remove all of it, for good?")
        except click.Abort:
            sure = False
        if not sure:
            raise MistakeError("nothing was removed; --yes removes it without a question")
        remove(course.root, remembered, found, warn)
    print("Removed. Look yourself through what you downloaded or exported: zips, rosters, sheets, backups.")
