"""A filter over a stream as one product with a matrix: rows are stretches of sound that overlap.

Products always have the same shape, and so few multiplications that the library which computes them never shares them
out to threads; so how much sound comes at a time changes no bit.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import DTypeLike, NDArray

LARGEST_PRODUCT = 1 << 18
"""Multiplications in a product, at most; OpenBLAS uses threads for more."""


class FilterMatrix:
    """Filters a stream, part by part. Not for two threads at a time.

    Args:
        matrix: float64 [inner, columns], what each sample of a row gives to each output of the row.
        advance: samples from one row's begin to the next one's.
        before: samples by which a row begins before what is given to it, inner − advance or more.
        size: samples of the least part that will be given, a multiple of `advance`.
        kind: of the samples, float32 or float64.

    Attributes:
        product: (rows, inner, columns) of each product.
    """

    def __init__(
        self, matrix: NDArray[np.float64], advance: int, before: int, size: int, kind: DTypeLike = np.float64
    ) -> None:
        self._matrix, self._advance, self._size = np.ascontiguousarray(matrix), advance, size
        rows = size // advance
        at_once = max(n for n in range(1, rows + 1) if rows % n == 0 and (n == 1 or n * matrix.size <= LARGEST_PRODUCT))
        self._parts = rows // at_once
        self.product = (at_once, *matrix.shape)
        self._silence = np.zeros(before, kind)
        self._before = self._silence
        self._rows, self._sums = np.empty((0, at_once, len(matrix))), np.empty((0, at_once, matrix.shape[1]))

    def begin(self, before: NDArray[np.float32] | NDArray[np.float64] | None = None) -> None:
        """What lies before the next part: silence, then this."""
        known = self._silence if before is None else np.concatenate((self._silence, before))
        self._before = known[len(known) - len(self._silence) :]

    def __call__(self, samples: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
        """The outputs of a part.

        Args:
            samples: [n · size] of the kind; they follow those before.

        Returns:
            float64 [n · size / advance · columns], in memory that the next call uses again.
        """
        count, kept = len(samples) // self._size * self._parts, len(self._before)
        if len(self._rows) != count:  # else in the same memory as before: new pages cost as much as the sums
            self._rows = np.empty((count, *self._rows.shape[1:]))
            self._sums = np.empty((count, *self._sums.shape[1:]))
        whole = np.concatenate((self._before, samples))
        self._before = whole[len(whole) - kept :].copy()
        step = self._advance * whole.itemsize
        strides = (self._rows.shape[1] * step, step, whole.itemsize)
        np.copyto(self._rows, as_strided(whole, self._rows.shape, strides))
        return np.matmul(self._rows, self._matrix, out=self._sums).reshape(-1)
