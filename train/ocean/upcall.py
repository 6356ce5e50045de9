"""The right whale's up-call: a tone that sweeps upwards for about a second.

The up-call is the contact call of all ages and both sexes (Parks & Tyack, J. Acoust. Soc. Am. 117, 3297, 2005), and
most of what monitoring listens for. Its pitch differs between places and years with the noise of the place (Parks,
Urazghildiiev & Clark, J. Acoust. Soc. Am. 125, 1230, 2009); in the North Pacific it sweeps from about 90 to 150 Hz in
0.7 s (McDonald & Moore, J. Cetacean Res. Manage. 4, 261, 2002). The spread used here is wider than any one place:
a ridge search over the 420 clearest of 700 labelled North Atlantic clips of the 2013 challenge gave the 5th, 50th and
95th percentiles 68, 100, 132 Hz for the start, 154, 196, 258 Hz for the end, 0.5, 0.9, 1.3 s for the duration, and a
correlation of 0.4 between start and end. Most contours bend upwards (slow first, then steep); some flatten at the end,
some dip before they rise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.ocean.sound import RATE, Sounds, slow_fading, sweep, taper

LOWEST_HZ, HIGHEST_HZ = 50.0, 250.0
"""Where the fundamental of an up-call may lie."""
START_HZ = (100.0, 20.0)
"""Mean and standard deviation of the start frequency: the percentiles above."""
END_HZ = (198.0, 31.0)
"""Mean and standard deviation of the end frequency: the percentiles above."""
START_END_CORRELATION = 0.4
DURATION_S = (0.9, 0.24)
"""Mean and standard deviation of the duration; kept within 0.4 … 1.4 s."""
SMALLEST_RISE_HZ = 35.0
"""An up-call rises at least so much; less is a moan."""


@dataclass(frozen=True, slots=True)
class UpcallShape:
    """What makes up-calls differ; each field float64 [N].

    Args:
        start_hz: fundamental at the begin.
        end_hz: fundamental at the end.
        duration_s: length.
        bend: 0 is a straight line; above 0 the contour is slow first and then steep (exponential with this rate).
        settle: 0 … 1, share of an S-shaped contour mixed in: the call flattens at its end.
        dip_hz: how far the contour sinks before it rises.
    """

    start_hz: NDArray[np.float64]
    end_hz: NDArray[np.float64]
    duration_s: NDArray[np.float64]
    bend: NDArray[np.float64]
    settle: NDArray[np.float64]
    dip_hz: NDArray[np.float64]

    def contour(self, position: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fundamental frequency along the call.

        f(u) = f₀ + (f₁ − f₀) [(1 − s)(e^{bu} − 1)/(e^b − 1) + s (3u² − 2u³)] − dip · 16 u² (1 − u)⁴

        Args:
            position: float64 [N, L], u, 0 at the begin, 1 at the end; held at 0 and 1 outside.

        Returns:
            float64 [N, L], hertz.
        """
        u = np.clip(position, 0.0, 1.0)
        bend, settle = np.maximum(self.bend, 1e-6)[:, None], self.settle[:, None]
        curved = np.expm1(bend * u) / np.expm1(bend)
        rise = (1.0 - settle) * curved + settle * u * u * (3.0 - 2.0 * u)
        start, span = self.start_hz[:, None], (self.end_hz - self.start_hz)[:, None]
        hertz: NDArray[np.float64] = start + span * rise - self.dip_hz[:, None] * 16.0 * u**2 * (1.0 - u) ** 4
        return hertz


def draw_shape(rng: np.random.Generator, count: int) -> UpcallShape:
    """Shapes of `count` up-calls, drawn from the spread above."""
    first = rng.standard_normal(count)
    second = START_END_CORRELATION * first + np.sqrt(1.0 - START_END_CORRELATION**2) * rng.standard_normal(count)
    start = np.clip(START_HZ[0] + START_HZ[1] * first, LOWEST_HZ + 8.0, 150.0)
    end = np.clip(END_HZ[0] + END_HZ[1] * second, start + SMALLEST_RISE_HZ, HIGHEST_HZ)
    return UpcallShape(
        start_hz=start,
        end_hz=end,
        duration_s=np.clip(DURATION_S[0] + DURATION_S[1] * rng.standard_normal(count), 0.4, 1.4),
        bend=np.clip(rng.normal(1.3, 0.9, count), 0.0, 3.5),
        settle=np.where(rng.random(count) < 0.35, rng.uniform(0.2, 0.8, count), 0.0),
        dip_hz=np.where(rng.random(count) < 0.2, rng.uniform(2.0, 8.0, count), 0.0),
    )


def render(rng: np.random.Generator, shape: UpcallShape, rate: int = RATE) -> Sounds:
    """Up-calls of given shapes, as they leave the whale.

    Args:
        rng: draws what the shape leaves open: envelope, fading, harmonics.
        shape: contours of N calls.
        rate: samples per second.

    Returns:
        N sounds; the band is the range of the fundamental.
    """
    count = len(shape.start_hz)
    length = np.maximum(np.rint(shape.duration_s * rate).astype(np.int64), 2)
    position = np.arange(length.max())[None, :] / (length[:, None] - 1)
    frequency = shape.contour(position)
    envelope = taper(position, rng.uniform(0.1, 0.35, (count, 1)), rng.uniform(0.06, 0.25, (count, 1)))
    envelope *= slow_fading(frequency.shape, 2.0, 6, rng)
    # most of the energy is in the later, steeper part
    envelope *= 10.0 ** (rng.uniform(0.0, 6.0, (count, 1)) * (np.clip(position, 0.0, 1.0) - 1.0) / 20.0)
    envelope[position > 1.0] = 0.0
    second_db, third_db = rng.uniform(-32.0, -10.0, count), rng.uniform(-40.0, -18.0, count)
    harmonics = np.stack([np.ones(count), 10.0 ** (second_db / 20.0), 10.0 ** (third_db / 20.0)], axis=1)
    inside = position <= 1.0
    return Sounds(
        audio=sweep(frequency, envelope, harmonics, rate),
        length=length,
        low_hz=np.where(inside, frequency, np.inf).min(axis=1),
        high_hz=np.where(inside, frequency, -np.inf).max(axis=1),
        kind="upcall",
    )


def upcalls(rng: np.random.Generator, count: int, rate: int = RATE) -> Sounds:
    """`count` up-calls with shapes drawn from the published spread."""
    return render(rng, draw_shape(rng, count), rate)
