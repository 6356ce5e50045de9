"""The ring: nothing changes, nothing is lost unsaid, memory is fixed."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.audio.capture.ring import SampleRing


def ramp(start: int, count: int) -> np.ndarray:
    return np.arange(start, start + count, dtype=np.float32)


def test_order_by_hand() -> None:
    ring = SampleRing(6)
    assert ring.read(10) is None
    assert ring.write(ramp(0, 4), 100)
    assert ring.write(ramp(4, 2), 200)
    assert not ring.write(ramp(6, 1), 300)  # full: lost
    chunk = ring.read(5)  # a whole arrival; the second would make it 6
    assert chunk is not None
    assert (chunk.samples.tolist(), chunk.lost, chunk.arrived_ns) == ([0, 1, 2, 3], 0, 100)
    assert ring.write(ramp(7, 3), 400)  # wraps around
    chunk = ring.read(10)  # ends before the loss
    assert chunk is not None
    assert (chunk.samples.tolist(), chunk.lost, chunk.arrived_ns) == ([4, 5], 0, 200)
    chunk = ring.read(10)
    assert chunk is not None
    assert (chunk.samples.tolist(), chunk.lost, chunk.arrived_ns) == ([7, 8, 9], 1, 400)
    assert ring.read(10) is None


def test_arrivals_are_joined_up_to_the_wanted_length() -> None:
    ring = SampleRing(100)
    for start in range(0, 50, 10):
        ring.write(ramp(start, 10), start)
    chunk = ring.read(35)
    assert chunk is not None
    assert chunk.samples.tolist() == ramp(0, 30).tolist()
    assert chunk.arrived_ns == 20
    chunk = ring.read(1)  # an arrival is never cut
    assert chunk is not None
    assert chunk.samples.tolist() == ramp(30, 10).tolist()


def test_a_reader_that_keeps_up_uses_the_front_of_the_memory_only() -> None:
    ring = SampleRing(1000)
    for start in range(0, 5000, 10):
        assert ring.write(ramp(start + 1, 10), start)
        assert ring.write(ramp(start + 11, 5), start)
        chunk = ring.read(100)
        assert chunk is not None
        assert chunk.samples.tolist() == ramp(start + 1, 15).tolist()
    assert np.count_nonzero(ring._memory) == 15


def test_loss_told_by_the_device_adds_up_with_loss_in_the_ring() -> None:
    ring = SampleRing(4)
    ring.write(ramp(0, 4), 0)
    ring.write(ramp(4, 3), 1, lost=5)  # 5 by the device, 3 because it does not fit
    ring.read(4)
    ring.write(ramp(12, 1), 2, lost=2)
    chunk = ring.read(4)
    assert chunk is not None
    assert chunk.lost == 10


@pytest.mark.parametrize(
    ("kind", "scale", "values", "expected"),
    [
        (np.int16, 2.0**-15, [-32768, 0, 16384, 32767], [-1.0, 0.0, 0.5, 32767 / 32768]),
        (np.int32, 2.0**-31, [-(2**31), 1 << 30, 256], [-1.0, 0.5, 2.0**-23]),
        (np.float32, 1.0, [0.25, -3.0], [0.25, -3.0]),
    ],
)
def test_integers_become_full_scale_exactly(kind: type, scale: float, values: list[int], expected: list[float]) -> None:
    ring = SampleRing(8)
    ring.write(np.array(values, kind), 0, scale=scale)
    chunk = ring.read(8)
    assert chunk is not None
    assert chunk.samples.dtype == np.float32
    assert chunk.samples.tolist() == expected


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(0, 3)), max_size=60),
)
def test_every_sample_is_read_or_told_lost(capacity: int, steps: list[tuple[bool, int, int]]) -> None:
    """Read sound carries its own number; the sum of losses and lengths before it must be that number."""
    ring = SampleRing(capacity)
    sent = seen = 0

    def take(most: int) -> bool:
        nonlocal seen
        chunk = ring.read(most)
        if chunk is None:
            return False
        seen += chunk.lost
        assert chunk.samples.tolist() == ramp(seen, len(chunk.samples)).tolist()
        seen += len(chunk.samples)
        return True

    for writes, count, lost in steps:
        if writes:
            sent += lost
            ring.write(ramp(sent, count), sent, lost=lost)
            sent += count
        else:
            take(count)
        assert 0 <= len(ring) <= capacity
    while take(7):
        pass
    ring.write(ramp(sent, 1), 0)
    assert take(1)
    assert seen == sent + 1


def test_two_threads() -> None:
    ring = SampleRing(997)
    total = 200_000

    def produce() -> None:
        rng = np.random.default_rng(9)
        at = 0
        while at < total:
            count = min(int(rng.integers(1, 120)), total - at)
            ring.write(ramp(at, count), at)
            at += count

    writer = threading.Thread(target=produce)
    writer.start()
    at = 0
    while writer.is_alive() or len(ring):
        chunk = ring.read(200)
        if chunk is not None:
            at += chunk.lost
            np.testing.assert_array_equal(chunk.samples, ramp(at, len(chunk.samples)))
            at += len(chunk.samples)
    writer.join()
    assert at <= total


def test_capacity_must_be_positive() -> None:
    with pytest.raises(ValueError, match="capacity"):
        SampleRing(0)
