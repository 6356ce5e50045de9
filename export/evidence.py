"""What is known about a model from data it never learned from, as the numbers that its file and card carry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_daemon.backends.event import EventBackend
from edge_daemon.calibration import Calibration
from edge_daemon.energy import FLOAT32, INTEGER, products
from edge_daemon.errors import UsageError
from edge_daemon.network import IntegerNetwork

SPLITS = ("random", "blocked")
_BINS = 10


def from_results(folder: Path, calibration: Calibration) -> dict[str, Any]:
    """AUC over held-out folds, and the ROC and reliability of their pooled scores.

    Args:
        folder: of `python -m train crossval` results.
        calibration: of the model, from margins to scores.

    Returns:
        JSON values: for each split that is there `auc` of every fold with median, and `parameters`; `roc` as pairs
        (false-positive share, recall), `reliability` as rows (mean score, share of calls, windows), from random folds.
    """
    found: dict[str, Any] = {}
    for split in SPLITS:
        summary = folder / f"{split}-summary.json"
        if summary.exists():
            read = json.loads(summary.read_text(encoding="utf-8"))
            found[f"{split}_folds"] = {key: read[key] for key in ("auc", "median_auc", "median_auc_float")}
    files = sorted(folder.glob("random-fold*.npz"))
    if not files or not found:
        raise UsageError(f"{folder} holds no results of a cross-validation.", "Run `python -m train crossval` first.")
    parts = [np.load(file, allow_pickle=False) for file in files]
    score = calibration.score(np.concatenate([part["margin"] for part in parts]))
    label = np.concatenate([part["label"] for part in parts])
    return found | {"roc": roc(score, label), "reliability": reliability(score, label)}


def roc(score: NDArray[np.float32], label: NDArray[np.uint8], points: int = 60) -> list[list[float]]:
    """Points of the receiver operating characteristic, (false-positive share, recall) from strict to lenient."""
    order = np.argsort(-score, kind="stable")
    called = label[order] == 1
    recall = np.cumsum(called) / max(1, called.sum())
    wrong = np.cumsum(~called) / max(1, (~called).sum())
    kept = np.unique(np.linspace(0, len(score) - 1, points).astype(int))
    return [[0.0, 0.0], *([round(float(wrong[i]), 4), round(float(recall[i]), 4)] for i in kept)]


def reliability(score: NDArray[np.float32], label: NDArray[np.uint8]) -> list[list[float]]:
    """Rows (mean score, share of calls, windows) of ten equally wide bins of score, empty ones left out."""
    place = np.minimum((score * _BINS).astype(int), _BINS - 1)
    return [
        [round(float(score[place == i].mean()), 4), round(float(label[place == i].mean()), 4), int((place == i).sum())]
        for i in range(_BINS)
        if (place == i).any()
    ]


def operations(network: IntegerNetwork, calibration: Calibration, features: NDArray[np.uint8]) -> dict[str, Any]:
    """Operations and energy a window, counted on given windows by the event-driven backend (`edge_daemon.energy`)."""
    inference, counted = EventBackend(network, calibration).count(features)
    # a conventional network of the same shape does every product of every layer once
    conventional = float(sum(map(products, network.layers, network.shapes())))
    return {
        "windows": len(features),
        "neurons_a_layer": [int(np.prod(shape)) for shape in network.shapes()[1:]],
        "weights_a_layer": [int(layer.weight.size) for layer in network.layers],
        "spikes_a_layer": [round(float(mean), 2) for mean in inference.layer_spikes.mean(axis=0)],
        "multiply_accumulates": float(counted.multiply_accumulates.mean()),
        "accumulates": float(counted.accumulates.mean()),
        "membrane_updates": float(counted.membrane_updates.mean()),
        "activation_sparsity": round(float(counted.activation_sparsity().mean()), 4),
        "energy_float_nj": round(float(counted.energy_pj(FLOAT32).mean()) / 1000, 2),
        "energy_integer_nj": round(float(counted.energy_pj(INTEGER).mean()) / 1000, 2),
        "conventional_multiply_accumulates": conventional,
        "conventional_energy_float_nj": round(conventional * FLOAT32.multiply_accumulate_pj / 1000, 2),
        "conventional_energy_integer_nj": round(conventional * INTEGER.multiply_accumulate_pj / 1000, 2),
    }
