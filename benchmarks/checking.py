"""How long a learner waits for `check`, exercise by exercise: `python benchmarks/checking.py`.

The first check of an exercise reads its key; the later ones are what a learner sees again and again.
Each is timed beside one forward and backward pass of the same reference model, so that the ratio can
be compared between machines. The exit status says whether every later check takes less than a second.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from autograder.exercises import EXERCISES
from sumskip import check
from sumskip.checking.key import public_key

RUNS = 7
LIMIT = 1.0  # seconds


def timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        run()
    return time.perf_counter() - start


def plain(name: str) -> float:
    """Seconds of one forward and backward pass of the reference on the exercise's first input."""
    key = public_key(name)
    if key.kind != "module":
        return float("nan")
    case = key.cases[0]
    model = EXERCISES[name].answer(*case.init)
    x = torch.randn(case.inputs[0])
    return statistics.median(timed(lambda: model(x).sum().backward()) for _ in range(RUNS))


def main() -> int:
    slowest = 0.0
    print(f"{'exercise':28s}{'first':>9s}{'right':>9s}{'wrong':>9s}{'× plain':>9s}   ms, median of {RUNS}")
    for name in EXERCISES:
        answer = EXERCISES[name].answer
        first = timed(lambda name=name, answer=answer: check(name, answer))  # type: ignore[misc]
        wrong = [m.build for m in EXERCISES[name].wrong][:1] or [None]
        medians = [
            statistics.median(timed(lambda n=name, a=given: check(n, a)) for _ in range(RUNS))  # type: ignore[misc]
            for given in (answer, wrong[0])
        ]
        slowest = max(slowest, *medians)
        ratio = medians[0] / plain(name)
        row = "".join(f"{1000 * seconds:9.1f}" for seconds in (first, *medians))
        print(f"{name:28s}{row}{ratio:9.1f}")
    print(f"slowest later check: {slowest:.3f} s, limit {LIMIT} s")
    return 0 if slowest < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
