"""Turns the steps of a forward pass into the nodes and edges of a `Graph`."""

from __future__ import annotations

from dataclasses import replace

from sumskip.seeing.graph import Edge, Fault, Graph, Node
from sumskip.seeing.tracing.faults import explain
from sumskip.seeing.tracing.gradients import Flow
from sumskip.seeing.tracing.recorder import Recorder
from sumskip.seeing.tracing.steps import Operand, Step
from sumskip.seeing.tracing.wording import FAILED, marks, settings, type_name


class Assembly:
    """A graph in the making. `finished` or `failed` gives it; use each one once."""

    def __init__(self, recorder: Recorder, name: str, flow: Flow) -> None:
        self.recorder = recorder
        self.name = name
        self.flow = flow
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self._ids: dict[Step, str] = {}
        self._counts: dict[str, int] = {}
        self._places: dict[Operand, int] = {}

    def finished(self, returned: list[tuple[str, Operand]]) -> Graph:
        self._steps(None)
        ids: dict[str, str] = {}
        for label, operand in returned:
            node = ids.get(label)
            if node is None:
                node = ids[label] = self._id(label)
                gradient = self.flow.edges.get(operand)
                self.nodes.append(Node(node, "output", label, operand.shape, gradient=gradient))
            self._edge(operand, node)
        return self._graph(None)

    def failed(self, error: BaseException) -> Graph:
        stop = explain(error, self.recorder)
        self._steps(stop.step)
        if stop.step is not None:
            node = self._ids[stop.step]
        else:
            node = self._id(stop.label)
            self.nodes.append(Node(node, stop.kind, stop.label, line=stop.fault.line, marks=(FAILED,)))
            for operand in stop.sources:
                self._edge(operand, node)
        return self._graph(replace(stop.fault, node=node))

    def _graph(self, fault: Fault | None) -> Graph:
        recorder = self.recorder
        notes = (*recorder.ledger.notes, *self.flow.notes)
        places = self._places
        products = tuple((places[a], places[b], value) for (a, b), value in self.flow.products.items())
        return Graph(
            tuple(self.nodes),
            tuple(self.edges),
            fault,
            self.name,
            notes,
            boxes=tuple(recorder.visited),
            products=products,
            parameters=recorder.ledger.names.parameters(),
        )

    def _id(self, label: str) -> str:
        """The label itself, or the label with a number from the second time on."""
        while True:
            count = self._counts[label] = self._counts.get(label, 0) + 1
            name = label if count == 1 else f"{label}#{count}"
            if count == 1 or name not in self._counts:
                self._counts.setdefault(name, 1)
                return name

    def _steps(self, stopped: Step | None) -> None:
        for step in self.recorder.ledger.steps:
            node = self._ids[step] = self._id(step.label)
            self.nodes.append(
                Node(
                    node,
                    step.kind,
                    step.label,
                    shape=step.results[0] if len(step.results) == 1 else None,
                    type_name=type_name(step.module) if step.module is not None else settings(step),
                    value=step.value,
                    variable=step.name,
                    line=step.location.line if step.location is not None else None,
                    path=step.path,
                    marks=marks(step, step is stopped),
                    gradient=self.flow.nodes.get(step),
                    dtype=step.dtype,
                    results=step.names,
                )
            )
            for operand in step.operands:
                self._edge(operand, node)

    def _edge(self, operand: Operand, target: str) -> None:
        self._places[operand] = len(self.edges)
        self.edges.append(
            Edge(
                self._ids[operand.source],
                target,
                operand.shape,
                operand.argument,
                operand.dashed,
                self.flow.edges.get(operand),
                operand.output,
            )
        )
