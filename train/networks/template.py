"""`template`: an explainable baseline that a person could run by eye.

A right whale's up-call rises from about 60–120 Hz to 150–250 Hz in about a second. A handful of small pictures
(rising, falling and level ridges of several slopes, a broadband click) are slid over the window; how well each fits at
best and how well it fits on average, in the low, middle and high bands, are all that a logistic regression sees. Each
of its weights can be read: "rises fast: more like a call; falls: less".

Templates follow the matched-kernel detectors of D. K. Mellinger and C. W. Clark, J. Acoust. Soc. Am. 107 (2000).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_daemon.model.network import Stem
from train.networks.lif import INPUT_UNIT
from train.networks.stem import prepare

REGIONS = 3
"""The bands are cut into this many parts, low to high; a ridge counts where its centre is."""


def ridge(slope: float, bands: int = 15, frames: int = 25, width: float = 1.2) -> Tensor:
    """A ridge through the middle of a patch with darker flanks (second derivative of a Gaussian across it).

    Args:
        slope: bands per frame; positive rises.
        bands: height of the patch.
        frames: width of the patch.
        width: standard deviation of the ridge, bands.

    Returns:
        float [bands, frames], mean 0, norm 1.
    """
    row = torch.arange(bands, dtype=torch.float32)[:, None] - (bands - 1) / 2
    column = torch.arange(frames, dtype=torch.float32)[None] - (frames - 1) / 2
    distance = (row - slope * column) / width
    patch = (1 - distance.square()) * torch.exp(-distance.square() / 2)
    patch = patch * torch.hann_window(frames + 2, periodic=False)[None, 1:-1]
    patch = patch - patch.mean()
    unit: Tensor = patch / patch.norm()
    return unit


def click(bands: int = 15, frames: int = 25) -> Tensor:
    """A broadband click: a vertical line. float [bands, frames], mean 0, norm 1."""
    return ridge(0.0, frames, bands).T.contiguous()


class TemplateNetwork(nn.Module):
    """Best fit of each template in each part of the bands, then a logistic regression.

    Args:
        input_shape: (bands, frames) of the features.
        slopes: slopes of the ridges, bands per frame.
        stem: preparation of the features.
    """

    def __init__(self, input_shape: tuple[int, int], slopes: Sequence[float], stem: Stem) -> None:
        super().__init__()
        self.input_shape, self.stem, self.time_steps = input_shape, stem, 1
        patches = [ridge(slope) for slope in slopes] + [click()]
        self.names = [f"ridge of slope {slope:+g}" for slope in slopes] + ["click"]
        self.register_buffer("templates", torch.stack(patches)[:, None])
        self.templates: Tensor
        self.norm = nn.BatchNorm1d(2 * REGIONS * len(patches), affine=False)
        self.weights = nn.Linear(2 * REGIONS * len(patches), 1)

    def fits(self, features: Tensor) -> Tensor:
        """Best and mean rectified fit of each template per region, float [N, 2 · templates · regions]."""
        fit = functional.conv2d(prepare(features, self.stem) / INPUT_UNIT, self.templates, padding=(7, 12))
        parts = torch.tensor_split(fit, REGIONS, dim=2)
        best = [part.amax(dim=(2, 3)) for part in parts]
        usual = [part.relu().mean(dim=(2, 3)).sqrt() for part in parts]
        return torch.cat(best + usual, dim=1)

    def forward(self, features: Tensor) -> Tensor:
        """Logits float [N, 2] of features float [N, bands, frames], 0…255; noise is the reference, 0."""
        with torch.no_grad():
            fits = self.fits(features)
        call = self.weights(self.norm(fits))
        return torch.cat([torch.zeros_like(call), call], dim=1)


def build(
    input_shape: tuple[int, int],
    *,
    slopes: Sequence[float] = (-0.6, -0.3, 0.0, 0.2, 0.4, 0.6, 0.9),
    stem: Stem = "band_median",
) -> TemplateNetwork:
    """The baseline, untrained; slopes in bands per frame."""
    return TemplateNetwork(input_shape, slopes, stem)
