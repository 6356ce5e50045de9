"""The track in the effort database: where the device was, now and then, dated by the receiver's own time.

A point needs no session: its receiver knows the time better than the board. The table came after the others, so it is
made where a file lacks it; programs that do not know it leave it alone.

Plain functions on an open connection; transactions are the caller's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

SCHEMA = """
CREATE TABLE IF NOT EXISTS track (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    utc_ns INTEGER NOT NULL,
    latitude REAL NOT NULL,
    longitude REAL NOT NULL,
    fix TEXT NOT NULL,
    accuracy_m REAL
)
"""
MOST_POINTS = 1_000_000
"""Some 60 MB; beyond, the oldest are deleted."""


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """Where the device was.

    Attributes:
        utc_ns: by the receiver, ns.
        latitude: degrees north.
        longitude: degrees east.
        fix: its type.
        accuracy_m: the receiver's estimate of its error, metres.
    """

    utc_ns: int
    latitude: float
    longitude: float
    fix: str
    accuracy_m: float | None


def write_points(connection: sqlite3.Connection, points: Iterable[TrackPoint], most: int = MOST_POINTS) -> None:
    """Add points; of more than `most`, the oldest are deleted."""
    connection.execute(SCHEMA)
    connection.executemany(
        "INSERT INTO track (utc_ns, latitude, longitude, fix, accuracy_m) VALUES (?, ?, ?, ?, ?)",
        [(point.utc_ns, point.latitude, point.longitude, point.fix, point.accuracy_m) for point in points],
    )
    connection.execute("DELETE FROM track WHERE seq <= (SELECT max(seq) FROM track) - ?", (most,))


def read_points(connection: sqlite3.Connection, since_ns: int, until_ns: int) -> list[TrackPoint]:
    """Points in [since, until), UTC in ns, in the order of time; none where the file has no track."""
    if not _has_track(connection):
        return []
    rows = connection.execute(
        "SELECT utc_ns, latitude, longitude, fix, accuracy_m FROM track"
        " WHERE utc_ns >= ? AND utc_ns < ? ORDER BY utc_ns, seq",
        (since_ns, until_ns),
    )
    return [TrackPoint(*row) for row in rows]


def prune_points(connection: sqlite3.Connection, before_utc_ns: int) -> None:
    """Delete points from before this moment."""
    if _has_track(connection):
        connection.execute("DELETE FROM track WHERE utc_ns < ?", (before_utc_ns,))


def _has_track(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'track'").fetchone() is not None
