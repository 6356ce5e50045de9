"""Band levels in the effort database: one row a minute, dated through the spans of effort.

A row keeps its place in the stream, in seconds; when that was is known by the spans, which a clock that is set late
moves. So the minutes need no dates of their own, and the sound card's drift is in them. Levels are text that
SQLite's own `json_each` reads: 20 bands take some 0.3 MB a day.

Plain functions on an open connection; transactions are the caller's.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

from edge_daemon.clock.utc import utc_text
from edge_daemon.effort.spans import Session, Span
from edge_daemon.levels.band_levels import BandMinute, nominal_hz
from edge_daemon.system.printable import CsvRows

SCHEMA = """
CREATE TABLE IF NOT EXISTS band_minute (
    session INTEGER NOT NULL,
    second INTEGER NOT NULL, -- begin, since the session's stream began
    seconds INTEGER NOT NULL, -- of sound that the levels rest on
    first_band INTEGER NOT NULL, -- band n lies around 10^(n/10) Hz
    levels TEXT NOT NULL, -- JSON: dB re 1 µPa, from the first band up
    PRIMARY KEY (session, second)
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class DatedMinute:
    """Band levels with their time.

    Attributes:
        session: whose they are.
        begin_utc_ns: begin of the minute, UTC, ns.
        minute: the levels.
    """

    session: Session
    begin_utc_ns: int
    minute: BandMinute


def write_minutes(connection: sqlite3.Connection, minutes: Iterable[tuple[str, BandMinute]]) -> None:
    """Write minutes, each with the identity of its session, which must be in the database."""
    connection.executemany(
        "INSERT OR REPLACE INTO band_minute SELECT seq, ?, ?, ?, ? FROM session WHERE id = ?",
        [(m.second, m.seconds, m.first_band, json.dumps(m.levels_db), session) for session, m in minutes],
    )


def read_minutes(
    connection: sqlite3.Connection, entries: Iterable[tuple[Session, Span]], since_ns: int, until_ns: int
) -> list[DatedMinute]:
    """Minutes on disk that begin in [since, until), UTC in ns, in the order in which they were lived.

    Args:
        connection: to the effort database.
        entries: the spans that touch that time (`effort.read_spans`).
        since_ns: begin.
        until_ns: end.
    """
    found = []
    for session, span in entries:
        if span.start is None or span.samples <= 0:
            continue
        rate, end = session.rate, span.start + span.samples
        rows = connection.execute(
            "SELECT second, seconds, first_band, levels FROM band_minute JOIN session AS s ON s.seq = session"
            " WHERE s.id = ? AND second >= ? AND second < ? ORDER BY second",
            (session.id, -(-span.start // rate), -(-end // rate)),
        )
        for second, seconds, first_band, levels in rows:
            lived_ns = (span.end_utc_ns - span.begin_utc_ns) * (second * rate - span.start) // span.samples
            begin_utc_ns = span.begin_utc_ns + lived_ns
            if since_ns <= begin_utc_ns < until_ns:
                minute = BandMinute(second, seconds, first_band, tuple(json.loads(levels)))
                found.append(DatedMinute(session, begin_utc_ns, minute))
    return found


def prune_minutes(connection: sqlite3.Connection) -> None:
    """Delete minutes that no span dates any more."""
    connection.execute(
        "DELETE FROM band_minute WHERE session NOT IN (SELECT session FROM span WHERE start IS NOT NULL)"
        " OR second < (SELECT min(span.start) / s.rate FROM span JOIN session AS s ON s.seq = span.session"
        " WHERE span.session = band_minute.session)"
    )


def write_minutes_csv(minutes: Sequence[DatedMinute], file: TextIO) -> None:
    """One line per minute, with a heading; a column per band, named by its nominal frequency, dB re 1 µPa."""
    bands = sorted({m.minute.first_band + at for m in minutes for at in range(len(m.minute.levels_db))})
    writer = CsvRows(file)
    writer.writerow(["session", "device", "begin_utc", "seconds", *(f"db_{nominal_hz(band):g}_hz" for band in bands)])
    for dated in minutes:
        minute = dated.minute
        levels = dict(enumerate(minute.levels_db, minute.first_band))
        cells = ["" if (level := levels.get(band)) is None else f"{level:.2f}" for band in bands]
        writer.writerow([dated.session.id, dated.session.device, utc_text(dated.begin_utc_ns), minute.seconds, *cells])
