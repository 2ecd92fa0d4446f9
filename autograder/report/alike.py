"""Pairs of learners whose answers have so much that is wrong or unusual in common that somebody should look.

Right answers of five lines have one natural form, so how alike two texts are as a whole is not looked at: a
library that measures it would name half the class. What counts is *odd*: a mistake, a comment, a text or a
name that only a few have, and that neither the lessons nor Python or PyTorch brought.

If d of the N learners who tried an exercise have an oddity by chance, one of them shares it with a given
other with the probability p = (d - 1) / (N - 1); if one copied, and kept the share `KEPT` of all oddities,
with KEPT + (1 - KEPT) p. The ratio of the two, multiplied over the oddities of an exercise, and over the
exercises, of which a share `COPIED` is copied, has the mean 1 under chance: so it exceeds x in one of x pairs
at most (Markov). A pair is named where it exceeds the number of pairs times `CLASSES`. Names come in company,
which chance does not know of; so they count half, as the root of their ratio.
"""

from __future__ import annotations

import builtins
import keyword
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NamedTuple

import torch

from autograder.class_run.findings import shown
from autograder.exercises import EXERCISES
from autograder.gradebook.page_text import capped
from autograder.report.gather import Gathered
from autograder.submission.course import Course
from sumskip.checking.core import Report

Kind = Literal["mistake", "comment", "text", "name"]
Pieces = tuple[tuple[str, bool], ...]
MOST = 12  # learners who share an oddity; with more of them it is a habit of the class, or stands on the web
LEAST = 3  # oddities that a pair has in common
KEPT, COPIED = 0.5, 0.1  # of oddities, of exercises
CLASSES = 100  # in one of which chance alone may name a pair
PAIRS = 50  # that are shown, the most alike first
MOST_SHOWN = 4_000  # characters of an answer

