"""Observes functions that learners write about a model that we supply."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sumskip.core import Array, Case, Observation
from sumskip.models import Dimmer
from sumskip.probing.answers import Stopped, array, inputs_for, plain, stage, weight_for


def _function(answer: Any) -> Any:
    """`answer`, where it is a function; a class or a value is a fact of its own."""
    if answer is None or not callable(answer) or isinstance(answer, type):
        kind = "missing" if answer is None else "not a function"
        raise Stopped({"stage": "answer", "type": kind, "message": type(answer).__name__})
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


@torch.no_grad()
def _fill(model: nn.Module, case: Case) -> None:
    """Number the weights of a model of ours; the names are ours too, so they serve as roles."""
    for name, parameter in model.named_parameters():
        slot = name.rsplit(".", 1)[-1]
        if slot in ("weight", "bias"):
            role = f"conv2d#{name}.{slot}"
            parameter.copy_(torch.from_numpy(weight_for(case, role, tuple(parameter.shape))))


def _hooks(model: nn.Module) -> int:
    """How many hooks hang on a model and its parts. The names are PyTorch's, and private."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(module, kind)) for module in model.modules() for kind in kinds)


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
    before = {name: value.clone() for name, value in model.state_dict().items()}
    facts: dict[str, Any] = {}
    arrays: dict[str, Array] = {}
    with stage("call"):
        result = function(model, x)
        second = function(model, x)
    given = inputs_for(case, torch.get_default_dtype())[0]
    facts["input_changed"] = x.shape != given.shape or not torch.equal(x, given)
    facts["hooks_left"] = _hooks(model) > 0
    facts["weights_changed"] = any(
        not torch.equal(before[name], value) for name, value in model.state_dict().items()
    )
    facts["mode_changed"] = any(module.training != (case.mode == "train") for module in model.modules())
    facts["layers_changed"] = len(model) != len(case.settings["layers"])
    if not isinstance(result, (list, tuple)):
        facts["returned"] = {"type": type(result).__name__}
        return Observation(arrays, facts)
    kinds = ["tensor" if isinstance(item, Tensor) else type(item).__name__ for item in result[:32]]
    facts["returned"] = {"type": "list", "length": len(result), "items": kinds}
    facts["shapes"] = [list(item.shape) if isinstance(item, Tensor) else None for item in result[:32]]
    facts["repeatable"] = isinstance(second, (list, tuple)) and len(second) == len(result)
    for i, item in enumerate(result[:32], 1):
        if isinstance(item, Tensor) and item.is_floating_point():
            arrays[f"output#{i}"] = array(item)
    return Observation(arrays, facts)


def observe_fit(answer: Any, case: Case) -> Observation:
    """Call `fit_alpha(model, x, target, steps, lr)` on a `Dimmer` of ours."""
    function = _function(answer)
    model = Dimmer()
    _fill(model, case)
    x, target = inputs_for(case, torch.get_default_dtype())
    steps, lr = int(case.settings["steps"]), float(case.settings["lr"])
    with torch.no_grad():
        model.alpha.fill_(case.alpha if case.alpha is not None else 0.5)
    weights = {name: p.detach().clone() for name, p in model.named_parameters() if name != "alpha"}
    alpha = model.alpha
    facts: dict[str, Any] = {}
    arrays: dict[str, Array] = {}
    given = [x.clone(), target.clone()]
    with stage("call"):
        result = function(model, *given, steps, lr)
    facts["inputs_changed"] = not (torch.equal(given[0], x) and torch.equal(given[1], target))
    facts["others_changed"] = sorted(
        name
        for name, p in model.named_parameters()
        if name != "alpha" and not torch.equal(p.detach(), weights.get(name, torch.empty(0)))
    )
    facts["alpha_kept"] = model.alpha is alpha
    if isinstance(model.alpha, Tensor) and model.alpha.numel() == 1:
        arrays["alpha"] = array(model.alpha.reshape(()))
    if not isinstance(result, (list, tuple)):
        facts["returned"] = {"type": type(result).__name__}
        return Observation(arrays, facts)
    items = [plain(item) for item in result[:256]]
    kinds = sorted({"float" if isinstance(item, (int, float)) else _kind(item) for item in items})
    facts["returned"] = {"type": "list", "length": len(result), "items": kinds}
    if kinds == ["float"]:
        arrays["history"] = torch.tensor(items, dtype=torch.float64).numpy()
    return Observation(arrays, facts)


def _kind(item: Any) -> str:
    return str(item["type"]) if isinstance(item, dict) else type(item).__name__
