"""Modules, containers, shortcuts, inputs and outputs: exact nodes and edges."""

from __future__ import annotations

import copy
import functools
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from pictures import Bench, marked, nodes, photo, well_formed, wires
from sumskip import trace


def traced(run: Any, mode: bool = True) -> Any:
    model = Bench(run).train(mode)
    found = trace(model, photo())
    assert found.fault is None, found.fault
    well_formed(found)
    assert trace(model, photo()) == found
    return found


class Double(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


class Nothing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


class Residual(nn.Module):
    def __init__(self, shortcut: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(x) + self.shortcut(x))


def test_sequential_chains() -> None:
    model = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1))
    found = trace(model, photo())
    assert nodes(found) == ["input input", "0 module", "1 module", "output output"]
    assert wires(found) == ["input -> 0", "0 -> 1", "1 -> output"]
    assert [node.type_name for node in found.nodes[1:3]] == ["Conv2d(3, 16, 3×3)", "Conv2d(16, 32, 3×3)"]
    assert [node.shape for node in found.nodes] == [
        (1, 3, 8, 6),
        (1, 16, 8, 6),
        (1, 32, 8, 6),
        (1, 32, 8, 6),
    ]
    assert found.name == "Sequential"


def test_nested_sequential_has_paths() -> None:
    inner = nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 3, 1), act=nn.ReLU()))
    found = trace(nn.Sequential(Double(), nn.Sequential(inner, nn.Tanh())), photo())
    assert [(node.id, node.path) for node in found.nodes] == [
        ("input", ()),
        ("2", ("0",)),
        ("×", ("0",)),
        ("1.0.conv", ("1", "1.0")),
        ("1.0.act", ("1", "1.0")),
        ("1.1", ("1",)),
        ("output", ()),
    ]
    assert found.boxes == (("0", "Double"), ("1", "Sequential"), ("1.0", "Sequential"))
    assert wires(found)[-3:] == ["1.0.conv -> 1.0.act", "1.0.act -> 1.1", "1.1 -> output"]


def test_a_module_called_twice_is_two_nodes() -> None:
    found = traced(lambda self, x: self.conv1(self.conv1(x)))
    assert nodes(found) == ["x input", "conv1 module", "conv1#2 module", "output output"]
    assert [node.label for node in found.nodes[1:3]] == ["conv1", "conv1"]
    assert wires(found) == ["x -> conv1", "conv1 -> conv1#2", "conv1#2 -> output"]


def test_a_container_called_twice_is_two_boxes() -> None:
    model = Bench(lambda self, x: self.twice(self.twice(x)))
    model.twice = Double()
    found = trace(model, photo())
    assert found.boxes == (("twice", "Double"), ("twice#2", "Double"))
    assert [node.path for node in found.nodes if node.label == "×"] == [("twice",), ("twice#2",)]


def test_module_list_in_a_loop_and_a_plain_list() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        for layer in [*self.blocks, *self.layers]:
            x = layer(x)
        return x

    found = traced(run)
    assert nodes(found)[1:4] == ["blocks.0 module", "blocks.1 module", "layers[0] module"]
    assert [node.variable for node in found.nodes[1:4]] == ["x", "x", "x"]


@pytest.mark.parametrize("shortcut", [nn.Identity(), nn.Dropout(0.5).eval(), Nothing()])
def test_a_shortcut_that_returns_its_input_keeps_its_edge(shortcut: nn.Module) -> None:
    """The very same object comes back, and still one branch goes round and the other straight on."""
    found = trace(Residual(shortcut), photo())
    assert nodes(found) == [
        "x input",
        "conv module",
        "shortcut module",
        "+ op",
        "relu op",
        "output output",
    ]
    assert wires(found) == [
        "x -> conv",
        "x -> shortcut",
        "conv -> +",
        "shortcut -> +",
        "+ -> relu",
        "relu -> output",
    ]


