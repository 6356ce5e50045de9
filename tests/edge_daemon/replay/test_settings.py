"""Settings of a replay: what a daemon's configuration gives, and what goes before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_daemon.config import Config, load_text
from edge_daemon.config.backend import BackendSection
from edge_daemon.detection.detector import DetectorSettings
from edge_daemon.model.model_file import default_model_path
from edge_daemon.position.position import Position
from edge_daemon.replay.settings import ReplaySettings, backend_for, settings_for

CONFIG = b"""
version: 1
device: {id: buoy-7, latitude: 42.35, longitude: -70.25}
hydrophone: {sensitivity_db: -165, gain_db: 20, adc_full_scale_v: 10}
model: {path: other.onnx}
backend: {name: event, worker: true, threads: 2, options: {depth: 3}}
detection:
  hop_s: 0.25
  threshold: 0.7
  threshold_low: 0.2
  min_windows: 3
  merge_gap_s: 1.5
  max_length_s: 30
  refractory_s: 5
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return load_text(CONFIG, {}, Path("/somewhere/config.yaml")).config


def test_everything_that_a_configuration_says(config: Config) -> None:
    assert settings_for(config) == ReplaySettings(
        DetectorSettings(
            model=Path("/somewhere/other.onnx"),
            hop_s=0.25,
            threshold=0.7,
            threshold_low=0.2,
            min_windows=3,
            merge_gap_s=1.5,
            max_length_s=30.0,
            refractory_s=5.0,
            backend=BackendSection(name="event", worker=True, threads=2, options={"depth": 3}),
        ),
        device="buoy-7",
        position=Position(latitude=42.35, longitude=-70.25),
        full_scale_db=20.0 - 20.0 + 165.0,  # 10 V are 20 dB re 1 V
    )


def test_choices_go_before_the_configuration(config: Config) -> None:
    settings = settings_for(config, hop_s=1.0, threshold=0.9, device="lab", model=Path("mine.onnx"), backend=None)
    detector = settings.detector
    assert (detector.hop_s, detector.threshold, settings.device) == (1.0, 0.9, "lab")
    assert detector.model == Path("mine.onnx")
    assert detector.threshold_low == 0.2
    assert detector.backend == config.backend


def test_without_a_configuration() -> None:
    settings = settings_for(None, channel=1, hop_s=None)
    assert settings == ReplaySettings(DetectorSettings(default_model_path()))


def test_an_empty_configuration_changes_the_device_and_guards_the_backend() -> None:
    config = Config()
    expected = DetectorSettings(default_model_path(), backend=BackendSection())
    assert settings_for(config) == ReplaySettings(expected, device=config.device.id)


def test_a_backend_by_name_has_no_fallback_of_its_own() -> None:
    assert backend_for(None, None, {}) is None
    assert backend_for(None, "event", {}) == BackendSection(name="event", fallback=None)
    assert backend_for(None, None, {"threads": 2}) == BackendSection(fallback=None, options={"threads": 2})


def test_a_backend_beside_a_configuration(config: Config) -> None:
    def expected(name: str, options: dict[str, int]) -> BackendSection:
        return BackendSection(name=name, worker=True, threads=2, options=options)

    assert backend_for(config, None, {"depth": 4, "width": 1}) == expected("event", {"depth": 4, "width": 1})
    assert backend_for(config, "event", {"width": 1}) == expected("event", {"depth": 3, "width": 1})
    assert backend_for(config, "onnx", {}) == expected("onnx", {})
