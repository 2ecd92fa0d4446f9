"""The words of a report where no wrong model explains an answer: what was observed, never a guess.

At most 30 words a sentence; expected beside actual; a trap of the API gets its repair.
"""

from __future__ import annotations

from typing import Any

from sumskip.checking.core import CUT, LATE, LOOSE, Case, Observation
from sumskip.checking.differences import Difference, show
from sumskip.checking.key import Key, Recorded

HIDDEN_WEIGHTS = (
    "This check cannot find the weights in this construction, so it cannot say. "
    "Your instructor's grader will judge this construction."
)
WEAK_WEIGHTS = (
    "The weights that this construction computes are nearly all zero or all alike, so its values do not show "
    "what it does. Your instructor will look at it."
)
OUR_FAULT = (
    "Sum & Skip itself stopped while it tried your answer: {type}: {message}. This is a fault of ours, not "
    "your mistake; please report it."
)
LOOSE_WEIGHT = (
    "In each pass {note} is computed from tensors that `parameters()` does not list, so no step changes "
    "them. What declares a tensor that learns?"
)
CUT_WEIGHT = (
    "In each pass {note} is computed without a gradient, so no step changes it. Which call, or which "
    "missing `nn.Parameter`, cuts it off?"
)
LATE_WEIGHT = (
    "The values are right, but {note} is registered when the model runs. An optimiser that is made before "
    "does not get it. Where should it be made?"
)
LOST_WEIGHTS = (
    "This construction keeps its weights in another form than a convolution does, so no values can be "
    "compared with it. Your instructor will look at it."
)
ANOTHER_FORM = (
    "Weights were found in another form than one kernel for each convolution, as was asked. Is one cut into "
    "several, or transposed?"
)

_ANSWER = {
    "missing": "Nothing is bound to `{symbol}` yet. Run the cell that defines it, then this one.",
    "instance": "`{symbol}` was expected as a class, a model came. Pass the class itself, without brackets.",
    "not a module class": "A class derived from `nn.Module` was expected, `{message}` came. Which class does yours extend?",
    "compiled": (
        "What `torch.compile` and `torch.jit` make hides what runs. Take them out: the class alone is asked, and "
        "graded."
    ),
    "function": "A class derived from `nn.Module` was expected, a function came. Pass the class itself.",
    "not a module": "`{symbol}` should make an `nn.Module`; it made {message}.",
    "not a function": "A function was expected, {message} came. Define it with `def {symbol}(...)`.",
}
_STAGE = {
    "constructor": "Making the model stopped",
    "forward": "The forward pass stopped",
    "backward": "The backward pass stopped",
    "training": "Training stopped",
    "call": "The call stopped",
    "alpha": "Setting alpha stopped",
    "step": "An optimiser's step stopped",
    "run": "It stopped",
}
_LABELS = {
    "kept": "kept as",
    "alpha kept": "alpha kept as",
    "alpha size": "numbers in alpha",
    "fresh": "made anew in each forward pass",
    "moved": "moved by an optimiser step",
    "missing weight": "influence",
    "collected": "output in eval mode, after train mode",
    "backward": "backward pass",
}
_PLACES = {
    "missing weight": "In the exercise {note} has an influence on the result; in your model it has none.",
    "kept": "The values are right, but {note} is a {actual}, not a {expected}: `parameters()` must list it.",
    "frozen": "The values are right, but {note} has `requires_grad` False, so no step can change it.",
    "fresh": "Each forward pass makes {note} anew, so nothing it learns lasts. Where should it be made?",
    "moved": "One optimiser step leaves {note} as it was; it should move. What does `parameters()` list?",
    "input changed": "The values are right, but the input was changed on the way. Make a new tensor instead.",
    "collected": (
        "In each mode the values are right, but not in eval mode after passes in train mode. Do all running means "
        "and variances collect as in `nn.BatchNorm2d(channels)`?"
    ),
    "the same again": "Two forward passes on equal inputs gave different results. What changes between them?",
    "other tensors with a gradient": (
        "The values are right, but a tensor with `requires_grad` has a part in them that `parameters()` does "
        "not list. Should it learn?"
    ),
    "after a step": "The values are right, but one optimiser step does not change them as their gradients say.",
}

_UNMOVED = {LOOSE: LOOSE_WEIGHT, CUT: CUT_WEIGHT, LATE: LATE_WEIGHT}


def say(first: Difference, seen: Observation, key: Key) -> tuple[str, str | None]:
    """A sentence about the first difference, and an id where the cause is certain without a guess."""
    problem = seen.facts.get("problem")
    if first.what == "problem" and problem:
        return _problem(problem, key)
    if first.what == "type":
        return _type(first)
    if first.what == "shape":
        return (
            f"Your output has shape {first.actual}; {first.expected} was expected{_dimension(first)}.",
            None,
        )
    if first.what == "values":
        return f"The shape is right, the values are not: {first.note or 'see below'}.", None
    if first.what == "gradient":
        what = "no gradient" if first.actual == "none" else "another gradient than expected"
        return f"The values are right, but {what} reaches {in_words(first.note)} in the backward pass.", None
    if first.what == "backward":
        return f"The values are right, but the backward pass fails: {_short(first.actual)}", None
    if first.what.startswith("alpha "):
        return _alpha(first)
    if first.what == "kept" and first.actual in _UNMOVED:
        return _UNMOVED[first.actual].format(note=in_words(first.note)), None
    if first.what in _PLACES:
        sentence = _PLACES[first.what].format(**{**first.__dict__, "note": in_words(first.note)})
        return sentence, {"fresh": "layers-in-forward", "frozen": "layers-frozen"}.get(first.what)
    return (
        f"{first.what[0].upper()}{first.what[1:]}: {first.actual} came, {first.expected} was expected.",
        None,
    )


