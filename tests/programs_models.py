"""The grammars of models: a right program, in one of its many right forms, and none to three changes of it."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from programs import Layer, Program, Step

# fmt: off
SUMS = (
    "{0} + {1}", "{1} + {0}", "torch.add({0}, {1})", "{1}.add({0})", "sum([{0}, {1}])", "{0} - (-{1})",
    "torch.stack([{0}, {1}]).sum(0)", "torch.stack([{1}, {0}], -1).sum(dim=-1)", "{0}.clone().add_({1})",
    "torch.cat([{0}, {1}], 1).unflatten(1, (2, -1)).sum(1)", "2 * torch.lerp({0}, {1}, 0.5)",
    "torch.sub({0}, {1}, alpha=-1)", "torch.einsum('knchw->nchw', torch.stack([{0}, {1}]))", "{1}.add_({0})",
    "2 * torch.stack([{0}, {1}]).mean(0)", "1.0 * {0} + 1.0 * {1}",
)
JOINS = {
    "sub": ("{0} - {1}", "{1} - {0}", "torch.sub({0}, {1})"),
    "mul": ("{0} * {1}", "torch.mul({0}, {1})"),
    "matmul": ("{0} @ {1}",),
    "maximum": ("torch.maximum({0}, {1})", "torch.max({0}, {1})"),
    "mean-of-two": ("({0} + {1}) / 2", "torch.stack([{0}, {1}]).mean(0)", "0.5 * ({0} + {1})"),
    "cat": ("torch.cat([{0}, {1}], 1)", "torch.cat(({1}, {0}), dim=1)", "torch.cat([{0}, {1}])", "torch.concat([{0}, {1}], dim=2)"),
    "stack": ("torch.stack([{0}, {1}])", "torch.stack([{0}, {1}], 1)"),
    "scaled-sum": ("{0} + 1.01 * {1}", "2 * {0} + {1}", "{0} + 2 * {1}", "torch.add({0}, {1}, alpha=0.5)", "0.5 * {0} + {1}"),
    "sum-twice": ("{0} + {1} + {0}", "{0} + {1} + {1}"),
    "sum-detached": ("{0}.detach() + {1}", "{0} + {1}.detach()", "{0}.data + {1}", "{0} + {1}.data"),
    "sum-in-place": ("{0}.add_({1})",),
    "sum-reduced": ("({0} + {1}).sum()", "({0} + {1}).mean()", "({0} + {1}).sum(1)", "{0}.sum() + {1}.sum()", "({0} + {1}).mean(1, keepdim=True)"),
    "div": ("{0} / {1}",),
}
BLENDS = (
    "{w} * {0} + (1 - {w}) * {1}", "torch.lerp({1}, {0}, {w})", "{1} + {w} * ({0} - {1})",
    "{0}.mul({w}) + {1}.mul(1.0 - {w})", "({w} * {0}).add((1 - {w}) * {1})", "{1} - {w} * {1} + {w} * {0}",
    "(1 - {w}) * {1} + {w} * {0}", "torch.stack([{w} * {0}, {1} - {w} * {1}]).sum(0)",
)
WRONG_BLENDS = (
    "(1 - {w}) * {0} + {w} * {1}", "{w} * {0} + {1}", "{0} + (1 - {w}) * {1}", "{0} + {w} * {1}", "{w} * ({0} + {1})",
    "(1 - {w}) * ({0} + {1})", "{w} * {0} + 1 - {w} * {1}", "{w} * ({0} + (1 - {w}) * {1})",
    "{w} * {0} + ({w} - 1) * {1}", "{w} * {0} + (1 + {w}) * {1}", "({w} + {0}) + (1 - {w} + {1})",
    "({w} * {0}) * ((1 - {w}) * {1})", "0.5 * {0} + 0.5 * {1}", "{0} + {1}", "{w} * {1}", "(1 - {w}) * {1}",
    "{w} * {0}", "(1 - {w}) * {0}", "{w} * {0} + (1 - {w}) * {0}", "({w} * {0} + (1 - {w}) * {1}) / 2",
    "torch.cat([{w} * {0}, (1 - {w}) * {1}], 1)", "({w} * {0} + (1 - {w}) * {1}).sum()", "torch.lerp({0}, {1}, {w})",
    "{w} * {0} + (1 - {w}.detach()) * {1}", "{w}.detach() * {0} + (1 - {w}) * {1}", "{w} ** 2 * {0} + (1 - {w} ** 2) * {1}",
    "{w}.item() * {0} + (1 - {w}.item()) * {1}", "{w}.item() * {0} + (1 - {w}) * {1}", "{w} * {0} + (1 - {w}.item()) * {1}",
    "torch.sigmoid({w}) * {0} + (1 - torch.sigmoid({w})) * {1}", "{w}.clamp(0, 1) * {0} + (1 - {w}.clamp(0, 1)) * {1}",
    "{w}.abs() * {0} + (1 - {w}.abs()) * {1}", "{w} * {0} + (1 - {w}) * {1}.detach()", "{w} * {0}.detach() + (1 - {w}) * {1}",
    "{w} * {0} - (1 - {w}) * {1}", "{0} ** {w}", "(1 - {w}) + {w} * {0} + {1}", "{w} + (1 - {w}) * {1}",
    "{w}.data * {0} + (1 - {w}.data) * {1}", "{w} * {0} + {w} * {1} * (1 - {w})", "torch.maximum({w} * {0}, (1 - {w}) * {1})",
)
ALPHAS = (
    "self.alpha = nn.Parameter(torch.tensor(0.5))", "self.alpha = nn.Parameter(torch.full((1,), 0.5))",
    "self.register_parameter('alpha', nn.Parameter(torch.ones(()) / 2))", "self.alpha = nn.Parameter(torch.tensor([0.5]))",
    "self.alpha = nn.Parameter(torch.as_tensor(0.5, dtype=torch.float64))", "self.alpha = nn.Parameter(0.5 * torch.ones(1, 1, 1, 1))",
    "self.alpha = nn.Parameter(torch.tensor(0.5, device='cpu'))",
)
WRONG_ALPHAS = (
    "self.register_buffer('alpha', torch.tensor(0.5))", "self.alpha = torch.tensor(0.5, requires_grad=True)",
    "self.alpha = nn.Parameter(torch.tensor(0.25))", "self.alpha = nn.Parameter(torch.full((16, 1, 1), 0.5))",
    "self.alpha = torch.tensor(0.5)", "self.alpha = 0.5", "self.alpha = nn.Parameter(0.5)", "alpha = nn.Parameter(torch.tensor(0.5))",
    "self.alpha = nn.Parameter(torch.tensor(0.5), requires_grad=False)", "self.alpha = nn.Parameter(torch.tensor(1))",
    "self.alpha = [nn.Parameter(torch.tensor(0.5))]", "self.weight = nn.Parameter(torch.tensor(0.5))",
    "self.alpha = nn.Parameter(torch.rand(1))", "self.alpha = nn.Parameter(torch.full((16,), 0.5))",
    "self.alpha = nn.Parameter(torch.zeros(()))", "self.register_buffer('alpha', torch.tensor(0.5, requires_grad=True))",
)
UNARY = {
    "relu": ("{0}.relu()", "torch.relu({0})", "F.relu({0})", "{0}.clamp(min=0)"),
    "relu6": ("F.relu6({0})", "nn.ReLU6()({0})"),
    "other-activation": ("torch.sigmoid({0})", "{0}.tanh()", "F.gelu({0})", "F.leaky_relu({0})"),
    "half": ("{0} / 2", "0.5 * {0}"),
    "double": ("2 * {0}",),
    "scale": ("1.01 * {0}", "{0} + 0.1", "-{0}"),
    "detach": ("{0}.detach()", "{0}.data", "torch.tensor({0}.tolist())"),
    "reduce": ("{0}.sum()", "{0}.mean()", "{0}.sum(1)", "{0}.mean((2, 3))", "{0}.flatten(1)"),
    "one-channel": ("{0}.mean(1, keepdim=True)", "{0}[:, :1]", "{0}[:, 1:2]"),
    "pad-channels": ("F.pad({0}, (0, 0, 0, 0, 0, 13))", "F.pad({0}, (0, 0, 0, 0, 0, 16))"),
    "repeat": ("{0}.repeat(1, 2, 1, 1)", "torch.cat([{0}, {0}], 1)", "{0}.repeat_interleave(2, 1)"),
    "fewer-channels": ("{0}[:, :16]", "{0}[:, ::2]"),
    "spatial": ("{0}.roll(1, 0)", "{0}.flip(2)", "F.max_pool2d({0}, 2)", "F.max_pool2d({0}, 3, 1, 1)"),
    "norm": ("F.layer_norm({0}, {0}.shape[1:])", "F.batch_norm({0}, None, None, training=True)"),
    "relu-in-place": ("{0}.relu_()", "F.relu({0}, inplace=True)"),
    "scale-in-place": ("{0}.mul_(1.5)",),
}
HARMLESS = ("{0}.clone()", "{0} + 0", "1 * {0}", "{0}.contiguous()", "{0}.to('cpu')", "{0}.view_as({0})", "nn.Identity()({0})")
SPARE_LINES = (
    "self.relu = nn.ReLU()", "self.unused = nn.Conv2d(3, 16, 3)", "self.register_buffer('seen', torch.zeros(3))", "self.drop = nn.Dropout(0.5)",
    "self.gain = nn.Parameter(torch.ones(4))", "self.note = 'mine'", "self.head = nn.Linear(16, 10)",
)
GOOD_KEEPS = ("attribute", "attribute", "module-list", "module-dict", "sequential", "add-module", "inner", "twice")
BAD_KEEPS = ("list", "dict", "tuple", "in-forward", "first-call")
CHANGED_CONVS: tuple[dict[str, Any], ...] = (
    {"p": 0}, {"p": 2}, {"k": 5, "p": 2}, {"k": 5, "p": 1}, {"k": 1, "p": 0}, {"k": 2}, {"k": 4}, {"d": 2}, {"d": 2, "p": 2}, {"s": 2},
    {"mode": "reflect"}, {"mode": "circular"}, {"i": 3}, {"i": 16}, {"o": 1}, {"o": 32}, {"o": 16}, {"o": 3}, {"k": 3, "p": 1}, {"k": 1, "p": 1},
)
FLAGS = ("no-super-init", "late-super-init", "no-forward", "forward-without-self", "no-return", "no-grad-block", "no-grad-decorator", "frozen", "frozen-one", "init-without-self", "returns-layer", "calls-nothing")
# fmt: on


def conv(
    chance: random.Random,
    name: str,
    i: Any,
    o: Any,
    k: int = 3,
    p: int = 1,
    s: Any = 1,
    d: int = 1,
    mode: str = "zeros",
) -> Layer:
    """A convolution in one of its forms; all have the same meaning."""
    spec = {"i": i, "o": o, "k": k, "p": p, "s": s, "d": d, "mode": mode}
    more = "".join(
        f", {word}={value}" for word, value, usual in (("stride", s, 1), ("dilation", d, 1)) if value != usual
    )
    more += f", padding_mode={mode!r}" if mode != "zeros" else ""
    bias = chance.choice(("", "", "", ", bias=False"))
    extra = chance.choice(("", "", "", ", dtype=torch.get_default_dtype()", ", device='cpu'"))
    plain = f"nn.Conv2d({i}, {o}, {k}, padding={p}{more}{bias}{extra})"
    form = chance.randrange(14)
    if mode != "zeros" or (p == 0 and form in (1, 2)):
        form = 9
    if form == 0 and s == 1 and p == d * (k - 1) / 2:
        return Layer(name, "conv", f"nn.Conv2d({i}, {o}, ({k}, {k}), padding='same'{more}{bias})", spec=spec)
    if form == 1:
        made = f"nn.Sequential(nn.ZeroPad2d({p}), nn.Conv2d({i}, {o}, {k}{more}{bias}))"
        return Layer(name, "conv", made, path="{m}[1]", spec=spec)
    if form == 2:
        call = f"{{m}}(F.pad({{0}}, ({p}, {p}, {p}, {p})))"
        return Layer(name, "conv", f"nn.Conv2d({i}, {o}, {k}{more}{bias})", call, spec=spec)
    if form == 3 and isinstance(s, int):
        call = f"F.conv2d({{0}}, {{m}}.weight, {{m}}.bias, padding={p}{more})"
        return Layer(name, "conv", f"nn.Conv2d({i}, {o}, {k})", call, spec=spec)
    if form == 4 and isinstance(i, int):
        lines = (
            f"self.{name}_w = nn.Parameter(torch.randn({o}, {i}, {k}, {k}) / 5)",
            f"self.{name}_b = nn.Parameter(torch.zeros({o}))",
        )
        call = f"F.conv2d({{0}}, self.{name}_w, self.{name}_b, padding={p}{more})"
        return Layer(name, "conv", "", call, f"Pair(self.{name}_w, self.{name}_b)", spec, lines)
    if form == 5:
        return Layer(name, "conv", f"nn.Sequential({plain})", path="{m}[0]", spec=spec)
    if form == 6:
        made = (
            f"nn.Conv2d(in_channels={i}, out_channels={o}, kernel_size={k}, padding=({p}, {p}){more}{bias})"
        )
        return Layer(name, "conv", made, spec=spec)
    return Layer(name, "conv", plain, spec=spec)


def respecified(chance: random.Random, layer: Layer, **changed: Any) -> Layer:
    spec = {**layer.spec, **changed}
    return replace(conv(chance, layer.name, **spec), name=layer.name)


def changed_layer(program: Program, chance: random.Random) -> None:
    convs = [each for each in program.layers.values() if each.kind == "conv"]
    if not convs:
        return
    layer = chance.choice(convs)
    program.layers[layer.name] = respecified(chance, layer, **chance.choice(CHANGED_CONVS))


def rewired(program: Program, chance: random.Random) -> None:
    index = chance.randrange(len(program.steps))
    step = program.steps[index]
    earlier = ["x", *(each.target for each in program.steps[:index])]
    args = list(step.args)
    args[chance.randrange(len(args))] = chance.choice(earlier)
    program.steps[index] = replace(step, args=tuple(args))


def joined(program: Program, chance: random.Random) -> None:
    places = [i for i, step in enumerate(program.steps) if len(step.args) == 2]
    if not places:
        program.steps.append(
            Step("joined", *_join(chance), (chance.choice(program.steps).target, program.steps[-1].target))
        )
        program.returned = "joined"
        return
    op, template = _join(chance)
    program.steps[places[-1]] = replace(program.steps[places[-1]], op=op, template=template)


def _join(chance: random.Random) -> tuple[str, str]:
    op = chance.choice(list(JOINS))
    return op, chance.choice(JOINS[op])


def blended(program: Program, chance: random.Random) -> None:
    for i, step in enumerate(program.steps):
        if step.op == "blend":
            program.steps[i] = replace(
                step, op="wrong-blend", template=_weighted(chance.choice(WRONG_BLENDS))
            )


def _weighted(template: str) -> str:
    return template.replace("{w}", "self.alpha")


def inserted(program: Program, chance: random.Random) -> None:
    """An operator on one argument, or on what is returned."""
    op = chance.choice([*UNARY, "relu", "detach", "half"])
    _insert(program, chance, op, chance.choice(UNARY[op]))


def harmless(program: Program, chance: random.Random) -> None:
    kind = chance.randrange(5)
    if kind == 0:
        _insert(program, chance, "same", chance.choice(HARMLESS))
    elif kind == 1:
        program.lines.append(chance.choice(SPARE_LINES))
    elif kind == 2:
        step = chance.choice([s for s in program.steps if s.op == "call"] or [program.steps[0]])
        if step.op == "call" and program.layers[step.layer].kind == "conv":
            program.steps.insert(program.steps.index(step) + 1, replace(step, target="dropped"))
    elif kind == 3:
        program.flags.add("dead-code")
    else:
        program.inline = not program.inline


def _insert(program: Program, chance: random.Random, op: str, template: str) -> None:
    taken = {each.target for each in program.steps}
    name = next(f"t{i}" for i in range(9) if f"t{i}" not in taken)
    index = chance.randrange(len(program.steps) + 1)
    if index == len(program.steps):
        program.steps.append(
            Step(
                name,
                op,
                template,
                (program.returned if program.returned in taken else program.steps[-1].target,),
            )
        )
        program.returned = name
        return
    step = program.steps[index]
    place = chance.randrange(len(step.args))
    args = list(step.args)
    program.steps.insert(index, Step(name, op, template, (args[place],)))
    args[place] = name
    program.steps[index + 1] = replace(step, args=tuple(args))


def called_again(program: Program, chance: random.Random) -> None:
    """A layer runs once more, on any tensor; its result may take the place of another's."""
    layer = chance.choice(list(program.layers))
    index = chance.randrange(1, len(program.steps) + 1)
    arg = chance.choice(["x", *(each.target for each in program.steps[:index])])
    target = chance.choice(("again", program.steps[index - 1].target))
    program.steps.insert(index, Step(target, "call", "", (arg,), layer))
    if target == "again" and index == len(program.steps) - 1 and chance.random() < 0.7:
        program.returned = "again"


