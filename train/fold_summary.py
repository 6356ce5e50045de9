"""What the folds of one recipe say together."""

from __future__ import annotations

from typing import Any

import numpy as np

NAN = float("nan")


def summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Median, mean, spread and each fold's AUC of one recipe on one split.

    Folds without an AUC (diverged) are left out of median, mean and spread, and listed in `not_converged`; where no
    fold has one, these are NaN.

    Args:
        results: of `run_fold`, at least one.
    """
    aucs = np.array([r["auc"] for r in results], np.float64)
    real = np.array([r["auc_float"] for r in results], np.float64)
    known, known_real = (x[np.isfinite(x)] if np.isfinite(x).any() else np.array([NAN]) for x in (aucs, real))
    return {
        "folds": len(results),
        "median_auc": float(np.median(known)),
        "mean_auc": float(known.mean()),
        "least_auc": float(known.min()),
        "greatest_auc": float(known.max()),
        "auc": [round(float(a), 5) for a in aucs],
        "median_auc_float": float(np.median(known_real)),
        "not_converged": [r.get("fold", i) for i, r in enumerate(results) if not r["converged"]],
    }
