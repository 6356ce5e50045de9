"""The machine's clocks and their twin."""

from __future__ import annotations

import pytest

from edge_daemon.clock.time_source import SystemTime
from edge_daemon.testing.machine import ManualTime


def test_manual_time_moves_only_when_told() -> None:
    time = ManualTime(utc_ns=1_000, monotonic_ns=5)
    time.advance(2.5)
    assert (time.utc_ns(), time.monotonic_ns()) == (2_500_001_000, 2_500_000_005)
    time.step(-1)
    assert (time.utc_ns(), time.monotonic_ns()) == (1_500_001_000, 2_500_000_005)
    with pytest.raises(ValueError, match="backwards"):
        time.advance(-0.1)


def test_the_systems_monotonic_clock_never_goes_back() -> None:
    time = SystemTime()
    readings = [time.monotonic_ns() for _ in range(100)]
    assert readings == sorted(readings)
    assert time.utc_ns() > 1_700_000_000 * 10**9
