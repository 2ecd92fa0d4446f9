"""Models side by side: what they share is in the same place, what differs is lit."""

from __future__ import annotations

import re

import pytest
import torch

import gallery
from sumskip import compare
from sumskip.seeing.compare import Comparison
from sumskip.seeing.drawing.panels import panels
from sumskip.seeing.drawing.scene import Line, Rectangle, Scene, Text


def three() -> Comparison:
    models = gallery.SequentialModel(), gallery.AdditionModel(), gallery.WeightedAdditionModel()
    return compare(*models, gallery._image())


def places(scene: Scene, text: str) -> list[tuple[float, float]]:
    return [(s.x, s.y) for s in scene.elements if isinstance(s, Text) and s.text == text]


def test_common_parts_are_in_the_same_place_in_each_panel() -> None:
    """conv1 stands at one height in all three, and as far from its panel's left edge."""
    scene = panels(three().traces)
    names = [places(scene, n)[0] for n in ("SequentialModel", "AdditionModel", "WeightedAdditionModel")]
    for part in ("x", "conv1", "conv2", "output"):
        found = places(scene, part)
        assert len(found) == 3
        offsets = {
            (round(x - nx, 3), round(y - ny, 3)) for (x, y), (nx, ny) in zip(found, names, strict=True)
        }
        assert len(offsets) == 1
    assert len({y for _, y in names}) == 1  # beside one another


def test_only_what_differs_is_lit() -> None:
    """x, conv1 and the output are quiet in all; lit things have a dashed frame and thick wires."""
    scene = panels(three().traces)
    halos = [s for s in scene.elements if isinstance(s, Rectangle) and s.dash == "5 3"]
    # conv2 thrice (16→32 once), + twice, × twice
    assert len(halos) == 7
    lit = [s for s in scene.elements if isinstance(s, Line) and s.role == "wire" and s.stroke_width > 3]
    quiet = [s for s in scene.elements if isinstance(s, Line) and s.role == "wire" and s.stroke_width < 2]
    assert len(quiet) == 6  # x to conv1 and conv1 to conv2, in each
    assert len(lit) == 1 + 3 + 5
    assert any("what differs" in s.text for s in scene.elements if isinstance(s, Text))


def test_a_chain_is_drawn_straight_past_what_only_others_have() -> None:
    """In the sequential model nothing lies between conv2 and the output, so its wire has no corner."""
    scene = panels(three().traces)
    divider = min(s.points[0][0] for s in scene.elements if isinstance(s, Line) and not s.role)
    first = [
        s for s in scene.elements if isinstance(s, Line) and s.role == "wire" and s.points[0][0] < divider
    ]
    assert len(first) == 3
    assert all(len(s.points) == 2 for s in first)


def test_it_says_in_words_what_it_shows() -> None:
    """Outlines of all, what is common, what each has besides, its wires."""
    text = three().to_text()
    assert text.count("conv1(x)") == 3
    assert "In all: x, conv1, output." in text
    assert "AdditionModel also has conv2 Conv2d(16, 16, 3×3), plus." in text
    assert "times (1 − alpha = 0.5)" in text
    assert "conv1 to plus" in text
    alt = three().alt_text
    assert alt.startswith("Side by side: SequentialModel, AdditionModel, WeightedAdditionModel.")
    assert len(alt) <= 400


def test_equal_models_show_no_difference() -> None:
    """What a learner calls a layer is no difference."""

    class Renamed(gallery.AdditionModel):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            first = self.conv1(x)
            second = self.conv2(first)
            return first + second

    made = compare(gallery.AdditionModel(), Renamed(), gallery._image())
    assert not [s for s in panels(made.traces).elements if isinstance(s, Rectangle) and s.dash == "5 3"]
    assert "They do not differ in what runs." in made.to_text()


def test_a_model_that_fails_is_drawn_as_far_as_it_came() -> None:
    """Its panel says where it stops, and why."""
    made = compare(gallery.AdditionModel(), gallery.SkipFromX(), gallery._image())
    shown = [s.text for s in panels(made.traces).elements if isinstance(s, Text)]
    assert "fails here" in shown
    assert any(text.startswith("It stops: 3 and 16") for text in shown)
    assert "SkipFromX stops: 3 and 16 in dimension 1" in made.alt_text


def test_it_shows_itself_in_a_notebook() -> None:
    """The same protocol as a trace."""
    made = three()
    bundle = made._repr_mimebundle_()
    assert sorted(bundle) == ["text/html", "text/plain"]
    assert re.fullmatch(
        r'<img alt="[^"<>]+" src="data:image/svg\+xml;base64,[\w+/=]+" style="[^"]+">', bundle["text/html"]
    )
    assert repr(made) == "<Comparison of SequentialModel, AdditionModel, WeightedAdditionModel>"
    assert made.to_svg() == three().to_svg()


@pytest.mark.parametrize("count", [4, 5])
def test_many_models_stay_within_the_column(count: int) -> None:
    """Panels go into further rows where they do not fit beside one another."""
    made = compare(*(gallery.WeightedAdditionModel() for _ in range(count)), gallery._image())
    assert panels(made.traces).width <= 900


def test_too_little_to_compare_is_refused() -> None:
    """The error shows the call."""
    for arguments in ((), (gallery.AdditionModel(),), (gallery.AdditionModel(), gallery._image())):
        with pytest.raises(ValueError, match=r"as in compare\(model_a, model_b, x\)"):
            compare(*arguments)
    with pytest.raises(ValueError, match="AdditionModel, AdditionModel came"):
        compare(gallery.AdditionModel(), gallery.AdditionModel())
