"""`plain_vs_residual`: x ≥ 0, the last BN's gain and bias are 0, a ReLU at the end."""

from __future__ import annotations

from autograder.exercises.vocabulary import asked, predictions

_LEAVES = ("zeros", "x", "F(x)", "other")

EXERCISE = predictions(
    "predictions_residual",
    6,
    asked(
        "plain_output",
        "choice",
        answer="zeros",
        wrong={
            "x": (
                "plain-passes-x",
                "A plain block has no way around its layers. What does a gain of 0 make of any value?",
            ),
            "F(x)": ("gain-overlooked", "The last BN multiplies by 0 and adds 0. What is left of F(x)?"),
            "other": (
                "plain-unknown",
                "The last BN multiplies by its gain, 0, and adds its bias, 0. What comes out?",
            ),
        },
        choices=_LEAVES,
    ),
    asked(
        "residual_output",
        "choice",
        answer="x",
        wrong={
            "zeros": (
                "shortcut-overlooked",
                "F(x) is zero here, but x takes the shortcut. What is relu(0 + x) for x ≥ 0?",
            ),
            "F(x)": (
                "gain-overlooked",
                "F(x) is zero here, because the last gain and bias are. What is relu(0 + x)?",
            ),
            "other": (
                "residual-unknown",
                "F(x) is zero here, and x joins it. What is relu(0 + x) for x ≥ 0?",
            ),
        },
        choices=_LEAVES,
    ),
    asked(
        "deeper_plain",
        "choice",
        answer="higher",
        wrong={
            "lower": (
                "deeper-is-better",
                "56 layers could copy what 20 do, but training did not find that. Which error did Fig. 1 show?",
            ),
            "same": (
                "depth-is-free",
                "The two curves of Fig. 1 lie clearly apart. Which plain net's error stays above?",
            ),
        },
        choices=("lower", "same", "higher"),
    ),
    asked(
        "identity_parameters",
        "integer",
        answer=0,
        wrong={
            64: ("one-per-channel", "Adding x needs no weight for any channel. What does `+` have to learn?"),
            1: ("one-weight", "No alpha weighs this sum: F(x) + x. What does `+` have to learn?"),
            2: ("two-weights", "No weights scale this sum: F(x) + x. What does `+` have to learn?"),
            128: (
                "norm-on-shortcut",
                "A BN would learn 128 numbers, but an identity shortcut has none. What does it do to x?",
            ),
            4096: (
                "projection-counted",
                "4096 is a 1×1 convolution, 64·64. An identity shortcut has none: what does it do to x?",
            ),
            4160: (
                "projection-counted",
                "4160 is a 1×1 convolution with bias. An identity shortcut has none: what does it do to x?",
            ),
            36864: (
                "convolution-counted",
                "36864 is a 3×3 convolution, 64·64·9. An identity shortcut has none: what does it do to x?",
            ),
            36928: (
                "convolution-counted",
                "36928 is a 3×3 convolution with bias. An identity shortcut has none: what does it do to x?",
            ),
        },
    ),
)
