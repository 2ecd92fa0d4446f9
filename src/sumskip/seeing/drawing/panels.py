"""Several traces in one picture: common parts in the same place in each panel, differences lit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sumskip.seeing.drawing import COLUMN, MARGIN, on_ground, symbols
from sumskip.seeing.drawing.layout import Layout, Spot, Wire, lay_out
from sumskip.seeing.drawing.lettering import fit, wrap
from sumskip.seeing.drawing.matching import LinkKey, Matching, match
from sumskip.seeing.drawing.outline import SPOKEN
from sumskip.seeing.drawing.painter import GAP_DOWN, GAP_RIGHT, Painter
from sumskip.seeing.drawing.parts import Item, Link, Sheet
from sumskip.seeing.drawing.scene import Line, Scene, Text
from sumskip.seeing.drawing.stripes import Label, Size
from sumskip.seeing.drawing.symbols import INK, SMALL, SOFT, TITLE
from sumskip.seeing.drawing.view import view
from sumskip.seeing.graph import Graph
from sumskip.text import clean

MOST_OPEN = 40  # nodes up to which containers are opened; boxes would hide what is the same
BETWEEN = 18.0


def panels(traces: Sequence[Graph]) -> Scene:
    """The picture: panels beside one another where they fit, otherwise below one another."""
    matching = match([_flat(trace) for trace in traces])
    down = _Panels(matching, Painter(down=True, narrow=True), GAP_DOWN)
    count = len(traces)
    if count * down.width + (count - 1) * BETWEEN <= COLUMN - 2 * MARGIN:
        return _arranged(traces, down, count)
    right = _Panels(matching, Painter(down=False), GAP_RIGHT)
    if right.width <= COLUMN - 2 * MARGIN:
        return _arranged(traces, right, 1)
    return _arranged(traces, down, max(1, int((COLUMN - 2 * MARGIN + BETWEEN) // (down.width + BETWEEN))))


def contrasts(traces: Sequence[Graph], wires: bool = True) -> list[str]:
    """In words: what all models have, and for each what not all of them have."""
    matching = match([_flat(trace) for trace in traces])
    common = [_called(slot.items[0]) for slot in matching.slots if matching.same(slot)]
    said = [f"In all: {', '.join(common)}." if common else "Nothing is the same in all."]
    for model, trace in enumerate(traces):
        name = clean(trace.name, 40) or f"model {model + 1}"
        slots = [slot for slot in matching.slots if model in slot.items]
        own = [_called(slot.items[model], whole=True) for slot in slots if not matching.same(slot)]
        if own:
            said.append(f"{name} also has {', '.join(own)}.")
        ends = {slot.id: _called(slot.items[model]) for slot in slots}
        mine = [key for key, by in matching.links.items() if model in by and not matching.same_link(key)]
        if mine and wires:
            said.append(f"Its own wires: {', '.join(f'{ends[a]} to {ends[b]}' for a, b, _ in mine)}.")
        if trace.fault:
            said.append(f"{name} stops: {clean(trace.fault.sentence, 160).rstrip('.')}.")
    if len(said) == 1:
        said.append("They do not differ in what runs.")
    return said


def _called(item: Item, whole: bool = False) -> str:
    """An item in words: its name and, where the whole is wanted, its settings and badges."""
    name = SPOKEN.get(item.title, item.title)
    if not whole:
        return name
    badges = " and ".join(badge.words for badge in item.badges)
    said = f"{name} {item.subtitle}" if item.look == "module" else name
    return f"{said} ({badges})" if badges else said


def _flat(trace: Graph) -> Sheet:
    """What is compared: every operator of a small model, of a large one its outermost containers."""
    if len(trace.nodes) > MOST_OPEN:
        return view(trace, depth=0).sheet
    return view(replace(trace, nodes=tuple(replace(node, path=()) for node in trace.nodes))).sheet


class _Panels:
    """One layout for all models together, from which each panel shows its own part."""

    def __init__(self, matching: Matching, painter: Painter, gap: float) -> None:
        self.matching, self.painter = matching, painter
        self._gap = gap + 8  # for the frames
        self.straight: list[LinkKey] = []
        layout = self._lay_out()
        self.straight = [key for key in matching.links if self._can_be_straight(key, layout)]
        self.layout = self._lay_out()
        self.width, self.height = painter.xy(self.layout.along, self.layout.across)

    def _lay_out(self) -> Layout:
        sheet = Sheet()
        for slot in self.matching.slots:
            sheet.items[slot.id] = replace(next(iter(slot.items.values())), id=slot.id)
        keys = [key for key in self.matching.links if key not in self.straight]
        sheet.links = [
            Link(key[0], key[1], key[0], name=str(n), owners=frozenset(self.matching.links[key]))
            for n, key in enumerate(keys)
        ]
        self._keys = keys
        return lay_out(sheet, self._size, self._label, self._gap)

    def _size(self, item: Item) -> Size:
        """Room for what any of the models has in the slot."""
        slot = next(slot for slot in self.matching.slots if slot.id == item.id)
        sizes = [self.painter.size(own) for own in slot.items.values()]
        across = max(size.across for size in sizes)
        return Size(
            max(size.along for size in sizes),
            across,
            across / 2,
            max(size.beside_along for size in sizes),
            max(size.beside_across for size in sizes),
        )

    def _label(self, link: Link, short: bool) -> Label:
        key = self._keys[int(link.name)]
        rooms = [self.painter.label(own, short) for own in self.matching.links[key].values()]
        # a wire that goes straight on past what only others have is labelled in the same row
        rooms += [
            replace(self.painter.label(own, False), along=0)
            for other in self.straight
            if other[0] == key[0]
            for own in self.matching.links[other].values()
        ]
        return Label(
            max(room.along for room in rooms),
            max(room.across for room in rooms),
            max(room.far_along for room in rooms),
            max(room.far_across for room in rooms),
        )

    def _can_be_straight(self, key: LinkKey, layout: Layout) -> bool:
        """Whether every model with this wire has nothing between its ends, which lie in one line."""
        spots = {spot.item.id: spot for spot in layout.spots}
        wire = layout.wires[self._keys.index(key)]
        start, end = spots[key[0]], spots[key[1]]
        middle = _middle(start)
        if not wire.arc or key[2] or abs(middle - _middle(end)) > 1:
            return False
        between = [
            slot
            for slot in self.matching.slots
            if abs(_middle(spots[slot.id]) - middle) < 1 and start.along < spots[slot.id].along < end.along
        ]
        return not any(model in slot.items for slot in between for model in self.matching.links[key])

    def draw(self, model: int) -> Scene:
        """One model's panel."""
        scene = Scene(self.width, self.height)
        spots = {spot.item.id: spot for spot in self.layout.spots}
        wires = list(zip(self._keys, self.layout.wires, strict=True))
        wires += [(key, _straight(spots[key[0]], spots[key[1]])) for key in self.straight]
        mine = []
        for key, wire in wires:
            if model in self.matching.links[key]:
                link = self.matching.links[key][model]
                mine.append(replace(wire, link=replace(link, lit=not self.matching.same_link(key))))
        mine.sort(key=lambda wire: wire.link.lit is True)  # what is lit lies above what is not
        for slot in self.matching.slots:
            if model in slot.items and not self.matching.same(slot):
                self.painter.draw_halo(scene, spots[slot.id])
        for wire in mine:
            self.painter.draw_wire(scene, wire, 0, 0)
        for slot in self.matching.slots:
            if model in slot.items:
                item = replace(slot.items[model], lit=not self.matching.same(slot))
                self.painter.draw_item(scene, replace(spots[slot.id], item=item), 0, 0)
        for wire in mine:
            self.painter.draw_label(scene, wire, 0, 0)
        return scene


