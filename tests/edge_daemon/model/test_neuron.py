"""The integer neuron: traces by hand, and snnTorch's Leaky as the real-number reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.model.neuron import Reset, shift_current, step


def trace(currents: list[int], beta: int, threshold: int, reset: Reset) -> tuple[list[int], list[int]]:
    membrane, spikes = np.zeros(1, np.int64), np.zeros(1, np.bool_)
    values, fired = [], []
    for current in currents:
        membrane, spikes = step(membrane, spikes, np.array([current]), np.array([beta]), np.array([threshold]), reset)
        values.append(int(membrane[0]))
        fired.append(int(spikes[0]))
    return values, fired


def test_subtract_by_hand() -> None:
    # β = 1/2, θ = 10, I = 8: 8; 4+8=12 fires; 6+8−10=4; 2+8=10 (not above θ); 5+8=13 fires; 6+8−10=4
    assert trace([8] * 6, 128, 10, "subtract") == ([8, 12, 4, 10, 13, 4], [0, 1, 0, 0, 1, 0])


def test_zero_by_hand() -> None:
    # β = 1/2, θ = 10, I = 8: 8; 12 fires; 0+8=8; 12 fires; 8; 12
    assert trace([8] * 6, 128, 10, "zero") == ([8, 12, 8, 12, 8, 12], [0, 1, 0, 1, 0, 1])


def test_leak_rounds_down_below_zero_too() -> None:
    # β = 200/256: −7·200/256 = −5.47 → −6; −6·200/256 = −4.69 → −5
    assert trace([-7, 0, 0], 200, 10, "subtract")[0] == [-7, -6, -5]
    # 7·200/256 = 5.47 → 5; 5·200/256 = 3.9 → 3
    assert trace([7, 0, 0], 200, 10, "subtract")[0] == [7, 5, 3]


def test_no_leak_and_full_leak() -> None:
    assert trace([3, 3, 3, 3], 256, 10, "subtract") == ([3, 6, 9, 12], [0, 0, 0, 1])
    assert trace([3, 30, 3, 3], 0, 10, "subtract") == ([3, 30, -7, 3], [0, 1, 0, 0])


def test_the_threshold_itself_does_not_fire() -> None:
    assert trace([10], 128, 10, "zero")[1] == [0]
    assert trace([11], 128, 10, "zero")[1] == [1]


def test_shift_is_a_floor() -> None:
    accumulated = np.array([-5, -4, 0, 5, 7])
    assert shift_current(accumulated, 2).tolist() == [-20, -16, 0, 20, 28]
    assert shift_current(accumulated, -1).tolist() == [-3, -2, 0, 2, 3]


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@given(currents=st.lists(st.integers(-64, 64), min_size=1, max_size=5))
def test_is_snntorchs_leaky_where_nothing_is_rounded(reset: Reset, currents: list[int]) -> None:
    torch = pytest.importorskip("torch", reason="needs torch (extra `train`)")
    snntorch = pytest.importorskip("snntorch", reason="needs snnTorch (extra `train`)")

    leaky = snntorch.Leaky(beta=0.5, threshold=40.0, reset_mechanism=reset)
    membrane = leaky.reset_mem()
    expected = []
    for current in currents:
        spike, membrane = leaky(torch.tensor([float(current)]), membrane)
        expected.append((float(membrane) * 16, float(spike)))
    # four fraction bits: five steps of β = 1/2 leave no remainder
    values, fired = trace([current * 16 for current in currents], 128, 640, reset)
    assert list(zip(map(float, values), map(float, fired), strict=True)) == expected


@given(
    currents=st.lists(st.integers(-(2**20), 2**20), min_size=1, max_size=30),
    beta=st.integers(0, 256),
    threshold=st.integers(1, 2**20),
)
def test_membrane_stays_within_what_leak_and_current_allow(currents: list[int], beta: int, threshold: int) -> None:
    for reset in ("subtract", "zero"):
        values, fired = trace(currents, beta, threshold, reset)
        limit = sum(abs(current) for current in currents) + threshold * len(currents) + len(currents)
        assert max(map(abs, values)) <= limit
        assert fired == [int(value > threshold) for value in values]
