"""Dropouts: a recorder that loses data writes zeros, holds the last value, or jumps in gain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from train.ocean.sound import RATE


def dropouts(rng: np.random.Generator, audio: NDArray[np.float64], rate: int = RATE) -> NDArray[np.float64]:
    """Rows with 1 … 4 lost or disturbed stretches of 5 … 300 ms each.

    Args:
        rng: draws places and kinds: zeros, a held value, or another gain (−12 … +12 dB) from there on.
        audio: float64 [N, samples].
        rate: samples per second.

    Returns:
        float64 [N, samples], a new array.
    """
    damaged = audio.copy()
    samples = audio.shape[1]
    for row in range(len(audio)):
        for _ in range(int(rng.integers(1, 5))):
            length = min(int(rng.uniform(0.005, 0.3) * rate), samples // 2)
            begin = int(rng.integers(0, samples - length))
            kind = rng.integers(0, 3)
            if kind == 0:
                damaged[row, begin : begin + length] = 0.0
            elif kind == 1:
                damaged[row, begin : begin + length] = damaged[row, begin]
            else:
                damaged[row, begin:] *= 10.0 ** (rng.uniform(-12.0, 12.0) / 20.0)
    return damaged
