"""The synthetic ocean as a data set: `synthetic`, or `synthetic:n=4000,seed=1,snr=-6..12,calls=0.5,lookalikes=0.6`.

Needs no download and no licence, and comes with audio, so that 1-D and 2-D networks can be compared on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from train.data.dataset import DataError, Dataset
from train.ocean.clip import Mix, clips
from train.ocean.sound import RATE

PREFIX = "synthetic"


@dataclass(frozen=True, slots=True)
class SyntheticSpec:
    """What to make.

    Args:
        count: number of clips, 1 … 1,000,000.
        seed: of the random generator.
        mix: shares and ranges.
    """

    count: int = 4000
    seed: int = 1
    mix: Mix = field(default_factory=Mix)


def parse_synthetic(text: str) -> SyntheticSpec:
    """Reads `synthetic[:key=value,…]` with the keys n, seed, snr (LOW..HIGH in dB), calls and lookalikes (shares 0…1).

    Raises:
        DataError: an unknown key or an impossible value.
    """
    hint = "Write, for example, synthetic:n=4000,seed=1,snr=-6..12,calls=0.5,lookalikes=0.6"
    name, _, options = text.partition(":")
    if name != PREFIX:
        raise DataError(f"{text!r} is not a synthetic data set.", hint)
    values = {"n": "4000", "seed": "1", "snr": "-6..12", "calls": "0.5", "lookalikes": "0.6"}
    for option in filter(None, options.split(",")):
        key, equals, value = option.partition("=")
        if key.strip() not in values or not equals:
            raise DataError(f"{option!r} in {text!r} is not one of {', '.join(values)}.", hint)
        values[key.strip()] = value.strip()
    try:
        low, dots, high = values["snr"].partition("..")
        snr_db = (float(low), float(high) if dots else float(low))
        count, seed = int(values["n"]), int(values["seed"])
        calls, lookalikes = float(values["calls"]), float(values["lookalikes"])
    except ValueError as error:
        raise DataError(f"A value in {text!r} is not a number: {error}.", hint) from error
    possible = 1 <= count <= 1_000_000 and seed >= 0 and snr_db[0] <= snr_db[1] and np.isfinite(snr_db).all()
    if not (possible and 0 <= calls <= 1 and 0 <= lookalikes <= 1):
        raise DataError(f"A value in {text!r} is out of range.", hint)
    return SyntheticSpec(count, seed, Mix(calls=calls, snr_db=snr_db, lookalikes=lookalikes))


def make_synthetic(spec: SyntheticSpec) -> Dataset:
    """Makes the clips; the same spec gives the same data set.

    Returns:
        audio float32 [count, 4000] at 2 kHz, groups of clips under the same conditions; no features yet.
    """
    made = clips(np.random.default_rng(spec.seed), spec.count, spec.mix)
    return Dataset(
        name=f"synthetic ocean ({spec.count} clips, seed {spec.seed})",
        labels=made.labels,
        order=np.arange(spec.count, dtype=np.int64),
        group=made.group,
        features=None,
        audio=made.audio,
        frontend=None,
        sample_rate=RATE,
        credit="",
    )
