"""The stem: what is done to the features before the first layer.

A constant hum makes one band bright for the whole window; subtracting each band's own level over the window leaves
what *changes*, which is where a call is. The result is an integer within ±255 and exactly what
`edge_daemon.model.network.prepare` computes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from edge_daemon.model.network import Stem


def prepare(features: Tensor, stem: Stem) -> Tensor:
    """Apply the stem.

    Args:
        features: float [N, bands, frames], whole numbers 0…255.
        stem: `none`, `band_mean` (mean rounded half up) or `band_median` (lower median).

    Returns:
        float [N, 1, bands, frames], whole numbers within ±255.
    """
    frames = features.shape[2]
    if stem == "band_mean":
        features = features - torch.floor((features.sum(dim=2, keepdim=True) + frames // 2) / frames)
    elif stem == "band_median":
        # torch.median is the lower median, as the contract has it
        features = features - features.median(dim=2, keepdim=True).values
    return features[:, None]
