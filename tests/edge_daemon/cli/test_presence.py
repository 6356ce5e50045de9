"""`edge-daemon presence`, as a person calls it."""

from __future__ import annotations

import contextlib
import csv
import json
import random
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edge_daemon.audio.source import Gap
from edge_daemon.cli.presence import presence
from edge_daemon.detection.document import Detection
from edge_daemon.effort.ledger import EffortLedger
from edge_daemon.effort.spans import Session
from edge_daemon.effort.track_table import TrackPoint
from edge_daemon.errors import StorageError, UsageError
from edge_daemon.history.entry import HistoryEntry
from edge_daemon.history.history import BoardHistory
from edge_daemon.testing.machine import ManualTime

S = 10**9
HOUR = 3600 * S
DAY = round(datetime(2026, 3, 29, tzinfo=UTC).timestamp()) * S
EXAMPLE = Detection.model_validate(json.loads(Detection.schema_text())["examples"][0])


def run(*arguments: object) -> Result:
    return CliRunner().invoke(presence, [*map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A board that listened from noon to 20 h, and from 21 h of the next day to 18 h of the third, with two calls."""
    folder = tmp_path / "state"
    ledger = EffortLedger(folder / "effort.db", time=ManualTime(), rng=random.Random(0))
    ledger.begin(Session("s1", "buoy", "card", 2000), DAY + 12 * HOUR, "synchronised")
    ledger.listened(0, 8 * 7_200_000, DAY + 20 * HOUR, "synchronised")
    ledger.lost(Gap(8 * 7_200_000, 25 * 7_200_000, "device_absent"), DAY + 45 * HOUR, "synchronised")
    ledger.listened(33 * 7_200_000, 21 * 7_200_000, DAY + 66 * HOUR, "synchronised")
    assert ledger.close()
    history = BoardHistory(folder / "history.db", time=ManualTime(), rng=random.Random(0), keep_s=9e9, max_bytes=10**9)
    for name, hours in (("a", 13), ("b", 50)):
        at = DAY + hours * HOUR
        history.put(HistoryEntry(name, "detection", at, at + S, "synchronised", EXAMPLE.to_json(), 0.9))
    assert history.close()
    file = tmp_path / "edge-daemon.yaml"
    file.write_text(f"version: 1\nstorage:\n  folder: {folder}\ndeployment:\n  code: D1\n", encoding="utf-8")
    return file


def test_days(config: Path, tmp_path: Path) -> None:
    lines = [line.split() for line in run("--config", config).output.splitlines()]
    assert lines[1:] == [
        ["2026-03-29", "00:00", "8:00:00.0", "1", "0", "POSSIBLY_DETECTED"],
        ["2026-03-30", "00:00", "3:00:00.0", "0", "0", "NOT_AVAILABLE"],
        ["2026-03-31", "00:00", "18:00:00.0", "1", "0", "POSSIBLY_DETECTED"],
    ]
    said = tmp_path / "verdicts.csv"
    said.write_text("file,begin_s,end_s,verdict,id\nx,0,1,not a call,a\nx,0,1,call,b\n", encoding="utf-8")
    rows = list(csv.DictReader(run("--config", config, "--verdicts", said, "--csv").output.splitlines()))
    assert [row["result"] for row in rows] == ["NOT_AVAILABLE", "NOT_AVAILABLE", "DETECTED"]
    assert [row["effort_s"] for row in rows] == ["28800.0", "10800.0", "64800.0"]


def test_a_rotten_document_is_a_call_all_the_same(config: Path) -> None:
    before = run("--config", config).output
    with contextlib.closing(sqlite3.connect(config.parent / "state" / "history.db")) as connection, connection:
        connection.execute("UPDATE entry SET document = '{\"model\": 1}' WHERE id = 'a'")
    assert run("--config", config).output == before


def test_hours_in_a_range(config: Path) -> None:
    output = run("--config", config, "--hourly", "--since", "2026-03-29T12:00", "--until", "2026-03-29T15:00").output
    assert [line.split()[-1] for line in output.splitlines()[1:]] == [
        "NOT_DETECTED",
        "POSSIBLY_DETECTED",
        "NOT_DETECTED",
    ]


def test_tables_for_noaa(config: Path, tmp_path: Path) -> None:
    result = run("--config", config, "--pars", tmp_path / "pars")
    assert sorted(path.name for path in (tmp_path / "pars").iterdir()) == ["detectiondata.csv", "metadata.csv"]
    rows = list(csv.DictReader((tmp_path / "pars" / "detectiondata.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["detection_effort_secs"], row["detection_result_code"]) for row in rows] == [
        ("28800", "POSSIBLY_DETECTED"),
        ("10800", "NOT_AVAILABLE"),
        ("64800", "POSSIBLY_DETECTED"),
    ]
    assert {row["deployment_code"] for row in rows} == {"D1"}
    assert {row["analysis_processing_code"] for row in rows} == {"REAL_TIME"}
    assert "project_name is empty" in result.stderr
    run("--config", config, "--darwin-core", tmp_path / "occurrence.csv")
    occurrences = list(csv.DictReader((tmp_path / "occurrence.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["eventDate"][:10] for row in occurrences] == ["2026-03-29", "2026-03-31"]


def test_the_track_of_a_device_that_moves(config: Path, tmp_path: Path) -> None:
    ledger = EffortLedger(tmp_path / "state" / "effort.db", time=ManualTime(), rng=random.Random(0))
    for hours, latitude in ((12, 42.3), (40, 42.4), (66, 42.5)):
        ledger.track_point(TrackPoint(DAY + hours * HOUR, latitude, -70.25, "3d", 4.0))
    assert ledger.close()
    run("--config", config, "--pars", tmp_path / "pars")
    rows = list(csv.DictReader((tmp_path / "pars" / "gpsdata.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["datetime"], row["latitude"]) for row in rows] == [
        ("2026-03-29T12:00:00Z", "42.3"),
        ("2026-03-29T13:00:00Z", "42.35"),  # a detection
        ("2026-03-30T16:00:00Z", "42.4"),
        ("2026-03-31T18:00:00Z", "42.5"),
    ]


def test_a_replays_output(tmp_path: Path) -> None:
    (tmp_path / "detections.csv").write_text(
        "begin_utc,peak_score,id,model_name,model_version\n2026-03-29T00:00:04.750000Z,0.9,x,m,1\n", encoding="utf-8"
    )
    windows = [f"a.wav,{n / 2},{n / 2 + 2},2026-03-29T{n // 7200:02d}:{n // 120 % 60:02d}:{n % 120 / 2:04.1f}Z,0.1"
               for n in range(2 * 3600 - 3)]  # fmt: skip
    (tmp_path / "scores.csv").write_text("file,begin_s,end_s,utc,score\n" + "\n".join(windows) + "\n", encoding="utf-8")
    (line,) = run(tmp_path, "--hourly").output.splitlines()[1:]
    assert line.split() == ["2026-03-29", "00:00", "1:00:00.0", "1", "0", "POSSIBLY_DETECTED"]


def test_what_cannot_be_judged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"no detections\.csv"):
        run(tmp_path)
    (tmp_path / "detections.csv").write_text("begin_utc,peak_score,id\n,0.9,x\n", encoding="utf-8")
    with pytest.raises(StorageError, match="time of day"):
        run(tmp_path)
    (tmp_path / "said.csv").write_text("verdict,id\nperhaps,x\n", encoding="utf-8")
    with pytest.raises(UsageError, match="'perhaps' is not a verdict"):
        run(tmp_path, "--verdicts", tmp_path / "said.csv")
    with pytest.raises(StorageError, match=r"no nobody\.csv") as refused:
        run(tmp_path, "--verdicts", tmp_path / "nobody.csv")
    assert "report page exports" in str(refused.value.hint)
