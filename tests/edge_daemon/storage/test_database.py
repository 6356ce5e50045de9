"""A database that stays usable through damage, full and read-only disks."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_daemon.errors import StorageError
from edge_daemon.storage.database import Database
from edge_daemon.system.backoff import Backoff
from edge_daemon.testing.machine import ManualTime

SCHEMA = "CREATE TABLE note (number INTEGER PRIMARY KEY, text TEXT NOT NULL)"


def make(path: Path, time: ManualTime | None = None, version: int = 1) -> Database:
    return Database(
        path,
        SCHEMA,
        version=version,
        time=time or ManualTime(),
        rng=random.Random(0),
        backoff=Backoff(first_s=1, limit_s=60, jitter=0),
    )


def write(database: Database, *numbers: int, text: str = "x" * 500) -> None:
    database.transact(lambda c: c.executemany("INSERT INTO note VALUES (?, ?)", [(n, text) for n in numbers]))


def numbers(database: Database) -> list[int]:
    return database.read(lambda c: [row[0] for row in c.execute("SELECT number FROM note ORDER BY number")])


def test_writes_survive_closing_and_the_policy_is_the_stated_one(tmp_path: Path) -> None:
    database = make(tmp_path / "deep" / "a.db")
    assert database.report().state == "closed"
    write(database, 1, 2)
    assert database.report().state == "open"
    assert database.read(lambda c: c.execute("PRAGMA journal_mode").fetchone()) == ("wal",)
    assert database.read(lambda c: c.execute("PRAGMA synchronous").fetchone()) == (2,)  # FULL: fsync at every commit
    database.close()
    database.close()
    assert numbers(make(tmp_path / "deep" / "a.db")) == [1, 2]


def test_a_failing_transaction_leaves_nothing(tmp_path: Path) -> None:
    database = make(tmp_path / "a.db")
    write(database, 1)
    with pytest.raises(KeyError):
        database.transact(lambda c: (c.execute("INSERT INTO note VALUES (2, 'x')"), {}["bug"]))
    assert numbers(database) == [1]
    write(database, 3)
    assert numbers(database) == [1, 3]


@pytest.mark.parametrize("damage", ["garbage", "header", "truncated"])
def test_a_damaged_file_is_set_aside_kept_and_reported(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.db"
    database = make(path)
    write(database, *range(100))
    database.close()
    content = path.read_bytes()
    damaged = {
        "garbage": b"\xa5" * len(content),
        "header": b"\x00" * 100 + content[100:],
        "truncated": content[:5000],
    }[damage]
    path.write_bytes(damaged)
    database = make(path, ManualTime(utc_ns=1_767_225_600 * 10**9))
    write(database, 1000)
    assert 1000 in numbers(database)
    [aside] = database.report().set_aside
    assert aside == tmp_path / "a.db.damaged-20260101T000000Z"
    assert aside.read_bytes()[200:] == damaged[200:]
    assert database.report().state == "open"


def test_what_is_readable_of_a_damaged_file_is_copied(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    database = make(path)
    write(database, *range(400))
    database.close()
    with path.open("r+b") as file:  # one page (4096 bytes) in the middle, about 7 rows of 500 bytes each
        file.seek(path.stat().st_size // 4096 // 2 * 4096)
        file.write(b"\xff" * 4096)
    database = make(path)
    saved = numbers(database)
    assert len(saved) > 380
    assert set(saved) <= set(range(400))
    assert database.report().salvaged == len(saved)
    assert len(database.report().set_aside) == 1


def test_damage_found_while_working_does_not_stop_the_work(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    database = make(path)
    write(database, *range(300))
    database.read(lambda c: c.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    database.read(lambda c: c.execute("PRAGMA cache_size=0").fetchall())
    database.read(lambda c: c.execute("PRAGMA shrink_memory").fetchall())
    write(database, 1000)
    assert numbers(database) == [1000]
    assert len(database.report().set_aside) == 1


def test_a_file_of_another_schema_is_set_aside(tmp_path: Path) -> None:
    write(make(tmp_path / "a.db", version=7), 1)
    database = make(tmp_path / "a.db", version=8)
    write(database, 2)
    assert numbers(database) == [1, 2]  # its readable rows came along
    assert len(database.report().set_aside) == 1


def test_only_the_newest_files_set_aside_are_kept(tmp_path: Path) -> None:
    time = ManualTime()
    for _ in range(8):
        (tmp_path / "a.db").write_bytes(b"not a database, and longer than a header is" * 10)
        time.advance(1)
        database = make(tmp_path / "a.db", time)
        write(database, 1)
        database.close()
    names = sorted(file.name for file in tmp_path.glob("a.db.damaged-*"))
    assert names == [f"a.db.damaged-20260101T00000{n}Z" for n in range(4, 9)]


def test_two_set_aside_in_one_second_are_both_kept(tmp_path: Path) -> None:
    for _ in range(2):
        (tmp_path / "a.db").write_bytes(b"not a database, and longer than a header is" * 10)
        database = make(tmp_path / "a.db")
        write(database, 1)
        database.close()
    assert len(list(tmp_path.glob("a.db.damaged-*"))) == 2


def test_a_file_removed_while_open_is_written_anew_with_its_rows(tmp_path: Path) -> None:
    database = make(tmp_path / "a.db")
    write(database, 1, 2)
    (tmp_path / "a.db").unlink()
    write(database, 3)
    assert numbers(make(tmp_path / "a.db")) == [1, 2, 3]


def test_no_disk_is_touched_until_the_wait_is_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way of a folder")
    time = ManualTime()
    database = make(tmp_path / "file" / "a.db", time)
    with pytest.raises(StorageError, match=r"a\.db cannot be used"):
        write(database, 1)
    assert (database.report().state, database.report().failures) == ("unavailable", 1)
    (tmp_path / "file").unlink()
    time.advance(0.99)
    with pytest.raises(StorageError):
        write(database, 1)
    assert not (tmp_path / "file").exists()
    assert database.report().failures == 1
    time.advance(0.02)
    write(database, 1)
    assert (database.report().state, database.report().reason, database.report().failures) == ("open", "", 0)


def test_force_does_not_wait(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way of a folder")
    database = make(tmp_path / "file" / "a.db")
    with pytest.raises(StorageError):
        write(database, 1)
    (tmp_path / "file").unlink()
    database.transact(lambda c: c.execute("INSERT INTO note VALUES (1, 'x')"), force=True)
    assert numbers(database) == [1]


def test_a_full_disk_fails_writes_only_and_heals(small_disk: Path, fill_disk: Callable[[Path], None]) -> None:
    time = ManualTime()
    database = make(small_disk / "a.db", time)
    write(database, 1)
    filler = small_disk / "filler"
    fill_disk(filler)
    with pytest.raises(StorageError, match="cannot be used"):
        write(database, *range(2, 200))
    assert numbers(database) == [1]  # reading goes on
    assert database.report().state == "unavailable"
    filler.unlink()
    time.advance(1.01)
    write(database, 2)
    assert numbers(database) == [1, 2]
    assert database.report().state == "open"
    assert database.report().set_aside == ()


def test_a_read_only_disk_is_a_state_and_heals(small_disk: Path) -> None:
    time = ManualTime()
    database = make(small_disk / "a.db", time)
    write(database, 1)
    database.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for _ in range(3):
        with pytest.raises(StorageError):
            write(database, 2)
        time.advance(100)
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    write(database, 2)
    assert numbers(database) == [1, 2]


def test_a_lock_held_by_a_reader_does_not_hinder(tmp_path: Path) -> None:
    database = make(tmp_path / "a.db")
    write(database, 1)
    reader = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM note").fetchone() == (1,)
    write(database, 2)
    assert reader.execute("SELECT count(*) FROM note").fetchone() == (1,)  # its own moment
    reader.execute("COMMIT")
    assert reader.execute("SELECT count(*) FROM note").fetchone() == (2,)
    reader.close()


CHILD = """
import os, random, sys
from pathlib import Path
from edge_daemon.clock.time_source import SystemTime
from edge_daemon.storage.database import Database
path = Path(sys.argv[1])
database = Database(path, sys.argv[2], version=1, time=SystemTime(), rng=random.Random(0))
for number in range(20):
    database.transact(lambda c, number=number: c.execute("INSERT INTO note VALUES (?, 'x')", (number,)))
os.truncate(str(path) + "-shm", 0)
database.transact(lambda c: c.execute("INSERT INTO note VALUES (20, 'x')"))
"""


@pytest.mark.slow
def test_shared_memory_cut_to_nothing_ends_the_program_and_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    child = subprocess.run([sys.executable, "-c", CHILD, str(path), SCHEMA], capture_output=True, check=False)
    assert child.returncode in (0, -signal.SIGBUS), child.stderr
    assert numbers(make(path))[:20] == list(range(20))
