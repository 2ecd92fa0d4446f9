"""Wrong choices in `predict_flow`. `Double` makes 2·x, `AddThree` makes x + 3; both get 5."""

from __future__ import annotations

from typing import Any

from . import Choice

CHOICES: dict[str, dict[Any, Choice]] = {
    "double_then_add": {
        18: Choice("adds", "18 is 10 + 8. The second module receives 10, not 5: what is 10 + 3?"),
        10: Choice("first-only", "10 is what leaves the first module. What does the second make of 10?"),
        8: Choice(
            "second-only",
            "8 is 5 + 3. The second module receives what leaves the first: which number is that?",
        ),
        16: Choice(
            "reversed-order", "16 is (5 + 3) · 2. The modules run as they are listed: which one is first?"
        ),
        80: Choice(
            "multiplied", "80 is 10 · 8. Nothing multiplies two outputs: what does the second module receive?"
        ),
        5: Choice("unchanged", "5 is what enters. What does the first module make of it?"),
        9: Choice(
            "averaged", "9 is halfway between 10 and 8. The second module receives 10, not 5: what is 10 + 3?"
        ),
        (10, 8): Choice(
            "both-returned", "One number leaves a chain, the last module's. It receives 10: what leaves it?"
        ),
    },
    "add_then_double": {
        18: Choice("adds", "18 is 8 + 10. The second module receives 8, not 5: what is 8 doubled?"),
        8: Choice("first-only", "8 is what leaves the first module. What does the second make of 8?"),
        10: Choice(
            "second-only",
            "10 is 5 doubled. The second module receives what leaves the first: which number is that?",
        ),
        13: Choice(
            "order-does-not-matter",
            "13 belongs to the other order. Here 3 is added first: what is 8 doubled?",
        ),
        80: Choice(
            "multiplied", "80 is 8 · 10. Nothing multiplies two outputs: what does the second module receive?"
        ),
        5: Choice("unchanged", "5 is what enters. What does the first module make of it?"),
        9: Choice(
            "averaged",
            "9 is halfway between 8 and 10. The second module receives 8, not 5: what is 8 doubled?",
        ),
        (8, 10): Choice(
            "both-returned", "One number leaves a chain, the last module's. It receives 8: what leaves it?"
        ),
    },
    "shape_3_16_32": {
        (1, 16, 32, 32): Choice(
            "first-only", "16 channels leave the first convolution. How many does the second make of them?"
        ),
        (1, 48, 32, 32): Choice(
            "concatenated",
            "48 is 16 + 32. A chain keeps only what leaves its last module: how many channels?",
        ),
        (1, 51, 32, 32): Choice(
            "concatenated",
            "51 is 3 + 16 + 32. A chain keeps only what leaves its last module: how many channels?",
        ),
        (1, 3, 32, 32): Choice(
            "unchanged", "3 channels enter. How many kernels, and so channels, has the last convolution?"
        ),
        (1, 32, 28, 28): Choice(
            "no-padding",
            "28 is 32 without padding, twice. With padding 1 a 3×3 convolution keeps which size?",
        ),
        (1, 32, 30, 30): Choice(
            "no-padding", "30 is 32 without padding, once. With padding 1 a 3×3 convolution keeps which size?"
        ),
        (1, 32, 34, 34): Choice(
            "padding-grows",
            "A border of 1 adds 2, and the 3×3 kernel takes 2 away again. Which size is left?",
        ),
        (1, 32, 36, 36): Choice(
            "padding-grows",
            "A border of 1 adds 2, and the 3×3 kernel takes 2 away again. Which size is left?",
        ),
        (1, 32, 16, 16): Choice(
            "halves", "Nothing here has a stride. With padding 1 a 3×3 convolution keeps which size?"
        ),
        (1, 32, 8, 8): Choice(
            "halves", "Nothing here has a stride. With padding 1 a 3×3 convolution keeps which size?"
        ),
        (32, 32, 32): Choice(
            "no-batch", "One image enters as (1, 3, 32, 32): four numbers. Which dimension is missing?"
        ),
        (3, 32, 32, 32): Choice(
            "batch-changed", "The first number is N, the images: 1 enters. Which dimension do kernels change?"
        ),
        (32, 1, 32, 32): Choice(
            "channels-first", "The order is (N, C, H, W). Which place have the channels?"
        ),
    },
    "which_leaves": {
        "x": Choice(
            "unchanged",
            "x enters the chain; each module makes something new of it. Which made the last tensor?",
        ),
        "first": Choice(
            "first-only", "The first output goes on into the second module. Which tensor is there after that?"
        ),
        "sum": Choice(
            "adds",
            "Nothing adds in a chain; both tensors have one shape, so it cannot tell. What leaves last?",
        ),
    },
}
