"""What an expression of the learner's says about its operands. It is only read, never run."""

from __future__ import annotations

import ast
import inspect
import textwrap
from types import CodeType, FrameType
from typing import Any, NamedTuple

import numpy as np

_NUMBERS = (int, float, complex, np.number)
_NAMESPACES = ("torch", "F", "nn", "np", "self")


class Expression(NamedTuple):
    """One expression taken apart: both sides of a sign, or what is called, on what, with what."""

    calls: str = ""  # the name of the plain function that is called, such as `sum`
    receiver: str = ""  # `a` in `a.add(b)`, which is an operand; not `torch` in `torch.add(a, b)`
    parts: tuple[str, ...] = ()

    def operands(self, count: int, method: bool = True) -> tuple[str, ...]:
        """The sources of `count` operands; () where the expression does not show them one by one.

        `method` is whether what is called works on its receiver: `self.block` in `self.block.conv(x)`
        is none of the operands.
        """
        if self.receiver and method:
            if len(self.parts) == count - 1:
                return (self.receiver, *self.parts)
            if count == 1:
                return (self.receiver,)
        return self.parts if len(self.parts) == count and self.calls != "sum" else ()


def read(expression: str) -> Expression:
    """Takes the source of one expression, or of a statement like `a += b`, apart."""
    tree = _parsed(expression)
    if isinstance(tree, ast.AugAssign):
        return Expression(parts=_sources(tree.target, tree.value))
    if isinstance(tree, ast.BinOp):
        return Expression(parts=_sources(tree.left, tree.right))
    if isinstance(tree, ast.Compare):
        return Expression(parts=_sources(tree.left, *tree.comparators))
    if isinstance(tree, ast.Subscript):
        return Expression(receiver=ast.unparse(tree.value))
    if not isinstance(tree, ast.Call):
        return Expression()
    parts = [*tree.args, *(keyword.value for keyword in tree.keywords)]
    if parts and isinstance(parts[0], ast.List | ast.Tuple):  # `cat([a, b], 1)`
        parts = parts[0].elts
    if isinstance(tree.func, ast.Attribute):
        owner = ast.unparse(tree.func.value)
        plain = isinstance(tree.func.value, ast.Name | ast.Attribute)
        namespace = plain and (owner in _NAMESPACES or owner.startswith(("torch.", "nn.")))
        return Expression(receiver="" if namespace else owner, parts=_sources(*parts))
    return Expression(calls=ast.unparse(tree.func), parts=_sources(*parts))


def is_number(text: str, frame: FrameType | None) -> bool:
    """Whether an operand's source stands for a plain number: `2`, `scale`, `1 - a`, `self.scale`."""
    tree = _parsed(text)
    return isinstance(tree, ast.expr) and _is_number(tree, frame)


def called(expression: str) -> str:
    """The source of what an expression calls; "" where it is no call."""
    tree = _parsed(expression)
    return ast.unparse(tree.func) if isinstance(tree, ast.Call) else ""


def is_conditional(code: CodeType, line: int) -> bool:
    """Whether a line of a function runs on a condition only; True where the source is not there to tell."""
    try:
        lines, first = inspect.getsourcelines(code)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, SyntaxError, ValueError):
        return True
    line -= max(first, 1) - 1
    conditions = (ast.If, ast.IfExp, ast.Try, ast.While, ast.BoolOp, ast.Match)
    return any(
        isinstance(node, conditions) and node.lineno <= line <= (node.end_lineno or 0)
        for node in ast.walk(tree)
    )


def _parsed(text: str) -> ast.expr | ast.stmt | None:
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return None
    if len(body) != 1:
        return None
    return body[0].value if isinstance(body[0], ast.Expr) else body[0]


def _sources(*nodes: ast.expr) -> tuple[str, ...]:
    return tuple(map(ast.unparse, nodes))


def _is_number(node: ast.expr, frame: FrameType | None) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_number(node.left, frame) and _is_number(node.right, frame)
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand, frame)
    if isinstance(node, ast.Call):
        function = _value(node.func, frame)
        reads = isinstance(node.func, ast.Attribute) and node.func.attr == "item"
        return reads or function is len or (isinstance(function, type) and issubclass(function, _NUMBERS))
    return isinstance(_value(node, frame), _NUMBERS)


def _value(node: ast.expr, frame: FrameType | None) -> Any:
    """What a name or a plain attribute stands for now. Nothing of the learner's is called to find out."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name) and frame is not None:
        scopes = (frame.f_locals, frame.f_globals, frame.f_builtins)
        return next((scope[node.id] for scope in scopes if node.id in scope), None)
    if isinstance(node, ast.Attribute):
        return getattr(_value(node.value, frame), "__dict__", {}).get(node.attr)
    return None
