"""`edge-daemon detections`, as a person calls it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import random
import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from edge_daemon.cli.detections import detections
from edge_daemon.detection.document import Detection
from edge_daemon.errors import StorageError
from edge_daemon.history.entry import HistoryEntry
from edge_daemon.history.history import BoardHistory
from edge_daemon.testing.machine import ManualTime

S = 10**9
EXAMPLE = Detection.model_validate(json.loads(Detection.schema_text())["examples"][0])
AT = 1_238_328_903_250_000_000  # 2009-03-29T12:15:03.25Z


def run(*arguments: object) -> Result:
    return CliRunner().invoke(detections, [*map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Two detections, the first delivered and with its clip."""
    folder = tmp_path / "state"
    history = BoardHistory(folder / "history.db", time=ManualTime(), rng=random.Random(0), keep_s=9e9, max_bytes=10**9)
    for number, (score, delivered) in enumerate([(0.97, True), (0.71, False)]):
        at = AT + number * 3600 * S
        found = EXAMPLE.model_copy(update={"peak_score": score, "clip": EXAMPLE.clip if number == 0 else None})
        history.put(
            HistoryEntry(
                f"d{number}", "detection", at, at + 3 * S // 2, "synchronised", found.to_json(), score,
                contour=True, clip=found.clip, delivered=delivered,
            )
        )  # fmt: skip
    assert history.close()
    clip = folder / "clips" / str(EXAMPLE.clip)
    clip.parent.mkdir(parents=True)
    soundfile.write(clip, np.zeros(11_000, np.int16), 2000)
    return folder


def test_a_table_for_a_person(state: Path) -> None:
    lines = run("--database", state / "history.db").output.splitlines()
    assert lines[1].split()[:6] == ["2009-03-29", "12:15:03.250", "1.50", "s", "0.970", "yes"]
    assert lines[2].split() == ["2009-03-29", "13:15:03.250", "1.50", "s", "0.710", "no", "synchronised"]
    assert lines[-1] == "2 detections."


@pytest.mark.parametrize(
    ("options", "begins"),
    [
        (("--min-score", "0.8"), ["12:15:03.250"]),
        (("--not-delivered",), ["13:15:03.250"]),
        (("--delivered",), ["12:15:03.250"]),
        (("--since", "2009-03-29T13:00Z"), ["13:15:03.250"]),
        (("--until", "2009-03-29T13:00Z"), ["12:15:03.250"]),
        (("--until", "2009-03-28"), []),
    ],
)
def test_filters(state: Path, options: tuple[str, ...], begins: list[str]) -> None:
    lines = run("--database", state / "history.db", *options).output.splitlines()
    assert [line.split()[1] for line in lines[1:-1]] == begins


def test_exports_are_those_of_replay(state: Path, tmp_path: Path) -> None:
    told = run("--database", state / "history.db", "--format", "jsonl").output.splitlines()
    assert [json.loads(line)["peak_score"] for line in told] == [0.97, 0.71]
    assert run("--database", state / "history.db", "--format", "csv", "--output", tmp_path / "t.csv").output == ""
    rows = list(csv.DictReader((tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["call_low_hz"] for row in rows] == ["95.1", "95.1"]
    assert [row["clip"] for row in rows] == [EXAMPLE.clip, ""]
    result = run("--database", state / "history.db", "--format", "raven")
    (row,) = csv.DictReader(io.StringIO(result.stdout), delimiter="\t")
    # the clip begins two seconds before the event, at 12:15:01.250; the call 0.186 s after the event
    assert row["File Offset (s)"] == "2.186000"
    assert row["Begin File"] == Path(str(EXAMPLE.clip)).name
    assert "1 detections have no clip" in result.stderr


def test_clips_are_copied(state: Path, tmp_path: Path) -> None:
    result = run("--database", state / "history.db", "--copy-clips", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [Path(str(EXAMPLE.clip)).name]
    assert "1 clips copied" in result.stderr
    assert "1 detections have none" in result.stderr


def test_the_folder_of_a_configuration(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "edge-daemon.yaml"
    file.write_text(f"version: 1\nstorage:\n  folder: {state}\n", encoding="utf-8")
    assert run("--config", file).output.splitlines()[-1] == "2 detections."


def test_without_a_history_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no history"):
        run("--database", tmp_path / "none.db")


def test_a_hundred_thousand_take_a_moment(tmp_path: Path) -> None:
    history = BoardHistory(tmp_path / "h.db", time=ManualTime(), rng=random.Random(0), keep_s=9e9, max_bytes=10**10)
    document = EXAMPLE.to_json()
    entries = [
        (f"d{n}", "detection", AT + n * S, AT + n * S + S, "synchronised", document[:200], 0.9, 1, None, 0)
        for n in range(20_000)
    ]
    history._database.transact(
        lambda connection: connection.executemany(
            "INSERT INTO entry (id, kind, begin_utc_ns, end_utc_ns, clock, document, score, contour, clip, delivered)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            entries,
        )
    )
    history.close()
    began = time.process_time()
    assert run("--database", tmp_path / "h.db").output.splitlines()[-1] == "20,000 detections."
    assert time.process_time() - began < 2.0  # a fifth of them, on a machine that may be ten times slower


@pytest.mark.parametrize("form", ["csv", "jsonl", "raven", "table"])
@pytest.mark.parametrize("rot", ["CAST(x'7b22ff' AS TEXT)", "x'00'", "substr(document, 9)"])
def test_a_rotten_document_hides_no_other(state: Path, form: str, rot: str) -> None:
    path = state / "history.db"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE entry SET document = {rot} WHERE id = 'd1'")  # noqa: S608 our own words
    done = run("--database", path, "--format", form)
    assert done.exit_code == 0
    assert "0.97" in done.output or form == "raven"
    assert ("1 detections are damaged" in done.output) == (form != "table" and rot != "x'00'")
