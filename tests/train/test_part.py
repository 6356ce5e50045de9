"""Windows with what each counts, whichever command opens them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import train.data
from edge_daemon.errors import UsageError
from train.part import Part


def test_a_data_sets_weights_come_along() -> None:
    data = train.data.open("synthetic:n=6,seed=1")
    weights = np.arange(1, 7, dtype=np.float32)
    part = Part.of(replace(data, weights=weights))
    np.testing.assert_array_equal(part.take(np.array([4, 1])).weights, [5.0, 2.0])
    plain = Part.of(data)
    assert plain.weights is None
    assert plain.digest != part.digest
    np.testing.assert_array_equal(plain.labels, data.labels)


def test_sound_without_features_is_refused() -> None:
    data = train.data.open("synthetic:n=6,seed=1")
    with pytest.raises(UsageError, match="no features"):
        Part.of(replace(data, features=None, frontend=None))
