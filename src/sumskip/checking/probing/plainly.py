"""Reads a module's own tables and a tensor's own numbers, and asks neither of them.

A class may replace `parameters()`, `__getattribute__` or the operators of its tensors, and then says
what it likes. Nothing here calls what a class can replace: attributes are read by PyTorch's own
descriptors, with tensor subclasses, and modes that were left on, switched off ("Extending PyTorch"), and
what a thing is its type says, not its `__class__`.
"""

from __future__ import annotations

import math
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import torch
from torch import Tensor, nn

from sumskip.checking.core import Array

_NO_FUNCTIONS, _NO_DISPATCH = torch._C.DisableTorchFunction, torch._C._DisableTorchDispatch
_DICT = nn.Module.__dict__["__dict__"]
_NAME = type.__dict__["__name__"]
_BASE: Any = torch._C.TensorBase  # which, unlike Tensor, nobody can change
# The kinds of nearly all that goes into an operator: asked first, they need no look at what they come from.
PLAIN = frozenset((int, bool, float, type(None), str, torch.dtype, torch.device))
_TENSORS = frozenset((Tensor, nn.Parameter))
_GROUPS = frozenset((list, tuple, dict))
_IN_NUMPY = (torch.float16, torch.float32, torch.float64)
_SameCount: Any = vars(torch.autograd)["_unsafe_preserve_version_counter"]
_READ = {
    name: vars(_BASE)[name].__get__
    for name in ("grad", "grad_fn", "is_leaf", "requires_grad", "shape", "dtype", "data")
}
_SET = {name: vars(_BASE)[name].__set__ for name in ("grad", "requires_grad", "data")}
_KEYS, _KEY = torch._C._dispatch_keys, torch._C.DispatchKey
# Tensors without numbers of their own: what they hold, Python code or a transformation has to say.
_ODD = (_KEY.Python, _KEY.Meta, _KEY.NestedTensor, _KEY.FuncTorchBatched, _KEY.FuncTorchGradWrapper)
_LEAF: Any = vars(torch._C._functions)["AccumulateGrad"]  # a function of the answer's own is of another type
# A node whose function is written in Python belongs to a class that may be changed.
_WRITTEN: Any = torch._C._FunctionBase
_INNER = vars(_WRITTEN)["next_functions"].__get__
# Who hears of a tensor before anything is put into it, so that it can be put back (`world.Touched`).
FIRST_TOUCH: ContextVar[Callable[[Tensor], object]] = ContextVar("FIRST_TOUCH", default=id)
# Folders whose code is no learner's; a grader adds its own.
OURS = [str(Path(__file__).parents[2]), sysconfig.get_path("stdlib"), str(Path(torch.__file__).parent)]
_PACKAGES = {"site-packages", "dist-packages"}


def is_installed(file: str) -> bool:
    """Whether code in this file is a package's, PyTorch's, Python's own or ours, and so no learner's."""
    made_up = file.startswith(("<frozen", "<string", "<__array_function__"))
    return made_up or file.startswith(tuple(OURS)) or not _PACKAGES.isdisjoint(Path(file).parts)


def is_a(value: Any, *kinds: type) -> bool:
    """`isinstance` by the type alone."""
    return issubclass(type(value), kinds)


def type_name(value: Any) -> str:
    """The name of the type, at most 80 characters of it."""
    return str.__str__(_NAME.__get__(type(value)))[:80]


def own_name(thing: Any) -> str:
    """The name under which a class or a function was defined, at most 80 characters of it."""
    return str.__str__(_NAME.__get__(thing) if is_a(thing, type) else thing.__name__)[:80]


def is_tensor(value: Any) -> TypeGuard[Tensor]:
    """Whether `value` is a tensor that holds its numbers itself, in the usual (strided) way."""
    if not issubclass(type(value), Tensor):
        return False
    return _holds_numbers(_KEYS(value).raw_repr())


@lru_cache(maxsize=256)  # there are few kinds, and this is asked of all that goes into an operator
def _holds_numbers(kind: int) -> bool:
    keys = torch._C.DispatchKeySet.from_raw_repr(kind)
    return keys.has(_KEY.Dense) and not any(keys.has(odd) for odd in _ODD)


def is_meta(tensor: Tensor) -> bool:
    """Whether a tensor has a shape and no numbers."""
    return _KEYS(tensor).has(_KEY.Meta)


