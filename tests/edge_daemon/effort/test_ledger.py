"""The ledger on disk: sums, restarts, power cuts, failing disks."""

from __future__ import annotations

import itertools
import random
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.audio.source import Gap
from edge_daemon.clock.sample_clock import ClockStep
from edge_daemon.effort.ledger import EffortLedger
from edge_daemon.effort.spans import Session
from edge_daemon.effort.table import open_ledger, read_spans
from edge_daemon.errors import StorageError
from edge_daemon.testing.machine import ManualTime

S = 10**9
T0 = 1_767_225_600 * S
RATE = 1000
EVER = (-(2**62), 2**62)


def session(name: str = "s1") -> Session:
    return Session(name, "buoy", "card", RATE, "boot")


def make(path: Path, time: ManualTime | None = None, hold: int = 5000) -> EffortLedger:
    return EffortLedger(path, time=time or ManualTime(), rng=random.Random(0), commit_every_s=30, hold_spans=hold)


def told(ledger: EffortLedger) -> list[tuple[str, str | None, int | None, int, float, float]]:
    return [
        (s.id, span.cause, span.start, span.samples, (span.begin_utc_ns - T0) / S, (span.end_utc_ns - T0) / S)
        for s, span in ledger.spans(*EVER)
    ]


def test_what_was_told_is_there_after_a_restart_and_the_time_between_is_a_gap(tmp_path: Path) -> None:
    ledger = make(tmp_path / "e.db")
    ledger.begin(session("s1"), T0, "synchronised")
    ledger.listened(0, 5000, T0 + 5 * S, "synchronised")
    ledger.lost(Gap(5000, 1000, "overflow"), T0 + 6 * S, "synchronised")
    assert ledger.close()
    ledger = make(tmp_path / "e.db")
    ledger.begin(session("s2"), T0 + 60 * S, "synchronised")
    ledger.listened(0, 2000, T0 + 62 * S, "synchronised")
    assert told(ledger) == [
        ("s1", None, 0, 5000, 0.0, 5.0),
        ("s1", "overflow", 5000, 1000, 5.0, 6.0),
        ("s2", "restart", None, 54_000, 6.0, 60.0),
        ("s2", None, 0, 2000, 60.0, 62.0),
    ]
    assert ledger.accounted_until_ns() == T0 + 62 * S
    summary = ledger.summary(T0, T0 + 62 * S, "buoy")
    assert (summary.listened_s, summary.lost_s, summary.unaccounted_s) == (7.0, 55.0, 0.0)


def test_the_gap_before_a_session_is_on_disk_when_it_has_begun(tmp_path: Path) -> None:
    ledger = make(tmp_path / "e.db")
    ledger.begin(session("s1"), T0, "synchronised")
    ledger.listened(0, 1000, T0 + S, "synchronised")
    ledger.begin(session("s2"), T0 + 9 * S, "synchronised")
    with closing(open_ledger(tmp_path / "e.db")) as connection:
        assert [(s.id, span.cause, span.samples) for s, span in read_spans(connection, *EVER)] == [
            ("s1", None, 1000),
            ("s2", "restart", 8000),
        ]


def test_commits_every_so_often_and_says_so(tmp_path: Path) -> None:
    time = ManualTime()
    ledger = make(tmp_path / "e.db", time)
    ledger.begin(session(), T0, "synchronised")
    ledger.listened(0, 1000, T0 + S, "synchronised")
    time.advance(29)
    assert ledger.tick()
    assert ledger.report().held == 1
    time.advance(1)
    assert ledger.tick()
    assert ledger.report().held == 0
    with closing(open_ledger(tmp_path / "e.db")) as connection:
        assert len(read_spans(connection, *EVER)) == 1


def test_an_open_span_is_one_row_that_grows(tmp_path: Path) -> None:
    ledger = make(tmp_path / "e.db")
    ledger.begin(session(), T0, "synchronised")
    for k in range(10):
        ledger.listened(k * 1000, 1000, T0 + (k + 1) * S, "synchronised")
        assert ledger.commit()
    assert told(ledger) == [("s1", None, 0, 10_000, 0.0, 10.0)]


def test_a_session_may_follow_another_for_another_cause(tmp_path: Path) -> None:
    ledger = make(tmp_path / "e.db")
    ledger.begin(session("s1"), T0, "synchronised")
    ledger.listened(0, 1000, T0 + S, "synchronised")
    ledger.begin(session("s2"), T0 + 10 * S, "synchronised", "schedule")
    ledger.listened(0, 1000, T0 + 11 * S, "synchronised")
    assert [row[1] for row in told(ledger)] == [None, "schedule", None]


