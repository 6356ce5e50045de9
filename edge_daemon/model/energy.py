"""What a network costs: operations counted, and an estimate of their energy.

A conventional processor multiplies every weight with every input, whether or not there is anything to say. Hardware
that works on events only adds a weight where a spike arrives. Three counts tell how much there is to do; they follow
NeuroBench (Yik et al., Nature Communications 16, 1545, 2025), with one exception that is marked:

- *multiply-accumulates*: products of a real-valued input and a weight. Only the first layer has them. Its input does
  not change, so it is counted once a window (NeuroBench would repeat it in every time step);
- *accumulates*: a weight added because a spike arrived. A spike of a neuron with 100 synapses is 100 of them.
  *Effective* counts leave out what is multiplied by, or added as, zero;
- *membrane updates*: a neuron's leak and addition in one time step.

Energy is count times cost, with costs of bare arithmetic in a 45 nm process at 0.9 V. Memory traffic, leakage and
everything around the arithmetic come on top and usually outweigh it: the figures compare kinds of arithmetic, they do
not predict a battery's life.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from edge_daemon.model.network import IntegerNetwork, Layer, prepare


@dataclass(frozen=True, slots=True)
class Costs:
    """Energy of single operations in picojoules.

    Attributes:
        name: kind of arithmetic.
        multiply_accumulate_pj: one product, added.
        accumulate_pj: one weight, added.
        membrane_update_pj: one leak, and one addition.

    Source: M. Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014, fig. 1.1.9: integer
    additions of 8 and 32 bits 0.03 and 0.1, multiplications 0.2 and 3.1; float32 addition 0.9, multiplication 3.7.
    """

    name: str
    multiply_accumulate_pj: float
    accumulate_pj: float
    membrane_update_pj: float


FLOAT32 = Costs("float32", multiply_accumulate_pj=3.7 + 0.9, accumulate_pj=0.9, membrane_update_pj=3.7 + 0.9)
"""Arithmetic of most published comparisons of spiking and conventional networks."""
INTEGER = Costs("int8 into int32", multiply_accumulate_pj=0.2 + 0.1, accumulate_pj=0.1, membrane_update_pj=3.1 + 0.1)
"""Products of 8 bits and additions of 32, as in this project's integer networks; the leak multiplies 32 bits."""


@dataclass(frozen=True, slots=True)
class Operations:
    """Counts of operations of N windows, int64 [N] each.

    Attributes:
        multiply_accumulates: of the first layer.
        accumulates: of the other layers.
        membrane_updates: of all layers.
        spikes: of all layers.
        neuron_steps: neurons × time steps: the spikes there could have been.
    """

    multiply_accumulates: NDArray[np.int64]
    accumulates: NDArray[np.int64]
    membrane_updates: NDArray[np.int64]
    spikes: NDArray[np.int64]
    neuron_steps: NDArray[np.int64]

    def energy_pj(self, costs: Costs) -> NDArray[np.float64]:
        """Estimate for each window, picojoules, float64 [N]."""
        energy: NDArray[np.float64] = (
            self.multiply_accumulates * costs.multiply_accumulate_pj
            + self.accumulates * costs.accumulate_pj
            + self.membrane_updates * costs.membrane_update_pj
        )
        return energy

    def activation_sparsity(self) -> NDArray[np.float64]:
        """Share of neuron-steps without a spike, float64 [N]: 1 is silence, 0 a spike of every neuron at every step."""
        return 1.0 - self.spikes / self.neuron_steps

    @property
    def synaptic_operations(self) -> NDArray[np.int64]:
        """Multiply-accumulates and accumulates together, int64 [N]."""
        return self.multiply_accumulates + self.accumulates


def joined(parts: list[Operations]) -> Operations:
    """Counts of several batches, one after the other."""
    fields = Operations.__dataclass_fields__
    return Operations(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in fields})


def products(layer: Layer, shape: tuple[int, int, int]) -> int:
    """Products of one dense pass through a layer's synapses.

    Args:
        layer: the layer.
        shape: (channels, bands, frames) of the input, before the layer's pooling.
    """
    if layer.kind == "dense":
        return layer.weight.size
    _, bands, frames = layer.pooled_shape(shape)
    return prod(grid(layer, (bands, frames))) * layer.weight.size


def grid(layer: Layer, size: tuple[int, int]) -> tuple[int, int]:
    """(bands, frames) of a convolution's result in front of its max-pool, for a pooled input of that size."""
    bands, frames = (
        (n + 2 * p - k) // s + 1
        for n, p, k, s in zip(size, layer.padding, layer.weight.shape[2:], layer.stride, strict=True)
    )
    return bands, frames


def dense_operations(network: IntegerNetwork) -> Operations:
    """What a processor without regard for spikes does for one window: every product of every layer and time step.

    The first layer is computed once, the others in each time step, all as multiply-accumulates, int64 [1].
    """
    shapes = network.shapes()
    first, *deeper = (products(layer, shape) for layer, shape in zip(network.layers, shapes[:-1], strict=True))
    neuron_steps = network.neurons * network.time_steps
    return Operations(
        multiply_accumulates=np.array([first + network.time_steps * sum(deeper)]),
        accumulates=np.zeros(1, np.int64),
        membrane_updates=np.array([neuron_steps]),
        spikes=np.zeros(1, np.int64),
        neuron_steps=np.array([neuron_steps]),
    )


def conventional_operations(network: IntegerNetwork) -> Operations:
    """What a conventional network of the same shape does for one window: every product once, no membranes, int64 [1].

    Where frames are time steps, it goes through all of them: its deeper layers, too, are computed for each frame.
    """
    once = replace(network, time_steps=1) if network.input_mode == "constant" else network
    return replace(dense_operations(once), membrane_updates=np.zeros(1, np.int64))


def first_layer_products(network: IntegerNetwork, features: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Effective multiply-accumulates of the first layer: neither input nor weight is zero, int64 [N].

    Args:
        network: the network.
        features: uint8 [N, bands, frames].
    """
    layer = network.layers[0]
    inputs = prepare(features, network.stem)[:, 0] != 0
    if layer.pool != "none":
        raise ValueError("the first layer pools no spikes, for none arrive")
    if layer.kind == "dense":
        dense: NDArray[np.int64] = inputs.reshape(len(inputs), -1) @ np.count_nonzero(layer.weight, axis=0)
        return dense
    (ph, pw), (sh, sw) = layer.padding, layer.stride
    rows, columns = grid(layer, network.input_shape)
    padded = np.pad(inputs, ((0, 0), (ph, ph), (pw, pw)))
    total = np.zeros(len(features), np.int64)
    for (dy, dx), weights in np.ndenumerate(np.count_nonzero(layer.weight, axis=(0, 1))):
        seen = padded[:, dy : dy + sh * (rows - 1) + 1 : sh, dx : dx + sw * (columns - 1) + 1 : sw]
        total += weights * np.count_nonzero(seen, axis=(1, 2))
    return total
