"""The grammars of the two functions that learners write, and the oracle of what they return and leave behind."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from oracle import Dimmer
from programs import CLOSE, bind, same


@dataclass
class FunctionProgram:
    """A function's source, and the choices that made it: slot → its text."""

    exercise: str
    seed: str
    slots: dict[str, str]
    source: str

    def bound(self) -> Any:
        return bind(self.exercise, self.seed, self.source)


Slots = dict[str, tuple[tuple[str, ...], tuple[str, ...]]]  # right choices, and others

# fmt: off
_OUTPUTS: Slots = {
    "before": (("", "", "", "assert len(model) > 0", "was = model.training"), (
        "model.eval()", "torch.set_grad_enabled(False)", "model.requires_grad_(False)", "x = x.relu_()", "x.mul_(2)",
        "model = copy.deepcopy(model)", "model[0] = nn.Identity()", "x.requires_grad_(True)", "model.append(nn.Identity())",
    )),
    "start": (("outputs = []", "outputs = list()"), ("outputs = [x]", "outputs = [None]", "outputs = {}")),
    "loop": (("for layer in model", "for layer in model.children()", "for _, layer in model.named_children()", "for layer in list(model)", "for layer in model._modules.values()"), (
        "for layer in model.modules()", "for layer in model[:-1]", "for layer in model[1:]", "for layer in reversed(model)",
        "for layer in list(model.modules())[1:]", "for layer in model[:1]", "for layer in [m for m in model.modules() if not list(m.children())]", "for layer in [model]",
    )),
    "step": (("x = layer(x)", "x = layer.forward(x)", "x = layer(x.clone())"), (
        "y = layer(x)", "x = x + layer(x)", "x = layer(x).relu()", "x = layer(x) * 1.01", "x = layer(layer(x))", "layer(x)",
        "x = layer(x).detach().requires_grad_()", "layer.weight", "x = layer(x).mul_(2)",
    )),
    "keep": (("outputs.append(x)", "outputs.append(x.detach())", "outputs.append(x.clone())", "outputs += [x]", "outputs.append(x.detach().clone())", "outputs.extend([x])"), (
        "outputs.append(x.numpy())", "outputs.append(x.shape)", "outputs.append(layer)", "outputs.insert(0, x)", "outputs.append(x[:1])",
        "outputs.append((layer, x))", "outputs.append(x.sum())", "outputs.append(x.mean().item())", "outputs.append(x); outputs.append(x)",
        "outputs = [x]", "outputs.append(x.half().to(x.dtype))", "pass", "outputs.append(x.tolist())", "outputs.append(y)", "outputs.append(x[0])",
    )),
    "order": (("after",), ("before",)),
    "after": (("", "", "", "assert len(outputs) == len(model)"), (
        "model.eval()", "outputs.append(model(x))", "outputs.append(outputs[-1])", "outputs.pop()", "outputs = outputs[1:]", "outputs.reverse()",
        "for p in model.parameters(): p.data.zero_()", "model.register_forward_hook(lambda *a: None)", "model.train()", "outputs[0].mul_(2)",
        "outputs.append(None)", "model.zero_grad()", "outputs[-1].sum().backward()",
    )),
    "returned": (("outputs", "outputs", "list(outputs)", "outputs[:]", "tuple(outputs)"), ("x", "outputs[-1]", "[outputs[-1]]", "torch.stack(outputs)", "dict(enumerate(outputs))", "iter(outputs)", "(o for o in outputs)", "outputs[0]", "None", "len(outputs)", "outputs[:1]", "[outputs]")),
    "grad": (("", "", "torch.no_grad()", "torch.inference_mode()"), ()),
}

