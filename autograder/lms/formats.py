"""How Moodle, Canvas, Blackboard and Gradescope name what they hand out, and whose it is by these names.

Read from their sources where these are public (Moodle's `mod_assign\\downloader`, Canvas's `ContentZipper`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import yaml

from autograder.files import UnfitFileError, one_form
from autograder.lms.archives import ArchiveError, Member

MOST_METADATA = 50_000_000  # bytes, of Gradescope's list
METADATA = "submission_metadata.yml"

_MOODLE = re.compile(r"(?P<name>[^_]*)_(?P<number>\d+)_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?")
_LATE, _FILE = r"(?:(?P<late>LATE)_)?", r"(?:(?P<upload>\d+)_(?P<file>.+)|(?P<typed>text|link)\.html)"
_CANVAS = (
    re.compile(rf"{_LATE}anon_(?P<number>\w+?)_{_FILE}"),
    re.compile(rf"anon_(?P<number>\w+?)_{_LATE}{_FILE}"),
    re.compile(rf"(?P<name>\w+?)_{_LATE}(?P<number>\d+)_{_FILE}"),
)
_BLACKBOARD = re.compile(r".+?_(?P<number>[^_]+)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)")
_RECORD = re.compile(r"[^:\n]{1,40}: (?P<name>[^\n]{1,200}) \((?P<number>[^()\n]{1,100})\)\s*\n")
_TYPED = "text or a link was typed into the LMS, no file"


@dataclass
class Delivered:
    """What one learner, or a group, handed in by one LMS's word.

    `number` is the LMS's own word for the learner. `came_as` is what it wants back: what stands before the
    name of a file (Moodle), or the whole name of one (Canvas). `order` grows from one submission to the next
    where no `time` is told. `files` are pairs of the learner's own name of a file and the file.
    """

    lms: str
    name: str = ""
    number: str = ""
    email: str = ""
    came_as: str = ""
    late: bool = False
    time: datetime | None = None
    order: int = 0
    files: list[tuple[str, Member]] = field(default_factory=list)

    @property
    def shown(self) -> str:
        number = self.number or self.email
        return f"{self.name} ({number})" if self.name and number else self.name or number


@dataclass
class Delivery:
    """What an LMS handed out: whose it is, and what was left, with the reason."""

    lms: str
    submissions: list[Delivered]
    left: list[str]


def read_delivery(members: Sequence[Member]) -> Delivery | None:
    """What lies in a zip by the names that an LMS gives; None where no LMS names files so.

    A learner may call a file as another LMS would: the LMS is the one whose names most files have.

    Raises:
        ArchiveError: Gradescope's list cannot be read, or two LMSs may have named the files so.
    """
    members = [one for one in members if not any(part.startswith((".", "__MACOSX")) for part in one.parts)]
    for metadata in [member for member in members if member.parts[-1] == METADATA]:
        above = metadata.parts[:-1]
        if any(map(_MOODLE.fullmatch, above)):
            continue
        if all(member.parts[: len(above)] == above for member in members):
            return _gradescope(members, metadata)
    read = {lms: _by_names(lms, reader, members) for lms, reader in _READERS.items()}
    lms = max(read, key=lambda one: read[one][0])
    most, delivery = read[lms]
    if lms == "canvas" and read["blackboard"][0] == most and _is_blackboards(members):
        delivery = read["blackboard"][1]
    return delivery if most else None


def _is_blackboards(members: Sequence[Member]) -> bool:
    """Whether Blackboard has named these files, where Canvas may have: a title such as `HW_1_2` has its form.

    Canvas gives no two files of a learner one number; Blackboard has a text beside each, with the same title.

    Raises:
        ArchiveError: nobody can tell.
    """
    names = [one_form(member.parts[-1]) for member in members]
    uploads = [(told["number"], told["upload"]) for name in names if (told := _canvass(name))]
    if len(set(uploads)) < len(uploads):
        return True
    users = {told["number"] for name in names if (told := _BLACKBOARD.fullmatch(name))}
    if len(users) > 1 and len({number for number, _ in uploads}) == 1:
        raise ArchiveError(
            "these may be files of one learner in Canvas or of several in Blackboard; put those of each into "
            "submitted/LEARNER/ASSIGNMENT/ yourself"
        )
    return False


def _canvass(name: str) -> re.Match[str] | None:
    return next((match for pattern in _CANVAS if (match := pattern.fullmatch(name))), None)


def _by_names(lms: str, read: _Reader, members: Sequence[Member]) -> tuple[int, Delivery]:
    """What lies in a zip if it is this LMS's, and how many names are."""
    found: dict[Any, Delivered] = {}
    told = {member.path: read(member, found) for member in members}
    left = [
        f"{path}: {why or f'{lms.capitalize()} gives no file such a name'}"
        for path, why in told.items()
        if why != ""
    ]
    named = sum(why is not None for why in told.values())
    return named, Delivery(lms, _latest([*found.values()], left), left)


