"""Watches one forward pass: every operator through a `TorchFunctionMode`, every module call beside it.

What it sees becomes `Step`s, in the order in which they ran; `sumskip.trace` turns these into nodes and
edges. While a leaf module of `torch.nn` runs, nothing is watched: it is one step.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from sumskip.graph import NodeKind, Shape
from sumskip.names import Names
from sumskip.operators import Operator, describe
from sumskip.restore import Snapshot, memory, shares_memory
from sumskip.source import Place, caller

NOT_INSIDE = "not looked inside"
OVERWRITES = "overwrites"
STOPS = "gradient stops here"
UNKNOWN = "origin not seen"
_NUMBERS = (int, float, complex, np.number)


@dataclass(slots=True, eq=False)
class Operand:
    """One tensor or number that went into a step: result `output` of the step `source`."""

    source: Step
    output: int = 0
    shape: Shape | None = None
    dashed: bool = False
    argument: int = 0
    grad: bool = False  # whether a gradient is asked of it
    flows: Any = None  # the place in autograd's graph where its gradient arrives


@dataclass(slots=True, eq=False)
class Step:
    """One thing that happened, or one tensor that was there from the start."""

    kind: NodeKind
    label: str
    operands: list[Operand] = field(default_factory=list)
    results: list[Shape] = field(default_factory=list)
    path: tuple[str, ...] = ()
    place: Place | None = None
    named: bool = True  # its result goes straight to the learner's line, so a variable there is its own
    marks: list[str] = field(default_factory=list)
    value: float | None = None
    variable: str | None = None
    operator: Operator | None = None
    module: nn.Module | None = None
    settings: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})
    order: int = 0
    span: tuple[int, int] = (0, 0)  # the numbers of the autograd nodes made while it ran
    ends: list[Any] = field(default_factory=list)  # where the gradients of its results arrive
    failed: BaseException | None = None


@dataclass(slots=True, eq=False)
class Box:
    """A container that is running: its name in `path`, and whether its code is torch's own."""

    label: str
    module: nn.Module
    foreign: bool
    place: Place | None


_ACTIVE: dict[int, Recorder] = {}
_LOCK = threading.Lock()


def _watched_call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    recorder = _ACTIVE.get(threading.get_ident())
    if recorder is None or recorder.paused:
        return module._call_impl(*args, **kwargs)
    return recorder.call(module, args, kwargs)


def _watched_apply(cls: type[torch.autograd.Function], *args: Any, **kwargs: Any) -> Any:
    recorder = _ACTIVE.get(threading.get_ident())
    if recorder is None or recorder.paused:
        return _APPLY.__get__(None, cls)(*args, **kwargs)
    return recorder.region(cls.__name__, _APPLY.__get__(None, cls), args, kwargs)


_APPLY = torch.autograd.Function.__dict__["apply"]


