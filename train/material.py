"""Windows to learn from, on the device where a network is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from train.part import Part


@dataclass(frozen=True)
class Material:
    """All windows of a part, and what they count.

    Attributes:
        features: uint8 [N, bands, frames].
        targets: float [N, labels], shares that sum to 1.
        weights: float [labels], what a label counts in the loss.
        counts: float [N], what a window counts.
    """

    features: Tensor
    targets: Tensor
    weights: Tensor
    counts: Tensor

    @classmethod
    def of(cls, part: Part, class_weighting: bool, device: torch.device) -> Self:
        """A part's windows on a device; with `class_weighting` both labels count the same, however rare one is."""
        weights = torch.ones(2)
        if class_weighting:
            seen = np.maximum(np.bincount(part.labels, minlength=2), 1)
            weights = torch.tensor(len(part.labels) / (2 * seen), dtype=torch.float32)
        counts = torch.ones(len(part.labels)) if part.weights is None else torch.from_numpy(part.weights)
        targets = functional.one_hot(torch.from_numpy(part.labels.astype(np.int64)), 2).float()
        features = torch.from_numpy(np.require(part.features, requirements="W"))
        return cls(features.to(device), targets.to(device), weights.to(device), counts.to(device))

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return self.features.device

    def take(self, places: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """Windows float [M, bands, frames], targets and counts of those places."""
        index = torch.from_numpy(places).to(self.device)
        return self.features[index].float(), self.targets[index], self.counts[index]
