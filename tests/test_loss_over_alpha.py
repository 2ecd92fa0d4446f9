"""Loss over alpha: torch's own losses and gradients, a model left alone, and everything said in numbers."""

from __future__ import annotations

import math
import random
import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from sumskip import loss_over_alpha
from sumskip.models import Dimmer
from sumskip.seeing.widgets.alpha import LAST, _Plot
from sumskip.seeing.widgets.descent import Place, grid_around, measure

X = torch.linspace(-1, 1, 2 * 5 * 4).reshape(2, 1, 5, 4)


class Blend(nn.Module):
    """With everything that a forward pass can change: a mode, buffers, random numbers, attributes."""

    def __init__(self, alpha: Any = 0.5) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.conv = nn.Conv2d(1, 1, 3, padding=1)
        self.norm = nn.BatchNorm2d(1)
        self.drop = nn.Dropout(0.5)
        self.alpha = nn.Parameter(torch.as_tensor(alpha))
        self.calls = 0
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.seen.append(x)
        random.random()
        np.random.rand()
        x += 1  # and its own input
        return self.alpha * self.drop(self.norm(self.conv(x))) + (1 - self.alpha) * x


def dimmer(alpha: float = 0.5) -> Dimmer:
    torch.manual_seed(0)
    model = Dimmer()
    with torch.no_grad():
        model.alpha.fill_(alpha)
    return model


def target_of(model: Dimmer, alpha: float = 0.2) -> Tensor:
    with torch.no_grad():
        return alpha * model.conv(X)


def descent(model: nn.Module, target: Tensor, steps: int, lr: float) -> list[float]:
    optimizer, values = torch.optim.SGD([model.get_parameter("alpha")], lr), []
    for _ in range(steps):
        optimizer.zero_grad()
        functional.mse_loss(model(X), target).backward()
        optimizer.step()
        values.append(model.get_parameter("alpha").item())
    return values


@pytest.mark.parametrize("alpha", [-0.25, 0.0, 0.2, 0.7, 1.25])
def test_loss_and_gradient_are_torchs(alpha: float) -> None:
    """What the model itself gives with that alpha, after `backward`."""
    model, moved = dimmer(), dimmer(alpha)
    target = target_of(model)
    place = measure(model, X, target, alpha)
    loss = functional.mse_loss(moved(X), target)
    loss.backward()
    assert moved.alpha.grad is not None
    assert (place.loss, place.gradient) == (loss.item(), moved.alpha.grad.item())


def test_the_tangent_touches_the_curve_with_the_gradient_as_its_slope() -> None:
    """Between any two places of the curve the loss changes as the gradients say, exactly for a parabola."""
    model = dimmer()
    curve = _plot(model, target_of(model)).curve
    for one, other in pairwise(curve):
        rise = (one.gradient + other.gradient) / 2 * (other.alpha - one.alpha)
        assert other.loss - one.loss == pytest.approx(rise, abs=1e-6)
    plot = _plot(model, target_of(model))
    for place in curve:
        (x1, y1), (x2, y2) = plot._tangent(place)
        assert (y2 - y1) / (x2 - x1) == pytest.approx(place.gradient)
        assert y1 + place.gradient * (place.alpha - x1) == pytest.approx(place.loss)
        assert plot._over.x.least <= x1 <= place.alpha <= x2 <= plot._over.x.most


def _plot(model: nn.Module, target: Tensor, walk: tuple[float, ...] = ()) -> _Plot:
    measured = [measure(model, X, target, alpha) for alpha in grid_around(walk)]
    return _Plot(measured, [measure(model, X, target, alpha) for alpha in walk], 1)


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_exactly_as_it_was(training: bool) -> None:
    """Mode, parameters, gradients, buffers, attributes, random numbers, the input, and no-grad mode."""
    model = Blend().train(training)
    model.drop.eval()
    x, target = X.clone(), X.clone()
    model(X.clone()).sum().backward()
    alpha, gradient = model.alpha, model.alpha.grad
    assert gradient is not None
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    kept_gradient, seen = gradient.clone(), list(model.seen)
    generators = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    with torch.no_grad():
        loss_over_alpha(model, x, target, [0.4, 0.3])
        assert not torch.is_grad_enabled()
    assert model.alpha is alpha
    assert model.alpha.grad is gradient
    assert torch.equal(gradient, kept_gradient)
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())
    assert (model.training, model.drop.training, model.calls) == (training, False, 1)
    assert model.seen == seen
    assert torch.equal(x, X)
    assert torch.equal(torch.get_rng_state(), generators[0])
    assert random.getstate() == generators[1]
    assert np.array_equal(np.random.get_state()[1], generators[2])
    assert alpha.requires_grad


