"""Look-alikes: other whales whose sounds a detector of up-calls must leave alone.

Humpback song is the hard one: its units cover the up-call's band and more, sweep up as well as down, carry strong
harmonics and repeat within seconds (R. Payne & S. McVay, Science 173, 585, 1971; W. Au et al., J. Acoust. Soc. Am. 120,
1103, 2006). What tells them apart is pitch, steepness, harmonics and repetition. The others: minke pulse trains (pulses
of 40 … 60 ms at 200 … 400 Hz, 1.5 … 4.5 a second: D. Mellinger, C. Carson & C. Clark, Mar. Mammal Sci. 16, 739, 2000),
the fin whale's 20 Hz pulse (about 23 → 18 Hz in 1 s: W. Watkins et al., J. Acoust. Soc. Am. 82, 1901, 1987), the sei
whale's downsweep (82 → 34 Hz in 1.4 s: M. Baumgartner et al., J. Acoust. Soc. Am. 124, 1339, 2008), and the right
whale's own gunshot (`knocks`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from train.ocean.knocks import knocks
from train.ocean.sound import RATE, Sounds, slow_fading, sweep, taper

LONGEST_S = 2.2
"""Humpback phrases and pulse trains are cut to this length: more does not fit a window."""


def humpback(rng: np.random.Generator, count: int, rate: int = RATE) -> Sounds:
    """Humpback phrases: one unit repeated one to three times.

    Args:
        rng: draws the kind of unit (steep upsweep, hooked upsweep, downsweep, moan, arch), its pitch and its harmonics.
        count: number of phrases.
        rate: samples per second.

    Returns:
        `count` sounds; the band is the range of the fundamental.
    """
    kind = rng.choice(5, count, p=[0.28, 0.16, 0.2, 0.2, 0.16])
    low_hz, high_hz = _unit_pitch(rng, count)
    # an upsweep that stays within the up-call's band cannot be told from one, by us or by anyone
    high_hz = np.where((kind <= 1) & (low_hz < 150.0), np.maximum(high_hz, 280.0), high_hz)
    unit_s = np.where(kind == 0, rng.uniform(0.25, 0.7, count), rng.uniform(0.4, 1.5, count))
    repeats = np.where(unit_s < 0.7, rng.integers(1, 4, count), 1)
    period_s = unit_s * rng.uniform(1.15, 1.7, count)
    size = int(LONGEST_S * rate)
    time = np.arange(size) / rate
    turn = np.floor(time / period_s[:, None])
    position = (time - turn * period_s[:, None]) / unit_s[:, None]
    sounding = (turn < repeats[:, None]) & (position <= 1.0)
    u = np.clip(position, 0.0, 1.0)
    span = (high_hz - low_hz)[:, None]
    bend = rng.uniform(1.5, 4.5, (count, 1))
    curved = np.expm1(bend * u) / np.expm1(bend)
    hook = np.where(u < 0.6, 0.35 * u / 0.6, 0.35 + 0.65 * ((u - 0.6) / 0.4) ** 2)
    shapes = np.stack([curved, hook, 1.0 - curved, 0.15 * np.sin(2 * np.pi * u), np.sin(np.pi * u)])
    contour = low_hz[:, None] + span * shapes[kind, np.arange(count)]
    wobble = 1.0 + rng.uniform(0.0, 0.03, (count, 1)) * np.sin(2 * np.pi * rng.uniform(4.0, 12.0, (count, 1)) * time)
    frequency = np.clip(contour * wobble, 25.0, 900.0)
    envelope = taper(u, rng.uniform(0.05, 0.3, (count, 1)), rng.uniform(0.05, 0.3, (count, 1)))
    envelope = envelope * slow_fading(envelope.shape, 2.0, 8, rng) * sounding
    falling_db = rng.uniform(2.0, 14.0, (count, 1)) * np.arange(6) + rng.normal(0.0, 4.0, (count, 6)) * (
        np.arange(6) > 0
    )
    audio = sweep(frequency, envelope, 10.0 ** (-falling_db / 20.0), rate)
    length = size - np.argmax(sounding[:, ::-1], axis=1)
    low = np.where(sounding, frequency, np.inf).min(axis=1)
    high = np.where(sounding, frequency, -np.inf).max(axis=1)
    return Sounds(audio, length.astype(np.int64), low, high, "humpback")


def _unit_pitch(rng: np.random.Generator, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest fundamental of units: from low moans to cries, most with a wider span than an up-call."""
    low = np.exp(rng.uniform(np.log(60.0), np.log(380.0), count))
    return low, np.minimum(low * np.exp(rng.uniform(np.log(1.3), np.log(4.0), count)) + 20.0, 850.0)


