"""Keeping the history: writes what waits, lets go of what is too old, and takes summaries of health."""

from __future__ import annotations

import json

from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.health.document import HealthDocument
from edge_daemon.history.entry import HistoryEntry
from edge_daemon.history.history import BoardHistory
from edge_daemon.live.proven_clock import ProvenClock

PRUNE_EVERY_NS = 3600 * SECOND_NS
HEALTH_EVERY_NS = 3600 * SECOND_NS
"""A summary of health is kept so often, and whenever state or reasons change."""


class HistoryKeeper:
    """Looks after the history.

    Args:
        history: what is kept.
        clock: whether ages are to be believed.
        time: clocks.
    """

    def __init__(self, history: BoardHistory, clock: ProvenClock, time: TimeSource) -> None:
        self._history, self._clock, self._time = history, clock, time
        self._prune_ns = self._health_ns = 0
        self._told: object = None

    def tick(self) -> None:
        """Do what is due; the thread of the disk calls it."""
        self._history.tick()
        now_ns, utc_ns = self._time.monotonic_ns(), self._time.utc_ns()
        if now_ns >= self._prune_ns and self._clock.proven and self._clock.believes_now():
            self._prune_ns = now_ns + PRUNE_EVERY_NS
            self._history.prune(utc_ns)

    def note_health(self, document: HealthDocument) -> None:
        """Keep a summary if it is due, or news; from the thread that reports health."""
        now_ns, utc_ns = self._time.monotonic_ns(), self._time.utc_ns()
        told = (document.state, len(document.reasons))
        if told == self._told and now_ns < self._health_ns:
            return
        self._told, self._health_ns = told, now_ns + HEALTH_EVERY_NS
        summary = {
            "utc": document.utc,
            "state": document.state,
            "reasons": document.reasons,
            "detections": document.detections,
        }
        clock = "synchronised" if self._clock.proven else "unsynchronised"
        self._history.put(
            HistoryEntry(f"health-{utc_ns}-{now_ns}", "health", utc_ns, utc_ns, clock, json.dumps(summary))
        )