def extra_layer(program: Program, chance: random.Random) -> None:
    i, o = chance.choice(((16, 16), (3, 16), (16, 32), (32, 32)))
    program.layers["conv3"] = conv(chance, "conv3", i, o, *chance.choice(((3, 1), (1, 0))))
    _insert(program, chance, "call", "")
    place = next(i for i, step in enumerate(program.steps) if step.op == "call" and not step.layer)
    program.steps[place] = replace(program.steps[place], layer="conv3")


def other_result(program: Program, chance: random.Random) -> None:
    names = [each.target for each in program.steps]
    program.returned = chance.choice(
        (*names, *names, f"{names[0]}, {names[-1]}", f"[{names[-1]}]", "x", "self", "None")
    )


def swapped(program: Program, chance: random.Random) -> None:
    """Two layers' calls exchange their places."""
    calls = [i for i, step in enumerate(program.steps) if step.op == "call"]
    if len(calls) > 1:
        a, b = chance.sample(calls, 2)
        one, two = program.steps[a].layer, program.steps[b].layer
        program.steps[a], program.steps[b] = (
            replace(program.steps[a], layer=two),
            replace(program.steps[b], layer=one),
        )


def kept_badly(program: Program, chance: random.Random) -> None:
    program.keep = chance.choice(BAD_KEEPS)


