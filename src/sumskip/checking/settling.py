"""What an answer left as it was, found outside of it: from the numbers before and after.

A probe sends what it saw; whether an input, a weight or a second output is still the same is decided
here, where no answer can speak for itself.
"""

from __future__ import annotations

import numpy as np

from sumskip.checking.core import Array, Case, Observation, input_numbers, supplied_weight_numbers

# Arrays that only serve to be compared here.
_COMPARED = ("input#", "weight:", "again", "path")
# A second pass sums in the same order; a tenth of float32's error on the way through four layers.
_SAME = 1e-5


def settle(seen: Observation, case: Case) -> Observation:
    """The observation with what follows from comparing its arrays as facts, and without those arrays."""
    arrays = seen.arrays
    facts = dict(seen.facts)
    inputs = [name for name in arrays if name.startswith("input#")]
    weights = [name for name in arrays if name.startswith("weight:")]
    changed = any(_differs(arrays[name], input_numbers(case, int(name[6:]))) for name in inputs)
    others = sorted(
        name.removeprefix("weight:")
        for name in weights
        if _differs(
            arrays[name], supplied_weight_numbers(case, name.removeprefix("weight:"), arrays[name].shape)
        )
    )
    if case.kind == "fit" and inputs:
        facts |= {"inputs_changed": changed, "others_changed": others}
    elif inputs:
        facts["input_changed"] = changed
    if case.kind == "outputs" and inputs:
        facts["weights_changed"] = bool(others)
        first, second = (
            {
                name.removeprefix(f"{kind}#"): array
                for name, array in arrays.items()
                if name.startswith(f"{kind}#")
            }
            for kind in ("output", "again")
        )
        apart = [i for i, array in first.items() if not _same(array, second.get(i), _SAME * _scale(array))]
        facts["repeatable"] = first.keys() == second.keys() and not apart
        if apart:
            facts |= _apart(first[apart[0]], second.get(apart[0]))
    if case.kind == "fit" and "path" in arrays:
        path = _runs(arrays["path"])
        facts["moved"] = len(path) > 1
        facts["logged"] = _contains(_runs(arrays.get("history", path[:0])), path[1:])
    if case.kind == "module" and "output" in arrays:
        output = arrays["output"]
        facts["repeatable"] = _same(output, arrays.get("again"), _SAME * _scale(output))
        if not facts["repeatable"]:
            facts |= _apart(output, arrays.get("again"))
    kept = {name: array for name, array in arrays.items() if not name.startswith(_COMPARED)}
    return Observation(kept, facts)


def _differs(array: Array, sent: Array) -> bool:
    """Whether `array` is something else than `sent` rounded to its dtype."""
    if array.shape != sent.shape or array.dtype.kind != "f":
        return True
    with np.errstate(all="ignore"):  # an answer's values may be infinite
        limit = np.finfo(array.dtype).eps * np.maximum(np.abs(sent), 1.0)
        return not bool(np.all(np.abs(array.astype(np.float64) - sent) <= limit))


def _runs(values: Array) -> Array:
    """The values without those that repeat the one before."""
    return values[np.append(True, values[1:] != values[:-1])] if values.size else values


def _contains(values: Array, some: Array) -> bool:
    """Whether `some` stand among `values`, one behind the other, to float32's precision."""
    starts = range(len(values) - len(some) + 1)
    return any(np.allclose(values[i : i + len(some)], some, rtol=1e-6, atol=0) for i in starts)


def _scale(array: Array) -> float:
    return float(np.abs(array).max(initial=0.0))


def _same(array: Array, other: Array | None, limit: float) -> bool:
    if other is None or other.shape != array.shape:
        return False
    with np.errstate(all="ignore"):
        return bool(np.allclose(other, array, rtol=_SAME, atol=limit))


def _apart(one: Array, other: Array | None) -> dict[str, list[str]]:
    """The first two numbers that differ, in words that tell them apart; nothing where shapes differ."""
    if other is None or one.shape != other.shape:
        return {}
    with np.errstate(all="ignore"):
        differ = ~np.isclose(one, other, rtol=_SAME, atol=_SAME * _scale(one)).ravel()
    first = int(np.argmax(differ))
    return {"apart": [f"{array.ravel()[first]:.6g}" for array in (one, other)]}
