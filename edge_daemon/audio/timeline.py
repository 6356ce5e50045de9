"""The count of a live stream's samples: by the samples while they arrive, by the monotonic clock while they do not.

So an index is a moment, before and after any failure: when sound returns, its first sample has the index that the clock
says, and what lies between is a gap.
"""

from __future__ import annotations

from edge_daemon.audio.source import Gap, GapCause
from edge_daemon.clock.time_source import SECOND_NS


class Timeline:
    """Gives every sample and every gap its place.

    Args:
        rate: Hz.

    Attributes:
        index: of the next sample or gap.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self.index = 0
        self._anchor: tuple[int, int] | None = None  # an index and its monotonic time, ns

    def begin(self, now_ns: int) -> None:
        """The stream should give sound from now on; only the first call counts."""
        if self._anchor is None:
            self._anchor = (0, now_ns)

    def sound(self, count: int, arrived_ns: int) -> int:
        """Samples have arrived, the last one at `arrived_ns`; return the index of the first one."""
        start = self.index
        self.index += count
        self._anchor = (self.index, arrived_ns)
        return start

    def missing(self, length: int, cause: GapCause) -> Gap:
        """Samples of this number (0 or more) were lost here."""
        gap = Gap(self.index, max(0, length), cause)
        self.index = gap.end
        return gap

    def elapsed(self, now_ns: int) -> int:
        """Samples between the next index and the one that the clock says; negative if more came than time went by."""
        if self._anchor is None:
            return 0
        index, at_ns = self._anchor
        return index + (now_ns - at_ns) * self._rate // SECOND_NS - self.index
