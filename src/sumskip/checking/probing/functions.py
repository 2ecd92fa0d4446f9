"""Observes functions that learners write about a model that we supply."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sumskip.checking.core import Array, Case, Observation, supplied_weight_numbers
from sumskip.checking.probing import plainly
from sumskip.checking.probing.plainly import is_a, is_tensor, numbers_of, read, type_name
from sumskip.checking.probing.prepare import Stopped, described, heed, inputs_for, plain, stage
from sumskip.checking.probing.roles import Watch, stopped
from sumskip.models import Dimmer

_NUMBERS = (int, float, np.integer, np.floating)


def _function(answer: Any) -> Any:
    """`answer`, where it is a function; a class or a value is a fact of its own."""
    if answer is None or not callable(answer) or is_a(answer, type):
        kind = "missing" if answer is None else "not a function"
        raise Stopped({"stage": "answer", "type": kind, "message": described(answer)})
    return answer


def _layer(spec: list[Any]) -> nn.Module:
    """A layer from its description: `["conv", 3, 8]`, `["relu"]`, `["sequential", [...], [...]]`."""
    name, *numbers = spec
    if name == "sequential":
        return nn.Sequential(*(_layer(inner) for inner in numbers))
    if name == "conv":
        return nn.Conv2d(numbers[0], numbers[1], kernel_size=3, padding=1)
    plain_layers = {"relu": nn.ReLU, "tanh": nn.Tanh, "flatten": nn.Flatten, "identity": nn.Identity}
    if name == "linear":
        return nn.Linear(numbers[0], numbers[1])
    if name == "pool":
        return nn.AvgPool2d(2)
    return plain_layers[name]()


def _fill(model: nn.Module, case: Case) -> None:
    """Number the weights of a model of ours."""
    for name, parameter in model.named_parameters():
        if name != "alpha":
            plainly.assign(parameter, supplied_weight_numbers(case, name, tuple(parameter.shape)))


def _standing(model: nn.Module, x: Tensor) -> dict[str, Any]:
    """How a model, its input and PyTorch stand: a fact's name, and what must be the same before and after."""
    modules, held = dict(plainly.modules(model)), plainly.parameters(model) | plainly.buffers(model)
    tables = {name: plainly.table(module, "__dict__") for name, module in modules.items()}
    # Those of one module, and those on every module there is; all these names are PyTorch's, and private.
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    shared = torch.nn.modules.module
    return {
        "hooks_left": (
            [len(table[kind]) for table in tables.values() for kind in hooks],
            [len(getattr(shared, f"_global{kind}")) for kind in hooks],
        ),
        "mode_changed": [table["training"] for table in tables.values()],
        "layers_changed": (
            {name: (id(module), *tables[name]) for name, module in modules.items()},
            {name: id(tensor) for name, tensor in held.items()},
        ),
        "learning_changed": [read(tensor, "requires_grad") for tensor in (x, *held.values())],
        "gradients_left": [read(tensor, "grad") is None for tensor in (x, *held.values())],
        "recording_changed": torch.is_grad_enabled(),
    }


def _state(model: nn.Module) -> dict[str, Array]:
    """The numbers of all parameters and buffers of a model, each as `weight:NAME`."""
    held = plainly.parameters(model) | plainly.buffers(model)
    return {f"weight:{name}": numbers_of(tensor) for name, tensor in held.items()}


def _outputs(name: str, items: list[Any]) -> dict[str, Array]:
    return {
        f"{name}#{i}": numbers_of(item)
        for i, item in enumerate(items, 1)
        if is_tensor(item) and read(item, "dtype").is_floating_point
    }


def observe_outputs(answer: Any, case: Case) -> Observation:
    """Call `intermediate_outputs(model, x)` on an `nn.Sequential` of ours.

    The model is described by `case.settings["layers"]`; what is observed is the list that came back,
    and whether the model and x are still as they were.
    """
    function = _function(answer)
    model = nn.Sequential(*(_layer(spec) for spec in case.settings["layers"]))
    _fill(model, case)
    model.train(case.mode == "train")
    x = inputs_for(case, torch.get_default_dtype())[0]
    before = _standing(model, x)
    with Watch([x]) as watch:
        try:
            result = function(model, x)
        except BaseException as error:
            heed(error)
            raise Stopped(stopped("call", error, watch, model, "model")) from None
    items = list(result)[:32] if is_a(result, list, tuple) else []  # now: the next call may lengthen the list
    length = len(result) if is_a(result, list, tuple) else 0
    with stage("call"):
        second = function(model, x)
    arrays = {"input#1": numbers_of(x), **_state(model)}
    facts: dict[str, Any] = {name: now != before[name] for name, now in _standing(model, x).items()}
    if not is_a(result, list, tuple):
        facts["returned"] = {"type": type_name(result)}
        return Observation(arrays, facts)
    kinds = ["tensor" if is_tensor(item) else type_name(item) for item in items]
    facts["returned"] = {"type": "list", "length": length, "items": kinds}
    facts["shapes"] = [list(read(t, "shape")) if is_tensor(t) else None for t in items]
    arrays |= _outputs("output", items)
    if is_a(second, list, tuple):
        arrays |= _outputs("again", list(second)[:32])
    return Observation(arrays, facts)


def observe_fit(answer: Any, case: Case) -> Observation:
    """Call `fit_alpha(model, x, target, steps, lr)` on a `Dimmer` of ours."""
    function = _function(answer)
    model = Dimmer()
    _fill(model, case)
    x, target = inputs_for(case, torch.get_default_dtype())
    steps, lr = int(case.settings["steps"]), float(case.settings["lr"])
    alpha = model.alpha
    plainly.assign(alpha, np.asarray(case.alpha if case.alpha is not None else 0.5))
    facts: dict[str, Any] = {}
    path: list[float] = []  # alpha before it all, in each forward pass, and in the end

    def note(*_: object) -> None:
        now = plainly.table(model, "_parameters").get("alpha")
        if is_tensor(now) and plainly.size(now) == 1:
            path.append(float(numbers_of(now).item()))

    note()
    watching = model.register_forward_pre_hook(note)
    with stage("call"):
        result = function(model, x, target, steps, lr)
    watching.remove()
    note()
    arrays = {"input#1": numbers_of(x), "input#2": numbers_of(target), **_state(model)}
    arrays["path"] = np.array(path, dtype=np.float64)
    arrays.pop("weight:alpha", None)
    now: Any = plainly.table(model, "_parameters").get("alpha")
    facts["alpha_kept"] = now is alpha
    facts["learning_changed"] = not read(alpha, "requires_grad")
    if is_tensor(now) and plainly.size(now) == 1:
        arrays["alpha"] = numbers_of(now).reshape(())
    if not is_a(result, list, tuple):
        facts["returned"] = {"type": type_name(result)}
        return Observation(arrays, facts)
    items = [plain(item) for item in result[:256]]
    kinds = sorted({"float" if is_a(item, *_NUMBERS) else type_name(item) for item in result[:256]})
    facts["returned"] = {"type": "list", "length": len(result), "items": kinds}
    if kinds == ["float"]:
        finite = [item if isinstance(item, (int, float)) else math.nan for item in items]
        arrays["history"] = np.array(finite, dtype=np.float64)
    return Observation(arrays, facts)
