"""Answers that nobody wrote: operators, ways of registering, orders and containers, put together by chance.

Whether one is right follows from the operator that was drawn, and the oracle has to agree.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product

from autograder.answers import Answer
from autograder.exercises import EXERCISES

# How two outputs meet: right and wrong ways, `a` and `b` standing for them.
_SUM = (
    "{a} + {b}",
    "{b} + {a}",
    "torch.add({b}, {a})",
    "{a}.add({b})",
    "sum(({a}, {b}))",
    "{a} - (-{b})",
    "torch.stack([{a}, {b}]).sum(0)",
    "torch.stack([{b}, {a}], -1).sum(dim=-1)",
    "{a}.clone().add_({b})",
    "torch.cat([{a}, {b}], 1).unflatten(1, (2, -1)).sum(1)",
    "2 * torch.lerp({a}, {b}, 0.5)",
)
_NO_SUM = (
    "{a} - {b}",
    "{a} * {b}",
    "{a}",
    "{b}",
    "({a} + {b}) / 2",
    "{a} + {b}.detach()",
    "{a}.detach() + {b}",
    "torch.maximum({a}, {b})",
    "{a} + {b} + {b}",
    "torch.cat([{a}, {b}], 1)",
    "{a} + 1.01 * {b}",
    "({a} + {b}).relu()",
    "{a} + {b}.roll(1, 0)",
    "{a} + {b}.flip(2)",
    "{a} + {b}.mean((2, 3), keepdim=True)",
)
_BLEND = (
    "{w} * {a} + (1 - {w}) * {b}",
    "torch.lerp({b}, {a}, {w})",
    "{b} + {w} * ({a} - {b})",
    "{a}.mul({w}) + {b}.mul(1.0 - {w})",
    "({w} * {a}).add((1 - {w}) * {b})",
    "{b} - {w} * {b} + {w} * {a}",
)
_NO_BLEND = (
    "(1 - {w}) * {a} + {w} * {b}",
    "{w} * {a} + {b}",
    "{w} * {a} + (1 - {w}.detach()) * {b}",
    "{w} * ({a} + {b})",
    "torch.lerp({a}, {b}, {w})",
    "{w} * {a} + (1 - {w}) * {b}.detach()",
    "{w} * {a} + 1 - {w} * {b}",
    "{w} ** 2 * {a} + (1 - {w} ** 2) * {b}",
    "{w}.item() * {a} + (1 - {w}) * {b}",
)

# How a convolution is made: the layer, how it is called on `{x}`, and its weights for the oracle.
_LAYERS = (
    ("nn.Conv2d({i}, {o}, 3, padding=1)", "{m}({x})", "{r}"),
    ("nn.Conv2d({i}, {o}, (3, 3), padding='same', bias=False)", "{m}({x})", "{r}"),
    ("nn.Sequential(nn.ZeroPad2d(1), nn.Conv2d({i}, {o}, 3))", "{m}({x})", "{r}[1]"),
    ("nn.LazyConv2d({o}, 3, padding=1)", "{m}({x})", "{r}"),
    ("nn.Conv2d({i}, {o}, 3)", "{m}(F.pad({x}, (1, 1, 1, 1)))", "{r}"),
    ("nn.Conv2d({i}, {o}, 3)", "F.conv2d({x}, {m}.weight, {m}.bias, padding=1)", "{r}"),
    (
        "nn.Sequential(nn.Identity(), nn.Sequential(nn.Conv2d({i}, {o}, 3, padding=1)))",
        "{m}({x})",
        "{r}[1][0]",
    ),
)

# Where the two layers are kept: how they are put there, and how they are reached; in either order.
_KEPT = (
    (("self.conv1 = {0}", "self.conv2 = {1}"), ("self.conv1", "self.conv2")),
    (("self.last = {1}", "self.head = {0}"), ("self.head", "self.last")),
    (("self.layers = nn.ModuleList([{0}, {1}])",), ("self.layers[0]", "self.layers[1]")),
    (("self.layers = nn.ModuleDict({{'b': {1}, 'a': {0}}})",), ("self.layers['a']", "self.layers['b']")),
    (("self.seq = nn.Sequential({1}, {0})",), ("self.seq[1]", "self.seq[0]")),
    (
        ("self.one = {0}", "self.two = {1}", "self.both = nn.Sequential(self.one, self.two)"),
        ("self.one", "self.two"),
    ),
    (("self.add_module('z', {0})", "setattr(self, 'y', {1})"), ("self.z", "self.y")),
    (
        ("self.inner = nn.Module()", "self.inner.b = {1}", "self.inner.a = {0}"),
        ("self.inner.a", "self.inner.b"),
    ),
)
_NOT_KEPT = (
    (("self.layers = [{0}, {1}]",), ("self.layers[0]", "self.layers[1]")),
    (("self.conv1 = {0}", "self.more = dict(second={1})"), ("self.conv1", "self.more['second']")),
)
_ALPHA = (
    "self.alpha = nn.Parameter(torch.tensor(0.5))",
    "self.alpha = nn.Parameter(torch.full((1,), 0.5))",
    "self.register_parameter('alpha', nn.Parameter(torch.ones(()) / 2))",
)
_NO_ALPHA = (
    "self.register_buffer('alpha', torch.tensor(0.5))",
    "self.alpha = torch.tensor(0.5, requires_grad=True)",
    "self.alpha = nn.Parameter(torch.tensor(0.25))",
    "self.alpha = nn.Parameter(torch.full((16, 1, 1), 0.5))",
)
_EXTRA = (
    "",
    "self.relu = nn.ReLU()",
    "self.register_buffer('seen', torch.zeros(3))",
    "self.drop = nn.Dropout(0.0)",
)


def generated(seed: int, count: int) -> Iterator[Answer]:
    """`count` answers to the additions of lessons 02 and 03, half of them wrong by one slip."""
    chance = random.Random(seed)
    for number in range(count):
        exercise = chance.choice(["addition_model", "repair_addition", "weighted_addition_model"])
        weighted = exercise == "weighted_addition_model"
        right = chance.random() < 0.5
        slip = "" if right else chance.choice(["join", "kept", "alpha" if weighted else "join"])
        joins = (_BLEND, _NO_BLEND) if weighted else (_SUM, _NO_SUM)
        join = chance.choice(joins[slip == "join"])
        puts, reached = chance.choice(_NOT_KEPT if slip == "kept" else _KEPT)
        layers = [chance.choice(_LAYERS) for _ in range(2)]
        made = [layer[0].format(i=i, o=16) for layer, i in zip(layers, (3, 16), strict=True)]
        init = [put.format(*made) for put in puts]
        if weighted:
            init.append(chance.choice(_NO_ALPHA if slip == "alpha" else _ALPHA))
        extra = chance.choice(_EXTRA)
        init = [line for line in [*init, extra] if line]
        if not any("self.both" in line or "self.inner" in line for line in init):
            chance.shuffle(init)
        calls = [layer[1].format(m=m, x=x) for layer, m, x in zip(layers, reached, ("x", "a"), strict=True)]
        source = "\n".join(
            [
                f"class {EXERCISES[exercise].symbol}(nn.Module):",
                "    def __init__(self):",
                "        super().__init__()",
                *(f"        {line}" for line in init),
                "",
                "    def forward(self, x):",
                f"        a = {calls[0]}",
                f"        b = {calls[1]}",
                f"        return {join.format(a='a', b='b', w='self.alpha')}",
                "",
            ]
        )
        places = [
            layer[2].format(r=r.replace("self", "m", 1)) for layer, r in zip(layers, reached, strict=True)
        ]
        roles = f"first={places[0]}, second={places[1]}"
        yield Answer(exercise, f"generated-{seed}-{number}", right, source, roles=roles)


def possibilities() -> int:
    """How many different right answers there are to draw from."""
    return len(list(product(_SUM, _KEPT, _LAYERS, _LAYERS, _EXTRA))) + len(
        list(product(_BLEND, _KEPT, _LAYERS, _LAYERS, _ALPHA, _EXTRA))
    )
