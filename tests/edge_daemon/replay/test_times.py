"""Times of replayed recordings, from the file's bytes to the tables: names, headers, pauses, and what is said."""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import shutil
import struct
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_daemon.audio.source import Block, Gap
from edge_daemon.cli import invoke
from edge_daemon.detection.detector import DetectorSettings, open_detector
from edge_daemon.replay.recordings import find_recordings
from edge_daemon.replay.resume import FinishedResults
from edge_daemon.replay.settings import settings_for
from edge_daemon.replay.task import replay_recording

pytestmark = pytest.mark.slow

SAMPLE = Path(__file__).resolve().parents[3] / "edge_daemon" / "assets" / "sample.flac"
CALLS_S = (4.75, 12.25, 20.25, 28.25, 38.25)
"""Where the calls of the sample begin."""
MOTH = b"Recorded at 19:22:55 14/12/2020 (UTC-5) by AudioMoth 0000000000000000 at medium gain while battery was 4.0V.\0"


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def wav(path: Path, samples: np.ndarray, rate: int, *chunks: bytes) -> None:
    fmt = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16))
    body = b"WAVE" + fmt + b"".join(chunks) + chunk(b"data", samples.tobytes())
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def harp(starts: list[datetime], frames: int, rate: int) -> bytes:
    head = bytes(56)
    entries = [
        struct.pack(
            "<6BHIIIIB7x", at.year - 2000, at.month, at.day, at.hour, at.minute, at.second, 0,
            1000 + 2 * frames * number, 2 * frames, 0, rate, 1,
        )
        for number, at in enumerate(starts)
    ]  # fmt: skip
    return chunk(b"harp", head + b"".join(entries))


