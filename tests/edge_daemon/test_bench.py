"""The bench: that its figures belong together, and that it says what makes them doubtful. No time is asserted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_daemon.bench import Measurement, bench, warnings_of
from edge_daemon.cli import invoke
from edge_daemon.config import Config, load_text
from edge_daemon.detection.detector import DetectorSettings, open_detector
from edge_daemon.health.board import BoardHealth
from edge_daemon.model.energy import INTEGER, dense_operations
from edge_daemon.testing.machine import MemoryBoard, board_health

STAGES = ["resample", "front end", "inference", "events", "window"]


def measurement(times_s: list[float], cpu_s: float | None = None) -> Measurement:
    """Windows of which all time was spent in one stage."""
    rows = np.zeros((len(times_s), 4))
    rows[:, 2] = times_s
    return Measurement(rows, sum(times_s), sum(times_s) if cpu_s is None else cpu_s)


STEADY = measurement([0.001] * 40)
COOL = board_health(temperature_c=50.0, load_1min=0.1)


def test_a_machine_at_rest_gives_no_warning() -> None:
    assert warnings_of(COOL, COOL, STEADY, worker=False) == ()


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        (
            board_health(throttling=("under-voltage",), throttled_since_boot=("under-voltage",)),
            "The board is being throttled now: under-voltage.",
        ),
        (
            board_health(throttled_since_boot=("throttled", "frequency capped")),
            "The board has been throttled since it was started: throttled, frequency capped.",
        ),
        (board_health(temperature_c=80.4), "The processor is at 80 °C; boards slow down from 80 °C."),
    ],
)
def test_what_the_board_says(after: BoardHealth, sentence: str) -> None:
    assert warnings_of(COOL, after, STEADY, worker=False) == (sentence,)


def test_a_machine_that_slows_down() -> None:
    slower = measurement([0.001] * 20 + [0.0012] * 20)
    (warning,) = warnings_of(COOL, COOL, slower, worker=False)
    assert warning.startswith("Windows took 1.20 × as long at the end")
    assert warnings_of(COOL, COOL, measurement([0.001] * 20 + [0.0011] * 20), worker=False) == ()


def test_a_machine_that_has_other_things_to_do() -> None:
    shared = measurement([0.001] * 40, cpu_s=0.02)
    (warning,) = warnings_of(COOL, COOL, shared, worker=False)
    assert "50% of the time" in warning
    (warning,) = warnings_of(board_health(load_1min=1000.0), COOL, STEADY, worker=False)
    assert "Other programs were busy before (load 1000.0)" in warning


def test_what_a_worker_takes_is_not_counted() -> None:
    (warning,) = warnings_of(COOL, COOL, measurement([0.001] * 40, cpu_s=0.01), worker=True)
    assert "runs in its own process" in warning


@pytest.fixture
def config() -> Config:
    return load_text(b"version: 1\naudio: {rate: 8000, block_ms: 50}\ndetection: {hop_s: 0.25}\n", {}).config


def test_the_figures_belong_together(config: Config, tiny_model: Path, without_kernel: Path) -> None:
    detector = open_detector(replace(DetectorSettings.from_config(config), model=tiny_model))
    board = MemoryBoard(board_health(memory_mb=70.0, temperature_c=41.0))
    report = bench(config, detector, board, seconds=0.6, model_load_s=1.5)
    assert (report.model, report.backend, report.source_rate, report.hop_s) == ("tiny 1.0", "onnx", 8000, 0.25)
    assert (report.window_s, report.memory_mb, report.temperature_c, report.model_load_s) == (2.0, 70.0, 41.0, 1.5)
    assert report.windows > 0
    assert report.busy_windows > 0
    assert [times.stage for times in report.stages] == STAGES
    assert all(0 < times.p50_ms <= times.p99_ms for times in report.stages)
    *parts, whole = report.stages
    assert whole.busy_mean_ms == pytest.approx(sum(times.busy_mean_ms for times in parts))
    # a core cannot carry more than the stages alone would let it
    assert 0 < report.channels_per_core <= 250 / whole.busy_mean_ms
    assert report.cpu_share > 0
    assert report.peak_memory_mb > 20
    dense = dense_operations(detector.model.network())
    assert report.synaptic_operations is not None
    assert report.energy_nj is not None
    assert 0 < report.synaptic_operations < dense.multiply_accumulates[0]
    assert 0 < report.energy_nj < dense.energy_pj(INTEGER)[0] / 1e3


def test_as_json(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["bench", "--model", str(tiny_model), "--seconds", "0.2", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == "tiny 1.0"
    assert report["source_rate"] == 48_000
    assert [times["stage"] for times in report["stages"]] == STAGES
    assert set(report["versions"]) == {"python", "numpy", "onnxruntime"}


def test_a_table_to_paste(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"version: 1\nmodel: {{path: {tiny_model}}}\naudio: {{rate: 4000}}\nbackend: {{name: event}}\n")
    assert invoke(["bench", "--config", str(config), "--seconds", "0.2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "tiny 1.0 on event, windows of 2 s every 0.5 s, sound at 4000 Hz"
    rows = [line for line in lines if line.startswith("| ")]
    assert rows[0] == "| stage, ms a window | p50 | p99 | mean without pauses |"
    assert [row.split(" | ")[0].strip("| ") for row in rows[1:6]] == STAGES


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("detection: {hop_s: 3}", "config.yaml:2:20: detection.hop_s is 3 s, longer than the model's windows"),
        ("detection: {hop: 3}", "detection.hop is not a known key"),
        ("backend: {name: none, fallback: null}", "There is no backend named 'none'"),
    ],
)
def test_what_cannot_be_measured(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str], text: str, complaint: str
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"version: 1\n{text}\n")
    assert invoke(["bench", "--config", str(config), "--model", str(tiny_model)]) in {1, 2}
    printed = capsys.readouterr()
    assert complaint in printed.err
    assert printed.out == ""
