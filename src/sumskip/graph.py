"""What one forward pass did, as data: nodes, edges and, where it failed, the fault.

Recorded by `sumskip.trace`, drawn by `sumskip.drawing`. Everything is frozen and survives
`Trace.from_dict(trace.to_dict())`, so that a drawing can be made in another process than the one
that ran the model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

NodeKind = Literal["input", "output", "module", "op", "parameter", "buffer", "constant"]
Shape = tuple[int, ...]


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
    value: float | None = None  # of a scalar parameter, buffer or constant
    variable: str | None = None  # the learner's own name for the result, where known
    line: int | None = None
    path: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edge:
    """A tensor that went from one node to another; `o + o` makes two."""

    source: str
    target: str
    shape: Shape | None = None
    argument: int = 0  # the place among the target's operands
    dashed: bool = False  # written through a view
    gradient: float | None = None  # the norm of what flowed back, where asked for


@dataclass(frozen=True)
class Fault:
    """Why and where the forward pass stopped. It describes and does not advise."""

    node: str
    shapes: tuple[Shape, ...]
    message: str  # PyTorch's own words
    sentence: str  # ours: what clashed, and the rule
    source_line: str
    line: int | None = None
    expression: str = ""
    clash: int | None = None  # the dimension that clashes, counted from the left of the longer shape


@dataclass(frozen=True)
class Trace:
    """A forward pass. `output` is what the model returned; it is not part of `to_dict()`."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    fault: Fault | None = None
    name: str = ""  # of the traced module or function
    notes: tuple[str, ...] = ()
    output: Any = field(default=None, compare=False, repr=False)
