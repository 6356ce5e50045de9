"""The monitor's meter against tones whose levels are known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_daemon.audio.source import Block, Gap
from edge_daemon.levels.input_meter import FLOOR_DB, InputMeter, Reading, decibels

RATE = 16_000


def sine(amplitude: float, hz: float, seconds: float) -> NDArray[np.float32]:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def measured(*pieces: Block | Gap, **settings: float) -> tuple[Reading, NDArray[np.float64]]:
    meter = InputMeter(RATE, **settings)  # type: ignore[arg-type]
    for piece in pieces:
        meter.push(piece)
    return meter.read()


def test_a_tone_in_the_band_has_the_same_level_everywhere() -> None:
    reading, spectra = measured(Block(sine(0.25, 250, 4), 0))
    assert reading.sound_s == 4
    assert reading.peak_db == pytest.approx(-12.041, abs=0.001)  # 20·log10(0.25)
    assert reading.rms_db == pytest.approx(-15.051, abs=0.001)  # and 3.01 dB below
    assert reading.band_db == pytest.approx(-15.051, abs=0.01)
    assert (reading.clipped, reading.constant, reading.missing_s) == (0, False, 0)
    # 16 rows of 62.5 Hz: 250 Hz is the first bin of the fifth row; Hann puts a sixth of the power in the bin below
    power = 10 ** (spectra[4:] / 10)
    np.testing.assert_allclose(10 * np.log10(power[:, 3] + power[:, 4]), -15.05, atol=0.01)
    assert spectra[4:, 6:].max() < -80
    assert spectra[4:, :2].max() < -80


def test_what_lies_above_the_band_is_in_the_level_but_not_in_the_bands() -> None:
    reading, spectra = measured(Block(sine(0.25, 5000, 4), 0))
    assert reading.rms_db == pytest.approx(-15.051, abs=0.001)
    assert reading.band_db < -60  # the switching on, nothing else
    assert spectra[4:].max() < -100


def test_an_offset_is_told_and_in_no_level() -> None:
    reading, spectra = measured(Block(sine(0.25, 250, 4) + np.float32(0.3), 0))
    assert reading.offset == pytest.approx(0.3, abs=1e-6)
    assert reading.rms_db == pytest.approx(-15.051, abs=0.001)
    assert spectra[4:-1, 0].max() < -80


def test_clipping_is_counted_sample_by_sample() -> None:
    sound = sine(0.5, 250, 1)
    sound[[5, 500, 900]] = [1.0, -1.0, 0.999]
    assert measured(Block(sound, 0))[0].clipped == 3
    assert measured(Block(sound, 0), clip_level=1.0)[0].clipped == 2
    assert measured(Block(sound, 0))[0].peak_db == 0


def test_silence_is_constant_and_has_no_level() -> None:
    reading, spectra = measured(Block(np.zeros(RATE, np.float32), 0))
    assert reading.constant
    assert reading.peak_db == reading.rms_db == reading.band_db == FLOOR_DB
    assert (spectra == FLOOR_DB).all()


def test_missing_sound_is_told_with_its_cause() -> None:
    reading, spectra = measured(Gap(0, RATE // 2, "device_absent"))
    assert reading == Reading(0.0, 0.5, "device_absent")
    assert spectra.shape == (0, 16)
    reading, _ = measured(
        Block(sine(0.25, 250, 1), 0), Gap(RATE, 800, "overflow"), Block(sine(0.25, 250, 1), RATE + 800)
    )
    assert (reading.sound_s, reading.missing_s, reading.cause) == (2, 0.05, "overflow")
    assert reading.rms_db == pytest.approx(-15.051, abs=0.001)


def test_each_reading_is_of_what_came_since_the_last() -> None:
    meter = InputMeter(RATE)
    meter.push(Block(sine(0.5, 250, 1), 0))
    meter.read()
    meter.push(Block(sine(0.25, 250, 1), RATE))
    assert meter.read()[0].peak_db == pytest.approx(-12.041, abs=0.001)
    assert meter.read()[0] == Reading(0.0)


def test_eight_spectra_a_second_at_any_rate() -> None:
    for rate in (2000, 44_100):
        meter = InputMeter(rate, top_hz=500, rows=10)
        meter.push(Block(np.random.default_rng(0).standard_normal(10 * rate).astype(np.float32), 0))
        _, spectra = meter.read()
        assert spectra.shape[1] == 10
        assert abs(len(spectra) - 78) <= 2  # but for the first frame and what the resampler holds back


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(1, 2 * RATE - 1), max_size=20))
def test_spectra_do_not_depend_on_blocks(cuts: list[int]) -> None:
    sound = (0.1 * np.random.default_rng(1).standard_normal(2 * RATE)).astype(np.float32)
    edges = sorted({0, *cuts, len(sound)})
    blocks = [Block(sound[a:b], a) for a, b in pairwise(edges)]
    reading, spectra = measured(*blocks)
    whole, at_once = measured(Block(sound, 0))
    assert reading == whole
    np.testing.assert_array_equal(spectra, at_once)


def test_decibels() -> None:
    assert decibels(0.1) == pytest.approx(-20)
    assert decibels(0.0) == decibels(float("nan")) == decibels(1e-300) == FLOOR_DB