def flagged(program: Program, chance: random.Random) -> None:
    flag = chance.choice(FLAGS)
    program.flags.add(flag)
    plain = [layer.name for layer in program.layers.values() if not layer.own_lines]
    if flag == "frozen":
        program.lines.append("for p in self.parameters(): p.requires_grad = False")
    elif flag == "frozen-one" and plain:
        program.lines.append(f"<{chance.choice(plain)}>.requires_grad_(False)")
    elif flag == "returns-layer":
        program.returned = f"<{next(iter(program.layers))}>"
    elif flag == "calls-nothing":
        program.steps.insert(
            0,
            Step("made", "layers", f"<{next(iter(program.layers))}> + <{list(program.layers)[-1]}>", ("x",)),
        )


def alpha_kept(program: Program, chance: random.Random) -> None:
    program.lines[0] = chance.choice(WRONG_ALPHAS)


COMMON: list[tuple[Callable[[Program, random.Random], None], int]] = [
    (changed_layer, 5),
    (rewired, 4),
    (joined, 4),
    (inserted, 4),
    (called_again, 3),
    (extra_layer, 1),
    (other_result, 2),
    (swapped, 2),
    (kept_badly, 2),
    (flagged, 2),
    (harmless, 4),
]


def addition(exercise: str, chance: random.Random, seed: str) -> Program:
    """The exercises of two or three convolutions."""
    out = 32 if exercise in ("sequential_model", "projected_addition_model") else 16
    layers = {"conv1": conv(chance, "conv1", 3, 16), "conv2": conv(chance, "conv2", 16, out)}
    steps = [Step("out1", "call", "", ("x",), "conv1"), Step("out2", "call", "", ("out1",), "conv2")]
    lines, changes = [], list(COMMON)
    if exercise == "projected_addition_model":
        layers["project"] = conv(chance, "project", 16, 32, 1, 0)
        steps.append(Step("skip", "call", "", ("out1",), "project"))
        steps.append(Step("total", "sum", chance.choice(SUMS), ("out2", "skip")))
    elif exercise == "weighted_addition_model":
        lines = [chance.choice(ALPHAS)]
        steps.append(Step("total", "blend", _weighted(chance.choice(BLENDS)), ("out1", "out2")))
        changes += [(blended, 8), (alpha_kept, 5)]
    elif exercise != "sequential_model":
        steps.append(Step("total", "sum", chance.choice(SUMS), ("out1", "out2")))
    program = Program(exercise, seed, layers, steps, steps[-1].target, chance.choice(GOOD_KEEPS), lines=lines)
    return _finished(program, chance, changes)


