"""What can still be read of a damaged SQLite file, copied into a sound one.

Damage seldom takes the whole file: a bad block of an SD card is one page of many. A table is a tree of pages, so a walk
from either end yields every row before the first unreadable page that it meets.
"""

from __future__ import annotations

import sqlite3


def salvage(old: sqlite3.Connection, fresh: sqlite3.Connection) -> int:
    """Copy the readable rows of every table of `fresh` out of `old`; returns how many.

    Rows are read from the lowest rowid up to the first unreadable page, then from the highest one down to it. Rows that
    `fresh` has already, or refuses by a constraint, are passed over.

    Raises:
        sqlite3.Error: `fresh` cannot be written; what `old` suffers from is never raised.
    """
    copied = 0
    query = "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'"
    tables = [str(name) for (name,) in fresh.execute(query)]
    fresh.execute("BEGIN IMMEDIATE")
    for table in tables:
        columns = [str(row[1]) for row in fresh.execute(f"PRAGMA table_info({table})")]
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        insert = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 the schema's own names
        for order in ("ASC", "DESC"):
            try:
                for row in old.execute(f"SELECT {names} FROM {table} ORDER BY rowid {order}"):  # noqa: S608
                    copied += fresh.execute(insert, row).rowcount
                break
            except sqlite3.DatabaseError:
                continue
    fresh.execute("COMMIT")
    return copied
