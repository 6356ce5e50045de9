"""Which periods of effort are to be published: whole ones, counted from 1970 in UTC, each once it is accounted for.

Periods are the same before and after a restart, so nothing has to be remembered: the first one published is the one in
which the session before ended. If the clock is set back, the hours lived twice are published again, with both; the
newest document of a period counts.
"""

from __future__ import annotations

import threading

from edge_daemon.clock.sample_clock import ClockStep
from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.detection.observer import StreamObserver


class ReportPeriods(StreamObserver):
    """Which period is due; any thread may ask or tell.

    Args:
        length_s: of a period, seconds.
        now_utc_ns: UTC at the session's begin, ns.
        previous_end_utc_ns: UTC at which the session before ended, ns; None if there was none.
    """

    def __init__(self, length_s: float, now_utc_ns: int, previous_end_utc_ns: int | None = None) -> None:
        self._lock = threading.Lock()
        self._length_ns = round(length_s * SECOND_NS)
        self._previous_ns = previous_end_utc_ns
        self._since_ns = self._from(now_utc_ns)

    def change(self, length_s: float) -> None:
        """Periods of another length from now on."""
        with self._lock:
            self._length_ns = round(length_s * SECOND_NS)

    def stepped(self, step: ClockStep, dated_before: bool) -> None:
        """UTC moved; if a clock that had never known the time was set, what was not published lies elsewhere now."""
        if step.kind == "system_clock" and not dated_before:
            with self._lock:
                self._since_ns = self._from(self._since_ns + step.jump_ns)

    def due(self, accounted_until_ns: int) -> tuple[int, int] | None:
        """The next period to publish, [since, until) in UTC ns; None if none is complete. Asking takes it.

        After a long silence it is one period of many lengths.
        """
        with self._lock:
            until_ns = self._floor(accounted_until_ns)
            self._since_ns = min(self._since_ns, until_ns)
            if until_ns == self._since_ns:
                return None
            since_ns, self._since_ns = self._since_ns, until_ns
            return since_ns, until_ns

    def _from(self, utc_ns: int) -> int:
        """Begin of the first period: with the session before, unless that ended in the future of a clock set back."""
        previous = self._previous_ns
        return self._floor(utc_ns if previous is None else min(previous, utc_ns))

    def _floor(self, utc_ns: int) -> int:
        return utc_ns - utc_ns % self._length_ns
