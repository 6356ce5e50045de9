"""What can still be read of a damaged SQLite file, copied into a sound one.

Damage seldom takes the whole file: a bad block of an SD card is one page of many. A table is a tree of pages, so a walk
from either end yields every row before the first unreadable page that it meets.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator


def salvage(old: sqlite3.Connection, fresh: sqlite3.Connection) -> int:
    """Copy the readable rows of every table of `fresh` out of `old`; returns how many.

    Rows are read in the order of the table's tree (of rowids or, without them, of the primary key), from the lowest up
    to the first unreadable page, then from the highest one down to it. Rows that `fresh` has already, or refuses by a
    constraint, are passed over. Of a table that has other columns in `old`, those that both have are copied.

    Raises:
        sqlite3.Error: `fresh` cannot be written; what `old` suffers from is never raised.
    """
    copied = 0
    wanted = tables(fresh)
    fresh.execute("BEGIN IMMEDIATE")
    for table in wanted:
        described = fresh.execute(f"PRAGMA table_info({table})").fetchall()
        there = _columns(old, table)
        columns = [str(row[1]) for row in described if not there or str(row[1]) in there]
        keys = _keys(fresh, table, {int(row[5]): str(row[1]) for row in described if row[5]})
        if not columns:
            continue
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        insert = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 the schema's own names
        for order in ("ASC", "DESC"):
            ordered = ", ".join(f"{key} {order}" for key in keys)
            rows = _readable(old, f"SELECT {names} FROM {table} ORDER BY {ordered}")  # noqa: S608
            try:
                while True:
                    with contextlib.suppress(sqlite3.IntegrityError):  # of a type that the key cannot have
                        copied += fresh.execute(insert, next(rows)).rowcount
            except StopIteration as end:
                if end.value:
                    break
    fresh.execute("COMMIT")
    return copied


def tables(connection: sqlite3.Connection) -> list[str]:
    """Names of a file's own tables."""
    query = "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'"
    return [str(name) for (name,) in connection.execute(query)]


def _columns(old: sqlite3.Connection, table: str) -> set[str]:
    """Columns of a table that may be damaged; empty where that is not known."""
    try:
        return {str(row[1]) for row in old.execute(f"PRAGMA table_info({table})")}
    except sqlite3.DatabaseError:
        return set()


def _readable(old: sqlite3.Connection, query: str) -> Generator[tuple[object, ...], None, bool]:
    """Rows up to the first that cannot be read; returns whether all could."""
    try:
        yield from old.execute(query)
    except sqlite3.DatabaseError:
        return False
    return True


def _keys(fresh: sqlite3.Connection, table: str, primary: dict[int, str]) -> list[str]:
    """The columns by which the tree of a table is ordered; `primary`: those of its primary key by their place in it."""
    try:
        fresh.execute(f"SELECT rowid FROM {table} LIMIT 0")  # noqa: S608 the schema's own names
    except sqlite3.OperationalError:
        return [primary[place] for place in sorted(primary)]
    return ["rowid"]
