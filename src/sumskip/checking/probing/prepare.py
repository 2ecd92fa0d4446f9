"""What every probe needs: build an answer, number its weights, say what stopped it."""

from __future__ import annotations

import linecache
import re
import sysconfig
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sumskip.checking.core import Case, input_numbers
from sumskip.checking.probing import plainly
from sumskip.checking.probing.plainly import is_a, type_name

# What a message calls the learner's class or function: it must not tell two answers apart.
_NAMES = (
    re.compile(r"[\w.<>]+(?=\.(?:forward|__init__)\(\))"),
    re.compile(r"[\w.<>]+(?= is not a Module subclass)"),
    re.compile(r"(?<=')\w+(?=' object has no attribute)"),
)
_OURS = (str(Path(__file__).parents[1]), sysconfig.get_path("stdlib"), str(Path(torch.__file__).parent))


class Stopped(Exception):
    """The answer cannot be observed any further; `problem` says why."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem["message"])
        self.problem = problem


def _kind(value: Any) -> str:
    return "a class" if isinstance(value, type) else "a function" if callable(value) else type_name(value)


@contextmanager
def stage(name: str, model: Any = None) -> Iterator[None]:
    """Turn an exception of the answer's into the fact of where and how it stopped."""
    try:
        yield
    except Stopped:
        raise
    except Exception as error:
        raise Stopped(problem(name, error, model)) from None


def problem(name: str, error: BaseException, model: Any = None) -> dict[str, Any]:
    """What stopped the answer: the stage, PyTorch's words, and the line of the learner's cell."""
    message = str(error).strip() or type_name(error)
    words = message.replace(type_name(model), "Model") if model is not None else message
    for pattern in _NAMES:
        words = pattern.sub("Model", words)
    found: dict[str, Any] = {"stage": name, "type": type_name(error), "message": message, "words": words}
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith(_OURS) and not file.startswith("<frozen"):
            found["line"] = trace.tb_lineno
            found["source"] = linecache.getline(file, trace.tb_lineno).strip()
        if trace.tb_frame.f_code.co_name == "add_module":  # nn.Sequential was given what is no module
            culprit = trace.tb_frame.f_locals.get("module")
            found["words"] += f" ({_kind(culprit)})"
        trace = trace.tb_next
    return found


def plain(value: Any, depth: int = 0) -> Any:
    """`value` as JSON: a tuple becomes a list, anything that is not a literal `{"type": name}`."""
    if value is None or is_a(value, bool):
        return value
    if is_a(value, str):
        return str.__str__(value)[:200]
    if is_a(value, int, np.integer):
        return int(value) if abs(int(value)) < 2**53 else {"type": "int"}
    if is_a(value, float, np.floating):
        return float(value) if np.isfinite(value) else {"type": "float"}
    if is_a(value, list, tuple) and depth < 3 and len(value) <= 32:
        return [plain(item, depth + 1) for item in value]
    if is_a(value, dict) and depth < 1 and len(value) <= 32:
        return {str(key)[:80]: plain(item, depth + 1) for key, item in value.items()}
    return {"type": type_name(value)}


def build(answer: Any, arguments: tuple[Any, ...]) -> nn.Module:
    """The learner's model, made by their class (or a function that returns a module).

    Raises:
        Stopped: where `answer` is something else, or its constructor raises.
    """
    if is_a(answer, nn.Module):
        raise Stopped({"stage": "answer", "type": "instance", "message": type_name(answer)})
    if not callable(answer) or (isinstance(answer, type) and not issubclass(answer, nn.Module)):
        name = "None" if answer is None else getattr(answer, "__name__", type_name(answer))
        kind = "missing" if answer is None else "not a module class"
        raise Stopped({"stage": "answer", "type": kind, "message": name})
    with stage("constructor"):
        try:
            model = answer(*arguments)
        except TypeError:
            if isinstance(answer, FunctionType):  # a function of x, say, and no maker of models
                raise Stopped({"stage": "answer", "type": "function", "message": answer.__name__}) from None
            raise
    if not is_a(model, nn.Module):  # `__class__` may say anything
        kind = "function" if isinstance(answer, FunctionType) else "not a module"
        raise Stopped({"stage": "answer", "type": kind, "message": type_name(model)})
    if any(_is_compiled(module) for _, module in plainly.modules(model)):
        raise Stopped({"stage": "answer", "type": "compiled", "message": type_name(model)})
    return model


def _is_compiled(module: nn.Module) -> bool:
    """Whether `torch.compile`, in whichever way, or `torch.jit` made what a call of the module runs."""
    wrapped = plainly.table(module, "__dict__").get("_compiled_call_impl") is not None
    marked = hasattr(getattr(type(module), "forward", None), "_torchdynamo_orig_callable")
    return wrapped or marked or is_a(module, torch.jit.ScriptModule) or type_name(module) == "OptimizedModule"


def dtypes_of(model: nn.Module) -> list[torch.dtype]:
    """The dtypes that a model may run in, that of most of its numbers first; the default if it has none."""
    counts: Counter[torch.dtype] = Counter()
    for held in (plainly.parameters(model), plainly.buffers(model)):
        for tensor in held.values():
            dtype = plainly.read(tensor, "dtype")
            if dtype.is_floating_point:
                counts[dtype] += plainly.size(tensor)
    return [dtype for dtype, _ in counts.most_common()] or [torch.get_default_dtype()]


def inputs_for(case: Case, dtype: torch.dtype) -> list[Tensor]:
    """The case's inputs, `(N, C, H, W)` each."""
    return [torch.tensor(input_numbers(case, i), dtype=dtype) for i in range(1, len(case.inputs) + 1)]
