"""Calibration on recordings kept aside: true at the prevalence that was asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_daemon.errors import UsageError
from train.held_out import HeldOut


def held(rng: np.random.Generator, calls: int, others: int, kind: str, middle: float = -2.0) -> HeldOut:
    margin = np.concatenate([rng.normal(2.0, 1.5, calls), rng.normal(middle, 1.5, others)]).astype(np.float32)
    label = np.concatenate([np.ones(calls), np.zeros(others)]).astype(np.uint8)
    return HeldOut(margin, label, np.full(calls + others, kind))


@pytest.fixture
def folds() -> HeldOut:
    rng = np.random.default_rng(0)
    return HeldOut.together([held(rng, 500, 1500, "calls"), held(rng, 0, 4000, "song", -1.0), held(rng, 0, 500, "sea")])


def test_the_mean_score_is_the_share_of_calls_at_the_prevalence(folds: HeldOut) -> None:
    """A logistic fit with an offset has the mean score equal to the share of positives, here by weights."""
    for share in (1.0, 0.5, 0.05):
        curve = folds.calibration({"calls": share, "song": 1 - share})
        score = curve.score(folds.margin)
        mean = share * score[folds.kind == "calls"].mean() + (1 - share) * score[folds.kind == "song"].mean()
        assert mean == pytest.approx(0.25 * share, rel=0.02)


def test_a_rarer_call_needs_a_greater_margin(folds: HeldOut) -> None:
    often, seldom = (folds.calibration({"calls": share, "song": 1 - share}, "isotonic") for share in (0.9, 0.02))
    margin = np.array([0.5, 1.0, 1.5], np.float32)
    assert (often.score(margin) > seldom.score(margin) + 0.2).all()
    assert "calls 2%, song 98%" in seldom.note


def test_without_a_prevalence_all_windows_count_the_same(folds: HeldOut) -> None:
    curve = folds.calibration({})
    assert curve.score(folds.margin).mean() == pytest.approx(500 / 6500, rel=0.02)


def test_kept_beside_the_checkpoint(tmp_path: Path, folds: HeldOut) -> None:
    folds.write(tmp_path)
    again = HeldOut.read(tmp_path)
    for one, two in zip(vars(folds).values(), vars(again).values(), strict=True):
        np.testing.assert_array_equal(one, two)
    with pytest.raises(UsageError, match="no margins"):
        HeldOut.read(tmp_path / "other")


@pytest.mark.parametrize("prevalence", [{"ship": 1.0}, {"calls": -1.0}, {"calls": 0.0}, {"song": 1.0}])
def test_shares_that_cannot_be(folds: HeldOut, prevalence: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        folds.calibration(prevalence)


def test_a_kind_that_no_fold_keeps_aside_is_named(folds: HeldOut) -> None:
    with pytest.raises(UsageError, match="No recording of the kind ship or rain was kept aside") as error:
        folds.calibration({"calls": 0.1, "ship": 0.5, "rain": 0.4})
    assert error.value.hint == "Name some in the mixture's folds, or give shares of calls, sea, song with --share."