def test_a_session_written_before_the_time_was_known_is_redated_on_disk(tmp_path: Path) -> None:
    ledger = make(tmp_path / "e.db")
    ledger.begin(session("s1"), T0, "synchronised")
    ledger.listened(0, 1000, T0 + S, "synchronised")
    assert ledger.close()
    ledger = make(tmp_path / "e.db")
    ledger.begin(session("s2"), T0 - 500 * S, "unsynchronised")
    ledger.listened(0, 1000, T0 - 499 * S, "unsynchronised")
    ledger.lost(Gap(1000, 1000, "stall"), T0 - 498 * S, "unsynchronised")
    assert ledger.commit()
    ledger.listened(2000, 1000, T0 - 497 * S, "unsynchronised")
    ledger.clock_step(ClockStep(3000, 1000 * S, "system_clock"), "synchronised")
    expected = [
        ("s1", None, 0, 1000, 0.0, 1.0),
        ("s2", "restart", None, 499_000, 1.0, 500.0),
        ("s2", None, 0, 1000, 500.0, 501.0),
        ("s2", "stall", 1000, 1000, 501.0, 502.0),
        ("s2", None, 2000, 1000, 502.0, 503.0),
    ]
    assert told(ledger) == expected
    assert ledger.close()
    assert told(make(tmp_path / "e.db")) == expected