def _straight(start: Spot, end: Spot) -> Wire:
    begin, stop, line = start.along + start.size.along, end.along, _middle(start)
    link = Link(start.item.id, end.item.id, "")
    return Wire(link, ((begin, line), (stop, line)), ((begin + stop) / 2, line), 1, False, False)


def _middle(spot: Spot) -> float:
    return spot.across + spot.size.line


def _arranged(traces: Sequence[Graph], drawn: _Panels, per_row: int) -> Scene:
    """Panels in rows, each under its model's name and over what stopped it; the key below."""
    body = Scene()
    y = wide = 0.0
    for first in range(0, len(traces), per_row):
        bottom = y
        for place, trace in enumerate(traces[first : first + per_row]):
            x = place * (drawn.width + BETWEEN)
            name = fit(clean(trace.name, 60) or f"model {first + place + 1}", TITLE, drawn.width, bold=True)
            body.elements.append(Text(x, y + TITLE, name, TITLE, INK, True, "start"))
            body.place(drawn.draw(first + place), x, y + TITLE + 14)
            end = y + TITLE + 14 + drawn.height
            if trace.fault:
                said = f"It stops: {clean(trace.fault.sentence, 200)}"
                for line in wrap(said, SMALL, drawn.width, lines=6):
                    end += 16
                    body.elements.append(Text(x, end, line, SMALL, symbols.RED_DARK, anchor="start"))
            if place:
                ruler = x - BETWEEN / 2
                body.elements.insert(0, Line(((ruler, y), (ruler, end)), symbols.FRAME, 1))
            bottom, wide = max(bottom, end), max(wide, x + drawn.width)
        y = bottom + BETWEEN
    key = "Framed, with thick wires: what differs. Thin and grey: what all have."
    for n, line in enumerate(wrap(key, SMALL, wide)):
        body.elements.append(Text(0, y + 4 + 15 * n, line, SMALL, SOFT, anchor="start", role="label"))
        body.height = y + 10 + 15 * n
    body.width = wide
    return on_ground(body)
