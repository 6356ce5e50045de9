"""The history keeps what was found, within its bounds, whatever happens to the disk."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.errors import StorageError
from edge_daemon.history.entry import HistoryEntry
from edge_daemon.history.history import HOLD_ROWS, BoardHistory, open_history
from edge_daemon.history.table import HistoryFilter, select
from edge_daemon.testing.machine import ManualTime

S = 10**9
T0 = 1_767_225_600 * S
DAY_S = 86_400.0


def make(path: Path, time: ManualTime | None = None, **changes: Any) -> BoardHistory:
    bounds: dict[str, Any] = {"keep_s": 30 * DAY_S, "max_bytes": 10**8} | changes
    return BoardHistory(path, time=time or ManualTime(T0), rng=random.Random(0), **bounds)


def entry(number: int, **changes: Any) -> HistoryEntry:
    values: dict[str, Any] = {
        "id": f"d{number}", "kind": "detection", "begin_utc_ns": T0 + number * S, "end_utc_ns": T0 + (number + 2) * S,
        "clock": "synchronised", "document": f'{{"n":{number}}}', "score": number % 10 / 10,
    }  # fmt: skip
    return HistoryEntry(**(values | changes))


def names(found: Any) -> list[str]:
    return [one.id for one in found]


def test_what_was_put_is_read_in_order_of_time(tmp_path: Path) -> None:
    history = make(tmp_path / "h.db")
    for number in (3, 1, 2, 1):
        history.put(entry(number))
    assert names(history.entries(HistoryFilter())) == ["d1", "d2", "d3"]  # from memory
    assert history.commit()
    assert history.unsaved == 0
    history.put(entry(0))
    assert names(history.entries(HistoryFilter())) == ["d0", "d1", "d2", "d3"]
    assert history.close()
    with open_history(tmp_path / "h.db") as connection:
        assert names(select(connection, HistoryFilter())) == ["d0", "d1", "d2", "d3"]


def test_what_an_unset_clock_dated_moves_when_it_is_set(tmp_path: Path) -> None:
    former = make(tmp_path / "h.db")
    former.put(entry(0, clock="unsynchronised"))
    assert former.close()
    history = make(tmp_path / "h.db")
    history.put(entry(1, clock="unsynchronised"))
    assert history.commit()
    history.put(entry(2, clock="unsynchronised"))
    history.put(entry(3))
    history.clock_was_set(100 * S)
    history.put(entry(4, clock="unsynchronised"))  # dated after it
    wanted = {"d0": T0, "d1": T0 + 101 * S, "d2": T0 + 102 * S, "d3": T0 + 3 * S, "d4": T0 + 4 * S}
    assert history.commit()
    assert {one.id: one.begin_utc_ns for one in history.entries(HistoryFilter())} == wanted
    assert history.close()
    with open_history(tmp_path / "h.db") as connection:
        found = list(select(connection, HistoryFilter()))
    assert {one.id: one.begin_utc_ns for one in found} == wanted
    assert all(one.end_utc_ns - one.begin_utc_ns == 2 * S for one in found)


def test_filters(tmp_path: Path) -> None:
    history = make(tmp_path / "h.db")
    for number in range(6):
        history.put(entry(number))
    history.put(entry(9, id="t9", kind="tally", score=None))
    history.commit()
    history.mark_delivered("d4")
    history.mark_delivered("unknown")
    history.commit()
    assert names(history.entries(HistoryFilter(since_ns=T0 + 2 * S, until_ns=T0 + 4 * S))) == ["d2", "d3"]
    assert names(history.entries(HistoryFilter(least_score=0.4))) == ["d4", "d5"]
    assert names(history.entries(HistoryFilter(delivered=True))) == ["d4"]
    assert names(history.entries(HistoryFilter(kind="tally"))) == ["t9"]


def test_a_message_acknowledged_before_it_was_written_is_delivered(tmp_path: Path) -> None:
    history = make(tmp_path / "h.db")
    history.put(entry(1))
    history.mark_delivered("d1")
    history.commit()
    assert [one.delivered for one in history.entries(HistoryFilter())] == [True]


def test_writes_when_it_is_due(tmp_path: Path) -> None:
    time = ManualTime(T0)
    history = make(tmp_path / "h.db", time)
    history.put(entry(1))
    time.advance(9.9)
    history.tick()
    assert history.unsaved == 1
    time.advance(0.1)
    history.tick()
    assert history.unsaved == 0


def test_old_entries_go_unless_nobody_knew_the_time(tmp_path: Path) -> None:
    history = make(tmp_path / "h.db")
    for number in range(1200):
        history.put(entry(number))
    history.put(entry(5, id="lost in time", clock="unsynchronised"))
    history.commit()
    history.prune(T0 + round((30 * DAY_S + 1000) * S))
    left = names(history.entries(HistoryFilter()))
    assert left[0] == "lost in time"
    assert left[1:] == [f"d{number}" for number in range(998, 1200)]  # ended at 1000 s or later


def test_beyond_its_size_the_first_ones_go(tmp_path: Path) -> None:
    history = make(tmp_path / "h.db", max_bytes=2_000_000)
    for number in range(3000):
        history.put(entry(number, document="x" * 1000))
        if number % 100 == 99:
            history.commit()
    left = names(history.entries(HistoryFilter()))
    assert left[-1] == "d2999"
    assert 1000 <= len(left) < 2200
    history.close()
    assert (tmp_path / "h.db").stat().st_size < 3_000_000


def test_while_the_disk_fails_so_many_wait(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.write_text("a file where the folder should be")
    history = make(folder / "h.db")
    for number in range(HOLD_ROWS + 10):
        history.put(entry(number))
    assert not history.commit()
    assert history.dropped == 10
    with pytest.raises(StorageError):
        history.entries(HistoryFilter())
    folder.unlink()
    assert history.commit(force=True)
    assert len(history.entries(HistoryFilter())) == HOLD_ROWS


def test_a_full_disk_holds_nothing_up(tmp_path: Path) -> None:
    history = make(tmp_path / "h.db")
    history.put(entry(0))
    assert history.commit()
    history._database.transact(lambda connection: connection.execute("PRAGMA max_page_count = 1"))
    pages = history._database.read(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0])
    for number in range(1, 200):
        history.put(entry(number, document="x" * 1000))
    assert not history.commit()
    assert names(history.entries(HistoryFilter()))[:2] == ["d0", "d1"]  # reading goes on
    history._database.transact(
        lambda connection: connection.execute(f"PRAGMA max_page_count = {pages + 1000}"), force=True
    )
    assert history.commit(force=True)
    assert len(history.entries(HistoryFilter())) == 200


def test_a_damaged_file_is_set_aside_and_what_is_readable_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    history = make(path)
    for number in range(500):
        history.put(entry(number, document="x" * 500))
    assert history.close()
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = b"\xff" * 4096
    path.write_bytes(bytes(data))
    history = make(path)
    history.put(entry(999))
    assert history.commit()
    left = names(history.entries(HistoryFilter()))
    assert left[-1] == "d999"
    assert len(left) > 300
    assert len(history.report().set_aside) == 1


@pytest.mark.slow
def test_kill_9_twenty_times_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    writer = textwrap.dedent("""
        import random, sys
        from pathlib import Path
        from edge_daemon.clock.time_source import SystemTime
        from edge_daemon.history.entry import HistoryEntry
        from edge_daemon.history.history import BoardHistory
        history = BoardHistory(
            Path(sys.argv[1]), time=SystemTime(), rng=random.Random(0), keep_s=9e6, max_bytes=10**9, commit_within_s=0
        )
        for number in range(int(sys.argv[2]), 10**9):
            history.put(HistoryEntry(f"d{number}", "detection", number, number + 1, "synchronised", "{}", 0.9))
            if history.commit():
                print(number, flush=True)
    """)
    path, first = tmp_path / "h.db", 0
    for _ in range(20):
        process = subprocess.Popen(
            [sys.executable, "-c", writer, str(path), str(first)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(5)]
        process.send_signal(signal.SIGKILL)
        told += [int(line) for line in process.stdout if line.endswith("\n")]
        process.stdout.close()
        process.wait()
        first = told[-1] + 1
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            there = {int(name[1:]) for (name,) in connection.execute("SELECT id FROM entry")}
        assert set(range(first)) <= there
        first = max(there) + 1
