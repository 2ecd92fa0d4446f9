"""How a tensor came about: which operator made it of what, all the way back to the input.

Two uses: a *claim*, by which a run that stopped is told from others that stopped with the same words, and a
formula, in which a learner reads what their own model computed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sumskip.checking.probing.block import Block
from sumskip.checking.probing.kept import loose_layers
from sumskip.checking.probing.plainly import buffers, is_a, modules, parameters, read, type_name

_MOST_TERMS = 2000  # of a claim; and its formula has at most so many characters:
_MOST_TEXT = 90
_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "true_divide": "/", "matmul": "@", "pow": "**"}
_SAME_EITHER_WAY = ("add", "mul")
_LAYERS: dict[Any, tuple[str, ...]] = {
    torch.conv2d: ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    F.linear: ("input", "weight", "bias"),
    F.batch_norm: ("input", "running_mean", "running_var", "weight", "bias"),
}
_DEFAULT = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}


@dataclass(frozen=True, eq=False)
class Leaf:
    """A tensor that no operator made: the model's input of this number, from 1, or one that it holds: 0."""

    tensor: Tensor
    number: int = 0

    @property
    def shape(self) -> list[int]:
        return list(read(self.tensor, "shape"))


@dataclass(frozen=True, eq=False)
class Term:
    """An operator and what it was given: tensors as what they came from, and numbers."""

    op: str
    given: tuple[Any, ...]  # Term, Leaf, list of these, or a literal
    holder: Leaf | None = None  # the weight of a layer, which `given` has as well
    names: tuple[str, ...] = ()  # under which the last of `given` were given

    @property
    def takes(self) -> int:
        """How many channels a convolution, or numbers a linear layer, was made for; 0 for other operators."""
        if self.holder is None or self.op not in ("conv2d", "linear"):
            return 0
        groups = self.given[-1][0] if self.op == "conv2d" and isinstance(self.given[-1][0], int) else 1
        return self.holder.shape[1] * groups


def applied(func: Any, given: tuple[Any, ...], named: Mapping[str, Any]) -> Term:
    """The term of one call; tensors in `given` and `named` are Terms and Leaves already."""
    name = getattr(func, "__name__", "")
    if name == "__get__":  # an attribute, as `.data` or `.T` is
        name = getattr(func.__self__, "__name__", "")
    slots = _LAYERS.get(func)
    if slots is not None:
        bound = {**_DEFAULT, **dict(zip(slots, given, strict=False)), **named}
        holder = next((bound[s] for s in ("weight", "running_mean") if is_a(bound.get(s), Leaf)), None)
        # A bias is optional, and so tells nothing.
        used = [bound.get("input"), *([bound["weight"]] if is_a(bound.get("weight"), Leaf, Term) else [])]
        if slots[-1] == "groups":
            used += [_pair(bound[slot]) for slot in _DEFAULT]
        return Term(name, tuple(used), holder)
    if name.startswith("__r") and len(given) == 2:
        given, name = (given[1], given[0]), name.replace("__r", "__")
    names = tuple(key for key in sorted(named) if key != "inplace")
    return Term(name.strip("_"), (*given, *(named[key] for key in names)), names=names)


def writes(func: Any, named: Mapping[str, Any]) -> bool:
    """Whether a call changes its first operand in place."""
    name = getattr(func, "__name__", "")
    return name == "__setitem__" or (name.endswith("_") and name[-2:] != "__") or named.get("inplace") is True


def _pair(value: Any) -> Any:
    return (value, value) if is_a(value, int) else value


def claim(term: Term | Leaf) -> str | None:
    """A digest of all that went into a term, the same for every model that did the same.

    Weights count by their shapes, and by which of them are the same. None where it is too long to say.
    """
    order: dict[int, int] = {}
    lines: list[str] = []
    alike: dict[int, str] = {}

    def likeness(value: Any) -> str:
        if isinstance(value, (Term, Leaf)):
            if id(value) not in alike:
                alike[id(value)] = _digest(_line(value, likeness))
            return alike[id(value)]
        return _literal(value, likeness)

    def written(value: Any) -> str:
        if not isinstance(value, (Term, Leaf)):
            return _literal(value, written)
        if isinstance(value, Leaf) and id(value.tensor) in order:
            return f"#{order[id(value.tensor)]}"
        key = id(value.tensor) if isinstance(value, Leaf) else id(value)
        if key not in order:
            # `torch.add(a, b, alpha=2)` is not the same either way.
            if isinstance(value, Term) and value.op in _SAME_EITHER_WAY and len(value.given) == 2:
                value = Term(value.op, tuple(sorted(value.given, key=likeness)))
            line = _line(value, written)
            order[key] = len(order)
            lines.append(line)
            if len(lines) > _MOST_TERMS:
                raise RecursionError
        return f"#{order[key]}"

    try:
        written(term)
    except RecursionError:  # a loop of thousands of operators: it has no name, and needs none
        return None
    return _digest("\n".join(lines))


