"""Calls and look-alikes: contours against the instantaneous frequency, bands, echoes, signal-to-noise ratio."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import butter, hilbert, sosfiltfilt

from train.ocean.clicks import clicks
from train.ocean.clipping import clip_share
from train.ocean.dropouts import dropouts
from train.ocean.knocks import knocks
from train.ocean.lookalikes import KINDS, SHARES, fin, humpback, minke, sei
from train.ocean.propagation import TAIL_S, paths, propagate, transform_length
from train.ocean.snr import BAND_MARGIN_HZ, add_at_snr, band_rms
from train.ocean.sound import Sounds, slow_fading, sweep, taper
from train.ocean.upcall import HIGHEST_HZ, LOWEST_HZ, SMALLEST_RISE_HZ, UpcallShape, draw_shape, render, upcalls

RATE = 2000


def one(value: float) -> np.ndarray:
    return np.array([value])


def shape(bend: float = 1.5, settle: float = 0.0, dip: float = 0.0) -> UpcallShape:
    return UpcallShape(one(90.0), one(200.0), one(1.0), one(bend), one(settle), one(dip))


def test_contour_at_hand_computed_points() -> None:
    u = np.array([[-1.0, 0.0, 0.5, 1.0, 2.0]])
    np.testing.assert_allclose(shape(bend=0.0).contour(u), [[90, 90, 145, 200, 200]], atol=1e-3)
    # (e^0.5 − 1)/(e − 1) = 0.377541
    np.testing.assert_allclose(shape(bend=1.0).contour(u)[0, 2], 90 + 110 * 0.377541, atol=1e-3)
    # half S-shape: 0.5 · 0.377541 + 0.5 · 0.5
    np.testing.assert_allclose(shape(bend=1.0, settle=0.5).contour(u)[0, 2], 90 + 110 * 0.4387703, atol=1e-3)
    # dip 16 · 0.25 · 0.0625 = 0.25 of 8 Hz
    np.testing.assert_allclose(shape(bend=1.0, dip=8.0).contour(u)[0, 2], 90 + 110 * 0.377541 - 2.0, atol=1e-3)


def test_call_sweeps_along_its_contour() -> None:
    wanted = shape()
    call = render(np.random.default_rng(0), wanted)
    assert call.length[0] == 2000
    # the fundamental alone, then the phase of its analytic signal
    spectrum = np.fft.rfft(call.audio[0], 8192)
    hz = np.fft.rfftfreq(8192, 1 / RATE)
    spectrum[(hz > 205 + 20)] = 0
    fundamental = np.fft.irfft(spectrum)[:2000]
    found = np.diff(np.unwrap(np.angle(hilbert(fundamental)))) / (2 * np.pi) * RATE
    expected = wanted.contour(np.linspace(0, 1, 2000)[None])[0]
    inside = slice(300, 1600)  # away from the fades
    error = np.abs(np.convolve(found, np.ones(21) / 21, "same") - expected[1:])[inside]
    # the second harmonic's begin lies below the cut and beats with the fundamental by a few hertz
    assert error.max() < 5.0
    assert error.mean() < 0.7


def test_pure_sweep_has_the_asked_instantaneous_frequency() -> None:
    expected = shape().contour(np.linspace(0, 1, 2000)[None])
    tone = sweep(expected, np.ones((1, 2000)), np.ones((1, 1)))[0]
    found = np.diff(np.unwrap(np.angle(hilbert(tone)))) / (2 * np.pi) * RATE
    assert np.abs(found - expected[0, 1:])[300:-300].max() < 1.0


def test_concave_upwards_when_bent() -> None:
    contour = shape(bend=2.0).contour(np.linspace(0, 1, 100)[None])[0]
    assert (np.diff(contour, 2) > 0).all()


def test_shapes_keep_within_the_published_range() -> None:
    drawn = draw_shape(np.random.default_rng(1), 5000)
    assert drawn.start_hz.min() >= LOWEST_HZ
    assert drawn.end_hz.max() <= HIGHEST_HZ
    assert (drawn.end_hz - drawn.start_hz).min() >= SMALLEST_RISE_HZ - 1e-9
    assert 0.4 <= drawn.duration_s.min() < drawn.duration_s.max() <= 1.4
    np.testing.assert_allclose(np.percentile(drawn.start_hz, [5, 50, 95]), [68, 100, 132], atol=4)
    np.testing.assert_allclose(np.percentile(drawn.end_hz, [5, 50, 95]), [154, 196, 250], atol=8)
    np.testing.assert_allclose(np.percentile(drawn.duration_s, [5, 50, 95]), [0.5, 0.9, 1.3], atol=0.05)
    assert np.corrcoef(drawn.start_hz, drawn.end_hz)[0, 1] == pytest.approx(0.4, abs=0.1)


def test_calls_hold_most_energy_in_their_band_and_stop_at_their_length() -> None:
    calls = upcalls(np.random.default_rng(2), 60)
    assert np.isfinite(calls.audio).all()
    for row in range(60):
        assert (calls.audio[row, calls.length[row] :] == 0).all()
        power = np.abs(np.fft.rfft(calls.audio[row], 8192)) ** 2
        hz = np.fft.rfftfreq(8192, 1 / RATE)
        inside = (hz > calls.low_hz[row] - 8) & (hz < calls.high_hz[row] + 8)
        assert power[inside].sum() / power.sum() > 0.85


def test_the_same_seed_gives_the_same_calls() -> None:
    first, second, other = (upcalls(np.random.default_rng(seed), 4) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.audio, second.audio)
    assert first.audio.shape != other.audio.shape or (first.audio != other.audio).any()


def test_sweep_is_a_sine_and_silences_what_would_fold_back() -> None:
    time = np.arange(1, 1001) / RATE
    tone = sweep(np.full((1, 1000), 250.0), np.full((1, 1000), 0.5), np.array([[1.0, 0.1]]), turns=one(0.25))
    expected = 0.5 * (np.cos(2 * np.pi * 250 * time) - 0.1 * np.sin(2 * np.pi * 500 * time))
    np.testing.assert_allclose(tone[0], expected, atol=1e-9)
    assert (sweep(np.full((1, 100), 950.0), np.ones((1, 100)), np.ones((1, 1))) == 0).all()


def test_taper_and_fading() -> None:
    place = np.array([[-0.1, 0.0, 0.1, 0.5, 0.9, 1.0, 1.1]])
    np.testing.assert_allclose(
        taper(place, np.array([[0.2]]), np.array([[0.2]])), [[0, 0, 0.5, 1, 0.5, 0, 0]], atol=1e-12
    )
    gain = slow_fading((2000, 100), 3.0, 4, np.random.default_rng(0))
    assert 20 * np.log10(gain[:, 0]).std() == pytest.approx(3.0, abs=0.2)
    assert np.abs(np.diff(20 * np.log10(gain), axis=1)).max() < 1.5


@pytest.mark.parametrize("name", list(KINDS))
def test_look_alikes_are_finite_and_within_their_length(name: str) -> None:
    sounds = KINDS[name](np.random.default_rng(5), 40, RATE)
    assert sounds.kind == name
    assert np.isfinite(sounds.audio).all()
    assert (np.abs(sounds.audio).max(axis=1) > 0.05).all()
    assert (sounds.low_hz < sounds.high_hz).all()
    for row in range(40):
        assert 0 < sounds.length[row] <= sounds.audio.shape[1]
        assert np.abs(sounds.audio[row, sounds.length[row] :]).max(initial=0.0) < 0.02


def test_shares_add_up() -> None:
    assert sum(SHARES.values()) == pytest.approx(1.0)
    assert set(SHARES) == set(KINDS)


def peak_hz(row: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(row * np.hanning(len(row)), 8192)) ** 2
    return float(np.fft.rfftfreq(8192, 1 / RATE)[np.argmax(power)])


def test_species_have_their_pitch() -> None:
    rng = np.random.default_rng(6)
    for species, low, high in ((fin, 14, 31), (sei, 25, 110), (minke, 140, 400)):
        pitches = [peak_hz(row) for row in species(rng, 20).audio]
        assert len(pitches) == 20
        assert all(low < pitch < high for pitch in pitches)


def test_humpback_upsweeps_leave_the_up_calls_band() -> None:
    """No look-alike sweeps up from the up-call's start to the up-call's end: nobody could label it."""
    units = humpback(np.random.default_rng(7), 400)
    low_start = units.low_hz < 145
    assert low_start.sum() > 50
    rising = []
    for row in np.flatnonzero(low_start):
        sound = units.audio[row, : units.length[row]]
        third = len(sound) // 3
        if peak_hz(sound[:third]) * 1.25 < peak_hz(sound[-third:]) and units.length[row] > 600:
            rising.append(units.high_hz[row])
    assert len(rising) > 10
    assert np.mean(np.array(rising) > 260) > 0.9


def test_minke_pulses_at_their_rate() -> None:
    train = minke(np.random.default_rng(8), 30)
    assert len(train.audio) == 30
    for row in train.audio:
        loud = np.convolve(row**2, np.ones(40) / 40, "same") > 0.25 * np.percentile(row**2, 99)
        starts = np.flatnonzero(np.diff(loud.astype(int)) == 1)
        merged = 1 + (np.diff(starts) > 200).sum() if len(starts) else 0
        assert 2 <= merged <= 11


def test_knocks_and_clicks_are_broadband() -> None:
    for sounds in (knocks(np.random.default_rng(9), 20), clicks(np.random.default_rng(9), 20)):
        power = np.abs(np.fft.rfft(sounds.audio, axis=1)) ** 2
        hz = np.fft.rfftfreq(sounds.audio.shape[1], 1 / RATE)
        for low in (100, 300, 500):
            share = power[:, (hz > low) & (hz < low + 200)].sum(axis=1) / power.sum(axis=1)
            assert np.median(share) > 0.02


def test_echoes_begin_after_the_direct_path_and_the_first_turns_its_sign() -> None:
    response = paths(np.random.default_rng(10), 200)
    np.testing.assert_array_equal(response.shape, (200, int(TAIL_S * RATE)))
    first = np.array([row[1:][np.flatnonzero(row[1:])[0]] for row in response if row[1:].any()])
    direct = response[:, 0]
    assert (np.abs(direct) > 0).all()
    assert (first < 0).mean() > 0.9
    assert (np.abs(response[:, 1:]).max(axis=1) < 1.3).all()


def test_propagation_keeps_the_begin_and_takes_the_high_frequencies() -> None:
    click = np.zeros((300, 1000))
    click[:, 100] = 1.0
    sounds = Sounds(click, np.full(300, 1000), np.full(300, 30.0), np.full(300, 500.0), "click")
    arrived = propagate(np.random.default_rng(11), sounds)
    assert arrived.audio.shape == (300, 1000 + int(TAIL_S * RATE))
    np.testing.assert_array_equal(arrived.length, sounds.length)
    assert np.median(np.argmax(np.abs(arrived.audio), axis=1)) == 100
    power = (np.abs(np.fft.rfft(arrived.audio, axis=1)) ** 2).mean(axis=0)
    hz = np.fft.rfftfreq(arrived.audio.shape[1], 1 / RATE)
    assert power[(hz > 700) & (hz < 900)].mean() < 0.3 * power[(hz > 50) & (hz < 150)].mean()


def test_propagation_applies_the_recorders_response() -> None:
    tone = np.sin(2 * np.pi * 100 * np.arange(2000) / RATE)[None] * np.hanning(2000)
    sounds = Sounds(tone, np.array([2000]), one(90.0), one(110.0), "tone")
    size = transform_length(2000)
    assert size == 4096
    plain = propagate(np.random.default_rng(12), sounds)
    halved = propagate(np.random.default_rng(12), sounds, np.full(size // 2 + 1, 0.5 + 0j))
    np.testing.assert_allclose(halved.audio, 0.5 * plain.audio, atol=1e-12)


@given(
    snr_db=st.floats(-20, 30),
    begin=st.integers(-500, 2500),
    seed=st.integers(0, 1000),
)
def test_mixed_at_the_asked_ratio(snr_db: float, begin: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((1, 4000))
    call = upcalls(rng, 1)
    at = np.array([begin])
    mixed = add_at_snr(noise, call, at, one(snr_db))
    place = (at, call.length, call.low_hz, call.high_hz)
    ratio = band_rms(mixed - noise, *place) / band_rms(noise, *place)
    assert 20 * np.log10(ratio[0]) == pytest.approx(snr_db, abs=1e-6)


def test_ratio_agrees_with_an_independent_filter() -> None:
    """Butterworth band-pass both ways in place of the exact cut in the frequency domain: within 1 dB."""
    rng = np.random.default_rng(13)
    noise = rng.standard_normal((30, 4000)).cumsum(axis=1)  # a steep spectrum, like the sea's
    calls = upcalls(rng, 30)
    begin = np.full(30, 900)
    mixed = add_at_snr(noise, calls, begin, np.full(30, 6.0))
    errors = []
    for row in range(30):
        edges = [calls.low_hz[row] - BAND_MARGIN_HZ, calls.high_hz[row] + BAND_MARGIN_HZ]
        band = butter(6, edges, "bandpass", fs=RATE, output="sos")
        span = slice(900, 900 + calls.length[row])
        call_part = sosfiltfilt(band, mixed[row] - noise[row])[span]
        noise_part = sosfiltfilt(band, noise[row])[span]
        errors.append(20 * np.log10(call_part.std() / noise_part.std()) - 6.0)
    assert np.abs(np.mean(errors)) < 0.5
    assert np.abs(errors).max() < 2.0


def test_silent_noise_is_left_as_it_is() -> None:
    call = upcalls(np.random.default_rng(14), 1)
    silent = np.zeros((1, 4000))
    np.testing.assert_array_equal(add_at_snr(silent, call, np.array([0]), one(10.0)), silent)
    noise = np.ones((1, 4000)) * np.sin(np.arange(4000))
    np.testing.assert_array_equal(add_at_snr(noise, call, np.array([5000]), one(10.0)), noise)


def test_clipping_cuts_the_asked_share() -> None:
    noise = np.random.default_rng(15).standard_normal((4, 4000))
    cut = clip_share(noise, 0.05)
    np.testing.assert_allclose((np.abs(cut) >= 1.0).mean(axis=1), 0.05, atol=0.001)
    assert np.abs(cut).max() == 1.0
    assert (clip_share(np.zeros((1, 100)), 0.1) == 0).all()


def test_dropouts_damage_a_copy() -> None:
    noise = np.random.default_rng(16).standard_normal((60, 4000))
    kept = noise.copy()
    damaged = dropouts(np.random.default_rng(17), noise)
    np.testing.assert_array_equal(noise, kept)
    assert ((damaged != noise).any(axis=1)).all()
    flat = (np.diff(damaged, axis=1) == 0).sum(axis=1)
    assert (flat >= 9).mean() > 0.5  # at least 5 ms of one value in rows with a hold or zeros
    assert np.isfinite(damaged).all()


def test_sounds_refuse_rows_that_do_not_match() -> None:
    with pytest.raises(ValueError, match="one row a sound"):
        Sounds(np.zeros((2, 10)), np.zeros(3, np.int64), np.zeros(2), np.zeros(2), "x")
