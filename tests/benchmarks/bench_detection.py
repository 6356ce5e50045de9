"""How well the shipped model tells chosen windows apart that no training saw (../shared/data). Use rarely.

    python tests/benchmarks/bench_detection.py [--model FILE] [--data FOLDER] [--json FILE]

The AUC over the 119 labelled windows of `sbnms_2009` (a window's score is the highest of the windows that overlap it by
at least 75 %), through `edge-daemon replay` with its hop of 0.5 s. Somebody chose these windows: how many calls and how
many false events an hour a buoy has in whole recordings, `python -m train evaluate` says.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

WINDOW_S = 2.0
LEAST_OVERLAP_S = 0.75 * WINDOW_S


def replay(files: list[Path], output: Path, *options: str) -> list[dict[str, str]]:
    """Rows of scores.csv of a replay."""
    command = ["replay", *map(str, files), "--output", str(output), "--formats", "csv", "--scores", *options]
    subprocess.run([sys.executable, "-m", "edge_daemon", *command], check=True, capture_output=True)
    with (output / "scores.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def labelled_windows(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Begins in seconds and labels of the labelled windows."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return np.array([float(row["start_s"]) for row in rows]), np.array([int(row["label"]) for row in rows])


def window_scores(begins: np.ndarray, scores: list[dict[str, str]]) -> np.ndarray:
    """For each labelled window the highest score of windows that overlap it by at least 75 %."""
    at = np.array([float(row["begin_s"]) for row in scores])
    score = np.array([float(row["score"]) for row in scores])
    near = np.abs(at[None, :] - begins[:, None]) <= WINDOW_S - LEAST_OVERLAP_S + 1e-9
    return np.where(near, score[None, :], -np.inf).max(axis=1)


def figures(data: Path, options: list[str]) -> dict[str, float]:
    """The figures of the model on the recording in a folder laid out as ../shared/data."""
    sbnms = data / "sbnms_2009"
    with tempfile.TemporaryDirectory() as scratch:
        scores = replay(sorted(sbnms.glob("*.wav")), Path(scratch), *options)
    begins, labels = labelled_windows(sbnms)
    return {"sbnms_auc": float(roc_auc_score(labels, window_scores(begins, scores)))}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = figures(arguments.data, ["--model", str(arguments.model)] if arguments.model else [])
    for name, value in found.items():
        print(f"{name:28} {value:.4f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
