"""How steps are put into words: the settings of a module or an operator, and the remarks on them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from sumskip.seeing.graph import Shape
from sumskip.seeing.tracing.steps import HELD, Step, without_tensors

FAILED = "failed here"
_LONGEST = 48


def type_name(module: nn.Module) -> str:
    """`Conv2d(3, 16, 3×3)`: what a module is, in few words."""
    name = type(module).__name__
    if isinstance(module, nn.modules.conv._ConvNd):
        text = f"{module.in_channels}, {module.out_channels}, {'×'.join(map(str, module.kernel_size))}"
        if any(stride != 1 for stride in module.stride):
            text += f", stride {'×'.join(map(str, dict.fromkeys(module.stride)))}"
    elif isinstance(module, nn.Linear):
        text = f"{module.in_features}, {module.out_features}"
    elif isinstance(module, nn.modules.batchnorm._NormBase):
        text = str(module.num_features)
    else:
        text = module.extra_repr() if type(module).__module__.startswith("torch.") else ""
        text = text.replace("\n", " ").removesuffix(", inplace=False")
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return f"{name}({text})" if text else name


def settings(step: Step) -> str:
    """`cat(dim=1)`: the arguments of an operator that are neither tensors nor numbers it works on."""
    if step.operator is None or step.operator.treatment != "op":
        return ""
    args, kwargs = without_tensors(step.settings) if step.failed else step.settings
    if step.operator.label in ("[ ]", "[ ] ="):
        return f"[{_index(args[1])}]" if len(args) > 1 else ""
    parts = [] if step.operator.numeric else [_short(a) for a in args if not _holds_tensor(a)]
    parts += [f"{name}={_short(value)}" for name, value in kwargs.items() if _is_setting(name, value)]
    text = ", ".join(parts)
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return f"{step.operator.name.strip('_')}({text})" if text else ""


def marks(step: Step, stopped: bool = False) -> tuple[str, ...]:
    """The remarks on a step, with those that follow from the shapes; `stopped`: the pass ended here."""
    found = list(step.marks)
    if step.failed:
        found.append(FAILED if stopped else "failed, and was caught")
    elif step.operator is not None and step.operator.broadcasts and step.results:
        alpha = step.settings[1].get("alpha", 1)
        if step.label in "+−" and alpha is not HELD and alpha != 1:
            found.append(f"the second × {alpha:g}")
        found += [f"stretches {shape}" for shape in _stretched(step, step.results[0])]
    return tuple(found)


def _stretched(step: Step, result: Shape) -> list[Shape]:
    """The shapes of operands with more than one number that were repeated to fill the result."""
    shapes = [o.shape for o in step.operands if o.shape is not None and not o.dashed]
    if step.label == "[ ] =":
        return []
    count = _count(result)
    return list(dict.fromkeys(shape for shape in shapes if 1 < _count(shape) < count))


def _count(shape: Shape) -> int:
    total = 1
    for size in shape:
        total *= size
    return total


def _is_setting(name: str, value: Any) -> bool:
    if name.startswith("_"):  # torch's own business: `_stacklevel`
        return False
    return not _holds_tensor(value) and value is not None and not (name == "inplace" and value is False)


def _holds_tensor(value: Any) -> bool:
    return value is HELD or (isinstance(value, list | tuple) and any(map(_holds_tensor, value)))


def _index(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_index, value))
    if isinstance(value, slice):
        ends = [("" if end is None else _short(end)) for end in (value.start, value.stop)]
        return ":".join(ends) + ("" if value.step is None else f":{_short(value.step)}")
    return "…" if value is Ellipsis else "tensor" if value is HELD else _short(value)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_short, value))})"
    # Anything else might print its address, and two traces would differ.
    plain = isinstance(value, int | str | torch.dtype | torch.device | slice | type(None))
    return str(value).removeprefix("torch.") if plain else type(value).__name__
