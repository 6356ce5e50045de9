"""What is known about a model from data it never learned from, as the numbers that its file and card carry.

Three sources: the results of a cross-validation (`--results`), a file of figures that were measured elsewhere
(`--evidence`, an `Evidence` as JSON), and the operations that the event-driven backend counts while exporting.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_daemon.backends.event.backend import EventBackend
from edge_daemon.errors import UsageError
from edge_daemon.model.energy import FLOAT32, INTEGER, Costs, conventional_operations, dense_operations
from edge_daemon.model.network import IntegerNetwork
from edge_daemon.model.score_calibration import Calibration

SPLITS = ("random", "blocked")
_BINS = 10


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Interval = tuple[float, float]
"""Lower and upper end, of 95 %."""


class Elsewhere(_Given):
    """False alarms in recordings without a call, by what sounds there: song, knocks, a ship."""

    kind: str = Field(min_length=1)
    hours: float = Field(gt=0)
    false_alarms_per_hour: float = Field(ge=0)
    false_alarms_interval: Interval | None = None


class RecallBySnr(_Given):
    """Recall of calls of some signal-to-noise ratio, dB; an end without a value is open."""

    low_db: float | None = None
    high_db: float | None = None
    calls: int = Field(ge=1)
    recall: float = Field(ge=0, le=1)
    recall_interval: Interval | None = None


class OperatingFigure(_Given):
    """One set of event rules on continuous sound: how many of the calls are found, at how many false alarms."""

    false_alarms_per_hour: float = Field(ge=0, description="Of sound, not of clips.")
    false_alarms_interval: Interval | None = None
    recall: float = Field(ge=0, le=1, description="Share of the calls.")
    recall_interval: Interval | None = None
    recall_one_to_one: float | None = Field(None, ge=0, le=1, description="Each event used for one call at most.")
    rules: str = Field("", description="Their name: the operating point, or the limit they were chosen for.")
    threshold: float | None = Field(None, ge=0, le=1, description="Score that gives this rate.")
    threshold_low: float | None = Field(None, ge=0, le=1)
    min_windows: int | None = Field(None, ge=1)
    min_rise_hz: float | None = Field(None, ge=0)
    context_s: float | None = Field(None, ge=0)
    elsewhere: tuple[Elsewhere, ...] = ()
    by_snr: tuple[RecallBySnr, ...] = ()


class ContinuousSound(_Given):
    """Figures on recordings that run on, as a device hears them; clips that a detector chose say little of those."""

    data: str = Field(min_length=1, description="Which recordings.")
    hours: float = Field(gt=0, description="Length of the sound that false alarms were counted in.")
    calls: int = Field(ge=0, description="Calls there were to be found.")
    figures: tuple[OperatingFigure, ...] = Field(min_length=1)
    counted: str = Field("", description="What counts as found and as a false alarm, and who listened.")
    chosen: str = Field("", description="Whether rules were chosen on the same recordings.")
    front: tuple[tuple[float, float, float, float], ...] = Field(
        (), description="(false alarms an hour, recall, its lower and upper end) of the rules that no others beat."
    )


class Evidence(_Given):
    """The file that `--evidence` takes; `python -m train evaluate` writes it.

    Example:
        {"continuous": [{"data": "sbnms_2009", "hours": 0.5, "calls": 60, "counted": "an event touches the call",
          "figures": [{"false_alarms_per_hour": 1, "recall": 0.7, "threshold": 0.9},
                      {"false_alarms_per_hour": 10, "recall": 0.9, "threshold": 0.6}]}],
         "weaknesses": ["Humpback song scores up to 0.63."]}
    """

    continuous: tuple[ContinuousSound, ...] = ()
    weaknesses: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Evidence:
        """Read the file; raises `UsageError` with the place that is wrong."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise UsageError(f"The evidence {path} cannot be read: {error.strerror}.", "Check the path.") from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the document"
            raise UsageError(
                f"The evidence {path} is malformed at {place}: {first['msg']}.",
                "`python -c 'from export.evidence import Evidence; help(Evidence)'` shows an example.",
            ) from error


def from_results(folder: Path, calibration: Calibration) -> dict[str, Any]:
    """AUC over held-out folds, and the ROC and reliability of their pooled scores.

    Args:
        folder: of `python -m train crossval` results.
        calibration: of the model; its method calibrates each fold by the others, so that none is judged by itself.

    Returns:
        JSON values: for each split that is there `auc` of every fold (blocked ones in order of time) with median,
        least and greatest; `roc` as pairs (false-positive share, recall), `reliability` as rows (mean score, share of
        calls, windows), from random folds.
    """
    from train.calibrate import Method, calibrate

    method: Method = "isotonic" if calibration.method == "isotonic" else "platt"
    found: dict[str, Any] = {}
    for split in SPLITS:
        summary = folder / f"{split}-summary.json"
        if summary.exists():
            read = json.loads(summary.read_text(encoding="utf-8"))
            keys = ("auc", "median_auc", "least_auc", "greatest_auc", "median_auc_float")
            found[f"{split}_folds"] = {key: read[key] for key in keys}
    files = sorted(folder.glob("random-fold*.npz"))
    if not files or not found:
        raise UsageError(f"{folder} has no results of a cross-validation.", "Run `python -m train crossval` first.")
    parts = [(part["margin"], part["label"]) for part in (np.load(file, allow_pickle=False) for file in files)]
    scores = []
    for number, (margin, _) in enumerate(parts):
        others = [part for other, part in enumerate(parts) if other != number] or parts
        margins, labels = (np.concatenate(column) for column in zip(*others, strict=True))
        scores.append(calibrate(margins, labels, method=method).score(margin))
    score, label = np.concatenate(scores), np.concatenate([label for _, label in parts])
    return found | {"roc": roc(score, label), "reliability": reliability(score, label)}


