"""When a fix was: the receiver's time tied to the monotonic clock, in which samples are counted, too.

A fix that comes late is an old one: lines may wait in a socket while the process is stopped, or in a slow pipe. While
the system clock is believed, it says how late a fix is. Until then the fastest fix so far does: none can come before
it was made, so one that takes longer by so much is older by so much. A receiver whose time has been put back looks just
as late; it is believed when it has been late by the same for `STEADY_NS`, which a backlog cannot be.
"""

from __future__ import annotations

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.position.fix import Fix, Refusal

EARLIEST_NS = 1_767_225_600 * SECOND_NS
"""2026-01-01: this program is not older. Receivers whose count of weeks has run over say 2006 or 1980."""
LATEST_NS = 2_145_916_800 * SECOND_NS
"""2038-01-01: beyond, 32 bits do not count seconds, and only a clock that is believed says that the time has come."""
AHEAD_NS = 2 * SECOND_NS
"""So far may a fix be ahead of the system clock, which is good to a second."""
MOST_LATE_NS = 60 * SECOND_NS
STEADY_NS = 600 * SECOND_NS
_SAME_NS = 2 * SECOND_NS
_DATE_NS = 86_400 * SECOND_NS


class FixClock:
    """Dates the fixes of one receiver."""

    def __init__(self) -> None:
        self._fastest_ns: int | None = None  # least arrival minus fix so far
        self._steady: tuple[int, int] | None = None  # a lateness, and since when fixes have had it

    def moment_ns(self, fix: Fix, arrived_ns: int, utc_ns: int | None) -> int | Refusal:
        """Monotonic time of a fix, ns, or why it cannot be believed.

        Args:
            fix: that has come.
            arrived_ns: monotonic time at which it came.
            utc_ns: UTC at that moment by the system clock; None while that is not believed.
        """
        if utc_ns is None:
            if not EARLIEST_NS <= fix.utc_ns < LATEST_NS:
                return Refusal("date", "the receiver's date is wrong (1980, a week count run over, or 2038)")
            late_ns = self._behind_the_fastest_ns(fix, arrived_ns)
        else:
            self._fastest_ns = self._steady = None  # begun anew when the clock is not believed any more
            late_ns = utc_ns - fix.utc_ns
            if abs(late_ns) > _DATE_NS:
                days = abs(late_ns) / _DATE_NS
                return Refusal("date", f"the receiver's date is {days:.0f} days off the clock")
            if late_ns < -AHEAD_NS:
                return Refusal("ahead", f"the receiver's time is {-late_ns / SECOND_NS:.0f} s ahead of the clock")
        if late_ns > MOST_LATE_NS:
            return Refusal("late", f"fixes come {late_ns / SECOND_NS:.0f} s late")
        return arrived_ns - max(0, late_ns)

    def _behind_the_fastest_ns(self, fix: Fix, arrived_ns: int) -> int:
        took_ns = arrived_ns - fix.utc_ns
        if self._fastest_ns is None or took_ns < self._fastest_ns:
            self._fastest_ns = took_ns
        if self._steady is None or abs(took_ns - self._steady[0]) > _SAME_NS:
            self._steady = (took_ns, arrived_ns)
        elif arrived_ns - self._steady[1] > STEADY_NS:
            self._fastest_ns = took_ns
        return took_ns - self._fastest_ns
