"""Calibration: both methods find the curve behind the labels; what isotonic can and Platt's cannot; hard cases."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from train.calibrate import Method, calibrate


def drawn(truth: np.ndarray, seed: int = 1) -> np.ndarray:
    return (np.random.default_rng(seed).random(len(truth)) < truth).astype(np.uint8)


@pytest.mark.parametrize(("method", "tolerance"), [("platt", 0.03), ("isotonic", 0.12)])
def test_both_find_the_curve_that_made_the_labels(method: Method, tolerance: float) -> None:
    margin = np.random.default_rng(0).normal(0, 2, 20000).astype(np.float32)
    truth = 1 / (1 + np.exp(-(1.5 * margin - 0.5)))
    labels = drawn(truth)
    curve = calibrate(margin, labels, "these", method)
    assert (curve.method, curve.note) == (method, "these")
    score = curve.score(margin)
    assert np.abs(score - truth).max() < tolerance
    assert np.abs(score - truth).mean() < 0.02
    assert log_loss(labels, score) < log_loss(labels, 1 / (1 + np.exp(-margin)))


def test_isotonic_takes_any_rising_shape_and_keeps_the_order() -> None:
    margin = np.random.default_rng(2).uniform(-4, 4, 20000).astype(np.float32)
    truth = np.where(margin < 0, 0.2, np.where(margin < 2, 0.3, 0.9))  # stairs: no logistic curve
    labels = drawn(truth)
    platt, isotonic = (calibrate(margin, labels, method=method).score(margin) for method in ("platt", "isotonic"))
    assert np.abs(isotonic - truth).mean() < 0.03 < np.abs(platt - truth).mean()
    assert roc_auc_score(labels, isotonic) == pytest.approx(roc_auc_score(labels, margin), abs=0.003)


def test_isotonic_by_hand() -> None:
    margin = np.array([0, 1, 2, 3], np.float32)
    curve = calibrate(margin, np.array([0, 1, 0, 1], np.uint8), method="isotonic")
    # with a call at 0 and a noise at 3 added: 1 and 0 at 0, 1 at 1, 0 at 2, 1 and 0 at 3; one level of a half
    assert set(curve.heights) == {0.5}
    curve = calibrate(np.repeat(margin, 50), np.repeat([0, 0, 1, 1], 50).astype(np.uint8), method="isotonic")
    scores = curve.score(margin)
    # one call among 101 windows at 0 and 1, which are one stretch; one noise among 101 at 2 and 3
    assert scores[[0, 3]] == pytest.approx([1 / 101, 100 / 101])
    # the stretches' middles: the added windows pull them a little outwards
    assert scores[1] == pytest.approx(1 / 101 + 99 / 101 * (1 - 50 / 101) / (253 / 101 - 50 / 101), abs=0.005)


def test_no_score_is_certain() -> None:
    margin = np.linspace(-5, 5, 1000, dtype=np.float32)
    score = calibrate(margin, (margin > 0).astype(np.uint8), method="isotonic").score(margin)
    assert 0 < score.min() < 0.01
    assert 0.99 < score.max() < 1


@pytest.mark.parametrize("margin", [np.zeros(40), -np.tile([0.0, 1.0], 20)])
def test_a_network_that_learned_nothing_gets_the_share_of_calls(margin: np.ndarray) -> None:
    labels = np.tile([0, 1, 0, 0], 10).astype(np.uint8) if not margin.any() else np.tile([0, 1], 20).astype(np.uint8)
    curve = calibrate(margin.astype(np.float32), labels, "these")
    assert curve.note == "these; no better than chance"
    assert curve.score(np.zeros(1, np.float32))[0] == pytest.approx(labels.mean(), abs=1e-3)
    low, high = curve.score(np.array([-5, 5], np.float32))
    assert labels.mean() - 0.01 < low < high < labels.mean() + 0.01
