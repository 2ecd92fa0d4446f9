"""The references do what the course publishes, computed here by hand from their own weights."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from autograder.exercises import EXERCISES


@pytest.fixture
def x() -> Tensor:
    torch.manual_seed(0)
    return torch.randn(1, 3, 32, 32)


def outputs(model: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """`out1` and `out2` of a model's first two convolutions, chained, without calling the model."""
    first, second = (m for m in model.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3))
    out1 = F.conv2d(x, first.weight, first.bias, padding=1)
    return out1, F.conv2d(out1, second.weight, second.bias, padding=1)


def test_sequential_flow(x: Tensor) -> None:
    """3→16→32: the second convolution's output alone, (1, 32, 32, 32)."""
    model = EXERCISES["sequential_model"].answer()
    out1, out2 = outputs(model, x)
    assert out1.shape == (1, 16, 32, 32)
    assert model(x).shape == (1, 32, 32, 32)
    torch.testing.assert_close(model(x), out2)


@pytest.mark.parametrize("name", ["addition_model", "repair_addition"])
def test_explicit_addition(name: str, x: Tensor) -> None:
    """3→16→16: out1 + out2, (1, 16, 32, 32)."""
    model = EXERCISES[name].answer()
    out1, out2 = outputs(model, x)
    assert model(x).shape == (1, 16, 32, 32)
    torch.testing.assert_close(model(x), out1 + out2)


@pytest.mark.parametrize("alpha", [0.5, 0.3, 1.7, -0.4])
def test_weighted_addition(alpha: float, x: Tensor) -> None:
    """alpha · out1 + (1 − alpha) · out2, (1, 16, 32, 32); alpha learns, and starts at 0.5."""
    model = EXERCISES["weighted_addition_model"].answer()
    assert model.alpha.item() == 0.5
    assert any(parameter is model.alpha for parameter in model.parameters())
    with torch.no_grad():
        model.alpha.fill_(alpha)
    out1, out2 = outputs(model, x)
    result = model(x)
    assert result.shape == (1, 16, 32, 32)
    torch.testing.assert_close(result, alpha * out1 + (1 - alpha) * out2)
    result.sum().backward()
    torch.testing.assert_close(model.alpha.grad, (out1 - out2).sum(), rtol=1e-3, atol=1e-3)


def test_projected_addition(x: Tensor) -> None:
    """out2 + project(out1), (1, 32, 32, 32)."""
    model = EXERCISES["projected_addition_model"].answer()
    out1, out2 = outputs(model, x)
    (project,) = (m for m in model.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1))
    assert model(x).shape == (1, 32, 32, 32)
    torch.testing.assert_close(model(x), out2 + F.conv2d(out1, project.weight, project.bias))


def test_a_residual_block_that_adds_nothing_is_the_identity() -> None:
    """With the last BatchNorm's gain and bias at 0, relu(F(x) + x) is x where x is not negative."""
    x = torch.rand(2, 4, 6, 6)
    for block in (EXERCISES["identity_block"].answer(4), EXERCISES["residual_block"].answer(4, 4)):
        last = [m for m in block.modules() if isinstance(m, nn.BatchNorm2d)][-1]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        torch.testing.assert_close(block(x), x)


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [((6, 6), (2, 6, 8, 6)), ((6, 6, 2), (2, 6, 4, 3)), ((6, 9), (2, 9, 8, 6)), ((6, 9, 2), (2, 9, 4, 3))],
)
def test_residual_shapes(arguments: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """The shortcut follows channels and stride, and nothing negative leaves the block."""
    result = EXERCISES["residual_block"].answer(*arguments)(torch.randn(2, 6, 8, 6))
    assert result.shape == shape
    assert float(result.detach().min()) >= 0
