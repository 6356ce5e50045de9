"""Token bucket: a steady rate with short bursts.

The bucket holds up to `burst` tokens and gains `rate` tokens a second; each message takes one. A backlog then drains
at `rate`, and a few new messages after a quiet time go out at once.
"""

from __future__ import annotations

import math

from edge_daemon.clock.time_source import SECOND_NS


class TokenBucket:
    """A bucket that starts full.

    Args:
        rate: tokens gained per second, > 0.
        burst: most tokens that it holds, ≥ 1.
        now_ns: monotonic time at the start.
    """

    def __init__(self, rate: float, burst: float, now_ns: int) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError(f"a bucket needs rate > 0 and burst ≥ 1, not {rate} and {burst}")
        self.rate = rate
        self.burst = burst
        self._tokens = float(burst)
        self._at_ns = now_ns

    def available(self, now_ns: int) -> int:
        """Whole tokens that can be taken now."""
        self._refill(now_ns)
        return math.floor(self._tokens + 1e-9)

    def take(self, count: int, now_ns: int) -> None:
        """Take tokens that are available (ValueError otherwise)."""
        if count > self.available(now_ns):
            raise ValueError(f"{count} tokens asked, {self.available(now_ns)} there")
        self._tokens = max(0.0, self._tokens - count)

    def next_ns(self, now_ns: int) -> int:
        """Time at which one token will be available; `now_ns` if one is."""
        self._refill(now_ns)
        missing = 1.0 - self._tokens
        return now_ns if missing <= 1e-9 else now_ns + math.ceil(missing / self.rate * SECOND_NS)

    def _refill(self, now_ns: int) -> None:
        elapsed = max(0, now_ns - self._at_ns)
        self._tokens = min(self.burst, self._tokens + elapsed / SECOND_NS * self.rate)
        self._at_ns = max(self._at_ns, now_ns)
