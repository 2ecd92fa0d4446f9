"""The gradients that a picture says, on all wires and at the edges of boxes, against autograd's own."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import gallery
import published
from operands import Operand, operands_of
from sumskip import Trace, trace
from sumskip.seeing.drawing.parts import Item, Link, Sheet
from sumskip.seeing.drawing.view import Viewable, box_paths, view
from sumskip.seeing.graph import Edge
from sumskip.seeing.tracing.steps import is_leaf


class Threefold(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 3 * x + x


class RandomBox(nn.Module):
    """Adds, scales, multiplies, calls boxes of its own; gives back one tensor or two of what it made."""

    def __init__(self, chance: random.Random, depth: int) -> None:
        super().__init__()
        self.inner = nn.ModuleList(
            RandomBox(chance, depth - 1) for _ in range(chance.randint(1, 3) if depth else 0)
        )
        self.takes = chance.randint(1, 2)
        self.plan: list[tuple[str, int, int]] = []
        kinds = ["+", "×", "scale", "negative", "tanh", "detach", "chunk", *["box"] * 4 * len(self.inner)]
        for _ in range(chance.randint(3, 7)):
            kind = chance.choice(kinds)
            if kind == "box":
                kind = f"box{chance.randrange(len(self.inner))}"
            self.plan.append((kind, chance.randrange(100), chance.randrange(100)))
        self.plan.append(("+", chance.randrange(100), 0))
        self.both = chance.random() < 0.3

    def forward(self, *given: Tensor) -> Any:
        made = list(given)
        for kind, first, second in self.plan:
            a, b = made[-1 - first % min(3, len(made))], made[second % len(made)]
            if kind.startswith("box"):
                box = self.inner[int(kind[3:])]
                result = box(*(a, b)[: box.takes])
                made += result if isinstance(result, tuple) else [result]
            elif kind == "chunk":
                made.append(torch.cat(torch.cat([a, b]).chunk(2)[::-1])[: len(a)])
            else:
                made.append(_APPLIED[kind](a, b))
        return (made[-1], made[-2]) if self.both and len(made) > len(given) + 1 else made[-1]


_APPLIED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "+": lambda a, b: a + b,
    "×": lambda a, b: torch.tanh(a * b),
    "scale": lambda a, b: 3 * a,
    "negative": lambda a, b: -a + a * 0,
    "tanh": lambda a, b: torch.tanh(a),
    "detach": lambda a, b: torch.tanh(a.detach() * b),
}


def at_the_edges(model: nn.Module, names: set[str], *inputs: Tensor) -> dict[str, list[float]]:
    """What autograd hands back at the edges of the boxes of these `names`, for each in any order.

    Each tensor that enters a box is looked through, `view_as`, so that it has a `.grad` for this box alone.
    """
    entered: dict[str, list[Tensor]] = {}
    calls: dict[str, int] = {}

    def enters(name: str) -> Callable[..., Any]:
        def hook(module: nn.Module, given: tuple[Any, ...]) -> Any:
            count = calls[name] = calls.get(name, 0) + 1
            call = name if count == 1 else f"{name}#{count}"
            seen: dict[int, Tensor] = {}
            for tensor in given:
                if isinstance(tensor, Tensor) and tensor.requires_grad and id(tensor) not in seen:
                    seen[id(tensor)] = tensor.view_as(tensor)
                    seen[id(tensor)].retain_grad()
            entered[call] = list(seen.values())
            return tuple(seen.get(id(tensor), tensor) for tensor in given)

        return hook

    handles = [
        m.register_forward_pre_hook(enters(name)) for name, m in model.named_modules() if name in names
    ]
    output = model(*inputs)
    for handle in handles:
        handle.remove()
    outputs = output if isinstance(output, tuple) else (output,)
    sum(tensor.sum() for tensor in outputs).backward()
    return {
        name: [_amount(t.grad) for t in tensors if t.grad is not None] for name, tensors in entered.items()
    }


def called(model: nn.Module) -> set[str]:
    return {name for name, _ in model.named_modules() if name}


def _amount(gradient: Tensor) -> float:
    return float(gradient) if gradient.numel() == 1 else float(gradient.norm())


def into_boxes(sheet: Sheet) -> Iterator[tuple[Item, Link]]:
    """Every wire that ends at a box, open or closed, on every sheet."""
    for link in sheet.links:
        if sheet.items[link.target].node is None and sheet.items[link.target].look != "port":
            yield sheet.items[link.target], link
    for item in sheet.items.values():
        if item.inner is not None:
            yield from into_boxes(item.inner)


def said(link: Link) -> list[float]:
    """The gradient on a wire, where there is one."""
    words = [remark.split() for remark in link.remarks if remark.startswith("gradient ")]
    return [float(number.replace("−", "-")) for _, number in words]


def agrees(found: Trace, true: dict[str, list[float]], opened: set[str]) -> int:
    """Compare all boxes of a picture with autograd; how many gradients there were."""
    at: dict[str, list[float]] = {}
    viewable = Viewable(found)
    for item, link in into_boxes(viewable.view(1000, viewable.around(opened)).sheet):
        name = item.id.split("/", 2)[-1]
        if item.inner is None:
            at.setdefault(name, []).extend(said(link))
        else:  # inside, where the wire goes on, each branch says its own
            assert all(any(number == pytest.approx(t, rel=1e-3) for t in true[name]) for number in said(link))
    for name, numbers in at.items():
        assert sorted(numbers) == pytest.approx(sorted(true[name]), rel=1e-3, abs=1e-9), name
    return sum(map(len, at.values()))


def test_three_closed_boxes_say_what_flows_between_them() -> None:
    """`3*x + x`, three times: 64, 16 and 4 come back, not what only the first operator hands back."""
    x = torch.tensor(1.0, requires_grad=True)
    model = nn.Sequential(Threefold(), Threefold(), Threefold())
    sheet = view(trace(model, x, gradients=True), depth=0).sheet
    assert [link.remarks for link in sheet.links] == [
        ("gradient 64",),
        ("gradient 16",),
        ("gradient 4",),
        ("gradient 1",),
    ]
    assert at_the_edges(model, {"0", "1", "2"}, x) == {"0": [64.0], "1": [16.0], "2": [4.0]}


def test_gradients_that_point_apart_are_added_as_vectors() -> None:
    """Of many numbers the wire says the length of the sum, not the sum of lengths; what cancels is 0."""

    class Apart(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return (x * torch.tensor([3.0, 0.0])).sum() + (x * torch.tensor([0.0, 4.0])).sum() + (y - y).sum()

    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.apart = Apart()

        def forward(self, x: Tensor) -> Tensor:
            return self.apart(x, x * 2)

    found = trace(Outer(), torch.ones(2, requires_grad=True), gradients=True)
    assert [said(link) for _, link in into_boxes(view(found, depth=0).sheet)] == [[5.0], [0.0]]
    assert Trace.from_dict(found.to_dict()) == found


@pytest.mark.parametrize("numbers", [1, 5])
def test_every_box_of_random_models_says_what_autograd_says(numbers: int) -> None:
    """Whichever boxes are closed: the gradient on a wire into one is that of the tensor at its edge."""
    compared = 0
    for seed in range(70):
        chance = random.Random(seed)
        model = RandomBox(chance, 2)
        torch.manual_seed(seed)
        inputs = [torch.randn(numbers, dtype=torch.double, requires_grad=True) for _ in range(model.takes)]
        outputs = model(*inputs)
        if not any(t.requires_grad for t in (outputs if isinstance(outputs, tuple) else (outputs,))):
            continue
        found, true = trace(model, *inputs, gradients=True), at_the_edges(model, called(model), *inputs)
        for _ in range(4):
            compared += agrees(found, true, {name for name in box_paths(found) if chance.random() < 0.5})
    assert compared > 300


@pytest.mark.parametrize("name", ["resnet18", "unet_published", "vision_transformer", "text_encoder"])
def test_every_box_of_well_known_models_says_what_autograd_says(name: str) -> None:
    """All boxes, closed one depth after another."""
    make, x = published.MODELS[name]
    torch.manual_seed(0)
    model = make().double().eval()
    inputs = x.double() if x.is_floating_point() else x
    found = trace(model, inputs, gradients=True)
    paths = box_paths(found)
    true = at_the_edges(model, set(paths), inputs)
    for depth in range(max(map(len, paths.values()))):
        assert agrees(found, true, {box for box, path in paths.items() if len(path) <= depth}) > 0


# -- all wires of all pictures ---------------------------------------------------------------------


def traced_in(name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, tuple[Any, ...]]:
    """The model of a picture in the gallery and its inputs, of which gradients are asked."""
    given: list[tuple[Any, ...]] = []
    with monkeypatch.context() as patch:
        patch.setattr(gallery, "trace", lambda *args, **_: given.append(args) or trace(*args))
        torch.manual_seed(0)
        gallery.CASES[name]()
    model, *inputs = given[0]
    return model, tuple(
        t.detach().clone().requires_grad_() if isinstance(t, Tensor) and t.is_floating_point() else t
        for t in inputs
    )


def alike(edges: list[Edge], operands: list[Operand]) -> Iterator[tuple[list[Edge], list[Operand]]]:
    """Edges and operands, both in the order of the forward pass; of one tensor into one node together."""
    into: dict[tuple[str, str, int], list[Edge]] = {}
    for edge in edges:
        into.setdefault((edge.target, edge.source, edge.output), []).append(edge)
    uses: dict[tuple[int, int], list[Operand]] = {}
    for operand in operands:
        uses.setdefault((operand.call, operand.source), []).append(operand)
    known = [group for group in into.values() if any(edge.gradient is not None for edge in group)]
    true = [group for group in uses.values() if any(use.gradient is not None for use in group)]
    yield from zip(known, true, strict=True)


def wires(sheet: Sheet) -> Iterator[tuple[Item, Link]]:
    """Every wire of a picture, and what it ends at."""
    yield from ((sheet.items[link.target], link) for link in sheet.links)
    for item in sheet.items.values():
        if item.inner is not None:
            yield from wires(item.inner)


@pytest.mark.parametrize("name", sorted(gallery.CASES))
def test_every_wire_of_every_picture_says_what_autograd_says(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With boxes open to every depth: what a wire says is what all that it carries hand back together."""
    model, inputs = traced_in(name, monkeypatch)
    torch.manual_seed(1)
    found = trace(model, *inputs, gradients=True)
    torch.manual_seed(1)
    if found.fault or any("backward pass failed" in note for note in found.notes):
        with pytest.raises((RuntimeError, TypeError)):
            operands_of(model, inputs, is_leaf)
        return
    uses = operands_of(model, inputs, is_leaf)
    order = {node.id: place for place, node in enumerate(found.nodes)}
    outputs = {node.id for node in found.nodes if node.kind == "output"}
    inner = [edge for edge in found.edges if edge.target not in outputs]
    inner.sort(key=lambda edge: (order[edge.target], edge.argument))
    true = {  # the backward pass starts from the sum of the outputs
        place: torch.ones(edge.shape or ())
        for place, edge in enumerate(found.edges)
        if edge.target in outputs and edge.gradient is not None
    }
    together: list[set[int]] = []  # what autograd does not tell apart
    for edges, operands in alike(inner, uses):
        places = [found.edges.index(edge) for edge in edges]
        numbers = [use.gradient for use in operands if use.gradient is not None]
        if any(edge.gradient is None for edge in edges):
            numbers = [sum(numbers, start=torch.zeros(()))]
            together.append(set(places))
        for place, edge, number in zip(places, edges, numbers, strict=False):
            assert edge.gradient == pytest.approx(_amount(number), rel=1e-3, abs=1e-7), edge
            true[place] = number
    assert len(true) == sum(edge.gradient is not None for edge in found.edges)
    viewable = Viewable(found)
    for depth in range(viewable.deepest + 1):
        for target, link in wires(viewable.view(1000, viewable.down_to(depth)).sheet):
            assert all(group <= set(link.edges) or not group & set(link.edges) for group in together), link
            flowed = [true[place] for place in link.edges if place in true]
            if said(link) or (target.inner is None and target.look != "port" and flowed):
                assert said(link) == [
                    pytest.approx(_amount(sum(flowed, start=torch.zeros(()))), rel=1e-3, abs=1e-7)
                ], link