def found(folder: Path) -> list[dict[str, str]]:
    with (folder / "detections.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def sound() -> tuple[np.ndarray, int]:
    samples, rate = soundfile.read(SAMPLE, dtype="int16")
    return samples, rate


NAMES = {
    "SITE7_20210710_120000_UTC-4": "2021-07-10T16:00:00",
    "20210710_120000(UTC-5)": "2021-07-10T17:00:00",
    "20170613T160000+02": "2017-06-13T14:00:00",
    "20210510_180000-0001": "2021-05-10T18:00:00",
    "20210510_180000-0002": "2021-05-10T18:00:00",
    "S20240405T035946.676+1000_E20240405T040446.501+1000_-42.0000+070.0000": "2024-04-04T17:59:46.676",
}


def test_names_as_people_write_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    for name in NAMES:
        shutil.copy(SAMPLE, tmp_path / "in" / f"{name}.flac")
    assert invoke(["replay", str(tmp_path / "in"), "--output", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "2 of the recordings do not tell the time zone: UTC was assumed (--timezone sets another).\n" in said
    rows = found(tmp_path / "out")
    assert len(rows) == len(NAMES) * len(CALLS_S)
    for name, start in NAMES.items():
        own = [row for row in rows if Path(row["file"]).stem == name]
        expected = [datetime.fromisoformat(start) + timedelta(seconds=call) for call in CALLS_S]
        assert [row["begin_utc"] for row in own] == [f"{at:%Y-%m-%dT%H:%M:%S.%fZ}" for at in expected]
        assert {row["clock"] for row in own} == {"file_name"}
        assumed = name.startswith("20210510")
        assert all(row["time_source"].endswith("UTC assumed") == assumed for row in own)


def test_an_audiomoths_comment(tmp_path: Path, sound: tuple[np.ndarray, int]) -> None:
    wav(tmp_path / "20201214_192255.WAV", *sound, chunk(b"LIST", b"INFO" + chunk(b"ICMT", MOTH)))
    assert invoke(["replay", str(tmp_path / "20201214_192255.WAV"), "--output", str(tmp_path / "out")]) == 0
    documents = [json.loads(line) for line in (tmp_path / "out" / "detections.jsonl").read_text().splitlines()]
    assert documents[0]["begin_utc"] == "2020-12-15T00:22:59.750000Z"
    assert {document["clock"] for document in documents} == {"header"}
    assert {document["time_source"] for document in documents} == {"AudioMoth comment; zone UTC-5 in the header"}


def test_raw_files_of_a_harp_are_stretches(
    tmp_path: Path, sound: tuple[np.ndarray, int], capsys: pytest.CaptureFixture[str]
) -> None:
    samples, rate = sound
    starts = [datetime(2023, 4, 5, 12, minutes) for minutes in (0, 10, 20)]
    path = tmp_path / "SITE_B_34_230405_120000.d100.x.wav"
    wav(path, samples[: 45 * rate], rate, harp(starts, 15 * rate, rate))
    words = ["replay", str(path), "--output", str(tmp_path / "out"), "--scores"]
    assert invoke(words) == 0
    assert "Recorders made 2 pauses within recordings, 0:19:30 in all." in capsys.readouterr().out
    rows = found(tmp_path / "out")
    assert [row["begin_utc"][11:22] for row in rows] == [
        "12:00:04.75", "12:00:12.25", "12:10:05.25", "12:10:13.25", "12:20:08.25",
    ]  # fmt: skip
    assert [float(row["begin_s"]) for row in rows] == list(CALLS_S)  # where they are in the file
    # the fourth goes on where the recorder paused: it ends there, and says that ten minutes are missing
    document = json.loads((tmp_path / "out" / "detections.jsonl").read_text().splitlines()[3])
    assert (document["end_s"], document["end_utc"]) == (30.0, "2023-04-05T12:10:15.000000Z")
    assert document["gaps"] == [{"begin_s": 30.0, "length_s": 585.0, "cause": "schedule"}]
    # no window begins in one stretch and speaks for another
    with (tmp_path / "out" / "scores.csv").open(encoding="utf-8", newline="") as file:
        windows = [(float(row["begin_s"]), row["utc"]) for row in csv.DictReader(file)]
    assert [begin for begin, _ in windows if begin in (14.0, 14.5, 15.0, 15.5)] == [14.0, 15.0, 15.5]
    assert dict(windows)[15.0] == "2023-04-05T12:10:00.000000Z"
    assert dict(windows)[30.0] == "2023-04-05T12:20:00.000000Z"


def test_a_call_that_a_pause_cuts_off_is_found_by_what_there_is_of_it(sound: tuple[np.ndarray, int]) -> None:
    """From 1.9 s after the event's begin on; without filled windows such a call is missed."""
    samples, rate = sound
    found = 0
    with contextlib.closing(open_detector(DetectorSettings(threshold=0.84))) as detector:
        for begin_s, later_s in itertools.product(CALLS_S, (1.9, 2.0, 2.25)):
            end = round((begin_s + later_s) * rate)
            part = samples[max(0, end - 6 * rate) : end].astype(np.float32) / 32768
            pipeline = detector.pipeline(rate)
            outputs = [
                pipeline.push(Block(part, 0)),
                pipeline.push(Gap(len(part), 0, "schedule", seam=True)),
                pipeline.finish(),
            ]
            events = [one.event for output in outputs for one in output.found]
            found += any(event.end > len(part) - later_s * rate for event in events)
            assert all(event.end <= len(part) + rate // 2 for event in events)
    assert found == 15


def test_a_resumed_run_knows_the_pauses(tmp_path: Path, sound: tuple[np.ndarray, int]) -> None:
    samples, rate = sound
    starts = [datetime(2023, 4, 5, 12, minutes) for minutes in (0, 10, 20)]
    wav(tmp_path / "20230405_110000.x.wav", samples[: 45 * rate], rate, harp(starts, 15 * rate, rate))
    settings = settings_for(None)
    (recording,) = find_recordings([tmp_path])
    result = replay_recording(recording, settings)
    assert len(result.time_remarks) == 1
    store = FinishedResults(tmp_path / "out", settings, "digest")
    store.save(result)
    again = store.load(recording)
    assert again is not None
    assert list(again.detections()) == list(result.detections())
    assert (again.stretches, again.time_remarks, again.zone_assumed) == (
        result.stretches, result.time_remarks, result.zone_assumed,
    )  # fmt: skip


def test_a_zone_for_the_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    for name in ("20210710_120000.flac", "20210110_120000.flac", "20210710_120000Z.flac"):
        shutil.copy(SAMPLE, tmp_path / "in" / name)
    words = ["replay", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--timezone", "America/Halifax"]
    assert invoke(words) == 0
    assert "UTC was assumed" not in capsys.readouterr().out
    rows = found(tmp_path / "out")
    hours = {Path(row["file"]).name: row["begin_utc"][:13] for row in rows}
    assert hours == {
        "20210710_120000.flac": "2021-07-10T15",
        "20210110_120000.flac": "2021-01-10T16",
        "20210710_120000Z.flac": "2021-07-10T12",
    }
    assert invoke(["replay", str(SAMPLE), "--timezone", "Atlantis"]) == 2
    assert "There is no time zone 'Atlantis'" in capsys.readouterr().err


def test_contradictions_and_reset_clocks_are_said(
    tmp_path: Path, sound: tuple[np.ndarray, int], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    wav(tmp_path / "in" / "20201214_152255.WAV", *sound, chunk(b"LIST", b"INFO" + chunk(b"ICMT", MOTH)))
    shutil.copy(SAMPLE, tmp_path / "in" / "20000101_000500.flac")
    assert invoke(["replay", str(tmp_path / "in"), "--output", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "1 of the recordings has no start time" in said
    assert "20201214_152255.WAV': Its AudioMoth comment says 2020-12-15 00:22:55 UTC, its name" in said
    assert "the day at which a reset clock begins: it is not believed." in said
    clocks = {Path(row["file"]).name: (row["clock"], row["begin_utc"][:10]) for row in found(tmp_path / "out")}
    assert clocks == {"20201214_152255.WAV": ("header", "2020-12-15"), "20000101_000500.flac": ("none", "")}
