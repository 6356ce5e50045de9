"""From data and recipe to a checkpoint that can be exported: trained, judged, calibrated, documented."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_daemon.calibration import Calibration
from edge_daemon.errors import UsageError
from train import checkpoint
from train.calibrate import Method, calibrate
from train.checkpoint import CheckpointDocument, digest
from train.crossval import Fold, folds
from train.loop import Part, Report, margins, score_auc
from train.quantise import QuantisedNetwork
from train.recipe import Recipe, follow

if TYPE_CHECKING:
    from train.data import Dataset


def fit_checkpoint(
    data: Dataset,
    recipe: Recipe,
    output: Path,
    *,
    hold_out: str = "random:5:0",
    calibration: Path | None = None,
    method: Method = "platt",
    noise: NDArray[np.uint8] | None = None,
    command: str = "",
    report: Report | None = None,
) -> CheckpointDocument:
    """Train one network and write its checkpoint.

    Args:
        data: with features.
        recipe: what to train.
        output: folder of the checkpoint; interrupted training is kept there too.
        hold_out: `SPLIT:FOLDS:NUMBER`, the part that judges and calibrates, or `none`.
        calibration: folder of `crossval` results whose margins calibrate, needed with `none`.
        method: shape of the calibration's curve.
        noise: pictures without a call, for augmentation.
        command: goes into the document.
        report: is told lines of progress.

    Returns:
        The document that was written.
    """
    if data.features is None:
        raise UsageError(f"{data.name} has no features.", "Prepare it with `python -m train prepare`.")
    part = Part(data.features, data.labels)
    fold = _fold(hold_out, part.labels, data.order, data.group)
    learn = part if fold is None else part.take(fold.train)
    trained = follow(recipe, learn, noise=noise, folder=output / "unfinished", report=report)
    metrics: dict[str, Any] = {"windows_learned_from": len(learn.labels), "epochs": len(trained.progress.loss)}
    curve: Calibration | None = None
    if fold is not None:
        test = part.take(fold.test)
        metrics |= {"auc": score_auc(trained.final, test), "auc_float": score_auc(trained.network, test)}
        found = margins(trained.final, test.features, exact=trained.quantised is not None)
        curve = calibrate(found, test.labels, f"{data.name}, {hold_out}, {len(test.labels)} windows", method)
    elif calibration is not None:
        curve = calibrate_from(calibration, method)
    document = CheckpointDocument(
        format_version=1,
        network=recipe.network,
        settings=recipe.settings,
        quantised=isinstance(trained.final, QuantisedNetwork),
        frontend=data.frontend,
        calibration=curve,
        data=data.name,
        data_digest=digest(data.features, data.labels),
        credit=data.credit,
        split=f"all but {hold_out}" if fold is not None else "all",
        training=recipe.to_json(),
        metrics=metrics,
        command=command,
    )
    checkpoint.save(output, trained.final, document)
    shutil.rmtree(output / "unfinished", ignore_errors=True)
    return document


def calibrate_from(folder: Path, method: Method = "platt") -> Calibration:
    """Calibration from all held-out margins of a cross-validation on random folds.

    Args:
        folder: of `python -m train crossval` results.
        method: shape of the curve.
    """
    files = sorted(folder.glob("random-fold*.npz"))
    if not files:
        raise UsageError(f"{folder} holds no results of random folds.", "Run `python -m train crossval` first.")
    found = [np.load(file) for file in files]
    margin = np.concatenate([f["margin"] for f in found])
    label = np.concatenate([f["label"] for f in found])
    return calibrate(margin, label, f"{len(files)} held-out folds, {len(label)} windows", method)


def _fold(
    text: str, labels: NDArray[np.uint8], order: NDArray[np.int64], group: NDArray[np.int64] | None
) -> Fold | None:
    if text == "none":
        return None
    try:
        split, count, number = text.split(":")
        return folds(labels, order, int(count), split, group=group)[int(number)]  # type: ignore[arg-type]
    except (ValueError, IndexError) as error:
        raise UsageError(
            f"{text!r} names no part to hold out.", "Write SPLIT:FOLDS:NUMBER, as random:5:0, or none."
        ) from error
