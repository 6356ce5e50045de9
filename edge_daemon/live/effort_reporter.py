"""Effort reports: the summary of each period, as soon as it is accounted for, into the outbox."""

from __future__ import annotations

from uuid import uuid4

from edge_daemon.effort.ledger import EffortLedger
from edge_daemon.effort.report_periods import ReportPeriods
from edge_daemon.effort.summary import EffortSummary
from edge_daemon.live.sample_time import SampleTime
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox

EFFORT_PRIORITY = 1


class EffortReporter:
    """Makes the reports that are due.

    Args:
        ledger: effort, its session begun.
        periods: which reports are due.
        outbox: takes them.
        times: how far the clock is to be believed.
        device: the device's id.
        topic: of effort reports.
    """

    def __init__(
        self, ledger: EffortLedger, periods: ReportPeriods, outbox: Outbox, times: SampleTime, device: str, topic: str
    ) -> None:
        self._ledger, self._periods, self._outbox, self._times = ledger, periods, outbox, times
        self._device, self._topic = device, topic

    def tick(self) -> None:
        """Report the period that is due, if there is one."""
        until_ns = self._ledger.accounted_until_ns()
        period = None if until_ns is None else self._periods.due(until_ns)
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