_FIT: Slots = {
    "before": (("", "", "", "model.zero_grad()", "losses = []"), (
        "model.alpha.data.fill_(0.5)", "model.alpha = nn.Parameter(torch.tensor(0.5))", "model.eval()", "lr = 0.1", "steps = 100", "torch.manual_seed(0)",
        "model.alpha = nn.Parameter(model.alpha.detach().clone())", "model.conv.reset_parameters()", "x.mul_(1.5)", "x = x / 2",
    )),
    "optimiser": (("torch.optim.SGD([model.alpha], lr=lr)", "torch.optim.SGD([model.alpha], lr)", "torch.optim.SGD([{'params': model.alpha}], lr=lr)", "torch.optim.SGD((p for n, p in model.named_parameters() if n == 'alpha'), lr=lr)", "torch.optim.SGD([model.alpha], lr=lr, momentum=0.0, weight_decay=0)"), (
        "torch.optim.SGD(model.parameters(), lr=lr)", "torch.optim.SGD([p for n, p in model.named_parameters() if n != 'alpha'], lr=lr)", "torch.optim.Adam([model.alpha], lr=lr)",
        "torch.optim.SGD([model.alpha], lr=lr, momentum=0.9)", "torch.optim.SGD([model.alpha], lr=lr, weight_decay=1e-5)", "torch.optim.SGD([model.alpha], lr=lr, weight_decay=0.01)",
        "torch.optim.SGD([model.alpha], lr=0.1)", "torch.optim.SGD([model.alpha], lr=0.01)", "torch.optim.SGD([model.alpha])", "torch.optim.SGD([model.alpha], lr=lr, maximize=True)",
        "torch.optim.RMSprop([model.alpha], lr=lr)", "torch.optim.AdamW([model.alpha], lr=lr)", "torch.optim.SGD([model.alpha], lr=-lr)", "torch.optim.SGD([model.alpha], lr=lr * 2)",
        "torch.optim.Adagrad([model.alpha], lr=lr)", "torch.optim.SGD([model.alpha], lr=lr, momentum=0.9, nesterov=True)", "torch.optim.SGD([model.alpha.clone()], lr=lr)",
    )),
    "loop": (("for _ in range(steps)", "for step in range(1, steps + 1)", "for _ in [0] * steps"), ("for _ in range(steps + 1)", "for _ in range(steps - 1)", "for _ in range(1, steps)", "for _ in range(100)", "for _ in range(2)", "for _ in range(10)")),
    "loss": (("nn.functional.mse_loss(model(x), target)", "((model(x) - target) ** 2).mean()", "F.mse_loss(target, model(x))", "nn.MSELoss()(model(x), target)", "(model(x) - target).pow(2).sum() / target.numel()"), (
        "((model(x) - target) ** 2).sum()", "F.mse_loss(model(x), target, reduction='sum')", "F.l1_loss(model(x), target)", "F.smooth_l1_loss(model(x), target)", "F.mse_loss(model(x), target) ** 0.5",
        "F.mse_loss(model(x), target) / 2", "(model(x) - target).mean() ** 2", "(model(x) - target).mean()", "F.huber_loss(model(x), target)", "F.mse_loss(model(x), target) + 0.001 * model.alpha ** 2",
        "F.mse_loss(model(x).detach(), target)", "-F.mse_loss(model(x), target)", "F.mse_loss(x, target)", "F.mse_loss(model(x).relu(), target)", "2 * F.mse_loss(model(x), target)", "F.mse_loss(model(x), target, reduction='none').mean(0).sum()",
    )),
    "zero": (("optimizer.zero_grad()", "model.zero_grad()", "model.alpha.grad = None", "optimizer.zero_grad(set_to_none=False)"), ("pass", "pass", "pass")),
    "zero at": (("before", "before", "last"), ("after backward", "once")),
    "backward": (("loss.backward()", "loss.backward()", "torch.autograd.backward(loss)", "model.alpha.grad = torch.autograd.grad(loss, model.alpha)[0]"), ("pass", "loss.backward(); torch.nn.utils.clip_grad_norm_([model.alpha], 1.0)", "loss.backward(); model.alpha.grad.clamp_(-1, 1)", "loss.backward(retain_graph=True); loss.backward()")),
    "step": (("optimizer.step()", "optimizer.step()", "model.alpha.data -= lr * model.alpha.grad", "with torch.no_grad(): model.alpha -= lr * model.alpha.grad", "model.alpha.data.sub_(model.alpha.grad, alpha=lr)"), (
        "pass", "optimizer.step(); optimizer.step()", "model.alpha -= lr * model.alpha.grad", "model.alpha = model.alpha - lr * model.alpha.grad", "model.alpha.data += lr * model.alpha.grad",
        "model.alpha = nn.Parameter(model.alpha - lr * model.alpha.grad)", "optimizer.step(); model.alpha.data.clamp_(0, 1)", "model.alpha.data -= 0.1 * model.alpha.grad", "model.alpha.data -= lr * model.alpha.grad.sign()", "model.alpha.data -= model.alpha.grad",
    )),
    "log": (("values.append(model.alpha.item())", "values.append(float(model.alpha))", "values += [model.alpha.detach().item()]", "values.append(model.alpha.tolist())", "values.append(model.alpha.detach().numpy().copy()[()])"), (
        "values.append(model.alpha)", "values.append(model.alpha.detach().clone())", "values.append(model.alpha.data)", "values.append(loss.item())", "values.append(model.alpha.grad.item())",
        "values.append(round(model.alpha.item(), 2))", "values.append(loss)", "pass", "values = [model.alpha.item()]", "values.append(str(model.alpha.item()))", "values.insert(0, model.alpha.item())",
        "values.append((model.alpha.item(), loss.item()))",
    )),
    "log at": (("after",), ("before", "both", "start")),
    "stop": (("", "", ""), ("if loss.item() < 1e-12: break", "if loss.item() < 1e-3: break", "if len(values) > 1 and values[-1] == values[-2]: break", "lr = lr * 0.9")),
    "after": (("", "", "", "model.zero_grad()", "optimizer.zero_grad()"), ("model.eval()", "model.requires_grad_(False)", "values.append(model.alpha.item())", "model.alpha.data.fill_(0.5)", "model.alpha = model.alpha.item()")),
    "returned": (("values", "values", "list(values)", "tuple(values)"), ("values[-1]", "values[-1:]", "model.alpha.item()", "None", "torch.tensor(values)", "values[1:]", "values, loss.item()", "loss", "model", "max(values)")),
}
# fmt: on


