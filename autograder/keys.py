"""Makes answer keys: the reference and the wrong models, observed by the same probe as an answer.

python -m autograder.keys            writes the public keys into src/sumskip/keys
python -m autograder.keys --check    says whether those on disk are still what would be written
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import os
import secrets
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

import sumskip.core
from autograder.exercises import EXERCISES, Exercise
from autograder.misconceptions import misconceptions, wrong_choices
from autograder.reference import reference
from sumskip.core import Array, Case, Observation
from sumskip.key import Key, Question, Recorded, Wrong, from_bytes, public_key, record, to_bytes
from sumskip.probe import probe
from sumskip.settling import settle

PUBLIC_SEED = "sumskip-public-2"
PUBLIC_KEYS = Path(__file__).parents[1] / "src" / "sumskip" / "keys"
SECRET_FILE = ".course/secret"
KEY_STORE = ".course/keys"

# The modules of sumskip that a key depends on.
_ASKING = ("core.py", "key.py", "settling.py", "probe.py", "probing/*.py")
# A ReLU's slope jumps at zero. Where the reference feeds one a number this close to it, an answer in
# float32 may fall on the other side and be right all the same: such cases are drawn again.
_KINK = 2e-5
_MOST_DRAWS = 200


def course_secret(root: Path) -> bytes:
    """The course's secret, made when it is first asked for: 32 random bytes that only its owner can read.

    All secret keys follow from it, so losing it changes the numbers that later submissions are judged
    on, but no grade that was given.
    """
    path = root / SECRET_FILE
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(fresh, path)  # fails where another process was first: then its secret counts
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    secret = path.read_bytes()
    if len(secret) < 16:
        raise ValueError(f"{path} should hold the course's secret, at least 16 bytes; it holds {len(secret)}")
    return secret


def secret_seed(secret: bytes, exercise: str) -> str:
    """The seed of an exercise's secret cases: HMAC-SHA-256 (RFC 2104) of the course's secret."""
    return hmac.new(secret, exercise.encode(), hashlib.sha256).hexdigest()


@contextmanager
def _float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


class _Kinks(TorchFunctionMode):
    """Finds the smallest magnitude that any ReLU of a forward pass receives."""

    smallest = np.inf

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in ("relu", "relu_") and isinstance(args[0], Tensor):
            self.smallest = min(self.smallest, float(args[0].detach().abs().min()))
        return func(*args, **(kwargs or {}))


_ONE_AT_A_TIME = threading.Lock()


def observe(answer: Any, case: Case) -> Observation:
    """Probe an answer of ours in float64; where it stops, in float32, whose error texts learners see.

    What is trained from random weights stays in float32: float64 draws others. One at a time, since
    the default dtype, the random numbers and standard output belong to the whole process.
    """
    with _ONE_AT_A_TIME:
        if case.kind == "resnet":
            return settle(probe(answer, case), case)
        with _float64():
            seen = probe(answer, case)
        return settle(probe(answer, case) if "problem" in seen.facts else seen, case)


def _with_roles(case: Case, roles: Mapping[str, Any]) -> Case:
    """The case, knowing the shapes of the reference's weights (see `sumskip.probing.module`)."""
    listed = [[role, kept["shape"], kept["kept"] == "parameter"] for role, kept in roles.items()]
    return Case(**{**case.__dict__, "settings": {**case.settings, "roles": listed}})


def _cases(exercise: Exercise, answer: Any, seed: str) -> tuple[Case, ...]:
    """The exercise's cases, from the first draw in which no ReLU comes near its kink."""
    for draw in range(_MOST_DRAWS):
        cases = tuple(exercise.cases(f"{seed}/{exercise.name}/{draw}"))
        if exercise.kind != "module":
            return cases
        with _Kinks() as kinks:
            seen = [observe(answer, case) for case in cases]
        if kinks.smallest > _KINK:
            return tuple(_with_roles(c, s.facts["roles"]) for c, s in zip(cases, seen, strict=True))
    raise RuntimeError(f"{exercise.name}: no draw of {_MOST_DRAWS} keeps its ReLUs away from zero")


