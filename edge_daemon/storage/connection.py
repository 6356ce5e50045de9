"""Connections to SQLite files: opened so that a transaction that returned is on the card, and looked through first."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from edge_daemon.errors import StorageError

T = TypeVar("T")

BUSY_S = 5.0
_TABLE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)")


def connect(path: Path) -> sqlite3.Connection:
    """A connection for any thread, whose transactions are told to begin and to end."""
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    connection.text_factory = _forgiving
    return connection


def _forgiving(raw: bytes) -> str:
    """Text of which a letter may be rotten, which must not hide the row."""
    return raw.decode(errors="replace")


def open_checked(path: Path, schema: str, version: int) -> sqlite3.Connection:
    """A connection to a sound file of this version, made if there is none.

    Args:
        path: the file.
        schema: statements that make its tables where they do not exist; a file that lacks one gets it.
        version: number of the schema.

    Raises:
        sqlite3.DatabaseError: it is damaged, of another version, or cannot be opened.
    """
    connection = connect(path)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # NORMAL would lose commits since the last checkpoint
        connection.execute("PRAGMA journal_size_limit=1048576")
        connection.execute("PRAGMA cache_size=-256")  # KiB; 2 MB each by default, taken little by little over hours
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise _damaged(verdict)
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        there = {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        if found != version and there:
            raise _damaged(f"its schema has version {found}, this program writes {version}")
        if not there or not there.issuperset(_TABLE.findall(schema)):
            connection.executescript(f"BEGIN IMMEDIATE; {schema}; PRAGMA user_version={version}; COMMIT;")
            # Into the file itself: a disk that is full tomorrow lets the log be folded only into pages that are there,
            # and it is the folding that makes room for the next transaction.
            with contextlib.suppress(sqlite3.OperationalError):  # full already
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except BaseException:
        connection.close()
        raise
    return connection


def open_to_read(path: Path, probe: str, name: str, hint: str) -> sqlite3.Connection:
    """A connection that only reads, while the daemon goes on writing the file.

    Args:
        path: the file.
        probe: a statement that fails where a table is missing.
        name: what the file is, for people.
        hint: what to do where there is none.

    Raises:
        StorageError: there is none, or it cannot be read.
    """
    if not path.exists():
        raise StorageError(f"There is no {name} at {path}.", hint)
    try:
        try:
            return _probed(path, "mode=ro", probe)
        except sqlite3.OperationalError as error:
            # Where we may not write, SQLite cannot make the log beside the file; without one nobody is at work.
            if primary_code(error) != sqlite3.SQLITE_CANTOPEN or path.with_name(f"{path.name}-wal").exists():
                raise
            return _probed(path, "immutable=1", probe)
    except sqlite3.Error as error:
        raise unreadable(path, name, error) from error


def _probed(path: Path, how: str, probe: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, isolation_level=None)
    connection.text_factory = _forgiving
    with contextlib.ExitStack() as on_failure:
        on_failure.callback(connection.close)
        connection.execute(probe).fetchone()
        on_failure.pop_all()
    return connection


def unreadable(path: Path, name: str, error: sqlite3.Error) -> StorageError:
    """What a person is told of a file that cannot be read."""
    return StorageError(f"The {name} {path} cannot be read: {error}.", "Read it as root or as the daemon's user.")


def in_transaction(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """Run `work` in one transaction, which is undone where it raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back already, as when the disk is full
            connection.execute("ROLLBACK")
        raise
    return result


def _damaged(reason: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(reason)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's code of an error, without the details."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the low byte is the primary code
