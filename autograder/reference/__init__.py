"""The reference answers: what each exercise asks for, written as a learner would hand it in.

`reference(exercise)` returns the class, function or dict of literals that the exercise's name stands
for. Never part of what learners receive.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Where each exercise's answer lives: the module in this package, and the name it is bound to there.
_ANSWERS = {
    "predict_flow": ("literals", "predictions_flow"),
    "sequential_model": ("joining", "SequentialModel"),
    "intermediate_outputs": ("functions", "intermediate_outputs"),
    "predict_addition": ("literals", "predictions_addition"),
    "repair_addition": ("joining", "RepairedModel"),
    "addition_model": ("joining", "AdditionModel"),
    "projected_addition_model": ("joining", "ProjectedAdditionModel"),
    "what_trains": ("literals", "trains"),
    "weighted_addition_model": ("joining", "WeightedAdditionModel"),
    "fit_alpha": ("functions", "fit_alpha"),
    "identity_block": ("residual", "IdentityBlock"),
    "plain_vs_residual": ("literals", "predictions_residual"),
    "residual_block": ("residual", "ResidualBlock"),
    "tiny_resnet": ("residual", "TinyResNet"),
}


def reference(exercise: str) -> Any:
    """The reference answer to `exercise`: a class, a function or a dict of literals.

    Raises:
        KeyError: there is no automatic exercise of that name.
    """
    try:
        module, name = _ANSWERS[exercise]
    except KeyError:
        raise KeyError(f"no reference for {exercise!r}; there is one for {', '.join(_ANSWERS)}") from None
    return getattr(import_module(f"{__name__}.{module}"), name)
