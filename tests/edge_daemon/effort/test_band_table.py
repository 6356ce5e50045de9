"""Band levels in the effort database: dated by the spans, kept through failures, pruned with their effort."""

from __future__ import annotations

import csv
import io
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_daemon.audio.source import Gap
from edge_daemon.cli.effort import effort
from edge_daemon.clock.sample_clock import ClockStep
from edge_daemon.effort.band_table import DatedMinute, read_minutes
from edge_daemon.effort.ledger import EffortLedger
from edge_daemon.effort.spans import Session
from edge_daemon.effort.table import open_ledger, read_spans
from edge_daemon.errors import StorageError
from edge_daemon.levels.band_levels import BandMinute
from edge_daemon.testing.machine import ManualTime

S = 10**9
T0 = 1_767_225_600 * S  # 2026-01-01
RATE = 48_000
EVER = (-(2**62), 2**62)


def minute(second: int, *levels: float | None, first_band: int = 10) -> BandMinute:
    return BandMinute(second, 60, first_band, levels or (90.5, None, 101.25))


def make(path: Path) -> EffortLedger:
    return EffortLedger(path, time=ManualTime(), rng=random.Random(0))


def stored(path: Path, since_ns: int = EVER[0], until_ns: int = EVER[1]) -> list[DatedMinute]:
    with closing(open_ledger(path)) as connection:
        return read_minutes(connection, read_spans(connection, since_ns, until_ns), since_ns, until_ns)


def when(path: Path, *period: int) -> list[tuple[str, int, float]]:
    return [(m.session.id, m.minute.second, (m.begin_utc_ns - T0) / S) for m in stored(path, *period)]


def test_minutes_come_back_as_they_were_with_their_time(tmp_path: Path) -> None:
    path = tmp_path / "effort.db"
    ledger = make(path)
    ledger.begin(Session("s1", "buoy", "card", RATE), T0, "synchronised")
    # a sound card that is 100 ppm slow: 600 s of samples take 600.06 s
    ledger.listened(0, RATE, T0 + S, "synchronised")
    ledger.listened(RATE, 599 * RATE, T0 + 600_060_000_000, "synchronised")
    ledger.lost(Gap(600 * RATE, 90 * RATE, "overflow"), T0 + 690_060_000_000, "synchronised")
    ledger.listened(690 * RATE, 60 * RATE, T0 + 750_060_000_000, "synchronised")
    for second in (0, 540, 660):
        ledger.band_minute(minute(second))
    assert ledger.close()
    assert [m.minute for m in stored(path)] == [minute(0), minute(540), minute(660)]
    assert when(path) == [("s1", 0, 0.0), ("s1", 540, 540.054), ("s1", 660, 660.06)]
    assert when(path, T0 + 540_054_000_000, T0 + 660_060_000_000) == [("s1", 540, 540.054)]


def test_a_clock_set_late_moves_the_minutes_too(tmp_path: Path) -> None:
    path = tmp_path / "effort.db"
    ledger = make(path)
    ledger.begin(Session("s1", "buoy", "card", RATE), T0, "unsynchronised")
    ledger.listened(0, 120 * RATE, T0 + 120 * S, "unsynchronised")
    ledger.band_minute(minute(0))
    ledger.commit()
    ledger.band_minute(minute(60))
    ledger.clock_step(ClockStep(120 * RATE, 86_400 * S, "system_clock"), "synchronised")
    assert ledger.close()
    assert when(path) == [("s1", 0, 86_400.0), ("s1", 60, 86_460.0)]