def _problem(problem: dict[str, Any], key: Key) -> tuple[str, str | None]:
    if problem["stage"] == "answer":
        name = problem["type"].replace(" ", "-")
        return _ANSWER[problem["type"]].format(symbol=key.symbol, message=problem["message"]), name
    if problem["type"] == "NotImplementedError" and not problem["message"].startswith("Module ["):
        return "Nothing is here yet: replace `raise NotImplementedError` by your answer.", "untouched"
    line = f" at `{problem['source']}`" if problem.get("source") else ""
    return (
        f"{_STAGE.get(problem['stage'], 'It stopped')}{line}: {problem['type']}: {_short(problem['message'])}",
        None,
    )


def _type(first: Difference) -> tuple[str, str | None]:
    if first.actual == "NoneType":
        return "Nothing came back, one tensor was expected. Which line hands the result over?", "no-return"
    if first.actual.startswith("tensor of"):
        return f"A {first.actual} came back; floating-point numbers (float32) were expected.", "wrong-dtype"
    return (
        f"A {first.actual} came back; one {first.expected} was expected. What should the last line return?",
        None,
    )


def _alpha(first: Difference) -> tuple[str, str | None]:
    name = first.what.removeprefix("alpha ")
    if name == "kept" and first.actual == "missing":
        return (
            "The model has no attribute `alpha`. The exercise asks for `self.alpha` itself.",
            "alpha-missing",
        )
    if name == "kept":
        names = {"number": "plain-float", "buffer": "buffer", "tensor": "tensor-not-registered"}
        return (
            f"`alpha` is a {first.actual}; a learnable parameter was expected. How does a module declare one?",
            names.get(first.actual),
        )
    if name == "size":
        sentence = f"`alpha` holds {first.actual} numbers; one was expected, the same for all channels."
        return sentence, "per-channel"
    if name == "start":
        return f"`alpha` starts at {first.actual}; it should start at {first.expected}.", "alpha-start"
    words = {
        "frozen": "`alpha` has `requires_grad` False, so no step can change it.",
        "fresh": "`alpha` is made anew in each forward pass, so nothing it learns lasts. Where should it be made?",
        "moved": "One optimiser step leaves `alpha` at its value. Does the output depend on the parameter itself?",
    }
    names = {"frozen": "frozen", "fresh": "created-in-forward"}
    return words[name], names.get(name)


def _dimension(first: Difference) -> str:
    """Which dimension differs, where just one does."""
    expected, actual = _numbers(first.expected), _numbers(first.actual)
    if len(expected) != len(actual):
        return f": {len(actual)} dimensions instead of {len(expected)}"
    places = [i for i, (a, b) in enumerate(zip(expected, actual, strict=True)) if a != b]
    names = ("N", "C, the channels", "H, the height", "W, the width")
    said = [names[i] if len(expected) == 4 else f"dimension {i}" for i in places]
    return f": {' and '.join(said)} differ{'s' if len(said) == 1 else ''}" if len(said) in (1, 2) else ""


def _numbers(shape: str) -> list[int]:
    return [int(part) for part in shape.strip("()").split(",") if part.strip().isdigit()]


def _short(message: str, most: int = 160) -> str:
    first = " ".join(message.split())
    return first if len(first) <= most else first[: most - 1] + "…"


def details(
    first: Difference, case: Case, seen: Observation, recorded: Recorded, key: Key
) -> tuple[str, ...]:
    """Lines of expected (`recorded`) beside actual (`seen`), for the case that shows the first difference."""
    problem = seen.facts.get("problem")
    lines = []
    if case.inputs and not (problem and problem["stage"] == "answer"):
        made = f"{key.symbol}({', '.join(map(str, case.init))})" if key.kind == "module" else key.symbol
        alpha = f", alpha = {case.alpha}" if case.alpha is not None else ""
        mode = ", in eval mode" if case.mode == "eval" else ""
        lines.append(f"asked: {made} with input {case.inputs[0]}{mode}{alpha}")
    if problem and problem.get("line"):
        lines.append(f"line {problem['line']}: {problem.get('source', '')}")
    if not problem:
        expected, actual = recorded.facts.get("output", {}), seen.facts.get("output", {})
        if expected.get("shape") and expected != actual:
            came = tuple(actual["shape"]) if "shape" in actual else actual.get("type")
            lines.append(f"shape: expected {tuple(expected['shape'])}, yours {came}")
        kept, output = recorded.arrays.get("output"), seen.arrays.get("output")
        if first.what == "values" and kept is not None and kept.full and output is not None:
            lines.append(f"first values: expected {show(kept.values)}, yours {show(output)}")
        if first.what not in ("shape", "values"):
            place = f" of {in_words(first.note)}" if first.note else ""
            what = _LABELS.get(first.what, first.what)
            lines.append(f"{what}{place}: expected {first.expected}, yours {_short(first.actual)}")
        elif "output" not in recorded.arrays:
            lines.append(f"expected {first.expected}, yours {first.actual}")
    return tuple(lines)


def in_words(role: str) -> str:
    """A role as a learner would say it: `conv2d#1.weight` is "the weight of convolution 1"."""
    use, _, slot = role.partition(".")
    op, _, number = use.partition("#")
    name = {"conv2d": "convolution", "batch_norm": "BatchNorm", "linear": "linear layer"}.get(op, op)
    if op == "input":
        return "the input"
    return f"the {slot.replace('_', ' ')} of {name} {number}" if slot else f"`{role}`"
