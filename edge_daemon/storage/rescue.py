"""The rows of a database file that somebody removed while it was open.

The removed file lives as long as it is open, and is the only copy then. So it stays open until its rows are whole on
the disk: in a file of their own name beside the old place, `NAME.rescued`, which is moved into that place or, where
another file has come, read into that. A full disk leaves the removed file open; a power cut leaves the rescued one
under a name that the next start knows.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

from edge_daemon.storage.salvage import salvage

SIDECARS = ("", "-wal", "-shm")
"""What SQLite adds to a file's name for its companions."""


def rescued_file(path: Path) -> Path:
    """Where the rows of a removed file are brought to safety."""
    return path.with_name(path.name + ".rescued")


def remove(path: Path) -> None:
    """Remove a database with its companions; one that is gone already is no error."""
    for suffix in SIDECARS:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def rescue(removed: sqlite3.Connection, path: Path, open_file: Callable[[Path], sqlite3.Connection]) -> None:
    """Write the rows of a removed file into the rescued one; when this returns they are on the disk.

    Args:
        removed: open connection to the file that has no name any more.
        path: the name that it had.
        open_file: opens or makes a database of the same schema.

    Raises:
        sqlite3.Error: the rescued file cannot be written; nothing is left of it unless it was there before.
        OSError: likewise.
    """
    rescued = rescued_file(path)
    rescued.parent.mkdir(parents=True, exist_ok=True)
    new = not rescued.exists()
    try:
        with contextlib.closing(open_file(rescued)) as fresh:
            salvage(removed, fresh)
    except BaseException:
        if new:
            with contextlib.suppress(OSError):
                remove(rescued)
        raise


def move_into_place(path: Path) -> None:
    """Give the rescued file the name of the removed one, unless another file has that name."""
    rescued = rescued_file(path)
    if path.exists() or not rescued.exists():
        return
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(rescued)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # after a power cut
    if rescued.with_name(rescued.name + "-wal").exists():
        return  # it would lose rows without it; they are read instead
    for suffix in SIDECARS[1:]:  # companions of the removed file; SQLite would play them into this one
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    rescued.rename(path)


def read_in(path: Path, connection: sqlite3.Connection) -> int:
    """Read what is left in a rescued file into the open database, then remove it; returns how many rows.

    Raises:
        sqlite3.Error: the database cannot be written; the rescued file stays.
    """
    rescued = rescued_file(path)
    if not rescued.exists():
        return 0
    with contextlib.closing(sqlite3.connect(rescued, isolation_level=None)) as old:
        old.text_factory = lambda raw: raw.decode(errors="replace")
        try:
            found = salvage(old, connection)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
    remove(rescued)
    return found