def _finished(program: Program, chance: random.Random, changes: list[Any], most: int = 3) -> Program:
    program.inline, program.shuffled = chance.random() < 0.4, chance.randrange(4)
    for _ in range(chance.choice((0, 1))):
        harmless(program, chance)
    for _ in range(chance.choice((0, 0, 1, 1, 1, 2, most))):
        chance.choices([c for c, _ in changes], [w for _, w in changes])[0](program, chance)
    _name_apart(program)
    return program


def _name_apart(program: Program) -> None:
    """Give each result a name of its own, `b__2` where the source calls a second one `b`: so a name has one maker."""
    now: dict[str, str] = {}
    count: Counter[str] = Counter()
    for i, step in enumerate(program.steps):
        args = tuple(now.get(arg, arg) for arg in step.args)
        count[step.target] += 1
        again = count[step.target] > 1
        now[step.target] = f"{step.target}__{count[step.target]}" if again else step.target
        program.steps[i] = replace(step, target=now[step.target], args=args)
    program.returned = re.sub(
        r"(?<![.<\w])[a-z]\w*", lambda name: now.get(name[0], name[0]), program.returned
    )


# --- blocks -----------------------------------------------------------------------------------------


def norm(chance: random.Random, name: str, o: str) -> Layer:
    make = chance.choice(
        (f"nn.BatchNorm2d({o})", f"nn.BatchNorm2d(num_features={o})", f"nn.Sequential(nn.BatchNorm2d({o}))")
    )
    return Layer(name, "norm", make, path="{m}[0]" if "Sequential" in make else "{m}", spec={"o": o})


