"""What a picture is made of: items, the wires between them, and how numbers are written on both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sumskip.seeing.graph import Edge, Node, Shape
from sumskip.text import clean

Look = Literal["module", "sign", "word", "terminal", "tensor", "container", "folded", "port"]

SIGNS = frozenset("+×−÷@") | {"//", "%", "**"}


@dataclass(frozen=True)
class Badge:
    """A parameter, constant or scalar expression, written beside the operator that takes it."""

    text: str
    kind: str = "constant"
    value: str = ""
    gradient: str = ""
    marks: tuple[str, ...] = ()
    stretched: bool = False

    @property
    def words(self) -> str:
        """`alpha = 0.5`, or the text alone."""
        return f"{self.text} = {self.value}" if self.value else self.text


@dataclass
class Item:
    """Something with a place in the picture. `inner` is what is inside a container's box."""

    id: str
    look: Look
    title: str
    subtitle: str = ""
    badges: tuple[Badge, ...] = ()
    marks: tuple[str, ...] = ()
    failed: bool = False
    inner: Sheet | None = None
    node: Node | None = None
    lit: bool | None = None  # in a comparison: whether it differs
    inside: int = 0  # how many operators a folded box hides
    stands_for: tuple[str, ...] = ()  # the names of the boxes that a folded one is
    skips: tuple[bool, ...] = ()  # the skip connections among them, and whether something lies on each


@dataclass(frozen=True)
class Link:
    """A wire. `tensor` is the id of the node that made what travels on it."""

    source: str
    target: str
    tensor: str
    name: str = ""
    shape: str = ""
    remarks: tuple[str, ...] = ()
    dashed: bool = False
    stretched: bool = False
    lit: bool | None = None
    owners: frozenset[int] = frozenset()  # in a comparison: which models have it
    port: bool = False  # begins or ends at the edge of a box, and goes on outside
    edges: list[int] = field(default_factory=list, compare=False)  # places in the trace of those it draws


@dataclass
class Sheet:
    """Items in an order in which every link leads forwards."""

    items: dict[str, Item] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)


def longest(sheet: Sheet) -> int:
    """How many items stand one behind the other: a picture has room for all of these, whichever way."""
    steps: dict[str, int] = {}
    behind: dict[str, int] = {}
    for id_, item in sheet.items.items():
        steps[id_] = longest(item.inner) if item.inner is not None else int(item.look != "port")
    before: dict[str, list[str]] = {}
    for link in sheet.links:
        before.setdefault(link.target, []).append(link.source)
    for id_ in sheet.items:
        behind[id_] = steps[id_] + max((behind.get(source, 0) for source in before.get(id_, ())), default=0)
    return max(behind.values(), default=0)


def is_scalar(shape: Shape | None) -> bool:
    """Whether a tensor of this shape is one number: () or (1,)."""
    return shape is not None and len(shape) <= 1 and all(size == 1 for size in shape)


def is_number(shape: Shape | None) -> bool:
    """Whether something of this shape is one number, whose gradient has a sign; None is no tensor."""
    return shape is None or all(size == 1 for size in shape)


def stretches(edge: Edge, target: Node) -> bool:
    """Whether this operand was broadcast; a scalar is not called stretched."""
    return (
        any(mark.startswith("stretches") for mark in target.marks)
        and edge.shape is not None
        and target.shape is not None
        and edge.shape != target.shape
        and not is_scalar(edge.shape)
    )


def shape_text(shape: Shape | None) -> str:
    """`1×16×32×32`; a scalar's shape () is written as the word."""
    if shape is None:
        return ""
    sizes = [size_text(size) for size in shape[:9]]
    return "×".join(sizes[:8]) + ("×…" if len(sizes) > 8 else "") if sizes else "scalar"


def carried(edge: Edge, source: Node) -> str:
    """What is written on a wire: of a number itself, of all else its shape."""
    shape = edge.shape if edge.shape is not None else source.shape
    return number_text(source.value) if source.value is not None and shape == () else shape_text(shape)


def size_text(size: int) -> str:
    """A size; `?` where it differs from row to row."""
    return "?" if size == -1 else clean(str(size), 12)


def number_text(value: float) -> str:
    """A value as a learner would write it: `0.5`, `−1.25`, `2`; whole numbers with all their digits."""
    whole = abs(value) < 1e6 and value == round(value)
    return (f"{value:.0f}" if whole else f"{value:.4g}").replace("-", "−")
