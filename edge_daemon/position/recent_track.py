"""The track of the last minutes: where the device was at a moment, or that this is not known.

Between two fixes the way is taken to be straight. Beyond the newest one nothing is guessed: it stands for the moments
up to `max_age_s` after it, and its age is told. A device no faster than v is within v times that age of such a place,
and within twice that of one between two fixes (it need not have gone straight).
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_right
from collections import deque

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.position.fix import DatedFix, Fix
from edge_daemon.position.position import Position, PositionFix
from edge_daemon.position.sphere import between

KEPT_NS = 900 * SECOND_NS
"""How far back a moment may lie: far longer than a detection takes."""
APART_NS = 2 * SECOND_NS // 5
"""Fixes that follow sooner are passed over: a receiver of 10 Hz need not fill the memory."""


class RecentTrack:
    """Fixes of the last minutes; safe to use from any thread.

    Args:
        max_age_s: beyond, a fix says nothing about a moment; may be changed at any time.
    """

    def __init__(self, max_age_s: float) -> None:
        self.max_age_s = max_age_s
        self._lock = threading.Lock()
        self._fixes: deque[DatedFix] = deque(maxlen=KEPT_NS // APART_NS)

    @property
    def newest(self) -> DatedFix | None:
        """The last fix."""
        with self._lock:
            return self._fixes[-1] if self._fixes else None

    def add(self, dated: DatedFix) -> None:
        """A fix that is believed; one that is not later than the last is passed over."""
        with self._lock:
            if dated.afresh:
                self._fixes.clear()
            if self._fixes and dated.moment_ns - self._fixes[-1].moment_ns < APART_NS:
                return
            self._fixes.append(dated)
            while dated.moment_ns - self._fixes[0].moment_ns > KEPT_NS:
                self._fixes.popleft()

    def at(self, moment_ns: int) -> Position | None:
        """Where the device was.

        Args:
            moment_ns: monotonic time, ns.

        Returns:
            None if no fix is near enough.
        """
        with self._lock:
            fixes = list(self._fixes)
        place = bisect_right(fixes, moment_ns, key=lambda dated: dated.moment_ns)
        limit_ns = self.max_age_s * SECOND_NS
        near = [one for one in fixes[max(0, place - 1) : place + 1] if abs(moment_ns - one.moment_ns) <= limit_ns]
        if not near:
            return None
        nearest = min(near, key=lambda one: abs(moment_ns - one.moment_ns))
        fix, age_ns = nearest.fix, abs(moment_ns - nearest.moment_ns)
        if len(near) < 2:
            return _position((fix.latitude, fix.longitude), fix, fix.accuracy_m, age_ns)
        before, after = near
        share = (moment_ns - before.moment_ns) / (after.moment_ns - before.moment_ns)
        one, other = before.fix, after.fix
        middle = between((one.latitude, one.longitude), (other.latitude, other.longitude), share)
        known = None not in (one.accuracy_m, other.accuracy_m)
        return _position(middle, fix, max(one.accuracy_m or 0, other.accuracy_m or 0) if known else None, age_ns)


def _position(place: tuple[float, float], fix: Fix, accuracy_m: float | None, age_ns: int) -> Position:
    # six digits are a tenth of a metre
    return Position(
        latitude=round(place[0], 6),
        longitude=round(place[1], 6),
        fix=PositionFix(
            type=fix.type,
            accuracy_m=None if accuracy_m is None else round(accuracy_m, 1),
            age_s=math.ceil(10 * age_ns / SECOND_NS) / 10,  # rounded up: a bound rests on it
        ),
    )
