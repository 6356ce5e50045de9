"""Clips and scenes: balance, shares, repeatability, truth; the spec that a user writes."""

from __future__ import annotations

import numpy as np
import pytest

import train.data
from train.data import DataError
from train.data.synthetic import parse_synthetic
from train.ocean.clip import GROUP, SAMPLES, Mix, clips
from train.ocean.conditions import Conditions
from train.ocean.recorder import Recorder
from train.ocean.scene import scene
from train.ocean.snr import band_rms

RATE = 2000
CALM = Conditions(Recorder(), 5.0, 0.3)


@pytest.fixture(scope="module")
def made() -> object:
    return clips(np.random.default_rng(1), 230)


def test_counts_shares_and_ranges(made) -> None:  # type: ignore[no-untyped-def]
    assert made.audio.shape == (230, SAMPLES)
    assert made.audio.dtype == np.float32
    assert np.isfinite(made.audio).all()
    assert np.abs(made.audio).max() <= 1.0
    assert made.labels.sum() == 115
    assert ((made.lookalike != "") & (made.labels == 0)).sum() == round(0.6 * 115)
    assert ((made.lookalike != "") & (made.labels == 1)).sum() == round(0.15 * 115)
    np.testing.assert_array_equal(np.isnan(made.snr_db), made.labels == 0)
    assert np.nanmin(made.snr_db) >= -6
    assert np.nanmax(made.snr_db) <= 12
    np.testing.assert_array_equal(made.group, np.arange(230) // GROUP)


def test_no_clip_is_constant_or_equal_to_another(made) -> None:  # type: ignore[no-untyped-def]
    assert (made.audio.std(axis=1) > 0).all()
    assert len(np.unique(made.audio.view(np.uint32), axis=0)) == 230


def test_the_seed_decides() -> None:
    one, two, other = (clips(np.random.default_rng(seed), 60) for seed in (2, 2, 3))
    np.testing.assert_array_equal(one.audio, two.audio)
    np.testing.assert_array_equal(one.labels, two.labels)
    assert (one.audio != other.audio).any()


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_shares_of_calls_and_look_alikes_are_exact(share: float) -> None:
    found = clips(np.random.default_rng(4), 40, Mix(calls=share, lookalikes=1.0, lookalikes_beside_call=0.0))
    assert found.labels.sum() == round(40 * share)
    np.testing.assert_array_equal(found.lookalike != "", found.labels == 0)


def test_loud_calls_stand_out_of_their_clips() -> None:
    """Power between 60 and 250 Hz around the middle against the ends: only calls put it there."""
    mix = Mix(snr_db=(20.0, 20.0), lookalikes=0.0, lookalikes_beside_call=0.0, clicks=0.0, clipping=0.0, dropouts=0.0)
    found = clips(np.random.default_rng(5), 100, mix)
    audio = found.audio.astype(np.float64)
    low, high = np.full(100, 60.0), np.full(100, 250.0)
    middle = band_rms(audio, np.full(100, 1100), np.full(100, 1200), low, high)
    end = band_rms(audio, np.full(100, 3600), np.full(100, 400), low, high)
    contrast = 20 * np.log10(middle / end)
    assert contrast[found.labels == 1].mean() - contrast[found.labels == 0].mean() > 6


@pytest.mark.parametrize("count", [1, GROUP - 1, GROUP, GROUP + 1])
def test_any_number_of_clips(count: int) -> None:
    assert len(clips(np.random.default_rng(6), count).audio) == count


def test_scene_lists_its_calls_truly() -> None:
    audio, truth = scene(30.0, [(20.0, 25.0), (5.5, 20.0)], np.random.default_rng(7), conditions=CALM)
    silent, nothing = scene(30.0, [], np.random.default_rng(7), conditions=CALM)
    assert audio.shape == silent.shape == (60000,)
    assert nothing == []
    assert [call.begin_s for call in truth] == [20.0, 5.5]
    assert [call.snr_db for call in truth] == [25.0, 20.0]
    # the background comes first out of the generator, so that the difference is the calls alone
    calls = audio - silent
    for call in truth:
        begin, end = round(call.begin_s * RATE), round(call.end_s * RATE)
        assert 0.4 <= call.end_s - call.begin_s <= 1.4
        part = calls[begin : end + RATE // 4]
        power = np.abs(np.fft.rfft(part, 8192)) ** 2
        hz = np.fft.rfftfreq(8192, 1 / RATE)
        inside = (hz > call.low_hz - 10) & (hz < call.high_hz + 10)
        assert power[inside].sum() / power.sum() > 0.8
        assert np.abs(calls[begin - 200 : begin - 20]).max() < 0.05 * np.abs(part).max()


def test_scene_measures_the_ratio_it_was_asked_for() -> None:
    audio, truth = scene(12.0, [(6.0, 7.0)], np.random.default_rng(8), conditions=CALM)
    silent, _ = scene(12.0, [], np.random.default_rng(8), conditions=CALM)
    span = (np.array([12000]), np.array([round((truth[0].end_s - 6.0) * RATE)]))
    band = (np.array([truth[0].low_hz]), np.array([truth[0].high_hz]))
    ratio = band_rms((audio - silent)[None], *span, *band) / band_rms(silent[None], *span, *band)
    assert 20 * np.log10(ratio[0]) == pytest.approx(7.0, abs=0.3)


def test_scene_holds_look_alikes_and_refuses_nonsense() -> None:
    plain, _ = scene(6.0, [], np.random.default_rng(9), conditions=CALM)
    with_fin, _ = scene(6.0, [], np.random.default_rng(9), [(2.0, "fin", 20.0)], CALM)
    assert np.abs(with_fin - plain)[4000:6000].max() > 0
    assert (with_fin == plain)[:3900].all()
    with pytest.raises(ValueError, match="no look-alike is called 'mermaid'"):
        scene(6.0, [], np.random.default_rng(9), [(2.0, "mermaid", 20.0)], CALM)
    with pytest.raises(ValueError, match="outside a scene"):
        scene(6.0, [(6.0, 0.0)], np.random.default_rng(9), conditions=CALM)


def test_scene_cut_at_its_end() -> None:
    audio, truth = scene(10.0, [(9.9, 10.0)], np.random.default_rng(10))
    assert len(audio) == 20000
    assert truth[0].end_s == 10.0


def test_spec_of_a_synthetic_ocean() -> None:
    plain = parse_synthetic("synthetic")
    assert (plain.count, plain.seed, plain.mix) == (4000, 1, Mix())
    full = parse_synthetic("synthetic:n=10, seed=7,snr=-3..6,calls=0.2,lookalikes=1")
    assert (full.count, full.seed) == (10, 7)
    assert full.mix == Mix(calls=0.2, snr_db=(-3.0, 6.0), lookalikes=1.0)
    assert parse_synthetic("synthetic:snr=5").mix.snr_db == (5.0, 5.0)


@pytest.mark.parametrize(
    "text",
    ["synthetic:m=3", "synthetic:n=0", "synthetic:n=many", "synthetic:snr=9..3", "synthetic:calls=2", "synthetic:n",
     "synthetic:seed=-1", "synthetic:snr=nan..3", "syntheticals"],
)  # fmt: skip
def test_impossible_specs_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_synthetic(text)
    assert "synthetic:n=4000" in caught.value.hint


def test_opened_as_a_data_set(tmp_path_factory: pytest.TempPathFactory) -> None:
    cache = tmp_path_factory.mktemp("cache")
    data = train.data.open("synthetic:n=30,seed=2#waveform", cache=cache)
    assert data.features is not None
    assert data.audio is not None
    assert data.features.shape == (30, 1, 4000)
    np.testing.assert_array_equal(data.audio, clips(np.random.default_rng(2), 30).audio)
    assert train.data.open("synthetic:n=30,seed=2", cache=cache, keep_audio=False).audio is None
