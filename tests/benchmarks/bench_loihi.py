"""AUC on real clips that a model did not learn from: its own arithmetic, and Loihi's.

    python tests/benchmarks/bench_loihi.py MODEL.onnx [MODEL.onnx …] [--hold-out random:5:0]

The models must have been trained without that part. A model whose weights have 8 effective bits is refused by the
backend `loihi`; here it is run all the same, with the lowest bit of each weight lost as on the chip: that is what
fine-tuning to 7 bits is compared with. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from edge_daemon.backends import create
from edge_daemon.backends.base import Backend, Inference
from edge_daemon.backends.fit import weight_bits
from edge_daemon.backends.loihi.backend import LoihiBackend
from edge_daemon.model.model_file import ModelFile
from train.crossval import folds
from train.data import open as open_data

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "right_whale_logmel.npz"
BATCH = 32


def held_out(data: Path, hold_out: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Features and labels of the part, cut as `python -m train fit --hold-out` cuts it."""
    found = open_data(str(data))
    split, count, number = hold_out.split(":")
    assert found.features is not None
    part = folds(found.labels, found.order, int(count), split, group=found.group)[int(number)].test  # type: ignore[arg-type]
    return found.features[part], found.labels[part]


def infer(backend: Backend, features: NDArray[np.uint8]) -> Inference:
    """All windows."""
    parts = [backend.infer(features[i : i + BATCH]) for i in range(0, len(features), BATCH)]
    return Inference(*(np.concatenate([getattr(part, field) for part in parts]) for field in Inference.__slots__))


def row(model: Path, features: NDArray[np.uint8], labels: NDArray[np.uint8]) -> str:
    """One line of the table."""
    model_file = ModelFile.read(model)
    if model_file.metadata.calibration.method != "platt":
        raise SystemExit(f"{model}: scores with ties give no AUC of the margin; calibrate by Platt's method.")
    own = infer(create(model_file), features)
    chip = infer(LoihiBackend.create(model_file, LoihiBackend.Options()), features)
    bits = max(weight_bits(layer) for layer in model_file.network().layers)
    same = (own.layer_spikes == chip.layer_spikes).all(axis=1) & (own.spike_counts == chip.spike_counts).all(axis=1)
    aucs = [roc_auc_score(labels, found.score) for found in (own, chip)]
    return f"| {model.stem} | {bits} | {aucs[0]:.4f} | {aucs[1]:.4f} | {100 * same.mean():.1f} % |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--data", type=Path, default=DATA, help="archive [default: %(default)s]")
    parser.add_argument("--hold-out", default="random:5:0", help="SPLIT:FOLDS:NUMBER [default: %(default)s]")
    asked = parser.parse_args()
    features, labels = held_out(asked.data, asked.hold_out)
    print(
        f"{len(labels):,} held-out clips of {asked.data.name} ({asked.hold_out}), {int(labels.sum()):,} with a call\n"
    )
    print("| model | effective weight bits | AUC, own arithmetic | AUC, Loihi's | clips with the same spikes |")
    print("|---|---:|---:|---:|---:|")
    for model in asked.models:
        print(row(model, features, labels), flush=True)


if __name__ == "__main__":
    main()
