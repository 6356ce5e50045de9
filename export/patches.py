"""Where the inputs of a convolution's outputs lie: its patches as rows of a matrix product."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_daemon.model.network import Layer


def patch_places(layer: Layer, shape: tuple[int, int, int]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Places of the inputs of each output of a convolution, before its max-pool, as two parts to be added.

    Args:
        layer: a convolution.
        shape: (channels, bands, frames) that arrive, before pooling.

    Returns:
        int32 each; their broadcast sum has the axes: output within the max-pool (bands, frames), output (bands,
        frames), kernel (bands, frames), and is the place band · frames + frame among the (pooled) inputs with their
        padding around them. Outputs that a max-pool leaves out are not there.
    """
    _, bands_out, frames_out = layer.output_shape(shape)
    width = layer.pooled_shape(shape)[2] + 2 * layer.padding[1]

    def along(axis: int, outputs: int) -> NDArray[np.int32]:
        """Places along one axis, int32 [max-pool, outputs, kernel]."""
        merged = layer.max_pool[axis]
        output = np.arange(merged)[:, None, None] + merged * np.arange(outputs)[None, :, None]
        return (output * layer.stride[axis] + np.arange(layer.weight.shape[2 + axis])).astype(np.int32)

    band, frame = along(0, bands_out) * np.int32(width), along(1, frames_out)
    return band[:, None, :, None, :, None], frame[None, :, None, :, None, :]
