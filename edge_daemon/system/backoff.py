"""How long to wait before trying again: longer after every failure, and never in step with others.

A fleet that loses its broker comes back in one moment if every buoy waits the same time; a random part
(jitter) spreads the attempts. Waiting doubles with each failure up to a limit, so a dead card costs little, and
a short fault heals soon.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from edge_daemon.clock.time_source import SECOND_NS


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential waiting with jitter: d_n = min(limit, first · factor^n), of which the part `jitter` is random.

    Attributes:
        first_s: longest wait after the first failure, seconds, > 0.
        limit_s: longest wait at all, seconds, ≥ first_s.
        factor: growth per failure, ≥ 1.
        jitter: share of the wait that is drawn at random, 0 (none) … 1 ("full jitter").
    """

    first_s: float
    limit_s: float
    factor: float = 2.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        if not (0 < self.first_s <= self.limit_s and self.factor >= 1 and 0 <= self.jitter <= 1):
            raise ValueError(f"impossible waiting rule: {self}")

    def delay_s(self, attempt: int, rng: random.Random) -> float:
        """Seconds to wait after failure number `attempt` (0 = the first), in [d·(1 − jitter), d]."""
        doublings = attempt * math.log(self.factor)
        longest = (
            self.limit_s
            if doublings >= math.log(self.limit_s / self.first_s)  # in logarithms: months of failures overflow floats
            else self.first_s * self.factor**attempt
        )
        return longest * (1.0 - self.jitter * rng.random())


class Retry:
    """Remembers failures and says when the next attempt is due.

    Args:
        backoff: the waiting rule.
        rng: where the jitter comes from.
    """

    def __init__(self, backoff: Backoff, rng: random.Random) -> None:
        self._backoff = backoff
        self._rng = rng
        self.attempts = 0
        self.next_ns: int | None = None

    def due(self, monotonic_ns: int) -> bool:
        """Whether an attempt may be made now; always so until the first failure."""
        return self.next_ns is None or monotonic_ns >= self.next_ns

    def failed(self, monotonic_ns: int) -> int:
        """Note a failure; return the monotonic time (ns) of the next attempt."""
        wait_s = self._backoff.delay_s(self.attempts, self._rng)
        self.attempts += 1
        self.next_ns = monotonic_ns + round(wait_s * SECOND_NS)
        return self.next_ns

    def succeeded(self) -> None:
        """Forget all failures."""
        self.attempts = 0
        self.next_ns = None
