"""What the sentence of each diagnosis asserts, to be looked for in what a program is and does.

`holds` reads a sentence sceptically: all that it says must be so. A claim is about an exercise's programs in general
where its key is an id, and about those of one exercise where the key is "exercise/id".
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from programs import NAMES, Facts, Run, Step, holder_of, same, sizes
from programs_functions import close

Claim = Callable[[Facts, str], bool]


class Unknown(LookupError):
    """A diagnosis about which nothing is said here: a gap of the harness."""


# --- what a program did -----------------------------------------------------------------------------

_SAME = ("same",)


def _source(run: Run, name: str) -> str:
    """The step that made a tensor, looked for through operators that change nothing."""
    for step in reversed(run.program.steps):
        if step.target == name and step.op in _SAME:
            return _source(run, step.args[0])
    return name


def _step(f: Facts, name: str) -> Step | None:
    name = _source(f.runs[0], name)
    return next((s for s in reversed(f.program.steps) if s.target == name), None)


def _above(f: Facts, name: str) -> list[Step]:
    """The steps that a tensor was made of."""
    found: list[Step] = []
    names = {name}
    for step in reversed(f.program.steps):
        if step.target in names:
            found.append(step)
            names |= set(step.args)
    return found[::-1]


def _returned(f: Facts) -> list[Step]:
    """The steps that have a part in what is returned."""
    found = [s for name in re.findall(r"(?<![.<\w])[a-z]\w*", f.program.returned) for s in _above(f, name)]
    return [s for s in f.program.steps if s in found]


def _calls(f: Facts, kind: str = "conv") -> list[Step]:
    """The calls of layers of one kind that ran, or stopped the answer, in their order."""
    run = f.runs[0]
    steps = run.done + ([run.stopped] if run.stopped else [])
    return [s for s in steps if s.op == "call" and f.program.layers[s.layer].kind == kind]


def _spec(f: Facts, step: Step) -> dict[str, Any]:
    return f.program.layers[step.layer].spec


def _reads(f: Facts, step: Step) -> str:
    return _source(f.runs[0], step.args[0])


def _made_by(f: Facts, name: str, kind: str = "conv") -> Step | None:
    step = _step(f, name)
    return step if step and step.op == "call" and f.program.layers[step.layer].kind == kind else None


def _stops(f: Facts) -> list[tuple[Run, Step]]:
    return [
        (r, r.stopped)
        for r in f.runs
        if r.stopped is not None and r.error is not None and r.stage == "forward"
    ]


_MEETINGS = (
    "sum",
    "sum-reduced",
    "blend",
    "wrong-blend",
    "sub",
    "scaled-sum",
    "mean-of-two",
    "sum-twice",
    "sum-detached",
    "sum-in-place",
)


def _meeting(f: Facts) -> tuple[Run, Step] | None:
    """Where two tensors were to be added, and could not."""
    return next(((r, s) for r, s in _stops(f) if s.op in _MEETINGS and len(s.args) == 2), None)


def _met(f: Facts, dimension: int) -> tuple[int, ...]:
    """What the two have in one dimension, where they did not fit there."""
    found = _meeting(f)
    if not found:
        return ()
    shapes = [found[0].shape(name) for name in found[1].args]
    if any(len(shape) != 4 for shape in shapes) or shapes[0][dimension] == shapes[1][dimension]:
        return ()
    return tuple(shape[dimension] for shape in shapes)


def _out(f: Facts) -> tuple[int, ...]:
    output = f.runs[0].output
    return tuple(output.shape) if isinstance(output, Tensor) else ()


def _all_tensors(f: Facts) -> bool:
    return all(isinstance(r.output, Tensor) for r in f.runs)


# --- formulas of a program's own layers -------------------------------------------------------------


def _namings(f: Facts) -> list[dict[str, str]]:
    """The layers by their usual names, and numbered in the order in which they first run."""
    usual = {name: name for name in f.program.layers}
    counts: dict[str, int] = {}
    in_order: dict[str, str] = {}
    for step in f.program.steps:
        if step.op == "call" and step.layer not in in_order.values():
            kind = {"conv": "conv", "norm": "bn"}.get(f.program.layers[step.layer].kind, "")
            counts[kind] = counts.get(kind, 0) + 1
            in_order[f"{kind}{counts[kind]}" if kind else step.layer] = step.layer
    return [usual] if all(k == v for k, v in in_order.items()) else [usual, {**usual, **in_order}]


def _layer_names(f: Facts, run: Run, naming: dict[str, str]) -> tuple[dict[str, Any], Any]:
    """What a formula is written in: the program's own layers, by these names, in a copy of the fresh model."""
    model = copy.deepcopy(run.model if f.program.keep == "first-call" else run.fresh)
    names: dict[str, Any] = {**NAMES, "R": torch.relu, "alpha": getattr(model, "alpha", None)}
    for name, layer in naming.items():
        call = compile(
            f.program.layers[layer].call.replace("{m}", f.program.places[layer]).format("given"), name, "eval"
        )
        scope = {**NAMES, "self": model}
        made: dict[int, tuple[Any, Any]] = {}  # many formulas begin with the same layers

        def layer_of(given: Any, call: Any = call, scope: Any = scope, made: Any = made) -> Any:
            if id(given) not in made:
                made[id(given)] = (given, eval(call, {**scope, "given": given}))
            return made[id(given)][1]

        names[name] = layer_of
    return names, model


def _value(formula: str, names: dict[str, Any], x: Tensor) -> Any:
    """A formula's value; None where it cannot be computed."""
    try:
        return eval(formula, {**names, "x": x})
    except Exception:
        return None


def _equal(f: Facts, formulas: tuple[str, ...]) -> bool:
    """Whether the output is one of these formulas of the program's own layers, in every run."""
    if "formulas" not in f.__dict__:
        f.formulas = [
            [(_layer_names(f, r, naming)[0], r.x.detach()) for r in f.runs] for naming in _namings(f)
        ]
    return any(
        all(same(r.output, _value(formula, *scope)) for r, scope in zip(f.runs, scopes, strict=True))
        for scopes in f.formulas
        for formula in formulas
    )


def equals(*formulas: str) -> Claim:
    """The output is one of these formulas of the program's own layers, in every run, and they are not the exercise's."""

    def claim(f: Facts, said: str) -> bool:
        usable = f.program.keep != "in-forward" and _all_tensors(f) and not f.values_right
        return usable and _equal(f, formulas)

    return claim


def gradients_of(*formulas: str) -> Claim:
    """The values are right, and all gradients are those of one of these formulas."""

    def claim(f: Facts, said: str) -> bool:
        if not f.values_right or f.wrong is None or f.backward_fails:
            return False
        return any(_same_gradients(f, formula, naming) for naming in _namings(f) for formula in formulas)

    return claim


def _gradients(output: Any, x: Tensor, model: Any) -> list[Tensor] | None:
    if not isinstance(output, Tensor):
        return None
    wanted = [x, *(p for p in model.parameters() if p.requires_grad)]
    if not output.requires_grad:
        return [torch.zeros_like(t) for t in wanted]
    torch.manual_seed(5)
    try:
        total = (output * torch.rand_like(output)).sum()
        found = torch.autograd.grad(total, wanted, allow_unused=True)
    except RuntimeError:
        return None
    return [torch.zeros_like(t) if g is None else g for g, t in zip(found, wanted, strict=True)]


