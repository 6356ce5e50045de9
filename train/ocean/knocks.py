"""Knocks: shackles, chains and things that bump the mooring; also the right whale's own "gunshot".

A knock is a broadband burst that rings for some hundredths of a second in a few resonances. On a spectrogram it is an
upright line, often one of a train. A detector that takes a bright line for a sweep is wrong.
"""

from __future__ import annotations

import numpy as np

from train.ocean.sound import RATE, Sounds


def knocks(rng: np.random.Generator, count: int, rate: int = RATE) -> Sounds:
    """Trains of 1 … 12 knocks within 2 s.

    Args:
        rng: draws resonances, damping, spacing.
        count: number of trains.
        rate: samples per second.

    Returns:
        `count` sounds with the band 30 … 500 Hz.
    """
    size = 2 * rate
    strike = np.zeros((count, size))
    hits = rng.integers(1, 13, count)
    for row in range(count):
        regular = rng.random() < 0.4
        gaps = np.full(hits[row], rng.uniform(0.05, 0.4)) if regular else rng.exponential(0.2, hits[row])
        at = np.cumsum(np.rint(gaps * rate).astype(np.int64))
        at = at[at < size - rate // 10]
        if len(at) == 0:
            at = np.array([rate // 10])
        strike[row, at] = rng.uniform(0.3, 1.0, len(at)) * rng.choice([-1.0, 1.0], len(at))
    time = np.arange(rate // 5) / rate
    ring = np.zeros((count, len(time)))
    for _ in range(4):
        pitch_hz = np.exp(rng.uniform(np.log(40.0), np.log(900.0), (count, 1)))
        damping_s = rng.uniform(0.003, 0.03, (count, 1))
        phase = 2 * np.pi * rng.random((count, 1))
        ring += (
            rng.uniform(0.2, 1.0, (count, 1)) * np.exp(-time / damping_s) * np.sin(2 * np.pi * pitch_hz * time + phase)
        )
    # a rough strike, not a pure bell: noise under the same decay
    ring += 0.6 * rng.standard_normal(ring.shape) * np.exp(-time / rng.uniform(0.004, 0.02, (count, 1)))
    padded = size + len(time)
    audio = np.fft.irfft(np.fft.rfft(strike, n=padded, axis=1) * np.fft.rfft(ring, n=padded, axis=1), n=padded, axis=1)
    last = size - 1 - np.argmax(strike[:, ::-1] != 0, axis=1)
    length = np.minimum(last + len(time), size)
    return Sounds(audio[:, :size], length, np.full(count, 30.0), np.full(count, 500.0), "knocks")
