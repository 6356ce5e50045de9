"""Intervals of recall and of rates: the bootstrap over minutes (Efron 1979, percentile).

Minutes are drawn with replacement as often as there are minutes. A minute is longer than a bout of a few calls or song
units, so that neighbours, which are found or missed together, are drawn together. Where nothing or everything was
found there is nothing to draw, and one end of the interval is the exact one: of a binomial share (Clopper and Pearson
1934) or a Poisson rate (Garwood 1936). The rules are given: that they were chosen on the same sound, if they were, is
not in the interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

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
    if 0 < count < total:
        interval = _bootstrap(found, calls)
    else:
        certain = _TAIL ** (1 / total)
        interval = (certain, 1.0) if count else (0.0, 1.0 - certain)
    return Estimate(count, total, count / total, interval)


def rate(events: NDArray[np.int64], hours: NDArray[np.float64]) -> Estimate:
    """Events an hour.

    Args:
        events: int64 [minutes], events of each.
        hours: float64 [minutes], length of each.
    """
    count, total = int(events.sum()), float(hours.sum())
    if not total:
        return Estimate(count, total, None, None)
    interval = _bootstrap(events, hours) if count else (0.0, -log(_TAIL) / total)
    return Estimate(count, total, count / total, interval)


def _bootstrap(part: NDArray[np.int64], whole: NDArray[np.int64] | NDArray[np.float64]) -> tuple[float, float]:
    """Percentiles of Σ part / Σ whole over minutes drawn with replacement."""
    random = np.random.default_rng(SEED)
    both = np.stack([part, whole], axis=1).astype(np.float64)
    sums = np.stack([both[random.integers(len(both), size=len(both))].sum(axis=0) for _ in range(DRAWS)])
    drawn = sums[sums[:, 1] > 0]
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], (_TAIL, 1 - _TAIL))
    return float(low), float(high)
