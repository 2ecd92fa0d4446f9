"""Judges an answer by what it did: `judge(key, ask) -> Report`. It never sees the answer itself.

The notebook passes an `ask` that probes in its own process, the grader one that asks the sandbox.
There is no other difference between checking and grading.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sumskip.checking import sentences
from sumskip.checking.core import (
    CUT,
    LOOSE,
    MAX_PERMUTATIONS,
    Array,
    Ask,
    Case,
    Observation,
    Part,
    PartResult,
    Report,
)
from sumskip.checking.differences import CHECKS, Difference, claims_hold, differences
from sumskip.checking.key import Key, Recorded, Wrong
from sumskip.checking.predictions import judge_predictions
from sumskip.checking.settling import settle

# Runs the right answers on an answer's own effective weights. Only a grader has them.
Rerun = Callable[[Case, Mapping[str, Array]], Sequence[Recorded]]


@dataclass(frozen=True)
class _Round:
    """All cases put to an answer, its weights in one order, and what differs from a right answer."""

    cases: tuple[Case, ...]
    observed: tuple[Observation, ...]
    expected: tuple[Recorded, ...]
    found: tuple[Difference, ...]  # one a part, the first cause first
    first: int  # the case that shows the first of them

    @property
    def seen(self) -> Observation:
        """What the answer did with the case that shows the first difference."""
        return self.observed[self.first]

    @property
    def right(self) -> Recorded:
        """What a right answer does with that case."""
        return self.expected[self.first]


def judge(
    key: Key,
    ask: Ask,
    rerun: Rerun | None = None,
    *,
    for_committing: bool = False,
    order: int | None = None,
) -> Report:
    """Compare what an answer does with the key, and say in one sentence what is wrong.

    Args:
        key: the public key, or the grader's secret one.
        ask: puts one case to the answer.
        rerun: for answers whose weights have no roles, the right answers on those very weights.
        for_committing: whether predictions earn their points by being there, right or wrong.
        order: where another key has recognised the answer as a wrong model, its report's `order`: it is
            judged in that order of its weights, and for what it is.

    Returns:
        A `Report`; "passed" only with full marks. "not_graded" where the weights cannot be found
        and there is no `rerun`.
    """
    if key.kind == "literals":
        answer = ask(Case("literals", "literals", "")).facts.get("answer")
        return judge_predictions(key, answer, for_committing)
    return _judge_behaviour(key, lambda case: settle(ask(case), case), rerun, order)


def _judge_behaviour(key: Key, ask: Ask, rerun: Rerun | None, order: int | None) -> Report:
    best = _best_round(key, ask, order)
    ours = next(filter(None, (_our_fault(seen) for seen in best.observed)), None)
    if ours is not None:
        return _not_graded(key, sentences.OUR_FAULT.format(**ours))
    if not best.found:
        return _report(key, best, "All parts are right.")
    wrong = _recognise(key, best)
    known = wrong is not None or order is not None
    if made := sentences.from_outside(best.found[0], best.seen, sure=True):
        return _report(key, best, made, "global")
    if not known and best.found[0].part != "shape" and _has_another_form(best):
        return _report(key, best, sentences.ANOTHER_FORM)
    if not known and _weights_are_hidden(best):
        # What is certain without any values: that no step changes a weight.
        loose = next((one for one in best.found if one.actual in (LOOSE, CUT)), None)
        said = sentences.say(loose, best.seen, best.right, key)[0] if loose else None
        if rerun is None:
            return _not_graded(key, said or sentences.HIDDEN_WEIGHTS)
        if any(_say_little(_own_weights(seen)) for seen in best.observed):
            return _report(key, best, said) if said else _not_graded(key, sentences.WEAK_WEIGHTS)
        best = _round(key, ask, best.cases, lambda case, seen: rerun(case, _own_weights(seen)))
        if _weights_are_lost(best) or any("problem" in recorded.facts for recorded in best.expected):
            return _not_graded(key, sentences.LOST_WEIGHTS)
        if not best.found:
            return _report(key, best, "All parts are right.")
    if wrong is not None:
        report = _report(key, best, wrong.sentence, wrong.id)
        return replace(report, order=best.cases[0].permutation)
    if made := sentences.from_outside(best.found[0], best.seen, sure=False):
        return _report(key, best, made, "global")
    sentence, diagnosis = sentences.say(best.found[0], best.seen, best.right, key)
    return _report(key, best, sentence, diagnosis)


def _best_round(key: Key, ask: Ask, order: int | None) -> _Round:
    """Ask all cases, in as many orders of interchangeable weights as there are, or in this one.

    An answer with a convolution without bias is asked the cases without biases. An order that a right
    answer or a wrong model explains wholly is the right one to speak of.
    """
    own = key.kind == "module"  # else the model is ours, and has what the case says
    with_biases = tuple(case for case in key.cases if case.biases or not own)
    without = tuple(case for case in key.cases if own and not case.biases)
    cases = with_biases or without
    seen: dict[str, Observation] = {}
    for case in cases:
        seen[case.id] = ask(case)
        if with_biases and without and _lacks_a_bias(seen[case.id], key.rights[0][case.id]):
            cases = without
            seen = {case.id: ask(case) for case in cases}
            break
    if order is not None:
        return _round(key, ask, tuple(_with(case, order) for case in cases))
    said = max(int(observed.facts.get("orders", 1)) for observed in seen.values())
    orders = min(said, 2 * MAX_PERMUTATIONS)  # what comes out of a sandbox may say anything
    first: _Round | None = None
    named: _Round | None = None
    for permutation in range(orders):
        here = tuple(_with(case, permutation) for case in cases)
        # Behind one that is named, only an order that a right answer explains says more.
        if permutation and not _explained(key, here[0], ask(here[0]), by_rights=named is not None):
            continue
        current = _round(key, ask if permutation else lambda case: seen[case.id], here)
        if not current.found:
            return current
        first = first or current
        if named is None and _recognise(key, current) is not None:
            named = current
    assert first is not None  # there is always one order
    return named or first


def _explained(key: Key, case: Case, seen: Observation, by_rights: bool) -> bool:
    """Whether a right answer does the same with this one case, or any wrong model where that counts too."""
    known = list(key.rights)
    if not by_rights:
        known += [wrong.observed for wrong in key.wrong]
    return any(not differences(observed[case.id], seen, case) for observed in known)


def _with(case: Case, permutation: int) -> Case:
    return case if case.permutation == permutation else Case(**{**case.__dict__, "permutation": permutation})


def _lacks_a_bias(seen: Observation, reference: Recorded) -> bool:
    """Whether the answer uses a convolution or linear layer without the bias that the reference has."""
    roles, expected = seen.facts.get("roles", {}), reference.facts.get("roles", {})
    uses = {role.rsplit(".", 1)[0] for role in roles}
    return any(
        f"{use}.bias" not in roles
        for use in uses
        if use.startswith(("conv2d", "linear")) and f"{use}.bias" in expected
    )


def _round(
    key: Key,
    ask: Ask,
    cases: tuple[Case, ...],
    expected: Callable[[Case, Observation], Sequence[Recorded]] | None = None,
) -> _Round:
    """The answer beside the right one that is nearest: that which costs least, or else has the same roles."""
    observed = tuple(ask(case) for case in cases)
    known = [
        [right[case.id] for right in key.rights] if expected is None else expected(case, seen)
        for case, seen in zip(cases, observed, strict=True)
    ]
    rounds = [_beside(key, cases, observed, right) for right in zip(*known, strict=True)]
    return min(rounds, key=lambda this: (_lost(key, this), _unlike(this)))


def _lost(key: Key, this: _Round) -> float:
    """The points that an answer loses."""
    failed = {difference.part for difference in this.found}
    return sum(part.points for part, good in _score(key.parts, failed) if not good)


def _unlike(this: _Round) -> int:
    """How many roles only one of the two has, an answer and the right one beside it."""
    ours, theirs = (
        {role for seen in sides for role in seen.facts.get("roles", {})}
        for sides in (this.observed, this.expected)
    )
    return len(ours ^ theirs)


def _beside(
    key: Key, cases: tuple[Case, ...], observed: tuple[Observation, ...], expected: tuple[Recorded, ...]
) -> _Round:
    found: dict[str, tuple[Difference, int]] = {}
    for i, (case, seen) in enumerate(zip(cases, observed, strict=True)):
        for difference in differences(expected[i], seen, case):
            if case.part and difference.part == "shape":  # all else of it, the other cases ask
                difference = replace(difference, part=case.part)
            known = found.get(difference.part)
            counts = difference.part == case.part or not case.part
            if counts and (known is None or difference.rank < known[0].rank):
                found[difference.part] = (difference, i)
    parts = [part.id for part in key.parts]
    order = sorted(found.values(), key=lambda item: (not _comes_first(item[0]), parts.index(item[0].part)))
    where = order[0][1] if order else 0
    return _Round(cases, observed, expected, tuple(difference for difference, _ in order), where)


def _is_policy(difference: Difference) -> bool:
    """What the exercise's text fixes about alpha: where it is not met, wrong values only follow from it."""
    return difference.what in ("alpha kept", "alpha size")


