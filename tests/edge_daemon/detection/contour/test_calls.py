"""Contours of calls whose sweep is known to the sample."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_daemon.detection.contour.call import TrackedCall, calls_in
from edge_daemon.detection.contour.excess import Excess

RATE = 2000
BAND_HZ = (50.0, 250.0)
SECONDS = 6.0


def noise(seed: int = 1, seconds: float = SECONDS) -> NDArray[np.float64]:
    return 0.01 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def sweep(begin_s: float, end_s: float, from_hz: float, to_hz: float, amplitude: float = 0.02) -> NDArray[np.float64]:
    """A tone that rises evenly, in silence."""
    at = np.arange(round(SECONDS * RATE)) / RATE
    hz = np.interp(at, (begin_s, end_s), (from_hz, to_hz))
    return amplitude * np.sin(2 * np.pi * np.cumsum(hz) / RATE) * ((at >= begin_s) & (at < end_s))


def calls(sound: NDArray[np.float64], begin_s: float, end_s: float) -> tuple[TrackedCall, ...]:
    event = (round(begin_s * RATE), round(end_s * RATE))
    return calls_in(sound.astype(np.float32), RATE, BAND_HZ, event)


def test_the_contour_follows_the_sweep() -> None:
    (call,) = calls(noise() + sweep(2.0, 3.0, 100, 200), 2.0, 3.5)
    at_s = 2.0 + (call.first + call.step * np.arange(len(call.hz))) / RATE
    within = (at_s >= 2.0) & (at_s <= 3.0)
    assert within.sum() >= 25
    assert np.median(np.abs(np.array(call.hz) - (100 + 100 * (at_s - 2.0)))[within]) <= 2.0
    # a frame is an eighth of a second: it hears a call a little before it begins
    assert call.begin / RATE == pytest.approx(0.0, abs=0.1)
    assert call.end / RATE == pytest.approx(1.0, abs=0.1)
    assert call.low_hz == pytest.approx(100, abs=8)
    assert call.high_hz == pytest.approx(200, abs=8)
    assert call.slope_hz_s(RATE) == pytest.approx(100, abs=12)
    assert call.step == 64  # 32 ms


def test_levels_are_those_of_the_tone() -> None:
    (call,) = calls(noise() + sweep(2.0, 3.0, 150, 150.01, amplitude=0.2), 2.0, 3.0)
    share = 1.0 / ((call.end - call.begin) / RATE)  # of the call's time is tone
    assert call.level_db == pytest.approx(10 * math.log10(0.2**2 / 2 * share), abs=0.2)
    # power of the tone in a frame over that of the noise in a frame, at the median of its exponential distribution
    frame = 256
    weights = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
    tone, sea = (0.2 * weights.sum() / 2) ** 2, 0.01**2 * (weights**2).sum() * math.log(2)
    # less for the frames at both ends, and for a median that the tone itself has moved
    assert -3.0 < call.above_background_db - 10 * math.log10(tone / sea) < 0.0
    assert call.peak_hz == pytest.approx(150, abs=1)


def test_two_calls_half_a_second_apart_are_two() -> None:
    sound = noise() + sweep(1.5, 2.3, 100, 180) + sweep(2.8, 3.6, 90, 190)
    first, second = calls(sound, 1.0, 4.0)
    assert first.end <= second.begin + 128
    assert (first.begin + first.end) / 2 / RATE == pytest.approx(0.9, abs=0.1)
    assert (second.begin + second.end) / 2 / RATE == pytest.approx(2.2, abs=0.1)


def test_a_hum_is_no_call_and_noise_neither() -> None:
    assert calls(noise(2) + sweep(0.0, SECONDS, 120, 120.01), 2.0, 4.0) == ()
    assert calls(noise(3), 2.0, 4.0) == ()
    assert calls(np.zeros(round(SECONDS * RATE)), 2.0, 4.0) == ()


def test_a_call_outside_the_event_is_not_its_call() -> None:
    sound = noise() + sweep(0.2, 1.0, 100, 200) + sweep(2.5, 3.5, 100, 200)
    (call,) = calls(sound, 2.5, 3.5)
    assert call.begin / RATE == pytest.approx(0.0, abs=0.15)


def test_louder_sound_gives_the_same_contour() -> None:
    sound = noise() + sweep(2.0, 3.0, 100, 200)
    (call,), (loud,) = calls(sound, 2.0, 3.5), calls(8 * sound, 2.0, 3.5)
    assert (loud.begin, loud.end) == (call.begin, call.end)
    assert loud.hz == pytest.approx(call.hz, abs=1.0)  # all are rounded to tenths of a decibel
    assert loud.level_db == pytest.approx((call.level_db or 0.0) + 20 * math.log10(8), abs=0.1)


def test_sound_shorter_than_a_frame_has_no_spectrum() -> None:
    assert Excess.of(np.zeros(255, np.float32), RATE, BAND_HZ) is None
    excess = Excess.of(np.zeros(256, np.float32), RATE, BAND_HZ)
    assert excess is not None
    assert excess.tenths_db.shape[0] == 1
    assert 40 <= excess.hz[0] < 44
    assert 296 < excess.hz[-1] <= 300


@pytest.mark.parametrize(("from_hz", "to_hz", "count"), [(95, 190, 2), (110, 140, 2), (140, 141, 1), (190, 95, 1)])
def test_a_second_call_sweeps_as_the_first_does(from_hz: float, to_hz: float, count: int) -> None:
    """A tone or a downsweep beside an up-call is another sound, however loud; an up-call is a second call."""
    other = sweep(3.2, 4.0, from_hz, to_hz)
    found = calls(noise() + sweep(1.8, 2.6, 100, 200, amplitude=0.03) + other, 1.5, 4.5)
    assert len(found) == count
    assert found[0].high_hz == pytest.approx(200, abs=15)
