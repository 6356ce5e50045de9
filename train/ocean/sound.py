"""Short sounds: a batch of waveforms with the band that each one occupies.

A call, a song unit or a knock starts and ends within seconds. They are made many at a time (one row each), because
numpy works on whole arrays; rows shorter than the longest end in zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 2000
"""Samples per second of everything in the ocean: the models' rate."""


@dataclass(frozen=True, slots=True)
class Sounds:
    """A batch of short sounds.

    Args:
        audio: float64 [N, L], any level (the mix sets it).
        length: int64 [N], samples that the sound itself takes; echoes after it do not count.
        low_hz: float64 [N], lower edge of the band in which its level is measured.
        high_hz: float64 [N], upper edge of that band.
        kind: what it is, one word, the same for the whole batch.
    """

    audio: NDArray[np.float64]
    length: NDArray[np.int64]
    low_hz: NDArray[np.float64]
    high_hz: NDArray[np.float64]
    kind: str

    def __post_init__(self) -> None:
        shapes = {self.audio.shape[:1], self.length.shape, self.low_hz.shape, self.high_hz.shape}
        if self.audio.ndim != 2 or len(shapes) != 1:
            raise ValueError(f"one row a sound: audio {self.audio.shape}, length {self.length.shape}")

    def __len__(self) -> int:
        return len(self.audio)

    def row(self, index: int) -> Sounds:
        """One sound of the batch, as a batch of one."""
        at = slice(index, index + 1)
        return Sounds(self.audio[at], self.length[at], self.low_hz[at], self.high_hz[at], self.kind)


def sweep(
    frequency: NDArray[np.float64],
    amplitude: NDArray[np.float64],
    harmonics: NDArray[np.float64],
    rate: int = RATE,
    turns: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Tones whose frequency moves: the integral of the frequency is the phase, harmonics are its multiples.

    Args:
        frequency: float64 [N, L], fundamental in hertz at each sample.
        amplitude: float64 [N, L], amplitude of the fundamental at each sample.
        harmonics: float64 [N, H], amplitude of the 1st … Hth harmonic relative to `amplitude`.
        rate: samples per second.
        turns: float64 [N], phase before the first sample in turns (1 = 2π); 0 if left out.

    Returns:
        float64 [N, L]; a harmonic is silent while it lies above 0.45 · rate, so nothing folds back.
    """
    phase = 2.0 * np.pi / rate * np.cumsum(frequency, axis=1)
    if turns is not None:
        phase += 2.0 * np.pi * turns[:, None]
    audio = np.zeros_like(phase)
    for number in range(1, harmonics.shape[1] + 1):
        share = harmonics[:, number - 1 : number]
        if not share.any():
            continue
        audible = frequency * number < 0.45 * rate
        audio += np.where(audible, share * np.sin(number * phase), 0.0)
    return audio * amplitude


def taper(position: NDArray[np.float64], rise: NDArray[np.float64], fall: NDArray[np.float64]) -> NDArray[np.float64]:
    """Envelope that rises and falls like a raised cosine and is 1 between, 0 outside.

    Args:
        position: float64 [N, L], place within the sound, 0 at its begin, 1 at its end.
        rise: float64 [N, 1], share of the sound in which it rises, above 0.
        fall: float64 [N, 1], share in which it falls, above 0.

    Returns:
        float64 [N, L] in 0…1.
    """
    up = np.clip(position / rise, 0.0, 1.0)
    down = np.clip((1.0 - position) / fall, 0.0, 1.0)
    envelope: NDArray[np.float64] = np.sin(0.5 * np.pi * up) ** 2 * np.sin(0.5 * np.pi * down) ** 2
    return envelope


def slow_fading(shape: tuple[int, int], depth_db: float, knots: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Random gain that wanders slowly along a sound.

    Args:
        shape: (N, L).
        depth_db: standard deviation of the gain at the knots, decibels.
        knots: points per row between which the gain is interpolated linearly.
        rng: source of randomness.

    Returns:
        float64 [N, L], factors around 1.
    """
    values = rng.normal(0.0, depth_db, (shape[0], knots + 1))
    place = np.linspace(0.0, knots, shape[1])
    left = np.minimum(place.astype(np.int64), knots - 1)
    part = place - left
    gain: NDArray[np.float64] = 10.0 ** ((values[:, left] * (1.0 - part) + values[:, left + 1] * part) / 20.0)
    return gain
