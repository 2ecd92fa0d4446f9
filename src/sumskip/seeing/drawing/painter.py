"""Draws one sheet of a picture, and the boxes in it, in one direction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sumskip.seeing.drawing import symbols
from sumskip.seeing.drawing.layout import Layout, Spot, Wire, lay_out
from sumskip.seeing.drawing.lettering import fit_title, width
from sumskip.seeing.drawing.parts import Item, Link, Sheet
from sumskip.seeing.drawing.scene import Point, Rectangle, Scene, Text
from sumskip.seeing.drawing.stripes import LABEL_GAP, NO_FRAME, Frame, Label, Size
from sumskip.seeing.drawing.symbols import SMALL, SOFT

PAD, HEADER = 12.0, 20.0  # around what is inside a container, and for its name
GAP_DOWN, GAP_RIGHT = 24.0, 30.0  # the least room between two ranks


@dataclass
class Painter:
    """Draws top down, or from left to right.

    `narrow` breaks what stands beside the flow into short lines, so that pictures fit side by side.
    `whole` draws each wire from its beginning, also where another lies there: they may then be told apart.
    `_inside` holds the layouts of the open containers.
    """

    down: bool
    narrow: bool = False
    whole: bool = False
    _inside: dict[str, Layout] = field(default_factory=dict)

    def arranged(self, sheet: Sheet, frame: Frame = NO_FRAME) -> Layout:
        """Where everything goes, which tells the picture's size before it is drawn."""
        return lay_out(sheet, self.size, self.label, GAP_DOWN if self.down else GAP_RIGHT, frame)

    def draw(self, layout: Layout) -> Scene:
        """All of the sheet that was arranged last, its upper left corner at (0, 0)."""
        scene = Scene(*self.xy(layout.along, layout.across))
        self._draw_sheet(scene, layout, 0, 0, 0)
        return scene

    def xy(self, along: float, across: float) -> Point:
        """Right and down, for along the flow and across it."""
        return (across, along) if self.down else (along, across)

    def label(self, link: Link, short: bool) -> Label:
        """How much room what is written on a wire takes."""
        near, far = self._lines(link, short)
        wide, high = symbols.label_size(near)
        far_wide, far_high = symbols.label_size(far)
        clear = symbols.WEDGE if link.stretched else 0.0
        along, across = self.xy(max(wide, far_wide), high)
        return Label(along, across + clear, far_wide, far_high + clear)

    def _lines(self, link: Link, short: bool) -> tuple[list[symbols.Words], list[symbols.Words]]:
        """A label's lines on the outer side of the wire, and on the inner one."""
        if link.port and short:  # the same wire has its label outside the box
            return [((remark, False),) for remark in link.remarks], []
        lines = symbols.label_lines(link, joined=not self.narrow and (self.down or not short))
        if self.down or not short or not (link.name and link.shape):
            return lines, []
        return lines[1:], lines[:1]

    def size(self, item: Item) -> Size:
        """How much room an item takes, with what hangs on it."""
        if item.inner is not None:
            return self._box_size(item, item.inner)
        along, across = self.xy(*symbols.core_size(item))
        found = symbols.blocks(item, self.narrow)
        beside_along, beside_across = self.xy(*symbols.blocks_size(found))
        return Size(along, across, across / 2, beside_along, beside_across + symbols.BADGE_WIRE * bool(found))

    def _box_size(self, item: Item, sheet: Sheet) -> Size:
        inner = self._inside[item.id] = self.arranged(sheet, Frame(HEADER if self.down else 0, PAD))
        name = width(item.title, SMALL, bold=True) + 2 * PAD
        low = PAD if self.down else HEADER + 4
        along, across = inner.along, inner.across + low + PAD
        if self.down:
            # the name stands left of the wire that enters, so that the two do not meet
            low += max(0.0, name - inner.line - low)
            across = low + inner.across + PAD
        else:
            along = max(along, name)
            self._inside[item.id] = _up_to(inner, along)
        line = low + inner.line
        ins = {tensor: y - inner.line for tensor, y in inner.ins.items()}
        outs = {tensor: y - inner.line for tensor, y in inner.outs.items()}
        return Size(along, across, line, ins=ins, outs=outs, span=inner.ranks, skips=inner.skips)

    def _draw_sheet(self, scene: Scene, layout: Layout, along: float, across: float, nesting: int) -> None:
        for spot in layout.spots:
            if spot.item.inner is not None:
                self._draw_box(scene, spot, along + spot.along, across + spot.across, nesting)
        ports = {spot.item.id for spot in layout.spots if spot.item.look == "port"}
        open_ = {spot.item.id for spot in layout.spots if spot.item.inner is not None}
        for wire in layout.wires:
            self.draw_wire(scene, wire, along, across, wire.link.target not in ports | open_)
        for trunk in [wire.trunk for wire in layout.wires if wire.trunk and self.whole]:
            self.draw_wire(scene, trunk, along, across, arrow=False)
        for a, c in layout.forks:
            x, y = self.xy(along + a, across + c)
            scene.elements.append(Rectangle(x - 3, y - 3, 6, 6, symbols.WIRE, radius=3))
        for spot in layout.spots:
            if spot.item.inner is None and spot.item.look != "port":
                self.draw_item(scene, spot, along, across)
        for wire in layout.wires:
            self.draw_label(scene, wire, along, across)

    def _draw_box(self, scene: Scene, spot: Spot, along: float, across: float, nesting: int) -> None:
        x, y = self.xy(along, across)
        w, h = self.xy(spot.size.along, spot.size.across)
        fill = symbols.BOX_FILLS[nesting % 2]
        box = Rectangle(x, y, w, h, fill, symbols.BOX_LINE, 8, role="container", item=spot.item.id)
        scene.elements.append(box)
        name = fit_title(spot.item.title, SMALL, w - 2 * PAD + 1e-6)  # sums of fractions are not exact
        scene.elements.append(Text(x + PAD, y + 15, name, SMALL, SOFT, True, "start", role="label"))
        inner = self._inside[spot.item.id]
        self._draw_sheet(scene, inner, along, across + spot.size.line - inner.line, nesting + 1)

    def draw_wire(self, scene: Scene, wire: Wire, along: float, across: float, arrow: bool = True) -> None:
        """A wire of a layout that begins at (along, across)."""
        points = tuple(self.xy(along + a, across + c) for a, c in wire.points)
        symbols.draw_wire(scene, wire.link, points, wire.arc, arrow)

    def draw_halo(self, scene: Scene, spot: Spot) -> None:
        """The frame around an item that differs."""
        x, y = self.xy(spot.along, spot.across)
        symbols.draw_halo(scene, x, y, *self.xy(spot.size.along, spot.size.across))

    def draw_item(self, scene: Scene, spot: Spot, along: float, across: float) -> None:
        """An item that is no open container, with what hangs on it."""
        x, y = self.xy(along + spot.along, across + spot.across)
        w, h = self.xy(spot.size.along, spot.size.across)
        found = symbols.blocks(spot.item, self.narrow)
        if found:
            self._draw_beside(scene, spot, found, x, y, w, h)
        symbols.draw_core(scene, spot.item, x, y, w, h)

    def _draw_beside(
        self, scene: Scene, spot: Spot, found: list[symbols.Block], x: float, y: float, w: float, h: float
    ) -> None:
        wide, high = symbols.blocks_size(found)
        far = symbols.BADGE_WIRE
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
        if any(block.badge for block in found):
            symbols.draw_badge_wire(scene, start, end, any(block.stretched for block in found))

    def draw_label(self, scene: Scene, wire: Wire, along: float, across: float) -> None:
        """What is written on a wire."""
        if wire.label is None:
            return
        x, y = self.xy(along + wire.label[0], across + wire.label[1])
        near, far = self._lines(wire.link, wire.short)
        gap = LABEL_GAP + (symbols.WEDGE if wire.link.stretched else 0)
        for lines, side in ((near, wire.side), (far, -wire.side)):
            _, high = symbols.label_size(lines)
            left, top, anchor = x, y + gap if side > 0 else y - gap - high, 0.5
            if self.down:
                left, top, anchor = x + side * gap, y - high / 2, 0.0 if side > 0 else 1.0
            symbols.draw_label(scene, wire.link, lines, left, top, anchor)


def _up_to(layout: Layout, end: float) -> Layout:
    """The inside of a box with what leaves it drawn up to the box's edge, which its name may set farther."""
    wires = [
        replace(wire, points=(*wire.points[:-1], (end, wire.points[-1][1])))
        if wire.link.target.startswith("out/")
        else wire
        for wire in layout.wires
    ]
    return replace(layout, wires=wires)
