"""Cross-validation: how well a recipe does on windows that it did not learn from.

`random` folds are stratified and shuffled, comparable with what others publish, and flattering: clips recorded within
minutes of each other resemble each other, and some of them are in the training part. `blocked` folds are contiguous
runs in time, which is what a new buoy will meet. Report both.

Each fold is a task whose result is one JSON file. Stop it and start it again: finished folds are read, a fold that was
interrupted goes on from its last epoch.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from edge_daemon.errors import UsageError
from train.checkpoint import write_json
from train.loop import Part, Report, margins
from train.recipe import Recipe, follow

Split = Literal["random", "blocked"]

CONVERGED_AUC = 0.6
"""A fold below this AUC on its own training windows did not learn."""


@dataclass(frozen=True)
class Fold:
    """Places of the training and the test windows, int64 each, disjoint."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]


def folds(
    labels: NDArray[np.uint8],
    order: NDArray[np.int64],
    count: int,
    split: Split,
    seed: int = 0,
    group: NDArray[np.int64] | None = None,
) -> list[Fold]:
    """Cut windows into folds.

    Args:
        labels: uint8 [N].
        order: int64 [N], rises with time of recording.
        count: folds, 2 or more.
        split: `random` (stratified, shuffled by seed) or `blocked` (equal contiguous runs of the order).
        seed: of the shuffle.
        group: int64 [N], windows of one group (a recording) stay in one part; a group belongs to the block in which
            it begins.

    Returns:
        A fold each; every window is in exactly one test part.
    """
    if split not in get_args(Split):
        raise UsageError(f"There is no split called {split!r}.", "Choose random or blocked.")
    if not 2 <= count <= len(labels):
        raise UsageError(f"{count} folds of {len(labels)} windows cannot be made.", "Choose 2 or more folds.")
    if split == "random":
        kind = StratifiedKFold if group is None else StratifiedGroupKFold
        cutter = kind(count, shuffle=True, random_state=seed)
        return [Fold(train, test) for train, test in cutter.split(labels, labels, group)]
    block = np.empty(len(labels), np.int64)
    for number, places in enumerate(np.array_split(np.argsort(order, kind="stable"), count)):
        block[places] = number
    if group is not None:
        for name in np.unique(group):
            members = np.flatnonzero(group == name)
            block[members] = block[members[np.argmin(order[members])]]
    return [Fold(np.flatnonzero(block != i), np.flatnonzero(block == i)) for i in range(count)]


def run_fold(
    recipe: Recipe,
    part: Part,
    fold: Fold,
    result: Path,
    *,
    noise: NDArray[np.uint8] | None = None,
    about: dict[str, Any] | None = None,
    keep: Path | None = None,
    report: Report | None = None,
) -> dict[str, Any]:
    """Train on a fold, judge it, write the result; a result that is there already is read instead.

    Args:
        recipe: what to train.
        part: all windows.
        fold: which of them to learn from and to be judged on.
        result: JSON file; a `.npz` beside it gets the test margins (for ROC, calibration).
        noise: pictures without a call, for augmentation.
        about: goes into the result (fold number, split, data).
        keep: folder for the state of interrupted training; removed when the fold is done.
        report: is told lines of progress.

    Returns:
        The result: `auc` (integer network where there is one), `auc_float`, `auc_training`, `converged`, …
    """
    if result.exists():
        found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return found
    begin = time.monotonic()
    learn, test = part.take(fold.train), part.take(fold.test)
    trained = follow(recipe, learn, noise=noise, folder=keep, report=report)
    real = margins(trained.network, test.features)
    final = real if trained.quantised is None else margins(trained.quantised, test.features, exact=True)
    sample = np.random.default_rng(0).permutation(len(learn.labels))[:1500]
    seen = _auc(learn.labels[sample], margins(trained.final, learn.features[sample]))
    outcome = {
        **(about or {}),
        "network": recipe.network,
        "auc": _auc(test.labels, final),
        "auc_float": _auc(test.labels, real),
        "auc_training": seen,
        "converged": bool(np.isfinite(seen) and seen >= CONVERGED_AUC),
        "windows": len(fold.test),
        "calls": int(test.labels.sum()),
        "parameters": sum(p.numel() for p in trained.network.parameters()),
        "loss": [round(x, 5) for x in trained.progress.loss],
        "validation_auc": [round(x, 5) for x in trained.progress.validation_auc if np.isfinite(x)],
        "seconds": round(time.monotonic() - begin, 1),
        "recipe": recipe.to_json(),
    }
    result.parent.mkdir(parents=True, exist_ok=True)
    fresh = result.with_suffix(".new.npz")
    np.savez_compressed(fresh, place=fold.test, label=test.labels, margin=final, margin_float=real)
    fresh.replace(result.with_suffix(".npz"))
    write_json(result, outcome)
    if keep is not None:
        shutil.rmtree(keep, ignore_errors=True)
    return outcome


def summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Median, mean, spread and each fold's AUC of one recipe on one split.

    Args:
        results: of `run_fold`, at least one.
    """
    aucs = np.array([r["auc"] for r in results], np.float64)
    real = np.array([r["auc_float"] for r in results], np.float64)
    return {
        "folds": len(results),
        "median_auc": float(np.median(aucs)),
        "mean_auc": float(aucs.mean()),
        "least_auc": float(aucs.min()),
        "greatest_auc": float(aucs.max()),
        "auc": [round(float(a), 5) for a in aucs],
        "median_auc_float": float(np.median(real)),
        "not_converged": [i for i, r in enumerate(results) if not r["converged"]],
    }


def _auc(labels: NDArray[np.uint8], score: NDArray[np.float32]) -> float:
    """AUC; NaN where a part holds one class only or the network gave no number."""
    if labels.min() == labels.max() or not np.isfinite(score).all():
        return float("nan")
    return float(roc_auc_score(labels, score))
