"""Small changes to a source text, one at a time: what a right answer looks like after one slip."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator

_OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.Div),
}
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.NotEq: ast.Eq, ast.Eq: ast.NotEq}

# One change to a node: what stands in its place, and what to call it.
Change = tuple[ast.AST, str]


def mutants(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Every tree that differs from `tree` by one slip, each once, with a line that names the slip."""
    seen = {ast.dump(tree)}
    for change in _changes(tree):
        changed, name = change
        ast.fix_missing_locations(changed)
        text = ast.dump(changed)
        if text not in seen:
            seen.add(text)
            yield name, changed


def _changes(tree: ast.AST) -> Iterator[Change]:
    count = sum(1 for _ in ast.walk(tree))
    for index in range(count):
        node = _nth(tree, index)
        for make in (
            _operators,
            _constants,
            _calls,
            _attributes,
            _names,
            _registration,
            _conditions,
            _annotated,
        ):
            for replacement, name in make(node, tree):
                yield _replaced(tree, index, replacement), f"line {getattr(node, 'lineno', 0)}: {name}"
        for name, edit in _statements(node):
            changed = copy.deepcopy(tree)
            edit(_nth(changed, index))
            yield changed, name


def _nth(tree: ast.AST, index: int) -> ast.AST:
    return next(node for i, node in enumerate(ast.walk(tree)) if i == index)


def _replaced(tree: ast.AST, index: int, replacement: ast.AST) -> ast.AST:
    """A copy of `tree` with its `index`-th node replaced."""
    changed = copy.deepcopy(tree)
    old = _nth(changed, index)

    class Swap(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return copy.deepcopy(replacement) if node is old else super().generic_visit(node)

    return Swap().visit(changed)


def _say(node: ast.AST) -> str:
    return ast.unparse(node)


def _operators(node: ast.AST, tree: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.BinOp):
        for other in _OPERATORS.get(type(node.op), ()):
            new = ast.BinOp(node.left, other(), node.right)
            yield new, f"{_say(node)} → {_say(new)}"
        if isinstance(node.op, (ast.Sub, ast.Div)):  # the others do not care
            new = ast.BinOp(node.right, node.op, node.left)
            yield new, f"{_say(node)} → {_say(new)}"
        for side in (node.left, node.right):
            yield side, f"{_say(node)} → {_say(side)}"
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        new_compare = ast.Compare(node.left, [_COMPARISONS[type(node.ops[0])]()], node.comparators)
        yield new_compare, f"{_say(node)} → {_say(new_compare)}"


def _constants(node: ast.AST, tree: ast.AST) -> Iterator[Change]:
    if not isinstance(node, ast.Constant) or type(node.value) not in (int, float):
        return
    value = node.value
    near = (
        (value + 1, value - 1, value * 2) if isinstance(value, int) else (value + 0.1, 1 - value + 0.25, 0.0)
    )
    for other in dict.fromkeys(near):
        yield ast.Constant(other), f"{value} → {other}"


def _calls(node: ast.AST, tree: ast.AST) -> Iterator[Change]:
    if not isinstance(node, ast.Call):
        return
    plain = [argument for argument in node.args if not isinstance(argument, ast.Starred)]
    for i in range(len(plain) - 1):
        args = [*node.args]
        args[i], args[i + 1] = args[i + 1], args[i]
        new = ast.Call(node.func, args, node.keywords)
        yield new, f"{_say(node)} → {_say(new)}"
    for i in range(len(plain)):
        if len(plain) > 1:
            new = ast.Call(node.func, node.args[:i] + node.args[i + 1 :], node.keywords)
            yield new, f"{_say(node)} → {_say(new)}"
    for i in range(len(node.keywords)):
        new = ast.Call(node.func, node.args, node.keywords[:i] + node.keywords[i + 1 :])
        yield new, f"{_say(node)} → {_say(new)}"
    if len(plain) == 1 and not node.keywords:
        yield plain[0], f"{_say(node)} → {_say(plain[0])}"  # the call is missing
        if _say(node.func).startswith("self."):  # to run a ReLU twice is no slip, to run a layer twice is
            again = ast.Call(node.func, [node], [])
            yield again, f"{_say(node)} → {_say(again)}"
    if isinstance(node.func, ast.Attribute) and not isinstance(node.func.value, ast.Name):
        yield node.func.value, f"{_say(node)} → {_say(node.func.value)}"


def _siblings(tree: ast.AST) -> dict[str, list[str]]:
    """The attributes of self, and the local names, that could be mistaken for each other."""
    attributes = [
        n.attr
        for n in ast.walk(tree)
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "self"
    ]
    stored = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    arguments = [n.arg for n in ast.walk(tree) if isinstance(n, ast.arg) and n.arg != "self"]
    return {
        "attributes": list(dict.fromkeys(attributes)),
        "names": list(dict.fromkeys([*arguments, *stored])),
    }


def _attributes(node: ast.AST, tree: ast.AST) -> Iterator[Change]:
    if (
        isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.value, ast.Name)
    ):
        if node.value.id != "self":
            return
        for other in _siblings(tree)["attributes"]:
            if other != node.attr:
                yield ast.Attribute(node.value, other, node.ctx), f"self.{node.attr} → self.{other}"


