"""What every probe needs: build an answer, number its weights, say what stopped it."""

from __future__ import annotations

import ast
import builtins
import dis
import linecache
import re
import types
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType, TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sumskip.checking.core import Case, Interrupted, input_numbers
from sumskip.checking.probing import plainly
from sumskip.checking.probing.plainly import is_a, type_name
from sumskip.text import with_article

# What a message calls a class or function. The learner's own name must not tell two answers apart.
_NAMES = (
    re.compile(r"[\w.<>]+(?=\.(?:forward|__init__)\(\))"),
    re.compile(r"[\w.<>]+(?= is not a Module subclass)"),
    re.compile(r"(?<=')\w+(?=' object has no attribute)"),
)
_RAISE = dis.opmap["RAISE_VARARGS"]


class Stopped(Exception):
    """The answer cannot be observed any further; `problem` says why."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem["message"])
        self.problem = problem


def _kind(value: Any) -> str:
    return "a class" if isinstance(value, type) else "a function" if callable(value) else type_name(value)


@contextmanager
def stage(name: str, model: Any = None) -> Iterator[None]:
    """Turn an exception of the answer's into the fact of where and how it stopped.

    `sys.exit()` ends the answer and no more.
    """
    try:
        yield
    except Stopped:
        raise
    except BaseException as error:
        heed(error)
        raise Stopped(problem(name, error, model)) from None


def heed(error: BaseException) -> None:
    """Raise again what is not the answer's own: that a person, or a time limit, interrupts from outside."""
    own = is_a(error, Exception, SystemExit, GeneratorExit) or _is_raised_by_learner(error)
    if is_a(error, Interrupted) or not own:
        raise error


def _is_raised_by_learner(error: BaseException) -> bool:
    """Whether a `raise` statement of the learner's made an error, and no signal that came on the way."""
    *_, last = _steps(error)
    code = last.tb_frame.f_code
    return not plainly.is_installed(code.co_filename) and code.co_code[last.tb_lasti] == _RAISE


def _steps(error: BaseException) -> Iterator[TracebackType]:
    trace = error.__traceback__
    while trace is not None:
        yield trace
        trace = trace.tb_next


def problem(name: str, error: BaseException, model: Any = None) -> dict[str, Any]:
    """What stopped the answer: the stage, PyTorch's words, and the line of the learner's cell."""
    try:
        message = str(error).strip()[:2000] or type_name(error)
    except Exception:  # what an error says of itself may fail too
        message = type_name(error)
    words = message.replace(type_name(model), "Model") if model is not None else message
    for pattern in _NAMES:
        words = pattern.sub(_unless_known, words)
    found: dict[str, Any] = {"stage": name, "type": type_name(error), "message": message, "words": words}
    asked = re.fullmatch(r"'(\w+)' object has no attribute '(\w+)'", message)
    if asked and model is not None and asked[1] == type_name(model):
        found["attribute"] = asked[2][:80]
        init = vars(type(model)).get("__init__")
        if is_a(init, FunctionType) and asked[2] in init.__code__.co_varnames:
            found["words"] += " (a local name in __init__)"
    last = None
    for step in _steps(error):
        if not plainly.is_installed(step.tb_frame.f_code.co_filename):
            last = step
        if step.tb_frame.f_code.co_name == "add_module":  # nn.Sequential was given what is no module
            culprit = step.tb_frame.f_locals.get("module")
            found["words"] += f" ({_kind(culprit)})"
    if last is not None:
        code = last.tb_frame.f_code
        found["line"] = last.tb_lineno
        found["source"] = linecache.getline(code.co_filename, last.tb_lineno).strip()
        found["function"] = code.co_name
        if type(error) is NameError and error.name is not None:
            found["name"] = str(error.name)[:80]
        if is_a(error, NotImplementedError):
            found["written"] = _is_written(code.co_filename, last.tb_lineno)
    return found


def _unless_known(name: re.Match[str]) -> str:
    """The name of a class of Python's or PyTorch's says what happened, and stays."""
    known = any(hasattr(there, name[0]) for there in (builtins, types, torch, nn))
    return name[0] if known else "Model"


def _is_written(file: str, line: int) -> bool:
    """Whether the function around a line that was to be replaced does more than the lesson has it do."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:  # a cell with a line of IPython's own
        return False
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or line)
    ]
    return bool(around) and not all(map(_is_given, around[-1].body))


def _is_given(statement: ast.stmt) -> bool:
    """Whether a statement is the lesson's: a docstring, `super().__init__()`, the `raise` itself."""
    if isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Constant):
        return ast.unparse(statement) == "super().__init__()"
    return isinstance(statement, (ast.Raise, ast.Pass, ast.Expr))


