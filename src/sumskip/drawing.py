"""Trace -> SVG and PNG. (The outline and the alternative text are in `outline`.)"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from html import escape

from sumskip import symbols
from sumskip.fault_panel import fault_panel
from sumskip.graph import Direction, Trace
from sumskip.layout import Layout, Size, Spot, Wire, lay_out
from sumskip.lettering import clean, fit, width, wrap
from sumskip.outline import alt_text, outline
from sumskip.scene import Box, Point, Scene, Text, to_svg
from sumskip.symbols import GROUND, INK, SMALL, SOFT, TITLE
from sumskip.view import Item, Level, Link, deepest, view

COLUMN = 900  # a notebook's column in pixels: as wide as a picture may be
TALLEST = 1700  # as high as one may be before its boxes are closed
MARGIN = 14.0
PAD, HEADER = 12.0, 20.0  # around what is inside a container, and for its name


def picture(trace: Trace, depth: int | None = None, direction: Direction = "auto") -> Scene:
    """The drawing of `trace` as shapes.

    `depth` is how many containers within one another are opened, 0 none. Without it, as many as fit
    a notebook's column; what stays closed says so. `direction` is "right", "down", or "auto": to the
    right where that fits.
    """
    if direction not in ("auto", "right", "down"):
        raise ValueError(f"direction is 'auto', 'right' or 'down'; {direction!r} came.")
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 0):
        raise ValueError(f"depth is a number of levels, 0 or more, or None; {depth!r} came.")
    most = deepest(trace)
    depths = [min(depth, most)] if depth is not None else list(range(most, -1, -1))
    ways = ["right", "down"] if direction == "auto" else [direction]
    for opened in depths:
        seen = view(trace, opened)
        fewest = opened == depths[-1]
        if seen.count > 90 and not fewest:
            continue
        for way in ways:
            scene = _Drawing(down=way == "down").draw(seen.level)
            fits = scene.width <= COLUMN - 2 * MARGIN and scene.height <= TALLEST
            if fits or (fewest and way == ways[-1]):
                notes = [*seen.notes]
                if depth is None and opened < most:
                    notes.append(
                        f"Boxes deeper than {opened} are closed to fit; depth={opened + 1} opens more."
                    )
                return _framed(trace, scene, notes)
    raise AssertionError("the last depth always draws")


def draw_svg(trace: Trace, depth: int | None = None, direction: Direction = "auto") -> str:
    """`trace` as an SVG document, the same bytes every time."""
    return to_svg(picture(trace, depth, direction), alt_text(trace))


def draw_png(
    trace: Trace, depth: int | None = None, direction: Direction = "auto", scale: float = 2.0
) -> bytes:
    """`trace` as a PNG with `scale` pixels to each of the SVG's."""
    from sumskip.raster import to_png  # matplotlib is loaded only where a PNG is wanted

    if not 0.1 <= scale <= 8:
        raise ValueError(f"scale is between 0.1 and 8; {scale!r} came.")
    return to_png(picture(trace, depth, direction), scale)


def image_tag(svg: str, alt: str) -> str:
    """An `<img>` that shows in trusted and untrusted notebooks and on exported pages, no wider than they."""
    data = base64.b64encode(svg.encode()).decode("ascii")
    return f'<img alt="{escape(alt)}" src="data:image/svg+xml;base64,{data}" style="max-width:100%">'


def mime_bundle(trace: Trace) -> dict[str, str]:
    """What a notebook shows for a trace: the picture, and the same as PNG and as text."""
    alt = alt_text(trace)
    return {
        "text/html": image_tag(draw_svg(trace), alt),
        "image/png": base64.b64encode(draw_png(trace)).decode("ascii"),
        "text/plain": outline(trace),
    }


def _framed(trace: Trace, inner: Scene, notes: list[str]) -> Scene:
    """The picture on its own ground, with the model's name above and what is to be said below."""
    name = clean(trace.name, 60)
    panel = fault_panel(trace.fault) if trace.fault else Scene()
    said = [clean(note, 200) for note in (*trace.notes[:6], *notes)]
    wide = max(inner.width, panel.width, width(name, TITLE, bold=True), 300.0 if said else 0.0)
    lines = [line for note in said for line in wrap(note, SMALL, min(wide, COLUMN - 2 * MARGIN), lines=4)]
    scene = Scene(wide + 2 * MARGIN)
    y = MARGIN
    body = Scene()
    if name:
        body.shapes.append(
            Text(MARGIN, y + TITLE, fit(name, TITLE, wide, bold=True), TITLE, INK, True, "start")
        )
        y += TITLE + 12
    body.place(inner, MARGIN + (0 if panel.width else (wide - inner.width) / 2), y)
    y += inner.height
    if panel.shapes:
        y += 16
        body.place(panel, MARGIN, y)
        y += panel.height
    for line in lines:
        y += 16
        body.shapes.append(Text(MARGIN, y, line, SMALL, SOFT, anchor="start", role="label"))
    scene.height = y + MARGIN
    frame = Box(0.5, 0.5, scene.width - 1, scene.height - 1, GROUND, symbols.FRAME, 8, 1, role="ground")
    scene.shapes = [frame, *body.shapes]
    return scene


