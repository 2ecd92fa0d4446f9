"""Marks out of nbgrader's gradebook, in the columns that an LMS imports.

Only what is marked becomes a number: where somebody still has to look, or nothing was handed in, the cell
stays as it is in their sheet, or empty. Zero is a mark, and nobody has given it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.gradebook.book import ReadGradebook
from autograder.lms import LmsError, few
from autograder.lms.remembered import Remembered
from autograder.names import did_you_mean, plain
from autograder.roster.people import NOBODY, People, Person
from autograder.roster.sheets import Sheet, SheetError, filled, read_sheet

# What the one column of marks is called in a sheet of one assignment, such as Moodle's grading worksheet.
_GRADE = {"grade", "bewertung", "note", "calificacion", "nota", "cijfer", "points", "punkte", "score"}
# Columns that an LMS works out, or that hold something else about the same assignment.
_NO_MARK = re.compile(
    r"\b(Current|Final|Override) (Score|Points|Grade|Status)\b|\((Feedback|Letter|Percentage|Prozentsatz)\)"
)
# The columns of a sheet of ours, by what they hold of a learner (`sheets.ROLES`).
_CANVAS = {"name": "Student", "canvas": "ID", "sid": "SIS User ID", "login": "SIS Login ID", "": "Section"}
_MOODLE = {"login": "Username", "sid": "ID number", "email": "Email address"}
_SHAPES = {
    "canvas": _CANVAS,
    "moodle": {**_MOODLE, "first": "First name", "last": "Last name"},
    "csv": {"learner": "learner", "last": "last name", "first": "first name", "email": "email"},
}


_TOTAL = "total in percent"


@dataclass(frozen=True)
class Marks:
    """One assignment's: the texts of cells by learner, who still waits for some, and what it is out of."""

    texts: Mapping[str, str]
    waiting: Sequence[str]
    most: float


@dataclass
class Exported:
    """The sheet to write, and what to say about it."""

    sheet: Sheet
    assignments: list[str] = field(default_factory=list)
    written: int = 0
    sections: list[tuple[str, list[str]]] = field(default_factory=list)

    def say(self, title: str, who: Sequence[str]) -> None:
        if who:
            self.sections.append((f"{title} ({len(who)}):", [few(sorted(who))]))


def read_marks_of(book: ReadGradebook, assignments: Sequence[str]) -> dict[str, Marks]:
    """What the gradebook holds of those assignments of which something is graded.

    Raises:
        LmsError: of none is.
        GradebookError: it cannot be read.
    """
    found = {}
    for name in assignments:
        graded = {learner: one for learner, one in book.recorded(name).items() if one.graded or one.waits}
        waiting = [learner for learner, one in graded.items() if one.waits]
        done = {learner: book.settled(learner, one) for learner, one in graded.items() if not one.waits}
        texts = {learner: f"{round(points, 2):.10g}" for learner, points in done.items()}
        most = max((sum(mark.most for mark in one.marks.values()) for one in graded.values()), default=0.0)
        if graded:
            found[name] = Marks(texts, waiting, most)
    if not found:
        raise LmsError(f"nothing of {few(assignments)} is graded yet; run python -m autograder grade first")
    return found


