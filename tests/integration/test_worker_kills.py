"""A backend's worker process is killed twenty times in one replay: no window is lost, no result changes."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from edge_daemon.backends.base import Inference
from edge_daemon.backends.worker.client import WorkerBackend
from edge_daemon.config.backend import BackendSection
from edge_daemon.detection.detector import DetectorSettings
from edge_daemon.replay.output import ReplayOutput
from edge_daemon.replay.recordings import find_recordings
from edge_daemon.replay.run import Summary, replay
from edge_daemon.replay.settings import ReplaySettings
from edge_daemon.replay.task import thread_detector

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
KILLS = 20


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample inside the package five times over, each time fainter: 3 minutes and 45 seconds, many calls."""
    sample, rate = soundfile.read(str(resources.files("edge_daemon") / "assets" / "sample.flac"), dtype="float32")
    path = tmp_path_factory.mktemp("sound") / "sea.wav"
    soundfile.write(path, np.concatenate([sample * 0.7**number for number in range(5)]), rate, "PCM_24")
    return path


def run(recording: Path, folder: Path, backend: BackendSection) -> tuple[Summary, dict[str, bytes], dict[str, float]]:
    """A replay's summary, its tables byte for byte, and the backend's counters at its end."""
    settings, health = ReplaySettings(DetectorSettings(backend=backend), scores=True, batch=4), {}
    with ReplayOutput(folder, scores=True) as output:
        summary = replay(
            find_recordings([recording]),
            settings,
            output=output,
            each=lambda _result: health.update(thread_detector(settings.detector).backend.health()),
        )
    return summary, {path.name: path.read_bytes() for path in sorted(folder.iterdir())}, health


def test_twenty_kills_in_a_replay(recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = BackendSection(name="event", worker=True, timeout_s=60.0)
    undisturbed, tables, health = run(recording, tmp_path / "undisturbed", worker)
    assert health["worker_restarts"] == 0

    real, rng, calls, killed = WorkerBackend.infer, random.Random(6), 0, []

    def infer(self: WorkerBackend, features: NDArray[np.uint8]) -> Inference:
        nonlocal calls
        calls += 1
        if calls % 5 or len(killed) == KILLS:
            return real(self, features)
        assert self.pid is not None
        # before, in the middle of, or soon after the inference, which takes some milliseconds
        blow = threading.Timer(rng.uniform(0, 0.03), os.kill, (self.pid, signal.SIGKILL))
        killed.append(self.pid)
        blow.start()
        inference = real(self, features)
        blow.join()
        return inference

    monkeypatch.setattr(WorkerBackend, "infer", infer)
    disturbed, found, health = run(recording, tmp_path / "disturbed", worker)
    assert len(set(killed)) == KILLS
    assert (health["worker_restarts"], health["failures"], health["windows_by_fallback"]) == (KILLS, 0, 0)
    assert (disturbed.windows, disturbed.lost_s) == (undisturbed.windows, undisturbed.lost_s) == (447, {})
    assert undisturbed.detections >= 20
    assert found == tables

    # and both are what the default backend finds in this process
    _, plain, _ = run(recording, tmp_path / "plain", BackendSection())
    assert plain["scores.csv"] == found["scores.csv"]
    events, expected = (
        [json.loads(line) | {"backend": ""} for line in run_tables["detections.jsonl"].splitlines()]
        for run_tables in (found, plain)
    )
    assert events == expected
