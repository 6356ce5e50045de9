"""How fast samples really come, by the computer's clock: a sound card, or a pipe's writer, may run at another rate.

Samples arrive late by a little, sometimes by much, never early. So of each two seconds the arrival that is least late
counts, and the rate is the slope between the oldest and the newest of these.
"""

from __future__ import annotations

from collections import deque

from edge_daemon.clock.time_source import SECOND_NS

_BUCKET_NS = 2 * SECOND_NS
_BUCKETS = 31


class RateMeter:
    """Measures over the last minute at most; for one thread.

    Args:
        rate: the rate that is expected, Hz.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._points: deque[tuple[int, int]] = deque(maxlen=_BUCKETS)  # samples by then, monotonic time in ns
        self._best: tuple[int, int] | None = None
        self._bucket_end_ns = 0
        self._samples = 0

    def restart(self) -> None:
        """The stream was interrupted: what was lost meanwhile is not known."""
        self._points.clear()
        self._best = None

    def feed(self, count: int, arrived_ns: int, *, settled: bool = True) -> None:
        """So many samples more, the last of which arrived at that monotonic time; not settled if more were waiting."""
        self._samples += count
        if not settled:
            return
        point = (self._samples, arrived_ns)
        if self._best is None:
            self._best, self._bucket_end_ns = point, arrived_ns + _BUCKET_NS
        elif self._lateness(point) < self._lateness(self._best):
            self._best = point
        if arrived_ns >= self._bucket_end_ns:
            self._points.append(self._best)
            self._best = None

    @property
    def seconds(self) -> float:
        """Over which it is measured."""
        return 0.0 if len(self._points) < 2 else (self._points[-1][1] - self._points[0][1]) / SECOND_NS

    @property
    def hz(self) -> float | None:
        """The rate; None before it has been measured over a few seconds."""
        if len(self._points) < 3:
            return None
        (first, first_ns), (last, last_ns) = self._points[0], self._points[-1]
        return (last - first) * SECOND_NS / (last_ns - first_ns) if last_ns > first_ns else None

    def _lateness(self, point: tuple[int, int]) -> int:
        return point[1] - point[0] * SECOND_NS // self._rate
