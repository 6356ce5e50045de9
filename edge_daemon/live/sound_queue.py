"""The bounded queue between listening and scoring: where sound is dropped if scoring falls behind, and how.

Memory is bounded by the length of sound held. When that is exceeded, the oldest sound goes, down to half the bound, and
in its place stands one gap `inference_behind` with its place and length. To drop only as much as needed would be worse
than useless: the stream would be cut at every block, and no window would ever be whole. Sound whose giver can wait is
not put before there is room for it.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace

from edge_daemon.audio.source import Block, Gap
from edge_daemon.health.document import QueueHealth


@dataclass(frozen=True, slots=True)
class Heard:
    """A block or gap, and what the clocks read when it ended.

    Attributes:
        item: at the source's rate.
        arrived_ns: monotonic time at which its last sample arrived.
        utc_offset_ns: UTC minus monotonic time then, ns.
        timed: whether `arrived_ns` is to be relied on; without, it is the time at which somebody noticed.
        interrupted: the device was interrupted: its count of samples and the clock begin anew with each other.
    """

    item: Block | Gap
    arrived_ns: int
    utc_offset_ns: int
    timed: bool = True
    interrupted: bool = False


class SoundQueue:
    """First in, first out; one thread puts, one gets, any may ask.

    Args:
        capacity: samples held at most; a single longer block is held all the same.
        blocks: entries that this is meant to be, for health.
    """

    def __init__(self, capacity: int, blocks: int = 1) -> None:
        self._capacity, self._blocks = max(1, capacity), max(1, blocks)
        self._entries: deque[Heard] = deque()
        self._samples = 0
        self._dropped_blocks = 0
        self.dropped_samples = 0
        """Samples dropped so far."""
        self._ended = False
        self._enough = 1  # what the reader waits for
        lock = threading.RLock()
        self._changed, self._taken = threading.Condition(lock), threading.Condition(lock)

    def put(self, heard: Heard) -> None:
        """Add what was heard; never waits for the other side."""
        with self._changed:
            self._entries.append(heard)
            if isinstance(heard.item, Block):
                self._samples += len(heard.item.samples)
                if self._samples > self._capacity and len(self._entries) > 1:
                    self._drop(down_to=self._capacity // 2)
            else:
                self._join_gaps()
            if self._span >= self._enough:
                self._changed.notify()

    def wait_for_room(self, samples: int, timeout_s: float) -> bool:
        """Wait until so many samples can be put without dropping any; False if there is no room after that time.

        Args:
            samples: at most; more than the queue can ever hold fit into an empty one.
            timeout_s: seconds.
        """
        with self._changed:
            return self._taken.wait_for(
                lambda: self._ended or not self._samples or self._samples + samples <= self._capacity, timeout_s
            )

    def get(self, timeout_s: float = 0.0, enough: int = 1) -> Heard | None:
        """The oldest entry; None if none came in time, or after `end` when all are taken.

        Args:
            timeout_s: how long to wait at most; then what is there is given.
            enough: samples, gaps included, for which waiting ends earlier; half of what the queue holds always is. To
                wake up for every block, only to wait for the rest of a window, would take more time than all the rest
                of listening.
        """
        enough = min(enough, max(1, self._capacity // 2))
        with self._changed:
            self._enough = enough
            if self._span < enough and not self._ended and timeout_s > 0:
                self._changed.wait(timeout_s)
            if not self._entries:
                return None
            heard = self._entries.popleft()
            if isinstance(heard.item, Block):
                self._samples -= len(heard.item.samples)
                self._taken.notify()
            return heard

    def end(self) -> None:
        """Nothing more will be put."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
            self._taken.notify_all()

    @property
    def exhausted(self) -> bool:
        """Ended, and all that was put has been taken."""
        with self._changed:
            return self._ended and not self._entries

    def drop_all(self) -> None:
        """There is no time left for what waits: it becomes a gap."""
        with self._changed:
            self._drop(down_to=0)
            self._taken.notify_all()

    def report(self) -> QueueHealth:
        """How full it is, in entries."""
        with self._changed:
            waiting = len(self._entries)
            return QueueHealth(length=waiting, capacity=max(self._blocks, waiting), dropped=self._dropped_blocks)

    @property
    def samples(self) -> int:
        """Sound that waits, samples."""
        with self._changed:
            return self._samples

    @property
    def _span(self) -> int:
        """Samples that wait, gaps included."""
        return self._entries[-1].item.end - self._entries[0].item.start if self._entries else 0

    def _drop(self, down_to: int) -> None:
        """Turn the oldest blocks into gaps; gaps between them stay what they are."""
        kept: list[Heard] = []
        newest = 0 if down_to == 0 else 1  # the newest block stays, however long it is
        while self._samples > down_to and len(self._entries) > newest:
            heard = self._entries.popleft()
            if isinstance(heard.item, Block):
                length = len(heard.item.samples)
                self._samples -= length
                self._dropped_blocks += 1
                self.dropped_samples += length
                gap = Gap(heard.item.start, length, "inference_behind")
                heard = Heard(gap, heard.arrived_ns, heard.utc_offset_ns, timed=False)
            if kept and (joined := _joined(kept[-1], heard)) is not None:
                kept[-1] = joined
            else:
                kept.append(heard)
        self._entries.extendleft(reversed(kept))

    def _join_gaps(self) -> None:
        """Make one of the two newest entries if they are gaps of one cause: days without a device take no memory."""
        if len(self._entries) >= 2 and (joined := _joined(self._entries[-2], self._entries[-1])) is not None:
            del self._entries[-1]
            self._entries[-1] = joined


def _joined(first: Heard, second: Heard) -> Heard | None:
    one, two = first.item, second.item
    if isinstance(one, Gap) and isinstance(two, Gap) and one.cause == two.cause and one.end == two.start:
        gap = Gap(one.start, one.length + two.length, one.cause)
        return replace(second, item=gap, interrupted=first.interrupted or second.interrupted)
    return None
