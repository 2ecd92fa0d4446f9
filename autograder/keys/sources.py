"""Digests of the code that decides: where it changes, keys and verdicts made before no longer count."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import sumskip

_PACKAGE = Path(sumskip.__file__).parent
_HERE = Path(__file__).parents[1]
# A key is asked with all of `sumskip` and made from these; the order of exercises has no part in it.
_KEYS = ("keys/*.py", "exercises/[a-z]*.py")
# What else decides a verdict. The command line and nbgrader's side may change without grading anew.
_VERDICTS = ("submission/*.py", "engine/**/*.py")
_EXERCISES = _HERE / "exercises"
_PUBLIC = _PACKAGE / "keys"


@cache
def of_key(name: str) -> str:
    """What the secret key of an exercise is made from; of the exercises, this one alone."""
    return _digest([*_PACKAGE.rglob("*.py"), *(_ours(_KEYS) - _exercises()), _EXERCISES / f"{name}.py"])


@cache
def of_exercises(names: tuple[str, ...]) -> str:
    """What these exercises are made from: their files and the keys that learners have of them."""
    files = [_EXERCISES / f"{name}.py" for name in names] + [_PUBLIC / f"{name}.npz" for name in names]
    return _digest([file for file in files if file.exists()])


@cache
def of_verdicts() -> str:
    """What every verdict is made from, whatever the exercise."""
    return _digest([*_PACKAGE.rglob("*.py"), *(_ours(_KEYS + _VERDICTS) - _exercises())])


def _exercises() -> set[Path]:
    """The files of the exercises that have a key."""
    return {_EXERCISES / f"{key.stem}.py" for key in _PUBLIC.glob("*.npz")}


def _ours(patterns: tuple[str, ...]) -> set[Path]:
    return {file for pattern in patterns for file in _HERE.glob(pattern)}


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]
