"""Who is who: an LMS's names and numbers, a roster's columns, and the ids of this course.

Nobody is guessed: of two that fit, neither does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol
from unicodedata import combining, normalize

from autograder.files import one_form
from autograder.names import plain
from autograder.roster.sheets import IDS, SheetError, read_sheet

Key = tuple[str, str]
ROSTER = "roster.csv"  # the course's own, in its root
NOBODY = "nobody of that name or number is known"


class Called(Protocol):
    """Somebody as an LMS calls them: a name, a number and an address, empty where it has none."""

    @property
    def lms(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def number(self) -> str: ...
    @property
    def email(self) -> str: ...


@dataclass(frozen=True)
class Person:
    """A learner, or a line of a table: an id, where it has one, and what is told by role (`sheets.ROLES`)."""

    learner: str
    told: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def keys(self) -> frozenset[Key]:
        """What tells this one from others. An id may be a login, a number, or the start of an address."""
        found = {(role, fold(self.told[role])) for role in IDS if role in self.told}
        if self.learner:
            roles = ("learner", "login", "sid", "email", "local")
            found |= {(role, fold(self.learner)) for role in roles}
        return frozenset(found | {("local", text.partition("@")[0]) for _, text in found if "@" in text})

    @cached_property
    def names(self) -> frozenset[str]:
        """The name in each order of its words, without accents: "Öz, Ana" is `anaoz` and `ozana`."""
        lines = [self.told.get("name", "").replace(",", " ").split(), self._parts]
        orders = ((*words[at:], *words[:at]) for words in lines for at in range(len(words)))
        return frozenset(plain("".join(words)) for words in orders) - {""}

    @property
    def _parts(self) -> list[str]:
        """First and last name by words, where both are told."""
        parts = [self.told.get("first", ""), self.told.get("last", "")]
        return " ".join(parts).split() if all(parts) else []

    @property
    def shown(self) -> str:
        """A name to print."""
        name = " ".join(self._parts) or self.told.get("name") or self.learner
        return name or next(iter(self.told.values()), "")


class People:
    """Persons, to be found by what somebody else calls them."""

    def __init__(self, persons: Iterable[Person]) -> None:
        self.persons = list(persons)
        self._by: dict[Key, list[Person]] = {}
        for person in self.persons:
            for key in (*person.keys, *(("name", name) for name in person.names)):
                self._by.setdefault(key, []).append(person)

    def find(self, keys: Iterable[Key], names: Iterable[str]) -> tuple[Person | None, str]:
        """The one who is meant, or why there is none."""
        keys, names = {*keys} & self._by.keys(), {*names}
        exact = self._all(key for key in keys if key[0] != "local")
        by_key, by_name = exact or self._all(keys), self._all(("name", name) for name in names)
        both = [person for person in by_key if person in by_name]
        if by_key and by_name and not both:
            return None, f"the number is that of {_shown(by_key)}, the name that of {_shown(by_name)}"
        some = both or by_key or by_name
        if len(some) != 1:
            return None, f"{len(some)} learners fit: {_shown(some)}" if some else NOBODY
        if {role for role, _ in keys} == {"moodle"} and not both and names and some[0].names:
            # Moodle counts participants anew in each assignment: a number alone says little.
            return None, f"the number is that of {_shown(some)}, the name is not"
        return some[0], ""

    def whose(self, one: Called) -> tuple[Person | None, str]:
        """Whose a submission is, or why that cannot be told."""
        number, email = fold(one.number), fold(one.email)
        roles = (one.lms,) if one.lms in ("moodle", "canvas") else ("learner", "login", "sid", "email")
        keys = {(role, text) for role in roles for text in (number, email) if text}
        found, why = self.find(keys, {plain(one.name)} - {""})
        if found is None and one.lms == "moodle":
            for sign in (" ", "-"):  # some put the username first, or the group: both parts have to fit
                before, _, rest = one.name.partition(sign)
                by_name = self._all([("name", plain(rest))])
                some = [p for p in self._all([*keys, ("login", fold(before))]) if p in by_name]
                if len(some) == 1:
                    return some[0], ""
        return found, why

    def _all(self, keys: Iterable[Key]) -> list[Person]:
        found: list[Person] = []
        for key in keys:
            found += [person for person in self._by.get(key, ()) if person not in found]
        return found


def fold(text: str) -> str:
    """A word by which somebody is looked up."""
    return one_form(text).casefold()


def _shown(persons: list[Person]) -> str:
    return " and ".join(sorted(person.learner or person.shown for person in persons)[:3])


def read_roster(path: Path) -> tuple[People, str, list[str]]:
    """Who is in a roster, by which column they are told apart, and whom that leaves out.

    Raises:
        SheetError: it cannot be read, or no column tells learners apart.
    """
    sheet = read_sheet(path)
    rows = [told for row in sheet.rows if (told := sheet.cells(row))]
    role = next((role for role in IDS if 2 * sum(role in told for told in rows) > len(rows)), None)
    if role is None:
        raise SheetError(
            f"{path}: expected a column that tells learners apart, such as learner, username, ID number or "
            f"email; got {', '.join(sheet.header)[:200]}"
        )
    persons: dict[str, Person] = {}
    column, left = sheet.header[sheet.roles[role]], []
    for told in rows:
        learner = one_form(told.get(role, ""))
        if problem := unfit(learner) if learner else f"nothing in the column {column!r}":
            left.append(f"{Person('', told).shown}: {problem}")
        else:
            earlier = persons.get(learner, Person("")).told
            persons[learner] = Person(learner, {**told, **earlier})
    return People(persons.values()), column, left


def unfit(learner: str) -> str:
    """Why this cannot be a learner's id, or the empty text: it names a folder, and goes into pages."""
    if not learner or learner != learner.strip() or learner[0] == "." or {*learner} & {*'<>"\\/'}:
        return f'{learner!r} cannot be an id: it is empty, or has < > " \\ /, an outer space or a dot first'
    if not learner.isprintable() or len(learner) > 128 or len(learner.encode()) > 250:
        return "this cannot be an id: it has control characters, or more than 128 in all"
    return ""


def derived_id(one: Called) -> str:
    """An id for somebody of whom no roster tells: made of the LMS's own number or name."""
    if one.lms == "canvas":
        return f"{slug(one.name) or 'anon'}_{one.number}"
    return slug(one.name) if one.lms == "moodle" else one.number or one.email or slug(one.name)


def slug(name: str) -> str:
    """A name as a folder: small letters and figures, without accents, joined by `_`."""
    letters = (sign for sign in normalize("NFKD", name) if not combining(sign))
    return "_".join("".join(sign if sign.isalnum() else " " for sign in letters).casefold().split())