def export(
    book: ReadGradebook,
    remembered: Remembered,
    roster: People | None,
    marks: Mapping[str, Marks],
    kind: str,
    theirs: Path | None,
    column: str | None,
    named: bool,
    weights: Mapping[str, float],
) -> Exported:
    """Marks in a sheet of `kind`: `canvas`, `moodle` or `csv`; or in the one that an LMS exported.

    Of assignments that nobody `named`, those without a column there are left out. A sheet `csv` of several
    has their total, by `weights`.

    Raises:
        LmsError: `theirs` cannot be read, or does not say which column is meant.
    """
    known = {learner for one in marks.values() for learner in (*one.texts, *one.waiting)}
    persons = _persons(book, remembered, roster, sorted(known))
    if theirs:
        done = _in_theirs(read_sheet(theirs), theirs, persons, marks, remembered, column, named)
    else:
        everybody = {person.learner: person for person in (*(roster.persons if roster else ()), *persons)}
        known = {*everybody}
        totals = _totals(marks, weights) if kind == "csv" and len(marks) > 1 else None
        sheet = _of_ours([everybody[one] for one in sorted(everybody)], marks, kind, totals)
        done = Exported(sheet, [*marks])
        some = [one for one in totals or () if any(one not in each.texts for each in marks.values())]
        done.say("in the total, what was not handed in counts 0", some)
        done.written = sum(len(one.texts) for one in marks.values())
        if kind == "canvas":
            without = [person.learner for person in persons if "canvas" not in person.told]
            done.say("without a known Canvas ID: Canvas goes by SIS Login ID, then by name", without)
    for name in done.assignments:
        done.say(f"{name}: not marked yet, so no number", marks[name].waiting)
        nothing = known - marks[name].texts.keys() - {*marks[name].waiting}
        done.say(f"{name}: nothing handed in, so no number", [*nothing])
    return done


def _persons(
    book: ReadGradebook, remembered: Remembered, roster: People | None, learners: Sequence[str]
) -> list[Person]:
    """What is known of these learners: by the roster, the gradebook, the names under which files came."""
    students = book.students()
    rows = {person.learner: person.told for person in roster.persons} if roster else {}
    roles = {"canvas": "canvas", "blackboard": "login", "gradescope": "sid"}
    persons = []
    for learner in learners:
        told: dict[str, str] = {}
        for came in remembered.of_learner(learner):
            pairs = (("name", came.name), (roles.get(came.lms, ""), came.number))
            told |= {role: text for role, text in pairs if role and text}
        persons.append(Person(learner, {**told, **students.get(learner, {}), **rows.get(learner, {})}))
    return persons


def _totals(marks: Mapping[str, Marks], weights: Mapping[str, float]) -> dict[str, str]:
    """In percent by learner, of whom nothing waits: what was not handed in counts 0.

    An assignment weighs what `weights` says, or else its points.
    """
    weigh = {name: weights.get(name, one.most) for name, one in marks.items() if one.most}
    whole = sum(weigh.values())
    learners = {learner for one in marks.values() for learner in one.texts} if whole else set()
    learners -= {learner for name, weight in weigh.items() if weight for learner in marks[name].waiting}

    def total(learner: str) -> float:
        shares = {name: float(marks[name].texts.get(learner, 0)) / marks[name].most for name in weigh}
        return 100 * math.fsum(weigh[name] * share for name, share in shares.items()) / whole

    return {learner: f"{round(total(learner), 2):.10g}" for learner in learners}


def _of_ours(
    persons: Sequence[Person], marks: Mapping[str, Marks], kind: str, totals: Mapping[str, str] | None
) -> Sheet:
    shape, rows = _SHAPES[kind], []
    if kind == "canvas":
        most = [f"{one.most:g}" for one in marks.values()]
        rows.append(["    Points Possible", *[""] * (len(shape) - 1), *most])
    for person in persons:
        told = {"learner": person.learner, "login": person.learner, **person.told, "name": person.shown}
        texts = [one.texts.get(person.learner, "") for one in marks.values()]
        total = [] if totals is None else [totals.get(person.learner, "")]
        rows.append([*(told.get(role, "") for role in shape), *texts, *total])
    return Sheet([*shape.values(), *marks, *([] if totals is None else [_TOTAL])], rows)


