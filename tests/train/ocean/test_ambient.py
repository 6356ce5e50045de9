"""The background's spectrum, held against Wenz's slopes and scipy's estimate of what was made."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfreqz, welch

from train.ocean.ambient import ambient, shaped_noise, shipping_db, spectrum_db, turbulence_db, wind_db
from train.ocean.conditions import Conditions, background, draw_conditions
from train.ocean.hum import hum
from train.ocean.rain import rain
from train.ocean.recorder import Recorder, draw_recorder
from train.ocean.ship import cavitation_db, ship
from train.ocean.strum import strum

RATE = 2000


def level_db(pressure: np.ndarray, nperseg: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """One-sided power spectral density of rows, dB re 1 µPa²/Hz, by scipy."""
    hz, density = welch(pressure, RATE, nperseg=nperseg, axis=-1)
    return hz, 10 * np.log10(np.maximum(density.mean(axis=0), 1e-30) / 1e-12)


def test_coates_formulas_at_hand_computed_points() -> None:
    at = np.array([100.0, 1000.0])
    # 17 − 30 log 0.1 = 47; 17 − 30 log 1 = 17
    np.testing.assert_allclose(turbulence_db(at), [47.0, 17.0])
    # 40 + 0 + 26 log 0.1 − 60 log 0.13 = 40 − 26 + 53.163; 40 + 0 − 60 log 1.03 = 40 − 0.770
    np.testing.assert_allclose(shipping_db(at, 0.5), [67.163, 39.230], atol=1e-3)
    # 50 + 7.5·3 − 20 − 40 log 0.5 = 52.5 + 12.041; 50 + 22.5 − 40 log 1.4 = 72.5 − 5.845
    np.testing.assert_allclose(wind_db(at, 9.0), [64.541, 66.655], atol=1e-3)


def test_shipping_activity_is_20_db_and_sea_state_follows_the_wind() -> None:
    at = np.array([60.0])
    assert shipping_db(at, 1.0)[0] - shipping_db(at, 0.0)[0] == pytest.approx(20.0)
    assert wind_db(at, 16.0)[0] - wind_db(at, 4.0)[0] == pytest.approx(15.0)


def test_slopes_where_one_source_rules() -> None:
    low = spectrum_db(np.array([1.0, 3.0]), 0.0, 0.0)
    assert (low[1] - low[0]) / np.log10(3.0) == pytest.approx(-30.0, abs=2.0)
    traffic = spectrum_db(np.array([150.0, 600.0]), 0.0, 1.0)
    assert -34.0 < (traffic[1] - traffic[0]) / np.log10(4.0) < -22.0


@pytest.mark.parametrize(("wind", "shipping"), [(0.0, 0.0), (5.0, 0.5), (20.0, 1.0)])
def test_noise_has_the_stated_spectrum(wind: float, shipping: float) -> None:
    hz, found = level_db(ambient(np.random.default_rng(0), (200, 8000), wind, shipping))
    inside = (hz >= 20) & (hz <= 950)
    assert np.abs(found - spectrum_db(np.maximum(hz, 1.0), wind, shipping))[inside].max() < 1.0


def test_white_noise_of_known_level_is_gaussian_with_its_rms() -> None:
    # 100 dB re 1 µPa²/Hz over 1000 Hz: 130 dB re 1 µPa, that is 10^0.5 Pa
    noise = shaped_noise(np.random.default_rng(1), (50, 4000), lambda hz: np.full_like(hz, 100.0))
    assert noise.std() == pytest.approx(np.sqrt(10.0), rel=0.01)
    assert np.mean(noise**4) / np.mean(noise**2) ** 2 == pytest.approx(3.0, abs=0.05)
    assert np.abs(noise.mean(axis=1)).max() < 1e-12


def test_cavitation_peaks_at_50_hz_and_falls_by_20_db_a_decade() -> None:
    hz = np.array([5.0, 50.0, 500.0])
    np.testing.assert_allclose(cavitation_db(hz, 90.0), [73.0, 90.0, 73.0], atol=0.05)
    hz = np.arange(1.0, 1000.0)
    assert hz[np.argmax(cavitation_db(hz, 90.0))] == 50.0


@pytest.mark.slow
def test_ship_has_lines_that_stand_out_and_a_beating_roar() -> None:
    noise = ship(np.random.default_rng(2), (20, 20000), np.full(20, 100.0))
    for row in noise:
        hz, density = welch(row, RATE, nperseg=8000)
        inside = (hz > 3) & (hz < 450)
        smooth = np.array([np.median(density[max(at - 20, 0) : at + 21]) for at in range(len(hz))])
        assert (density / smooth)[inside].max() > 10
    hz, found = level_db(noise)
    assert np.median(found[(hz > 40) & (hz < 60)]) == pytest.approx(100.0, abs=6.0)
    # the envelope above 500 Hz, where no line is, beats at the blade rate: a peak between 4 and 20 Hz
    beats = 0
    for row in noise:
        spectrum = np.fft.rfft(row)
        spectrum[:5000] = 0
        envelope = np.fft.irfft(spectrum) ** 2
        power = np.abs(np.fft.rfft(envelope - envelope.mean())) ** 2
        slow = power[20:400]  # 2 … 40 Hz in steps of 0.1 Hz
        beats += bool(slow.max() > 15 * np.median(slow) and 35 < np.argmax(slow) + 20 < 205)
    assert beats >= 15


def test_hum_is_the_mains_and_its_harmonics_at_the_asked_level() -> None:
    noise = hum(np.random.default_rng(3), (5, 8000), 60.0, np.full(5, 0.25))
    np.testing.assert_allclose(np.sqrt(np.mean(noise**2, axis=1)), 0.25)
    power = np.abs(np.fft.rfft(noise * np.hanning(8000), axis=1)) ** 2
    hz = np.fft.rfftfreq(8000, 1 / RATE)
    near = np.zeros(len(hz), bool)
    for number in range(1, 9):
        near |= np.abs(hz - 60 * number) < 2
    assert power[:, near].sum() / power.sum() > 0.999


def test_strum_rumbles_below_100_hz_and_swells() -> None:
    noise = strum(np.random.default_rng(4), (40, 20000), np.full(40, 100.0))
    hz, found = level_db(noise)
    assert found[np.argmin(np.abs(hz - 300))] - found[np.argmin(np.abs(hz - 30))] == pytest.approx(-60.0, abs=3.0)
    loudness = 10 * np.log10((noise.reshape(40, 20, 1000) ** 2).mean(axis=2))
    assert loudness.std(axis=1).mean() > 3.0


def test_rain_has_its_rms_and_rises_with_frequency() -> None:
    noise = rain(np.random.default_rng(5), (20, 8000), np.linspace(0.1, 2.0, 20), 400.0)
    np.testing.assert_allclose(np.sqrt(np.mean(noise**2, axis=1)), np.linspace(0.1, 2.0, 20))
    hz, found = level_db(noise)
    assert found[np.argmin(np.abs(hz - 900))] - found[np.argmin(np.abs(hz - 90))] == pytest.approx(20.0, abs=2.0)
    # single drops: heavier tails than Gaussian noise
    assert np.mean(noise[0] ** 4) / np.mean(noise[0] ** 2) ** 2 > 4.0
    assert (rain(np.random.default_rng(5), (2, 1000), np.ones(2), 0.0) == 0).all()


def test_recorder_is_a_butterworth_high_pass() -> None:
    recorder = Recorder(high_pass_hz=40.0, order=3)
    hz = np.fft.rfftfreq(4000, 1 / RATE)[2:400]
    _, expected = sosfreqz(butter(3, 40.0, "highpass", fs=RATE, output="sos"), worN=hz, fs=RATE)
    found = np.abs(recorder.response(4000))[2:400]
    np.testing.assert_allclose(20 * np.log10(found), 20 * np.log10(np.abs(expected)), atol=0.6)
    assert recorder.response(4000)[80].real == pytest.approx(np.sqrt(0.5))


def test_emphasis_whitens_and_full_scale_is_pressure() -> None:
    flat, lifted = Recorder(5.0, 2, 0.0), Recorder(5.0, 2, 1.0)
    gain = np.abs(lifted.response(4000) / flat.response(4000))
    np.testing.assert_allclose(gain[[100, 200, 1000]], [0.5, 1.0, 5.0])  # 50, 100, 500 Hz
    assert Recorder(full_scale_db=120.0).pascal_per_full_scale == pytest.approx(1.0)
    tone = np.sin(2 * np.pi * 250 * np.arange(4000) / RATE)[None]
    np.testing.assert_allclose(flat.filter(tone), tone, atol=1e-3)


def test_background_is_the_same_for_the_same_seed_and_level_follows_full_scale() -> None:
    quiet = Conditions(Recorder(full_scale_db=150.0), 6.0, 0.5)
    loud = Conditions(Recorder(full_scale_db=130.0), 6.0, 0.5)
    one, two = (background(np.random.default_rng(6), (2, 4000), quiet) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_allclose(background(np.random.default_rng(6), (2, 4000), loud), 10 * one)


def test_every_background_adds_power() -> None:
    calm = Conditions(Recorder(), 3.0, 0.2)
    base = background(np.random.default_rng(7), (8, 8000), calm).std()
    for extra in ({"ship_db": 110.0}, {"strum_db": 120.0}, {"rain_db": 30.0}, {"mains_hz": 50.0, "hum_db": 40.0}):
        other = Conditions(Recorder(), 3.0, 0.2, **extra)  # type: ignore[arg-type]
        assert background(np.random.default_rng(7), (8, 8000), other).std() > 1.5 * base, extra


def test_drawn_conditions_vary_and_are_finite() -> None:
    rng = np.random.default_rng(8)
    drawn = [draw_conditions(rng) for _ in range(300)]
    assert 5.0 < np.mean([one.wind_m_s for one in drawn]) < 9.0
    assert 0.2 < np.mean([one.ship_db is not None for one in drawn]) < 0.4
    assert {one.mains_hz for one in drawn} == {None, 50.0, 60.0}
    assert len({draw_recorder(rng).high_pass_hz for _ in range(20)}) == 20
    for one in drawn[:20]:
        sound = background(rng, (2, 4000), one)
        assert np.isfinite(sound).all()
        assert 1e-6 < np.sqrt(np.mean(sound**2)) < 1.0
