"""Listening: takes what the source gives, notes what the clocks read, and puts it into the queue at once.

The thread that runs this does nothing else, so that no sound waits for a score, a disk or a network.
"""

from __future__ import annotations

from edge_daemon.audio.capture.live_source import LiveSource
from edge_daemon.audio.source import Block
from edge_daemon.clock.time_source import TimeSource
from edge_daemon.live.sound_queue import Heard, SoundQueue
from edge_daemon.system.pulse import Pulse

_STILL_ARRIVING = ("dead_input",)  # gaps whose samples came, and tell the time like any others


class CaptureLoop:
    """Moves sound from the source into the queue.

    Args:
        source: the live input.
        queue: where it goes.
        time: clocks.

    Attributes:
        last_read_ns: monotonic time at which the source last gave something.
        pulse: of the thread.
    """

    def __init__(self, source: LiveSource, queue: SoundQueue, time: TimeSource) -> None:
        self._source, self._queue, self._time = source, queue, time
        self.last_read_ns = time.monotonic_ns()
        self.pulse = Pulse()

    def turn(self) -> bool:
        """Wait for one block or gap and pass it on; False when the source has ended."""
        self.pulse.beat()
        item = self._source.read()
        if item is None:
            self._queue.end()
            return False
        utc_ns, now_ns = self._time.utc_ns(), self._time.monotonic_ns()
        self.last_read_ns = now_ns
        if isinstance(item, Block) or item.cause in _STILL_ARRIVING:
            arrived = self._source.arrived_ns
            heard = Heard(item, now_ns if arrived is None else arrived, utc_ns - now_ns)
        else:
            # The end of a long gap is this moment; that of a short one, told with the sound after it, is not quite.
            timed = 2 * item.length >= self._source.rate
            heard = Heard(item, now_ns, utc_ns - now_ns, timed=timed, interrupted=True)
        self._queue.put(heard)
        return True
