"""`predict_addition`: six pairs of shapes, and the shape of their sum."""

from __future__ import annotations

from autograder.exercises.vocabulary import asked, predictions

EXERCISE = predictions(
    "predictions_addition",
    4,
    asked(
        "a",
        "shape or error",
        answer=(1, 16, 32, 32),
        wrong={
            "error": (
                "sum-needs-more",
                "All four sizes are equal, and that is all a sum needs. Which shape has it?",
            ),
            (1, 32, 32, 32): (
                "concatenated",
                "32 is 16 + 16. A sum adds values, not channels: how many channels stay?",
            ),
            (2, 16, 32, 32): (
                "concatenated-batch",
                "The sum joins two images into one, value by value. How many images come out?",
            ),
            (1, 16, 64, 64): (
                "sizes-added",
                "A sum adds values, not sizes. What are height and width of each value's partner?",
            ),
            (2, 32, 64, 64): (
                "sizes-added",
                "A sum adds values, not sizes. Which shape do two equal shapes make?",
            ),
            (): ("summed-to-scalar", "`+` adds value by value and keeps the shape. Which shape is that?"),
            (1,): ("summed-to-scalar", "`+` adds value by value and keeps the shape. Which shape is that?"),
            (1, 1, 32, 32): (
                "channels-summed",
                "`+` does not add up channels: each meets its partner. How many are left?",
            ),
        },
    ),
    asked(
        "b",
        "shape or error",
        answer="error",
        wrong={
            (1, 32, 32, 32): (
                "larger-wins",
                "16 and 32 differ, and neither is 1, so neither is stretched. What happens then?",
            ),
            (1, 16, 32, 32): (
                "smaller-wins",
                "16 and 32 differ, and neither is 1, so nothing is cut off. What happens then?",
            ),
            (1, 48, 32, 32): (
                "concatenated",
                "48 is 16 + 32, as when placed side by side. A sum needs equal sizes: are they?",
            ),
        },
    ),
    asked(
        "c",
        "shape or error",
        answer=(1, 16, 32, 32),
        wrong={
            "error": (
                "broadcast-unknown",
                "A size of 1 is silently stretched to its partner's size. What does 1 become beside 16?",
            ),
            (1, 1, 32, 32): (
                "smaller-wins",
                "The 1 is stretched to its partner's size, not the other way. What is left?",
            ),
            (1, 17, 32, 32): (
                "concatenated",
                "17 is 1 + 16, as when placed side by side. A sum stretches the 1: to what?",
            ),
        },
    ),
    asked(
        "d",
        "shape or error",
        answer=(1, 16, 32, 32),
        wrong={
            "error": (
                "broadcast-unknown",
                "Shapes are aligned from the right; missing and 1 are stretched. What becomes of (16, 1, 1)?",
            ),
            (16, 1, 1): (
                "smaller-wins",
                "The sizes of 1 are stretched to their partners' sizes. What becomes of (16, 1, 1)?",
            ),
            (16, 32, 32): (
                "dimension-lost",
                "The longer shape has four dimensions, and the sum keeps all. Which is missing?",
            ),
            (16, 16, 32, 32): (
                "aligned-left",
                "Shapes are aligned from the right: which of (1, 16, 32, 32) does the 16 stand under?",
            ),
            (1, 32, 32, 32): (
                "concatenated",
                "32 is 16 + 16. A sum adds values, not channels: how many channels stay?",
            ),
        },
    ),
    asked(
        "e",
        "shape or error",
        answer="error",
        wrong={
            (1, 16, 32, 32): (
                "larger-wins",
                "32 and 30 differ, and neither is 1, so neither is stretched. What happens then?",
            ),
            (1, 16, 30, 30): (
                "smaller-wins",
                "32 and 30 differ, and neither is 1, so nothing is cut off. What happens then?",
            ),
            (1, 16, 62, 62): (
                "sizes-added",
                "A sum adds values, not sizes: each needs a partner. Does 32 have one in 30?",
            ),
            (1, 32, 32, 32): (
                "concatenated",
                "Channels were added up, but height and width differ: 32 and 30. What happens then?",
            ),
        },
    ),
    asked(
        "f",
        "shape or error",
        answer="error",
        wrong={
            (1, 16, 32, 32): (
                "larger-wins",
                "3 and 16 differ, and neither is 1, so neither is stretched. What happens then?",
            ),
            (1, 3, 32, 32): (
                "smaller-wins",
                "3 and 16 differ, and neither is 1, so nothing is cut off. What happens then?",
            ),
            (1, 19, 32, 32): (
                "concatenated",
                "19 is 3 + 16, as when placed side by side. A sum needs equal sizes: are they?",
            ),
            (1, 48, 32, 32): ("multiplied", "48 is 3 · 16. A sum needs equal sizes, or a 1: is there one?"),
        },
    ),
)