_TEXT = r"\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_PIECE = re.compile(rf"(?P<comment>#[^\n]*)|(?P<text>{_TEXT})|(?P<name>[^\W\d]\w*)")
_SENTENCE = re.compile(r"(?P<text>[^.!?\n]+)")
_LEAST_NAME, _LEAST_TEXT = 4, 12  # letters that are needed for it to be somebody's own


class Oddity(NamedTuple):
    """What few have, where; `text` is in one form for all who have it."""

    exercise: str
    kind: Kind
    text: str


@dataclass(frozen=True)
class Shared:
    """An oddity, and how many learners have it."""

    exercise: str
    kind: Kind
    text: str
    learners: int


@dataclass(frozen=True)
class Pair:
    """Two learners, what they share, and what both wrote there: in pieces, the shared ones with True."""

    learners: tuple[str, str]
    bits: float
    shared: tuple[Shared, ...]
    answers: dict[str, tuple[Pieces, ...]]


@dataclass(frozen=True)
class Alike:
    """The pairs that are shown, and how many there are."""

    pairs: tuple[Pair, ...]
    found: int


def alike(gathered: Gathered) -> Alike:
    """Who should be looked at together.

    Pairs are counted from the lists of those who share an oddity, each at most `MOST` long: the time grows
    with the class, not with its square. Of three who are alike, each is shown with the nearest.
    """
    ordinary = _Ordinary(gathered.course)
    who: dict[Oddity, list[str]] = defaultdict(list)
    answers: dict[str, dict[str, str]] = defaultdict(dict)
    for (learner, assignment), verdict in sorted(gathered.rows.items()):
        sources = gathered.sources[learner, assignment]
        answers[learner] |= sources
        reports = {report.exercise: report for report in verdict.reports}
        for oddity in {
            one
            for exercise in sources.keys() | reports.keys()
            for one in _oddities(exercise, sources.get(exercise, ""), reports.get(exercise))
        }:
            who[oddity].append(learner)
    who = {one: them for one, them in who.items() if len(them) <= MOST and not ordinary.has(one)}
    tried = Counter(name for sources in answers.values() for name, source in sources.items() if source)
    has: dict[str, dict[str, set[Oddity]]] = defaultdict(lambda: defaultdict(set))
    common: Counter[tuple[str, str]] = Counter()
    for oddity, them in who.items():
        for learner in them:
            has[learner][oddity.exercise].add(oddity)
        common.update(combinations(them, 2))

    def gain(shared: Oddity) -> float:
        return KEPT * (tried[shared.exercise] - 1) / (len(who[shared]) - 1) + 1 - KEPT

    bits = {}
    for pair in (pair for pair, number in common.items() if number >= LEAST):
        a, b = (has[learner] for learner in pair)
        bits[pair] = sum(_bits(a.get(e, set()), b.get(e, set()), gain) for e in a.keys() | b.keys())
    needed = math.log2(max(1, math.comb(len(answers), 2)) * CLASSES)
    found = [pair for pair, number in bits.items() if number >= needed]
    nearest, group = [], {learner: learner for learner in answers}
    for pair in sorted(found, key=lambda pair: (-bits[pair], pair)):
        one, other = (_first(group, learner) for learner in pair)
        if one != other:
            group[other] = one
            nearest.append(pair)
    pairs, hide = [], gathered.hide
    for pair in nearest[:PAIRS]:
        odd = {o for e in has[pair[0]] for o in has[pair[0]][e] & has[pair[1]][e]}
        both: dict[str, tuple[Pieces, ...]] = {}
        written: dict[Oddity | None, str] = {}
        for exercise in sorted({o.exercise for o in odd}):
            sides = [
                list(_pieces(exercise, capped(answers[one].get(exercise, ""), MOST_SHOWN))) for one in pair
            ]
            both[exercise] = tuple(tuple((hide(text), o in odd) for text, o in side) for side in sides)
            written |= {o: text for text, o in sides[0]}
        said = sorted(odd, key=lambda o: (len(who[o]), o))
        shared = (Shared(o.exercise, o.kind, hide(written.get(o, o.text)), len(who[o])) for o in said)
        pairs.append(Pair(pair, round(bits[pair], 1), tuple(shared), both))
    return Alike(tuple(pairs), len(nearest))


def _bits(ours: set[Oddity], theirs: set[Oddity], gain: Callable[[Oddity], float]) -> float:
    """What an exercise says for its being copied, in one direction or the other, and against chance."""
    ways = []
    for side in (ours, theirs):
        each = (
            math.log2(gain(o) if o in ours & theirs else 1 - KEPT) / (1 + (o.kind == "name")) for o in side
        )
        ways.append(2 ** min(1000.0, sum(each)))  # more is no number that Python has
    return math.log2(1 - COPIED + COPIED * sum(ways) / 2)


def _first(group: dict[str, str], learner: str) -> str:
    while group[learner] != learner:
        learner = group[learner]
    return learner


def _pieces(exercise: str, source: str) -> Iterator[tuple[str, Oddity | None]]:
    """A text cut into what may be odd, in the form in which it is compared, and all between."""
    end = 0
    for match in (_PIECE if exercise in EXERCISES else _SENTENCE).finditer(source):
        kind: Kind = match.lastgroup  # type: ignore[assignment]  # the names of the groups
        text = match[0] if kind == "name" else _plain(match[0])
        if len(text) >= (_LEAST_NAME if kind == "name" else _LEAST_TEXT):
            yield source[end : match.start()], None
            yield match[0], Oddity(exercise, kind, text)
            end = match.end()
    yield source[end:], None


def _plain(text: str) -> str:
    """A comment or a text as it is compared: its words in small letters."""
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


def _oddities(exercise: str, source: str, report: Report | None) -> Iterator[Oddity]:
    """All that may turn out to be odd, once it is known who else has it."""
    for _, piece in _pieces(exercise, source):
        if piece:
            yield piece
    # The mistakes of one prediction have one cause: together they are one.
    wrong = [one for one in shown(report) if one.belief != "right"] if report and source else []
    if said := "; ".join(f"{one.question}: {one.sentence}".removeprefix(": ") for one in wrong):
        yield Oddity(exercise, "mistake", said)


class _Ordinary:
    """What everybody has from the lessons and their hints, and the names that Python and PyTorch bring."""

    def __init__(self, course: Course) -> None:
        cells = [cell for master in course.masters.values() for cell in master["cells"]]
        hints = [hint.text for exercise in EXERCISES.values() for hint in exercise.hints]
        texts = "\n".join([*("".join(cell["source"]) for cell in cells), *hints])
        modules = (builtins, torch, torch.nn, torch.nn.functional, torch.Tensor, torch.nn.Module, torch.optim)
        self._names = {
            *re.findall(r"\w+", texts),
            *keyword.kwlist,
            *(name for one in modules for name in dir(one)),
        }
        self._texts = _plain(texts)

    def has(self, oddity: Oddity) -> bool:
        if oddity.kind == "mistake":
            return False
        return oddity.text in (self._names if oddity.kind == "name" else self._texts)
