"""The ratio of a tone of known power in noise of known power."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from train.data.call_snr import LEAST_DB, call_snr_db

RATE = 2000
BAND = (50.0, 250.0)
NOISE_RMS = 0.05
"""Of all frequencies: white noise to 1000 Hz has a fifth of its power between 50 and 250 Hz."""


def recording(path: Path, tones: list[tuple[float, float, float]], seconds: float = 60.0) -> np.ndarray:
    """White noise with tones (begin in seconds, hertz, ratio in dB), each of a second; begins and ends."""
    random = np.random.default_rng(1)
    sound = random.normal(0, NOISE_RMS, round(seconds * RATE))
    at = np.arange(RATE) / RATE
    for begin_s, hz, snr_db in tones:
        rms = NOISE_RMS * np.sqrt(0.2) * 10 ** (snr_db / 20)
        sound[round(begin_s * RATE) :][:RATE] += rms * np.sqrt(2) * np.sin(2 * np.pi * hz * at)
    sf.write(path, sound.astype(np.float32), RATE, subtype="FLOAT")
    return np.array([(begin_s, begin_s + 1.0) for begin_s, _, _ in tones])


def test_tones_of_known_power(tmp_path: Path) -> None:
    wanted = [0.0, 6.0, 12.0, 20.0]
    calls = recording(tmp_path / "a.wav", [(8.0 + 14 * n, 150.0, snr_db) for n, snr_db in enumerate(wanted)])
    found = call_snr_db(tmp_path / "a.wav", calls, BAND, RATE)
    np.testing.assert_allclose(found, wanted, atol=1.0)


def test_calls_close_by_are_no_noise(tmp_path: Path) -> None:
    calls = recording(tmp_path / "a.wav", [(10.0 + 1.5 * n, 150.0, 12.0) for n in range(12)])
    np.testing.assert_allclose(call_snr_db(tmp_path / "a.wav", calls, BAND, RATE), 12.0, atol=1.0)


def test_what_is_outside_the_band_does_not_count(tmp_path: Path) -> None:
    calls = recording(tmp_path / "a.wav", [(10.0, 150.0, 12.0), (40.0, 600.0, 30.0)])
    loud, elsewhere = call_snr_db(tmp_path / "a.wav", calls, BAND, RATE)
    assert loud == pytest.approx(12.0, abs=1.0)
    assert elsewhere < 0


def test_another_rate_gives_the_same(tmp_path: Path) -> None:
    calls = recording(tmp_path / "a.wav", [(20.0, 150.0, 12.0)])
    sound, _ = sf.read(tmp_path / "a.wav")
    sf.write(tmp_path / "b.wav", np.repeat(sound, 4), 4 * RATE, subtype="FLOAT")
    one, two = (call_snr_db(tmp_path / name, calls, BAND, RATE)[0] for name in ("a.wav", "b.wav"))
    assert two == pytest.approx(one, abs=0.3)


def test_the_ends_of_a_recording_and_marks_without_sound(tmp_path: Path) -> None:
    calls = recording(tmp_path / "a.wav", [(0.0, 150.0, 12.0), (59.0, 150.0, 12.0)])
    np.testing.assert_allclose(call_snr_db(tmp_path / "a.wav", calls, BAND, RATE), 12.0, atol=1.0)
    short = np.array([[30.0, 30.01]])  # shorter than a frame, in noise alone
    [found] = call_snr_db(tmp_path / "a.wav", short, BAND, RATE)
    assert LEAST_DB <= found < 3
    everything = np.array([[0.0, 60.0]])
    assert np.isnan(call_snr_db(tmp_path / "a.wav", everything, BAND, RATE)).all()
    silent = np.zeros(10 * RATE, np.float32)
    sf.write(tmp_path / "c.wav", silent, RATE)
    assert np.isnan(call_snr_db(tmp_path / "c.wav", np.array([[4.0, 5.0]]), BAND, RATE)).all()
