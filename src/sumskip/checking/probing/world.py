"""The learner's world while an answer is probed: out of reach, or put back as it was.

What an answer reaches outside of itself (layers of another cell, a list, a counter) belongs to whoever made
it. Tensors are remembered at their first touch, whoever touches them; names, lists and attributes before the
answer runs. The settings of PyTorch are the same for every answer, and nothing is shown or drawn.
"""

from __future__ import annotations

import dis
import random
import sys
import warnings
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from functools import lru_cache
from io import TextIOBase
from types import CellType, CodeType, FunctionType
from typing import Any

import numpy as np
import torch
import torch.overrides
import torch.utils._device
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from sumskip.checking.probing import plainly
from sumskip.checking.probing.plainly import is_a, is_tensor, read

_MISSING = object()
_CHANCE = torch.default_generator  # `torch.manual_seed` also asks devices that are not there
_EMPTY = CellType()  # of a closure, whose name has no value yet
_MANY = 1000  # a longer list is data, whose items nobody changes one by one
_READS = ("LOAD_GLOBAL", "LOAD_NAME")


@contextmanager
def undisturbed(answer: Any) -> Iterator[Touched]:
    """The same surroundings for every answer, and the learner's own as they were when it is over."""
    with ExitStack() as stack:
        for one in (_silence(), same_settings(), _state(answer)):
            stack.enter_context(one)
        with Touched() as touched:
            try:
                yield touched
            finally:
                touched.put_back()


# --- tensors ------------------------------------------------------------------------------------------


class Touched(TorchFunctionMode):
    """Remembers each tensor from outside at its first touch: its numbers and its gradient, put aside."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[int, tuple[Tensor, Callable[[], None], Any, bool]] = {}
        self._made: dict[int, Tensor] = {}  # held: the id of a freed one would be given again
        self._failed: list[Tensor] = []  # what the last operator received that failed

    def __enter__(self) -> Touched:
        super().__enter__()
        self._token = plainly.FIRST_TOUCH.set(self.keep)
        return self

    def __exit__(self, *error: Any) -> None:
        plainly.FIRST_TOUCH.reset(self._token)
        super().__exit__(*error)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = plainly.all_tensors(args, 1)  # `keep` takes those that hold numbers
        if kwargs:
            given += plainly.all_tensors(kwargs.values(), 1)
        for tensor in given:
            self.keep(tensor)
        try:
            result = func(*args, **kwargs)
        except Exception:
            self._failed = given
            raise
        for tensor in plainly.all_tensors((result,)):
            self._made.setdefault(id(tensor), tensor)
        return result

    def keep(self, tensor: Tensor) -> None:
        """Remember a tensor, unless it is known, or was made in here."""
        known = id(tensor)
        if known in self._kept or known in self._made or not is_tensor(tensor):
            return
        gradient = read(tensor, "grad") if read(tensor, "is_leaf") else None
        self._kept[known] = (tensor, plainly.keeper(tensor), gradient, read(tensor, "requires_grad"))
        if gradient is not None:
            plainly.set_gradient(tensor, None)

    def came_in(self, tensor: Any) -> bool:
        """Whether this tensor, made elsewhere, went into an operator."""
        return id(tensor) in self._kept

    def failed_on(self, tensor: Any) -> bool:
        """Whether this tensor went into the last operator that failed."""
        return any(tensor is one for one in self._failed)

    def put_back(self) -> None:
        """Everything remembered as it was; what is still the same is not written to."""
        for tensor, put_back, gradient, asked in self._kept.values():
            put_back()
            if read(tensor, "is_leaf"):
                plainly.ask_gradient(tensor, asked)
                plainly.set_gradient(tensor, gradient)


# --- names, lists and attributes ----------------------------------------------------------------------


@lru_cache(maxsize=512)
def _names(code: CodeType) -> tuple[frozenset[str], frozenset[str]]:
    """The global names that a function's code, with all in it, reads; and those that it reads or sets."""
    read_, used = set[str](), set[str]()
    for instruction in dis.get_instructions(code):
        if instruction.opname in _READS:
            read_.add(str(instruction.argval))
        if instruction.opname.endswith("_GLOBAL"):
            used.add(str(instruction.argval))
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            theirs = _names(inner)
            read_ |= theirs[0]
            used |= theirs[1]
    return frozenset(read_), frozenset(read_ | used)


