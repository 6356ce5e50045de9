"""`edge-daemon replay`: what it prints, writes, refuses and returns."""

from __future__ import annotations

import csv
import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from edge_daemon.cli import invoke
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
    assert invoke(["replay", str(sea), "--model", str(tiny_model)]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0].split() == ["File", "Begin", "Length", "Band", "Peak", "Mean"]
    rows = [line for line in lines if line.startswith(str(sea))]
    assert rows
    assert lines[len(rows) + 1].startswith(f"{len(rows)} detections in 1 recording, 0:01:00 of sound (0.02 h), ")
    assert lines[len(rows) + 1].endswith(" × real time.")
    assert "has no start time" in lines[len(rows) + 2]
    assert printed.err == ""


def test_a_known_start_shows_utc(sea: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["replay", str(sea), "--model", str(tiny_model), "--start", "2020-01-01T00:00:00Z"]) == 0
    printed = capsys.readouterr().out
    assert "2020-01-01 00:00:" in printed
    assert "no start time" not in printed


def test_without_output_nothing_is_written(
    sea: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(sea.parent.iterdir())
    assert invoke(["replay", str(sea), "--model", str(tiny_model)]) == 0
    assert list(tmp_path.iterdir()) == []
    assert sorted(sea.parent.iterdir()) == before


def test_output(sea: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["replay", str(sea), "--model", str(tiny_model), "--output", str(tmp_path / "out"), "--scores"]
    assert invoke([*words, "--hop", "1", "--device", "lab"]) == 0
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "sea.selections.txt",
        "sea.labels.txt",
        "selections.txt",
        "detections.csv",
        "detections.jsonl",
        "scores.csv",
    }
    with (tmp_path / "out" / "scores.csv").open() as file:
        assert file.readline() == "file,begin_s,end_s,utc,score\n"
        assert [row[1] for row in csv.reader(file)] == [f"{second}.000000" for second in range(59)]
    documents = [json.loads(line) for line in (tmp_path / "out" / "detections.jsonl").read_text().splitlines()]
    assert {d["device"] for d in documents} == {"lab"}
    # on every machine: the kernel does not score where ONNX Runtime is asked for by name
    said = capsys.readouterr().out
    assert "Scored by the backend " in said
    assert f"Written to {tmp_path / 'out'}." in said
    assert invoke([*words, "--backend", "onnx"]) == 0
    assert "Scored by the backend onnx.\n" in capsys.readouterr().out


def test_chosen_formats(sea: Path, tiny_model: Path, tmp_path: Path) -> None:
    words = ["replay", str(sea), "--model", str(tiny_model), "--output", str(tmp_path), "--formats", "csv, raven"]
    assert invoke(words) == 0
    assert {p.name for p in tmp_path.iterdir()} == {"sea.selections.txt", "detections.csv"}


def test_the_threshold(sea: Path, tiny_model: Path, tmp_path: Path) -> None:
    def peaks(threshold: str) -> list[float]:
        words = ["replay", str(sea), "--model", str(tiny_model), "--output", str(tmp_path), "--threshold", threshold]
        assert invoke(words) == 0
        with (tmp_path / "detections.csv").open() as file:
            return [float(row["peak_score"]) for row in csv.DictReader(file)]

    some, none = peaks("0.6"), peaks("1")
    assert some
    assert min(some) >= 0.6
    assert none == []


CONFIG = """
version: 1
device: {{id: buoy-7, latitude: 42.35, longitude: -70.25}}
hydrophone: {{sensitivity_db: -165, gain_db: 20, adc_full_scale_v: 10}}
model: {{path: {model}}}
backend: {{name: {backend}, retries: 0}}
detection: {{hop_s: 1, threshold: 0.7, merge_gap_s: 0.0}}
"""


def replayed(sea: Path, config: Path, output: Path, *words: str) -> list[dict[str, Any]]:
    assert invoke(["replay", str(sea), "--config", str(config), "--output", str(output), "--scores", *words]) == 0
    return [json.loads(line) for line in (output / "detections.jsonl").read_text().splitlines()]


def test_as_the_daemon_would(sea: Path, tiny_model: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(model=tiny_model, backend="event"))
    documents = replayed(sea, config, tmp_path / "out")
    assert documents
    assert {d["device"] for d in documents} == {"buoy-7"}
    assert {d["backend"] for d in documents} == {"event"}
    assert {d["threshold"] for d in documents} == {0.7}
    assert {tuple(d["position"].values()) for d in documents} == {(42.35, -70.25, None)}
    # sweeps of amplitude 0.05 under 165 dB: 136 dB in the sweep's second, less over a window with the noise around it
    assert all(125 < d["received_level"]["rms_db"] < 137 for d in documents)
    assert (tmp_path / "out" / "scores.csv").read_text().count("\n") == 1 + 59  # a hop of 1 s


def test_credentials_are_looked_for_beside_the_configuration(
    sea: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    (tmp_path / "user").write_text("buoy\n", encoding="utf-8")
    (tmp_path / "user").chmod(0o600)
    config = tmp_path / "c.yaml"
    config.write_text('version: 1\nmqtt: {username: "${CREDENTIAL:user}"}\n', encoding="utf-8")
    assert invoke(["replay", str(sea), "--model", str(tiny_model), "--config", str(config)]) == 0
    assert invoke(["bench", "--seconds", "0.1", "--model", str(tiny_model), "--config", str(config)]) == 0


def test_start_is_offered_for_one_recording_only(
    sea: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.wav", "b.wav"):
        shutil.copy(sea, tmp_path / name)
    assert invoke(["replay", str(tmp_path), "--model", str(tiny_model)]) == 0
    printed = capsys.readouterr().out
    assert "have no start time: times count from the beginning of the file." in printed
    assert invoke(["replay", str(sea), "--model", str(tiny_model)]) == 0
    assert "(--start gives one)" in capsys.readouterr().out


def test_options_go_before_the_configuration(sea: Path, tiny_model: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(model="nowhere.onnx", backend="event"))
    words = ["--model", str(tiny_model), "--threshold", "0.65", "--hop", "0.5", "--device", "lab", "--backend", "onnx"]
    documents = replayed(sea, config, tmp_path / "out", *words, "--backend-option", "threads=2")
    assert {(d["device"], d["backend"], d["threshold"]) for d in documents} == {("lab", "onnx", 0.65)}
    assert (tmp_path / "out" / "scores.csv").read_text().count("\n") == 1 + 117


def test_detections_name_the_backend_that_took_over(sea: Path, tiny_model: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(model=tiny_model, backend="not-installed"))
    documents = replayed(sea, config, tmp_path / "out")
    assert {d["backend"] for d in documents} == {"onnx"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--config", "nowhere.yaml"], "nowhere.yaml does not exist"),
        (["--config", "{bad}"], "bad.yaml:2:13: detection.hopp_s is not a known key"),
        (["--backend-option", "threads"], "'threads' is not KEY=VALUE"),
        (["--backend-option", "threads=[1"], "'threads=[1' cannot be read"),
    ],
)
def test_bad_configurations(
    sea: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], complaint: str
) -> None:
    (tmp_path / "bad.yaml").write_text("version: 1\ndetection: {hopp_s: 1}\n")
    assert invoke(["replay", str(sea), *(word.format(bad=tmp_path / "bad.yaml") for word in words)]) == 2
    assert complaint in capsys.readouterr().err


def test_an_option_that_the_backend_does_not_have(
    sea: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["replay", str(sea), "--model", str(tiny_model), "--backend-option", "speed=9"]) == 2
    assert "Option 'speed' of backend 'onnx'" in capsys.readouterr().err


def test_a_bad_file_among_good_ones(
    sea: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    words = ["replay", str(bad), str(sea), "--model", str(tiny_model), "--output", str(tmp_path / "out")]
    assert invoke(words) == 1
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("skipped: ")
    assert "bad.wav" in printed.err
    lines = printed.out.splitlines()
    place = lines.index("1 recording could not be replayed:")
    assert lines[place + 1].startswith(f"  '{bad}' is not a sound file")
    with (tmp_path / "out" / "failures.csv").open() as file:
        assert [row["file"] for row in csv.DictReader(file)] == [str(bad)]
    assert not [p for p in (tmp_path / "out").iterdir() if p.name.startswith("bad")]
    assert (tmp_path / "out" / "sea.labels.txt").exists()


def test_mended_recordings_are_all_that_is_done_again(
    sea: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    words = ["replay", str(bad), str(sea), "--model", str(tiny_model), "--output", str(tmp_path / "out")]
    assert invoke(words) == 1
    bad.write_bytes(sea.read_bytes())
    capsys.readouterr()
    assert invoke(words) == 0
    assert "1 recording taken over from an earlier run, the others " in capsys.readouterr().out
    assert not {".replay", "failures.csv"} & {path.name for path in (tmp_path / "out").iterdir()}


def test_nothing_left_to_do(sea: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    words = ["replay", str(bad), str(sea), "--model", str(tiny_model), "--output", str(tmp_path / "out")]
    assert invoke(words) == 1
    first = (tmp_path / "out" / "detections.csv").read_bytes()
    capsys.readouterr()
    assert invoke(words) == 1
    assert "0:01:00 of sound (0.02 h), 1 recording taken over from an earlier run.\n" in capsys.readouterr().out
    assert (tmp_path / "out" / "detections.csv").read_bytes() == first


def test_the_page_may_lie_in_the_output_folder(sea: Path, tiny_model: Path, tmp_path: Path) -> None:
    output = tmp_path / "new"
    words = ["replay", str(sea), "--model", str(tiny_model), "--output", str(output), "--html", str(output / "r.html")]
    assert invoke([*words, "--html-detections", "0"]) == 0
    assert (output / "r.html").stat().st_size > 1000
    assert (output / "detections.csv").exists()


def test_the_sample_in_the_package(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["replay", "--model", str(tiny_model)]) == 0
    assert "sample inside the package" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["nowhere.wav"], "no file or folder nowhere.wav"),
        (["{empty}"], "No sound files"),
        (["{sea}", "--scores"], "--output"),
        (["{sea}", "--formats", "csv"], "--output"),
        (
            ["{sea}", "--output", "{empty}", "--formats", "xls"],
            "xls given; choose from audacity, audacity_boxes, csv, jsonl, raven, raven_run",
        ),
        (["{sea}", "--output", "{empty}", "--formats", " "], "none given"),
        (["{sea}", "--start", "yesterday"], "not a start time"),
        (["{sea}", "{sea2}", "--start", "2020-01-01T00:00:00Z"], "start of one recording, but 2 were given"),
        (["{sea}", "--hop", "3"], "--hop is 3 s, longer than the model's windows of 2 s."),
        (["{sea}", "--threshold", "2"], "threshold"),
        (["{sea}", "--jobs", "0"], "jobs"),
        (["{sea}", "--jobs", "2", "--dask", "tcp://127.0.0.1:1"], "Use --jobs on this machine, or --dask"),
        (["{sea}", "--channel", "0"], "channel"),
    ],
)
def test_usage_errors(
    sea: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], complaint: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "sea2.wav").write_bytes(sea.read_bytes())
    places = {"sea": str(sea), "empty": str(tmp_path / "empty"), "sea2": str(tmp_path / "sea2.wav")}
    assert invoke(["replay", "--model", str(tiny_model), *(word.format(**places) for word in words)]) == 2
    printed = capsys.readouterr()
    assert complaint in printed.err
    assert "Traceback" not in printed.err
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_cluster_needs_the_extra(
    sea: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert invoke(["replay", str(sea), "--model", str(tiny_model), "--dask", "tcp://127.0.0.1:1"]) == 2
    assert "pip install 'edge-daemon[cluster]'" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "code"), [(["--model", "no.onnx"], 1), (["--backend", "abacus"], 2)])
def test_a_run_that_cannot_work(
    sea: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int
) -> None:
    assert invoke(["replay", str(sea), "--model", str(tiny_model), "--output", str(tmp_path / "out"), *words]) == code
    assert capsys.readouterr().err.startswith("edge-daemon: ")
    assert list((tmp_path / "out").glob("*")) == []


@pytest.mark.slow
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
