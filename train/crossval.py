"""Cross-validation: how well a recipe does on windows that it did not learn from.

`random` folds are stratified and shuffled, comparable with what others publish, and flattering: clips recorded within
minutes of each other resemble each other, and some of them are in the training part. `blocked` folds are contiguous
runs in time, which is what a new buoy will meet. Report both.

Each fold is a task whose result is one JSON file. Stop it and start it again: finished folds are read, a fold that was
interrupted goes on from its last epoch. A fold whose training diverged has a result, too: without an AUC.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from edge_daemon.errors import UsageError
from train.checkpoint import digest, write_json
from train.device import CPU
from train.firing import firing
from train.fold_summary import summary
from train.loop import FIRING_WINDOWS, Report, margins
from train.part import Part
from train.quantise import DivergedError
from train.recipe import Recipe, Trained, follow
from train.stored import HINT, check_result, read_result

Split = Literal["random", "blocked"]

NAN = float("nan")
CONVERGED_AUC = 0.6
"""A fold below this AUC on its own training windows did not learn."""


@dataclass(frozen=True)
class Fold:
    """Places of the training and the test windows, int64 each, disjoint."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]

    def without_kin(self, kin: NDArray[np.int64] | None) -> Fold:
        """The fold without training windows that hold a sound of the test part; `kin` int64 [N] as in `Part`."""
        if kin is None:
            return self
        return Fold(self.train[~np.isin(kin[self.train], kin[self.test])], self.test)


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

    Raises:
        UsageError: an unknown split, or too few windows, groups or calls for so many folds.
    """
    if split not in get_args(Split):
        raise UsageError(f"There is no split called {split!r}.", "Choose random or blocked.")
    there = len(labels) if group is None else len(np.unique(group))
    what = "windows" if group is None else "groups of windows (recordings)"
    if not 2 <= count <= there:
        hint = f"Choose 2 to {there} folds, or add data." if there > 1 else "Add data."
        raise UsageError(f"{there} {what} cannot be divided into {count} folds.", hint)
    if split == "random":
        calls = int(labels.sum())
        if min(calls, len(labels) - calls) < count:
            raise UsageError(
                f"{count} random folds of {calls} windows with a call, {len(labels) - calls} without cannot be made.",
                "Each fold needs one of each kind: choose fewer folds, or add data.",
            )
        kind = StratifiedKFold if group is None else StratifiedGroupKFold
        cutter = kind(count, shuffle=True, random_state=seed)
        found = [Fold(train, test) for train, test in cutter.split(labels, labels, group)]
    else:
        block = _blocks(order, count, group)
        found = [Fold(np.flatnonzero(block != i), np.flatnonzero(block == i)) for i in range(count)]
    for number, fold in enumerate(found):
        if not len(fold.test) or len(np.unique(labels[fold.train])) < 2:
            wrong = "calls and other windows to learn from" if len(fold.test) else "windows to be judged on"
            raise UsageError(
                f"Of {count} {split} folds of {there} {what}, fold {number} has no {wrong}.",
                "Choose fewer folds, the other split, or add data.",
            )
    return found


def _blocks(order: NDArray[np.int64], count: int, group: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Number of the block of each window, int64 [N]."""
    block = np.empty(len(order), np.int64)
    for number, places in enumerate(np.array_split(np.argsort(order, kind="stable"), count)):
        block[places] = number
    if group is not None:
        for name in np.unique(group):
            members = np.flatnonzero(group == name)
            block[members] = block[members[np.argmin(order[members])]]
    return block


def run_fold(
    recipe: Recipe,
    part: Part,
    fold: Fold,
    result: Path,
    *,
    noise: NDArray[np.uint8] | None = None,
    about: dict[str, Any] | None = None,
    keep: Path | None = None,
    device: torch.device = CPU,
    report: Report | None = None,
) -> dict[str, Any]:
    """Train on a fold, judge it, write the result; if the same is there already, it is read instead.

    Args:
        recipe: what to train.
        part: all windows.
        fold: which of them to learn from and to be judged on.
        result: JSON file; a `.npz` next to it gets the test margins (for ROC, calibration).
        noise: pictures without a call, for augmentation.
        about: goes into the result (fold number, split, data).
        keep: folder for the state of interrupted training; removed when the fold is done.
        device: where it is trained; it is judged on the CPU.
        report: is told lines of progress.

    Returns:
        The result: `auc` (integer network where there is one), `auc_float`, `auc_training`, `converged`, … Measures
        that are not numbers (one class in the part, diverged training) are NaN, null in the file.

    Raises:
        UsageError: the result, or the state in `keep`, is of another recipe, data or fold.
    """
    about = {**(about or {}), "data_digest": part.digest}
    about["noise_digest"] = None if noise is None else digest(noise, np.zeros(0, np.uint8))
    if result.exists():
        found = read_result(result)
        check_result(result, found, recipe, about, fold.test)
        return found
    begin = time.monotonic()
    learn, test = part.take(fold.train), part.take(fold.test)
    try:
        trained = follow(recipe, learn, noise=noise, folder=keep, device=device, report=report)
        measures = _judge(trained, learn, test, fold, result)
    except DivergedError as error:
        measures = {"auc": NAN, "auc_float": NAN, "auc_training": NAN, "converged": False, "loss": []}
        measures |= {"validation_auc": [], "diverged": error.message}
        result.with_suffix(".npz").unlink(missing_ok=True)  # margins of an earlier result that was deleted
    outcome = {
        **about,
        "network": recipe.network,
        **measures,
        "windows": len(fold.test),
        "calls": int(test.labels.sum()),
        "seconds": round(time.monotonic() - begin, 1),
        "recipe": recipe.to_json(),
    }
    write_json(result, outcome)
    if keep is not None:
        shutil.rmtree(keep, ignore_errors=True)
    return outcome


