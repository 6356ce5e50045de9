"""Margins of two networks on the same held-out clips, from the files that their cross-validations left."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_daemon.errors import UsageError
from train.study.paired_auc import Judged


def read_judged(first: Path, second: Path) -> Judged:
    """One fold of both.

    Args:
        first: `.npz` that `train.crossval.run_fold` left beside the first network's result.
        second: the second network's.

    Raises:
        UsageError: one is missing, or they judged other clips.
    """
    try:
        with np.load(first, allow_pickle=False) as ours, np.load(second, allow_pickle=False) as theirs:
            by_place, theirs_by_place = np.argsort(ours["place"]), np.argsort(theirs["place"])
            same = [np.array_equal(ours[k][by_place], theirs[k][theirs_by_place]) for k in ("place", "label")]
            if all(same):
                return Judged(ours["label"][by_place], ours["margin"][by_place], theirs["margin"][theirs_by_place])
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"Margins cannot be read: {error}", "Make them with `python -m train crossval`.") from error
    raise UsageError(f"{first} and {second} were judged on other clips.", "Cross-validate both on the same folds.")