def roc(score: NDArray[np.float32], label: NDArray[np.uint8], points: int = 100) -> list[list[float]]:
    """Points of the receiver operating characteristic, (false-positive share, recall) from strict to lenient.

    They stand closer where few are called: half of them among the twentieth with the highest scores.
    """
    order = np.argsort(-score, kind="stable")
    called = label[order] == 1
    recall = np.cumsum(called) / max(1, called.sum())
    wrong = np.cumsum(~called) / max(1, (~called).sum())
    last_of_its_score = np.append(np.diff(score[order]) != 0, True)
    last = len(score) - 1
    wanted = np.concatenate([np.linspace(0, last / 20, points // 2), np.linspace(last / 20, last, points // 2)])
    # a threshold lies between scores, never among equal ones
    ends = np.flatnonzero(last_of_its_score)
    kept = np.unique(ends[np.minimum(np.searchsorted(ends, wanted.astype(int)), len(ends) - 1)])
    return [[0.0, 0.0], *([round(float(wrong[i]), 5), round(float(recall[i]), 4)] for i in kept)]


def reliability(score: NDArray[np.float32], label: NDArray[np.uint8]) -> list[list[float]]:
    """Rows (mean score, share of calls, windows) of ten equally wide bins of score, empty ones left out."""
    place = np.minimum((score * _BINS).astype(int), _BINS - 1)
    return [
        [round(float(score[place == i].mean()), 4), round(float(label[place == i].mean()), 4), int((place == i).sum())]
        for i in range(_BINS)
        if (place == i).any()
    ]


def spread(features: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """At most so many windows, spread evenly over all of them: an archive may be sorted by time or by label."""
    if len(features) <= count:
        return features
    chosen: NDArray[np.uint8] = features[np.linspace(0, len(features) - 1, count).astype(int)]
    return chosen


def operations(
    network: IntegerNetwork, calibration: Calibration, features: NDArray[np.uint8], source: str
) -> dict[str, Any]:
    """Operations and energy a window, counted by the event-driven backend (`edge_daemon.model.energy`).

    Args:
        network: the network.
        calibration: from margins to scores.
        features: uint8 [N, bands, frames].
        source: where they are from, for the card.
    """
    inference, counted = EventBackend(network, calibration).count(features)
    dense, conventional = dense_operations(network), conventional_operations(network)
    return {
        "windows": len(features),
        "source": source,
        "neurons_a_layer": [int(np.prod(shape)) for shape in network.shapes()[1:]],
        "weights_a_layer": [int(layer.weight.size) for layer in network.layers],
        "spikes_a_layer": [round(float(mean), 2) for mean in inference.layer_spikes.mean(axis=0)],
        "multiply_accumulates": float(counted.multiply_accumulates.mean()),
        "accumulates": float(counted.accumulates.mean()),
        "membrane_updates": float(counted.membrane_updates.mean()),
        "activation_sparsity": round(float(counted.activation_sparsity().mean()), 4),
        "energy_float_nj": round(float(counted.energy_pj(FLOAT32).mean()) / 1000, 2),
        "energy_integer_nj": round(float(counted.energy_pj(INTEGER).mean()) / 1000, 2),
        "dense_multiply_accumulates": float(dense.multiply_accumulates[0]),
        "dense_membrane_updates": float(dense.membrane_updates[0]),
        "dense_energy_float_nj": round(float(dense.energy_pj(FLOAT32)[0]) / 1000, 2),
        "dense_energy_integer_nj": round(float(dense.energy_pj(INTEGER)[0]) / 1000, 2),
        "conventional_multiply_accumulates": float(conventional.multiply_accumulates[0]),
        "conventional_energy_float_nj": round(float(conventional.energy_pj(FLOAT32)[0]) / 1000, 2),
        "conventional_energy_integer_nj": round(float(conventional.energy_pj(INTEGER)[0]) / 1000, 2),
        "costs_pj": {"float32": _costs(FLOAT32), "integers": _costs(INTEGER)},
    }


def _costs(costs: Costs) -> dict[str, float]:
    return {
        "multiply_accumulate": round(costs.multiply_accumulate_pj, 3),
        "accumulate": round(costs.accumulate_pj, 3),
        "membrane_update": round(costs.membrane_update_pj, 3),
    }
