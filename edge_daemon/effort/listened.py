"""What was listened to, and what was missed by cause, read from a ledger a little at a time.

For a process that must stay small: nothing but the database is imported, and no list of a year is made.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from edge_daemon.storage.connection import open_to_read


def open_spans(path: Path) -> sqlite3.Connection:
    """Open a ledger's spans for reading only.

    Raises:
        StorageError: there is none, or it cannot be read.
    """
    return open_to_read(path, "SELECT 1 FROM span LIMIT 0", "effort ledger", "The daemon makes it when it starts.")


def heard_spans(connection: sqlite3.Connection, since_ns: int, until_ns: int) -> Iterator[tuple[int, int]]:
    """Begins and ends of what was listened to within [since, until), UTC in ns, cut there."""
    rows = connection.execute(
        "SELECT begin_utc_ns, end_utc_ns FROM span WHERE cause IS NULL AND end_utc_ns > ? AND begin_utc_ns < ?",
        (since_ns, until_ns),
    )
    for begin_ns, end_ns in rows:
        yield max(begin_ns, since_ns), min(end_ns, until_ns)


def missed_by_cause(connection: sqlite3.Connection, since_ns: int) -> list[tuple[str, float, int]]:
    """Cause, seconds and number of the gaps that end after a moment, the longest first."""
    rows = connection.execute(
        "SELECT cause, sum(abs(end_utc_ns - begin_utc_ns)) / 1e9, count(*) FROM span"
        " WHERE cause IS NOT NULL AND end_utc_ns > ? GROUP BY cause ORDER BY 2 DESC LIMIT 50",
        (since_ns,),
    )
    return [(str(cause), float(seconds), int(count)) for cause, seconds, count in rows]