def _draw(slots: Slots, chance: random.Random) -> dict[str, str]:
    chosen = {name: chance.choice(right) for name, (right, _) in slots.items()}
    for _ in range(chance.choice((0, 0, 1, 1, 1, 2, 3))):
        name = chance.choice([n for n, (_, others) in slots.items() if others])
        chosen[name] = chance.choice(slots[name][1])
    return chosen


def outputs(exercise: str, chance: random.Random, seed: str) -> FunctionProgram:
    """`intermediate_outputs`: a loop, or one of the other ways to write it."""
    s = _draw(_OUTPUTS, chance)
    if chance.random() < 0.15:
        return _other_outputs(exercise, chance, seed)
    body = [s["step"], s["keep"]] if s["order"] == "after" else [s["keep"], s["step"]]
    lines = [
        s["before"],
        s["start"],
        f"{s['loop']}:",
        *(f"    {line}" for line in body),
        s["after"],
        f"return {s['returned']}",
    ]
    lines = [line for line in lines if line]
    if s["grad"]:
        lines = [f"with {s['grad']}:", *(f"    {line}" for line in lines)]
    head = ["import copy"] if "copy." in s["before"] else []
    return FunctionProgram(
        exercise,
        seed,
        s,
        "\n".join([*head, "def intermediate_outputs(model, x):", *(f"    {line}" for line in lines), ""]),
    )


