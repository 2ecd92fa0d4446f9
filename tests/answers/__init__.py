"""Answers as learners write them, right and wrong, one file an exercise.

A file holds many answers, each headed by a line that says what it is:

    # %% right NAME
    # %% wrong NAME -> DIAGNOSIS

Where more than one diagnosis names a true cause they are separated by `|`; `none` stands for no name at
all. A line `# roles: first=m.conv1, …` behind it says by hand which of the model's weights is which; it
is what the oracle goes by (see `tests.oracle`), and is left out where the attributes have the usual names.

An answer that begins indented stands in the first one of its file: from `def forward` on where it begins
with that, else in place of the last line.

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
    text = (Path(__file__).parent / f"{exercise}.py").read_text(encoding="utf-8")
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
    first = found[0].source
    forward = source.startswith("    def forward(")
    cut = first.index("    def forward(") if forward else first.rstrip("\n").rindex("\n") + 1
    return first[:cut] + source
