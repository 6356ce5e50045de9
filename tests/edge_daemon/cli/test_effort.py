"""`edge-daemon effort`, as a person calls it."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_daemon.audio.source import Gap
from edge_daemon.cli.effort import by_day, default_ledger, duration, effort, parse_utc
from edge_daemon.effort.ledger import EffortLedger
from edge_daemon.effort.spans import Session, Span
from edge_daemon.errors import StorageError, UsageError
from edge_daemon.testing.machine import ManualTime

S = 10**9
NOON = round(datetime(2026, 3, 29, 12, tzinfo=UTC).timestamp()) * S


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """18 h from noon on, of which the second hour was without a device; then 1 h of rest."""
    path = tmp_path / "effort.db"
    book = EffortLedger(path, time=ManualTime(), rng=random.Random(0))
    book.begin(Session("s1", "buoy", "card", 2000), NOON, "synchronised")
    book.listened(0, 7_200_000, NOON + 3600 * S, "synchronised")
    book.lost(Gap(7_200_000, 7_200_000, "device_absent"), NOON + 7200 * S, "synchronised")
    book.listened(14_400_000, 16 * 7_200_000, NOON + 18 * 3600 * S, "synchronised")
    assert book.close()
    return path


def lines(*arguments: str) -> list[list[str]]:
    result = CliRunner().invoke(effort, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return [line.replace("│", " ").replace("┃", " ").split() for line in result.output.splitlines()]


def test_prints_days_the_whole_and_the_causes(ledger: Path) -> None:
    printed = lines("--database", str(ledger))
    assert ["2026-03-29", "11:00:00.0", "1:00:00.0", "0:00:00.0", "0:00:00.0", "91.67"] in printed
    assert ["2026-03-30", "6:00:00.0", "0:00:00.0", "0:00:00.0", "0:00:00.0", "100.00"] in printed
    assert ["all", "17:00:00.0", "1:00:00.0", "0:00:00.0", "0:00:00.0", "94.44"] in printed
    assert ["device_absent", "1", "1:00:00.0", "7200000"] in printed


def test_since_and_until_bound_the_period(ledger: Path) -> None:
    printed = lines(
        "--database", str(ledger), "--since", "2026-03-29T13:30:00Z", "--until", "2026-03-29T16:30:00+02:00"
    )
    assert ["2026-03-29", "0:30:00.0", "0:30:00.0", "0:00:00.0", "0:00:00.0", "50.00"] in printed
    assert lines("--database", str(ledger), "--until", "2026-03-01") == [
        ["Nothing", "was", "listened", "to", "in", "that", "time."]
    ]


def test_csv_is_every_span(ledger: Path) -> None:
    result = CliRunner().invoke(effort, ["--database", str(ledger), "--csv"], catch_exceptions=False)
    rows = result.output.splitlines()
    assert rows[0].startswith("session,device,source,rate_hz,begin_utc")
    assert rows[2] == (
        "s1,buoy,card,2000,2026-03-29T13:00:00.000000Z,2026-03-29T14:00:00.000000Z,"
        "3600.000000,7200000,7200000,gap,device_absent,synchronised"
    )
    assert len(rows) == 4


def test_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no effort ledger"):
        CliRunner().invoke(effort, ["--database", str(tmp_path / "no.db")], catch_exceptions=False)
    with pytest.raises(UsageError, match="--since 'yesterday' is not a time"):
        CliRunner().invoke(effort, ["--since", "yesterday"], catch_exceptions=False)


def test_reads_times_to_the_microsecond() -> None:
    assert parse_utc("1970-01-02T00:00:01.000001Z", "--since") == 86_401_000_001_000
    assert parse_utc("1970-01-01T02:00:00+02:00", "--since") == 0
    assert parse_utc("1970-01-03", "--since") == 2 * 86_400 * S


def test_default_is_the_state_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/state/one:/state/two")
    assert default_ledger() == Path("/state/one/effort.db")
    monkeypatch.delenv("STATE_DIRECTORY")
    assert default_ledger() == Path("/var/lib/edge-daemon/effort.db")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00:00.0"), (3661.5, "1:01:01.5"), (59.96, "0:01:00.0"), (-3600, "-1:00:00.0"), (-0.01, "0:00:00.0")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_decades_without_a_session_are_left_out() -> None:
    session = Session("s", "b", "c", 1)
    day = 86_400 * S
    entries = [
        (session, Span(1, 0, 10, None, 0, 10 * S, "unsynchronised")),
        (session, Span(2, None, 1, "restart", 10 * S, 20_000 * day, "unsynchronised")),
        (session, Span(3, 10, 10, None, 20_000 * day, 20_000 * day + 10 * S, "synchronised")),
    ]
    assert sorted(by_day(entries, 0, 30_000 * day)) == [0, 20_000]
    assert sorted(by_day(entries[:1] + entries[2:], 0, 30_000 * day)) == [0, 20_000]