def test_memory_is_read_over_the_disk_while_this_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    time = ManualTime()
    ledger = make(tmp_path / "e.db", time)
    ledger.begin(session(), T0, "unsynchronised")
    ledger.listened(0, 1000, T0 + S, "unsynchronised")
    assert ledger.commit()

    def full(*_: object, **__: object) -> None:
        raise StorageError("full")

    with monkeypatch.context() as failing:
        failing.setattr(ledger._database, "transact", full)
        ledger.lost(Gap(1000, 500, "stall"), T0 + S + S // 2, "unsynchronised")
        ledger.clock_step(ClockStep(1500, 10 * S, "system_clock"), "synchronised")
        assert not ledger.commit()
        assert told(ledger) == [("s1", None, 0, 1000, 10.0, 11.0), ("s1", "stall", 1000, 500, 11.0, 11.5)]
    assert ledger.commit()
    assert told(ledger) == [("s1", None, 0, 1000, 10.0, 11.0), ("s1", "stall", 1000, 500, 11.0, 11.5)]


def test_nothing_is_lost_while_the_disk_is_away_and_memory_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    time = ManualTime()
    ledger = make(tmp_path / "state" / "e.db", time, hold=4)
    ledger.begin(session("s1"), T0, "synchronised")
    for k in range(6):
        cause = "stall" if k % 2 else "overflow"
        ledger.lost(Gap(k * 1000, 1000, cause), T0 + (k + 1) * S, "synchronised")
    report = ledger.report()
    assert (report.held, report.forgotten, report.database.state) == (4, 2, "unavailable")
    assert len(told(ledger)) == 4
    ledger.begin(session("s2"), T0 + 10 * S, "synchronised")
    (tmp_path / "state").unlink()
    time.advance(61)
    assert ledger.tick()
    assert [row[:2] for row in told(ledger)] == [("s1", c) for c in ("overflow", "stall") * 2] + [("s2", "restart")]
    assert told(ledger)[-1][4:] == (6.0, 10.0)


def test_a_damaged_ledger_is_set_aside_and_the_running_session_goes_on(tmp_path: Path) -> None:
    ledger = make(tmp_path / "e.db")
    ledger.begin(session("s1"), T0, "synchronised")
    ledger.listened(0, 1000, T0 + S, "synchronised")
    assert ledger.close()
    (tmp_path / "e.db").write_bytes(b"\xee" * 30_000)
    ledger.listened(1000, 1000, T0 + 2 * S, "synchronised")
    assert ledger.commit()
    assert told(ledger) == [("s1", None, 0, 2000, 0.0, 2.0)]
    assert len(ledger.report().database.set_aside) == 1


def test_old_spans_of_ended_sessions_are_pruned(tmp_path: Path) -> None:
    ledger = make(tmp_path / "e.db")
    for k, name in enumerate(["s1", "s2", "s3"]):
        ledger.begin(session(name), T0 + 100 * k * S, "synchronised")
        ledger.listened(0, 1000, T0 + (100 * k + 1) * S, "synchronised")
    assert ledger.commit()
    ledger.prune(T0 + 150 * S)
    assert [row[:2] for row in told(ledger)] == [("s3", "restart"), ("s3", None)]
    ledger.prune(T0 + 10**6 * S)
    assert len(told(ledger)) == 2  # the running session stays
    with closing(sqlite3.connect(tmp_path / "e.db")) as connection:
        assert connection.execute("SELECT id FROM session").fetchall() == [("s3",)]


def test_telling_without_a_session_is_a_mistake_in_the_program(tmp_path: Path) -> None:
    ledger = make(tmp_path / "e.db")
    assert ledger.accounted_until_ns() is None
    with pytest.raises(ValueError, match="no session"):
        ledger.listened(0, 1, T0, "synchronised")


def test_reading_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no effort ledger"):
        open_ledger(tmp_path / "none.db")
    (tmp_path / "bad.db").write_bytes(b"garbage, and more of it than a header" * 10)
    with pytest.raises(StorageError, match="cannot be read"):
        open_ledger(tmp_path / "bad.db")


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.booleans(), st.integers(1, 40_000)), max_size=15),
            st.floats(0, 1000),
            st.booleans(),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_listened_and_gaps_add_up_to_wall_time_whatever_is_cut(
    lives: list[tuple[list[tuple[bool, int]], float, bool]],
) -> None:
    """Sessions of blocks and gaps, each ended in order or by a power cut, with pauses between them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        time = ManualTime(utc_ns=T0)
        first_utc: int | None = None
        listened = 0
        for number, (items, pause, orderly) in enumerate(lives):
            path = folder / f"{number}.db"
            ledger = make(path, time)
            ledger.begin(session(f"s{number}"), time.utc_ns(), "synchronised")
            sample = 0
            for heard, size in items:
                time.advance(size / RATE)
                if first_utc is None:
                    first_utc = time.utc_ns() - size * S // RATE
                if heard:
                    ledger.listened(sample, size, time.utc_ns(), "synchronised")
                    listened += size
                else:
                    ledger.lost(Gap(sample, size, "stall"), time.utc_ns(), "synchronised")
                sample += size
                ledger.tick()
            if orderly:
                assert ledger.close()
            shutil.copy(path, folder / f"{number + 1}.db")  # what a power cut leaves: all but the memory
            log = path.with_name(path.name + "-wal")
            if log.exists():
                shutil.copy(log, folder / f"{number + 1}.db-wal")
            if not orderly:
                ledger._database.close()
            time.advance(pause)
        path = folder / f"{len(lives)}.db"
        ledger = make(path, time)
        ledger.begin(session("last"), time.utc_ns(), "synchronised")
        entries = ledger.spans(*EVER)
        total = sum(span.end_utc_ns - span.begin_utc_ns for _, span in entries)
        assert sum(span.samples for _, span in entries if span.cause is None) <= listened
        # a cut may take all of a short life; one that ended in order leaves what it heard
        assert entries or not any(size for items, _, orderly in lives if orderly for _, size in items)
        if entries:
            assert entries[0][1].begin_utc_ns >= (first_utc or 0)
            assert total == time.utc_ns() - entries[0][1].begin_utc_ns
            for (_, before_span), (_, after_span) in itertools.pairwise(entries):
                assert before_span.end_utc_ns == after_span.begin_utc_ns
        assert ledger.close()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 8), min_size=30, max_size=120), st.randoms(use_true_random=False))
def test_a_power_cut_forgets_at_most_the_stated_time(seconds: list[int], rng: random.Random) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "e.db"
        time = ManualTime(utc_ns=T0)
        ledger = make(path, time)
        ledger.begin(session("s1"), T0, "synchronised")
        sample = 0
        for size in seconds[: rng.randrange(1, len(seconds))]:
            time.advance(size)
            ledger.listened(sample, size * RATE, time.utc_ns(), "synchronised")
            sample += size * RATE
            ledger.tick()
        copy = Path(name) / "cut" / "e.db"
        copy.parent.mkdir()
        shutil.copy(path, copy)
        shutil.copy(path.with_name("e.db-wal"), copy.with_name("e.db-wal"))
        after = make(copy, time)
        after.begin(session("s2"), time.utc_ns(), "synchronised")
        on_disk = sum(span.samples for _, span in after.spans(*EVER) if span.cause is None)
        assert 0 <= sample - on_disk <= (30 + 8) * RATE  # commit_every_s and one interval between two ticks
        after.close()
        ledger.close()
