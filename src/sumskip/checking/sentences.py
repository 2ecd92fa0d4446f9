"""The words of a report where no wrong model explains an answer: what was observed, never a guess.

At most 30 words a sentence; expected beside actual; a trap of the API gets its repair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
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
OTHER_ANSWER = "`{came}` is the answer to `{other}`; this check expects `{symbol}`."
UNHASHABLE = (
    "`parameters()` stops, as {type} has `__eq__` but no `__hash__`. Every `@dataclass` is made so: write "
    "`@dataclass(eq=False)`."
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
    "not a class": "`{symbol}` should be a class; {message} came. Pass the class itself, by its name.",
    "meta": "`{message}` is on the device meta, where tensors have a shape and no numbers. Make it on the CPU.",
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
    "train": "Changing the mode of the model stopped",
    "parameters": "`parameters()` stopped",
    "constructor": "Making the model stopped",
    "forward": "The forward pass stopped",
    "backward": "The backward pass stopped",
    "call": "The call stopped",
    "alpha": "Setting alpha stopped",
    "step": "An optimiser's step stopped",
    "run": "It stopped",
}
# What a line of expected beside actual is about; {place} is a role in words.
_LABELS = {
    "kept": "how {place} is kept",
    "alpha kept": "how `alpha` is kept",
    "alpha size": "numbers in `alpha`",
    "alpha start": "first value of `alpha`",
    "missing weight": "{place}",
    "collected": "output in eval mode, after train mode",
    "gradient": "gradient of {place}",
    "backward": "backward pass",
    "listing": "`parameters()`",
}
SAID_OF = {
    "missing weight": "In the exercise {note} has an influence on the result; in your model it has none.",
    "kept": "The values are right, but {note} is a {actual}, not a {expected}: `parameters()` must list it.",
    "frozen": "The values are right, but {note} has `requires_grad` False, so no step can change it.",
    "fresh": "Each forward pass makes {note} anew, so nothing it learns lasts. Where should it be made?",
    "moved": "One optimiser step leaves {note} as it was; it should move. What does `parameters()` list?",
    "input changed": "The values are right, but the input was changed on the way. Make a new tensor instead.",
    "the same again": "Two runs on equal inputs gave different results. What changes between them?",
    "x changed": "The values are right, but `x` was changed on the way. Make a new tensor instead.",
    "x or target changed": "The values are right, but `x` or `target` was changed. Make a new tensor instead.",
    "hooks left behind": "The values are right, but the model still has hooks afterwards. Remove each by its handle.",
    "weights changed": "The values are right, but weights of the model are others afterwards. Leave them as they were.",
    "training mode changed": "The values are right, but `train()` or `eval()` was left on. Leave the mode as it was.",
    "layers changed": "The values are right, but the model has other layers afterwards. Leave it as it was.",
    "other weights changed": "Only `alpha` should change; {actual} changed too. Which parameters does the optimiser get?",
    "`model.alpha` is the same parameter": "`model.alpha` is another parameter afterwards. Change its number, not the parameter.",
    "`requires_grad` changed": (
        "The values are right, but `requires_grad` is another afterwards than before. Leave it as it was."
    ),
    "gradients left behind": (
        "The values are right, but gradients stay at `x` or at the model's weights. Looking at outputs needs none."
    ),
    "recording of gradients switched off": (
        "The values are right, but PyTorch records no gradients afterwards. What switches that off for a few lines "
        "only?"
    ),
    "a step moves alpha": "`alpha` stays where it started. Which call computes its gradient, and which one moves it?",
    "list of what alpha was after each step": "Your list does not hold what `alpha` was after each step. When is it read?",
    "returned": "Your function returned {actual}; {expected} was expected. What should the last line return?",
    "shapes": "Your list has {actual}; {expected} was expected. Which layer's output belongs there?",
    "collected": (
        "In each mode the values are right, but not in eval mode after passes in train mode. Do all running means "
        "and variances collect as in `nn.BatchNorm2d(channels)`?"
    ),
    "other tensors with a gradient": (
        "The values are right, but a tensor with `requires_grad` has a part in them that `parameters()` does "
        "not list. Should it learn?"
    ),
    "after a step": "The values are right, but one optimiser step does not change them as their gradients say.",
}

_UNMOVED = {LOOSE: LOOSE_WEIGHT, CUT: CUT_WEIGHT, LATE: LATE_WEIGHT}


def say(first: Difference, seen: Observation, recorded: Recorded, key: Key) -> tuple[str, str | None]:
    """A sentence about the first difference, and an id where the cause is certain without a guess."""
    problem = seen.facts.get("problem")
    if first.what == "problem" and problem:
        return _problem(problem, key)
    if first.what == "type":
        return _type(first)
    if first.what == "shape":
        return (
            f"Your output{_formula(seen)} has shape {first.actual}; {first.expected} was expected"
            f"{_dimension(first)}.",
            None,
        )
    if first.what == "values":
        ours, theirs = seen.facts.get("formula"), recorded.facts.get("formula")
        if ours and theirs and seen.facts.get("form") != recorded.facts.get("form"):
            return (
                f"The shape is right, the values are not: your model computes `{ours}`; `{theirs}` was expected.",
                None,
            )
        if odd := _odd_weight(seen, recorded):
            return odd, None
        right = "length" if key.kind == "fit" else "shape"
        return f"The {right} is right, the values are not: {first.note or 'see below'}.", None
    if first.what == "gradient":
        what = "no gradient" if first.actual == "none" else "another gradient than expected"
        return f"The values are right, but {what} reaches {in_words(first.note)} in the backward pass.", None
    if first.what == "backward":
        return f"The values are right, but the backward pass fails: {_short(first.actual)}", None
    if first.what == "listing":
        stopped = seen.facts["listing"]
        if stopped["unhashable"]:
            return UNHASHABLE.format(type=f"`{key.symbol}`"), None
        return _problem(stopped, key)
    if first.what.startswith("alpha ") and first.what not in SAID_OF:
        return _alpha(first)
    if first.what == "kept" and first.actual in _UNMOVED:
        return _UNMOVED[first.actual].format(note=in_words(first.note)), None
    sentence = SAID_OF[first.what].format(**{**first.__dict__, "note": in_words(first.note)})
    return sentence, {"fresh": "layers-in-forward", "frozen": "layers-frozen"}.get(first.what)


def _formula(seen: Observation) -> str:
    """How the output came about, to stand in a sentence."""
    formula = seen.facts.get("formula")
    return f", `{formula}`," if formula else ""


def _odd_weight(seen: Observation, recorded: Recorded) -> str:
    """A weight of another shape than any that is still wanted; empty where there is none."""

    def shapes(facts: Mapping[str, Any]) -> Counter[tuple[int, ...]]:
        roles = facts.get("roles", {})
        return Counter(tuple(kept["shape"]) for role, kept in roles.items() if role.endswith(".weight"))

    ours, theirs = shapes(seen.facts), shapes(recorded.facts)
    came, wanted = list((ours - theirs).elements()), list((theirs - ours).elements())
    if len(came) != 1 or len(wanted) != 1 or len(came[0]) != len(wanted[0]):
        return ""
    return (
        f"The values are not right: one layer's weight has shape {came[0]}, where "
        f"{wanted[0]} was expected. Which argument sets that?"
    )


def _problem(problem: dict[str, Any], key: Key) -> tuple[str, str | None]:
    if problem["stage"] == "answer":
        name = problem["type"].replace(" ", "-")
        return _ANSWER[problem["type"]].format(symbol=key.symbol, message=problem["message"]), name
    if _is_the_stub(problem):
        place = "in `forward`" if problem.get("function") == "forward" else "here"
        if problem.get("written"):
            return (
                f"`raise NotImplementedError` still stands {place}, beside your lines. Delete it.",
                "raise-left",
            )
        return f"Nothing is {place} yet: replace `raise NotImplementedError` by your answer.", "untouched"
    if problem.get("name"):
        at = (
            f"`{_short(problem['source'])}` reads `{problem['name']}`"
            if problem.get("source")
            else problem["message"]
        )
        return (
            f"{at}, but nothing of that name is made before. Which line makes it, or is `self.` missing?",
            None,
        )
    if problem.get("attribute"):
        at = _short(problem.get("source") or problem.get("function") or "forward")
        return (
            f"`{at}` asks for `self.{problem['attribute']}`, which the model does not have. Is it made in "
            "`__init__`, and spelt alike?",
            None,
        )
    line = f" at `{problem['source']}`" if problem.get("source") else ""
    if "operator" in problem:
        return _operator(problem, line), None
    words = problem["type"]
    if problem["message"] != words:
        words = f"{words}: {_short(problem['message'])}"
    return f"{_STAGE.get(problem['stage'], 'It stopped')}{line}: {words}", None


def _is_the_stub(problem: dict[str, Any]) -> bool:
    """Whether it is the lesson's own `raise` that stopped the answer, and not one of PyTorch's."""
    if problem["type"] != "NotImplementedError":
        return False
    source = problem.get("source", "")
    return source.startswith("raise NotImplementedError") or (
        not source and problem["message"] == problem["type"]
    )


# What of a difference lies in how a weight is kept.
_KEEPING = ("kept", "alpha kept", "moved", "missing weight", "after a step", "other tensors with a gradient")


def from_outside(first: Difference, seen: Observation, sure: bool) -> str | None:
    """What a function reads that is made outside of it, where that is why the answer is wrong.

    It is `sure` where the operator that failed received it, or where it is a weight that the model does not
    keep. Otherwise the values merely depend on it, which is said where no other cause is known.
    """
    for one in seen.facts.get("outside", ()):
        weight = one["kind"] not in ("tensor", "number")
        kept = first.what in _KEEPING if weight else first.what == "alpha kept" and one["name"] == "alpha"
        failed = first.what == "problem" and one["failed"]
        depends = first.what in ("values", "shape", "gradient", "backward") and one["kind"] != "number"
        if kept or failed or (depends and not sure):
            what = one["kind"] + (f" of shape {tuple(one['shape'])}" if one.get("shape") else "")
            question = "Which line inside should make it?"
            if not one["method"]:
                question = "Which of its arguments belongs there?"
            elif weight or kept:
                question = f"Should it be `self.{one['name']}`, made in `__init__`?"
            return f"`{one['function']}` reads `{one['name']}`, a {what} made outside of it. {question}"
    return None


# Operators by the sign that stands for them in a program.
_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "matmul": "@"}


def _operator(problem: dict[str, Any], line: str) -> str:
    """What an operator of the forward pass that stopped was given."""
    operands = [(str(made), [int(n) for n in shape]) for made, shape in problem["operands"]]
    op, takes = problem["operator"], problem["takes"]
    if operands and takes:
        made, shape = operands[0]
        place, what = (1, "channels") if op == "conv2d" else (len(shape) - 1, "numbers in the last dimension")
        if 0 <= place < len(shape) and shape[place] != takes:
            return (
                f"`{problem['layer'] or op}` takes {takes} {what}, but received {shape[place]}: {_made(made)} "
                f"has shape {tuple(shape)}. Which of the two should change?"
            )
    if op in _SIGNS and len(operands) == 2:
        (left, one), (right, other) = operands
        sizes = len(one) == len(other) == 4 and one[:2] == other[:2]
        ask = "What changed height or width on the way?" if sizes else "Which two tensors should meet here?"
        return (
            f"`{_SIGNS[op]}` cannot join {_made(left)} of shape {tuple(one)} and {_made(right)} of shape "
            f"{tuple(other)}. {ask}"
        )
    given = ", ".join(f"{_made(made)} of shape {tuple(shape)}" for made, shape in operands)
    given = f", given {given}" if given and len(operands) < 3 else ""  # more stand in the details
    stopped = _STAGE.get(problem["stage"], "It stopped")
    return f"{stopped}{line} in `{op}`{given}: {problem['type']}: {_short(problem['message'])}"


def _made(formula: str) -> str:
    return f"`{formula}`" if formula else "a tensor"


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
        return f": {len(actual)} dimension{'' if len(actual) == 1 else 's'} instead of {len(expected)}"
    places = [i for i, (a, b) in enumerate(zip(expected, actual, strict=True)) if a != b]
    names = ("the number of images", "the number of channels", "the height", "the width")
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
    for made, shape in (problem or {}).get("operands", ()):
        lines.append(f"an operand: {_made(str(made))} of shape {tuple(shape)}")
    if not problem:
        if seen.facts.get("formula"):
            lines.append(f"your model computes `{seen.facts['formula']}`")
        expected, actual = recorded.facts.get("output", {}), seen.facts.get("output", {})
        if expected.get("shape") and expected != actual:
            came = tuple(actual["shape"]) if "shape" in actual else actual.get("type")
            if came != tuple(expected["shape"]):
                lines.append(f"shape: expected {tuple(expected['shape'])}, yours {came}")
        kept, output = recorded.arrays.get("output"), seen.arrays.get("output")
        if first.what == "values" and kept is not None and kept.full and output is not None:
            lines.append(f"first values: expected {show(kept.values)}, yours {show(output)}")
        if first.what == "the same again" and "apart" in seen.facts:
            one, other = seen.facts["apart"]
            lines.append(f"first number that differs: {one} in the first run, {other} in the second")
        elif first.what in _LABELS:
            what = _LABELS[first.what].format(place=in_words(first.note))
            lines.append(f"{what}: expected {first.expected}, yours {_short(first.actual)}")
        elif first.what == "values" and "output" not in recorded.arrays:
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
