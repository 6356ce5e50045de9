"""Scores from margins: the curve, its limits, and the formula it stands for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.model.score_calibration import Calibration, logistic


def test_pieces_by_hand() -> None:
    curve = Calibration(method="isotonic", low=-1.0, spacing=0.5, heights=(0.0, 0.25, 0.25, 1.0))
    margins = np.array([-9, -1, -0.75, -0.5, -0.2, 0.25, 0.5, 9], np.float32)
    assert curve.score(margins).tolist() == [0.0, 0.0, 0.125, 0.25, 0.25, 0.625, 1.0, 1.0]


@given(slope=st.floats(0.05, 20), offset=st.floats(-8, 8))
def test_logistic_is_platts_formula(slope: float, offset: float) -> None:
    curve = logistic(slope, offset)
    logits = np.linspace(-15, 15, 301)
    margins = ((logits - offset) / slope).astype(np.float32)
    expected = 1 / (1 + np.exp(-(slope * margins.astype(np.float64) + offset)))
    np.testing.assert_allclose(curve.score(margins), expected, atol=3e-4)
    assert (np.diff(curve.score(np.sort(margins))) >= 0).all()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"spacing": 0.3}, "power of two"),
        ({"low": 0.1}, "multiple of the spacing"),
        ({"heights": (0.5, 0.4)}, "never fall"),
        ({"heights": (0.5, 1.4)}, "never fall"),
    ],
)
def test_impossible_curves_are_refused(fields: dict[str, object], message: str) -> None:
    good: dict[str, object] = {"method": "isotonic", "low": 0.0, "spacing": 0.5, "heights": (0.0, 1.0)}
    with pytest.raises(ValueError, match=message):
        Calibration(**(good | fields))  # type: ignore[arg-type]
