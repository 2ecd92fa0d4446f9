"""Brings the public keys up to date with the exercises.

A key that would differ by rounding alone is left as it is. An exercise that is badly made is refused before
anything is written.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from autograder.exercises import EXERCISES
from autograder.exercises.soundness import BadExerciseError, refuse_unsound
from autograder.keys.making import PUBLIC_SEED, make_key
from autograder.settings import Settings
from sumskip.checking.key import Key, KeyFileError, Recorded, from_bytes, to_bytes

PUBLIC_KEYS = Path(__file__).parents[2] / "src" / "sumskip" / "keys"

# What a problem on record tells people, and no comparison reads: where in our files a model stopped.
_FOR_PEOPLE = {"line", "source", "message"}


def changed_public_keys(folder: Path, only: Sequence[str] = ()) -> dict[str, Key | None]:
    """What a folder of public keys lacks: keys that differ by more than rounding, by exercise.

    None stands for a key that has no exercise any more. `only` these exercises are looked at, or all.

    Raises:
        BadExerciseError: there is no such exercise, or its own answer stops.
    """
    if strange := [name for name in only if name not in EXERCISES]:
        raise BadExerciseError(f"no exercise {', '.join(strange)}; there are {', '.join(EXERCISES)}")
    there = {path.stem: path for path in folder.glob("*.npz")}
    changed: dict[str, Key | None] = dict.fromkeys(sorted(there.keys() - EXERCISES.keys()))
    for name in only or EXERCISES:
        key = make_key(name, PUBLIC_SEED)
        if name not in there or not _alike(key, there[name]):
            changed[name] = key
    return changed


def write_public_keys(folder: Path, only: Sequence[str] = ()) -> list[str]:
    """Bring the public keys in `folder` up to date, `only` those of these exercises, or all.

    Returns a line for each file that is not as it was, and one for all.

    Raises:
        BadExerciseError: an exercise is badly made; nothing was written.
    """
    changed = changed_public_keys(folder, only)
    for name in only or EXERCISES:
        exercise = EXERCISES[name]
        if exercise.kind == "literals":  # of which a public key does not show all
            refuse_unsound(exercise, make_key(name, PUBLIC_SEED, secret=True))
        elif key := changed.get(name):
            refuse_unsound(exercise, key)
    said = []
    for name, key in changed.items():
        path = folder / f"{name}.npz"
        if key is None:
            path.unlink()
            said.append(f"removed {path.name}: there is no such exercise")
        else:
            said.append(f"wrote {path.name}: {path.write_bytes(to_bytes(key))} bytes")
    return [*said, f"{len(only or EXERCISES)} public keys are up to date"]


def settle_keys(folder: Path, settings: Settings) -> None:
    """Have the keys in `folder` say what the course's settings do.

    That is the points of an exercise; and where predictions count for being right, nothing to wrong ones: it
    tells which are right.
    """
    for path in folder.glob("*.npz"):
        before = from_bytes(path.read_bytes())
        key = replace(before, points=settings.points.get(before.exercise, before.points))
        if settings.points_for == "being right":
            key = replace(key, questions=tuple(replace(question, wrong=()) for question in key.questions))
        if (key.points, key.questions) != (before.points, before.questions):
            path.write_bytes(to_bytes(key))


def _alike(new: Key, path: Path) -> bool:
    """Whether the key on disk is `new`, to rounding."""
    try:
        old = from_bytes(path.read_bytes())
    except KeyFileError:
        return False

    def text(key: Key) -> Any:
        plain = {k: v for k, v in key.__dict__.items() if k not in ("rights", "wrong")}
        return repr(plain), [(w.id, w.sentence) for w in key.wrong]

    fresh = from_bytes(to_bytes(new))
    if text(fresh) != text(old):
        return False
    if len(fresh.rights) != len(old.rights):
        return False
    pairs = list(zip(fresh.rights, old.rights, strict=True))
    pairs += [(a.observed, b.observed) for a, b in zip(fresh.wrong, old.wrong, strict=True)]
    return all(_alike_recorded(mine[case], theirs[case]) for mine, theirs in pairs for case in mine)


def _alike_recorded(new: Recorded, old: Recorded) -> bool:
    if new.arrays.keys() != old.arrays.keys() or not _near(new.facts, old.facts):
        return False
    for name, kept in new.arrays.items():
        other = old.arrays[name]
        # A wrong answer may diverge, to infinity and to what is no number.
        close = 1e-5 * (max(kept.scale, 1.0) if math.isfinite(kept.scale) else 1.0)
        if kept.shape != other.shape or not np.allclose(
            kept.values, other.values, atol=close, equal_nan=True
        ):
            return False
    return True


def _near(new: Any, old: Any) -> bool:
    """Whether two facts are the same, to rounding."""
    if isinstance(new, float) and isinstance(old, float):
        return math.isclose(new, old, rel_tol=1e-5, abs_tol=1e-5)
    if isinstance(new, dict) and isinstance(old, dict):
        names = (new.keys() | old.keys()) - _FOR_PEOPLE
        return all(name in new and name in old and _near(new[name], old[name]) for name in names)
    if isinstance(new, list) and isinstance(old, list):
        return len(new) == len(old) and all(map(_near, new, old))
    return bool(new == old)
