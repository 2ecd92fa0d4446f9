"""Answers put together by chance, as source text, and what each of them means.

A `Program` is the source of a class with its meaning beside it: which layers it has, with which arguments and where
they are kept, and its steps, one operator each. The source is what the grader gets. The steps are what the oracle
knows: which layer has which role, what each tensor was made of, where the answer stops. Grammars that draw programs
are in `programs_models`; the two functions that learners write are in `programs_functions`.
"""

from __future__ import annotations

import copy
import linecache
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from autograder.exercises import EXERCISES
from oracle import norm

CLOSE = 1e-9  # in float64 an answer differs from the formula by rounding alone, and no slip is this small
NAMES = {"torch": torch, "nn": nn, "F": F}
_BRACKETS = {
    "list": "[{}]",
    "tuple": "({},)",
    "module-list": "nn.ModuleList([{}])",
    "sequential": "nn.Sequential({})",
}


@dataclass(frozen=True)
class Layer:
    """One layer: `make` is how it is made, `call` how it runs on `{0}`; `{m}` is where it is kept.

    `spec` has a convolution's arguments by their first letters (i, o, k, p, s, d), else what a claim asks for.
    `path` is the object that holds `weight` and `bias`; where those are bare, `held` says which they are.
    """

    name: str
    kind: str
    make: str
    call: str = "{m}({0})"
    path: str = "{m}"
    spec: dict[str, Any] = field(default_factory=dict)
    own_lines: tuple[str, ...] = ()  # instead of being kept as `make`


@dataclass(frozen=True)
class Step:
    """`target = template(args)`; `op` says what it does; a layer's call has the op "call" and its name.

    A target such as `b__2` is called `b` in the source.
    """

    target: str
    op: str
    template: str
    args: tuple[str, ...]
    layer: str = ""


