"""Sounds laid into noise: how loud, where, and with what edges."""

from __future__ import annotations

import numpy as np
import pytest

from train.data.mixture.laying import FADE_S, band_passed, cut_out, lay, place, played

RATE, BAND = 2000, (45.0, 420.0)


def tone(hz: float, seconds: float) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE).astype(np.float32)


@pytest.mark.parametrize("snr_db", [-10.0, 0.0, 12.0])
def test_the_ratio_in_the_band_is_the_one_asked_for(snr_db: float) -> None:
    window = np.random.default_rng(0).normal(0, 0.1, 4000).astype(np.float32)
    call = tone(150, 1.0)
    laid = lay(window, call, snr_db, BAND, RATE, 1000)
    added = (laid - window)[1000:3000]
    noise = np.mean(np.square(band_passed(window, BAND, RATE)))
    assert 10 * np.log10(np.mean(np.square(added)) / noise) == pytest.approx(snr_db, abs=0.05)
    assert (laid[:1000] == window[:1000]).all()
    assert (laid[3000:] == window[3000:]).all()


def test_what_lies_outside_the_window_is_lost() -> None:
    window, call = np.full(100, 1.0, np.float32), np.arange(1, 41, dtype=np.float32)
    window += 0.1 * tone(100, 0.05)
    before, after = (lay(window, call, 0.0, BAND, RATE, at) - window for at in (-10, 80))
    assert (before[30:] == 0).all()
    assert before[0] / before[29] == pytest.approx(11 / 40, rel=1e-3)
    assert (after[:80] == 0).all()
    assert after[80] / after[99] == pytest.approx(1 / 20, rel=1e-2)


def test_silence_takes_and_gives_nothing() -> None:
    window, silence = tone(100, 2.0), np.zeros(1000, np.float32)
    assert lay(window, silence, 3.0, BAND, RATE, 0) is window
    assert not lay(np.zeros(4000, np.float32), tone(100, 0.5), 3.0, BAND, RATE, 0).any()


def test_a_call_is_cut_with_faded_edges_and_without_what_is_below_and_above() -> None:
    sound = np.concatenate([tone(150, 10.0) + tone(10, 10.0) + tone(800, 10.0)])
    call = cut_out(sound, 4.0, 5.0, BAND, RATE)
    fade = round(FADE_S * RATE)
    assert len(call) == RATE + 2 * fade
    inside = call[fade:-fade]
    assert np.abs(inside - sound_of_150(4.0, 1.0)).max() < 0.02
    assert np.abs(call[:5]).max() < 0.01
    assert np.abs(call[-5:]).max() < 0.01


def sound_of_150(begin_s: float, length_s: float) -> np.ndarray:
    return tone(150, begin_s + length_s)[round(begin_s * RATE) :]


def test_a_call_at_the_edge_of_its_recording_is_cut_as_far_as_there_is_sound() -> None:
    sound = tone(150, 3.0)
    assert len(cut_out(sound, 0.0, 1.0, BAND, RATE)) == round((1.0 + FADE_S) * RATE)
    assert len(cut_out(sound, 2.5, 3.0, BAND, RATE)) == round((0.5 + FADE_S) * RATE)


def test_faster_is_shorter_and_higher() -> None:
    faster = played(tone(100, 4.0), 1.25, RATE)
    assert len(faster) == pytest.approx(8000 / 1.25, abs=1)
    spectrum = np.abs(np.fft.rfft(faster[1000:5000]))
    assert spectrum.argmax() * RATE / 4000 == pytest.approx(125, abs=0.5)


def test_the_asked_share_lies_within_the_window() -> None:
    rng = np.random.default_rng(0)
    for length in (500, 2000, 4000, 9000):
        places = [place(length, 4000, 0.6, rng) for _ in range(500)]
        inside = [min(at + length, 4000) - max(at, 0) for at in places]
        assert min(inside) >= 0.6 * min(length, 4000) - 1
        assert min(places) < 0 < max(places) + length - 4000 + 1
