"""What the samples of an input are like, as numbers: level, mean, shape of their distribution and of their spectrum.

Of each second a twentieth or less is looked at: what a broken input shows, it shows all the time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1024  # samples looked at in a second
_CHUNKS = 10  # that make one account
FEW = 6
"""So few different values are no sound."""
_STEPS_16 = 32_768.0
_FLOOR = 1e-10  # amplitude that stands for silence, −200 dBFS


@dataclass(frozen=True, slots=True)
class SoundStatistics:
    """The samples of ten seconds.

    Attributes:
        level_db: root-mean-square level without the mean, dB re full scale (a full-scale square wave is 0 dBFS).
        peak_db: largest magnitude, dB re full scale.
        offset: mean, full scale 1.
        kurtosis: fourth moment by the square of the second: 1 for a square wave, 1.8 for uniform noise, 3 for Gaussian.
        flatness: geometric by arithmetic mean of the spectrum, 0…1: 1 for white noise, near 0 for the sea or a tone.
        clipped: share of samples at full scale, 0…1.
        edges: share of samples that are exactly the largest or smallest of their stretch, 0…1.
        values: largest number of different values in a stretch, counted as far as `FEW` and one more.
        end_bytes: share of samples whose lower byte, as 16 bits, is 0 or 255, where both are frequent; else 0.
    """

    level_db: float
    peak_db: float
    offset: float
    kurtosis: float
    flatness: float
    clipped: float
    edges: float
    values: int
    end_bytes: float


class SoundSampler:
    """Looks at a stretch of sound each second and gives an account of each ten; for one thread.

    Args:
        rate: Hz.
        clip_level: magnitude (full scale 1) from which on a sample counts as clipped.
    """

    def __init__(self, rate: int, clip_level: float) -> None:
        self._rate, self._clip_level = rate, clip_level
        window = np.hanning(_CHUNK)
        self._window = window.astype(np.float32)
        self._to_skip = 0
        self._chunk = np.zeros(_CHUNK, np.float32)
        self._filled = 0
        self._clear()

    def restart(self) -> None:
        """The stream was interrupted, or another device gives it."""
        self._to_skip = self._filled = 0
        self._clear()

    def push(self, samples: NDArray[np.float32]) -> SoundStatistics | None:
        """Take in the next block, float32 [n]; an account, if ten stretches have been looked at."""
        if self._to_skip >= len(samples):
            self._to_skip -= len(samples)
            return None
        part = samples[self._to_skip : self._to_skip + _CHUNK - self._filled]
        self._to_skip = 0
        self._chunk[self._filled : self._filled + len(part)] = part
        self._filled += len(part)
        if self._filled < _CHUNK:
            return None
        self._filled = 0
        self._to_skip = max(0, self._rate - _CHUNK)
        self._look(self._chunk)
        return self._account() if self._looks == _CHUNKS else None

    def _clear(self) -> None:
        self._looks = self._values = 0
        self._sum = self._square = self._fourth = self._clipped = self._edges = 0.0
        self._peak = 0.0
        self._end_zeros = self._end_ones = 0.0
        self._spectrum = np.zeros(_CHUNK // 2 + 1, np.float64)

    def _look(self, chunk: NDArray[np.float32]) -> None:
        if not np.isfinite(chunk).all():
            return  # the front end tells of it
        self._looks += 1
        mean = float(chunk.mean(dtype=np.float64))
        moving = chunk.astype(np.float64) - mean
        square = moving * moving
        low, high = float(chunk.min()), float(chunk.max())
        self._sum += mean
        self._square += float(square.mean())
        self._fourth += float((square * square).mean())
        self._peak = max(self._peak, abs(low), abs(high))
        self._clipped += np.count_nonzero(np.abs(chunk) >= self._clip_level) / _CHUNK
        self._edges += (np.count_nonzero(chunk == low) + np.count_nonzero(chunk == high)) / _CHUNK if high > low else 0
        few = len(set(chunk[:: _CHUNK // 64].tolist())) <= FEW and len(np.unique(chunk)) <= FEW
        self._values = max(self._values, len(np.unique(chunk)) if few else FEW + 1)
        if high <= 1.0 and low >= -1.0:
            self._look_at_bytes(chunk * np.float32(_STEPS_16))
        spectrum = np.fft.rfft(moving * self._window)
        self._spectrum += spectrum.real**2 + spectrum.imag**2

    def _look_at_bytes(self, steps: NDArray[np.float32]) -> None:
        whole = steps.astype(np.int32)
        if (whole == steps).all():
            ends = whole & 0xFF
            self._end_zeros += np.count_nonzero(ends == 0) / _CHUNK
            self._end_ones += np.count_nonzero(ends == 0xFF) / _CHUNK

    def _account(self) -> SoundStatistics:
        looks = self._looks
        square, fourth = self._square / looks, self._fourth / looks
        # without the offset, and without what the anti-alias filter takes away
        power = self._spectrum[3 : int(0.8 * len(self._spectrum))] + _FLOOR**2
        zeros, ones = self._end_zeros / looks, self._end_ones / looks
        account = SoundStatistics(
            level_db=_db(math.sqrt(square)),
            peak_db=_db(self._peak),
            offset=self._sum / looks,
            kurtosis=fourth / square**2 if square > _FLOOR**2 else 0.0,
            flatness=float(np.exp(np.log(power).mean()) / power.mean()),
            clipped=self._clipped / looks,
            edges=self._edges / looks,
            values=self._values,
            end_bytes=zeros + ones if min(zeros, ones) > 0.05 else 0.0,
        )
        self._clear()
        return account


def _db(amplitude: float) -> float:
    return 20 * math.log10(max(amplitude, _FLOOR))