# fmt: off
_OTHERS = (
    "    return [model[: i + 1](x) for i in range(len(model))]",
    "    return [x := layer(x) for layer in model]",
    "    outputs = []\n    handles = [m.register_forward_hook(lambda m, i, o: outputs.append(o)) for m in model]\n    model(x)\n    for handle in handles: handle.remove()\n    return outputs",
    "    outputs = []\n    handles = [m.register_forward_hook(lambda m, i, o: outputs.append(o)) for m in model]\n    model(x)\n    return outputs",
    "    outputs = []\n    for m in model.children(): m.register_forward_hook(lambda m, i, o: outputs.append(o.detach()))\n    model(x)\n    return outputs",
    "    outputs = []\n    handles = [m.register_forward_hook(lambda m, i, o: outputs.append(o)) for m in model.modules()]\n    model(x)\n    [h.remove() for h in handles]\n    return outputs",
    "    return [layer(x) for layer in model]",
    "    return [model(x) for layer in model]",
    "    if len(model) == 0: return []\n    first = model[0](x)\n    return [first, *intermediate_outputs(model[1:], first)]",
    "    for layer in model:\n        x = layer(x)\n        yield x",
    "    outputs = [x]\n    for layer in model: outputs.append(layer(outputs[-1]))\n    return outputs[1:]",
    "    outputs = [x]\n    for layer in model: outputs.append(layer(outputs[-1]))\n    return outputs[:-1]",
    "    outputs = [x]\n    for layer in model: outputs.append(layer(outputs[-1]))\n    return outputs",
    "    outputs = []\n    for i in range(len(model) - 1):\n        x = model[i](x)\n        outputs.append(x)\n    return outputs",
    "    outputs = []\n    for i in range(len(model)):\n        x = model[i](x)\n        outputs.append(x)\n        return outputs",
)
# fmt: on


def _other_outputs(exercise: str, chance: random.Random, seed: str) -> FunctionProgram:
    body = chance.choice(_OTHERS)
    return FunctionProgram(exercise, seed, {"whole": body}, f"def intermediate_outputs(model, x):\n{body}\n")


def fit(exercise: str, chance: random.Random, seed: str) -> FunctionProgram:
    """`fit_alpha`: a training loop with its lines in one of the usual orders."""
    s = _draw(_FIT, chance)
    loss = f"loss = {s['loss']}"
    if "alpha.grad = torch.autograd" in s["backward"]:
        s["zero"] = s["zero"] if s["zero"] == "pass" else "optimizer.zero_grad()"
    body = {
        "before": [s["zero"], loss, s["backward"], s["step"]],
        "last": [loss, s["backward"], s["step"]],
        "after backward": [loss, s["backward"], s["zero"], s["step"]],
        "once": [loss, s["backward"], s["step"]],
    }[s["zero at"]]
    body = [s["log"], *body] if s["log at"] == "before" else [*body, s["log"]]
    body = [s["log"], *body] if s["log at"] == "both" else body
    body += ([s["stop"]] if s["stop"] else []) + ([s["zero"]] if s["zero at"] == "last" else [])
    first = [
        s["before"],
        f"optimizer = {s['optimiser']}",
        "values = [model.alpha.item()]" if s["log at"] == "start" else "values = []",
    ]
    first += [s["zero"]] if s["zero at"] in ("once", "last") else []
    lines = [
        *first,
        f"{s['loop']}:",
        *(f"    {line}" for line in body if line != "pass"),
        s["after"],
        f"return {s['returned']}",
    ]
    return FunctionProgram(
        exercise,
        seed,
        s,
        "\n".join(
            ["def fit_alpha(model, x, target, steps, lr):", *(f"    {line}" for line in lines if line), ""]
        ),
    )


# --- the oracle -------------------------------------------------------------------------------------


@dataclass
class Call:
    """One call of the function: what went in, what came out, and what was left behind."""

    setting: Any
    result: Any = None
    error: Exception | None = None
    left: list[str] = field(default_factory=list)  # what is not as it was
    model: Any = None
    before: Any = None  # a copy of the model
    x: Any = None


