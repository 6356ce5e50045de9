"""How often somebody may do something: a bucket of tokens for each, refilled over time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_KEYS = 10_000
"""Buckets that are kept; the one unused for longest makes room."""


class RateLimit:
    """Buckets by key.

    Args:
        burst: so many at once.
        per_s: so many tokens come back each second.
        clock: seconds that only grow.
    """

    def __init__(self, burst: float, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._per_s = per_s
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def allows(self, key: str) -> bool:
        """Take a token; false if there is none."""
        now = self._clock()
        with self._lock:
            tokens, since = self._buckets.pop(key, (self._burst, now))
            tokens = min(self._burst, tokens + (now - since) * self._per_s)
            allowed = tokens >= 1
            self._buckets[key] = (tokens - 1 if allowed else tokens, now)
            while len(self._buckets) > MOST_KEYS:
                self._buckets.popitem(last=False)
        return allowed
