"""Runs on the board (or on an emulated one): every output of a model on given windows, written to a file.

Usage: python3 arm64_outputs.py MODEL WINDOWS.npy OUTPUTS.npz [BACKEND ...]
"""

from __future__ import annotations

import platform
import sys

import numpy as np

from edge_daemon.backends import create
from edge_daemon.model.frontend import FrontEnd
from edge_daemon.model.model_file import ModelFile


def main(model: str, windows: str, outputs: str, *others: str) -> None:
    """Front end and inference, one window at a time and all at once, with one and two threads; then other backends."""
    model_file = ModelFile.read(model)
    samples = np.load(windows, allow_pickle=False)
    features, flags = FrontEnd(model_file.metadata.frontend).batch(samples)
    found: dict[str, np.ndarray] = {"features": features, "flags": flags}
    ways = {f"threads{threads}": ("onnx", {"threads": threads}) for threads in (1, 2)}
    for way, (name, options) in (ways | {other: (other, {}) for other in others}).items():
        backend = create(model_file, name, options)
        for batch in (1, len(features)):
            parts = [backend.infer(features[i : i + batch]) for i in range(0, len(features), batch)]
            key = f"{way}_batch{batch}"
            found[f"{key}_score"] = np.concatenate([part.score for part in parts])
            found[f"{key}_counts"] = np.concatenate([part.spike_counts for part in parts])
            found[f"{key}_spikes"] = np.concatenate([part.layer_spikes for part in parts])
    np.savez(outputs, **found)
    print(platform.machine(), len(features), "windows")  # noqa: T201 - read by the test


if __name__ == "__main__":
    main(*sys.argv[1:])
