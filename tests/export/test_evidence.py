"""Figures that a model file carries: ROC and reliability by hand, folds judged by each other, the evidence file."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_daemon.errors import UsageError
from edge_daemon.model.energy import conventional_operations
from edge_daemon.model.network import IntegerNetwork, Layer
from edge_daemon.model.score_calibration import logistic
from export.evidence import Evidence, from_results, operations, reliability, roc, spread

pytest.importorskip("sklearn")


def test_roc_by_hand() -> None:
    score = np.array([0.9, 0.8, 0.8, 0.3, 0.1], np.float32)
    label = np.array([1, 1, 0, 0, 1], np.uint8)
    # a threshold cannot part the two scores of 0.8
    assert roc(score, label) == [[0.0, 0.0], [0.0, 0.3333], [0.5, 0.6667], [1.0, 0.6667], [1.0, 1.0]]


def test_roc_is_finer_where_few_are_called() -> None:
    rng = np.random.default_rng(0)
    label = (rng.random(10_000) < 0.3).astype(np.uint8)
    points = roc((label + rng.normal(0, 1, 10_000)).astype(np.float32), label)
    assert 80 <= len(points) <= 101
    assert sum(wrong < 0.02 for wrong, _ in points) > 40
    assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in itertools.pairwise(points))
    assert points[-1] == [1.0, 1.0]


def test_reliability_by_hand() -> None:
    score = np.array([0.02, 0.08, 0.55, 1.0], np.float32)
    assert reliability(score, np.array([0, 1, 1, 1], np.uint8)) == [[0.05, 0.5, 2], [0.55, 1.0, 1], [1.0, 1.0, 1]]


def write_results(folder: Path) -> None:
    rng = np.random.default_rng(1)
    for number in range(3):
        label = (rng.random(400) < 0.5).astype(np.uint8)
        margin = (3.0 * label + rng.normal(0, 1, 400)).astype(np.float32)
        np.savez(folder / f"random-fold{number}.npz", margin=margin, label=label)
    aucs = {"auc": [0.97, 0.99, 0.98], "median_auc": 0.98, "least_auc": 0.97, "greatest_auc": 0.99}
    for split in ("random", "blocked"):
        (folder / f"{split}-summary.json").write_text(json.dumps({**aucs, "median_auc_float": 0.985, "folds": 3}))


def test_results_of_both_splits(tmp_path: Path) -> None:
    write_results(tmp_path)
    found = from_results(tmp_path, logistic(1.0, 0.0))
    assert found["blocked_folds"]["auc"] == [0.97, 0.99, 0.98]
    assert found["random_folds"]["greatest_auc"] == 0.99
    assert sum(windows for _, _, windows in found["reliability"]) == 1200
    # the folds' own curves, not the model's, which knows nothing of these margins
    often = [(score, share) for score, share, windows in found["reliability"] if windows > 30]
    assert often
    assert all(abs(score - share) < 0.25 for score, share in often)
    isotonic = from_results(tmp_path, logistic(1.0, 0.0).model_copy(update={"method": "isotonic"}))
    assert isotonic["reliability"] != found["reliability"]


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no results of a cross-validation"):
        from_results(tmp_path, logistic(1.0, 0.0))


GOOD = {
    "continuous": [{
        "data": "a night", "hours": 10, "calls": 40, "counted": "an event touches the call",
        "figures": [{"false_alarms_per_hour": 1, "recall": 0.5, "threshold": 0.9}],
    }],
    "weaknesses": ["Deaf in rain."],
}  # fmt: skip


def test_the_evidence_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps(GOOD))
    found = Evidence.read(path)
    assert found.continuous[0].figures[0].recall == 0.5
    assert found.weaknesses == ("Deaf in rain.",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file"),
        ("{", "malformed at the document"),
        (json.dumps({"recall": 1}), "malformed at recall"),
        (json.dumps(GOOD).replace("0.5", "5"), "malformed at continuous.0.figures.0.recall"),
        (json.dumps(GOOD).replace('"hours": 10', '"hours": 0'), "malformed at continuous.0.hours"),
    ],
)
def test_a_bad_evidence_file_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "evidence.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=message):
        Evidence.read(path)


def test_operations_of_three_ways_to_compute(tiny_network: IntegerNetwork) -> None:
    features = np.random.default_rng(0).integers(0, 256, (3, *tiny_network.input_shape)).astype(np.uint8)
    found = operations(tiny_network, logistic(1.0, 0.0), features, "random numbers")
    assert found["source"] == "random numbers"
    first = found["dense_multiply_accumulates"] - tiny_network.time_steps * (
        found["dense_multiply_accumulates"] - found["conventional_multiply_accumulates"]
    ) / (tiny_network.time_steps - 1)
    # the first layer's products are the same in both; the others are done once, or once a time step
    assert 0 < first < found["conventional_multiply_accumulates"]
    assert found["multiply_accumulates"] <= first + 1e-6
    assert found["dense_membrane_updates"] == tiny_network.neurons * tiny_network.time_steps
    costs = found["costs_pj"]["integers"]
    assert found["conventional_energy_integer_nj"] == pytest.approx(
        found["conventional_multiply_accumulates"] * costs["multiply_accumulate"] / 1000, abs=0.01
    )


def test_a_conventional_network_goes_through_all_frames() -> None:
    """3 frames of 4 bands; a kernel of 2 bands over each frame, then 2 labels of 2 · 3 neurons in each frame."""
    first = Layer(
        name="first",
        kind="conv",
        weight=np.ones((2, 1, 2, 1), np.int8),
        bias=np.zeros(2, np.int32),
        threshold=np.ones(2, np.int32),
        beta_256=np.array([128], np.int32),
        reset="subtract",
    )
    last = replace(first, name="last", kind="dense", weight=np.ones((2, 6), np.int8))
    network = IntegerNetwork((first, last), 3, (4, 3), input_mode="frames")
    found = operations(network, logistic(1.0, 0.0), np.zeros((1, 4, 3), np.uint8), "zeros")
    once = (2 * 2) * (3 * 3) + 3 * 12
    assert found["conventional_multiply_accumulates"] == found["dense_multiply_accumulates"] == once
    assert conventional_operations(network).multiply_accumulates.tolist() == [once]
    assert conventional_operations(network).membrane_updates.tolist() == [0]
    # the same picture given at once: the deeper layer once, too
    constant = replace(network, input_mode="constant", layers=(first, replace(last, weight=np.ones((2, 18), np.int8))))
    assert conventional_operations(constant).multiply_accumulates.tolist() == [36 + 36]


def test_windows_are_chosen_all_over() -> None:
    pictures = np.arange(11, dtype=np.uint8)
    assert spread(pictures, 3).tolist() == [0, 5, 10]
    assert spread(pictures, 11).tolist() == spread(pictures, 99).tolist() == list(range(11))
