"""What a model says to sounds that it never learned from: the synthetic ocean's, one kind at a time.

    python tests/benchmarks/bench_other_sound.py [--model FILE] [--windows 1000] [--seed 1] [--json FILE]

The shipped model learned from real clips only, so all of this is new to it. Each row is a number of windows in a sea
with wind and distant shipping; backgrounds are added alone, other sounds at 0 to 15 dB in their own band, up-calls at
the ratio that the row names (`train.ocean.snr` defines it). Told are the share of windows with a score at the model's
threshold or above, and the highest score. Synthetic sound is no sea: a share is a hint where to look, not a rate of
false alarms, and one window at the threshold is no event yet (the shipped model asks for two).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_daemon.backends import create
from edge_daemon.backends.base import Backend
from edge_daemon.model.model_file import ModelFile, default_model_path
from train.data.features import compute
from train.ocean.clip import GROUP, SAMPLES, arrive
from train.ocean.conditions import background
from train.ocean.kinds import OTHER_SOUNDS, SNR_DB, OtherSound, sea
from train.ocean.snr import add_at_snr
from train.ocean.sound import RATE
from train.ocean.upcall import upcalls

CALL_SNR_DB = ((-6.0, 0.0), (0.0, 6.0), (6.0, 12.0))
BATCH = 32


def windows(
    rng: np.random.Generator, count: int, other: OtherSound, snr_db: tuple[float, float]
) -> NDArray[np.float32]:
    """Windows float32 [count, SAMPLES] with one sound each, whole within the window where it fits."""
    audio = np.empty((count, SAMPLES), np.float32)
    for first in range(0, count, GROUP):
        rows = min(GROUP, count - first)
        conditions = sea(rng, other.there)
        part = background(rng, (rows, SAMPLES), conditions)
        if other.make is not None:
            sounds = arrive(rng, other.make(rng, rows, RATE), conditions)
            room = np.maximum(SAMPLES - sounds.length, 0)
            begin = np.rint(rng.random(rows) * room).astype(np.int64)
            part = add_at_snr(part, sounds, begin, rng.uniform(*snr_db, rows))
        audio[first : first + rows] = np.clip(part, -1.0, 1.0)
    return audio


def kinds(rng: np.random.Generator, count: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Name and windows of each kind of sound."""
    for name, other in OTHER_SOUNDS.items():
        yield name, windows(rng, count, other, SNR_DB)
    for low, high in CALL_SNR_DB:
        yield f"up-call, {low:g} to {high:g} dB", windows(rng, count, OtherSound(upcalls), (low, high))


def scores(backend: Backend, model: ModelFile, audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores float32 [N] of windows."""
    features, _ = compute(audio, model.metadata.frontend)
    parts = [backend.infer(features[i : i + BATCH]).score for i in range(0, len(features), BATCH)]
    return np.concatenate(parts)


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=default_model_path())
    parser.add_argument("--windows", type=int, default=1000, help="of each kind [default: %(default)s]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    model = ModelFile.read(asked.model)
    backend = create(model)
    threshold = model.metadata.operating_point.threshold
    rows = []
    for number, (name, audio) in enumerate(kinds(np.random.default_rng(asked.seed), asked.windows)):
        if number == 0:
            print(f"{asked.windows:,} windows of each kind, seed {asked.seed}, {model.metadata.name} ", end="")
            print(f"{model.metadata.version}\n\n| sound | windows with a score of {threshold:g} or more | highest |")
            print("|---|---:|---:|")
        found = scores(backend, model, audio)
        over = float((found >= threshold).mean())
        rows.append({"sound": name, "share_over_threshold": round(over, 4), "highest": round(float(found.max()), 3)})
        print(f"| {name} | {100 * over:.1f} % | {found.max():.2f} |", flush=True)
    backend.close()
    if asked.json:
        document = {"model": model.metadata.name, "version": model.metadata.version, "threshold": threshold}
        document |= {"windows": asked.windows, "seed": asked.seed, "sounds": rows}
        asked.json.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
