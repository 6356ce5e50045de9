"""From a margin to a probability: a rising line of straight pieces.

A network's margin (how far the call's evidence is ahead, in thresholds) orders windows well but is not a probability.
Calibration on clips that the network never saw gives the curve; it is stored as heights over evenly spaced margins,
a power of two apart. Between them the score is linear, beyond them constant. Only float32 subtraction,
multiplication and addition are used, each rounded as IEEE 754 says, so every machine gives the same bits.
"""

from __future__ import annotations

from math import log2

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator


class Calibration(BaseModel):
    """Score as a function of the margin.

    Attributes:
        method: how the curve was found: `platt` (a logistic curve) or `isotonic`.
        low: margin of the first height; a multiple of the spacing.
        spacing: margin between heights, a power of two.
        heights: scores 0…1, never falling, at least two.
        note: on what it was fitted.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str = Field(description="How the curve was found: platt or isotonic.")
    low: float = Field(description="Margin of the first height.")
    spacing: float = Field(gt=0, description="Margin between heights, a power of two.")
    heights: tuple[float, ...] = Field(min_length=2, max_length=4097, description="Scores, never falling.")
    note: str = Field("", description="On what it was fitted.")

    @model_validator(mode="after")
    def _rises(self) -> Calibration:
        if not log2(self.spacing).is_integer():
            raise ValueError(f"spacing {self.spacing} is not a power of two")
        if not (self.low / self.spacing).is_integer():
            raise ValueError(f"low {self.low} is not a multiple of the spacing {self.spacing}")
        if not all(0.0 <= a <= b <= 1.0 for a, b in zip(self.heights, self.heights[1:], strict=False)):
            raise ValueError("heights must lie within 0…1 and never fall")
        return self

    def tables(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Heights and slopes (per spacing) of the pieces, float32 [pieces] each."""
        heights = np.array(self.heights, np.float32)
        return heights[:-1], heights[1:] - heights[:-1]

    def score(self, margin: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of a call for each margin, float32 [N] from float32 [N]."""
        heights, slopes = self.tables()
        pieces = np.float32(len(heights))
        place = (margin - np.float32(self.low)) * np.float32(1.0 / self.spacing)
        place = np.minimum(np.maximum(place, np.float32(0)), pieces)
        piece = np.minimum(np.floor(place), pieces - np.float32(1))
        index = piece.astype(np.int64)
        score: NDArray[np.float32] = heights[index] + slopes[index] * (place - piece)
        return score


def logistic(slope: float, offset: float, note: str = "") -> Calibration:
    """Curve of Platt's method: 1 / (1 + exp(−(slope · margin + offset))), to within 3·10⁻⁴ between heights.

    Args:
        slope: > 0.
        offset: logit at margin zero.
        note: on what it was fitted.

    Source: J. Platt, Probabilistic outputs for support vector machines, 1999.
    """
    spacing = 2.0 ** np.floor(log2(0.125 / slope))
    # logits of ±16: beyond them float32 scores have no resolution left near 1
    low = float(np.floor((-16.0 - offset) / slope / spacing) * spacing)
    count = int(np.ceil(32.0 / slope / spacing)) + 2
    margins = low + spacing * np.arange(count)
    heights = 1.0 / (1.0 + np.exp(-(slope * margins + offset)))
    return Calibration(
        method="platt", low=low, spacing=float(spacing), heights=tuple(float(np.float32(h)) for h in heights), note=note
    )