def test_every_alpha_meets_the_same_random_numbers() -> None:
    """With dropout and BatchNorm in training mode, the same alpha gives the same loss twice."""
    model = Blend()
    assert measure(model, X, X, 0.5) == measure(model, X, X, 0.5)


def test_a_frozen_alpha_is_measured_and_stays_frozen() -> None:
    model = dimmer()
    model.requires_grad_(False)
    assert loss_over_alpha(model, X, target_of(model)).text
    assert not model.alpha.requires_grad


def test_the_text_says_the_numbers_that_matter() -> None:
    """Where the loss is smallest, where the walk starts and ends, the tangent; and a table of the steps."""
    model = dimmer()
    target = target_of(model)
    values = descent(model, target, 30, 1.0)
    picture = loss_over_alpha(model, X, target, values, start=0.5)
    first, last = (measure(model, X, target, alpha) for alpha in (0.5, values[-1]))
    assert picture.alt_text.startswith("Loss over alpha, from −0.25 to 1.25. Smallest loss measured: ")
    assert re.search(r"measured: [\d.e−]+, at alpha 0.2\.", picture.alt_text)
    assert f"Start: alpha 0.5, loss {first.loss:.4g}. Step 30: alpha {last.alpha:.4g}, " in picture.alt_text
    assert f"Tangent: {first.words}" in picture.alt_text
    assert "A step against the gradient makes alpha smaller." in picture.alt_text
    rows = picture.text.split("\n\n")[1].splitlines()
    assert rows[0].split() == ["alpha", "loss", "gradient"]
    assert rows[1].split()[:2] == ["Start", "0.5"]
    assert rows[-1].startswith("Step 30")
    assert len(rows) == 13


def test_without_a_start_the_first_value_is_that_of_step_1() -> None:
    model = dimmer()
    picture = loss_over_alpha(model, X, target_of(model), [0.4, 0.3])
    assert "Step 1: alpha 0.4, " in picture.alt_text
    assert [place["says"].split(":")[0] for place in picture.data["steps"]] == ["Step 1", "Step 2"]


def test_without_a_walk_the_tangent_is_at_the_models_own_alpha() -> None:
    model = dimmer(0.7)
    picture = loss_over_alpha(model, X, target_of(model))
    assert "Tangent: alpha 0.7, " in picture.alt_text
    assert picture.data["steps"] == []
    assert picture.data["curve"][picture.data["first"]]["alpha"] == "0.7"


def test_the_slider_has_round_numbers_around_the_walk() -> None:
    """Sixty-one alphas from −0.25 to 1.25; where a step lies beyond, as far as that."""
    usual = grid_around([0.5, 0.2])
    assert [usual[0], usual[-1], len(usual)] == [-0.25, 1.25, 61]
    wide = grid_around([0.5, -3.3, 40.0])
    assert wide[0] <= -3.3
    assert wide[-1] >= 40
    assert len(wide) <= 90


def test_what_the_browser_gets_is_what_was_measured() -> None:
    """Every place says its own numbers, and its mark lies on the drawn curve's scale."""
    model = dimmer()
    target = target_of(model)
    picture = loss_over_alpha(model, X, target, [0.4])
    plot = _plot(model, target, (0.4,))
    for place, given in zip(plot.curve, picture.data["curve"], strict=True):
        assert given["says"] == place.words
        assert given["marks"] == [
            [pytest.approx(v + 14, abs=0.06) for v in plot._over.at(place.alpha, place.loss)]
        ]
    [step] = picture.data["steps"]
    assert len(step["marks"]) == 2
    assert picture.data["curve"][step["slider"]]["alpha"] == "0.4"
    assert '"nan"' not in str(picture.data).lower()


