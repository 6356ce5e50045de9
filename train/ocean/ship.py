"""A ship near by: tonal lines of machinery and propeller, and the roar of cavitation that beats with the blades.

A propeller with b blades at n turns a second gives lines at multiples of n·b (typically 4 … 20 Hz) and modulates the
broadband noise of its collapsing bubbles at that rate; generators add steady lines. The broadband part peaks near
50 Hz and falls by about 20 dB a decade above (D. Ross, Mechanics of Underwater Noise, 1976; S. Wales & R. Heitmeyer,
J. Acoust. Soc. Am. 111, 1211, 2002).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from train.ocean.ambient import shaped_noise
from train.ocean.sound import RATE, sweep

PEAK_HZ = 50.0
"""Where the broadband noise of a merchant ship is strongest."""


def cavitation_db(hz: NDArray[np.float64], level_db: float) -> NDArray[np.float64]:
    """Spectrum level of cavitation, dB re 1 µPa²/Hz: `level_db` at its 50 Hz peak, +20 dB a decade below, −20 above."""
    ratio = np.maximum(hz, 1.0) / PEAK_HZ
    level: NDArray[np.float64] = level_db - 10.0 * np.log10(0.5 * (ratio**2 + ratio**-2))
    return level


def ship(
    rng: np.random.Generator, shape: tuple[int, int], level_db: NDArray[np.float64], rate: int = RATE
) -> NDArray[np.float64]:
    """Rows of ship noise, a different ship in each.

    Args:
        rng: draws blade rate, lines, drift and modulation.
        shape: (rows, samples).
        level_db: float64 [rows], received spectrum level of the cavitation at 50 Hz, dB re 1 µPa²/Hz.
        rate: samples per second.

    Returns:
        float64 [rows, samples], pascal.
    """
    rows, samples = shape
    blade_hz = rng.uniform(4.0, 20.0, rows)
    time = np.arange(samples) / rate
    beat = 1.0 + rng.uniform(0.1, 0.8, (rows, 1)) * np.cos(
        2 * np.pi * (blade_hz[:, None] * time + rng.random((rows, 1)))
    )
    broadband = shaped_noise(rng, shape, lambda hz: cavitation_db(hz, 0.0), rate)
    broadband *= beat * 10.0 ** (level_db[:, None] / 20.0)
    return broadband + lines(rng, shape, blade_hz, level_db, rate)


def lines(
    rng: np.random.Generator,
    shape: tuple[int, int],
    blade_hz: NDArray[np.float64],
    level_db: NDArray[np.float64],
    rate: int = RATE,
) -> NDArray[np.float64]:
    """Tonal lines: blade rate with harmonics, and two machinery lines between 25 and 400 Hz.

    Args:
        rng: draws amplitudes and drift (a line wanders by up to 0.5 % over ten seconds).
        shape: (rows, samples).
        blade_hz: float64 [rows].
        level_db: float64 [rows], spectrum level of the broadband part at 50 Hz; the lines stand 0 … 22 dB above it
            (in a 1 Hz band).
        rate: samples per second.
    """
    rows, samples = shape
    seconds = samples / rate
    wander = np.sin(2 * np.pi * (np.arange(samples) / rate / 10.0 + rng.random((rows, 1)))) * min(seconds / 10.0, 1.0)
    drift = 1.0 + rng.uniform(-0.005, 0.005, (rows, 1)) * wander
    rms = 1e-6 * 10.0 ** (level_db[:, None] / 20.0)
    harmonics = 10.0 ** (rng.uniform(0.0, 18.0, (rows, 10)) / 20.0) / np.arange(1, 11) ** 0.7
    total = sweep(blade_hz[:, None] * drift, np.broadcast_to(rms, shape), harmonics, rate, turns=rng.random(rows))
    for _ in range(2):
        machine_hz = np.exp(rng.uniform(np.log(25.0), np.log(400.0), (rows, 1)))
        strength = 10.0 ** (rng.uniform(0.0, 22.0, (rows, 1)) / 20.0) * (PEAK_HZ / np.maximum(machine_hz, PEAK_HZ))
        total += sweep(
            machine_hz * drift, np.broadcast_to(rms, shape), np.sqrt(2.0) * strength, rate, turns=rng.random(rows)
        )
    return total
