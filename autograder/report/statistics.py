"""How hard an exercise was, and whether it goes with the rest: with intervals; of a small class, nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST = 30  # learners, below which an interval would say only that the class is small
_Z = 1.959963984540054  # 95 % of a normal distribution lie within so many deviations of its mean


@dataclass(frozen=True)
class Estimate:
    """A number with its interval of 95 %, from `learners` many."""

    value: float
    low: float
    high: float
    learners: int


def difficulty(shares: Sequence[float]) -> Estimate | None:
    """The mean share of an exercise's points that was earned, 0 to 1: the larger, the easier.

    The interval is Wilson's score interval (E. B. Wilson, *Probable inference, the law of succession, and
    statistical inference*, JASA 22, 1927, 209-212), with the mean in the place of the proportion. It was made
    for all or nothing; partial points vary less, so it is rather too wide than too narrow.

    Returns:
        None below `LEAST` learners.
    """
    n = len(shares)
    if n < LEAST:
        return None
    p = float(np.mean(shares))
    middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * (max(0.0, p * (1 - p)) / n + _Z**2 / (4 * n**2)) ** 0.5
    return Estimate(p, max(0.0, middle - half), min(1.0, middle + half), n)


def discrimination(points: Sequence[float], rest: Sequence[float]) -> Estimate | None:
    """The correlation of an exercise's points with those of the other exercises, itself left out (item-rest).

    A total that holds the exercise correlates with it by that alone (S. Henrysson, *Correction of item-total
    correlations in item analysis*, Psychometrika 28, 1963, 211-218). The interval is R. A. Fisher's (*On the
    "probable error" of a coefficient of correlation deduced from a small sample*, Metron 1, 1921, 3-32):
    artanh r has a deviation of 1/sqrt(n - 3).

    Args:
        points: one number a learner.
        rest: the sum of the same learner's points for the other exercises of the lesson.

    Returns:
        None below `LEAST` learners, and where one of the two is the same for all.
    """
    n = len(points)
    if n < LEAST or np.ptp(points) < 1e-9 or np.ptp(rest) < 1e-9:
        return None
    r = float(np.clip(np.corrcoef(points, rest)[0, 1], -1.0, 1.0))
    with np.errstate(divide="ignore"):  # a correlation of 1 stays 1
        low, high = np.tanh(np.arctanh(r) + np.array([-_Z, _Z]) / (n - 3) ** 0.5)
    return Estimate(r, float(low), float(high), n)