# fmt: off
RELUS = ("torch.relu({0})", "F.relu({0})", "{0}.relu()", "nn.ReLU()({0})", "{0}.clamp(min=0)", "{0}.relu_()")
CONDITIONS = ("stride != 1 or in_channels != out_channels", "not (stride == 1 and in_channels == out_channels)", "stride > 1 or in_channels != out_channels", "(in_channels, 1) != (out_channels, stride)")
WRONG_CONDITIONS = ("stride != 1", "in_channels != out_channels", "stride != 1 and in_channels != out_channels", "stride != 1 or in_channels < out_channels", "True", "False", "in_channels < out_channels")
OTHER_INITS = {
    "identity_block": ("", "channels=16", "channels, stride=1", "in_channels, out_channels"),
    "residual_block": ("in_channels, out_channels, stride", "in_channels, out_channels", "in_channels, out_channels, stride=2"),
    "tiny_resnet": ("block", "block, num_classes", "block, num_classes=7"),
}
OTHER_NORMS = ("nn.BatchNorm2d({o}, affine=False)", "nn.BatchNorm2d({o}, track_running_stats=False)", "nn.GroupNorm(1, {o})", "nn.Identity()", "nn.InstanceNorm2d({o}, affine=True)")
SHORTCUTS = {
    "norm": "nn.Sequential(nn.Conv2d({i}, {o}, 1, stride={s}), nn.BatchNorm2d({o}))",
    "no-norm": "nn.Conv2d({i}, {o}, 1, stride={s})",
    "relu": "nn.Sequential(nn.Conv2d({i}, {o}, 1, stride={s}), nn.BatchNorm2d({o}), nn.ReLU())",
    "3x3": "nn.Sequential(nn.Conv2d({i}, {o}, 3, stride={s}, padding=1), nn.BatchNorm2d({o}))",
    "no-stride": "nn.Sequential(nn.Conv2d({i}, {o}, 1), nn.BatchNorm2d({o}))",
    "pooled": "nn.Sequential(nn.AvgPool2d({s}, ceil_mode=True), nn.Conv2d({i}, {o}, 1), nn.BatchNorm2d({o}))",
    "relu6": "nn.Sequential(nn.Conv2d({i}, {o}, 1, stride={s}), nn.BatchNorm2d({o}), nn.ReLU6())",
    "no-affine": "nn.Sequential(nn.Conv2d({i}, {o}, 1, stride={s}), nn.BatchNorm2d({o}, affine=False))",
    "norm-first": "nn.Sequential(nn.BatchNorm2d({i}), nn.Conv2d({i}, {o}, 1, stride={s}))",
}
# fmt: on