@contextmanager
def unheard() -> Iterator[None]:
    """No class of a tensor, and no mode that was left on, has a say in what happens inside.

    What is done most often enters these two itself, without the price of a generator.
    """
    with _NO_FUNCTIONS(), _NO_DISPATCH():
        yield


def read(tensor: Tensor, name: str) -> Any:
    """The attribute `name` (one of `_READ`) of a tensor."""
    with _NO_FUNCTIONS(), _NO_DISPATCH():
        return _READ[name](tensor)


def numbers_of(tensor: Tensor) -> Array:
    """A tensor's numbers, on their way out: a copy without gradient."""
    with unheard(), torch.no_grad():
        plain = _BASE.resolve_neg(_BASE.resolve_conj(_BASE.cpu(_BASE.detach(classless(tensor)))))
        if plain.is_floating_point() and plain.dtype not in _IN_NUMPY:
            plain = _BASE.float(plain)
        return np.array(_BASE.numpy(plain), copy=True)


def assign(tensor: Tensor, values: Array) -> None:
    """Put numbers into a tensor of as many elements, in place; where elements share memory, nothing."""
    FIRST_TOUCH.get()(tensor)
    with _NO_FUNCTIONS(), _NO_DISPATCH():
        numbers = _BASE.reshape(torch.from_numpy(np.array(values)), read(tensor, "shape"))
    _write(tensor, numbers)


def _write(tensor: Tensor, numbers: Tensor) -> None:
    """Unseen by autograd: a graph that still holds the tensor can go backward when its numbers are back."""
    with _NO_FUNCTIONS(), _NO_DISPATCH():
        plain = _BASE.as_subclass(_READ["data"](tensor), Tensor)
        shared = zip(_BASE.stride(plain), _READ["shape"](plain), strict=True)
        if not any(stride == 0 and count > 1 for stride, count in shared):
            with torch.inference_mode():  # in which a tensor that was made so can be written as well
                _BASE.copy_(plain, numbers)


def keeper(tensor: Tensor) -> Callable[[], None]:
    """How to put a tensor's numbers back; autograd, which counts changes, then counts as before as well."""
    with _NO_FUNCTIONS(), _NO_DISPATCH():
        numbers = _BASE.clone(_BASE.as_subclass(_READ["data"](tensor), Tensor))
        counted = None if _BASE.is_inference(tensor) else _SameCount(tensor)

    def put_back() -> None:
        with _NO_FUNCTIONS(), _NO_DISPATCH():
            now = _BASE.as_subclass(_READ["data"](tensor), Tensor)
            if (now.shape, now.dtype) != (numbers.shape, numbers.dtype):
                _SET["data"](tensor, numbers)
            elif not torch.equal(now, numbers):  # nan is written once more
                _write(tensor, numbers)
            if counted is not None:
                counted.__exit__()

    return put_back


def set_gradient(tensor: Tensor, gradient: Tensor | None) -> None:
    """Leave this gradient at a leaf."""
    with _NO_FUNCTIONS(), _NO_DISPATCH():
        if _READ["grad"](tensor) is not gradient:
            _SET["grad"](tensor, gradient)


def ask_gradient(tensor: Tensor, asked: bool) -> None:
    """Have a leaf ask for gradients, or not."""
    with _NO_FUNCTIONS(), _NO_DISPATCH():
        if _READ["requires_grad"](tensor) is not asked:
            _SET["requires_grad"](tensor, asked)


def tensors(value: Any) -> list[Tensor]:
    """The tensors that hold numbers in an operator's arguments, or in its result."""
    return [tensor for tensor in all_tensors((value,)) if _holds_numbers(_KEYS(tensor).raw_repr())]


def all_tensors(values: Iterable[Any], depth: int = 0) -> list[Tensor]:
    """The tensors of every kind among some values, and in the collections among them."""
    found: list[Tensor] = []
    for value in values:
        kind = type(value)
        if kind in PLAIN or (kind in _GROUPS and not value):
            continue
        if kind in _TENSORS or issubclass(kind, Tensor):
            found.append(value)
        elif depth < 4 and issubclass(kind, (list, tuple, dict)):
            items = list(dict.values(value)) if issubclass(kind, dict) else value
            found += all_tensors(items, depth + 1)
    return found