def make_key(name: str, seed: str, secret: bool = False) -> Key:
    """Build the key of one exercise.

    Args:
        name: the exercise.
        seed: where all weights and inputs come from.
        secret: whether the answers to predictions go in; a public key holds their form alone.
    """
    exercise = EXERCISES[name]
    common: dict[str, Any] = {
        "exercise": name,
        "kind": exercise.kind,
        "points": float(exercise.points),
        "symbol": exercise.symbol,
        "parts": exercise.parts,
        "hints": exercise.hints,
        "secret": secret,
    }
    if exercise.kind == "literals":
        return Key(**common, questions=_questions(exercise) if secret else exercise.questions)
    answer = reference(name)
    cases = _cases(exercise, answer, seed)
    observed = {case.id: record(observe(answer, case), full=True) for case in cases}
    wrong = tuple(
        Wrong(m.id, m.sentence, {case.id: record(observe(m.build, case)) for case in cases})
        for m in misconceptions(name)
    )
    return Key(**common, cases=cases, reference=observed, wrong=wrong)


def _questions(exercise: Exercise) -> tuple[Question, ...]:
    answers, wrong = reference(exercise.name), wrong_choices(exercise.name)
    made = []
    for question in exercise.questions:
        known = wrong.get(question.name, {}).items()
        made.append(
            Question(
                question.name,
                question.form,
                question.choices,
                _listed(answers[question.name]),
                tuple((_listed(value), choice.id, choice.sentence) for value, choice in known),
            )
        )
    return tuple(made)


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@lru_cache(maxsize=64)
def secret_key(name: str, secret: bytes, store: Path | None = None) -> Key:
    """The key that decides the grade.

    Args:
        name: the exercise.
        secret: the course's secret.
        store: a folder that only the instructor can read, where keys are kept between runs, since
            making one takes seconds; without it the key is made in memory.
    """
    path = None
    if store is not None:
        stamp = hmac.new(secret, f"{name}/{_sources()}".encode(), hashlib.sha256).hexdigest()[:16]
        path = store / f"{name}-{stamp}.npz"
        if path.exists():
            return from_bytes(path.read_bytes())
    data = to_bytes(make_key(name, secret_seed(secret, name), secret=True))
    if path is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}.part")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        fresh.replace(path)
    return from_bytes(data)


@lru_cache(maxsize=1)
def _sources() -> str:
    """A digest of all that a key is made from: the code that asks and answers, and PyTorch."""
    here, package = Path(__file__).parent, Path(sumskip.core.__file__).parent
    files = [
        here / "exercises.py",
        here / "keys.py",
        *here.glob("reference/*.py"),
        *here.glob("misconceptions/*.py"),
    ]
    files += [file for pattern in _ASKING for file in package.glob(pattern)]
    digest = hashlib.sha256(torch.__version__.encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def rerun(name: str, case: Case, weights: Mapping[str, Array]) -> Recorded:
    """What the reference does on an answer's own effective weights, whatever those are computed from."""
    given = {role: array.tolist() for role, array in weights.items()}
    again = Case(**{**case.__dict__, "permutation": 0, "settings": {**case.settings, "weights": given}})
    return record(observe(reference(name), again), full=True)


def write_public_keys(folder: Path = PUBLIC_KEYS) -> list[Path]:
    """Write all public keys; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in EXERCISES:
        path = folder / f"{name}.npz"
        path.write_bytes(to_bytes(make_key(name, PUBLIC_SEED)))
        written.append(path)
    return written


def stale_public_keys() -> list[str]:
    """The exercises whose public key is not what would be written now (to rounding)."""
    return [name for name in EXERCISES if not _alike(make_key(name, PUBLIC_SEED), public_key(name))]


def _alike(new: Key, old: Key) -> bool:
    def text(key: Key) -> Any:
        plain = {k: v for k, v in key.__dict__.items() if k not in ("reference", "wrong")}
        return repr(plain), [(w.id, w.sentence) for w in key.wrong]

    def pairs() -> Iterator[tuple[Mapping[str, Recorded], Mapping[str, Recorded]]]:
        yield new.reference, old.reference
        yield from ((a.observed, b.observed) for a, b in zip(new.wrong, old.wrong, strict=True))

    fresh = from_bytes(to_bytes(new))
    if text(fresh) != text(old):
        return False
    for mine, theirs in pairs():
        for case, recorded in mine.items():
            if recorded.arrays.keys() != theirs[case].arrays.keys():
                return False
            for name, kept in recorded.arrays.items():
                other = theirs[case].arrays[name]
                scale = max(kept.scale, 1.0)
                if kept.shape != other.shape or not np.allclose(kept.values, other.values, atol=1e-5 * scale):
                    return False
    return True


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m autograder.keys", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say whether the keys are up to date")
    if parser.parse_args(arguments).check:
        stale = stale_public_keys()
        print(
            f"stale: {', '.join(stale)}; run python -m autograder.keys"
            if stale
            else "all keys are up to date"
        )
        return 1 if stale else 0
    for path in write_public_keys():
        print(f"{path.stat().st_size:8d} bytes  {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
