"""Parameters, constants and what is computed from them alone: badges of the operators that use them.

`1 - alpha` is three nodes of a trace; in the picture it is written beside its `×` as
`1 − alpha = 0.5`, where the formula can be read off.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sumskip.seeing.drawing.parts import SIGNS, Badge, is_scalar, number_text, shape_text, stretches
from sumskip.seeing.graph import Edge, Node, Shape
from sumskip.text import clean


def badged(
    nodes: list[Node], edges: list[Edge], failed: str | None
) -> tuple[dict[str, list[Badge]], list[Node], list[Edge]]:
    """Parameters, constants and what is computed from them alone become badges of their users."""
    into, out = defaultdict(list), defaultdict(list)
    by_id = {node.id: node for node in nodes}
    for edge in edges:
        into[edge.target].append(edge)
        out[edge.source].append(edge)
    badges: dict[str, _Term] = {}
    for node in nodes:
        ends = any(by_id[e.target].kind == "output" for e in out[node.id])
        if node.id == failed or ends or not out[node.id]:
            continue
        operands = sorted(into[node.id], key=lambda e: e.argument)
        if node.kind in ("parameter", "buffer", "constant") and not operands:
            badges[node.id] = _Term.of(node)
        elif (
            node.kind == "op"
            and operands
            and all(e.source in badges for e in operands)
            and (is_scalar(node.shape) or node.shape is None)
        ):
            badges[node.id] = _Term.made(node, [badges[e.source] for e in operands])
    beside = defaultdict(list)
    for edge in sorted(edges, key=lambda e: e.argument):
        if edge.source in badges and edge.target not in badges:
            badge = badges[edge.source].badge(edge.gradient, stretches(edge, by_id[edge.target]))
            beside[edge.target].append(badge)
    kept = [edge for edge in edges if edge.source not in badges]
    return beside, [node for node in nodes if node.id not in badges], kept


@dataclass(frozen=True)
class _Term:
    """A badge in the making: an expression and, where it can be known, its value."""

    text: str
    kind: str
    value: float | None
    shape: Shape | None
    marks: tuple[str, ...]
    single: bool = True

    @property
    def scalar(self) -> bool:
        return self.value is not None or is_scalar(self.shape)

    @classmethod
    def of(cls, node: Node) -> _Term:
        text = clean(node.label, 30) or node.kind
        return cls(text, node.kind, node.value, node.shape, node.marks)

    @classmethod
    def made(cls, node: Node, operands: Sequence[_Term]) -> _Term:
        sign = clean(node.label, 16)
        words = [term.text if term.single else f"({term.text})" for term in operands]
        if sign in _READ and len(words) == 1:
            text = _READ[sign].format(*words)
        elif sign in SIGNS and len(words) == 2:
            text = f"{words[0]} {sign} {words[1]}"
        elif sign in SIGNS and len(words) == 1:
            text = f"{sign}{words[0]}"
        else:
            text = f"{sign}({', '.join(term.text for term in operands)})"
        value = node.value if node.value is not None else _value(sign, [term.value for term in operands])
        marks = tuple(dict.fromkeys(m for marks in [*(t.marks for t in operands), node.marks] for m in marks))
        kinds = {term.kind for term in operands}
        kind = "parameter" if "parameter" in kinds else "constant"
        return cls(text, kind, value, node.shape, marks, single=sign not in SIGNS)

    def badge(self, gradient: float | None, stretched: bool) -> Badge:
        text, value = clean(self.text, 44), ""
        if self.value is not None:
            value = number_text(self.value)
            value = "" if _reads_as(text, value) else value
        elif self.shape is not None and not self.scalar:
            text = f"{text}  {shape_text(self.shape)}"
        flowed = "" if gradient is None else number_text(gradient)
        return Badge(text, self.kind, value, flowed, self.marks, stretched)


_READ = {"item": "{}.item()", "data": "{}.data", "detach": "{}.detach()", "float": "float({})"}
_KNOWN: Mapping[str, Callable[[float], float]] = {
    **dict.fromkeys(_READ, float),
    "−": lambda a: -a,
    "sigmoid": lambda a: 1 / (1 + math.exp(-a)),
    "tanh": math.tanh,
    "exp": math.exp,
    "abs": abs,
}


def _reads_as(text: str, value: str) -> bool:
    """Whether a badge's text is a number already, up to the digits that are shown."""
    try:
        return number_text(float(text.replace("−", "-"))) == value
    except ValueError:
        return False


def _value(sign: str, values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if len(known) != len(values):
        return None
    try:
        if len(known) == 1 and sign in _KNOWN:
            return _KNOWN[sign](known[0])
        if len(known) == 2 and sign == "÷":
            return known[0] / known[1]
    except (OverflowError, ZeroDivisionError):
        return None
    if len(known) != 2:
        return None
    a, b = known
    return {"+": a + b, "−": a - b, "×": a * b}.get(sign)