def widen(tensor: Tensor, dtype: torch.dtype) -> None:
    """Have a tensor keep the same numbers in a wider dtype, as `Module.to` does."""
    with unheard(), torch.no_grad():
        _SET["data"](tensor, _BASE.to(classless(tensor), dtype))


def classless(tensor: Tensor) -> Tensor:
    """The same numbers, at the same place of the graph, as a tensor of no class of its own."""
    with _NO_FUNCTIONS(), _NO_DISPATCH():
        return _BASE.as_subclass(tensor, Tensor)


@contextmanager
def reassigned(tensor: Tensor, values: Array) -> Iterator[None]:
    """A tensor with other numbers for a while."""
    before = numbers_of(tensor)
    assign(tensor, values)
    try:
        yield
    finally:
        assign(tensor, before)


def keep_gradient(tensor: Tensor) -> None:
    """Have the next backward pass leave its gradient at `tensor`, and no other one there."""
    FIRST_TOUCH.get()(tensor)
    with _NO_FUNCTIONS(), _NO_DISPATCH():
        _SET["grad"](tensor, None)
        if _READ["requires_grad"](tensor) and not _READ["is_leaf"](tensor):
            _BASE.retain_grad(tensor)


def backward(output: Tensor, direction: Array) -> None:
    """The backward pass from `output`, in a direction of the same shape; its graph stays."""
    for leaf in leaves(output):
        FIRST_TOUCH.get()(leaf)
    with _NO_FUNCTIONS(), _NO_DISPATCH():
        plain = classless(output)
        total = (plain * torch.from_numpy(direction).to(plain.dtype)).sum()
    total.backward(retain_graph=True)


def moves(tensor: Tensor) -> bool:
    """Whether a step of SGD on this leaf would change it."""
    gradient = gradient_of(tensor) if read(tensor, "is_leaf") and read(tensor, "requires_grad") else None
    return gradient is not None and bool(np.any(gradient != 0))


def gradient_of(tensor: Tensor) -> Array | None:
    """What a backward pass left at a tensor, where that has numbers."""
    gradient = read(tensor, "grad")
    return numbers_of(gradient) if is_tensor(gradient) else None


def size(tensor: Tensor) -> int:
    """The number of elements."""
    return math.prod(read(tensor, "shape"))


def modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The model and all modules in it, each once, with their dotted names."""
    seen = set()
    waiting = [("", model)]
    while waiting:
        name, module = waiting.pop(0)
        if id(module) not in seen:
            seen.add(id(module))
            yield name, module
            if inner := table(module, "_modules"):
                waiting[:0] = [(f"{name}{key}.", c) for key, c in inner.items() if is_a(c, nn.Module)]


def table(module: nn.Module, name: str) -> dict[str, Any]:
    """A copy of one of the tables in which a module keeps what is registered, or of `__dict__` itself."""
    entries = _DICT.__get__(module)
    found: Any = entries if name == "__dict__" else dict.get(entries, name)
    return dict.copy(found) if issubclass(type(found), dict) else {}


def parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """The registered parameters by their dotted names, each once."""
    return _registered(model, "_parameters")


def buffers(model: nn.Module) -> dict[str, Tensor]:
    """The registered buffers by their dotted names, each once."""
    return _registered(model, "_buffers")


def _registered(model: nn.Module, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    seen = set()
    for prefix, module in modules(model):
        for name, tensor in table(module, kind).items():
            if is_tensor(tensor) and id(tensor) not in seen:
                seen.add(id(tensor))
                found[f"{prefix}{name}"] = tensor
    return found


def leaves(tensor: Tensor) -> list[Tensor]:
    """The tensors from which `tensor` was computed and that a gradient would reach, itself if it is one."""
    if read(tensor, "grad_fn") is None:
        return [tensor] if read(tensor, "requires_grad") else []
    found: list[Tensor] = []
    seen: dict[int, Any] = {}  # held, since the id of a node that is gone would be given again
    waiting = [read(tensor, "grad_fn")]
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen[id(node)] = node
        if type(node) is _LEAF:
            found.append(node.variable)
        else:
            waiting += [inner for inner, _ in (_INNER(node) if is_a(node, _WRITTEN) else node.next_functions)]
    return found
