"""Whether an answer is right, decided without the judge: by the exercise's own formula, in float64.

The answer's model keeps its own weights, made random. Which of them is which is said by hand (the
`roles` of each answer), so nothing here searches, traces or pairs anything. From those very tensors the
formula is computed once more with plain functional calls; values must agree, and gradients with respect
to the input and to every parameter of the model. `verdict` says None for right, else what is wrong.
"""

from __future__ import annotations

import contextlib
import copy
import io
import re
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from autograder.answers import Answer

# An answer in float64 differs from the formula by rounding alone, some 1e-13; no slip is this small.
_CLOSE = 1e-9


class Wrong(Exception):
    """The answer is wrong, and why."""


class NoSuchRole(Exception):
    """A line `# roles:` does not fit its answer: a mistake in our files, and no verdict."""


def verdict(answer: Answer) -> str | None:
    """None where `answer` is right, else one line that says what is wrong with it.

    Raises:
        LookupError: nothing is known here of its exercise.
    """
    if answer.exercise not in _ORACLES:
        raise LookupError(f"what {answer.exercise} computes is to be said here, in _ORACLES, by hand")
    with float64(), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(7)
        try:
            _ORACLES[answer.exercise](answer)
        except Wrong as wrong:
            return str(wrong)
        except NoSuchRole:
            raise
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return None


@contextlib.contextmanager
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Wrong(otherwise)


def _close(got: Any, expected: Tensor, what: str) -> None:
    _demand(isinstance(got, Tensor), f"{what} is no tensor but {type(got).__name__}")
    _demand(got.shape == expected.shape, f"{what} has shape {tuple(got.shape)}, not {tuple(expected.shape)}")
    error = float((got - expected).detach().abs().max())
    _demand(error <= _CLOSE * max(1.0, float(expected.detach().abs().max())), f"{what} is off by {error:.2g}")


# --- models -----------------------------------------------------------------------------------------


def _weights(layer: Any) -> tuple[Tensor, Tensor | None]:
    """(weight, bias) of a convolution, or of a pair given by hand."""
    return layer if isinstance(layer, tuple) else (layer.weight, layer.bias)


def _conv(x: Tensor, layer: Any, shape: tuple[int, ...], stride: int = 1) -> Tensor:
    weight, bias = _weights(layer)
    _demand(tuple(weight.shape) == shape, f"a kernel has shape {tuple(weight.shape)}, not {shape}")
    return F.conv2d(x, weight, bias, stride=stride, padding=shape[-1] // 2)


def norm(x: Tensor, bn: Any, training: bool) -> Tensor:
    """Batch normalisation by its formula (Ioffe and Szegedy, 2015), with what `bn` holds.

    As a pass in train mode does, it has `bn` take in the statistics of this batch.
    """
    shape = (1, -1, 1, 1)
    mean, var = bn.running_mean, bn.running_var
    if training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        # By `data`: a graph that still holds them is to go backward.
        bn.running_mean.data.lerp_(mean.detach(), 0.1)
        bn.running_var.data.lerp_(x.detach().var((0, 2, 3)), 0.1)
    normal = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + 1e-5)
    return normal * bn.weight.view(shape) + bn.bias.view(shape)


def _sequential(roles: dict[str, Any], model: nn.Module, x: Tensor) -> Tensor:
    return _conv(_conv(x, roles["first"], (16, 3, 3, 3)), roles["second"], (32, 16, 3, 3))


def _addition(roles: dict[str, Any], model: nn.Module, x: Tensor) -> Tensor:
    out1 = _conv(x, roles["first"], (16, 3, 3, 3))
    return out1 + _conv(out1, roles["second"], (16, 16, 3, 3))


def _projected(roles: dict[str, Any], model: nn.Module, x: Tensor) -> Tensor:
    out1 = _conv(x, roles["first"], (16, 3, 3, 3))
    return _conv(out1, roles["second"], (32, 16, 3, 3)) + _conv(out1, roles["project"], (32, 16, 1, 1))


