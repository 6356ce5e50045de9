"""The ledger's tables: sessions, and the spans of each.

Plain functions on an open connection; transactions are the caller's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from edge_daemon.effort.band_table import SCHEMA as BANDS_SCHEMA
from edge_daemon.effort.spans import ENTRY, Session, Span
from edge_daemon.effort.track_table import SCHEMA as TRACK_SCHEMA
from edge_daemon.storage.connection import open_to_read

Entries = list[tuple[Session, Span]]

VERSION = 1
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS session (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    device TEXT NOT NULL,
    source TEXT NOT NULL,
    rate INTEGER NOT NULL,
    boot_id TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS span (
    session INTEGER NOT NULL,
    number INTEGER NOT NULL,
    start INTEGER,
    samples INTEGER NOT NULL,
    cause TEXT,
    begin_utc_ns INTEGER NOT NULL,
    end_utc_ns INTEGER NOT NULL,
    clock TEXT NOT NULL,
    PRIMARY KEY (session, number)
);
CREATE INDEX IF NOT EXISTS span_end ON span (end_utc_ns);
{BANDS_SCHEMA};
{TRACK_SCHEMA}
"""


def number_of(connection: sqlite3.Connection, session: str) -> int | None:
    """The number of a session in the file; None if it is not there."""
    row = connection.execute("SELECT seq FROM session WHERE id = ?", (session,)).fetchone()
    return None if row is None else int(row[0])


def add_session(connection: sqlite3.Connection, session: Session) -> int:
    """Enter a session; returns its number."""
    row = connection.execute(
        "INSERT INTO session (id, device, source, rate, boot_id) VALUES (?, ?, ?, ?, ?) RETURNING seq",
        (session.id, session.device, session.source, session.rate, session.boot_id),
    ).fetchone()
    return int(row[0])


def last_end_ns(connection: sqlite3.Connection) -> int | None:
    """Where the ledger ends, UTC in ns; None if it is empty."""
    row = connection.execute("SELECT end_utc_ns FROM span ORDER BY session DESC, number DESC LIMIT 1").fetchone()
    return None if row is None else int(row[0])


def write_spans(connection: sqlite3.Connection, session: int, spans: Iterable[Span], redate_ns: int) -> None:
    """Write spans of a session, in place of those of the same numbers.

    Args:
        connection: open.
        session: its number.
        spans: new or changed.
        redate_ns: by how much the dates of all that are there, but the entry, were wrong.
    """
    if redate_ns:
        connection.execute(
            "UPDATE span SET begin_utc_ns = begin_utc_ns + ?, end_utc_ns = end_utc_ns + ?"
            " WHERE session = ? AND number != ?",
            (redate_ns, redate_ns, session, ENTRY),
        )
    connection.executemany(
        "INSERT OR REPLACE INTO span VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(session, s.number, s.start, s.samples, s.cause, s.begin_utc_ns, s.end_utc_ns, s.clock) for s in spans],
    )


def read_spans(connection: sqlite3.Connection, since_ns: int, until_ns: int) -> Entries:
    """All spans on disk that touch [since, until), UTC in ns, in the order in which they were lived."""
    rows = connection.execute(
        "SELECT id, device, source, rate, boot_id, number, start, samples, cause, begin_utc_ns, end_utc_ns, clock"
        " FROM span JOIN session AS s ON s.seq = span.session"
        " WHERE max(begin_utc_ns, end_utc_ns) > ? AND min(begin_utc_ns, end_utc_ns) < ? ORDER BY session, number",
        (since_ns, until_ns),
    )
    return [(Session(*row[:5]), Span(*row[5:])) for row in rows]


def open_ledger(path: Path) -> sqlite3.Connection:
    """Open a ledger for reading only, while the daemon goes on writing it.

    Raises:
        StorageError: there is none, or it cannot be read.
    """
    probe = "SELECT 1 FROM session, span, band_minute LIMIT 0"
    return open_to_read(path, probe, "effort ledger", "Give the daemon's ledger with --database.")
