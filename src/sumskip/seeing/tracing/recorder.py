"""Watches one forward pass: every operator through a `TorchFunctionMode`, every module call beside it.

What it sees becomes `Step`s, in the order in which they ran; `sumskip.trace` turns these into nodes and
edges. While a leaf module of `torch.nn` runs, nothing is watched: it is one step.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from sumskip.seeing.tracing import unseen
from sumskip.seeing.tracing.containers import names_in, replaced
from sumskip.seeing.tracing.containers import tensors as labelled
from sumskip.seeing.tracing.expressions import is_number
from sumskip.seeing.tracing.ledger import Ledger
from sumskip.seeing.tracing.names import Names
from sumskip.seeing.tracing.operators import Operator, describe
from sumskip.seeing.tracing.restore import Snapshot
from sumskip.seeing.tracing.source import Location, always_runs, called_by, caller, facts, holders
from sumskip.seeing.tracing.steps import (
    ANEW,
    NOT_INSIDE,
    NOW,
    OVERWRITES,
    STOPS,
    Box,
    Operand,
    Settings,
    Step,
    as_float,
    is_leaf,
    is_region,
    is_torch,
    number_in,
    place_of,
    scalar,
    sequence,
    shape_of,
    tensors_in,
    values_of,
    without_tensors,
)

_ACTIVE: dict[int, Recorder] = {}
_LOCK = threading.Lock()
_CALL = nn.Module.__call__
_INIT = nn.Module.__init__
_APPLY = torch.autograd.Function.__dict__["apply"]


def _watched_call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    recorder = _ACTIVE.get(threading.get_ident())
    if recorder is None or recorder.paused:
        return _CALL(module, *args, **kwargs)
    return recorder.call(module, args, kwargs)


def _watched_init(module: nn.Module, *args: Any, **kwargs: Any) -> None:
    recorder = _ACTIVE.get(threading.get_ident())
    if recorder is not None and not recorder.paused:
        recorder.making(module)
    _INIT(module, *args, **kwargs)


def _watched_apply(cls: type[torch.autograd.Function], *args: Any, **kwargs: Any) -> Any:
    recorder = _ACTIVE.get(threading.get_ident())
    apply = _APPLY.__get__(None, cls)
    if recorder is None or recorder.paused:
        return apply(*args, **kwargs)
    return recorder.region(cls.__name__, apply, args, kwargs)


@contextmanager
def _seams() -> Iterator[None]:
    """What is set while any thread traces, and put back after the last one."""
    with unseen.uncompiled():
        init, call, apply = nn.Module.__init__, nn.Module.__call__, torch.autograd.Function.__dict__["apply"]
        nn.Module.__init__ = _watched_init  # type: ignore[method-assign, assignment]
        nn.Module.__call__ = _watched_call  # type: ignore[method-assign]
        torch.autograd.Function.apply = classmethod(_watched_apply)  # type: ignore[assignment]
        try:
            yield
        finally:
            nn.Module.__init__ = init  # type: ignore[method-assign]
            nn.Module.__call__ = call  # type: ignore[method-assign]
            torch.autograd.Function.apply = apply  # type: ignore[method-assign]


_SET = ExitStack()


class Recorder(TorchFunctionMode):
    """Records the steps of what runs inside `with recorder:`. Use each one once."""

    def __init__(self, names: Names, snapshot: Snapshot, gradients: bool = False) -> None:
        super().__init__()
        self.ledger = Ledger(names, snapshot, gradients)
        self.visited: list[tuple[str, str]] = []
        self.failure: tuple[BaseException, Step | None, Box | None] | None = None
        self.paused = 0
        self._grad = torch.is_grad_enabled()
        self._calls: dict[str, int] = {}
        self._making: FrameType | None = None  # the outermost constructor of a module, while it runs
        self._helper: FrameType | None = None  # what of PyTorch's own Python the learner's line called
        self._last: tuple[FrameType | None, Step | None] = None, None  # the latest step, and its helper

    # -- switching on and off ------------------------------------------------------------------

    def __enter__(self) -> Recorder:
        thread = threading.get_ident()
        with _LOCK:
            if not _ACTIVE:
                _SET.enter_context(_seams())
            self._outer = _ACTIVE.get(thread)
            _ACTIVE[thread] = self
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._last, self._helper = (None, None), None  # a frame holds what its function worked on
        thread = threading.get_ident()
        with _LOCK:
            if self._outer is not None:
                _ACTIVE[thread] = self._outer
                return
            del _ACTIVE[thread]
            if not _ACTIVE:
                _SET.close()

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
        if self.paused or operator.treatment == "quiet":
            if operator.name == "backward" and not self.paused:
                self.ledger.snapshot.keep_gradients(self.ledger.names.tensors())
            return func(*args, **kwargs)
        self.paused += 1
        try:
            transform = unseen.in_transform()
            if transform is not None:
                return self._transformed(transform, func, args, kwargs)
            if self._only_made((args, kwargs)):
                return func(*args, **kwargs)
            return self._operator(operator, func, args, kwargs)
        finally:
            self.paused -= 1

    def _operator(self, operator: Operator, func: Any, args: Any, kwargs: Any) -> Any:
        step = Step("op", operator.label, operator=operator, settings=(args, kwargs))
        self._locate(step, func)
        values = values_of(operator, args, kwargs)
        if operator.numeric and len(values) == 2 and not isinstance(values[1], Tensor):
            self._as_written(step, values)
        target = kwargs["out"] if "out" in kwargs else args[0] if args else None
        if operator.writes or "out" in kwargs or _inplace(operator, args, kwargs):
            for written in tensors_in(target):
                self.ledger.keep(written)
        result = self._run(step, values, func, args, kwargs)
        if operator.treatment == "read":
            self._read(step, result)
            return result
        if result is None:
            if operator.writes:  # `x[0] = y`, `x.data = y`
                self.ledger.append(step)
                self._wrote(step, [args[0]])
                step.settings = without_tensors(step.settings)
                self.ledger.overwritten(step, args[0])
            return None
        return self._finish(step, values, result)

    def call(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Runs a module: a leaf of torch.nn as one step, a container as a box around its steps."""
        module = unseen.inside(module)
        if self._only_made((args, kwargs)):  # a constructor that tries its own layers out
            return _CALL(module, *args, **kwargs)
        name = self.ledger.names.module(module)
        if is_leaf(module):
            if any(not is_torch(hook) for hook in _hooks(module)):
                return self._hooked(module, name, args, kwargs)
            return self._leaf(self._open(module, name), partial(_CALL, module), args, kwargs)
        box = self._enter(module, name, (args, kwargs))
        before = len(self.ledger.steps)
        try:
            result = _CALL(module, *args, **kwargs)
        except BaseException as error:
            self._failing(error, None, box)
            raise
        finally:
            self.ledger.boxes.pop()
        if (
            len(self.ledger.steps) == before and self.ledger.boxes
        ):  # it did nothing, and would vanish from the picture
            return self._leaf(self._open(module, box.label), lambda *a, **k: result, args, kwargs)
        self._name_result(result, box)
        return result

    def region(self, name: str, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Runs something whose inside is out of reach as one step that says so."""
        return self._leaf(self._closed(name), func, args, kwargs)

    # -- made in the forward pass --------------------------------------------------------------

    def making(self, module: nn.Module) -> None:
        """Told when a module is made in the forward pass itself."""
        frame: FrameType | None = sys._getframe(2)
        constructor: FrameType | None = None
        while frame is not None and _first_argument(frame) is module:
            constructor, frame = frame, frame.f_back
        if not self._still_making():
            self._making = constructor
        self.ledger.made_anew[module] = ANEW if always_runs(frame) else NOW

    def _still_making(self) -> bool:
        frame: FrameType | None = sys._getframe(2) if self._making is not None else None
        while frame is not None and frame is not self._making:
            frame = frame.f_back
        if frame is None:
            self._making = None
        return frame is not None

    def _only_made(self, settings: Settings) -> bool:
        """Whether this gives a module that is being made its numbers, and has nothing from outside."""
        if self._making is None or not self._still_making():
            return False
        return not any(map(self.ledger.is_known, tensors_in(settings)))

    # -- modules -------------------------------------------------------------------------------

    def _open(self, module: nn.Module, name: str) -> Step:
        step = Step("module", name, module=module)
        self._locate(step)
        if (made := self.ledger.made_anew.get(module)) and any(module.state_dict(keep_vars=True)):
            step.marks.append(made)
        if is_region(module):
            step.marks.append(NOT_INSIDE)
            self.ledger.note(f"{name} ({type(module).__name__}) was not looked inside.")
        return step

    def _closed(self, name: str) -> Step:
        step = Step("op", name, marks=[NOT_INSIDE])
        self._locate(step)
        self.ledger.note(f"{name} was not looked inside.")
        return step

    def _leaf(self, step: Step, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        taken = self._off()
        try:
            values = self._inputs(step, (args, kwargs))
            return self._finish(step, values, self._run(step, values, func, args, kwargs))
        finally:
            self._on(taken)

    def _inputs(self, step: Step, settings: Settings) -> list[Any]:
        step.settings = settings
        values = list(tensors_in(settings))
        if getattr(step.module, "inplace", False) and values:
            self.ledger.keep(values[0])
        return values + self._computed(step)

    def _computed(self, step: Step) -> list[Tensor]:
        """The weights of a layer that are not its own, or no longer: `functional_call`, `weight.mul_(2)`."""
        found: dict[int, Tensor] = {}
        if (module := step.module) is None:
            return []
        for name, inner in module.named_modules() if module._modules else [("", module)]:
            # As a plain attribute, only what a step has made: `weight_norm` keeps an old weight there.
            plain = [one for one in vars(inner).items() if isinstance(one[1], Tensor)]
            plain = [(own, value) for own, value in plain if self.ledger.has_seen(value)]
            for own, held in (*inner._parameters.items(), *inner._buffers.items(), *plain):
                if isinstance(held, Tensor) and id(held) not in found and not self.ledger.is_own(held):
                    found[id(held)] = held
                    step.marks.append(f"computed {name}{'.' if name else ''}{own}")
        return list(found.values())

    def _hooked(self, module: nn.Module, name: str, args: Any, kwargs: Any) -> Any:
        """A leaf with hooks of the learner's: these are watched, its own forward is not."""
        running: list[tuple[Step, list[Any], bool]] = []

        def enter(module: nn.Module, args: Any, kwargs: Any) -> None:
            step = self._open(module, name)
            taken = self._off()
            values = self._inputs(step, (args, kwargs))
            self.ledger.before(step, values)
            running.append((step, values, taken))

        def leave(module: nn.Module, args: Any, result: Any) -> Any:
            step, values, taken = running.pop()
            try:
                return self._finish(step, values, result)
            finally:
                self._on(taken)

        handles = [
            module.register_forward_pre_hook(enter, with_kwargs=True),
            module.register_forward_hook(leave, prepend=True),
        ]
        try:
            return _CALL(module, *args, **kwargs)
        except BaseException as error:
            if running:
                step, _, taken = running.pop()
                self._on(taken)
                self._failing(error, step, None)
            raise
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, module: nn.Module, name: str, inputs: Settings) -> Box:
        frame = caller(3)
        place = Location(frame.f_code, frame.f_lasti) if frame is not None else None
        label = name
        if self.ledger.boxes or not self.ledger.names.is_root(module):
            count = self._calls[name] = self._calls.get(name, 0) + 1
            label = name if count == 1 else f"{name}#{count}"
            self.visited.append((label, type(module).__name__))
        inside = bool(self.ledger.boxes) and self.ledger.boxes[-1].foreign
        box = Box(label, module, is_torch(type(module).forward), None if inside else place, inputs)
        self.ledger.boxes.append(box)
        return box

    def _name_result(self, result: Any, box: Box) -> None:
        """`out = self.block(x)` names what the last step inside `block` made."""
        if box.location is None:
            return
        names = names_in(box.location.target, result)
        for name, (_, tensor) in zip(names, labelled("", result), strict=False):
            made = self.ledger.source(tensor)
            if made is None or not name or made[0].location is None or made[0].name is not None:
                continue
            step, output = made
            if len(step.results) > 1:
                known = step.names or ("",) * len(step.results)
                step.names = (*known[:output], known[output] or name, *known[output + 1 :])
            else:
                step.variable = name

    # -- what cannot be seen -------------------------------------------------------------------

    def _transformed(self, kind: str, func: Any, args: Any, kwargs: Any) -> Any:
        """An operator inside `vmap` or the like. Its tensors are not the model's: all is one step."""
        step = self.ledger.hidden
        if step is None or step.label != kind:
            step = self.ledger.hidden = self._closed(kind)
            self.ledger.append(step)
        for tensor in map(unseen.plain, tensors_in((args, kwargs))):
            if not self.ledger.has_seen(tensor):
                if tensor.grad_fn is not None:  # one that another level of the transform has made
                    continue
                self.ledger.meet(tensor)
                self.ledger.steps.remove(step)  # what goes in comes first
                self.ledger.append(step)
            source = self.ledger.source(tensor)
            if source and all(source[0] is not known for known in (step, *(o.source for o in step.operands))):
                step.operands.append(Operand(*source, shape_of(tensor), argument=len(step.operands)))
        result = func(*args, **kwargs)
        for tensor in map(unseen.plain, tensors_in(result)):
            if not self.ledger.has_seen(tensor):
                self.ledger.made(tensor, step)
                step.results = [shape_of(tensor)]
        return result

    def _as_written(self, step: Step, values: list[Any]) -> None:
        """`2 * x` arrives as `x * 2`: puts the operands in the order in which the learner wrote them."""
        if step.label not in "+×" or step.location is None or not step.direct:
            return
        if step.operator and step.operator.writes:
            return
        expression, frame = step.location.parsed, caller(4)
        texts = expression.operands(2)
        if expression.calls == "sum" or (texts and is_number(texts[0], frame)):
            values.reverse()

    # -- the life of a step --------------------------------------------------------------------

    def _locate(self, step: Step, func: Any = None) -> None:
        frame, step.named, helper = called_by(3)
        if frame is not None:
            step.location = Location(frame.f_code, frame.f_lasti)
            if helper is not None and helper.f_code is getattr(func, "__code__", None):
                helper = None  # `F.relu` itself
            self._check_name(frame, step.location, helper)
            self._helper, step.direct = helper, step.named and helper is None
        if self.ledger.boxes:
            if self.ledger.boxes[-1].foreign:
                step.named = step.direct = False
            step.path = self.ledger.path()

    def _only_last(self, step: Step) -> None:
        """`z = q.rsample()`: of all that a function of PyTorch's does, only the last step makes z."""
        helper, before = self._last
        if before is not None and helper is not None and helper is self._helper:
            before.named = False
        self._last = self._helper, step

    def _check_name(self, frame: FrameType, location: Location, helper: FrameType | None) -> None:
        """Takes its name from the step before where that is not what the learner's line got.

        So it is where a function of PyTorch's is done and gave back something else, and where the same line
        goes on before it has assigned anything: `y = sum(…)`, `y = reduce(torch.add, …)`.
        """
        before_helper, step = self._last
        if step is None or step.location is None or step.location.code is not frame.f_code:
            return
        again, done = step.location == location, before_helper is not None and before_helper is not helper
        name = step.location.target
        if isinstance(name, str) and "." not in name and (again or (done and name in frame.f_locals)):
            value = frame.f_locals.get(name)
            made = self.ledger.source(value) if isinstance(value, Tensor) else None
            step.named = step.named and made is not None and made[0] is step

    def _run(self, step: Step, values: list[Any], func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        self.ledger.before(step, values)
        try:
            return func(*args, **kwargs)
        except BaseException as error:
            self._failing(error, step, None)
            raise

    def _failing(self, error: BaseException, step: Step | None, box: Box | None) -> None:
        if self.failure is None or self.failure[0] is not error:
            self.failure = (error, step, box)
            if step is not None:
                step.failed = True
                self.ledger.append(step)

    def expected(self, error: BaseException) -> bool:
        """Whether an error came out of a step, and not out of the recorder itself."""
        return self.failure is not None and self.failure[0] is error and self.failure[1] is not None

    def _read(self, step: Step, result: Any) -> None:
        self.ledger.append(step)
        self._only_last(step)
        step.named = step.direct
        step.value = as_float(result)
        if step.label == "bool":
            step.marks.append(f"Python reads {result}")
        elif any(operand.grad for operand in step.operands):
            step.marks.append(STOPS)
        if type(result) is float:
            self.ledger.handed_over(result, step)

    def _finish(self, step: Step, values: list[Any], result: Any) -> Any:
        """Registers what a step returned; gives back what the model should see."""
        if hasattr(result, "__next__"):  # iterating over a tensor
            result = list(result)
            self._finish(step, values, result)
            return iter(result)
        step.settings = without_tensors(step.settings) if step.kind == "op" else ((), {})
        tensors = list(tensors_in(result))
        if not tensors:
            if step.kind == "module":
                self.ledger.append(step)
            return result
        operands = {id(value) for value in values if isinstance(value, Tensor)}
        changed = self._changed(step, values)
        unchanged = len(tensors) == 1 and id(tensors[0]) in operands and not changed
        if unchanged and step.kind == "op" and "dropout" not in step.label:
            return result  # `contiguous`, `to`, … had nothing to do
        step.results = [shape_of(tensor) for tensor in tensors]
        if not isinstance(result, Tensor) and step.named and step.location is not None:
            step.names = tuple(names_in(step.location.target, result))
        if len(tensors) == 1:
            step.value = number_in(tensors[0])
        if not step.operands and step.kind == "op":
            step.kind = "constant"
            step.value = scalar(tensors[0])
        self.ledger.append(step)
        self._only_last(step)
        stand_ins: dict[int, Tensor] = {}
        for output, tensor in enumerate(tensors):
            if id(tensor) in changed or (id(tensor) not in operands and self.ledger.has_seen(tensor)):
                self.ledger.overwritten(step, tensor, output)
            elif id(tensor) in operands:
                stand_ins[id(tensor)] = self.ledger.stand_in(
                    tensor, step, output
                )  # the same object came back
            else:
                self.ledger.made(tensor, step, output)
        for value in values:
            if id(value) in changed and not any(value is tensor for tensor in tensors):
                self.ledger.overwritten(step, value, 0)
        given = step.settings[1].get("out") is not None
        if (changed or given) and not (step.operator and step.operator.cuts):
            self._wrote(step, [value for value in values if id(value) in changed])
        if self._stops(step, tensors):
            step.marks.append(STOPS)
        if self.ledger.gradients:
            step.span = (step.span[0], sequence())
            returned = (stand_ins.get(id(tensor), tensor) for tensor in tensors)
            step.ends = [place_of(t) if t.requires_grad else None for t in returned]
        return replaced(result, lambda t: stand_ins.get(id(t), t)) if stand_ins else result

    def _stops(self, step: Step, results: list[Tensor]) -> bool:
        """Whether a gradient is asked of what went in, and none will come back through what came out."""
        if step.operator is not None and step.operator.cuts:
            return True
        if not self._grad or any(tensor.requires_grad for tensor in results):
            return False
        if not any(tensor.is_floating_point() or tensor.is_complex() for tensor in results):
            return False
        if any(operand.grad for operand in step.operands):
            return True
        module = step.module if not torch.is_grad_enabled() else None
        return module is not None and any(parameter.requires_grad for parameter in module.parameters())

    # -- overwriting ---------------------------------------------------------------------------

    def _wrote(self, step: Step, tensors: list[Tensor]) -> None:
        """Marks a step that wrote into `tensors`: at once where the learner's own line says so, such as
        `a += b`, otherwise as soon as something reads what it has overwritten."""
        step.wrote = True
        own = step.location is not None and not facts(step.location.code).installed
        if own and step.kind == "op" and step.direct:
            step.marks.append(OVERWRITES)
            return
        for tensor in tensors:
            if found := holders(tensor, caller(3)):
                self.ledger.watch(tensor, step, found)

    def _changed(self, step: Step, values: list[Any]) -> set[int]:
        """The `id`s of the operands that a step wrote into. A view and its base share one version, so
        versions are asked only where the function's name does not say what it writes."""
        if step.operator is not None and step.operator.writes and values:
            return {id(values[0])}
        return {id(v) for v in values if isinstance(v, Tensor) and self.ledger.written_since(v)}


def _first_argument(frame: FrameType) -> Any:
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None


def _hooks(module: nn.Module) -> Iterator[Any]:
    yield from module._forward_pre_hooks.values()
    yield from module._forward_hooks.values()


def _inplace(operator: Operator, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """`F.relu(x, True)`, `F.relu(x, inplace=True)`: whether the call says that it overwrites."""
    by_place = operator.name in ("relu", "relu6", "hardtanh", "elu", "selu", "celu") and True in args[1:]
    return by_place or kwargs.get("inplace") is True
