"""The history's table, and what is asked of it.

Plain functions on an open connection; transactions are the caller's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from edge_daemon.history.entry import EntryKind, HistoryEntry

VERSION = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    begin_utc_ns INTEGER NOT NULL,
    end_utc_ns INTEGER NOT NULL,
    clock TEXT NOT NULL,
    document TEXT NOT NULL,
    score REAL,
    contour INTEGER NOT NULL,
    clip TEXT,
    delivered INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS entry_time ON entry (kind, begin_utc_ns)
"""
_COLUMNS = "id, kind, begin_utc_ns, end_utc_ns, clock, document, score, contour, clip, delivered"
REMOVED_AT_ONCE = 500
"""Rows removed in one transaction at most: a card is held up for moments only."""
EARLIEST_NS, LATEST_NS = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """Which entries are wanted.

    Attributes:
        kind: of this kind.
        since_ns, until_ns: that begin in [since, until), UTC in ns.
        least_score: with this score or a higher one.
        delivered: delivered or not; None for both.
    """

    kind: EntryKind = "detection"
    since_ns: int = EARLIEST_NS
    until_ns: int = LATEST_NS
    least_score: float | None = None
    delivered: bool | None = None


def insert(connection: sqlite3.Connection, entries: Iterable[HistoryEntry]) -> None:
    """Add entries; those whose id is there already are passed over."""
    connection.executemany(
        f"INSERT OR IGNORE INTO entry ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 our own words
        [
            (e.id, e.kind, e.begin_utc_ns, e.end_utc_ns, e.clock, e.document, e.score, e.contour, e.clip, e.delivered)
            for e in entries
        ],
    )


def mark_delivered(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    """Note that the broker has them; unknown ids are no error."""
    connection.executemany("UPDATE entry SET delivered = 1 WHERE id = ?", [(name,) for name in names])


def known(connection: sqlite3.Connection, names: Iterable[str]) -> set[str]:
    """Those of these ids that there are."""
    query = "SELECT 1 FROM entry WHERE id = ?"
    return {name for name in names if connection.execute(query, (name,)).fetchone() is not None}


def last_place(connection: sqlite3.Connection) -> int:
    """Place of the entry that came last; 0 without any."""
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM entry").fetchone()[0])


def move_undated(connection: sqlite3.Connection, after: int, by_ns: int) -> None:
    """Move the entries behind a place that a clock dated which did not know the time."""
    connection.execute(
        "UPDATE entry SET begin_utc_ns = begin_utc_ns + ?, end_utc_ns = end_utc_ns + ?"
        " WHERE seq > ? AND clock = 'unsynchronised'",
        (by_ns, by_ns, after),
    )


def select(connection: sqlite3.Connection, wanted: HistoryFilter) -> Iterator[HistoryEntry]:
    """Entries in order of their begin, one by one; without those of which rot has changed more than a document."""
    conditions = ["kind = ?", "begin_utc_ns >= ?", "begin_utc_ns < ?"]
    values: list[object] = [wanted.kind, wanted.since_ns, wanted.until_ns]
    if wanted.least_score is not None:
        conditions.append("score >= ?")
        values.append(wanted.least_score)
    if wanted.delivered is not None:
        conditions.append("delivered = ?")
        values.append(wanted.delivered)
    where = " AND ".join(conditions)
    query = f"SELECT {_COLUMNS} FROM entry WHERE {where} ORDER BY begin_utc_ns, seq"  # noqa: S608 our own words
    yield from filter(None, map(_entry, connection.execute(query, values)))


def select_one(connection: sqlite3.Connection, name: str) -> HistoryEntry | None:
    """The entry of this id; None without one, or with one that has rotted."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM entry WHERE id = ?", (name,)).fetchone()  # noqa: S608 our own words
    return None if row is None else _entry(row)


def _entry(row: tuple[Any, ...]) -> HistoryEntry | None:
    """None where what a row must hold is of another type: a rotten one hides no other."""
    name, kind, begin, end, clock, document, score, contour, clip, delivered = row
    if not (isinstance(begin, int) and isinstance(end, int) and isinstance(document, str)):
        return None
    return HistoryEntry(name, kind, begin, end, clock, document, score, bool(contour), clip, bool(delivered))


def remove_before(connection: sqlite3.Connection, utc_ns: int) -> int:
    """Remove entries that ended before a moment by a clock that knew it, so many at once; returns how many."""
    return connection.execute(
        "DELETE FROM entry WHERE seq IN (SELECT seq FROM entry WHERE end_utc_ns < ? AND clock != 'unsynchronised'"
        " ORDER BY seq LIMIT ?)",
        (utc_ns, REMOVED_AT_ONCE),
    ).rowcount


def remove_oldest(connection: sqlite3.Connection) -> int:
    """Remove the entries that came first, so many at once; returns how many."""
    return connection.execute(
        "DELETE FROM entry WHERE seq IN (SELECT seq FROM entry ORDER BY seq LIMIT ?)", (REMOVED_AT_ONCE,)
    ).rowcount


def used_bytes(connection: sqlite3.Connection) -> int:
    """Bytes of the file that hold something."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size
