"""Ambient noise of the sea: wind, distant shipping and turbulence, after Wenz.

Wenz (J. Acoust. Soc. Am. 34, 1936, 1962) drew the spectrum of the ocean's noise as a sum of sources: turbulence below
10 Hz, distant shipping from 10 to some hundred hertz, wind-driven bubbles above, thermal noise beyond 50 kHz. The
formulas are Coates' fit to his curves (R. Coates, Underwater Acoustic Systems, 1990), as used by network simulators
and sonar texts. Noise with such a spectrum is white noise filtered: here in the frequency domain, exactly.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from train.ocean.sound import RATE

MICROPASCAL = 1e-6


def turbulence_db(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spectrum level of turbulence, dB re 1 µPa²/Hz: 17 − 30 log f, f in kHz."""
    level: NDArray[np.float64] = 17.0 - 30.0 * np.log10(hz / 1000.0)
    return level


def shipping_db(hz: NDArray[np.float64], shipping: float) -> NDArray[np.float64]:
    """Spectrum level of distant shipping, dB re 1 µPa²/Hz: 40 + 20 (s − 0.5) + 26 log f − 60 log(f + 0.03), f in kHz.

    Args:
        hz: frequencies above 0.
        shipping: activity s, 0 (none near) … 1 (heavy).
    """
    khz = hz / 1000.0
    level: NDArray[np.float64] = 40.0 + 20.0 * (shipping - 0.5) + 26.0 * np.log10(khz) - 60.0 * np.log10(khz + 0.03)
    return level


def wind_db(hz: NDArray[np.float64], wind_m_s: float) -> NDArray[np.float64]:
    """Spectrum level of wind, dB re 1 µPa²/Hz: 50 + 7.5 √w + 20 log f − 40 log(f + 0.4), f in kHz, w in m/s."""
    khz = hz / 1000.0
    level: NDArray[np.float64] = 50.0 + 7.5 * np.sqrt(wind_m_s) + 20.0 * np.log10(khz) - 40.0 * np.log10(khz + 0.4)
    return level


def spectrum_db(hz: NDArray[np.float64], wind_m_s: float, shipping: float) -> NDArray[np.float64]:
    """Spectrum level of the whole: the powers of turbulence, shipping and wind added.

    Args:
        hz: float64, frequencies above 0 (thermal noise is left out: it is 60 dB below at 1 kHz).
        wind_m_s: wind speed, 0 … 30 m/s.
        shipping: activity, 0 … 1.

    Returns:
        float64, dB re 1 µPa²/Hz.
    """
    levels = (turbulence_db(hz), shipping_db(hz, shipping), wind_db(hz, wind_m_s))
    total: NDArray[np.float64] = 10.0 * np.log10(sum(10.0 ** (level / 10.0) for level in levels))
    return total


def ambient(
    rng: np.random.Generator,
    shape: tuple[int, int],
    wind_m_s: float,
    shipping: float,
    rate: int = RATE,
    lowest_hz: float = 2.0,
) -> NDArray[np.float64]:
    """Rows of independent ambient noise.

    Args:
        rng: source of randomness.
        shape: (rows, samples).
        wind_m_s: wind speed.
        shipping: activity of distant shipping, 0 … 1.
        rate: samples per second.
        lowest_hz: below this the spectrum stays level; no hydrophone follows turbulence down to 0 Hz.

    Returns:
        float64 [rows, samples], pascal.
    """
    return shaped_noise(rng, shape, lambda hz: spectrum_db(np.maximum(hz, lowest_hz), wind_m_s, shipping), rate)


def shaped_noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    level_db: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    rate: int = RATE,
) -> NDArray[np.float64]:
    """Gaussian noise with a given spectrum level.

    Args:
        rng: source of randomness.
        shape: (rows, samples).
        level_db: function from hertz (float64) to dB re 1 µPa²/Hz.
        rate: samples per second.

    Returns:
        float64 [rows, samples], pascal. The one-sided power spectral density has that level: white noise of unit
        variance has 2/rate per hertz, hence the factor √(rate/2).
    """
    hz = np.fft.rfftfreq(shape[1], 1.0 / rate)
    density = 10.0 ** (level_db(hz.astype(np.float64)) / 20.0) * MICROPASCAL
    spectrum = np.fft.rfft(rng.standard_normal(shape), axis=1)
    spectrum *= density * np.sqrt(rate / 2.0)
    spectrum[:, 0] = 0.0
    noise: NDArray[np.float64] = np.fft.irfft(spectrum, n=shape[1], axis=1)
    return noise
