"""From data and recipe to a checkpoint that can be exported: trained, judged, calibrated, documented."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import nn

from edge_daemon.errors import UsageError
from edge_daemon.model.score_calibration import Calibration
from train import checkpoint
from train.ancestor import Ancestor, together
from train.calibrate import Method, calibrate
from train.checkpoint import CheckpointDocument
from train.crossval import Fold, fold_files, folds
from train.device import CPU
from train.held_out import HeldOut
from train.loop import Report, margins, score_auc
from train.networks.lif import SpikingNetwork
from train.part import Part
from train.quantise import QuantisedNetwork
from train.recipe import Recipe, follow
from train.start import ancestors_of
from train.stored import check_result, read_result

if TYPE_CHECKING:
    from train.data import Dataset

LABELS = ("noise", "right_whale_upcall", "other_whale")
"""What outputs stand for; the last one only where a recipe has `others`."""
SAMPLED = 200
"""Windows by which it is seen whether layers spike."""


def fit_checkpoint(
    data: Dataset,
    recipe: Recipe,
    output: Path,
    *,
    hold_out: str = "random:5:0",
    aside: Dataset | None = None,
    calibration: Path | None = None,
    method: Method = "platt",
    noise: NDArray[np.uint8] | None = None,
    command: str = "",
    device: torch.device = CPU,
    report: Report | None = None,
) -> CheckpointDocument:
    """Train one network and write its checkpoint.

    Args:
        data: with features.
        recipe: what to train.
        output: folder of the checkpoint; interrupted training is kept there too.
        hold_out: `SPLIT:FOLDS:NUMBER`, the part that judges and calibrates, or `none`; with `aside` only its name.
        aside: windows through recordings that `data` holds nothing of; they judge in place of a part. Their margins
            are kept beside the checkpoint.
        calibration: folder of `crossval` results whose margins calibrate, needed with `none`.
        method: shape of the calibration's curve.
        noise: pictures without a call, for augmentation.
        command: goes into the document.
        device: where it is trained.
        report: is told lines of progress.

    Returns:
        The document that was written.

    Raises:
        UsageError: no features, a part that cannot be held out, or results that are not of this recipe and data.
        ModelError: a network that the recipe names cannot be read.
        DivergedError: training gave no finite numbers.
    """
    part = Part.of(data, recipe.others)
    fold = _fold(hold_out, part, data.order, data.group, report) if aside is None else None
    learn = part if fold is None else part.take(fold.train)
    curve: Calibration | None = None
    if hold_out == "none" and calibration is not None:  # before hours of training: it may be refused
        curve = calibrate_from(calibration, recipe, {"data": data.name, "data_digest": part.digest}, method)
    held: HeldOut | None = None
    ancestors = _ancestors(recipe)
    trained = follow(recipe, learn, noise=noise, folder=output / "unfinished", device=device, report=report)
    metrics: dict[str, Any] = {"windows_learned_from": len(learn.labels), "epochs": len(trained.progress.loss)}
    if silent := silent_layers(trained.final, learn.features[:: max(len(learn.labels) // SAMPLED, 1)]):
        metrics["silent_layers"] = silent
    if fold is not None:
        test = part.take(fold.test)
        metrics |= {"auc": score_auc(trained.final, test), "auc_float": score_auc(trained.network, test)}
        found = margins(trained.final, test.features, exact=trained.quantised is not None)
        curve = calibrate(found, test.labels, f"{data.name}, {hold_out}, {len(test.labels)} windows", method)
    if aside is not None and aside.features is not None:
        held = HeldOut(
            margins(trained.final, aside.features, exact=trained.quantised is not None),
            aside.labels,
            np.array(aside.kinds or ("",) * len(aside)),
        )
        metrics |= {"auc": float(roc_auc_score(held.label, held.margin)), "windows_held_out": len(aside)}
        curve = held.calibration({}, method)
    document = CheckpointDocument(
        format_version=1,
        network=recipe.network,
        settings=recipe.settings,
        quantised=isinstance(trained.final, QuantisedNetwork),
        frontend=data.frontend,
        labels=LABELS[: 3 if recipe.others else 2],
        calibration=curve,
        data=data.name,
        data_digest=part.digest,
        credit=together([*(ancestor.credit for ancestor in ancestors), data.credit]),
        split="all" if hold_out == "none" else f"all but {hold_out}",
        training=recipe.to_json(),
        metrics=metrics,
        command=command,
        ancestors=ancestors,
    )
    checkpoint.save(output, trained.final, document)
    if held is not None:
        held.write(output)
    shutil.rmtree(output / "unfinished", ignore_errors=True)
    return document


@torch.no_grad()
def silent_layers(network: nn.Module, features: NDArray[np.uint8]) -> list[int]:
    """Which hidden layers of a spiking network do not spike at all, counted from 0; what follows them learns nothing.

    Args:
        network: any.
        features: uint8 [N, bands, frames], some windows.
    """
    pictures = torch.from_numpy(features).float()
    if isinstance(network, QuantisedNetwork):
        rates = [float(spikes.mean()) for spikes in network.eval().trace(pictures)[1]]
    elif isinstance(network, SpikingNetwork):
        network.eval()(pictures)
        rates = network.spike_rates
    else:
        return []
    return [number for number, rate in enumerate(rates[:-1]) if rate == 0]


def calibrate_from(
    folder: Path, recipe: Recipe, about: Mapping[str, Any] | None = None, method: Method = "platt"
) -> Calibration:
    """Calibration from all held-out margins of a cross-validation of the same recipe on random folds.

    Args:
        folder: of `python -m train crossval` results.
        recipe: of the network that is calibrated.
        about: its data, as in `train.stored.check_result`.
        method: shape of the curve.

    Raises:
        UsageError: no results, results of another recipe or data, or a fold is missing.
    """
    files = fold_files(folder, "random")
    if not files:
        raise UsageError(f"{folder} contains no results of random folds.", "Run `python -m train crossval` first.")
    margins_of = fold_files(folder, "random", "npz")
    parts = []
    for number, path in files.items():
        found = read_result(path)
        check_result(path, found, recipe, about or {})
        if number not in margins_of:
            raise UsageError(f"{path} has no margins next to it. Did its training diverge?", "Delete it and retry.")
        with np.load(margins_of[number], allow_pickle=False) as stored:
            parts.append((stored["place"], stored["margin"], stored["label"]))
        count = found.get("folds", max(files) + 1)
        if sorted(files) != list(range(count)):
            raise UsageError(f"{folder} has only folds {sorted(files)} of {count}.", "Run `crossval` without --only.")
    place, margin, label = (np.concatenate(column) for column in zip(*parts, strict=True))
    if not np.array_equal(np.sort(place), np.arange(len(place))):
        raise UsageError(f"The folds in {folder} do not have each window once.", "Run `crossval` into another folder.")
    if not np.isfinite(margin).all():
        raise UsageError(f"{folder} contains margins that are not finite.", "Its training diverged; change the recipe.")
    return calibrate(margin, label, f"{len(files)} held-out folds, {len(label)} windows", method)


def _ancestors(recipe: Recipe) -> tuple[Ancestor, ...]:
    """Trained networks that a recipe starts from and is taught by, and those before them."""
    begun = () if recipe.start is None else ancestors_of(Path(recipe.start), "start")
    return begun + tuple(ancestor for name in recipe.teachers for ancestor in ancestors_of(Path(name), "teacher"))


def _fold(
    text: str,
    part: Part,
    order: NDArray[np.int64],
    group: NDArray[np.int64] | None,
    report: Report | None,
) -> Fold | None:
    if text == "none":
        return None
    try:
        split, count, number = text.split(":")
        if group is not None and len(np.unique(group)) < int(count):
            # one recording is enough to learn from: a stretch of its time is kept instead of whole recordings
            split, group = "blocked", None
            if report is not None:
                report(
                    "There are fewer recordings than folds: a stretch of time is kept aside, next to what it learns."
                )
        fold = folds(part.labels, order, int(count), split, group=group)[int(number)]  # type: ignore[arg-type]
    except (ValueError, IndexError) as error:
        raise UsageError(
            f"{text!r} is not a part to hold out.", "Write SPLIT:FOLDS:NUMBER, such as random:5:0, or none."
        ) from error
    if len(np.unique(part.labels[fold.test])) < 2:
        raise UsageError(f"The part {text} needs both calls and other windows for judging.", "Hold out another part.")
    return fold.without_kin(part.kin)
