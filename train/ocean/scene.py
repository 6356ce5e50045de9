"""A scene: minutes of continuous sound with calls at known times.

Clips answer "is there a call in this window?"; a scene answers what a buoy asks: how many of the calls are found, and
how often does it cry wolf in an hour of other sounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.ocean.clip import arrive
from train.ocean.conditions import Conditions, background, draw_conditions
from train.ocean.lookalikes import KINDS
from train.ocean.snr import add_at_snr
from train.ocean.sound import RATE, Sounds
from train.ocean.upcall import upcalls

SURROUNDINGS_S = 2.0
"""Sound before and after a call in which its band is cut out to measure the noise."""


@dataclass(frozen=True, slots=True)
class TrueCall:
    """A call that was put into a scene.

    Args:
        begin_s: begin of the direct arrival, seconds after the scene's begin, exact to a sample.
        end_s: its end; echoes may follow.
        low_hz: lowest fundamental frequency.
        high_hz: highest fundamental frequency.
        snr_db: signal-to-noise ratio as `train.ocean.snr` defines it.
    """

    begin_s: float
    end_s: float
    low_hz: float
    high_hz: float
    snr_db: float


def scene(
    duration_s: float,
    calls: Sequence[tuple[float, float]],
    rng: np.random.Generator,
    lookalikes: Sequence[tuple[float, str, float]] = (),
    conditions: Conditions | None = None,
) -> tuple[NDArray[np.float64], list[TrueCall]]:
    """Makes one continuous recording.

    Args:
        duration_s: length in seconds; an hour takes about 1 GB of memory while it is made.
        calls: (begin in seconds, signal-to-noise ratio in dB) of each up-call.
        rng: source of randomness; the same state gives the same scene.
        lookalikes: (begin in seconds, kind as in `lookalikes.KINDS`, ratio in dB in its own band) of each look-alike.
        conditions: weather, traffic and instrument; drawn at random if left out.

    Returns:
        float64 [duration · 2000], full scale ±1, and the calls in the order given.

    Raises:
        ValueError: a call or a look-alike begins outside the scene, or a kind is unknown.
    """
    samples = round(duration_s * RATE)
    conditions = conditions or draw_conditions(rng)
    for begin_s in [call[0] for call in calls] + [other[0] for other in lookalikes]:
        if not 0.0 <= begin_s < duration_s:
            raise ValueError(f"{begin_s} s is outside a scene of {duration_s} s")
    audio = background(rng, (1, samples), conditions)
    for begin_s, kind, snr_db in lookalikes:
        if kind not in KINDS:
            raise ValueError(f"no look-alike is called {kind!r}; there are {', '.join(KINDS)}")
        add(audio, arrive(rng, KINDS[kind](rng, 1, RATE), conditions), round(begin_s * RATE), snr_db)
    truth = []
    for begin_s, snr_db in calls:
        call = arrive(rng, upcalls(rng, 1), conditions)
        begin = round(begin_s * RATE)
        add(audio, call, begin, snr_db)
        end_s = min(begin + int(call.length[0]), samples) / RATE
        truth.append(TrueCall(begin / RATE, end_s, float(call.low_hz[0]), float(call.high_hz[0]), snr_db))
    return np.clip(audio[0], -1.0, 1.0), truth


def add(audio: NDArray[np.float64], sound: Sounds, begin: int, snr_db: float) -> None:
    """Adds one sound to a scene in place; only its surroundings are transformed."""
    margin = round(SURROUNDINGS_S * RATE)
    first, last = max(begin - margin, 0), min(begin + sound.audio.shape[1] + margin, audio.shape[1])
    part = audio[:, first:last]
    part[...] = add_at_snr(part, sound, np.array([begin - first]), np.array([snr_db]))
