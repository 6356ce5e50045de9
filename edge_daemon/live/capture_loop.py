"""Listening: takes what the source gives, notes what the clocks read, and puts it into the queue at once.

The thread that runs this does nothing else, so that no sound waits for a score, a disk or a network: but for a pipe's,
whose writer can wait. Nothing is read from it that the queue has no room for.
"""

from __future__ import annotations

from edge_daemon.audio.capture.live_source import LiveSource
from edge_daemon.audio.source import Block
from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.live.sound_queue import Heard, SoundQueue
from edge_daemon.system.pulse import Pulse

_STILL_ARRIVING = ("dead_input",)  # gaps whose samples came, and tell the time like any others
_TICK_S = 0.25  # longest wait for room, so that an end is noticed


class CaptureLoop:
    """Moves sound from the source into the queue.

    Args:
        source: the live input.
        queue: where it goes.
        time: clocks.

    Attributes:
        last_read_ns: monotonic time at which the source last gave something.
        pulse: of the thread.
        waited_s: seconds for which a pipe's writer had to wait because scoring was late.
    """

    def __init__(self, source: LiveSource, queue: SoundQueue, time: TimeSource) -> None:
        self._source, self._queue, self._time = source, queue, time
        self.last_read_ns = time.monotonic_ns()
        self.pulse = Pulse()
        self.waited_s = 0.0
        self._longest = 0  # block so far, samples; the last one of a writer that ends may be up to twice as long

    def turn(self) -> bool:
        """Wait for one block or gap and pass it on; False when the source has ended."""
        self.pulse.beat()
        if self._source.can_wait and not self._room():
            return True
        item = self._source.read()
        if item is None:
            self._queue.end()
            return False
        utc_ns, now_ns = self._time.utc_ns(), self._time.monotonic_ns()
        self.last_read_ns = now_ns
        if isinstance(item, Block):
            self._longest = max(self._longest, len(item.samples))
        if isinstance(item, Block) or item.cause in _STILL_ARRIVING:
            arrived = self._source.arrived_ns
            heard = Heard(item, now_ns if arrived is None else arrived, utc_ns - now_ns)
        else:
            # The end of a long gap is this moment, or earlier where sound may still come late; that of a short one,
            # told with the sound after it, is not quite.
            timed = 2 * item.length >= self._source.rate
            ended_ns = self._source.moment_ns(item.end)
            heard = Heard(
                item,
                now_ns if ended_ns is None else min(now_ns, ended_ns),
                utc_ns - now_ns,
                timed=timed,
                interrupted=True,
            )
        self._queue.put(heard)
        return True

    def _room(self) -> bool:
        """Whether the queue has room for what comes next; waits for it a moment."""
        began_ns = self._time.monotonic_ns()
        room = self._queue.wait_for_room(2 * self._longest, _TICK_S)
        self.waited_s += (self._time.monotonic_ns() - began_ns) / SECOND_NS
        return room
