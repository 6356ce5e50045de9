"""Windows that a network learns from or is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_daemon.errors import UsageError
from train.checkpoint import digest

if TYPE_CHECKING:
    from train.data import Dataset


@dataclass(frozen=True)
class Part:
    """Pictures uint8 [N, bands, frames], labels uint8 [N] (1 = call), what each counts float32 [N] (None: the same).

    `kin` int64 [N] says which hold the same sound, as in a data set (None: no two do); `others` bool [N], in which
    windows another whale is heard, and no call (None: nobody says).
    """

    features: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    weights: NDArray[np.float32] | None = None
    kin: NDArray[np.int64] | None = None
    others: NDArray[np.bool_] | None = None

    @cached_property
    def digest(self) -> str:
        """SHA-256 over features, labels and weights, hex."""
        return digest(self.features, self.labels, self.weights)

    @classmethod
    def of(cls, data: Dataset, others: Sequence[str] = ()) -> Part:
        """All windows of a data set with features.

        Args:
            data: the set.
            others: kinds in whose windows another whale is heard, where no call is.

        Raises:
            UsageError: it has no features, or no windows of such a kind.
        """
        if data.features is None:
            raise UsageError(f"{data.name} has no features.", "Prepare it with `python -m train prepare`.")
        heard = None
        if others:
            heard = np.isin(np.array(data.kinds or ("",) * len(data.labels)), others) & (data.labels == 0)
            if not heard.any():
                raise UsageError(
                    f"{data.name} has no windows of the kinds {', '.join(others)}.",
                    "Name kinds of a mixture, or leave the recipe's `others` out.",
                )
        return cls(data.features, data.labels, data.weights, data.kin, heard)

    @classmethod
    def together(cls, parts: Sequence[Part]) -> Part:
        """All windows of several parts, in their order, without kin; where none has weights, each counts the same."""
        weights = [np.ones(len(p.labels), np.float32) if p.weights is None else p.weights for p in parts]
        return cls(
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.labels for part in parts]),
            None if all(part.weights is None for part in parts) else np.concatenate(weights),
        )

    def take(self, index: NDArray[np.int64]) -> Part:
        """The part's windows at those places."""
        weights = None if self.weights is None else self.weights[index]
        kin = None if self.kin is None else self.kin[index]
        others = None if self.others is None else self.others[index]
        return Part(self.features[index], self.labels[index], weights, kin, others)
