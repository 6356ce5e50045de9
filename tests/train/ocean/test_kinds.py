"""Recordings of sounds that are no up-call."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from click.testing import CliRunner

from edge_daemon.errors import UsageError
from train.cli import main
from train.ocean.kinds import OTHER_SOUNDS, recording
from train.ocean.recordings import write_recordings


@pytest.mark.parametrize("kind", OTHER_SOUNDS)
def test_a_recording_is_as_long_as_asked_and_made_anew_from_its_seed(kind: str) -> None:
    made, again = (recording(np.random.default_rng(3), OTHER_SOUNDS[kind], 12.5) for _ in range(2))
    assert made.shape == (25_000,)
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert np.abs(made).max() <= 1.0
    assert made.std() > 0
    np.testing.assert_array_equal(made, again)


def test_a_kind_that_comes_and_goes_is_heard_again_and_again() -> None:
    """Down-calls at 0 to 15 dB over the sea stand out of it in their band; the sea alone does not."""

    def peaks(kind: str) -> int:
        audio = recording(np.random.default_rng(5), OTHER_SOUNDS[kind], 120.0).reshape(-1, 1000)
        spectrum = np.abs(np.fft.rfft(audio))[:, 40:120]  # 80 to 240 Hz in half seconds
        loud = (spectrum**2).max(axis=1)
        return int((loud > 5 * np.median(loud)).sum())

    assert peaks("down-call") >= 10
    assert peaks("sea") == 0


def test_conditions_change_every_five_minutes() -> None:
    audio = recording(np.random.default_rng(1), OTHER_SOUNDS["sea"], 600.0)
    first, second = audio[: 300 * 2000], audio[300 * 2000 :]
    assert abs(np.log10(first.std() / second.std())) > 0.01


def test_files_of_a_quarter_of_an_hour_and_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.ocean.recordings.FILE_S", 4.0)
    paths = write_recordings(tmp_path, "rain", 10.0, seed=1)
    assert [path.name for path in paths] == ["rain-01.flac", "rain-02.flac", "rain-03.flac"]
    assert [sf.info(path).frames for path in paths] == [8000, 8000, 4000]
    assert {sf.info(path).samplerate for path in paths} == {2000}
    assert sorted(path.name for path in tmp_path.iterdir()) == [path.name for path in paths]


def test_the_command_makes_the_kinds_that_are_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["ocean", "--output", str(tmp_path), "--kind", "rain", "--kind", "sei", "--minutes", "0.1"]
    )
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rain", "sei"]
    refused = CliRunner().invoke(main, ["ocean", "--output", str(tmp_path), "--kind", "unicorn"])
    assert isinstance(refused.exception, UsageError)
    assert "sei" in refused.exception.hint
