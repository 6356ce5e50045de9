"""Front ends: from a window of sound to the picture of it that a network sees.

A front end is plain data (a *spec*, stored in the model file) and one deterministic computation. Training, replay
and the daemon at sea share this one definition, so a network meets at sea what it met in training. Every kind ends
the same way: the window's own minimum and maximum become 0 and 255. Absolute level is therefore lost on purpose; a
quiet hydrophone and a loud one give the same picture.

Sources: the linear spectrogram is |X| of a short-time Fourier transform as in `scipy.signal.ShortTimeFFT`; the
log-mel spectrogram follows librosa's published definition with Slaney's mel scale (M. Slaney, Auditory Toolbox,
1998). numpy alone is needed at run time; the tests hold both against their references.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge_daemon.model.frame_levels import FrameLevels

CLIP_LEVEL = 0.999
"""Magnitude at and above which a sample counts as clipped (full scale is 1)."""
CLIP_SHARE = 0.001
"""Share of clipped samples from which a window is flagged: four samples in a 2 s window at 2 kHz."""


class WindowFlag(IntFlag):
    """What is odd about a window of sound."""

    NONE = 0
    SILENT = 1
    """Every sample is exactly zero."""
    CONSTANT = 2
    """Every sample has the same value (silent windows too)."""
    NON_FINITE = 4
    """A sample is NaN or infinite."""
    CLIPPED = 8
    """At least one sample in a thousand is at full scale; the window is still used."""
    SHORT = 16
    """Fewer samples than a window; the rest was taken as zeros."""


_AT_ONCE = 8  # windows
UNUSABLE = WindowFlag.SILENT | WindowFlag.CONSTANT | WindowFlag.NON_FINITE
"""Flags of windows that hold no sound: their features are zeros and they are not scored."""


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    sample_rate: int = Field(2000, ge=100, le=1_000_000, description="Samples per second of the window.")
    window: int = Field(4000, ge=16, le=10_000_000, description="Samples in a window.")

    @property
    def window_seconds(self) -> float:
        """Length of a window in seconds."""
        return self.window / self.sample_rate


class StftSpec(_Spec):
    """Linear spectrogram: magnitude in dB of a Hamming-windowed short-time Fourier transform, without padding."""

    kind: Literal["stft"] = "stft"
    n_fft: int = Field(512, ge=8, le=65536, description="Samples in a frame and in its transform.")
    hop: int = Field(26, ge=1, description="Samples from frame to frame: n_fft − int(0.95 · n_fft).")
    high_hz: float = Field(400.0, gt=0, description="Highest frequency kept, hertz, inclusive.")
    floor_db: float = Field(-120.0, lt=0, description="Lowest level kept, dB re the window's maximum.")

    @model_validator(mode="after")
    def _frame_fits(self) -> StftSpec:
        if self.n_fft > self.window:
            raise ValueError(f"n_fft {self.n_fft} is longer than the window of {self.window} samples")
        if self.high_hz > self.sample_rate / 2:
            raise ValueError(f"high_hz {self.high_hz} is above half the sample rate of {self.sample_rate} Hz")
        return self

    @property
    def shape(self) -> tuple[int, int]:
        """(bands, frames) of the features."""
        bins = int(np.floor(self.high_hz * self.n_fft / self.sample_rate)) + 1
        return bins, (self.window - self.n_fft) // self.hop + 1

    def band_edges_hz(self) -> NDArray[np.float64]:
        """Lower and upper edge of each band, hertz, float64 [bands, 2]: half a bin either side."""
        width = self.sample_rate / self.n_fft
        centre = np.arange(self.shape[0]) * width
        return np.stack([np.maximum(centre - width / 2, 0.0), centre + width / 2], axis=1)

    def frame_centres_s(self) -> NDArray[np.float64]:
        """Centre of each frame, seconds after the window's begin, float64 [frames]."""
        return (np.arange(self.shape[1]) * self.hop + self.n_fft / 2) / self.sample_rate


