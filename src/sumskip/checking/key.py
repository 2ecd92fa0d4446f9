"""An answer key: observations on record, kept as plain arrays and text in `NAME.npz`.

Every number is float32: an answer in float32 cannot be told from another more closely than that, and
the public keys stay small. Long arrays, and all those of wrong models, are kept as a *sketch*: a few
random projections (Johnson and Lindenstrauss, 1984), which tell two arrays apart without holding one.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sumskip.checking.core import Array, Case, Hint, Kind, Observation, Part, PartResult, Report
from sumskip.seeded import numbers

PUBLIC_KEYS = Path(__file__).parents[1] / "keys"
SCHEMA = 3
PROJECTIONS = 4
FULL_UP_TO = 4096  # elements of a reference's output that are kept one by one


class KeyFileError(ValueError):
    """An answer key is missing or unreadable: the installation is at fault, never the learner."""


@dataclass(frozen=True)
class Kept:
    """One array on record: all its values, or its sketch followed by its largest magnitude."""

    shape: tuple[int, ...]
    values: NDArray[np.float32]
    full: bool

    @property
    def scale(self) -> float:
        """The largest magnitude in the array."""
        if self.full:
            return float(np.abs(self.values).max(initial=0.0))
        return float(self.values[-1])


@dataclass(frozen=True)
class Recorded:
    """An `Observation` on record."""

    arrays: Mapping[str, Kept]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Wrong:
    """A wrong answer on record: its id, the sentence that repairs it, and how it behaves by case."""

    id: str
    sentence: str
    observed: Mapping[str, Recorded]


@dataclass(frozen=True)
class Question:
    """One entry of an exercise made of literals: its form, and in a secret key its answer.

    `form` is "number", "integer", "shape", "shape or error" or "choice"; `wrong` lists
    `[value, id, sentence]` for the wrong values known.
    """

    name: str
    form: str
    choices: tuple[str, ...] = ()
    answer: Any = None
    wrong: tuple[tuple[Any, str, str], ...] = ()


@dataclass(frozen=True)
class Key:
    """All that `judge` needs to know about one exercise.

    `rights` are the right answers as they behave by case, the exercise's own first; `wrong` the wrong ones,
    of which a secret key has none: it decides, and a public one says why.
    """

    exercise: str
    kind: Kind
    points: float
    symbol: str
    parts: tuple[Part, ...]
    hints: tuple[Hint, ...] = ()
    cases: tuple[Case, ...] = ()
    rights: tuple[Mapping[str, Recorded], ...] = ()
    wrong: tuple[Wrong, ...] = ()
    questions: tuple[Question, ...] = ()
    secret: bool = False

    @property
    def share(self) -> float:
        """What a point of a part is worth: a course may give an exercise other points, which they share."""
        in_all = math.fsum(part.points for part in self.parts)
        return 1.0 if math.isclose(in_all, self.points) else self.points / in_all

    def report(
        self,
        parts: list[tuple[Part, bool]],
        message: str,
        diagnosis: str | None = None,
        details: tuple[str, ...] = (),
    ) -> Report:
        """The verdict, from which of the parts count; the hint that belongs to the diagnosis comes first."""
        passed, share = all(good for _, good in parts), self.share
        earned = share * math.fsum(part.points for part, good in parts if good)
        hints = sorted(self.hints, key=lambda hint: diagnosis not in hint.helps.split())
        score = self.points if passed else round(earned, 2)
        results = tuple(
            PartResult(part.title, share * part.points if good else 0.0, share * part.points)
            for part, good in parts
        )
        return Report(
            exercise=self.exercise,
            score=float(score),
            max_score=float(self.points),
            status="passed" if passed else "failed",
            message=message,
            diagnosis=diagnosis,
            details=details,
            parts=results,
            hints=() if passed else tuple(hint.text for hint in hints),
        )


@lru_cache(maxsize=64)
def _directions(count: int) -> NDArray[np.float64]:
    return numbers("sketch", str(count), (PROJECTIONS, count)) / max(1.0, float(count)) ** 0.5


def sketch(array: Array) -> NDArray[np.float32]:
    """A few random projections of `array`, each about as large as its elements, and its magnitude."""
    flat = np.asarray(array, dtype=np.float64).ravel()
    largest = np.abs(flat).max(initial=0.0)
    with np.errstate(all="ignore"):  # values of an answer may be infinite
        return np.append(_directions(flat.size) @ flat, largest).astype(np.float32)


def record(observation: Observation, full: bool = False) -> Recorded:
    """Put an observation on record; with `full`, a short output keeps all its values."""
    arrays = {}
    for name, array in observation.arrays.items():
        if name.startswith("slot:"):
            continue  # an answer's own weights, of no use on record
        whole = full and not name.startswith(("grad:", "after", "collected")) and array.size <= FULL_UP_TO
        values = np.asarray(array, dtype=np.float32).ravel() if whole else sketch(array)
        arrays[name] = Kept(tuple(array.shape), values, whole)
    return Recorded(arrays, observation.facts)


def to_bytes(key: Key) -> bytes:
    """The key as an `.npz` file; the same key gives the same bytes."""
    values: list[NDArray[np.float32]] = []
    shared: dict[str, int] = {}  # what many models have in common, each text once

    def number(part: Any) -> int:
        return shared.setdefault(json.dumps(part, sort_keys=True, ensure_ascii=False), len(shared))

    def pack(observed: Mapping[str, Recorded]) -> list[Any]:
        packed = []
        for case, recorded in observed.items():
            arrays = [[name, kept.shape, kept.full] for name, kept in recorded.arrays.items()]
            values.extend(kept.values for kept in recorded.arrays.values())
            packed.append([case, number(recorded.facts), number(arrays)])
        return packed

    meta = {
        "schema": SCHEMA,
        "exercise": key.exercise,
        "kind": key.kind,
        "points": key.points,
        "symbol": key.symbol,
        "secret": key.secret,
        "parts": [part.__dict__ for part in key.parts],
        "hints": [[hint.text, hint.helps] for hint in key.hints],
        "cases": [case.to_json() for case in key.cases],
        "questions": [question.__dict__ for question in key.questions],
        "rights": [pack(observed) for observed in key.rights],
        "wrong": [{"id": w.id, "sentence": w.sentence, "observed": pack(w.observed)} for w in key.wrong],
    }
    meta["shared"] = [json.loads(part) for part in shared]
    text = json.dumps(meta, sort_keys=True, ensure_ascii=False).encode()
    file = io.BytesIO()
    flat = np.concatenate(values) if values else np.zeros(0, np.float32)
    np.savez_compressed(file, meta=np.frombuffer(text, np.uint8), values=flat)
    return file.getvalue()


def from_bytes(data: bytes) -> Key:
    """Read a key; only arrays and text are read, never pickled objects.

    Raises:
        KeyFileError: `data` is no key, or one of another schema.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            meta = json.loads(file["meta"].tobytes().decode())
            flat = file["values"]
    except (ValueError, KeyError, OSError) as error:
        raise KeyFileError(f"this is not an answer key of Sum & Skip: {error}") from error
    if meta.get("schema") != SCHEMA:
        raise KeyFileError(f"answer key of schema {meta.get('schema')}; this version reads schema {SCHEMA}")

    end = 0

    def unpack(packed: list[Any]) -> dict[str, Recorded]:
        nonlocal end
        observed = {}
        for case, facts, listed in packed:
            arrays = {}
            for name, shape, full in meta["shared"][listed]:
                start, end = end, end + (math.prod(shape) if full else PROJECTIONS + 1)
                arrays[name] = Kept(tuple(shape), flat[start:end], full)
            observed[case] = Recorded(arrays, meta["shared"][facts])
        return observed

    def question(entry: Mapping[str, Any]) -> Question:
        wrong = tuple((value, name, sentence) for value, name, sentence in entry["wrong"])
        return Question(**{**entry, "choices": tuple(entry["choices"]), "wrong": wrong})

    return Key(
        exercise=meta["exercise"],
        kind=meta["kind"],
        points=meta["points"],
        symbol=meta["symbol"],
        parts=tuple(Part(**{**part, "needs": tuple(part["needs"])}) for part in meta["parts"]),
        hints=tuple(Hint(text, helps) for text, helps in meta["hints"]),
        cases=tuple(Case.from_json(case) for case in meta["cases"]),
        rights=tuple(unpack(observed) for observed in meta["rights"]),
        wrong=tuple(Wrong(w["id"], w["sentence"], unpack(w["observed"])) for w in meta["wrong"]),
        questions=tuple(question(entry) for entry in meta["questions"]),
        secret=meta["secret"],
    )


@lru_cache(maxsize=32)
def public_key(exercise: str) -> Key:
    """The key that learners have too, read once: a tenth of a second for a large one.

    Raises:
        KeyFileError: the package was installed without it.
    """
    path = PUBLIC_KEYS / f"{exercise}.npz"
    try:
        return from_bytes(path.read_bytes())
    except OSError as error:
        raise KeyFileError(
            f"the answer key of {exercise!r} is not at {path}: reinstall sumskip, this is not your mistake"
        ) from error


def exercises() -> tuple[str, ...]:
    """The names of all exercises that have a public key."""
    return tuple(sorted(path.stem for path in PUBLIC_KEYS.glob("*.npz")))
