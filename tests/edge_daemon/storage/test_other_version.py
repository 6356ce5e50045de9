"""Going forward and back between versions of a schema: every row is taken over, or counted and kept for its version."""

from __future__ import annotations

import random
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.outbox import table
from edge_daemon.outbox.message import Message
from edge_daemon.outbox.outbox import Outbox
from edge_daemon.storage.database import Database
from edge_daemon.testing.machine import ManualTime

V1 = "CREATE TABLE note (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, text TEXT NOT NULL)"
NEWER = {
    "the same tables": V1,
    "one more column": V1.replace("text TEXT NOT NULL", "text TEXT NOT NULL, colour TEXT NOT NULL DEFAULT 'grey'"),
    "one more table": V1 + "; CREATE TABLE colour (name TEXT)",
    "a renamed column": V1.replace("text TEXT", "body TEXT"),
    "a renamed table": V1.replace("note", "letter"),
    "a column less": V1.replace(", text TEXT NOT NULL", ""),
}
UNDERSTOOD = {"the same tables", "one more column", "one more table"}


def opened(path: Path, schema: str = V1, version: int = 1) -> Database:
    return Database(path, schema, version=version, time=ManualTime(), rng=random.Random(1))


def put(database: Database, schema: str, *names: str) -> None:
    name = "letter" if "letter" in schema else "note"
    column = "body" if "body" in schema else "text" if "text" in schema else None
    columns = "id" if column is None else f"id, {column}"
    values = [(one,) if column is None else (one, f"text of {one}") for one in names]
    marks = "?" if column is None else "?, ?"
    database.transact(lambda c: c.executemany(f"INSERT INTO {name} ({columns}) VALUES ({marks})", values))  # noqa: S608


def names(database: Database, table_name: str = "note") -> list[str]:
    query = f"SELECT id FROM {table_name} ORDER BY seq"  # noqa: S608
    return [row[0] for row in database.read(lambda c: c.execute(query).fetchall())]


@pytest.mark.parametrize("kind", NEWER)
def test_back_and_forth_loses_nothing(tmp_path: Path, kind: str) -> None:
    path, schema = tmp_path / "a.db", NEWER[kind]
    theirs = "letter" if "letter" in schema else "note"
    newer = opened(path, schema, 2)
    put(newer, schema, *"abc")
    newer.close()

    older = opened(path)
    put(older, V1, "d")
    assert names(older) == ([*"abcd"] if kind in UNDERSTOOD else ["d"])
    left = 0 if kind in UNDERSTOOD else 3
    assert sum(older.report().left_behind.values()) == left
    (kept,) = tmp_path.glob("a.db.version-2-*")
    assert kept.name.endswith(f"-left-{left}")
    older.close()
    again = opened(path)  # a restart of the older one still knows
    assert len(names(again)) == (4 if kind in UNDERSTOOD else 1)
    assert sum(again.report().left_behind.values()) == left
    again.close()

    back = opened(path, schema, 2)
    mine = 4 if kind in UNDERSTOOD or kind == "a column less" else 3
    assert sorted(names(back, theirs)) == [*"abcd"][:mine]
    assert not list(tmp_path.glob("a.db.version-2-*"))
    back.close()
    if mine == 3:  # what the older one wrote waits for it in its turn
        (waits,) = tmp_path.glob("a.db.version-1-*")
        assert waits.name.endswith("-left-1")
        assert names(opened(path)) == ["d"]


def test_files_of_another_version_are_never_cleared_away(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    for number in range(8):
        newer = opened(path, NEWER["a renamed table"], 2 + number)
        put(newer, NEWER["a renamed table"], f"n{number}")
        newer.close()
    older = opened(path)
    put(older, V1, "o")
    assert len(list(tmp_path.glob("a.db.version-9-*"))) == 1
    for _ in range(8):
        older.close()
        path.write_bytes(b"not a database, and longer than a header is" * 10)
        put(older, V1, "o")
    found = [int(re.search(r"version-(\d)-", file.name)[1]) for file in tmp_path.glob("a.db.version-*")]  # type: ignore[index]
    assert 9 in found
    assert sum(older.report().left_behind.values()) >= 1


@pytest.mark.slow
@settings(max_examples=40)
@given(st.lists(st.sampled_from(["put", "switch", "restart"]), min_size=3, max_size=25))
def test_whatever_the_order_each_row_is_somewhere(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    path = tmp_path_factory.mktemp("versions") / "a.db"
    schemas = {1: V1, 2: NEWER["a renamed table"]}
    version, written = 1, {1: set[str](), 2: set[str]()}
    database = opened(path)
    for number, step in enumerate(steps):
        if step == "put":
            put(database, schemas[version], f"n{number}")
            written[version].add(f"n{number}")
            continue
        database.close()
        version = 3 - version if step == "switch" else version
        database = opened(path, schemas[version], version)
        database.read(lambda c: c.execute("SELECT 1"))
    table_name = "letter" if version == 2 else "note"
    assert set(names(database, table_name)) == written[version]
    database.close()
    other = opened(path, schemas[3 - version], 3 - version)
    assert set(names(other, "note" if version == 2 else "letter")) == written[3 - version]
    other.close()


def message(number: int) -> Message:
    return Message(f"id-{number}", "sea/buoy/detections", b"{}", "detection", 2, number)


@pytest.mark.parametrize("change", ["ALTER TABLE message ADD COLUMN hops INTEGER NOT NULL DEFAULT 0", "SELECT 1"])
def test_fifty_unsent_detections_of_a_newer_version_are_offered(tmp_path: Path, change: str) -> None:
    path = tmp_path / "outbox.db"
    outbox = Outbox(path, time=ManualTime(), rng=random.Random(1))
    for number in range(50):
        outbox.put(message(number))
    assert outbox.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as newer:
        newer.execute(change)
        newer.execute(f"PRAGMA user_version={table.VERSION + 1}")
    older = Outbox(path, time=ManualTime(), rng=random.Random(1))
    assert [one.id for one in older.take(100, "oldest_first")] == [f"id-{number}" for number in range(50)]
    assert older.report().dropped == {}
    assert not older.left_behind


def test_fifty_that_are_not_understood_are_counted_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    outbox = Outbox(path, time=ManualTime(), rng=random.Random(1))
    for number in range(50):
        outbox.put(message(number))
    assert outbox.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as newer:
        newer.execute("ALTER TABLE message RENAME COLUMN topic TO subject")
        newer.execute(f"PRAGMA user_version={table.VERSION + 1}")
    older = Outbox(path, time=ManualTime(), rng=random.Random(1))
    older.put(message(99))
    assert [one.id for one in older.take(100, "oldest_first")] == ["id-99"]
    assert list(older.left_behind.values()) == [50]
    (kept,) = older.left_behind
    with closing(sqlite3.connect(kept)) as there:
        assert there.execute("SELECT count(*) FROM message").fetchone() == (50,)