def block(exercise: str, chance: random.Random, seed: str) -> Program:
    """The two blocks; in a residual block the shortcut is a layer of its own, made under a condition."""
    residual = exercise == "residual_block"
    i, o, s = ("in_channels", "out_channels", "stride") if residual else ("channels", "channels", 1)
    layers = {
        "conv1": conv(chance, "conv1", i, o, s=s),
        "bn1": norm(chance, "bn1", o),
        "conv2": conv(chance, "conv2", o, o),
        "bn2": norm(chance, "bn2", o),
    }
    steps = [
        Step("a", "call", "", ("x",), "conv1"),
        Step("b", "call", "", ("a",), "bn1"),
        Step("c", "relu", chance.choice(RELUS), ("b",)),
        Step("d", "call", "", ("c",), "conv2"),
        Step("e", "call", "", ("d",), "bn2"),
    ]
    skip = "x"
    if residual:
        layers["shortcut"] = shortcut(chance.choice(CONDITIONS), "norm", chance.random() < 0.5)
        steps.append(Step("skip", "call", "", ("x",), "shortcut"))
        skip = "skip"
    sums = [each for each in SUMS if each != "{1}.add_({0})"] + ["{0}.add_({1})"]
    steps += [
        Step("f", "sum", chance.choice(sums), ("e", skip)),
        Step("g", "relu", chance.choice(RELUS[:5]), ("f",)),
    ]
    init = "in_channels, out_channels, stride=1" if residual else "channels"
    program = Program(exercise, seed, layers, steps, "g", chance.choice(GOOD_KEEPS), init)
    changes = [
        (dropped_step, 6),
        (moved_step, 5),
        (rewired, 4),
        (joined, 3),
        (inserted, 3),
        (swapped, 3),
        (block_layer, 4),
        (called_again, 1),
        (kept_badly, 1),
        (flagged, 1),
        (other_result, 1),
        (harmless, 3),
    ]
    return _finished(
        program,
        chance,
        changes + ([(changed_shortcut, 9), (changed_init, 1)] if residual else [(changed_init, 1)]),
    )


def shortcut(condition: str, variant: str, negated: bool = False) -> Layer:
    made = SHORTCUTS[variant].format(i="in_channels", o="out_channels", s="stride")
    text = (
        f"({made}) if {condition} else nn.Identity()"
        if not negated
        else f"nn.Identity() if not ({condition}) else {made}"
    )
    return Layer("shortcut", "shortcut", f"({text})", spec={"condition": condition, "variant": variant})


def changed_shortcut(program: Program, chance: random.Random) -> None:
    if "shortcut" not in program.layers:
        return
    spec = program.layers["shortcut"].spec
    if chance.random() < 0.5:
        program.layers["shortcut"] = shortcut(chance.choice(WRONG_CONDITIONS), spec["variant"])
    else:
        program.layers["shortcut"] = shortcut(spec["condition"], chance.choice(list(SHORTCUTS)))