@dataclass
class _Drawing:
    """Draws levels in one direction; `_inside` holds the layouts of the open containers."""

    down: bool
    _inside: dict[str, Layout] = field(default_factory=dict)

    def draw(self, level: Level) -> Scene:
        layout = self._lay_out(level)
        scene = Scene(*self._xy(layout.along, layout.across))
        self._draw_level(scene, layout, 0, 0, 0)
        return scene

    def _xy(self, along: float, across: float) -> Point:
        return (across, along) if self.down else (along, across)

    def _lay_out(self, level: Level, lead: float = 0) -> Layout:
        return lay_out(level, self._size, self._label, 24.0 if self.down else 30.0, lead)

    def _label(self, link: Link, short: bool) -> Point:
        return self._xy(*symbols.label_size(self._lines(link, short)))

    def _lines(self, link: Link, short: bool) -> list[tuple[symbols.Run, ...]]:
        if link.port and short:  # the same wire has its label outside the box
            return [((remark, False),) for remark in link.remarks]
        return symbols.label_lines(link, joined=self.down or not short)

    def _size(self, item: Item) -> Size:
        if item.inner is not None:
            return self._box_size(item, item.inner)
        along, across = self._xy(*symbols.core_size(item))
        found = symbols.blocks(item)
        beside_along, beside_across = self._xy(*symbols.blocks_size(found))
        return Size(along, across, across / 2, beside_along, beside_across + symbols.PIN_WIRE * bool(found))

    def _box_size(self, item: Item, level: Level) -> Size:
        inner = self._inside[item.id] = self._lay_out(level, HEADER if self.down else 0)
        name = width(item.title, SMALL, bold=True) + 2 * PAD
        low = PAD if self.down else HEADER + 4
        along, across = inner.along, inner.across + low + PAD
        if self.down:
            # the name stands left of the wire that enters, so that the two do not meet
            low += max(0.0, name - inner.line - low)
            across = low + inner.across + PAD
        else:
            along = max(along, name)
        line = low + inner.line
        ins = {tensor: y - inner.line for tensor, y in inner.ins.items()}
        outs = {tensor: y - inner.line for tensor, y in inner.outs.items()}
        return Size(along, across, line, ins=ins, outs=outs)

    def _draw_level(self, scene: Scene, layout: Layout, along: float, across: float, nesting: int) -> None:
        for spot in layout.spots:
            if spot.item.inner is not None:
                self._draw_box(scene, spot, along + spot.along, across + spot.across, nesting)
        ports = {spot.item.id for spot in layout.spots if spot.item.look == "port"}
        open_ = {spot.item.id for spot in layout.spots if spot.item.inner is not None}
        for wire in layout.wires:
            points = tuple(self._xy(along + a, across + c) for a, c in wire.points)
            arrow = wire.link.target not in ports | open_
            symbols.draw_wire(scene, wire.link, points, wire.arc, arrow)
        for a, c in layout.forks:
            x, y = self._xy(along + a, across + c)
            scene.shapes.append(Box(x - 3, y - 3, 6, 6, symbols.WIRE, radius=3))
        for spot in layout.spots:
            if spot.item.inner is None and spot.item.look != "port":
                self._draw_item(scene, spot, along, across)
        for wire in layout.wires:
            self._draw_label(scene, wire, along, across)

    def _draw_box(self, scene: Scene, spot: Spot, along: float, across: float, nesting: int) -> None:
        x, y = self._xy(along, across)
        w, h = self._xy(spot.size.along, spot.size.across)
        fill = symbols.BOX_FILLS[nesting % 2]
        scene.shapes.append(Box(x, y, w, h, fill, symbols.BOX_LINE, 8, role="container"))
        name = fit(spot.item.title, SMALL, w - 2 * PAD, bold=True)
        scene.shapes.append(Text(x + PAD, y + 15, name, SMALL, SOFT, True, "start", role="label"))
        inner = self._inside[spot.item.id]
        self._draw_level(scene, inner, along, across + spot.size.line - inner.line, nesting + 1)

    def _draw_item(self, scene: Scene, spot: Spot, along: float, across: float) -> None:
        x, y = self._xy(along + spot.along, across + spot.across)
        w, h = self._xy(spot.size.along, spot.size.across)
        found = symbols.blocks(spot.item)
        if found:
            self._draw_beside(scene, spot, found, x, y, w, h)
        symbols.draw_core(scene, spot.item, x, y, w, h)

    def _draw_beside(
        self, scene: Scene, spot: Spot, found: list[symbols.Block], x: float, y: float, w: float, h: float
    ) -> None:
        wide, high = symbols.blocks_size(found)
        far = symbols.PIN_WIRE
        if self.down:
            left = x + w + far if spot.side > 0 else x - far - wide
            symbols.draw_blocks(scene, found, left, y + h / 2 - high / 2, 0.0 if spot.side > 0 else 1.0)
            start = (left if spot.side > 0 else left + wide, y + h / 2)
            end = (x + w if spot.side > 0 else x, y + h / 2)
        else:
            top = y + h + far if spot.side > 0 else y - far - high
            symbols.draw_blocks(scene, found, x + w / 2 - wide / 2, top, 0.5, upwards=spot.side < 0)
            start = (x + w / 2, top if spot.side > 0 else top + high)
            end = (x + w / 2, y + h if spot.side > 0 else y)
        if any(block.pin for block in found):
            symbols.draw_pin_wire(scene, start, end)

    def _draw_label(self, scene: Scene, wire: Wire, along: float, across: float) -> None:
        if wire.label is None:
            return
        lines = self._lines(wire.link, wire.short)
        _, high = symbols.label_size(lines)
        x, y = self._xy(along + wire.label[0], across + wire.label[1])
        if self.down:
            symbols.draw_label(scene, lines, x, y - high / 2, 0.0 if wire.side > 0 else 1.0)
        else:
            symbols.draw_label(scene, lines, x, y if wire.side > 0 else y - high, 0.5)
