"""Whatever foreign code returns: it is an inference or refused, a counter or left out."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.backends.answer import MOST_COUNTERS, checked, counters
from edge_daemon.backends.base import Inference
from edge_daemon.errors import BackendError

GOOD = Inference(np.array([0.5, 1.0], np.float32), np.ones((2, 3), np.int32), np.ones((2, 4), np.int64))


def test_an_inference_is_passed_on() -> None:
    assert checked(GOOD, 2, 3, 4) == GOOD


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "score",
        (GOOD.score, GOOD.spike_counts, GOOD.layer_spikes),
        Inference([0.5, 1.0], GOOD.spike_counts, GOOD.layer_spikes),  # type: ignore[arg-type]
        Inference(np.array([0.5]), GOOD.spike_counts, GOOD.layer_spikes),
        Inference(np.array([0.5, np.nan], np.float32), GOOD.spike_counts, GOOD.layer_spikes),
        Inference(np.array([0.5, 1.5], np.float32), GOOD.spike_counts, GOOD.layer_spikes),
        Inference(np.array([0, 1]), GOOD.spike_counts, GOOD.layer_spikes),
        Inference(np.array([0.5, "x"], object), GOOD.spike_counts, GOOD.layer_spikes),
        Inference(GOOD.score, np.ones((2, 2), np.int32), GOOD.layer_spikes),
        Inference(GOOD.score, np.full((2, 3), None), GOOD.layer_spikes),
        Inference(GOOD.score, GOOD.spike_counts, np.full((2, 4), np.nan)),
        Inference(GOOD.score, GOOD.spike_counts, None),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_inference_is_refused(wrong: Any) -> None:
    with pytest.raises(BackendError, match="did not return scores"):
        checked(wrong, 2, 3, 4)


def test_counters_by_hand() -> None:
    given_counters = {"a": 1, "b": np.float32(0.5), "c": True, "d": np.int64(7)}
    assert counters(given_counters) == ({"a": 1.0, "b": 0.5, "c": 1.0, "d": 7.0}, "")
    for bad in ("many", None, math.nan, math.inf, 10**400, [1], {"x": 1}, np.ones(2), 1j, b"1"):
        found, wrong = counters({"a": 1, "bad": bad})
        assert found == {"a": 1.0}
        assert wrong == "its counter 'bad' is no number with a name"
    for name in (1, None, "", "x" * 65, "a\x1b[2J", ("a",)):
        found, wrong = counters({"a": 1, name: 2})
        assert found == {"a": 1.0}
        assert wrong
    assert counters([1, 2]) == ({}, "its counters are no mapping, but list")
    found, wrong = counters({str(number): number for number in range(1000)})
    assert len(found) == MOST_COUNTERS
    assert wrong == "it has more than 64 counters"


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers() | st.none(), inner, max_size=5)
    ),
    max_leaves=10,
)


@given(_ANYTHING)
def test_whatever_is_returned_what_remains_can_be_told(anything: Any) -> None:
    found, _ = counters(anything)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    with pytest.raises(BackendError):
        checked(anything, 1, 2, 3)