def _judge(trained: Trained, learn: Part, test: Part, fold: Fold, result: Path) -> dict[str, Any]:
    """How well a fold's network does; its test margins go next to the result."""
    real = margins(trained.network, test.features)
    final = real if trained.quantised is None else margins(trained.quantised, test.features, exact=True)
    sample = np.random.default_rng(0).permutation(len(learn.labels))[:1500]
    seen = _auc(learn.labels[sample], margins(trained.final, learn.features[sample]))
    result.parent.mkdir(parents=True, exist_ok=True)
    fresh = result.with_name(f".{result.stem}.{os.getpid()}.npz")  # no name that a reader of results looks for
    np.savez_compressed(fresh, place=fold.test, label=test.labels, margin=final, margin_float=real)
    fresh.replace(result.with_suffix(".npz"))
    fired = firing(trained.network, test.features[:FIRING_WINDOWS])
    return {
        "auc": _auc(test.labels, final),
        "auc_float": _auc(test.labels, real),
        "auc_training": seen,
        "converged": bool(np.isfinite(seen) and seen >= CONVERGED_AUC),
        "parameters": sum(p.numel() for p in trained.network.parameters()),
        "input_shape": list(test.features.shape[1:]),
        "loss": [round(x, 5) for x in trained.progress.loss],
        "validation_auc": [round(x, 5) for x in trained.progress.validation_auc if np.isfinite(x)],
        "firing": {
            "rates": fired.rates,
            "silent": fired.silent,
            "rates_by_epoch": trained.progress.spike_rates,
            "silent_by_epoch": trained.progress.silent,
        },
    }


def cross_validate(
    recipe: Recipe,
    part: Part,
    order: NDArray[np.int64],
    group: NDArray[np.int64] | None,
    count: int,
    split: Split,
    folder: Path,
    *,
    data: str,
    judged: NDArray[np.int64] | None = None,
    only: Sequence[int] = (),
    noise: NDArray[np.uint8] | None = None,
    device: torch.device = CPU,
    report: Report | None = None,
) -> dict[str, Any]:
    """Judge a recipe on folds, and write the summary of all that are there.

    Args:
        recipe: what to train.
        part: all windows.
        order: int64 [N], as in `folds`.
        group: int64 [N] or None, as in `folds`.
        count: folds.
        split: how they are cut.
        folder: gets `SPLIT-foldN.json`, `.npz` and `SPLIT-summary.json`.
        data: name of the data set.
        judged: places of the windows that are cut into folds; every fold learns from all others, too, but for kin of
            what judges it. None: all.
        only: train only on these folds; others count where they have a result.
        noise: pictures without a call, for augmentation.
        device: where folds are trained.
        report: is told lines of progress.

    Returns:
        The summary.

    Raises:
        UsageError: folds that cannot be made, or results in the folder that belong to something else.
    """
    asked = np.arange(len(part.labels)) if judged is None else judged
    beside = np.setdiff1d(np.arange(len(part.labels)), asked)
    groups = None if group is None else group[asked]
    cut = [
        Fold(np.concatenate([asked[fold.train], beside]), asked[fold.test]).without_kin(part.kin)
        for fold in folds(part.labels[asked], order[asked], count, split, group=groups)
    ]
    if any(not 0 <= number < count for number in only):
        raise UsageError(f"There is no fold {max(only)} of {count}.", f"--only takes numbers from 0 to {count - 1}.")
    surplus = sorted(number for number in fold_files(folder, split) if number >= count)
    if surplus:
        raise UsageError(f"{folder} holds results of more than {count} folds: {split}-fold{surplus[0]}.json.", HINT)
    results = []
    for number, fold in enumerate(cut):
        path = folder / f"{split}-fold{number}.json"
        if only and number not in only and not path.exists():
            continue
        about = {"fold": number, "split": split, "folds": count, "data": data}
        keep = folder / "unfinished" / path.stem
        outcome = run_fold(recipe, part, fold, path, noise=noise, about=about, keep=keep, device=device, report=report)
        if report is not None:
            report(f"{split} fold {number}: AUC {outcome['auc']:.4f} (real numbers {outcome['auc_float']:.4f})")
        results.append(outcome)
    found = {"network": recipe.network, "split": split, "data": data, **summary(results)}
    write_json(folder / f"{split}-summary.json", found)
    return found


def fold_files(folder: Path, split: Split, ending: str = "json") -> dict[int, Path]:
    """The files `SPLIT-foldN.ENDING` of a folder by N, in its order; nothing else that lies there."""
    named = {path: re.fullmatch(rf"{split}-fold(\d+)\.{ending}", path.name) for path in folder.glob("*")}
    return dict(sorted((int(match[1]), path) for path, match in named.items() if match))


def _auc(labels: NDArray[np.uint8], score: NDArray[np.float32]) -> float:
    """AUC; NaN where a part holds one class only or the network gave no number."""
    if labels.min() == labels.max() or not np.isfinite(score).all():
        return float("nan")
    return float(roc_auc_score(labels, score))
