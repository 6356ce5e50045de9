"""One line on energy, from the spikes that a run counted anyway.

A spike costs one addition for each synapse it reaches. The run keeps spikes by layer, not where in it they fell, so
each is given its layer's mean number of synapses; the first layer is counted in full. `edge_daemon.model.energy` counts
exactly, a window at a time; on 200 windows of a real recording it came to a tenth less.
"""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from edge_daemon.model.energy import INTEGER, Operations, products
from edge_daemon.model.network import IntegerNetwork


def mean_operations(network: IntegerNetwork, layer_spikes: NDArray[np.int64], windows: int) -> Operations:
    """Operations of a mean window, int64 [1], rounded.

    Args:
        network: the network.
        layer_spikes: spikes of each layer over all windows, int64 [layers].
        windows: how many windows, ≥ 1.
    """
    shapes = network.shapes()
    accumulates = 0.0
    for spikes, layer, shape in zip(layer_spikes[:-1], network.layers[1:], shapes[1:-1], strict=True):
        accumulates += float(spikes) / windows * products(layer, shape) / prod(layer.pooled_shape(shape))
    steps = network.neurons * network.time_steps
    return Operations(
        multiply_accumulates=np.array([products(network.layers[0], shapes[0])]),
        accumulates=np.array([round(accumulates)]),
        membrane_updates=np.array([steps]),
        spikes=np.array([round(float(layer_spikes.sum()) / windows)]),
        neuron_steps=np.array([steps]),
    )


def energy_line(network: IntegerNetwork, layer_spikes: NDArray[np.int64] | None, windows: int) -> str:
    """A sentence, or nothing where no spikes were counted."""
    if layer_spikes is None or windows < 1 or len(layer_spikes) != len(network.layers):
        return ""
    mean = mean_operations(network, layer_spikes, windows)
    microjoules = float(mean.energy_pj(INTEGER)[0]) / 1e6
    return (
        f"about {microjoules:.2g} µJ a window for the network's bare integer arithmetic (45 nm, without memory): "
        f"{int(mean.spikes[0]):,} spikes, {1 - float(mean.activation_sparsity()[0]):.1%} of the possible number"
    )
