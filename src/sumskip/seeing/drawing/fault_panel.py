"""The part of a picture that says why a forward pass stopped: shapes aligned, line, sentence."""

from __future__ import annotations

from sumskip.seeing.drawing.lettering import fit, width, wrap
from sumskip.seeing.drawing.scene import Line, Rectangle, Scene, Text
from sumskip.seeing.drawing.symbols import GROUND, INK, RED, RED_DARK, RED_TINT, SMALL, SOFT, TITLE
from sumskip.seeing.graph import Fault
from sumskip.text import clean

ROOM = 640.0
CELL, ROW = 44.0, 26.0
MOST_ROWS, MOST_SIZES = 6, 10

Cell = tuple[int, int]


def fault_panel(fault: Fault, operator: str, room: float = ROOM) -> Scene:
    """The panel for `fault` of `operator`, its upper left corner at (0, 0), `room` pixels wide."""
    scene = Scene(room)
    y = _sentence(scene, fault, 8.0)
    rows = fault_rows(fault)
    if rows:
        y = _aligned(scene, rows, _clashing(rows, fault.clash, operator), y + 10)
    source = clean(fault.source_line, 100)
    if source:
        y = _source(scene, source, clean(fault.expression, 100), fault.line, y + 12)
    if fault.message and clean(fault.message, 300) not in clean(fault.sentence, 300):
        for n, text in enumerate(wrap(f"PyTorch: {clean(fault.message, 300)}", SMALL, room - 32, lines=3)):
            y += 18 if n == 0 else 15
            scene.elements.append(Text(16, y, text, SMALL, SOFT, anchor="start"))
    scene.height = y + 12
    scene.elements.insert(0, Rectangle(0.7, 0.7, room - 1.4, scene.height - 1.4, RED_TINT, RED, 6, 1.4))
    scene.elements.insert(1, Rectangle(0.7, 0.7, 6, scene.height - 1.4, RED, radius=3))
    return scene


def fault_rows(fault: Fault) -> list[tuple[str, list[str]]]:
    """The shapes that met, a name and cells of equal number each; right-aligned where none are given."""
    if fault.rows:
        rows = [
            (clean(name, 30), [clean(str(c), 12) for c in cells[:MOST_SIZES]]) for name, cells in fault.rows
        ]
    else:
        rows = [
            (f"operand {n}", [clean(str(s), 12) for s in shape[:MOST_SIZES]])
            for n, shape in enumerate(fault.shapes, 1)
        ]
    rows = rows[:MOST_ROWS]
    most = max((len(cells) for _, cells in rows), default=0)
    return [(name, [""] * (most - len(cells)) + cells) for name, cells in rows] if most else []


def _sentence(scene: Scene, fault: Fault, y: float) -> float:
    for line in wrap(clean(fault.sentence, 300), TITLE, scene.width - 32, lines=4, bold=True):
        y += 18
        scene.elements.append(Text(16, y, line, TITLE, INK, True, "start"))
    return y


def _clashing(rows: list[tuple[str, list[str]]], clash: int | None, operator: str) -> list[Cell]:
    """The cells that do not fit, as (row, column): a column, several, or for a matrix product two cells."""
    if clash is None or not 0 <= clash < len(rows[0][1]):
        return []
    if operator == "@" and len(rows) == 2 and clash > 0:
        return [(0, clash), (1, clash - 1)]  # the columns of one against the rows of the other
    columns = {clash}
    if operator in ("+", "−", "×", "÷"):
        for column in range(len(rows[0][1])):
            sizes = {cells[column] for _, cells in rows} - {"", "1"}
            columns |= {column} if len(sizes) > 1 else set()
    return [(row, column) for column in sorted(columns) for row in range(len(rows))]


def _aligned(scene: Scene, rows: list[tuple[str, list[str]]], clashing: list[Cell], y: float) -> float:
    """The shapes in rows, one column for each dimension; what clashes is framed and named."""
    count = len(rows[0][1])
    words = [width(fit(name, SMALL, 150, bold=True), SMALL, bold=True) for name, _ in rows]
    left = 16 + max([width("dimension", SMALL), *words]) + 16
    widest = max(width(size, TITLE, bold=True) for _, cells in rows for size in (*cells, "0"))
    cell = min(CELL + 18, max(CELL, widest + 12))
    top = y + 4
    columns = sorted({column for _, column in clashing})
    for column in columns:
        marked = [row for row, at in clashing if at == column]
        start = -20.0 if len(marked) == len(rows) else ROW * marked[0]  # a whole column with its number
        high = ROW * (marked[-1] + 1) - start
        scene.elements.append(
            Rectangle(left + cell * column + 1, top + 20 + start, cell - 2, high, GROUND, RED, 4, 2.4)
        )
    if columns:
        note = left + cell * count + 14
        said = f"clash in dimension {columns[0]}" if len(columns) == 1 else "the framed sizes clash"
        if note + width(said, SMALL, bold=True) <= scene.width:
            scene.elements.append(Text(note, top + 14, said, SMALL, RED_DARK, True, "start"))
    scene.elements.append(Text(16, top + 14, "dimension", SMALL, SOFT, anchor="start"))
    for column in range(count):
        bold = (0, column) in clashing
        color = RED_DARK if bold else SOFT
        scene.elements.append(Text(left + cell * (column + 0.5), top + 14, str(column), SMALL, color, bold))
    y = top + 20
    for row, (name, cells) in enumerate(rows):
        scene.elements.append(Text(16, y + 17, fit(name, SMALL, 150, bold=True), SMALL, INK, True, "start"))
        for column, size in enumerate(cells):
            bold = (row, column) in clashing
            text = fit(size, TITLE, cell - 6, bold)
            color = RED_DARK if bold else INK
            scene.elements.append(Text(left + cell * (column + 0.5), y + 18, text, TITLE, color, bold))
        y += ROW
    return y + 4


def _window(source: str, expression: str, room: float) -> str:
    """The part of a long line that holds the expression."""
    at = source.find(expression)
    if width(source, TITLE) <= room or at < 0:
        return fit(source, TITLE, room)
    before, after = source[:at], source[at + len(expression) :]
    while (before or after) and width(f"…{before}{expression}{after}…", TITLE) > room:
        before, after = (before[1:], after) if len(before) >= len(after) else (before, after[:-1])
    head, tail = "…" * (len(before) < at), "…" * (len(after) < len(source) - at - len(expression))
    return fit(f"{head}{before}{expression}{after}{tail}", TITLE, room)


def _source(scene: Scene, source: str, expression: str, line: int | None, y: float) -> float:
    where = f"line {line}" if line is not None else "here"
    y += 14
    scene.elements.append(Text(16, y, where, SMALL, SOFT, anchor="start"))
    left = 16 + width(where, SMALL) + 12
    shown = _window(source, expression, scene.width - left - 16)
    scene.elements.append(Text(left, y, shown, TITLE, INK, anchor="start"))
    at = shown.find(expression) if expression else -1
    if at >= 0:
        start = left + width(shown[:at], TITLE)
        under = Line(((start, y + 5), (start + width(expression, TITLE), y + 5)), RED, 2.2)
        scene.elements.append(under)
    return y + 8
