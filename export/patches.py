"""Where the inputs of a convolution's outputs lie: its patches as rows of a matrix product.

A patch is gathered run by run: its inputs in one band, frame by frame with all channels, lie one behind the other in
memory. A run may begin at any frame, but what a graph gathers begins at multiples of its length. So the inputs are laid
down as often as a run has frames, each time cut into runs one frame later.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_daemon.model.network import Layer
from export.nodes import Graph


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


def gathered_patches(graph: Graph, x: str, layer: Layer, shape: tuple[int, int, int]) -> str:
    """Patches of inputs, [outputs of all pictures, kernel (bands, frames, channels)].

    Args:
        graph: takes the nodes.
        x: inputs with their padding, channels last, [pictures, bands, frames, channels].
        layer: a convolution.
        shape: (channels, bands, frames) that arrive, before pooling.
    """
    channels, bands, frames = layer.pooled_shape(shape)
    count = (bands + 2 * layer.padding[0]) * (frames + 2 * layer.padding[1])
    run = layer.weight.shape[3]
    x = graph.shape(x, [-1, count, channels])
    axis, parts, bases = graph.constant(np.array([1], np.int64)), [], [0]
    for first in range(run):
        runs = (count - first) // run
        ends = [graph.constant(np.array([at], np.int64)) for at in (first, first + run * runs)]
        parts.append(graph.shape(graph.node("Slice", [x, *ends, axis]), [-1, runs, run * channels]))
        bases.append(bases[-1] + runs)
    # The places of the runs' begins as two parts are a tenth of the file's size; the runtime computes with them once,
    # when it loads the graph. A begin lies in the part that is cut there, behind the runs of the parts before.
    band, frame = patch_places(layer, shape)
    length = graph.constant(np.array(run, np.int32))
    begin = graph.node("Add", [graph.constant(band), graph.constant(np.ascontiguousarray(frame[..., :1]))])
    base = graph.node("Gather", [graph.constant(np.array(bases, np.int32)), graph.node("Mod", [begin, length])])
    places = graph.shape(graph.node("Add", [graph.node("Div", [begin, length]), base]), [-1])
    patches = graph.node("Gather", [graph.concat(parts, 1), places], axis=1)
    return graph.shape(patches, [-1, layer.weight.shape[2] * run * channels])
