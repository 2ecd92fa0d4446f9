"""Graph -> picture, as SVG and as PNG, and the same in words.

    view, badges, nesting   what is drawn: items, the wires between them, what is inside what
    repeats, plans          which boxes are alike, and which are open
    skips                   which skip connections a closed box hides
    grid                    where, in ranks and rows
    stripes, rows, tracks   how wide these are, and where wires change rows
    layout                  the place of each item, the course of each wire
    symbols, painter        how each thing looks, and drawing them all
    fault_panel             why a forward pass stopped
    outline                 the picture in words, and its alternative text
    walk                    the picture step by step
    told                    what is said of each thing in it
    matching, panels        several traces side by side

What comes out is a `scene.Scene`, which is written as SVG there and as PNG in `raster`.
"""

from __future__ import annotations

import base64
from collections.abc import Collection
from html import escape

from sumskip.seeing.drawing import symbols
from sumskip.seeing.drawing.fault_panel import ROOM, fault_panel
from sumskip.seeing.drawing.lettering import fit, width, wrap
from sumskip.seeing.drawing.nesting import MOST_NODES
from sumskip.seeing.drawing.outline import gathered
from sumskip.seeing.drawing.painter import GAP_DOWN, GAP_RIGHT, Painter
from sumskip.seeing.drawing.parts import longest, number_text
from sumskip.seeing.drawing.plans import Plan, plan_to, plans_of
from sumskip.seeing.drawing.scene import Rectangle, Scene, Text
from sumskip.seeing.drawing.symbols import GROUND, INK, SMALL, SOFT, TITLE
from sumskip.seeing.drawing.view import View, Viewable
from sumskip.seeing.graph import Direction, Graph
from sumskip.seeing.parameters import total_words
from sumskip.text import clean

COLUMN = 900  # a notebook's column in pixels: as wide as a picture may be
NARROW, TALLEST = 700, 1400  # on a page so wide, as high as one may be before its boxes are closed
LEAST = {True: 28 + GAP_DOWN, False: 30 + GAP_RIGHT}  # the room of an item along the flow, with a gap
MOST_ASKED = 160  # items in a picture whose depth was asked for
MARGIN = 14.0


def picture(
    trace: Graph,
    depth: int | None = None,
    direction: Direction = "auto",
    open: str | Collection[str] | None = None,
    panel: float = ROOM,
) -> Scene:
    """The drawing of `trace` as a scene.

    `depth` is how many containers within one another are opened, 0 none. Without it, as many as fit
    a notebook's column; what stays closed says so. `open` names the boxes to open instead, one or several;
    what they are in is opened with them. `direction` is "right", "down", or "auto": to the right where
    that fits. Raises ValueError for any other value. `panel` is how many pixels wide it is said why a forward
    pass stopped.
    """
    return draw(trace, depth, direction, open=open, panel=panel)[0]


def draw(
    trace: Graph,
    depth: int | None = None,
    direction: Direction = "auto",
    whole: bool = False,
    open: str | Collection[str] | None = None,
    panel: float = ROOM,
) -> tuple[Scene, View]:
    """The picture and what is seen in it; `whole` as a `Painter` takes it."""
    if direction not in ("auto", "right", "down"):
        raise ValueError(f"direction is 'auto', 'right' or 'down'; {direction!r} came.")
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 0):
        raise ValueError(f"depth is a number of levels, 0 or more, or None; {depth!r} came.")
    if open is not None and depth is not None:
        raise ValueError("depth and open both say which boxes are open: give one of them.")
    viewable = Viewable(trace)
    ways = [
        Painter(down=way == "down", whole=whole) for way in ("right", "down") if direction in ("auto", way)
    ]
    if direction != "right":
        ways.append(Painter(down=True, narrow=True, whole=whole))
    if open is not None:
        opened = viewable.around(open)
        plans = [Plan(opened), Plan(opened, counted=True)]  # what is alike is counted only to fit
    elif depth is not None:
        plans = [plan_to(viewable, depth)]
    else:
        plans = plans_of(viewable)
    most = MOST_NODES if depth is None and open is None else MOST_ASKED
    for plan in plans:
        fewest = plan is plans[-1]
        if not fewest and viewable.things(plan.open, plan.counted) > most:
            continue
        seen = viewable.view(most, plan.open, plan.counted)
        ranks = longest(seen.sheet)
        for way in ways:
            last = fewest and way is ways[-1]
            if not last and ranks * LEAST[way.down] > (TALLEST * COLUMN / NARROW if way.down else COLUMN):
                continue  # without arranging it, which takes most of the time
            layout = way.arranged(seen.sheet)
            frame = _Frame(trace, *way.xy(layout.along, layout.across), [*seen.notes, *plan.notes], panel)
            narrow = frame.width + 2 * MARGIN <= COLUMN
            low = (frame.height + 2 * MARGIN) * min(1.0, NARROW / (frame.width + 2 * MARGIN)) <= TALLEST
            if last or (narrow and (low or (fewest and way.down))):
                return on_ground(frame.around(way.draw(layout))), seen
            if narrow and way.down:
                break  # shorter lines would only make it higher
    raise AssertionError("the last depth always draws")


