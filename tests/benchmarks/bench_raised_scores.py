"""Whether scores that context has raised still are the share of calls: held-out windows of folds, by their marks.

    python tests/benchmarks/bench_raised_scores.py [FOLD …] [--context 300] [--mixture FILE]

A fold is a checkpoint with its held-out margins (`train fit` with `--hold-out recordings:N`, then `train calibrate`).
Its windows follow each other half a second apart; those with a part of a call are left out there, so time is a little
shorter here than it was. Kinds of recordings count as the mixture's prevalence says.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_daemon.detection.call_context import CallContext, raised
from train.checkpoint import read_document
from train.data.mixture.mixture import Mixture
from train.held_out import HeldOut

FOLDS = Path(__file__).parents[2] / "train" / "results" / "at_sea_folds"
MIXTURE = Path(__file__).parents[2] / "train" / "mixtures" / "at_sea_others.yaml"
RATE, WINDOW, HOP = 2000, 4000, 1000
EDGES = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 0.97, 1.01)


def in_context(scores: NDArray[np.float64], context_s: float) -> NDArray[np.float64]:
    """Scores of windows that follow each other, raised as the daemon raises them, float64 [windows]."""
    context = CallContext(round(context_s * RATE), WINDOW, HOP)
    return np.array([raised(one, context.factor(HOP * at, one)) for at, one in enumerate(scores.tolist())])


def table(title: str, scores: NDArray[np.float64], calls: NDArray[np.uint8], weights: NDArray[np.float64]) -> None:
    """Print what scores say and how many of their windows hold a call, by score."""
    print(f"{title}: {np.average(scores, weights=weights):.4f} said, {np.average(calls, weights=weights):.4f} true")
    for low, high in pairwise(EDGES):
        here = (scores >= low) & (scores < high)
        if here.any():
            said, true = (np.average(of[here], weights=weights[here]) for of in (scores, calls))
            print(f"  {low:.2f} to {min(high, 1):.2f}: {said:.2f} said, {true:.2f} true, {here.sum():,} windows")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folds", nargs="*", type=Path, default=[FOLDS / "conv-0", FOLDS / "conv-1"])
    parser.add_argument("--context", type=float, default=300.0, help="Seconds that are remembered.")
    parser.add_argument("--mixture", type=Path, default=MIXTURE, help="Says how much of the time each kind has.")
    options = parser.parse_args()
    prevalence = Mixture.read(options.mixture).prevalence
    own, together = [], []
    for folder in options.folds:
        curve, held_out = read_document(folder).calibration, HeldOut.read(folder)
        assert curve is not None, f"{folder} is not calibrated"
        scores = np.asarray(curve.score(held_out.margin), np.float64)
        context = np.zeros_like(scores)
        for kind in set(held_out.kind.tolist()):
            context[held_out.kind == kind] = in_context(scores[held_out.kind == kind], options.context)
        own.append(scores)
        together.append(context)
    windows = HeldOut.together([HeldOut.read(folder) for folder in options.folds])
    weights = np.zeros(len(windows.label))
    for kind, share in prevalence.items():
        weights[windows.kind == kind] = share / max(1, np.count_nonzero(windows.kind == kind))
    table("each window by itself", np.concatenate(own), windows.label, weights)
    table(f"raised by {options.context:g} s", np.concatenate(together), windows.label, weights)


if __name__ == "__main__":
    main()
