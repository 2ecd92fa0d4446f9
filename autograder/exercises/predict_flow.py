"""`predict_flow`. `Double` makes 2·x, `AddThree` makes x + 3; both get 5."""

from __future__ import annotations

from autograder.exercises.vocabulary import asked, predictions

EXERCISE = predictions(
    "predictions_flow",
    6,
    asked(
        "double_then_add",
        "number",
        answer=13,
        wrong={
            18: ("adds", "18 is 10 + 8. The second module receives 10, not 5: what is 10 + 3?"),
            10: ("first-only", "10 is what leaves the first module. What does the second make of 10?"),
            8: (
                "second-only",
                "8 is 5 + 3. The second module receives what leaves the first: which number is that?",
            ),
            16: (
                "reversed-order",
                "16 is (5 + 3) · 2. The modules run as they are listed: which one is first?",
            ),
            80: (
                "multiplied",
                "80 is 10 · 8. Nothing multiplies two outputs: what does the second module receive?",
            ),
            5: ("unchanged", "5 is what enters. What does the first module make of it?"),
            9: (
                "averaged",
                "9 is halfway between 10 and 8. The second module receives 10, not 5: what is 10 + 3?",
            ),
            (10, 8): (
                "both-returned",
                "One number leaves a chain, the last module's. It receives 10: what leaves it?",
            ),
        },
    ),
    asked(
        "add_then_double",
        "number",
        answer=16,
        wrong={
            18: ("adds", "18 is 8 + 10. The second module receives 8, not 5: what is 8 doubled?"),
            8: ("first-only", "8 is what leaves the first module. What does the second make of 8?"),
            10: (
                "second-only",
                "10 is 5 doubled. The second module receives what leaves the first: which number is that?",
            ),
            13: (
                "order-does-not-matter",
                "13 belongs to the other order. Here 3 is added first: what is 8 doubled?",
            ),
            80: (
                "multiplied",
                "80 is 8 · 10. Nothing multiplies two outputs: what does the second module receive?",
            ),
            5: ("unchanged", "5 is what enters. What does the first module make of it?"),
            9: (
                "averaged",
                "9 is halfway between 8 and 10. The second module receives 8, not 5: what is 8 doubled?",
            ),
            (8, 10): (
                "both-returned",
                "One number leaves a chain, the last module's. It receives 8: what leaves it?",
            ),
        },
    ),
    asked(
        "shape_3_16_32",
        "shape",
        answer=(1, 32, 32, 32),
        wrong={
            (1, 16, 32, 32): (
                "first-only",
                "16 channels leave the first convolution. How many does the second make of them?",
            ),
            (1, 48, 32, 32): (
                "concatenated",
                "48 is 16 + 32. A chain keeps only what leaves its last module: how many channels?",
            ),
            (1, 51, 32, 32): (
                "concatenated",
                "51 is 3 + 16 + 32. A chain keeps only what leaves its last module: how many channels?",
            ),
            (1, 3, 32, 32): (
                "unchanged",
                "3 channels enter. How many kernels, and so channels, has the last convolution?",
            ),
            (1, 32, 28, 28): (
                "no-padding",
                "28 is 32 without padding, twice. With padding 1 a 3×3 convolution keeps which size?",
            ),
            (1, 32, 30, 30): (
                "no-padding",
                "30 is 32 without padding, once. With padding 1 a 3×3 convolution keeps which size?",
            ),
            (1, 32, 34, 34): (
                "padding-grows",
                "A border of 1 adds 2, and the 3×3 kernel takes 2 away again. Which size is left?",
            ),
            (1, 32, 36, 36): (
                "padding-grows",
                "A border of 1 adds 2, and the 3×3 kernel takes 2 away again. Which size is left?",
            ),
            (1, 32, 16, 16): (
                "halves",
                "Nothing here has a stride. With padding 1 a 3×3 convolution keeps which size?",
            ),
            (1, 32, 8, 8): (
                "halves",
                "Nothing here has a stride. With padding 1 a 3×3 convolution keeps which size?",
            ),
            (32, 32, 32): (
                "no-batch",
                "One image enters as (1, 3, 32, 32): four numbers. Which dimension is missing?",
            ),
            (3, 32, 32, 32): (
                "batch-changed",
                "The first number is N, the images: 1 enters. Which dimension do kernels change?",
            ),
            (32, 1, 32, 32): ("channels-first", "The order is (N, C, H, W). Which place have the channels?"),
        },
    ),
    asked(
        "which_leaves",
        "choice",
        answer="second",
        wrong={
            "x": (
                "unchanged",
                "x enters the chain; each module makes something new of it. Which made the last tensor?",
            ),
            "first": (
                "first-only",
                "The first output goes on into the second module. Which tensor is there after that?",
            ),
            "sum": (
                "adds",
                "Nothing adds in a chain; both tensors have one shape, so it cannot tell. What leaves last?",
            ),
        },
        choices=("x", "first", "second", "sum"),
    ),
)
