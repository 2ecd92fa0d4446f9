"""What one forward pass did, as data: nodes, edges and, where it failed, the fault.

Recorded by `tracing`, drawn by `drawing`. Everything is frozen and survives
`Graph.from_dict(graph.to_dict())`, so that a drawing can be made in another process than the one
that ran the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, TypeVar, get_args

NodeKind = Literal["input", "output", "module", "op", "parameter", "buffer", "constant"]
Shape = tuple[int, ...]
Direction = Literal["auto", "right", "down"]


@dataclass(frozen=True)
class Node:
    """One box or sign in the picture.

    `label` is the qualified module or parameter name, the forward's parameter name for an input, or
    the operator's sign or name (`+`, `×`, `−`, `÷`, `relu`, `cat`, …). `path` names the containers
    around it, outermost first. `marks` are short remarks that are drawn and said, such as
    "overwrites", "gradient stops here", "stretches (16, 1, 1)", "not looked inside".
    """

    id: str
    kind: NodeKind
    label: str
    shape: Shape | None = None
    type_name: str = ""  # "Conv2d(3, 16, 3×3)" for a module
    value: float | None = None  # where it is one number
    variable: str | None = None  # the learner's own name for the result, where known
    line: int | None = None
    path: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    gradient: float | None = None  # all that flowed back to the result, as on an edge
    dtype: str = ""  # "float32", of the first of several results
    results: tuple[str, ...] = ()  # the learner's names of several results; "" of one that has none

    def name_of(self, output: int = 0) -> str | None:
        """The learner's own name for one of the results, where known."""
        return (self.results[output] or None) if output < len(self.results) else self.variable


@dataclass(frozen=True)
class Edge:
    """A tensor that went from one node to another; `o + o` makes two.

    Where autograd does not tell these apart, as in `attention(x, x, x)`, the first has the gradient of all.
    """

    source: str
    target: str
    shape: Shape | None = None
    argument: int = 0  # the place among the target's operands
    dashed: bool = False  # written through a view
    gradient: float | None = None  # what flowed back, where asked for: one number itself, more as norm
    output: int = 0  # which of the source's results, where it has several


@dataclass(frozen=True)
class Fault:
    """Why and where the forward pass stopped. It describes and does not advise.

    `rows` are the shapes that met, ready to be set below one another: a name ("out1", "conv2 takes")
    and its cells, all rows of the same length, "" where a shape has no such dimension. `clash` is the
    column that does not fit. A fault that has nothing to do with shapes has no rows.
    """

    node: str
    shapes: tuple[Shape, ...]
    message: str  # PyTorch's own words
    sentence: str  # ours: what clashed, and the rule
    source_line: str
    line: int | None = None
    expression: str = ""
    clash: int | None = None  # the dimension that clashes, counted from the left of the longer shape
    rows: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class Parameter:
    """A parameter of the model, once, however many modules share it.

    `owners` are the qualified names of the layers and containers that hold it, other than the model
    itself. `registered` says whether `model.parameters()` gives it, as it does not from a plain list.
    """

    name: str
    size: int  # how many numbers it holds
    trains: bool = True
    owners: tuple[str, ...] = ()
    registered: bool = True


@dataclass(frozen=True)
class Graph:
    """A forward pass.

    `boxes` give the class of each container that a node's `path` names: ("layer1", "ResidualBlock").
    `products` are of the gradients of two edges that carry the same tensor, by their places in `edges`:
    with them the length of any sum of these gradients is known, such as of all that a box hands back.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    fault: Fault | None = None
    name: str = ""  # of the traced module or function
    notes: tuple[str, ...] = ()
    boxes: tuple[tuple[str, str], ...] = ()
    products: tuple[tuple[int, int, float], ...] = ()
    parameters: tuple[Parameter, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All of it, as plain JSON."""
        return {
            "name": self.name,
            "nodes": [_plain(node) for node in self.nodes],
            "edges": [_plain(edge) for edge in self.edges],
            "fault": _plain(self.fault) if self.fault else None,
            "notes": list(self.notes),
            "boxes": [list(box) for box in self.boxes],
            "products": [list(product) for product in self.products],
            "parameters": [_plain(parameter) for parameter in self.parameters],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """What `to_dict` described.

        Raises ValueError where `data` is no such description.
        """
        try:
            made = cls(
                nodes=tuple(_checked(Node(**_frozen(node))) for node in data["nodes"]),
                edges=tuple(_checked(Edge(**_frozen(edge))) for edge in data["edges"]),
                fault=_checked(Fault(**_frozen(data["fault"]))) if data["fault"] else None,
                name=data["name"],
                notes=_frozen(data["notes"]),
                boxes=_frozen(data["boxes"]),
                products=_frozen(data.get("products", ())),
                parameters=tuple(
                    _checked(Parameter(**_frozen(parameter))) for parameter in data.get("parameters", ())
                ),
            )
            for value, kind in (
                *((made.name, "str"), (made.notes, "tuple[str, ...]")),
                *((made.boxes, "boxes"), (made.products, "products")),
            ):
                if not _FITS[kind](value):
                    raise TypeError(f"a {type(value).__name__} came where {kind} belongs")
            return made
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(
                f"expected the dict that Trace.to_dict() makes; this one does not fit: {error}"
            ) from None


def _is_whole(value: Any) -> bool:
    """A whole number that is small enough to be written out."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or _is_whole(value)


def _tuple_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, tuple) and all(map(fits, value))


def _or_none(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_pair(value: Any, second: Callable[[Any], bool]) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str) and second(value[1])


def _is_product(value: Any) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) == 3
        and all(map(_is_whole, value[:2]))
        and _is_number(value[2])
    )


# What a field may hold, by the way its type is written above.
_FITS: dict[str, Callable[[Any], bool]] = {
    "str": _is_text,
    "str | None": _or_none(_is_text),
    "NodeKind": lambda value: isinstance(value, str) and value in get_args(NodeKind),
    "int": _is_whole,
    "int | None": _or_none(_is_whole),
    "bool": lambda value: isinstance(value, bool),
    "float | None": _or_none(_is_number),
    "Shape | None": _or_none(_tuple_of(_is_whole)),
    "tuple[Shape, ...]": _tuple_of(_tuple_of(_is_whole)),
    "tuple[str, ...]": _tuple_of(_is_text),
    "tuple[tuple[str, tuple[str, ...]], ...]": _tuple_of(lambda row: _is_pair(row, _tuple_of(_is_text))),
    "boxes": _tuple_of(lambda box: _is_pair(box, _is_text)),
    "products": _tuple_of(_is_product),
}


_T = TypeVar("_T", Node, Edge, Fault, Parameter)


def _checked(item: _T) -> _T:
    """`item`, which may come from another process, if every field holds what its type says."""
    for part in fields(item):
        value = getattr(item, part.name)
        if not _FITS[str(part.type)](value):
            raise TypeError(f"{part.name} is no {part.type}")
    return item


def _plain(item: Node | Edge | Fault | Parameter) -> dict[str, Any]:
    return {name: _lists(value) for name, value in item.__dict__.items()}


def _lists(value: Any) -> Any:
    return [_lists(part) for part in value] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _frozen(part) for name, part in value.items()}
    return tuple(_frozen(part) for part in value) if isinstance(value, list | tuple) else value
