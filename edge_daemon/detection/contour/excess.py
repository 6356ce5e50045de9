"""The short-time spectrum of an event, relative to what each band shows most of the time.

Hums, ships and the sea's own colour are the same in most frames: taken off each band as its median over the frames,
they leave a call as what stands out. Frames of an eighth of a second hold an up-call's tone in one or two bands; they
follow each other by a quarter of their length.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FRAME_S = 0.128
"""Length of a frame."""
TENTHS = 10
"""Steps in a decibel: whole numbers, so that paths through the spectrum are the same on every machine."""
MARGIN_HZ = (10.0, 50.0)
"""How far below and above the species' band a contour may go."""
_FLOOR = 1e-20
_AT_ONCE = 24  # frames that are transformed together: larger outputs leave the processor's cache


@dataclass(frozen=True, slots=True)
class Excess:
    """How far sound stands out, by frame and band.

    Attributes:
        tenths_db: int32 [frames, bands], tenths of a decibel over the band's median.
        hz: float64 [bands], centres of the bands.
        first: sample in the middle of the first frame, counted from the sound's begin.
        step: samples from a frame to the next one.
        frame: samples in a frame.
    """

    tenths_db: NDArray[np.int32]
    hz: NDArray[np.float64]
    first: int
    step: int
    frame: int

    @property
    def band_hz(self) -> float:
        """Distance of the bands."""
        return float(self.hz[1] - self.hz[0])

    @classmethod
    def of(cls, samples: NDArray[np.float32], rate: int, call_band_hz: tuple[float, float]) -> Excess | None:
        """The excess of a piece of sound; None if it is shorter than a frame, or the rate leaves no two bands.

        Args:
            samples: float32 [n], finite.
            rate: samples per second.
            call_band_hz: where the species calls.
        """
        frame = max(4, round(FRAME_S * rate))
        step = frame // 4
        window, bands, hz = _transform(frame, rate, call_band_hz)
        if len(samples) < frame or len(hz) < 2:
            return None
        count, size = (len(samples) - frame) // step + 1, samples.itemsize
        # `sliding_window_view` would add a name to Python's table at every call
        frames = np.ndarray((count, frame), np.float32, np.ascontiguousarray(samples), strides=(step * size, size))
        tenths = np.empty((count, len(hz)), np.int32)
        for first in range(0, count, _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            spectrum = np.fft.rfft(frames[some] * window, _transform_length(frame), axis=1)[:, bands]
            power = spectrum.real**2
            power += spectrum.imag**2
            power += _FLOOR
            level = np.log10(power, out=power)
            level *= 10 * TENTHS
            tenths[some] = np.rint(level, out=level)
        middle = (len(tenths) - 1) // 2
        usual = np.partition(tenths, middle, axis=0)[middle]
        return cls(tenths - usual, hz, frame // 2, step, frame)


def _transform_length(frame: int) -> int:
    """Twice the frame or more, a power of two: bands lie half as far apart as the frame tells them apart."""
    return 1 << (2 * frame - 1).bit_length()


@lru_cache(maxsize=4)
def _transform(
    frame: int, rate: int, call_band_hz: tuple[float, float]
) -> tuple[NDArray[np.float32], slice, NDArray[np.float64]]:
    """The frame's weights (Hann), which bands are kept, and their centres."""
    weights = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)).astype(np.float32)
    hz = np.fft.rfftfreq(_transform_length(frame), 1 / rate).astype(np.float64)
    low, high = max(0.0, call_band_hz[0] - MARGIN_HZ[0]), call_band_hz[1] + MARGIN_HZ[1]
    first, last = np.searchsorted(hz, (max(low, hz[1]), high)).tolist()
    return weights, slice(first, last), hz[first:last]
