"""Clicks: impulses of a sample or two, as faulty electronics, snapping shrimp or a sperm whale leave them at 2 kHz.

Everything above 1 kHz is lost at this rate, so that all of these look alike: an upright line over the whole band.
"""

from __future__ import annotations

import numpy as np

from train.ocean.sound import RATE, Sounds


def clicks(rng: np.random.Generator, count: int, rate: int = RATE) -> Sounds:
    """Series of 1 … 30 clicks within 2 s, evenly spaced or at random.

    Returns:
        `count` sounds with the band 30 … 0.45 · rate hertz.
    """
    size = 2 * rate
    audio = np.zeros((count, size))
    number = rng.integers(1, 31, count)
    for row in range(count):
        if rng.random() < 0.5:
            at = np.rint(np.linspace(0.02, 0.98, number[row] + 1)[:-1] * size).astype(np.int64)
        else:
            at = rng.integers(0, size - 2, number[row])
        strength = rng.uniform(0.4, 1.0, len(at))
        audio[row, at] += strength
        audio[row, np.minimum(at + 1, size - 1)] -= 0.6 * strength
    low, high = np.full(count, 30.0), np.full(count, 0.45 * rate)
    return Sounds(audio, np.full(count, size, np.int64), low, high, "clicks")
