"""Clips laid into the sea as pictures: against the same sounds added as sound, whose levels are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from edge_daemon.model.frontend import FrontEnd, LogMelSpec
from train.data.mixture import pictures

SPEC = LogMelSpec()
RATE = 2000


def sea(count: int, seed: int, red: float = 0.9) -> NDArray[np.float32]:
    """Windows of noise, redder the nearer to 1."""
    noise = np.random.default_rng(seed).normal(0, 0.02, (count, 4000))
    return lfilter([1.0], [1.0, -red], noise, axis=1).astype(np.float32)


def sweep(level: float) -> NDArray[np.float32]:
    """An up-call of a second in the window's middle."""
    at = np.arange(2000) / RATE
    call = level * np.hanning(2000) * np.sin(2 * np.pi * (100 * at + 40 * at**2))
    return np.pad(call, 1000).astype(np.float32)


def drawn(windows: NDArray[np.float32]) -> NDArray[np.uint8]:
    return FrontEnd(SPEC).batch(windows)[0]


def lay(clips: NDArray[np.uint8], seas: NDArray[np.uint8], ratio_db: float, shift: int = 0) -> NDArray[np.uint8]:
    count = len(clips)
    return pictures.lay(
        clips, seas, np.full(count, ratio_db), np.full(count, shift), SPEC, np.random.default_rng(3)
    )  # fmt: skip


@pytest.mark.parametrize("red", [0.0, 0.7, 0.97])
def test_the_scale_is_found_from_the_noise(red: float) -> None:
    """Power in dB re the maximum, computed by hand from the same windows; the picture alone has lost the scale."""
    windows = sea(20, 1, red)
    bank = SPEC.mel_weights()
    padded = np.pad(windows.astype(np.float64), ((0, 0), (100, 100)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, 200, axis=1)[:, ::40]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(200) / 200)
    power = np.abs(np.fft.rfft(frames * hann)) ** 2 @ bank.T
    true_db = np.maximum(10 * np.log10(power / power.max(axis=(1, 2), keepdims=True)), -80).transpose(0, 2, 1)
    found = pictures.decibels(drawn(windows), SPEC)
    assert np.median(found.min(axis=(1, 2)) / true_db.min(axis=(1, 2))) == pytest.approx(1, abs=0.06)
    shares = [level / level.min(axis=(1, 2), keepdims=True) for level in (found, true_db)]
    np.testing.assert_allclose(*shares, atol=0.005)


def test_laid_as_a_picture_it_looks_as_laid_as_sound() -> None:
    """The mean over many seas; single pictures differ, since their noise does."""
    clip, quiet = sea(64, 5) + sweep(0.3), sea(64, 6)
    apart = drawn(clip + sea(64, 7)).mean(axis=0)
    laid = lay(drawn(clip), drawn(quiet), 0.0).mean(axis=0)
    call = drawn(np.tile(sweep(0.3), (1, 1)))[0] > 200
    assert np.corrcoef(apart.ravel(), laid.ravel())[0, 1] > 0.97
    # a little less contrast: phases of a band's bins are taken for one, so that dips are deeper than they are
    assert laid[call].mean() - np.median(laid) == pytest.approx(apart[call].mean() - np.median(apart), rel=0.2)


def test_a_clip_far_above_the_sea_has_its_contrast_and_one_far_below_is_gone() -> None:
    clip, seas = drawn(sea(8, 1, 0.0) + sweep(0.3)), drawn(sea(8, 2, 0.95))
    above, below = lay(clip, seas, 40.0), lay(clip, seas, -90.0)
    np.testing.assert_allclose(below, seas, atol=2)
    # in the sea's colour, the clip's own levels over each band's median
    levels = pictures.decibels(clip, SPEC)
    excess, found = (x - np.median(x, axis=2, keepdims=True) for x in (levels, pictures.decibels(above, SPEC)))
    assert np.corrcoef(excess.ravel(), found.ravel())[0, 1] > 0.98


def test_what_leaves_on_one_side_enters_on_the_other() -> None:
    clip, seas = drawn(sea(4, 1) + sweep(0.5)), drawn(sea(4, 2))
    moved, still = lay(clip, seas, 40.0, shift=20), lay(clip, seas, 40.0)
    assert np.abs(np.roll(still, 20, axis=2).astype(int) - moved).mean() < 4


def test_pictures_are_scaled_as_the_front_end_does() -> None:
    laid = lay(drawn(sea(6, 1) + sweep(0.2)), drawn(sea(6, 2)), 3.0)
    assert laid.dtype == np.uint8
    assert laid.shape == (6, *SPEC.shape)
    assert (laid.min(axis=(1, 2)) == 0).all()
    assert (laid.max(axis=(1, 2)) == 255).all()