def _weighted(roles: dict[str, Any], model: nn.Module, x: Tensor) -> Tensor:
    out1 = _conv(x, roles["first"], (16, 3, 3, 3))
    alpha = model.alpha.reshape(())
    return alpha * out1 + (1 - alpha) * _conv(out1, roles["second"], (16, 16, 3, 3))


def _identity(roles: dict[str, Any], model: nn.Module, x: Tensor) -> Tensor:
    c = x.shape[1]
    out = norm(_conv(x, roles["conv1"], (c, c, 3, 3)), roles["bn1"], model.training).relu()
    return (norm(_conv(out, roles["conv2"], (c, c, 3, 3)), roles["bn2"], model.training) + x).relu()


def _residual(roles: dict[str, Any], model: nn.Module, x: Tensor, init: tuple[int, ...]) -> Tensor:
    inside, outside, stride = init
    out = norm(_conv(x, roles["conv1"], (outside, inside, 3, 3), stride), roles["bn1"], model.training).relu()
    out = norm(_conv(out, roles["conv2"], (outside, outside, 3, 3)), roles["bn2"], model.training)
    if stride != 1 or inside != outside:
        conv, bn = roles["shortcut"]
        x = norm(_conv(x, conv, (outside, inside, 1, 1), stride), bn, model.training)
    return (out + x).relu()


# The attribute that usually has a role.
_USUAL = {
    **{"first": "m.conv1", "second": "m.conv2", "project": "m.project"},
    **{name: f"m.{name}" for name in ("conv1", "bn1", "conv2", "bn2", "shortcut")},
    **{name: f"m.{name}" for name in ("stem", "block1", "block2", "fc")},
}


def _roles(answer: Answer, model: nn.Module, needed: set[str]) -> dict[str, Any]:
    """Which tensor of `model` is which, as the answer's line says; what it leaves out has its usual name."""
    _demand(answer.roles != "none", "the weights that the formula needs are not in it")
    by_hand = dict(re.findall(r"(\w+)=((?:[^,(\[]|\((?:[^()]|\([^()]*\))*\)|\[[^\]]*\])+)", answer.roles))
    found = {}
    for role in needed:
        said = by_hand.get(role, _USUAL[role]).strip()
        _demand(said != "none", f"it has nothing that could be {role}")
        try:
            found[role] = eval(said, {"m": model, "torch": torch})
        except (AttributeError, LookupError) as error:
            raise NoSuchRole(f"{answer.id}: its roles do not fit its attributes: {error}") from error
    layers = [part for layer in found.values() for part in _parts(layer) if isinstance(part, nn.Module)]
    _demand(len({id(layer) for layer in layers}) == len(layers), "one layer serves twice")
    return found


def _parts(role: Any) -> list[Any]:
    """The layers with weights, or the tensors, that one role consists of."""
    parts = list(role) if isinstance(role, (tuple, nn.Sequential)) else [role]
    return [part for part in parts if not isinstance(part, nn.ReLU)]


def _leaves(roles: dict[str, Any], model: nn.Module) -> None:
    """Every weight of the formula must come from a parameter that is registered and learns."""
    registered = list(model.parameters())
    _demand(all(p.requires_grad for p in registered), "a parameter is frozen")
    for part in (part for role in roles.values() for part in _parts(role)):
        for tensor in (part.weight, part.bias) if isinstance(part, nn.Module) else (part,):
            if tensor is None:
                continue
            _demand(tensor.requires_grad, "a weight does not learn")
            reached = torch.autograd.grad(tensor.sum(), registered, allow_unused=True, retain_graph=True)
            _demand(any(g is not None for g in reached), "a weight is not among the parameters")


def _randomise(model: nn.Module) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.rand_like(parameter) * 0.6 - 0.25)
        for module in model.modules():
            if isinstance(getattr(module, "running_var", None), Tensor):
                module.running_mean.uniform_(-0.3, 0.3)
                module.running_var.uniform_(0.5, 2.0)


