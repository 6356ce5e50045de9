from pathlib import Path

import numpy as np
import pytest

from edge_daemon.errors import UsageError
from train.checkpoint import write_json
from train.figures import draw_all, expected_calibration_error, reliability


def test_reliability_by_hand() -> None:
    score = np.array([0.05, 0.15, 0.15, 0.95, 1.0], np.float32)
    mean, share, count = reliability(score, np.array([0, 0, 1, 1, 1], np.uint8))
    assert count.tolist() == [1, 2, 0, 0, 0, 0, 0, 0, 0, 2]
    assert share[[0, 1, 9]].tolist() == [0.0, 0.5, 1.0]
    assert mean[[0, 1, 9]] == pytest.approx([0.05, 0.15, 0.975])
    assert np.isnan(mean[2])
    # (1·0.05 + 2·0.35 + 2·0.025) / 5
    assert expected_calibration_error(score, np.array([0, 0, 1, 1, 1], np.uint8)) == pytest.approx(0.16)


def test_a_score_that_is_the_truth_is_calibrated() -> None:
    rng = np.random.default_rng(0)
    score = rng.random(50_000).astype(np.float32)
    labels = (rng.random(50_000) < score).astype(np.uint8)
    assert expected_calibration_error(score, labels) < 0.01
    assert expected_calibration_error(score**3, labels) > 0.1


def test_pictures_of_two_folds(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for fold in range(2):
        labels = (np.arange(200) % 3 == 0).astype(np.uint8)
        margin = (labels + rng.normal(0, 0.7, 200)).astype(np.float32)
        np.savez(tmp_path / f"random-fold{fold}.npz", margin=margin, label=labels)
        write_json(tmp_path / f"random-fold{fold}.json", {"fold": fold, "loss": [1.0, 0.5, 0.25]})
    written = draw_all(tmp_path)
    assert [p.name for p in written] == [
        "random-learning.png",
        "random-roc.png",
        "random-precision-recall.png",
        "random-reliability.png",
    ]
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in written)


def test_pictures_where_folds_diverged_or_hold_no_calls(tmp_path: Path) -> None:
    """A diverged fold has no margins, a block without calls no curve; what a killed run left is not read."""
    rng = np.random.default_rng(0)
    for fold in (1, 2):
        labels = (np.arange(200) % 3 == 0).astype(np.uint8) * (fold == 1)
        margin = rng.normal(0, 1, 200).astype(np.float32)
        np.savez(tmp_path / f"blocked-fold{fold}.npz", margin=margin, label=labels.astype(np.uint8))
    np.savez(tmp_path / "blocked-fold0.new.npz", margin=margin)
    write_json(tmp_path / "blocked-fold0.json", {"fold": 0, "loss": [], "auc": None})
    assert len(draw_all(tmp_path)) == 4


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        draw_all(tmp_path)
