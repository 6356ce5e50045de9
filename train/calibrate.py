"""From held-out margins and labels to the curve that turns a margin into a probability.

*Platt* is a logistic curve: two numbers, good with few windows, wrong where the truth has another shape. *Isotonic* is
the rising curve nearest to the labels: any shape, wants some thousand windows (Niculescu-Mizil and Caruana, Predicting
good probabilities with supervised learning, ICML 2005).
"""

from __future__ import annotations

from math import ceil, floor, log, log2
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from edge_daemon.model.score_calibration import Calibration, logistic

Method = Literal["platt", "isotonic"]
LEAST_SLOPE = 1e-3
"""A logistic curve rises at least so much a threshold: scores stay ordered."""
PIECES = 256
"""An isotonic curve has so many pieces, or up to twice as many: finer than what the labels tell."""


def calibrate(
    margin: NDArray[np.float32],
    labels: NDArray[np.uint8],
    note: str = "",
    method: Method = "platt",
    weights: NDArray[np.float64] | None = None,
) -> Calibration:
    """Calibration of margins on windows that the network did not learn from.

    Args:
        margin: float32 [N].
        labels: uint8 [N], 1 = call; both kinds occur.
        note: on what it is fitted.
        method: shape of the curve.
        weights: float64 [N], what each window counts; None: the same.
    """
    counts = np.ones(len(labels)) if weights is None else weights * len(labels) / weights.sum()
    if method == "isotonic":
        return _isotonic(margin.astype(np.float64), labels.astype(np.float64), counts, note)
    # almost no penalty: two parameters, thousands of windows
    regression = LogisticRegression(C=1e6).fit(margin.astype(np.float64)[:, None], labels, counts)
    slope, offset = float(regression.coef_[0, 0]), float(regression.intercept_[0])
    if slope < LEAST_SLOPE:
        # a network that learned nothing: every window gets the share of calls
        share = float(np.clip(np.average(labels, weights=counts), 1e-6, 1 - 1e-6))
        slope, offset = LEAST_SLOPE, log(share / (1 - share))
        note = f"{note}; no better than chance".removeprefix("; ")
    return logistic(slope, offset, note)


def _isotonic(
    margin: NDArray[np.float64], labels: NDArray[np.float64], counts: NDArray[np.float64], note: str
) -> Calibration:
    """Centred isotonic regression (Oron and Flournoy, Statistics in Biopharmaceutical Research 9, 2017).

    The plain one is level over long stretches, and windows that the network tells apart would get the same score. The
    centred one joins the middles of the stretches by straight lines.
    """
    # one call more at the least margin, one noise more at the greatest: nothing is certain, so no score is 0 or 1
    margin = np.concatenate([[margin.min()], margin, [margin.max()]])
    counts = np.concatenate([[1.0], counts, [1.0]])
    level = IsotonicRegression().fit(margin, np.concatenate([[1.0], labels, [0.0]]), counts).predict(margin)
    heights, stretch = np.unique(level, return_inverse=True)
    middles = np.bincount(stretch, margin * counts) / np.bincount(stretch, counts)
    reach = max(float(middles[-1] - middles[0]), 1e-3)
    spacing = 2.0 ** floor(log2(reach / PIECES))
    low = floor(middles[0] / spacing) * spacing
    grid = low + spacing * np.arange(max(2, ceil((middles[-1] - low) / spacing) + 1))
    curve = np.interp(grid, middles, heights).astype(np.float32)
    return Calibration(
        method="isotonic", low=low, spacing=spacing, heights=tuple(float(height) for height in curve), note=note
    )