def test_a_shortcut_first_and_the_input_used_again_after_it() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        skip = self.skip(x)
        kept = F.dropout(skip, training=False)
        return torch.stack([skip, kept, self.conv1(x), x])

    found = traced(run)
    assert wires(found) == [
        "x -> skip",
        "skip -> dropout",
        "x -> conv1",
        "skip -> stack",
        "dropout -> stack",
        "conv1 -> stack",
        "x -> stack",
        "stack -> output",
    ]


def test_the_output_of_a_shortcut_is_the_models_own_object() -> None:
    x = photo()
    found = trace(nn.Identity(), x)
    assert wires(found) == ["input -> Identity", "Identity -> output"]
    assert found.output is x
    x.requires_grad_()
    kept = trace(Bench(lambda self, x: {"a": [self.skip(x)]}), x).output["a"][0]
    assert kept is x


def test_a_sequential_of_nothing_but_a_shortcut() -> None:
    found = trace(nn.Sequential(nn.Identity()), photo())
    assert wires(found) == ["input -> 0", "0 -> output"]


def test_dropout_in_train_mode_is_one_node_too() -> None:
    found = traced(lambda self, x: self.dropout(x) + x)
    assert wires(found) == ["x -> dropout", "dropout -> +", "x -> +", "+ -> output"]


def test_the_model_can_be_a_leaf() -> None:
    found = trace(nn.Conv2d(3, 4, 1), photo())
    assert nodes(found) == ["input input", "Conv2d module", "output output"]


def test_a_subclass_of_a_layer_with_its_own_forward_is_looked_into() -> None:
    class Scaled(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x)

    model = nn.Sequential(Scaled(3, 4, 1))
    found = trace(model, photo())
    assert wires(found) == [
        "input -> conv2d",
        "0.weight -> conv2d",
        "0.bias -> conv2d",
        "2 -> ×",
        "conv2d -> ×",
        "× -> output",
    ]


def test_several_inputs_carry_the_names_of_forward() -> None:
    class Two(nn.Module):
        def forward(self, image: Tensor, *, mask: Tensor | None = None, extra: Any = None) -> Tensor:
            return image * mask + extra["shift"][0]

    found = trace(Two(), photo(), mask=photo(), extra={"shift": [photo()]})
    assert nodes(found)[:3] == ["image input", "mask input", "extra['shift'][0] input"]
    assert wires(found) == ["image -> ×", "mask -> ×", "× -> +", "extra['shift'][0] -> +", "+ -> output"]


def test_the_same_tensor_for_two_inputs_is_one_input() -> None:
    x = photo()
    assert wires(trace(lambda a, b: a + b, x, x)) == ["a -> +", "a -> +", "+ -> output"]


def test_star_inputs() -> None:
    found = trace(lambda *xs: xs[0] - xs[1], photo(), photo())
    assert wires(found) == ["xs[0] -> −", "xs[1] -> −", "− -> output"]


def test_an_unused_input_is_still_there() -> None:
    assert nodes(trace(lambda a, b: a * 2, photo(), photo()))[:2] == ["a input", "b input"]


Pair = namedtuple("Pair", "first second")


@pytest.mark.parametrize(
    ("build", "labels"),
    [
        (lambda a, b: (a, b), ["output[0]", "output[1]"]),
        (lambda a, b: [a, (b, a)], ["output[0]", "output[1][0]", "output[1][1]"]),
        (lambda a, b: {"low": a, "high": b}, ["output['low']", "output['high']"]),
        (lambda a, b: Pair(a, b), ["output.first", "output.second"]),
    ],
)
def test_outputs_in_tuples_and_dicts(build: Any, labels: list[str]) -> None:
    found = traced(lambda self, x: build(self.conv1(x), x))
    assert [node.label for node in found.nodes if node.kind == "output"] == labels
    first = next(node.id for node in found.nodes if node.kind == "output")
    assert f"conv1 -> {first}" in wires(found)


def test_a_function_and_the_modules_it_sees() -> None:
    model = Bench(lambda self, x: self.conv1(x))

    def around(image: Tensor) -> Tensor:
        return model(image) + image

    found = trace(around, photo())
    assert found.name == "around"
    assert nodes(found) == ["image input", "model.conv1 module", "+ op", "output output"]
    assert found.boxes == (("model", "Bench"),)