def changed_init(program: Program, chance: random.Random) -> None:
    program.init = chance.choice(OTHER_INITS[program.exercise])


def block_layer(program: Program, chance: random.Random) -> None:
    name = chance.choice([n for n in program.layers if n != "shortcut"])
    layer = program.layers[name]
    if layer.kind == "norm":
        o = layer.spec["o"]
        make = chance.choice(OTHER_NORMS).replace("{o}", o)
        program.layers[name] = replace(layer, make=make, path="{m}", spec={**layer.spec, "variant": make})
        return
    i, o, s = layer.spec["i"], layer.spec["o"], layer.spec["s"]
    change: dict[str, Any] = chance.choice(
        (
            {"p": 0},
            {"k": 1, "p": 0},
            {"k": 5, "p": 2},
            {"d": 2, "p": 2},
            {"s": 1},
            {"s": "stride" if s == 1 and "stride" in program.init else 1},
            {"o": i},
            {"i": 16, "o": 16},
            {"mode": "reflect"},
        )
    )
    program.layers[name] = respecified(chance, layer, **change)


def dropped_step(program: Program, chance: random.Random) -> None:
    """A step is left out: who used its result uses what it read."""
    index = chance.randrange(len(program.steps))
    gone = program.steps.pop(index)
    program.steps = [
        replace(s, args=tuple(gone.args[0] if a == gone.target else a for a in s.args)) for s in program.steps
    ]
    program.returned = gone.args[0] if program.returned == gone.target else program.returned


def moved_step(program: Program, chance: random.Random) -> None:
    """Two neighbours of one argument each exchange what they do."""
    places = [
        i
        for i in range(len(program.steps) - 1)
        if len(program.steps[i].args) == len(program.steps[i + 1].args) == 1
    ]
    pairs = [i for i in places if program.steps[i + 1].args == (program.steps[i].target,)]
    sums = [
        i
        for i in range(1, len(program.steps))
        if program.steps[i].op == "relu" and len(program.steps[i - 1].args) == 2
    ]
    if sums and chance.random() < 0.4:  # the last ReLU before the sum
        i = sums[-1]
        relu, join = program.steps[i], program.steps[i - 1]
        program.steps[i - 1 : i + 1] = [
            replace(relu, target="r", args=(join.args[0],)),
            replace(join, target=relu.target, args=("r", join.args[1])),
        ]
    elif pairs:
        i = chance.choice(pairs)
        one, two = program.steps[i], program.steps[i + 1]
        program.steps[i] = replace(two, target=one.target, args=one.args)
        program.steps[i + 1] = replace(one, target=two.target, args=two.args)


# --- the network of blocks --------------------------------------------------------------------------

# fmt: off
BLOCK1 = ("block(16, 16)", "block(16, 16, 1)", "block(16, 16, stride=1)", "block(in_channels=16, out_channels=16)", "nn.Sequential(block(16, 16))")
BLOCK2 = ("block(16, 32, stride=2)", "block(16, 32, 2)", "block(in_channels=16, out_channels=32, stride=2)")
OTHER_BLOCKS = ("block(16, 32)", "block(16, 16, stride=2)", "block(16, 16)", "block(32, 32)", "block(16, 32, stride=2)", "nn.Conv2d(16, 32, 3, 2, 1)", "nn.Conv2d(16, 16, 3, padding=1)", "nn.Sequential(block(16, 16), block(16, 16))", "nn.Identity()", "block(16, 32, 3)", "block")
POOLS = ("{0}.mean((2, 3))", "{0}.mean(dim=(-1, -2))", "F.adaptive_avg_pool2d({0}, 1).flatten(1)", "torch.flatten(nn.AdaptiveAvgPool2d((1, 1))({0}), 1)", "{0}.flatten(2).mean(2)", "F.avg_pool2d({0}, 4).squeeze(3).squeeze(2)", "{0}.mean(3).mean(2)")
WRONG_POOLS = {
    "sum-pool": ("{0}.sum((2, 3))",),
    "max-pool": ("{0}.amax((2, 3))", "F.adaptive_max_pool2d({0}, 1).flatten(1)"),
    "no-flatten": ("F.adaptive_avg_pool2d({0}, 1)",),
    "flatten-all": ("F.adaptive_avg_pool2d({0}, 1).flatten()",),
    "no-pool": ("{0}.flatten(1)", "{0}"),
    "batch-mean": ("{0}.mean((0, 2, 3))", "{0}.mean((0, 2, 3)).expand({0}.shape[0], -1)", "{0}.mean((2, 3)) - {0}.mean((0, 2, 3))"),
    "channel-mean": ("{0}.mean(1).flatten(1)",),
    "part": ("{0}[:, :, 0, 0]", "{0}.mean(2)", "F.avg_pool2d({0}, 2).flatten(1)", "{0}.flatten(2)[:, :, :8].mean(2)"),
}
OTHER_LINEARS = ("nn.Linear(32, 10)", "nn.Linear(16, num_classes)", "nn.Sequential(nn.Linear(32, 32), nn.Linear(32, num_classes))", "nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, num_classes))")
OTHER_STEMS: tuple[dict[str, Any], ...] = ({"k": 1, "p": 0}, {"k": 5, "p": 2}, {"p": 0}, {"i": 3}, {"s": 2}, {"d": 2, "p": 2}, {"o": 32}, {"mode": "reflect"})
HEADS = {
    "softmax": ("{0}.softmax(1)", "F.softmax({0}, dim=-1)", "F.log_softmax({0}, dim=1)"),
    "softmax-batch": ("{0}.softmax(0)",),
    "argmax": ("{0}.argmax(1)", "{0}.max(1).values"),
    "relu": ("{0}.relu()", "F.relu6({0})"),
    "detach": ("{0}.detach()",),
    "sigmoid": ("{0}.sigmoid()",),
    "half": ("{0} / 2", "{0} - {0}.mean(1, keepdim=True)", "{0} - {0}.mean(0)"),
}
# fmt: on


