"""Wrong choices in `what_trains`: six attributes of a module."""

from __future__ import annotations

from typing import Any

from . import Choice

CHOICES: dict[str, dict[Any, Choice]] = {
    "weight": {
        "buffer": Choice(
            "parameter-as-buffer", "`weight` is wrapped in `nn.Parameter`. What does `parameters()` list?"
        ),
        "neither": Choice(
            "not-registered",
            "`nn.Parameter` on `self` is registered by itself. What does `parameters()` list?",
        ),
    },
    "bias_buffer": {
        "parameter": Choice(
            "buffer-learns",
            "`register_buffer` saves a tensor with the model, but no optimiser moves it. What is that"
            " called?",
        ),
        "neither": Choice(
            "buffer-unknown", "This tensor is in `state_dict()`, so the module knows it. As which kind?"
        ),
    },
    "gain": {
        "parameter": Choice(
            "requires-grad-registers",
            "`requires_grad=True` gives a tensor a gradient, but does not register it. Does `parameters()`"
            " list `gain`?",
        ),
        "buffer": Choice(
            "tensor-is-buffer", "A plain tensor on `self` is not in `state_dict()`. What registers a buffer?"
        ),
    },
    "offset": {
        "parameter": Choice(
            "float-trains", "`offset` is an ordinary number: it has no gradient. Does `parameters()` list it?"
        ),
        "buffer": Choice(
            "float-is-buffer",
            "`offset` is an ordinary number; a buffer is a tensor. Is it in `state_dict()`?",
        ),
    },
    "frozen": {
        "buffer": Choice(
            "frozen-is-buffer",
            "Without a gradient, `frozen` is still what `nn.Parameter` made. Does `parameters()` list it?",
        ),
        "neither": Choice(
            "frozen-is-nothing",
            "`frozen` gets no gradient, but it is registered. Does `parameters()` list it?",
        ),
    },
    "scale": {
        "parameter": Choice(
            "list-registers",
            "The parameter lies in a plain list, where the module does not look. Does `parameters()`"
            " list it?",
        ),
        "buffer": Choice(
            "list-is-buffer", "A plain list is neither searched nor saved. Is `scale` in `state_dict()`?"
        ),
    },
}
