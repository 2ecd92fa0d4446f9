"""No slip in a right answer goes unnoticed: each reference, changed in one place, is refused.

A mutant that passes must be shown to be no slip at all: on 1,000 random cases in both modes it gives the
reference's values and gradients, and leaves the same buffers behind.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import autograder.exercises
import oracle
from autograder.answers import Answer
from autograder.exercises import EXERCISES
from fairness import passes
from mutation import mutants

_FOLDER = Path(autograder.exercises.__file__).parent
# repair_addition's answer is addition_model's, line for line.
_CHANGED = [n for n, e in EXERCISES.items() if e.kind != "literals" and n != "repair_addition"]
CASES = 1000


def _mutated(exercise: str) -> Iterator[tuple[str, str]]:
    """(name of the slip, source) of every mutant of an exercise's reference."""
    whole = ast.parse((_FOLDER / f"{exercise}.py").read_text(encoding="utf-8"))
    symbol = EXERCISES[exercise].symbol
    (definition,) = [n for n in whole.body if getattr(n, "name", None) == symbol]
    imports = [n for n in whole.body if isinstance(n, (ast.Import, ast.ImportFrom))]
    for name, changed in mutants(definition):
        module = ast.Module([*imports, changed], [])  # type: ignore[list-item]
        yield name, ast.unparse(ast.fix_missing_locations(module))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.parametrize("exercise", _CHANGED)
def test_no_mutant_of_a_reference_lives(exercise: str) -> None:
    """Every mutant is refused, or equal to the reference on 1,000 random cases."""
    living, count = [], 0
    for name, source in _mutated(exercise):
        count += 1
        answer = Answer(exercise, "mutant", True, source)
        try:
            bound = answer.bound()
        except Exception:
            continue  # the cell itself fails: nothing is bound, so nothing passes
        if passes(exercise, bound) and not _equivalent(exercise, answer, bound):
            living.append(name)
    assert count > 30
    assert not living, f"{exercise}: these slips passed: " + "; ".join(living)


# --- equivalence ------------------------------------------------------------------------------------


def _equivalent(exercise: str, answer: Answer, bound: Any) -> bool:
    chance = random.Random(2015)
    torch.manual_seed(2015)
    with oracle.float64():
        try:
            if exercise == "tiny_resnet":  # its stem is free, so that a right one need not equal ours
                return oracle.verdict(answer) is None
            compare = {"intermediate_outputs": _same_outputs, "fit_alpha": _same_fit}.get(
                exercise, _same_model
            )
            return all(compare(exercise, EXERCISES[exercise].answer, bound, chance) for _ in range(CASES))
        except Exception:
            return False


def _close(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return (a is None or not a.any()) and (b is None or not b.any())
    return a.shape == b.shape and torch.allclose(a, b, rtol=1e-8, atol=1e-9)


def _same_model(
    exercise: str, right: Callable[..., nn.Module], other: Callable[..., nn.Module], chance: random.Random
) -> bool:
    """One random case: the same weights, input, mode and direction of the backward pass."""
    variant = chance.choice(EXERCISES[exercise].variants)
    init: tuple[int, ...] = variant.get("init", ())
    if exercise == "identity_block":
        init = (chance.randint(1, 4),)
    if exercise == "residual_block":
        init = (chance.randint(1, 4), chance.randint(1, 4), chance.randint(1, 3))[: chance.randint(2, 3)]
    models = [right(*init), other(*init)]
    weights = models[0].state_dict()
    for name, value in weights.items():
        value.copy_(
            torch.rand_like(value) + 0.5 if "var" in name else torch.rand_like(value) - 0.4
        ) if value.is_floating_point() else None
    if "alpha" in weights:
        if float(models[1].alpha) != 0.5 or not isinstance(models[1].alpha, nn.Parameter):
            return False
        weights["alpha"].fill_(chance.uniform(-1, 2))
    models[1].load_state_dict(weights)
    training = chance.random() < 0.5
    channels = init[0] if init else variant["inputs"][0][1]
    shape = (chance.randint(2, 4), channels, chance.randint(2, 5), chance.randint(2, 5))
    x = torch.rand(shape) * 2 - 1
    results = []
    for model in models:
        leaf = x.clone().requires_grad_()
        output = model.train(training)(leaf)
        torch.manual_seed(shape[2])
        output.backward(torch.rand_like(output))
        results.append((output, leaf.grad, dict(model.named_parameters()), dict(model.named_buffers())))
    (out, grad, parameters, buffers), (out2, grad2, parameters2, buffers2) = results
    return (
        _close(out, out2)
        and _close(grad, grad2)
        and parameters.keys() == parameters2.keys()
        and all(_close(parameters[n].grad, parameters2[n].grad) for n in parameters)
        and buffers.keys() == buffers2.keys()
        and all(_close(buffers[n].double(), buffers2[n].double()) for n in buffers)
    )


def _same_outputs(exercise: str, right: Any, other: Any, chance: random.Random) -> bool:
    """One random chain."""
    widths = [chance.randint(1, 4) for _ in range(chance.randint(1, 5))]
    layers: list[nn.Module] = []
    for inside, outside in zip([2, *widths], widths, strict=False):
        layers.append(nn.Conv2d(inside, outside, 3, padding=1))
        layers += [nn.ReLU()] * (chance.random() < 0.4)
    chain = nn.Sequential(*layers)
    x = torch.rand(2, 2, 3, 4)
    mine, theirs = other(chain, x.clone()), right(chain, x)
    return isinstance(mine, list) and len(mine) == len(theirs) and all(map(_close, mine, theirs))


def _same_fit(exercise: str, right: Any, other: Any, chance: random.Random) -> bool:
    """One random fit."""
    from sumskip.models import Dimmer

    models = [Dimmer(), Dimmer()]
    models[1].load_state_dict(models[0].state_dict())
    for model in models:
        model.alpha.data.fill_(chance.uniform(-1, 2) if model is models[0] else float(models[0].alpha))
    x, target = torch.rand(2, 1, 3, 4), torch.rand(2, 1, 3, 4)
    steps, lr = chance.randint(0, 4), chance.uniform(0.01, 0.3)
    first, second = (fit(m, x, target, steps, lr) for fit, m in zip((right, other), models, strict=True))
    return (
        isinstance(second, list)
        and len(first) == len(second)
        and all(abs(a - b) < 1e-9 for a, b in zip(first, second, strict=True))
        and all(_close(a, b) for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True))
    )
