"""The sample inside the package: 45 synthetic seconds with five up-calls at known times.

`edge-daemon replay` without arguments plays it, so that a newcomer sees detections before any recording is at hand.
Real recordings of right whales may not be passed on with the package; this one is ours. It is made from a seed and is
the same on every machine: everything is computed in float64 and rounded to 16 bits once, at the end.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from train.ocean.conditions import Conditions
from train.ocean.recorder import Recorder
from train.ocean.scene import TrueCall, scene
from train.ocean.sound import RATE

SEED = 20130658
"""One of few: the shipped model finds all five calls wherever the grid of windows falls, at any sample rate."""
DURATION_S = 45.0
CALLS = ((5.2, 12.0), (12.6, 9.0), (20.3, 7.0), (29.1, 10.0), (38.4, 5.0))
"""(begin in seconds, signal-to-noise ratio in dB): from plain to hear to faint."""
LOOKALIKES = ((9.0, "knocks", 2.0), (16.4, "humpback", 8.0), (25.0, "minke", 7.0), (34.0, "humpback", 6.0))
"""(begin in seconds, kind, ratio in dB in its own band): what must not be taken for a call."""
CONDITIONS = Conditions(
    recorder=Recorder(high_pass_hz=50.0, order=2, emphasis=0.8, full_scale_db=135.0),
    wind_m_s=6.0,
    shipping=0.5,
    ship_db=82.0,
    mains_hz=None,
)
"""Moderate wind and traffic, one ship with its lines, a pre-whitened buoy like the challenge's."""
ASSETS = Path(__file__).resolve().parent.parent / "edge_daemon" / "assets"


def make_sample() -> tuple[NDArray[np.int16], list[TrueCall]]:
    """Makes the sample.

    Returns:
        int16 [90000], 45 s at 2 kHz, and its calls in order of time.
    """
    audio, truth = scene(DURATION_S, CALLS, np.random.default_rng(SEED), LOOKALIKES, CONDITIONS)
    return np.rint(audio * 32767.0).astype(np.int16), truth


def describe(truth: Sequence[TrueCall]) -> str:
    """The JSON document beside the sample: its calls, its look-alikes and how it was made."""
    document = {
        "file": "sample.flac",
        "sample_rate": RATE,
        "duration_s": DURATION_S,
        "calls": [{key: round(value, 4) for key, value in asdict(call).items()} for call in truth],
        "lookalikes": [{"begin_s": at, "kind": kind, "snr_db": snr} for at, kind, snr in LOOKALIKES],
        "made_by": "python -m train sample",
        "seed": SEED,
        "licence": "Apache-2.0; synthetic, no recording is part of it",
    }
    return json.dumps(document, indent=2) + "\n"


def write_sample(folder: Path) -> tuple[Path, Path]:
    """Writes sample.flac (16 bit) and sample.json into a folder, each under a temporary name first.

    Returns:
        their paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    samples, truth = make_sample()
    sound, text = folder / "sample.flac", folder / "sample.json"
    sf.write(folder / "sample.flac.part", samples, RATE, format="FLAC", subtype="PCM_16", compression_level=1.0)
    (folder / "sample.flac.part").replace(sound)
    (folder / "sample.json.part").write_text(describe(truth), encoding="utf-8")
    (folder / "sample.json.part").replace(text)
    return sound, text
