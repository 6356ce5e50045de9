"""The level meter of a live input: peak, root mean square, clipping, and a coarse spectrum, a few times a second.

Levels in dBFS are 20·log10 of the ratio to full scale, so that a full-scale sine has a peak of 0 and a root mean
square of −3.01 dBFS; with `Hydrophone.full_scale_db` added they are levels in dB re 1 µPa. The mean of what is
measured (the converter's offset) is taken out of the root mean square, as in `received_level`.

Peak and clipping are those of the device's own samples. Spectrum and band level are taken from the sound resampled as
for the model: what is loud up there at 20 kHz says nothing about what the model hears.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.resample import Resampler
from edge_daemon.audio.source import Block, Gap

FLOOR_DB = -200.0
"""Stands for the level of nothing at all."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured since the reading before.

    Attributes:
        sound_s: length of the sound, s.
        missing_s: length of what was missing, s.
        cause: why the last of it was missing, or empty.
        peak_db: highest magnitude, dBFS.
        rms_db: root mean square of the device's samples, dBFS.
        band_db: root mean square of the sound up to the meter's `top_hz`, dBFS.
        offset: mean of the device's samples, full scale ±1.
        clipped: samples at or above the clip level.
        constant: all samples were the same: a dead input.
    """

    sound_s: float
    missing_s: float = 0.0
    cause: str = ""
    peak_db: float = FLOOR_DB
    rms_db: float = FLOOR_DB
    band_db: float = FLOOR_DB
    offset: float = 0.0
    clipped: int = 0
    constant: bool = False


class InputMeter:
    """Measures a stream between one `read` and the next.

    Args:
        rate: samples per second of the stream.
        top_hz: upper end of spectrum and band level, Hz; below half the rate to be of use.
        rows: how many bands of equal width the spectrum has.
        clip_level: magnitude (full scale 1) from which on a sample counts as clipped.
    """

    def __init__(self, rate: int, *, top_hz: int = 1000, rows: int = 16, clip_level: float = 0.999) -> None:
        self._rate, self._rows, self._clip_level = rate, rows, clip_level
        self._band_rate = 2 * top_hz
        self._resampler = Resampler(rate, self._band_rate)
        self._frame = self._band_rate // 4
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self._frame) / self._frame)
        self._window = window * math.sqrt(2 / (self._frame * float(np.sum(window**2))))
        self._recent = np.zeros(0, np.float32)  # the band's sound not in a spectrum yet, and half a frame before it
        self._spectra: list[NDArray[np.float64]] = []
        self._sound: list[NDArray[np.float32]] = []
        self._band: list[NDArray[np.float32]] = []
        self._missing, self._cause = 0, ""

    def push(self, piece: Block | Gap) -> None:
        """Take in the next block or gap."""
        if isinstance(piece, Gap):
            self._missing += piece.length
            self._cause = piece.cause
        else:
            self._sound.append(piece.samples)
        for part in self._resampler.push(piece):
            if isinstance(part, Gap):
                self._recent = np.zeros(0, np.float32)
            else:
                self._band.append(part.samples)
                self._transform(part.samples)

    def read(self) -> tuple[Reading, NDArray[np.float64]]:
        """What came since the last call, and its spectra.

        Returns:
            The reading, and float64 [n, rows]: n spectra an eighth of a second apart, level of each band in dBFS,
            lowest first.
        """
        sound = np.concatenate(self._sound) if self._sound else np.zeros(0, np.float32)
        band = np.concatenate(self._band) if self._band else np.zeros(0, np.float32)
        spectra = np.array(self._spectra) if self._spectra else np.zeros((0, self._rows))
        missing_s = self._missing / self._rate
        reading = Reading(0.0, missing_s, self._cause)
        if len(sound):
            reading = Reading(
                sound_s=len(sound) / self._rate,
                missing_s=missing_s,
                cause=self._cause,
                peak_db=decibels(float(np.abs(sound).max())),
                rms_db=decibels(float(np.std(sound.astype(np.float64)))),
                band_db=decibels(float(np.std(band.astype(np.float64)))) if len(band) else FLOOR_DB,
                offset=float(np.mean(sound, dtype=np.float64)),
                clipped=int(np.count_nonzero(np.abs(sound) >= self._clip_level)),
                constant=bool((sound == sound[0]).all()),
            )
        self._sound, self._band, self._spectra = [], [], []
        self._missing, self._cause = 0, ""
        return reading, spectra

    def _transform(self, samples: NDArray[np.float32]) -> None:
        """Hann-weighted frames of a quarter second, overlapping by half."""
        self._recent = np.concatenate([self._recent, samples])
        while len(self._recent) >= self._frame:
            spectrum = np.fft.rfft(self._recent[: self._frame] * self._window)[:-1]
            power = spectrum.real**2 + spectrum.imag**2
            power[:2] = 0.0  # the offset: a Hann window spreads it over these two bins, and no further
            row = np.arange(len(power)) * self._rows // len(power)
            sums = np.bincount(row, power, self._rows)
            self._spectra.append(10 * np.log10(np.maximum(sums, 10 ** (FLOOR_DB / 10))))
            self._recent = self._recent[self._frame // 2 :]


def decibels(amplitude: float) -> float:
    """20·log10 of a ratio, but not below FLOOR_DB."""
    return max(FLOOR_DB, 20 * math.log10(amplitude)) if amplitude > 0 else FLOOR_DB