class Recorder(TorchFunctionMode):
    """Records the steps of what runs inside `with recorder:`. Use each one once."""

    def __init__(self, names: Names, snapshot: Snapshot, gradients: bool = False) -> None:
        super().__init__()
        self.names = names
        self.snapshot = snapshot
        self.gradients = gradients
        self.steps: list[Step] = []
        self.boxes: list[Box] = []
        self.visited: list[tuple[str, str]] = []
        self.notes: list[str] = []
        self.failure: tuple[BaseException, Step | None, Box | None] | None = None
        self.paused = 0
        self._grad = torch.is_grad_enabled()
        self._made: dict[int, tuple[Tensor, Step, int, int]] = {}
        self._aliases: dict[int, tuple[Tensor, Tensor]] = {}
        self._written: dict[int, list[tuple[Step, Tensor]]] = {}
        self._numbers: list[tuple[float, Step]] = []
        self._calls: dict[str, int] = {}

    # -- switching on and off ------------------------------------------------------------------

    def __enter__(self) -> Recorder:
        with _LOCK:
            self._outer = _ACTIVE.get(threading.get_ident())
            _ACTIVE[threading.get_ident()] = self
            # The seam that `Module.compile()` uses: far cheaper to set than `Module.__call__`,
            # and instances that were compiled keep their own.
            nn.Module._compiled_call_impl = _watched_call
            torch.autograd.Function.apply = classmethod(_watched_apply)  # type: ignore[assignment]
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        with _LOCK:
            if self._outer is not None:
                _ACTIVE[threading.get_ident()] = self._outer
                return
            del _ACTIVE[threading.get_ident()]
            if not _ACTIVE:
                nn.Module._compiled_call_impl = None
                torch.autograd.Function.apply = _APPLY  # type: ignore[method-assign]

    def _off(self) -> bool:
        """Stops watching. True where the mode itself could be taken away as well, and not only muted:
        some of torch.nn takes another path as long as any mode is there."""
        self.paused += 1
        if torch.overrides._get_current_function_mode() is self:
            super().__exit__(None, None, None)
            return True
        return False

    def _on(self, taken: bool) -> None:
        if taken:
            super().__enter__()
        self.paused -= 1

    # -- what is seen --------------------------------------------------------------------------

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        operator = describe(func)
        if self.paused or operator.reading == "quiet":
            if operator.name == "backward" and not self.paused:
                self.snapshot.keep_gradients(self.names.tensors())
            return func(*args, **kwargs)
        self.paused += 1
        try:
            return self._operator(operator, func, args, kwargs)
        finally:
            self.paused -= 1

    def _operator(self, operator: Operator, func: Any, args: Any, kwargs: Any) -> Any:
        step = Step("op", operator.label, operator=operator, settings=(args, kwargs))
        self._locate(step)
        values = _operands(operator, args, kwargs)
        target = kwargs.get("out") if "out" in kwargs else args[0] if args else None
        writes = (
            operator.writes or "out" in kwargs or kwargs.get("inplace") is True or _inplace(operator, args)
        )
        if writes and isinstance(target, Tensor):
            self._keep(target)
        result = self._run(step, values, func, args, kwargs)
        if operator.reading == "read":
            self._read(step, result)
            return result
        if result is None and operator.name in ("__setitem__", "data"):
            self._append(step)
            step.marks.append(OVERWRITES)
            self._overwritten(step, args[0], 0)
            return None
        return self._finish(step, values, result)

    def call(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Runs a module: a leaf of torch.nn as one step, a container as a box around its steps."""
        name = self.names.module(module)
        if is_leaf(module):
            if any(not _is_torch(hook) for hook in _hooks(module)):
                return self._hooked(module, name, args, kwargs)
            step = self._open(module, name)
            return self._leaf(step, module._call_impl, args, kwargs)
        box = self._enter(module, name)
        before = len(self.steps)
        try:
            result = module._call_impl(*args, **kwargs)
        except BaseException as error:
            self._failing(error, None, box)
            raise
        finally:
            self.boxes.pop()
        if len(self.steps) == before and self.boxes:  # it did nothing, and would vanish from the picture
            step = self._open(module, name)
            step.label = box.label
            return self._leaf(step, lambda *a, **k: result, args, kwargs)
        if box.place is not None:
            self._name_result(result, box)
        return result

    def region(self, name: str, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Runs something whose inside is out of reach as one step that says so."""
        step = Step("op", name, marks=[NOT_INSIDE])
        self._locate(step)
        self.note(f"{name} was not looked inside.")
        return self._leaf(step, func, args, kwargs)

    # -- modules -------------------------------------------------------------------------------

    def _open(self, module: nn.Module, name: str) -> Step:
        step = Step("module", name, module=module)
        self._locate(step)
        if is_region(module):
            step.marks.append(NOT_INSIDE)
            self.note(f"{name} ({type(module).__name__}) was not looked inside.")
        return step

    def _leaf(self, step: Step, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        taken = self._off()
        try:
            values = list(_tensors((args, kwargs)))
            if getattr(step.module, "inplace", False) and values:
                self._keep(values[0])
            result = self._run(step, values, func, args, kwargs)
            return self._finish(step, values, result)
        finally:
            self._on(taken)

    def _hooked(self, module: nn.Module, name: str, args: Any, kwargs: Any) -> Any:
        """A leaf with hooks of the learner's: these are watched, its own forward is not."""
        state: list[Any] = []

        def enter(module: nn.Module, args: Any, kwargs: Any) -> None:
            step = self._open(module, name)
            taken = self._off()
            values = list(_tensors((args, kwargs)))
            self._before(step, values)
            state[:] = [step, values, taken]

        def leave(module: nn.Module, args: Any, result: Any) -> Any:
            step, values, taken = state
            try:
                step.span = (step.span[0], _sequence())
                return self._finish(step, values, result)
            finally:
                state.clear()
                self._on(taken)

        handles = [
            module.register_forward_pre_hook(enter, with_kwargs=True),
            module.register_forward_hook(leave, prepend=True),
        ]
        try:
            return module._call_impl(*args, **kwargs)
        except BaseException as error:
            if state:
                step, _, taken = state
                self._on(taken)
                self._failing(error, step, None)
            raise
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, module: nn.Module, name: str) -> Box:
        place = Place(frame.f_code, frame.f_lasti) if (frame := caller(3)) else None
        label = name
        if self.boxes or not self.names.is_root(module):
            count = self._calls[name] = self._calls.get(name, 0) + 1
            label = name if count == 1 else f"{name}#{count}"
            self.visited.append((label, type(module).__name__))
        outside = bool(self.boxes) and self.boxes[-1].foreign
        box = Box(label, module, _is_torch(type(module).forward), None if outside else place)
        self.boxes.append(box)
        return box

    def _name_result(self, result: Any, box: Box) -> None:
        """`out = self.block(x)` names what the last step inside `block` made."""
        if isinstance(result, Tensor) and (made := self._made.get(id(result))):
            step = made[1]
            if step.place is not None and (not step.named or step.place.variable is None) and box.place:
                step.variable = step.variable or box.place.variable

    # -- tensors -------------------------------------------------------------------------------

    def made(self, tensor: Tensor, step: Step, output: int = 0) -> None:
        """Registers that `step` made `tensor`. It is held, so that its `id` stays its own."""
        self._made[id(tensor)] = (tensor, step, output, _version(tensor))

    def operand(self, value: Any, argument: int = 0) -> list[Operand]:
        """Where a tensor or number comes from; further operands where it was written through a view."""
        if not isinstance(value, Tensor):
            return [Operand(self._number(value), argument=argument)]
        known = self._made.get(id(value))
        if known is None or known[0] is not value:
            self._meet(value)
            known = self._made[id(value)]
        _, step, output, version = known
        operand = Operand(step, output, tuple(value.shape), argument=argument, grad=value.requires_grad)
        if self.gradients and operand.grad:
            operand.flows = torch.autograd.graph.get_gradient_edge(value)
        found = [operand]
        seen = False
        if self._written:
            for writer, written in self._written.get(memory(value), ()):
                seen = seen or writer.order > step.order
                if writer.order > step.order and written is not value and shares_memory(written, value):
                    found.append(Operand(writer, 0, operand.shape, dashed=True, argument=argument))
        if version != (now := _version(value)):
            if not seen:
                self.note(f"{step.label} was changed by something that was not seen.")
            self._made[id(value)] = (value, step, output, now)
        return found

    def output(self, value: Any) -> Any:
        """The model's own object where a shortcut was given a stand-in."""
        kept = self._aliases.get(id(value))
        return kept[1] if kept is not None else value

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _meet(self, tensor: Tensor) -> None:
        """A tensor that nothing seen has made: a parameter, a buffer, or one from outside."""
        known = self.names.tensor(tensor)
        kind, label = known or ("constant", "?")
        step = Step(kind, label, marks=[] if known else [UNKNOWN])
        step.results.append(tuple(tensor.shape))
        step.value = _scalar(tensor)
        self._append(step)
        self.made(tensor, step)

    def _number(self, value: Any) -> Step:
        for number, step in self._numbers:
            if number is value:
                return step
        step = Step("constant", _written_out(value), value=_as_float(value))
        self._append(step)
        return step

    # -- the life of a step --------------------------------------------------------------------

    def _locate(self, step: Step) -> None:
        frame = caller(3)
        if frame is not None:
            step.place = Place(frame.f_code, frame.f_lasti)
        if self.boxes:
            step.named = not self.boxes[-1].foreign
            step.path = tuple(box.label for box in self.boxes[1:])

    def _append(self, step: Step) -> None:
        step.order = len(self.steps)
        self.steps.append(step)

    def _before(self, step: Step, values: list[Any]) -> None:
        for argument, value in enumerate(values):
            step.operands += self.operand(value, argument)
        if self.gradients:
            step.span = (_sequence(), 0)

    def _run(self, step: Step, values: list[Any], func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        self._before(step, values)
        try:
            result = func(*args, **kwargs)
        except BaseException as error:
            self._failing(error, step, None)
            raise
        if self.gradients:
            step.span = (step.span[0], _sequence())
        return result

    def _failing(self, error: BaseException, step: Step | None, box: Box | None) -> None:
        if self.failure is None or self.failure[0] is not error:
            self.failure = (error, step, box)
            if step is not None:
                step.failed = error
                self._append(step)

    def _read(self, step: Step, result: Any) -> None:
        self._append(step)
        step.value = _as_float(result)
        if step.label == "bool":
            step.marks.append(f"Python reads {result}")
        elif self._stops(step) or any(operand.source.kind == "parameter" for operand in step.operands):
            step.marks.append(STOPS)
        if type(result) is float:
            self._numbers.append((result, step))

    def _finish(self, step: Step, values: list[Any], result: Any) -> Any:
        """Registers what a step returned; gives back what the model should see."""
        if type(result) is not Tensor and hasattr(result, "__next__"):  # iterating over a tensor
            result = list(result)
            self._finish(step, values, result)
            return iter(result)
        tensors = list(_tensors(result))
        if not tensors:
            if step.kind == "module":
                self._append(step)
            return result
        operands = {id(value): position for position, value in enumerate(values) if isinstance(value, Tensor)}
        changed = self._changed(step, values)
        stand_ins: dict[int, Tensor] = {}
        unchanged = len(tensors) == 1 and id(tensors[0]) in operands and not changed
        if unchanged and step.kind == "op" and "dropout" not in step.label:
            return result  # `contiguous`, `to`, … had nothing to do
        step.results = [tuple(tensor.shape) for tensor in tensors]
        if not step.operands and step.kind == "op":
            step.kind = "constant"
            step.value = _scalar(tensors[0])
        self._append(step)
        for output, tensor in enumerate(tensors):
            known = id(tensor) in self._made
            if id(tensor) in changed or (known and id(tensor) not in operands):
                self._overwritten(step, tensor, output)
            elif id(tensor) in operands:
                # The same object came back. The model gets a stand-in, so that what it does with the
                # result can be told from what it does with the operand.
                stand_ins[id(tensor)] = stand_in = _alias(tensor)
                self._aliases[id(stand_in)] = (stand_in, self.output(tensor))
                self.made(stand_in, step, output)
            else:
                self.made(tensor, step, output)
        for value in values:
            if id(value) in changed and not any(value is tensor for tensor in tensors):
                self._overwritten(step, value, 0)
        if (changed or "out" in step.settings[1]) and not (step.operator and step.operator.cuts):
            step.marks.append(OVERWRITES)
        if self._stops(step, tensors):
            step.marks.append(STOPS)
        if self.gradients:
            step.ends = [
                torch.autograd.graph.get_gradient_edge(tensor) if tensor.requires_grad else None
                for tensor in (stand_ins.get(id(tensor), tensor) for tensor in tensors)
            ]
        return _replace(result, stand_ins) if stand_ins else result

    def _stops(self, step: Step, results: list[Tensor] | None = None) -> bool:
        if step.operator is not None and step.operator.cuts:
            return True
        if not self._grad or any(tensor.requires_grad for tensor in results or ()):
            return False
        if results is not None and not any(t.is_floating_point() or t.is_complex() for t in results):
            return False
        return any(operand.grad for operand in step.operands) or (
            step.module is not None
            and not torch.is_grad_enabled()
            and any(parameter.requires_grad for parameter in step.module.parameters())
        )

    # -- overwriting ---------------------------------------------------------------------------

    def _keep(self, tensor: Tensor) -> None:
        for outside in self.names.tensors():
            if outside is tensor or memory(outside) == memory(tensor) != 0:
                self.snapshot.keep(outside)

    def _changed(self, step: Step, values: list[Any]) -> set[int]:
        """The `id`s of the operands that a step wrote into. A view and its base share one version, so
        versions are asked only where the function's name does not say what it writes."""
        if step.operator is not None and step.operator.writes and values:
            return {id(values[0])}
        known = ((value, self._made.get(id(value))) for value in values if isinstance(value, Tensor))
        return {id(value) for value, made in known if made is not None and made[3] != _version(value)}

    def _overwritten(self, step: Step, tensor: Tensor, output: int) -> None:
        self.made(tensor, step, output)
        if not step.results:
            step.results.append(tuple(tensor.shape))
        self._written.setdefault(memory(tensor), []).append((step, tensor))


def is_leaf(module: nn.Module) -> bool:
    """Whether a module is one node: its forward is torch's own, and no mere chain of other modules."""
    if "forward" in module.__dict__ and not _is_torch(type(module)):
        return False
    return _is_torch(type(module).forward) and not isinstance(
        module, nn.Sequential | nn.ModuleList | nn.ModuleDict
    )


def is_region(module: nn.Module) -> bool:
    """Whether a leaf does more than one thing, which is not shown."""
    return isinstance(module, nn.RNNBase | nn.RNNCellBase | torch.jit.ScriptModule) or bool(module._modules)


def _is_torch(thing: Any) -> bool:
    return str(getattr(thing, "__module__", None) or type(thing).__module__).split(".")[0] == "torch"


def _hooks(module: nn.Module) -> Iterator[Any]:
    yield from module._forward_pre_hooks.values()
    yield from module._forward_hooks.values()


def _operands(operator: Operator, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The tensors and numbers that a function works on, in the order in which they are read."""
    found: list[Any] = []
    for position, value in enumerate(args):
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += _tensors(value)
        elif (
            operator.numeric
            and isinstance(value, _NUMBERS)
            and not (operator.writes and position == 1 < len(args) - 1)
        ):
            found.append(value)
    found += (value for name, value in kwargs.items() if name != "out" for value in _tensors(value))
    if operator.reflected:
        found[:2] = found[1::-1]
    return found


def _inplace(operator: Operator, args: tuple[Any, ...]) -> bool:
    """`F.relu(x, True)`: whether the function was told by position to overwrite its argument."""
    return operator.name in ("relu", "relu6", "hardtanh", "elu", "selu", "celu") and True in args[1:]


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _tensors(part)


def _replace(value: Any, stand_ins: dict[int, Tensor]) -> Any:
    if isinstance(value, Tensor):
        return stand_ins.get(id(value), value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_replace(part, stand_ins) for part in value))
    if type(value) in (list, tuple):
        return type(value)(_replace(part, stand_ins) for part in value)
    if type(value) is dict:
        return {name: _replace(part, stand_ins) for name, part in value.items()}
    return value


def _alias(tensor: Tensor) -> Tensor:
    with torch.enable_grad():  # the same object would have kept its graph in `no_grad` as well
        return tensor.view_as(tensor)


def _version(tensor: Tensor) -> int:
    try:
        return tensor._version
    except RuntimeError:  # made in inference mode
        return 0


def _sequence() -> int:
    return int(torch._C._autograd._get_sequence_nr())


def _scalar(tensor: Tensor) -> float | None:
    if tensor.numel() != 1 or tensor.is_meta or tensor.is_complex():
        return None
    return float(tensor.detach())


def _as_float(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float | np.number) else None


def _written_out(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
