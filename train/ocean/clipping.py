"""Clipping: a sound too loud for the recorder is cut off at full scale and splashes over all frequencies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def clip_share(audio: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Turns each row's gain up until a share of its samples is at full scale, and cuts there.

    Args:
        audio: float64 [N, samples].
        share: 0 … 0.5, share of the samples that are cut.

    Returns:
        float64 [N, samples] within ±1; a silent row stays silent.
    """
    limit = np.quantile(np.abs(audio), 1.0 - share, axis=1, keepdims=True)
    clipped: NDArray[np.float64] = np.clip(audio / np.where(limit > 0, limit, 1.0), -1.0, 1.0)
    return clipped
