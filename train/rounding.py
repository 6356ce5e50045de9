"""Rounding that gradients pass straight through (Bengio, Léonard, Courville 2013)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Straight(torch.autograd.Function):
    """Rounding (to nearest, ties to even, or down) whose gradient is that of doing nothing."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, down: bool) -> Tensor:  # noqa: ARG004 (torch's signature)
        return torch.floor(x) if down else torch.round(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ARG004 (torch's signature)
        return gradients[0], None


def round_straight(x: Tensor) -> Tensor:
    """Nearest whole number, straight-through gradient."""
    rounded: Tensor = _Straight.apply(x, False)  # type: ignore[no-untyped-call]
    return rounded


def floor_straight(x: Tensor) -> Tensor:
    """Whole number below, straight-through gradient."""
    rounded: Tensor = _Straight.apply(x, True)  # type: ignore[no-untyped-call]
    return rounded