def _same_gradients(f: Facts, formula: str, naming: dict[str, str]) -> bool:
    for r in f.runs:
        x = r.x.detach().clone().requires_grad_()
        names, own = _layer_names(f, r, naming)
        expected = _gradients(_value(formula, names, x), x, own)
        model = copy.deepcopy(r.fresh)
        mine = _gradients(model(x.clone()), x, model)
        if mine is None or expected is None or len(mine) != len(expected):
            return False
        if not all(same(a, b) for a, b in zip(mine, expected, strict=True)):
            return False
    return True


# --- claims by what was seen ------------------------------------------------------------------------


def flag(*names: str) -> Claim:
    return lambda f, said: bool(f.program.flags & set(names))


def both(*claims: Claim) -> Claim:
    return lambda f, said: all(claim(f, said) for claim in claims)


def either(*claims: Claim) -> Claim:
    return lambda f, said: any(claim(f, said) for claim in claims)


def came(kind: Any) -> Claim:
    return lambda f, said: f.runs[0].error is None and isinstance(f.runs[0].output, kind)


def reading(f: Facts, said: str) -> bool:
    """Both convolutions, and there are two, read x and nothing else; something was made of both."""
    calls = _calls(f)
    return len({c.layer for c in calls}) == 2 == len(calls) and all(_reads(f, c) == "x" for c in calls)


def stops_in_second(f: Facts, said: str) -> bool:
    """A convolution made for 3 channels was given the first one's 16."""
    stops = _stops(f)
    calls = _calls(f)
    if not stops or stops[0][1] is not calls[-1:][0] if calls else True:
        return False
    run, step = stops[0]
    return (
        len(calls) > 1
        and _spec(f, step)["i"] == 3
        and run.shape(step.args[0])[1:2] == (16,)
        and bool(_made_by(f, step.args[0]))
        and step.layer != calls[0].layer
    )


def reversed_order(f: Facts, said: str) -> bool:
    """The first convolution that ran needs 16 channels and got x; the other is made for 3."""
    stops, calls = _stops(f), _calls(f)
    if not stops or not calls or stops[0][1] is not calls[0]:
        return False
    others = [x for n, x in f.program.layers.items() if x.kind == "conv" and n != calls[0].layer]
    return (
        _spec(f, calls[0])["i"] == 16 and _reads(f, calls[0]) == "x" and any(x.spec["i"] == 3 for x in others)
    )


def skip_from_x(f: Facts, said: str) -> bool:
    found = _meeting(f)
    return (
        bool(found) and sorted(_met(f, 1)) == [3, 16] and "x" in [_source(found[0], a) for a in found[1].args]
    )


def _outputs_meet(f: Facts, said: str) -> bool:
    """The outputs of two convolutions, one after the other, were to be added, and could not be."""
    found = _meeting(f)
    made = [_made_by(f, a) for a in found[1].args] if found else []
    return bool(made) and all(made) and any(s and _made_by(f, _reads(f, s)) in made for s in made)


def channels_differ(f: Facts, said: str) -> bool:
    """Two convolutions' outputs were to be added, the second of which has not 16 channels."""
    found = _meeting(f)
    if not found or not _met(f, 1):
        return False
    made = [_made_by(f, a) for a in found[1].args]
    return all(made) and any(s and _reads(f, s) != "x" and _spec(f, s)["o"] != 16 for s in made)


def unpadded(f: Facts, said: str) -> bool:
    """A 3×3 convolution without padding ran, and height and width differ where the sentence says so."""
    small = any(_spec(f, c)["k"] == 3 and _spec(f, c)["p"] == 0 for c in _calls(f))
    sizes_met = bool(_met(f, 2) or _met(f, 3))
    shrank = len(_out(f)) == 4 and _out(f)[2] < f.runs[0].at.shape[2] and _out(f)[3] < f.runs[0].at.shape[3]
    return small and (shrank if "shrank" in said else sizes_met or shrank)


def grew(f: Facts, said: str) -> bool:
    wide = any(_spec(f, c)["k"] == 3 and _spec(f, c)["p"] > 1 for c in _calls(f))
    return wide and len(_out(f)) == 4 and _out(f)[2] > f.runs[0].at.shape[2]


