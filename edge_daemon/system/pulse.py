"""The pulse of a thread: a sign of life each time its loop comes round.

Measured is real time, in tests in simulated time too: a thread is of this process, whatever its clocks show.
"""

from __future__ import annotations

from edge_daemon.clock.time_source import SECOND_NS, SystemTime, TimeSource


class Pulse:
    """When a thread last came round; one thread beats, any may ask.

    Args:
        time: the clocks.

    Attributes:
        doing: what it has been at since, for people; empty if it waits for work.
    """

    def __init__(self, time: TimeSource | None = None) -> None:
        self._time = time or SystemTime()
        self._last_ns = self._time.monotonic_ns()
        self.doing = ""

    def beat(self, doing: str = "") -> None:
        """Come round."""
        self._last_ns, self.doing = self._time.monotonic_ns(), doing

    @property
    def silent_s(self) -> float:
        """Seconds since the last beat."""
        return (self._time.monotonic_ns() - self._last_ns) / SECOND_NS
