"""Parameter counts: of the model and of each box, trainable and not, shared ones once."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor, nn

import gallery
from published import resnet18
from sumskip import Trace, trace
from sumskip.seeing.drawing import picture
from sumskip.seeing.drawing.scene import Text


def written_below(shown: Trace) -> list[str]:
    """What the picture and the outline say about parameters; both must say the same."""
    said = [line for line in shown.to_text().splitlines() if line.startswith("Parameters")]
    drawn = " ".join(shape.text for shape in picture(shown).elements if isinstance(shape, Text))
    assert drawn.count("Parameters") == len(said)
    assert all(line in drawn for line in said)
    return said


@pytest.mark.parametrize("frozen", [False, True])
def test_a_resnet_18_has_11_689_512(frozen: bool) -> None:
    """In every box as many as PyTorch's own modules count, trainable and not."""
    model = resnet18()
    if frozen:
        model.requires_grad_(False)
        model.fc.requires_grad_(True)
    traced = trace(model, torch.rand(2, 3, 32, 32))
    assert traced.count().total == 11_689_512
    for name, module in model.named_modules():
        own = traced.count(name or None)
        assert own.total == sum(p.numel() for p in module.parameters())
        assert own.trainable == sum(p.numel() for p in module.parameters() if p.requires_grad)
    words = "513,000 trainable, 11,176,512 not" if frozen else "all trainable"
    assert written_below(traced) == [f"Parameters: 11,689,512, {words}."]
    assert traced.count("layer1.0.conv1.weight").total == 36_864
    assert Trace.from_dict(traced.to_dict()).parameters == traced.parameters


def test_what_is_shared_counts_once() -> None:
    """A module that is used twice, one under two names, and a tied weight."""
    shared = nn.Linear(4, 4)
    both = nn.Sequential(nn.Sequential(shared, nn.ReLU()), nn.Sequential(shared, nn.Tanh()), shared)
    traced = trace(both, torch.rand(1, 4))
    assert [traced.count(box).total for box in (None, "0", "1", "0.0", "0.1")] == [20, 20, 20, 20, 0]

    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(10, 4)
            self.head = nn.Linear(4, 10, bias=False)
            self.head.weight = self.embedding.weight

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.embedding(x))

    traced = trace(Tied(), torch.tensor([1]))
    assert [traced.count(box).total for box in (None, "embedding", "head")] == [40, 40, 40]


def test_a_second_call_is_counted_as_the_first() -> None:
    """`block#2`, as the second call's box is called, has the block's own parameters."""
    block = nn.Sequential(nn.Linear(4, 4))
    traced = trace(nn.Sequential(block, block), torch.rand(1, 4))
    assert traced.count("0#2") == traced.count("0")
    assert traced.count("0#2").total == 20


def test_layers_in_a_plain_list_are_not_the_models() -> None:
    """No optimizer would be given them: the total is PyTorch's own, and the rest is said."""

    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 4)
            self.others = [nn.Linear(4, 4), nn.Linear(4, 4)]

        def forward(self, x: Tensor) -> Tensor:
            for layer in self.others:
                x = layer(x)
            return self.first(x)

    traced = trace(Hidden(), torch.rand(1, 4))
    assert traced.count().total == 20
    assert traced.count("others[1]").total == 20
    more = "40 more in layers that model.parameters() does not give"
    assert written_below(traced) == [f"Parameters: 20, all trainable; {more}."]


def test_lazy_layers_are_counted_once_they_have_weights() -> None:
    """They get their weights in the traced pass; where it fails before, nothing is claimed."""
    model = nn.Sequential(nn.LazyLinear(4), nn.LazyLinear(2))
    assert trace(model, torch.rand(1, 3)).count().total == 16 + 10
    failed = trace(nn.Sequential(nn.Linear(3, 3), nn.LazyLinear(2)), torch.rand(1, 4))
    assert failed.fault
    assert written_below(failed) == []


def test_a_function_has_the_parameters_of_the_modules_that_it_uses() -> None:
    """And a model without parameters says nothing of them."""
    layer = nn.Linear(4, 2)
    assert written_below(trace(lambda x: layer(x) + 1, torch.rand(1, 4))) == [
        "Parameters: 10, all trainable."
    ]
    assert written_below(trace(lambda x: x + 1, torch.rand(1, 4))) == []
    assert written_below(trace(nn.Sequential(nn.ReLU()), torch.rand(1, 4))) == []


def test_an_unknown_box_is_refused_by_naming_what_there_is() -> None:
    """The error names what came, and boxes that could have been meant."""
    with pytest.raises(ValueError, match=r"no container or layer is called 'conv9'; there are: conv1, "):
        trace(gallery.AdditionModel(), torch.rand(1, 3, 8, 8)).count("conv9")


def test_a_trace_that_was_kept_before_counts_existed_is_still_read() -> None:
    """Its dict has no parameters, so nothing is said of them; a wrong one is refused."""
    traced = trace(gallery.AdditionModel(), torch.rand(1, 3, 8, 8))
    old = traced.to_dict()
    del old["parameters"]
    assert Trace.from_dict(old) == dataclasses.replace(traced, parameters=())
    wrong = traced.to_dict()
    wrong["parameters"][0]["size"] = "many"
    with pytest.raises(ValueError, match="size is no int"):
        Trace.from_dict(wrong)
