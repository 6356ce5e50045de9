"""Plausibility: which fixes are believed.

A device cannot be faster than its kind, so each fix must be within reach of the one before. One fix proves little: at
the start, and after a silence, three in a row must agree. What agrees with itself but not with what is known is refused
at first, since a jump of minutes is a fault; but what was known may be wrong, too (a receiver that woke up with the
place it was made in), so a new place that has held together for ten minutes takes over. In between nothing new is
believed, and the position goes stale.
"""

from __future__ import annotations

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.position.fix import DatedFix, Fix, Refusal
from edge_daemon.position.fix_clock import FixClock
from edge_daemon.position.sphere import distance_m

AGREE = 3
"""Fixes in a row that must agree before any is believed."""
RECONSIDER_NS = 600 * SECOND_NS
"""How long another place must hold together to take over."""
WORST_M = 1000.0
"""A fix that calls itself worse is none."""
UNTOLD_M = 25.0
"""The error of a receiver that does not tell it."""
ZERO_DEG = 1e-4
"""Nearer to 0° N 0° E than this is a receiver's way of saying nothing."""
_SLACK_NS = SECOND_NS


class Chain:
    """Fixes that agree.

    Attributes:
        last: the newest.
        arrived_ns: when it came, monotonic.
        count: how many.
        since_ns: when the first came, monotonic.
    """

    def __init__(self, fix: Fix, arrived_ns: int) -> None:
        self.last, self.arrived_ns, self.count, self.since_ns = fix, arrived_ns, 1, arrived_ns

    def doubt(self, fix: Fix, arrived_ns: int, max_speed_m_s: float) -> Refusal | None:
        """Why this fix does not continue them; None if it does."""
        if fix.utc_ns <= self.last.utc_ns:
            if fix.utc_ns == self.last.utc_ns:
                return Refusal("repeated", "the receiver repeats its last fix")
            return Refusal("backwards", "the receiver's time goes backwards")
        # by the shorter of two times: neither a leap of the receiver's nor a wait in a pipe makes the device faster
        passed_ns = min(fix.utc_ns - self.last.utc_ns, arrived_ns - self.arrived_ns) + _SLACK_NS
        moved_m = distance_m((self.last.latitude, self.last.longitude), (fix.latitude, fix.longitude))
        errors_m = sum(UNTOLD_M if one.accuracy_m is None else one.accuracy_m for one in (self.last, fix))
        if moved_m > errors_m + max_speed_m_s * passed_ns / SECOND_NS:
            return Refusal("jump", f"the position has jumped by {moved_m:,.0f} m")
        return None

    def add(self, fix: Fix, arrived_ns: int) -> None:
        """The next one."""
        self.last, self.arrived_ns, self.count = fix, arrived_ns, self.count + 1


class FixFilter:
    """Judges the fixes of one receiver, in the order in which they come.

    Args:
        max_speed_m_s: the device is never faster; may be changed at any time.
        max_age_s: after a silence of this length fixes must agree anew; likewise.
    """

    def __init__(self, max_speed_m_s: float, max_age_s: float) -> None:
        self.max_speed_m_s, self.max_age_s = max_speed_m_s, max_age_s
        self._clock = FixClock()
        self._known: Chain | None = None
        self._other: Chain | None = None  # agrees with itself, and is not believed yet

    def take(self, fix: Fix, arrived_ns: int, utc_ns: int | None) -> DatedFix | Refusal:
        """Judge a fix.

        Args:
            fix: that has come.
            arrived_ns: monotonic time at which it came.
            utc_ns: UTC at that moment by the system clock; None while that is not believed.
        """
        if (refusal := _nonsense(fix)) is not None:
            return refusal
        moment_ns = self._clock.moment_ns(fix, arrived_ns, utc_ns)
        if isinstance(moment_ns, Refusal):
            return moment_ns
        known = self._known
        doubt = None if known is None else known.doubt(fix, arrived_ns, self.max_speed_m_s)
        if doubt is not None and doubt.doubt == "repeated":
            return doubt
        silent = known is None or arrived_ns - known.arrived_ns > self.max_age_s * SECOND_NS
        if known is not None and doubt is None and not silent:
            known.add(fix, arrived_ns)
            self._other = None
            return DatedFix(fix, moment_ns)
        return self._consider(fix, arrived_ns, moment_ns, doubt)

    def _consider(self, fix: Fix, arrived_ns: int, moment_ns: int, doubt: Refusal | None) -> DatedFix | Refusal:
        """A fix that does not simply go on from what is known: whether what it agrees with takes over now."""
        other = self._other
        apart = None if other is None else other.doubt(fix, arrived_ns, self.max_speed_m_s)
        if apart is not None and apart.doubt == "repeated":
            return apart
        if other is None or apart is not None:
            other = self._other = Chain(fix, arrived_ns)
        else:
            other.add(fix, arrived_ns)
        long_enough = doubt is None or arrived_ns - other.since_ns >= RECONSIDER_NS
        if other.count >= AGREE and long_enough:
            self._known, self._other = other, None
            return DatedFix(fix, moment_ns, afresh=doubt is not None)
        return doubt or Refusal("confirming", "the receiver's first fixes are compared with each other")


def _nonsense(fix: Fix) -> Refusal | None:
    """What no fix can be, whatever came before it; comparisons are such that NaN is refused."""
    accuracy_m = 0.0 if fix.accuracy_m is None else fix.accuracy_m
    if not (abs(fix.latitude) <= 90 and abs(fix.longitude) <= 180 and accuracy_m >= 0):
        return Refusal("malformed", "the receiver names a place that does not exist")
    if abs(fix.latitude) < ZERO_DEG and abs(fix.longitude) < ZERO_DEG:
        return Refusal("zero", "the receiver says 0° N 0° E")
    if not accuracy_m <= WORST_M:
        return Refusal("uncertain", f"the receiver's error is more than {WORST_M:.0f} m")
    return None
