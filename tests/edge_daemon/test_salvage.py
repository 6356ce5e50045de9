"""Copying what can be read."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from edge_daemon.salvage import salvage


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
