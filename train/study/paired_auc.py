"""Two networks on the same clips: the difference of their AUCs, and how far chance could have brought it about.

Both networks have judged every clip, so their errors go together, and the difference is known better than either AUC.
The variance over clips is DeLong's (E. DeLong, D. DeLong, D. Clarke-Pearson, Biometrics 44, 837, 1988), by midranks
(X. Sun, W. Xu, IEEE Signal Processing Letters 21, 1389, 2014). Each fold has its own networks, whose margins have units
of their own: AUCs are taken fold by fold, and the mean over folds is compared. Folds share no clip that is judged; that
their networks have learned from much the same clips is in no formula, hence the folds' own differences beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Judged:
    """The clips of one fold under two networks.

    Attributes:
        labels: uint8 [N], 1 = call, both kinds among them.
        first: float32 [N], margins of the first network.
        second: float32 [N], of the second.
    """

    labels: NDArray[np.uint8]
    first: NDArray[np.float32]
    second: NDArray[np.float32]


@dataclass(frozen=True)
class PairedAuc:
    """Mean AUCs over folds, and their difference.

    Attributes:
        first: of the first network.
        second: of the second.
        error: standard error of first − second over clips.
        by_fold: first − second in each fold.
    """

    first: float
    second: float
    error: float
    by_fold: tuple[float, ...]

    @property
    def difference(self) -> float:
        """First minus second."""
        return self.first - self.second

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the difference over clips."""
        reach = NORMAL_95 * self.error
        return self.difference - reach, self.difference + reach

    @property
    def chance(self) -> float:
        """Two-sided p: how often clips alone would bring so great a difference about; 1 where there is none."""
        return erfc(abs(self.difference) / self.error / sqrt(2)) if self.error > 0 else float(self.difference == 0)


def paired_auc(folds: Sequence[Judged]) -> PairedAuc:
    """Compare two networks over folds.

    Args:
        folds: at least one.
    """
    found = [_fold(fold) for fold in folds]
    aucs = np.array([aucs for aucs, _ in found])
    variance = sum(variance for _, variance in found) / len(found) ** 2
    return PairedAuc(
        float(aucs[:, 0].mean()), float(aucs[:, 1].mean()), sqrt(variance), tuple(map(float, aucs[:, 0] - aucs[:, 1]))
    )


def _fold(fold: Judged) -> tuple[tuple[float, float], float]:
    """Both AUCs of a fold, and the variance of their difference."""
    parts = [_components(fold.labels == 1, margins) for margins in (fold.first, fold.second)]
    (first_calls, first_others), (second_calls, second_others) = parts
    calls, others = first_calls - second_calls, first_others - second_others
    variance = float(calls.var(ddof=1)) / len(calls) + float(others.var(ddof=1)) / len(others)
    return (float(first_calls.mean()), float(second_calls.mean())), variance


def _components(call: NDArray[np.bool_], margins: NDArray[np.float32]) -> tuple[NDArray[np.float64], ...]:
    """For each call the share of others below it, for each other the share of calls above it; ties count half."""
    calls, others = margins[call], margins[~call]
    ranks = rankdata(np.concatenate([calls, others]))
    of_calls = (ranks[: len(calls)] - rankdata(calls)) / len(others)
    of_others = 1.0 - (ranks[len(calls) :] - rankdata(others)) / len(calls)
    return of_calls, of_others
