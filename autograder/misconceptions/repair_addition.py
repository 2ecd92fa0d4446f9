"""Wrong answers to `repair_addition`: what is wrong with an addition is wrong here too.

The class to mend adds `x + out2`, and detaches. Each repair that leaves one of the two in place, or
makes the crash go away by adding something else, is among the wrong answers to `addition_model`.
"""

from __future__ import annotations

from dataclasses import replace

from .addition_model import MISCONCEPTIONS as ADDITION

# Where the given class makes another sentence more fitting.
_SENTENCES = {
    "stacking-only": (
        "The crash is gone because the skip is: your output is exactly `out2`. Which tensor should it meet?"
    ),
    "skip-from-x": (
        "The first fault is still there: 3 channels of x meet 16 of `out2`. Where does this skip start?"
    ),
    "detached": (
        "It runs, but the second fault remains: no gradient passes the skip. What on that line stops it?"
    ),
    "second-detached": (
        "It runs, but the second fault remains: no gradient passes `out2`. What on that line stops it?"
    ),
    "first-detached": "It runs, but no gradient reaches the first convolution. What on its line stops it?",
    "detached-before-second": (
        "It runs, but no gradient goes back from the second convolution into `out1`. What stops it there?"
    ),
}

MISCONCEPTIONS = [replace(known, sentence=_SENTENCES.get(known.id, known.sentence)) for known in ADDITION]
