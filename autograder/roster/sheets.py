"""Tables of learners as an LMS or a person wrote them: read by their headers, written as they came."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from autograder.files import UnfitFileError, regular_bytes, write_whole
from autograder.names import plain

MOST_SHEET = 50_000_000  # bytes

# What a column holds, by its header's letters and figures; the first that is filled tells learners apart.
ROLES = {
    "learner": "learner learnerid nbgraderid",
    "login": "username user login loginid sisloginid uid netid uniqname accountname benutzername anmeldename"
    " nutzername kennung benutzerkennung identifiant nomdutilisateur nombredeusuario usuario",
    "sid": "sid studentid studentnumber studentno idnumber sisuserid sisid matriculationnumber matriculation"
    " matrikelnummer matrikelnr matrnr matrikel idnummer numerodidentification numerodeid",
    "email": "email emailaddress emailadresse mail mailadresse adressedecourriel direcciondecorreo emailid",
    "canvas": "canvasid canvasuserid",
    "moodle": "identifier participant participantid participantnumber teilnehmernummer",
    "first": "firstname first givenname givennames forename vorname prenom nombre",
    "last": "lastname last surname familyname nachname familienname nom apellidos apellido",
    "name": "name fullname student studentname learnername displayname sortablename vollstandigername"
    " nomcomplet nombrecompleto",
}
_ROLE = {header: role for role, headers in ROLES.items() for header in headers.split()}
IDS = ("learner", "login", "sid", "email", "canvas", "moodle")
_NOBODY = ("points possible", "student, test", "test student")  # Canvas's own lines
_DEFUSED = re.compile(r"^'(?=[=+\-@])")
_PARTICIPANT = re.compile(r"(partic|partec|teilnehm|deelnem)\D*\d+", re.IGNORECASE)


class SheetError(Exception):
    """A table that cannot be used. One line: what was expected, what came, what to do."""


@dataclass(frozen=True)
class Sheet:
    """A table with a header, and how it was written."""

    header: list[str]
    rows: list[list[str]]
    delimiter: str = ","
    encoding: str = "utf-8"
    newline: str = "\r\n"

    @cached_property
    def roles(self) -> dict[str, int]:
        """The column of each role; where two have one, the first."""
        found: dict[str, int] = {}
        headers = [plain(title) for title in self.header]
        of_canvas = {"student", "sisloginid", "sisuserid"} & {*headers}
        for column, title in enumerate(headers):
            role = _ROLE.get(title, "")
            if title == "id":
                role = "canvas" if of_canvas else "moodle" if self._has_participants(column) else "learner"
            if title == "name" and {"vorname", "firstname", "prenom", "givenname"} & {*headers}:
                role = "last"
            if role:
                found.setdefault(role, column)
        return found

    def _has_participants(self, column: int) -> bool:
        values = [row[column] for row in self.rows if len(row) > column and row[column]]
        return bool(values) and all(_PARTICIPANT.fullmatch(value) for value in values)

    def cells(self, row: list[str]) -> dict[str, str]:
        """What a row says of a learner, by role; nothing for the rows that an LMS adds to its own."""
        told = {role: row[column].strip() for role, column in self.roles.items() if column < len(row)}
        told = {role: _DEFUSED.sub("", text) for role, text in told.items() if text not in ("", "-")}
        last, comma, first = told.get("name", "").partition(", ")
        if comma and not {"first", "last"} & told.keys():
            told |= {"first": first, "last": last}
        if "moodle" in told and (digits := re.search(r"\d+$", told["moodle"])):
            told["moodle"] = digits[0]
        return {} if told.get("name", "").casefold().startswith(_NOBODY) else told

    def write(self, path: Path) -> None:
        """Write it whole, as it came; what a spreadsheet would run as a formula in a name is made a text."""
        names = [column for role, column in self.roles.items() if role in ("first", "last", "name")]
        lines = io.StringIO()
        writer = csv.writer(lines, delimiter=self.delimiter, lineterminator=self.newline)
        writer.writerow(self.header)
        for row in self.rows:
            writer.writerow([defused(text) if n in names else text for n, text in enumerate(row)])
        write_whole(path, lines.getvalue().encode(self.encoding, errors="replace"), mode=0o600)


def defused(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def read_sheet(path: Path) -> Sheet:
    """A CSV file with `,`, `;` or tabs, in UTF-8, UTF-16 or Windows's encoding.

    Raises:
        SheetError: it is none.
    """
    try:
        raw = regular_bytes(path, MOST_SHEET)
    except UnfitFileError as error:
        raise SheetError(f"{path}: {error}") from None
    if raw.startswith(b"PK"):
        raise SheetError(f"{path}: expected a CSV file, got a workbook; save it as CSV")
    text, encoding = _decoded(raw)
    try:
        first = next(iter(text.splitlines()), "")
        delimiter = max(",;\t", key=first.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        lines = [line for line in reader if any(line)]
    except csv.Error as error:
        raise SheetError(f"{path}: expected a CSV file, got what is none ({error})") from None
    if not lines:
        raise SheetError(f"{path}: expected a header and a line for each learner, got an empty file")
    newline = "\r\n" if "\r\n" in text else "\n"
    return Sheet(lines[0], lines[1:], delimiter, encoding, newline)


def _decoded(raw: bytes) -> tuple[str, str]:
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if raw.startswith(mark):
            return raw.decode(encoding, errors="replace"), encoding
    for encoding in ("utf-8", "cp1252"):
        try:
            return raw.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1"), "latin-1"


def filled(sheet: Sheet, column: int, values: dict[int, str]) -> Sheet:
    """The same with these texts in one column, by row."""
    rows = []
    for number, row in enumerate(sheet.rows):
        row = [*row, *[""] * (column + 1 - len(row))]
        if number in values:
            row[column] = values[number]
        rows.append(row)
    return replace(sheet, rows=rows)
