"""Frames of a window: short pieces of sound, each with its level in every band.

Windows overlap by three quarters as a rule, and so do their frames: where a window begins a whole number of frames
behind the one before, most of its frames have been computed already. Each is computed on its own, the same way wherever
it stands among others, so that a window has the same levels, bit for bit, whether its frames were shared or not. Frames
at a window's edges, of which a part lies outside and counts as zeros, are its own.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_NO_POWER = 1e-200
"""Least power whose logarithm is taken: far below that of the faintest float32 sample."""


class FrameLevels:
    """Computes the levels of windows, one behind the other.

    Args:
        window: samples in a window.
        n_fft: samples in a frame.
        hop: samples from frame to frame.
        shape: (bands, frames) of a window.
        mel_weights: float64 [bands, bins] of triangular bands, for frames that are weighted by Hann and centred, zeros
            lying around the window; None for bins as they are, of frames that are weighted by Hamming and lie inside.
        shift: samples by which a window follows the one before, as a rule; None where windows have nothing in common.
    """

    def __init__(
        self,
        window: int,
        n_fft: int,
        hop: int,
        shape: tuple[int, int],
        mel_weights: NDArray[np.float64] | None,
        shift: int | None,
    ) -> None:
        self._n_fft, self._hop = n_fft, hop
        self._bands, self._frames = shape
        self._mel = None if mel_weights is None else _MelBank(mel_weights)
        self._bins = self._bands if self._mel is None else self._mel.bins
        self._weights = (_hamming if self._mel is None else _hann)(n_fft)
        margin = 0 if self._mel is None else n_fft // 2
        self._inside = slice(margin, margin + window)
        lead = -(-margin // hop)  # frames before this one reach out of the window, and those from `last` on
        last = (margin + window - n_fft) // hop + 1
        shared = 0 if shift is None or shift % hop else last - lead - shift // hop
        self._shift = shift if shift is not None and shared > 0 else None
        # what is kept of a window, and where it lies in the next one
        self._kept = slice(last - shared, last)
        self._taken = slice(lead, lead + shared)
        self._before: NDArray[np.float32] | None = None  # the sound that the next window has in common with the last
        self._weighted: NDArray[np.float64] | None = None  # kept: memory mapped anew a window costs a tenth of its time
        self._last = np.empty((self._bands, max(shared, 0)))  # of the window before, what was kept

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """Levels of windows, dB re 1, float64 [n, bands, frames].

        Args:
            samples: float32 [n, window], finite; one behind the other.
        """
        levels = np.empty((len(samples), self._bands, self._frames))
        shared = self._shared(samples)
        begin = 0
        while begin < len(samples):
            end = begin + 1
            while shared[begin] and end < len(samples) and shared[end]:
                end += 1
            before = levels[begin - 1, :, self._kept] if begin else self._last
            if end - begin > 1:
                self._several(samples[begin:end], before, levels[begin:end])
            else:
                self._one(samples[begin], before if shared[begin] else None, levels[begin])
            begin = end
        if self._shift is not None:
            self._before = samples[-1, self._shift :].copy()
            self._last = levels[-1, :, self._kept].copy()
        return levels

    def _one(
        self, samples: NDArray[np.float32], before: NDArray[np.float64] | None, levels: NDArray[np.float64]
    ) -> None:
        """Levels of a window; `before` is what it has in common with the one before, None where that is nothing."""
        padded = np.zeros(2 * self._inside.start + len(samples))
        padded[self._inside] = samples
        frames = _frames(padded[None], self._n_fft, self._hop)[0]
        if before is None:
            levels[:] = self._of(frames * self._weights)
            return
        begin, end = self._taken.start, self._taken.stop
        weighted = self._weighted
        if weighted is None:
            weighted = self._weighted = np.empty((begin + len(frames) - end, self._n_fft))
        np.multiply(frames[:begin], self._weights, out=weighted[:begin])
        np.multiply(frames[end:], self._weights, out=weighted[begin:])
        own = self._of(weighted)
        levels[:, self._taken] = before
        levels[:, :begin], levels[:, end:] = own[:, :begin], own[:, begin:]

    def _several(self, samples: NDArray[np.float32], before: NDArray[np.float64], levels: NDArray[np.float64]) -> None:
        """Levels of windows that each have frames in common with the one before: their own are computed together."""
        padded = np.zeros((len(samples), 2 * self._inside.start + samples.shape[1]))
        padded[:, self._inside] = samples
        frames = _frames(padded, self._n_fft, self._hop)
        begin, end = self._taken.start, self._taken.stop
        weighted = np.empty((len(samples), begin + frames.shape[1] - end, self._n_fft))
        np.multiply(frames[:, :begin], self._weights, out=weighted[:, :begin])
        np.multiply(frames[:, end:], self._weights, out=weighted[:, begin:])
        own = self._of(weighted.reshape(-1, self._n_fft))
        own = own.reshape(self._bands, len(samples), -1).transpose(1, 0, 2)
        levels[:, :, :begin], levels[:, :, end:] = own[:, :, :begin], own[:, :, begin:]
        for one in levels:
            one[:, self._taken] = before
            before = one[:, self._kept]

    def _shared(self, samples: NDArray[np.float32]) -> list[bool]:
        """Of each window, whether it has sound in common with the one before.

        That is seen from the sound, whatever lies between two windows: gaps, seams, other streams.
        """
        if self._shift is None:
            return [False] * len(samples)
        common = samples.shape[1] - self._shift
        first = self._before is not None and bool((self._before == samples[0, :common]).all())
        if len(samples) == 1:
            return [first]
        return [first, *(samples[:-1, self._shift :] == samples[1:, :common]).all(axis=1).tolist()]

    def _of(self, weighted: NDArray[np.float64]) -> NDArray[np.float64]:
        """Levels of weighted frames [frames, n_fft], float64 [bands, frames]."""
        spectrum = np.fft.rfft(weighted)[:, : self._bins]
        power = np.square(spectrum.real)
        power += np.square(spectrum.imag)
        del spectrum  # as below, so that little memory is needed at a time
        power = power.T
        if self._mel is not None:
            power = self._mel.powers(power)
        level: NDArray[np.float64] = np.maximum(power, _NO_POWER)
        np.log10(level, out=level)
        level *= 10.0
        return level


class _MelBank:
    """Triangular bands, each of the few bins that it reaches.

    Args:
        weights: float64 [bands, bins].

    Attributes:
        bins: how many of them any band reaches.
    """

    def __init__(self, weights: NDArray[np.float64]) -> None:
        reached = weights > 0
        self.bins = int(np.flatnonzero(reached.any(axis=0)).max()) + 1
        # row k: the k-th bin of each band, and its weight; 0 where a band has fewer
        places = reached.argmax(axis=1) + np.arange(int(reached.sum(axis=1).max()))[:, None]
        self._places = np.minimum(places, self.bins - 1)
        inside = np.where(places < self.bins, weights[np.arange(len(weights)), self._places], 0.0)
        self._weights = inside[:, :, None]

    def powers(self, power: NDArray[np.float64]) -> NDArray[np.float64]:
        """Power in each band, float64 [bands, frames], from that in each bin, float64 [bins, frames].

        Sum by sum: a product of matrices adds in an order that depends on how many frames there are.
        """
        power = np.ascontiguousarray(power)
        total: NDArray[np.float64] = power[self._places[0]] * self._weights[0]
        for places, weights in zip(self._places[1:], self._weights[1:], strict=True):
            total += power[places] * weights
        return total


def _frames(samples: NDArray[np.float64], length: int, hop: int) -> NDArray[np.float64]:
    """Overlapping frames, a view [n, frames, length] of contiguous samples [n, window].

    As `numpy.lib.stride_tricks.sliding_window_view` gives it. That one passes through names which Python interns and
    forgets at each call, until its table of names, a megabyte, is doubled.
    """
    count, size = (samples.shape[1] - length) // hop + 1, samples.itemsize
    strides = (samples.shape[1] * size, hop * size, size)
    return np.ndarray((len(samples), count, length), samples.dtype, samples, strides=strides)


@lru_cache(maxsize=8)
def _hann(length: int) -> NDArray[np.float64]:
    """Periodic Hann window."""
    window: NDArray[np.float64] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    return window


@lru_cache(maxsize=8)
def _hamming(length: int) -> NDArray[np.float64]:
    """Periodic Hamming window, as `scipy.signal.get_window('hamming', n)` gives it."""
    window: NDArray[np.float64] = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(length) / length)
    return window
