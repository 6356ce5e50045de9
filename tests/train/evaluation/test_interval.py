"""Intervals: the percentiles of the bootstrap, but never narrower than the exact interval of the count."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import beta, chi2

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


def test_one_event_says_no_less_than_none() -> None:
    """An hour: drawn again, one event gives 0 to 3; by its count alone 0.03 to 5.6 (Garwood)."""
    hours = np.full(60, 1 / 60)
    none, one = np.zeros(60, np.int64), (np.arange(60) == 7).astype(np.int64)
    assert rate(none, hours).interval == pytest.approx((0.0, 3.689), abs=1e-3)
    assert rate(one, hours).interval == pytest.approx((0.0, 5.572), abs=1e-3)
    # all in the one minute that there is: the bootstrap has nothing else to draw
    assert rate(np.array([1]), np.array([1 / 60])).interval == pytest.approx((60 * 0.02532, 60 * 5.572), rel=1e-3)
    assert share(np.array([1]), np.array([2])).interval == pytest.approx((0.0126, 0.9874), abs=1e-4)


@pytest.mark.parametrize("spread", [1, 60])
def test_more_events_never_have_a_lower_bound(spread: int) -> None:
    """Minutes that are all alike, so that the exact interval is all there is, and a single one."""
    hours = np.full(spread, 2.0 / spread)
    bounds = [rate(np.full(spread, count), hours) for count in range(40)]
    for count, found in enumerate(bounds):
        low, high = found.interval or (np.nan, np.nan)
        events = count * spread
        assert low == pytest.approx(chi2.ppf(0.025, 2 * events) / 4 if events else 0.0)
        assert high == pytest.approx(chi2.ppf(0.975, 2 * events + 2) / 4)
        assert low <= (found.value or 0.0) < high
    assert sorted(bounds, key=lambda found: found.interval or (0, 0)) == bounds


def test_more_calls_found_never_have_a_lower_bound() -> None:
    bounds = [share(np.array([count]), np.array([30])) for count in range(31)]
    for count, found in enumerate(bounds):
        low, high = found.interval or (np.nan, np.nan)
        assert low == pytest.approx(beta.ppf(0.025, count, 31 - count) if count else 0.0)
        assert high == pytest.approx(beta.ppf(0.975, count + 1, 30 - count) if count < 30 else 1.0)
    for smaller, larger in pairwise(found.interval or (0, 0) for found in bounds):
        assert smaller[0] < larger[0]
        assert smaller[1] < larger[1] or smaller[1] == larger[1] == 1.0


@pytest.mark.parametrize("seed", range(20))
def test_an_interval_holds_its_estimate_and_what_the_count_alone_allows(seed: int) -> None:
    random = np.random.default_rng(seed)
    minutes = int(random.integers(1, 40))
    calls = random.poisson(2.0, minutes)
    found = random.binomial(calls, random.uniform())
    events, hours = random.poisson(random.uniform(0, 2), minutes), np.full(minutes, 1 / 60)
    for made in (share(found, calls), rate(events, hours)):
        low, high = made.interval or (0.0, 0.0)
        assert low <= (made.value or 0.0) <= high
    alone = rate(np.array([events.sum()]), np.array([hours.sum()])).interval or (0.0, 0.0)
    low, high = rate(events, hours).interval or (np.nan, np.nan)
    assert low <= alone[0]
    assert high >= alone[1]


def test_without_calls_or_time_there_is_nothing_to_say() -> None:
    assert share(np.array([0]), np.array([0])).value is None
    assert rate(np.array([], np.int64), np.array([])).interval is None
