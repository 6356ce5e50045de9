"""The two clocks of a machine: UTC, which may jump, and the monotonic clock, which may not.

UTC is what people read, but a board without a battery clock starts in the past and jumps when the network tells
it the time. Durations and deadlines therefore use the monotonic clock. Everything that needs either takes a
`TimeSource`, so that a test can step the one without the other.
"""

from __future__ import annotations

import time
from typing import Protocol

SECOND_NS = 1_000_000_000


class TimeSource(Protocol):
    """What the daemon knows about time."""

    def utc_ns(self) -> int:
        """UTC in nanoseconds since 1970-01-01, leap seconds not counted; may jump either way."""

    def monotonic_ns(self) -> int:
        """Nanoseconds since an arbitrary moment; never goes back."""


class SystemTime:
    """The machine's own clocks (CLOCK_REALTIME and CLOCK_MONOTONIC)."""

    def utc_ns(self) -> int:
        """UTC in nanoseconds since 1970-01-01."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Nanoseconds since an arbitrary moment."""
        return time.monotonic_ns()