@dataclass
class Program:
    """An answer: source and meaning. `flags` are slips of Python that the source has."""

    exercise: str
    seed: str
    layers: dict[str, Layer]
    steps: list[Step]
    returned: str = ""  # an expression of steps' names
    keep: str = "attribute"
    init: str = ""  # the arguments of __init__
    lines: list[str] = field(default_factory=list)  # more lines of __init__
    flags: set[str] = field(default_factory=set)
    inline: bool = False
    shuffled: int = 0

    def call(self, step: Step) -> str:
        """The step's expression, a template of its arguments."""
        if step.op != "call":
            return self.at(step.template)
        return self.layers[step.layer].call.replace("{m}", self.places[step.layer])

    def at(self, text: str) -> str:
        """A text in which `<name>` is the place of that layer."""
        return re.sub(r"<(\w+)>", lambda m: self.places[m[1]], text)

    @cached_property
    def source(self) -> str:
        body = [*self._kept["forward"], *self._body()]
        if "dead-code" in self.flags:
            body.insert(0, "if False: print(x.shape)")
        if "no-return" in self.flags:
            body[-1] = body[-1].removeprefix("return ")
        if "no-grad-block" in self.flags:
            body = ["with torch.no_grad():", *(f"    {line}" for line in body)]
        start = [] if "no-super-init" in self.flags else ["super().__init__()"]
        made, more = self._kept["init"], [self.at(line) for line in self.lines]
        init = [*made, *start, *more] if "late-super-init" in self.flags else [*start, *made, *more]
        arguments = (
            self.init if "init-without-self" in self.flags else f"self, {self.init}".removesuffix(", ")
        )
        lines = [
            f"class {EXERCISES[self.exercise].symbol}(nn.Module):",
            f"    def __init__({arguments}):",
            *(f"        {line}" for line in init or ["pass"]),
            "",
            *(["    @torch.no_grad()"] if "no-grad-decorator" in self.flags else []),
            f"    def {'froward' if 'no-forward' in self.flags else 'forward'}"
            f"({'' if 'forward-without-self' in self.flags else 'self, '}x):",
            *(f"        {line}" for line in body),
            "",
        ]
        return "\n".join(lines)

    @property
    def places(self) -> dict[str, str]:
        """Where each layer is found, as an expression in `forward`."""
        return self._kept["places"]

    @cached_property
    def _kept(self) -> dict[str, Any]:
        """The lines that make the layers, in __init__ and in forward, and where each is then found."""
        plain = [layer for layer in self.layers.values() if not layer.own_lines]
        lines = [line for layer in self.layers.values() for line in layer.own_lines]
        in_order = (
            sorted(plain, key=lambda layer: (plain.index(layer) * 7 + self.shuffled) % 5)
            if self.shuffled
            else plain
        )
        places = {layer.name: f"self.{layer.name}" for layer in self.layers.values()}
        forward: list[str] = []
        if self.keep in _BRACKETS and plain:
            places |= {layer.name: f"self.layers[{i}]" for i, layer in enumerate(in_order)}
            lines.append(
                "self.layers = " + _BRACKETS[self.keep].format(", ".join(each.make for each in in_order))
            )
        elif self.keep in ("dict", "module-dict"):
            places |= {layer.name: f"self.layers[{layer.name!r}]" for layer in plain}
            items = "{" + ", ".join(f"{each.name!r}: {each.make}" for each in in_order) + "}"
            lines.append(
                "self.layers = " + (f"nn.ModuleDict({items})" if self.keep == "module-dict" else items)
            )
        elif self.keep == "in-forward":
            places |= {layer.name: layer.name for layer in plain}
            forward = [f"{each.name} = {each.make}" for each in plain]
        elif self.keep == "first-call":
            forward = [
                f"if not hasattr(self, {each.name!r}): self.{each.name} = {each.make}" for each in plain
            ]
        elif self.keep == "add-module":
            lines += [f"self.add_module({each.name!r}, {each.make})" for each in in_order]
        elif self.keep == "inner":
            places |= {layer.name: f"self.inner.{layer.name}" for layer in plain}
            lines += [
                "self.inner = nn.Module()",
                *(f"self.inner.{each.name} = {each.make}" for each in in_order),
            ]
        else:
            lines += [f"self.{each.name} = {each.make}" for each in in_order]
            if self.keep == "twice":
                lines.append(f"self.all = nn.ModuleList([{', '.join(places[each.name] for each in plain)}])")
        return {"init": lines, "forward": forward, "places": places}

    def _body(self) -> list[str]:
        """The lines of forward; where `inline`, a result that is used once stands where it is used."""
        lines: list[str] = []
        ready: dict[str, str] = {}
        returned = self.at(self.returned)
        names = re.findall(r"(?<![.\w])[a-z]\w*\b", returned)
        for index, step in enumerate(self.steps):
            text = self.call(step).format(*(ready.get(arg, arg) for arg in step.args))
            later = [arg for each in self.steps[index + 1 :] for arg in each.args] + names
            following = self.steps[index + 1] if index + 1 < len(self.steps) else None
            beside = following.args if following else tuple(names)
            once = later.count(step.target) == 1 and step.target in beside
            if (
                self.inline
                and once
                and (
                    not following
                    or (self.call(following).count("{0}") < 2 and self.call(following).count("{1}") < 2)
                )
            ):
                ready[step.target] = f"({text})" if step.op != "call" else text
            else:
                lines.append(f"{step.target} = {text}")
        lines.append("return " + re.sub(r"(?<![.\w])[a-z]\w*\b", lambda m: ready.get(m[0], m[0]), returned))
        return [re.sub(r"__\d+", "", line) for line in lines]

    def bound(self) -> Any:
        """What the source binds, as a notebook's cell would."""
        return bind(self.exercise, self.seed, self.source)


def bind(exercise: str, seed: str, source: str) -> Any:
    """Run a source as a notebook's cell would, and return what it binds to the exercise's symbol."""
    where = f"<program {seed}>"
    linecache.cache[where] = (len(source), None, source.splitlines(keepends=True), where)
    names: dict[str, Any] = {"__name__": "answer", **NAMES}
    exec(compile(source, where, "exec"), names)
    return names[EXERCISES[exercise].symbol]


# --- running a program ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Situation:
    """One way to make and to call a model."""

    shape: tuple[int, ...]
    training: bool
    init: tuple[Any, ...] = ()
    alpha: float | None = None
    scale: float = 1.0  # of the inputs: loud ones show what is cut off above, as ReLU6 does


