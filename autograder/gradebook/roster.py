"""The names of a class, from `roster.csv` in the course root: formgrader and the marking page show them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from nbgrader.api import Student
from sqlalchemy.orm import Session

from autograder.files import UnfitFileError, one_form, regular_bytes
from autograder.gradebook.session import GradebookError

ROSTER = "roster.csv"
NAMES = ("first_name", "last_name", "email")
MOST_BYTES = 5_000_000


def read_roster(root: Path) -> dict[str, dict[str, str]]:
    """By id, in its one Unicode form, the names that the roster has; nothing where there is no roster.

    Raises:
        GradebookError: it is no roster, or has somebody twice; one line says where.
    """
    path = root / ROSTER
    if not path.exists():
        return {}
    found: dict[str, dict[str, str]] = {}
    try:
        lines = csv.DictReader(regular_bytes(path, MOST_BYTES).decode("utf-8-sig").splitlines())
        if "id" not in (lines.fieldnames or ()):
            there = ",".join(lines.fieldnames or ()) or "nothing"
            raise GradebookError(f"{ROSTER}: expected the header id,{','.join(NAMES)}, got {there[:200]}")
        for line in lines:
            learner = one_form((line["id"] or "").strip())
            if learner in found:
                raise GradebookError(f"{ROSTER}, line {lines.line_num}: {learner} is there twice; leave one")
            if learner:
                found[learner] = {name: text for name in NAMES if (text := (line.get(name) or "").strip())}
    except UnicodeDecodeError as error:
        raise GradebookError(f"{ROSTER}: expected UTF-8, got something else; save it as UTF-8") from error
    except (UnfitFileError, csv.Error) as error:
        raise GradebookError(f"{ROSTER}: {error}") from error
    return found


def name_students(db: Session, roster: Mapping[str, Mapping[str, str]]) -> None:
    """Give the gradebook's learners the names of the roster; where that has none, what is there stays."""
    for student in db.query(Student):
        for name, text in roster.get(one_form(student.id), {}).items():
            if getattr(student, name) != text:
                setattr(student, name, text)
