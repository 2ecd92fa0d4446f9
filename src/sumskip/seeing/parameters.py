"""How many parameters a trace's model has, as a whole or in one box; a shared one counts once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sumskip.seeing.graph import Graph, Parameter
from sumskip.text import clean


@dataclass(frozen=True)
class Count:
    """How many numbers the parameters hold, and how many of these train (`requires_grad`)."""

    total: int
    trainable: int

    @property
    def frozen(self) -> int:
        return self.total - self.trainable

    def __str__(self) -> str:
        trains = {0: "none trainable", self.total: "all trainable"}.get(
            self.trainable, f"{self.trainable:,} trainable, {self.frozen:,} not"
        )
        return f"{self.total:,}, {trains}" if self.total else "0"


def count(graph: Graph, box: str | None = None) -> Count:
    """The parameters of the model, as `model.parameters()` gives them, or of one container or layer.

    Raises ValueError where nothing in the trace is called `box`.
    """
    if box is None:
        return _count(parameter for parameter in graph.parameters if parameter.registered)
    name = box.partition("#")[0]  # the second call of a module has the same parameters
    if name not in _names(graph):
        have = ", ".join(sorted(_names(graph))[:12]) or "none"
        raise ValueError(
            f"no container or layer is called {clean(box, 60)!r}; there are: {clean(have, 300)}."
        )
    return held(graph, [name])


def held(graph: Graph, names: Collection[str]) -> Count:
    """The parameters of several boxes together; what two of them share counts once."""
    wanted = {name.partition("#")[0] for name in names}
    return _count(p for p in graph.parameters if p.name in wanted or not wanted.isdisjoint(p.owners))


def total_words(graph: Graph) -> str:
    """One line about the whole model, such as `Parameters: 11,689,512, all trainable.`; "" if it has none."""
    if not graph.parameters:
        return ""
    beside = _count(parameter for parameter in graph.parameters if not parameter.registered)
    more = f"; {beside.total:,} more in layers that model.parameters() does not give" if beside.total else ""
    return f"Parameters: {count(graph)}{more}."


def _count(parameters: Iterable[Parameter]) -> Count:
    sizes = [(parameter.size, parameter.trains) for parameter in parameters]
    return Count(sum(size for size, _ in sizes), sum(size for size, trains in sizes if trains))


def _names(graph: Graph) -> set[str]:
    """What a box may be called: containers, layers and parameters, also those in which nothing is counted."""
    layers = {node.label for node in graph.nodes if node.kind in ("module", "parameter")}
    containers = {name.partition("#")[0] for name, _ in graph.boxes}
    held = {name for parameter in graph.parameters for name in (parameter.name, *parameter.owners)}
    return layers | containers | held