# Puts a member into what was found before; says why not, or None where the name is not this LMS's.
_Reader = Callable[[Member, dict[Any, Delivered]], str | None]


def _moodle(member: Member, found: dict[Any, Delivered]) -> str | None:
    for depth, part in enumerate(member.parts):
        if told := _MOODLE.fullmatch(part):
            inner = "/".join(member.parts[depth + 1 :])
            if told["kind"] != "file" or not (inner or told["file"]):
                return _TYPED
            name, number = one_form(told["name"]), told["number"]
            one = found.setdefault((name, number), Delivered("moodle", name, number))
            one.came_as = f"{part}/" if inner else part.removesuffix(told["file"])
            one.order = max(one.order, member.date)
            one.files.append((inner or told["file"], member))
            return ""
    return None


def _canvas(member: Member, found: dict[Any, Delivered]) -> str | None:
    file = one_form(member.parts[-1])
    match = _canvass(file)
    if match is None or match["typed"]:
        return _TYPED if match else None
    told = match.groupdict("")
    one = found.setdefault(told["number"], Delivered("canvas", told.get("name", ""), told["number"]))
    one.late = one.late or bool(told["late"])
    one.order = max(one.order, int(told["upload"]))  # Canvas counts uploads
    one.files.append((told["file"], member))
    if not one.came_as or ".ipynb" in file.lower():
        one.came_as = member.parts[-1]
    return ""


def _blackboard(member: Member, found: dict[Any, Delivered]) -> str | None:
    told = _BLACKBOARD.fullmatch(one_form(member.parts[-1]))
    try:  # it names a time without a zone, which is read as this machine's
        moment = datetime.strptime(told["time"], "%Y-%m-%d-%H-%M-%S").astimezone(UTC) if told else None
    except (ValueError, OverflowError, OSError):
        moment = None
    if told is None or moment is None:
        return None
    time = moment.replace(tzinfo=None)
    one = found.setdefault((told["number"], time), Delivered("blackboard", "", told["number"], time=time))
    if told["file"]:
        one.files.append((told["file"], member))
        return ""
    try:
        record = _RECORD.match(member.read(100_000).decode("utf-8-sig", errors="replace"))
    except UnfitFileError as error:
        return str(error)
    if record:
        one.name, one.number = one_form(record["name"]), record["number"]
    return ""


def _latest(found: list[Delivered], left: list[str]) -> list[Delivered]:
    """Of the attempts that tell their time, each learner's last one."""
    latest: dict[str, Delivered] = {}
    for one in sorted((one for one in found if one.time), key=lambda one: str(one.time)):
        if earlier := latest.get(one.number):
            left.append(f"{one.shown}: an earlier attempt, of {earlier.time} UTC")
        latest[one.number] = one
    return [one for one in found if one.time is None or latest[one.number] is one]


# Of those that fit equally well the first: in it, what a learner can choose of a name comes last.
_READERS: dict[str, _Reader] = {"moodle": _moodle, "canvas": _canvas, "blackboard": _blackboard}


def _gradescope(members: Sequence[Member], metadata: Member) -> Delivery:
    delivery = Delivery("gradescope", [], [])
    depth = len(metadata.parts) - 1
    folders: dict[str, list[tuple[str, Member]]] = {}
    for member in members:
        if member is not metadata:
            folder, *inner = member.parts[depth:]
            folders.setdefault(folder, []).append(("/".join(inner), member))
    for folder, told in _listed(metadata).items():
        files = folders.pop(folder, [])
        submitters = told.get(":submitters") if isinstance(told, dict) else None
        if not files or not isinstance(submitters, list):
            delivery.left.append(f"{folder}: {METADATA} names nobody, or no files, for it")
            continue
        time = _moment(told.get(":created_at"))
        for who in (one for one in submitters if isinstance(one, dict)):
            words = (one_form(str(who.get(f":{key}") or "")).strip() for key in ("name", "sid", "email"))
            name, sid, email = words
            one = Delivered("gradescope", name, sid, email, time=time, files=files)
            delivery.submissions.append(one)
    delivery.left += [f"{folder}: {METADATA} does not list it" for folder in folders]
    return delivery


def _moment(value: Any) -> datetime | None:
    """A time in UTC without a zone, in which YAML's are unless they say otherwise."""
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Plain values alone; what is an object of Ruby's is nothing here."""


_Loader.add_multi_constructor("", lambda *_: None)


def _listed(metadata: Member) -> dict[str, Any]:
    try:
        listed = yaml.load(metadata.read(MOST_METADATA), _Loader)
    except (yaml.YAMLError, UnfitFileError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())[:200]
        raise ArchiveError(f"Gradescope's {METADATA} cannot be read ({problem}); download it again") from None
    if not isinstance(listed, dict):
        raise ArchiveError(f"Gradescope's {METADATA} lists nothing; download it again")
    return {str(folder): told for folder, told in listed.items()}