def _comes_first(difference: Difference) -> bool:
    """Whether wrong values only follow from it: from a policy that is not met, or from runs that differ."""
    return _is_policy(difference) or difference.what == "the same again"


def _recognise(key: Key, this: _Round) -> Wrong | None:
    """The wrong model from which the answer differs in nothing, and whose claims hold.

    The first listed is the most specific.
    """
    for wrong in key.wrong:
        pairs = [
            (wrong.observed[case.id], seen, case)
            for case, seen in zip(this.cases, this.observed, strict=True)
            if case.id in wrong.observed
        ]
        if pairs and not any(differences(*pair) or not claims_hold(*pair[:2]) for pair in pairs):
            return wrong
    return None


def _weights_are_hidden(this: _Round) -> bool:
    """Whether weights that have no sure role had a say in the first values that differ."""
    if this.found[0].part == "shape" or _is_policy(this.found[0]):
        return False
    facts, expected = this.seen.facts, this.right.facts
    roles = facts.get("roles", {})
    computed = any("computed" in role["kept"] for role in roles.values())
    # One weight too many, where all the reference's have their roles, hides nothing.
    unplaced = bool(facts.get("unplaced")) and not roles.keys() >= expected.get("roles", {}).keys()
    return computed or unplaced or _weights_are_lost(this)


