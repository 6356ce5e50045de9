"""Labelled two-second clips by the thousand: half with an up-call, half without, look-alikes in a stated share.

Clips come in groups that share their conditions (weather, traffic, instrument). Within a clip the order is: background,
look-alikes and clicks, the call, then what goes wrong in the recorder (clipping, dropouts). A call's signal-to-noise
ratio is therefore measured against everything else in the clip, and before any fault.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.ocean.clicks import clicks
from train.ocean.clipping import clip_share
from train.ocean.conditions import Conditions, background, draw_conditions
from train.ocean.dropouts import dropouts
from train.ocean.lookalikes import KINDS, SHARES
from train.ocean.propagation import propagate, transform_length
from train.ocean.snr import add_at_snr
from train.ocean.sound import RATE, Sounds
from train.ocean.upcall import upcalls

SAMPLES = 2 * RATE
"""Samples in a clip."""
GROUP = 50
"""Clips that share their conditions."""


@dataclass(frozen=True, slots=True)
class Mix:
    """What a set of clips is mixed from.

    Args:
        calls: share of clips with an up-call; exact, rounded to whole clips.
        snr_db: range of a call's signal-to-noise ratio (as `train.ocean.snr` defines it), uniform.
        lookalikes: share of the clips without a call that hold a look-alike; exact, rounded to whole clips.
        lookalikes_beside_call: share of the clips with a call that hold one too.
        lookalike_snr_db: range of a look-alike's ratio in its own band, uniform.
        clicks: share of clips with clicks.
        clipping: share of clips that are cut at full scale.
        dropouts: share of clips with lost samples.
        centre_s: mean and standard deviation of the call's centre within the clip, seconds; the challenge's clips
            have 0.77 ± 0.11.
    """

    calls: float = 0.5
    snr_db: tuple[float, float] = (-6.0, 12.0)
    lookalikes: float = 0.6
    lookalikes_beside_call: float = 0.15
    lookalike_snr_db: tuple[float, float] = (-3.0, 15.0)
    clicks: float = 0.06
    clipping: float = 0.03
    dropouts: float = 0.03
    centre_s: tuple[float, float] = (0.85, 0.17)


@dataclass(frozen=True, slots=True)
class Clips:
    """Labelled clips.

    Args:
        audio: float32 [N, SAMPLES], full scale ±1.
        labels: uint8 [N], 1 where there is an up-call.
        group: int64 [N], number of the conditions.
        snr_db: float64 [N], of the call; NaN where there is none.
        lookalike: [N], name of the look-alike in the clip, empty where there is none.
    """

    audio: NDArray[np.float32]
    labels: NDArray[np.uint8]
    group: NDArray[np.int64]
    snr_db: NDArray[np.float64]
    lookalike: NDArray[np.str_]


def clips(rng: np.random.Generator, count: int, mix: Mix | None = None) -> Clips:
    """Makes labelled clips.

    Args:
        rng: source of randomness; the same state gives the same clips.
        count: number of clips, at least 1.
        mix: shares and ranges.

    Returns:
        the clips, in order of their groups; calls are spread over the groups at random.
    """
    mix = mix or Mix()
    labels = _exact(rng, count, np.arange(count), mix.calls)
    beside = _exact(rng, count, np.flatnonzero(labels), mix.lookalikes_beside_call)
    kind = rng.choice(list(SHARES), count, p=list(SHARES.values()))
    lookalike = np.where(beside | _exact(rng, count, np.flatnonzero(~labels), mix.lookalikes), kind, "")
    snr_db = np.where(labels, rng.uniform(*mix.snr_db, count), np.nan)
    group = np.arange(count) // GROUP
    audio = np.empty((count, SAMPLES), np.float32)
    for number in range(group[-1] + 1):
        rows = slice(number * GROUP, (number + 1) * GROUP)
        audio[rows] = _group(rng, draw_conditions(rng), snr_db[rows], lookalike[rows], mix)
    return Clips(audio, labels.astype(np.uint8), group.astype(np.int64), snr_db, lookalike)


def _exact(rng: np.random.Generator, count: int, among: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """True in a share of the places `among`, rounded to whole places, drawn at random."""
    chosen = np.zeros(count, np.bool_)
    chosen[rng.permutation(among)[: round(share * len(among))]] = True
    return chosen


def _group(
    rng: np.random.Generator,
    conditions: Conditions,
    snr_db: NDArray[np.float64],
    lookalike: NDArray[np.str_],
    mix: Mix,
) -> NDArray[np.float64]:
    count = len(snr_db)
    audio = background(rng, (count, SAMPLES), conditions)
    for name, make in KINDS.items():
        rows = np.flatnonzero(lookalike == name)
        if len(rows):
            sounds = arrive(rng, make(rng, len(rows), RATE), conditions)
            begin = np.rint(rng.uniform(-0.3, 0.7, len(rows)) * (SAMPLES - 0.5 * sounds.length)).astype(np.int64)
            audio[rows] = add_at_snr(audio[rows], sounds, begin, rng.uniform(*mix.lookalike_snr_db, len(rows)))
    rows = np.flatnonzero(rng.random(count) < mix.clicks)
    if len(rows):
        begin = np.zeros(len(rows), np.int64)
        audio[rows] = add_at_snr(audio[rows], clicks(rng, len(rows)), begin, rng.uniform(-15.0, 5.0, len(rows)))
    rows = np.flatnonzero(~np.isnan(snr_db))
    if len(rows):
        calls = arrive(rng, upcalls(rng, len(rows)), conditions)
        begin = np.rint(rng.normal(*mix.centre_s, len(rows)) * RATE - calls.length / 2).astype(np.int64)
        begin = np.clip(begin, 0, SAMPLES - calls.length)
        audio[rows] = add_at_snr(audio[rows], calls, begin, snr_db[rows])
    rows = np.flatnonzero(rng.random(count) < mix.clipping)
    if len(rows):
        audio[rows] = clip_share(audio[rows], float(rng.uniform(0.002, 0.1)))
    rows = np.flatnonzero(rng.random(count) < mix.dropouts)
    if len(rows):
        audio[rows] = dropouts(rng, audio[rows])
    return np.clip(audio, -1.0, 1.0)


def arrive(rng: np.random.Generator, sounds: Sounds, conditions: Conditions) -> Sounds:
    """Sounds after the water and the recorder's filter."""
    response = conditions.recorder.response(transform_length(sounds.audio.shape[1]))
    return propagate(rng, sounds, response)