class LogMelSpec(_Spec):
    """Log-mel spectrogram: power in area-normalised Slaney mel bands, in dB re the window's maximum."""

    kind: Literal["logmel"] = "logmel"
    n_fft: int = Field(200, ge=8, le=65536, description="Samples in a frame and in its transform.")
    hop: int = Field(40, ge=1, description="Samples from frame to frame; frames are centred.")
    bands: int = Field(50, ge=1, le=512, description="Number of mel bands.")
    low_hz: float = Field(0.0, ge=0, description="Lower edge of the lowest band, hertz.")
    high_hz: float = Field(500.0, gt=0, description="Upper edge of the highest band, hertz.")
    floor_db: float = Field(-80.0, lt=0, description="Lowest level kept, dB re the window's maximum.")

    @model_validator(mode="after")
    def _bands_fit(self) -> LogMelSpec:
        if self.high_hz <= self.low_hz:
            raise ValueError(f"high_hz {self.high_hz} is not above low_hz {self.low_hz}")
        if self.high_hz > self.sample_rate / 2:
            raise ValueError(f"high_hz {self.high_hz} is above half the sample rate of {self.sample_rate} Hz")
        return self

    @property
    def shape(self) -> tuple[int, int]:
        """(bands, frames) of the features."""
        return self.bands, self.window // self.hop + 1

    def mel_points_hz(self) -> NDArray[np.float64]:
        """Corners of the triangular bands, hertz, float64 [bands + 2], equally spaced on Slaney's mel scale."""
        low, high = _hz_to_mel(np.array([self.low_hz, self.high_hz]))
        return _mel_to_hz(np.linspace(low, high, self.bands + 2))

    def band_edges_hz(self) -> NDArray[np.float64]:
        """Lower and upper edge of each band, hertz, float64 [bands, 2]: half way to the neighbours' centres."""
        points = self.mel_points_hz()
        middle = (points[1:] + points[:-1]) / 2
        return np.stack([middle[:-1], middle[1:]], axis=1)

    def frame_centres_s(self) -> NDArray[np.float64]:
        """Centre of each frame, seconds after the window's begin, float64 [frames]."""
        return np.arange(self.shape[1]) * self.hop / self.sample_rate

    def mel_weights(self) -> NDArray[np.float64]:
        """Weights of the triangular, area-normalised bands, float64 [bands, n_fft // 2 + 1]."""
        points = self.mel_points_hz()
        frequencies = np.arange(self.n_fft // 2 + 1) * self.sample_rate / self.n_fft
        rising = (frequencies - points[:-2, None]) / (points[1:-1] - points[:-2])[:, None]
        falling = (points[2:, None] - frequencies) / (points[2:] - points[1:-1])[:, None]
        area = 2.0 / (points[2:] - points[:-2])
        weights: NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling)) * area[:, None]
        return weights


class WaveformSpec(_Spec):
    """The samples themselves, scaled by the window's own minimum and maximum."""

    kind: Literal["waveform"] = "waveform"

    @property
    def shape(self) -> tuple[int, int]:
        """(bands, frames) of the features: one band, a frame a sample."""
        return 1, self.window

    def band_edges_hz(self) -> NDArray[np.float64]:
        """The whole band, hertz, float64 [1, 2]."""
        return np.array([[0.0, self.sample_rate / 2]])

    def frame_centres_s(self) -> NDArray[np.float64]:
        """Time of each sample, seconds after the window's begin, float64 [frames]."""
        return np.arange(self.window) / self.sample_rate


FrontEndSpec = Annotated[StftSpec | LogMelSpec | WaveformSpec, Field(discriminator="kind")]


def _hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's scale: linear to 1 kHz (3 mel per 200 Hz), logarithmic above (27 mel per factor 6.4)."""
    log_part = 15.0 + 27.0 * np.log(np.maximum(hz, 1e-9) / 1000.0) / np.log(6.4)
    mel: NDArray[np.float64] = np.where(hz < 1000.0, hz * 3.0 / 200.0, log_part)
    return mel


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    hz: NDArray[np.float64] = np.where(
        mel < 15.0, mel * 200.0 / 3.0, 1000.0 * np.exp(np.log(6.4) * (mel - 15.0) / 27.0)
    )
    return hz


