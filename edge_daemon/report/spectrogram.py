"""The spectrogram that a person looks at: as analysts of the species are used to, not what the network sees.

The frame is a power of two with about fifty bands across the call's band (for up-calls, 50 to 250 Hz at 2 kHz, 512
samples or 0.26 s), Hann-weighted; frames follow closely enough that a picture shows no steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BANDS = 50
_FLOOR_DB = -200.0


@dataclass(frozen=True, slots=True)
class Spectrogram:
    """Levels over time and frequency.

    Attributes:
        level_db: float32 [bands, frames], dB re full scale, row 0 is 0 Hz.
        band_hz: distance of the bands.
        frame_s: distance of the frames; frame k is centred at k · frame_s.
    """

    level_db: NDArray[np.float32]
    band_hz: float
    frame_s: float


def frame_length(rate: int, call_band_hz: tuple[float, float]) -> int:
    """Samples in a frame: the power of two, 64…16384, nearest to `_BANDS` bands across the call's band."""
    width = max(call_band_hz[1] - call_band_hz[0], 1.0)
    return int(2 ** min(14, max(6, round(float(np.log2(rate * _BANDS / width))))))


def spectrogram(samples: NDArray[np.float32], rate: int, length: int, frames: int) -> Spectrogram:
    """Compute the spectrogram of a piece of sound.

    Args:
        samples: float32 [n], n ≥ 1; beyond its ends it is mirrored.
        rate: samples per second.
        length: samples in a frame.
        frames: about how many frames to spread over it.
    """
    hop = max(1, len(samples) // max(1, frames))
    half = length // 2
    mode = "reflect" if len(samples) > half else "constant"
    padded = np.pad(samples.astype(np.float64), half, mode=mode)  # type: ignore[call-overload]
    pieces = np.lib.stride_tricks.sliding_window_view(padded, length)[::hop]
    weights = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    spectrum = np.fft.rfft(pieces * weights)
    # a sine of full scale is 0 dB
    power = (spectrum.real**2 + spectrum.imag**2) * (2 / weights.sum()) ** 2
    level = 10 * np.log10(np.maximum(power, 10 ** (_FLOOR_DB / 10)))
    return Spectrogram(level.T.astype(np.float32), rate / length, hop / rate)
