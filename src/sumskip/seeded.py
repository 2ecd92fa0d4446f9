"""Numbers out of a name: the same on every machine and for ever."""

from __future__ import annotations

import hashlib
import math

import numpy as np
from numpy.typing import NDArray


def numbers(seed: str, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Uniform numbers in [-1, 1) for `name`, the same on every machine and for ever.

    SHAKE-256 (FIPS 202) is used as the generator because NumPy does not promise that its own
    streams stay the same between versions (NEP 19).
    """
    count = math.prod(shape)
    digest = hashlib.shake_256(f"{seed}/{name}".encode()).digest(8 * count)
    whole = np.frombuffer(digest, dtype="<u8")
    unit: NDArray[np.float64] = (whole >> np.uint64(11)).astype(np.float64) * 2.0**-52
    return (unit - 1.0).reshape(shape)
