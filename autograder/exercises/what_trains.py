"""`what_trains`: six attributes of a module."""

from __future__ import annotations

from autograder.exercises.vocabulary import asked, predictions

_KEPT = ("parameter", "buffer", "neither")

EXERCISE = predictions(
    "trains",
    4,
    asked(
        "weight",
        "choice",
        answer="parameter",
        wrong={
            "buffer": (
                "parameter-as-buffer",
                "`weight` is wrapped in `nn.Parameter`. What does `parameters()` list?",
            ),
            "neither": (
                "not-registered",
                "`nn.Parameter` on `self` is registered by itself. What does `parameters()` list?",
            ),
        },
        choices=_KEPT,
    ),
    asked(
        "bias_buffer",
        "choice",
        answer="buffer",
        wrong={
            "parameter": (
                "buffer-learns",
                "`register_buffer` saves a tensor with the model, but no optimiser moves it. What is that called?",
            ),
            "neither": (
                "buffer-unknown",
                "This tensor is in `state_dict()`, so the module knows it. As which kind?",
            ),
        },
        choices=_KEPT,
    ),
    asked(
        "gain",
        "choice",
        answer="neither",
        wrong={
            "parameter": (
                "requires-grad-registers",
                "`requires_grad=True` gives a tensor a gradient, but does not register it. Does `parameters()` list `gain`?",
            ),
            "buffer": (
                "tensor-is-buffer",
                "A plain tensor on `self` is not in `state_dict()`. What registers a buffer?",
            ),
        },
        choices=_KEPT,
    ),
    asked(
        "offset",
        "choice",
        answer="neither",
        wrong={
            "parameter": (
                "float-trains",
                "`offset` is an ordinary number: it has no gradient. Does `parameters()` list it?",
            ),
            "buffer": (
                "float-is-buffer",
                "`offset` is an ordinary number; a buffer is a tensor. Is it in `state_dict()`?",
            ),
        },
        choices=_KEPT,
    ),
    asked(
        "frozen",
        "choice",
        answer="parameter",
        wrong={
            "buffer": (
                "frozen-is-buffer",
                "Without a gradient, `frozen` is still what `nn.Parameter` made. Does `parameters()` list it?",
            ),
            "neither": (
                "frozen-is-nothing",
                "`frozen` gets no gradient, but it is registered. Does `parameters()` list it?",
            ),
        },
        choices=_KEPT,
    ),
    asked(
        "scale",
        "choice",
        answer="neither",
        wrong={
            "parameter": (
                "list-registers",
                "The parameter lies in a plain list, where the module does not look. Does `parameters()` list it?",
            ),
            "buffer": (
                "list-is-buffer",
                "A plain list is neither searched nor saved. Is `scale` in `state_dict()`?",
            ),
        },
        choices=_KEPT,
    ),
)
