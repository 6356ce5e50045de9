"""Keeping: everything that touches the disk, in a thread of its own, so that a dying card delays nothing else.

It commits the outbox and the effort ledger when due, stores clips, forgets what is too old, and makes the effort
reports. Every task stands alone: what fails is logged, and the others go on.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from uuid import uuid4

from edge_daemon.clips.clip import Clip
from edge_daemon.clips.excerpt import excerpt
from edge_daemon.clips.store import ClipStore
from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.effort.ledger import EffortLedger
from edge_daemon.effort.report_periods import ReportPeriods
from edge_daemon.effort.summary import EffortSummary
from edge_daemon.live.detection_reporter import EFFORT_PRIORITY
from edge_daemon.live.sample_time import SampleTime
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox
from edge_daemon.system.repeated_errors import RepeatedErrorLog

log = logging.getLogger(__name__)

TICK_S = 0.25
"""Longest time between two looks; adds to the time within which things are written."""
FORGET_EVERY_NS = 3600 * SECOND_NS
MOST_CLIPS = 16
"""Clips that wait for the disk at most; more are dropped and counted."""


class StorageLoop:
    """The disk's tasks.

    Args:
        outbox: detections and effort reports.
        ledger: effort, its session begun.
        store: clips; None for none.
        periods: which effort reports are due.
        times: how far the clock is to be believed.
        time: clocks.
        device: the device's id.
        topic: of effort reports.
        keep_days: how long effort is kept, days; may be changed at any time.
        wake: called when something was put into the outbox.
        send_excerpt: takes what is to be sent of a clip; None for nothing.
        excerpt_bytes: how long that may be.
    """

    def __init__(
        self,
        outbox: Outbox,
        ledger: EffortLedger,
        store: ClipStore | None,
        periods: ReportPeriods,
        times: SampleTime,
        time: TimeSource,
        *,
        device: str,
        topic: str,
        keep_days: float,
        wake: Callable[[], None],
        send_excerpt: Callable[[bytes], None] | None = None,
        excerpt_bytes: int = 0,
    ) -> None:
        self.periods = periods
        self.keep_days = keep_days
        self.dropped_clips = 0
        self._outbox, self._ledger, self._store = outbox, ledger, store
        self._times, self._time = times, time
        self._device, self._topic, self._wake_publisher = device, topic, wake
        self._send_excerpt, self._excerpt_bytes = send_excerpt, excerpt_bytes
        self._clips: deque[Clip] = deque()
        self._nudges: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._forget_at_ns = 0
        self._complaints = RepeatedErrorLog(log, "a task of the disk failed")

    @property
    def waiting_clips(self) -> int:
        """Clips that wait for the disk."""
        return len(self._clips)

    def keep_clip(self, clip: Clip) -> None:
        """Store a clip soon; from any thread."""
        if len(self._clips) >= MOST_CLIPS:
            self.dropped_clips += 1
            return
        self._clips.append(clip)
        self.nudge()

    def nudge(self) -> None:
        """Look at once whether something is due; from any thread."""
        self._nudges.put(None)

    def run(self) -> None:
        """Look again and again, until `end`."""
        while not self._ended.is_set():
            self.tick()
            try:
                self._nudges.get(timeout=TICK_S)
            except queue.Empty:
                continue

    def end(self) -> None:
        """Let `run` return."""
        self._ended.set()
        self.nudge()

    def tick(self) -> None:
        """Do what is due."""
        for task in (self._outbox.tick, self._ledger.tick, self._store_clips, self._report_effort, self._forget):
            try:
                task()
            except Exception as error:  # noqa: BLE001 - whatever it is, the other tasks go on
                self._complaints.tell(task.__name__, error)

    def close(self) -> None:
        """Write what waits; the outbox stays open for the publisher."""
        self._ledger.close()
        self._outbox.commit(force=True)
        self._store_clips()

    def _store_clips(self) -> None:
        while self._clips and self._store is not None:
            clip = self._clips.popleft()
            if not self._store.save(clip):
                log.warning("a clip was not stored", extra={"reason": self._store.report().reason, "clip": clip.name})
            if self._send_excerpt is not None and (sound := excerpt(clip, self._excerpt_bytes)) is not None:
                self._send_excerpt(sound)

    def _report_effort(self) -> None:
        until_ns = self._ledger.accounted_until_ns()
        period = None if until_ns is None else self.periods.due(until_ns)
        if period is None:
            return
        summary: EffortSummary = self._ledger.summary(*period, self._device)  # its module takes its memory at the start
        self._outbox.put(
            Message(
                id=f"effort-{uuid4()}",
                topic=self._topic,
                payload=summary.to_json().encode(),
                kind="effort",
                priority=EFFORT_PRIORITY,
                created_utc_ns=period[1],
                dated=self._times.state != "unsynchronised",
            )
        )
        self._wake_publisher()

    def _forget(self) -> None:
        """Drop what is too old; never while nobody knows how old it is."""
        now_ns = self._time.monotonic_ns()
        if self._store is not None:
            self._store.tick()
        utc_ns = self._time.utc_ns()  # before it is asked for: a clock set in between is not trusted
        if now_ns < self._forget_at_ns or not self._times.trusts_now:
            return
        self._forget_at_ns = now_ns + FORGET_EVERY_NS
        self._outbox.expire(utc_ns)
        self._ledger.prune(utc_ns - round(self.keep_days * 86_400 * SECOND_NS))
