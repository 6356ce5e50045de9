"""The two filters of `filter_design` as products with matrices.

How many chunks come at a time changes no bit: each product always has the same shape, and is so small that the library
which computes it never shares it out to threads. Processors which add in another order give the same bits, since sums
are exact (`filter_design` says for which sound), and so does the compiled filter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.filter_design import UNIT, design, first_step
from edge_daemon.audio.filter_matrix import FilterMatrix

_FIRST_COLUMNS, _SECOND_COLUMNS = 8, 32  # output samples of a row, measured to be fastest or near it
_LARGEST_MATRIX = 1 << 18
_AT_ONCE = 1 << 16  # samples, so that what is computed with stays in the processor's cache


class PolyphaseFilter:
    """Brings a stream to another rate, in chunks of one length. Not for two threads at a time.

    Args:
        up: output samples in a period, coprime to `down`.
        down: source samples in a period.
        margin: periods of sound that are seen on both sides of a chunk.
        chunk: periods in a chunk.

    Attributes:
        products: (rows, inner, columns) of each kind of product that is computed.
    """

    def __init__(self, up: int, down: int, margin: int, chunk: int) -> None:
        pair = design(up, down, margin)
        self._size = chunk * down
        self._lead = -(-margin // chunk) * self._size  # source samples of the chunks that a segment's begin lies in
        periods, low = _periods(up, chunk), down // pair.step
        matrix = _repeated(pair.second * UNIT, low, periods)
        self._second = FilterMatrix(matrix, periods * low, 2 * pair.reach, chunk * low)
        self._first: FilterMatrix | None = None
        self.products = [self._second.product]
        if pair.step > 1:
            kept = max(n for n in range(1, _FIRST_COLUMNS + 1) if self._size // pair.step % n == 0)
            matrix = _repeated(pair.first[:, None] / UNIT, pair.step, kept)
            before = pair.late * pair.step + len(pair.first) // 2
            self._first = FilterMatrix(matrix, kept * pair.step, before, self._size, np.float32)
            self.products.append(self._first.product)

    @staticmethod
    def fits(up: int, down: int, margin: int, chunk: int) -> bool:
        """Whether the matrices are small: not for rates that have hardly a divisor in common."""
        periods, down = _periods(up, chunk), down // first_step(up, down)
        return chunk > periods and (periods + 2 * margin) * down * periods * up <= _LARGEST_MATRIX

    def begin(self, lead: NDArray[np.float32]) -> None:
        """A segment begins; silence lies before it.

        Args:
            lead: float32 [margin · down], its first samples: those that are seen on the right of what lies before it.
        """
        if self._first is not None:
            self._first.begin()
        self._second.begin(self._between(np.concatenate((np.zeros(self._lead - len(lead), np.float32), lead))))

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next chunks at the other rate, float32 [n · chunk · up]; late by the margin.

        Args:
            samples: float32 [n · chunk · down].
        """
        at_once = max(1, _AT_ONCE // self._size) * self._size
        parts = [
            self._second(self._between(samples[at : at + at_once])).astype(np.float32)
            for at in range(0, len(samples), at_once)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _between(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """What lies between the filters, in `UNIT`: whole numbers, float64."""
        low = samples / np.float64(UNIT) if self._first is None else self._first(samples)
        return np.rint(low, out=low)


def _repeated(matrix: NDArray[np.float64], advance: int, count: int) -> NDArray[np.float64]:
    """Taps for outputs that follow each other, each set `advance` samples behind the one before.

    Args:
        matrix: float64 [inner, columns].
        advance: samples.
        count: sets.

    Returns:
        float64 [(count − 1) · advance + inner, count · columns].
    """
    inner, columns = matrix.shape
    repeated = np.zeros(((count - 1) * advance + inner, count, columns))
    for number in range(count):
        repeated[number * advance : number * advance + inner, number] = matrix
    return repeated.reshape(len(repeated), -1)


def _periods(up: int, chunk: int) -> int:
    """Periods that a row of the second matrix gives."""
    return max(n for n in range(1, chunk + 1) if chunk % n == 0 and (n == 1 or n * up <= _SECOND_COLUMNS))
