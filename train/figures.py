"""Pictures of results: learning curves, ROC, precision and recall, reliability.

All are drawn from the files that cross-validation leaves (`*-fold*.json` with the history, `*-fold*.npz` with the
held-out margins), so that they can be drawn again without training anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from edge_daemon.errors import UsageError
from train.calibrate import calibrate
from train.crossval import Split, fold_files
from train.stored import read_result

PARTS = 10
"""Bins of the reliability diagram."""


def new_figure(width: float, height: float) -> tuple[Any, Any]:
    """A figure without a window behind it, with one pair of axes; inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def save_figure(figure: Any, path: Path) -> None:
    """Write a PNG that is the same for the same picture."""
    figure.savefig(path, dpi=100, metadata={"Software": None})


def reliability(
    score: NDArray[np.float32], labels: NDArray[np.uint8], parts: int = PARTS
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Mean score, share of calls and number of windows in equal bins of the score.

    Args:
        score: float32 [N], 0…1.
        labels: uint8 [N].
        parts: bins.

    Returns:
        float64 [bins] twice (NaN where a bin is empty), int64 [bins].
    """
    place = np.minimum((score * parts).astype(np.int64), parts - 1)
    count = np.bincount(place, minlength=parts)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(place, weights=score, minlength=parts) / count
        share = np.bincount(place, weights=labels, minlength=parts) / count
    return mean, share, count


def expected_calibration_error(score: NDArray[np.float32], labels: NDArray[np.uint8], parts: int = PARTS) -> float:
    """Mean distance between score and share of calls, weighted by windows (Naeini et al. 2015)."""
    mean, share, count = reliability(score, labels, parts)
    full = count > 0
    return float((np.abs(mean[full] - share[full]) * count[full]).sum() / count.sum())


def draw_all(folder: Path) -> list[Path]:
    """Draw all pictures that a folder of cross-validation results allows.

    Args:
        folder: holds `SPLIT-foldN.json` and `.npz`.

    Returns:
        The files written.

    Raises:
        UsageError: there are no results.
    """
    written = []
    for split in get_args(Split):
        histories = [read_result(p) for p in fold_files(folder, split).values()]
        margins = {number: dict(np.load(p)) for number, p in fold_files(folder, split, "npz").items()}
        if histories:
            written.append(_learning(histories, folder / f"{split}-learning.png"))
        if _both_classes(list(margins.values())):
            written.append(_curves(margins, folder / f"{split}-roc.png", recall=False))
            written.append(_curves(margins, folder / f"{split}-precision-recall.png", recall=True))
            written.append(_reliability(margins, folder / f"{split}-reliability.png"))
    if not written:
        raise UsageError(f"{folder} contains no results.", "Run `python -m train crossval --output` first.")
    return written


def _both_classes(margins: list[dict[str, Any]]) -> bool:
    return len(np.unique([label for found in margins for label in np.unique(found["label"])])) == 2


def _learning(histories: list[dict[str, Any]], path: Path) -> Path:
    figure, axis = new_figure(5, 3.5)
    for history in histories:
        axis.plot(np.arange(1, len(history["loss"]) + 1), history["loss"], label=f"fold {history.get('fold', '?')}")
    axis.set_xlabel("epoch")
    axis.set_ylabel("training loss")
    axis.legend(fontsize=7)
    save_figure(figure, path)
    return path


def _curves(margins: dict[int, dict[str, Any]], path: Path, recall: bool) -> Path:
    figure, axis = new_figure(4.5, 4)
    for number, found in margins.items():
        if not _both_classes([found]):
            continue  # a block without calls has no curve
        auc = roc_auc_score(found["label"], found["margin"])
        if recall:
            precision, share, _ = precision_recall_curve(found["label"], found["margin"])
            axis.plot(share, precision, label=f"fold {number}")
        else:
            false, true, _ = roc_curve(found["label"], found["margin"])
            axis.plot(false, true, label=f"fold {number}: AUC {auc:.4f}")
    axis.set_xlabel("recall" if recall else "false-positive rate")
    axis.set_ylabel("precision" if recall else "true-positive rate")
    axis.legend(fontsize=7)
    save_figure(figure, path)
    return path


def _reliability(margins: dict[int, dict[str, Any]], path: Path) -> Path:
    """Each fold's score by the curve of the other folds: no fold calibrates itself."""
    scores, labels = [], []
    for number, found in margins.items():
        others = [m for i, m in margins.items() if i != number]
        if not _both_classes(others):
            others = list(margins.values())  # a single fold, or the only one with calls
        curve = calibrate(np.concatenate([m["margin"] for m in others]), np.concatenate([m["label"] for m in others]))
        scores.append(curve.score(found["margin"]))
        labels.append(found["label"])
    score, label = np.concatenate(scores), np.concatenate(labels)
    mean, share, _ = reliability(score, label)
    figure, axis = new_figure(4, 4)
    axis.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axis.plot(mean, share, marker="o", label=f"calibration error {expected_calibration_error(score, label):.3f}")
    axis.set_xlabel("score")
    axis.set_ylabel("share of calls")
    axis.legend(fontsize=8)
    save_figure(figure, path)
    return path
