"""A trace in words: an outline with every step, and one short description for a screen reader."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sumskip.seeing.drawing.fault_panel import fault_rows
from sumskip.seeing.drawing.parts import SIGNS, number_text, size_text
from sumskip.seeing.graph import Edge, Fault, Graph, Node, Shape
from sumskip.seeing.parameters import total_words
from sumskip.text import clean

MOST_LINES = 400
LONGEST_ALT = 400
SPOKEN = {
    "+": "plus",
    "×": "times",
    "−": "minus",
    "÷": "divided by",
    "@": "matrix product",
    "+=": "plus in place",
    "**": "to the power of",
    "[ ]": "indexing",
    "[ ] =": "writing in place",
}


def shape_words(shape: Shape | None) -> str:
    """`(1, 16, 32, 32)`, as PyTorch writes it."""
    if shape is None:
        return ""
    sizes = [size_text(size) for size in shape[:12]] + ["…"] * (len(shape) > 12)
    return f"({', '.join(sizes)}{',' * (len(shape) == 1)})"


def outline(trace: Graph) -> str:
    """Every step on a line of its own: what was made, from what, its shape, and what is remarkable."""
    into: dict[str, list[Edge]] = defaultdict(list)
    for edge in trace.edges:
        into[edge.target].append(edge)
    names = _Names(trace)
    lines = [clean(trace.name, 60) or "forward pass"]
    path: tuple[str, ...] = ()
    for node in trace.nodes[:MOST_LINES]:
        here = path if node.kind in ("parameter", "buffer", "constant") else node.path[:8]
        lines += _containers(path, here)
        path = here
        lines.append("  " * (len(path) + 1) + _step(trace, node, into[node.id], names))
    if len(trace.nodes) > MOST_LINES:
        lines.append(f"  … and {len(trace.nodes) - MOST_LINES} more steps")
    if trace.fault:
        fault = trace.fault
        lines.append(f"stopped: {clean(fault.sentence, 300)}")
        if fault.source_line:
            where = f"line {fault.line}" if fault.line is not None else "here"
            lines.append(f"  {where}: {clean(fault.source_line, 100)}")
        if fault.expression and fault.expression != fault.source_line:
            lines.append(f"  expression: {clean(fault.expression, 100)}")
        product = any(node.id == fault.node and node.label == "@" for node in trace.nodes)
        lines += _clash(fault, None if product else fault.clash)
        if fault.message:
            lines.append(f"  PyTorch: {clean(fault.message, 300)}")
    if parameters := total_words(trace):
        lines.append(parameters)
    lines += [f"note: {clean(note, 200)}" for note in gathered(trace.notes)[:20]]
    return "\n".join(lines)


def _clash(fault: Fault, column: int | None) -> list[str]:
    """The shapes that met, below one another as in the picture."""
    rows = fault_rows(fault)
    names = max((len(name) for name, _ in rows), default=0)
    wide = max((len(cell) for _, cells in rows for cell in cells), default=0)
    lines = [f"  {name:<{names}}  {' '.join(f'{cell:>{wide}}' for cell in cells)}" for name, cells in rows]
    if rows and column is not None and 0 <= column < len(rows[0][1]):
        lines.append(" " * (names + 4 + column * (wide + 1) + wide - 1) + "^")
    return lines


def gathered(notes: Sequence[str]) -> list[str]:
    """Notes that say the same of several things, whose names they begin with, as one that counts them."""
    same: dict[str, list[str]] = {}
    for note in notes:
        rest = note.partition(" ")[2]
        same.setdefault(rest if rest.count(" ") > 1 else note, []).append(note)
    return [
        f"{found[0]} The same holds for {len(found) - 1} more." if len(found) > 1 else found[0]
        for found in same.values()
    ]


class _Names:
    """A name for each result: the learner's, where no other has it, or a count. A number is what it is."""

    def __init__(self, trace: Graph) -> None:
        self._nodes = {node.id: node for node in trace.nodes}
        self._several = {edge.source for edge in trace.edges if edge.output > 0}
        self._several |= {node.id for node in trace.nodes if node.results}
        self._given: dict[str, str] = {}
        taken: set[str] = set()
        for number, node in enumerate(trace.nodes, 1):
            wanted = node.variable if node.kind in ("op", "module") else node.label
            name = clean(wanted or "", 40)
            if not name or (name in taken and (node.kind != "constant" or node.value is None)):
                name = f"[{number}]" if node.kind != "output" else f"output [{number}]"
            taken.add(name)
            self._given[node.id] = name

    def of(self, node: Node) -> str:
        return self._given[node.id]

    def carried(self, edge: Edge) -> str:
        """What the tensor on an edge is called; `[3][1]` is the second result of step 3."""
        given, node = self._given.get(edge.source, "?"), self._nodes.get(edge.source)
        if node is None or edge.source not in self._several:
            return given
        name = clean(node.name_of(edge.output) or "", 40) if node.results else ""
        return name if name and not given.startswith("[") else f"{given}[{edge.output}]"


def _containers(before: tuple[str, ...], here: tuple[str, ...]) -> list[str]:
    same = 0
    while same < min(len(before), len(here)) and before[same] == here[same]:
        same += 1
    return ["  " * (level + 1) + f"inside {clean(here[level], 60)}:" for level in range(same, len(here))]


