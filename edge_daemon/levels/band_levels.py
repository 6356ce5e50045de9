"""One-minute levels in decidecade bands (ISO 18405; IEC 61260-1, base 10): what the sea sounded like, minute by minute.

Band n lies around 10^(n/10) Hz and reaches from 10^((n−½)/10) to 10^((n+½)/10) Hz: a tenth of a decade, about a third
of an octave. Bands go from n = 10 (10 Hz) to the last one whose upper edge is at or below half the sampling rate
(n = 29, 794 Hz, edge 891 Hz, at 2 kHz; there the resampler's filter is still flat).

Frames of four seconds, one a second, are weighted by a Hann window and transformed. The squared windows of frames that
overlap by three quarters add up to a constant, so by Parseval's theorem the powers of all bins of all frames sum up to
the power of the samples: nothing is estimated. A bin that an edge cuts through is divided between the two bands.

A frame stands for the second around its centre and belongs to that second's minute; a frame with missing sound in it
is left out, and the minute says how many seconds it rests on. Minutes are counted from the stream's beginning.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.source import Block, Gap

LOWEST_BAND = 10
"""Number of the lowest band: 10 Hz, below which flow and mooring, not the sea, make the sound."""
MINUTE_S = 60
_FRAME_S = 4
_LEAD_S = _FRAME_S // 2  # from a frame's begin to its centre
_NOMINAL = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)  # IEC 61260-1's names for the ten bands of a decade


@dataclass(frozen=True, slots=True)
class BandMinute:
    """Levels of one minute.

    Attributes:
        second: begin, seconds since the stream began; a multiple of 60.
        seconds: how many seconds of sound the levels rest on, 1 to 60.
        first_band: number of the lowest band.
        levels_db: level in each band from the lowest up, dB re 1 µPa, to 0.01 dB; None: no sound at all.
    """

    second: int
    seconds: int
    first_band: int
    levels_db: tuple[float | None, ...]


class BandMeter:
    """One-minute band levels of a stream; keeps less than five seconds of sound and one minute's sums.

    Args:
        rate: samples per second of the stream, 23 or more.
        full_scale_db: pressure level (peak) of a full-scale sample, dB re 1 µPa (`Hydrophone.full_scale_db`).

    Raises:
        ValueError: not even the lowest band lies below half the rate.
    """

    def __init__(self, rate: int, full_scale_db: float) -> None:
        self._rate = rate
        self._full_scale_db = full_scale_db
        self._weights = bin_weights(rate, _FRAME_S * rate)
        # Hann, periodic; scaled so that the weighted bins are mean squares
        size = _FRAME_S * rate
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
        self._window = window * math.sqrt(2 / (size * float(np.sum(window**2))))
        self._buffer = np.zeros(0, np.float32)
        self._start: int | None = None  # stream index of the buffer's first sample
        self._minute = 0
        self._sum = np.zeros(len(self._weights))
        self._count = 0

    def push(self, piece: Block | Gap) -> list[BandMinute]:
        """Take in the next block or gap; returns the minutes that are complete now."""
        if self._start is None:
            self._begin(piece.start)
        assert self._start is not None  # noqa: S101 for the type checker
        done: list[BandMinute] = []
        told = self._start + len(self._buffer)
        if isinstance(piece, Gap) or piece.start > told:
            self._begin(max(told, piece.start if isinstance(piece, Block) else piece.end))
        if isinstance(piece, Block):
            self._take(piece.samples[max(0, told - piece.start) :], done)
        self._close_before(self._start, done)
        return done

    def finish(self) -> list[BandMinute]:
        """The minute in progress; the stream has ended. The next piece begins a new one."""
        done: list[BandMinute] = []
        self._close(done)
        self._buffer, self._start = np.zeros(0, np.float32), None
        return done

    def _begin(self, at: int) -> None:
        """Go on at stream index `at`, with nothing that was before."""
        self._buffer, self._start = np.zeros(0, np.float32), at

    def _take(self, samples: NDArray[np.float32], done: list[BandMinute]) -> None:
        assert self._start is not None  # noqa: S101 for the type checker
        rate, size = self._rate, _FRAME_S * self._rate
        self._buffer = np.concatenate([self._buffer, samples])
        offset = -self._start % rate  # frames begin at whole seconds of the stream
        while offset + size <= len(self._buffer):
            second = (self._start + offset) // rate
            self._close_before(second * rate, done)
            spectrum = np.fft.rfft(self._buffer[offset : offset + size] * self._window)
            self._sum += self._weights @ (spectrum.real**2 + spectrum.imag**2)
            self._count += 1
            self._minute = (second + _LEAD_S) // MINUTE_S
            offset += rate
        used = min(offset, len(self._buffer))
        self._buffer = self._buffer[used:].copy()
        self._start += used

    def _close_before(self, start: int, done: list[BandMinute]) -> None:
        """Close the minute if the next frame, which begins at stream index `start` or later, belongs to another."""
        if (-(-start // self._rate) + _LEAD_S) // MINUTE_S != self._minute:
            self._close(done)

    def _close(self, done: list[BandMinute]) -> None:
        if self._count:
            means = (self._sum / self._count).tolist()
            levels = tuple(
                round(self._full_scale_db + 10 * math.log10(mean), 2) if mean > 0 else None for mean in means
            )
            done.append(BandMinute(self._minute * MINUTE_S, self._count, LOWEST_BAND, levels))
        self._sum, self._count = np.zeros(len(self._weights)), 0


def last_band(rate: int) -> int:
    """Number of the highest band that lies below half the rate as a whole."""
    return math.floor(10 * math.log10(rate / 2) - 0.5 + 1e-9)


def band_edges_hz(band: int) -> tuple[float, float]:
    """Lower and upper edge of a band, Hz."""
    return 10 ** ((band - 0.5) / 10), 10 ** ((band + 0.5) / 10)


def nominal_hz(band: int) -> float:
    """The name of a band: 18 → 63 for the one around 63.1 Hz."""
    return float(f"{_NOMINAL[band % 10] * 10 ** (band // 10):.4g}")


def bin_weights(rate: int, size: int) -> NDArray[np.float64]:
    """How much of each bin of a one-sided spectrum lies in each band, float64 [bands, size // 2 + 1], 0…1.

    A bin reaches half its width to both sides of its frequency.

    Raises:
        ValueError: not even the lowest band lies below half the rate.
    """
    bands = range(LOWEST_BAND, last_band(rate) + 1)
    if not bands:
        raise ValueError(f"no decidecade band from 10 Hz up lies below half of {rate} Hz")
    edges = 10 ** ((np.arange(bands.start, bands.stop + 1) - 0.5) / 10)
    centres = np.arange(size // 2 + 1) * (rate / size)
    half = rate / size / 2
    below = np.clip((edges[:, None] - (centres - half)) / (2 * half), 0, 1)
    weights: NDArray[np.float64] = np.diff(below, axis=0)
    return weights
