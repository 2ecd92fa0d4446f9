"""Observes a class whose models map tensors to a tensor: values, gradients, registered parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sumskip.core import Array, Case, Observation, numbers
from sumskip.probing.answers import (
    Stopped,
    array,
    build,
    dtype_of,
    inputs_for,
    plain,
    problem,
    stage,
    weight_for,
)
from sumskip.probing.roles import Placement, Wanted, Watch, place

_MOST_ARRAYS = 64


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
        self.free = placed.free
        self.facts["orders"] = placed.orders
        self._place(held)
        start = self._alpha()

        leaves = [x.requires_grad_() for x in inputs_for(case, dtype)]
        # Not leaves, so that `x += …` may run, as it may in the middle of a network.
        given = [leaf.clone() for leaf in leaves]
        again, output = self._watched(given)
        self.facts["input_changed"] = any(
            not torch.equal(x, leaf) for x, leaf in zip(given, leaves, strict=True)
        )
        self._describe(output)
        used = {role: again.held.get(role, tensor) for role, tensor in held.items()}
        if isinstance(output, Tensor) and output.is_floating_point():
            self.arrays["output"] = array(output)
            self._backward(output, leaves, used)
            self._again(output, dtype)
        self._roles(held, used)
        # A tensor that merely had the right size, and no influence, says nothing about the result.
        self.facts["by_size"] = sorted(role for role in placed.by_size if id(held[role]) in self.moved)
        self._alpha_facts(before, start)
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
            if tensor.is_leaf:
                shape = next((w.shape for w in self.wanted if w.role == role), tuple(tensor.shape))
                value = weight_for(
                    self.case, role, shape if math.prod(shape) == tensor.numel() else tensor.shape
                )
                tensor.copy_(torch.from_numpy(np.array(value)).reshape(tensor.shape))
        for name, parameter in self.free:
            noise = torch.from_numpy(numbers(self.case.seed, name, tuple(parameter.shape)))
            parameter.mul_(1 + 0.3 * noise.to(parameter.dtype)).add_(0.1 * noise.to(parameter.dtype))
        if self.case.alpha is not None:
            alpha = getattr(self.model, "alpha", None)
            if isinstance(alpha, Tensor) and alpha.is_floating_point():
                alpha.data.fill_(self.case.alpha)
            elif isinstance(alpha, (int, float)):
                with stage("alpha", self.model):
                    setattr(self.model, "alpha", self.case.alpha)  # noqa: B010 - mypy: a module holds no floats

    def _describe(self, output: Any) -> None:
        if isinstance(output, Tensor):
            expected = output.dtype in (torch.float32, torch.float64)
            kind = "tensor" if expected else f"tensor of {str(output.dtype).removeprefix('torch.')}"
            self.facts["output"] = {"type": kind, "shape": list(output.shape)}
        else:
            size = f" of {len(output)}" if isinstance(output, (tuple, list)) else ""
            self.facts["output"] = {"type": f"{type(output).__name__}{size}"}

    def _backward(self, output: Tensor, leaves: list[Tensor], used: dict[str, Tensor]) -> None:
        """Backward through the whole model from one random direction; what a step would move."""
        self.model.zero_grad()
        for tensor in used.values():
            if tensor.requires_grad and not tensor.is_leaf:
                tensor.retain_grad()
        cotangent = torch.from_numpy(numbers(self.case.seed, "cotangent", tuple(output.shape)))
        try:
            (output * cotangent.to(output.dtype)).sum().backward()
        except Exception as error:  # the answer's: an in-place operator, a cut graph
            self.facts["backward"] = problem("backward", error, self.model)
            return
        gradients = {f"input#{i}": leaf for i, leaf in enumerate(leaves, 1)} | used
        for name, tensor in gradients.items():
            if tensor.grad is not None and len(self.arrays) < _MOST_ARRAYS:
                self.arrays[f"grad:{name}"] = self._shaped(name, array(tensor.grad))
        # What a step of SGD would change, without the second that importing an optimiser costs.
        self.moved = {
            id(p) for p in self.model.parameters() if p.grad is not None and bool((p.grad != 0).any())
        }

    def _shaped(self, role: str, values: Array) -> Array:
        """An array in the shape of the reference's tensor of this role, where it has as many elements."""
        shape = next((want.shape for want in self.wanted if want.role == role), None)
        fits = shape is not None and values.size == int(np.prod(shape))
        return values.reshape(shape) if shape is not None and fits else values

    def _again(self, output: Tensor, dtype: torch.dtype) -> None:
        """A second forward pass on equal inputs must give the same again."""
        with stage("forward", self.model), torch.no_grad():
            second = self.model(*inputs_for(self.case, dtype))
        same = isinstance(second, Tensor) and second.shape == output.shape
        scale = float(output.detach().abs().max()) if output.numel() else 0.0
        self.facts["repeatable"] = bool(
            same and torch.allclose(second, output.detach(), rtol=1e-5, atol=1e-5 * scale)
        )

    def _roles(self, held: dict[str, Tensor], used: dict[str, Tensor]) -> None:
        """How each role's tensor is kept: registered or not, frozen or not, moved by the optimiser."""
        parameters = {id(p) for p in self.model.parameters()}
        buffers = {id(b) for b in self.model.buffers()}
        roles: dict[str, Any] = {}
        for role, tensor in held.items():
            now = used[role]
            computed = now.grad_fn is not None
            kept = "parameter" if id(now) in parameters else "buffer" if id(now) in buffers else "tensor"
            roles[role] = {
                "kept": "computed" if computed else kept,
                "shape": list(now.shape),
                "frozen": not now.requires_grad,
                "fresh": now is not tensor and not computed,
                "moved": id(now) in self.moved,
            }
            if computed or now is not tensor:
                self.arrays[f"slot:{role}"] = self._shaped(role, array(now))
        self.facts["roles"] = roles
        influential = [name for name, p in self.free if p.grad is not None and bool(p.grad.abs().max() > 0)]
        self.facts["unplaced"] = influential[:16]

    def _alpha(self) -> dict[str, Any] | None:
        """How `model.alpha` is kept, and its value."""
        if self.case.alpha is None:
            return None
        missing = object()
        try:
            alpha = getattr(self.model, "alpha", missing)
        except Exception:  # a property that raises is as good as none
            alpha = missing
        if alpha is missing:
            return {"kept": "missing"}
        if not isinstance(alpha, Tensor):
            number = isinstance(alpha, (int, float)) and not isinstance(alpha, bool)
            return {"kept": "number" if number else type(alpha).__name__, "value": plain(alpha)}
        registered = any(alpha is p for p in self.model.parameters())
        buffered = any(alpha is b for b in self.model.buffers())
        return {
            "kept": "parameter" if registered else "buffer" if buffered else "tensor",
            "size": alpha.numel(),
            "value": float(alpha.detach()) if alpha.numel() == 1 else None,
            "frozen": not alpha.requires_grad,
            "id": id(alpha),
        }

    def _alpha_facts(self, before: dict[str, Any] | None, start: dict[str, Any] | None) -> None:
        if before is None or start is None:
            return
        after = self._alpha() or {}
        alpha = getattr(self.model, "alpha", None)
        facts = {key: value for key, value in before.items() if key != "id"}
        facts["start"] = facts.pop("value", None)
        facts["fresh"] = after.get("id") != start.get("id") or after.get("value") != start.get("value")
        facts["moved"] = id(alpha) in self.moved
        if isinstance(alpha, Tensor) and alpha.grad is not None:
            self.arrays["grad:alpha"] = array(alpha.grad.sum())
        self.facts["alpha"] = facts
