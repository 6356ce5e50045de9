"""Real sounds laid into other recordings' noise, as sound: before the front end, so that it sees nothing unnatural.

A call is cut out of its recording with a little of what is around it, band-passed to where calls are, and its edges
are faded. It keeps the noise of its own recording in that band, which is why faint calls are not cut. It is played a
little faster or slower, and laid at a random place of another window, at a drawn signal-to-noise ratio.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

FADE_S = 0.15
"""Sound around a call that is faded in and out."""
ORDER = 4


@lru_cache
def _band_pass(band_hz: tuple[float, float], rate: int) -> NDArray[np.float64]:
    found: NDArray[np.float64] = butter(ORDER, band_hz, "bandpass", fs=rate, output="sos")
    return found


def band_passed(sound: NDArray[np.float32], band_hz: tuple[float, float], rate: int) -> NDArray[np.float32]:
    """The sound within a band, without delay; float32 of the same length (at least a tenth of a second)."""
    filtered: NDArray[np.float32] = sosfiltfilt(_band_pass(band_hz, rate), sound).astype(np.float32)
    return filtered


def cut_out(
    sound: NDArray[np.float32], begin_s: float, end_s: float, band_hz: tuple[float, float], rate: int
) -> NDArray[np.float32]:
    """A call with faded edges, float32; longer than the call by `FADE_S` on either side, where there is sound.

    Args:
        sound: float32 [samples], its recording.
        begin_s: begin of the call.
        end_s: its end.
        band_hz: band that is kept.
        rate: samples per second.
    """
    margin = rate  # the filter's own edges are cut off again
    first, last = round((begin_s - FADE_S) * rate), round((end_s + FADE_S) * rate)
    low, high = max(first - margin, 0), min(last + margin, len(sound))
    filtered = band_passed(sound[low:high], band_hz, rate)[max(first, 0) - low : max(last, 0) - low]
    fade = min(round(FADE_S * rate), len(filtered) // 2)
    envelope = np.ones(len(filtered), np.float32)
    rising = (1 - np.cos(np.pi * (np.arange(fade) + 0.5) / fade)) / 2
    envelope[:fade], envelope[len(envelope) - fade :] = rising, rising[::-1]
    return filtered * envelope


def lay(
    window: NDArray[np.float32],
    sound: NDArray[np.float32],
    snr_db: float,
    band_hz: tuple[float, float],
    rate: int,
    at: int,
) -> NDArray[np.float32]:
    """Lay a sound into a window.

    Args:
        window: float32 [samples].
        sound: float32 [any], as `cut_out` gives it.
        snr_db: mean power of the sound over that of the window, in the band.
        band_hz: in which the window's power is taken.
        rate: samples per second.
        at: place of the sound's first sample in the window; what lies outside is lost.

    Returns:
        float32 [samples]; the window itself where one of the two is silent.
    """
    noise = float(np.mean(np.square(band_passed(window, band_hz, rate), dtype=np.float64)))
    power = float(np.mean(np.square(sound, dtype=np.float64)))
    if noise <= 0 or power <= 0:
        return window
    gain = (noise / power * 10 ** (snr_db / 10)) ** 0.5
    first, last = max(at, 0), min(at + len(sound), len(window))
    laid = window.copy()
    if first < last:
        laid[first:last] += np.float32(gain) * sound[first - at : last - at]
    return laid


def played(sound: NDArray[np.float32], speed: float, rate: int) -> NDArray[np.float32]:
    """The sound played so many times faster: shorter and higher."""
    if speed == 1:
        return sound
    faster: NDArray[np.float32] = soxr.resample(sound, rate * speed, rate, quality="HQ")
    return faster


def place(length: int, samples: int, share: float, rng: np.random.Generator) -> int:
    """A place for a sound such that at least a share of it (or of the window, where it is longer) lies in the window.

    Args:
        length: samples of the sound.
        samples: samples of the window.
        share: in 0…1.
        rng: source of randomness.

    Returns:
        Place of its first sample, possibly negative.
    """
    inside = round(share * min(length, samples))
    return int(rng.integers(inside - length, samples - inside + 1))
