"""The effort ledger: every moment of a deployment, listened to or missed, on disk.

The daemon tells the ledger each block and gap as it is dealt with; the ledger joins them into spans (`spans`)
and writes the changed ones every `commit_every_s` seconds, each commit being on the card when it returns. A power cut
therefore forgets at most the last `commit_every_s` seconds (plus the time between two ticks and that of one write);
the next session finds the last moment on disk and enters what lies between as a gap "restart". So the listened time
may be told too short by that much, and is never told too long.

While the disk fails, spans wait in memory, at most `hold_spans` of them; beyond, the oldest are forgotten and counted,
and show as "unaccounted" in the summary. `listened`, `lost` and `clock_step` never wait for the disk. No session that
says when it began is credited with more time than has passed since, whatever the ledger is told.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_daemon.audio.source import Gap
from edge_daemon.clock.sample_clock import ClockStep
from edge_daemon.clock.synchronisation import ClockState
from edge_daemon.clock.time_source import SECOND_NS, TimeSource
from edge_daemon.effort.band_table import prune_minutes, write_minutes
from edge_daemon.effort.spans import ENTRY, EffortAccount, EntryCause, Session, Span
from edge_daemon.effort.table import (
    SCHEMA,
    VERSION,
    Entries,
    add_session,
    last_end_ns,
    number_of,
    read_spans,
    write_spans,
)
from edge_daemon.effort.track_table import TrackPoint, prune_points, write_points
from edge_daemon.errors import StorageError
from edge_daemon.levels.band_levels import BandMinute
from edge_daemon.storage.database import Database
from edge_daemon.storage.database_report import DatabaseReport
from edge_daemon.storage.disk_calls import disk_calls

if TYPE_CHECKING:
    from edge_daemon.effort.summary import EffortSummary


@dataclass(frozen=True, slots=True)
class EffortReport:
    """What health tells about the ledger.

    Attributes:
        held: spans in memory that are not on disk as they are.
        forgotten: spans given up because the disk failed too long.
        overlaps: samples told twice.
        listened_s: time that the running session has listened to, seconds.
        lost_s: time that it has missed, seconds: all gaps but clock steps.
        excess_s: by how much the sound that came was longer than the time in which it came, seconds.
        database: state of the file.
    """

    held: int
    forgotten: int
    overlaps: int
    listened_s: float
    lost_s: float
    excess_s: float
    database: DatabaseReport


class EffortLedger:
    """Sessions and their spans; safe to use from any thread.

    Args:
        path: the SQLite file.
        time: the clocks.
        rng: jitter of the waiting after a failure of the disk.
        commit_every_s: seconds between two commits, the bound on what a power cut forgets.
        hold_spans: spans kept in memory while the disk fails.
    """

    def __init__(
        self,
        path: Path,
        *,
        time: TimeSource,
        rng: random.Random,
        commit_every_s: float = 30.0,
        hold_spans: int = 5000,
    ) -> None:
        self._time = time
        self._database = Database(path, SCHEMA, version=VERSION, time=time, rng=rng)
        self._every_ns = round(commit_every_s * SECOND_NS)
        self._hold = hold_spans
        self._disk = threading.Lock()  # one commit at a time; taken before _memory, never after it
        self._memory = threading.Lock()  # held for moments only
        self._accounts: list[EffortAccount] = []  # oldest first; the last one is the running session's
        self._minutes: list[tuple[str, BandMinute]] = []  # band levels not on disk yet, with their session
        self._points: list[TrackPoint] = []  # of the track, not on disk yet
        self._due_ns = 0
        self._forgotten = 0
        self._began_ns: int | None = None  # the running session

    def begin(
        self,
        session: Session,
        utc_ns: int,
        clock: ClockState,
        cause: EntryCause = "restart",
        *,
        began_ns: int | None = None,
    ) -> None:
        """A session begins now; what lies between the ledger's last moment and now is a gap of this cause.

        It waits for the disk, but not for ever: for `ANSWER_S`.

        Args:
            session: that begins.
            utc_ns: UTC now.
            clock: what that rests on.
            cause: of the gap.
            began_ns: monotonic time now; the session is then credited with no more time than this clock says.
        """
        with self._memory:
            self._accounts.append(EffortAccount(session, utc_ns, clock, cause))
            self._began_ns = began_ns
        with contextlib.suppress(StorageError):
            disk_calls().run(self.commit, "beginning the effort ledger")

    def listened(self, start: int, length: int, end_utc_ns: int, clock: ClockState) -> None:
        """Samples [start, start + length) were analysed; the last one ended at `end_utc_ns`."""
        with self._memory:
            self._now().listened(start, length, end_utc_ns, clock)
            self._forget()

    def lost(self, gap: Gap, end_utc_ns: int, clock: ClockState) -> None:
        """The samples of `gap` were not analysed; the last one would have ended at `end_utc_ns`."""
        with self._memory:
            self._now().lost(gap, end_utc_ns, clock)
            self._forget()

    def clock_step(self, step: ClockStep, clock: ClockState) -> None:
        """UTC of the samples moved at once (from `SampleClock.observe`); tell it before the next block."""
        with self._memory:
            self._now().stepped(step, clock)

    def band_minute(self, minute: BandMinute) -> None:
        """Band levels of the running session's stream; its seconds are those in which the spans are counted."""
        with self._memory:
            self._minutes.append((self._running().session.id, minute))
            del self._minutes[: -self._hold]

    def track_point(self, point: TrackPoint) -> None:
        """A point of the device's track."""
        with self._memory:
            self._points.append(point)
            del self._points[: -self._hold]

    def tick(self) -> bool:
        """Commit if it is due; returns False if it was due and failed."""
        return self.commit() if self._time.monotonic_ns() >= self._due_ns else True

    def commit(self, *, force: bool = False) -> bool:
        """Write all changed spans; True if all told before the call is on disk now."""
        with self._disk:
            self._due_ns = self._time.monotonic_ns() + self._every_ns
            with self._memory:
                work = [(account, dict(account.changed), account.redate_ns) for account in self._accounts]
                minutes, points = list(self._minutes), list(self._points)
            try:
                self._database.transact(lambda connection: self._write(connection, work, minutes, points), force=force)
            except StorageError:
                return False
            with self._memory:
                for account, written, redated_ns in work:
                    for number, span in written.items():
                        if account.changed.get(number) is span:
                            del account.changed[number]
                    account.redate_ns -= redated_ns
                self._accounts = [a for a in self._accounts[:-1] if a.changed or a.redate_ns] + self._accounts[-1:]
                written_minutes = set(map(id, minutes))
                self._minutes = [held for held in self._minutes if id(held) not in written_minutes]
                written_points = set(map(id, points))
                self._points = [held for held in self._points if id(held) not in written_points]
        return True

    def spans(self, since_ns: int, until_ns: int) -> Entries:
        """All spans that touch [since, until), UTC in ns, oldest session first; what is not on disk yet included."""
        self.commit()
        try:
            entries = self._database.read(lambda connection: read_spans(connection, since_ns, until_ns))
        except StorageError:
            entries = []
        with self._memory:
            for account in self._accounts:
                if not (account.changed or account.redate_ns):
                    continue
                on_disk = [
                    span.moved(account.redate_ns) if span.number != ENTRY else span
                    for session, span in entries
                    if session.id == account.session.id and span.number not in account.changed
                ]
                newest = sorted([*on_disk, *account.changed.values()], key=lambda span: span.number)
                entries = [entry for entry in entries if entry[0].id != account.session.id]
                entries += [(account.session, span) for span in newest if _touches(span, since_ns, until_ns)]
        return entries

    def summary(self, since_ns: int, until_ns: int, device: str) -> EffortSummary:
        """The document to publish for [since, until), UTC in ns."""
        from edge_daemon.effort.summary import summarise

        return summarise(self.spans(since_ns, until_ns), since_ns, until_ns, device)

    def accounted_until_ns(self) -> int | None:
        """UTC (ns) up to which the running session has told what it did; None if none has begun."""
        with self._memory:
            return self._accounts[-1].end_utc_ns if self._accounts else None

    def previous_end_ns(self) -> int | None:
        """UTC (ns) at which the session before the running one ended; None if there was none, or the disk fails."""
        with self._memory:
            entry = self._accounts[-1].entry if self._accounts else None
            return None if entry is None else entry.begin_utc_ns

    def prune(self, before_utc_ns: int) -> None:
        """Delete spans that ended before this moment, of sessions that are over; does nothing while the disk fails."""

        def delete(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM span WHERE end_utc_ns < ? AND session < (SELECT max(seq) FROM session)", (before_utc_ns,)
            )
            connection.execute(
                "DELETE FROM session WHERE seq < (SELECT max(seq) FROM session)"
                " AND seq NOT IN (SELECT session FROM span)"
            )
            prune_minutes(connection)
            prune_points(connection, before_utc_ns)

        with self._disk, contextlib.suppress(StorageError):
            self._database.transact(delete)

    def report(self) -> EffortReport:
        """How the ledger is, without touching the disk."""
        database = self._database.report()
        with self._memory:
            running = self._accounts[-1] if self._accounts else None
            return EffortReport(
                held=sum(len(account.changed) for account in self._accounts),
                forgotten=self._forgotten,
                overlaps=sum(account.overlaps for account in self._accounts),
                listened_s=0.0 if running is None else running.listened_ns / SECOND_NS,
                lost_s=0.0 if running is None else running.lost_ns / SECOND_NS,
                excess_s=0.0 if running is None else running.excess_ns / SECOND_NS,
                database=database,
            )

    def unsaved(self) -> Entries:
        """Spans that are in memory and not on disk as they are; never waits for the disk."""
        with self._memory:
            return [(account.session, span) for account in self._accounts for span in account.changed.values()]

    def close(self) -> bool:
        """Write what waits and close the file; True if nothing is left in memory."""
        done = self.commit(force=True)
        self._database.close()
        return done

    def _running(self) -> EffortAccount:
        if not self._accounts:
            raise ValueError("no session has begun")
        return self._accounts[-1]

    def _now(self) -> EffortAccount:
        """The running session's account, which accounts for no more time than has passed by now."""
        account = self._running()
        if self._began_ns is not None:
            account.until(self._time.monotonic_ns() - self._began_ns, self._time.utc_ns())
        return account

    def _forget(self) -> None:
        excess = sum(len(account.changed) for account in self._accounts) - self._hold
        for account in self._accounts:
            for number in list(account.changed)[: max(0, excess)]:
                del account.changed[number]
                self._forgotten += 1
                excess -= 1

    def _write(
        self,
        connection: sqlite3.Connection,
        work: list[tuple[EffortAccount, dict[int, Span], int]],
        minutes: list[tuple[str, BandMinute]],
        points: list[TrackPoint],
    ) -> None:
        """Write the changed spans; a session new to the file is led over from where the ledger ended."""
        for account, changed, redate_ns in work:
            session = account.session
            number = number_of(connection, session.id)
            if number is None:
                with self._memory:
                    account.enter_from(last_end_ns(connection))
                    if account.entry is not None:
                        changed[ENTRY] = account.entry
                number = add_session(connection, session)
            write_spans(connection, number, changed.values(), redate_ns)
        write_minutes(connection, minutes)
        if points:
            write_points(connection, points)


def _touches(span: Span, since_ns: int, until_ns: int) -> bool:
    return max(span.begin_utc_ns, span.end_utc_ns) > since_ns and min(span.begin_utc_ns, span.end_utc_ns) < until_ns
