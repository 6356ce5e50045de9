"""The picture of a network at work: the right window, the right numbers, a file that is a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_daemon.cli import invoke as command
from edge_daemon.detection.detector import DetectorSettings, open_detector
from edge_daemon.errors import AudioError, StorageError
from edge_daemon.model.frontend import FrontEnd
from edge_daemon.model.network import run
from edge_daemon.report.raster import draw, trace_window


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of noise at the model's own rate."""
    path = tmp_path_factory.mktemp("sound") / "noise.wav"
    soundfile.write(path, np.random.default_rng(3).normal(0, 0.1, 20_000).astype(np.float32), 2000, subtype="FLOAT")
    return path


def test_the_moment_asked_for(tiny_model: Path, recording: Path) -> None:
    detector = open_detector(DetectorSettings(tiny_model))
    model = detector.model
    # windows of 2 s begin every 0.5 s; the one around 5.6 s with the nearest centre is 4.5 … 6.5
    shown = trace_window(detector, recording, at_s=5.6)
    assert shown.begin_s == 4.5
    samples, _ = soundfile.read(recording, dtype="float32")
    features = FrontEnd(model.metadata.frontend)(samples[9000:13000])
    np.testing.assert_array_equal(shown.features, features)
    trace = run(model.network(), features[None], keep=True)
    np.testing.assert_array_equal(shown.trace.membranes[-1], trace.membranes[-1])
    assert shown.score == float(model.metadata.calibration.score(trace.margin)[0])


@pytest.mark.slow
def test_the_highest_score_by_default(tiny_model: Path, recording: Path) -> None:
    detector = open_detector(DetectorSettings(tiny_model))
    every = [trace_window(detector, recording, at_s=1.0 + 0.5 * number) for number in range(17)]
    best = trace_window(detector, recording)
    assert best.score == max(shown.score for shown in every)
    assert best.begin_s == every[int(np.argmax([shown.score for shown in every]))].begin_s


@pytest.mark.slow
def test_the_command_draws(
    tiny_model: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "picture.png"
    arguments = ["model", "raster", str(recording), "--output", str(picture), "--model", str(tiny_model), "--at", "3"]
    assert command(arguments) == 0
    assert "the window at 2.00 s, score" in capsys.readouterr().out
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 20_000


@pytest.mark.slow
def test_what_cannot_be_drawn_says_so(tiny_model: Path, recording: Path, tmp_path: Path) -> None:
    detector = open_detector(DetectorSettings(tiny_model))
    with pytest.raises(AudioError):
        trace_window(detector, tmp_path / "absent.wav")
    with pytest.raises(StorageError, match="cannot be written"):
        draw(detector.model, trace_window(detector, recording, 1.0), "title", tmp_path / "no" / "folder.png")
