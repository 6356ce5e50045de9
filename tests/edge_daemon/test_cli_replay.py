"""`edge-daemon replay`: what it prints, writes, refuses and returns."""

from __future__ import annotations

import csv
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_daemon.cli import run
from edge_daemon.cli.detection_table import clock_text


@pytest.fixture(scope="module")
def sea(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording in which the tiny model finds something."""
    time = np.arange(60 * 2000) / 2000
    sound = 0.01 * np.random.default_rng(1).standard_normal(len(time))
    for begin in np.arange(1.0, 58, 3.7):
        inside = (time >= begin) & (time < begin + 1)
        local = time[inside] - begin
        sound[inside] += 0.05 * np.sin(2 * np.pi * (100 * local + 50 * local**2))
    path = tmp_path_factory.mktemp("sound") / "sea.wav"
    soundfile.write(path, sound, 2000)
    return path


def test_the_table_and_the_summary(sea: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", str(sea), "--model", str(tiny_model)]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0].split() == ["File", "Begin", "Length", "Band", "Peak", "Mean"]
    rows = [line for line in lines if line.startswith(str(sea))]
    assert rows
    assert lines[len(rows) + 1].startswith(f"{len(rows)} detections in 1 recording, 0:01:00 of sound (0.02 h), ")
    assert lines[len(rows) + 1].endswith(" × real time.")
    assert "tells no start time" in lines[len(rows) + 2]
    assert printed.err == ""


def test_a_known_start_shows_utc(sea: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", str(sea), "--model", str(tiny_model), "--start", "2020-01-01T00:00:00Z"]) == 0
    printed = capsys.readouterr().out
    assert "2020-01-01 00:00:" in printed
    assert "no start time" not in printed


def test_without_output_nothing_is_written(
    sea: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(sea.parent.iterdir())
    assert run(["replay", str(sea), "--model", str(tiny_model)]) == 0
    assert list(tmp_path.iterdir()) == []
    assert sorted(sea.parent.iterdir()) == before


def test_output(sea: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["replay", str(sea), "--model", str(tiny_model), "--output", str(tmp_path / "out"), "--scores"]
    assert run([*words, "--hop", "1", "--device", "lab"]) == 0
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "sea.selections.txt",
        "sea.labels.txt",
        "detections.csv",
        "detections.jsonl",
        "scores.csv",
    }
    with (tmp_path / "out" / "scores.csv").open() as file:
        assert file.readline() == "file,begin_s,end_s,utc,score\n"
        assert [row[1] for row in csv.reader(file)] == [f"{second}.000000" for second in range(59)]
    documents = [json.loads(line) for line in (tmp_path / "out" / "detections.jsonl").read_text().splitlines()]
    assert {d["device"] for d in documents} == {"lab"}
    assert f"Written to {tmp_path / 'out'}." in capsys.readouterr().out


def test_chosen_formats(sea: Path, tiny_model: Path, tmp_path: Path) -> None:
    words = ["replay", str(sea), "--model", str(tiny_model), "--output", str(tmp_path), "--formats", "csv, raven"]
    assert run(words) == 0
    assert {p.name for p in tmp_path.iterdir()} == {"sea.selections.txt", "detections.csv"}


def test_the_threshold(sea: Path, tiny_model: Path, tmp_path: Path) -> None:
    def peaks(threshold: str) -> list[float]:
        words = ["replay", str(sea), "--model", str(tiny_model), "--output", str(tmp_path), "--threshold", threshold]
        assert run(words) == 0
        with (tmp_path / "detections.csv").open() as file:
            return [float(row["peak_score"]) for row in csv.DictReader(file)]

    some, none = peaks("0.6"), peaks("1")
    assert some
    assert min(some) >= 0.6
    assert none == []


def test_a_bad_file_among_good_ones(
    sea: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    words = ["replay", str(bad), str(sea), "--model", str(tiny_model), "--output", str(tmp_path / "out")]
    assert run(words) == 1
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("skipped: ")
    assert "bad.wav" in printed.err
    assert "1 recording could not be replayed." in printed.out
    assert not [p for p in (tmp_path / "out").iterdir() if p.name.startswith("bad")]
    assert (tmp_path / "out" / "sea.labels.txt").exists()


def test_the_sample_in_the_package(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", "--model", str(tiny_model)]) == 0
    assert "sample inside the package" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["nowhere.wav"], "no file or folder nowhere.wav"),
        (["{empty}"], "No sound files"),
        (["{sea}", "--scores"], "--output"),
        (["{sea}", "--formats", "csv"], "--output"),
        (["{sea}", "--output", "{empty}", "--formats", "xls"], "xls given; there are raven, audacity, csv, jsonl"),
        (["{sea}", "--output", "{empty}", "--formats", " "], "none given"),
        (["{sea}", "--start", "yesterday"], "not a start time"),
        (["{sea}", "{sea2}", "--start", "2020-01-01T00:00:00Z"], "there are 2"),
        (["{sea}", "--hop", "3"], "hop of 3 s"),
        (["{sea}", "--threshold", "2"], "threshold"),
        (["{sea}", "--jobs", "0"], "jobs"),
        (["{sea}", "--channel", "0"], "channel"),
    ],
)
def test_usage_errors(
    sea: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], complaint: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "sea2.wav").write_bytes(sea.read_bytes())
    places = {"sea": str(sea), "empty": str(tmp_path / "empty"), "sea2": str(tmp_path / "sea2.wav")}
    assert run(["replay", "--model", str(tiny_model), *(word.format(**places) for word in words)]) == 2
    printed = capsys.readouterr()
    assert complaint in printed.err
    assert "Traceback" not in printed.err
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize("words", [["--model", "no.onnx"], ["--backend", "abacus"]])
def test_a_run_that_cannot_work(
    sea: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert run(["replay", str(sea), "--model", str(tiny_model), "--output", str(tmp_path / "out"), *words]) == 1
    assert capsys.readouterr().err.startswith("edge-daemon: ")
    assert list((tmp_path / "out").iterdir()) == []


def test_on_a_terminal_there_is_a_bar_and_a_table(sea: Path, tiny_model: Path) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "edge_daemon", "replay", str(sea), "--model", str(tiny_model), "--hop", "0.02"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "150"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(command, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    printed = b""
    try:
        while chunk := os.read(leader, 65536):
            printed += chunk
    except OSError:
        pass  # Linux says EIO where the other end is closed
    finally:
        os.close(leader)
    assert process.wait(timeout=30) == 0
    text = printed.decode()
    assert "Replaying" in text
    assert "left" in text
    assert "Peak" in text
    assert "× real time" in text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00:00.00"), (3.25, "0:00:03.25"), (3599.999, "1:00:00.00"), (90061.5, "25:01:01.50")]
)
def test_clock_text(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text
