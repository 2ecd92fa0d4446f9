"""What differs between an observation and one on record, in the order in which to say it.

The same comparison finds a learner's mistake (against the reference) and names it (against the wrong
answers on record: the one from which nothing differs).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sumskip.checking.core import Array, Case, Kind, Observation, is_optional_bias, positions
from sumskip.checking.key import Kept, Recorded, sketch
from sumskip.text import with_article

_EPSILON = float(np.finfo(np.float32).eps)
# How many roundings of the largest kind may pile up on the way through an exercise's operators: the
# forward pass has at most four reductions (two convolutions, two normalisations), the backward pass
# twice as many, and a normalisation doubles what it is given.
_STAGES = 16


@dataclass(frozen=True)
class Difference:
    """One thing that is not as on record: the part it costs, what was expected and what came.

    Of several in one part, that of the lowest `rank` is the cause, in whichever case it shows.
    """

    part: str
    what: str
    expected: str
    actual: str
    note: str = ""
    rank: int = 0


Check = Callable[[Recorded, Observation, Case], "Difference | None"]


def tolerance(case: Case) -> float:
    """How far a right answer may be from the recorded one, relative to the array's scale.

    Summing n numbers in any order errs by at most about sqrt(n) · eps, where roundings are
    independent (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., section 4.2).
    The longest sum in an exercise runs over N·H·W positions (a weight's gradient) or over the inputs
    of a 3×3 convolution, 9·32 at most. eps is float32's also for answers in float64: the key itself
    is kept in float32. `torch.lerp` or reordered sums stay below a tenth of it; a factor of 1.001 is
    far above.
    """
    return _STAGES * _EPSILON * math.sqrt(max(positions(case), 9 * 32))


def equal(kept: Kept, array: Array, bound: float, floor: float = 0.0) -> bool:
    """Whether `array` has the recorded shape and values, to `bound` relative to the recorded scale.

    `floor` is the least scale that counts: where the recorded values are zero but for rounding (the
    gradient of a bias in front of BatchNorm), neighbouring arrays say what small means.
    """
    if tuple(array.shape) != kept.shape:
        return False
    limit = bound * max(kept.scale, floor, 1e-12)
    ours = np.asarray(array, dtype=np.float64).ravel() if kept.full else sketch(array)[:-1]
    theirs = kept.values if kept.full else kept.values[:-1]
    # A projection adds up independent roundings: it errs about as much as one element does. What overflowed
    # is the same in whatever way it did: float32 ends sooner.
    finite = np.isfinite(theirs)
    with np.errstate(invalid="ignore"):
        near = np.abs(ours - theirs.astype(np.float64)) <= limit
    return bool(np.all(np.where(finite, near, ~np.isfinite(ours))))


def gradient_floor(recorded: Recorded) -> float:
    """A hundredth of the largest gradient of a weight or an input."""
    scales = [kept.scale for name, kept in recorded.arrays.items() if name.startswith("grad:")]
    return 0.01 * max(scales, default=0.0)


def show(array: Array, count: int = 4) -> str:
    """The first numbers of an array, as a learner can check them."""
    flat = np.asarray(array, dtype=np.float64).ravel()
    more = ", …" if flat.size > count else ""
    return "[" + ", ".join(f"{value:.4g}" for value in flat[:count]) + more + "]"


def _apart(expected: float, actual: float) -> tuple[str, str]:
    """Two numbers with as few digits as tell them apart."""
    for digits in (4, 6, 8):
        pair = f"{expected:.{digits}g}", f"{actual:.{digits}g}"
        if pair[0] != pair[1]:
            break
    return pair


def _shape(shape: Any) -> str:
    return str(tuple(shape)) if shape is not None else "no shape"


def _problem(expected: Recorded, actual: Observation, case: Case) -> Difference | None:
    ours, theirs = actual.facts.get("problem"), expected.facts.get("problem")
    if ours is None and theirs is None:
        return None
    if ours and theirs and _stopped_alike(theirs, ours):
        return None
    return Difference("", "problem", "a result", "an error" if ours else "a result")


def _stopped_alike(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
    """Whether two runs stopped for one reason.

    At an operator: the same one, on tensors that came about in the same way, after the same uses of weights,
    with the same weights not used yet, whatever PyTorch's words are. Anywhere else Python's words say it all.
    """
    if ours.get("stage") != theirs.get("stage") or ours.get("type") != theirs.get("type"):
        return False
    if "claim" in ours or "claim" in theirs:
        same = all(ours.get(name) == theirs.get(name) for name in ("claim", "ran", "unused"))
        return same and theirs.get("claim") is not None
    return bool(ours.get("words") == theirs.get("words"))


def claims_hold(wrong: Recorded, seen: Observation) -> bool:
    """Whether this run shows what the values do not, and the sentence to this wrong model speaks of."""
    ours, theirs = seen.facts.get("claims", {}), wrong.facts.get("claims", {})
    written = "backward" not in wrong.facts or ours.get("overwritten") == theirs.get("overwritten")
    twins = bool(ours.get("twins")) <= bool(theirs.get("twins"))
    return written and twins and bool(ours.get("hidden")) >= bool(theirs.get("hidden"))


def _output(expected: Recorded, actual: Observation, case: Case) -> Difference | None:
    ours, theirs = actual.facts.get("output", {}), expected.facts.get("output", {})
    if ours == theirs:
        return None
    if ours.get("type") != theirs.get("type"):
        return Difference("", "type", str(theirs.get("type")), str(ours.get("type")))
    return Difference("", "shape", _shape(theirs.get("shape")), _shape(ours.get("shape")))


def _fresh_role(facts: Mapping[str, Any]) -> str | None:
    """A weight that each forward pass makes anew: its values are chance, so there is nothing to compare."""
    return next((role for role, kept in facts.get("roles", {}).items() if kept["fresh"]), None)


def _fresh(expected: Recorded, actual: Observation, case: Case) -> Difference | None:
    ours, theirs = _fresh_role(actual.facts), _fresh_role(expected.facts)
    if (ours is None) == (theirs is None):
        return None
    return Difference("", "fresh", _say(theirs is not None), _say(ours is not None), str(ours))


def _values(name: str) -> Check:
    def check(expected: Recorded, actual: Observation, case: Case) -> Difference | None:
        if _fresh_role(expected.facts) and _fresh_role(actual.facts):
            return None
        kept, array = expected.arrays.get(name), actual.arrays.get(name)
        if kept is None and array is None:
            return None
        if kept is None or array is None:
            missing = "no values"
            came = show(array) if array is not None else missing
            return Difference("", "values", show(kept.values) if kept else missing, came, name)
        if equal(kept, array, tolerance(case)):
            return None
        if tuple(array.shape) != kept.shape:
            return Difference("", "values", _shape(kept.shape), _shape(array.shape), name)
        if not kept.full:
            wanted, came = _apart(kept.scale, float(np.abs(array).max(initial=0.0)))
            note = f"up to {wanted} expected, up to {came} came"
            if wanted == came:
                note = "they differ, though not in size"
            return Difference("", "values", f"up to {wanted}", f"up to {came}", note)
        gap = np.abs(np.asarray(array, np.float64).ravel() - kept.values)
        gap = np.where(np.isfinite(gap), gap, np.inf)
        first = int(np.argmax(gap > tolerance(case) * kept.scale))
        place = tuple(int(i) for i in np.unravel_index(first, kept.shape)) if kept.shape else ()
        wanted, came = _apart(float(kept.values[first]), float(array.ravel()[first]))
        note = f"{wanted} expected, {came} came"
        if name == "alpha":
            note = f"`alpha` should end at {wanted}, and ends at {came}"
        elif name == "history":
            note = f"after step {first + 1}, {note}"
        elif place:
            of = f" of output {name.removeprefix('output#')}" if "#" in name else ""
            note = f"first at {list(place)}{of}: {note}; largest difference {gap.max():.4g}"
        return Difference("", "values", show(kept.values), show(array), note)

    return check


def _collected(expected: Recorded, actual: Observation, case: Case) -> Difference | None:
    """The output in eval mode after passes in train mode, where the exercise has running statistics."""
    kept, array = expected.arrays.get("collected"), actual.arrays.get("collected")
    if kept is None or (array is not None and equal(kept, array, tolerance(case))):
        return None
    if _fresh_role(expected.facts) and _fresh_role(actual.facts):
        return None
    return Difference("", "collected", "what `nn.BatchNorm2d` collects", "something else")


def _fact(name: str, what: str) -> Check:
    def check(expected: Recorded, actual: Observation, case: Case) -> Difference | None:
        ours, theirs = actual.facts.get(name), expected.facts.get(name)
        return None if ours == theirs else Difference("", what, _say(theirs), _say(ours))

    return check


def _returned(expected: Recorded, actual: Observation, case: Case) -> Difference | None:
    def words(returned: Any) -> str:
        if not returned or returned["type"] == "NoneType":
            return "nothing"
        if returned["type"] != "list":
            return with_article(str(returned["type"]))
        kinds = ", ".join(dict.fromkeys(returned["items"])) or "nothing"
        return f"a list of {returned['length']} ({kinds})"

    ours, theirs = actual.facts.get("returned"), expected.facts.get("returned")
    return None if ours == theirs else Difference("", "returned", words(theirs), words(ours))


def _shapes(expected: Recorded, actual: Observation, case: Case) -> Difference | None:
    ours, theirs = actual.facts.get("shapes") or [], expected.facts.get("shapes") or []
    for number, (one, other) in enumerate(zip(theirs, ours, strict=False), 1):
        if one != other:
            words = (f"shape {_shape(one)}", f"{_shape(other)} as its output {number}")
            return Difference("", "shapes", *words)
    return None


def _listing(expected: Recorded, actual: Observation, case: Case) -> Difference | None:
    """Whether `parameters()` itself works: without it, nothing is known of what it lists."""
    ours = actual.facts.get("listing")
    if ours is None:
        return None
    return Difference("", "listing", "a list of parameters", str(ours["type"]))


def _listed(expected: Recorded, actual: Observation, case: Case) -> Difference | None:
    """The tensors of a list; where it holds more than expected, those expected must be in it, in order."""
    names = [name for name in expected.arrays if name.startswith("output#")]
    came = [name for name in actual.arrays if name.startswith("output#")]
    if len(came) <= len(names):
        differing = (_values(name)(expected, actual, case) for name in dict.fromkeys([*names, *came]))
        return next((one for one in differing if one is not None), None)
    rest = iter(came)
    for name in names:
        kept = expected.arrays[name]
        if not any(equal(kept, actual.arrays[other], tolerance(case)) for other in rest):
            note = f"{name} is not in the list"
            return Difference("", "values", _shape(kept.shape), "no such tensor", note)
    return None


def _log(expected: Recorded, actual: Observation, case: Case) -> Difference | None:
    """What the list says of alpha: after right steps the right values, after others those it really had."""
    kept, array = expected.arrays.get("history"), actual.arrays.get("history")
    if kept is None and array is None:
        return None
    if kept is None or array is None:
        return _values("history")(expected, actual, case)
    if _values("alpha")(expected, actual, case) is not None:
        return _fact("logged", "list of what alpha was after each step")(expected, actual, case)
    count = kept.shape[0]
    windows = (array[start : start + count] for start in range(max(1, len(array) - count + 1)))
    if any(equal(kept, window, tolerance(case)) for window in windows):
        return None
    return _values("history")(expected, actual, case)


def _say(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "nothing"}[value]
    if isinstance(value, list):
        return ", ".join(_say(item) for item in value) if value else "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_say(item)}" for key, item in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _backward(expected: Recorded, actual: Observation, case: Case) -> Difference | None:
    ours, theirs = actual.facts.get("backward"), expected.facts.get("backward")
    if ours is None and theirs is None:
        return None
    if ours and theirs:
        # PyTorch's message tells addresses of versions; the kind of failure is in its first words.
        same = ours["type"] == theirs["type"] and ours["words"][:40] == theirs["words"][:40]
        return None if same else Difference("", "backward", theirs["message"], ours["message"])
    return Difference("", "backward", "no error", ours["message"] if ours else "no error")


def _gradients(expected: Recorded, actual: Observation, case: Case) -> Difference | None:
    if _fresh_role(expected.facts) and _fresh_role(actual.facts):
        return None
    bound, floor = 4 * tolerance(case), gradient_floor(expected)
    for name, kept in expected.arrays.items():
        role = name.removeprefix("grad:")
        if role == name or (is_optional_bias(role) and name not in actual.arrays):
            continue
        array = actual.arrays.get(name)
        if array is None:
            return Difference("", "gradient", "a gradient", "none", role)
        if not equal(kept, array, bound, floor):
            largest = float(np.abs(array).max(initial=0.0))
            return Difference("", "gradient", f"up to {kept.scale:.4g}", f"up to {largest:.4g}", role)
    for name in actual.arrays:
        role = name.removeprefix("grad:")
        if role != name and name not in expected.arrays and not is_optional_bias(role):
            return Difference("", "gradient", "none", "a gradient", role)
    return None


def _registered(expected: Recorded, actual: Observation, case: Case) -> Difference | None:
    ours, theirs = actual.facts.get("roles", {}), expected.facts.get("roles", {})
    for role, kept in ours.items():
        there = theirs.get(role)
        if there is None:
            continue
        computed = kept["kept"] == "computed"  # from registered parameters, each of which a step must move
        for name in ("moved",) if computed else ("kept", "frozen", "fresh", "moved"):
            if kept[name] != there[name]:
                return Difference("", name, _say(there[name]), _say(kept[name]), role)
    if any(role not in ours and not is_optional_bias(role) for role in theirs):
        missing = next(role for role in theirs if role not in ours and not is_optional_bias(role))
        return Difference("", "missing weight", "used", "not used", missing)
    return None


def _after_a_step(expected: Recorded, actual: Observation, case: Case) -> Difference | None:
    """The output after one step of SGD: what a fact says of a parameter, this number proves.

    Where weights are computed, they move in their own way: there the output must merely be another.
    """
    if _fresh_role(expected.facts) and _fresh_role(actual.facts):
        return None
    kept, array = expected.arrays.get("after a step"), actual.arrays.get("after a step")
    if kept is None and array is None:
        return None
    if any("computed" in role["kept"] for role in actual.facts.get("roles", {}).values()):
        good = array is not None and not np.array_equal(array, actual.arrays["output"])
    else:  # the step is as exact as the gradients that it follows
        good = kept is not None and array is not None and equal(kept, array, 4 * tolerance(case))
    return None if good else Difference("", "after a step", "another output", "another one than expected")


def _alpha(expected: Recorded, actual: Observation, case: Case) -> Difference | None:
    ours, theirs = actual.facts.get("alpha"), expected.facts.get("alpha")
    if ours is None and theirs is None:
        return None
    for name in ("kept", "size", "start", "frozen", "fresh", "moved"):
        left = theirs.get(name) if theirs else None
        right = ours.get(name) if ours else None
        close = isinstance(left, float) and isinstance(right, float) and abs(left - right) < 1e-6
        if left != right and not close:
            return Difference("", f"alpha {name}", _say(left), _say(right))
    return None


_ALWAYS: list[tuple[str, Check]] = [("shape", _problem)]
CHECKS: Mapping[Kind, list[tuple[str, Check]]] = {
    "module": [
        *_ALWAYS,
        ("shape", _output),
        ("values", _fresh),
        ("values", _fact("repeatable", "the same again")),
        ("values", _values("output")),
        ("values", _fact("input_changed", "input changed")),
        ("values", _collected),
        ("gradients", _backward),
        ("parameters", _listing),
        ("parameters", _alpha),
        ("gradients", _gradients),
        ("parameters", _registered),
        ("parameters", _fact("strays", "other tensors with a gradient")),
        ("parameters", _after_a_step),
    ],
    "outputs": [
        *_ALWAYS,
        ("shape", _returned),
        ("shape", _shapes),
        ("values", _listed),
        ("untouched", _fact("input_changed", "x changed")),
        # Other layers have other weights, hooks and modes: this comes first.
        ("untouched", _fact("layers_changed", "layers changed")),
        ("untouched", _fact("hooks_left", "hooks left behind")),
        ("untouched", _fact("weights_changed", "weights changed")),
        ("untouched", _fact("mode_changed", "training mode changed")),
        ("untouched", _fact("learning_changed", "`requires_grad` changed")),
        ("untouched", _fact("gradients_left", "gradients left behind")),
        ("untouched", _fact("recording_changed", "recording of gradients switched off")),
        ("untouched", _fact("repeatable", "the same again")),
    ],
    "fit": [
        *_ALWAYS,
        ("shape", _returned),
        ("values", _values("alpha")),
        ("log", _fact("moved", "a step moves alpha")),
        ("log", _log),
        ("untouched", _fact("moved", "a step moves alpha")),
        ("untouched", _fact("others_changed", "other weights changed")),
        ("untouched", _fact("inputs_changed", "x or target changed")),
        ("untouched", _fact("alpha_kept", "`model.alpha` is the same parameter")),
        ("untouched", _fact("learning_changed", "`requires_grad` changed")),
    ],
    "literals": [],
}


def differences(expected: Recorded, actual: Observation, case: Case) -> list[Difference]:
    """All that differs, the first cause first.

    What follows from a cause is left out: after an error nothing else is compared, after a wrong
    shape no values, after wrong values no gradients, and after any of them no step. In a list of another
    length than asked the rest may be right.
    """
    found: list[Difference] = []
    for rank, (part, check) in enumerate(CHECKS[case.kind]):
        if found and found[0].part == "shape" and found[0].what not in ("returned", "shapes"):
            break
        if part == "gradients" and any(d.part == "values" for d in found):
            continue
        if part in {d.part for d in found} or (check is _after_a_step and found):
            continue
        difference = check(expected, actual, case)
        if difference is not None:
            found.append(replace(difference, part=part, rank=rank if part != "shape" else 0))
    return found
