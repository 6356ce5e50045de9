"""The histogram: quantiles within their stated error."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.health.histogram import Histogram


@given(st.lists(st.floats(1e-4, 50), min_size=1, max_size=300), st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]))
def test_quantiles_are_within_their_stated_error(values: list[float], share: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    exact = float(np.quantile(values, share, method="inverted_cdf"))
    found = histogram.quantile(share)
    assert found is not None
    assert abs(found / exact - 1) <= math.sqrt(1.05) - 1 + 1e-9


def test_histogram_takes_what_lies_outside_and_refuses_nonsense() -> None:
    histogram = Histogram()
    assert histogram.quantile(0.5) is None
    for value in (0.0, -1.0, 1e9, math.inf, math.nan):
        histogram.add(value)
    assert histogram.count == 4
    assert histogram.quantile(0.01) == pytest.approx(1e-5, rel=0.03)
    with pytest.raises(ValueError, match="impossible histogram"):
        Histogram(1.0, 1.0)
