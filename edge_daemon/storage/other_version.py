"""Database files of another version of their schema: after an update, or after going back from one.

An older program cannot know what a newer one has written. It takes over the rows that it understands, and keeps the
whole file beside its own under a name that says how many it did not: `outbox.db.version-2-20260101T000000Z-left-50`.
Such a file is never removed, until a program of its version is back and takes its rows home. So that no row is in the
way of another then, a new file numbers its rows from above the old one's.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from edge_daemon.storage.salvage import salvage, tables

_NAME = re.compile(r"\.version-(\d+)-[^-]+-left-(\d+)(?:-\d+)?$")


def version_of(connection: sqlite3.Connection) -> int:
    """The version of a file's schema; 0 where it has none or cannot be read."""
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.DatabaseError:
        return 0


def number_above(old: sqlite3.Connection, fresh: sqlite3.Connection) -> None:
    """Let the numbers that `fresh` gives its rows by itself begin above all those in `old`."""
    with contextlib.suppress(sqlite3.DatabaseError):
        highest = old.execute("SELECT max(seq) FROM sqlite_sequence").fetchone()[0] or 0
        for table in tables(fresh):
            if "AUTOINCREMENT" in fresh.execute("SELECT sql FROM sqlite_master WHERE name=?", (table,)).fetchone()[0]:
                fresh.execute("DELETE FROM sqlite_sequence WHERE name=?", (table,))
                fresh.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, highest))


def rows(connection: sqlite3.Connection) -> int:
    """How many rows a file holds, in all its tables, as far as they can be counted."""
    count = 0
    with contextlib.suppress(sqlite3.DatabaseError):
        for table in tables(connection):
            count += connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]  # noqa: S608 - its own names
    return count


def aside(path: Path, version: int, moment: str, left: int) -> Path:
    """A free name for a file of another version, of which `left` rows were not taken over."""
    return free(path.with_name(f"{path.name}.version-{version}-{moment}-left-{left}"))


def free(path: Path) -> Path:
    """The name, or the first one with a number behind it that no file has."""
    found, number = path, 1
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found


def left_behind(path: Path, version: int) -> dict[Path, int]:
    """Rows of newer versions that wait for a program of theirs, by file."""
    found = {file: (number, left) for file, number, left in _files(path)}
    return {file: left for file, (number, left) in sorted(found.items()) if number > version and left}


def take_home(path: Path, version: int, connection: sqlite3.Connection) -> int:
    """Copy what files of this version hold into the open database, then remove them; returns how many rows.

    Raises:
        sqlite3.Error: the database cannot be written; the files stay.
    """
    taken = 0
    for file, number, _ in list(_files(path)):
        if number != version:
            continue
        with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as old:
            old.text_factory = lambda raw: raw.decode(errors="replace")
            try:
                taken += salvage(old, connection)
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            whole = _whole(old)
        for suffix in ("", "-wal", "-shm"):
            part = file.with_name(file.name + suffix)
            if whole:
                part.unlink(missing_ok=True)
            elif part.exists():  # kept like any other damaged file
                part.rename(part.with_name(part.name.replace(".version-", ".damaged-version-")))
    return taken


def _whole(connection: sqlite3.Connection) -> bool:
    try:
        return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.DatabaseError:
        return False


def _files(path: Path) -> Iterator[tuple[Path, int, int]]:
    for file in path.parent.glob(f"{path.name}.version-*"):
        match = _NAME.search(file.name)
        if match is not None:
            yield file, int(match[1]), int(match[2])
