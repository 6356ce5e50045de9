"""UTC of a sample, from the sample count and the moments at which blocks arrive.

A sound card counts samples evenly but with its own crystal, off by some tens of ppm (parts per million). The
computer's clock is right but sees a block only when its callback runs: late by a little, sometimes by much, never
early. And UTC may jump. `SampleClock` joins the two in two steps:

1. **Sample → monotonic time.** Arrival minus nominal time (n / rate) is a line, the crystal's drift being its slope,
   plus a delay that is never negative. The line is therefore the one that lies under all points, as high as it can
   at their mean time (Moon, Skelly & Towsley, "Estimation and removal of clock skew from network delay
   measurements", INFOCOM 1999): an edge of their lower convex hull. One point is kept per bucket of 10 s, that with
   the least delay, for an hour.
2. **Monotonic → UTC.** The difference of the two system clocks changes only when UTC is corrected. A change beyond
   `step_limit_s`, seen twice in a row (one reading may be torn by a pause between the two clocks), is a step: the
   new difference holds at once and a `ClockStep` is returned. A smaller change is followed within about a minute.

**Bounds.** Let J be the largest delay in excess of the smallest. With points evenly spread over a baseline B, the
drift is wrong by at most 2·J/B, however the delays fall (J = 50 ms, B = 1 h: 28 ppm; independent delays: well under
1 ppm), and the UTC of the newest sample by at most J, plus 12 ms at 100 ppm in the first two minutes, when no
drift is estimated. A constant delay cannot be seen from here: pass what the device states as `latency_s`.

**Order.** At any moment UTC grows with the sample number, so an event computed in one moment begins before it ends.
After a step the new anchor serves all samples, older ones too: the old time was wrong for them as well.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from edge_daemon.clock.time_source import SECOND_NS

_SLIP_LIMIT_NS = SECOND_NS // 4  # smallest lasting displacement of the arrivals that means a miscount
_BUCKET_NS = 10 * SECOND_NS  # of its arrivals the least delayed one is kept
_MAX_SLOPE = 500e-6  # the largest drift a crystal may have


@dataclass(frozen=True, slots=True)
class ClockStep:
    """UTC of the samples moved at once.

    Attributes:
        sample: number of samples that had arrived when it was noticed.
        jump_ns: new UTC minus old UTC of one and the same sample, ns.
        kind: "system_clock": UTC was set; "samples": samples were lost, or too many counted, without a gap told.
    """

    sample: int
    jump_ns: int
    kind: Literal["system_clock", "samples"]


class SampleClock:
    """UTC of every sample of one stream.

    Args:
        rate: nominal samples per second.
        latency_s: constant delay of the device from sound to arrival, seconds.
        step_limit_s: smallest change of UTC against the monotonic clock that is a step, seconds.
        window_s: age up to which arrivals count, seconds.
    """

    def __init__(
        self,
        rate: int,
        *,
        latency_s: float = 0.0,
        step_limit_s: float = 0.25,
        window_s: float = 3600.0,
    ) -> None:
        self._rate = rate
        self._latency_ns = round(latency_s * SECOND_NS)
        self._step_limit_ns = step_limit_s * SECOND_NS
        self._first_baseline_ns = 120 * SECOND_NS  # before: no slope is better than one from so few points
        self._sure_baseline_ns = 600 * SECOND_NS
        # UTC minus monotonic
        self._offset_ns = 0  # as last set
        self._correction_ns = 0.0  # followed since; apart, because a float does not hold nanoseconds since 1970
        self._torn_ns: int | None = None  # a difference seen once that would be a step if seen again
        self._last_monotonic_ns = 0
        # arrivals as (nominal time, lateness) relative to the first, ns
        self._origin: tuple[int, int] | None = None
        self._points: deque[tuple[int, int]] = deque(maxlen=max(2, round(window_s * SECOND_NS / _BUCKET_NS)))
        self._bucket_end_ns = 0.0
        self._best: tuple[int, int] | None = None  # least delayed arrival of the open bucket
        self._slope = 0.0
        self._intercept = 0.0
        self._interrupted = True
        self._drift_known = False
        self.steps = 0

    @property
    def anchored(self) -> bool:
        """Whether anything has arrived yet, so that `utc_at` has an answer."""
        return self._origin is not None

    @property
    def utc_offset_ns(self) -> int:
        """UTC minus monotonic time as known here, ns; 0 before anything has arrived."""
        return self._offset_ns + round(self._correction_ns)

    @property
    def drift_ppm(self) -> float | None:
        """By how much the device counts too fast (+) or slow (−), ppm; None before ten minutes without interruption."""
        return (1.0 / (1.0 + self._slope) - 1.0) * 1e6 if self._drift_known else None

    def observe(self, sample: int, wall_utc_ns: int, monotonic_ns: int) -> ClockStep | None:
        """Take note that all samples before number `sample` had arrived when the system clocks read this.

        Returns:
            A step, once, if UTC of the samples moved at once.
        """
        step = self._follow_utc(sample, wall_utc_ns - monotonic_ns, monotonic_ns)
        slip = self._follow_arrivals(sample, monotonic_ns)
        self._last_monotonic_ns = monotonic_ns
        self.steps += (step is not None) + (slip is not None)
        return step or slip

    def discontinuity(self) -> None:
        """The device was interrupted (a gap, a new opening): forget the arrivals, keep the drift."""
        self._interrupted = True

    def monotonic_at(self, sample: int) -> int:
        """Monotonic time (ns) of a sample, past or future.

        Raises:
            ValueError: nothing has arrived yet.
        """
        if self._origin is None:
            raise ValueError("no block has arrived yet, so samples have no time")
        nominal = self._nominal_ns(sample) - self._origin[0]
        lateness = round(self._intercept + self._slope * nominal)
        return self._origin[1] + nominal + lateness - self._latency_ns

    def utc_at(self, sample: int) -> int:
        """UTC (ns since 1970) of a sample, past or future; grows with the sample number.

        Raises:
            ValueError: nothing has arrived yet.
        """
        return self.monotonic_at(sample) + self.utc_offset_ns

    def _nominal_ns(self, sample: int) -> int:
        return sample * SECOND_NS // self._rate

    def _follow_utc(self, sample: int, offset_ns: int, monotonic_ns: int) -> ClockStep | None:
        if self._origin is None:
            self._offset_ns = offset_ns
            return None
        change = offset_ns - self._offset_ns - self._correction_ns
        if abs(change) <= self._step_limit_ns:
            self._torn_ns = None
            elapsed_ns = monotonic_ns - self._last_monotonic_ns
            self._correction_ns += change * min(1.0, elapsed_ns / (60 * SECOND_NS))
            return None
        if self._torn_ns is None or abs(offset_ns - self._torn_ns) > self._step_limit_ns:
            self._torn_ns = offset_ns
            return None
        self._offset_ns, self._correction_ns, self._torn_ns = offset_ns, 0.0, None
        return ClockStep(sample, round(change), "system_clock")

    def _follow_arrivals(self, sample: int, monotonic_ns: int) -> ClockStep | None:
        if self._origin is None:
            self._origin = (self._nominal_ns(sample), monotonic_ns)
        nominal = self._nominal_ns(sample) - self._origin[0]
        point = (nominal, monotonic_ns - self._origin[1] - nominal)
        if self._interrupted:
            self._anchor(point, monotonic_ns)
            self._interrupted = False
            return None
        delay = self._delay(point)
        if delay < -_SLIP_LIMIT_NS and self._points:
            self._anchor(point, monotonic_ns)
            return ClockStep(sample, round(delay), "samples")
        self._intercept += min(0.0, delay)  # nothing arrives before it was sampled: the line was too high
        if self._best is None or delay < self._delay(self._best):
            self._best = point
        if monotonic_ns < self._bucket_end_ns:
            return None
        best, self._best = self._best, None
        self._bucket_end_ns = monotonic_ns + _BUCKET_NS
        least = self._delay(best)
        if least > _SLIP_LIMIT_NS:  # a whole bucket late: not jitter, samples are missing from the count
            self._anchor(best, monotonic_ns)
            return ClockStep(sample, round(least), "samples")
        self._points.append(best)
        self._fit()
        return None

    def _delay(self, point: tuple[int, int]) -> float:
        return point[1] - self._intercept - self._slope * point[0]

    def _anchor(self, point: tuple[int, int], monotonic_ns: int) -> None:
        self._points.clear()
        self._best = point
        self._bucket_end_ns = monotonic_ns + _BUCKET_NS
        self._intercept = point[1] - self._slope * point[0]

    def _fit(self) -> None:
        baseline_ns = self._points[-1][0] - self._points[0][0]
        needed_ns = self._sure_baseline_ns if self._drift_known else self._first_baseline_ns
        if baseline_ns >= needed_ns:
            slope = _slope_below(list(self._points))
            self._slope = max(-_MAX_SLOPE, min(_MAX_SLOPE, slope))
            self._drift_known = self._drift_known or baseline_ns >= self._sure_baseline_ns
        self._intercept = min(y - self._slope * x for x, y in self._points)


def _slope_below(points: list[tuple[int, int]]) -> float:
    """Slope of the line that lies under all points and is highest at their mean x; x ascending, ≥ 2 of them."""
    hull: list[tuple[int, int]] = []
    for x, y in points:
        while len(hull) >= 2 and (hull[-1][1] - hull[-2][1]) * (x - hull[-1][0]) >= (y - hull[-1][1]) * (
            hull[-1][0] - hull[-2][0]
        ):
            hull.pop()
        hull.append((x, y))
    count, total = len(points), sum(x for x, _ in points)
    for (x1, y1), (x2, y2) in pairwise(hull):
        if x2 * count >= total:
            return (y2 - y1) / (x2 - x1)
    raise AssertionError("the mean lies between the first and the last point")
