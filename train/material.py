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
    def of(cls, part: Part, class_weighting: bool, device: torch.device, outputs: int = 2) -> Self:
        """A part's windows on a device.

        Args:
            part: the windows.
            class_weighting: calls and other windows count the same, however rare one is.
            device: where to.
            outputs: of the network; the third one stands for other whales.
        """
        weights = torch.ones(outputs)
        if class_weighting:
            seen = np.maximum(np.bincount(part.labels, minlength=2), 1)
            weights[:2] = torch.tensor(len(part.labels) / (2 * seen), dtype=torch.float32)
            weights[2:] = weights[0]
        counts = torch.ones(len(part.labels)) if part.weights is None else torch.from_numpy(part.weights)
        labels = part.labels if part.others is None else np.where(part.others, 2, part.labels)
        targets = functional.one_hot(torch.from_numpy(labels.astype(np.int64)), outputs).float()
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