def test_the_still_is_a_picture_with_alternative_text() -> None:
    model = dimmer()
    picture = loss_over_alpha(model, X, target_of(model), [0.4, 0.3], start=0.5)
    root = ET.fromstring(picture.still.file)
    assert float(root.attrib["width"]) == picture.still.width <= 672
    assert root.attrib["aria-label"] == picture.alt_text
    words = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"start", "step 2", "loss", "alpha", "step"} <= set(words)
    assert LAST.mark != "circle"
    assert "<img alt=" in picture._repr_mimebundle_()["text/html"]


def test_a_walk_that_leaves_every_scale_is_still_a_picture() -> None:
    """float32 overflows on the way: what is not finite is said, and not drawn."""
    model = dimmer()
    picture = loss_over_alpha(model, X, target_of(model), [0.5, -3e19, 5e25])
    assert "the loss or its gradient is not finite" in picture.data["steps"][-1]["says"]
    assert not re.search(rb'[=",L]"?(nan|inf)', picture.still.file)
    assert picture.data["steps"][-1]["tangent"] == []
    assert Place(1.0, math.nan, 0.0).words == "alpha 1: the loss or its gradient is not finite."


class Plain(nn.Module):
    def __init__(self, alpha: Any, forward: Any = None) -> None:
        super().__init__()
        self.alpha = alpha
        self.run = forward or (lambda self, x: self.alpha * x)

    def forward(self, x: Tensor) -> Any:
        return self.run(self, x)


def parameter(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.full(shape, 0.5))


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: loss_over_alpha(3, X, X), TypeError, "an nn.Module with a parameter alpha; got int"),
        (lambda: loss_over_alpha(Dimmer, X, X), TypeError, "class Dimmer: make one first"),
        (lambda: loss_over_alpha(nn.Linear(1, 1), X, X), ValueError, "alpha is missing.*: weight, bias"),
        (lambda: loss_over_alpha(Plain(0.5), X, X), ValueError, "alpha is a float, .* are: none"),
        (lambda: loss_over_alpha(Plain(torch.tensor(0.5)), X, X), ValueError, "alpha is a Tensor"),
        (lambda: loss_over_alpha(Plain(parameter(3)), X, X), ValueError, r"single number.*shape \(3,\)"),
        (lambda: loss_over_alpha(Dimmer(), [1], X), TypeError, "a tensor as x; got a list"),
        (lambda: loss_over_alpha(Dimmer(), X, 0.2), TypeError, "a tensor as target; got a float"),
        (lambda: loss_over_alpha(Dimmer(), X[0, 0, 0], X), ValueError, r"failed for x of shape \(4,\): "),
        (lambda: loss_over_alpha(Dimmer(), X, X[:, :, :4]), ValueError, r"is \(2, 1, 5, 4\), and target is"),
        (lambda: loss_over_alpha(Plain(parameter(), lambda m, x: None), X, X), TypeError, "got a NoneType"),
        (
            lambda: loss_over_alpha(Plain(parameter(), lambda m, x: m.alpha.item() * x), X, X),
            ValueError,
            "no gradient flows from the loss to alpha",
        ),
        (lambda: loss_over_alpha(Dimmer(), X, X, 0.5), TypeError, "a list with alpha after each step; got a"),
        (
            lambda: loss_over_alpha(Dimmer(), X, X, [0.5, "1"]),
            TypeError,
            r"values\[1\] is a number.*got a str",
        ),
        (
            lambda: loss_over_alpha(Dimmer(), X, X, [0.5, math.nan]),
            ValueError,
            r"values\[1\] is nan, not a fin",
        ),
        (lambda: loss_over_alpha(Dimmer(), X, X, [0.5], start="a"), TypeError, "start is a number"),
    ],
)
def test_what_cannot_be_measured_is_said(call: Any, error: type[Exception], said: str) -> None:
    """One clear error each: what is taken, and what came."""
    with pytest.raises(error, match=said):
        call()


def test_alpha_may_have_one_dimension() -> None:
    """A parameter (1,) is one number, too; values may be a tensor."""
    assert loss_over_alpha(Plain(parameter(1)), X, X, torch.tensor([0.5, 0.25])).text
