"""Makes answer keys: the reference and the wrong models, observed by the same probe as an answer.

The reference is an exercise's own answer. `public` keeps the keys that learners have, `secret` those that
decide.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from autograder.exercises import EXERCISES
from autograder.exercises.soundness import BadExerciseError, refuse_malformed
from autograder.exercises.vocabulary import Exercise
from sumskip.checking.core import Array, Case, Observation
from sumskip.checking.key import Key, Recorded, Wrong, record
from sumskip.checking.probe import probe
from sumskip.checking.settling import settle

PUBLIC_SEED = "sumskip-public-2"

# A ReLU's slope jumps at zero. Where the reference feeds one a number this close to it, an answer in
# float32 may fall on the other side and be right all the same: such cases are drawn again.
_KINK = 2e-5
_MOST_DRAWS = 200


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
    """What an answer of ours does with a case."""
    return settle(probed(answer, case), case)


def probed(answer: Any, case: Case) -> Observation:
    """Probe an answer of ours in float64; where it stops, in float32, whose error texts learners see.

    One at a time, since the default dtype, the random numbers and standard output belong to the whole
    process.
    """
    with _ONE_AT_A_TIME:
        with _float64():
            seen = probe(answer, case)
        return probe(answer, case) if "problem" in seen.facts else seen


def _with_roles(case: Case, roles: Mapping[str, Any]) -> Case:
    """The case, knowing the shapes of the reference's weights (see `sumskip.checking.probing.module`)."""
    listed = [[role, kept["shape"], kept["kept"] == "parameter"] for role, kept in roles.items()]
    return Case(**{**case.__dict__, "settings": {**case.settings, "roles": listed}})


def _right(exercise: Exercise, case: Case) -> list[Observation]:
    """What the exercise's right answers do with a case, its own first.

    Raises:
        BadExerciseError: one stops.
    """
    found = [observe(answer, case) for answer in exercise.rights]
    for problem in (seen.facts["problem"] for seen in found if "problem" in seen.facts):
        raise BadExerciseError(
            f"{exercise.name}: its own answer fails its own check: it stops with {problem['type']}: "
            f"{problem['message']}"
        )
    return found


def _cases(exercise: Exercise, seed: str) -> tuple[Case, ...]:
    """The exercise's cases, from the first draw in which no ReLU comes near its kink."""
    for draw in range(_MOST_DRAWS):
        cases = tuple(exercise.cases(f"{seed}/{exercise.name}/{draw}"))
        if exercise.kind != "module":
            return cases
        seen = []
        for case in cases:
            with _Kinks() as kinks:
                seen.append(_right(exercise, case))
            if kinks.smallest <= _KINK * case.loudest:
                break
        else:
            return tuple(_with_roles(c, s[0].facts["roles"]) for c, s in zip(cases, seen, strict=True))
    raise BadExerciseError(f"{exercise.name}: no draw of {_MOST_DRAWS} keeps its ReLUs away from zero")


def make_key(name: str, seed: str, secret: bool = False) -> Key:
    """Build the key of one exercise.

    Args:
        name: the exercise.
        seed: where all weights and inputs come from.
        secret: whether it decides. Then the answers to predictions go in, of which a public key has the
            form, and what is said to wrong ones when they are run; and the wrong models stay out, since
            names are told by the public key.

    Raises:
        BadExerciseError: none can be made of it.
    """
    exercise = EXERCISES[name]
    refuse_malformed(exercise)
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
        unanswered = tuple(replace(question, answer=None) for question in exercise.questions)
        return Key(**common, questions=exercise.questions if secret else unanswered)
    cases = _cases(exercise, seed)
    seen = {case.id: _right(exercise, case) for case in cases}
    rights = tuple(
        {name: record(found[number], full=True) for name, found in seen.items()}
        for number in range(len(exercise.rights))
    )
    wrong = tuple(
        Wrong(m.id, m.sentence, {case.id: record(observe(m.build, case)) for case in cases})
        for m in (() if secret else exercise.wrong)
    )
    return Key(**common, cases=cases, rights=rights, wrong=wrong)


def rerun(name: str, case: Case, weights: Mapping[str, Array]) -> list[Recorded]:
    """What the right answers do on an answer's own effective weights, whatever those are computed from."""
    given = {role: array.tolist() for role, array in weights.items()}
    again = Case(**{**case.__dict__, "permutation": 0, "settings": {**case.settings, "weights": given}})
    return [record(observe(right, again), full=True) for right in EXERCISES[name].rights]
