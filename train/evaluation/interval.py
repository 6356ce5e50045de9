"""Intervals of recall and of rates: the bootstrap over minutes, never narrower than what the count alone allows.

Minutes are drawn with replacement as often as there are minutes (Efron, Bootstrap methods, 1979; percentiles). A minute
is longer than a bout of a few calls or song units, so that neighbours, which are found or missed together, are drawn
together. A few events cannot show how much their number varies: one in an hour gives 0 to 3, none gives none. So the
ends are the outer ones of the bootstrap and of the exact interval of a count of independent events: of a share the
binomial one (Clopper and Pearson, The use of confidence or fiducial limits, Biometrika 26, 1934), of a rate the Poisson
one (Garwood, Fiducial limits for the Poisson distribution, Biometrika 28, 1936). The exact ends rise with the count and
hold the estimate; where events are many and come in bouts, they lie within the bootstrap's. The rules are given: that
they were chosen on the same sound, if they were, is not in the interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, gammaincinv

DRAWS = 1000
SEED = 0
COVERAGE = 0.95
_TAIL = (1 - COVERAGE) / 2


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share or a rate with its interval.

    Attributes:
        count: calls found, or events.
        of: calls, or hours.
        value: their ratio, or None where `of` is 0.
        interval: lower and upper end, or None likewise.
    """

    count: int
    of: float
    value: float | None
    interval: tuple[float, float] | None


def share(found: NDArray[np.int64], calls: NDArray[np.int64]) -> Estimate:
    """The share of calls that are found.

    Args:
        found: int64 [minutes], calls of each that were found.
        calls: int64 [minutes], calls of each.
    """
    count, total = int(found.sum()), int(calls.sum())
    if not total:
        return Estimate(count, total, None, None)
    low = float(betaincinv(count, total - count + 1, _TAIL)) if count else 0.0
    high = float(betaincinv(count + 1, total - count, 1 - _TAIL)) if count < total else 1.0
    return Estimate(count, total, count / total, _outer((low, high), _bootstrap(found, calls)))


def rate(events: NDArray[np.int64], hours: NDArray[np.float64]) -> Estimate:
    """Events an hour.

    Args:
        events: int64 [minutes], events of each.
        hours: float64 [minutes], length of each.
    """
    count, total = int(events.sum()), float(hours.sum())
    if not total:
        return Estimate(count, total, None, None)
    # half the quantile of a chi-squared distribution of twice as many degrees of freedom
    low = float(gammaincinv(count, _TAIL)) / total if count else 0.0
    high = float(gammaincinv(count + 1, 1 - _TAIL)) / total
    return Estimate(count, total, count / total, _outer((low, high), _bootstrap(events, hours)))


def _outer(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return min(one[0], other[0]), max(one[1], other[1])


def _bootstrap(part: NDArray[np.int64], whole: NDArray[np.int64] | NDArray[np.float64]) -> tuple[float, float]:
    """Percentiles of Σ part / Σ whole over minutes drawn with replacement."""
    random = np.random.default_rng(SEED)
    both = np.stack([part, whole], axis=1).astype(np.float64)
    sums = np.stack([both[random.integers(len(both), size=len(both))].sum(axis=0) for _ in range(DRAWS)])
    drawn = sums[sums[:, 1] > 0]
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], (_TAIL, 1 - _TAIL))
    return float(low), float(high)
