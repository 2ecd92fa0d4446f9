"""The skip connections that closed boxes hide, and pictures of well-known models as a learner meets them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import published
from sumskip import Trace, trace
from sumskip.seeing.drawing import draw, picture
from sumskip.seeing.drawing.parts import Sheet
from sumskip.seeing.drawing.scene import Line, Scene, Text
from sumskip.seeing.drawing.view import view
from sumskip.seeing.drawing.walk import walk


class Anything(nn.Module):
    """A box whose name says nothing: `run(self, x)`."""

    def __init__(self, run: Callable[[Anything, Tensor], Tensor]) -> None:
        super().__init__()
        self.run = run
        self.a, self.b, self.c = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)
        self.alpha = nn.Parameter(torch.tensor(0.5))
        self.bias = nn.Parameter(torch.zeros(4))

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self, x)


def closed(run: Callable[[Anything, Tensor], Tensor]) -> tuple[bool, ...]:
    """What the closed box tells of its skips."""
    sheet = view(trace(nn.Sequential(Anything(run)), torch.ones(2, 4)), depth=0).sheet
    [box] = [item for item in sheet.items.values() if item.look == "folded"]
    return box.skips


def both(self: Anything, x: Tensor) -> Tensor:
    x = x + self.a(x)
    return x + self.c(self.b(x))


@pytest.mark.parametrize(
    ("run", "skips"),
    [
        (lambda self, x: self.b(torch.relu(self.a(x))) + x, (False,)),
        (lambda self, x: torch.add(x, self.a(x)), (False,)),
        (lambda self, x: torch.relu(self.b(self.a(x)) + self.c(x)), (True,)),
        (lambda self, x: self.alpha * self.a(x) + (1 - self.alpha) * self.b(self.a(x)), (True,)),
        (both, (False, False)),
        # no skip: a chain, two ways of one length, the same twice, a parameter, two that never met
        (lambda self, x: self.b(self.a(x)), ()),
        (lambda self, x: self.a(x) + self.b(x), ()),
        (lambda self, x: self.a(x + x), ()),
        (lambda self, x: self.a(x) + self.bias, ()),
        (lambda self, x: self.a(x) + torch.ones(4), ()),
        (lambda self, x: x * self.a(x), ()),
    ],
)
def test_a_closed_box_tells_its_skips_by_its_wires(
    run: Callable[[Anything, Tensor], Tensor], skips: tuple[bool, ...]
) -> None:
    """A sum that one tensor reaches on a short way and a long one; True where that is no bare wire."""
    assert closed(run) == skips


def arcs(scene: Scene) -> int:
    """Skip connections that are seen: the heavy wires of the picture, and those of closed boxes."""
    lines = [shape for shape in scene.elements if isinstance(shape, Line)]
    return sum(line.role == "skip" or (line.role == "wire" and line.stroke_width > 2) for line in lines)


def texts(scene: Scene) -> list[str]:
    return [shape.text for shape in scene.elements if isinstance(shape, Text)]


def traced(name: str) -> Trace:
    make, x = published.MODELS[name]
    torch.manual_seed(0)
    return trace(make().eval(), x)


def test_a_resnet_18_shows_its_eight_skip_connections() -> None:
    """As it is drawn by itself, with a + for each."""
    model = published.resnet18()
    assert sum(parameter.numel() for parameter in model.parameters()) == 11_689_512
    scene = picture(traced("resnet18"))
    assert arcs(scene) == texts(scene).count("+") == 8


def test_more_skips_than_are_drawn_are_counted() -> None:
    """Twelve blocks in one closed box: one + with its number, and not twelve."""
    scene = picture(traced("vision_transformer"), depth=0)
    assert arcs(scene) == 1
    assert "24 ×" in texts(scene)


def closed_boxes(sheet: Sheet) -> list[tuple[str, str, tuple[str, ...]]]:
    """Title, second line and names of all closed boxes."""
    found = []
    for item in sheet.items.values():
        if item.look == "folded":
            found.append((item.title, item.subtitle, item.stands_for))
        found += closed_boxes(item.inner) if item.inner else []
    return found


def test_what_is_alike_is_counted_after_the_first() -> None:
    """The first block of twelve is open, the others are one box; their sequence is called by them."""
    scene, seen = draw(traced("vision_transformer"))
    others = tuple(f"encoder.layers.encoder_layer_{n}" for n in range(1, 12))
    assert ("11 × EncoderBlock", "encoder_layer_1 … 11", others) in closed_boxes(seen.sheet)
    assert "layers · 12 × EncoderBlock" in texts(scene)
    assert "encoder_layer_0 · EncoderBlock" in texts(scene)
    assert any('open="encoder.layers.encoder_layer_1" opens one' in text for text in texts(scene))


def test_a_walk_calls_counted_boxes_by_their_number() -> None:
    """What flows into eleven blocks does not only flow into the first of them."""
    said = [step.says for step in walk(traced("vision_transformer")).steps]
    assert any("into 11 × EncoderBlock (encoder_layer_1 … 11)" in says for says in said)


def test_a_closed_box_was_looked_inside_whatever_in_it_was_not() -> None:
    """An encoder holds attentions that were not; that is said of these, where they are seen."""
    _, closed = draw(traced("text_encoder"), depth=0)
    assert [item.marks for item in closed.items.values() if item.look == "folded"][:1] == [()]
    _, opened = draw(traced("text_encoder"), depth=2)
    assert ("not looked inside",) in [item.marks for item in opened.items.values()]


def test_only_what_is_alike_is_counted() -> None:
    """In a ResNet-50 the first block of each layer projects its shortcut, and stands for itself."""
    _, seen = draw(traced("resnet50"))
    assert [box[:2] for box in closed_boxes(seen.sheet)] == [
        *(("0 · Bottleneck", "12 operators inside"), ("2 × Bottleneck", "1 … 2")),
        *(("0 · Bottleneck", "12 operators inside"), ("3 × Bottleneck", "1 … 3")),
        *(("0 · Bottleneck", "12 operators inside"), ("5 × Bottleneck", "1 … 5")),
        *(("0 · Bottleneck", "12 operators inside"), ("2 × Bottleneck", "1 … 2")),
    ]
    assert "layer1 · 2 × BasicBlock" in texts(picture(traced("resnet18")))


def test_an_opened_box_divides_those_that_are_counted() -> None:
    """One in the middle leaves some before it and some behind it."""
    _, seen = draw(traced("resnet50"), open="layer3.3")
    counted = [names for _, _, names in closed_boxes(seen.sheet) if names[0].startswith("layer3.")]
    assert counted == [("layer3.0",), ("layer3.1", "layer3.2"), ("layer3.4", "layer3.5")]


@pytest.mark.parametrize(
    ("last", "counted"),
    [
        (nn.Sequential(nn.Linear(4, 4), nn.ReLU()), True),
        (nn.Sequential(nn.Linear(4, 4), nn.Tanh()), False),  # another class
        (nn.Sequential(nn.Linear(4, 5), nn.ReLU()), False),  # another width
        (nn.Sequential(nn.ReLU(), nn.Linear(4, 4)), False),  # another order
        (nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.ReLU()), False),
        (nn.Sequential(nn.Linear(3, 4), nn.ReLU()), False),  # it fails
        (nn.ModuleList([nn.Linear(4, 4), nn.ReLU()]), False),
    ],
)
def test_alike_is_of_one_class_with_the_same_wires_and_shapes(last: nn.Module, counted: bool) -> None:
    """Two boxes that differ in what is seen of them are two."""
    first = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    seen = view(trace(nn.Sequential(first, last), torch.ones(2, 4)), open=[])
    assert (("2 × Sequential", "0 … 1", ("0", "1")) in closed_boxes(seen.sheet)) == counted


def test_boxes_side_by_side_are_not_counted_as_a_chain() -> None:
    """Heads that read the same tensor are as many as they are."""

    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.heads = nn.ModuleList(nn.Sequential(nn.Linear(4, 4)) for _ in range(3))

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([head(x) for head in self.heads])

    assert len(closed_boxes(view(trace(Heads(), torch.ones(2, 4)), open=[]).sheet)) == 3


def test_a_resnet_18_is_drawn_in_less_time_than_it_is_traced() -> None:
    """In this process's time, the quickest of several; nothing is kept from one to the next."""
    make, x = published.MODELS["resnet18"]
    model = make().eval()
    found = trace(model, x)

    def quickest(run: Callable[[], object]) -> float:
        spent = []
        for _ in range(7):
            start = time.process_time()
            run()
            spent.append(time.process_time() - start)
        return min(spent)

    assert quickest(found.to_svg) < quickest(lambda: trace(model, x))


@pytest.mark.parametrize("name", sorted(published.MODELS))
def test_a_well_known_model_is_readable(name: str) -> None:
    """At 700 px wide it is at most two screens high, and its type at least 9 px."""
    scene = picture(traced(name))
    smaller = min(1, 700 / scene.width)
    assert scene.height * smaller <= 1400
    assert min(shape.size for shape in scene.elements if isinstance(shape, Text)) * smaller >= 8.9
