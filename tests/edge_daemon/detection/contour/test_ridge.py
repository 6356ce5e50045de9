"""Ridges in pictures drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest

from edge_daemon.detection.contour import ridge as ridge_module
from edge_daemon.detection.contour.ridge import Ridge, ridges


def picture(frames: int, bands: int, paths: list[tuple[int, list[int]]], level_db: float = 15.0) -> np.ndarray:
    """Silence at 0 dB, with paths of a level: (first frame, band in each frame)."""
    tenths = np.zeros((frames, bands), np.int32)
    for first, path in paths:
        tenths[np.arange(first, first + len(path)), path] = round(level_db * 10)
    return tenths


def test_a_path_is_found_whole() -> None:
    path = [3, 3, 4, 5, 7, 9, 12, 12, 13, 14]
    (ridge,) = ridges(picture(40, 20, [(11, path)]))
    assert (ridge.first, ridge.bands.tolist()) == (11, path)
    # 10 frames of 15 − 7 dB, less 0.8 dB for each band beyond the first of a move: 1 + 1 + 2
    assert ridge.total == round(10 * (10 * 8 - 0.8 * 4))


def test_a_pause_of_noise_parts_two_paths() -> None:
    # 7 dB are lost in each silent frame: after two of them 14 dB, more than a path may lose
    ones = [(5, [8] * 10), (17, [8] * 10)]
    assert [ridge.first for ridge in ridges(picture(40, 20, ones))] == [5, 17]
    (bridged,) = ridges(picture(40, 20, [(5, [8] * 10), (16, [8] * 10)]))
    assert (bridged.first, bridged.end) == (5, 26)


def test_short_and_faint_paths_are_none() -> None:
    assert ridges(picture(40, 20, [(5, [8] * 5)])) == []
    assert ridges(picture(40, 20, [(5, [8] * 10)], level_db=9.9)) == []
    assert len(ridges(picture(40, 20, [(5, [8] * 11)], level_db=9.9))) == 1


def test_a_faint_begin_is_followed() -> None:
    tenths = picture(40, 20, [(15, [8] * 10)])
    tenths[9:15, 8] = 50  # 5 dB: below 7, above 3.5
    (ridge,) = ridges(tenths)
    assert (ridge.first, ridge.end) == (9, 25)
    assert set(ridge.bands.tolist()) == {8}


def test_nothing_to_search() -> None:
    assert ridges(np.zeros((0, 20), np.int32)) == []
    assert ridges(np.zeros((3, 20), np.int32)) == []


def test_parts_that_are_followed_side_by_side_give_the_paths_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    shapes = [(rng.integers(1, 160), rng.integers(2, 70), rng.choice([-20, 0, 40, 90])) for _ in range(60)]
    sounds = [np.rint(rng.normal(mean, 60, (frames, bands))).astype(np.int32) for frames, bands, mean in shapes]
    # one that crosses every seam, and one in steps so coarse that many moves are equally good
    sounds += [picture(150, 30, [(3, [9] * 140)]), np.rint(rng.normal(0, 1.5, (150, 40))).astype(np.int32) * 50]

    def found() -> list[list[tuple[int, list[int], int]]]:
        return [[told(ridge) for ridge in ridges(sound)] for sound in sounds]

    def told(ridge: Ridge) -> tuple[int, list[int], int]:
        return ridge.first, ridge.bands.tolist(), ridge.total

    in_parts = found()
    monkeypatch.setattr(ridge_module, "_MOST_PARTS", 1)
    assert in_parts == found()
    assert sum(map(len, in_parts)) > 40