def hook(rng: np.random.Generator, count: int, rate: int = RATE) -> Sounds:
    """Hooked units: a slow rise like an up-call's, then a jump to several hundred hertz within a fifth of a second.

    The look-alike that fools detectors most: among the clips without a call in the 2013 challenge, the ones that a
    network trained on this ocean without hooks took for calls were nearly all of this shape. Pitches as seen there.
    """
    start_hz, knee_hz = rng.uniform(60.0, 115.0, count), rng.uniform(140.0, 230.0, count)
    top_hz = np.maximum(rng.uniform(340.0, 560.0, count), knee_hz + 150.0)
    rise_s, jump_s = rng.uniform(0.4, 1.2, count), rng.uniform(0.05, 0.18, count)
    duration_s = rise_s + jump_s
    length = np.rint(duration_s * rate).astype(np.int64)
    position = np.arange(length.max()) / (length[:, None] - 1)
    knee = (rise_s / duration_s)[:, None]
    bend = rng.uniform(0.2, 2.5, (count, 1))
    rise = np.expm1(bend * np.clip(position / knee, 0.0, 1.0)) / np.expm1(bend)
    jump = np.clip((position - knee) / (1.0 - knee), 0.0, 1.0) ** rng.uniform(1.0, 1.8, (count, 1))
    frequency = start_hz[:, None] + (knee_hz - start_hz)[:, None] * rise + (top_hz - knee_hz)[:, None] * jump
    envelope = taper(position, rng.uniform(0.1, 0.3, (count, 1)), rng.uniform(0.03, 0.12, (count, 1)))
    envelope = envelope * slow_fading(envelope.shape, 2.0, 6, rng) * (position <= 1.0)
    second = 10.0 ** (rng.uniform(-32.0, -8.0, (count, 1)) / 20.0)
    audio = sweep(frequency, envelope, np.concatenate([np.ones((count, 1)), second], axis=1), rate)
    return Sounds(audio, length, start_hz, top_hz, "hook")


def minke(rng: np.random.Generator, count: int, rate: int = RATE) -> Sounds:
    """Stretches of minke pulse trains, 2.2 s of the 40 … 60 s that a whole one lasts."""
    size = int(LONGEST_S * rate)
    pulses_per_s = rng.uniform(1.5, 4.5, count)
    pulse_s = rng.uniform(0.04, 0.06, count)
    centre_hz = rng.uniform(180.0, 350.0, count)
    time = np.arange(size) / rate
    since = np.mod(time * pulses_per_s[:, None] + rng.random((count, 1)), 1.0) / pulses_per_s[:, None]
    shape = taper(since / pulse_s[:, None], np.full((count, 1), 0.3), np.full((count, 1), 0.6))
    tone = np.sin(2 * np.pi * centre_hz[:, None] * time + 2 * np.pi * rng.random((count, 1)))
    rough = rng.standard_normal((count, size))
    hz = np.fft.rfftfreq(size, 1.0 / rate)
    around = np.exp(-0.5 * ((hz - centre_hz[:, None]) / 40.0) ** 2)
    noise = np.fft.irfft(np.fft.rfft(rough, axis=1) * around, n=size, axis=1)
    noise /= np.sqrt(np.mean(noise**2, axis=1, keepdims=True))
    audio = shape * (0.7 * tone + 0.7 * noise)
    return Sounds(audio, np.full(count, size, np.int64), centre_hz - 60.0, centre_hz + 60.0, "minke")


def _downsweep(
    rng: np.random.Generator,
    count: int,
    start_hz: NDArray[np.float64],
    end_hz: NDArray[np.float64],
    duration_s: NDArray[np.float64],
    kind: str,
    rate: int,
) -> Sounds:
    length = np.rint(duration_s * rate).astype(np.int64)
    position = np.arange(length.max()) / (length[:, None] - 1)
    frequency = start_hz[:, None] + (end_hz - start_hz)[:, None] * np.clip(position, 0.0, 1.0) ** 0.7
    envelope = taper(position, np.full((count, 1), 0.3), np.full((count, 1), 0.4)) * (position <= 1.0)
    envelope = envelope * slow_fading(envelope.shape, 1.5, 4, rng)
    return Sounds(sweep(frequency, envelope, np.ones((count, 1)), rate), length, end_hz, start_hz, kind)


def fin(rng: np.random.Generator, count: int, rate: int = RATE) -> Sounds:
    """Fin whale 20 Hz pulses."""
    start, end = rng.uniform(22.0, 30.0, count), rng.uniform(15.0, 19.0, count)
    return _downsweep(rng, count, start, end, rng.uniform(0.6, 1.1, count), "fin", rate)


def sei(rng: np.random.Generator, count: int, rate: int = RATE) -> Sounds:
    """Sei whale downsweeps."""
    start, end = rng.normal(82.0, 8.0, count), rng.normal(34.0, 3.0, count)
    return _downsweep(rng, count, start, end, rng.uniform(1.2, 1.6, count), "sei", rate)


KINDS: dict[str, Callable[[np.random.Generator, int, int], Sounds]] = {
    "humpback": humpback,
    "hook": hook,
    "minke": minke,
    "fin": fin,
    "sei": sei,
    "knocks": knocks,
}
"""Look-alikes by name."""
SHARES: dict[str, float] = {"humpback": 0.47, "hook": 0.08, "minke": 0.1, "fin": 0.05, "sei": 0.1, "knocks": 0.2}
"""How often each one is drawn; the shares add up to 1."""