def png(scene: Scene, scale: float) -> bytes:
    """A scene as PNG. Raises ValueError for a scale that makes no picture."""
    from sumskip.seeing.drawing.raster import to_png  # matplotlib is loaded only where a PNG is wanted

    if not 0.1 <= scale <= 8:
        raise ValueError(f"scale is between 0.1 and 8; {scale!r} came.")
    return to_png(scene, scale)


def image_tag(svg: str, alt: str) -> str:
    """An `<img>` that shows in trusted and untrusted notebooks and on exported pages, no wider than they."""
    data = base64.b64encode(svg.encode()).decode("ascii")
    return f'<img alt="{escape(alt)}" src="data:image/svg+xml;base64,{data}" style="max-width:100%">'


class _Frame:
    """What stands around a picture of this size: the model's name above, and below what is to be said."""

    def __init__(self, trace: Graph, wide: float, high: float, notes: list[str], panel: float) -> None:
        self._name = clean(trace.name, 60)
        self._panel = Scene()
        if trace.fault:
            failed = next((node.label for node in trace.nodes if node.id == trace.fault.node), "")
            self._panel = fault_panel(trace.fault, failed, panel)
        of_all = [note for note in (total_words(trace), *notes) if note]
        remarks = [[note] for note in gathered(trace.notes)[:6]]
        remarks += [of_all] if of_all else []  # in one paragraph, as pictures are high
        remarks += [[note] for note in _gradient_notes(trace)]
        least = 300.0 if remarks else 0.0
        self.width = max(wide, self._panel.width, width(self._name, TITLE, bold=True), least)
        room = min(self.width, COLUMN - 2 * MARGIN)
        said = [(" ".join(clean(note, 200) for note in notes), 4 * len(notes)) for notes in remarks]
        self._lines = [line for text, most in said for line in wrap(text, SMALL, room, lines=most)]
        self._top = TITLE + 12 if self._name else 0.0
        self._below = self._top + high
        self._end = self._below + (16 + self._panel.height if self._panel.elements else 0)
        self.height = self._end + 16 * len(self._lines)

    def around(self, inner: Scene) -> Scene:
        """The picture with all that stands around it."""
        body = Scene(self.width, self.height)
        if self._name:
            name = fit(self._name, TITLE, self.width, bold=True)
            body.elements.append(Text(0, TITLE, name, TITLE, INK, True, "start"))
        body.place(inner, 0 if self._panel.width else (self.width - inner.width) / 2, self._top)
        if self._panel.elements:
            body.place(self._panel, 0, self._below + 16)
        for n, line in enumerate(self._lines, 1):
            body.elements.append(Text(0, self._end + 16 * n, line, SMALL, SOFT, anchor="start", role="label"))
        return body


def _gradient_notes(trace: Graph) -> list[str]:
    """How to read the gradients in the picture, and what reached each scalar parameter in all."""
    if all(edge.gradient is None for edge in trace.edges):
        return []
    scalars = [n for n in trace.nodes if n.kind == "parameter" and n.value is not None][:4]
    totals = [f"{n.label}.grad is {number_text(n.gradient)}." for n in scalars if n.gradient is not None]
    return [*totals, "gradient: what flowed back along the wire; of many numbers, their length (norm)."]


def on_ground(body: Scene) -> Scene:
    """The picture with a margin and a ground of its own: it may stand on a dark page as well."""
    scene = Scene(body.width + 2 * MARGIN, body.height + 2 * MARGIN)
    frame = (0.5, 0.5, scene.width - 1, scene.height - 1)
    scene.elements.append(Rectangle(*frame, GROUND, symbols.FRAME, 8, 1, role="ground"))
    scene.place(body, MARGIN, MARGIN)
    return scene
