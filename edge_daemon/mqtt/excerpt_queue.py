"""Excerpts that wait until nothing else does: few, one at a time, and rarer where they cut the link."""

from __future__ import annotations

import random
from collections import deque

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.system.backoff import Backoff, Retry

MOST_EXCERPTS = 4
"""Excerpts that wait at most; the oldest gives way."""
EXCERPT_PAUSE_NS = SECOND_NS
"""Time from one excerpt to the next, in which something more important may come."""
CUT_NS = 10 * SECOND_NS
"""A connection that ends so soon after an excerpt may have ended because of it: some brokers tell no limit."""


class ExcerptQueue:
    """First in, first out.

    Args:
        rng: for the pauses' jitter.
        now_ns: monotonic time.
    """

    def __init__(self, rng: random.Random, now_ns: int) -> None:
        self._waiting: deque[tuple[str, bytes]] = deque(maxlen=MOST_EXCERPTS)
        self._next_ns = now_ns
        self._sent_ns: int | None = None
        self._retry = Retry(Backoff(60.0, 3600.0, jitter=0.0), rng)

    @property
    def empty(self) -> bool:
        """Whether none waits."""
        return not self._waiting

    def put(self, topic: str, payload: bytes) -> None:
        """Let one wait."""
        self._waiting.append((topic, payload))

    def due(self, now_ns: int) -> tuple[str, bytes] | None:
        """The next one, if it may go now."""
        if self._sent_ns is not None and now_ns - self._sent_ns >= CUT_NS:
            self._sent_ns = None
            self._retry.succeeded()
        return self._waiting[0] if self._waiting and now_ns >= self._next_ns else None

    def drop(self) -> None:
        """The next one will not be sent."""
        self._waiting.popleft()

    def sent(self, now_ns: int) -> None:
        """The next one has been sent."""
        self._waiting.popleft()
        self._next_ns = now_ns + EXCERPT_PAUSE_NS
        self._sent_ns = now_ns

    def connection_ended(self, now_ns: int) -> None:
        """If that was soon after an excerpt, let them rest, longer each time."""
        if self._sent_ns is not None and now_ns - self._sent_ns < CUT_NS:
            self._next_ns = self._retry.failed(now_ns)
        self._sent_ns = None

    def next_ns(self, now_ns: int) -> int:
        """When to look again."""
        return max(self._next_ns, now_ns + EXCERPT_PAUSE_NS)