def _step(trace: Graph, node: Node, into: list[Edge], names: _Names) -> str:
    ordered = sorted(into, key=lambda e: e.argument)
    operands = [names.carried(e) for e in ordered if not e.dashed]
    label = clean(node.label, 60)
    name = names.of(node)
    if node.kind in ("op", "module"):
        if label in SIGNS and len(operands) == 2:
            made = f"{operands[0]} {label} {operands[1]}"
        elif label == "[ ]" and node.type_name.startswith("[") and operands:
            made = f"{operands[0]}{clean(node.type_name)}"
        else:
            made = f"{label}({', '.join(operands[:12])}{', …' * (len(operands) > 12)})"
        text = f"{name} = {made}"
        if node.type_name and not made.endswith(clean(node.type_name)) and clean(node.type_name) != label:
            text += f"  {clean(node.type_name)}"
    elif node.kind == "output":
        text = f"{name}: {', '.join(operands[:12])}"
    else:
        text = f"{name}: {node.kind}"
    if node.shape is not None:
        text += f"  {shape_words(node.shape)}"
    if node.value is not None:
        text += f"  = {number_text(node.value)}"
    said = [clean(mark) for mark in node.marks[:6] if not mark.startswith("failed")]
    said += [
        f"gradient into {names.carried(e)}: {number_text(e.gradient)}" for e in into if e.gradient is not None
    ]
    said += [f"{names.carried(e)} wrote into it through a view" for e in ordered if e.dashed]
    if trace.fault and trace.fault.node == node.id:
        said.insert(0, "fails here")
    if said:
        text += f"  [{'; '.join(said)}]"
    if node.line is not None:
        text += f"  line {node.line}"
    return text


def alt_text(trace: Graph) -> str:
    """One or two sentences, at most `LONGEST_ALT` characters, without signs a screen reader skips."""
    steps = [n for n in trace.nodes if n.kind in ("op", "module")]
    inputs = [n for n in trace.nodes if n.kind == "input"]
    outputs = [n for n in trace.nodes if n.kind == "output"]
    begin = " and ".join(f"{clean(n.label, 20)} {_by(n.shape)}".strip() for n in inputs[:3]) or "no input"
    said = [_spoken(n) for n in steps]
    if len(said) > 9:
        said = [*said[:6], f"{len(said) - 7} more steps", said[-1]]
    through = ", ".join(said) or "nothing"
    text = f"Forward pass of {clean(trace.name, 40) or 'a function'}: {begin} goes through {through}"
    if trace.fault:
        text += f". It stops at {_spoken_id(trace, trace.fault.node)}: {clean(trace.fault.sentence, 160)}"
    elif outputs:
        text += f" to {' and '.join(f'the {clean(n.label, 20)} {_by(n.shape)}'.strip() for n in outputs[:3])}"
    text = text.rstrip(". ") + "."
    meetings = _meetings(trace)
    for sentence in meetings:
        if len(text) + len(sentence) + 1 <= LONGEST_ALT:
            text += f" {sentence}"
    return text if len(text) <= LONGEST_ALT else text[: LONGEST_ALT - 1] + "…"


def _meetings(trace: Graph) -> list[str]:
    """Which tensors meet at a sum, and every mark: what the picture is there to show."""
    said: dict[str, str] = {}  # how each result is called: by its name, or by how it was computed
    into: dict[str, list[Edge]] = defaultdict(list)
    for edge in trace.edges:
        into[edge.target].append(edge)
    found = []
    for node in trace.nodes[:MOST_LINES]:
        ordered = sorted(into[node.id], key=lambda e: e.argument)
        operands = [said.get(e.source, "") for e in ordered]
        said[node.id] = clean(node.variable or "", 30) or _computed(node, operands)
        if node.kind == "op" and node.label == "+" and len(operands) == 2 and all(operands):
            found.append(f"{operands[0]} and {operands[1]} meet at the plus.")
        marks = [mark for mark in node.marks[:2] if not mark.startswith("failed")]
        found += [f"{_spoken(node)}: {clean(mark)}." for mark in marks]
    values = [n for n in trace.nodes if n.kind == "parameter" and n.value is not None]
    found += [f"{clean(n.label, 30)} is {number_text(n.value)}." for n in values[:3] if n.value is not None]
    return list(dict.fromkeys(found))


def _computed(node: Node, operands: list[str]) -> str:
    """`alpha times out1` where that is short enough to be heard, otherwise nothing."""
    if node.kind != "op":
        return clean(node.label, 30)
    if node.label not in SIGNS or len(operands) != 2 or not all(operands):
        return ""
    left, right = (f"({operand})" if " " in operand else operand for operand in operands)
    words = f"{left} {_spoken(node)} {right}"
    return words if len(words) <= 50 else ""


def _spoken(node: Node) -> str:
    label = clean(node.label, 30)
    return SPOKEN.get(label, label) or "an operator"


def _spoken_id(trace: Graph, id_: str) -> str:
    return next((_spoken(node) for node in trace.nodes if node.id == id_), "an operator")


def _by(shape: Shape | None) -> str:
    return shape_words(shape)
