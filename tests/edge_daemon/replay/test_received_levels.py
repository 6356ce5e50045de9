"""Received levels in a replay: right for a tone, and the same however the sound is cut."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_daemon.audio.source import Block
from edge_daemon.detection.detector import DetectorSettings
from edge_daemon.detection.event_finder import Found
from edge_daemon.detection.events import Event
from edge_daemon.detection.pipeline import Output
from edge_daemon.replay.received_levels import ReplayLevels
from edge_daemon.replay.recordings import find_recordings
from edge_daemon.replay.settings import ReplaySettings
from edge_daemon.replay.task import replay_recording

RATE = 2000


def tone(seconds: float, amplitude: float) -> np.ndarray:
    """Of 100 Hz: whole periods in every half second."""
    return (amplitude * np.sin(2 * np.pi * 100 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def found(begin: int, end: int) -> Found:
    return Found(Event(begin, end, 0.9, begin, 0.9, 1, None, None), (), "onnx")


@pytest.mark.parametrize("block", [500, 4000, 200_000])
def test_a_tone_in_a_quieter_one(block: int) -> None:
    sound = tone(100, 0.01)
    sound[40 * RATE : 42 * RATE] = tone(2, 0.5)
    levels = ReplayLevels(RATE, 170.0, longest_event_s=10, delay_s=block / RATE + 5)
    for start in range(0, len(sound), block):
        piece = Block(sound[start : start + block], start)
        known = start < 44 * RATE <= piece.end
        levels.add(Output(sound=[piece], found=[found(40 * RATE, 42 * RATE)] if known else []))
    levels.finish()
    (level,) = levels.levels
    assert level is not None
    assert level.rms_db == pytest.approx(170 + 20 * math.log10(0.5 / math.sqrt(2)), abs=0.01)
    assert level.peak_to_peak_db == pytest.approx(170, abs=0.01)
    assert level.ambient_db == pytest.approx(170 + 20 * math.log10(0.01 / math.sqrt(2)), abs=0.01)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("levels") / "sea.wav"
    rng = np.random.default_rng(5)
    sound = 0.01 * rng.standard_normal(180 * RATE) * np.linspace(0.5, 2, 180 * RATE)
    for begin in np.arange(3, 175, 6.3):
        first = round(begin * RATE)
        time = np.arange(RATE) / RATE
        sound[first : first + RATE] += 0.05 * np.sin(2 * np.pi * (100 * time + 50 * time**2))
    soundfile.write(path, sound, RATE)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"batch": 1, "block_s": 0.3}, {"batch": 100, "block_s": 70.0}])
def test_blocks_and_batches_do_not_show(tiny_model: Path, recording: Path, changes: dict[str, float]) -> None:
    settings = ReplaySettings(DetectorSettings(tiny_model, max_length_s=20.0), full_scale_db=172.0)
    (task,) = find_recordings([recording])
    plain = replay_recording(task, settings)
    other = replay_recording(task, dataclasses.replace(settings, **changes))  # type: ignore[arg-type]
    assert len(plain.levels) == len(plain.found) > 3
    assert plain.levels == other.levels
    assert all(document.received_level is not None for document in plain.detections())
    assert list(plain.detections()) == list(other.detections())


def test_without_a_calibration_there_are_none(tiny_model: Path, recording: Path) -> None:
    (task,) = find_recordings([recording])
    result = replay_recording(task, ReplaySettings(DetectorSettings(tiny_model)))
    assert result.found
    assert {document.received_level for document in result.detections()} == {None}
