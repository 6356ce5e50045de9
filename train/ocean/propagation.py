"""From the whale to the hydrophone: echoes from surface and bottom, and loss that grows with frequency.

Sound reaches a hydrophone along several paths: directly, off the sea surface (which turns its sign, because water
meets a pressure-release boundary: a reflection coefficient near −1), off the bottom, and by combinations of both.
In water some tens of metres deep the echoes follow within a hundred milliseconds. They smear a call in time and make
it fade where paths cancel. Bottom loss grows with frequency, so a far call arrives without its harmonics.
(F. Jensen, W. Kuperman, M. Porter & H. Schmidt, Computational Ocean Acoustics, 2011, chapter 1.)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from train.ocean.sound import RATE, Sounds

PATHS = 6
"""Paths of each sound: the direct one and five echoes."""
TAIL_S = 0.25
"""Echoes later than this are left out."""


def paths(rng: np.random.Generator, count: int, rate: int = RATE) -> NDArray[np.float64]:
    """Impulse responses of `count` ways through the water.

    Returns:
        float64 [count, TAIL_S · rate]; the direct path is 1 at sample 0. Odd echoes met the surface once more than
        even ones and have the opposite sign; each echo is weaker by a random reflection loss.
    """
    response = np.zeros((count, int(TAIL_S * rate)))
    response[:, 0] = 1.0
    spacing_s = np.exp(rng.normal(np.log(0.018), 0.6, (count, 1)))  # depth, range: 5 … 60 ms from echo to echo
    delay_s = np.cumsum(spacing_s * rng.uniform(0.4, 1.6, (count, PATHS - 1)), axis=1)
    loss_db = np.cumsum(rng.uniform(1.5, 8.0, (count, PATHS - 1)), axis=1)
    sign = np.where(np.arange(PATHS - 1) % 2 == 0, -1.0, 1.0)
    at = np.rint(delay_s * rate).astype(np.int64)
    row, echo = np.nonzero(at < response.shape[1])
    np.add.at(response, (row, at[row, echo]), (sign * 10.0 ** (-loss_db / 20.0))[row, echo])
    return response


def propagate(
    rng: np.random.Generator,
    sounds: Sounds,
    response: NDArray[np.complex128] | None = None,
    rate: int = RATE,
) -> Sounds:
    """Sounds as they arrive.

    Args:
        rng: draws each sound's paths and distance.
        sounds: as they leave their source.
        response: frequency response of the recorder at `rfftfreq(transform_length(…))`, or None.
        rate: samples per second.

    Returns:
        the same sounds, TAIL_S longer; `length` still counts the sound without its echoes.
    """
    size = transform_length(sounds.audio.shape[1], rate)
    hz = np.fft.rfftfreq(size, 1.0 / rate)
    absorbed_db = rng.gamma(1.5, 1.0, (len(sounds), 1)) * hz / 100.0  # per 100 Hz: near 0 … some dB
    spectrum = np.fft.rfft(sounds.audio, n=size, axis=1)
    spectrum *= np.fft.rfft(paths(rng, len(sounds), rate), n=size, axis=1)
    spectrum *= 10.0 ** (-absorbed_db / 20.0)
    if response is not None:
        spectrum *= response
    samples = sounds.audio.shape[1] + int(TAIL_S * rate)
    return replace(sounds, audio=np.fft.irfft(spectrum, n=size, axis=1)[:, :samples])


def transform_length(samples: int, rate: int = RATE) -> int:
    """Length of the transform that `propagate` uses for sounds of `samples` samples: the next power of two."""
    return 1 << (samples + int(TAIL_S * rate) - 1).bit_length()
