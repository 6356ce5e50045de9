"""Tallies: the calls and the effort of each quarter of an hour, into the outbox and the history."""

from __future__ import annotations

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.clock.utc import utc_text
from edge_daemon.effort.ledger import EffortLedger
from edge_daemon.effort.report_periods import ReportPeriods
from edge_daemon.effort.tally import tally
from edge_daemon.history.entry import HistoryEntry
from edge_daemon.history.history import BoardHistory
from edge_daemon.history.table import HistoryFilter
from edge_daemon.live.sample_time import SampleTime
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox

TALLY_PRIORITY = 1
_LATER_S = 15.0  # for the windows that end an event


class TallyReporter:
    """Makes the tallies that are due; the thread of the disk drives it.

    Args:
        ledger: effort, its session begun.
        periods: which tallies are due.
        history: has the detections, and takes the tallies.
        outbox: takes them, too; None where nothing is sent.
        times: how far the clock is to be believed.
        device: the device's id.
        topic: of tallies.
        longest_event_s: an event that began in a period is known so long after the period at the latest.
    """

    def __init__(
        self,
        ledger: EffortLedger,
        periods: ReportPeriods,
        history: BoardHistory,
        outbox: Outbox | None,
        times: SampleTime,
        device: str,
        topic: str,
        longest_event_s: float,
    ) -> None:
        self._ledger, self._periods, self._history, self._outbox = ledger, periods, history, outbox
        self._times, self._device, self._topic = times, device, topic
        self._period: tuple[int, int] | None = None  # due, and not told yet
        self._later_ns = round((longest_event_s + _LATER_S) * SECOND_NS)

    def tick(self) -> None:
        """Tell the period that is due, if there is one.

        Raises:
            StorageError: the history cannot be read; the period stays due.
        """
        until_ns = self._ledger.accounted_until_ns()
        if self._period is None and until_ns is not None:
            self._period = self._periods.due(until_ns - self._later_ns)
        period = self._period
        if period is None:
            return
        detections = self._history.entries(HistoryFilter(since_ns=period[0], until_ns=period[1]))
        self._period = None
        made = tally(self._ledger.summary(*period, self._device), detections)
        name = f"tally-{self._device}-{utc_text(period[0])}-{utc_text(period[1])}"
        document = made.to_json()
        self._history.put(
            HistoryEntry(name, "tally", *period, made.clock or "unsynchronised", document, made.highest_score)
        )
        if self._outbox is not None:
            self._outbox.put(
                Message(
                    id=name,
                    topic=self._topic,
                    payload=document.encode(),
                    kind="tally",
                    priority=TALLY_PRIORITY,
                    created_utc_ns=period[1],
                    dated=self._times.state != "unsynchronised",
                )
            )