def _line(value: Term | Leaf, inner: Any) -> str:
    if isinstance(value, Leaf):
        return json.dumps(["input" if value.number else "held", value.number, value.shape])
    return json.dumps([value.op, [inner(one) for one in value.given]])


def _literal(value: Any, inner: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(inner(one) for one in value) + "]"
    if is_a(value, slice):
        parts = (value.start, value.stop, *([] if value.step is None else [value.step]))
        return ":".join("" if part is None else inner(part) for part in parts)
    if value is Ellipsis or is_a(value, torch.dtype, torch.device):
        return "..." if value is Ellipsis else str(value)
    return repr(value) if value is None or is_a(value, bool, int, float, str) else type_name(value)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Formulas:
    """Writes terms as a learner would: by the names of the model's own attributes.

    `called` is the name of the model itself, where its layers are spoken of from outside. With `neutral`,
    layers are numbered instead, so that two models can be compared.
    """

    def __init__(self, model: nn.Module, called: str = "", neutral: bool = False) -> None:
        self._called = called
        self._neutral: dict[int, str] | None = {} if neutral else None
        held = {**buffers(model), **parameters(model)}
        for place, _, layer in loose_layers(model):
            inner = buffers(layer) | parameters(layer)
            held |= {f"{place}.{name}": tensor for name, tensor in inner.items()}
        self._names = {id(tensor): name for name, tensor in reversed(held.items())}
        self._blocks = {
            id(block.get_parameter("conv.weight")): name.removesuffix(".")
            for name, block in modules(model)
            if is_a(block, Block)
        }

    def of(self, term: Term | Leaf) -> str:
        """A formula such as `conv2(conv1(x)) + x`; empty where it would be too long."""
        try:
            return "".join(self._text(term, _Room(_MOST_TEXT)))
        except (RecursionError, _TooLongError):
            return ""

    def layer(self, leaf: Leaf) -> str:
        """The name of the layer that holds a weight, `conv1` or `layers[0]`; empty where none does."""
        if self._neutral is not None:
            return self._neutral.setdefault(id(leaf.tensor), f"layer {len(self._neutral) + 1}")
        name = self._names.get(id(leaf.tensor), "")
        return self._dotted(name.rpartition(".")[0]) if "." in name else ""

    def _dotted(self, name: str) -> str:
        first, *rest = [*([self._called] if self._called else []), *name.split(".")]
        return first + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in rest)

    def _text(self, value: Any, room: _Room, inside: bool = False) -> Iterator[str]:
        if isinstance(value, Leaf):
            name = self._names.get(id(value.tensor))
            yield room.take("x" if value.number else self._dotted(name) if name else "constant")
        elif isinstance(value, Term):
            yield from self._call(value, room, inside)
        elif isinstance(value, (list, tuple)):
            yield room.take("[" if isinstance(value, list) else "(")
            yield from self._listed(value, room)
            yield room.take("]" if isinstance(value, list) else ")")
        else:
            yield room.take(f"{value:.6g}" if is_a(value, float) else _literal(value, str))

    def _call(self, term: Term, room: _Room, inside: bool) -> Iterator[str]:
        sign = _INFIX.get(term.op)
        layer = self.layer(term.holder) if term.holder else ""
        if block := self._block(term):
            term, layer = term.given[0], block
        if sign and len(term.given) == 2:
            yield room.take("(" if inside else "")
            yield from self._text(term.given[0], room, True)
            yield room.take(f" {sign} ")
            yield from self._text(term.given[1], room, True)
            yield room.take(")" if inside else "")
        elif term.op == "getitem" and len(term.given) == 2:
            yield from self._text(term.given[0], room, True)
            place = term.given[1]
            yield room.take("[")
            yield from self._listed(place if isinstance(place, list) else [place], room)
            yield room.take("]")
        else:
            yield room.take(f"{layer or term.op}(")
            shown = 1 if layer else 2 if term.holder else None
            yield from self._listed(term.given[:shown], room, () if shown else term.names)
            yield room.take(")")

    def _block(self, term: Term) -> str:
        """The block of ours, to learners one step, whose result a term is; empty for any other."""
        inner = term.given[0] if term.op == "sin" and self._neutral is None else None
        holder = inner.holder if isinstance(inner, Term) else None
        name = self._blocks.get(id(holder.tensor)) if holder else None
        return self._dotted(name) if name else ""

    def _listed(self, values: Any, room: _Room, names: tuple[str, ...] = ()) -> Iterator[str]:
        """Values one after the other, the last of them with these names, unless they say nothing."""
        plain = len(values) - len(names)
        said = [("", value) for value in values[:plain]]
        said += [
            (f"{name}=", value)
            for name, value in zip(names, values[plain:], strict=True)
            if not (value is None or value is False or name.startswith("_"))
        ]
        for number, (word, value) in enumerate(said):
            yield room.take(f", {word}" if number else word)
            yield from self._text(value, room)


class _TooLongError(Exception):
    pass


class _Room:
    """Counts characters down."""

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self, text: str) -> str:
        self._left -= len(text)
        if self._left < 0:
            raise _TooLongError
        return text
