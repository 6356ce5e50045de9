"""The two filters between a recorder's rate and the model's: what they let through, and that their sums are exact."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_daemon.audio.comb_filter import TAP, comb_taps
from edge_daemon.audio.filter_design import TAP as SECOND_TAP
from edge_daemon.audio.filter_design import UNIT, FilterPair, design
from edge_daemon.audio.resample import Resampler

RECORDERS = [8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000, 384_000]


def periods(rate: int) -> tuple[int, int, int]:
    """Outputs and source samples of a period, and the margin."""
    resampler = Resampler(rate, 2000)
    return resampler._up, resampler._down, resampler._margin


def amplitude(taps: NDArray[np.float64], frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of a symmetric filter's response, from the definition, frequencies in cycles per sample."""
    places = np.arange(len(taps)) - len(taps) // 2
    return np.abs(np.cos(2 * np.pi * np.outer(frequency, places)) @ taps)


@pytest.mark.parametrize("rate", RECORDERS)
def test_what_is_folded_onto_the_wanted_band_is_gone_before(rate: int) -> None:
    pair = design(*periods(rate))
    taps, wanted = pair.first, np.linspace(0, 1000, 9)
    passed = amplitude(taps, wanted / rate)
    assert len(taps) % 2 == 1
    np.testing.assert_array_equal(taps, taps[::-1])
    for fold in range(1, pair.step // 2 + 1):
        for side in (-wanted, wanted):
            folded = amplitude(taps, fold / pair.step + side / rate)
            assert (folded / passed).max() < 10 ** (-125 / 20)  # 130 but for the taps' rounding


@pytest.mark.parametrize("rate", RECORDERS)
def test_both_filters_together_are_flat_and_then_silent(rate: int) -> None:
    """soxr's own: flat to 0.91 of the Nyquist frequency, nothing from that frequency on."""
    up, down, margin = periods(rate)
    pair = design(up, down, margin)
    for output in (0, up - 1):
        taps = _together(pair, output)
        middle = pair.reach * pair.step + len(pair.first) // 2 + output * down / up
        places = np.arange(len(taps)) - middle
        flat = 1e-6 if up == 1 else 1e-3  # soxr's filter between rates of no whole ratio falls by 0.008 dB at 900 Hz
        for hz in (0.0, 33.0, 250.0, 500.0, 900.0):
            assert abs(np.exp(-2j * np.pi * hz / rate * places) @ taps - 1) < flat
        for hz in (1000.0, 1100.0, 1500.0, rate / pair.step - 950.0):
            if hz < rate / 2:
                assert abs(np.exp(-2j * np.pi * hz / rate * places) @ taps) < 2e-6


def _together(pair: FilterPair, output: int) -> NDArray[np.float64]:
    spread = np.zeros((len(pair.second) - 1) * pair.step + 1)
    spread[:: pair.step] = pair.second[:, output]
    return np.convolve(spread, pair.first)


@pytest.mark.parametrize("rate", RECORDERS)
def test_every_sum_of_whole_numbers_fits_into_53_bits(rate: int) -> None:
    pair = design(*periods(rate))
    sample = 2.0**-23
    if pair.step > 1:
        assert not (pair.first % TAP).any()
        assert (pair.first >= 0).all()
        assert pair.first.sum() / (TAP * sample) <= 2.0**53
    assert not (pair.second % SECOND_TAP).any()
    # full scale comes out of the first filter as full scale at most, its taps being positive
    loudest = 10 ** ((-23 if rate == 22_050 else -17 if rate == 11_025 else -14.5) / 20)
    assert loudest * np.abs(pair.second).sum(axis=0).max() / (SECOND_TAP * UNIT) <= 2.0**53


@pytest.mark.parametrize("rate", RECORDERS)
def test_no_tap_depends_on_how_a_processor_rounds(rate: int) -> None:
    """None of the first filter's lies so near to the middle of two that the last bits before decide."""
    up, down, margin = periods(rate)
    step = design(up, down, margin).step
    exact = _combs_in_long_double(step, up / down / 2, len(comb_taps(step, up / down / 2)))
    remainder = np.abs(exact / TAP - np.rint(exact / TAP))
    assert remainder.max() < 0.5 - 1e-5
    np.testing.assert_array_equal(np.rint(exact / TAP) * TAP, comb_taps(step, up / down / 2))


def _combs_in_long_double(step: int, edge: float, length: int) -> NDArray[np.float64]:
    """Each comb one that is turned so that its zeros lie beside those of the others, as Chebyshev's do."""
    count, pi = (length - 1) // (step - 1), 4 * np.arctan(np.longdouble(1))
    taps = np.ones(1, np.clongdouble)
    for number in range(count):
        turn = edge * np.cos(pi * (2 * number + 1) / (2 * count))
        taps = np.convolve(taps, np.exp(2j * pi * turn * np.arange(step)))
    real: NDArray[np.float64] = (taps / taps.sum()).real.astype(np.float64)
    return real
