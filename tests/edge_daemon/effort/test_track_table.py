"""The track in the effort database."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

from edge_daemon.effort.ledger import EffortLedger
from edge_daemon.effort.table import VERSION, open_ledger
from edge_daemon.effort.track_table import TrackPoint, prune_points, read_points, write_points
from edge_daemon.testing.machine import ManualTime

S = 10**9


def point(second: int) -> TrackPoint:
    return TrackPoint(second * S, 42.0 + second / 1000, -70.0, "3d", None if second % 2 else 4.0)


def ledger_of(path: Path) -> EffortLedger:
    return EffortLedger(path, time=ManualTime(0), rng=random.Random(0))


def test_points_are_written_and_read_in_the_order_of_time(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path / "effort.db")
    for second in (3, 1, 2):
        ledger.track_point(point(second))
    assert ledger.commit()
    ledger.track_point(point(4))
    assert ledger.close()
    with closing(open_ledger(tmp_path / "effort.db")) as connection:
        assert read_points(connection, 2 * S, 5 * S) == [point(2), point(3), point(4)]


def test_a_ledger_from_before_there_were_tracks(tmp_path: Path) -> None:
    path = tmp_path / "effort.db"
    ledger_of(path).commit()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE track")
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
        connection.commit()
    with closing(open_ledger(path)) as connection:
        assert read_points(connection, 0, 9 * S) == []
    ledger = ledger_of(path)
    ledger.prune(0)
    ledger.track_point(point(1))
    assert ledger.close()
    with closing(open_ledger(path)) as connection:
        assert read_points(connection, 0, 9 * S) == [point(1)]


def test_it_is_bounded_in_age_and_number() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        for second in range(100):
            write_points(connection, [point(second)], most=30)
        assert read_points(connection, 0, 1000 * S) == [point(second) for second in range(70, 100)]
        prune_points(connection, 90 * S)
        assert read_points(connection, 0, 1000 * S) == [point(second) for second in range(90, 100)]
