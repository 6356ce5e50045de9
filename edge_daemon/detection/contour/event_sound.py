"""The sound that an event's windows saw, kept as long as an event may still reach back to it.

Only sound without a break counts: what lies beyond a gap or a seam belongs to another stretch, whether it has been
heard already or not. So an event has the same sound however the stream was cut into blocks.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from edge_daemon.audio.source import Block, Gap


class EventSound:
    """The newest sound of one stream, back to where it was last told that nothing older is wanted."""

    def __init__(self) -> None:
        self._blocks: deque[Block] = deque()
        self._breaks: deque[int] = deque()  # where a stretch begins
        self._end = 0

    @property
    def held(self) -> int:
        """Samples in memory."""
        return sum(len(block.samples) for block in self._blocks)

    def push(self, piece: Block | Gap) -> None:
        """Take the next block or gap; a gap of no length is a break, too."""
        if isinstance(piece, Gap):
            self._break_at(piece.end)
            return
        if piece.start != self._end:
            self._break_at(piece.start)
        if len(piece.samples):
            self._blocks.append(piece)
        self._end = piece.end

    def forget(self, before: int) -> None:
        """Sound before this sample is not wanted any more."""
        while self._blocks and self._blocks[0].end <= before:
            self._blocks.popleft()
        while len(self._breaks) > 1 and self._breaks[1] <= before:
            self._breaks.popleft()

    def around(self, begin: int, end: int, margin: int) -> tuple[int, NDArray[np.float32]]:
        """The sound of [begin − margin, end + margin) that is connected with sample `begin`.

        Returns:
            The first sample, and the samples from there on, float32 [n]; none where nothing is there.
        """
        stretch = max((at for at in self._breaks if at <= begin), default=begin - margin)
        stretch_end = min((at for at in self._breaks if at > begin), default=end + margin)
        first, last = max(begin - margin, stretch), min(end + margin, stretch_end)
        parts = [
            block.samples[max(0, first - block.start) : max(0, last - block.start)]
            for block in self._blocks
            if block.start < last and block.end > first
        ]
        if not parts:
            return first, np.zeros(0, np.float32)
        oldest = next(block.start for block in self._blocks if block.end > first)
        return max(first, oldest), np.concatenate(parts)

    def _break_at(self, sample: int) -> None:
        self._end = sample
        if not self._breaks or self._breaks[-1] != sample:
            self._breaks.append(sample)