@dataclass
class Run:
    """What a program does in one situation: by its source, and step by step.

    `values` has a copy of each step's result as it was; `stopped` is the step that failed, `error` what it raised.
    """

    program: Program
    at: Situation
    model: Any = None
    fresh: Any = None  # the same model, before it ran
    error: Exception | None = None
    stage: str = ""
    stopped: Step | None = None
    values: dict[str, Any] = field(default_factory=dict)
    done: list[Step] = field(default_factory=list)
    output: Any = None
    x: Any = None
    x_changed: bool = False

    def shape(self, name: str) -> tuple[int, ...]:
        value = self.values.get(name)
        return tuple(value.shape) if isinstance(value, Tensor) else ()


def randomise(model: nn.Module, program: Program, place: str = "") -> None:
    """Other weights than layers start with, which could hide a mistake, also in what is not registered."""
    tensors = {id(p): p for p in model.parameters()}
    for layer in program.layers.values():
        for tensor in _held(program, layer, model):
            tensors.setdefault(id(tensor), tensor)
    with torch.no_grad():
        for tensor in tensors.values():
            if (
                tensor.is_floating_point()
                and not isinstance(tensor, nn.UninitializedParameter)
                and tensor is not getattr(model, "alpha", None)
            ):
                tensor.copy_(torch.rand_like(tensor) * 0.6 - 0.25)
        for module in model.modules():
            if isinstance(getattr(module, "running_var", None), Tensor):
                module.running_mean.uniform_(-0.3, 0.3)
                module.running_var.uniform_(0.5, 2.0)


def _held(program: Program, layer: Layer, model: Any) -> list[Tensor]:
    try:
        holder = holder_of(program, layer, model)
    except (AttributeError, LookupError, TypeError, NameError):
        return []
    found = [holder, *(holder.modules() if isinstance(holder, nn.Module) else [])]
    return [
        t
        for each in found
        for t in (getattr(each, "weight", None), getattr(each, "bias", None))
        if isinstance(t, Tensor)
    ]


def holder_of(program: Program, layer: Layer, model: Any) -> Any:
    """What has the layer's `weight` and `bias`."""
    text = layer.path.replace("{m}", program.places[layer.name])
    return eval(text, {**NAMES, "self": model, "Pair": _Pair})


@dataclass
class _Pair:
    weight: Any
    bias: Any = None


def run(program: Program, at: Situation, number: int) -> Run:
    """Make the model anew, and run it by its source and by its steps; they must agree."""
    this = Run(program, at)
    torch.default_generator.manual_seed(number)  # `torch.manual_seed` takes 3 ms
    this.stage = "constructor"
    try:
        model = program.bound()(*at.init)
        model.double().train(at.training)
        for layer in program.layers.values():  # what is not registered has the dtype it was made in
            if program.keep in ("list", "tuple", "dict"):
                holder = holder_of(program, layer, model)
                if isinstance(holder, nn.Module):
                    holder.double().train(at.training)
        randomise(model, program)
        if at.alpha is not None and isinstance(getattr(model, "alpha", None), Tensor):
            with torch.no_grad():
                model.alpha.fill_(at.alpha)
    except Exception as error:
        this.error = error
        return this
    this.fresh, this.model, this.stage = copy.deepcopy(model), model, "forward"
    this.x = ((torch.rand(at.shape) * 2 - 1) * at.scale).requires_grad_()
    given = this.x.clone()  # a leaf that requires a gradient could not be changed in place
    try:
        this.output = model(given)
    except Exception as error:
        this.error = error
    this.x_changed = not torch.equal(this.x.detach(), given.detach())
    _by_steps(this, this.x.detach())
    return this


def _by_steps(this: Run, x: Tensor) -> None:
    program = this.program
    if program.flags & {"no-forward", "forward-without-self"}:
        return
    if program.keep == "first-call" and this.error is not None:
        return
    model = copy.deepcopy(this.model if program.keep == "first-call" else this.fresh)
    live: dict[str, Any] = {**NAMES, "self": model, "x": x.clone()}
    if program.keep == "in-forward":  # the same layers, with other weights
        try:
            exec("\n".join(program._kept["forward"]), live)
        except NameError:
            return
    this.values["x"] = x
    for step in program.steps:
        this.stopped = step
        try:
            value = eval(program.call(step).format(*step.args), live)
        except Exception as error:
            if this.error is None:  # of two errors, Python may meet the other one first
                raise AssertionError(f"the steps stop, the source does not: {error!r}") from error
            return
        live[step.target] = value
        this.values[step.target] = value.detach().clone() if isinstance(value, Tensor) else value
        this.done.append(step)
    this.stopped = None
    try:
        said = eval(program.at(program.returned), live)
    except AttributeError as error:  # a layer that is kept as two parameters has no name of its own
        if this.error is None:
            raise AssertionError(f"what is returned stops, the source does not: {error!r}") from error
        return
    if this.error is not None:
        raise AssertionError(f"the source stops, its steps do not: {this.error!r}")
    comparable = isinstance(said, Tensor) and isinstance(this.output, Tensor) and program.keep != "in-forward"
    if comparable and not same(said, this.output):
        raise AssertionError("the steps give other values than the source")


