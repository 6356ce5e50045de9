"""Processor time of resampling to 2 kHz, against soxr on the whole sound in one go.

python tests/benchmarks/bench_resample.py [RATE …]
"""

from __future__ import annotations

import sys
from time import process_time

import numpy as np
import soxr

from edge_daemon.audio.resample import Resampler
from edge_daemon.audio.source import Block

TARGET = 2000
RATES = (48_000, 96_000, 44_100, 32_000, 24_000, 22_050, 11_025)
SECONDS, ROUNDS = 60, 5


def main() -> None:
    """Print how many times faster than real time each is, the best of some rounds."""
    print("rate     soxr in one go   Resampler   × soxr's time")
    for rate in [int(word) for word in sys.argv[1:]] or RATES:
        sound = np.random.default_rng(1).standard_normal(SECONDS * rate).astype(np.float32)
        blocks = [Block(sound[at : at + 10 * rate], at) for at in range(0, len(sound), 10 * rate)]
        whole, cut = [], []
        for _ in range(ROUNDS):
            began = process_time()
            soxr.resample(sound, rate, TARGET, quality="HQ")
            whole.append(process_time() - began)
            began, resampler = process_time(), Resampler(rate, TARGET)
            for block in blocks:
                resampler.push(block)
            resampler.finish()
            cut.append(process_time() - began)
        best, ours = min(whole), min(cut)
        print(f"{rate:6d} {SECONDS / best:12,.0f} × {SECONDS / ours:12,.0f} × {ours / best:10.2f}")


if __name__ == "__main__":
    main()
