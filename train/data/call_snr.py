"""Signal-to-noise ratio of a marked call in a recording, where the call cannot be had without the noise.

SNR = 10 log₁₀ ((power in the call's span − noise) / noise), in the band of the species' calls. The noise is the median
power within ten seconds before and after the call where no call is marked, so that a knock or another whale counts for
little. Power is taken in frames of an eighth of a second. As in `train.ocean.snr`, a call as strong as the noise has
0 dB; the band here is wider than the call's own, so figures are lower.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import get_window

from train.data.sound_file import read_window, sound_info

AROUND_S = 10.0
FRAME_S = 0.128
LEAST_DB = -20.0
"""Said of calls that are not above the noise at all."""
LEAST_QUIET_S = 1.0
"""Less sound without calls around a call says nothing about the noise."""


def call_snr_db(
    path: Path, calls_s: NDArray[np.float64], band_hz: tuple[float, float], rate: int, channel: int = 0
) -> NDArray[np.float64]:
    """Ratio of each marked call of a recording.

    Args:
        path: the sound file.
        calls_s: float64 [calls, 2], begin and end of all its calls, seconds.
        band_hz: band in which power is taken.
        rate: samples per second to bring the sound to.
        channel: which channel, from 0.

    Returns:
        float64 [calls], dB, `LEAST_DB` or more; NaN where there is no noise to compare with.
    """
    duration_s = sound_info(path).duration_s
    found = []
    for begin_s, end_s in calls_s:
        first_s, last_s = max(begin_s - AROUND_S, 0.0), min(end_s + AROUND_S, duration_s)
        sound = read_window(path, first_s, int((last_s - first_s) * rate), rate, channel)
        power, centre_s = band_power(sound, band_hz, rate)
        centre_s += first_s
        own = (centre_s >= begin_s) & (centre_s < end_s)
        if not own.any():  # shorter than the way from frame to frame
            own = np.arange(len(centre_s)) == np.abs(centre_s - (begin_s + end_s) / 2).argmin()
        called = ((centre_s[:, None] >= calls_s[:, 0]) & (centre_s[:, None] < calls_s[:, 1])).any(axis=1)
        noise = float(np.median(power[~called])) if (~called).sum() * FRAME_S / 4 >= LEAST_QUIET_S else 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = max(float(power[own].mean()) / noise - 1.0, 10 ** (LEAST_DB / 10)) if noise else np.nan
        found.append(10.0 * np.log10(ratio))
    return np.array(found, np.float64)


def band_power(
    sound: NDArray[np.float32], band_hz: tuple[float, float], rate: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Power in a band over time.

    Args:
        sound: float32 [samples].
        band_hz: lower and upper edge.
        rate: samples per second.

    Returns:
        float64 [frames], in arbitrary units, and each frame's centre in seconds; frames overlap by three quarters.
    """
    length = min(round(FRAME_S * rate), len(sound))
    frames = np.lib.stride_tricks.sliding_window_view(sound, length)[:: max(length // 4, 1)]
    spectrum = np.abs(np.fft.rfft(frames * get_window("hann", length))) ** 2
    hz = np.fft.rfftfreq(length, 1 / rate)
    power: NDArray[np.float64] = spectrum[:, (hz >= band_hz[0]) & (hz <= band_hz[1])].sum(axis=1)
    return power, (np.arange(len(frames)) * max(length // 4, 1) + length / 2) / rate