def network(exercise: str, chance: random.Random, seed: str) -> Program:
    """`TinyResNet`: a stem of a convolution and what may follow it, two blocks, a mean, a linear layer."""
    layers = {"conv1": conv(chance, "conv1", 1, 16)}
    steps = [Step("h", "call", "", ("x",), "conv1")]
    stem = chance.choice(("", "bn", "relu", "bn relu", "bn relu"))
    if "bn" in stem:
        layers["bn1"] = norm(chance, "bn1", "16")
        steps.append(Step("n", "call", "", (steps[-1].target,), "bn1"))
    if "relu" in stem:
        steps.append(Step("r", "relu", chance.choice(RELUS), (steps[-1].target,)))
    for name, makes in (("block1", BLOCK1), ("block2", BLOCK2)):
        layers[name] = _block(name, chance.choice(makes))
        steps.append(Step(f"b{name[-1]}", "call", "", (steps[-1].target,), name))
    layers["fc"] = Layer(
        "fc",
        "linear",
        chance.choice(("nn.Linear(32, num_classes)", "nn.Linear(in_features=32, out_features=num_classes)")),
    )
    steps += [Step("p", "pool", chance.choice(POOLS), ("b2",)), Step("out", "call", "", ("p",), "fc")]
    program = Program(
        exercise, seed, layers, steps, "out", chance.choice(GOOD_KEEPS), "block, num_classes=10"
    )
    changes = [
        (other_block, 5),
        (other_pool, 4),
        (other_head, 3),
        (other_stem, 4),
        (dropped_step, 3),
        (moved_step, 2),
        (swapped, 2),
        (inserted, 3),
        (rewired, 2),
        (called_again, 1),
        (kept_badly, 2),
        (flagged, 2),
        (other_result, 1),
        (harmless, 2),
        (changed_init, 1),
    ]
    return _finished(program, chance, changes)


def _block(name: str, make: str) -> Layer:
    return Layer(name, "block", make, path="{m}[0]" if make.startswith("nn.Seq") else "{m}")


def other_block(program: Program, chance: random.Random) -> None:
    name = chance.choice(("block1", "block2"))
    if name in program.layers:
        program.layers[name] = _block(name, chance.choice(OTHER_BLOCKS))


def other_pool(program: Program, chance: random.Random) -> None:
    op = chance.choice(list(WRONG_POOLS))
    for i, step in enumerate(program.steps):
        if step.op == "pool":
            program.steps[i] = replace(step, op=op, template=chance.choice(WRONG_POOLS[op]))
            if op == "channel-mean":
                program.layers["fc"] = replace(program.layers["fc"], make="nn.Linear(16, num_classes)")
            if op == "no-pool" and chance.random() < 0.7:
                program.layers["fc"] = replace(program.layers["fc"], make="nn.Linear(512, num_classes)")


def other_head(program: Program, chance: random.Random) -> None:
    if chance.random() < 0.3:
        program.layers["fc"] = replace(program.layers["fc"], make=chance.choice(OTHER_LINEARS))
        return
    op = chance.choice(list(HEADS))
    program.steps.append(Step("y", op, chance.choice(HEADS[op]), (program.steps[-1].target,)))
    program.returned = "y"


def other_stem(program: Program, chance: random.Random) -> None:
    program.layers["conv1"] = respecified(chance, program.layers["conv1"], **chance.choice(OTHER_STEMS))