def functions_of(answer: Any) -> Iterator[FunctionType]:
    """The function that an answer is, or those of its class and of the learner's own classes above it."""
    if is_a(answer, FunctionType):
        yield answer
    elif is_a(answer, type):
        for kind in answer.__mro__:
            if _is_learners(kind):
                yield from (found for value in vars(kind).values() for found in _unwrapped(value))


def global_names(function: FunctionType) -> frozenset[str]:
    """The global names that a function reads."""
    return _names(function.__code__)[0]


def outside(answer: Any, touched: Touched) -> list[dict[str, Any]]:
    """Tensors and layers made outside of the answer that its functions read by a global name, and that ran.

    What `__init__` reads, the model may keep. A number counts where the exercise has a weight of that name.
    """
    found = {}
    for function in functions_of(answer):
        if function.__name__ == "__init__":
            continue
        for name in sorted(global_names(function)):
            value = dict.get(function.__globals__, name)
            held = _weights(value)
            if is_tensor(value):
                kind, held = "parameter" if is_a(value, nn.Parameter) else "tensor", [value]
            elif name == "alpha" and is_a(value, int, float):
                kind = "number"
            else:
                kind = "layer" if is_a(value, nn.Module) else "list of layers"
            if kind == "number" or any(map(touched.came_in, held)):
                found[name] = {
                    "name": name[:80],
                    "kind": kind,
                    "function": function.__name__[:80],
                    "method": is_a(answer, type),
                    "failed": any(map(touched.failed_on, held)),
                    "shape": list(read(held[0], "shape")) if kind == "tensor" else [],
                }
    return list(found.values())[:8]


def _weights(value: Any) -> list[Tensor]:
    """The parameters and buffers of a layer, or of layers in a list."""
    layers = [value]
    if is_a(value, list, tuple, dict):
        layers = list(dict.values(value) if is_a(value, dict) else value)[:_MANY]
    held = [plainly.parameters(one) | plainly.buffers(one) for one in layers if is_a(one, nn.Module)]
    return [tensor for each in held for tensor in each.values()]


def _unwrapped(value: Any) -> Iterator[FunctionType]:
    inner: tuple[Any, ...] = (value,)
    if is_a(value, staticmethod, classmethod):
        inner = (value.__func__,)
    elif is_a(value, property):
        inner = (value.fget, value.fset)
    yield from (one for one in inner if is_a(one, FunctionType))


def _is_learners(kind: type) -> bool:
    """Whether a class is written in a notebook or beside it, not in an installed package."""
    name = str(kind.__module__)
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    return name == "__main__" or (name != "builtins" and not plainly.is_installed(file))


@contextmanager
def _state(answer: Any) -> Iterator[None]:
    """Global names, closures, attributes and collections that the answer reaches, put back."""
    undo: list[Callable[[], object]] = []
    seen: dict[int, Any] = {}
    waiting = [answer]
    while waiting:
        value = waiting.pop()
        if id(value) in seen or value is None:
            continue
        seen[id(value)] = value
        waiting += _taken(value, undo)
    try:
        yield
    finally:
        for put_back in undo:
            put_back()


