"""Windows that a network learns from or is judged by."""

from __future__ import annotations

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
    """Pictures uint8 [N, bands, frames], labels uint8 [N] (1 = call), what each counts float32 [N] (None: the same)."""

    features: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    weights: NDArray[np.float32] | None = None

    @cached_property
    def digest(self) -> str:
        """SHA-256 over features, labels and weights, hex."""
        return digest(self.features, self.labels, self.weights)

    @classmethod
    def of(cls, data: Dataset) -> Part:
        """All windows of a data set with features.

        Raises:
            UsageError: it has none.
        """
        if data.features is None:
            raise UsageError(f"{data.name} has no features.", "Prepare it with `python -m train prepare`.")
        return cls(data.features, data.labels, data.weights)

    def take(self, index: NDArray[np.int64]) -> Part:
        """The part's windows at those places."""
        weights = None if self.weights is None else self.weights[index]
        return Part(self.features[index], self.labels[index], weights)