def same(one: Any, other: Any) -> bool:
    """Whether two tensors have one shape and the same values, or neither is there."""
    if one is None or other is None:
        return one is None and other is None
    if not (isinstance(one, Tensor) and isinstance(other, Tensor)) or one.shape != other.shape:
        return False
    if one.numel() == 0:
        return True
    ours, theirs = one.detach().double(), other.detach().double()
    scale = max(1.0, float(theirs[theirs.isfinite()].abs().max())) if bool(theirs.isfinite().any()) else 1.0
    return torch.allclose(ours, theirs, rtol=0, atol=CLOSE * scale, equal_nan=True)


# --- the oracle of models ---------------------------------------------------------------------------


def _conv(x: Tensor, held: Any, stride: int = 1) -> Tensor:
    return F.conv2d(x, held.weight, held.bias, stride, held.weight.shape[-1] // 2)


def sizes(at: Situation) -> tuple[int, int, int]:
    """A block's channels in and out, and its stride."""
    inside, outside, stride = (*at.init, 1)[:3] if len(at.init) > 1 else (*at.init * 2, 1)
    return inside, outside, stride


def reference(exercise: str, roles: dict[str, Any], model: Any, x: Tensor, at: Situation) -> Tensor:
    """The exercise's own formula on the weights of the layers that have the roles.

    In train mode their BatchNorms collect statistics, on which no value in that mode depends.
    """
    if exercise in ("identity_block", "residual_block"):
        stride = sizes(at)[2]
        h = norm(_conv(x, roles["conv1"], stride), roles["bn1"], at.training).relu()
        h = norm(_conv(h, roles["conv2"]), roles["bn2"], at.training)
        if "project" in roles:
            x = norm(_conv(x, roles["project"], stride), roles["bn3"], at.training)
        return (h + x).relu()
    if exercise == "tiny_resnet":
        h = _conv(x, roles["conv1"])
        if "bn1" in roles:
            h = norm(h, roles["bn1"], at.training)
        h = h.relu() if "stem-relu" in roles else h
        return F.linear(
            roles["block2"](roles["block1"](h)).mean((2, 3)), roles["fc"].weight, roles["fc"].bias
        )
    out1 = _conv(x, roles["conv1"])
    out2 = _conv(out1, roles["conv2"])
    if exercise == "sequential_model":
        return out2
    if exercise == "projected_addition_model":
        return out2 + _conv(out1, roles["project"])
    if exercise == "weighted_addition_model":
        alpha = model.alpha.reshape(()) if isinstance(model.alpha, Tensor) else model.alpha
        return alpha * out1 + (1 - alpha) * out2
    return out1 + out2


def shapes_of_roles(exercise: str, at: Situation) -> dict[str, tuple[int, ...]]:
    """The shape of each role's weight."""
    if exercise in ("identity_block", "residual_block"):
        inside, outside, stride = sizes(at)
        shapes = {
            "conv1": (outside, inside, 3, 3),
            "bn1": (outside,),
            "conv2": (outside, outside, 3, 3),
            "bn2": (outside,),
        }
        projected = {"project": (outside, inside, 1, 1), "bn3": (outside,)}
        return shapes | (projected if stride != 1 or inside != outside else {})
    if exercise == "tiny_resnet":
        classes = (*at.init, 10)[1]
        return {"conv1": (16, 1, 3, 3), "block1": (16, 16, 1), "block2": (16, 32, 2), "fc": (classes, 32)}
    second = {"sequential_model": (32, 16, 3, 3), "projected_addition_model": (32, 16, 3, 3)}.get(
        exercise, (16, 16, 3, 3)
    )
    shapes = {"conv1": (16, 3, 3, 3), "conv2": second}
    return shapes | ({"project": (32, 16, 1, 1)} if exercise == "projected_addition_model" else {})


class Block(nn.Module):
    """Stands in for a learner's block: one convolution, which knows how it was made."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.made = (in_channels, out_channels, stride)
        self.conv = nn.Conv2d(in_channels, out_channels, 3, stride, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).tanh()


SITUATIONS = {
    "weighted_addition_model": [
        Situation((2, 3, 5, 7), True, alpha=0.3),
        Situation((3, 3, 6, 4), False, alpha=1.7),
        Situation((2, 3, 4, 5), True, alpha=-0.4),
    ],
    "identity_block": [Situation((3, 4, 7, 5), True, (4,)), Situation((4, 7, 6, 9), False, (7,), scale=1000)],
    "residual_block": [
        Situation((3, inside, 7, 6), training, (inside, outside, stride), scale=1 if training else 1000)
        for training, inside, outside, stride in (
            (True, 6, 6, 1),
            (False, 6, 6, 2),
            (True, 6, 9, 1),
            (False, 6, 9, 2),
            (True, 9, 6, 1),
            (False, 9, 6, 2),
        )
    ]
    + [Situation((2, 6, 5, 4), False, (6, 6))],
    "tiny_resnet": [
        Situation((4, 1, 8, 8), True, (Block, 10)),
        Situation((3, 1, 8, 8), False, (Block, 7), scale=20),
        Situation((2, 1, 8, 8), False, (Block,)),
    ],
}
_PLAIN = [Situation((2, 3, 5, 7), True), Situation((3, 3, 8, 6), False)]


class Facts:
    """A program's runs, the oracle's word (`wrong`: None, or what is wrong), and what claims ask for."""

    def __init__(self, program: Program) -> None:
        self.program, self.exercise = program, program.exercise
        self.runs = [run(program, at, i) for i, at in enumerate(SITUATIONS.get(self.exercise, _PLAIN), 11)]
        self.values_right = False
        self.backward_fails = False
        self.wrong = self._verdict()

    def _verdict(self) -> str | None:
        for this in self.runs:
            if this.error is not None:
                return f"{this.stage}: {type(this.error).__name__}: {this.error}"
            if not isinstance(this.output, Tensor):
                return f"a {type(this.output).__name__} came out"
        assigned = [self._assigned(this) for this in self.runs]
        if not all(found is not None for found in assigned):
            return "the values are wrong"
        self.values_right = True
        for this, roles in zip(self.runs, assigned, strict=True):
            found = self._trains(this, roles)
            if found:
                return found
        return self._alpha() if self.exercise == "weighted_addition_model" else None

    def _assigned(self, this: Run) -> dict[str, Any] | None:
        """The layers that have the roles, so that the reference gives the same values; or None."""
        shapes = shapes_of_roles(self.exercise, this.at)
        held: dict[str, Any] = {}
        for layer in self.program.layers.values():
            try:
                held[layer.name] = holder_of(
                    self.program, layer, this.fresh if self.program.keep != "first-call" else this.model
                )
            except (AttributeError, LookupError, TypeError, NameError):
                continue
        for name, inner in (("project", 0), ("bn3", 1)):
            if isinstance(held.get("shortcut"), nn.Sequential) and len(held["shortcut"]) > inner:
                held[name] = held["shortcut"][inner]
        candidates = [
            [name for name in sorted(held, key=lambda n: n != role) if _fits(held[name], shape)]
            for role, shape in shapes.items()
        ]
        for more in _stems(held) if self.exercise == "tiny_resnet" else [{}]:
            for chosen in _choices(candidates):
                roles = dict(zip(shapes, (held[n] for n in chosen), strict=True)) | more
                try:
                    if same(this.output, reference(self.exercise, roles, this.fresh, this.x, this.at)):
                        return roles
                except (RuntimeError, TypeError, AttributeError):  # no alpha, or blocks that do not fit
                    continue
        return None

    def _trains(self, this: Run, roles: dict[str, Any]) -> str | None:
        """What is wrong with gradients, registration, or what a call leaves behind; the values are right."""
        if this.x_changed:
            return "the input was changed"
        if self.program.keep == "first-call":
            return "layers are made at the first call, too late for an optimiser"
        model = this.fresh
        again = copy.deepcopy(model)
        wanted = [t for role in roles.values() if role is not None for t in _tensors_of(role)]
        if self.exercise == "weighted_addition_model" and isinstance(model.alpha, Tensor):
            wanted.append(model.alpha)
        if not all(t.requires_grad and t.is_leaf for t in wanted):
            return "a weight does not learn"
        copies = {id(mine): theirs for mine, theirs in _paired(self.program, model, again)}
        got = again(this.x.clone())
        if not same(got, this.output):
            return "a second call gives other values"
        back = torch.rand_like(got)
        expected = reference(self.exercise, roles, model, this.x, this.at)
        # Of a sum, since with a direction beside it autograd imports sympy, a second in each process.
        theirs = torch.autograd.grad((expected * back).sum(), [this.x, *wanted])
        mine: list[Any] = [None] * len(theirs)
        if got.requires_grad:
            try:
                have = [this.x, *(copies[id(t)] for t in wanted)]
                mine = list(torch.autograd.grad((got * back).sum(), have, allow_unused=True))
            except RuntimeError as error:
                self.backward_fails = True
                return f"backward: {error}"
        if not all(
            same(torch.zeros_like(t) if m is None else m, t) for m, t in zip(mine, theirs, strict=True)
        ):
            return "a gradient is wrong"
        registered = {id(p) for p in model.parameters()}
        if not all(id(t) in registered for t in wanted):
            return "a weight is not among the parameters"
        if this.at.training and not self._collects(this, roles):
            return "in eval mode the values are wrong after passes in train mode"
        return None

    def _collects(self, this: Run, roles: dict[str, Any]) -> bool:
        """Whether BatchNorm's running statistics are right after two passes in train mode."""
        if not any(isinstance(role, nn.BatchNorm2d) for role in roles.values()):
            return True
        model, theirs = copy.deepcopy(this.fresh), copy.deepcopy(roles)
        for _ in range(2):
            x = torch.rand(this.at.shape) * 2 - 1
            model(x.clone())
            reference(self.exercise, theirs, model, x, this.at)
        expected = reference(self.exercise, theirs, model, x, replace(this.at, training=False))
        return same(model.eval()(x), expected)

    def _alpha(self) -> str | None:
        model = self.program.bound()()
        alpha = getattr(model, "alpha", None)
        if (
            not isinstance(alpha, nn.Parameter)
            or not alpha.requires_grad
            or not any(p is alpha for p in model.parameters())
        ):
            return "alpha is no parameter that learns"
        if alpha.numel() != 1 or abs(float(alpha) - 0.5) > 1e-12:
            return "alpha does not start as the number 0.5"
        return None


def _stems(held: dict[str, Any]) -> list[dict[str, Any]]:
    """What may follow the network's first convolution."""
    norms = [each for each in held.values() if isinstance(each, nn.BatchNorm2d)]
    return [
        norm | relu for norm in [{}, *({"bn1": bn} for bn in norms)] for relu in ({}, {"stem-relu": None})
    ]


def _fits(holder: Any, shape: tuple[int, ...]) -> bool:
    if isinstance(holder, Block):
        return holder.made == shape
    if len(shape) == 1 and (not isinstance(holder, nn.BatchNorm2d) or holder.running_mean is None):
        return False
    return tuple(getattr(getattr(holder, "weight", None), "shape", ())) == shape


def _tensors_of(role: Any) -> list[Tensor]:
    """The weights of one role."""
    if isinstance(role, Block):
        return list(role.parameters())
    return [t for t in (role.weight, role.bias) if t is not None]


def _choices(candidates: list[list[str]]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for names in candidates:
        found = [[*chosen, name] for chosen in found for name in names if name not in chosen]
    return found[:40]


def _paired(program: Program, one: Any, other: Any) -> list[tuple[Tensor, Tensor]]:
    """The tensors of a model and of its copy, those that are not registered among them."""
    pairs: dict[int, tuple[Tensor, Tensor]] = {}
    for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
        pairs[id(mine)] = (mine, theirs)
    for layer in program.layers.values():
        for mine, theirs in zip(_held(program, layer, one), _held(program, layer, other), strict=False):
            pairs[id(mine)] = (mine, theirs)
    if isinstance(getattr(one, "alpha", None), Tensor):
        pairs[id(one.alpha)] = (one.alpha, other.alpha)
    return list(pairs.values())
