"""Signal-to-noise ratio, defined once.

SNR = 20 log₁₀ (rms of the call in its band / rms of everything else in that band), both over the samples of the call
itself (without echoes after its end). The band is the range of the call's fundamental, BAND_MARGIN_HZ wider on either
side. "Everything else" is what the recorder holds there without the call: sea, ships, hum and look-alikes alike.
Figures in papers are often taken over a wider band or against a quieter moment and are then higher.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from train.ocean.sound import RATE, Sounds

BAND_MARGIN_HZ = 5.0
"""A sweep's energy spills a little over its range of frequencies: one over half its fading time."""


def band_rms(
    audio: NDArray[np.float64],
    begin: NDArray[np.int64],
    length: NDArray[np.int64],
    low_hz: NDArray[np.float64],
    high_hz: NDArray[np.float64],
    rate: int = RATE,
) -> NDArray[np.float64]:
    """Root mean square of each row within a band and a span.

    Args:
        audio: float64 [N, samples].
        begin: int64 [N], first sample of the span.
        length: int64 [N], samples in it; the part within the row counts.
        low_hz: float64 [N], lower edge of the band (BAND_MARGIN_HZ is taken off).
        high_hz: float64 [N], upper edge of the band (BAND_MARGIN_HZ is added).
        rate: samples per second.

    Returns:
        float64 [N], in the unit of `audio`; the band is cut out exactly, in the frequency domain.
    """
    samples = audio.shape[1]
    hz = np.fft.rfftfreq(samples, 1.0 / rate)
    inside = (hz >= low_hz[:, None] - BAND_MARGIN_HZ) & (hz <= high_hz[:, None] + BAND_MARGIN_HZ)
    banded = np.fft.irfft(np.fft.rfft(audio, axis=1) * inside, n=samples, axis=1)
    at = np.arange(samples)
    span = (at >= begin[:, None]) & (at < (begin + length)[:, None])
    power = (banded**2 * span).sum(axis=1) / np.maximum(span.sum(axis=1), 1)
    rms: NDArray[np.float64] = np.sqrt(power)
    return rms


def add_at_snr(
    noise: NDArray[np.float64],
    sounds: Sounds,
    begin: NDArray[np.int64],
    snr_db: NDArray[np.float64],
    rate: int = RATE,
) -> NDArray[np.float64]:
    """Noise with one sound in each row, at the asked signal-to-noise ratio.

    Args:
        noise: float64 [N, samples], all that is not this sound.
        sounds: N sounds; they may reach over the rows' ends and are cut there.
        begin: int64 [N], sample at which each sound begins, may be negative.
        snr_db: float64 [N].
        rate: samples per second.

    Returns:
        float64 [N, samples]; rows whose noise or sound is silent in the band are returned as they were.
    """
    placed = np.zeros_like(noise)
    for row in range(len(noise)):
        first, last = max(int(begin[row]), 0), min(int(begin[row]) + sounds.audio.shape[1], noise.shape[1])
        if last > first:
            placed[row, first:last] = sounds.audio[row, first - begin[row] : last - begin[row]]
    place = (begin, sounds.length, sounds.low_hz, sounds.high_hz, rate)
    noise_rms, sound_rms = band_rms(noise, *place), band_rms(placed, *place)
    usable = (noise_rms > 0) & (sound_rms > 0)
    gain = np.where(usable, 10.0 ** (snr_db / 20.0) * noise_rms / np.where(usable, sound_rms, 1.0), 0.0)
    mixed: NDArray[np.float64] = noise + gain[:, None] * placed
    return mixed