def _same(
    formula: Callable[[dict[str, Any], Any, Tensor], Tensor],
    answer: Answer,
    model: nn.Module,
    shape: tuple[int, ...],
    needed: set[str],
    alpha: float | None = None,
) -> None:
    """Values and all gradients of `model` are those of `formula` on the model's own weights."""
    _randomise(model)
    if alpha is not None:
        with torch.no_grad():
            model.alpha.fill_(alpha)
    x = (torch.rand(shape) * 2 - 1).requires_grad_()
    before, buffers = x.detach().clone(), copy.deepcopy(dict(model.named_buffers()))
    training = model.training
    got = model(x)
    _demand(all(module.training == training for module in model.modules()), "a call changed the mode")
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    collected = copy.deepcopy(norms)
    for name, buffer in model.named_buffers():  # a forward in train mode moved them; the formula starts anew
        if model.training or "running" not in name:
            buffer.data.copy_(buffers[name])
        else:
            _demand(torch.equal(buffer, buffers[name]), f"{name} moved in eval mode")
    _demand(torch.equal(x.detach(), before), "the input was changed")
    roles = _roles(answer, model, needed)
    _leaves(roles, model)
    expected = formula(roles, model, x)
    _close(got, expected, "the output")
    for ours, right in zip(collected, norms, strict=True):
        for name in ("running_mean", "running_var"):
            _close(getattr(ours, name), getattr(right, name), f"{name} of a BatchNorm")
    back = torch.rand_like(expected)
    wanted = [x, *model.parameters()]
    mine = torch.autograd.grad((got * back).sum(), wanted, allow_unused=True, retain_graph=True)
    theirs = torch.autograd.grad((expected * back).sum(), wanted, allow_unused=True)
    for index, (m, t) in enumerate(zip(mine, theirs, strict=True)):
        zero = torch.zeros_like(wanted[index])
        _close(zero if m is None else m, zero if t is None else t, f"gradient {index}")
    again = model(x)
    _close(again, expected, "the second call's output")


def _model(answer: Answer, *init: Any) -> nn.Module:
    built = answer.bound()
    _demand(isinstance(built, type), "not a class")
    model = built(*init)
    _demand(isinstance(model, nn.Module), "not a module")
    return model


# One batch of several small images, none of whose sizes agree; one larger; and the lesson's own.
_SHAPES = ((2, 3, 5, 7), (5, 3, 4, 3), (1, 3, 40, 36), (1, 3, 32, 32))


def _plain_model(formula: Callable[..., Tensor], *needed: str) -> Callable[[Answer], None]:
    def oracle(answer: Answer) -> None:
        for training in (True, False):
            for shape in _SHAPES:
                model = _model(answer).train(training)
                with torch.no_grad():
                    model(torch.rand(shape))  # a lazy layer has no weights before
                _same(formula, answer, model, shape, set(needed))

    return oracle


def _weighted_model(answer: Answer) -> None:
    fresh = _model(answer)
    alpha = fresh.alpha
    _demand(isinstance(alpha, nn.Parameter), "alpha is no parameter")
    _demand(
        any(p is alpha for p in fresh.parameters()) and alpha.requires_grad,
        "alpha is not registered or frozen",
    )
    _demand(alpha.numel() == 1 and abs(float(alpha) - 0.5) < 1e-12, "alpha does not start as the number 0.5")
    for training in (True, False):
        for value, shape in zip((0.5, 0.3, 1.7, -0.4), _SHAPES, strict=True):
            model = _model(answer).train(training)
            with torch.no_grad():
                model(torch.rand(shape))
            _same(_weighted, answer, model, shape, {"first", "second"}, value)
            _demand(isinstance(model.alpha, nn.Parameter), "alpha is no parameter after a call")
            _demand(abs(float(model.alpha) - value) < 1e-12, "a call changed alpha")


def _identity_block(answer: Answer) -> None:
    for channels, shape in ((4, (3, 4, 7, 5)), (7, (4, 7, 6, 9))):
        for training in (True, False):
            model = _model(answer, channels)
            model(torch.rand(shape))
            _same(_identity, answer, model.train(training), shape, {"conv1", "bn1", "conv2", "bn2"})


