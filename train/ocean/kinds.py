"""Kinds of sound that are no up-call, one at a time: what a detector has to leave alone, for as long as one likes.

A buoy lies for days in one kind of sound: rain, a ship that anchors, a pod that sings. So each kind makes recordings of
its own, in which it sounds again and again, in a sea with wind and distant shipping and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from train.ocean.clicks import clicks
from train.ocean.clip import arrive
from train.ocean.conditions import Conditions, background, draw_conditions
from train.ocean.lookalikes import KINDS
from train.ocean.scene import add
from train.ocean.sound import RATE, Sounds
from train.ocean.upcall import upcalls

SNR_DB = (0.0, 15.0)
"""Ratios of sounds to the sea, in their own band."""
EVERY_S = (3.0, 12.0)
"""From one sound's begin to the next."""
CONDITIONS_S = 300.0
"""How long weather, traffic and instrument stay the same."""

Make = Callable[[np.random.Generator, int, int], Sounds]


@dataclass(frozen=True)
class OtherSound:
    """What sounds.

    Attributes:
        make: makes sounds that come and go; None if there are none.
        there: fields of `Conditions` that are there all the time.
    """

    make: Make | None = None
    there: Mapping[str, float] = field(default_factory=dict)


def reversed_upcalls(rng: np.random.Generator, count: int, rate: int = RATE) -> Sounds:
    """Up-calls played backwards: the same band, harmonics and length, but downwards."""
    found = upcalls(rng, count, rate)
    audio = np.zeros_like(found.audio)
    for row, length in enumerate(found.length):
        audio[row, :length] = found.audio[row, :length][::-1]
    return Sounds(audio, found.length, found.low_hz, found.high_hz, "down-call")


OTHER_SOUNDS: dict[str, OtherSound] = {
    "sea": OtherSound(),
    "ship": OtherSound(there={"ship_db": 95.0}),
    "rain": OtherSound(there={"rain_db": 10.0}),
    "hum": OtherSound(there={"mains_hz": 60.0, "hum_db": 25.0}),
    "strum": OtherSound(there={"strum_db": 100.0}),
    "clicks": OtherSound(clicks),
    **{name: OtherSound(make) for name, make in KINDS.items()},
    "down-call": OtherSound(reversed_upcalls),
}
"""All kinds by name."""


def sea(rng: np.random.Generator, there: Mapping[str, float]) -> Conditions:
    """Wind and distant shipping of some day, and no background but what is to be there."""
    nothing: dict[str, float | None] = {"ship_db": None, "rain_db": None, "mains_hz": None, "strum_db": None}
    return replace(draw_conditions(rng), **{**nothing, **there})  # type: ignore[arg-type]  # names of its own fields


def recording(rng: np.random.Generator, other: OtherSound, duration_s: float) -> NDArray[np.float32]:
    """One recording of one kind.

    Args:
        rng: source of randomness; the same state gives the same recording.
        other: what sounds.
        duration_s: length, seconds; other conditions hold every CONDITIONS_S.

    Returns:
        float32 [duration · 2000], full scale ±1.
    """
    left, parts = round(duration_s * RATE), []
    while left:
        count = min(left, round(CONDITIONS_S * RATE))
        conditions = sea(rng, other.there)
        audio = background(rng, (1, count), conditions)
        begin_s = rng.uniform(*EVERY_S)
        while other.make is not None and begin_s * RATE < count:
            sounds = arrive(rng, other.make(rng, 1, RATE), conditions)
            add(audio, sounds, round(begin_s * RATE), rng.uniform(*SNR_DB))
            begin_s += rng.uniform(*EVERY_S)
        parts.append(np.clip(audio[0], -1.0, 1.0).astype(np.float32))
        left -= count
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