def test_a_method_of_a_model() -> None:
    found = trace(Bench(lambda self, x: self.conv1(x)).forward, photo())
    assert nodes(found) == ["x input", "conv1 module", "output output"]


def test_lazy_modules_stay_lazy() -> None:
    model = nn.Sequential(nn.LazyConv2d(4, 1), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
    found = trace(model, photo())
    assert nodes(found)[1:5] == ["0 module", "1 module", "2 module", "3 module"]
    assert found.output.shape == (1, 2)
    assert isinstance(model[0], nn.LazyConv2d)
    assert torch.equal(found.output, model(photo()))


def test_double() -> None:
    model = Bench(lambda self, x: self.alpha * self.conv1(x)).double()
    found = trace(model, photo().double())
    assert found.output.dtype == torch.float64
    assert wires(found) == ["x -> conv1", "alpha -> ×", "conv1 -> ×", "× -> output"]


def test_converting_is_an_operator_where_it_converts() -> None:
    found = trace(lambda x: x.to(torch.float64).to(torch.float64), photo())
    assert nodes(found) == ["x input", "to op", "output output"]
    assert found.nodes[1].type_name == "to(float64)"


def test_hooks_that_change_what_a_layer_returns() -> None:
    model = Bench(lambda self, x: self.conv1(x) + x)
    model.conv1.register_forward_hook(lambda module, args, output: output * 3)
    model.conv1.register_forward_pre_hook(lambda module, args: (args[0] - 1,))
    found = trace(model, photo())
    assert wires(found) == [
        "x -> −",
        "1 -> −",
        "− -> conv1",
        "conv1 -> ×",
        "3 -> ×",
        "× -> +",
        "x -> +",
        "+ -> output",
    ]
    assert torch.equal(found.output, model(photo()))
    assert len(model.conv1._forward_hooks) == len(model.conv1._forward_pre_hooks) == 1


def test_hooks_on_containers() -> None:
    model = nn.Sequential(nn.Sequential(nn.ReLU()))
    model[0].register_forward_hook(lambda module, args, output: output + 1)
    found = trace(model, photo())
    assert wires(found) == ["input -> 0.0", "0.0 -> +", "1 -> +", "+ -> output"]


def test_parameters_in_operators_go_by_their_qualified_name() -> None:
    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.tensor([2.0]))

        def forward(self, x: Tensor) -> Tensor:
            return self.gain * x

    found = trace(nn.Sequential(Scale(), Scale()), photo())
    gains = [node for node in found.nodes if node.kind == "parameter"]
    assert [(node.label, node.value, node.shape) for node in gains] == [
        ("0.gain", 2.0, (1,)),
        ("1.gain", 2.0, (1,)),
    ]


def test_one_parameter_used_twice_is_one_node_with_two_edges() -> None:
    found = traced(lambda self, x: self.alpha * x + self.alpha)
    assert wires(found) == ["alpha -> ×", "x -> ×", "× -> +", "alpha -> +", "+ -> output"]


def test_a_block_s_result_takes_the_name_from_outside_where_it_has_none() -> None:
    model = Bench(lambda self, x: _named(self, x))
    model.block = Residual(nn.Identity())
    found = trace(model, photo())
    assert {node.id: node.variable for node in found.nodes}["relu"] == "hidden"


def _named(self: Any, x: Tensor) -> Tensor:
    hidden = self.block(x)
    return hidden * 2


def test_names_are_found_in_every_kind_of_assignment() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        a = b = self.conv1(x)
        self.kept = self.conv2(a)
        c: Tensor = b + self.kept
        if (d := c * 2).dim() == 4:
            d = d - 1
        return d

    found = {node.id: node.variable for node in traced(run).nodes}
    assert found["conv1"] == "a"
    assert found["conv2"] == "self.kept"
    assert found["+"] == "c"
    assert found["×"] == "d"
    assert found["−"] == "d"


def test_inside_of_a_sequential_no_name_is_invented() -> None:
    model = Bench(lambda self, x: _through(self, x))
    model.net = nn.Sequential(nn.ReLU(), nn.Tanh())
    found = {node.id: node.variable for node in trace(model, photo()).nodes}
    assert found["net.0"] is None
    assert found["net.1"] == "deep"


