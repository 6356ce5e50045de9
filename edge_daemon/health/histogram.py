"""A streaming histogram with buckets of equal ratio: quantiles of millions of values in a few kilobytes.

Bucket i holds values in [low·r^i, low·r^(i+1)). A quantile is given as the geometric middle of its bucket, so its
relative error is at most √r − 1: 2.5 % with r = 1.05. Values outside [low, high] count in the first or last bucket.
"""

from __future__ import annotations

import math


class Histogram:
    """Counts of positive values.

    Args:
        low: smallest value told apart, > 0.
        high: largest value told apart.
        ratio: of neighbouring bucket edges, > 1.
    """

    def __init__(self, low: float = 1e-5, high: float = 100.0, ratio: float = 1.05) -> None:
        if not 0 < low < high or ratio <= 1:
            raise ValueError(f"impossible histogram: {low} … {high}, ratio {ratio}")
        self._low = low
        self._log_ratio = math.log(ratio)
        self._counts = [0] * (math.ceil(math.log(high / low) / self._log_ratio) + 1)
        self.count = 0
        self.largest = 0.0

    def add(self, value: float) -> None:
        """Count a value; NaN is not counted."""
        if math.isnan(value):
            return
        place = 0 if value <= self._low else int(math.log(min(value, 1e300) / self._low) / self._log_ratio)
        self._counts[min(place, len(self._counts) - 1)] += 1
        self.count += 1
        self.largest = max(self.largest, value)

    def quantile(self, share: float) -> float | None:
        """Value below which `share` (0 … 1) of the values lie, within √r − 1; None without values."""
        if self.count == 0:
            return None
        wanted, seen = max(1, math.ceil(share * self.count)), 0
        for place, count in enumerate(self._counts):
            seen += count
            if seen >= wanted:
                return min(self._low * math.exp((place + 0.5) * self._log_ratio), self.largest)
        raise AssertionError("counts and total disagree")
