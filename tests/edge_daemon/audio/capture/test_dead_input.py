"""Dead and overloaded inputs, and the quiet ones that are neither."""

from __future__ import annotations

import numpy as np

from edge_daemon.audio.capture.dead_input import DeadInputDetector


def noise(count: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).integers(-2, 3, count) / 32768).astype(np.float32)


def test_noise_of_the_last_bit_is_alive() -> None:
    check = DeadInputDetector(100, 0.999)
    assert not any(check.feed(noise(50, seed)).dead for seed in range(100))


def test_constant_input_dies_after_its_time_and_lives_again() -> None:
    check = DeadInputDetector(100, 0.999)
    constant = np.full(40, 0.01, np.float32)
    assert [check.feed(constant).dead for _ in range(4)] == [False, False, True, True]  # 40, 80, 120, 160
    assert not check.feed(noise(40)).dead
    assert [check.feed(constant).dead for _ in range(3)] == [False, False, True]


def test_constant_samples_count_across_blocks() -> None:
    check = DeadInputDetector(100, 0.999)
    tail = noise(60)
    tail[30:] = 0.5  # 30 of them here
    assert not check.feed(tail).dead
    assert check.feed(np.full(70, 0.5, np.float32)).dead


def test_changing_constants_are_alive() -> None:
    check = DeadInputDetector(100, 0.999)
    values = (0.1, 0.2, 0.1, 0.2)
    assert not any(check.feed(np.full(90, value, np.float32)).dead for value in values)


def test_the_same_buffer_again_and_again_is_dead() -> None:
    check = DeadInputDetector(100, 0.999)
    stuck = noise(40)
    stuck[-1], stuck[-2] = 0.1, 0.2
    assert [check.feed(stuck.copy()).dead for _ in range(5)] == [False, False, False, True, True]  # 1, 41, 81, 121
    assert not check.feed(noise(40, 1)).dead


def test_reset_forgets() -> None:
    check = DeadInputDetector(100, 0.999)
    constant = np.zeros(90, np.float32)
    check.feed(constant)
    check.reset()
    assert not check.feed(constant).dead


def test_clipping_needs_three_samples_at_the_limit() -> None:
    check = DeadInputDetector(1000, 0.999)
    samples = noise(50)
    samples[10] = 1.0
    samples[20] = -1.0
    assert not check.feed(samples).clipped
    samples[30] = 0.9995
    assert check.feed(samples).clipped
