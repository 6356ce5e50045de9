"""Intervals: exact at the ends, the percentiles of the bootstrap between them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from train.evaluation.interval import DRAWS, SEED, rate, share


def test_a_share_with_the_percentiles_of_its_draws() -> None:
    found, calls = np.array([2, 0, 1, 0]), np.array([2, 3, 1, 0])
    estimate = share(found, calls)
    assert (estimate.count, estimate.of, estimate.value) == (3, 6, 0.5)
    random = np.random.default_rng(SEED)
    drawn = [random.integers(4, size=4) for _ in range(DRAWS)]
    ratios = [found[at].sum() / calls[at].sum() for at in drawn if calls[at].sum()]
    assert estimate.interval == pytest.approx(np.quantile(ratios, (0.025, 0.975)))
    assert estimate.interval == pytest.approx((0.0, 1.0))  # two of six calls' minutes decide everything
    assert share(found, calls) == estimate


def test_independent_minutes_give_the_interval_of_a_binomial_share() -> None:
    found = (np.arange(400) % 4 == 0).astype(np.int64)
    low, high = share(found, np.ones(400, np.int64)).interval or (0, 0)
    deviation = 1.96 * np.sqrt(0.25 * 0.75 / 400)
    assert low == pytest.approx(0.25 - deviation, abs=0.006)
    assert high == pytest.approx(0.25 + deviation, abs=0.006)


def test_calls_that_are_found_together_tell_less() -> None:
    calls = np.tile([10, 0, 0, 0, 0, 0, 0, 0, 0, 0], 40)
    bouts = share(np.where(np.cumsum(calls) % 40 == 0, calls, 0), calls).interval
    single = share((np.arange(400) % 4 == 0).astype(np.int64), np.ones(400, np.int64)).interval
    assert bouts is not None
    assert single is not None
    assert bouts[1] - bouts[0] > 2 * (single[1] - single[0])


def test_a_rate() -> None:
    estimate = rate(np.array([3, 0, 1]), np.array([0.5, 0.5, 1.0]))
    assert (estimate.count, estimate.of, estimate.value) == (4, 2.0, 2.0)
    assert estimate.interval == pytest.approx((0.0, 6.0))  # never the first minute; nothing but it


def test_nothing_and_everything_have_one_exact_end() -> None:
    none, every = share(np.array([0, 0]), np.array([3, 2])), share(np.array([3, 2]), np.array([3, 2]))
    assert none.interval == pytest.approx((0.0, 1 - 0.025**0.2))
    assert every.interval == pytest.approx((0.025**0.2, 1.0))
    assert rate(np.array([0]), np.array([0.5])).interval == pytest.approx((0.0, chi2.ppf(0.975, 2) / 2 / 0.5))


def test_without_calls_or_time_there_is_nothing_to_say() -> None:
    assert share(np.array([0]), np.array([0])).value is None
    assert rate(np.array([], np.int64), np.array([])).interval is None
