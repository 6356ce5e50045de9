"""Keeping the history: writes what waits, lets go of what is too old, and takes summaries of health.

The history is written less often than the outbox. What a power cut has taken of it is still in the outbox, and is taken
over at the start.
"""

from __future__ import annotations

import contextlib
import json

from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.errors import StorageError
from edge_daemon.health.document import HealthDocument
from edge_daemon.history.entry import HistoryEntry
from edge_daemon.history.history import HOLD_ROWS, BoardHistory
from edge_daemon.live.history_entries import entry_from
from edge_daemon.live.proven_clock import ProvenClock
from edge_daemon.outbox.outbox import Outbox
from edge_daemon.storage.reserve import Reserve

PRUNE_EVERY_NS = 3600 * SECOND_NS
HEALTH_EVERY_NS = 3600 * SECOND_NS
"""A summary of health is kept so often, and whenever state or reasons change."""


class HistoryKeeper:
    """Looks after the history.

    Args:
        history: what is kept.
        outbox: keeps what the history has not written yet.
        clock: whether ages are to be believed.
        time: clocks.
        reserve: room for what both have to write at the end.
    """

    def __init__(
        self, history: BoardHistory, outbox: Outbox, clock: ProvenClock, time: TimeSource, reserve: Reserve
    ) -> None:
        self._history, self._outbox, self._clock, self._time = history, outbox, clock, time
        self._reserve = reserve
        outbox.not_yet = history.pending
        self._whole = False  # whether the history has all that the outbox has
        self._prune_ns = self._health_ns = 0
        self._told: object = None

    def tick(self) -> None:
        """Do what is due; the thread of the disk calls it."""
        if not self._whole:
            with contextlib.suppress(StorageError):  # tried again; both tell
                self._take_over()
        self._history.tick()
        self._reserve.tick()
        now_ns, utc_ns = self._time.monotonic_ns(), self._time.utc_ns()
        if now_ns >= self._prune_ns and self._clock.proven and self._clock.believes_now():
            self._prune_ns = now_ns + PRUNE_EVERY_NS
            self._history.prune(utc_ns)

    def _take_over(self) -> None:
        """Enter what is in the outbox, and was put so late before the last end that the history had not written it.

        What is marked as sent there waits for nothing else: once it is entered, the outbox may forget it.
        """
        sent = self._outbox.sent()
        for kind in ("tally", "detection"):
            messages = self._outbox.newest(kind, HOLD_ROWS)
            unknown = self._history.unknown([message.id for message in messages])
            for message in reversed(messages):
                if message.id in unknown and (entry := entry_from(message)) is not None:
                    self._history.put(entry)
        for name in sent:
            self._history.mark_delivered(name)
        self._outbox.forget(sent)
        self._whole = True

    def close(self) -> None:
        """Write what waits, first the history, without which the outbox keeps what is sent, and close both.

        Where there is no room for it, it has what was reserved.
        """
        if not (self._history.close() & self._outbox.close()):
            self._reserve.release()
            self._history.close()
            self._outbox.close()

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
            "level_dbfs": None if document.input is None else document.input.sound.level_dbfs,
            "ambient_db": document.ambient_db,
        }
        clock = "synchronised" if self._clock.proven else "unsynchronised"
        self._history.put(
            HistoryEntry(f"health-{utc_ns}-{now_ns}", "health", utc_ns, utc_ns, clock, json.dumps(summary))
        )
