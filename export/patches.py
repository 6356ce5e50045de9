"""Where the inputs of a convolution's outputs lie: its patches as rows of a matrix product."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_daemon.network import Layer


def patch_places(layer: Layer, shape: tuple[int, int, int]) -> NDArray[np.int32]:
    """Places of the inputs of each output of a convolution, before its max-pool.

    Args:
        layer: a convolution.
        shape: (channels, bands, frames) that arrive, before pooling.

    Returns:
        int32 [m · bands_out · frames_out, kernel bands · kernel frames]: the place band · frames + frame among the
        (pooled) inputs, or bands · frames for one in the padding. The m outputs that a max-pool merges lie in m runs
        one behind the other; outputs that it leaves out are not there.
    """
    _, bands, frames = layer.pooled_shape(shape)
    _, bands_out, frames_out = layer.output_shape(shape)

    def places(size: int, outputs: int, axis: int) -> NDArray[np.int64]:
        """Along one axis, int64 [max-pool, outputs, kernel]; −1 in the padding."""
        merged, stride = layer.max_pool[axis], layer.stride[axis]
        output = np.arange(merged)[:, None, None] + merged * np.arange(outputs)[None, :, None]
        place = output * stride + np.arange(layer.weight.shape[2 + axis]) - layer.padding[axis]
        return np.where((place >= 0) & (place < size), place, -1)

    # axes: within the max-pool (band, frame), output (band, frame), kernel (band, frame)
    band = places(bands, bands_out, 0)[:, None, :, None, :, None]
    frame = places(frames, frames_out, 1)[None, :, None, :, None, :]
    place = np.where((band < 0) | (frame < 0), bands * frames, band * frames + frame)
    kernel_bands, kernel_frames = layer.weight.shape[2:]
    return place.reshape(-1, kernel_bands * kernel_frames).astype(np.int32)
