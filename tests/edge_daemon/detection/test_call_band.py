"""The band in which a call stood out, on images drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from edge_daemon.detection.call_band import event_band_hz, rise
from edge_daemon.model.frontend import FrontEnd, LogMelSpec, StftSpec

EDGES = np.stack([np.arange(10) * 10.0, np.arange(10) * 10.0 + 10.0], axis=1)


def test_rise_is_the_high_quantile_minus_the_median() -> None:
    row = np.arange(101, dtype=np.uint8)[None]  # ordered values 0…100: quantile 0.95 is 95, median is 50
    assert rise(row).tolist() == [45]
    assert rise(row[:, ::-1]).tolist() == [45]


def test_rise_with_an_even_number_of_frames_takes_the_lower_median() -> None:
    # int(0.95 · 3) = 2 → third value of four, lower median → second
    assert rise(np.array([[4, 1, 9, 6]], np.uint8)).tolist() == [6 - 4]


def test_a_call_in_three_bands() -> None:
    image = np.full((10, 100), 20, np.uint8)
    image[4:7, 30:45] = 120
    # sums of three: 100 200 300 200 100 in bands 3…7; 100 is no more than a third of 300
    assert event_band_hz(image, EDGES) == (40.0, 70.0)


def test_neighbours_need_more_than_a_third() -> None:
    image = np.zeros((10, 100), np.uint8)
    image[3:8, 30:45] = np.array([2, 100, 100, 100, 0])[:, None]
    # sums 2 102 202 300 200 100 in bands 2…7
    assert event_band_hz(image, EDGES) == (30.0, 70.0)


def test_a_hole_does_not_end_the_band() -> None:
    image = np.zeros((10, 100), np.uint8)
    image[2:7, 30:45] = np.array([100, 100, 0, 100, 100])[:, None]
    # sums 100 200 200 200 200 200 100 in bands 1…7, of which the lower median, 100, is taken off
    assert event_band_hz(image, EDGES) == (20.0, 70.0)


def test_a_second_rise_that_is_not_adjacent_is_outside() -> None:
    image = np.zeros((10, 100), np.uint8)
    image[1:3, 30:45] = 100
    image[7:9, 30:45] = 90
    # sums 100 200 200 100 in bands 0…3, 90 180 180 90 in 6…9: the lower median, 90, is taken off: 10 110 110 10
    assert event_band_hz(image, EDGES) == (10.0, 30.0)


def test_the_best_band_is_looked_for_within_the_species_range() -> None:
    image = np.zeros((10, 100), np.uint8)
    image[0, 30:45] = 200
    image[5:8, 30:45] = 90
    assert event_band_hz(image, EDGES) == (0.0, 20.0)
    # 40 Hz is the edge between two bands: the one below does not reach into the range
    assert event_band_hz(image, EDGES, (40.0, 100.0)) == (50.0, 80.0)
    assert event_band_hz(image, EDGES, (20.0, 40.0)) == (0.0, 100.0)  # nothing rises there
    assert event_band_hz(image, EDGES, (500.0, 600.0)) == (0.0, 100.0)  # nothing is there


def test_a_steady_tone_is_no_rise() -> None:
    image = np.zeros((10, 100), np.uint8)
    image[1] = 255
    image[7, 10:30] = 40
    assert event_band_hz(image, EDGES) == (60.0, 90.0)


def test_the_common_rise_is_taken_off() -> None:
    image = np.full((10, 100), 10, np.uint8)
    image[:, :20] = 60  # every band rises by 50 …
    image[3, :20] = 110  # … one by 100
    # sums 150 everywhere, 200 in bands 2…4
    assert event_band_hz(image, EDGES) == (20.0, 50.0)


def test_a_brief_click_in_one_band_is_not_the_call() -> None:
    image = np.zeros((10, 100), np.uint8)
    image[9, 50:53] = 255  # 3 of 100 frames: below the quantile
    image[2, 30:45] = 30
    assert event_band_hz(image, EDGES) == (10.0, 40.0)


def test_wide_bands_have_no_neighbourhood() -> None:
    image = np.zeros((10, 100), np.uint8)
    image[2, 30:45] = 30
    assert event_band_hz(image, EDGES * 2) == (40.0, 60.0)


def test_edges_of_the_range() -> None:
    image = np.zeros((10, 100), np.uint8)
    image[0, 30:45] = 100  # counts twice in its own sum, which goes on outside: 200 100
    assert event_band_hz(image, EDGES) == (0.0, 20.0)
    assert event_band_hz(image[::-1], EDGES) == (80.0, 100.0)


def test_nothing_stands_out() -> None:
    flat = np.full((10, 100), 7, np.uint8)
    click = flat.copy()
    click[:, 40:50] = 200
    assert event_band_hz(flat, EDGES) == (0.0, 100.0)
    assert event_band_hz(click, EDGES) == (0.0, 100.0)


def test_one_band() -> None:
    assert event_band_hz(np.array([[1, 5, 9]], np.uint8), np.array([[0.0, 1000.0]])) == (0.0, 1000.0)


@given(arrays(np.uint8, (10, 37)))
def test_always_a_band_within_the_range(image: np.ndarray) -> None:
    low, high = event_band_hz(image, EDGES)
    assert 0.0 <= low < high <= 100.0


@pytest.mark.parametrize("spec", [LogMelSpec(), StftSpec()])
@pytest.mark.parametrize("snr_db", [3.0, 12.0])
def test_sweeps_in_noise(spec: LogMelSpec | StftSpec, snr_db: float) -> None:
    """Box and truth overlap by more than two thirds (intersection over union), the middle one of eleven sweeps."""
    rng = np.random.default_rng(5)
    time = np.arange(4000) / 2000
    overlaps = []
    for _ in range(11):
        low, high = rng.uniform(70, 110), rng.uniform(160, 230)
        noise = rng.standard_normal(4000)
        inside = (time >= 0.5) & (time < 1.4)
        local = (time[inside] - 0.5) / 0.9
        phase = 2 * np.pi * 0.9 * (low * local + (high - low) * local**2 / 2)
        # the noise's share between 50 and 250 Hz is a fifth of its power
        noise[inside] += np.sqrt(2 * 0.2 * 10 ** (snr_db / 10)) * np.sin(phase)
        found = event_band_hz(FrontEnd(spec)(noise.astype(np.float32)), spec.band_edges_hz())
        common = max(0.0, min(found[1], high) - max(found[0], low))
        overlaps.append(common / (max(found[1], high) - min(found[0], low)))
    assert sorted(overlaps)[5] > 2 / 3