def _weights_are_lost(this: _Round) -> bool:
    """Whether tensors of an answer that differs were found by their size alone: values then prove nothing."""
    return bool(this.found and this.seen.facts.get("by_size"))


def _has_another_form(this: _Round) -> bool:
    """Whether weights stand in another form than was asked: a convolution cut in two, or transposed.

    Then those that have no role have together as many elements as the roles that nothing fills.
    """
    facts, expected = this.seen.facts, this.right.facts
    ours, theirs = (
        {role: kept for role, kept in each.get("roles", {}).items() if "_norm#" not in role}
        for each in (facts, expected)
    )
    extra = [math.prod(kept["shape"]) for role, kept in ours.items() if role not in theirs]
    missing = [math.prod(kept["shape"]) for role, kept in theirs.items() if role not in ours]
    return bool(missing) and sum(extra) == sum(missing)


def _our_fault(seen: Observation) -> Mapping[str, Any] | None:
    """An error that no line of the learner's had a part in: it is the probe that stopped."""
    problem = seen.facts.get("problem")
    return problem if problem and problem["stage"] == "run" and "line" not in problem else None


def _own_weights(seen: Observation) -> dict[str, Array]:
    return {
        name.removeprefix("slot:"): array for name, array in seen.arrays.items() if name.startswith("slot:")
    }


def _say_little(weights: Mapping[str, Array]) -> bool:
    """Whether an answer chose its weights so that wrong and right values are the same.

    With zeros in the second convolution, `out1` alone is the sum; with a kernel that copies its input,
    `2 * out1` is. Weights that are dense and spread, and neither tiny nor huge, leave no such way.
    """
    for role, array in weights.items():
        values = np.abs(np.asarray(array, dtype=np.float64))
        if not role.endswith(".weight") or values.ndim < 2:
            continue
        size = float(np.sqrt(np.mean(values**2)))
        fan_in = math.prod(values.shape[1:])
        if not 0.05 < size * fan_in**0.5 < 50:
            return True
        if np.mean(values > 0.1 * size) < 0.5 or np.std(array) < 0.3 * size:
            return True
    return False


def _not_graded(key: Key, message: str) -> Report:
    parts = tuple(PartResult(part.title, 0.0, key.share * part.points) for part in key.parts)
    return Report(key.exercise, 0.0, key.points, "not_graded", message, parts=parts)


def _report(key: Key, this: _Round, message: str, diagnosis: str | None = None) -> Report:
    failed = {difference.part for difference in this.found}
    if any(difference.what == "problem" and difference.part == "shape" for difference in this.found):
        failed |= {part for part, _ in CHECKS[key.kind]}  # what stopped has shown nothing else
    parts = _score(key.parts, failed)
    if not this.found:
        return key.report(parts, message, diagnosis)
    case = this.cases[this.first]
    details = sentences.details(this.found[0], case, this.seen, this.right, key)
    return replace(key.report(parts, message, diagnosis, details), case=case.id)


def _score(parts: tuple[Part, ...], failed: set[str]) -> list[tuple[Part, bool]]:
    """Which parts count: those that did not fail, and whose needs all count."""
    counted: set[str] = set()
    results = []
    for part in parts:
        good = part.id not in failed and counted.issuperset(part.needs)
        counted |= {part.id} if good else set()
        results.append((part, good))
    return results
