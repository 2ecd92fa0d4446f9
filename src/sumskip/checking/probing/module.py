"""Observes a class whose models map tensors to a tensor: values, gradients, registered parameters."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sumskip.checking.core import (
    CUT,
    LATE,
    Array,
    Case,
    Observation,
    is_optional_bias,
    step_size,
    weight_numbers,
)
from sumskip.checking.probing import plainly
from sumskip.checking.probing.block import arguments
from sumskip.checking.probing.kept import (
    COMPUTED,
    Register,
    find_alpha,
    followed,
    hidden,
    how_alpha_is_kept,
    shaken,
)
from sumskip.checking.probing.plainly import is_a, is_tensor, numbers_of, type_name
from sumskip.checking.probing.prepare import (
    Stopped,
    build,
    dtypes_of,
    heed,
    inputs_for,
    problem,
    refuse_without_numbers,
    stage,
)
from sumskip.checking.probing.roles import Placement, Wanted, Watch, place, stopped
from sumskip.checking.probing.terms import Formulas, claim
from sumskip.seeded import numbers

_MOST_ARRAYS = 64
_MOST_OVERWRITTEN = 8
_MOST_PASSES = 64  # that an answer of chance is given to show it


def observe_module(answer: Any, case: Case) -> Observation:
    """Run a learner's model on the case's weights and inputs, forward and backward."""
    return _Module(answer, case).observe()


class _Module:
    """One case put to a class whose models map tensors to a tensor."""

    def __init__(self, answer: Any, case: Case) -> None:
        self.case = case
        self.model = build(answer, arguments(case))
        # What an optimiser gets that is made now, as everybody makes it: before the model has run.
        self.made = list(plainly.parameters(self.model).values())
        with stage("train", self.model):
            self.model.train(case.mode == "train")
        refuse_without_numbers(self.model)
        self.wanted = [
            Wanted(role, tuple(shape), kept) for role, shape, kept in case.settings.get("roles", ())
        ]
        self.facts: dict[str, Any] = {}
        self.arrays: dict[str, Array] = {}
        self.free: list[tuple[str, nn.Parameter]] = []  # parameters without a role
        self.gradients: list[nn.Parameter] = []  # registered parameters to which a gradient came
        self.moved: set[int] = set()  # the ids of those that it would change

    def observe(self) -> Observation:
        case = self.case
        before = self._alpha()
        placed = self._first()
        held = placed.held
        sources = {role: plainly.leaves(tensor) for role, tensor in held.items()}
        self.free = placed.free
        self.facts["orders"] = placed.orders
        self._place(held)
        start = self._alpha()

        inputs = [x.requires_grad_() for x in inputs_for(case, self.dtype)]
        self.inputs = _ids(inputs)
        # Not leaves, so that `x += …` may run, as it may in the middle of a network.
        given = [leaf.clone() for leaf in inputs]
        again, output = self._watched(given)
        self.arrays |= {f"input#{i}": numbers_of(x) for i, x in enumerate(given, 1) if is_tensor(x)}
        self._describe(output)
        self._claims(output)
        used = {role: again.held.get(role, tensor) for role, tensor in held.items()}
        later = used
        if self._keep("output", output):
            reached = plainly.leaves(output)
            self._backward(output, inputs, used)
            state = torch.get_rng_state()
            third, output = self._once_more()
            later = third.held
            if self._keep("again", output):
                drawn = not torch.equal(state, torch.get_rng_state())
                self._collected()
                if drawn:
                    self._chance()
                # What a gradient reaches in both passes lasts, and learns if it is a parameter.
                lasting = _ids(reached) & _ids(plainly.leaves(output))
                self.facts["strays"] = bool(lasting - _ids(Register(self.model).parameters))
        idle = {
            role for role in placed.by_size if is_optional_bias(role) and id(held[role]) not in self.moved
        }
        self._roles({r: tensor for r, tensor in held.items() if r not in idle}, used, later, sources)
        # A tensor that merely had the right size, and no influence, says nothing about the result.
        self.facts["by_size"] = sorted(role for role in placed.by_size if id(held[role]) in self.moved)
        self._alpha_facts(before, start)
        if self.gradients:
            self._step(used)
        return Observation(self.arrays, self.facts)

    def _first(self) -> Placement:
        """The first forward pass, which says in which dtype a model of several runs."""
        dtypes = dtypes_of(self.model)
        for parameter in self.made:  # one number of half precision, whose values and steps would be rounded
            if plainly.size(parameter) == 1 and plainly.read(parameter, "dtype").itemsize < 4:
                plainly.widen(parameter, dtypes[0])
        first: Stopped | None = None
        for self.dtype in dtypes:
            try:
                return self._once_more()[0]
            except Stopped as stop:
                first = first or stop
        assert first is not None
        raise first

    def _once_more(self) -> tuple[Placement, Any]:
        """A forward pass on inputs that are equal each time."""
        return self._watched(inputs_for(self.case, self.dtype))

    def _watched(self, inputs: list[Tensor]) -> tuple[Placement, Any]:
        """One forward pass, and which tensor had which role in it."""
        with Watch(inputs) as watch:
            try:
                output = self.model(*inputs)
            except BaseException as error:
                heed(error)
                raise Stopped(stopped("forward", error, watch, self.model)) from None
        self.watch = watch
        watch.drop(output)
        return place(watch, self.model, self.wanted, self.case.permutation), output

    def _keep(self, name: str, output: Any) -> bool:
        """Keep an output's numbers, where it has any."""
        if is_a(output, Tensor):
            plainly.FIRST_TOUCH.get()(output)  # of a tensor that was made elsewhere and comes out as it is
        kept = is_tensor(output) and plainly.read(output, "dtype").is_floating_point
        if kept:
            self.arrays[name] = numbers_of(output)
        return bool(kept)

    def _place(self, held: dict[str, Tensor]) -> None:
        """Put the case's numbers into the model: by role, into alpha, and noise into all the rest.

        The noise keeps a weight that ought to have no influence from hiding behind its start value.
        """
        for role, tensor in held.items():
            shape = next((want.shape for want in self.wanted if want.role == role), None)
            # What the reference lacks and does not learn is a constant: an averaging kernel, a row of ones.
            constant = (
                shape is None and role.endswith((".weight", ".bias")) and not is_a(tensor, nn.Parameter)
            )
            if plainly.read(tensor, "is_leaf") and not constant:
                if shape is None or math.prod(shape) != plainly.size(tensor):
                    shape = tuple(plainly.read(tensor, "shape"))
                plainly.assign(tensor, weight_numbers(self.case, role, shape))
        # By their place among those of their shape: what a learner calls them changes nothing.
        for number, (_, parameter) in enumerate(self.free, 1):
            plainly.assign(parameter, shaken(self.case, f"free#{number}", numbers_of(parameter)))
        if self.case.alpha is not None:
            alpha = find_alpha(self.model)
            if is_tensor(alpha) and plainly.read(alpha, "dtype").is_floating_point:
                plainly.assign(alpha, np.full(plainly.size(alpha), self.case.alpha))
            elif is_a(alpha, int, float):
                with stage("alpha", self.model):
                    setattr(self.model, "alpha", self.case.alpha)  # noqa: B010 - mypy: a module holds no floats

    def _describe(self, output: Any) -> None:
        if is_tensor(output):
            dtype = plainly.read(output, "dtype")
            expected = dtype in (torch.float32, torch.float64)
            kind = "tensor" if expected else f"tensor of {str(dtype).removeprefix('torch.')}"
            self.facts["output"] = {"type": kind, "shape": list(plainly.read(output, "shape"))}
        else:
            self.facts["output"] = {"type": _kind(output)}

    def _claims(self, output: Any) -> None:
        """How the output came about, and what else a sentence about this run may speak of."""
        if is_tensor(output):
            made = self.watch.made(output)
            self.facts["formula"] = Formulas(self.model).of(made)
            self.facts["form"] = Formulas(self.model, neutral=True).of(made)
        # The first few say which: each claim walks all that went before it.
        written = [claim(term) for term in self.watch.overwritten[:_MOST_OVERWRITTEN]]
        used = [tensor for use in self.watch.uses if not use.dropped for tensor in use.held.values()]
        self.facts["claims"] = {
            "overwritten": written,
            "hidden": hidden(self.model, used),
            "twins": self.watch.has_twins(),
        }

    def _backward(self, output: Tensor, inputs: list[Tensor], used: dict[str, Tensor]) -> None:
        """Backward through the whole model from one random direction; what a step would move."""
        register = Register(self.model)
        if register.problem:
            self.facts["listing"] = register.problem
        registered = register.parameters
        for tensor in (*registered, *used.values()):
            plainly.keep_gradient(tensor)
        direction = numbers(self.case.seed, "cotangent", tuple(plainly.read(output, "shape")))
        try:
            plainly.backward(output, direction)
        except BaseException as error:  # the answer's: an in-place operator, a cut graph
            heed(error)
            self.facts["backward"] = problem("backward", error, self.model)
            return
        gradients = {f"input#{i}": leaf for i, leaf in enumerate(inputs, 1)} | used
        for name, tensor in gradients.items():
            gradient = plainly.gradient_of(tensor)
            if gradient is not None and len(self.arrays) < _MOST_ARRAYS:
                self.arrays[f"grad:{name}"] = self._shaped(name, gradient)
        self.gradients = [p for p in registered if plainly.gradient_of(p) is not None]
        self.moved = {id(p) for p in self.gradients if plainly.moves(p)}

    def _step(self, used: dict[str, Tensor]) -> None:
        """A step of plain SGD, without the second that importing an optimiser costs, and the output after it.

        It is made as an optimiser makes it, by each parameter's own attributes: what came of that, the
        output tells. Where the case has no biases, those of convolutions stay: an answer may have none.
        """
        still = {id(t) for role, t in used.items() if is_optional_bias(role) and not self.case.biases}
        with stage("step", self.model), torch.no_grad():
            for parameter in self.gradients:
                if id(parameter) not in still and parameter.grad is not None:
                    parameter.add_(parameter.grad, alpha=-step_size(self.case))
        with stage("forward", self.model), torch.no_grad():
            self._keep("after a step", self.model(*inputs_for(self.case, self.dtype)))

    def _collected(self) -> None:
        """The output in eval mode after two passes in train mode, of which BatchNorm keeps statistics."""
        if self.case.mode == "train" and any(want.role.endswith(".running_mean") for want in self.wanted):
            self.model.eval()
            with torch.no_grad():
                self._keep("collected", self._once_more()[1])
            self.model.train()

    def _chance(self) -> None:
        """Where passes draw random numbers, go on until one differs: dropout of a hundredth seldom shows."""
        with torch.no_grad():
            for _ in range(_MOST_PASSES):
                self._keep("again", self._once_more()[1])
                if not np.array_equal(self.arrays["again"], self.arrays["output"]):
                    return

    def _shaped(self, role: str, values: Array) -> Array:
        """An array in the shape of the reference's tensor of this role, where it has as many elements."""
        shape = next((want.shape for want in self.wanted if want.role == role), None)
        fits = shape is not None and values.size == int(np.prod(shape))
        return values.reshape(shape) if shape is not None and fits else values

    def _roles(
        self,
        held: dict[str, Tensor],
        used: dict[str, Tensor],
        later: dict[str, Tensor],
        before: dict[str, list[Tensor]],
    ) -> None:
        """How each role's tensor is kept: registered or not, frozen or not, moved by the optimiser.

        `held`, `used` and `later` are the tensors of three passes, `before` those from which the first
        were computed. What is another tensor each time is computed, or made anew; where no gradient tells
        which, its numbers do.
        """
        register = Register(self.model)
        roles: dict[str, Any] = {}
        for role, tensor in held.items():
            now = used[role]
            sources = plainly.leaves(now)
            kept, fresh = register.kind(now), now is not tensor
            if plainly.read(now, "grad_fn") is not None:
                others = _ids(sources) - _ids(before[role]) - self.inputs
                kept, fresh = register.computed(now), bool(others)
            elif fresh and not sources and role in later and _same(now, later[role]):
                kept, fresh = CUT, False
            listed = kept in ("parameter", COMPUTED) and not fresh
            if listed and not _ids(sources or [now]) <= _ids(self.made):
                kept = LATE
            roles[role] = {
                "kept": kept,
                "shape": list(plainly.read(now, "shape")),
                "frozen": not plainly.read(now, "requires_grad"),
                "fresh": fresh,
                "moved": all(id(leaf) in self.moved for leaf in sources) and bool(sources),
            }
            if now is not tensor or plainly.read(now, "grad_fn") is not None:
                self.arrays[f"slot:{role}"] = self._shaped(role, numbers_of(now))
        learning = {role: used[role] for role in roles if roles[role]["kept"] == COMPUTED}
        following = followed(self.case, learning, lambda: self._once_more()[0].held)
        for role in learning.keys() - following:
            roles[role]["moved"] = False
        self.facts["roles"] = roles
        influential = [name[:80] for name, p in self.free if id(p) in self.moved]
        self.facts["unplaced"] = influential[:16]

    def _alpha(self) -> dict[str, Any]:
        """How `model.alpha` is kept, and its value; nothing where the case has none."""
        return {} if self.case.alpha is None else how_alpha_is_kept(self.model)

    def _alpha_facts(self, before: dict[str, Any], start: dict[str, Any]) -> None:
        if not before:
            return
        after, alpha = self._alpha(), find_alpha(self.model)
        facts = {key: value for key, value in before.items() if key != "id"}
        facts["start"] = facts.pop("value", None)
        facts["fresh"] = after.get("id") != start.get("id") or after.get("value") != start.get("value")
        facts["moved"] = id(alpha) in self.moved
        if is_tensor(alpha) and (gradient := plainly.gradient_of(alpha)) is not None:
            self.arrays["grad:alpha"] = gradient.sum()
        self.facts["alpha"] = facts


def _kind(output: Any) -> str:
    """What came out instead of a tensor, in words; modules of all classes are alike."""
    if is_a(output, tuple, list):
        inner = {"tensor" if is_tensor(item) else type_name(item) for item in output[:32]}
        return f"{type_name(output)} of {len(output)} ({', '.join(sorted(inner))})"
    if is_a(output, nn.Module):
        return "module"
    return "special tensor" if type(output) is Tensor else type_name(output)


def _same(one: Tensor, other: Tensor) -> bool:
    return np.array_equal(numbers_of(one), numbers_of(other))


def _ids(tensors: Iterable[Tensor]) -> set[int]:
    """The ids of tensors, which must be held as long as they are compared."""
    return {id(tensor) for tensor in tensors}
