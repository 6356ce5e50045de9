"""soxr on chunks of a stream, each with its margins, which are thrown away (overlap-discard)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.filter_design import QUALITY


class SoxrFilter:
    """What `PolyphaseFilter` does, for rates whose matrices would be large.

    Args:
        rates: of the source and of the output, Hz.
        up, down, margin, chunk: as `PolyphaseFilter` has them.
    """

    def __init__(self, rates: tuple[int, int], up: int, down: int, margin: int, chunk: int) -> None:
        self._rates = rates
        self._size, self._lead = chunk * down, margin * down
        self._inside = slice(margin * up, (margin + chunk) * up)
        self._before = np.zeros(2 * self._lead, np.float32)  # what the next chunk sees on its left, and its beginning

    def begin(self, lead: NDArray[np.float32]) -> None:
        """As `PolyphaseFilter` has it."""
        self._before = np.concatenate((np.zeros(self._lead, np.float32), lead))

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """As `PolyphaseFilter` has it."""
        import soxr

        whole = np.concatenate((self._before, samples))
        self._before = whole[len(whole) - 2 * self._lead :].copy()
        return np.concatenate(
            [
                soxr.resample(whole[at : at + 2 * self._lead + self._size], *self._rates, quality=QUALITY)[self._inside]
                for at in range(0, len(samples), self._size)
            ]
        )