def _chains() -> Iterator[tuple[nn.Module, tuple[int, ...]]]:
    nested = nn.Sequential(nn.Conv2d(3, 5, 3), nn.Tanh())
    yield nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1)), (2, 3, 5, 7)
    yield nn.Sequential(*(nn.Conv2d(2, 2, 3, padding=1) for _ in range(3))), (3, 2, 6, 4)
    yield nn.Sequential(nested, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(10, 4)), (2, 3, 6, 5)
    yield nn.Sequential(nn.Conv2d(3, 6, 1)), (4, 3, 3, 5)


def _traits(model: Any, x: Tensor) -> dict[str, Any]:
    return {
        "weights": [p.detach().clone() for p in model.parameters()],
        "requires_grad": [p.requires_grad for p in model.parameters()] + [x.requires_grad],
        "mode": [m.training for m in model.modules()],
        "modules": [id(m) for m in model.modules()],
        "hooks": sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()),
        "gradients": [p.grad is None for p in model.parameters()],
        "input": x.detach().clone(),
        "recording": torch.is_grad_enabled(),
    }


def _differ(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return not same(one, other)
    if isinstance(one, list) and one and isinstance(one[0], Tensor):
        return len(one) != len(other) or any(not same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one != other)


class OutputsFacts:
    """What an `intermediate_outputs` does; `right[i]` is the list expected of `calls[i]`."""

    def __init__(self, program: FunctionProgram) -> None:
        self.program, self.exercise = program, program.exercise
        self.calls: list[Call] = []
        self.right: list[list[Tensor]] = []
        self.inputs: list[list[Tensor]] = []
        function = program.bound()
        torch.manual_seed(3)
        for training in (True, False):
            for chain, shape in _chains():
                chain.train(training)
                x = torch.rand(shape) * 2 - 1
                call = Call((chain, training), model=chain, before=copy.deepcopy(chain), x=x.clone())
                with torch.no_grad():
                    entering = [x]
                    for layer in chain:
                        entering.append(layer(entering[-1]))
                traits = _traits(chain, x)
                try:
                    call.result = function(chain, x)
                    now = _traits(chain, x)
                    call.left = [name for name in traits if _differ(traits[name], now[name])]
                    if type(call.result).__name__ == "generator":
                        call.result = iter(())
                except Exception as error:
                    call.error = error
                torch.set_grad_enabled(True)
                self.calls.append(call)
                self.right.append(entering[1:])
                self.inputs.append(entering[:-1])
        self.wrong = self._verdict()

    def _verdict(self) -> str | None:
        for call, right in zip(self.calls, self.right, strict=True):
            if call.error is not None:
                return f"call: {type(call.error).__name__}: {call.error}"
            if type(call.result) not in (list, tuple) or len(call.result) != len(right):
                return "not a list with one for each module"
            if not all(same(a, b) for a, b in zip(call.result, right, strict=True)):
                return "an output is wrong"
            if call.left:
                return f"not as it was: {', '.join(call.left)}"
        return None

    @cached_property
    def values_right(self) -> bool:
        return all(self.returns(lambda chain, entering, right: right))

    def returns(self, expected: Callable[[Any, list[Tensor], list[Tensor]], list[Tensor]]) -> list[bool]:
        """Of each call, whether its list is the one expected."""
        found = []
        for call, entering, right in zip(self.calls, self.inputs, self.right, strict=True):
            try:
                wanted = expected(call.before, entering, right)
            except Exception:
                wanted = [torch.zeros(0)]
            fits = isinstance(call.result, (list, tuple)) and len(call.result) == len(wanted)
            found.append(fits and all(same(a, b) for a, b in zip(call.result, wanted, strict=True)))
        return found


@dataclass(frozen=True)
class Fit:
    """One setting: where alpha starts, how many steps of which rate, how large the numbers are, solved or not."""

    start: float
    steps: int
    lr: float
    size: float = 1.0
    solved: bool = False


FITS = (
    Fit(0.5, 4, 0.1),
    Fit(-0.8, 1, 0.3),
    Fit(1.5, 6, 0.05),
    Fit(0.7, 3, 0.02, 6.0),
    Fit(0.5, 4, 0.1, solved=True),
)
Loss = Callable[[Tensor, Tensor], Tensor]


def mse(got: Tensor, target: Tensor) -> Tensor:
    return ((got - target) ** 2).mean()


class FitFacts:
    """What a `fit_alpha` does, and what other recipes would do in the same settings."""

    def __init__(self, program: FunctionProgram) -> None:
        self.program, self.exercise = program, program.exercise
        function = program.bound()
        self.calls: list[Call] = []
        self.full: list[Tensor] = []
        self.targets: list[Tensor] = []
        torch.manual_seed(4)
        for setting in FITS:
            model = Dimmer(setting.start)
            x, target = ((torch.rand(2, 1, 5, 7) * 2 - 1) * setting.size for _ in range(2))
            full = model.conv(x).detach()
            target = setting.start * full if setting.solved else target
            call = Call(setting, model=model, before=copy.deepcopy(model), x=x)
            parameter, before = model.alpha, (x.clone(), target.clone())
            try:
                call.result = function(model, x, target, setting.steps, setting.lr)
                kept = {
                    "alpha": model.alpha is parameter and parameter.requires_grad,
                    "weights": all(
                        same(a, b)
                        for a, b in zip(model.conv.parameters(), call.before.conv.parameters(), strict=True)
                    ),
                    "inputs": same(x, before[0]) and same(target, before[1]),
                }
                call.left = [name for name, good in kept.items() if not good]
            except Exception as error:
                call.error = error
            self.calls.append(call)
            self.full.append(full)
            self.targets.append(before[1])
        self.wrong = self._verdict()

    def _verdict(self) -> str | None:
        for call, right in zip(self.calls, self.sim(), strict=True):
            if call.error is not None:
                return f"call: {type(call.error).__name__}: {call.error}"
            if type(call.result) not in (list, tuple) or len(call.result) != call.setting.steps:
                return "not a list with one for each step"
            if not all(isinstance(v, float) for v in call.result):
                return "not plain floats"
            if not close(call.result, right):
                return "the values are wrong"
            if abs(float(call.model.alpha) - right[-1]) > CLOSE:
                return "alpha is not where it should be"
            if call.left:
                return f"not as it was: {', '.join(call.left)}"
        return None

    @cached_property
    def values_right(self) -> bool:
        return all(close(c.result, right) for c, right in zip(self.calls, self.sim(), strict=True))

    def sim(
        self,
        loss: Loss = mse,
        lr: Callable[[Fit], float] = lambda s: s.lr,
        steps: Callable[[Fit], int] = lambda s: s.steps,
        start: float | None = None,
        add_up: bool = False,
        what: str = "alpha",
    ) -> Iterator[list[float]]:
        """The list that another recipe gives in each setting: alpha, its gradient or the loss."""
        for call, full, target in zip(self.calls, self.full, self.targets, strict=True):
            value = torch.tensor(call.setting.start if start is None else start)
            gradient, history = torch.zeros(()), []
            for _ in range(steps(call.setting)):
                alpha = value.clone().requires_grad_()
                now = loss(alpha * full, target)
                fresh = torch.autograd.grad(now, alpha)[0]
                gradient = gradient + fresh if add_up else fresh
                value = value - lr(call.setting) * gradient
                history.append(
                    {"alpha": float(value), "loss": float(now.detach()), "gradient": float(gradient)}[what]
                )
            yield history

    def ended(self) -> list[float]:
        """Where alpha is after each call; not a number where it is gone."""
        return [float(getattr(c.model, "alpha", float("nan"))) for c in self.calls]


def close(one: Any, other: list[float]) -> bool:
    """Whether these are the same numbers, within rounding."""
    if not isinstance(one, (list, tuple)) or len(one) != len(other):
        return False
    return all(
        isinstance(a, (int, float)) and abs(a - b) <= CLOSE * max(1.0, abs(b))
        for a, b in zip(one, other, strict=True)
    )
