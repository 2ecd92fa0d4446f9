"""The answers that are dicts of literals: predictions, and what a module trains."""

from __future__ import annotations

predictions_flow = {
    "double_then_add": 13,
    "add_then_double": 16,
    "shape_3_16_32": (1, 32, 32, 32),
    "which_leaves": "second",
}

predictions_addition = {
    "a": (1, 16, 32, 32),
    "b": "error",
    "c": (1, 16, 32, 32),
    "d": (1, 16, 32, 32),
    "e": "error",
    "f": "error",
}

trains = {
    "weight": "parameter",
    "bias_buffer": "buffer",
    "gain": "neither",
    "offset": "neither",
    "frozen": "parameter",
    "scale": "neither",
}

predictions_residual = {
    "plain_output": "zeros",
    "residual_output": "x",
    "deeper_plain": "higher",
    "identity_parameters": 0,
}