def _taken(value: Any, undo: list[Callable[[], object]]) -> list[Any]:
    """What `value` holds; how to put that back is added to `undo`."""
    if is_a(value, FunctionType):
        return _function(value, undo)
    if is_a(value, type):
        return _attributes(value, undo) if _is_learners(value) else []
    if is_a(value, nn.Module) or (not is_a(value, Tensor, np.generic) and _is_learners(type(value))):
        try:
            return [object.__getattribute__(value, "__dict__"), type(value)]
        except AttributeError:  # it has slots
            return [type(value)]
    if is_a(value, np.ndarray):
        undo.append(_array(value, value.copy()))
        return []
    if is_a(value, dict):
        before = dict.copy(value)
        undo.append(lambda: _mapping(value, before))
        return list(before.values()) if len(before) <= _MANY else []
    for kind in (list, set, deque):
        if is_a(value, kind):
            undo.append(_collection(kind, value, list(kind.__iter__(value))))
            return list(kind.__iter__(value)) if len(value) <= _MANY else []
    return list(value) if type(value) is tuple and len(value) <= _MANY else []


def _function(value: FunctionType, undo: list[Callable[[], object]]) -> list[Any]:
    if plainly.is_installed(value.__code__.co_filename):
        return []
    space = value.__globals__
    names = _names(value.__code__)[1]
    before = {name: dict.get(space, name, _MISSING) for name in names}
    undo.append(lambda: _bindings(space, before))
    found = [one for one in before.values() if one is not _MISSING]
    for cell in value.__closure__ or ():
        if cell != _EMPTY:
            found.append(cell.cell_contents)
            undo.append(_cell(cell, cell.cell_contents))
    return [*found, *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]


def _attributes(kind: type, undo: list[Callable[[], object]]) -> list[Any]:
    before = dict(vars(kind))

    def put_back() -> None:
        now = dict(vars(kind))
        for name in now.keys() - before.keys():
            type.__delattr__(kind, name)
        for name, value in before.items():
            if now.get(name, _MISSING) is not value:
                type.__setattr__(kind, name, value)

    undo.append(put_back)
    functions = [found for value in before.values() for found in _unwrapped(value)]
    return [*before.values(), *functions, *kind.__bases__]


def _bindings(space: MutableMapping[str, Any], before: dict[str, Any]) -> None:
    for name, value in before.items():
        if value is _MISSING:
            space.pop(name, None)
        elif space.get(name, _MISSING) is not value:
            space[name] = value


def _mapping(value: dict[Any, Any], before: dict[Any, Any]) -> None:
    now = list(dict.items(value))
    if [(id(k), id(v)) for k, v in now] != [(id(k), id(v)) for k, v in before.items()]:
        dict.clear(value)
        dict.update(value, before)


def _cell(cell: CellType, before: Any) -> Callable[[], None]:
    def put_back() -> None:
        if cell == _EMPTY or cell.cell_contents is not before:
            cell.cell_contents = before

    return put_back


def _collection(kind: Any, value: Any, before: list[Any]) -> Callable[[], None]:
    def put_back() -> None:
        if [id(item) for item in kind.__iter__(value)] != [id(item) for item in before]:
            kind.clear(value)
            (kind.update if kind is set else kind.extend)(value, before)

    return put_back


def _array(value: Any, before: Any) -> Callable[[], None]:
    def put_back() -> None:
        if value.shape == before.shape and value.flags.writeable and not np.array_equal(value, before):
            value[...] = before

    return put_back


# --- settings -----------------------------------------------------------------------------------------


@contextmanager
def same_settings() -> Iterator[None]:
    """The same random numbers, modes and defaults for every answer; afterwards the learner's own."""
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    in_python, in_numpy = random.getstate(), np.random.get_state()
    errors = np.geterr()
    with (
        torch.random.fork_rng(devices=[]),
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast("cpu", enabled=False),
        torch.autograd.set_detect_anomaly(False),
        _in_full_precision(),
        warnings.catch_warnings(),
        chdir("."),
        _on_no_default_device(),
    ):
        warnings.simplefilter("ignore")
        _CHANCE.manual_seed(0)
        random.seed(0)
        np.random.seed(0)
        torch.set_num_threads(1)  # sums in one order, and no waiting for a busy second core
        if dtype is not torch.float64:  # in which all is right, and closer
            torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
            torch.set_num_threads(threads)
            random.setstate(in_python)
            np.random.set_state(in_numpy)
            np.seterr(**errors)


