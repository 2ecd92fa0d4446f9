"""The parameters of a traced model: each once, however many modules share it."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn
from torch.nn.parameter import is_lazy

from sumskip.seeing.graph import Parameter


def parameters_of(modules: Iterable[tuple[nn.Module, str]], root: nn.Module | None) -> tuple[Parameter, ...]:
    """Every parameter in `modules`, which come with their names, and who holds it.

    Registered are those that `root.parameters()` gives; without a root, all. Nothing where a lazy module
    has not been given its weights: then nobody can count them.
    """
    found: dict[int, tuple[str, nn.Parameter]] = {}
    owners: dict[int, dict[str, None]] = {}
    inside: dict[int, dict[int, None]] = {}  # by `id`: the parameters of a module and all that is in it
    for module, owner in modules:
        for name, parameter in module._parameters.items():
            if parameter is not None:
                found.setdefault(id(parameter), (f"{owner}.{name}" if owner else name, parameter))
        for parameter_id in _within(module, inside) if module is not root else ():
            owners.setdefault(parameter_id, {})[owner] = None
    if any(is_lazy(parameter) for _, parameter in found.values()):
        return ()
    given = found if root is None else _within(root, inside)
    return tuple(
        Parameter(name, p.numel(), p.requires_grad, tuple(owners.get(id_, ())), id_ in given)
        for id_, (name, p) in found.items()
    )


def _within(module: nn.Module, known: dict[int, dict[int, None]]) -> dict[int, None]:
    if id(module) not in known:
        inside = known[id(module)] = {id(p): None for p in module._parameters.values() if p is not None}
        for child in module._modules.values():
            if child is not None:
                inside.update(_within(child, known))
    return known[id(module)]
