"""Rain: thousands of drops, each a click and a short ring of its bubble.

Below 1 kHz it is heard as a hiss that rises with frequency and flickers, because in heavy rain the big drops' impacts
are broadband and arrive at random (J. Nystuen, J. Acoust. Soc. Am. 79, 972, 1986). It is modelled as shot noise: drops
at random instants, of random strength, each through a filter that rises by 20 dB a decade.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from train.ocean.sound import RATE


def rain(
    rng: np.random.Generator, shape: tuple[int, int], rms: NDArray[np.float64], drops_per_s: float, rate: int = RATE
) -> NDArray[np.float64]:
    """Rows of rain noise.

    Args:
        rng: source of randomness.
        shape: (rows, samples).
        rms: float64 [rows], root mean square pressure, pascal.
        drops_per_s: mean number of audible drops a second (Poisson).
        rate: samples per second.

    Returns:
        float64 [rows, samples], pascal, with exactly that rms (silent where no drop fell).
    """
    strength = rng.exponential(1.0, shape) * rng.choice([-1.0, 1.0], shape)
    drops = np.where(rng.poisson(drops_per_s / rate, shape) > 0, strength, 0.0)
    hz = np.fft.rfftfreq(shape[1], 1.0 / rate)
    noise = np.fft.irfft(np.fft.rfft(drops, axis=1) * (hz / 1000.0), n=shape[1], axis=1)
    now = np.sqrt(np.mean(noise**2, axis=1, keepdims=True))
    scaled: NDArray[np.float64] = noise * np.where(now > 0, rms[:, None] / np.where(now > 0, now, 1.0), 0.0)
    return scaled
