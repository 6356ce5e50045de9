"""Copying what can be read."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from edge_daemon.storage.salvage import salvage


def test_copies_rows_the_fresh_file_lacks_and_its_tables_only() -> None:
    with (
        closing(sqlite3.connect(":memory:", isolation_level=None)) as old,
        closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh,
    ):
        old.executescript(
            "CREATE TABLE a (n INTEGER PRIMARY KEY, t TEXT); INSERT INTO a VALUES (1, 'one'), (2, 'two'), (3, NULL);"
            "CREATE TABLE foreign_one (x);"
        )
        fresh.executescript(
            "CREATE TABLE a (n INTEGER PRIMARY KEY, t TEXT NOT NULL);"
            "INSERT INTO a VALUES (2, 'ours'); CREATE TABLE b (x);"
        )
        assert salvage(old, fresh) == 1
        assert fresh.execute("SELECT * FROM a ORDER BY n").fetchall() == [(1, "one"), (2, "ours")]
        assert not fresh.in_transaction


def test_a_table_without_rowids_is_copied_too() -> None:
    schema = "CREATE TABLE m (a INTEGER, b INTEGER, t TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID"
    with (
        closing(sqlite3.connect(":memory:", isolation_level=None)) as old,
        closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh,
    ):
        old.executescript(schema)
        old.execute("INSERT INTO m VALUES (1, 2, 'one'), (2, 1, 'two')")
        fresh.executescript(schema)
        assert salvage(old, fresh) == 2
        assert fresh.execute("SELECT * FROM m").fetchall() == [(1, 2, "one"), (2, 1, "two")]