def _names(node: ast.AST, tree: ast.AST) -> Iterator[Change]:
    if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
        return
    known = _siblings(tree)["names"]
    if node.id not in known:
        return
    for other in known:
        if other != node.id:
            yield ast.Name(other, node.ctx), f"{node.id} → {other}"
    cut = ast.Call(ast.Attribute(node, "detach", ast.Load()), [], [])
    yield cut, f"{node.id} → {node.id}.detach()"


def _registration(node: ast.AST, tree: ast.AST) -> Iterator[Change]:
    """`self.layer = …` that the module does not notice, and a parameter that is only a tensor."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
        target = node.targets[0]
        hidden = ast.Expr(
            ast.Call(
                ast.Attribute(ast.Name("object", ast.Load()), "__setattr__", ast.Load()),
                [target.value, ast.Constant(target.attr), node.value],
                [],
            )
        )
        yield hidden, f"self.{target.attr} is not registered"
    if isinstance(node, ast.Call) and _say(node.func).endswith("Parameter"):
        yield (
            ast.Call(node.func, node.args, [ast.keyword("requires_grad", ast.Constant(False))]),
            "the parameter is frozen",
        )


def _conditions(node: ast.AST, tree: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.BoolOp):
        other = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
        yield ast.BoolOp(other, node.values), f"{_say(node)}: and ↔ or"
        for value in node.values:
            yield value, f"{_say(node)} → {_say(value)}"
    if isinstance(node, ast.If):
        for always in (True, False):
            yield ast.If(ast.Constant(always), node.body, node.orelse), f"if {_say(node.test)} → if {always}"


def _annotated(node: ast.AST, tree: ast.AST) -> Iterator[Change]:
    """The result of a call, cut from the graph."""
    if isinstance(node, ast.Call) and not _say(node).startswith(
        ("super", "nn.", "torch.optim", "torch.tensor")
    ):
        cut = ast.Call(ast.Attribute(node, "detach", ast.Load()), [], [])
        yield cut, f"{_say(node)} → {_say(cut)}"


def _statements(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], None]]]:
    """A statement left out, moved behind the next one, or run twice."""
    body = getattr(node, "body", None)
    if not isinstance(body, list):
        return
    for i, statement in enumerate(body):
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)) or _is_docstring(statement):
            continue

        def leave_out(parent: ast.AST, i: int = i) -> None:
            rest = parent.body[:i] + parent.body[i + 1 :]  # type: ignore[attr-defined]
            parent.body = rest or [ast.Pass()]  # type: ignore[attr-defined]

        def swap(parent: ast.AST, i: int = i) -> None:
            body = parent.body  # type: ignore[attr-defined]
            body[i], body[i + 1] = body[i + 1], body[i]

        def twice(parent: ast.AST, i: int = i) -> None:
            parent.body.insert(i, copy.deepcopy(parent.body[i]))  # type: ignore[attr-defined]

        where = f"line {statement.lineno}: {_say(statement).splitlines()[0]}"
        yield f"{where}: left out", leave_out
        # An order that no value depends on is no slip, and neither is computing a value twice.
        if i + 1 < len(body) and _stored(statement) & _loaded(body[i + 1]):
            yield f"{where}: after the next line", swap
        again = isinstance(statement, ast.Expr) and not _say(statement).startswith("super()")
        if again or _stored(statement) & _loaded(statement):
            yield f"{where}: twice", twice


def _stored(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _loaded(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