@contextmanager
def _in_full_precision() -> Iterator[None]:
    """Products of float32 in float32, though bfloat16 be allowed for them (in PyTorch from 2.9)."""
    operators = [getattr(torch.backends.mkldnn, name, None) for name in ("matmul", "conv")]
    named, before = torch.get_float32_matmul_precision(), [(o, o.fp32_precision) for o in operators if o]
    for one, _ in before:
        one.fp32_precision = "ieee"
    try:
        yield
    finally:
        if torch.get_float32_matmul_precision() != named:
            torch.set_float32_matmul_precision(named)
        for one, precision in before:
            one.fp32_precision = precision


@contextmanager
def _on_no_default_device() -> Iterator[None]:
    """New tensors in memory, whatever default was set; that is a mode, and belongs on no other's stack."""
    kept, current = torch._GLOBAL_DEVICE_CONTEXT, torch.utils._device.CURRENT_DEVICE
    context = getattr(kept, "device_context", None)
    before = _popped()
    _pushed([mode for mode in before if not isinstance(mode, torch.utils._device.DeviceContext)])
    kept.device_context = torch.utils._device.CURRENT_DEVICE = None
    try:
        yield
    finally:
        _popped()
        _pushed(before)
        kept.device_context, torch.utils._device.CURRENT_DEVICE = context, current


def _popped() -> list[Any]:
    return [torch.overrides._pop_mode() for _ in range(torch._C._len_torch_function_stack())]


def _pushed(modes: list[Any]) -> None:
    for mode in reversed(modes):
        torch.overrides._push_mode(mode)


# --- what is shown ------------------------------------------------------------------------------------


class _Nowhere(TextIOBase):
    """Takes what is printed and keeps nothing: a learner's prints would come once for every case."""

    def write(self, text: str) -> int:
        return len(text)


def _leave() -> None:
    raise SystemExit("exit() was called")


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing printed, displayed or drawn in here reaches the notebook; figures stay as they were."""
    with redirect_stdout(_Nowhere()), redirect_stderr(_Nowhere()), _nothing_displayed(), _no_figures():
        yield


@contextmanager
def _nothing_displayed() -> Iterator[None]:
    """IPython, where it runs, makes and sends no output, and does not end after `exit()`."""
    core = sys.modules.get("IPython.core.interactiveshell")
    shell = core.InteractiveShell._instance if core and core.InteractiveShell.initialized() else None
    if shell is None:
        yield
        return
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.formatters import DisplayFormatter

    class Unseen(DisplayFormatter):
        def format(self, obj: Any, include: Any = None, exclude: Any = None) -> Any:
            return {}, {}

    class Unsent(DisplayPublisher):
        def publish(self, data: Any, *args: Any, **kwargs: Any) -> None:
            pass

        def clear_output(self, wait: bool = False) -> None:
            pass

    formatter, publisher = shell.display_formatter, shell.display_pub
    leaving = vars(shell).get("ask_exit", _MISSING)
    shell.display_formatter, shell.display_pub = Unseen(parent=shell), Unsent(parent=shell)
    shell.ask_exit = _leave
    try:
        yield
    finally:
        shell.display_formatter, shell.display_pub = formatter, publisher
        if leaving is _MISSING:
            del shell.ask_exit
        else:
            shell.ask_exit = leaving


@contextmanager
def _no_figures() -> Iterator[None]:
    """The learner's figures are out of sight, and those made in here are closed."""
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    figures = helpers.Gcf.figs if helpers else None
    if helpers:
        helpers.Gcf.figs = OrderedDict()
    try:
        yield
    finally:
        helpers = sys.modules.get("matplotlib._pylab_helpers")
        if helpers:
            helpers.Gcf.destroy_all()
            if figures is not None:
                helpers.Gcf.figs = figures