def strided(f: Facts, said: str) -> bool:
    striding = [c for c in _calls(f) if _spec(f, c)["s"] not in (1, "1")]
    if not striding or "halved" not in said:
        return any(
            f.runs[0].shape(c.target)[2:] < f.runs[0].at.shape[2:]
            for c in striding
            if f.runs[0].shape(c.target)
        )
    return (
        bool(striding)
        and len(_out(f)) == 4
        and _out(f)[2:] == tuple((n + 1) // 2 for n in f.runs[0].at.shape[2:])
    )


def even_kernel(f: Facts, said: str) -> bool:
    even = any(_spec(f, c)["k"] % 2 == 0 and _spec(f, c)["p"] == 1 for c in _calls(f))
    return even and bool(_met(f, 2))


def other_kernel(f: Facts, said: str) -> bool:
    """The shape is right; a kernel, or all where the sentence names one size, is not 3×3."""
    if not _shape_right(f):
        return False
    kernels = [_spec(f, c)["k"] for c in _calls(f)]
    named = re.search(r"kernels are (\d)×", said)
    return bool(kernels) and (
        all(k == int(named[1]) for k in kernels) if named else any(k != 3 for k in kernels)
    )


def _shape_right(f: Facts) -> bool:
    out = {"sequential_model": 32, "projected_addition_model": 32}.get(f.exercise, 16)
    return all(
        isinstance(r.output, Tensor) and r.output.shape == (r.at.shape[0], out, *r.at.shape[2:])
        for r in f.runs
    )


def one_channel(f: Facts, said: str) -> bool:
    which = [c for c in _calls(f) if _spec(f, c)["o"] == 1 and _reads(f, c) != "x"]
    if "projection" in said:
        which = [c for c in which if c.layer == "project"]
    return bool(which) and _shape_right(f) and any(c in _returned(f) for c in which)


def has_op(*ops: str) -> Claim:
    return lambda f, said: (
        not f.values_right and f.runs[0].error is None and any(s.op in ops for s in _returned(f))
    )


def concatenated(f: Facts, said: str) -> bool:
    """As many channels, or images, came out as the sentence says, by placing side by side or one behind the other."""
    out = _out(f)
    placed = any(s.op in ("cat", "repeat") or "torch.cat" in s.template for s in _returned(f))
    number = re.search(r"(\d+) channels came out", said)
    if "images came out" in said:
        return placed and len(out) == 4 and out[0] == 2 * f.runs[0].at.shape[0]
    if "Twice the channels" in said:
        return placed and len(out) == 4 and out[1] == 2 * sizes(f.runs[0].at)[1]
    return (
        placed
        and len(out) == 4
        and (not number or out[1] == int(number[1]))
        and ("Two times 16" not in said or out[1] == 32)
    )


def scalar(f: Facts, said: str) -> bool:
    word = "mean" if ".mean()" in said else "sum"
    return (
        f.runs[0].error is None
        and isinstance(f.runs[0].output, Tensor)
        and _out(f) == ()
        and any(f".{word}()" in s.template for s in _returned(f))
    )


def in_place(f: Facts, said: str) -> bool:
    """The values are right, the backward pass fails: the first output was overwritten."""

    def names_out1(name: str) -> bool:
        made = _made_by(f, name)
        return made is not None and _reads(f, made) == "x"

    return (
        f.values_right
        and f.backward_fails
        and any("_(" in s.template and s.args and names_out1(s.args[0]) for s in f.program.steps)
    )


def of_three(f: Facts, said: str) -> bool:
    """Three convolutions have a part in what came out."""
    return f.runs[0].error is None and len({c.layer for c in _calls(f) if c in _returned(f)}) == 3


def second_twice(f: Facts, said: str) -> bool:
    return any(
        (m := _made_by(f, _reads(f, c))) and m.layer == c.layer for c in _calls(f) if c in _returned(f)
    )


def python_list(f: Facts, said: str) -> bool:
    made = f.runs[0].fresh is not None
    return made and f.program.keep in ("list", "dict", "tuple") and not _listed(f)


def _listed(f: Facts) -> list[Any]:
    return [
        p
        for n, p in f.runs[0].fresh.named_parameters()
        if n != "alpha" and not n.startswith(("unused", "gain", "head"))
    ]


def in_forward(f: Facts, said: str) -> bool:
    """Layers are made in each call; where the sentence says so, two calls differ and no layer is listed."""
    if f.program.keep != "in-forward" or any(r.error for r in f.runs):
        return False
    return "lists no layer" not in said or not _listed(f)


def frozen(f: Facts, said: str) -> bool:
    if not f.values_right:
        return False
    tensors = _listed(f)
    return any(not p.requires_grad for p in tensors) and (
        "the layers have" not in said or not any(p.requires_grad for p in tensors)
    )


def no_gradient(f: Facts, said: str) -> bool:
    return f.values_right and not f.backward_fails and _no_layer_learns(f)


def _no_layer_learns(f: Facts) -> bool:
    r = f.runs[0]
    model = copy.deepcopy(r.fresh)
    if not any(p.requires_grad for p in model.parameters()):
        return False
    output = model(r.x.detach().clone())
    if not output.requires_grad:
        return True
    layers = [p for n, p in model.named_parameters() if n != "alpha" and p.requires_grad]
    found = torch.autograd.grad(output.sum(), layers, allow_unused=True) if layers else ()
    return all(g is None for g in found)


# --- alpha ------------------------------------------------------------------------------------------


def alpha(test: Callable[[Any, Any], bool]) -> Claim:
    """Something about the attribute `alpha` of a fresh model."""

    def claim(f: Facts, said: str) -> bool:
        model = f.runs[0].fresh
        return model is not None and test(getattr(model, "alpha", None), model)

    return claim


def _is_parameter(value: Any, model: Any) -> bool:
    return any(p is value for p in model.parameters())


def _is_buffer(value: Any, model: Any) -> bool:
    return any(b is value for b in model.buffers())


def _alpha_error(line: str) -> Claim:
    return lambda f, said: f.runs[0].error is not None and any(line in each for each in f.program.lines)


def _alpha_start(f: Facts, said: str) -> bool:
    """The sentence gives the number that alpha starts at."""
    try:
        value = f.program.bound()().alpha
    except Exception:
        return False
    number = re.search(r"starts at (-?[\d.]*\d)", said)
    return (
        isinstance(value, Tensor)
        and value.numel() == 1
        and abs(float(value) - 0.5) > 1e-9
        and (not number or "rand" in str(f.program.lines) or abs(float(number[1]) - float(value)) < 1e-3)
    )


def _squashed(f: Facts, said: str) -> bool:
    return (
        any("sigmoid" in s.template or "tanh" in s.template for s in _returned(f) if "alpha" in s.template)
        and not f.values_right
    )


_OUT1, _OUT2 = "conv1(x)", "conv2(conv1(x))"


def _of(template: str) -> str:
    return template.replace("out1", _OUT1).replace("out2", _OUT2)


def eq(*templates: str) -> Claim:
    return equals(*(_of(t) for t in templates))


def grads(*templates: str) -> Claim:
    return gradients_of(*(_of(t) for t in templates))


def by_words(*cases: tuple[str, Claim]) -> Claim:
    """The claim whose words are in the sentence."""
    return lambda f, said: any(words in said and claim(f, said) for words, claim in cases)


# --- blocks -----------------------------------------------------------------------------------------


def _join(f: Facts) -> Step | None:
    """The last step in which two tensors meet."""
    return next((s for s in reversed(f.program.steps) if len(s.args) == 2), None)


def _path(f: Facts, name: str) -> list[str]:
    """The kinds of the steps that made a tensor of x, one after the other."""
    found: list[str] = []
    while (step := _step(f, name)) is not None:
        layer = f.program.layers.get(step.layer)
        if not (layer and layer.make == "nn.Identity()"):
            found.append(layer.kind if layer else step.op)
        name = step.args[0]
    return found[::-1]


def _sides(f: Facts) -> tuple[list[str], list[str]] | None:
    """The kinds of steps on the two ways to the sum: through F, and beside it."""
    step = _join(f)
    if step is None:
        return None
    one, two = sorted((_path(f, a) for a in step.args), key=len, reverse=True)
    return one, two


def path_is(test: Callable[[list[str], list[str]], bool]) -> Claim:
    def claim(f: Facts, said: str) -> bool:
        sides = _sides(f) or (_path(f, f.program.returned), [])
        return f.runs[0].error is None and not f.values_right and test(*sides)

    return claim


_RIGHT_PATH = ["conv", "norm", "relu", "conv", "norm"]


def _between(path: list[str]) -> list[str]:
    """What stands between the first two convolutions."""
    places = [i for i, kind in enumerate(path) if kind == "conv"]
    return path[places[0] + 1 : places[1]] if len(places) > 1 else ["?"]


def _behind(path: list[str]) -> list[str]:
    places = [i for i, kind in enumerate(path) if kind == "conv"]
    return path[places[1] + 1 :] if len(places) > 1 else ["?"]


def _norm_of_sum(f: Facts, said: str) -> bool:
    calls = _calls(f, "norm")
    return len(calls) > 1 and (made := _step(f, calls[-1].args[0])) is not None and len(made.args) == 2


def shared(kind: str) -> Claim:
    def claim(f: Facts, said: str) -> bool:
        calls = _calls(f, kind)
        return (
            f.runs[0].error is None
            and len([c for c in calls if c in _returned(f)]) == 2
            and len({c.layer for c in calls}) == 1
        )

    return claim


def sum_op(*ops: str) -> Claim:
    """F(x) and the shortcut met in another operator than a sum."""
    return lambda f, said: (
        not f.values_right
        and f.runs[0].error is None
        and (s := _join(f)) is not None
        and s.op in ops
        and _sides(f)[0][-5:] == _RIGHT_PATH
        and _sides(f)[1] in ([], ["shortcut"])
    )


def _fixed_channels(f: Facts, said: str) -> bool:
    convs = [x.spec for x in f.program.layers.values() if x.kind == "conv"]
    return all(s["i"] == 16 and s["o"] == 16 for s in convs) and bool(convs)


def _variant(*names: str) -> Claim:
    return lambda f, said: (
        "shortcut" in f.program.layers
        and f.program.layers["shortcut"].spec["variant"] in names
        and any(s.layer == "shortcut" for s in f.program.steps)
    )


def _projects(f: Facts, inside: int, outside: int, stride: int) -> bool:
    condition = f.program.layers["shortcut"].spec["condition"]
    return bool(eval(condition, {"in_channels": inside, "out_channels": outside, "stride": stride}))


_FOUR = {"both": (6, 9, 2), "stride": (6, 6, 2), "grow": (6, 9, 1), "shrink": (9, 6, 1), "none": (6, 6, 1)}


def projection_where(**wanted: bool) -> Claim:
    """The condition of the shortcut holds in these cases, and not in those."""
    return lambda f, said: (
        "shortcut" in f.program.layers
        and all(_projects(f, *_FOUR[n]) == w for n, w in wanted.items())
        and any(s.layer == "shortcut" for s in f.program.steps)
    )


def strides(**wanted: Any) -> Claim:
    """Which layers take the stride: conv1, conv2, and the projection."""
    return lambda f, said: all(
        n in f.program.layers and (f.program.layers[n].spec["s"] == "stride") == w for n, w in wanted.items()
    )


def _x_changed(f: Facts, said: str) -> bool:
    return any(r.x_changed for r in f.runs)


def _signature(*texts: str) -> Claim:
    return lambda f, said: f.program.init in texts


def _cannot_meet(f: Facts, said: str) -> bool:
    return _meeting(f) is not None


def _meets_smaller(f: Facts, said: str) -> bool:
    return bool(_met(f, 2) or _met(f, 3))


# --- the two functions ------------------------------------------------------------------------------


def _listed_as(expected: Callable[..., Any]) -> Any:
    return lambda f, said: all(f.returns(expected))


def _entries(kind: Any) -> Any:
    return lambda f, said: all(
        isinstance(c.result, (list, tuple)) and c.result and all(isinstance(v, kind) for v in c.result)
        for c in f.calls
    )


def _result(test: Callable[[Any], bool]) -> Any:
    return lambda f, said: all(c.error is None and test(c.result) for c in f.calls)


def _left(what: str) -> Any:
    return lambda f, said: any(what in c.left for c in f.calls)


def _hist(**recipe: Any) -> Any:
    """The list is what another recipe gives."""
    return lambda f, said: (
        not f.values_right
        and all(c.setting.solved or close(c.result, h) for c, h in zip(f.calls, f.sim(**recipe), strict=True))
    )


def _moved(test: Callable[[bool, bool], bool]) -> Any:
    """Whether alpha moved, and whether the convolution's weights did, in every setting with something to learn."""

    def claim(f: Any, said: str) -> bool:
        if any(c.error for c in f.calls):
            return False
        pairs = [
            (abs(e - c.setting.start) > 1e-12, "weights" in c.left)
            for e, c in zip(f.ended(), f.calls, strict=True)
            if not c.setting.solved
        ]
        return all(test(*pair) for pair in pairs)

    return claim


def _per_step(f: Any, said: str) -> bool:
    """Every step is the same multiple, or the same length, whatever `lr` says."""
    rates = (0.1, 0.01, 0.001, 1.0)
    return any(_hist(lr=lambda s, rate=rate: rate)(f, said) for rate in rates)


def _ratio(f: Any, said: str) -> bool:
    """All steps are not lr times the gradient of the mean squared error, and no plain SGD moves alpha."""
    text = f.program.slots["optimiser"]
    used = "optimizer.step()" in f.program.slots["step"]
    return (
        not f.values_right and used and not ("SGD([model.alpha], lr" in text and "momentum=0.9" not in text)
    )


def _steps_made(f: Any, more: int) -> bool:
    def moved(history: Iterator[list[float]]) -> bool:
        return all(
            abs(e - (h[-1] if h else c.setting.start)) < 1e-9
            for e, h, c in zip(f.ended(), history, f.calls, strict=True)
        )

    return all(c.error is None for c in f.calls) and moved(f.sim(steps=lambda s: s.steps + more))


# --- the network of blocks --------------------------------------------------------------------------


def _made(f: Facts, name: str) -> Any:
    """The arguments that a block was made with."""
    r = f.runs[0]
    try:
        return holder_of(f.program, f.program.layers[name], r.fresh).made
    except (AttributeError, LookupError, TypeError, NameError):
        return None


def _blocks(f: Facts) -> list[Any]:
    return [made for n in ("block1", "block2") if (made := _made(f, n)) is not None]


def _ran(f: Facts) -> list[str]:
    return [s.layer for s in f.runs[0].done if s.op == "call" and f.program.layers[s.layer].kind == "block"]


def _count(f: Facts, name: str) -> int:
    """How many blocks one layer consists of: none, where something else stands in its place."""
    return len(re.findall(r"\bblock\(", f.program.layers[name].make))


def all_values(test: Callable[[Tensor], Tensor]) -> Claim:
    """A tensor came out, all of whose values are so."""
    return lambda f, said: isinstance(t := f.runs[0].output, Tensor) and bool(test(t).all())


def _pooled(*ops: str) -> Claim:
    return lambda f, said: f.runs[0].error is None and any(s.op in ops for s in _returned(f))


def _row_sums(f: Facts, dim: int) -> bool:
    values = f.runs[0].output
    if not isinstance(values, Tensor) or values.ndim != 2 or not values.is_floating_point():
        return False
    sums = values.detach().sum(dim)
    logs = values.detach().exp().sum(dim)
    return same(sums, torch.ones_like(sums)) or same(logs, torch.ones_like(logs))


def _mixed(f: Facts, said: str) -> bool:
    """In eval mode an image's row changes with the images beside it."""
    for r in f.runs:
        if r.at.training or not isinstance(r.output, Tensor):
            continue
        try:
            alone = copy.deepcopy(r.fresh)(r.x.detach()[:1])
        except Exception:
            return True
        if r.output.ndim < 2 or not same(alone[:1], r.output[:1]):
            return True
    return False


def _no_gradient_at(f: Facts, name: str) -> bool:
    """No gradient reaches this layer, or there is none at all."""
    r = f.runs[0]
    model = copy.deepcopy(r.fresh)
    output = model(r.x.detach().clone())
    if name not in f.program.layers or not isinstance(output, Tensor):
        return False
    holder = holder_of(f.program, f.program.layers[name], model)
    if not output.requires_grad or not isinstance(holder, nn.Module):
        return not output.requires_grad
    asked = [p for p in holder.parameters() if p.requires_grad]
    try:
        found = torch.autograd.grad(output.sum(), asked, allow_unused=True)
    except RuntimeError:  # the backward pass itself fails, at what was overwritten
        return False
    return all(g is None for g in found)


# --- the table --------------------------------------------------------------------------------------

# fmt: off
_FX = "bn2(conv2(R(bn1(conv1(x)))))"
_SHORT = "shortcut(x)"

_MODELS: dict[str, Claim] = {
    # two convolutions
    "stacking-only": eq("out2"),
    "first-only": both(eq("out1"), lambda f, said: "never ran" not in said or not any(_reads(f, c) != "x" for c in _calls(f))),
    "skip-from-x": skip_from_x,
    "projected-x": both(eq(*(f"out2 + {name}(x)" for name in ("conv3", "project", "conv2"))), of_three),
    "stretched-x": eq("out2 + x.mean(1, keepdim=True)", "out2 + x[:, :1]", "out2 + x[:, 1:2]"),
    "padded-x": eq("out2 + F.pad(x, (0, 0, 0, 0, 0, 13))"),
    "parallel-branches": reading,
    "second-reads-3": stops_in_second,
    "reversed-order": reversed_order,
    "concatenated": concatenated,
    "stacked": lambda f, said: len(_out(f)) == 5 and any(s.op == "stack" for s in _returned(f)),
    "averaged": eq("(out1 + out2) / 2"),
    "multiplied": eq("out1 * out2"),
    "matmul": lambda f, said: any("@" in s.template for s in [*f.runs[0].done, *[s for _, s in _stops(f)]]),
    "subtracted": eq("out1 - out2", "out2 - out1"),
    "maximum": eq("torch.maximum(out1, out2)"),
    "summed-to-scalar": scalar,
    "mean-to-scalar": scalar,
    "summed-over-channels": eq("(out1 + out2).sum(1)"),
    "first-doubled": eq("2 * out1"),
    "second-doubled": eq("2 * out2"),
    "skip-added-twice": eq("2 * out1 + out2"),
    "second-run-twice": second_twice,
    "second-reads-sum": eq("conv2(out1 + out2)"),
    "extra-layer": of_three,
    "in-place": in_place,
    "detached": grads("out1.detach() + out2"),
    "second-detached": grads("out1 + out2.detach()"),
    "first-detached": grads("out1.detach() + conv2(out1.detach())"),
    "detached-before-second": grads("out1 + conv2(out1.detach())"),
    "layers-added": lambda f, said: any(s.op == "layers" for _, s in _stops(f)),
    "even-kernel": even_kernel,
    "other-kernel": other_kernel,
    "no-padding": unpadded,
    "too-much-padding": grew,
    "strided": strided,
    "channels-mismatch": channels_differ,
    "one-channel": one_channel,
    "relu-implied": has_op("relu", "relu-in-place"),
    "batch-norm-added": has_op("norm"),
    "returns-both": lambda f, said: isinstance(f.runs[0].output, tuple) and len(f.runs[0].output) == 2 and all(isinstance(t, Tensor) for t in f.runs[0].output),
    # how a class is written
    "no-return": came(type(None)),
    "no-super-init": flag("no-super-init", "late-super-init"),
    "no-forward": flag("no-forward"),
    "forward-without-self": flag("forward-without-self"),
    "init-without-self": both(flag("init-without-self"), lambda f, said: not f.program.init),
    "python-list": python_list,
    "layers-in-forward": in_forward,
    "returns-layers": came(nn.Module),
    "no-gradient": no_gradient,
    "layers-frozen": frozen,
    # a chain
    "sequential_model/adds": by_words(("Your output is", eq("out1 + out2")), ("were added", either(eq("out1 + out2"), _outputs_meet))),
    "sequential_model/parallel-branches": both(reading, eq("conv1(x) + conv2(x)")),
    "sequential_model/every-layer-sees-x": by_words(
        ("but is made for the 16", lambda f, said: bool(_stops(f)) and (s := _stops(f)[0][1]).op == "call" and _spec(f, s).get("i") == 16 and _reads(f, s) == "x" and _calls(f)[0].layer != s.layer),
        ("is made for 3", lambda f, said: len(c := _calls(f)) == 2 and _reads(f, c[1]) != "x" and _spec(f, c[1])["i"] == 3),
        ("single convolution of x", lambda f, said: _shape_right(f) and any(_reads(f, c) == "x" and _spec(f, c)["o"] == 32 and c.target == f.program.returned for c in _calls(f))),
    ),
    "sequential_model/channels-swapped": lambda f, said: _out(f)[1:2] == (16,) and [(_spec(f, c)["i"], _spec(f, c)["o"]) for c in _calls(f)] == [(3, 32), (32, 16)],
    "sequential_model/concatenated": by_words(
        ("Two times 16", both(concatenated, eq("torch.cat([conv1(x), conv2(conv1(x))], 1)", "torch.cat([conv2(conv1(x)), conv1(x)], 1)", "torch.cat([conv1(x), conv1(x)], 1)", "torch.cat([conv2(x), conv1(x)], 1)"))),
        ("48 channels", concatenated),
    ),
    "sequential_model/detached": grads("conv2(out1.detach())"),
    "sequential_model/list-in-sequential": flag("list-in-sequential"),
    "sequential_model/class-as-layer": flag("class-as-layer"),
    "sequential_model/function-as-layer": flag("function-as-layer"),
    "sequential_model/modulelist-called": flag("modulelist-called"),
    "sequential_model/list-called": flag("list-called"),
    "sequential_model/two-inputs": flag("two-inputs"),
    # the second fault of the given model, in its own words
    "repair_addition/first-detached": grads("out1.detach() + conv2(out1.detach())"),
    # a projection
    "projected_addition_model/no-projection": lambda f, said: sorted(_met(f, 1)) == [16, 32] and any((m := _made_by(f, a)) and _reads(f, m) == "x" for a in _meeting(f)[1].args),
    "projected_addition_model/stacking-only": eq("out2"),
    "projected_addition_model/only-projection": eq("project(conv1(x))"),
    "projected_addition_model/projects-x": lambda f, said: any(c.layer == "project" and _reads(f, c) == "x" and (_spec(f, c)["i"] == 3) == ("is made for 16" not in said) and ("is made for 16" not in said or any(s is c for _, s in _stops(f))) for c in _calls(f)),
    "projected_addition_model/projects-out2": by_words(
        ("brought down to 16", lambda f, said: any((m := _made_by(f, _reads(f, c))) and _reads(f, m) != "x" and _spec(f, c)["o"] == 16 for c in _calls(f)) and _out(f)[1:2] == (16,)),
        ("reads `out2`", lambda f, said: any(c.layer == "project" and (m := _made_by(f, _reads(f, c))) is not None and _reads(f, m) != "x" for c in _calls(f))),
    ),
    "projected_addition_model/projects-to-16": lambda f, said: sorted(_met(f, 1)) == [16, 32] and any((m := _made_by(f, a)) and m.layer == "project" and _spec(f, m)["o"] == 16 for a in _meeting(f)[1].args),
    "projected_addition_model/stretched": eq("out2 + conv1(x).mean(1, keepdim=True)", "out2 + conv1(x)[:, :1]", "out2 + conv1(x)[:, 1:2]"),
    "projected_addition_model/padded-with-zeros": eq("out2 + F.pad(conv1(x), (0, 0, 0, 0, 0, 16))"),
    "projected_addition_model/channels-repeated": eq("out2 + conv1(x).repeat(1, 2, 1, 1)", "out2 + conv1(x).repeat_interleave(2, 1)"),
    "projected_addition_model/channels-dropped": lambda f, said: _out(f)[1:2] == (16,) and any(s.op == "fewer-channels" and (m := _made_by(f, s.args[0])) is not None and _spec(f, m)["o"] == 32 for s in _returned(f)),
    "projected_addition_model/averaged": eq("(out2 + project(conv1(x))) / 2"),
    "projected_addition_model/multiplied": eq("out2 * project(conv1(x))"),
    "projected_addition_model/subtracted": eq("out2 - project(conv1(x))", "project(conv1(x)) - out2"),
    "projected_addition_model/second-doubled": eq("2 * out2"),
    "projected_addition_model/parallel-branches": lambda f, said: any(c.layer == "conv2" for c in _calls(f)) and all(_reads(f, c) == "x" for c in _calls(f) if c.layer == "conv2"),
    "projected_addition_model/detached": grads("out2 + project(conv1(x).detach())"),
    "projected_addition_model/projection-detached": grads("out2 + project(conv1(x)).detach()"),
    "projected_addition_model/second-detached": grads("out2.detach() + project(conv1(x))"),
    "projected_addition_model/detached-before-second": grads("conv2(conv1(x).detach()) + project(conv1(x))"),
    "projected_addition_model/projection-3x3": lambda f, said: any(c.layer == "project" and _spec(f, c)["k"] > 1 for c in _calls(f)),
    "projected_addition_model/projection-padded": lambda f, said: any(c.layer == "project" and (_spec(f, c)["k"], _spec(f, c)["p"]) == (1, 1) for c in _calls(f)) and {a - b for a, b in [_met(f, 2) or (0, 0)]} <= {2, -2} and bool(_met(f, 2)),
    # alpha
    "weighted_addition_model/parameter-of-float": _alpha_error("nn.Parameter(0.5)"),
    "weighted_addition_model/plain-float": alpha(lambda a, m: isinstance(a, float) and a == 0.5),
    "weighted_addition_model/tensor-not-registered": alpha(lambda a, m: isinstance(a, Tensor) and not _is_parameter(a, m) and not _is_buffer(a, m)),
    "weighted_addition_model/buffer": both(alpha(_is_buffer), by_words(("it has a gradient", alpha(lambda a, m: a.requires_grad)), ("it is saved", alpha(lambda a, m: True)), ("a learnable parameter was expected", alpha(lambda a, m: True)))),
    "weighted_addition_model/frozen": alpha(lambda a, m: _is_parameter(a, m) and not a.requires_grad),
    "weighted_addition_model/integer-parameter": _alpha_error("torch.tensor(1)"),
    "weighted_addition_model/created-in-forward": flag("alpha-in-forward"),
    "weighted_addition_model/local-in-init": lambda f, said: any(line.startswith("alpha =") for line in f.program.lines),
    "weighted_addition_model/alpha-missing": alpha(lambda a, m: a is None),
    "weighted_addition_model/alpha-start": _alpha_start,
    "weighted_addition_model/per-channel": alpha(lambda a, m: isinstance(a, Tensor) and a.numel() == 16),
    "weighted_addition_model/item": grads("float(alpha) * out1 + (1 - float(alpha)) * out2"),
    "weighted_addition_model/first-weight-cut": grads("float(alpha) * out1 + (1 - alpha) * out2"),
    "weighted_addition_model/second-weight-cut": grads("alpha * out1 + (1 - float(alpha)) * out2"),
    "weighted_addition_model/reversed": eq("(1 - alpha) * out1 + alpha * out2"),
    "weighted_addition_model/no-complement": eq("alpha * out1 + out2"),
    "weighted_addition_model/no-first-weight": eq("out1 + (1 - alpha) * out2"),
    "weighted_addition_model/only-second-weighted": eq("out1 + alpha * out2"),
    "weighted_addition_model/same-weight": eq("alpha * (out1 + out2)"),
    "weighted_addition_model/same-complement": eq("(1 - alpha) * (out1 + out2)"),
    "weighted_addition_model/brackets": by_words(
        ("1 is added", eq("alpha * out1 + 1 - alpha * out2")), ("0.3 · 0.7", eq("alpha * (out1 + (1 - alpha) * out2)"))
    ),
    "weighted_addition_model/minus-one": eq("alpha * out1 + (alpha - 1) * out2"),
    "weighted_addition_model/plus-alpha": eq("alpha * out1 + (1 + alpha) * out2"),
    "weighted_addition_model/added-not-multiplied": eq("out1 + out2 + 1"),
    "weighted_addition_model/multiplied": eq("(alpha * out1) * ((1 - alpha) * out2)"),
    "weighted_addition_model/hard-coded": eq("0.5 * out1 + 0.5 * out2"),
    "weighted_addition_model/alpha-unused": eq("out1 + out2"),
    "weighted_addition_model/stacking-only": eq("out2"),
    "weighted_addition_model/second-only": by_words(("`alpha · out2`", eq("alpha * out2")), ("`(1 - alpha) · out2`", eq("(1 - alpha) * out2"))),
    "weighted_addition_model/first-only": eq("alpha * out1"),
    "weighted_addition_model/same-output-twice": by_words(("exactly `out1`", eq("out1")), ("exactly `out2`", eq("out2"))),
    "weighted_addition_model/averaged": eq("(alpha * out1 + (1 - alpha) * out2) / 2"),
    "weighted_addition_model/concatenated": concatenated,
    "weighted_addition_model/squashed": _squashed,
    "weighted_addition_model/clamped": eq("alpha.clamp(0, 1) * out1 + (1 - alpha.clamp(0, 1)) * out2", "alpha.clamp(max=1) * out1 + (1 - alpha.clamp(max=1)) * out2"),
    "weighted_addition_model/two-parameters": flag("two-alphas"),
    "weighted_addition_model/skip-from-x": skip_from_x,
    "weighted_addition_model/weighted-too-early": flag("weighted-too-early"),
    "weighted_addition_model/detached": grads("alpha * out1.detach() + (1 - alpha) * out2"),
    "weighted_addition_model/second-detached": grads("alpha * out1 + (1 - alpha) * out2.detach()"),
    "weighted_addition_model/detached-before-second": grads("alpha * out1 + (1 - alpha) * conv2(conv1(x).detach())"),
    "untouched": lambda f, said: False,
    "missing": lambda f, said: False,
    "wrong-dtype": lambda f, said: isinstance(f.runs[0].output, Tensor) and not f.runs[0].output.is_floating_point(),
}

_OUTPUT_CLAIMS: dict[str, Any] = {
    "every-layer-sees-x": either(
        _listed_as(lambda chain, entering, right: [layer(entering[0]) for layer in chain]),
        lambda f, said: bool(re.search(r"\[layer\(x\) for|^ +(y = )?layer\(x\)$", f.program.source, re.M)) and bool(f.calls[0].error),
    ),
    "only-last": lambda f, said: all(isinstance(c.result, (list, tuple)) and len(c.result) == 1 and same(c.result[0], r[-1]) if "holds the last" in said else isinstance(c.result, Tensor) for c, r in zip(f.calls, f.right, strict=True)),
    "last-repeated": _listed_as(lambda chain, entering, right: [right[-1]] * len(right)),
    "input-included": _listed_as(lambda chain, entering, right: [entering[0], *right]),
    "inputs-of-each": _listed_as(lambda chain, entering, right: entering),
    "last-missing": _listed_as(lambda chain, entering, right: right[:-1]),
    "first-missing": _listed_as(lambda chain, entering, right: right[1:]),
    "first-only": _listed_as(lambda chain, entering, right: right[:1]),
    "reversed-order": _listed_as(lambda chain, entering, right: right[::-1]),
    "numbers": lambda f, said: all(isinstance(c.result, (list, tuple)) and c.result and all(type(v).__name__ == "ndarray" for v in c.result) for c in f.calls),
    "hooks-left": lambda f, said: f.values_right and _left("hooks")(f, said),
    "nested-modules": lambda f, said: "modules()" in f.program.source,
    "model-output-added": _listed_as(lambda chain, entering, right: [*right, right[-1]]),
    "shapes": _entries(torch.Size),
    "layers": _entries(nn.Module),
    "as-dict": _result(lambda r: isinstance(r, dict)),
    "pairs": _entries(tuple),
    "generator": _result(lambda r: not isinstance(r, (list, Tensor, dict, tuple)) and hasattr(r, "__next__")),
    "stacked": lambda f, said: "torch.stack" in f.program.source,
    "summed": lambda f, said: all(isinstance(c.result, (list, tuple)) and c.result and all(isinstance(v, float) or (isinstance(v, Tensor) and v.numel() == 1) for v in c.result) for c in f.calls),
    "first-image": either(_listed_as(lambda chain, entering, right: [t[:1] for t in right]), _listed_as(lambda chain, entering, right: [t[0] for t in right])),
    "adds": lambda f, said: "x + layer(x)" in f.program.source,
    "left-in-eval": lambda f, said: any("mode" in c.left and c.setting[1] and not any(m.training for m in c.model.modules()) for c in f.calls),
    "no-return": _result(lambda r: r is None),
}

_FIT_CLAIMS: dict[str, Any] = {
    "trains-everything": _moved(lambda alpha, weights: alpha and weights),
    "trains-the-rest": _moved(lambda alpha, weights: not alpha and weights),
    "gradients-accumulated": _hist(add_up=True),
    "value-before-step": lambda f, said: not f.values_right and all(c.setting.solved or close(c.result, [c.setting.start, *h[:-1]]) for c, h in zip(f.calls, f.sim(), strict=True)),
    "start-included": lambda f, said: all(c.setting.solved or (isinstance(c.result, (list, tuple)) and len(c.result) == c.setting.steps + 1 and c.result[0] == c.setting.start) for c in f.calls),
    "returns-tensors": _entries(Tensor),
    "returns-losses": lambda f, said: _hist(what="loss")(f, said) or "values.append(loss" in f.program.source,
    "returns-gradients": lambda f, said: "values.append(model.alpha.grad" in f.program.source,
    "only-last": lambda f, said: all(isinstance(c.result, (list, tuple)) and len(c.result) == 1 for c in f.calls) if "one entry" in said else _result(lambda r: isinstance(r, (int, float)) or (isinstance(r, Tensor) and r.numel() == 1))(f, said),
    "one-step-more": lambda f, said: _steps_made(f, 1),
    "one-step-less": lambda f, said: _steps_made(f, -1),
    "fixed-steps": lambda f, said: all(isinstance(c.result, (list, tuple)) and len(c.result) == 100 for c in f.calls),
    "uphill": _hist(lr=lambda s: -s.lr),
    "no-grad-missing": lambda f, said: any(isinstance(c.error, RuntimeError) and "leaf Variable" in str(c.error) for c in f.calls),
    "alpha-replaced": lambda f, said: any("alpha" in c.left and c.model.alpha.requires_grad for c in f.calls) or any(isinstance(c.error, TypeError) and "assign" in str(c.error) for c in f.calls),
    "alpha-reset": _hist(start=0.5),
    "never-moves": _moved(lambda alpha, weights: not alpha),
    "rate-ignored": _per_step,
    "other-optimiser": _ratio,
    "weight-decay": lambda f, said: "weight_decay=0.01" in f.program.slots["optimiser"],
    "summed-loss": _hist(loss=lambda got, target: ((got - target) ** 2).sum()),
    "other-loss": by_words(
        ("mean absolute", _hist(loss=F.l1_loss)), ("smoothed absolute", _hist(loss=F.smooth_l1_loss)), ("root of the mean", _hist(loss=lambda a, b: F.mse_loss(a, b) ** 0.5)),
    ),
    "halved-loss": _hist(loss=lambda a, b: F.mse_loss(a, b) / 2),
    "loss-of-means": _hist(loss=lambda a, b: (a - b).mean() ** 2),
    "loss-not-squared": _hist(loss=lambda a, b: (a - b).mean()),
    "no-return": _result(lambda r: r is None),
    "not-a-function": lambda f, said: False,
}

_IDENTITY: dict[str, Claim] = {
    "no-shortcut": by_words(("relu(F(x))", equals(f"R({_FX})")), ("F(x) alone", equals(_FX))),
    "relu-before-add": equals(f"R({_FX}) + x"),
    "no-final-relu": equals(f"{_FX} + x"),
    "relu-on-shortcut": equals(f"R({_FX} + R(x))", f"{_FX} + R(x)"),
    "relu-on-both": equals(f"R({_FX}) + R(x)"),
    "no-inner-relu": path_is(lambda one, two: "?" not in _between(one) and "relu" not in _between(one)),
    "relu-in-path": path_is(lambda one, two: one.count("conv") == 2 and one[-1:] == ["relu"]),
    "relu-before-norm": path_is(lambda one, two: sorted(one) == sorted(_RIGHT_PATH) and one != _RIGHT_PATH),
    "pre-activation": path_is(lambda one, two: sorted(one) == sorted(_RIGHT_PATH) and one != _RIGHT_PATH),
    "no-batch-norm": path_is(lambda one, two: one.count("conv") == 2 and "norm" not in one),
    "no-second-norm": path_is(lambda one, two: "?" not in _behind(one) and "norm" not in _behind(one)),
    "no-first-norm": path_is(lambda one, two: "?" not in _between(one) and "norm" not in _between(one)),
    "norm-after-add": _norm_of_sum,
    "shared-norm": shared("norm"),
    "shared-conv": shared("conv"),
    "one-convolution": path_is(lambda one, two: one == ["conv", "norm"]),
    "shortcut-from-hidden": path_is(lambda one, two: two == ["conv", "norm", "relu"] and one[:3] == two),
    "projects-x": path_is(lambda one, two: two[:1] == ["conv"] and two.count("conv") == 1 and one[:5] == _RIGHT_PATH),
    "detached": gradients_of(f"R({_FX} + x.detach())"),
    "path-detached": gradients_of(f"R({_FX}.detach() + x)"),
    "in-place": _x_changed,
    "input-relu-in-place": both(_x_changed, lambda f, said: any(s.args[0] == "x" and ("relu_" in s.template or "inplace" in s.template) for s in f.runs[0].done)),
    "averaged": equals(f"R({_FX} + x) / 2", f"R(({_FX} + x) / 2)"),
    "multiplied": sum_op("mul"),
    "subtracted": equals(f"R({_FX} - x)", f"{_FX} - x"),
    "added-twice": equals(f"R({_FX} + x) + x"),
    "path-doubled": equals(f"R(2 * {_FX})"),
    "no-padding": both(unpadded, _meets_smaller),
    "fixed-channels": _fixed_channels,
    "no-channels-argument": _signature(""),
}

_RESIDUAL: dict[str, Claim] = {
    **{name: _IDENTITY[name] for name in ("no-shortcut", "path-doubled", "no-inner-relu", "no-batch-norm", "no-second-norm", "no-first-norm", "in-place")},
    "identity-always": both(projection_where(both=False, stride=False, grow=False, shrink=False), _cannot_meet),
    "projection-always": both(projection_where(none=True), lambda f, said: all(r.error is None for r in f.runs)),
    "projection-ignores-stride": both(_variant("no-stride"), _meets_smaller),
    "projection-only-for-stride": both(projection_where(stride=True, grow=False, shrink=False), _cannot_meet),
    "projection-only-for-channels": both(projection_where(stride=False, grow=True, shrink=True), _cannot_meet),
    "projection-only-for-both": both(projection_where(both=True, stride=False, grow=False, shrink=False), _cannot_meet),
    "shortcut-without-norm": _variant("no-norm"),
    "shortcut-with-relu": either(_variant("relu"), path_is(lambda one, two: two == ["shortcut", "relu"])),
    "shortcut-3x3": _variant("3x3"),
    "shortcut-pooled": _variant("pooled"),
    "shortcut-padded": lambda f, said: False,
    "both-strided": strides(conv1=True, conv2=True),
    "stride-in-second": strides(conv1=False, conv2=True),
    "stride-ignored": both(strides(conv1=False, conv2=False), lambda f, said: any(isinstance(r.output, Tensor) and sizes(r.at)[2] == 2 and r.output.shape[2:] == r.at.shape[2:] for r in f.runs)),
    "path-ignores-stride": both(strides(conv1=False, conv2=False), _meets_smaller),
    "channels-late": lambda f, said: [(f.program.layers[n].spec["i"], f.program.layers[n].spec["o"]) for n in ("conv1", "conv2")] == [("in_channels", "in_channels"), ("in_channels", "out_channels")],
    "relu-before-add": equals(f"R({_FX}) + {_SHORT}", f"R(R({_FX}) + {_SHORT})"),
    "no-final-relu": equals(f"{_FX} + {_SHORT}"),
    "relu-before-norm": path_is(lambda one, two: one[:3] == ["conv", "relu", "norm"]),
    "detached": gradients_of(f"R({_FX} + {_SHORT}.detach())", f"R({_FX} + shortcut(x.detach()))"),
    "path-detached": gradients_of(f"R({_FX}.detach() + {_SHORT})"),
    "projects-f": path_is(lambda one, two: one[:5] == _RIGHT_PATH and one[5:] == ["shortcut"] and two == []),
    "shortcut-reads-path": path_is(lambda one, two: one == [*_RIGHT_PATH, "shortcut"] and two == _RIGHT_PATH),
    "averaged": equals(f"R({_FX} + {_SHORT}) / 2", f"R(({_FX} + {_SHORT}) / 2)"),
    "multiplied": sum_op("mul"),
    "subtracted": equals(f"R({_FX} - {_SHORT})", f"{_FX} - {_SHORT}"),
    "stride-required": _signature("in_channels, out_channels, stride"),
    "no-stride-argument": _signature("in_channels, out_channels"),
}

_NETWORK: dict[str, Claim] = {
    "class-as-layer": lambda f, said: f.runs[0].stage == "constructor" and "is not a Module subclass" in str(f.runs[0].error),
    "other-order": lambda f, said: _ran(f)[:1] != [] and _made(f, _ran(f)[0]) == (16, 32, 2) and bool(_stops(f)) and _made(f, _stops(f)[0][1].layer) == (16, 16, 1),
    "skip-around-block": lambda f, said: any(len(s.args) == 2 and any((m := _made_by(f, a, "block")) and m.layer == "block1" and _reads(f, m) in s.args for a in s.args) for s in _returned(f)),
    "relu-behind-block": lambda f, said: any(s.op.startswith("relu") and _made_by(f, s.args[0], "block") for s in _returned(f)),
    "stem-1x1": lambda f, said: f.program.layers["conv1"].spec["k"] == 1,
    "stem-5x5": lambda f, said: f.program.layers["conv1"].spec["k"] == 5,
    "stem-unpadded": lambda f, said: f.program.layers["conv1"].spec["p"] == 0 and f.runs[0].shape("h")[2:] == (6, 6),
    "summed": lambda f, said: any(".sum((2, 3))" in s.template for s in _returned(f)),
    "mean-over-channels": lambda f, said: any(".mean(1)" in s.template and len(f.runs[0].shape(s.args[0])) == 4 for s in _returned(f)),
    "norm-behind-pool": lambda f, said: any(len(f.runs[0].shape(s.args[0])) == 2 and s.op == "norm" for s in _returned(f)),
    "relu-before-linear": lambda f, said: any(s.layer == "fc" and (m := _step(f, s.args[0])) is not None and m.op.startswith("relu") for s in _returned(f)),
    "log-softmax": both(lambda f, said: _row_sums(f, 1), all_values(lambda t: t <= 0)),
    "sigmoid": lambda f, said: (s := _step(f, f.program.returned)) is not None and "sigmoid" in s.template,
    "norm-last": lambda f, said: any((c.args[0] != "x") and (m := _step(f, c.args[0])) is not None and m.op.startswith("relu") and _made_by(f, m.args[0]) is not None for c in _calls(f, "norm") if c.layer == "bn1"),
    "no-default": _signature("block, num_classes"),
    "no-classes-argument": _signature("block"),
    "own-block": lambda f, said: not any(_count(f, name) for name in f.program.layers) and f.runs[0].error is None,
    "blocks-unused": lambda f, said: ("were made" not in said or len(_blocks(f)) == 2) and not _ran(f) and f.runs[0].error is None,
    "one-block": lambda f, said: f.runs[0].error is None and sum(_count(f, name) for name in {s.layer for s in _returned(f) if s.layer}) == 1,
    "same-block-twice": lambda f, said: any(_ran(f).count(name) == 2 for name in _ran(f)),
    "block-not-made": lambda f, said: any(layer.make == "block" for layer in f.program.layers.values()),
    "blocks-reversed": lambda f, said: bool(_ran(f)) and (_made(f, _ran(f)[0]) or (0, 0))[1] == 32,
    "no-stride": lambda f, said: len(b := _blocks(f)) == 2 and [x[2] for x in b] == [1, 1] and b[1][1] == 32,
    "stride-in-first": lambda f, said: len(b := _blocks(f)) == 2 and b[0][2] == 2 and b[1][2] == 1,
    "stride-in-both": lambda f, said: [x[2] for x in _blocks(f)] == [2, 2],
    "three-channels": lambda f, said: f.program.layers["conv1"].spec["i"] == 3,
    "no-pool": lambda f, said: any(s.op == "no-pool" for s in f.program.steps) and bool(_stops(f)) and "32, n" in f.program.layers["fc"].make,
    "not-pooled": lambda f, said: _pooled("no-pool")(f, said) and "512" in f.program.layers["fc"].make,
    "max-pool": _pooled("max-pool"),
    "no-flatten": lambda f, said: any(s.op == "no-flatten" for s in f.program.steps) and bool(f.runs[0].error),
    "flattened-with-batch": lambda f, said: any(s.op == "flatten-all" for s in f.program.steps),
    "classes-ignored": lambda f, said: "10)" in f.program.layers["fc"].make,
    "softmax": both(_pooled("softmax"), lambda f, said: _row_sums(f, 1), all_values(lambda t: t >= 0)),
    "softmax-over-batch": _pooled("softmax-batch"),
    "argmax": lambda f, said: _out(f) == (4,) and not f.runs[0].output.is_floating_point(),
    "relu-on-logits": both(lambda f, said: (s := _step(f, f.program.returned)) is not None and s.op == "relu", all_values(lambda t: t >= 0)),
    "blocks-hidden": lambda f, said: f.program.keep in ("list", "dict", "tuple") and bool(_ran(f)),
    "blocks-in-forward": lambda f, said: f.program.keep == "in-forward",
    "detached": lambda f, said: f.runs[0].error is None and _no_gradient_at(f, "conv1") and ("stem and" not in said or _no_gradient_at(f, "block1")) and ("stem and the blocks" not in said or _no_gradient_at(f, "block2")),
    "batch-mixed": lambda f, said: _mixed(f, said) and ("One row" not in said or _out(f)[:1] == (1,) or len(_out(f)) == 1),
}
# fmt: on

_OF = {
    "intermediate_outputs": _OUTPUT_CLAIMS,
    "fit_alpha": _FIT_CLAIMS,
    "identity_block": _IDENTITY,
    "residual_block": _RESIDUAL,
    "tiny_resnet": _NETWORK,
}
CLAIMS = _MODELS | {
    f"{exercise}/{name}": claim for exercise, table in _OF.items() for name, claim in table.items()
}

# What a sentence may say beside its own claim, under any id.
_PHRASES: tuple[tuple[str, Claim], ...] = (
    (r"[Vv]alues are right", lambda f, said: f.values_right),
    (
        r"(\d+) channels came out",
        lambda f, said: _out(f)[1:2] == (int(re.search(r"(\d+) channels came", said)[1]),),
    ),
)


def claim_of(exercise: str, diagnosis: str) -> Claim:
    """Raises: Unknown, where nothing is said here about a diagnosis."""
    claim = CLAIMS.get(f"{exercise}/{diagnosis}") or CLAIMS.get(diagnosis)
    if claim is None:
        raise Unknown(f"{exercise}/{diagnosis}: no claim in tests/naming.py says when this name is true")
    return claim


def holds(f: Facts, diagnosis: str, said: str) -> bool:
    """Whether all that this sentence asserts is so."""
    if f.wrong is None:
        return False
    if not claim_of(f.exercise, diagnosis)(f, said):
        return False
    return all(claim(f, said) for words, claim in _PHRASES if re.search(words, said))
