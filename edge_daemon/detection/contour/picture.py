"""A very small picture of a call: what stands out, in sixteen steps, by time and frequency."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edge_daemon.detection.contour.excess import TENTHS, Excess

COLUMNS, ROWS = 32, 20
"""Most columns and rows: with four bits a cell, 320 bytes."""
STEP_DB = 1.2
"""Excess of one of the sixteen steps; all above 18 dB is the brightest."""
AROUND_S = 0.25
"""Shown before and after the call."""


_FOUR_STEPS = bytes([0] * 5 + [6] * 3 + [9] * 3 + [13] * 5)


@dataclass(frozen=True, slots=True)
class CallPicture:
    """A picture; samples are counted from the event's begin.

    Attributes:
        begin: sample in the middle of the first column.
        step: samples from a column to the next one.
        low_hz: centre of the lowest row.
        step_hz: from a row to the next one.
        levels: uint8 [rows, columns] as bytes, 0 … 15, the lowest row first.
        rows: how many.
    """

    begin: int
    step: int
    low_hz: float
    step_hz: float
    levels: bytes
    rows: int

    def in_four_steps(self) -> Self:
        """The same with the levels 0, 6, 9 and 13 alone: what is as quiet as usual is empty, and costs nothing."""
        return replace(self, levels=self.levels.translate(_FOUR_STEPS + bytes(240)))

    @classmethod
    def of(cls, excess: Excess, first: int, last: int, rate: int, event_begin: int) -> CallPicture:
        """The picture of the frames first … last, with some around them.

        Args:
            excess: of the event's sound.
            first: the call's first frame.
            last: the frame after its last one.
            rate: samples per second.
            event_begin: the event's first sample within the sound.
        """
        around = round(AROUND_S * rate / excess.step)
        begin, end = max(0, first - around), min(len(excess.tenths_db), last + around)
        shown = excess.tenths_db[begin:end].T
        per_row, per_column = -(-shown.shape[0] // ROWS), -(-shown.shape[1] // COLUMNS)
        cells = _brightest(_brightest(shown, per_row), per_column, axis=1)
        levels = np.clip(cells // round(STEP_DB * TENTHS), 0, 15).astype(np.uint8)
        middle = excess.first + begin * excess.step + (per_column - 1) * excess.step // 2
        return cls(
            begin=middle - event_begin,
            step=per_column * excess.step,
            low_hz=round(float(excess.hz[0]) + (per_row - 1) * excess.band_hz / 2, 1),
            step_hz=round(per_row * excess.band_hz, 2),
            levels=levels.tobytes(),
            rows=len(levels),
        )


def _brightest(cells: NDArray[np.int32], together: int, axis: int = 0) -> NDArray[np.int32]:
    """The highest of each so many neighbours; the last ones may be fewer."""
    starts = np.arange(0, cells.shape[axis], together)
    highest: NDArray[np.int32] = np.maximum.reduceat(cells, starts, axis=axis)
    return highest
