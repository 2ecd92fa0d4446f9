"""Observes a class whose models map tensors to a tensor: values, gradients, registered parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sumskip.core import LOOSE, Array, Case, Observation, is_optional_bias, numbers, weight_numbers
from sumskip.probing import plainly
from sumskip.probing.answers import (
    Stopped,
    build,
    dtype_of,
    inputs_for,
    plain,
    problem,
    stage,
)
from sumskip.probing.roles import Placement, Wanted, Watch, place

_MOST_ARRAYS = 64
# Of the step after which the output is looked at again: it changes weights by about their own size.
_RATE = 0.01
_MISSING = object()
# How a weight is kept that is computed in each pass, from registered parameters alone; else it is LOOSE.
_COMPUTED = "computed"


def observe_module(answer: Any, case: Case) -> Observation:
    """Run a learner's model on the case's weights and inputs, forward and backward."""
    return _Module(answer, case).observe()


class _Module:
    """One case put to a class whose models map tensors to a tensor."""

    def __init__(self, answer: Any, case: Case) -> None:
        self.case = case
        self.model = build(answer, case.init)
        self.model.train(case.mode == "train")
        self.wanted = [
            Wanted(role, tuple(shape), kept) for role, shape, kept in case.settings.get("roles", ())
        ]
        self.facts: dict[str, Any] = {}
        self.arrays: dict[str, Array] = {}
        self.free: list[tuple[str, nn.Parameter]] = []  # parameters without a role
        self.moved: set[int] = set()  # the ids of those that one optimiser step changed

    def observe(self) -> Observation:
        case, model = self.case, self.model
        dtype = dtype_of(model)
        before = self._alpha()
        placed, _ = self._watched(inputs_for(case, dtype))
        held = placed.held
        sources = {role: plainly.leaves(tensor) for role, tensor in held.items()}
        self.free = placed.free
        self.facts["orders"] = placed.orders
        self._place(held)
        start = self._alpha()

        inputs = [x.requires_grad_() for x in inputs_for(case, dtype)]
        # Not leaves, so that `x += …` may run, as it may in the middle of a network.
        given = [leaf.clone() for leaf in inputs]
        again, output = self._watched(given)
        for i, x in enumerate(given, 1):
            self.arrays[f"input#{i}"] = plainly.numbers_of(x)
        self._describe(output)
        used = {role: again.held.get(role, tensor) for role, tensor in held.items()}
        floating = plainly.is_tensor(output) and plainly.read(output, "dtype").is_floating_point
        if floating:
            self.arrays["output"] = plainly.numbers_of(output)
            self._backward(output, inputs, used)
            self._once_more("again", dtype)
        self._roles(held, used, sources)
        # A tensor that merely had the right size, and no influence, says nothing about the result.
        self.facts["by_size"] = sorted(role for role in placed.by_size if id(held[role]) in self.moved)
        self._alpha_facts(before, start)
        if floating and "backward" not in self.facts:
            self._step(used)
            self._once_more("after a step", dtype)
        return Observation(self.arrays, self.facts)

    def _watched(self, inputs: list[Tensor]) -> tuple[Placement, Any]:
        """One forward pass, and which tensor had which role in it."""
        with Watch() as watch:
            try:
                output = self.model(*inputs)
            except Exception as error:
                # How far it came tells a first layer that fails from a second one.
                ran = len(watch.uses)
                raise Stopped({**problem("forward", error, self.model), "ran": ran}) from None
        return place(watch.uses, self.model, self.wanted, self.case.permutation), output

    @torch.no_grad()
    def _place(self, held: dict[str, Tensor]) -> None:
        """Put the case's numbers into the model: by role, into alpha, and noise into all the rest.

        The noise keeps a weight that ought to have no influence from hiding behind its start value.
        """
        for role, tensor in held.items():
            if plainly.read(tensor, "is_leaf"):
                shape = next((want.shape for want in self.wanted if want.role == role), None)
                if shape is None or math.prod(shape) != plainly.size(tensor):
                    shape = tuple(plainly.read(tensor, "shape"))
                plainly.fill(tensor, weight_numbers(self.case, role, shape))
        for name, parameter in self.free:
            noise = numbers(self.case.seed, name, tuple(plainly.read(parameter, "shape")))
            values = plainly.numbers_of(parameter)
            plainly.fill(parameter, values * (1 + 0.3 * noise) + 0.1 * noise)
        if self.case.alpha is not None:
            alpha = self._find_alpha()
            if plainly.is_tensor(alpha) and plainly.read(alpha, "dtype").is_floating_point:
                plainly.fill(alpha, np.full(plainly.size(alpha), self.case.alpha))
            elif isinstance(alpha, (int, float)):
                with stage("alpha", self.model):
                    setattr(self.model, "alpha", self.case.alpha)  # noqa: B010 - mypy: a module holds no floats

    def _describe(self, output: Any) -> None:
        if plainly.is_tensor(output):
            dtype = plainly.read(output, "dtype")
            expected = dtype in (torch.float32, torch.float64)
            kind = "tensor" if expected else f"tensor of {str(dtype).removeprefix('torch.')}"
            self.facts["output"] = {"type": kind, "shape": list(plainly.read(output, "shape"))}
        else:
            size = f" of {len(output)}" if isinstance(output, (tuple, list)) else ""
            self.facts["output"] = {"type": f"{type(output).__name__}{size}"}

    def _backward(self, output: Tensor, inputs: list[Tensor], used: dict[str, Tensor]) -> None:
        """Backward through the whole model from one random direction; what a step would move."""
        registered = plainly.parameters(self.model).values()
        for tensor in (*registered, *used.values()):
            plainly.keep_gradient(tensor)
        direction = numbers(self.case.seed, "cotangent", tuple(plainly.read(output, "shape")))
        try:
            plainly.backward(output, direction)
        except Exception as error:  # the answer's: an in-place operator, a cut graph
            self.facts["backward"] = problem("backward", error, self.model)
            return
        gradients = {f"input#{i}": leaf for i, leaf in enumerate(inputs, 1)} | used
        for name, tensor in gradients.items():
            gradient = plainly.read(tensor, "grad")
            if gradient is not None and len(self.arrays) < _MOST_ARRAYS:
                self.arrays[f"grad:{name}"] = self._shaped(name, plainly.numbers_of(gradient))
        # What a step of SGD would change: `_step` makes it, when all has been read.
        self.moved = {id(p) for p in registered if plainly.moves(p)}

    def _step(self, used: dict[str, Tensor]) -> None:
        """A step of plain SGD, without the second that importing an optimiser costs.

        The biases of convolutions stay: an answer may have none.
        """
        alpha = {"alpha": self._find_alpha()} if self.case.alpha is not None else {}
        for role, tensor in (used | alpha).items():
            if id(tensor) in self.moved and not is_optional_bias(role):
                plainly.step(tensor, _RATE)

    def _shaped(self, role: str, values: Array) -> Array:
        """An array in the shape of the reference's tensor of this role, where it has as many elements."""
        shape = next((want.shape for want in self.wanted if want.role == role), None)
        fits = shape is not None and values.size == int(np.prod(shape))
        return values.reshape(shape) if shape is not None and fits else values

    def _once_more(self, name: str, dtype: torch.dtype) -> None:
        """Another forward pass on equal inputs; whoever judges compares its output with the others."""
        with stage("forward", self.model), torch.no_grad():
            output = self.model(*inputs_for(self.case, dtype))
        if plainly.is_tensor(output):
            self.arrays[name] = plainly.numbers_of(output)

    def _roles(
        self, held: dict[str, Tensor], used: dict[str, Tensor], before: dict[str, list[Tensor]]
    ) -> None:
        """How each role's tensor is kept: registered or not, frozen or not, moved by the optimiser.

        `before` are the tensors from which each was computed in the first pass.
        """
        parameters = {id(p) for p in plainly.parameters(self.model).values()}
        buffers = {id(b) for b in plainly.buffers(self.model).values()}
        roles: dict[str, Any] = {}
        for role, tensor in held.items():
            now = used[role]
            kept = "parameter" if id(now) in parameters else "buffer" if id(now) in buffers else "tensor"
            sources = plainly.leaves(now)
            computed = plainly.read(now, "grad_fn") is not None
            if computed:
                kept = _COMPUTED if all(id(leaf) in parameters for leaf in sources) else LOOSE
            roles[role] = {
                "kept": kept,
                "shape": list(plainly.read(now, "shape")),
                "frozen": not plainly.read(now, "requires_grad"),
                "fresh": _ids(sources) != _ids(before[role]) if computed else now is not tensor,
                "moved": all(id(leaf) in self.moved for leaf in sources) and bool(sources),
            }
            if computed or now is not tensor:
                self.arrays[f"slot:{role}"] = self._shaped(role, plainly.numbers_of(now))
        self.facts["roles"] = roles
        influential = [name for name, p in self.free if id(p) in self.moved]
        self.facts["unplaced"] = influential[:16]

    def _find_alpha(self) -> Any:
        """`model.alpha`, from the module's own tables where it stands there."""
        for kind in ("_parameters", "_buffers", "__dict__"):
            own = plainly.table(self.model, kind)
            if "alpha" in own:
                return own["alpha"]
        try:
            return getattr(self.model, "alpha", _MISSING)
        except Exception:  # a property that raises is as good as none
            return _MISSING

    def _alpha(self) -> dict[str, Any] | None:
        """How `model.alpha` is kept, and its value."""
        if self.case.alpha is None:
            return None
        alpha = self._find_alpha()
        if alpha is _MISSING:
            return {"kept": "missing"}
        if not plainly.is_tensor(alpha):
            number = isinstance(alpha, (int, float)) and not isinstance(alpha, bool)
            return {"kept": "number" if number else type(alpha).__name__, "value": plain(alpha)}
        registered = any(alpha is p for p in plainly.parameters(self.model).values())
        buffered = any(alpha is b for b in plainly.buffers(self.model).values())
        values = plainly.numbers_of(alpha)
        return {
            "kept": "parameter" if registered else "buffer" if buffered else "tensor",
            "size": values.size,
            "value": float(values.reshape(())) if values.size == 1 else None,
            "frozen": not plainly.read(alpha, "requires_grad"),
            "id": id(alpha),
        }

    def _alpha_facts(self, before: dict[str, Any] | None, start: dict[str, Any] | None) -> None:
        if before is None or start is None:
            return
        after = self._alpha() or {}
        alpha = self._find_alpha()
        facts = {key: value for key, value in before.items() if key != "id"}
        facts["start"] = facts.pop("value", None)
        facts["fresh"] = after.get("id") != start.get("id") or after.get("value") != start.get("value")
        facts["moved"] = id(alpha) in self.moved
        if plainly.is_tensor(alpha) and (gradient := plainly.read(alpha, "grad")) is not None:
            self.arrays["grad:alpha"] = plainly.numbers_of(gradient).sum()
        self.facts["alpha"] = facts


def _ids(tensors: list[Tensor]) -> set[int]:
    return {id(tensor) for tensor in tensors}
