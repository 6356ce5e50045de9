"""Excerpts are played whatever their rate; what is no sound is none."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
import soundfile

from edge_daemon.shore import playable_sound
from edge_daemon.shore.playable_sound import playable


def sound(rate: int, form: str = "FLAC", channels: int = 1, seconds: float = 2.0) -> bytes:
    wave = 0.5 * np.sin(2 * np.pi * 150 * np.arange(round(rate * seconds)) / rate)
    made = io.BytesIO()
    soundfile.write(made, np.tile(wave[:, None], channels), rate, format=form)
    return made.getvalue()


@pytest.mark.parametrize(
    ("rate", "playing"), [(1000, 8000), (2000, 8000), (8000, 8000), (10_000, 11_025), (96_000, 48_000)]
)
@pytest.mark.parametrize("form", ["FLAC", "WAV"])
def test_the_same_sound_at_a_rate_that_browsers_play(rate: int, playing: int, form: str) -> None:
    made = playable(sound(rate, form, channels=2))
    assert made is not None
    samples, found = soundfile.read(io.BytesIO(made))
    assert (found, samples.ndim) == (playing, 1)
    assert len(samples) / playing == pytest.approx(2.0, abs=0.001)
    middle = samples[playing // 2 : -playing // 2]
    wave = 0.5 * np.sin(2 * np.pi * 150 * (np.arange(len(middle)) + playing // 2) / playing)
    assert np.abs(middle - wave).max() < 0.01


def test_what_unpacks_to_very_much_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playable_sound, "MOST_SAMPLES", 8000)
    samples, rate = soundfile.read(io.BytesIO(playable(sound(8000, seconds=60.0)) or b""))
    assert len(samples) == rate == 8000
    slow = io.BytesIO()
    soundfile.write(slow, np.zeros(5000), 1, format="WAV")  # eighty minutes, and 40 million samples when played
    samples, rate = soundfile.read(io.BytesIO(playable(slow.getvalue()) or b""))
    assert (len(samples), rate) == (8000, 8000)


def test_whatever_bytes_come_there_is_a_sound_or_none() -> None:
    rng = random.Random(3)
    good, found = sound(2000), 0
    for _ in range(200):
        spoilt = bytearray(good[: rng.choice([0, 10, 60, len(good)])])
        for _ in range(rng.choice([0, 1, 20])):
            if spoilt:
                spoilt[rng.randrange(min(len(spoilt), rng.choice([60, 5000])))] = rng.randrange(256)
        found += playable(bytes(spoilt)) is not None
    assert 0 < found < 200
    assert playable(b"") is None
