"""Sounds of the synthetic ocean, to be laid into real sound: kinds and pitches of which there are no recordings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from train.ocean.clip import arrive
from train.ocean.conditions import draw_conditions
from train.ocean.kinds import OTHER_SOUNDS, Make
from train.ocean.sound import RATE
from train.ocean.upcall import upcalls

GROUP = 25
"""Sounds that share a recorder and the way through the water."""
OTHERS: Mapping[str, float] = {
    "humpback": 0.4,
    "hook": 0.25,
    "down-call": 0.1,
    "sei": 0.1,
    "minke": 0.05,
    "fin": 0.05,
    "knocks": 0.05,
}
"""How often each kind is drawn; what resembles an up-call most, most often."""


def calls(rng: np.random.Generator, count: int) -> list[NDArray[np.float32]]:
    """Up-calls, float32 [any] at 2 kHz each, as a recorder hears them without the sea."""
    return _sounds(rng, count, {"up-call": (upcalls, 1.0)})


def others(rng: np.random.Generator, count: int) -> list[NDArray[np.float32]]:
    """Sounds that are no up-call, as `calls` gives them."""
    kinds = {name: (make, share) for name, share in OTHERS.items() if (make := OTHER_SOUNDS[name].make) is not None}
    return _sounds(rng, count, kinds)


def _sounds(rng: np.random.Generator, count: int, kinds: Mapping[str, tuple[Make, float]]) -> list[NDArray[np.float32]]:
    share = np.array([share for _, share in kinds.values()])
    makes = [make for make, _ in kinds.values()]
    found: list[NDArray[np.float32]] = []
    while len(found) < count:
        make = makes[int(rng.choice(len(makes), p=share / share.sum()))]
        sounds = arrive(rng, make(rng, min(GROUP, count - len(found)), RATE), draw_conditions(rng))
        found += [row[:length].astype(np.float32) for row, length in zip(sounds.audio, sounds.length, strict=True)]
    return found