class FrontEnd:
    """Turns windows of sound into features.

    Args:
        spec: which front end, with its parameters.
        shift: samples by which a window follows the one before, as a rule, so that what both have in common is computed
            once; changes nothing else. A front end with a shift belongs to one stream.
    """

    def __init__(self, spec: StftSpec | LogMelSpec | WaveformSpec, *, shift: int | None = None) -> None:
        self.spec = spec
        self.shape = spec.shape
        self._levels = None if isinstance(spec, WaveformSpec) else _frame_levels(spec, shift)

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Features of one window.

        Args:
            samples: float32 [window], full scale ±1; fewer are completed with zeros, more are an error.

        Returns:
            uint8 [bands, frames]; zeros where the window is silent, constant or not finite.

        Raises:
            ValueError: there are more samples than a window has, or more than one dimension.
        """
        if samples.ndim != 1 or len(samples) > self.spec.window:
            raise ValueError(f"a window is at most {self.spec.window} samples in one dimension: {samples.shape}")
        features: NDArray[np.uint8] = self.batch(samples[None])[0][0]
        return features

    def batch(self, samples: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Features and flags of many windows; a window's result does not depend on its neighbours.

        Args:
            samples: float32 [N, n] with n ≤ window; short windows are completed with zeros and flagged.

        Returns:
            features uint8 [N, bands, frames] and flags uint8 [N] (`WindowFlag`).
        """
        flags = inspect(samples)
        missing = self.spec.window - samples.shape[1]
        if missing > 0:
            samples = np.pad(samples, ((0, 0), (0, missing)))
            flags |= np.uint8(WindowFlag.SHORT)
        elif missing < 0:
            raise ValueError(f"a window is at most {self.spec.window} samples, not {samples.shape[1]}")
        features = np.zeros((len(samples), *self.shape), np.uint8)
        usable = np.flatnonzero((flags & np.uint8(UNUSABLE)) == 0)
        # Few at a time: what they need stays in the processor's cache, which makes it twice as fast as all at once.
        for begin in range(0, len(usable), _AT_ONCE):
            some = usable[begin : begin + _AT_ONCE]
            features[some] = self._pictures(samples[some])
        return features, flags

    def _pictures(self, samples: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Features of windows that hold sound."""
        if self._levels is None or isinstance(self.spec, WaveformSpec):
            wide = samples.astype(np.float64)
            wide /= np.abs(wide).max(axis=1, keepdims=True)
            return _to_uint8(wide).reshape(-1, *self.shape)
        level = self._levels(samples).reshape(len(samples), -1)
        # dB re the window's maximum, not below the floor
        level -= level.max(axis=1, keepdims=True)
        return _to_uint8(np.maximum(level, self.spec.floor_db, out=level)).reshape(-1, *self.shape)


def _frame_levels(spec: StftSpec | LogMelSpec, shift: int | None) -> FrameLevels:
    mel_weights = spec.mel_weights() if isinstance(spec, LogMelSpec) else None
    return FrameLevels(spec.window, spec.n_fft, spec.hop, spec.shape, mel_weights, shift)


def inspect(samples: NDArray[np.float32]) -> NDArray[np.uint8]:
    """What is odd about windows of sound.

    Args:
        samples: float32 [N, n], full scale ±1.

    Returns:
        uint8 [N], `WindowFlag` bits (never SHORT: the caller knows the window's length).
    """
    high, low = samples.max(axis=1), samples.min(axis=1)
    flags = np.zeros(len(samples), np.uint8)
    finite = np.isfinite(high) & np.isfinite(low)
    flat = finite & (high == low)
    if flat.any() or not finite.all():
        flags[~finite] |= np.uint8(WindowFlag.NON_FINITE)
        flags[flat] |= np.uint8(WindowFlag.CONSTANT)
        flags[flat & (high == 0)] |= np.uint8(WindowFlag.SILENT)
    loud = np.flatnonzero(finite & (np.maximum(high, -low) >= CLIP_LEVEL))
    if len(loud):
        share = (np.abs(samples[loud]) >= CLIP_LEVEL).mean(axis=1)
        flags[loud[share >= CLIP_SHARE]] |= np.uint8(WindowFlag.CLIPPED)
    return flags


def _to_uint8(level: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Each window's own minimum to 0, its maximum to 255, rounded to nearest (ties to even), uint8 [n, values].

    Args:
        level: float64 [n, values]; its memory is used up.
    """
    low = level.min(axis=1, keepdims=True)
    level -= low
    span = level.max(axis=1, keepdims=True)
    span[span == 0] = 1.0
    level /= span
    level *= 255.0
    return np.rint(level, out=level).astype(np.uint8)
