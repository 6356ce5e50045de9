"""Strum and flow noise: a current shakes the mooring and rolls over the hydrophone.

Vortices behind a cable shed at a rate proportional to the current and shake it (a few hertz and harmonics); turbulence
at the hydrophone itself adds noise that falls steeply with frequency. Both swell and fade with the tide and the waves.
What reaches the band of the up-call is a restless rumble below 100 Hz.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from train.ocean.ambient import shaped_noise
from train.ocean.sound import RATE, slow_fading


def strum(
    rng: np.random.Generator, shape: tuple[int, int], level_db: NDArray[np.float64], rate: int = RATE
) -> NDArray[np.float64]:
    """Rows of low-frequency rumble.

    Args:
        rng: source of randomness.
        shape: (rows, samples).
        level_db: float64 [rows], spectrum level at 30 Hz, dB re 1 µPa²/Hz, before the swelling and fading.
        rate: samples per second.

    Returns:
        float64 [rows, samples], pascal. Level up to 30 Hz, then −60 dB a decade.
    """
    noise = shaped_noise(rng, shape, lambda hz: -60.0 * np.log10(np.maximum(hz / 30.0, 1.0)), rate)
    swell = slow_fading(shape, 5.0, max(2, round(3 * shape[1] / rate)), rng)
    return noise * swell * 10.0 ** (level_db[:, None] / 20.0)
