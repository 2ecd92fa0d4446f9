"""`intermediate_outputs`: the output of each top-level module of a chain, in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from autograder.exercises.vocabulary import Exercise, Misconception
from sumskip.checking.core import Hint, Part


def intermediate_outputs(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    """The output of each top-level module of `model`, in order; the last one is `model(x)`.

    Args:
        model: a chain of k modules.
        x: what enters the first of them, for instance (N, C, H, W).

    Returns:
        k tensors; each has the shape that its module makes.
    """
    outputs = []
    for layer in model:
        x = layer(x)
        outputs.append(x)
    return outputs


def every_layer_sees_x(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    return [layer(x) for layer in model]


def only_last(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    return [model(x)]


def last_tensor(model: nn.Sequential, x: Tensor) -> Tensor:
    return model(x)


def last_repeated(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    return [model(x) for _ in model]


def input_included(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    return [x, *intermediate_outputs(model, x)]


def inputs_of_each(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    return [x, *intermediate_outputs(model, x)[:-1]]


def last_missing(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    return intermediate_outputs(model, x)[:-1]


def first_missing(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    return intermediate_outputs(model, x)[1:]


def first_only(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    return intermediate_outputs(model, x)[:1]


def reversed_order(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    return intermediate_outputs(model, x)[::-1]


def hooks_left(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    outputs: list[Tensor] = []
    for layer in model:
        layer.register_forward_hook(lambda _layer, _inputs, out: outputs.append(out))
    model(x)
    return outputs


def nested_too(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    outputs: list[Tensor] = []
    hooks = [
        layer.register_forward_hook(lambda _layer, _inputs, out: outputs.append(out))
        for layer in model.modules()
        if not list(layer.children())
    ]
    model(x)
    for hook in hooks:
        hook.remove()
    return outputs


def all_modules(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    outputs: list[Tensor] = []
    hooks = [
        layer.register_forward_hook(lambda _layer, _inputs, out: outputs.append(out))
        for layer in model.modules()
    ]
    model(x)
    for hook in hooks:
        hook.remove()
    return outputs


def with_model_output(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    return [*intermediate_outputs(model, x), model(x)]


def shapes(model: nn.Sequential, x: Tensor) -> list[Any]:
    return [out.shape for out in intermediate_outputs(model, x)]


def layers_listed(model: nn.Sequential, x: Tensor) -> list[Any]:
    return list(model)


def as_dict(model: nn.Sequential, x: Tensor) -> dict[str, Tensor]:
    return {
        name: out
        for (name, _), out in zip(model.named_children(), intermediate_outputs(model, x), strict=True)
    }


def pairs(model: nn.Sequential, x: Tensor) -> list[Any]:
    return [
        (name, out)
        for (name, _), out in zip(model.named_children(), intermediate_outputs(model, x), strict=True)
    ]


def generator(model: nn.Sequential, x: Tensor) -> Iterator[Tensor]:
    yield from intermediate_outputs(model, x)


def summed(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    return [out.sum() for out in intermediate_outputs(model, x)]


def first_image(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    return [out[0] for out in intermediate_outputs(model, x)]


def no_return(model: nn.Sequential, x: Tensor) -> None:
    intermediate_outputs(model, x)


def left_in_eval(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    model.eval()
    return intermediate_outputs(model, x)


def numbers(model: nn.Sequential, x: Tensor) -> list[Any]:
    return [out.detach().numpy() for out in intermediate_outputs(model, x)]


def added(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    outputs = []
    for layer in model:
        x = x + layer(x)
        outputs.append(x)
    return outputs


def running_total(model: nn.Sequential, x: Tensor) -> Tensor:
    return torch.stack(intermediate_outputs(model, x))


_SEES_X = "Every module was given x itself. In a chain, what does the second module receive?"
_INPUT = "One tensor too many: your list starts with x, which no module made. What is the first output?"
_LAST = "Your list holds the last output alone; each module's output was expected. When should one be kept?"
_ONE_TENSOR = (
    "One tensor came out, where a list with one for each module was expected. Where should each be kept?"
)


EXERCISE = Exercise(
    "outputs",
    intermediate_outputs,
    (
        Part("shape", 2, "returns a list with one tensor for each module, and no more"),
        Part("values", 4, "has each module's output in it, in order"),
        Part("untouched", 2, "leaves everything else as it was", ("values",)),
    ),
    hints=(
        Hint(
            "An `nn.Sequential` can be looped over: each turn gives the next module.",
            "only-last shapes layers nested-modules summed adds",
        ),
        Hint(
            "Each module receives what the one before it gave; only the first receives x.",
            "every-layer-sees-x inputs-of-each input-included first-missing",
        ),
        Hint(
            "Keep one variable for the tensor on its way, and append it to a list after each module.",
            "last-missing last-repeated first-only as-dict pairs generator stacked",
        ),
    ),
    variants=(
        {"inputs": ((2, 3, 5, 7),), "settings": {"layers": [["conv", 3, 8], ["relu"], ["conv", 8, 4]]}},
        {
            "inputs": ((3, 2, 6, 4),),
            "settings": {"layers": [["conv", 2, 2], ["conv", 2, 2], ["conv", 2, 2]]},
        },
        {
            "inputs": ((2, 3, 6, 4),),
            "mode": "eval",
            "settings": {
                "layers": [
                    ["sequential", ["conv", 3, 5], ["tanh"]],
                    ["pool"],
                    ["flatten"],
                    ["linear", 30, 4],
                ]
            },
        },
        {"inputs": ((4, 3, 3, 5),), "settings": {"layers": [["conv", 3, 6]]}},
    ),
    wrong=(
        Misconception("every-layer-sees-x", every_layer_sees_x, _SEES_X),
        Misconception("only-last", only_last, _LAST),
        Misconception("only-last", last_tensor, _ONE_TENSOR),
        Misconception(
            "last-repeated",
            last_repeated,
            "Every entry is the output of the whole chain. What leaves the first module alone?",
        ),
        Misconception("input-included", input_included, _INPUT),
        Misconception(
            "inputs-of-each",
            inputs_of_each,
            "Your list holds what enters each module, x first. What leaves each one was asked: when should it be kept?",
        ),
        Misconception(
            "last-missing",
            last_missing,
            "The last module's output is not in your list. Where does the loop end?",
        ),
        Misconception(
            "first-missing",
            first_missing,
            "The first module's output is not in your list. Where does the loop start?",
        ),
        Misconception(
            "first-only",
            first_only,
            "Your list ends after the first module; one entry for each was expected. When does the function return?",
        ),
        Misconception(
            "reversed-order",
            reversed_order,
            "The outputs come last to first. Which end of the list should a new one go to?",
        ),
        Misconception(
            "numbers",
            numbers,
            "NumPy arrays came out, where tensors were expected. Keep the tensors themselves.",
        ),
        Misconception(
            "hooks-left",
            hooks_left,
            "The outputs are right, but hooks stay registered afterwards. Remove each by its handle.",
        ),
        Misconception(
            "nested-modules",
            nested_too,
            "Modules inside modules were counted too. A nested chain is one top-level module: which loop visits only those?",
        ),
        Misconception(
            "nested-modules",
            all_modules,
            "`modules()` visits the model itself and all that is nested in it. Which loop visits only the top level?",
        ),
        Misconception(
            "model-output-added",
            with_model_output,
            "One tensor too many: the whole model's output follows the last module's, which is the same. Which to keep?",
        ),
        Misconception(
            "shapes",
            shapes,
            "Shapes came out, where the tensors themselves were expected. What should be kept?",
        ),
        Misconception(
            "layers", layers_listed, "The modules themselves came out. What does each make of its input?"
        ),
        Misconception(
            "as-dict",
            as_dict,
            "A dict came out, where a list of tensors was expected, in the order of the chain.",
        ),
        Misconception(
            "pairs", pairs, "Pairs of name and tensor came out, where a list of tensors alone was expected."
        ),
        Misconception(
            "generator",
            generator,
            "A generator came out, where a list was expected. What makes a list of it?",
        ),
        Misconception(
            "stacked",
            running_total,
            "One stacked tensor came out, or could not be made. A list keeps different shapes.",
        ),
        Misconception(
            "summed",
            summed,
            "Single numbers came out, where each module's whole output was expected. What adds them up?",
        ),
        Misconception(
            "first-image",
            first_image,
            "Only the first image of the batch is in each entry. The whole output was expected.",
        ),
        Misconception(
            "adds",
            added,
            "Each module's input was added to its output. In a chain, does anything else join what leaves a module?",
        ),
        Misconception(
            "left-in-eval",
            left_in_eval,
            "The model came in train mode and was left in eval mode. Looking at it should change nothing.",
        ),
        Misconception(
            "no-return",
            no_return,
            "The function returned None. Which list should leave it, and with which keyword?",
        ),
    ),
)