def test_sessions_are_kept_apart_and_minutes_outlive_a_disk_that_fails(tmp_path: Path) -> None:
    folder = tmp_path / "card"
    folder.touch()  # a file in the folder's place: nothing can be written
    path = folder / "effort.db"
    ledger = make(path)
    ledger.begin(Session("s1", "buoy", "card", RATE), T0, "synchronised")
    ledger.listened(0, 60 * RATE, T0 + 60 * S, "synchronised")
    ledger.band_minute(minute(0, 100.0))
    assert not ledger.commit(force=True)
    ledger.begin(Session("s2", "buoy", "card", RATE), T0 + 100 * S, "synchronised")
    ledger.listened(0, 60 * RATE, T0 + 160 * S, "synchronised")
    ledger.band_minute(minute(0, 110.0))
    folder.unlink()
    assert ledger.close()
    assert when(path) == [("s1", 0, 0.0), ("s2", 0, 100.0)]
    assert [m.minute.levels_db for m in stored(path)] == [(100.0,), (110.0,)]


def test_memory_is_bounded_while_the_disk_fails(tmp_path: Path) -> None:
    (tmp_path / "card").touch()
    ledger = EffortLedger(tmp_path / "card" / "effort.db", time=ManualTime(), rng=random.Random(0), hold_spans=5)
    ledger.begin(Session("s1", "buoy", "card", RATE), T0, "synchronised")
    ledger.listened(0, 6000 * RATE, T0 + 6000 * S, "synchronised")
    for second in range(0, 6000, 60):
        ledger.band_minute(minute(second))
    (tmp_path / "card").unlink()
    assert ledger.close()
    assert [at for _, at, _ in when(tmp_path / "card" / "effort.db")] == [5700, 5760, 5820, 5880, 5940]


def test_minutes_go_with_their_effort(tmp_path: Path) -> None:
    path = tmp_path / "effort.db"
    ledger = make(path)
    for day in range(3):
        begin = T0 + day * 86_400 * S
        ledger.begin(Session(f"s{day}", "buoy", "card", RATE), begin, "synchronised")
        ledger.listened(0, 60 * RATE, begin + 60 * S, "synchronised")
        ledger.band_minute(minute(0))
        ledger.lost(Gap(60 * RATE, 60 * RATE, "stall"), begin + 120 * S, "synchronised")
        ledger.listened(120 * RATE, 60 * RATE, begin + 180 * S, "synchronised")
        ledger.band_minute(minute(120))
        ledger.commit()
    ledger.prune(T0 + 86_400 * S + 119 * S)
    assert ledger.close()
    assert [(name, at) for name, at, _ in when(path)] == [("s1", 60 * 2), ("s2", 0), ("s2", 120)]
    with closing(open_ledger(path)) as connection:
        assert connection.execute("SELECT count(*) FROM band_minute").fetchone() == (3,)


def test_the_command_prints_a_column_per_band(tmp_path: Path) -> None:
    path = tmp_path / "effort.db"
    ledger = make(path)
    ledger.begin(Session("s1", "buoy", "card", RATE), T0, "synchronised")
    ledger.listened(0, 180 * RATE, T0 + 180 * S, "synchronised")
    ledger.band_minute(minute(0, 90.5, None, 101.25))
    ledger.band_minute(minute(60, 80.0, 81.0, first_band=12))
    assert ledger.close()
    result = CliRunner().invoke(effort, ["--database", str(path), "--bands"], catch_exceptions=False)
    assert result.output.splitlines() == [
        "session,device,begin_utc,seconds,db_10_hz,db_12.5_hz,db_16_hz,db_20_hz",
        "s1,buoy,2026-01-01T00:00:00.000000Z,60,90.50,,101.25,",
        "s1,buoy,2026-01-01T00:01:00.000000Z,60,,,80.00,81.00",
    ]
    since = ["--database", str(path), "--bands", "--since", "2026-01-01T00:00:30Z"]
    later = CliRunner().invoke(effort, since, catch_exceptions=False)
    assert [row["begin_utc"] for row in csv.DictReader(io.StringIO(later.output))] == ["2026-01-01T00:01:00.000000Z"]


def test_a_ledger_of_another_making_is_told(tmp_path: Path) -> None:
    path = tmp_path / "effort.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE span (x)")
    with pytest.raises(StorageError, match="cannot be read"):
        CliRunner().invoke(effort, ["--database", str(path), "--bands"], catch_exceptions=False)