def _in_theirs(
    sheet: Sheet,
    path: Path,
    persons: Sequence[Person],
    marks: Mapping[str, Marks],
    remembered: Remembered,
    column: str | None,
    named: bool,
) -> Exported:
    lines = {number: told for number, row in enumerate(sheet.rows) if (told := sheet.cells(row))}
    rows = [Person("", {**told, "line": f"{number}"}) for number, told in lines.items()]
    done, index, unknown = Exported(sheet), People(rows), []
    found: dict[str, int] = {}
    for person in persons:
        keys = {(role, text) for role, text in person.keys if role != "moodle"}
        for name in marks:  # Moodle's numbers hold for one assignment
            came = remembered.came.get(name, {}).get(person.learner)
            if came and came.lms == "moodle" and len(marks) == 1:
                keys.add(("moodle", came.number))
        row, why = index.find(keys, person.names)
        if row:
            found[person.learner] = int(row.told["line"])
        else:
            unknown.append(person.learner if why == NOBODY else f"{person.learner} ({why})")
    twice = {number for number, times in Counter(found.values()).items() if times > 1}
    unknown += [f"{one} (so does another learner fit its line)" for one in found if found[one] in twice]
    found = {learner: number for learner, number in found.items() if number not in twice}
    shown = {number: Person("", told).shown for number, told in lines.items()}
    for name, one in marks.items():
        try:
            place = _column(sheet, path, name, column, alone=len(marks) == 1)
        except SheetError:
            if named or (name == [*marks][-1] and not done.assignments):
                raise
            done.sections.append((f"{name} is left out: no column of {path.name} is named after it", []))
            continue
        done.assignments.append(name)
        before = [row[place].strip() if place < len(row) else "" for row in sheet.rows]
        texts = {found[learner]: text for learner, text in one.texts.items() if learner in found}
        excused = [number for number in texts if before[number].casefold() == "ex"]
        texts = {number: text for number, text in texts.items() if number not in excused}
        other = [number for number, text in texts.items() if _differs(before[number], text)]
        done.sheet = filled(done.sheet, place, texts)
        done.written += len(texts)
        done.say(f"{name}: excused there, and left so", [shown[number] for number in excused])
        changed = [f"{shown[number]} {before[number]} → {texts[number]}" for number in other]
        done.say(f"{name}: another mark stood there", changed)
        if (most := _most(sheet, place)) and _differs(most, f"{one.most:g}"):
            text = f"{name} is out of {one.most:g} here and of {most} there: points are written as they are"
            done.sections.append((text, []))
    done.say(f"marked here, but in no line of {path.name}", unknown)
    nobody = [name for number, name in shown.items() if number not in {*found.values()}]
    done.say(f"in {path.name}, but without marks here", nobody)
    return done


def _column(sheet: Sheet, path: Path, assignment: str, given: str | None, *, alone: bool) -> int:
    """The one column of an assignment."""
    told = {*sheet.roles.values()}
    titles = {n: text for n, text in enumerate(sheet.header) if n not in told and not _NO_MARK.search(text)}
    if given is not None:
        found = [number for number, title in titles.items() if title == given]
        problem = f"no column is called {given!r}; {did_you_mean(given, [*titles.values()])}"
    else:
        name = plain(re.sub(r"^\d+_", "", assignment))
        found = [number for number, title in titles.items() if name in plain(title)]
        if not found and alone:
            found = [number for number, title in titles.items() if plain(title) in _GRADE]
        some = f"{len(found)} columns are" if found else "no column is"
        problem = f"{some} named after {assignment}; name one assignment, and --column TITLE for it"
    if len(found) == 1:
        return found[0]
    raise SheetError(f"{path}: {problem}; there are {few(list(titles.values())) or 'none'}")


def _most(sheet: Sheet, column: int) -> str:
    """What a column is out of, by Canvas's line or Moodle's own column for it; or nothing."""
    for row in sheet.rows:
        if row[0].strip().casefold().startswith("points possible") and column < len(row):
            return row[column].strip()
    titles = [plain(title) for title in sheet.header]
    at = titles.index("maximumgrade") if "maximumgrade" in titles else len(titles)
    return next((row[at].strip() for row in sheet.rows if len(row) > at), "")


def _differs(before: str, after: str) -> bool:
    """Whether a cell holds another number; nothing and `-` are none, and `7,50` is 7.5."""
    try:
        return before not in ("", "-") and round(float(before.replace(",", ".")), 2) != float(after)
    except ValueError:
        return True
