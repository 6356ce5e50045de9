"""Proven ranges: by hand, and never passed by a network that is driven hard."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.model.network import IntegerNetwork, Layer, run
from edge_daemon.model.neuron import Reset, step
from export.bounds import accumulator_bounds, membrane_bounds, ranges


def dense(weight: list[list[int]], bias: list[int], threshold: int = 10, beta: int = 128) -> Layer:
    return Layer(
        name="layer",
        kind="dense",
        weight=np.array(weight, np.int8),
        bias=np.array(bias, np.int32),
        threshold=np.full(len(bias), threshold, np.int32),
        beta_256=np.array([beta], np.int32),
        reset="subtract",
    )


def test_accumulated_sums_by_hand() -> None:
    low, high = accumulator_bounds(dense([[3, -2], [1, 1]], [-5, 7]), 0, 255)
    # channel 0: −2·255 − 5 … 3·255 (the bias may be added last); channel 1: 0 … 2·255 + 7
    assert low.tolist() == [-515, 0]
    assert high.tolist() == [765, 517]


def test_membranes_by_hand() -> None:
    arguments = (np.array([0]), np.array([8]), np.array([128]), np.array([10]))
    # β = 1/2, θ = 10, I ≤ 8: 8, 12 (fires), then at most max(10/2, 12/2 − 10) + 8 = 13, and θ more on the way there
    low, high = membrane_bounds(*arguments, "subtract", 3)
    assert high.tolist() == [23]
    # after a spike at U ≥ 11: floor(11/2) − 10 = −5
    assert low.tolist() == [-10]  # the current may be added after the threshold is taken away: 0 − 10


def test_the_odd_part_of_the_leak_costs_accuracy() -> None:
    network = IntegerNetwork((dense([[1, 0], [0, 1]], [0, 0], beta=192),), 1, (1, 2))
    (found,) = ranges(network)
    assert found.accumulator == 255
    assert found.leak_product == 255 * 3  # 192 = 3 · 64


@settings(max_examples=200)
@given(
    currents=st.lists(st.integers(-300, 500), min_size=1, max_size=20),
    beta=st.integers(0, 256),
    threshold=st.integers(1, 400),
    reset=st.sampled_from(["subtract", "zero"]),
)
def test_no_membrane_passes_its_bounds(currents: list[int], beta: int, threshold: int, reset: Reset) -> None:
    low, high = membrane_bounds(
        np.array([-300]), np.array([500]), np.array([beta]), np.array([threshold]), reset, len(currents)
    )
    membrane, spikes = np.zeros(1, np.int64), np.zeros(1, np.bool_)
    for current in currents:
        membrane, spikes = step(membrane, spikes, np.array([current]), np.array([beta]), np.array([threshold]), reset)
        assert low[0] <= membrane[0] <= high[0]


def test_a_real_networks_membranes_stay_inside(tiny_network: IntegerNetwork) -> None:
    rng = np.random.default_rng(1)
    features = np.concatenate([rng.integers(0, 256, (20, 50, 101)), 255 * rng.integers(0, 2, (20, 50, 101))]).astype(
        np.uint8
    )
    trace = run(tiny_network, features, keep=True)
    assert len(trace.membranes) == 3
    for found, membranes in zip(ranges(tiny_network), trace.membranes, strict=True):
        assert np.abs(membranes).max() <= found.membrane


def test_reset_to_zero_bounds_by_hand() -> None:
    arguments = (np.array([-4]), np.array([8]), np.array([256]), np.array([10]))
    low, high = membrane_bounds(*arguments, "zero", 3)
    # −4, −8, −12 and, in an implementation that takes θ first, −14; at most θ + 8, and θ more on the way there
    assert low.tolist() == [-14]
    assert high.tolist() == [28]


@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_more_steps_never_shrink_a_bound(reset: Reset) -> None:
    arguments = (np.array([-4]), np.array([8]), np.array([200]), np.array([10]))
    found = [membrane_bounds(*arguments, reset, steps) for steps in range(1, 30)]
    assert all(a[0] >= b[0] and a[1] <= b[1] for a, b in itertools.pairwise(found))
