"""The band in which a call stood out: from the picture that the network saw to two frequencies.

The network says *that* there is a call, not where in frequency; an analyst wants a box on the spectrogram. In each
band of the window's picture a call is a brief rise over what that band shows most of the time, so a band's *rise* is
a high quantile over the frames minus the median over the frames. Noise makes every band rise a little; the median
rise over the bands is that common part and is taken off. The band with the largest excess and its neighbours, as far
as they keep more than half of it, are the answer. A picture without any excess (flat, or the whole range rising
together, as in a click) gives the whole range.

A heuristic for display, not a measurement: it is honest to a band or two where a call is clear. The order statistics
are taken from integers without interpolation, so that every machine gives the same answer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HIGH_QUANTILE = 0.95
"""Share of frames that lie below the level taken as high; a sweep crosses one band in about a tenth of a window."""


def rise(features: NDArray[np.uint8]) -> NDArray[np.int32]:
    """How far each band rises over its own median for at least a twentieth of the frames.

    Args:
        features: uint8 [bands, frames].

    Returns:
        int32 [bands], 0…255: the 0.95 quantile (next frame below) minus the lower median.
    """
    frames = features.shape[1]
    middle, high = (frames - 1) // 2, int(HIGH_QUANTILE * (frames - 1))
    ordered = np.partition(features, (middle, high), axis=1).astype(np.int32)
    difference: NDArray[np.int32] = ordered[:, high] - ordered[:, middle]
    return difference


def outstanding_band(features: NDArray[np.uint8], edges_hz: NDArray[np.float64]) -> tuple[float, float]:
    """Lower and upper frequency of the bands in which something stood out.

    Args:
        features: uint8 [bands, frames], row 0 the lowest band.
        edges_hz: float64 [bands, 2], lower and upper edge of each band, hertz.

    Returns:
        (low, high) in hertz, low < high; the whole range where no band stands out from the others.
    """
    risen = rise(features)
    excess = risen - np.partition(risen, (len(risen) - 1) // 2)[(len(risen) - 1) // 2]
    best = int(excess.argmax())
    low = high = best
    if excess[best] <= 0:
        low, high = 0, len(excess) - 1
    while low > 0 and 2 * excess[low - 1] > excess[best]:
        low -= 1
    while high < len(excess) - 1 and 2 * excess[high + 1] > excess[best]:
        high += 1
    return float(edges_hz[low, 0]), float(edges_hz[high, 1])
