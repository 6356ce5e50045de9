"""The band in which a call stood out, on images drawn by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays

from edge_daemon.band import outstanding_band, rise

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
    assert outstanding_band(image, EDGES) == (40.0, 70.0)


def test_neighbours_with_half_or_less_are_outside() -> None:
    image = np.zeros((10, 100), np.uint8)
    image[5, 30:45] = 100
    image[4, 30:45] = 51
    image[6, 30:45] = 50
    assert outstanding_band(image, EDGES) == (40.0, 60.0)


def test_a_second_rise_that_is_not_adjacent_is_outside() -> None:
    image = np.zeros((10, 100), np.uint8)
    image[2, 30:45] = 100
    image[8, 30:45] = 90
    assert outstanding_band(image, EDGES) == (20.0, 30.0)


def test_a_steady_tone_is_no_rise() -> None:
    image = np.zeros((10, 100), np.uint8)
    image[1] = 255
    image[7, 10:30] = 40
    assert outstanding_band(image, EDGES) == (70.0, 80.0)


def test_the_common_rise_is_taken_off() -> None:
    image = np.full((10, 100), 10, np.uint8)
    image[:, :20] = 60  # every band rises by 50 …
    image[3, :20] = 100  # … one by 90: excess 40
    image[4, :20] = 80  # excess 20, not more than half
    assert outstanding_band(image, EDGES) == (30.0, 40.0)


def test_a_brief_click_in_one_band_is_not_the_call() -> None:
    image = np.zeros((10, 100), np.uint8)
    image[9, 50:53] = 255  # 3 of 100 frames: below the quantile
    image[2, 30:45] = 30
    assert outstanding_band(image, EDGES) == (20.0, 30.0)


def test_edges_of_the_range() -> None:
    image = np.zeros((10, 100), np.uint8)
    image[0, 30:45] = 100
    assert outstanding_band(image, EDGES) == (0.0, 10.0)
    assert outstanding_band(image[::-1], EDGES) == (90.0, 100.0)


def test_nothing_stands_out() -> None:
    flat = np.full((10, 100), 7, np.uint8)
    click = flat.copy()
    click[:, 40:50] = 200
    assert outstanding_band(flat, EDGES) == (0.0, 100.0)
    assert outstanding_band(click, EDGES) == (0.0, 100.0)


def test_one_band() -> None:
    assert outstanding_band(np.array([[1, 5, 9]], np.uint8), np.array([[0.0, 1000.0]])) == (0.0, 1000.0)


@given(arrays(np.uint8, (10, 37)))
def test_always_a_band_within_the_range(image: np.ndarray) -> None:
    low, high = outstanding_band(image, EDGES)
    assert 0.0 <= low < high <= 100.0
    best = int(rise(image).argmax())
    assert low <= best * 10.0
    assert high >= best * 10.0 + 10.0
