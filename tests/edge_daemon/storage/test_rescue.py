"""A file removed while it is open: its rows are the only copy, and are given up for nothing."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edge_daemon.errors import StorageError
from edge_daemon.storage.connection import open_checked
from edge_daemon.storage.database import Database
from edge_daemon.storage.disk_calls import ANSWER_S
from edge_daemon.storage.rescue import rescued_file
from edge_daemon.testing.machine import ManualTime

SCHEMA = "CREATE TABLE note (number INTEGER PRIMARY KEY, text TEXT)"


def make(path: Path, time: ManualTime | None = None) -> Database:
    return Database(path, SCHEMA, version=1, time=time or ManualTime(), rng=random.Random(0))


def write(database: Database, *numbers: int) -> None:
    rows = [(number, f"note {number} {'x' * 400}") for number in numbers]
    database.transact(lambda c: c.executemany("INSERT INTO note VALUES (?, ?)", rows))


def numbers(database: Database) -> list[int]:
    return database.read(lambda c: [row[0] for row in c.execute("SELECT number FROM note ORDER BY number")])


def names(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.glob(f"{path.name}*"))


@pytest.mark.parametrize("others", [(), ("-wal",), ("-wal", "-shm")])
def test_on_a_full_disk_the_removed_file_stays_the_copy(
    small_disk: Path, fill_disk: Callable[[Path], None], others: tuple[str, ...]
) -> None:
    time, path = ManualTime(), small_disk / "a.db"
    database = make(path, time)
    write(database, *range(8))
    for suffix in ("", *others):
        path.with_name(path.name + suffix).unlink()
    fill_disk(small_disk / "filler")
    assert numbers(database) == list(range(8))
    with pytest.raises(StorageError, match="was removed and cannot be made anew"):
        write(database, 8)
    assert database.report().removed
    for _ in range(20):  # again and again: nothing is lost on the way
        time.advance(100)
        assert numbers(database) == list(range(8))
        with pytest.raises(StorageError):
            write(database, 8)
    (small_disk / "filler").unlink()
    time.advance(100)
    write(database, 8)
    assert not database.report().removed
    assert database.report().reason == ""
    database.close()
    assert numbers(make(path)) == list(range(9))
    assert names(path)[0] == "a.db"
    assert not rescued_file(path).exists()


def test_removed_after_the_disk_had_failed(small_disk: Path, fill_disk: Callable[[Path], None]) -> None:
    """What opens a failing file anew must not close a removed one."""
    time, path = ManualTime(), small_disk / "a.db"
    database = make(path, time)
    write(database, *range(8))
    fill_disk(small_disk / "filler")
    with pytest.raises(StorageError):
        write(database, *range(8, 200))
    path.unlink()
    for _ in range(5):
        time.advance(100)
        with pytest.raises(StorageError):
            write(database, 8)
        assert numbers(database) == list(range(8))
    (small_disk / "filler").unlink()
    time.advance(100)
    write(database, 8)
    database.close()
    assert numbers(make(path)) == list(range(9))


def test_the_folder_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "state" / "a.db"
    database = make(path)
    write(database, 1, 2)
    shutil.rmtree(path.parent)
    write(database, 3)
    assert numbers(make(path)) == [1, 2, 3]


def test_another_file_in_its_place_is_added_to(tmp_path: Path) -> None:
    other = make(tmp_path / "other.db")
    write(other, 7, 8)
    other.close()
    database = make(tmp_path / "a.db")
    write(database, 1, 2)
    (tmp_path / "other.db").replace(tmp_path / "a.db")
    write(database, 3)
    assert numbers(make(tmp_path / "a.db")) == [1, 2, 3, 7, 8]
    assert not rescued_file(tmp_path / "a.db").exists()


@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize("place_taken", [True, False])
def test_a_power_cut_after_the_rescue(tmp_path: Path, folded: bool, place_taken: bool) -> None:
    """The rescued rows lie beside the place, with their own log or without: the next start finds them."""
    rescued = rescued_file(tmp_path / "a.db")
    connection = open_checked(rescued, SCHEMA, 1)
    connection.execute("INSERT INTO note VALUES (1, 'rescued')")
    if folded:
        connection.close()
    else:
        for suffix in ("", "-wal"):
            shutil.copy(rescued.with_name(rescued.name + suffix), tmp_path / f"copy{suffix}")
        connection.close()
        for suffix in ("", "-wal"):
            (tmp_path / f"copy{suffix}").replace(rescued.with_name(rescued.name + suffix))
    if place_taken:
        other = make(tmp_path / "b.db")
        write(other, 2)
        other.close()
        (tmp_path / "b.db").replace(tmp_path / "a.db")
    database = make(tmp_path / "a.db")
    assert numbers(database) == ([1, 2] if place_taken else [1])
    database.close()
    assert names(tmp_path / "a.db") == ["a.db"]


def test_the_report_says_for_how_long_the_disk_has_not_answered(tmp_path: Path) -> None:
    time = ManualTime()
    database = make(tmp_path / "a.db", time)
    seen = []

    def hangs(connection: sqlite3.Connection) -> None:
        for step in (ANSWER_S, 1.0, 71.0):
            time.advance(step)
            report = database.report()
            seen.append((report.state, report.answers, report.reason))
        connection.execute("SELECT 1").fetchone()

    database.transact(hangs)
    assert seen == [
        ("open", True, ""),
        ("unavailable", False, "The disk has not answered for 4 s."),
        ("unavailable", False, "The disk has not answered for 75 s."),
    ]
    assert database.report().answers
    with closing(sqlite3.connect(tmp_path / "a.db")):
        assert numbers(database) == []
