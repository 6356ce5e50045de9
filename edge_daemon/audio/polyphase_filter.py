"""soxr's filter as matrices: what it does to a chunk of sound, without designing it anew for each chunk.

The first matrix is a short low-pass filter that keeps every so-many-th sample; it is flat where the second one lets
sound pass. The second one is soxr's own response at what is left, read off from impulses. A chunk alone decides the
bits of its output: each product always has the same shape, and is so small that the library which computes it never
shares it out to threads. Processors add in other orders; in float64, rounded once at the end, that is not seen.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

QUALITY = "HQ"
"""Of soxr: linear phase, flat to 0.91 of the Nyquist frequency, images and aliases below −120 dB."""

_STOP_DB = 140.0  # of the first filter; that of soxr is as good
_FIRST_COLUMNS, _SECOND_COLUMNS = 8, 32  # output samples of a product, measured to be fastest or near it
_LARGEST_PRODUCT = 1 << 18  # multiplications; OpenBLAS uses threads for more
_LARGEST_MATRIX = 1 << 18


class PolyphaseFilter:
    """Brings chunks of one length to another rate. Not for two threads at a time.

    Args:
        up: output samples in a period, coprime to `down`.
        down: source samples in a period.
        margin: periods of sound that are seen on both sides of a chunk.
        chunk: periods in a chunk.
    """

    def __init__(self, up: int, down: int, margin: int, chunk: int) -> None:
        self._length = (2 * margin + chunk) * down
        step, lost = _first_step(up, down), 0
        first: list[_Product] = []
        self._sound = sound = np.zeros(self._length, np.float64)
        if step > 1:
            matrix = _low_pass(up, down, step)
            reach = (len(matrix) - (_FIRST_COLUMNS - 1) * step) // 2
            lost = -(-reach // step)  # samples on each side, at the rate that is left
            rows = -(-(self._length // step - 2 * lost) // _FIRST_COLUMNS)
            begin, advance = lost * step - reach, _FIRST_COLUMNS * step
            # zeros behind the chunk fill the last row up; no output sample depends on them
            self._sound = np.zeros(max(self._length, begin + (rows - 1) * advance + len(matrix)), np.float64)
            first = [_Product(self._sound[begin:], matrix, advance, rows)]
            sound = first[0].result.reshape(-1)
        down //= step
        periods = _periods(up, chunk)
        matrix = _soxr_response(up, down, step, periods, margin * down - lost)
        last = _Product(sound, matrix, periods * down, chunk // periods)
        self._products, self._result = [*first, last], last.result.reshape(-1)

    @staticmethod
    def fits(up: int, down: int, margin: int, chunk: int) -> bool:
        """Whether the matrices are small: not for rates that have hardly a divisor in common."""
        periods, down = _periods(up, chunk), down // _first_step(up, down)
        return chunk > periods and (periods + 2 * margin) * down * periods * up <= _LARGEST_MATRIX

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The chunk at the other rate, float32 [chunk · up].

        Args:
            samples: float32 [(2 · margin + chunk) · down]: the chunk with its margins.
        """
        self._sound[: self._length] = samples
        for product in self._products:
            product.compute()
        return self._result.astype(np.float32)


class _Product:
    """Overlapping rows of sound times a matrix, over and over in the same memory.

    Attributes:
        result: float64 [rows, columns], anew after each `compute`.
    """

    def __init__(self, sound: NDArray[np.float64], matrix: NDArray[np.float64], advance: int, rows: int) -> None:
        size = sound.itemsize
        self._overlapping = as_strided(sound, (rows, len(matrix)), (advance * size, size))
        self._rows = np.zeros((rows, len(matrix)), np.float64)
        self.result = np.zeros((rows, matrix.shape[1]), np.float64)
        self._matrix = matrix
        parts = -(-rows // max(2, _LARGEST_PRODUCT // matrix.size))
        self._parts = list(
            zip(np.array_split(self._rows, parts), np.array_split(self.result, parts), strict=True),
        )

    def compute(self) -> None:
        """Take the sound as it is now."""
        np.copyto(self._rows, self._overlapping)
        for rows, result in self._parts:
            np.dot(rows, self._matrix, out=result)


def _first_step(up: int, down: int) -> int:
    """How many source samples become one before the second matrix: as many as leave 1.5 × the wanted rate."""
    return max(step for step in range(1, max(1, 2 * down // (3 * up)) + 1) if down % step == 0)


def _periods(up: int, chunk: int) -> int:
    """Periods that a row of the second matrix gives."""
    return max(n for n in range(1, chunk + 1) if chunk % n == 0 and (n == 1 or n * up <= _SECOND_COLUMNS))


@lru_cache(maxsize=8)
def _low_pass(up: int, down: int, step: int) -> NDArray[np.float64]:
    """A Kaiser window's filter, float64 [taps + (columns − 1) · step, columns], one column for each sample kept.

    It passes what lies below half the wanted rate, and stops what would be folded there when samples are left out.
    """
    width = 2 * math.pi * (1 / step - up / down)  # from the one to the other, radians for each source sample
    reach = math.ceil((_STOP_DB - 8) / (2.285 * width) / 2)  # Kaiser's rule, as is the shape
    places = np.arange(-reach, reach + 1)
    taps = np.sinc(places / step) * np.kaiser(len(places), 0.1102 * (_STOP_DB - 8.7))
    matrix = np.zeros((len(taps) + (_FIRST_COLUMNS - 1) * step, _FIRST_COLUMNS), np.float64)
    for column in range(_FIRST_COLUMNS):
        matrix[column * step : column * step + len(taps), column] = taps / taps.sum()
    return matrix


@lru_cache(maxsize=8)
def _soxr_response(up: int, down: int, step: int, periods: int, reach: int) -> NDArray[np.float64]:
    """What soxr makes of impulses, float64 [reach + periods · down + reach, periods · up].

    Args:
        up: output samples in a period.
        down: samples in a period, each of which stands for `step` of the source.
        step: likewise.
        periods: in a row.
        reach: samples beyond them on each side.
    """
    import soxr

    # an impulse at each place in a period, so far from each other that no response meets another
    apart = -(-2 * (reach + down) // down) * down + 1
    places = (reach // down + 2) * down + np.arange(down) * apart
    impulses = np.zeros((int(places[-1]) + reach + 2 * down) * step)
    impulses[places * step] = step
    response = soxr.resample(impulses, down * step, up, quality=QUALITY)
    samples = np.arange(-reach, periods * down + reach)
    outputs = np.arange(periods * up)
    impulse = places[samples % down]
    where = outputs + (up * ((impulse - samples) // down))[:, None]
    near = np.abs(outputs * down / up - samples[:, None]) <= reach
    matrix = np.where(near, response[np.clip(where, 0, len(response) - 1)], 0)
    return np.ascontiguousarray(matrix, np.float64)
