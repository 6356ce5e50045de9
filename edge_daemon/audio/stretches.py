"""Stretches of a recording: runs of samples taken one after the other, with pauses of the recorder between them.

A file may hold several, one behind the other without a hole (HARP's x.wav). The place in the file then says nothing of
the time; each stretch has its own. Sound on both sides of a seam was not heard together, so no window may reach over
it: a seam stands there, a gap without length.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from edge_daemon.audio.source import AudioSource, Block, Gap


@dataclass(frozen=True, slots=True)
class Stretch:
    """One run.

    Attributes:
        first: index of its first sample in the file, at the file's rate.
        utc: when that was taken, aware, in UTC.
    """

    first: int
    utc: datetime


class StretchedSource:
    """A source with a gap without length, of the cause "schedule" and marked as seam, at each of them.

    Args:
        source: whose samples are passed on; it is closed with this one.
        stretches: in order of their place; the first one begins the recording.
    """

    def __init__(self, source: AudioSource, stretches: Sequence[Stretch]) -> None:
        self._source = source
        self.rate, self.name = source.rate, source.name
        self._seams = deque(stretch.first for stretch in stretches[1:])
        self._ready: deque[Block | Gap] = deque()

    def read(self) -> Block | Gap | None:
        """Wait for the next block or gap, none of which reaches over a seam; None at the end.

        Raises:
            AudioError: as the source.
        """
        if not self._ready:
            item = self._source.read()
            if item is None:
                return None
            self._cut(item)
        return self._ready.popleft()

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _cut(self, item: Block | Gap) -> None:
        while self._seams and self._seams[0] < item.end:
            seam = self._seams.popleft()
            if seam > item.start:
                before, item = _split(item, seam)
                self._ready.append(before)
            self._ready.append(Gap(seam, 0, "schedule", seam=True))
        self._ready.append(item)


def _split(item: Block | Gap, at: int) -> tuple[Block | Gap, Block | Gap]:
    if isinstance(item, Gap):
        return Gap(item.start, at - item.start, item.cause), Gap(at, item.end - at, item.cause)
    cut = at - item.start
    return Block(item.samples[:cut], item.start), Block(item.samples[cut:], at)
