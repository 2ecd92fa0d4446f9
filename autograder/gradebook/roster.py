"""The names of a class, from `roster.csv` in the course root: formgrader and the marking page show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from nbgrader.api import Student
from sqlalchemy.orm import Session

from autograder.files import one_form
from autograder.gradebook.session import GradebookError
from autograder.roster.people import ROSTER, Person, read_roster
from autograder.roster.sheets import SheetError


def names_of(root: Path) -> dict[str, dict[str, str]]:
    """By id, in its one Unicode form, what nbgrader keeps of a learner, as far as the roster has it.

    Raises:
        GradebookError: it is no roster; one line says why.
    """
    path = root / ROSTER
    if not path.exists():
        return {}
    try:
        people, _, _ = read_roster(path)
    except SheetError as error:
        raise GradebookError(str(error)) from error
    return {person.learner: dict(_kept(person)) for person in people.persons}


def _kept(person: Person) -> Iterable[tuple[str, str]]:
    told = person.told
    first, last = told.get("first", ""), told.get("last", "")
    if not (first or last):
        first, last = "", told.get("name", "")
    kept = (("first_name", first), ("last_name", last), ("email", told.get("email", "")))
    return [(name, text) for name, text in kept if text]


def name_students(db: Session, roster: Mapping[str, Mapping[str, str]]) -> None:
    """Give the gradebook's learners the names of the roster; where that has none, what is there stays."""
    for student in db.query(Student):
        for name, text in roster.get(one_form(student.id), {}).items():
            if getattr(student, name) != text:
                setattr(student, name, text)
