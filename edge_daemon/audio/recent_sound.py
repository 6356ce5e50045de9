"""The recent past of a stream, kept once for all who look back into it: clips, received levels.

At the model's rate a minute takes 0.5 MB. Missing sound is silence in the ring, and known to be missing.
"""

from __future__ import annotations

import threading
from collections import deque

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.source import Block, Gap


class RecentSound:
    """The newest samples of a stream, as far back as anybody reserved. One thread feeds it; any may ask.

    Args:
        rate: samples per second.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._ring = np.zeros(1, np.float32)
        self._first: int | None = None  # first sample of the stream that was pushed
        self._end = 0
        self._gaps: deque[Gap] = deque()
        self._lock = threading.Lock()

    @property
    def end(self) -> int:
        """The sample after the newest; 0 before the first."""
        return self._end

    @property
    def oldest(self) -> int:
        """The oldest sample that is still there."""
        return max(self._first or 0, self._end - len(self._ring))

    def reserve(self, seconds: float) -> None:
        """Keep at least so much sound from now on; what is no longer there does not come back."""
        size = round(seconds * self.rate)
        with self._lock:
            if size <= len(self._ring):
                return
            ring = np.zeros(size, np.float32)
            if self._first is not None:
                self._first = self.oldest
                kept = np.arange(self._first, self._end)
                ring[kept % size] = self._ring[kept % len(self._ring)]
            self._ring = ring

    def push(self, piece: Block | Gap) -> None:
        """Take in the next block or gap; what is left out between blocks is missing, what comes twice counts once."""
        with self._lock:
            if self._first is None:
                self._first = self._end = piece.start
            if isinstance(piece, Gap):
                self._miss(piece)
                return
            if piece.start > self._end:
                self._miss(Gap(self._end, piece.start - self._end, "read_error"))
            samples = piece.samples[max(0, self._end - piece.start) :]
            self._write(samples, len(samples))

    def excerpt(self, begin: int, end: int) -> tuple[int, NDArray[np.float32], list[Gap]]:
        """What is still there of the samples [begin, end), all of it as at one moment.

        Returns:
            The first sample; the samples from there on, float32 [n], silence where sound is missing; the missing sound
            among them, in order of time.
        """
        with self._lock:
            first = max(begin, self.oldest)
            last = max(first, min(end, self._end))
            gaps = [
                Gap(max(gap.start, first), min(gap.end, last) - max(gap.start, first), gap.cause)
                for gap in self._gaps
                if gap.start < last and gap.end > first
            ]
            return first, self._ring[np.arange(first, last) % len(self._ring)], gaps

    def _miss(self, gap: Gap) -> None:
        length = gap.end - self._end
        if length > 0:
            self._gaps.append(Gap(self._end, length, gap.cause))
            self._write(np.zeros(min(length, len(self._ring)), np.float32), length)
        while self._gaps and self._gaps[0].end <= self.oldest:
            self._gaps.popleft()

    def _write(self, samples: NDArray[np.float32], length: int) -> None:
        """Append samples; `length` is more than there are for a gap longer than the ring."""
        end = self._end + length
        samples = samples[-len(self._ring) :]
        place = (end - len(samples)) % len(self._ring)
        fits = len(self._ring) - place  # before the ring begins anew
        self._ring[place : place + len(samples)] = samples[:fits]
        self._ring[: max(0, len(samples) - fits)] = samples[fits:]
        self._end = end
