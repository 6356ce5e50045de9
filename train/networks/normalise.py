"""Normalisation of currents, so that every layer's neurons work near their threshold.

`batch` is ordinary batch-norm: it can give every channel a bias, which folds into the integer layer's bias. `scale`
divides by the root mean square alone: nothing but a factor, which folds into the weights. Portable networks use it
in every layer after the first, because a constant bias there is not the same thing on every chip.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

MOMENTUM = 0.1
EPSILON = 1e-5


class ScaleNorm(nn.Module):
    """Divide each channel by its root mean square over the batch, then multiply by a learned factor.

    Args:
        channels: channels C of an input [N, C, bands, frames].
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.register_buffer("running_square", torch.ones(channels))
        self.running_square: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Scaled currents, shaped as x."""
        square = self.running_square
        if self.training:
            square = x.square().mean(dim=(0, 2, 3))
            self.running_square.lerp_(square.detach(), MOMENTUM)
        return x * self.factor(square)[None, :, None, None]

    def factor(self, square: Tensor) -> Tensor:
        """Factor of each channel, float [C], for a mean square."""
        return self.weight * torch.rsqrt(square + EPSILON)


def fold(norm: nn.Module | None, channels: int) -> tuple[Tensor, Tensor]:
    """Scale and offset that a trained normalisation amounts to: y = scale·x + offset.

    Args:
        norm: BatchNorm2d, ScaleNorm or None.
        channels: C.

    Returns:
        float [C] each.
    """
    if isinstance(norm, nn.BatchNorm2d):
        mean, variance = norm.running_mean, norm.running_var
        if mean is None or variance is None:
            raise ValueError("a batch-norm without running statistics cannot be folded")
        scale = norm.weight.detach() * torch.rsqrt(variance + norm.eps)
        return scale, norm.bias.detach() - mean * scale
    if isinstance(norm, ScaleNorm):
        return norm.factor(norm.running_square).detach(), torch.zeros(channels)
    return torch.ones(channels), torch.zeros(channels)