def _through(self: Any, x: Tensor) -> Tensor:
    deep = self.net(x)
    return deep * 2


def test_lines_are_the_learners() -> None:
    found = traced(lambda self, x: self.conv1(x))
    line = next(node.line for node in found.nodes if node.id == "conv1")
    assert line is not None
    with open(__file__) as source:  # noqa: PTH123
        assert "self.conv1(x)" in source.read().splitlines()[line - 1]


def test_layers_with_more_inside_say_so() -> None:
    model = Bench(lambda self, x: self.lstm(x[0])[0] + self.attention(x[0], x[0], value=x[0])[0])
    model.lstm = nn.LSTM(6, 6, batch_first=True)
    model.attention = nn.MultiheadAttention(6, 2, batch_first=True)
    found = trace(model, photo())
    assert marked(found) == {"lstm": ("not looked inside",), "attention": ("not looked inside",)}
    assert found.notes == (
        "lstm (LSTM) was not looked inside.",
        "attention (MultiheadAttention) was not looked inside.",
    )
    assert wires(found)[-3:] == ["lstm -> +", "attention -> +", "+ -> output"]


def test_attention_takes_the_same_fast_path_as_without_a_trace() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, batch_first=True, dropout=0.0).eval()
    x = torch.randn(2, 5, 8)
    with torch.no_grad():
        assert torch.equal(trace(layer, x).output, layer(x))


@pytest.mark.parametrize("mode", [True, False])
def test_batch_norm_is_one_node(mode: bool) -> None:
    found = traced(lambda self, x: self.norm(x), mode)
    assert nodes(found) == ["x input", "norm module", "output output"]
    assert found.nodes[1].type_name == "BatchNorm2d(3)"


def test_a_helper_from_an_installed_package_is_shown_at_the_learners_line() -> None:
    def run(self: Bench, x: Tensor) -> Tensor:
        total = functools.reduce(torch.add, [x, x * 2, x * 3])
        return total * 2

    found = traced(run)
    assert {node.id: node.variable for node in found.nodes}["+#2"] == "total"
    assert all(node.line is not None for node in found.nodes if node.kind == "op")
    copied = trace(lambda x: copy.deepcopy(x) + 1, photo())
    node = next(node for node in copied.nodes if node.label == "deepcopy")
    assert node.variable is None
    assert node.type_name == "deepcopy(dict)"
    with open(__file__) as source:  # noqa: PTH123
        assert "copy.deepcopy(x) + 1" in source.read().splitlines()[(node.line or 0) - 1]


_MADE_BY_TORCH: dict[str, Callable[[], nn.Module]] = {
    "layer": lambda: nn.TransformerEncoderLayer(16, 4, 32, batch_first=True),
    "encoder": lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 2),
    "data_parallel": lambda: nn.DataParallel(nn.Sequential(nn.Linear(16, 4), nn.ReLU())),
    "averaged": lambda: AveragedModel(nn.Sequential(nn.Linear(16, 4), nn.ReLU())),
}


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize(
    ("name", "sums", "layers"),
    [("layer", 2, 8), ("encoder", 4, 16), ("data_parallel", 0, 2), ("averaged", 0, 2)],
)
def test_what_torch_itself_puts_together_is_open(name: str, sums: int, layers: int, grad: bool) -> None:
    """The residual additions of torch's transformer are seen, as is what a wrapper wraps; where torch runs a
    layer as one fused operator, it is one. What comes out is bitwise the plain output in each case."""
    torch.manual_seed(0)
    model, x = _MADE_BY_TORCH[name]().eval(), torch.randn(2, 5, 16)
    with torch.set_grad_enabled(grad):
        found, plain = trace(model, x), model(x)
    well_formed(found)
    assert torch.equal(found.output, plain)
    fused = sums > 0 and not grad
    assert [node.label for node in found.nodes].count("+") == (0 if fused else sums)
    assert [node.kind for node in found.nodes].count("module") == (1 if fused else layers)