def plain(value: Any, depth: int = 0) -> Any:
    """`value` as JSON: a tuple as a list, nan as text, what is no literal as `{"type": name}`."""
    if value is None or is_a(value, bool):
        return value
    if is_a(value, str):
        return str.__str__(value)[:200]
    if is_a(value, int, np.integer):
        return int(value) if abs(int(value)) < 2**53 else {"type": "int"}
    if is_a(value, float, np.floating):
        return float(value) if np.isfinite(value) else str(float(value))
    if is_a(value, list, tuple) and depth < 3 and len(value) <= 32:
        return [plain(item, depth + 1) for item in value]
    if is_a(value, dict) and depth < 1 and len(value) <= 32:
        return {str(key)[:80]: plain(item, depth + 1) for key, item in value.items()}
    return {"type": type_name(value)}


def described(value: Any) -> str:
    """What came in place of an answer, with its article: "a tensor of shape (2, 3)"."""
    if is_a(value, Tensor):
        return f"a tensor of shape {tuple(plainly.read(value, 'shape'))}"
    if is_a(value, str):
        return f'the text "{str.__str__(value)[:40]}"'
    if is_a(value, ModuleType):
        return f"the module `{str(vars(value).get('__name__'))[:40]}`"
    if is_a(value, int, float):
        return f"the number {plain(value)}"
    if is_a(value, type):
        return f"the class `{plainly.own_name(value)}`"
    if is_a(value, FunctionType):
        return f"the function `{plainly.own_name(value)}`"
    name = type_name(value)
    return "nothing" if value is None else with_article(name)


def build(answer: Any, arguments: tuple[Any, ...]) -> nn.Module:
    """The learner's model, made by their class (or a function that returns a module).

    Raises:
        Stopped: where `answer` is something else, or its constructor raises.
    """
    if is_a(answer, nn.Module):
        raise Stopped({"stage": "answer", "type": "instance", "message": type_name(answer)})
    if answer is None:
        raise Stopped({"stage": "answer", "type": "missing", "message": "None"})
    if is_a(answer, type):
        if nn.Module not in type.__dict__["__mro__"].__get__(answer):
            name = plainly.own_name(answer)
            raise Stopped({"stage": "answer", "type": "not a module class", "message": name})
    elif not callable(answer):
        raise Stopped({"stage": "answer", "type": "not a class", "message": described(answer)})
    with stage("constructor"):
        try:
            model = answer(*arguments)
        except TypeError as error:
            if is_a(answer, FunctionType):  # a function of x, say, and no maker of models
                raise Stopped({"stage": "answer", "type": "function", "message": answer.__name__}) from None
            found = problem("constructor", error)
            if _takes_no_self(answer):
                found["words"] += " (without self)"
            raise Stopped(found) from None
    if not is_a(model, nn.Module):  # `__class__` may say anything
        kind = "function" if is_a(answer, FunctionType) else "not a module"
        raise Stopped({"stage": "answer", "type": kind, "message": described(model)})
    if any(_is_compiled(module) for _, module in plainly.modules(model)):
        raise Stopped({"stage": "answer", "type": "compiled", "message": type_name(model)})
    return model


def _takes_no_self(answer: Any) -> bool:
    """Whether the first argument of a class's own `__init__`, if it takes any, is another than `self`."""
    init = vars(answer).get("__init__") if is_a(answer, type) else None
    if init is None or not is_a(init, FunctionType):
        return False
    return init.__code__.co_varnames[: init.__code__.co_argcount][:1] not in ((), ("self",))


def refuse_without_numbers(model: nn.Module) -> None:
    """Refuse a model of which a parameter is on the device meta.

    Raises:
        Stopped: there is one.
    """
    for prefix, module in plainly.modules(model):
        for name, tensor in plainly.table(module, "_parameters").items():
            if is_a(tensor, Tensor) and plainly.is_meta(tensor):
                raise Stopped({"stage": "answer", "type": "meta", "message": f"{prefix}{name}"[:80]})


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
    count = len(case.inputs)
    return [torch.tensor(input_numbers(case, i), dtype=dtype, device="cpu") for i in range(1, count + 1)]
