"""Windows: the overlapping stretches of sound that are scored one by one.

The grid of windows is anchored where an uninterrupted segment begins: windows start there and every hop after it. A gap
ends the segment; the next one has a grid of its own. What remains at a segment's end and fills no window is the tail.

At a seam, where a recorder has paused between two samples of a file, no window reaches over it. So that each moment up
to the seam has a window that speaks for it, as it would have had without the pause, windows whose cells begin before
the seam are filled up with the mirrored sound before it. All of such a window that lies before its cell is sound.

A stream may be cut into windows in pieces. A piece that goes on with the grid of the one before begins at a sample of
that grid, which it is told; the sound before it has been heard in windows of the piece before.

A segment without a window between two gaps of one cause is lost for that cause: a pipe read in the wrong sample format
has hundreds of them a second, which would all become lines of the effort ledger if they were tails.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.source import Block, Gap, GapCause


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of sound to be scored.

    Attributes:
        start: index of its first sample since the stream began, at the model's rate, gaps counted.
        samples: float32 [window], mono.
        valid: how many of them are sound; fewer than all only where a recording shorter than a
            window was padded with zeros, and before a seam.
    """

    start: int
    samples: NDArray[np.float32]
    valid: int

    @property
    def short(self) -> bool:
        """True if a part of it was filled up."""
        return self.valid < len(self.samples)


class Windower:
    """Cuts a stream into windows; holds less than a window and a block of sound.

    Args:
        window: samples in a window, 1 or more.
        hop: samples from one window's start to the next one's, 1…window (so that no sample is skipped).
        pad_short: a stream whose first segment is shorter than a window gives one window, filled with zeros, for it.
        begin: the first window's first sample if no gap lies there; sound before it is passed over. None begins with
            the first sound.

    Raises:
        ValueError: a length is out of range.
    """

    def __init__(self, window: int, hop: int, *, pad_short: bool = False, begin: int | None = None) -> None:
        if window < 1 or not 1 <= hop <= window:
            raise ValueError(f"window {window} and hop {hop}: need 1 ≤ hop ≤ window")
        self._window, self._hop, self._pad_short = window, hop, pad_short
        self._begin = begin
        self._held = np.zeros(0, np.float32)  # sound from the next window's start on
        self._next = 0  # index of the next window's start
        self._covered = 0  # end of the last window, or the segment's beginning
        self._running = False  # within a segment
        self._scored = False  # the segment has had a window
        self._first = True  # no segment has ended yet, and none has given a window
        self._lost_for: GapCause | None = None  # the last gap's cause, until there is a window

    @property
    def next_start(self) -> int:
        """First sample of the next window, if no gap comes first."""
        return self._next

    @property
    def missing(self) -> int:
        """Samples that the next window lacks, 1 or more."""
        return self._window - len(self._held)

    def push(self, item: Block | Gap) -> list[Window | Gap]:
        """Take a block or gap at the model's rate.

        Args:
            item: follows the one before without a hole.

        Returns:
            The windows that are complete now; before a gap the tail of the segment it ends, as a gap with the
            cause "tail", or that of the gaps on both sides if it gave no window.

        Raises:
            ValueError: a block does not begin where the one before ended.
        """
        if isinstance(item, Gap):
            filled = self._fill_up() if item.seam else []
            rest = self._end_segment(item.cause if item.cause == self._lost_for else "tail")
            self._lost_for = item.cause
            return [*filled, *rest, item]
        if self._begin is not None and item.start < self._begin:
            item = Block(item.samples[self._begin - item.start :], max(item.start, min(self._begin, item.end)))
            if not len(item.samples):
                return []
        if not self._running:
            self._running = True
            self._next = self._covered = item.start
            self._scored = item.start == self._begin
            if item.start == self._begin:  # the last window of the piece before reaches beyond its own cell
                self._covered += self._window - self._hop
        elif item.start != self._next + len(self._held):
            raise ValueError(f"block begins at sample {item.start}, expected {self._next + len(self._held)}")
        held = np.concatenate((self._held, item.samples)) if len(self._held) else item.samples
        count = max(0, (len(held) - self._window) // self._hop + 1)
        out: list[Window | Gap] = [
            Window(self._next + begin, held[begin : begin + self._window].copy(), self._window)
            for begin in range(0, count * self._hop, self._hop)
        ]
        if count:
            self._first, self._lost_for, self._scored = False, None, True
            self._next += count * self._hop
            self._covered = self._next - self._hop + self._window
        self._held = held[count * self._hop :].copy()
        return out

    def finish(self) -> list[Window | Gap]:
        """End the stream.

        Returns:
            The tail as a gap, if any; or, with `pad_short`, the one padded window of a recording shorter than a window.
        """
        return self._end_segment("tail")

    def _fill_up(self) -> list[Window]:
        """Windows that reach over the segment's end, but whose cells begin before it."""
        end = self._next + len(self._held)
        if not self._running or not self._scored:
            return []
        lead = (self._window - self._hop) // 2
        windows = []
        for start in range(self._next, end - lead, self._hop):
            sound = self._held[start - self._next :]
            padded = np.pad(sound, (0, self._window - len(sound)), mode="reflect")
            windows.append(Window(start, padded, len(sound)))
        self._covered = end
        return windows

    def _end_segment(self, lost_for: GapCause) -> list[Window | Gap]:
        if not self._running:
            return []
        held, start, end = self._held, self._next, self._next + len(self._held)
        first, self._first = self._first, False
        self._held, self._running = np.zeros(0, np.float32), False
        if end <= self._covered:
            return []
        if first and self._pad_short:
            padded = np.concatenate((held, np.zeros(self._window - len(held), np.float32)))
            return [Window(start, padded, len(held))]
        return [Gap(self._covered, end - self._covered, lost_for)]