def _residual_block(answer: Answer) -> None:
    _model(answer, 4, 4)  # stride has a default
    for init in ((6, 6, 1), (6, 6, 2), (6, 9, 1), (6, 9, 2), (9, 6, 1), (9, 6, 2)):
        needed = {"conv1", "bn1", "conv2", "bn2"} | (
            {"shortcut"} if init[2] != 1 or init[0] != init[1] else set()
        )
        for training in (True, False):
            for n, height, width in ((3, 8, 6), (4, 7, 9)):
                shape = (n, init[0], height, width)
                model = _model(answer, *init)
                model(torch.rand(shape))

                def formula(
                    roles: dict[str, Any], m: nn.Module, x: Tensor, init: tuple[int, ...] = init
                ) -> Tensor:
                    return _residual(roles, m, x, init)

                _same(formula, answer, model.train(training), shape, needed)


# --- the network of blocks --------------------------------------------------------------------------


class _Block(nn.Conv2d):
    """Stands in for a block, with a curve that no learner's layer has."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, 3, stride, 1)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).tanh() ** 3


def _tiny(roles: dict[str, Any], model: nn.Module, x: Tensor, classes: int, relu: bool) -> Tensor:
    stem = _parts(roles["stem"])
    pair = isinstance(stem[0], Tensor)  # (weight, bias)
    x = _conv(x, roles["stem"] if pair else stem[0], (16, 1, 3, 3))
    for bn in [] if pair else stem[1:]:
        _demand(isinstance(bn, nn.BatchNorm2d), "the stem has another layer than BatchNorm and ReLU")
        x = norm(x, bn, model.training)
    x = x.relu() if relu else x
    for block, channels, stride in ((roles["block1"], 16, 1), (roles["block2"], 32, 2)):
        _demand(isinstance(block, _Block), "a block is not of the class that was given")
        x = _conv(x, block, (channels, 16, 3, 3), stride).tanh() ** 3
    weight, bias = _weights(roles["fc"])
    _demand(tuple(weight.shape[:2]) == (classes, 32), f"the linear layer is {tuple(weight.shape)}")
    return F.linear(x.mean((2, 3)), weight.flatten(1), bias)


def _tiny_resnet(answer: Answer) -> None:
    """With a ReLU behind the stem, or else without one: either is right."""
    needed = {"stem", "block1", "block2", "fc"}
    for init, classes in (((), 10), ((7,), 7)):
        for training, counts in ((True, (2, 5)), (False, (1, 6))):
            for shape in ((n, 1, 8, 8) for n in counts):
                told: list[str] = []
                for relu in (True, False):
                    model = _model(answer, _Block, *init)
                    model(torch.rand(2, 1, 8, 8))
                    try:
                        _same(
                            partial(_tiny, classes=classes, relu=relu),
                            answer,
                            model.train(training),
                            shape,
                            needed,
                        )
                    except Wrong as wrong:
                        told.append(str(wrong))
                _demand(len(told) < 2, " / ".join(dict.fromkeys(told)))


# --- functions and literals -------------------------------------------------------------------------


def _intermediate_outputs(answer: Answer) -> None:
    function = answer.bound()
    nested = nn.Sequential(nn.Conv2d(3, 5, 3), nn.Tanh())
    chains = (
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1)), (2, 3, 5, 7)),
        (nn.Sequential(*(nn.Conv2d(2, 2, 3, padding=1) for _ in range(3))), (3, 2, 6, 4)),
        (nn.Sequential(nested, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(10, 4)), (2, 3, 6, 5)),
        (nn.Sequential(nn.Conv2d(3, 6, 1)), (4, 3, 3, 5)),
    )
    for training in (True, False):
        for chain, shape in chains:
            chain.train(training)
            x = torch.rand(shape)
            before = x.clone()
            weights = [p.detach().clone() for p in chain.parameters()]
            outputs = function(chain, x)
            _demand(
                isinstance(outputs, (list, tuple)) and len(outputs) == len(chain),
                "not a list with one for each module",
            )
            expected = x
            for layer, got in zip(chain, outputs, strict=True):
                expected = layer(expected)
                _close(got, expected, "an output")
            _demand(torch.equal(x.detach(), before), "the input was changed")
            _demand(
                all(torch.equal(p, w) for p, w in zip(chain.parameters(), weights, strict=True)),
                "weights changed",
            )
            _demand(not any(m._forward_hooks or m._forward_pre_hooks for m in chain.modules()), "hooks stay")
            _demand(all(m.training == training for m in chain.modules()), "the mode was changed")


class Dimmer(nn.Module):
    """`alpha * conv(x)`, all that `fit_alpha` is told of."""

    def __init__(self, alpha: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)
        self.alpha = nn.Parameter(torch.tensor(alpha))

    def forward(self, x: Tensor) -> Tensor:
        return self.alpha * self.conv(x)


def _fit_alpha(answer: Answer) -> None:
    function = answer.bound()
    for alpha, steps, lr in ((0.5, 6, 0.1), (-0.8, 1, 0.3), (1.5, 12, 0.05)):
        model = Dimmer(alpha)
        _randomise(model)
        model.alpha.data.fill_(alpha)
        weights = [p.detach().clone() for p in model.conv.parameters()]
        x, target = torch.rand(2, 1, 5, 7) * 2 - 1, torch.rand(2, 1, 5, 7) * 2 - 1
        full = model.conv(x).detach()
        history, value = [], alpha
        for _ in range(steps):
            value -= lr * float(2 * ((value * full - target) * full).mean())
            history.append(value)
        parameter = model.alpha
        got = function(model, x, target, steps, lr)
        _demand(isinstance(got, (list, tuple)) and len(got) == steps, "not a list with one for each step")
        _demand(all(type(g) is float for g in got), "not plain floats")
        _close(torch.tensor(got), torch.tensor(history), "the history")
        _demand(
            model.alpha is parameter and abs(float(parameter) - value) < _CLOSE,
            "alpha is not where it should be",
        )
        _demand(
            all(torch.equal(p, w) for p, w in zip(model.conv.parameters(), weights, strict=True)),
            "weights moved",
        )


def _literals(**right: Any) -> Callable[[Answer], None]:
    def oracle(answer: Answer) -> None:
        said = answer.bound()
        _demand(isinstance(said, dict) and said.keys() == right.keys(), "not a dict with these questions")
        for question, expected in right.items():
            value = said[question]
            value = tuple(value) if isinstance(value, (list, torch.Size)) else value
            _demand(value == expected, f"{question} is {value!r}, not {expected!r}")

    return oracle


_SAME = (1, 16, 32, 32)
_ORACLES: dict[str, Callable[[Answer], None]] = {
    "predict_flow": _literals(
        double_then_add=5 * 2 + 3,
        add_then_double=(5 + 3) * 2,
        shape_3_16_32=(1, 32, 32, 32),
        which_leaves="second",
    ),
    "sequential_model": _plain_model(_sequential, "first", "second"),
    "intermediate_outputs": _intermediate_outputs,
    "predict_addition": _literals(a=_SAME, b="error", c=_SAME, d=_SAME, e="error", f="error"),
    "repair_addition": _plain_model(_addition, "first", "second"),
    "addition_model": _plain_model(_addition, "first", "second"),
    "projected_addition_model": _plain_model(_projected, "first", "second", "project"),
    "what_trains": _literals(
        weight="parameter",
        bias_buffer="buffer",
        gain="neither",
        offset="neither",
        frozen="parameter",
        scale="neither",
    ),
    "weighted_addition_model": _weighted_model,
    "fit_alpha": _fit_alpha,
    "identity_block": _identity_block,
    "plain_vs_residual": _literals(
        plain_output="zeros", residual_output="x", deeper_plain="higher", identity_parameters=0
    ),
    "residual_block": _residual_block,
    "tiny_resnet": _tiny_resnet,
}
