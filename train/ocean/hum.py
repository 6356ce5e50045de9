"""Electronic hum: mains frequency and its harmonics, picked up by cables on a shore station or a research ship.

50 Hz in most of the world, 60 Hz in the Americas and parts of Asia; odd harmonics are usually the stronger ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from train.ocean.sound import RATE, sweep

HARMONICS = 8


def hum(
    rng: np.random.Generator, shape: tuple[int, int], mains_hz: float, rms: NDArray[np.float64], rate: int = RATE
) -> NDArray[np.float64]:
    """Rows of hum.

    Args:
        rng: draws the harmonics' strengths and the phase.
        shape: (rows, samples).
        mains_hz: 50 or 60; the grid wanders by up to 0.1 %.
        rms: float64 [rows], root mean square pressure it is mistaken for, pascal.
        rate: samples per second.

    Returns:
        float64 [rows, samples], with exactly that rms.
    """
    rows = shape[0]
    number = np.arange(1, HARMONICS + 1)
    falling_db = 6.0 * np.log2(number) + np.where(number % 2 == 0, 6.0, 0.0)
    harmonics = 10.0 ** ((rng.normal(0.0, 4.0, (rows, HARMONICS)) - falling_db) / 20.0)
    frequency = np.broadcast_to(mains_hz * (1.0 + rng.uniform(-0.001, 0.001, (rows, 1))), shape)
    tone = sweep(frequency, np.ones(shape), harmonics, rate, turns=rng.random(rows))
    now = np.sqrt(np.mean(tone**2, axis=1, keepdims=True))
    scaled: NDArray[np.float64] = tone * rms[:, None] / now
    return scaled
