"""Answers as learners write them, right and wrong, one file an exercise: cells, which need not be whole.

A file holds many answers, each headed by a line that says what it is:

    # %% right NAME
    # %% wrong NAME -> DIAGNOSIS

Where more than one diagnosis names a true cause they are separated by `|`; `none` stands for no name at
all. A line `# roles: first=m.conv1, …` behind it says by hand which of the model's weights is which; it
is what the oracle goes by (see `tests/oracle.py`), and is left out where the attributes have the usual names.

An answer that begins indented stands in the first one of its file. Its first lines that set an attribute
take the place of the line that sets the same; then a method takes that of its namesake, and other lines the
place of the last line.

The answers were written before the judge was, and are not to be bent to it.
"""

from __future__ import annotations

import linecache
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from autograder.exercises import EXERCISES

_HEAD = re.compile(r"^# %% (right|wrong) ([\w-]+)(?: -> ([\w|-]+))?\n(?:# roles: (.+)\n)?", re.MULTILINE)
_SETS = re.compile(r"        self\.\w+ = ")


@dataclass(frozen=True)
class Answer:
    """One submission. `diagnoses` are the names that would be true of it; None: no name is given."""

    exercise: str
    name: str
    right: bool
    source: str
    diagnoses: frozenset[str | None] = frozenset({None})
    roles: str = ""

    @property
    def id(self) -> str:
        return f"{self.exercise}/{self.name}"

    def bound(self) -> Any:
        """Run the source as a notebook's cell would, and return what it binds to the exercise's symbol."""
        where = f"<answer {self.id}>"
        # So that inspect and tracebacks find the lines, as they do in a notebook.
        linecache.cache[where] = (len(self.source), None, self.source.splitlines(keepends=True), where)
        names: dict[str, Any] = {"__name__": "answer", "torch": torch, "nn": nn, "F": nn.functional}
        exec(compile(self.source, where, "exec"), names)
        return names[EXERCISES[self.exercise].symbol]


@cache
def answers() -> tuple[Answer, ...]:
    """All answers, in the order of the exercises and of the files."""
    return tuple(answer for exercise in EXERCISES for answer in _read(exercise))


def _read(exercise: str) -> list[Answer]:
    text = (Path(__file__).parent / f"{exercise}.txt").read_text(encoding="utf-8")
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    found: list[Answer] = []
    for head, end in zip(heads, ends, strict=True):
        kind, name, named, roles = head.groups()
        if (kind == "wrong") != bool(named):
            raise ValueError(f"{exercise}/{name}: a wrong answer names its diagnosis, a right one has none")
        diagnoses = frozenset(None if each == "none" else each for each in (named or "none").split("|"))
        source = _whole(text[head.end() : end].strip("\n") + "\n", found)
        found.append(Answer(exercise, name, kind == "right", source, diagnoses, roles or ""))
    return found


def _whole(source: str, found: list[Answer]) -> str:
    """The source of an answer that may stand in the first one's class."""
    if not source.startswith(" "):
        return source
    lines, own = found[0].source.splitlines(), source.splitlines()
    while own and (sets := _SETS.match(own[0])) and (places := _starting(lines, sets[0])):
        lines[places[0]] = own.pop(0)
    if not own:
        return "\n".join(lines) + "\n"
    if not own[0].startswith("    def "):
        return "\n".join([*lines[:-1], *own]) + "\n"
    methods = _starting(lines, "    def ")
    start = next(place for place in methods if lines[place].split("(")[0] == own[0].split("(")[0])
    rest = [place for place in methods if place > start]
    return "\n".join([*lines[:start], *own, *(["", *lines[rest[0] :]] if rest else [])]) + "\n"


def _starting(lines: list[str], words: str) -> list[int]:
    return [place for place, line in enumerate(lines) if line.startswith(words)]
