"""Expiry: what is too old is forgotten, but never unless it is proven how old it is."""

from __future__ import annotations

from edge_daemon.clips.store import ClipStore
from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.effort.ledger import EffortLedger
from edge_daemon.live.proven_clock import ProvenClock
from edge_daemon.outbox.outbox import Outbox

EXPIRE_EVERY_NS = 3600 * SECOND_NS


class Expiry:
    """Drops old messages, effort and clips.

    Args:
        outbox, ledger, store: where they are; the store is None without clips.
        clock: whether ages are to be believed.
        time: clocks.
        keep_days: how long effort is kept, days; may be changed at any time.
    """

    def __init__(
        self,
        outbox: Outbox,
        ledger: EffortLedger,
        store: ClipStore | None,
        clock: ProvenClock,
        time: TimeSource,
        keep_days: float,
    ) -> None:
        self.keep_days = keep_days
        self._outbox, self._ledger, self._store = outbox, ledger, store
        self._clock, self._time = clock, time
        self._due_ns = 0

    def tick(self) -> None:
        """Look, if it is time to."""
        now_ns = self._time.monotonic_ns()
        if self._store is not None:
            self._store.tick()
        utc_ns = self._time.utc_ns()  # before it is asked for: a clock set in between is not trusted
        if now_ns < self._due_ns or not self._clock.proven or not self._clock.believes_now():
            return
        self._due_ns = now_ns + EXPIRE_EVERY_NS
        self._outbox.expire(utc_ns)
        self._ledger.prune(utc_ns - round(self.keep_days * 86_400 * SECOND_NS))
