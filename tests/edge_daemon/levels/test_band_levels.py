"""Band levels against tones and noise whose levels are known; full scale 170 dB re 1 µPa."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_daemon.audio.source import Block, Gap
from edge_daemon.levels.band_levels import (
    LOWEST_BAND,
    BandMeter,
    BandMinute,
    band_edges_hz,
    bin_weights,
    last_band,
    nominal_hz,
)

RATE = 2000


def minutes(*pieces: Block | Gap, rate: int = RATE) -> list[BandMinute]:
    meter = BandMeter(rate, 170.0)
    return [minute for piece in pieces for minute in meter.push(piece)] + meter.finish()


def sine(amplitude: float, hz: float, seconds: float, rate: int = RATE) -> NDArray[np.float32]:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def total_db(minute: BandMinute) -> float:
    return 10 * math.log10(sum(10 ** (level / 10) for level in minute.levels_db if level is not None))


def test_bands_are_those_of_the_standard() -> None:
    # IEC 61260-1: a tenth of a decade, 1 kHz a centre; edges of the 63 Hz band by hand
    assert band_edges_hz(18) == pytest.approx((56.234, 70.795), abs=0.001)
    assert [nominal_hz(band) for band in range(10, 31)] == [
        *(10, 12.5, 16, 20, 25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000),
    ]
    # 2 kHz: the 1 kHz band would reach to 1122 Hz, the 800 Hz one ends at 891 Hz
    assert (last_band(2000), last_band(48_000), last_band(96_000)) == (29, 43, 46)
    assert band_edges_hz(last_band(48_000))[1] <= 24_000 < band_edges_hz(last_band(48_000) + 1)[1]
    with pytest.raises(ValueError, match="no decidecade band"):
        bin_weights(20, 80)


def test_every_bin_between_the_outer_edges_counts_once() -> None:
    weights = bin_weights(RATE, 4 * RATE)
    whole = weights.sum(axis=0)
    hz = np.arange(len(whole)) / 4
    np.testing.assert_allclose(whole[(hz > 9.1) & (hz < 891.0)], 1.0)
    assert not whole[(hz < 8.7) | (hz > 891.4)].any()
    # each band's width in bins is its width in Hz
    for row, band in zip(weights, range(LOWEST_BAND, 30), strict=True):
        low, high = band_edges_hz(band)
        assert row.sum() / 4 == pytest.approx(high - low)


@pytest.mark.parametrize("band", range(10, 30))
def test_a_tone_lands_in_its_band_with_its_level(band: int) -> None:
    (minute,) = minutes(Block(sine(0.1, 10 ** (band / 10), 64), 0))[:1]
    # 170 + 20·log10(0.1/√2) = 146.99; Hann's skirts take up to a hundredth of a decibel from the narrowest bands
    level = minute.levels_db[band - LOWEST_BAND]
    assert level == pytest.approx(146.99, abs=0.01)
    for other, value in enumerate(minute.levels_db, LOWEST_BAND):
        if other != band:
            assert value is None or value < 147 - (25 if abs(other - band) == 1 else 50)


@pytest.mark.parametrize("rate", [2000, 8000])
def test_bands_add_up_to_the_sound_between_their_edges(rate: int) -> None:
    samples = np.random.default_rng(1).standard_normal(184 * rate)
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / rate)
    spectrum[(hz < 12) | (hz > 0.8 * band_edges_hz(last_band(rate))[1])] = 0
    samples = (0.1 * np.fft.irfft(spectrum, len(samples))).astype(np.float32)
    found = minutes(Block(samples, 0), rate=rate)
    for minute in found[:3]:
        heard = samples[minute.second * rate :][: 60 * rate].astype(np.float64)
        assert total_db(minute) == pytest.approx(170 + 10 * math.log10(np.mean(heard**2)), abs=0.1)
    # over all minutes only the first and last seconds' share differs
    whole = 10 * math.log10(sum(m.seconds * 10 ** (total_db(m) / 10) for m in found) / sum(m.seconds for m in found))
    assert whole == pytest.approx(170 + 10 * math.log10(np.mean(samples.astype(np.float64) ** 2)), abs=0.02)


def test_white_noise_rises_one_decibel_a_band() -> None:
    samples = (0.1 * np.random.default_rng(2).standard_normal(64 * RATE)).astype(np.float32)
    (minute,) = minutes(Block(samples, 0))[:1]
    for band in range(17, 30):  # wide enough for a minute's estimate
        low, high = band_edges_hz(band)
        expected = 170 - 20 + 10 * math.log10((high - low) / (RATE / 2))
        assert minute.levels_db[band - LOWEST_BAND] == pytest.approx(expected, abs=0.6)


def test_an_offset_is_in_no_band() -> None:
    with_offset = minutes(Block(sine(0.1, 100, 30) + np.float32(0.5), 0))
    assert with_offset[0].levels_db[10] == pytest.approx(146.99, abs=0.01)
    assert all(level is None or level < 60 for level in with_offset[0].levels_db[:6])


def test_minutes_are_the_streams_and_say_what_they_rest_on() -> None:
    found = minutes(Block(sine(0.1, 100, 150), 0))
    # frames stand for the seconds around their centres: the first two and the last two seconds have none
    assert [(minute.second, minute.seconds) for minute in found] == [(0, 58), (60, 60), (120, 29)]
    assert all(minute.first_band == 10 and len(minute.levels_db) == 20 for minute in found)
    assert [(m.second, m.seconds) for m in minutes(Block(sine(0.1, 100, 130), 3 * 60 * RATE + 1))] == [
        (180, 57),
        (240, 60),
        (300, 9),
    ]
    assert minutes(Block(sine(0.1, 100, 3.9), 0)) == []
    assert minutes() == []


def test_missing_sound_is_left_out() -> None:
    tone = sine(0.1, 100, 130)
    gap = Gap(20 * RATE + 7, 10 * RATE, "overflow")
    found = minutes(Block(tone[: gap.start], 0), gap, Block(tone[gap.end :], gap.end))
    # frames of seconds 0…16 and 31…57 of the first minute: centres 2…18 and 33…59
    assert [(minute.second, minute.seconds) for minute in found] == [(0, 17 + 27), (60, 60), (120, 9)]
    assert found[0].levels_db[10] == pytest.approx(146.99, abs=0.01)
    # sound left out without a gap, and a gap of no length, are interruptions too
    for missing in ((), (Gap(gap.start, 0, "clock_step"),)):
        again = minutes(Block(tone[: gap.start], 0), *missing, Block(tone[gap.end :], gap.end))
        assert again == found
    hours = minutes(Block(tone[: 70 * RATE], 0), Gap(70 * RATE, 3600 * RATE, "stall"), Block(tone, 3670 * RATE))
    assert [minute.second for minute in hours] == [0, 60, 3660, 3720, 3780]


def test_a_minute_comes_as_soon_as_it_is_complete() -> None:
    meter = BandMeter(RATE, 170.0)
    tone = sine(0.1, 100, 70)
    assert meter.push(Block(tone[: 61 * RATE - 1], 0)) == []
    assert [minute.second for minute in meter.push(Block(tone[61 * RATE - 1 : 61 * RATE], 61 * RATE - 1))] == [0]
    absent = BandMeter(RATE, 170.0)
    absent.push(Block(tone[: 30 * RATE], 0))
    assert [minute.seconds for minute in absent.push(Gap(30 * RATE, 31 * RATE, "device_absent"))] == [27]


def test_silence_has_no_level() -> None:
    (minute,) = minutes(Block(np.zeros(10 * RATE, np.float32), 0))
    assert set(minute.levels_db) == {None}


sound = (0.1 * np.random.default_rng(7).standard_normal(70 * 100)).astype(np.float32)


@settings(max_examples=60)
@given(
    cuts=st.lists(st.integers(1, len(sound) - 1), max_size=40),
    gap=st.none() | st.tuples(st.integers(0, 60 * 100), st.integers(0, 900)),
)
def test_the_cut_into_blocks_does_not_matter(cuts: list[int], gap: tuple[int, int] | None) -> None:
    hole = (len(sound), len(sound)) if gap is None else (gap[0], gap[0] + gap[1])

    def pieces(edges: list[int]) -> list[Block | Gap]:
        edges = sorted({0, *edges, *hole, len(sound)})
        spans = list(pairwise(edges))
        parts: list[Block | Gap] = [
            Gap(a, b - a, "overflow") if hole[0] <= a < hole[1] else Block(sound[a:b], a) for a, b in spans
        ]
        return parts

    assert minutes(*pieces(cuts), rate=100) == minutes(*pieces([]), rate=100)
